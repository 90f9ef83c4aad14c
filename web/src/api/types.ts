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
