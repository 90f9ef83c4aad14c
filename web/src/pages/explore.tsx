// Any figure by any dimensions: over time, as bars, as areas of a whole, as a flow. What is chosen is the address.
import { useMemo, useRef, useState } from 'preact/hooks';
import { apiPath, useApi } from '../api/client';
import type { Report, ReportRow } from '../api/types';
import { useMe } from '../app';
import { useQuery } from '../router';
import { Card, Command, Empty, Loaded, Name, PageHead, Segmented, Select, Skeleton } from '../ui/parts';
import { change, compact, count, dateTime, money, moneyShort, nameOf, percent, duration } from '../ui/format';
import { Icon } from '../ui/icons';
import { figure, overTime, rangeOf } from '../ui/series';
import { Flow, Treemap } from '../ui/shapes';
import { shellWord } from '../ui/shell';
import { Stack } from '../ui/stack';
import { type Column, Share, Table } from '../ui/table';

const DIMENSIONS = [
  ['team', 'Team'],
  ['user', 'Person'],
  ['agent', 'Agent'],
  ['model', 'Model'],
  ['repo', 'Repository'],
  ['branch', 'Branch'],
  ['session', 'Session'],
  ['subagent', 'Subagent'],
  ['environment', 'Environment'],
  ['workflow', 'Workflow'],
  ['trigger', 'Trigger'],
  ['pr', 'Pull request'],
  ['task', 'Task'],
  ['task_class', 'Task class'],
  ['cohort', 'Cohort'],
  ['cost_centre', 'Cost centre'],
  ['provider', 'Provider'],
  ['api', 'API'],
  ['billing', 'Billing'],
  ['rule', 'Rule'],
  ['ending', 'Ending'],
  ['source', 'Source'],
  ['key_id', 'Key'],
  ['tool', 'Tool'],
  ['mcp_server', 'MCP server'],
  ['part', 'Part of the context'],
] as const;

interface Measure {
  value: string;
  label: string;
  format: (v: number) => string;
  axis: (v: number) => string;
}

const MEASURES: Measure[] = [
  { value: 'cost_nanousd', label: 'Cost', format: money, axis: moneyShort },
  { value: 'calls', label: 'Calls', format: count, axis: compact },
  { value: 'context_tokens', label: 'Input tokens', format: compact, axis: compact },
  { value: 'output_tokens', label: 'Output tokens', format: compact, axis: compact },
  { value: 'cache_read_tokens', label: 'Cache reads', format: compact, axis: compact },
  { value: 'sessions', label: 'Sessions', format: count, axis: compact },
  { value: 'active_days', label: 'Active developer days', format: count, axis: compact },
  { value: 'tool_calls', label: 'Tool calls', format: count, axis: compact },
  { value: 'refused', label: 'Refused calls', format: count, axis: compact },
  { value: 'retries', label: 'Retries', format: count, axis: compact },
  { value: 'runtime_s', label: 'Runtime', format: duration, axis: compact },
];

const VIEWS = [
  { value: 'areas', label: 'Areas' },
  { value: 'bars', label: 'Bars' },
  { value: 'treemap', label: 'Treemap' },
  { value: 'flow', label: 'Flow' },
] as const;
type View = (typeof VIEWS)[number]['value'];

const SPANS = [
  { value: 'today', label: 'Today' },
  { value: '7d', label: '7 days' },
  { value: '30d', label: '30 days' },
  { value: 'month', label: 'This month' },
  { value: '90d', label: '90 days' },
] as const;

const PARTS = new Set(['tool', 'mcp_server', 'part']);
const BY_MOST = 4;

const labelOf = (dimension: string): string => DIMENSIONS.find(([d]) => d === dimension)?.[1] ?? dimension;

/** Periods that give a picture some thirty to a hundred steps. */
function periodOf(since: string, until: string | null): string {
  if (since === 'today' || since === 'yesterday' || /^\d+h$/.test(since)) return 'hour';
  const days = /^(\d+)d$/.exec(since);
  if (days) return Number(days[1]) <= 2 ? 'hour' : Number(days[1]) > 180 ? 'week' : 'day';
  const from = Date.parse(since);
  if (!Number.isNaN(from)) {
    const length = ((until ? Date.parse(until) : Date.now()) - from) / 86400000;
    return length <= 3 ? 'hour' : length > 180 ? 'week' : 'day';
  }
  return 'day';
}

/** The instant at which a bucket begins by the gateway's clock, as the API takes it. */
function bucketStart(bucket: string, zone: string): string {
  if (!bucket.includes('T')) return bucket;
  const wanted = Date.parse(`${bucket.slice(0, 16)}:00Z`);
  const shown = (at: number) => {
    const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' }).formatToParts(at);
    const of = (t: string) => parts.find((p) => p.type === t)?.value ?? '00';
    return Date.parse(`${of('year')}-${of('month')}-${of('day')}T${of('hour')}:${of('minute')}:00Z`);
  };
  return new Date(wanted - (shown(wanted) - wanted)).toISOString().replace('.000Z', 'Z');
}

const seconds = (iso: string): string => iso.replace(/\.\d+Z$/, 'Z');

/** The period before: as long, and ending where this one begins. */
function before(report: Report): { since: string; until: string } {
  const from = Date.parse(report.since);
  const length = Date.parse(report.until) - from;
  return { since: seconds(new Date(from - length).toISOString()), until: seconds(report.since) };
}

function Filters({ where, onChange }: { where: string[]; onChange: (where: string[]) => void }) {
  if (!where.length) return null;
  return (
    <ul class="row" aria-label="Filters">
      {where.map((w) => {
        const at = w.indexOf('=');
        const value = w.slice(at + 1);
        const not = value.startsWith('!');
        return (
          <li key={w} class="chip">
            <span>
              {labelOf(w.slice(0, at))} {not ? 'is not' : 'is'} <b>{nameOf(not ? value.slice(1) : value)}</b>
            </span>
            <button type="button" aria-label={`Take out the filter ${labelOf(w.slice(0, at))}`} onClick={() => onChange(where.filter((x) => x !== w))}>
              <Icon name="close" size={12} />
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function save(name: string, href: string): void {
  const a = document.createElement('a');
  a.href = href;
  a.download = name;
  document.body.append(a);
  a.click();
  a.remove();
}

export default function Explore() {
  const me = useMe();
  const [query, setQuery] = useQuery();
  const png = useRef<(() => string) | undefined>(undefined);
  const [showCommand, setShowCommand] = useState(false);
  const by = (query.get('by') ?? 'team').split(',').filter(Boolean).slice(0, BY_MOST);
  const view = (VIEWS.find((v) => v.value === query.get('view'))?.value ?? 'areas') as View;
  const measure = (MEASURES.find((m) => m.value === query.get('measure')) ?? MEASURES[0]) as Measure;
  const since = query.get('since') ?? '30d';
  const until = query.get('until');
  const where = query.getAll('where');
  const compare = query.get('compare') === 'yes';
  const per = query.get('per') ?? periodOf(since, until);
  const parts = by.some((d) => PARTS.has(d)) || where.some((w) => PARTS.has(w.slice(0, w.indexOf('='))));
  const asked = parts && !['cost_nanousd', 'calls', 'sessions', 'active_days', 'tool_calls'].includes(measure.value) ? (MEASURES[0] as Measure) : measure;
  const common = { since, until: until ?? undefined, where };
  const measures = [...new Set([asked.value, 'cost_nanousd', 'calls'])].join(',');
  const dims = view === 'flow' && by.length < 2 ? ['team', 'repo', 'model'] : by;

  const totals = useApi<Report>(apiPath('report', { by: dims.join(','), measures, ...common }), 30);
  const timed = useApi<Report>(view === 'areas' || (view === 'bars' && per) ? apiPath('report', { by: dims[0], per, measures: asked.value, ...common }) : null, 30);
  const earlier = useApi<Report>(compare && totals.data ? apiPath('report', { by: dims.join(','), measures, where, ...before(totals.data) }) : null);
  const over = useMemo(() => timed.data && overTime(timed.data, asked.value, 9, timed.data.rows.length ? rangeOf(timed.data, me.timezone) : undefined), [timed.data, asked.value, me.timezone]);

  const filter = (dimension: string, value: string | null | undefined) => {
    if (value === undefined) return;
    const word = `${dimension}=${value ?? ''}`;
    if (where.includes(word)) return;
    const next = by.length === 1 ? nextDimension(dimension) : by.filter((d) => d !== dimension);
    setQuery({ where: [...where.filter((w) => !w.startsWith(`${dimension}=`)), word], by: (Array.isArray(next) ? next : [next]).join(',') });
  };
  const command = ['weir report', `--by ${dims.join(',')}`, view === 'areas' || view === 'bars' ? `--per ${per}` : '', `--since ${shellWord(since)}`, until ? `--until ${shellWord(until)}` : '', ...where.map((w) => `--where ${shellWord(w)}`), `--measures ${measures}`].filter(Boolean).join(' ');
  const csv = apiPath('report', { by: dims.join(','), per: view === 'areas' || view === 'bars' ? per : undefined, measures, format: 'csv', ...common });
  const total = totals.data?.total[asked.value] ?? null;
  const totalBefore = earlier.data?.total[asked.value] ?? null;

  return (
    <div class="page">
      <PageHead title="Explore" lead={totals.data ? `${dateTime(totals.data.since)} to ${dateTime(totals.data.until)}` : 'Any figure, by any dimensions'}>
        <a class="button" href={csv} download="weir-report.csv">
          <Icon name="download" size={16} /> CSV
        </a>
        <button type="button" class="button" onClick={() => png.current && save('weir.png', png.current())}>
          <Icon name="download" size={16} /> PNG
        </button>
        <button type="button" class="button" aria-expanded={showCommand} onClick={() => setShowCommand(!showCommand)}>
          Command
        </button>
      </PageHead>
      {showCommand && <Command text={command} />}
      <div class="controls">
        <Select label="Figure" value={asked.value} options={MEASURES} onChange={(m) => setQuery({ measure: m })} />
        {Array.from({ length: Math.min(BY_MOST, dims.length + 1) }, (_, i) => (
          <Select
            key={i}
            label={i === 0 ? 'By' : 'then by'}
            value={dims[i] ?? ''}
            options={[...(i === 0 ? [] : [{ value: '', label: '–' }]), ...DIMENSIONS.map(([value, label]) => ({ value, label })), ...(dims[i] && !DIMENSIONS.some(([d]) => d === dims[i]) ? [{ value: dims[i] as string, label: dims[i] as string }] : [])]}
            onChange={(d) => setQuery({ by: d ? [...dims.slice(0, i), d, ...dims.slice(i + 1)].filter((x, at, all) => all.indexOf(x) === at).join(',') : dims.slice(0, i).join(',') })}
          />
        ))}
        <span class="controls-gap" />
        <Segmented label="Span" options={SPANS} value={since as 'today'} onChange={(s) => setQuery({ since: s, until: null, per: null })} />
        <Segmented label="Picture" options={VIEWS} value={view} onChange={(v) => setQuery({ view: v })} />
      </div>
      <Filters where={where} onChange={(w) => setQuery({ where: w })} />
      {until && (
        <p class="row muted">
          A range was chosen: {dateTime(totals.data?.since)} to {dateTime(totals.data?.until)}
          <button type="button" class="button small" onClick={() => setQuery({ since: '30d', until: null })}>
            Back to 30 days
          </button>
        </p>
      )}
      <Card
        title={`${asked.label} by ${dims.map((d) => labelOf(d).toLowerCase()).join(', ')}`}
        class="has-chart"
        aside={
          <>
            <label class="check">
              <input type="checkbox" checked={compare} onChange={(e) => setQuery({ compare: e.currentTarget.checked ? 'yes' : null })} /> Compare with the period before
            </label>
          </>
        }
      >
        <div class="explore-total">
          <span class="stat-value">{total === null ? '–' : asked.format(total)}</span>
          {compare && (
            <span class="delta">
              {totalBefore === null ? '' : `${asked.format(totalBefore)} in the period before, ${change(total, totalBefore) ?? 'nothing to compare with'}`}
            </span>
          )}
        </div>
        {view === 'areas' || view === 'bars' ? (
          over ? (
            over.series.length ? (
              <div class={timed.stale ? 'stale' : undefined}>
                <Stack
                  over={over}
                  kind={view === 'areas' && over.buckets.length > 1 ? 'area' : 'bar'}
                  height={340}
                  label={`${asked.label} over time`}
                  format={asked.format}
                  axis={asked.axis}
                  more
                  onReady={(f) => (png.current = f)}
                  onPick={(s) => filter(dims[0] as string, over.series[s]?.key)}
                  onBrush={(from, to) => {
                    const end = over.buckets[to + 1];
                    const start = over.buckets[from];
                    if (start) setQuery({ since: bucketStart(start, me.timezone), until: end ? bucketStart(end, me.timezone) : null, per: null });
                  }}
                />
                <p class="hint">Draw over the picture to choose a range.</p>
              </div>
            ) : (
              <Empty title="No calls in this span with these filters" />
            )
          ) : timed.error ? (
            <Loaded of={timed}>{() => null}</Loaded>
          ) : (
            <Skeleton height={392} />
          )
        ) : (
          <Loaded of={totals} height={392}>
            {(report) =>
              report.rows.length === 0 ? (
                <Empty title="No calls in this span with these filters" />
              ) : view === 'treemap' ? (
                <Treemap report={report} measure={asked.value} format={asked.format} onReady={(f) => (png.current = f)} onPick={filter} />
              ) : (
                <Flow report={report} measure={asked.value} format={asked.format} onReady={(f) => (png.current = f)} onPick={filter} />
              )
            }
          </Loaded>
        )}
      </Card>
      <Card title="In figures" flush>
        <Loaded of={totals} height={300}>
          {(report) => <Rows report={report} measure={asked} earlier={compare ? earlier.data : undefined} onPick={filter} />}
        </Loaded>
      </Card>
    </div>
  );
}

function nextDimension(dimension: string): string {
  const next: Record<string, string> = { team: 'user', user: 'repo', repo: 'branch', branch: 'session', model: 'user', agent: 'model', provider: 'model', environment: 'workflow', workflow: 'repo', tool: 'user' };
  return next[dimension] ?? 'model';
}

const idOf = (row: ReportRow, by: string[]): string => JSON.stringify(by.map((d) => row[d] ?? null));

function Rows({ report, measure, earlier, onPick }: { report: Report; measure: Measure; earlier: Report | undefined; onPick: (dimension: string, value: string | null) => void }) {
  const total = Number(report.total[measure.value] ?? 0);
  const most = Math.max(...report.rows.map((r) => figure(r, measure.value)), 1);
  const past = useMemo(() => new Map(earlier?.rows.map((r) => [idOf(r, report.by), r])), [earlier, report.by]);
  const columns: Column<ReportRow>[] = [
    ...report.by.map(
      (d): Column<ReportRow> => ({
        key: d,
        head: labelOf(d),
        sort: (r) => (r[d] as string | null) ?? null,
        cell: (r) => (
          <button type="button" class="cell-link" title={`Only ${nameOf(r[d])}`} onClick={() => onPick(d, (r[d] as string | null) ?? null)}>
            <Name of={r[d]} />
          </button>
        ),
      }),
    ),
    { key: 'bar', head: '', grow: true, wide: true, cell: (r) => <Share share={figure(r, measure.value) / most} /> },
    { key: measure.value, head: measure.label, figure: true, sort: (r) => r[measure.value] as number | null, cell: (r) => (r[measure.value] === null ? <span class="muted">–</span> : measure.format(figure(r, measure.value))) },
    { key: 'share', head: 'Share', figure: true, wide: true, cell: (r) => percent(total ? figure(r, measure.value) / total : null, 1) },
  ];
  if (measure.value !== 'cost_nanousd') columns.push({ key: 'cost', head: 'Cost', figure: true, wide: true, sort: (r) => r.cost_nanousd as number | null, cell: (r) => money(r.cost_nanousd as number | null) });
  if (measure.value !== 'calls') columns.push({ key: 'calls', head: 'Calls', figure: true, wide: true, sort: (r) => r.calls as number | null, cell: (r) => count(r.calls as number | null) });
  if (earlier)
    columns.push({
      key: 'before',
      head: 'Before',
      figure: true,
      sort: (r) => figure(past.get(idOf(r, report.by)) ?? {}, measure.value),
      cell: (r) => {
        const was = past.get(idOf(r, report.by));
        const now = figure(r, measure.value);
        const then = was ? figure(was, measure.value) : 0;
        return (
          <>
            {measure.format(then)} <span class={`delta ${now > then ? 'up' : 'down'}`}>{change(now, then) ?? 'new'}</span>
          </>
        );
      },
    });
  if (!report.rows.length) return <Empty title="No calls in this span with these filters" />;
  return (
    <Table
      label={`${measure.label} in figures`}
      rows={report.rows}
      columns={columns}
      id={(r) => idOf(r, report.by)}
      sortBy={measure.value}
      limit={25}
      foot={
        <tr>
          <td colSpan={report.by.length}>{count(report.rows.length)} rows together</td>
          <td class="wide" />
          <td class="figure">{report.total[measure.value] === null ? '–' : measure.format(total)}</td>
          <td class="wide" colSpan={columns.length - report.by.length - 2} />
        </tr>
      }
    />
  );
}
