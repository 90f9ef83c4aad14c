// Hours of spend that are out of the usual, each a way into the triage of that hour.
import { apiPath, useApi } from '../api/client';
import type { Known } from '../api/types';
import { dateTime, duration, money, nameOf } from './format';
import { Badge, Card, Empty, Loaded, Name } from './parts';
import { Table } from './table';

interface Anomaly {
  from: string;
  hours: number;
  /** "all": of everything. */
  dimension: string;
  value: string | null;
  spent_nanousd: number;
  expected_nanousd: number;
  rise_nanousd: number;
  usual_high_nanousd: Known;
  state: 'runs' | 'over';
}

const untilOf = (a: Anomaly): string => new Date(Date.parse(a.from) + a.hours * 3600000).toISOString().replace('.000Z', 'Z');

export function Anomalies({ onPick }: { onPick: (since: string, until: string, where: string | null) => void }) {
  const answer = useApi<{ tables: { anomalies?: { rows: Anomaly[] } } }>(apiPath('anomalies'), 120);
  return (
    <Card title="Hours out of the usual" flush note="Of the last seven days; the same hours of earlier weeks tell what is usual">
      <Loaded of={answer} height={120}>
        {({ tables }) => {
          const rows = tables.anomalies?.rows ?? [];
          if (!rows.length) return <Empty title="No hour of the last seven days is out of the usual" icon="check" />;
          return (
            <Table
              label="Hours out of the usual"
              rows={rows}
              id={(a) => `${a.from} ${a.dimension} ${a.value}`}
              limit={5}
              columns={[
                { key: 'from', head: 'From', sort: (a) => a.from, cell: (a) => dateTime(a.from) },
                { key: 'hours', head: 'For', wide: true, cell: (a) => duration(a.hours * 3600) },
                {
                  key: 'what',
                  head: 'What',
                  cell: (a) =>
                    a.dimension === 'all' ? (
                      'everything'
                    ) : (
                      <>
                        <span class="muted">{a.dimension.replace('_', ' ')}</span> <Name of={a.value} />
                      </>
                    ),
                },
                { key: 'spent', head: 'Spent', figure: true, sort: (a) => a.spent_nanousd, cell: (a) => money(a.spent_nanousd) },
                { key: 'usual', head: 'Usually', figure: true, wide: true, cell: (a) => money(a.expected_nanousd) },
                { key: 'rise', head: 'Rise', figure: true, sort: (a) => a.rise_nanousd, cell: (a) => `+${money(a.rise_nanousd)}` },
                { key: 'state', head: '', wide: true, cell: (a) => (a.state === 'runs' ? <Badge tone="warn">now</Badge> : null) },
                {
                  key: 'why',
                  head: '',
                  cell: (a) => (
                    <button
                      type="button"
                      class="button small"
                      aria-label={`Why: ${a.dimension === 'all' ? 'everything' : nameOf(a.value)} from ${dateTime(a.from)}`}
                      onClick={() => onPick(a.from.replace('.000Z', 'Z'), untilOf(a), a.dimension === 'all' ? null : `${a.dimension}=${a.value ?? ''}`)}
                    >
                      Why?
                    </button>
                  ),
                },
              ]}
            />
          );
        }}
      </Loaded>
    </Card>
  );
}
