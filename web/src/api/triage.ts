// GET /api/v1/triage, as docs/triage.md has it.
import type { Known } from './types';

export interface Said {
  dimension: string;
  value: string | null;
}

export interface Cause {
  what: Said[];
  same: Said[];
  cost_nanousd: number;
  usual_nanousd: number;
  rise_nanousd: number;
  share: number;
  new: boolean;
  users: number;
  sessions: number;
  calls: number;
}

export interface Factor {
  factor: string;
  what: string;
  rise_nanousd: number;
  times: Known;
  before: Known;
  after: Known;
}

export interface TriageSession {
  session: string;
  user: string | null;
  team: string | null;
  key_id: string | null;
  agent: string | null;
  model: string | null;
  repo: string | null;
  first: string | null;
  last: string | null;
  calls: number;
  retries: number;
  storms: number;
  rule: string | null;
  evidence: string | null;
  cost_nanousd: number;
  first_context_tokens: Known;
  last_context_tokens: Known;
  cache_hit_ratio: Known;
}

export interface Triage {
  window: { since: string; until: string; found: boolean; unusual: boolean | null };
  measure: string;
  cost_nanousd: number;
  usual_nanousd: number;
  rise_nanousd: number;
  times: Known;
  refused: number;
  unpriced: number;
  causes: Cause[];
  factors: Factor[];
  cause_factors: Factor[];
  dimensions: Record<string, { value: string | null; cost_nanousd: number; usual_nanousd: number; rise_nanousd: number }[]>;
  sessions: TriageSession[];
  first: string | null;
  step_s: number;
  timeline: { time: string; cost_nanousd: number; usual_nanousd: number }[];
  near: { time: string; kind: string; dimension: string | null; text: string | null; who: string | null }[];
  contain: { command?: string; settings?: string; does: string }[];
}
