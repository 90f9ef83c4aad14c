// Pages are chunks of their own, fetched when they are gone to.
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Fault, Skeleton } from './ui/parts';

export type PageModule = { default: ComponentType<{ rest: string }> };

export type LazyPage = ComponentType<{ rest: string }> & { preload: () => void };

export function lazy(load: () => Promise<PageModule>): LazyPage {
  let known: ComponentType<{ rest: string }> | undefined;
  function Lazy(props: { rest: string }) {
    const [Page, set] = useState<ComponentType<{ rest: string }> | undefined>(() => known);
    const [fault, setFault] = useState(false);
    useEffect(() => {
      if (Page) return;
      load().then(
        (module) => {
          known = module.default;
          set(() => module.default);
        },
        () => setFault(true),
      );
    }, [Page]);
    if (Page) return <Page {...props} />;
    if (fault) return <Fault message="A part of this page could not be fetched: was Weir upgraded meanwhile?" again={() => location.reload()} />;
    return <Skeleton height={420} />;
  }
  return Object.assign(Lazy, { preload: () => void load().catch(() => undefined) });
}
