// The pages, in the order of the navigation.
import { type LazyPage, lazy } from './lazy';
import type { IconName } from './ui/icons';

export interface PageEntry {
  path: string;
  label: string;
  icon: IconName;
  Page: LazyPage;
  /** Draws at once: its pictures' program is fetched beside it. */
  draws?: boolean;
  /** Needs to see what everybody does. */
  all?: boolean;
}

export const PAGES: PageEntry[] = [
  { path: '/', label: 'Overview', icon: 'overview', Page: lazy(() => import('./pages/overview')), draws: true },
  { path: '/explore', label: 'Explore', icon: 'explore', Page: lazy(() => import('./pages/explore')), draws: true },
  { path: '/budgets', label: 'Budgets', icon: 'budgets', Page: lazy(() => import('./pages/budgets')), draws: true },
  { path: '/sessions', label: 'Sessions', icon: 'sessions', Page: lazy(() => import('./pages/sessions')) },
  { path: '/incidents', label: 'Incidents', icon: 'incidents', Page: lazy(() => import('./pages/incidents')), draws: true },
  { path: '/savings', label: 'Savings', icon: 'savings', Page: lazy(() => import('./pages/savings')) },
  { path: '/units', label: 'Unit costs', icon: 'units', Page: lazy(() => import('./pages/units')), draws: true },
  { path: '/rollout', label: 'Rollout', icon: 'rollout', Page: lazy(() => import('./pages/rollout')), all: true },
  { path: '/setup', label: 'Set-up', icon: 'setup', Page: lazy(() => import('./pages/setup')) },
];

export const pageAt = (path: string): PageEntry | undefined => PAGES.find((p) => (p.path === '/' ? path === '/' : path === p.path || path.startsWith(`${p.path}/`)));
