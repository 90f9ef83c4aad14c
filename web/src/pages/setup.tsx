// How to connect each agent, and what a gateway is run with: keys, teams, the kill switch, the record of changes.
import { useEffect, useRef, useState } from 'preact/hooks';
import { apiPath, get, send, useApi } from '../api/client';
import { useLive } from '../api/live';
import type { Change, Freeze, Health, Key, Prices, SetupAnswer, Team } from '../api/types';
import { mayKeep, mayMake, useMe } from '../app';
import { useQuery } from '../router';
import { Dialog, toast } from '../ui/dialog';
import { ago, compact, count, dateTime, dateTimeFull, day, nameOf, percent, plain, price } from '../ui/format';
import { Icon } from '../ui/icons';
import { Badge, Card, Command, Copy, Empty, Loaded, Name, PageHead, Segmented, Skeleton } from '../ui/parts';
import { Table } from '../ui/table';

const TABS = [
  { value: 'connect', label: 'Connect' },
  { value: 'keys', label: 'Keys' },
  { value: 'teams', label: 'Teams' },
  { value: 'freeze', label: 'Kill switch' },
  { value: 'providers', label: 'Providers' },
  { value: 'prices', label: 'Prices' },
  { value: 'audit', label: 'Record of changes' },
] as const;
type Tab = (typeof TABS)[number]['value'];

function Connect() {
  const me = useMe();
  const live = useLive();
  const [made, setMade] = useState('');
  const [making, setMaking] = useState(false);
  const seen = useApi<SetupAnswer>(apiPath('setup'), 5);
  const calls = seen.data ? seen.data.calls + seen.data.other_calls : 0;
  const any = calls > 0;
  const last = live && [...live.sessions.values()].sort((a, b) => Date.parse(b.seen) - Date.parse(a.seen))[0];
  return (
    <div class="page">
      {!seen.data && !seen.error ? (
        <Skeleton height={66} />
      ) : (
      <div class={`headline ${any ? 'good' : 'warn'}`} role="status" data-connected={any}>
        <span class="headline-icon">
          <Icon name={any ? 'check' : 'setup'} />
        </span>
        <div>
          <strong>{any ? 'Calls arrive' : 'Waiting for the first call'}</strong>
          <p>
            {any ? `${count(calls)} calls in the last thirty days${last ? `; the latest ${ago(last.seen)}, by ${nameOf(last.agent)}` : ''}.` : 'Connect an agent below and ask it something: this turns green when its first call is booked.'}
          </p>
        </div>
        {mayKeep(me) && (
          <div class="headline-links">
            <button type="button" class="button primary" onClick={() => setMaking(true)}>
              Make a key
            </button>
          </div>
        )}
      </div>
      )}
      {making && <NewKey onClose={() => setMaking(false)} onMade={setMade} />}
      {made && <Made text={made} />}
      <Card title="The gateway" note="What every client needs: this address in place of the provider’s, and a Weir key where its API key goes.">
        <Command text={me.gateway} />
      </Card>
      <Loaded of={seen} height={600}>
        {({ agents }) => (
          <div class="grid">
            {agents.map((a) => {
              const lines = made ? a.lines.replace(/wk_…/g, made) : a.lines;
              return (
                <Card key={a.agent} title={plain(a.name)} class="w6" aside={a.calls > 0 ? <Badge tone="good">connected · {count(a.calls)} calls</Badge> : <Badge>not seen yet</Badge>}>
                  <div class="stack">
                    {a.run && (
                      <div>
                        <p class="field-label">For one run, with what git and CI know</p>
                        <Command text={a.run} />
                      </div>
                    )}
                    <div>
                      <p class="field-label">For good</p>
                      <div class="command tall">
                        <code tabIndex={0}>{lines}</code>
                        <Copy text={lines} />
                      </div>
                    </div>
                  </div>
                </Card>
              );
            })}
          </div>
        )}
      </Loaded>
    </div>
  );
}

function Made({ text }: { text: string }) {
  return (
    <Card title="The new key" note="It is shown this once: Weir keeps only its hash.">
      <Command text={text} />
    </Card>
  );
}

function NewKey({ onClose, onMade }: { onClose: () => void; onMade: (key: string) => void }) {
  const me = useMe();
  const roles = me.role === 'owner' ? ['developer', 'agent', 'viewer', 'operator', 'owner'] : ['developer', 'agent'];
  return (
    <Dialog
      title="A new key"
      lead="Everything that is called with it is booked for this person."
      action="Make the key"
      onClose={onClose}
      run={async (form) => {
        const body: Record<string, string> = { user: String(form.get('user')).trim(), role: String(form.get('role')) };
        for (const word of ['team', 'expires']) if (String(form.get(word) ?? '').trim()) body[word] = String(form.get(word)).trim();
        const made = await send<{ key: string; id: string }>('POST', apiPath('keys'), body);
        onMade(made.key);
        return `The key ${made.id} is made`;
      }}
    >
      <label class="field">
        <span class="field-label">Person</span>
        <input type="text" name="user" required maxLength={200} placeholder="ana@example.com" />
      </label>
      <div class="form-pair">
        <label class="field">
          <span class="field-label">Role</span>
          <select name="role">
            {roles.map((r) => (
              <option key={r} value={r}>
                {r}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span class="field-label">Team (else the settings’)</span>
          <input type="text" name="team" maxLength={100} />
        </label>
        <label class="field">
          <span class="field-label">Expires (may be empty)</span>
          <input type="text" name="expires" maxLength={40} placeholder="90d" />
        </label>
      </div>
    </Dialog>
  );
}

function Keys() {
  const me = useMe();
  const answer = useApi<{ keys: Key[] }>(apiPath('keys'), 30);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState('');
  const [asked, setAsked] = useState<{ key: Key; what: 'revoke' | 'rotate' }>();
  const mine = (k: Key) => me.role === 'owner' || (me.role === 'operator' && ['agent', 'developer'].includes(k.role)) || (me.role === 'developer' && k.user === me.user);
  return (
    <div class="page">
      {made && <Made text={made} />}
      <Card
        title="Keys"
        flush
        aside={
          mayKeep(me) && (
            <button type="button" class="button" onClick={() => setMaking(true)}>
              Make a key
            </button>
          )
        }
      >
        <Loaded of={answer} height={300}>
          {({ keys }) =>
            keys.length === 0 ? (
              <Empty title="There is no key yet" icon="setup">
                <Command text="weir key create --user you@example.com" />
              </Empty>
            ) : (
              <Table
                label="Keys"
                rows={keys}
                id={(k) => k.id}
                limit={50}
                columns={[
                  { key: 'id', head: 'Key', cell: (k) => <Name of={k.id} mono /> },
                  { key: 'user', head: 'Person', sort: (k) => k.user, cell: (k) => <Name of={k.user} /> },
                  { key: 'team', head: 'Team', wide: true, sort: (k) => k.team, cell: (k) => (k.team ? <Name of={k.team} /> : <span class="muted">–</span>) },
                  { key: 'role', head: 'Role', sort: (k) => k.role, cell: (k) => k.role },
                  { key: 'state', head: 'State', sort: (k) => k.state, cell: (k) => <Badge tone={k.state === 'active' ? 'good' : 'quiet'}>{k.state}</Badge> },
                  { key: 'created', head: 'Made', wide: true, sort: (k) => k.created, cell: (k) => dateTime(k.created) },
                  { key: 'expires', head: 'Expires', wide: true, sort: (k) => k.expires, cell: (k) => (k.expires ? dateTime(k.expires) : <span class="muted">never</span>) },
                  {
                    key: 'act',
                    head: '',
                    cell: (k) =>
                      k.state === 'active' && mine(k) ? (
                        <span class="row tight">
                          <button type="button" class="button small" onClick={() => setAsked({ key: k, what: 'rotate' })}>
                            Renew
                          </button>
                          <button type="button" class="button small" onClick={() => setAsked({ key: k, what: 'revoke' })}>
                            End
                          </button>
                        </span>
                      ) : null,
                  },
                ]}
              />
            )
          }
        </Loaded>
      </Card>
      {making && <NewKey onClose={() => setMaking(false)} onMade={setMade} />}
      {asked && (
        <Dialog
          title={asked.what === 'revoke' ? `End the key of ${nameOf(asked.key.user)}` : `Renew the key of ${nameOf(asked.key.user)}`}
          lead={asked.what === 'revoke' ? 'Its calls are refused from now on.' : 'The old one is shut at once, and the new one is shown this once.'}
          action={asked.what === 'revoke' ? 'End the key' : 'Renew the key'}
          danger={asked.what === 'revoke'}
          onClose={() => setAsked(undefined)}
          run={async () => {
            const path = `keys/${encodeURIComponent(asked.key.id)}`;
            if (asked.what === 'revoke') await send('DELETE', apiPath(path));
            else setMade((await send<{ key: string }>('POST', apiPath(`${path}/rotate`))).key);
            return asked.what === 'revoke' ? 'The key is ended' : 'The key is renewed';
          }}
        />
      )}
    </div>
  );
}

function Teams() {
  const me = useMe();
  const answer = useApi<{ teams: Team[] }>(apiPath('teams'), 30);
  const [editing, setEditing] = useState<Team | 'new'>();
  const team = editing === 'new' ? undefined : editing;
  return (
    <Card
      title="Teams"
      flush
      aside={
        mayKeep(me) && (
          <button type="button" class="button" onClick={() => setEditing('new')}>
            New team
          </button>
        )
      }
    >
      <Loaded of={answer} height={260}>
        {({ teams }) =>
          teams.length === 0 ? (
            <Empty title="There is no team yet" icon="setup">
              <p>In the settings file, for example:</p>
              <Command text="teams: [{name: payments, cost_centre: CC-1204, members: [ana@example.com]}]" />
            </Empty>
          ) : (
            <Table
              label="Teams"
              rows={teams}
              id={(t) => t.name}
              limit={50}
              columns={[
                { key: 'name', head: 'Team', sort: (t) => t.name, cell: (t) => <Name of={t.name} /> },
                { key: 'centre', head: 'Cost centre', cell: (t) => (t.cost_centre ? <Name of={t.cost_centre} /> : <span class="muted">–</span>) },
                { key: 'members', head: 'Members', cell: (t) => <span class="members">{t.members.map(plain).join(', ') || '–'}</span> },
                { key: 'source', head: 'Kept in', wide: true, cell: (t) => (t.source === 'file' ? 'the settings file' : 'the ledger') },
                {
                  key: 'act',
                  head: '',
                  cell: (t) =>
                    mayKeep(me) && t.source === 'api' ? (
                      <button type="button" class="button small" onClick={() => setEditing(t)}>
                        Change
                      </button>
                    ) : null,
                },
              ]}
            />
          )
        }
      </Loaded>
      {editing && (
        <Dialog
          title={team ? `Change ${nameOf(team.name)}` : 'A new team'}
          action={team ? 'Change it' : 'Make it'}
          onClose={() => setEditing(undefined)}
          run={async (form) => {
            const name = team?.name ?? String(form.get('name')).trim();
            const centre = String(form.get('cost_centre')).trim();
            await send('PUT', apiPath(`teams/${encodeURIComponent(name)}`), {
              ...(centre ? { cost_centre: centre } : {}),
              members: String(form.get('members')).split(/[\s,]+/).filter(Boolean),
            });
            return `The team ${name} is as you said`;
          }}
        >
          {!team && (
            <label class="field">
              <span class="field-label">Name</span>
              <input type="text" name="name" required maxLength={60} />
            </label>
          )}
          <label class="field">
            <span class="field-label">Cost centre (may be empty)</span>
            <input type="text" name="cost_centre" maxLength={60} defaultValue={team?.cost_centre ?? ''} />
          </label>
          <label class="field">
            <span class="field-label">Members, a line each</span>
            <textarea name="members" defaultValue={team?.members.join('\n') ?? ''} />
          </label>
        </Dialog>
      )}
    </Card>
  );
}

const SCOPES = ['org', 'team', 'user', 'key', 'session', 'provider'];

function KillSwitch() {
  const me = useMe();
  const answer = useApi<{ freezes: Freeze[] }>(apiPath('freezes'), 10);
  const [asking, setAsking] = useState(false);
  const [scope, setScope] = useState('team');
  const lift = async (f: Freeze) => {
    try {
      await send('POST', apiPath('unfreeze'), f.scope === 'org' ? { org: true } : { [f.scope]: f.value });
      toast('Calls go on');
    } catch (fault) {
      toast((fault as Error).message);
    }
  };
  return (
    <Card
      title="Kill switch"
      flush
      note="Stops calls at once, running ones too, until it is lifted."
      aside={
        mayMake(me) && (
          <button type="button" class="button danger" onClick={() => setAsking(true)}>
            Freeze…
          </button>
        )
      }
    >
      <Loaded of={answer} height={160}>
        {({ freezes }) =>
          freezes.length === 0 ? (
            <Empty title="Nothing is frozen" icon="check" />
          ) : (
            <Table
              label="What is frozen"
              rows={freezes}
              id={(f) => `${f.scope} ${f.value}`}
              columns={[
                { key: 'what', head: 'What', cell: (f) => (f.scope === 'org' ? 'everything' : <Name of={`${f.scope} ${f.value}`} />) },
                { key: 'since', head: 'Since', cell: (f) => ago(f.since) },
                { key: 'by', head: 'By', wide: true, cell: (f) => <Name of={f.by} /> },
                { key: 'why', head: 'Why', wide: true, cell: (f) => (f.reason ? <Name of={f.reason} /> : <span class="muted">–</span>) },
                {
                  key: 'act',
                  head: '',
                  cell: (f) =>
                    mayMake(me) ? (
                      <button type="button" class="button small" onClick={() => lift(f)}>
                        Unfreeze
                      </button>
                    ) : null,
                },
              ]}
            />
          )
        }
      </Loaded>
      {asking && (
        <Dialog
          title="Freeze"
          lead="Running calls are cut, new ones are refused, and clients are told why."
          action="Freeze"
          danger
          onClose={() => setAsking(false)}
          run={async (form) => {
            const reason = String(form.get('reason')).trim();
            await send('POST', apiPath('freeze'), { ...(scope === 'org' ? { org: true } : { [scope]: String(form.get('value')).trim() }), ...(reason ? { reason } : {}) });
            return 'Frozen';
          }}
        >
          <div class="form-pair">
            <label class="field">
              <span class="field-label">What</span>
              <select value={scope} onChange={(e) => setScope(e.currentTarget.value)}>
                {SCOPES.map((s) => (
                  <option key={s} value={s}>
                    {s === 'org' ? 'everything' : s}
                  </option>
                ))}
              </select>
            </label>
            {scope !== 'org' && (
              <label class="field">
                <span class="field-label">Which {scope}</span>
                <input type="text" name="value" required maxLength={200} />
              </label>
            )}
          </div>
          <label class="field">
            <span class="field-label">Why</span>
            <input type="text" name="reason" maxLength={200} />
          </label>
        </Dialog>
      )}
    </Card>
  );
}

const PAGE = 50;

function text(value: unknown): string {
  if (value === null || value === undefined) return '';
  return plain(typeof value === 'string' ? value : JSON.stringify(value));
}

function Audit() {
  const first = useApi<{ changes: Change[] }>(apiPath('audit', { limit: PAGE }), 30);
  const [more, setMore] = useState<Change[]>([]);
  const [end, setEnd] = useState(false);
  const busy = useRef(false);
  useEffect(() => {
    setMore([]);
    setEnd(false);
  }, [first.data?.changes[0]?.seq]);
  const older = async () => {
    const all = [...(first.data?.changes ?? []), ...more];
    const before = all[all.length - 1]?.seq;
    if (busy.current || before === undefined) return;
    busy.current = true;
    try {
      const { changes } = await get<{ changes: Change[] }>(apiPath('audit', { limit: PAGE, before }));
      setMore((old) => [...old, ...changes]);
      setEnd(changes.length < PAGE);
    } finally {
      busy.current = false;
    }
  };
  return (
    <Card title="Record of changes" flush note="Written with each change itself; nothing alters or deletes a line.">
      <Loaded of={first} height={300}>
        {({ changes }) =>
          changes.length === 0 ? (
            <Empty title="Nothing was changed yet" />
          ) : (
            <>
              <Table
                label="Record of changes"
                rows={[...changes, ...more]}
                id={(c) => String(c.seq)}
                columns={[
                  { key: 'time', head: 'Time', cell: (c) => <span title={dateTimeFull(c.time)}>{dateTime(c.time)}</span> },
                  { key: 'actor', head: 'Who', cell: (c) => <Name of={c.actor} /> },
                  { key: 'action', head: 'What', cell: (c) => <Badge tone="info">{plain(c.action)}</Badge> },
                  { key: 'subject', head: 'Of', cell: (c) => <Name of={c.subject} mono /> },
                  { key: 'after', head: 'To', wide: true, cell: (c) => <span class="change">{text(c.after) || <span class="muted">–</span>}</span> },
                  { key: 'reason', head: 'Why', wide: true, cell: (c) => (c.reason ? <Name of={c.reason} /> : <span class="muted">–</span>) },
                ]}
              />
              {!end && changes.length === PAGE && (
                <button type="button" class="more" onClick={older}>
                  Show older ones
                </button>
              )}
            </>
          )
        }
      </Loaded>
    </Card>
  );
}

const ms = (n: number | null): string => (n === null ? '–' : n >= 10000 ? `${(n / 1000).toFixed(0)} s` : n >= 1000 ? `${(n / 1000).toFixed(1)} s` : `${n} ms`);

function Providers() {
  const answer = useApi<Health>(apiPath('health'), 15);
  return (
    <Loaded of={answer} height={300}>
      {({ providers, limits, ledger_failing, draining }) => (
        <div class="page">
          {(ledger_failing || draining) && (
            <div class="headline bad">
              <span class="headline-icon">
                <Icon name="incidents" />
              </span>
              <div>
                <strong>{ledger_failing ? 'The ledger takes no rows' : 'The gateway is being stopped'}</strong>
                <p>{ledger_failing ? 'Calls go on within the journal’s room; the log of weir serve says why.' : 'Calls under way are ended, new ones are turned away.'}</p>
              </div>
            </div>
          )}
          <Card title="Providers" flush note="Calls of the last hour, and how long they took">
            {providers.length === 0 ? (
              <Empty title="No provider is configured" icon="setup" />
            ) : (
              <Table
                label="Providers"
                rows={providers}
                id={(p) => p.name}
                columns={[
                  {
                    key: 'name',
                    head: 'Provider',
                    cell: (p) => (
                      <>
                        <Name of={p.name} /> <span class="muted">{plain(p.host ?? '')}</span>
                      </>
                    ),
                  },
                  {
                    key: 'state',
                    head: 'State',
                    cell: (p) => {
                      const share = p.calls ? p.failed / p.calls : 0;
                      return <Badge tone={!p.calls ? 'quiet' : share >= 0.5 ? 'bad' : share >= 0.05 ? 'warn' : 'good'}>{!p.calls ? 'no calls' : share >= 0.05 ? `${percent(share)} fail` : 'well'}</Badge>;
                    },
                  },
                  { key: 'calls', head: 'Calls', figure: true, sort: (p) => p.calls, cell: (p) => count(p.calls) },
                  { key: 'failed', head: 'Failed', figure: true, wide: true, sort: (p) => p.failed, cell: (p) => count(p.failed) },
                  { key: 'throttled', head: 'Throttled', figure: true, wide: true, cell: (p) => count(p.throttled) },
                  { key: 'ttft', head: 'First token, half', figure: true, wide: true, cell: (p) => ms(p.ttft_ms.p50) },
                  { key: 'ttft95', head: '95 of 100', figure: true, wide: true, cell: (p) => ms(p.ttft_ms.p95) },
                  { key: 'took', head: 'Whole call, half', figure: true, wide: true, cell: (p) => ms(p.duration_ms.p50) },
                  { key: 'last', head: 'Last call', figure: true, cell: (p) => (p.last ? ago(p.last) : <span class="muted">–</span>) },
                ]}
              />
            )}
          </Card>
          {limits.some((l) => l.requests !== null || l.tokens !== null || l.waiting || l.blocked_ms) && (
            <Card title="What providers told of their own limits" flush>
              <Table
                label="Limits of providers"
                rows={limits}
                id={(l) => `${l.provider} ${l.model}`}
                limit={20}
                columns={[
                  { key: 'provider', head: 'Provider', cell: (l) => <Name of={l.provider} /> },
                  { key: 'model', head: 'Model', cell: (l) => <Name of={l.model} /> },
                  { key: 'requests', head: 'Requests left', figure: true, cell: (l) => (l.requests === null ? '–' : `${compact(l.requests_left)} of ${compact(l.requests)}`) },
                  { key: 'tokens', head: 'Tokens left', figure: true, cell: (l) => (l.tokens === null ? '–' : `${compact(l.tokens_left)} of ${compact(l.tokens)}`) },
                  { key: 'waiting', head: 'Waiting', figure: true, cell: (l) => count(l.waiting) },
                ]}
              />
            </Card>
          )}
        </div>
      )}
    </Loaded>
  );
}

const METERS = [
  ['input', 'Input'],
  ['cache_read', 'Cache read'],
  ['cache_write_5m', 'Cache write'],
  ['output', 'Output'],
] as const;

function PriceBook() {
  const [all, setAll] = useState(false);
  const answer = useApi<Prices>(apiPath('prices', all ? { all: 'true' } : {}));
  return (
    <Card
      title="Prices"
      flush
      note={answer.data ? `In dollars for a million tokens; the book is of ${day(answer.data.date)}${answer.data.file ? `, with ${plain(answer.data.file)}` : ''}` : undefined}
      aside={
        <label class="check">
          <input type="checkbox" checked={all} onChange={(e) => setAll(e.currentTarget.checked)} /> Also those that were not used
        </label>
      }
    >
      <Loaded of={answer} height={300}>
        {({ prices }) =>
          prices.length === 0 ? (
            <Empty title="No price was used in the last thirty days" />
          ) : (
            <Table
              label="Prices"
              rows={prices}
              id={(p, i) => `${p.id} ${p.from} ${i}`}
              limit={60}
              columns={[
                { key: 'model', head: 'Model', sort: (p) => p.model, cell: (p) => <Name of={p.model} /> },
                { key: 'vendor', head: 'Vendor', wide: true, sort: (p) => p.vendor, cell: (p) => <Name of={p.vendor} /> },
                ...METERS.map(([key, head]) => ({
                  key,
                  head,
                  figure: true,
                  wide: key.startsWith('cache'),
                  sort: (p: Prices['prices'][number]) => p.nanousd_per_million[key],
                  cell: (p: Prices['prices'][number]) => (p.nanousd_per_million[key] === undefined ? <span class="muted">–</span> : price(p.nanousd_per_million[key])),
                })),
                { key: 'window', head: 'Window', figure: true, wide: true, sort: (p) => p.context_window, cell: (p) => compact(p.context_window) },
                { key: 'from', head: 'From', wide: true, cell: (p) => (p.from ? day(p.from) : <span class="muted">always</span>) },
              ]}
            />
          )
        }
      </Loaded>
    </Card>
  );
}

export default function Setup() {
  const me = useMe();
  const [query, setQuery] = useQuery();
  const shown = TABS.filter((t) => t.value !== 'audit' || me.sees_all);
  const tab = (shown.find((t) => t.value === query.get('tab'))?.value ?? 'connect') as Tab;
  const Part = { connect: Connect, keys: Keys, teams: Teams, freeze: KillSwitch, providers: Providers, prices: PriceBook, audit: Audit }[tab];
  return (
    <div class="page">
      <PageHead title="Set-up" lead="Connect agents, and keep what the gateway is run with.">
        <Segmented label="Part of the set-up" options={shown} value={tab} onChange={(t) => setQuery({ tab: t === 'connect' ? null : t })} />
      </PageHead>
      <Part />
    </div>
  );
}
