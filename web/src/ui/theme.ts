// Light or dark as the reader's system is, until the switch says otherwise; the choice stays in this browser.
import { useEffect, useState } from 'preact/hooks';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'weir-theme';
const CHANGED = 'weir:theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system';
  }
}

let chosen = stored();

function apply(): void {
  const root = document.documentElement;
  if (chosen === 'system') delete root.dataset.theme;
  else root.dataset.theme = chosen;
  dispatchEvent(new Event(CHANGED));
}

apply();
dark.addEventListener('change', apply);

export function setTheme(theme: Theme): void {
  chosen = theme;
  try {
    if (theme === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // a browser that keeps nothing: the choice lasts as long as the page
  }
  apply();
}

export const isDark = (): boolean => (chosen === 'system' ? dark.matches : chosen === 'dark');

/** [what was chosen, is it dark now?]; renders again when either changes. */
export function useTheme(): [Theme, boolean] {
  const [state, set] = useState<[Theme, boolean]>([chosen, isDark()]);
  useEffect(() => {
    const update = () => set([chosen, isDark()]);
    addEventListener(CHANGED, update);
    return () => removeEventListener(CHANGED, update);
  }, []);
  return state;
}
