// What counters of budgets have used of their limits.
import type { Budget } from '../api/types';
import { amountNumber } from './format';
import type { Tone } from './parts';

/** A counter of a budget with what it has used of its limit. */
export interface Used {
  budget: Budget;
  label: string | null;
  settled: string;
  limit: string;
  share: number;
  held: number;
}

export function usedOf(budgets: Budget[]): Used[] {
  return budgets
    .flatMap((budget) =>
      budget.counters.map((c) => {
        const limit = (amountNumber(budget.limit) ?? 0) + (amountNumber(c.lifted) ?? 0);
        const settled = amountNumber(c.settled) ?? 0;
        return { budget, label: c.for, settled: c.settled, limit: budget.limit, share: limit > 0 ? settled / limit : 0, held: limit > 0 ? (amountNumber(c.held) ?? 0) / limit : 0 };
      }),
    )
    .sort((a, b) => b.share - a.share);
}

export const toneOf = (share: number): Tone => (share >= 1 ? 'bad' : share >= 0.8 ? 'warn' : 'good');
