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

const BUCKETS_MOST = 2400;

/** Every day ("2026-11-24") or hour ("2026-11-24T14:00") of a range: those without a call have no row, and are put in. */
export function every(from: string, to: string): string[] {
  const hours = from.includes('T');
  const all: string[] = [];
  for (let at = Date.parse(hours ? `${from.slice(0, 16)}:00Z` : `${from}T00:00:00Z`); all.length < BUCKETS_MOST; at += hours ? 3600000 : 86400000) {
    const bucket = new Date(at).toISOString().slice(0, hours ? 16 : 10);
    if (!(bucket <= to)) break;
    all.push(bucket);
  }
  return all;
}

/** The first and the last bucket of a report by days or hours, by the gateway's calendar. */
export function rangeOf(report: Report, zone: string): [string, string] | undefined {
  const of = report.per === 'hour' ? hourOf : report.per === 'day' ? dayOf : undefined;
  const end = Math.min(Date.parse(report.until) - 1, Date.now());
  return of && [of(report.since, zone), of(new Date(end).toISOString(), zone)];
}

export function overTime(report: Report, measure: string, most = 7, range?: [string, string]): Over {
  const by = report.by[0];
  const known = [...new Set(report.rows.map((r) => String(r.bucket)))].sort();
  const [first, last] = range ?? [known[0], known[known.length - 1]];
  const buckets = first && last && (report.per === 'day' || report.per === 'hour') ? every(first, last) : known;
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

/** Its hour likewise: 2026-11-24T14:00. */
function hourOf(iso: string, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, hourCycle: 'h23', hour: '2-digit' }).formatToParts(new Date(iso));
  return `${dayOf(iso, zone)}T${parts.find((p) => p.type === 'hour')?.value ?? '00'}:00`;
}

export function shiftDay(day: string, by: number): string {
  const at = new Date(`${day}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + by);
  return at.toISOString().slice(0, 10);
}
