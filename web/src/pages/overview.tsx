// The first screen: are we within budget, who and what is burning, is anything out of control?
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { apiPath, useApi } from '../api/client';
import { type Live, useLive } from '../api/live';
import { type ExpectedPeriod, type Forecast, useForecast } from '../api/forecast';
import type { Mover, Overview, Period } from '../api/overview';
import type { Alerts, Budget, Report } from '../api/types';
import { useMe } from '../app';
import { Link } from '../router';
import { Command, Empty, Loaded, Meter, Name, PageHead, Card, Segmented, Skeleton } from '../ui/parts';
import { amount, amountNano, change, compact, count, day, money, moneyShort, nameOf, percent, plain } from '../ui/format';
import { Icon } from '../ui/icons';
import { Month } from '../ui/month';
import { dayOf, every, overTime, rangeOf, shiftDay } from '../ui/series';
import { Spark } from '../ui/spark';
import { Stack } from '../ui/stack';
import { toneOf, usedOf } from '../ui/used';
import { Table } from '../ui/table';

const RENEWED_S = 20;
const COST = 'cost_nanousd';

const Delta = ({ period, than }: { period: Period; than: string }) => {
  const now = period.cost_nanousd ?? 0;
  const before = period.before.cost_nanousd ?? 0;
  const text = change(now, before);
  if (!text) return <span class="delta">Nothing {than} to compare with</span>;
  return (
    <span class={`delta ${now > before * 1.05 ? 'up' : now < before * 0.95 ? 'down' : ''}`}>
      {text} <span class="muted">against {than}</span>
    </span>
  );
};

/** What was spent in a window, against the same stretch of the window before and the budget of everybody, where there is one. */
function Burn({ title, period, than, values, budget, expected }: { title: string; period: Period; than: string; values: number[]; budget: Budget | undefined; expected: ExpectedPeriod | undefined }) {
  const now = period.cost_nanousd ?? 0;
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
          <Delta period={period} than={than} />
        </span>
        <div class="burn-budget">
          {budget && limit ? (
            <>
              <Meter share={now / limit} mark={expected?.expected_nanousd ? expected.expected_nanousd / limit : null} tone={toneOf(now / limit)} label={`${percent(now / limit)} of ${amount(budget.limit)}${expected?.expected_nanousd ? `, ${percent(expected.expected_nanousd / limit)} expected` : ''}`} />
              <span class="stat-more">
                {percent(now / limit)} of {amount(budget.limit)} · <Link to={`/budgets?name=${encodeURIComponent(budget.name)}`}>{nameOf(budget.name)}</Link>
              </span>
            </>
          ) : (
            <span class="stat-more">No budget for everybody in this window</span>
          )}
          <span class="stat-more">
            {expected?.expected_nanousd !== undefined && expected.expected_nanousd !== null ? (
              <>
                Expected at its end: <b class={limit && expected.expected_nanousd > limit ? 'bad-text' : ''}>{money(expected.expected_nanousd)}</b> ({moneyShort(expected.low_nanousd)} to {moneyShort(expected.high_nanousd)})
              </>
            ) : (
              '\u00a0'
            )}
          </span>
        </div>
      </div>
    </Card>
  );
}

function Headline({ budgets, live, alerts }: { budgets: Budget[] | undefined; live: Live | undefined; alerts: Alerts | undefined }) {
  if (!budgets || !live || !alerts) return <Skeleton height={66} />;
  const used = usedOf(budgets.filter((b) => b.mode === 'enforce'));
  const over = used.filter((u) => u.share >= 1);
  const near = used.filter((u) => u.share >= 0.8 && u.share < 1);
  const paused = [...live.sessions.values()].filter((s) => s.state === 'paused');
  const failing = live.ledger_failing;
  const open = alerts.alerts.filter((a) => a.severity !== 'info' && !a.silence);
  const critical = open.filter((a) => a.severity === 'critical');
  const tone = failing || over.length || critical.length ? 'bad' : near.length || paused.length || open.length ? 'warn' : 'good';
  const title = failing
    ? 'The ledger takes no rows: see the log of weir serve'
    : over.length
      ? `${over.length === 1 ? 'A budget is' : `${over.length} budgets are`} used up`
      : critical.length
        ? `${critical.length === 1 ? 'Something is' : `${critical.length} things are`} out of control`
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
          {!over.length && critical[0]?.title ? `${plain(critical[0].title)}. ` : ''}
          {worst ? `${nameOf(worst.budget.name)}${worst.label ? `, ${nameOf(worst.label)}` : ''}: ${percent(worst.share)} of ${amount(worst.limit)}. ` : ''}
          {money(live.burn.minute_nanousd)} a minute just now, {count(live.calls_in_flight)} calls under way.{' '}
          {paused.length ? `${paused.length === 1 ? 'One session is' : `${paused.length} sessions are`} paused and wait for somebody.` : 'No session is held.'}
        </p>
      </div>
      <div class="headline-links">
        {open.length > 0 && (
          <Link to="/incidents" class="button">
            {open.length === 1 ? 'One open alert' : `${count(open.length)} open alerts`}
          </Link>
        )}
        {paused.length > 0 && (
          <Link to="/sessions?state=paused" class="button">
            {paused.length === 1 ? 'The paused one' : 'Those paused'}
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

function Movers({ movers, since }: { movers: Mover[]; since: string }) {
  const [by, setBy] = useState<Mover['by']>('user');
  const rows = movers.filter((m) => m.by === by);
  return (
    <Card title="Top movers" flush class="w6" aside={<Segmented label="Top movers by" options={MOVERS} value={by as 'user'} onChange={setBy} />} note={`This week against the same stretch of the week before`}>
      {rows.length === 0 ? (
        <Empty title="Nothing was spent in these two weeks" />
      ) : (
        <Table
          label={`Top movers by ${by}`}
          id={(r) => String(r.value)}
          rows={rows}
          columns={[
            {
              key: 'name',
              head: MOVERS.find((m) => m.value === by)?.label ?? '',
              cell: (r) => (
                <Link to={`/explore?by=${by === 'user' ? 'repo' : 'user'}&since=14d&where=${encodeURIComponent(`${by}=${r.value ?? ''}`)}`}>
                  <Name of={r.value} />
                </Link>
              ),
            },
            { key: 'before', head: 'Before', figure: true, wide: true, cell: (r) => money(r.before_nanousd), sort: (r) => r.before_nanousd },
            { key: 'now', head: `Since ${day(since)}`, figure: true, cell: (r) => money(r.cost_nanousd), sort: (r) => r.cost_nanousd },
            {
              key: 'change',
              head: 'Change',
              figure: true,
              sort: (r) => r.cost_nanousd - r.before_nanousd,
              cell: (r) => (
                <span class={`delta ${r.cost_nanousd > r.before_nanousd ? 'up' : 'down'}`}>
                  {r.cost_nanousd >= r.before_nanousd ? '+' : '−'}
                  {money(Math.abs(r.cost_nanousd - r.before_nanousd))}
                </span>
              ),
            },
          ]}
        />
      )}
    </Card>
  );
}

function BudgetList({ budgets }: { budgets: ReturnType<typeof useApi<{ budgets: Budget[] }>> }) {
  return (
    <Card title="Budgets" flush class="w6" aside={<Link to="/budgets">All budgets</Link>} note="Those that are used the most">
      <Loaded of={budgets} height={260}>
        {({ budgets: list }) => {
          const used = usedOf(list.filter((b) => b.mode === 'enforce')).slice(0, 7);
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
                { key: 'bar', head: '', grow: true, wide: true, cell: (u) => <Meter share={u.share} held={u.held} tone={toneOf(u.share)} label={`${percent(u.share)} used`} /> },
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

function Tiles({ first, live }: { first: Overview; live: Live | undefined }) {
  const month = first.month.cost_nanousd ?? 0;
  const { loops, unallocated, cache } = first;
  const slots = live?.burn.slots_nanousd ?? [];
  const tile = (label: string, value: ComponentChildren, more: ComponentChildren) => (
    <Card class="w3">
      <div class="stat">
        <span class="stat-label">{label}</span>
        <span class="stat-value small">{value}</span>
        <span class="stat-more">{more}</span>
      </div>
    </Card>
  );
  return (
    <>
      <Card class="w3">
        <div class="stat">
          <span class="stat-label">Burning now</span>
          <div class="stat-row">
            <span class="stat-value small">{live ? `${money(live.burn.minute_nanousd)}/min` : '–'}</span>
            <Spark values={slots} width={90} height={26} label="Burn of the last five minutes" />
          </div>
          <span class="stat-more">{live ? `${count(live.burn.minute_calls)} calls in the last minute` : ''}</span>
        </div>
      </Card>
      {tile('Saved by the prompt cache', money(cache.saved_nanousd), `this month; ${percent(first.month.cache_hit_ppm === null ? null : first.month.cache_hit_ppm / 1e6)} of the input is read from it${cache.unpriced_tokens ? `; ${compact(cache.unpriced_tokens)} reads have no price` : ''}`)}
      {tile('Loops stopped', count(loops.sessions), loops.sessions ? `this month; they burnt ${money(loops.burnt_nanousd)}, the next hour would have been ${money(loops.next_hour_nanousd)}` : 'this month; none was found')}
      {tile('Of no team', percent(month ? unallocated.cost_nanousd / month : 0, 1), `${money(unallocated.cost_nanousd)} of this month’s ${moneyShort(month)}`)}
    </>
  );
}

function useToday(): string {
  const { timezone } = useMe();
  return dayOf(new Date().toISOString(), timezone);
}

const SPANS = [
  { value: 'month', label: 'Month' },
  { value: 'today', label: 'Today' },
  { value: '14', label: '14 days' },
  { value: '60', label: '60 days' },
] as const;

function Picture({ days, today, limit, forecast }: { days: ReturnType<typeof useApi<Report>>; today: string; limit: number | null; forecast: Forecast | undefined }) {
  const [span, setSpan] = useState<(typeof SPANS)[number]['value']>('14');
  const hours = useApi<Report>(span === 'today' ? apiPath('report', { by: 'team', per: 'hour', since: 'today', measures: `${COST},calls` }) : null, RENEWED_S);
  const of = span === 'today' ? hours : days;
  const over = useMemo(() => of.data && span !== 'month' && overTime(of.data, COST, 7, span === 'today' ? undefined : [shiftDay(today, 1 - Number(span)), today]), [of.data, span, today]);
  const month = useMemo(() => {
    if (!days.data || span !== 'month') return undefined;
    const from = `${today.slice(0, 7)}-01`;
    const end = shiftDay(`${shiftDay(`${today.slice(0, 7)}-28`, 5).slice(0, 7)}-01`, -1);
    return { days: every(from, end), spent: overTime({ ...days.data, by: [] }, COST, 1, [from, today]).series[0]?.values ?? [] };
  }, [days.data, span, today]);
  const expected = forecast?.tables.periods?.rows.find((r) => r.period === 'month');
  return (
    <Card title={span === 'month' ? 'This month, as it adds up' : 'Spend by team'} class="has-chart" aside={<Segmented label="Span" options={SPANS} value={span} onChange={setSpan} />}>
      {month ? (
        <Month days={month.days} spent={month.spent} limit={limit} height={270} expected={expected && expected.expected_nanousd !== null ? { expected: expected.expected_nanousd, low: expected.low_nanousd ?? expected.expected_nanousd, high: expected.high_nanousd ?? expected.expected_nanousd } : undefined} />
      ) : over ? (
        <Stack over={over} height={270} label="Spend by team over time" format={money} axis={moneyShort} />
      ) : (
        <Skeleton height={296} />
      )}
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

export default function OverviewPage() {
  const { timezone } = useMe();
  const today = useToday();
  const live = useLive();
  const first = useApi<Overview>(apiPath('overview'), RENEWED_S);
  const days = useApi<Report>(apiPath('report', { by: 'team', per: 'day', since: '60d', measures: COST }), RENEWED_S);
  const hours = useApi<Report>(apiPath('report', { by: 'billing', per: 'hour', since: 'yesterday', measures: COST }), RENEWED_S * 2);
  const budgets = useApi<{ budgets: Budget[] }>(apiPath('budgets'), RENEWED_S);
  const alerts = useApi<Alerts>(apiPath('alerts'), RENEWED_S);
  const forecast = useForecast();
  const lead = 'What the agents spend, on what, and whether anything needs somebody.';
  if (days.data && days.data.rows.length === 0)
    return (
      <div class="page">
        <PageHead title="Overview" lead={lead} />
        <NothingYet />
      </div>
    );
  const whole = (window: string) => budgets.data?.budgets.find((b) => b.window === window && b.each.length === 0 && b.where?.length === 0 && amountNano(b.limit) !== null);
  const daily = (n: number) => (days.data ? (overTime({ ...days.data, by: [] }, COST, 1, [shiftDay(today, 1 - n), today]).series[0]?.values ?? []) : []);
  const notes = forecast.data?.notes.filter((n) => /spent|at this rate/.test(n)).slice(0, 4) ?? [];
  const expected = (period: string) => forecast.data?.tables.periods?.rows.find((r) => r.period === period);
  const hourly = hours.data ? (overTime({ ...hours.data, by: [] }, COST, 1, rangeOf(hours.data, timezone)).series[0]?.values.slice(-24) ?? []) : [];
  return (
    <div class="page">
      <PageHead title="Overview" lead={lead} />
      <Headline budgets={budgets.data?.budgets} live={live} alerts={alerts.data} />
      <div class="grid">
        {first.data ? (
          <>
            <Burn title="Today" period={first.data.today} than="yesterday by this hour" values={hourly} budget={whole('day')} expected={expected('day')} />
            <Burn title="This week" period={first.data.week} than="last week by this hour" values={daily(14)} budget={whole('week')} expected={expected('week')} />
            <Burn title="This month" period={first.data.month} than="last month by this hour" values={daily(31)} budget={whole('month')} expected={expected('month')} />
          </>
        ) : (
          ['day', 'week', 'month'].map((k) => (
            <div key={k} class="w4">
              {first.error && k === 'day' ? <Loaded of={first}>{() => null}</Loaded> : <Skeleton height={142} />}
            </div>
          ))
        )}
        <Picture days={days} today={today} limit={amountNano(whole('month')?.limit)} forecast={forecast.data} />
        {first.data ? (
          <>
            <Tiles first={first.data} live={live} />
            <Movers movers={first.data.movers} since={first.data.week.since} />
          </>
        ) : (
          !first.error && <Skeleton height={108} />
        )}
        <BudgetList budgets={budgets} />
        {notes.length > 0 && (
          <Card title="What is coming">
            <ul class="stack tight">
              {notes.map((n) => (
                <li key={n}>{plain(n)}</li>
              ))}
            </ul>
          </Card>
        )}
      </div>
    </div>
  );
}
