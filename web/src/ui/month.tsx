// A month as it adds up: what was spent, what is expected with its band, and the budget it must fit into.
import { useMemo } from 'preact/hooks';
import { Chart, type Colours, tooltip, tooltipBox } from './chart';
import { bucketLabel, money, moneyShort } from './format';
import { axes } from './stack';

interface Props {
  /** Every day of the month; the spend of those that have begun. */
  days: string[];
  spent: number[];
  expected: { expected: number; low: number; high: number } | undefined;
  limit: number | null;
  height: number;
}

export function Month({ days, spent, expected, limit, height }: Props) {
  const sums = useMemo(() => {
    let sum = 0;
    return spent.map((v) => (sum += v));
  }, [spent]);
  const last = sums.length - 1;
  const now = sums[last] ?? 0;
  const ahead = days.length - 1 - last;
  const line = (end: number) => days.map((_, i) => (i < last ? null : ahead > 0 ? now + ((end - now) * (i - last)) / ahead : i === last ? now : null));
  const labels = useMemo(() => days.map(bucketLabel), [days]);
  const option = useMemo(
    () => (c: Colours) => {
      const low = expected ? line(Math.max(now, expected.low)) : [];
      const high = expected ? line(Math.max(now, expected.high)) : [];
      return {
        ...axes(c, labels, moneyShort),
        tooltip: {
          ...tooltip(c),
          trigger: 'axis',
          formatter: (points: { dataIndex: number }[]) => {
            const at = points[0]?.dataIndex ?? 0;
            const lines = at <= last ? [{ colour: c.series[0], name: 'spent until then', value: money(sums[at]) }, { name: 'that day', value: money(spent[at]) }] : [{ colour: c.series[2], name: 'expected until then', value: money(expected ? (line(expected.expected)[at] ?? null) : null) }, { name: 'between', value: `${money(low[at])} and ${money(high[at])}` }];
            return tooltipBox(labels[at] ?? '', lines, limit ? `Budget ${money(limit)}` : undefined);
          },
        },
        series: [
          { name: 'low', type: 'line', stack: 'band', symbol: 'none', silent: true, lineStyle: { opacity: 0 }, data: low },
          { name: 'band', type: 'line', stack: 'band', symbol: 'none', silent: true, lineStyle: { opacity: 0 }, areaStyle: { color: c.series[2], opacity: 0.22 }, data: high.map((h, i) => (h === null ? null : h - (low[i] ?? 0))) },
          // nothing to see: the axis reaches to the budget, unless that is far off
          ...(limit && limit < Math.max(now, expected?.high ?? 0) * 6 ? [{ type: 'line', symbol: 'none', silent: true, lineStyle: { opacity: 0 }, data: [limit * 1.02] }] : []),
          { name: 'expected', type: 'line', symbol: 'none', color: c.series[2], lineStyle: { type: 'dashed', width: 2 }, data: expected ? line(expected.expected) : [] },
          {
            name: 'spent',
            type: 'line',
            symbol: 'none',
            color: c.series[0],
            lineStyle: { width: 2.5 },
            areaStyle: { opacity: 0.12 },
            data: days.map((_, i) => sums[i] ?? null),
            markLine: limit ? { silent: true, symbol: 'none', lineStyle: { color: c.bad, type: 'dashed', width: 1.5 }, label: { formatter: `budget ${moneyShort(limit)}`, position: 'insideEndTop', color: c.bad, fontSize: 11.5 }, data: [{ yAxis: limit }] } : undefined,
          },
        ],
      };
    },
    [labels, sums, expected?.expected, expected?.low, expected?.high, limit],
  );
  const table = useMemo(() => ({ head: ['Day', 'Spent', 'Until then'], rows: sums.map((s, i) => [labels[i] ?? '', money(spent[i]), money(s)]) }), [labels, sums, spent]);
  return (
    <>
      <Chart option={option} height={height} label="This month as it adds up, with what is expected" table={table} />
      <ul class="legend">
        <li>
          <i style={{ background: 'var(--series-1)' }} /> spent, {money(now)}
        </li>
        {expected && (
          <li>
            <i style={{ background: 'var(--series-3)' }} /> expected, {money(expected.expected)} (between {money(expected.low)} and {money(expected.high)})
          </li>
        )}
      </ul>
    </>
  );
}
