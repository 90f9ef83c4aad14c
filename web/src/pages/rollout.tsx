// Rules on their way: what those in shadow would have done, and how the cohorts fare.
import { apiPath, useApi } from '../api/client';
import type { Shadow, ShadowRule } from '../api/types';
import { Link, useQuery } from '../router';
import { ago, count, dateTime, money, percent, plain } from '../ui/format';
import { Badge, Card, Command, Empty, Loaded, Name, PageHead, Segmented } from '../ui/parts';
import { Share, Table } from '../ui/table';

const SPANS = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
] as const;

function Rule({ rule, days }: { rule: ShadowRule; days: string }) {
  const most = Math.max(...rule.affected.map((a) => a.calls), 1);
  return (
    <Card
      title={plain(rule.name)}
      flush
      aside={
        <>
          <Badge>{rule.kind}</Badge>
          <Badge tone={rule.mode === 'shadow' ? 'warn' : 'info'}>{rule.mode ?? 'no longer a rule'}</Badge>
          {rule.cohort && <span>cohort {plain(rule.cohort)}</span>}
        </>
      }
    >
      {rule.calls === 0 ? (
        <p class="pad muted">It would have done nothing in the last {days} days.</p>
      ) : (
        <>
          <div class="figures pad">
            {(
              [
                ['Calls it would have stopped', count(rule.calls)],
                ['Their cost', money(rule.cost_nanousd)],
                ['People', count(rule.users)],
                ['Last', ago(rule.last)],
              ] as const
            ).map(([label, value]) => (
              <div key={label} class="stat">
                <span class="stat-label">{label}</span>
                <span class="stat-value small">{value}</span>
              </div>
            ))}
          </div>
          {rule.example && <p class="pad muted">{plain(rule.example)}</p>}
          <Table
            label={`Whom ${plain(rule.name)} would have stopped`}
            rows={rule.affected}
            id={(a) => String(a.user)}
            sortBy="calls"
            limit={10}
            columns={[
              { key: 'user', head: 'Person', cell: (a) => <Name of={a.user} /> },
              { key: 'bar', head: '', grow: true, wide: true, cell: (a) => <Share share={a.calls / most} /> },
              { key: 'calls', head: 'Calls', figure: true, sort: (a) => a.calls, cell: (a) => count(a.calls) },
              { key: 'cost', head: 'Cost', figure: true, sort: (a) => a.cost_nanousd, cell: (a) => money(a.cost_nanousd) },
            ]}
          />
        </>
      )}
    </Card>
  );
}

function Cohorts({ cohorts, days }: { cohorts: Shadow['cohorts']; days: string }) {
  const each = (c: Shadow['cohorts'][number], n: number) => (n && c.cost_nanousd !== null ? c.cost_nanousd / n : null);
  return (
    <Card title="Cohorts" flush note="What keys and headers call a cohort; those without one are everybody else">
      {cohorts.length === 0 ? (
        <Empty title="No calls in this span" />
      ) : (
        <Table
          label="Cohorts"
          rows={cohorts}
          id={(c) => String(c.cohort)}
          sortBy="cost"
          columns={[
            {
              key: 'cohort',
              head: 'Cohort',
              cell: (c) => <Link to={`/explore?by=user,model&since=${days}d&where=${encodeURIComponent(`cohort=${c.cohort ?? ''}`)}`}>{c.cohort === null ? 'everybody else' : <Name of={c.cohort} />}</Link>,
            },
            { key: 'cost', head: 'Cost', figure: true, sort: (c) => c.cost_nanousd, cell: (c) => money(c.cost_nanousd) },
            { key: 'day', head: 'A developer day', figure: true, sort: (c) => each(c, c.active_days), cell: (c) => money(each(c, c.active_days)) },
            { key: 'session', head: 'A session', figure: true, sort: (c) => each(c, c.sessions), cell: (c) => money(each(c, c.sessions)) },
            { key: 'calls', head: 'Calls', figure: true, wide: true, sort: (c) => c.calls, cell: (c) => count(c.calls) },
            { key: 'refused', head: 'Refused', figure: true, wide: true, sort: (c) => c.refused, cell: (c) => count(c.refused) },
            { key: 'cached', head: 'Cached', figure: true, wide: true, cell: (c) => percent(c.cache_hit_ppm === null ? null : c.cache_hit_ppm / 1e6) },
          ]}
        />
      )}
    </Card>
  );
}

export default function Rollout() {
  const [query, setQuery] = useQuery();
  const days = query.get('days') === '7' ? '7' : '30';
  const answer = useApi<Shadow>(apiPath('shadow', { days }));
  return (
    <div class="page">
      <PageHead title="Rollout" lead={answer.data ? `What rules in shadow and in cohorts would have done since ${dateTime(answer.data.since)}.` : 'Rules in shadow and in cohorts.'}>
        <Segmented label="Span" options={SPANS} value={days} onChange={(d) => setQuery({ days: d === '30' ? null : d })} />
      </PageHead>
      <Loaded of={answer} height={400}>
        {(shadow) => (
          <div class="page">
            {!shadow.complete && <p class="notice">There are more rows than were looked at: the figures are those of a part.</p>}
            {shadow.rules.length === 0 ? (
              <Card>
                <Empty title="No rule is in shadow or in a cohort" icon="rollout">
                  <p>A new limit goes live in steps: first it only says what it would do, then it holds for some, then for all. In the settings file:</p>
                  <Command text={'budgets: [{name: dev-day, each: user, window: day, limit: 25 USD, mode: shadow}]'} />
                </Empty>
              </Card>
            ) : (
              shadow.rules.map((r) => <Rule key={`${r.kind} ${r.name}`} rule={r} days={days} />)
            )}
            <Cohorts cohorts={shadow.cohorts} days={days} />
          </div>
        )}
      </Loaded>
    </div>
  );
}
