// Addresses of the page: a path for the page, the query for what is chosen on it, so that every view can be shared.
import type { ComponentChildren, ComponentProps } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';

const CHANGED = 'weir:address';

export interface Address {
  path: string;
  query: URLSearchParams;
}

const here = (): Address => ({ path: decodePath(location.pathname), query: new URLSearchParams(location.search) });

function decodePath(path: string): string {
  try {
    return decodeURI(path).replace(/(.)\/+$/, '$1');
  } catch {
    return path;
  }
}

let moved = false;

/** Did somebody go to another page since this was asked? A reader of the page by ear is told where they are. */
export function hasMoved(): boolean {
  const was = moved;
  moved = false;
  return was;
}

export function navigate(to: string, replace = false): void {
  if (to === location.pathname + location.search) return;
  moved = moved || to.split('?')[0] !== location.pathname;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  dispatchEvent(new Event(CHANGED));
}

export function useAddress(): Address {
  const [address, set] = useState(here);
  useEffect(() => {
    const update = () => set(here());
    addEventListener('popstate', update);
    addEventListener(CHANGED, update);
    return () => {
      removeEventListener('popstate', update);
      removeEventListener(CHANGED, update);
    };
  }, []);
  return address;
}

/** An address with some words of the query changed; null or '' takes a word out. */
export function withQuery(path: string, query: URLSearchParams, change: Record<string, string | string[] | null>): string {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(change)) {
    next.delete(name);
    for (const one of Array.isArray(value) ? value : value ? [value] : []) next.append(name, one);
  }
  const text = next.toString().replace(/%2C/g, ',').replace(/%3D/g, '=').replace(/%3A/g, ':').replace(/%2F/g, '/').replace(/%40/g, '@');
  return text ? `${path}?${text}` : path;
}

export function useQuery(): [URLSearchParams, (change: Record<string, string | string[] | null>, replace?: boolean) => void] {
  const { path, query } = useAddress();
  const text = query.toString();
  const change = useCallback(
    (words: Record<string, string | string[] | null>, replace = false) => navigate(withQuery(path, new URLSearchParams(text), words), replace),
    [path, text],
  );
  return [query, change];
}

/** A link within the page; with a modifier key the browser does what it always does. */
export function Link({ to, children, ...rest }: { to: string; children?: ComponentChildren } & Pick<ComponentProps<'a'>, 'class' | 'aria-current' | 'title' | 'aria-label'>) {
  const onClick = (e: MouseEvent) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    navigate(to);
  };
  return (
    <a href={to} onClick={onClick} {...rest}>
      {children}
    </a>
  );
}
