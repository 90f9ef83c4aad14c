// The pages, in the order of the navigation.
import type { ComponentType } from 'preact';
import { lazy } from './lazy';
import type { IconName } from './ui/icons';

export interface PageEntry {
  path: string;
  label: string;
  icon: IconName;
  Page: ComponentType<{ rest: string }>;
  /** Needs to see what everybody does. */
  all?: boolean;
}

export const PAGES: PageEntry[] = [
  { path: '/', label: 'Overview', icon: 'overview', Page: lazy(() => import('./pages/overview')) },
  { path: '/explore', label: 'Explore', icon: 'explore', Page: lazy(() => import('./pages/explore')) },
  { path: '/budgets', label: 'Budgets', icon: 'budgets', Page: lazy(() => import('./pages/budgets')) },
  { path: '/sessions', label: 'Sessions', icon: 'sessions', Page: lazy(() => import('./pages/sessions')) },
  { path: '/incidents', label: 'Incidents', icon: 'incidents', Page: lazy(() => import('./pages/incidents')) },
  { path: '/units', label: 'Unit costs', icon: 'units', Page: lazy(() => import('./pages/units')) },
  { path: '/rollout', label: 'Rollout', icon: 'rollout', Page: lazy(() => import('./pages/rollout')), all: true },
  { path: '/setup', label: 'Set-up', icon: 'setup', Page: lazy(() => import('./pages/setup')) },
];
