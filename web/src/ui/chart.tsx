// A picture by ECharts on a canvas, in the page's colours; the same figures as a table for who cannot or will not see it.
//
// Texts from outside reach ECharts only as canvas text; the box at the pointer is made of DOM nodes here, never of HTML.
import type { EChartsType } from 'echarts/core';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icons';
import { useTheme } from './theme';

export interface Colours {
  series: string[];
  text: string;
  muted: string;
  line: string;
  surface: string;
  accent: string;
  good: string;
  warn: string;
  bad: string;
  font: string;
}

export interface Figures {
  head: string[];
  rows: (string | number)[][];
}

type Option = Record<string, unknown>;

interface Props {
  option: (c: Colours) => Option;
  height: number;
  label: string;
  table: Figures;
  more?: boolean;
  onPick?: (name: string, extra: { dataIndex: number; seriesName?: string; data?: unknown }) => void;
  /** Indexes of the first and last category that were brushed over. */
  onBrush?: (from: number, to: number) => void;
  /** Told of the chart when it is there, for exports. */
  onReady?: (png: () => string) => void;
}

function colours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return {
    series: Array.from({ length: 10 }, (_, i) => of(`--series-${i + 1}`)),
    text: of('--text'),
    muted: of('--muted'),
    line: of('--line'),
    surface: of('--surface'),
    accent: of('--accent'),
    good: of('--good'),
    warn: of('--warn'),
    bad: of('--bad'),
    font: of('--font'),
  };
}

/** The box at the pointer: a title, and a line for each series. */
export function tooltipBox(title: string, lines: { colour?: string; name: string; value: string }[], foot?: string): HTMLElement {
  const box = document.createElement('div');
  box.className = 'tip';
  const put = (tag: string, className: string, text: string, into: HTMLElement) => {
    const node = document.createElement(tag);
    node.className = className;
    node.textContent = text;
    into.append(node);
    return node;
  };
  if (title) put('div', 'tip-title', title, box);
  for (const line of lines) {
    const row = put('div', 'tip-row', '', box);
    const dot = put('span', 'tip-dot', '', row);
    if (line.colour) dot.style.background = line.colour;
    put('span', 'tip-name', line.name, row);
    put('span', 'tip-value', line.value, row);
  }
  if (foot) put('div', 'tip-foot', foot, box);
  return box;
}

export const tooltip = (c: Colours): Option => ({
  confine: true,
  transitionDuration: 0,
  backgroundColor: c.surface,
  borderColor: c.line,
  borderWidth: 1,
  padding: 0,
  textStyle: { color: c.text, fontFamily: c.font, fontSize: 12 },
  extraCssText: 'border-radius:8px;box-shadow:0 6px 24px rgb(0 0 0/.18);',
});

const reduced = matchMedia('(prefers-reduced-motion: reduce)');

export function Chart({ option, height, label, table, more, onPick, onBrush, onReady }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | undefined>(undefined);
  const [ready, setReady] = useState(false);
  const [asTable, setAsTable] = useState(false);
  const [, dark] = useTheme();
  const handlers = useRef({ onPick, onBrush });
  handlers.current = { onPick, onBrush };

  useEffect(() => {
    let gone = false;
    let watch: ResizeObserver | undefined;
    const start = async () => {
      const [{ init }] = await Promise.all([import('./echarts'), more ? import('./echarts-more') : undefined]);
      if (gone || !box.current) return;
      const made = init(box.current, null, { renderer: 'canvas' });
      chart.current = made;
      made.on('click', (e) => handlers.current.onPick?.(String(e.name ?? ''), { dataIndex: e.dataIndex, seriesName: e.seriesName, data: e.data }));
      made.on('brushEnd', (e) => {
        const range = (e as { areas?: { coordRange?: [number, number] }[] }).areas?.[0]?.coordRange;
        if (range) handlers.current.onBrush?.(Math.max(0, range[0]), range[1]);
      });
      watch = new ResizeObserver(() => made.resize({ animation: { duration: 0 } }));
      watch.observe(box.current);
      setReady(true);
    };
    void start();
    return () => {
      gone = true;
      watch?.disconnect();
      chart.current?.dispose();
      chart.current = undefined;
    };
  }, [more]);

  useEffect(() => {
    const made = chart.current;
    if (!ready || !made) return;
    const c = colours();
    made.setOption({ animation: !reduced.matches, animationDuration: 250, animationDurationUpdate: 200, textStyle: { fontFamily: c.font, color: c.muted }, color: c.series, ...option(c) }, { notMerge: true });
    if (handlers.current.onBrush)
      made.dispatchAction({ type: 'takeGlobalCursor', key: 'brush', brushOption: { brushType: 'lineX', brushMode: 'single' } });
    onReady?.(() => made.getDataURL({ type: 'png', pixelRatio: 2, backgroundColor: c.surface }));
    if (box.current) box.current.dataset.drawn = 'yes';
  }, [option, ready, dark]);

  return (
    <figure class="chart">
      <div ref={box} class="chart-box" style={{ height: `${height}px`, display: asTable ? 'none' : undefined }} role="img" aria-label={label} />
      {asTable && (
        <div class="table-scroll chart-table" style={{ maxHeight: `${height}px` }} tabIndex={0} role="region" aria-label={label}>
          <table>
            <caption class="off-screen">{label}</caption>
            <thead>
              <tr>
                {table.head.map((h, i) => (
                  <th key={h} scope="col" class={i ? 'figure' : undefined}>
                    {h}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row, at) => (
                <tr key={at}>
                  {row.map((cell, i) => (
                    <td key={i} class={i ? 'figure' : undefined}>
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <button type="button" class="chart-toggle" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
        <Icon name={asTable ? 'units' : 'table'} size={14} />
        {asTable ? 'Picture' : 'Table'}
      </button>
    </figure>
  );
}
