// What the console's pages ask: each answer's figures are the ledger's, and a developer gets their own.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, startSim, startWeir, stopAll } from './lib/harness.mjs';
import { checked } from './lib/openapi.mjs';

const HOSTILE = '<img src=x onerror=alert(1)>"\'&\u202e;';
let sim, weir, owner, viewer, ana, bo, boSees;

before(async () => {
  sim = await startSim();
  weir = await startWeir({
    sim,
    extra: `teams:
  - {name: payments, members: [ana@example.com]}
budgets:
  - {name: all-day, window: day, limit: 100 USD}
  - {name: tight, each: user, window: day, limit: 0.000001 USD, mode: shadow}
gates:
  - {name: no-push, where: {branch: main}, deny: "not on main", mode: shadow, cohort: 100%}
storms: {name: loops, action: pause}
`,
  });
  owner = weir.newKey('--role', 'owner', '--user', 'olga@example.com');
  viewer = weir.newKey('--role', 'viewer', '--user', 'vic@example.com');
  ana = weir.firstKey;
  bo = weir.newKey('--user', 'bo@example.com', '--set', 'cohort=pilot');
  boSees = weir.newKey('--role', 'developer', '--user', 'bo@example.com');
  await new Promise((done) => setTimeout(done, 300));
  for (let i = 0; i < 3; i++) assert.equal(await call(ana, `a${i}`, { 'x-weir-repo': 'github.com/acme/shop', 'x-weir-branch': 'main' }), 200);
  for (let i = 0; i < 2; i++) assert.equal(await call(bo, `b${i}`, { 'x-weir-repo': HOSTILE.replace(/[^\x20-\x7e]/g, '') }), 200);
  const long = [{ role: 'user', content: [{ type: 'text', text: 'a word or two '.repeat(800), cache_control: { type: 'ephemeral' } }] }];
  for (let i = 0; i < 3; i++) assert.equal(await call(ana, `cached-${i}`, {}, [...long, { role: 'assistant', content: 'yes' }, { role: 'user', content: `and ${i}` }]), 200);
  const turns = [{ role: 'user', content: 'make the tests pass' }];
  for (let i = 0; i < 6; i++) {
    await call(bo, 'loop', {}, turns);
    turns.push({ role: 'assistant', content: [{ type: 'tool_use', id: `t${i}`, name: 'Bash', input: { command: 'npm test' } }] });
    turns.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: `t${i}`, content: 'FAIL widget', is_error: true }] });
  }
  await weir.ledgerOf(14);
});
after(stopAll);

const ask = async (path, key = owner, init = {}) => {
  const answer = await fetch(`${weir.console}/api/v1/${path}`, {
    ...init,
    headers: { 'x-weir-key': key, ...(init.body ? { 'content-type': 'application/json' } : {}) },
  });
  const text = await answer.text();
  return { status: answer.status, json: JSON.parse(text), text };
};
const call = async (key, session, headers = {}, words = `of ${session}`) => {
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key, 'x-weir-session': session, ...headers },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 50, messages: typeof words === 'string' ? [{ role: 'user', content: words }] : words }),
  });
  await answer.text();
  return answer.status;
};
const spent = (rows) => rows.reduce((sum, row) => sum + (row.cost_nanousd ?? 0), 0);

test('overview: money, movers, loops and what no team is booked for, as the ledger has them', async () => {
  const rows = weir.ledger();
  const { json } = await ask('overview');
  assert.equal(json.today.cost_nanousd, spent(rows));
  assert.equal(json.today.calls, rows.filter((r) => r.ending !== 'refused').length);
  assert.equal(json.today.refused, rows.filter((r) => r.ending === 'refused').length);
  assert.equal(json.month.before.cost_nanousd, 0);
  assert.equal(json.unallocated.cost_nanousd, spent(rows.filter((r) => !r.team)));
  const team = json.movers.find((m) => m.by === 'team' && m.value === 'payments');
  assert.equal(team.cost_nanousd, spent(rows.filter((r) => r.team === 'payments')));
  assert.equal(team.before_nanousd, 0);
  const stopped = rows.filter((r) => r.rule === 'loops' && r.ending === 'refused');
  assert.ok(stopped.length >= 1, 'the loop was stopped');
  assert.equal(json.loops.sessions, 1);
  assert.equal(json.loops.burnt_nanousd, spent(rows.filter((r) => r.session === 'loop')));
  assert.equal(json.loops.next_hour_nanousd, 6 * json.loops.burnt_nanousd);
  assert.equal(json.budgets[0].budget, 'tight', 'the fullest first');
  // of claude-sonnet-4-5: fresh input $3, cache read $0.30, writing for five minutes $3.75 a million
  const of = (meter) => rows.reduce((sum, r) => sum + (r[meter] ?? 0), 0);
  assert.equal(json.cache.saved_nanousd, 2700 * of('cache_read_tokens') - 750 * of('cache_write_5m_tokens') - 3000 * of('cache_write_1h_tokens'));
  assert.equal(json.cache.read_tokens, of('cache_read_tokens'));
  assert.ok(of('cache_read_tokens') > 1000 && of('cache_write_5m_tokens') > 1000, 'the cache was used');

  const own = (await ask('overview', boSees)).json;
  assert.equal(own.today.cost_nanousd, spent(rows.filter((r) => r.user === 'bo@example.com')));
  assert.ok(!own.movers.some((m) => m.value === 'ana@example.com' || m.value === 'payments'));
  assert.ok(own.budgets.every((b) => b.for === 'bo@example.com'), JSON.stringify(own.budgets));
});

test('sessions are searched, sorted and paged; names of a hostile client come as they are', async () => {
  const ids = (got) => got.json.sessions.map((s) => s.id);
  for (let i = 0; i < 50 && (await ask('sessions')).json.total < 9; i++) await new Promise((done) => setTimeout(done, 100));
  const all = await ask('sessions?limit=100');
  assert.equal(all.json.total, 9, all.text);
  const first = await ask('sessions?limit=2&sort=cost');
  const second = await ask('sessions?limit=2&offset=2&sort=cost');
  assert.deepEqual(ids(first).concat(ids(second)), all.json.sessions.sort((a, b) => b.cost_nanousd - a.cost_nanousd || (a.seen < b.seen ? 1 : -1)).slice(0, 4).map((s) => s.id));
  assert.deepEqual(ids(await ask('sessions?search=ACME/sh')).sort(), ['a0', 'a1', 'a2']);
  let paused = [];
  for (let i = 0; i < 50 && !paused.length; i++) {
    paused = ids(await ask('sessions?state=paused')); // the store is told once a second
    if (!paused.length) await new Promise((done) => setTimeout(done, 100));
  }
  assert.deepEqual(paused, ['loop']);
  assert.ok((await ask('sessions?sort=burn')).json.sessions[0].burn_nanousd > 0);
  const hostile = (await ask('sessions?search=onerror')).json.sessions;
  assert.equal(hostile.length, 2);
  assert.match(hostile[0].repo, /^<img src=x onerror=alert\(1\)>"'&;?$/);
  assert.deepEqual(ids(await ask('sessions?search=a0', boSees)), []);
  for (const wrong of ['sort=size', 'state=dead', 'limit=0', 'offset=-1']) assert.equal((await ask(`sessions?${wrong}`)).status, 400, wrong);
  const turn = (await ask('sessions/loop')).json.turns.at(-1);
  assert.equal(turn.rule === 'loops' || turn.rule === 'session.paused', true, JSON.stringify(turn));
  assert.match(turn.explanation, /loop/);
});

test('shadow: what rules would have done, to whom, and what cohorts cost', async () => {
  const rows = weir.ledger();
  const { json } = await ask('shadow');
  const gate = json.rules.find((r) => r.kind === 'gate');
  assert.deepEqual([gate.name, gate.mode, gate.calls, gate.users], ['no-push', 'shadow', 3, 1]);
  assert.equal(gate.cost_nanousd, spent(rows.filter((r) => r.branch === 'main')));
  assert.deepEqual(gate.affected.map((u) => u.user), ['ana@example.com']);
  const tight = json.rules.find((r) => r.name === 'tight');
  assert.equal(tight.kind, 'budget');
  assert.equal(tight.calls, rows.filter((r) => /budget tight/.test(r.shadow ?? '')).length);
  assert.ok(tight.calls > 3);
  const pilot = json.cohorts.find((c) => c.cohort === 'pilot');
  assert.equal(pilot.cost_nanousd, spent(rows.filter((r) => r.user === 'bo@example.com')));
  const own = (await ask('shadow', boSees)).json;
  assert.ok(!own.rules.some((r) => r.affected.some((u) => u.user !== 'bo@example.com')));
});

test('health: each provider\'s calls, failures and times', async () => {
  const { json } = await ask('health');
  const p = json.providers.find((x) => x.name === 'anthropic');
  const rows = weir.ledger().filter((r) => r.ending !== 'refused');
  assert.equal(p.calls, rows.length);
  assert.equal(p.day_calls, rows.length);
  assert.equal(p.failed, 0);
  const times = rows.map((r) => r.duration_ms).sort((a, b) => a - b);
  assert.equal(p.duration_ms.p50, times[Math.floor((times.length - 1) / 2)]);
  assert.ok(json.providers.some((x) => x.name === 'gemini' && x.calls === 0 && x.duration_ms.p50 === null), 'one that was not asked is there too');
  assert.ok(json.limits.some((l) => l.provider === 'anthropic' && l.model === 'claude-sonnet-4-5'));
});

test('prices: what was used, or the whole book; set-up: lines to copy, and whose calls came', async () => {
  const used = (await ask('prices')).json.prices;
  assert.deepEqual([...new Set(used.map((p) => p.model))], ['claude-sonnet-4-5']);
  assert.equal(used[0].nanousd_per_million.input, 3e9);
  assert.ok((await ask('prices?all=true')).json.prices.length > 50);
  const { json } = await ask('setup');
  assert.equal(json.gateway, weir.url);
  const claude = json.agents.find((a) => a.agent === 'claude-code');
  assert.match(claude.lines, new RegExp(`^export ANTHROPIC_BASE_URL=${weir.url}\nexport ANTHROPIC_API_KEY=wk_…$`));
  assert.equal(claude.calls, 0);
  assert.equal(json.calls, weir.ledger().filter((r) => r.ending !== 'refused').length);
});

test('a budget\'s windows before, as it counts them', async () => {
  const rows = weir.ledger();
  const { json } = await ask('budgets/all-day/history');
  assert.deepEqual([json.unit, json.limit, json.complete], ['nanousd', 100e9, true]);
  assert.equal(json.windows.length, 1);
  assert.equal(json.windows[0].amount, spent(rows));
  assert.match(json.windows[0].text, /^0\.0\d+ USD$/);
  const each = (await ask('budgets/tight/history', boSees)).json.windows;
  assert.deepEqual(each.map((w) => [w.for, w.amount]), [['bo@example.com', spent(rows.filter((r) => r.user === 'bo@example.com'))]]);
  const shown = (await ask('budgets/tight')).json;
  assert.equal(shown.limit_amount, 1000);
  assert.equal(shown.counters.find((c) => c.for === 'bo@example.com').amounts.settled, each[0].amount);
  assert.equal((await ask('budgets/none/history')).status, 404);
  assert.equal((await ask('budgets/tight/history?days=0')).status, 400);
});

test('preview: whom a budget would have stopped, nothing of it stored', async () => {
  const rows = weir.ledger().filter((r) => r.user === 'bo@example.com' && r.cost_nanousd);
  const limit = rows[0].cost_nanousd + rows[1].cost_nanousd;
  const body = (n, more = {}) => ({ method: 'POST', body: JSON.stringify({ each: 'user', window: 'day', limit: `${(n / 1e9).toFixed(9)} USD`, ...more }) });
  const { json, status, text } = await ask('budgets/new/preview', viewer, body(limit));
  assert.equal(status, 200, text);
  const who = json.who.find((w) => w.for === 'bo@example.com');
  // the first two fit; of the others those that no longer did
  let settled = 0;
  const beyond = rows.filter((r) => (settled + r.cost_nanousd <= limit ? ((settled += r.cost_nanousd), false) : true));
  assert.equal(who.stopped, beyond.length);
  assert.equal(who.stopped_nanousd, spent(beyond));
  assert.equal(json.complete, true);
  const none = await ask('budgets/new/preview', owner, body(1e12));
  assert.equal(none.json.stopped, 0);
  assert.deepEqual(none.json.who, []);
  const rolling = await ask('budgets/new/preview', owner, body(limit, { window: 'rolling 24h' }));
  assert.ok(rolling.status === 200 ? rolling.json.who.some((w) => w.for === 'bo@example.com') : /window/.test(rolling.text), rolling.text);
  const edited = await ask('budgets/all-day/preview', owner, { method: 'POST', body: JSON.stringify({ window: 'day', limit: '0.000001 USD' }) });
  assert.equal(edited.status, 200, edited.text);
  assert.ok(edited.json.stopped > 5, 'also of one that stands in the file');
  assert.equal((await ask('budgets/new/preview', owner, body(1, { window: 'fortnight' }))).status, 400);
  assert.equal((await ask('budgets/new/preview', boSees, body(1))).status, 403);
  assert.equal((await ask('budgets/new')).status, 404);
});

test('every question of the document is answered in the shape that it says, by each who may ask', async () => {
  const { json: doc } = await ask('openapi.json');
  const lists = { sessions: 'id', budgets: 'name', alerts: 'id' };
  let asked = 0;
  for (const [path, operations] of Object.entries(doc.paths)) {
    const get = operations.get;
    if (!get?.responses['2XX'].content['application/json']) continue; // events have no end: events.test.mjs
    let at = path.slice('/api/v1/'.length);
    const param = at.match(/^(\w+)\/\{\w+\}(\/\w+)?$/);
    if (param) {
      const list = (await ask(param[1])).json[param[1]];
      if (!list?.length) continue;
      at = `${param[1]}/${encodeURIComponent(list[0][lists[param[1]]])}${param[2] ?? ''}`;
    }
    for (const [role, key] of [['owner', owner], ['viewer', viewer], ['developer', boSees]]) {
      const got = checked(doc, 'get', path, await ask(at, key));
      const may = get['x-weir-roles'].includes(role);
      assert.ok(may ? got.status === 200 || (param && got.status === 404) : got.status === 403, `${role} ${path}: ${got.status} ${got.text.slice(0, 300)}`);
      asked++;
    }
  }
  assert.ok(asked > 60, `${asked} asked`);
  const preview = checked(doc, 'post', '/api/v1/budgets/{name}/preview', await ask('budgets/x/preview', owner, { method: 'POST', body: JSON.stringify({ window: 'day', limit: '1 USD' }) }));
  assert.equal(preview.status, 200);
});

test('every path of the source is in the document, and the other way round', async () => {
  const { json: doc } = await ask('openapi.json');
  const folder = join(ROOT, 'src/gateway');
  const source = readdirSync(folder).filter((f) => /\.c$/.test(f)).map((f) => readFileSync(join(folder, f), 'utf8')).join('\n');
  const said = new Set([...source.matchAll(/"(\/api\/v1\/[a-z.]+(?:\/[a-z{}.]+)*)"/g)].map((m) => m[1]));
  const known = Object.keys(doc.paths);
  for (const path of said) assert.ok(known.includes(path), `${path} is not in the document`);
  for (const path of known) assert.ok(said.has(path), `${path} is in no source file`);
  assert.equal((await ask('nothing-of-the-kind')).status, 404);
});
