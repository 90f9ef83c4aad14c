// Asks this gateway's API, and nothing else. `useApi` shows the last answer while a new one is on its way, so that no
// picture jumps; a question that several parts of a page ask at once goes out once.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** A page of another site cannot send this: a session's changes want it. */
const OURS = { 'x-weir-console': '1' };

export type Query = Record<string, string | number | string[] | undefined | null>;

/** Path and query; a list is given once for each of its values, as the API reads `where`. */
export function apiPath(path: string, query: Query = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) words.append(name, String(one));
  }
  const text = words.toString();
  return `/api/v1/${path}${text ? `?${text}` : ''}`;
}

async function fetched(url: string, init?: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url, { credentials: 'same-origin', ...init });
  } catch (fault) {
    if ((fault as Error).name === 'AbortError') throw fault;
    throw new ApiError(0, 'The gateway does not answer. Is weir serve running?');
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let message = text.slice(0, 300);
  try {
    message = JSON.parse(text).error.message;
  } catch {
    // not JSON: its text is what there is to say
  }
  throw new ApiError(answer.status, message || `The gateway answered ${answer.status}.`);
}

export async function get<T>(url: string, signal?: AbortSignal): Promise<T> {
  return (await fetched(url, { signal })).json() as Promise<T>;
}

export async function send<T>(method: 'POST' | 'PUT' | 'DELETE', url: string, body?: unknown): Promise<T> {
  const answer = await fetched(url, {
    method,
    headers: { 'x-weir-console': '1', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  forget();
  return answer.json() as Promise<T>;
}

/** A question with a body: nothing is changed by it. */
export async function ask<T>(url: string, body: unknown): Promise<T> {
  const answer = await fetched(url, { method: 'POST', headers: { ...OURS, 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return answer.json() as Promise<T>;
}

interface Kept {
  at: number;
  value?: unknown;
  pending?: Promise<unknown>;
}

const KEPT_MOST = 200;
const SAME_MS = 1000; // two parts of a page that ask the same within this time are answered once
const kept = new Map<string, Kept>();
const listeners = new Set<() => void>();

/** What was answered before is old: everything that is on the screen is asked for again. */
export function forget(): void {
  for (const one of kept.values()) one.at = 0;
  for (const tell of listeners) tell();
}

function fresh<T>(url: string): Promise<T> {
  const known = kept.get(url);
  if (known?.pending) return known.pending as Promise<T>;
  if (known && known.value !== undefined && Date.now() - known.at < SAME_MS) return Promise.resolve(known.value as T);
  const pending = get<T>(url).then(
    (value) => {
      kept.delete(url);
      kept.set(url, { at: Date.now(), value });
      if (kept.size > KEPT_MOST) kept.delete(kept.keys().next().value as string);
      return value;
    },
    (fault) => {
      kept.delete(url);
      throw fault;
    },
  );
  kept.set(url, { at: known?.at ?? 0, value: known?.value, pending });
  return pending;
}

export interface Answer<T> {
  data: T | undefined;
  error: ApiError | undefined;
  /** An answer is on its way. */
  loading: boolean;
  /** What is shown belongs to an earlier question. */
  stale: boolean;
  again: () => void;
}

/** url null: nothing is asked. everyS: asked again every so many seconds while the page is looked at. */
export function useApi<T>(url: string | null, everyS = 0): Answer<T> {
  const [state, set] = useState<{ url: string | null; data?: T; error?: ApiError; loading: boolean }>(() => ({
    url,
    data: url ? (kept.get(url)?.value as T | undefined) : undefined,
    loading: url !== null,
  }));
  const current = useRef(url);
  current.current = url;
  const load = useCallback(() => {
    if (!url) return;
    fresh<T>(url).then(
      (data) => current.current === url && set({ url, data, loading: false }),
      (error) => current.current === url && set((old) => ({ url, data: old.url === url ? old.data : undefined, error, loading: false })),
    );
  }, [url]);
  useEffect(() => {
    if (!url) {
      set({ url, loading: false });
      return;
    }
    const value = kept.get(url)?.value as T | undefined;
    set((old) => ({ url: value === undefined ? old.url : url, data: value ?? old.data, loading: true }));
    load();
    listeners.add(load);
    const timer = everyS ? setInterval(() => document.visibilityState === 'visible' && load(), everyS * 1000) : undefined;
    return () => {
      listeners.delete(load);
      clearInterval(timer);
    };
  }, [url, everyS, load]);
  return { data: state.data, error: state.error, loading: state.loading, stale: state.data !== undefined && state.url !== url, again: load };
}
