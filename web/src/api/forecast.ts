// GET /api/v1/forecast: what the day, the week and the month will come to, and how each budget's window will end.
import { apiPath, useApi } from './client';
import type { Known } from './types';

export interface ExpectedPeriod {
  period: 'day' | 'week' | 'month';
  so_far_nanousd: Known;
  expected_nanousd: Known;
  low_nanousd: Known;
  high_nanousd: Known;
  before_nanousd: Known;
}

export interface ExpectedBudget {
  budget: string;
  /** "all" of a budget for everybody. */
  for: string;
  window: string;
  unit: string;
  so_far: Known;
  limit: Known;
  expected: Known;
  low: Known;
  high: Known;
  spent_at: string | null;
  state: 'within' | 'will be spent' | 'spent';
}

export interface Forecast {
  tables: { periods?: { rows: ExpectedPeriod[] }; budgets?: { rows: ExpectedBudget[] } };
  notes: string[];
}

/** A forecast moves slowly, and costs the ledger more than a sum does. */
export const useForecast = () => useApi<Forecast>(apiPath('forecast'), 120);

export const expectedOf = (f: Forecast | undefined, budget: string, counter: string | null): ExpectedBudget | undefined =>
  f?.tables.budgets?.rows.find((b) => b.budget === budget && b.for === (counter ?? 'all'));
