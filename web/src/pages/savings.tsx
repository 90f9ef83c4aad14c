// What could be saved in a month, the greatest first: the evidence, how it was estimated, how sure that is, and what does it.
import { apiPath, useApi } from '../api/client';
import type { Known } from '../api/types';
import { Link, useQuery } from '../router';
import { count, dateTime, money, nameOf, percent, plain } from '../ui/format';
import { Badge, Card, Command, Copy, Empty, Loaded, Name, PageHead, Segmented, type Tone } from '../ui/parts';
import { Share, Table } from '../ui/table';

interface Saving {
  kind: string;
  title: string;
  month_nanousd: number;
  window_nanousd: number;
  confidence: 'high' | 'medium' | 'low';
  estimate: string;
  calls: number;
  sessions: number;
  where: { dimension: string; value: string | null; instead: string | null; window_nanousd: number }[];
  session: string | null;
  command: string | null;
  settings: string | null;
  does: string | null;
}

interface Savings {
  since: string;
  until: string;
  days: number;
  cost_nanousd: Known;
  month_nanousd: number;
  savings: Saving[];
  missing: string[];
}

const SPANS = [
  { value: '7d', label: '7 days' },
  { value: '30d', label: '30 days' },
] as const;

const sentence = (text: string): string => plain(text).replace(/^\p{Ll}/u, (c) => c.toUpperCase());

const SURE: Record<Saving['confidence'], Tone> = { high: 'good', medium: 'info', low: 'quiet' };

function One({ saving, most, since }: { saving: Saving; most: number; since: string }) {
  const largest = Math.max(...saving.where.map((w) => w.window_nanousd), 1);
  return (
    <Card
      title={sentence(saving.title)}
      aside={
        <>
          <Badge tone={SURE[saving.confidence] ?? 'quiet'}>{saving.confidence === 'high' ? 'sure' : saving.confidence === 'medium' ? 'likely' : 'a guess'}</Badge>
          <span>
            {count(saving.calls)} calls{saving.sessions ? `, ${count(saving.sessions)} sessions` : ''}
          </span>
        </>
      }
    >
      <div class="saving">
        <div class="stack">
          <p>
            <span class="stat-value">{money(saving.month_nanousd)}</span> <span class="muted">a month</span>
          </p>
          <Share share={saving.month_nanousd / most} />
          <p class="muted">{sentence(saving.estimate)}.</p>
          {saving.session && (
            <p>
              <Link to={`/sessions/${encodeURIComponent(saving.session)}`}>The session with most of it</Link>
            </p>
          )}
        </div>
        <div class="stack">
          {saving.where.length > 0 && (
            <div class="bleed-top">
              <Table
                label={`Where ${plain(saving.title)} are`}
                rows={saving.where}
                id={(w) => `${w.dimension} ${w.value}`}
                columns={[
                  {
                    key: 'value',
                    head: 'Where',
                    cell: (w) => (
                      <>
                        <span class="muted">{w.dimension.replace('_', ' ')}</span>{' '}
                        <Link to={`/explore?by=user,model&since=${since}&where=${encodeURIComponent(`${w.dimension}=${w.value ?? ''}`)}`}>
                          <Name of={w.value} />
                        </Link>
                        {w.instead && <span class="muted"> → {nameOf(w.instead)}</span>}
                      </>
                    ),
                  },
                  { key: 'bar', head: '', grow: true, wide: true, cell: (w) => <Share share={w.window_nanousd / largest} /> },
                  { key: 'sum', head: 'In this span', figure: true, cell: (w) => money(w.window_nanousd) },
                ]}
              />
            </div>
          )}
          {saving.does && <p>{sentence(saving.does)}.</p>}
          {saving.command && <Command text={saving.command} />}
          {saving.settings && (
            <div class="command tall">
              <code tabIndex={0}>{saving.settings}</code>
              <Copy text={saving.settings} />
            </div>
          )}
        </div>
      </div>
    </Card>
  );
}

export default function SavingsPage() {
  const [query, setQuery] = useQuery();
  const since = query.get('since') === '7d' ? '7d' : '30d';
  const answer = useApi<Savings>(apiPath('savings', { since }));
  return (
    <div class="page">
      <PageHead title="Savings" lead="Ranked fixes in dollars a month, each with its evidence and what does it. No money is counted twice.">
        <Segmented label="Span" options={SPANS} value={since} onChange={(s) => setQuery({ since: s === '30d' ? null : s })} />
      </PageHead>
      <Loaded of={answer} height={500}>
        {(s) => (
          <div class="page">
            {s.savings.length === 0 ? (
              <Card>
                <Empty title="Nothing stands out that could be saved" icon="check">
                  <p>
                    {money(s.cost_nanousd)} were spent since {dateTime(s.since)}.
                  </p>
                </Empty>
              </Card>
            ) : (
              <>
                <div class="headline good">
                  <div>
                    <strong>{money(s.month_nanousd)} a month could be saved</strong>
                    <p>
                      {percent(s.cost_nanousd ? ((s.month_nanousd / 30) * Math.max(1, s.days)) / s.cost_nanousd : null)} of what was spent from {dateTime(s.since)} to {dateTime(s.until)} ({money(s.cost_nanousd)} in {count(s.days)} days)
                    </p>
                  </div>
                </div>
                {s.savings.map((one, i) => (
                  <One key={`${one.kind} ${i}`} saving={one} most={s.savings[0]?.month_nanousd ?? 1} since={since} />
                ))}
              </>
            )}
            {s.missing.length > 0 && (
              <Card title="What could not be looked at">
                <ul class="stack tight muted">
                  {s.missing.map((m) => (
                    <li key={m}>{plain(m)}</li>
                  ))}
                </ul>
              </Card>
            )}
          </div>
        )}
      </Loaded>
      <Command text={`weir savings --since ${since}`} />
    </div>
  );
}
