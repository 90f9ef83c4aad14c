// What a unit costs: an active developer day, a session, a workflow's run; and how these figures spread.
import { useMemo } from 'preact/hooks';
import { apiPath, useApi } from '../api/client';
import type { Report } from '../api/types';
import { Link, useQuery } from '../router';
import { Chart, type Colours, tooltip, tooltipBox } from '../ui/chart';
import { compact, count, money, moneyShort, percent } from '../ui/format';
import { Card, Empty, Loaded, Name, PageHead, Segmented } from '../ui/parts';
import { figure } from '../ui/series';
import { axes } from '../ui/stack';
import { Table } from '../ui/table';

const SPANS = [
  { value: '7d', label: '7 days' },
  { value: '30d', label: '30 days' },
  { value: '90d', label: '90 days' },
] as const;

const COST = 'cost_nanousd';
const STEPS = 16;

/** The value below which a share of sorted values lies. */
function quantile(sorted: number[], q: number): number | null {
  if (!sorted.length) return null;
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] as number;
  const above = sorted[Math.ceil(at)] as number;
  return below + (above - below) * (at - Math.floor(at));
}

/** Steps that double, since a few units cost a hundred times the usual one. */
function histogram(sorted: number[]): { from: number; to: number; n: number }[] {
  const positive = sorted.filter((v) => v > 0);
  const most = positive[positive.length - 1];
  const least = quantile(positive, 0.02);
  if (most === undefined || least === null) return [];
  const factor = Math.max(1.3, (most / least) ** (1 / STEPS));
  const bins: { from: number; to: number; n: number }[] = [];
  for (let from = 0, to = least * factor; bins.length < STEPS + 2; from = to, to *= factor) {
    bins.push({ from, to, n: 0 });
    if (to > most) break;
  }
  for (const v of positive) {
    const bin = bins.find((b) => v < b.to) ?? bins[bins.length - 1];
    if (bin) bin.n++;
  }
  return bins;
}

function Spread({ values, label, unit }: { values: number[]; label: string; unit: string }) {
  const sorted = useMemo(() => [...values].sort((a, b) => a - b), [values]);
  const bins = useMemo(() => histogram(sorted), [sorted]);
  const option = useMemo(
    () => (c: Colours) => ({
      ...axes(c, bins.map((b) => moneyShort(b.to)), compact),
      tooltip: {
        ...tooltip(c),
        trigger: 'axis',
        axisPointer: { type: 'shadow', shadowStyle: { color: c.muted, opacity: 0.08 } },
        formatter: (points: { dataIndex: number }[]) => {
          const b = bins[points[0]?.dataIndex ?? 0];
          return tooltipBox(b ? `${money(b.from)} to ${money(b.to)}` : '', [{ name: unit, value: count(b?.n) }], percent((b?.n ?? 0) / sorted.length, 1));
        },
      },
      series: [{ type: 'bar', name: unit, color: c.series[0], barCategoryGap: '8%', itemStyle: { borderRadius: [3, 3, 0, 0] }, data: bins.map((b) => b.n) }],
    }),
    [bins, unit, sorted.length],
  );
  const table = useMemo(() => ({ head: ['Cost up to', unit], rows: bins.map((b) => [money(b.to), count(b.n)]) }), [bins, unit]);
  if (!bins.length) return <Empty title="Nothing was spent in this span" />;
  const figures = [
    ['Half below', quantile(sorted, 0.5)],
    ['Nine of ten below', quantile(sorted, 0.9)],
    ['99 of 100 below', quantile(sorted, 0.99)],
    ['The dearest', sorted[sorted.length - 1] ?? null],
  ] as const;
  return (
    <>
      <Chart option={option} height={230} label={label} table={table} />
      <div class="figures pad-top">
        {figures.map(([name, value]) => (
          <div key={name} class="stat">
            <span class="stat-label">{name}</span>
            <span class="stat-value small">{money(value)}</span>
          </div>
        ))}
      </div>
    </>
  );
}

function Stats({ report }: { report: Report }) {
  const t = report.total;
  const per = (n: number | null | undefined) => (n ? (t[COST] ?? 0) / n : null);
  const tiles = [
    ['An active developer day', per(t.active_days), `${count(t.active_days ?? null)} days with a call`],
    ['A session', per(t.sessions), `${count(t.sessions ?? null)} sessions`],
    ['A hundred calls', (per(t.calls) ?? 0) * 100, `${count(t.calls ?? null)} calls`],
    ['A million tokens out', t.output_tokens ? ((t[COST] ?? 0) / t.output_tokens) * 1e6 : null, `${compact(t.output_tokens ?? null)} tokens`],
  ] as const;
  return (
    <div class="grid">
      {tiles.map(([name, value, more]) => (
        <Card key={name} class="w3">
          <div class="stat">
            <span class="stat-label">{name}</span>
            <span class="stat-value small">{money(value)}</span>
            <span class="stat-more">{more}</span>
          </div>
        </Card>
      ))}
    </div>
  );
}

const BY = [
  { value: 'team', label: 'Teams' },
  { value: 'user', label: 'People' },
  { value: 'agent', label: 'Agents' },
  { value: 'workflow', label: 'Workflows' },
  { value: 'repo', label: 'Repositories' },
] as const;

export default function Units() {
  const [query, setQuery] = useQuery();
  const since = (SPANS.find((s) => s.value === query.get('since')) ?? SPANS[1]).value;
  const by = (BY.find((b) => b.value === query.get('by')) ?? BY[0]).value;
  const rows = useApi<Report>(apiPath('report', { by, since, measures: `${COST},calls,sessions,active_days,output_tokens` }));
  const days = useApi<Report>(apiPath('report', { by: 'user', per: 'day', since, measures: `${COST},calls` }));
  const sessions = useApi<Report>(apiPath('report', { by: 'session', since, measures: COST }));
  const values = (report: Report | undefined) => report?.rows.filter((r) => figure(r, COST) > 0).map((r) => figure(r, COST)) ?? [];
  const dayValues = useMemo(() => values(days.data), [days.data]);
  const sessionValues = useMemo(() => values(sessions.data && { ...sessions.data, rows: sessions.data.rows.filter((r) => r.session !== null) }), [sessions.data]);
  const each = (r: Record<string, unknown>, unit: string) => (Number(r[unit] ?? 0) ? Number(r[COST] ?? 0) / Number(r[unit]) : null);
  return (
    <div class="page">
      <PageHead title="Unit costs" lead="What a day of a developer with agents costs, what a session costs, and how far the dear ones are from the usual ones.">
        <Segmented label="Span" options={SPANS} value={since} onChange={(s) => setQuery({ since: s === '30d' ? null : s })} />
      </PageHead>
      <Loaded of={rows} height={110}>
        {(report) => <Stats report={report} />}
      </Loaded>
      <div class="grid">
        <Card title="Cost of an active developer day" class="w6 has-chart">
          <Loaded of={days} height={310}>
            {() => <Spread values={dayValues} label="How the cost of active developer days spreads" unit="days" />}
          </Loaded>
        </Card>
        <Card title="Cost of a session" class="w6 has-chart">
          <Loaded of={sessions} height={310}>
            {() => <Spread values={sessionValues} label="How the cost of sessions spreads" unit="sessions" />}
          </Loaded>
        </Card>
      </div>
      <Card title="By whom and what" flush aside={<Segmented label="Unit costs by" options={BY} value={by} onChange={(b) => setQuery({ by: b === 'team' ? null : b })} />}>
        <Loaded of={rows} height={300}>
          {(report) => {
            const dimension = report.by[0] ?? by;
            const spent = report.rows.filter((r) => figure(r, 'calls') > 0);
            if (!spent.length) return <Empty title="No calls in this span" />;
            return (
              <Table
                label={`Unit costs by ${dimension}`}
                rows={spent}
                id={(r) => String(r[dimension])}
                sortBy="cost"
                limit={20}
                columns={[
                  {
                    key: 'name',
                    head: BY.find((b) => b.value === dimension)?.label ?? dimension,
                    sort: (r) => r[dimension] as string | null,
                    cell: (r) => (
                      <Link to={`/explore?by=user,model&since=${since}&where=${encodeURIComponent(`${dimension}=${r[dimension] ?? ''}`)}`}>
                        <Name of={r[dimension]} />
                      </Link>
                    ),
                  },
                  { key: 'cost', head: 'Cost', figure: true, sort: (r) => figure(r, COST), cell: (r) => money(r[COST] as number | null) },
                  { key: 'day', head: 'A developer day', figure: true, sort: (r) => each(r, 'active_days'), cell: (r) => money(each(r, 'active_days')) },
                  { key: 'session', head: 'A session', figure: true, sort: (r) => each(r, 'sessions'), cell: (r) => money(each(r, 'sessions')) },
                  { key: 'call', head: 'A call', figure: true, wide: true, sort: (r) => each(r, 'calls'), cell: (r) => money(each(r, 'calls')) },
                  { key: 'days', head: 'Days', figure: true, wide: true, sort: (r) => figure(r, 'active_days'), cell: (r) => count(r.active_days as number | null) },
                  { key: 'sessions', head: 'Sessions', figure: true, wide: true, sort: (r) => figure(r, 'sessions'), cell: (r) => count(r.sessions as number | null) },
                ]}
              />
            );
          }}
        </Loaded>
      </Card>
    </div>
  );
}
