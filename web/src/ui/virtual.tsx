// A table of thousands of rows of which only those on the screen are there. The whole page scrolls, not a box within it.
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

interface Props<T> {
  rows: T[];
  rowHeight: number;
  label: string;
  head: ComponentChildren;
  columns: number;
  row: (row: T, at: number) => ComponentChildren;
}

const BEYOND = 8; // rows above and below the screen

export function VirtualTable<T>({ rows, rowHeight, label, head, columns, row }: Props<T>) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [range, setRange] = useState<[number, number]>([0, 30]);
  const update = () => {
    if (!body.current) return;
    const top = body.current.getBoundingClientRect().top;
    const from = Math.max(0, Math.floor(-top / rowHeight) - BEYOND);
    const to = Math.min(rows.length, Math.ceil((innerHeight - top) / rowHeight) + BEYOND);
    setRange((old) => (old[0] === from && old[1] === to ? old : [from, Math.max(from, to)]));
  };
  useLayoutEffect(update, [rows.length, rowHeight]);
  useEffect(() => {
    let waiting = 0;
    const later = () => {
      waiting ||= requestAnimationFrame(() => {
        waiting = 0;
        update();
      });
    };
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    return () => {
      cancelAnimationFrame(waiting);
      removeEventListener('scroll', later);
      removeEventListener('resize', later);
    };
  }, [rows.length, rowHeight]);
  const [from, to] = [Math.min(range[0], rows.length), Math.min(range[1], rows.length)];
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table class="virtual" aria-rowcount={rows.length + 1}>
        <caption class="off-screen">{label}</caption>
        <thead>
          <tr aria-rowindex={1}>{head}</tr>
        </thead>
        <tbody ref={body}>
          {from > 0 && (
            <tr aria-hidden="true" class="spacer">
              <td colSpan={columns} style={{ height: `${from * rowHeight}px` }} />
            </tr>
          )}
          {rows.slice(from, to).map((r, i) => row(r, from + i))}
          {to < rows.length && (
            <tr aria-hidden="true" class="spacer">
              <td colSpan={columns} style={{ height: `${(rows.length - to) * rowHeight}px` }} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
