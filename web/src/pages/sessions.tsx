// Pieces of agents' work: thousands of them in one list that is searched at once, and each with a page of its own.
import { useMemo, useRef } from 'preact/hooks';
import { apiPath, useApi } from '../api/client';
import { type LiveSession, useLive } from '../api/live';
import type { Key, Session } from '../api/types';
import { useMe } from '../app';
import { Link, navigate, useQuery } from '../router';
import { ago, count, dateTimeFull, money, plain } from '../ui/format';
import { Icon } from '../ui/icons';
import { Badge, Card, Empty, Loaded, Name, PageHead, Segmented, toneOfState } from '../ui/parts';
import { VirtualTable } from '../ui/virtual';
import SessionPage from './session';

const LISTED = 5000;
const ROW_HEIGHT = 45;

const STATES = [
  { value: 'all', label: 'All' },
  { value: 'live', label: 'Live' },
  { value: 'paused', label: 'Paused' },
  { value: 'stopped', label: 'Stopped' },
] as const;
type Which = (typeof STATES)[number]['value'];

const SORTS = { cost: 'Cost', burn: 'Burn', seen: 'Seen', calls: 'Calls', turns: 'Turns' } as const;
type Sort = keyof typeof SORTS;

const LIVE_MS = 5 * 60 * 1000;

/** Without the host: acme/shop. */
const shortRepo = (repo: string): string => repo.replace(/^[\w-]+(\.[\w-]+)+\/(?=[^/]+\/)/, '');

interface Row {
  s: Session;
  live: LiveSession | undefined;
  user: string | null;
  seen: number;
  text: string;
}

/** What a session's row can be found by, in small letters. */
const findable = (s: Session, live: LiveSession | undefined, user: string | null): string =>
  [s.id, s.agent, s.directory, s.state, s.reason, user, live?.team, live?.repo, live?.branch, live?.model, live?.rule].filter(Boolean).join('\n').toLowerCase();

function List() {
  const me = useMe();
  const [query, setQuery] = useQuery();
  const live = useLive();
  const answer = useApi<{ sessions: Session[] }>(apiPath('sessions', { limit: LISTED }), 30);
  const keys = useApi<{ keys: Key[] }>(me.role === 'agent' ? null : apiPath('keys'));
  const which = (STATES.find((s) => s.value === query.get('state'))?.value ?? 'all') as Which;
  const sort = (query.get('sort') ?? 'seen') as Sort;
  const search = (query.get('q') ?? '').toLowerCase();
  const typing = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const users = useMemo(() => new Map(keys.data?.keys.map((k) => [k.id, k.user])), [keys.data]);
  const rows = useMemo(() => {
    const all: Row[] = (answer.data?.sessions ?? []).map((s) => {
      const l = live?.sessions.get(s.id);
      const user = l?.user ?? users.get(s.key_id ?? '') ?? null;
      return { s: l ? { ...s, state: l.state as Session['state'] } : s, live: l, user, seen: Date.parse(l?.seen ?? s.seen ?? ''), text: findable(s, l, user) };
    });
    const now = Date.now();
    const words = search.split(/\s+/).filter(Boolean);
    const kept = all.filter((r) => (which === 'all' || (which === 'live' ? r.s.state === 'running' && now - r.seen < LIVE_MS : r.s.state === which)) && words.every((w) => r.text.includes(w)));
    const value: Record<Sort, (r: Row) => number> = {
      cost: (r) => r.s.cost_nanousd ?? -1,
      burn: (r) => r.live?.minute_nanousd ?? -1,
      seen: (r) => r.seen,
      calls: (r) => r.s.calls,
      turns: (r) => r.s.turns ?? -1,
    };
    const by = value[sort] ?? value.seen;
    return kept.sort((a, b) => by(b) - by(a));
  }, [answer.data, live?.sessions, users, which, sort, search]);

  const head = (key: Sort, wide = false) => (
    <th scope="col" class={`figure ${wide ? 'wide' : ''}`} aria-sort={sort === key ? 'descending' : undefined}>
      <button type="button" onClick={() => setQuery({ sort: key === 'seen' ? null : key }, true)}>
        {SORTS[key]}
        <span class="sort-mark" aria-hidden="true">
          {sort === key ? '↓' : ''}
        </span>
      </button>
    </th>
  );

  return (
    <div class="page">
      <PageHead title="Sessions" lead={live ? `${money(live.burn.minute_nanousd)} a minute now, ${count(live.calls_in_flight)} calls under way` : 'Each piece of an agent’s work, of the last week'} />
      <div class="controls">
        <label class="search">
          <span class="off-screen">Search sessions</span>
          <Icon name="search" size={16} />
          <input
            type="search"
            placeholder="Person, agent, repository, folder, id"
            value={query.get('q') ?? ''}
            onInput={(e) => {
              const text = e.currentTarget.value;
              clearTimeout(typing.current);
              typing.current = setTimeout(() => setQuery({ q: text || null }, true), 80);
            }}
          />
        </label>
        <Segmented label="State" options={STATES} value={which} onChange={(s) => setQuery({ state: s === 'all' ? null : s })} />
        <span class="controls-gap" />
        <span class="muted" role="status">
          {answer.data ? `${count(rows.length)} of ${count(answer.data.sessions.length)}` : ''}
        </span>
      </div>
      <Card flush>
        <Loaded of={answer} height={500}>
          {({ sessions }) =>
            rows.length === 0 ? (
              <Empty title={sessions.length ? 'No session fits that' : 'No session in the last week'} icon="sessions">
                {sessions.length > 0 && (
                  <button type="button" class="button" onClick={() => setQuery({ q: null, state: null })}>
                    Show all
                  </button>
                )}
              </Empty>
            ) : (
              <VirtualTable
                rows={rows}
                rowHeight={ROW_HEIGHT}
                label="Sessions"
                columns={9}
                head={
                  <>
                    <th scope="col">Session</th>
                    <th scope="col">State</th>
                    <th scope="col" class="wide">
                      Person
                    </th>
                    <th scope="col" class="wide">
                      Where
                    </th>
                    {head('turns', true)}
                    {head('calls', true)}
                    {head('burn', true)}
                    {head('cost')}
                    {head('seen', true)}
                  </>
                }
                row={(r, at) => <SessionRow key={`${r.s.id} ${r.s.key_id}`} r={r} at={at} />}
              />
            )
          }
        </Loaded>
      </Card>
    </div>
  );
}

function SessionRow({ r, at }: { r: Row; at: number }) {
  const { s, live } = r;
  const to = `/sessions/${encodeURIComponent(s.id)}`;
  return (
    <tr class="link" aria-rowindex={at + 2} onClick={(e) => (e.target as HTMLElement).closest('a') || navigate(to)}>
      <td>
        <Link to={to} class="mono" title={plain(s.id)}>
          {plain(s.id).slice(0, 8)}
        </Link>{' '}
        <Name of={s.agent} />
        {s.parent && <span class="muted"> · started by another</span>}
      </td>
      <td>
        <Badge tone={toneOfState(s.state)}>{s.state}</Badge> {live?.loop && <Badge tone="warn">loop</Badge>}
      </td>
      <td class="wide">
        <Name of={r.user} />
      </td>
      <td class="wide">{live?.repo ? <Name of={`${shortRepo(live.repo)}${live.branch ? ` · ${live.branch}` : ''}`} /> : s.directory ? <Name of={s.directory} mono /> : <span class="muted">–</span>}</td>
      <td class="figure wide">{count(s.turns)}</td>
      <td class="figure wide">{count(s.calls)}</td>
      <td class="figure wide">{live && live.minute_nanousd > 0 ? `${money(live.minute_nanousd)}/min` : <span class="muted">–</span>}</td>
      <td class="figure">{money(s.cost_nanousd)}</td>
      <td class="figure wide" title={dateTimeFull(s.seen)}>
        {ago(s.seen)}
      </td>
    </tr>
  );
}

export default function Sessions({ rest }: { rest: string }) {
  return rest ? <SessionPage id={decodeURIComponent(rest)} /> : <List />;
}

