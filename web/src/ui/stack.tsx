// Series over time, stacked: bars or areas, with a line for a limit.
import { useMemo } from 'preact/hooks';
import { Chart, type Colours, tooltip, tooltipBox } from './chart';
import { bucketLabel } from './format';
import type { Over } from './series';

interface Props {
  over: Over;
  label: string;
  height?: number;
  kind?: 'bar' | 'area' | 'line';
  format: (v: number) => string;
  axis: (v: number) => string;
  limit?: { value: number; label: string } | null;
  onPick?: (series: number, bucket: number) => void;
  onBrush?: (from: number, to: number) => void;
  onReady?: (png: () => string) => void;
  more?: boolean;
}

export const axes = (c: Colours, labels: string[], axis: (v: number) => string) => ({
  grid: { left: 4, right: 10, top: 12, bottom: 4, containLabel: true },
  xAxis: {
    type: 'category',
    data: labels,
    axisLine: { lineStyle: { color: c.line } },
    axisTick: { show: false },
    axisLabel: { color: c.muted, fontSize: 11.5, hideOverlap: true, margin: 10 },
  },
  yAxis: {
    type: 'value',
    splitNumber: 4,
    axisLabel: { color: c.muted, fontSize: 11.5, formatter: (v: number) => axis(v) },
    splitLine: { lineStyle: { color: c.line, type: 'dashed' } },
  },
});

export function Stack({ over, label, height = 280, kind = 'bar', format, axis, limit, onPick, onBrush, onReady, more }: Props) {
  const labels = useMemo(() => over.buckets.map(bucketLabel), [over]);
  const option = useMemo(
    () => (c: Colours) => {
      const last = over.series.length - 1;
      return {
        ...axes(c, labels, axis),
        tooltip: {
          ...tooltip(c),
          trigger: 'axis',
          axisPointer: { type: kind === 'bar' ? 'shadow' : 'line', shadowStyle: { color: c.muted, opacity: 0.08 }, lineStyle: { color: c.muted } },
          formatter: (points: { dataIndex: number; seriesIndex: number; seriesName: string; value: number; color: string }[]) => {
            const shown = points.filter((p) => p.value > 0).sort((a, b) => b.value - a.value);
            const sum = points.reduce((n, p) => n + (p.value || 0), 0);
            const lines = shown.slice(0, 10).map((p) => ({ colour: p.color, name: p.seriesName, value: format(p.value) }));
            return tooltipBox(labels[points[0]?.dataIndex ?? 0] ?? '', lines, kind !== 'line' && over.series.length > 1 ? `Together ${format(sum)}` : undefined);
          },
        },
        ...(onBrush ? { brush: { toolbox: [], xAxisIndex: 0, transformable: false, throttleType: 'debounce', brushStyle: { borderWidth: 1, color: `${c.accent}22`, borderColor: c.accent } } } : {}),
        series: over.series.map((s, i) => ({
          name: s.name,
          type: kind === 'bar' ? 'bar' : 'line',
          stack: kind === 'line' ? undefined : 'all',
          data: s.values,
          color: s.key === undefined ? c.series[9] : c.series[i % 9],
          symbol: kind !== 'bar' && over.buckets.length < 3 ? 'circle' : 'none',
          symbolSize: 7,
          barMaxWidth: 40,
          barCategoryGap: '28%',
          lineStyle: kind === 'line' ? { width: 2 } : { width: 1 },
          areaStyle: kind === 'area' ? { opacity: 0.75 } : undefined,
          itemStyle: kind === 'bar' ? { borderColor: c.surface, borderWidth: over.buckets.length < 45 ? 0.5 : 0, borderRadius: i === last ? [3, 3, 0, 0] : 0 } : undefined,
          emphasis: { focus: 'none' },
          ...(i === 0 && limit ? { markLine: { silent: true, symbol: 'none', lineStyle: { color: c.bad, type: 'dashed', width: 1.5 }, label: { formatter: limit.label, position: 'insideEndTop', color: c.bad, fontSize: 11.5 }, data: [{ yAxis: limit.value }] } } : {}),
        })),
      };
    },
    [over, labels, kind, limit?.value, limit?.label, axis, format, !!onBrush],
  );
  const table = useMemo(
    () => ({ head: ['', ...over.series.map((s) => s.name)], rows: over.buckets.map((_, i) => [labels[i] ?? '', ...over.series.map((s) => format(s.values[i] ?? 0))]) }),
    [over, labels, format],
  );
  return (
    <>
      <Chart option={option} height={height} label={label} table={table} onBrush={onBrush} onReady={onReady} more={more} onPick={onPick && ((_, e) => onPick(over.series.findIndex((s) => s.name === e.seriesName), e.dataIndex))} />
      {over.series.length > 1 && (
        <ul class="legend">
          {over.series.map((s, i) => (
            <li key={s.name}>
              <i style={{ background: `var(--series-${s.key === undefined ? 10 : (i % 9) + 1})` }} />
              {onPick && s.key !== undefined ? (
                <button type="button" onClick={() => onPick(i, -1)} title="Show this alone">
                  {s.name}
                </button>
              ) : (
                s.name
              )}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
