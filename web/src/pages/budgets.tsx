// Budgets: what each counter has settled and holds, how it went before, limits lifted, and what another limit would have done.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { apiPath, ask, send, useApi } from '../api/client';
import { type Forecast, expectedOf, useForecast } from '../api/forecast';
import type { Budget, Counter, Override, Preview, Report } from '../api/types';
import { mayKeep, mayMake, useMe } from '../app';
import { Link, useQuery } from '../router';
import { Dialog, toast } from '../ui/dialog';
import { amount, amountNano, amountNumber, compact, count, dateTime, money, moneyShort, nameOf, percent } from '../ui/format';
import { Icon } from '../ui/icons';
import { Badge, Card, Command, Empty, Loaded, Meter, Name, PageHead, Skeleton } from '../ui/parts';
import { overTime, rangeOf } from '../ui/series';
import { Stack } from '../ui/stack';
import { Table } from '../ui/table';
import { toneOf } from '../ui/used';

const WINDOWS: Record<string, string> = { hour: 'an hour', day: 'a day', week: 'a week', month: 'a month', total: 'in all' };
const HISTORY: Record<string, { since: string; per: string }> = {
  hour: { since: '48h', per: 'hour' },
  day: { since: '30d', per: 'day' },
  week: { since: '84d', per: 'week' },
  month: { since: '365d', per: 'month' },
};

/** "{user: …}" of a counter, as an override names it. */
function scopeOf(budget: Budget, counter: Counter): Record<string, string> | undefined {
  if (!budget.each.length || counter.for === null) return undefined;
  const values = budget.each.length === 1 ? [counter.for] : counter.for.split(', ');
  return values.length === budget.each.length ? Object.fromEntries(budget.each.map((field, i) => [field, values[i] as string])) : undefined;
}

const shareOf = (budget: Budget, c: Counter): { share: number; held: number; limit: number } => {
  const limit = (amountNumber(budget.limit) ?? 0) + (amountNumber(c.lifted) ?? 0);
  return { limit, share: limit > 0 ? (amountNumber(c.settled) ?? 0) / limit : 0, held: limit > 0 ? (amountNumber(c.held) ?? 0) / limit : 0 };
};

function Lift({ budget, counter, onClose }: { budget: Budget; counter: Counter; onClose: () => void }) {
  const unit = /^\S+ (.+)$/.exec(budget.limit)?.[1] ?? 'USD';
  return (
    <Dialog
      title={`Lift ${nameOf(budget.name)}${counter.for ? ` for ${nameOf(counter.for)}` : ''}`}
      lead={budget.override ? `Up to ${amount(budget.override)} it is lifted at once; beyond that an approver must say yes. It ends with the window${counter.until ? `, ${dateTime(counter.until)}` : ''}.` : `An approver must say yes. It ends with the window${counter.until ? `, ${dateTime(counter.until)}` : ''}.`}
      action="Lift the limit"
      onClose={onClose}
      run={async (form) => {
        const scope = scopeOf(budget, counter);
        const made = await send<Override>('POST', apiPath(`budgets/${encodeURIComponent(budget.name)}/override`), { add: `${form.get('add')} ${unit}`, reason: String(form.get('reason')), ...(scope ? { for: scope } : {}) });
        return made.state === 'active' ? `The limit is lifted by ${amount(made.add)}` : 'Asked for: an approver must say yes';
      }}
    >
      <label class="field">
        <span class="field-label">By how much, in {unit}</span>
        <input type="number" name="add" required min="0.01" step="any" inputMode="decimal" />
      </label>
      <label class="field">
        <span class="field-label">Why</span>
        <textarea name="reason" required maxLength={400} />
      </label>
    </Dialog>
  );
}

function Overrides() {
  const answer = useApi<{ overrides: Override[] }>(apiPath('overrides'), 30);
  const me = useMe();
  const list = answer.data?.overrides ?? [];
  if (!list.length) return null;
  const decide = async (o: Override, how: 'approve' | 'refuse') => {
    try {
      await send('POST', apiPath(`overrides/${encodeURIComponent(o.id)}/${how}`));
      toast(how === 'approve' ? 'Approved: the limit is lifted' : 'Refused');
    } catch (fault) {
      toast((fault as Error).message);
    }
  };
  return (
    <Card title="Limits lifted" flush aside={list.some((o) => o.state === 'waiting') ? <Badge tone="warn">{list.filter((o) => o.state === 'waiting').length} waiting</Badge> : undefined}>
      <Table
        label="Limits lifted, and those that wait"
        rows={list}
        id={(o) => o.id}
        limit={10}
        columns={[
          { key: 'state', head: 'State', cell: (o) => <Badge tone={o.state === 'active' ? 'good' : o.state === 'waiting' ? 'warn' : 'quiet'}>{o.state}</Badge> },
          { key: 'budget', head: 'Budget', cell: (o) => <Name of={o.budget} /> },
          { key: 'for', head: 'For', cell: (o) => <Name of={Object.values(o.for).join(', ') || 'everybody'} /> },
          { key: 'add', head: 'By', figure: true, cell: (o) => amount(o.add) },
          { key: 'until', head: 'Until', wide: true, cell: (o) => dateTime(o.until) },
          { key: 'who', head: 'Asked by', wide: true, cell: (o) => <Name of={o.requested_by} /> },
          { key: 'why', head: 'Why', wide: true, cell: (o) => <Name of={o.reason} /> },
          {
            key: 'act',
            head: '',
            cell: (o) =>
              o.state === 'waiting' && mayMake(me) ? (
                <span class="row">
                  <button type="button" class="button small" onClick={() => decide(o, 'approve')}>
                    Approve
                  </button>
                  <button type="button" class="button small" onClick={() => decide(o, 'refuse')}>
                    Refuse
                  </button>
                </span>
              ) : null,
          },
        ]}
      />
    </Card>
  );
}

function historyPath(budget: Budget): string | null {
  const span = HISTORY[budget.window];
  if (!span || budget.where === null || amountNano(budget.limit) === null) return null;
  // a dimension is needed; everybody's budget takes one with few values, and adds it up again
  return apiPath('report', { by: budget.each.length ? budget.each.join(',') : 'billing', per: span.per, since: span.since, where: budget.where, measures: 'cost_nanousd' });
}

/** The budget's body as the API takes it, with another limit. */
function bodyOf(budget: Budget, limit: string): Record<string, unknown> {
  const where = Object.fromEntries((budget.where ?? []).map((w) => [w.slice(0, w.indexOf('=')), listed(w.slice(w.indexOf('=') + 1))]));
  return {
    window: budget.window,
    limit,
    ...(budget.each.length ? { each: budget.each } : {}),
    ...(Object.keys(where).length ? { where } : {}),
    action: budget.action,
    mode: budget.mode,
    ...(budget.override ? { override: { up_to: budget.override } } : {}),
  };
}

/** Several values of a report's test are a list of the settings'. */
const listed = (value: string): string | string[] => (value.includes(',') && !value.startsWith('!') ? value.split(',') : value);

function Stopped({ preview }: { preview: Preview }) {
  return (
    <div class="stack">
      <p role="status">
        {preview.stopped === 0
          ? `It would have stopped nobody since ${dateTime(preview.since)}.`
          : `It would have stopped ${count(preview.stopped)} of ${count(preview.calls)} calls since ${dateTime(preview.since)}, worth ${money(preview.stopped_nanousd)}, in ${count(preview.counters_stopped)} of ${count(preview.counters)} windows:`}
        {preview.complete ? '' : ' There are more rows than were looked at.'}
      </p>
      {preview.who.length > 0 && (
        <div class="bleed">
          <Table
            label="Whom this limit would have stopped"
            rows={preview.who}
            id={(o) => `${o.for} ${o.window}`}
            limit={8}
            columns={[
              { key: 'for', head: 'Whom', cell: (o) => (o.for ? <Name of={o.for} /> : 'everybody') },
              { key: 'first', head: 'First', cell: (o) => dateTime(o.first) },
              { key: 'stopped', head: 'Calls', figure: true, sort: (o) => o.stopped, cell: (o) => count(o.stopped) },
              { key: 'cost', head: 'Worth', figure: true, sort: (o) => o.stopped_nanousd, cell: (o) => money(o.stopped_nanousd) },
            ]}
          />
        </div>
      )}
    </div>
  );
}

function usePreview(name: string, body: Record<string, unknown> | null): { preview: Preview | undefined; fault: string } {
  const [state, set] = useState<{ preview: Preview | undefined; fault: string }>({ preview: undefined, fault: '' });
  const asked = body && JSON.stringify(body);
  useEffect(() => {
    if (!asked) return;
    let gone = false;
    const timer = setTimeout(() => {
      ask<Preview>(apiPath(`budgets/${encodeURIComponent(name)}/preview`), JSON.parse(asked)).then(
        (preview) => gone || set({ preview, fault: '' }),
        (fault: Error) => gone || set({ preview: undefined, fault: fault.message }),
      );
    }, 350);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [name, asked]);
  return state;
}

function Another({ budget }: { budget: Budget }) {
  const me = useMe();
  const [, usual = '', unit = ''] = /^([\d.]+) (.+)$/.exec(budget.limit) ?? [];
  const [text, setText] = useState(usual);
  const [saving, setSaving] = useState(false);
  const valid = Number(text) > 0;
  const { preview, fault } = usePreview(budget.name, valid && budget.where !== null && me.sees_all ? bodyOf(budget, `${text} ${unit}`) : null);
  return (
    <div class="stack">
      <div class="row">
        <label class="field">
          <span class="field-label">
            Another limit, in {unit} for {WINDOWS[budget.window] ?? budget.window}
          </span>
          <input type="number" min="0" step="any" value={text} inputMode="decimal" onInput={(e) => setText(e.currentTarget.value)} />
        </label>
        {budget.source === 'api' && me.role === 'owner' && (
          <button type="button" class="button primary" disabled={!valid || text === usual} onClick={() => setSaving(true)}>
            Make it so
          </button>
        )}
      </div>
      {fault ? <p class="bad-text">{fault}</p> : preview ? <Stopped preview={preview} /> : <Skeleton height={60} />}
      {budget.source === 'file' && <p class="muted">This budget stands in the settings file: change its limit there, and Weir takes it up while it runs.</p>}
      {saving && (
        <Dialog
          title={`Make ${nameOf(budget.name)} ${amount(`${text} ${unit}`)}`}
          lead={preview?.stopped ? `It would have stopped ${count(preview.stopped)} calls in the last thirty days.` : 'It would have stopped nobody in the last thirty days.'}
          action="Change the limit"
          onClose={() => setSaving(false)}
          run={async () => {
            await send('PUT', apiPath(`budgets/${encodeURIComponent(budget.name)}`), bodyOf(budget, `${text} ${unit}`));
            return 'The limit is changed';
          }}
        />
      )}
    </div>
  );
}

function History({ budget }: { budget: Budget }) {
  const me = useMe();
  const path = historyPath(budget);
  const answer = useApi<Report>(path, 60);
  const over = useMemo(() => answer.data && overTime(budget.each.length ? answer.data : { ...answer.data, by: [] }, 'cost_nanousd', 7, rangeOf(answer.data, me.timezone)), [answer.data, budget.each.length, me.timezone]);
  const limit = amountNano(budget.limit);
  if (!path)
    return <p class="muted">{budget.where === null ? 'What this budget counts cannot be asked of a report (its `where` uses words that rows do not have).' : 'There is no history of a budget of this kind.'}</p>;
  return (
    <div class="grid">
      <Card title="How it went" class="w7 has-chart" aside={budget.each.length ? `limit ${amount(budget.limit)} each` : undefined}>
        {over ? (
          <Stack over={over} kind={budget.each.length ? 'line' : 'bar'} height={240} label={`What ${budget.name} counted in each window`} format={money} axis={moneyShort} limit={limit === null ? null : { value: limit, label: `limit ${moneyShort(limit)}` }} />
        ) : answer.error ? (
          <Loaded of={answer}>{() => null}</Loaded>
        ) : (
          <Skeleton height={270} />
        )}
      </Card>
      <Card title="What another limit would have done" class="w5">
        {me.sees_all && (me.user !== null || me.key !== null || me.role === 'owner') ? <Another key={budget.limit} budget={budget} /> : <p class="muted">Sign in with a key that sees what everybody does, to try it.</p>}
      </Card>
    </div>
  );
}

const SHOWN = 12;

function BudgetCard({ budget, open, onOpen, forecast }: { budget: Budget; open: boolean; onOpen: () => void; forecast: Forecast | undefined }) {
  const me = useMe();
  const [lifting, setLifting] = useState<Counter>();
  const counters = budget.counters;
  return (
    <Card
      flush
      class={open ? 'open' : ''}
      title={nameOf(budget.name)}
      aside={
        <>
          <Badge tone={budget.mode === 'enforce' ? 'info' : 'quiet'}>{budget.mode}</Badge>
          {budget.action !== 'block' && <Badge>{budget.action}</Badge>}
          <span>
            {amount(budget.limit)} {WINDOWS[budget.window] ?? budget.window}
          </span>
          <button type="button" class="button small" aria-expanded={open} onClick={onOpen}>
            {open ? 'Less' : 'History and limits'}
          </button>
        </>
      }
    >
      {counters.length === 0 ? (
        <p class="pad muted">Nothing was counted in this window yet.</p>
      ) : (
        <Table
          label={`Counters of ${budget.name}`}
          rows={counters}
          id={(c) => c.for ?? ''}
          sortBy="share"
          limit={SHOWN}
          columns={[
            { key: 'for', head: budget.each.length ? budget.each.join(', ') : 'For', sort: (c) => c.for, cell: (c) => (budget.each.length ? <Name of={c.for} /> : 'everybody') },
            {
              key: 'bar',
              head: '',
              grow: true,
              cell: (c) => {
                const s = shareOf(budget, c);
                const e = expectedOf(forecast, budget.name, c.for);
                const mark = e?.expected && e.limit ? e.expected / e.limit : null;
                return <Meter share={s.share} held={s.held} mark={mark} tone={toneOf(s.share)} label={`${percent(s.share)} settled, ${percent(s.held)} held${mark === null ? '' : `, ${percent(mark)} expected at the end`}`} />;
              },
            },
            { key: 'share', head: 'Used', figure: true, sort: (c) => shareOf(budget, c).share, cell: (c) => percent(shareOf(budget, c).share) },
            { key: 'settled', head: 'Settled', figure: true, sort: (c) => amountNumber(c.settled), cell: (c) => amount(c.settled) },
            { key: 'held', head: 'Held', figure: true, wide: true, sort: (c) => amountNumber(c.held), cell: (c) => (amountNumber(c.held) ? amount(c.held) : <span class="muted">–</span>) },
            { key: 'lifted', head: 'Lifted', figure: true, wide: true, cell: (c) => (amountNumber(c.lifted) ? amount(c.lifted) : <span class="muted">–</span>) },
            { key: 'left', head: 'Left', figure: true, wide: true, sort: (c) => amountNumber(c.left), cell: (c) => amount(c.left) },
            {
              key: 'expected',
              head: 'Expected',
              figure: true,
              wide: true,
              cell: (c) => {
                const e = expectedOf(forecast, budget.name, c.for);
                if (!e || e.expected === null) return <span class="muted">–</span>;
                const text = e.unit === 'nanousd' ? money(e.expected) : compact(e.expected);
                return (
                  <span class={e.state === 'within' ? '' : 'bad-text'} title={e.low !== null && e.high !== null && e.unit === 'nanousd' ? `between ${money(e.low)} and ${money(e.high)}` : undefined}>
                    {text}
                    {e.spent_at ? `, spent ${dateTime(e.spent_at)}` : ''}
                  </span>
                );
              },
            },
            { key: 'until', head: 'Until', wide: true, cell: (c) => dateTime(c.until) },
            {
              key: 'act',
              head: '',
              cell: (c) =>
                mayMake(me) && (!budget.each.length || scopeOf(budget, c)) ? (
                  <button type="button" class="button small" onClick={() => setLifting(c)} aria-label={`Lift the limit of ${nameOf(budget.name)} for ${nameOf(c.for ?? 'everybody')}`}>
                    Lift
                  </button>
                ) : null,
            },
          ]}
        />
      )}
      {open && (
        <div class="pad">
          <History budget={budget} />
        </div>
      )}
      {lifting && <Lift budget={budget} counter={lifting} onClose={() => setLifting(undefined)} />}
    </Card>
  );
}

// From everybody down to one piece of work: each call is held in those of every level that it matches.
const LEVELS: [string, string][] = [
  ['cost_centre', 'For each cost centre'],
  ['team', 'For each team'],
  ['repo', 'For each repository'],
  ['workflow', 'For each workflow'],
  ['user', 'For each person'],
  ['key', 'For each key'],
  ['session', 'For each session'],
];

function levelsOf(budgets: Budget[]): { title: string; of: Budget[] }[] {
  const levels = new Map<string, Budget[]>();
  const put = (title: string, b: Budget) => levels.set(title, [...(levels.get(title) ?? []), b]);
  const rank = (b: Budget) => (b.each.length ? Math.max(...b.each.map((e) => LEVELS.findIndex(([f]) => f === e)), 0) + (b.each.some((e) => LEVELS.some(([f]) => f === e)) ? 1 : LEVELS.length + 1) : 0);
  for (const b of [...budgets].sort((x, y) => rank(x) - rank(y))) {
    const deepest = LEVELS[Math.max(-1, ...b.each.map((e) => LEVELS.findIndex(([f]) => f === e)))];
    put(!b.each.length ? 'For everybody together' : deepest && b.each.length === 1 ? deepest[1] : `For each ${b.each.join(' and ')}`, b);
  }
  return [...levels].map(([title, of]) => ({ title, of }));
}

function NewBudget({ onClose }: { onClose: () => void }) {
  return (
    <Dialog
      title="A new budget"
      lead="It is in force when the answer is there; calls that are under way end as they were admitted."
      action="Make it"
      onClose={onClose}
      run={async (form) => {
        const name = String(form.get('name')).trim();
        const whom = String(form.get('each'));
        const field = String(form.get('field'));
        const value = String(form.get('value')).trim();
        await send('PUT', apiPath(`budgets/${encodeURIComponent(name)}`), {
          window: String(form.get('window')),
          limit: `${form.get('limit')} USD`,
          ...(whom ? { each: whom } : {}),
          ...(value ? { where: { [field]: value } } : {}),
          mode: String(form.get('mode')),
        });
        return `The budget ${name} is in force`;
      }}
    >
      <label class="field">
        <span class="field-label">Name</span>
        <input type="text" name="name" required pattern="[a-zA-Z0-9._\-]+" maxLength={60} placeholder="web-day" />
      </label>
      <div class="form-pair">
        <label class="field">
          <span class="field-label">Limit, in USD</span>
          <input type="number" name="limit" required min="0.01" step="any" />
        </label>
        <label class="field">
          <span class="field-label">In</span>
          <select name="window">
            {Object.entries(WINDOWS).map(([value, label]) => (
              <option key={value} value={value} selected={value === 'day'}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span class="field-label">For each</span>
          <select name="each">
            <option value="">everybody together</option>
            {['user', 'team', 'repo', 'session', 'key', 'cost_centre', 'agent', 'model'].map((f) => (
              <option key={f} value={f}>
                {f}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span class="field-label">Mode</span>
          <select name="mode">
            <option value="enforce">enforce: refuse what goes beyond</option>
            <option value="shadow">shadow: only say what it would do</option>
          </select>
        </label>
        <label class="field">
          <span class="field-label">Only where</span>
          <select name="field">
            {['team', 'user', 'repo', 'environment', 'agent', 'model', 'cohort'].map((f) => (
              <option key={f} value={f}>
                {f}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span class="field-label">is (may be empty)</span>
          <input type="text" name="value" maxLength={200} placeholder="payments" />
        </label>
      </div>
    </Dialog>
  );
}

export default function Budgets() {
  const me = useMe();
  const [query, setQuery] = useQuery();
  const answer = useApi<{ budgets: Budget[] }>(apiPath('budgets'), 15);
  const [making, setMaking] = useState(false);
  const forecast = useForecast();
  const chosen = query.get('name');
  return (
    <div class="page">
      <PageHead title="Budgets" lead="Checked before each call: what is settled and what is held together never pass the limit.">
        {me.role === 'owner' && (
          <button type="button" class="button primary" onClick={() => setMaking(true)}>
            New budget
          </button>
        )}
      </PageHead>
      {making && <NewBudget onClose={() => setMaking(false)} />}
      <Overrides />
      <Loaded of={answer} height={400}>
        {({ budgets }) =>
          budgets.length === 0 ? (
            <Card>
              <Empty title="There is no budget yet" icon="budgets">
                <p>In the settings file, for example:</p>
                <Command text={'budgets: [{name: dev-day, each: user, window: day, limit: 25 USD, override: {up_to: 25 USD, per: day}}]'} />
                {mayKeep(me) ? null : <p>Who may make them: a key of the role owner.</p>}
              </Empty>
            </Card>
          ) : (
            <div class="tree">
              {levelsOf(budgets).map(({ title, of }, depth) => (
                <section key={title} class="level" style={{ marginLeft: `min(${depth * 18}px, ${depth * 2}vw)` }} aria-label={title}>
                  <h2 class="level-title">{title}</h2>
                  {of.map((b) => (
                    <BudgetCard key={b.name} forecast={forecast.data} budget={b} open={chosen === b.name} onOpen={() => setQuery({ name: chosen === b.name ? null : b.name })} />
                  ))}
                </section>
              ))}
            </div>
          )
        }
      </Loaded>
      <p class="muted row">
        <Icon name="right" size={14} />
        <span>
          The same in a terminal: <code>weir budget list</code>. Who changed what: <Link to="/setup?tab=audit">the record of changes</Link>.
        </span>
      </p>
    </div>
  );
}
