// The shapes of /api/v1, as /api/v1/openapi.json describes them. Money is in nano-dollars; null is "not known", never zero.

export type Known = number | null;

export interface Me {
  user: string | null;
  team: string | null;
  key: string | null;
  role: 'agent' | 'developer' | 'viewer' | 'operator' | 'owner';
  sees_all: boolean;
  timezone: string;
  simulated: boolean;
  /** Where agents call. */
  gateway: string;
}

/** A row of a report: its dimensions (text or null), `bucket` when there is a `per`, and the measures. */
export type ReportRow = Record<string, string | number | null>;

export interface Report {
  by: string[];
  per: string | null;
  since: string;
  until: string;
  rows: ReportRow[];
  total: Record<string, Known>;
}

export interface Counter {
  for: string | null;
  settled: string;
  held: string;
  lifted: string;
  left: string;
  calls: number;
  held_since: string | null;
  from: string | null;
  until: string | null;
}

export interface Budget {
  name: string;
  window: string;
  limit: string;
  each: string[];
  /** Its `where` as a report takes it; null when a report cannot say it. */
  where: string[] | null;
  action: string;
  mode: string;
  override: string | null;
  source: 'file' | 'api';
  counters: Counter[];
}

export interface Override {
  id: string;
  budget: string;
  for: Record<string, string>;
  add: string | null;
  state: 'active' | 'waiting' | 'refused';
  until: string | null;
  requested_by: string | null;
  decided_by: string | null;
  reason: string | null;
}

export interface Session {
  id: string;
  key_id: string | null;
  state: 'running' | 'paused' | 'stopped';
  reason: string | null;
  agent: string | null;
  directory: string | null;
  parent: string | null;
  started: string | null;
  seen: string | null;
  turns: Known;
  calls: number;
  retries: number;
  compactions: number;
  elapsed_s: number;
  active_s: number;
  cost_nanousd: Known;
  outcome: string | null;
}

export interface Turn {
  call: string;
  time: string;
  subagent: string | null;
  model: string | null;
  turn: Known;
  attempt: Known;
  context_tokens: Known;
  cache_read_tokens: Known;
  cost_nanousd: Known;
  ending: string;
  rule: string | null;
}

export interface SessionDetail {
  sessions: Session[];
  growth: { tokens_per_turn: Known; context_tokens: Known; context_window: Known };
  turns: Turn[];
  anatomy: Report;
}

/** A row of the ledger; of its fields those that the page shows. */
export interface Call {
  id: string;
  time: string;
  provider: string;
  model_requested: string | null;
  model_served: string | null;
  user: string | null;
  team: string | null;
  repo: string | null;
  branch: string | null;
  agent: string | null;
  session: string | null;
  subagent: string | null;
  turn: Known;
  status: number;
  ending: string;
  decision: string;
  rule: string | null;
  explanation: string | null;
  context_tokens: Known;
  output_tokens: Known;
  cost_nanousd: Known;
  input_tokens: Known;
  cache_read_tokens: Known;
  cache_write_5m_tokens: Known;
  cache_write_1h_tokens: Known;
  tool_calls: Known;
  duration_ms: Known;
}

export interface Key {
  id: string;
  user: string | null;
  team: string | null;
  role: string;
  state: 'active' | 'expired' | 'revoked';
  created: string | null;
  expires: string | null;
  revoked: string | null;
  attributes: Record<string, string>;
}

export interface Team {
  name: string;
  cost_centre: string | null;
  members: string[];
  source: 'file' | 'api';
}

export interface Change {
  seq: number;
  time: string;
  actor: string | null;
  action: string;
  subject: string | null;
  before: unknown;
  after: unknown;
  reason: string | null;
}

export interface Freeze {
  scope: string;
  value: string | null;
  by: string | null;
  since: string | null;
  reason: string | null;
}

export interface Alert {
  id: string;
  kind: string;
  severity: 'info' | 'warning' | 'critical';
  state: 'open' | 'resolved';
  title: string | null;
  text: string | null;
  evidence: string | null;
  look: string | null;
  contain: string | null;
  labels: Record<string, string>;
  since: string | null;
  raised: string;
  resolved: string | null;
  told: string | null;
  silence: string | null;
  count: number;
}

export interface Alerts {
  alerts: Alert[];
  silences: { id: string; alert?: string | null; where?: string | null; until: string | null; by?: string | null; reason?: string | null }[];
}

export interface ShadowRule {
  kind: string;
  name: string;
  mode: string | null;
  cohort: string | null;
  calls: number;
  cost_nanousd: number;
  users: number;
  first: string | null;
  last: string | null;
  example: string | null;
  affected: { user: string | null; calls: number; cost_nanousd: number }[];
}

export interface Shadow {
  since: string;
  complete: boolean;
  rules: ShadowRule[];
  cohorts: { cohort: string | null; cost_nanousd: Known; calls: number; refused: number; sessions: number; active_days: number; cache_hit_ppm: Known }[];
}

/** Whom a budget of that body would have stopped. */
export interface Preview {
  since: string;
  limit: string;
  complete: boolean;
  calls: number;
  counters: number;
  counters_stopped: number;
  stopped: number;
  stopped_nanousd: number;
  who: { for: string | null; window: string | null; first: string | null; stopped: number; beyond: string; stopped_nanousd: number }[];
}

export interface Quantiles {
  p50: Known;
  p95: Known;
  calls: number;
}

export interface Health {
  draining: boolean;
  ledger_failing: boolean;
  providers: { name: string; host: string | null; configured: boolean; calls: number; failed: number; throttled: number; refused: number; day_calls: number; day_failed: number; last: string | null; ttft_ms: Quantiles; duration_ms: Quantiles }[];
  limits: { provider: string; model: string; requests: Known; requests_left: Known; tokens: Known; tokens_left: Known; in_flight: number; waiting: number; blocked_ms: number }[];
}

export interface Prices {
  date: string | null;
  file: string | null;
  prices: { id: string; vendor: string; model: string; source: string | null; from: string | null; until: string | null; used: boolean; context_window: Known; max_output: Known; nanousd_per_million: Record<string, number> }[];
}

export interface SetupAnswer {
  gateway: string;
  loopback: boolean;
  calls: number;
  other_calls: number;
  agents: { agent: string; name: string; run: string | null; lines: string; calls: number }[];
}
