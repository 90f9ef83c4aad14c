// Parts of a whole, and flows from one dimension to the next.
import { useMemo } from 'preact/hooks';
import type { Report, ReportRow } from '../api/types';
import { Chart, type Colours, tooltip, tooltipBox } from './chart';
import { nameOf, percent } from './format';
import { figure } from './series';

interface Props {
  report: Report;
  measure: string;
  format: (v: number) => string;
  onPick: (dimension: string, value: string | null) => void;
  onReady?: (png: () => string) => void;
}

interface Leaf {
  name: string;
  value: number;
  dimension?: string;
  key?: string | null;
  children?: Leaf[];
  itemStyle?: { color: string };
}

const FIRST_MOST = 18;
const EACH_MOST = 14;

/** The largest, and the rest as one. */
function cut(leaves: Leaf[], most: number): Leaf[] {
  const sorted = leaves.sort((a, b) => b.value - a.value);
  if (sorted.length <= most) return sorted;
  const rest = sorted.slice(most - 1);
  return [...sorted.slice(0, most - 1), { name: `${rest.length} others`, value: rest.reduce((n, l) => n + l.value, 0) }];
}

function treeOf(rows: ReportRow[], by: string[], measure: string, most: number): Leaf[] {
  const [dimension, ...deeper] = by;
  if (!dimension) return [];
  const groups = new Map<string, ReportRow[]>();
  for (const row of rows) {
    const key = String(row[dimension] ?? '\u0000');
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return cut(
    [...groups].map(([key, of]) => ({
      name: nameOf(key === '\u0000' ? null : key),
      key: key === '\u0000' ? null : key,
      dimension,
      value: of.reduce((n, r) => n + figure(r, measure), 0),
      children: deeper.length ? treeOf(of, deeper, measure, EACH_MOST) : undefined,
    })),
    most,
  ).filter((l) => l.value > 0);
}

export function Treemap({ report, measure, format, onPick, onReady }: Props) {
  const tree = useMemo(() => treeOf(report.rows, report.by.slice(0, 2), measure, FIRST_MOST), [report, measure]);
  const total = tree.reduce((n, l) => n + l.value, 0);
  const deep = report.by.length > 1;
  const option = useMemo(
    () => (c: Colours) => ({
      tooltip: {
        ...tooltip(c),
        formatter: (p: { name: string; value: number; treePathInfo: { name: string }[] }) =>
          tooltipBox(p.treePathInfo.slice(1).map((t) => t.name).join(' · '), [{ name: percent(total ? p.value / total : null, 1), value: format(p.value) }]),
      },
      series: [
        {
          type: 'treemap',
          roam: false,
          nodeClick: false,
          breadcrumb: { show: false },
          left: 0,
          right: 0,
          top: 0,
          bottom: 0,
          squareRatio: 1.4,
          data: tree.map((leaf, i) => ({ ...leaf, itemStyle: { color: leaf.dimension ? c.series[i % 9] : c.series[9] } })),
          levels: [
            { itemStyle: { borderColor: c.surface, borderWidth: 0, gapWidth: 4 } },
            { itemStyle: { borderColor: c.surface, borderWidth: deep ? 1 : 0, gapWidth: 1 }, upperLabel: { show: deep, height: 22, color: c.text, backgroundColor: c.surface, fontWeight: 600, fontSize: 12, formatter: (p: { name: string; value: number }) => `${p.name}  ${format(p.value)}` } },
            { itemStyle: { borderColor: c.surface, borderWidth: 0, gapWidth: 1 } },
          ],
          label: { show: true, color: '#fff', fontSize: 12, lineHeight: 16, padding: [2, 4], position: 'insideTopLeft', overflow: 'truncate', textShadowColor: 'rgba(0,0,0,.55)', textShadowBlur: 3, formatter: (p: { name: string; value: number }) => `${p.name}\n${format(p.value)}` },
        },
      ],
    }),
    [tree, total, format, deep],
  );
  const table = useMemo(() => ({ head: ['', 'Amount', 'Share'], rows: tree.map((l) => [l.name, format(l.value), percent(total ? l.value / total : null, 1)]) }), [tree, total, format]);
  return (
    <Chart
      more
      option={option}
      height={400}
      label={`Parts of the whole by ${report.by.slice(0, 2).join(' and ')}`}
      table={table}
      onReady={onReady}
      onPick={(_, e) => {
        const leaf = e.data as Leaf | undefined;
        if (leaf?.dimension && leaf.key !== undefined) onPick(leaf.dimension, leaf.key);
      }}
    />
  );
}

interface Node {
  name: string;
  level: number;
  key: string | null | undefined;
}

const NODES_MOST = 12;

export function Flow({ report, measure, format, onPick, onReady }: Props) {
  const by = report.by.slice(0, 4);
  const { nodes, links } = useMemo(() => flowOf(report, by, measure), [report, measure]);
  const option = useMemo(
    () => (c: Colours) => ({
      tooltip: {
        ...tooltip(c),
        formatter: (p: { dataType: string; name: string; value: number; data: { source?: string; target?: string } }) =>
          p.dataType === 'edge' ? tooltipBox(`${shown(p.data.source)} → ${shown(p.data.target)}`, [{ name: '', value: format(p.value) }]) : tooltipBox(shown(p.name), [{ name: '', value: format(p.value) }]),
      },
      series: [
        {
          type: 'sankey',
          left: 4,
          right: 150,
          top: 8,
          bottom: 8,
          nodeWidth: 12,
          nodeGap: 9,
          draggable: false,
          emphasis: { focus: 'adjacency' },
          data: nodes.map((n, i) => ({ name: n.name, depth: n.level, itemStyle: { color: n.key === undefined ? c.series[9] : c.series[i % 9], borderWidth: 0 } })),
          links,
          lineStyle: { color: 'source', opacity: 0.28, curveness: 0.5 },
          label: { color: c.text, fontSize: 12, width: 140, overflow: 'truncate', formatter: (p: { name: string }) => shown(p.name) },
        },
      ],
    }),
    [nodes, links, format],
  );
  const table = useMemo(() => ({ head: ['From', 'To', 'Amount'], rows: links.map((l) => [shown(l.source), shown(l.target), format(l.value)]) }), [links, format]);
  return (
    <Chart
      more
      option={option}
      height={Math.max(400, Math.min(700, nodes.length * 22))}
      label={`Flow from ${by.join(' to ')}`}
      table={table}
      onReady={onReady}
      onPick={(name) => {
        const node = nodes.find((n) => n.name === name);
        const dimension = node && by[node.level];
        if (node && dimension && node.key !== undefined) onPick(dimension, node.key);
      }}
    />
  );
}

const shown = (name: string | undefined): string => (name ?? '').slice(2);

function flowOf(report: Report, by: string[], measure: string): { nodes: Node[]; links: { source: string; target: string; value: number }[] } {
  // of each level the largest, the rest as one node
  const kept = by.map((d) => {
    const sums = new Map<string | null, number>();
    for (const r of report.rows) sums.set((r[d] as string | null) ?? null, (sums.get((r[d] as string | null) ?? null) ?? 0) + figure(r, measure));
    return new Set([...sums].sort((a, b) => b[1] - a[1]).slice(0, sums.size > NODES_MOST ? NODES_MOST - 1 : NODES_MOST).map(([k]) => k));
  });
  const nodes = new Map<string, Node>();
  const links = new Map<string, { source: string; target: string; value: number }>();
  const nodeOf = (row: ReportRow, level: number): string => {
    const key = (row[by[level] as string] as string | null) ?? null;
    const known = kept[level]?.has(key);
    const name = `${level}:${known ? nameOf(key) : 'others'}`;
    if (!nodes.has(name)) nodes.set(name, { name, level, key: known ? key : undefined });
    return name;
  };
  for (const row of report.rows) {
    const value = figure(row, measure);
    if (value <= 0) continue;
    for (let level = 0; level + 1 < by.length; level++) {
      const source = nodeOf(row, level);
      const target = nodeOf(row, level + 1);
      const id = `${source}\n${target}`;
      const link = links.get(id) ?? { source, target, value: 0 };
      link.value += value;
      links.set(id, link);
    }
  }
  return { nodes: [...nodes.values()], links: [...links.values()].sort((a, b) => b.value - a.value) };
}
