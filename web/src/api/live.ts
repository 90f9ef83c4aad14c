// What goes on just now, by server-sent events: one stream for the whole page, open while somebody looks at it.
import { useEffect, useState } from 'preact/hooks';
import { forget } from './client';

export interface LiveSession {
  id: string;
  key_id: string | null;
  user: string | null;
  team: string | null;
  agent: string | null;
  repo: string | null;
  branch: string | null;
  model: string | null;
  state: string;
  since: string;
  seen: string;
  calls: number;
  refused: number;
  turn: number | null;
  context_tokens: number | null;
  spent_nanousd: number;
  minute_nanousd: number;
  five_minutes_nanousd: number;
  loop: boolean;
  rule: string | null;
  explanation: string | null;
}

export interface Live {
  time: string;
  burn: { minute_nanousd: number; five_minutes_nanousd: number; minute_calls: number; slot_ms: number; slots_nanousd: number[] };
  calls_in_flight: number;
  draining: boolean;
  ledger_failing: boolean;
  sessions: Map<string, LiveSession>;
}

type Message = Omit<Live, 'sessions'> & { sessions: LiveSession[]; sessions_changed?: number };

const SESSIONS_MOST = 10000;
const AGAIN_MS = 8000; // reports are asked for again this long after something happened, not more often
const TURNED_AWAY_MS = 15000;
const CLOSE_MS = 20000; // a page that nobody looks at listens no more

let source: EventSource | undefined;
let state: Live | undefined;
let closing: ReturnType<typeof setTimeout> | undefined;
let renewing: ReturnType<typeof setTimeout> | undefined;
const watchers = new Set<(live: Live) => void>();

function take(text: string, whole: boolean): void {
  const message = JSON.parse(text) as Message;
  const sessions = whole || !state ? new Map<string, LiveSession>() : new Map(state.sessions);
  for (const s of message.sessions ?? []) {
    sessions.delete(s.id);
    sessions.set(s.id, s);
  }
  while (sessions.size > SESSIONS_MOST) sessions.delete(sessions.keys().next().value as string);
  state = { ...(state as Live), ...message, sessions };
  for (const tell of watchers) tell(state);
  if (!whole && (message.sessions?.length || 'budgets' in message || 'freezes' in message))
    renewing ??= setTimeout(() => {
      renewing = undefined;
      if (document.visibilityState === 'visible') forget();
    }, AGAIN_MS);
}

function open(): void {
  clearTimeout(closing);
  if (source && source.readyState !== EventSource.CLOSED) return;
  source = new EventSource('/api/v1/events');
  source.addEventListener('state', (e) => take((e as MessageEvent<string>).data, true));
  source.addEventListener('change', (e) => take((e as MessageEvent<string>).data, false));
  // a connection that breaks is taken up again by the browser; one that was turned away (too many listen) is not
  source.addEventListener('error', () => {
    if (source?.readyState === EventSource.CLOSED) {
      clearTimeout(closing);
      closing = setTimeout(() => watchers.size && open(), TURNED_AWAY_MS);
    }
  });
}

function close(): void {
  source?.close();
  source = undefined;
}

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') {
    if (watchers.size) {
      open();
      forget();
    }
  } else {
    clearTimeout(closing);
    closing = setTimeout(close, CLOSE_MS);
  }
});

/** undefined until the first message is there. */
export function useLive(): Live | undefined {
  const [live, set] = useState(state);
  useEffect(() => {
    watchers.add(set);
    open();
    return () => {
      watchers.delete(set);
      if (!watchers.size) {
        clearTimeout(closing);
        closing = setTimeout(close, CLOSE_MS);
      }
    };
  }, []);
  return live;
}
