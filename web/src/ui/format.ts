// Figures for people, in the reader's own locale. What is not known is said to be so: it is never a zero.
export const UNKNOWN = '–';
const NANO = 1e9;

type Value = number | null | undefined;

const locale = typeof navigator === 'undefined' ? 'en' : navigator.languages;
const made = new Map<string, Intl.NumberFormat>();

function number(key: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  let format = made.get(key);
  if (!format) made.set(key, (format = new Intl.NumberFormat(locale as string[], options)));
  return format;
}

const dollars = (digits: number) =>
  number(`usd${digits}`, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', minimumFractionDigits: digits, maximumFractionDigits: digits });

/** An amount of nano-dollars: cents, and more digits where cents would say nothing. */
export function money(nano: Value): string {
  if (nano === null || nano === undefined) return UNKNOWN;
  const usd = nano / NANO;
  const size = Math.abs(usd);
  if (size >= 100_000) return dollars(0).format(usd);
  if (size === 0 || size >= 0.1) return dollars(2).format(usd);
  return dollars(size >= 0.001 ? 4 : 6).format(usd);
}

/** A price: to its last digit. */
export const price = (nano: Value): string =>
  nano === null || nano === undefined ? UNKNOWN : number('price', { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', minimumFractionDigits: 2, maximumFractionDigits: 9 }).format(nano / NANO);

/** For axes and narrow places: $1.2K. */
export function moneyShort(nano: Value): string {
  if (nano === null || nano === undefined) return UNKNOWN;
  const usd = nano / NANO;
  if (Math.abs(usd) >= 1000)
    return number('usdc', { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', notation: 'compact', maximumFractionDigits: 1 }).format(usd);
  if (usd === 0) return dollars(0).format(0);
  return dollars(Math.abs(usd) >= 10 ? 0 : Math.abs(usd) >= 0.1 ? 2 : 4).format(usd);
}

export function count(n: Value): string {
  return n === null || n === undefined ? UNKNOWN : number('n', { maximumFractionDigits: 0 }).format(n);
}

export function compact(n: Value): string {
  if (n === null || n === undefined) return UNKNOWN;
  return number('c', { notation: 'compact', maximumSignificantDigits: 3 }).format(n);
}

export function percent(ratio: Value, digits = 0): string {
  return ratio === null || ratio === undefined || !Number.isFinite(ratio) ? UNKNOWN : number(`p${digits}`, { style: 'percent', maximumFractionDigits: digits }).format(ratio);
}

/** A change against an earlier figure: +12 %; nothing to compare with: null. */
export function change(now: Value, before: Value): string | null {
  if (now === null || now === undefined || !before) return null;
  const ratio = now / before - 1;
  if (ratio > 9.99) return `×${number('x', { maximumSignificantDigits: 2 }).format(now / before)}`;
  return number('d', { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' }).format(ratio);
}

export function duration(seconds: Value): string {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min${s % 60 && s < 600 ? ` ${s % 60} s` : ''}`;
  if (s < 86400) return `${Math.floor(s / 3600)} h${Math.floor((s % 3600) / 60) ? ` ${Math.floor((s % 3600) / 60)} min` : ''}`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

let zone: string | undefined;

/** Days and hours are the gateway's: its calendar is what budgets follow. */
export function setZone(name: string | undefined): void {
  try {
    if (name) new Intl.DateTimeFormat(undefined, { timeZone: name });
    zone = name || 'UTC';
  } catch {
    zone = 'UTC';
  }
}

export const zoneName = (): string => zone ?? 'UTC';

const date = (iso: string | null | undefined, options: Intl.DateTimeFormatOptions): string => {
  const at = iso ? new Date(iso) : undefined;
  return at && !Number.isNaN(at.getTime()) ? new Intl.DateTimeFormat(locale as string[], { timeZone: zone, ...options }).format(at) : UNKNOWN;
};

export const day = (iso: string | null | undefined) => date(iso, { day: 'numeric', month: 'short' });
export const dateTime = (iso: string | null | undefined) => date(iso, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
export const dateTimeFull = (iso: string | null | undefined) => date(iso, { dateStyle: 'full', timeStyle: 'long' });
export const clock = (iso: string | null | undefined) => date(iso, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export function ago(iso: string | null | undefined, now = Date.now()): string {
  const at = iso ? Date.parse(iso) : Number.NaN;
  if (Number.isNaN(at)) return UNKNOWN;
  const s = Math.round((at - now) / 1000);
  const relative = new Intl.RelativeTimeFormat(locale as string[], { numeric: 'auto', style: 'short' });
  const size = Math.abs(s);
  if (size < 60) return relative.format(s, 'second');
  if (size < 3600) return relative.format(Math.round(s / 60), 'minute');
  if (size < 86400) return relative.format(Math.round(s / 3600), 'hour');
  return relative.format(Math.round(s / 86400), 'day');
}

/** A report's bucket as a label: "24 Nov", "24 Nov, 14:00", "week 47", "Nov 2026". */
export function bucketLabel(bucket: string): string {
  const week = /^\d{4}-W(\d\d)$/.exec(bucket);
  if (week) return `week ${Number(week[1])}`;
  if (/^\d{4}-\d\d$/.test(bucket)) return local(`${bucket}-01T00:00:00Z`, { month: 'short', year: 'numeric' });
  if (/T/.test(bucket)) return local(`${bucket.slice(0, 16)}:00Z`, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
  return local(`${bucket}T00:00:00Z`, { day: 'numeric', month: 'short' });
}

/** A bucket is a local time already: it is only written out. */
function local(iso: string, options: Intl.DateTimeFormatOptions): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : new Intl.DateTimeFormat(locale as string[], { timeZone: 'UTC', ...options }).format(at);
}

/** Texts from outside: what turns the direction of writing, and other unseen characters, are taken out. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, ' ').trim();
}

export const nameOf = (text: string | number | null | undefined): string => (text === null || text === undefined || text === '' ? 'unknown' : plain(String(text)) || 'unknown');

/** "12.34 USD" of the budgets' API in nano-dollars; null for other units. */
export function amountNano(text: string | null | undefined): number | null {
  const found = /^(-?[\d.]+) USD$/.exec(text ?? '');
  return found ? Math.round(Number(found[1]) * NANO) : null;
}

/** An amount of a budget: money, tokens or calls. */
export function amount(text: string | null | undefined): string {
  if (!text) return UNKNOWN;
  const nano = amountNano(text);
  if (nano !== null) return money(nano);
  const other = /^(-?[\d.]+) (\w+)$/.exec(text);
  return other ? `${compact(Number(other[1]))} ${other[2]}` : text;
}

export const amountNumber = (text: string | null | undefined): number | null => {
  const found = /^(-?[\d.]+)\b/.exec(text ?? '');
  return found ? Number(found[1]) : null;
};
