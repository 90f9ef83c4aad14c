// GET /api/v1/overview: the first look in one answer.
import type { Known } from './types';

export interface Period {
  since: string;
  until: string;
  cost_nanousd: Known;
  subscription_nanousd: Known;
  calls: number;
  refused: number;
  sessions: number;
  cache_hit_ppm: Known;
  before: { since: string; until: string; cost_nanousd: Known; calls: number };
}

export interface Mover {
  by: string;
  value: string | null;
  cost_nanousd: number;
  before_nanousd: number;
}

/** A counter of a budget; amounts in nano-dollars when the unit is usd, else in the unit. */
export interface FullBudget {
  budget: string;
  for: string | null;
  unit: string;
  limit: number;
  settled: number;
  held: number;
  lifted: number;
  share_ppm: number;
  until: string | null;
}

export interface Overview {
  time: string;
  today: Period;
  week: Period;
  month: Period;
  movers: Mover[];
  loops: { since: string; sessions: number; refused: number; burnt_nanousd: number; next_hour_nanousd: number };
  /** What reading from the prompt cache saved this month at list prices, net of what writing it took more. */
  cache: { saved_nanousd: number; read_tokens: number; unpriced_tokens: number };
  unallocated: { cost_nanousd: number; calls: number };
  burn: { minute_nanousd: number; five_minutes_nanousd: number };
  budgets: FullBudget[];
}
