// Why spend rose: what carries it, what changed as a waterfall, since when, what stands near that moment, and what stops it.
import { useMemo, useState } from 'preact/hooks';
import { apiPath, send, useApi } from '../api/client';
import type { Cause, Factor, Said, Triage, TriageSession } from '../api/triage';
import { mayMake, useMe } from '../app';
import { Link, useQuery } from '../router';
import { Chart, type Colours, tooltip, tooltipBox } from '../ui/chart';
import { AlertList } from '../ui/alerts';
import { Anomalies } from '../ui/anomalies';
import { Dialog } from '../ui/dialog';
import { clock, compact, count, dateTime, money, moneyShort, nameOf, percent, plain } from '../ui/format';
import { Icon } from '../ui/icons';
import { Badge, Card, Command, Empty, Loaded, Name, PageHead, Segmented } from '../ui/parts';
import { axes } from '../ui/stack';
import { Share, Table } from '../ui/table';
import { shellWord } from '../ui/shell';

const WINDOWS = [
  { value: 'found', label: 'The last unusual hours' },
  { value: 'today', label: 'Today' },
  { value: 'yesterday', label: 'Since yesterday' },
  { value: '7d', label: '7 days' },
] as const;

const saidText = (said: Said[]): string => said.map((s) => `${s.dimension.replace('_', ' ')} ${nameOf(s.value)}`).join(', ');
const causeText = (cause: Cause | undefined): string => (cause?.what.length ? saidText(cause.what) : 'all of it, alike');
const signed = (nano: number): string => `${nano < 0 ? '−' : '+'}${money(Math.abs(nano))}`;

/** From usual to now: each factor's part of the rise on top of those before it. */
function Waterfall({ factors, usual, now }: { factors: Factor[]; usual: number; now: number }) {
  const shown = useMemo(() => factors.filter((f) => f.rise_nanousd !== 0), [factors]);
  const steps = useMemo(() => {
    let at = usual;
    const list = [{ name: 'usual', from: 0, to: usual, whole: true }];
    for (const f of shown) {
      list.push({ name: f.what, from: at, to: at + f.rise_nanousd, whole: false });
      at += f.rise_nanousd;
    }
    return [...list, { name: 'now', from: 0, to: now, whole: true }];
  }, [shown, usual, now]);
  const option = useMemo(
    () => (c: Colours) => {
      const frame = axes(c, steps.map((s) => s.name), moneyShort);
      return {
        grid: { ...frame.grid, right: 64 },
        xAxis: frame.yAxis,
        yAxis: { ...frame.xAxis, inverse: true, axisLabel: { ...frame.xAxis.axisLabel, interval: 0, hideOverlap: false } },
        tooltip: {
          ...tooltip(c),
          trigger: 'axis',
          axisPointer: { type: 'shadow', shadowStyle: { color: c.muted, opacity: 0.08 } },
          formatter: (points: { dataIndex: number }[]) => {
            const at = points[0]?.dataIndex ?? 0;
            const step = steps[at];
            const factor = shown[at - 1];
            if (!step) return tooltipBox('', []);
            return tooltipBox(step.name, [{ name: step.whole ? 'spend' : 'part of the rise', value: step.whole ? money(step.to) : signed(step.to - step.from) }], factor && factor.before !== null && factor.after !== null ? `from ${compact(factor.before)} to ${compact(factor.after)}` : undefined);
          },
        },
        series: [
          { type: 'bar', stack: 'w', silent: true, itemStyle: { color: 'transparent' }, data: steps.map((s) => Math.min(s.from, s.to)), barCategoryGap: '24%' },
          {
            type: 'bar',
            stack: 'w',
            name: 'part',
            data: steps.map((s) => ({ value: Math.abs(s.to - s.from), itemStyle: { color: s.whole ? c.series[9] : s.to >= s.from ? c.series[4] : c.series[1], borderRadius: 3 } })),
            label: { show: true, position: 'right', color: c.text, fontSize: 11.5, formatter: (p: { dataIndex: number }) => (steps[p.dataIndex]?.whole ? moneyShort(steps[p.dataIndex]?.to) : signed((steps[p.dataIndex]?.to ?? 0) - (steps[p.dataIndex]?.from ?? 0))) },
          },
        ],
      };
    },
    [steps, shown],
  );
  const table = useMemo(() => ({ head: ['', 'Part', 'Until there'], rows: steps.map((s) => [s.name, s.whole ? money(s.to) : signed(s.to - s.from), money(s.to)]) }), [steps]);
  return <Chart option={option} height={48 + steps.length * 27} label="From what is usual to what was spent, by what changed" table={table} />;
}

function When({ triage }: { triage: Triage }) {
  const { timeline, first } = triage;
  const labels = useMemo(() => timeline.map((p) => (triage.step_s >= 86400 ? dateTime(p.time).split(',')[0] : dateTime(p.time)) ?? ''), [timeline, triage.step_s]);
  const at = first ? Math.max(0, timeline.findIndex((p, i) => Date.parse(p.time) <= Date.parse(first) && Date.parse(timeline[i + 1]?.time ?? '9999') > Date.parse(first))) : -1;
  const option = useMemo(
    () => (c: Colours) => ({
      ...axes(c, labels, moneyShort),
      tooltip: {
        ...tooltip(c),
        trigger: 'axis',
        formatter: (points: { dataIndex: number }[]) => {
          const p = timeline[points[0]?.dataIndex ?? 0];
          return tooltipBox(p ? dateTime(p.time) : '', [
            { colour: c.series[4], name: 'spent', value: money(p?.cost_nanousd) },
            { colour: c.series[9], name: 'usual', value: money(p?.usual_nanousd) },
          ]);
        },
      },
      series: [
        { name: 'usual', type: 'line', step: 'middle', symbol: 'none', color: c.series[9], lineStyle: { type: 'dashed', width: 1.5 }, data: timeline.map((p) => p.usual_nanousd) },
        {
          name: 'spent',
          type: 'line',
          step: 'middle',
          symbol: 'none',
          color: c.series[4],
          areaStyle: { opacity: 0.14 },
          data: timeline.map((p) => p.cost_nanousd),
          markLine: at >= 0 ? { silent: true, symbol: 'none', label: { formatter: 'first', color: c.bad, fontSize: 11.5 }, lineStyle: { color: c.bad, type: 'dashed' }, data: [{ xAxis: at }] } : undefined,
        },
      ],
    }),
    [timeline, labels, at],
  );
  const table = useMemo(() => ({ head: ['Time', 'Spent', 'Usual'], rows: timeline.map((p) => [dateTime(p.time), money(p.cost_nanousd), money(p.usual_nanousd)]) }), [timeline]);
  if (timeline.length === 0) return <Empty title="There is no moment at which it began" />;
  return <Chart option={option} height={250} label="What the first cause spent, against what is usual" table={table} />;
}

interface Action {
  title: string;
  lead: string;
  path: string;
  body: Record<string, unknown>;
}

/** The freeze that an offered command is, when its value is one that the answer names. */
function freezeOf(command: string, triage: Triage): { scope: string; value: string } | undefined {
  if (!command.startsWith('weir freeze ')) return undefined;
  const named = [...triage.causes.flatMap((c) => [...c.what, ...c.same]), ...triage.sessions.flatMap((s) => [{ dimension: 'key', value: s.key_id }, { dimension: 'user', value: s.user }, { dimension: 'team', value: s.team }])];
  for (const { dimension, value } of named) {
    const scope = dimension === 'key_id' ? 'key' : dimension;
    if (value && ['user', 'key', 'team', 'provider'].includes(scope) && command.includes(`--${scope}=${value}`)) return { scope, value };
  }
  return undefined;
}

function Contain({ triage, onAct }: { triage: Triage; onAct: (a: Action) => void }) {
  const me = useMe();
  const rest = triage.contain.filter((c) => !c.command?.startsWith('weir session pause'));
  if (!triage.contain.length) return <Empty title="Nothing to stop: no command would stop this alone" icon="check" />;
  return (
    <div class="stack">
      {rest.map((c) => {
        const freeze = c.command ? freezeOf(c.command, triage) : undefined;
        return (
          <div key={c.command ?? c.settings} class="stack tight">
            <div class="spread">
              <p>{c.does}</p>
              {freeze && mayMake(me) && (
                <button
                  type="button"
                  class="button small danger"
                  onClick={() => onAct({ title: `Freeze the ${freeze.scope} ${plain(freeze.value)}`, lead: 'Running calls are cut and new ones are refused, until it is lifted under Set-up.', path: 'freeze', body: { [freeze.scope]: freeze.value } })}
                >
                  Freeze
                </button>
              )}
            </div>
            <Command text={c.command ?? c.settings ?? ''} />
          </div>
        );
      })}
      {rest.length === 0 && <p class="muted">The sessions below can be paused.</p>}
    </div>
  );
}

function Sessions({ sessions, onAct }: { sessions: TriageSession[]; onAct: (a: Action) => void }) {
  const me = useMe();
  if (!sessions.length) return <Empty title="No session stands out" />;
  return (
    <Table
      label="The dearest sessions of the first cause"
      rows={sessions}
      id={(s) => s.session}
      columns={[
        {
          key: 'session',
          head: 'Session',
          cell: (s) => (
            <Link to={`/sessions/${encodeURIComponent(s.session)}`} class="mono">
              {plain(s.session).slice(0, 8)}
            </Link>
          ),
        },
        { key: 'user', head: 'Person', cell: (s) => <Name of={s.user} /> },
        { key: 'agent', head: 'Agent', wide: true, cell: (s) => <Name of={s.agent} /> },
        { key: 'repo', head: 'Repository', wide: true, cell: (s) => <Name of={s.repo} /> },
        { key: 'calls', head: 'Calls', figure: true, wide: true, cell: (s) => count(s.calls) },
        { key: 'context', head: 'Context', figure: true, wide: true, cell: (s) => `${compact(s.first_context_tokens)} → ${compact(s.last_context_tokens)}` },
        { key: 'cache', head: 'Cached', figure: true, wide: true, cell: (s) => percent(s.cache_hit_ratio) },
        { key: 'evidence', head: 'Evidence', wide: true, cell: (s) => (s.evidence ? <span class="evidence">{plain(s.evidence)}</span> : s.retries ? `${count(s.retries)} retries` : <span class="muted">–</span>) },
        { key: 'cost', head: 'Cost', figure: true, cell: (s) => money(s.cost_nanousd) },
        {
          key: 'act',
          head: '',
          cell: (s) =>
            mayMake(me) ? (
              <button
                type="button"
                class="button small"
                aria-label={`Pause session ${plain(s.session)}`}
                onClick={() => onAct({ title: `Pause session ${plain(s.session).slice(0, 8)}`, lead: 'Its next calls are refused until somebody resumes it.', path: `sessions/${encodeURIComponent(s.session)}/pause`, body: {} })}
              >
                Pause
              </button>
            ) : null,
        },
      ]}
    />
  );
}

const NEAR: Record<string, { label: string; tone: 'info' | 'warn' | 'quiet' }> = { new: { label: 'new', tone: 'info' }, change: { label: 'change', tone: 'quiet' }, storm: { label: 'loop', tone: 'warn' } };

function Body({ triage }: { triage: Triage }) {
  const [action, setAction] = useState<Action>();
  const rose = triage.rise_nanousd > 0;
  const first = triage.causes[0];
  const quiet = triage.window.unusual === false;
  return (
    <div class="page">
      <div class={`headline ${quiet || !rose ? 'good' : triage.times !== null && triage.times < 1.5 ? 'warn' : 'bad'}`} role="status">
        <span class="headline-icon">
          <Icon name={quiet || !rose ? 'check' : 'incidents'} />
        </span>
        <div>
          <strong>
            {quiet
              ? 'No hour of the last two days is unusual; this is the last day'
              : rose
                ? `${money(triage.rise_nanousd)} above what is usual${triage.times !== null ? `, ${triage.times.toFixed(1)} times of it` : ''}`
                : 'Not above what is usual'}
          </strong>
          <p>
            {money(triage.cost_nanousd)} from {dateTime(triage.window.since)} to {dateTime(triage.window.until)}; usual are {money(triage.usual_nanousd)}.
            {rose && first ? ` ${percent(first.share)} of the rise: ${causeText(first)}${first.same.length ? ` (the same calls: ${saidText(first.same)})` : ''}.` : ''}
            {triage.unpriced > 0 ? ` ${count(triage.unpriced)} calls have no price and are not in it.` : ''}
          </p>
        </div>
      </div>
      <div class="grid">
        <Card title="What changed" class="w7 has-chart" note="Each part of the rise, which are together exactly the rise">
          <Waterfall factors={triage.factors} usual={triage.usual_nanousd} now={triage.cost_nanousd} />
        </Card>
        <Card title="What carries it" class="w5" flush>
          {triage.causes.length === 0 ? (
            <Empty title="Nothing carries a rise" icon="check" />
          ) : (
            <Table
              label="What carries the rise"
              rows={triage.causes}
              id={(c) => saidText(c.what)}
              columns={[
                {
                  key: 'what',
                  head: 'Calls with',
                  cell: (c) => (
                    <span class="cause">
                      {c.what.length ? (
                        <Link to={`/explore?by=user,model&since=${triage.window.since.slice(0, 19)}Z&until=${triage.window.until.slice(0, 19)}Z${c.what.map((s) => `&where=${encodeURIComponent(`${s.dimension}=${s.value ?? ''}`)}`).join('')}`}>{causeText(c)}</Link>
                      ) : (
                        causeText(c)
                      )}{' '}
                      {c.new && <Badge tone="info">new</Badge>}
                    </span>
                  ),
                },
                { key: 'rise', head: 'Rise', figure: true, sort: (c) => c.rise_nanousd, cell: (c) => signed(c.rise_nanousd) },
                { key: 'share', head: 'Share', figure: true, cell: (c) => percent(c.share) },
                { key: 'bar', head: '', wide: true, cell: (c) => <Share share={c.share} /> },
              ]}
            />
          )}
        </Card>
        <Card title="Since when" class="w7 has-chart" note={triage.first ? `First at ${dateTime(triage.first)}` : undefined}>
          <When triage={triage} />
        </Card>
        <Card title="Near that moment" class="w5" flush>
          {triage.near.length === 0 ? (
            <Empty title="Nothing new, no change and no loop near it" />
          ) : (
            <Table
              label="What stands near that moment"
              rows={triage.near}
              id={(n, i) => `${n.time} ${i}`}
              limit={8}
              columns={[
                { key: 'time', head: 'Time', cell: (n) => clock(n.time) },
                { key: 'kind', head: '', cell: (n) => <Badge tone={NEAR[n.kind]?.tone ?? 'quiet'}>{NEAR[n.kind]?.label ?? plain(n.kind)}</Badge> },
                { key: 'what', head: 'What', cell: (n) => <span class="evidence">{`${n.dimension ? `${n.dimension.replace('_', ' ')} ` : ''}${plain(n.text ?? '')}${n.who ? `, ${plain(n.who)}` : ''}`}</span> },
              ]}
            />
          )}
        </Card>
        <Card title="What stops it" note="The narrowest first">
          <Contain triage={triage} onAct={setAction} />
        </Card>
        <Card title="Its dearest sessions" flush>
          <Sessions sessions={triage.sessions} onAct={setAction} />
        </Card>
      </div>
      {action && (
        <Dialog
          title={action.title}
          lead={action.lead}
          action={action.title.split(' ')[0] ?? 'Do it'}
          danger
          onClose={() => setAction(undefined)}
          run={async (form) => {
            const reason = String(form.get('reason') ?? '').trim();
            await send('POST', apiPath(action.path), { ...action.body, ...(reason ? { reason } : {}) });
            return 'Done: it stands in the record of changes';
          }}
        >
          <label class="field">
            <span class="field-label">Why</span>
            <input type="text" name="reason" maxLength={200} defaultValue="spend rose" />
          </label>
        </Dialog>
      )}
    </div>
  );
}

export default function Incidents() {
  const [query, setQuery] = useQuery();
  const since = query.get('since');
  const until = query.get('until');
  const answer = useApi<Triage>(apiPath('triage', { since, until, where: query.getAll('where') }));
  const command = ['weir triage', since && `--since ${since}`, until && `--until ${until}`, ...query.getAll('where').map((w) => `--where ${shellWord(w)}`)].filter(Boolean).join(' ');
  return (
    <div class="page">
      <PageHead title="Incidents" lead="What needs somebody, and why spend rose." />
      <AlertList />
      <Anomalies onPick={(from, to, where) => setQuery({ since: from, until: to, where })} />
      <div class="spread wrap">
        <h2 class="section">Why spend rose</h2>
        <Segmented label="Window" options={WINDOWS} value={(since ?? 'found') as 'found'} onChange={(w) => setQuery({ since: w === 'found' ? null : w, until: null, where: null })} />
      </div>
      {query.getAll('where').length > 0 && (
        <p class="row muted">
          Only calls with {query.getAll('where').map(plain).join(', ')}
          <button type="button" class="button small" onClick={() => setQuery({ where: null })}>
            All calls
          </button>
        </p>
      )}
      <Loaded of={answer} height={600}>
        {(triage) => <Body triage={triage} />}
      </Loaded>
      <Command text={command} />
    </div>
  );
}
