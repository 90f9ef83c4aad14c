// Rows of a report as series over time, the largest first and the rest added up, so that a picture stays readable.
import type { Report, ReportRow } from '../api/types';
import { nameOf } from './format';

export interface Series {
  name: string;
  /** The dimension's value; undefined for the sum of the others. */
  key: string | null | undefined;
  values: number[];
  total: number;
}

export interface Over {
  buckets: string[];
  series: Series[];
}

export const figure = (row: ReportRow, measure: string): number => Number(row[measure] ?? 0);

const nextDay = (bucket: string): string => {
  const at = new Date(`${bucket}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + 1);
  return at.toISOString().slice(0, 10);
};

/** Days without a call have no row: they are put in, as nothing was spent. */
export function everyDay(buckets: string[], from: string, to: string): string[] {
  if (!/^\d{4}-\d\d-\d\d$/.test(from)) return buckets;
  const all: string[] = [];
  for (let day = from; day <= to && all.length < 800; day = nextDay(day)) all.push(day);
  return all;
}

export function overTime(report: Report, measure: string, most = 7, range?: [string, string]): Over {
  const by = report.by[0];
  const known = [...new Set(report.rows.map((r) => String(r.bucket)))].sort();
  const buckets = range ? everyDay(known, range[0], range[1]) : report.per === 'day' && known.length ? everyDay(known, known[0] as string, known[known.length - 1] as string) : known;
  const index = new Map(buckets.map((b, i) => [b, i]));
  const groups = new Map<string, Series>();
  for (const row of report.rows) {
    const at = index.get(String(row.bucket));
    if (at === undefined) continue;
    const key = by ? ((row[by] as string | null) ?? null) : null;
    const id = key === null ? '\u0000' : String(key);
    let group = groups.get(id);
    if (!group) groups.set(id, (group = { name: by ? nameOf(key) : 'all', key, values: buckets.map(() => 0), total: 0 }));
    const value = figure(row, measure);
    group.values[at] = (group.values[at] ?? 0) + value;
    group.total += value;
  }
  const sorted = [...groups.values()].sort((a, b) => b.total - a.total);
  if (sorted.length <= most) return { buckets, series: sorted };
  const rest = sorted.slice(most - 1);
  const others: Series = { name: `${rest.length} others`, key: undefined, values: buckets.map((_, i) => rest.reduce((sum, s) => sum + (s.values[i] ?? 0), 0)), total: rest.reduce((sum, s) => sum + s.total, 0) };
  return { buckets, series: [...sorted.slice(0, most - 1), others] };
}

/** The day of an instant by the gateway's calendar: 2026-11-24. */
export function dayOf(iso: string, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).formatToParts(new Date(iso));
  const of = (type: string) => parts.find((p) => p.type === type)?.value ?? '';
  return `${of('year')}-${of('month')}-${of('day')}`;
}

export function shiftDay(day: string, by: number): string {
  const at = new Date(`${day}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + by);
  return at.toISOString().slice(0, 10);
}
