// The first screen: are we within budget, who and what is burning, is anything out of control?
import { useMemo, useState } from 'preact/hooks';
import { apiPath, useApi } from '../api/client';
import type { Budget, Report, Session } from '../api/types';
import { useMe } from '../app';
import { Link } from '../router';
import { Command, Empty, Loaded, Meter, Name, PageHead, Card, Segmented, Skeleton, type Tone } from '../ui/parts';
import { amount, amountNano, amountNumber, change, compact, count, money, moneyShort, nameOf, percent } from '../ui/format';
import { Icon } from '../ui/icons';
import { dayOf, figure, overTime, shiftDay, weekStart } from '../ui/series';
import { Spark } from '../ui/spark';
import { Stack } from '../ui/stack';
import { Table } from '../ui/table';

const LIVE_S = 15;
const COST = 'cost_nanousd';

/** A counter of a budget with what it has used of its limit. */
export interface Used {
  budget: Budget;
  label: string | null;
  settled: string;
  limit: string;
  share: number;
  held: number;
}

export function usedOf(budgets: Budget[]): Used[] {
  return budgets
    .flatMap((budget) =>
      budget.counters.map((c) => {
        const limit = (amountNumber(budget.limit) ?? 0) + (amountNumber(c.lifted) ?? 0);
        const settled = amountNumber(c.settled) ?? 0;
        return { budget, label: c.for, settled: c.settled, limit: budget.limit, share: limit > 0 ? settled / limit : 0, held: limit > 0 ? (amountNumber(c.held) ?? 0) / limit : 0 };
      }),
    )
    .sort((a, b) => b.share - a.share);
}

export const toneOf = (share: number): Tone => (share >= 1 ? 'bad' : share >= 0.8 ? 'warn' : 'good');

function sumDays(report: Report, from: string, to: string): number {
  return report.rows.reduce((sum, r) => (String(r.bucket) >= from && String(r.bucket) <= to ? sum + figure(r, COST) : sum), 0);
}

const Delta = ({ now, before, than }: { now: number; before: number; than: string }) => {
  const text = change(now, before);
  if (!text) return <span class="delta">Nothing {than} to compare with</span>;
  return (
    <span class={`delta ${now > before * 1.05 ? 'up' : now < before * 0.95 ? 'down' : ''}`}>
      {text} <span class="muted">against {than}</span>
    </span>
  );
};

/** What was spent in a window, against the window before and the budget of the whole organisation, where there is one. */
function Burn({ title, now, before, than, values, budget }: { title: string; now: number; before: number; than: string; values: number[]; budget: Budget | undefined }) {
  const limit = budget && amountNano(budget.limit);
  return (
    <Card class="w4 burn">
      <div class="stat">
        <span class="stat-label">{title}</span>
        <div class="stat-row">
          <span class="stat-value">{money(now)}</span>
          <Spark values={values} width={110} height={34} label={`${title}: how it went`} />
        </div>
        <span class="stat-more">
          <Delta now={now} before={before} than={than} />
        </span>
        <div class="burn-budget">
          {budget && limit ? (
            <>
              <Meter share={now / limit} tone={toneOf(now / limit)} label={`${percent(now / limit)} of ${amount(budget.limit)}`} />
              <span class="stat-more">
                {percent(now / limit)} of {amount(budget.limit)} · <Link to={`/budgets?name=${encodeURIComponent(budget.name)}`}>{nameOf(budget.name)}</Link>
              </span>
            </>
          ) : (
            <span class="stat-more">No budget for everybody in this window</span>
          )}
        </div>
      </div>
    </Card>
  );
}

function Headline({ budgets, sessions, hour }: { budgets: Budget[] | undefined; sessions: Session[] | undefined; hour: Report | undefined }) {
  if (!budgets || !sessions || !hour) return <Skeleton height={66} />;
  const used = usedOf(budgets);
  const over = used.filter((u) => u.share >= 1);
  const near = used.filter((u) => u.share >= 0.8 && u.share < 1);
  const paused = sessions.filter((s) => s.state === 'paused');
  const tone = over.length ? 'bad' : near.length || paused.length ? 'warn' : 'good';
  const title = over.length
    ? `${over.length === 1 ? 'A budget is' : `${over.length} budgets are`} used up`
    : near.length
      ? `Within budget, ${near.length === 1 ? 'one is' : `${near.length} are`} close to the limit`
      : budgets.length
        ? 'Within budget'
        : 'Spending without a budget';
  const worst = over[0] ?? near[0];
  return (
    <div class={`headline ${tone}`} role="status">
      <span class="headline-icon">
        <Icon name={tone === 'good' ? 'check' : 'incidents'} />
      </span>
      <div>
        <strong>{title}</strong>
        <p>
          {worst ? `${nameOf(worst.budget.name)}${worst.label ? `, ${nameOf(worst.label)}` : ''}: ${percent(worst.share)} of ${amount(worst.limit)}. ` : ''}
          {money(hour.total[COST] ?? 0)} in the last hour, {count(hour.total.calls ?? 0)} calls.{' '}
          {paused.length ? `${paused.length === 1 ? 'One session is' : `${paused.length} sessions are`} paused and wait for somebody.` : 'No session is held.'}
        </p>
      </div>
      <div class="headline-links">
        {paused.length > 0 && (
          <Link to="/sessions?state=paused" class="button">
            Look at them
          </Link>
        )}
      </div>
    </div>
  );
}

const MOVERS = [
  { value: 'team', label: 'Teams' },
  { value: 'user', label: 'People' },
  { value: 'repo', label: 'Repositories' },
  { value: 'model', label: 'Models' },
] as const;

type Mover = (typeof MOVERS)[number]['value'];

function Movers() {
  const [by, setBy] = useState<Mover>('user');
  const today = useToday();
  const answer = useApi<Report>(apiPath('report', { by, per: 'day', since: '14d', measures: `${COST},calls` }), LIVE_S * 4);
  return (
    <Card title="Top movers" flush class="w6" aside={<Segmented label="Top movers by" options={MOVERS} value={by} onChange={setBy} />} note="The last seven days against the seven before">
      <Loaded of={answer} height={260}>
        {(report) => {
          const groups = new Map<string, { key: string | null; now: number; before: number }>();
          const from = shiftDay(today, -6);
          const dimension = report.by[0] ?? by;
          for (const row of report.rows) {
            const key = (row[dimension] as string | null) ?? null;
            const group = groups.get(String(key)) ?? { key, now: 0, before: 0 };
            if (String(row.bucket) >= from) group.now += figure(row, COST);
            else group.before += figure(row, COST);
            groups.set(String(key), group);
          }
          const rows = [...groups.values()].filter((g) => g.now || g.before);
          if (!rows.length) return <Empty title="Nothing was spent in these two weeks" />;
          rows.sort((a, b) => Math.abs(b.now - b.before) - Math.abs(a.now - a.before));
          return (
            <Table
              label={`Top movers by ${by}`}
              id={(r) => String(r.key)}
              rows={rows.slice(0, 7)}
              columns={[
                {
                  key: 'name',
                  head: MOVERS.find((m) => m.value === dimension)?.label ?? '',
                  cell: (r) => (
                    <Link to={`/explore?by=${dimension}&since=14d&where=${encodeURIComponent(`${dimension}=${r.key ?? ''}`)}`}>
                      <Name of={r.key} />
                    </Link>
                  ),
                },
                { key: 'before', head: 'Before', figure: true, wide: true, cell: (r) => money(r.before), sort: (r) => r.before },
                { key: 'now', head: '7 days', figure: true, cell: (r) => money(r.now), sort: (r) => r.now },
                {
                  key: 'change',
                  head: 'Change',
                  figure: true,
                  sort: (r) => r.now - r.before,
                  cell: (r) => (
                    <span class={`delta ${r.now > r.before ? 'up' : 'down'}`}>
                      {r.now >= r.before ? '+' : '−'}
                      {money(Math.abs(r.now - r.before))}
                    </span>
                  ),
                },
              ]}
            />
          );
        }}
      </Loaded>
    </Card>
  );
}

function BudgetList({ budgets }: { budgets: ReturnType<typeof useApi<{ budgets: Budget[] }>> }) {
  return (
    <Card title="Budgets" flush class="w6" aside={<Link to="/budgets">All budgets</Link>} note="Those that are used the most">
      <Loaded of={budgets} height={260}>
        {({ budgets: list }) => {
          const used = usedOf(list).slice(0, 7);
          if (!used.length)
            return (
              <Empty title="There is no budget yet" icon="budgets">
                <p>A budget is checked before each call, so that it is never passed. A first one, in the settings file:</p>
                <Command text={'budgets: [{name: dev-day, each: user, window: day, limit: 25 USD}]'} />
              </Empty>
            );
          return (
            <Table
              label="Budgets that are used the most"
              id={(u) => `${u.budget.name} ${u.label}`}
              rows={used}
              columns={[
                {
                  key: 'name',
                  head: 'Budget',
                  cell: (u) => (
                    <Link to={`/budgets?name=${encodeURIComponent(u.budget.name)}`}>
                      <Name of={u.budget.name} />
                      {u.label && <span class="muted"> {nameOf(u.label)}</span>}
                    </Link>
                  ),
                },
                { key: 'bar', head: '', grow: true, cell: (u) => <Meter share={u.share} held={u.held} tone={toneOf(u.share)} label={`${percent(u.share)} used`} /> },
                { key: 'used', head: 'Used', figure: true, cell: (u) => amount(u.settled) },
                { key: 'limit', head: 'Limit', figure: true, wide: true, cell: (u) => amount(u.limit) },
                { key: 'share', head: '', figure: true, cell: (u) => percent(u.share) },
              ]}
            />
          );
        }}
      </Loaded>
    </Card>
  );
}

/** What reading from the cache cost less than the same tokens would have fresh, net of what writing them cost more. Each
 *  model's own price of fresh input, as its calls were billed. */
export function cacheSaved(report: Report): { saved: number; reads: number; input: number } {
  let saved = 0;
  let reads = 0;
  let input = 0;
  for (const row of report.rows) {
    const fresh = figure(row, 'input_tokens');
    const read = figure(row, 'cache_read_tokens');
    const written = figure(row, 'cache_write_5m_tokens') + figure(row, 'cache_write_1h_tokens');
    reads += read;
    input += fresh + read + written;
    if (!fresh) continue;
    const price = figure(row, 'cost_input') / fresh;
    saved += (read + written) * price - figure(row, 'cost_cache_read') - figure(row, 'cost_cache_write_5m') - figure(row, 'cost_cache_write_1h');
  }
  return { saved, reads, input };
}

const CACHE_MEASURES = `${COST},input_tokens,cache_read_tokens,cache_write_5m_tokens,cache_write_1h_tokens,cost_input,cost_cache_read,cost_cache_write_5m,cost_cache_write_1h`;

function Tiles({ days, hour, monthStart, today }: { days: Report | undefined; hour: Report | undefined; monthStart: string; today: string }) {
  const cache = useApi<Report>(apiPath('report', { by: 'model', since: 'month', measures: CACHE_MEASURES }), LIVE_S * 4);
  const held = useApi<Report>(apiPath('report', { by: 'rule', since: 'month', where: 'decision=refused,paused', measures: 'refused,sessions' }), LIVE_S * 4);
  const saved = cache.data && cacheSaved(cache.data);
  const month = days ? sumDays(days, monthStart, today) : 0;
  const nobody = days ? days.rows.reduce((n, r) => (r.team === null && String(r.bucket) >= monthStart ? n + figure(r, COST) : n), 0) : 0;
  const refused = held.data?.rows.reduce((n, r) => n + figure(r, 'refused'), 0);
  const tile = (label: string, value: string | undefined, more: string) => (
    <Card class="w3">
      <div class="stat">
        <span class="stat-label">{label}</span>
        {value === undefined ? <Skeleton height={28} width="60%" /> : <span class="stat-value small">{value}</span>}
        <span class="stat-more">{more}</span>
      </div>
    </Card>
  );
  return (
    <>
      {tile('Burning now', hour ? `${money(hour.total[COST] ?? 0)} / h` : undefined, hour ? `${count(hour.total.calls ?? 0)} calls, ${count(hour.total.sessions ?? 0)} sessions in the last hour` : '')}
      {tile('Saved by the prompt cache', saved && money(saved.saved), saved ? `this month; ${percent(saved.input ? saved.reads / saved.input : null)} of the input is read from it` : '')}
      {tile('Turned away', refused === undefined ? undefined : count(refused), held.data ? `calls this month, by ${compact(held.data.rows.length)} rule${held.data.rows.length === 1 ? '' : 's'}` : '')}
      {tile('Of no team', days && percent(month ? nobody / month : 0, 1), days ? `${money(nobody)} of this month's ${moneyShort(month)}` : '')}
    </>
  );
}

function useToday(): string {
  const { timezone } = useMe();
  return dayOf(new Date().toISOString(), timezone);
}

const SPANS = [
  { value: 'today', label: 'Today' },
  { value: '14', label: '14 days' },
  { value: '60', label: '60 days' },
] as const;

function Picture({ days, today }: { days: ReturnType<typeof useApi<Report>>; today: string }) {
  const [span, setSpan] = useState<(typeof SPANS)[number]['value']>('14');
  const hours = useApi<Report>(span === 'today' ? apiPath('report', { by: 'team', per: 'hour', since: 'today', measures: `${COST},calls` }) : null, LIVE_S);
  const of = span === 'today' ? hours : days;
  const over = useMemo(() => of.data && overTime(of.data, COST, 7, span === 'today' ? undefined : [shiftDay(today, 1 - Number(span)), today]), [of.data, span, today]);
  return (
    <Card title="Spend by team" class="has-chart" aside={<Segmented label="Span" options={SPANS} value={span} onChange={setSpan} />}>
      {over ? <Stack over={over} height={270} label="Spend by team over time" format={money} axis={moneyShort} /> : <Skeleton height={296} />}
    </Card>
  );
}

function NothingYet() {
  return (
    <Card>
      <Empty title="No calls in the last sixty days" icon="sessions">
        <p>Point an agent at this gateway; each of its calls is here a moment after it ended.</p>
        <Command text="weir run -- claude" />
        <p>To see how this page looks with a team at work:</p>
        <Command text="weir demo" />
      </Empty>
    </Card>
  );
}

export default function Overview() {
  const today = useToday();
  const days = useApi<Report>(apiPath('report', { by: 'team', per: 'day', since: '60d', measures: `${COST},calls` }), LIVE_S);
  const hours = useApi<Report>(apiPath('report', { by: 'provider', per: 'hour', since: 'yesterday', measures: COST }), LIVE_S * 2);
  const hour = useApi<Report>(apiPath('report', { by: 'provider', since: '1h', measures: `${COST},calls,sessions` }), LIVE_S);
  const budgets = useApi<{ budgets: Budget[] }>(apiPath('budgets'), LIVE_S);
  const sessions = useApi<{ sessions: Session[] }>(apiPath('sessions', { limit: 200 }), LIVE_S);
  const lead = 'What the agents spend, on what, and whether anything needs somebody.';
  if (days.data && days.data.rows.length === 0)
    return (
      <div class="page">
        <PageHead title="Overview" lead={lead} />
        <NothingYet />
      </div>
    );
  const monthStart = `${today.slice(0, 7)}-01`;
  const monday = weekStart(today);
  const whole = (window: string) => budgets.data?.budgets.find((b) => b.window === window && b.each.length === 0 && amountNano(b.limit) !== null);
  const daily = (n: number) => {
    const over = days.data && overTime({ ...days.data, by: [] }, COST, 1, [shiftDay(today, 1 - n), today]);
    return over?.series[0]?.values ?? [];
  };
  const hourly = hours.data ? overTime({ ...hours.data, by: [] }, COST, 1) : undefined;
  const hourNow = hourly?.buckets.filter((b) => b.startsWith(today)).length ? (hourly.buckets[hourly.buckets.length - 1] ?? '').slice(11, 13) : '24';
  const yesterday = shiftDay(today, -1);
  const untilNow = hourly?.buckets.reduce((sum, b, i) => (b.startsWith(yesterday) && b.slice(11, 13) <= hourNow ? sum + (hourly.series[0]?.values[i] ?? 0) : sum), 0) ?? 0;
  const monthDay = Number(today.slice(8)) - 1;
  const lastMonth = `${shiftDay(monthStart, -1).slice(0, 7)}-01`;
  return (
    <div class="page">
      <PageHead title="Overview" lead={lead} />
      <Headline budgets={budgets.data?.budgets} sessions={sessions.data?.sessions} hour={hour.data} />
      <div class="grid">
        {days.data ? (
          <>
            <Burn title="Today" now={sumDays(days.data, today, today)} before={untilNow} than="yesterday by this hour" values={hourly?.series[0]?.values.slice(-24) ?? []} budget={whole('day')} />
            <Burn title="This week" now={sumDays(days.data, monday, today)} before={sumDays(days.data, shiftDay(monday, -7), shiftDay(today, -7))} than="last week by this day" values={daily(14)} budget={whole('week')} />
            <Burn title="This month" now={sumDays(days.data, monthStart, today)} before={sumDays(days.data, lastMonth, shiftDay(lastMonth, monthDay))} than="last month by this day" values={daily(31)} budget={whole('month')} />
          </>
        ) : (
          ['day', 'week', 'month'].map((k) => (
            <div key={k} class="w4">
              {days.error && k === 'day' ? <Loaded of={days}>{() => null}</Loaded> : <Skeleton height={142} />}
            </div>
          ))
        )}
        <Picture days={days} today={today} />
        <Tiles days={days.data} hour={hour.data} monthStart={monthStart} today={today} />
        <Movers />
        <BudgetList budgets={budgets} />
      </div>
    </div>
  );
}
