// A table of figures: heads that sort, figures aligned, a bar of shares where it helps.
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';

export interface Column<T> {
  key: string;
  head: string;
  cell: (row: T) => ComponentChildren;
  /** What it is sorted by; without it the head is plain text. null goes to the end. */
  sort?: (row: T) => number | string | null | undefined;
  figure?: boolean;
  /** Only where there is room. */
  wide?: boolean;
  grow?: boolean;
}

interface Props<T> {
  columns: Column<T>[];
  rows: T[];
  id: (row: T, at: number) => string;
  label: string;
  sortBy?: string;
  descending?: boolean;
  onRow?: (row: T) => void;
  foot?: ComponentChildren;
  limit?: number;
}

export function Table<T>({ columns, rows, id, label, sortBy, descending = true, onRow, foot, limit }: Props<T>) {
  const [by, setBy] = useState<{ key: string | undefined; down: boolean }>({ key: sortBy, down: descending });
  const [all, setAll] = useState(false);
  const sorted = useMemo(() => {
    const value = columns.find((c) => c.key === by.key)?.sort;
    if (!value) return rows;
    const sign = by.down ? -1 : 1;
    return [...rows].sort((a, b) => {
      const x = value(a);
      const y = value(b);
      if (x === y) return 0;
      if (x === null || x === undefined) return 1;
      if (y === null || y === undefined) return -1;
      return x < y ? -sign : sign;
    });
  }, [rows, by, columns]);
  const shown = limit && !all ? sorted.slice(0, limit) : sorted;
  return (
    <>
      <div class="table-scroll" tabIndex={0} role="region" aria-label={label}>
        <table>
          <caption class="off-screen">{label}</caption>
          <thead>
            <tr>
              {columns.map((c) => (
                <th key={c.key} scope="col" class={classes(c)} aria-sort={c.sort && by.key === c.key ? (by.down ? 'descending' : 'ascending') : undefined}>
                  {c.sort ? (
                    <button type="button" onClick={() => setBy({ key: c.key, down: by.key === c.key ? !by.down : c.figure === true })}>
                      {c.head}
                      <span class="sort-mark" aria-hidden="true">
                        {by.key === c.key ? (by.down ? '↓' : '↑') : ''}
                      </span>
                    </button>
                  ) : (
                    c.head
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, at) => (
              <tr key={id(row, at)} class={onRow ? 'link' : undefined} onClick={onRow ? () => onRow(row) : undefined}>
                {columns.map((c) => (
                  <td key={c.key} class={classes(c)}>
                    {c.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
          {foot && <tfoot>{foot}</tfoot>}
        </table>
      </div>
      {limit && rows.length > limit && (
        <button type="button" class="more" onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show all ${rows.length}`}
        </button>
      )}
    </>
  );
}

const classes = <T,>(c: Column<T>) => [c.figure ? 'figure' : '', c.wide ? 'wide' : '', c.grow ? 'grow' : ''].filter(Boolean).join(' ') || undefined;

/** A bar of `share` behind a figure's text. */
export function Share({ share }: { share: number }) {
  return (
    <span class="share" aria-hidden="true">
      <span style={{ width: `${Math.min(100, Math.max(0, share * 100))}%` }} />
    </span>
  );
}
