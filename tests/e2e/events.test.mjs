// The console's server-sent events, and the same as one answer: what goes on, for whom it is, and what becomes of clients
// that are too many, come back, or do not read.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { listen } from './lib/events.mjs';
import { startSim, startWeir, stopAll } from './lib/harness.mjs';

let sim, weir, owner, ana, bo, boSees, agent;
const open = [];

before(async () => {
  sim = await startSim();
  weir = await startWeir({
    sim,
    extra: `budgets:
  - {name: dev-day, each: user, window: day, limit: 5 USD}
storms: {name: loops, repeat_calls: 3, action: pause}
`,
  });
  owner = weir.newKey('--role', 'owner', '--user', 'olga@example.com');
  ana = weir.firstKey;
  bo = weir.newKey('--user', 'bo@example.com');
  boSees = weir.newKey('--role', 'developer', '--user', 'bo@example.com');
  agent = weir.newKey('--role', 'agent', '--user', 'bo@example.com');
  await new Promise((done) => setTimeout(done, 300));
});
after(async () => {
  for (const reader of open) reader.stop();
  await stopAll();
});

const events = async (key, headers = {}) => {
  const reader = await listen(`${weir.console}/api/v1/events`, { ...(key ? { 'x-weir-key': key } : {}), ...headers });
  open.push(reader);
  return reader;
};
/** One that is let in once there is room. */
const admitted = async () => {
  for (let i = 0; ; i++) {
    const reader = await events(owner);
    if (reader.status === 200 || i === 100) return reader;
    await new Promise((done) => setTimeout(done, 200));
  }
};
const ask = async (path, key) => {
  const answer = await fetch(`${weir.console}${path}`, { headers: key ? { 'x-weir-key': key } : {} });
  return { status: answer.status, json: await answer.json() };
};
const call = async (key, session, headers = {}) => {
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key, 'x-weir-session': session, ...headers },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 50, messages: [{ role: 'user', content: `of ${session}` }] }),
  });
  await answer.text();
  return answer.status;
};
const has = (id) => (m) => m.data.sessions.some((s) => s.id === id);

test('first all there is, then what changes, with money that is the ledger\'s', async () => {
  assert.equal(await call(ana, 'one', { 'x-weir-repo': 'github.com/<b>evil</b>/"x"' }), 200);
  await weir.ledgerOf(1);
  const reader = await events(owner);
  assert.equal(reader.status, 200);
  assert.match(reader.headers['content-type'], /^text\/event-stream/);
  const state = await reader.next();
  assert.equal(state.event, 'state');
  const one = state.data.sessions.find((s) => s.id === 'one');
  const row = (await weir.ledgerOf(1))[0];
  assert.equal(one.spent_nanousd, row.cost_nanousd);
  assert.equal(one.repo, 'github.com/<b>evil</b>/"x"');
  assert.equal(one.user, 'ana@example.com');
  assert.equal(one.state, 'running');
  assert.equal(state.data.burn.slots_nanousd.reduce((a, b) => a + b, 0), row.cost_nanousd);
  const budget = state.data.budgets.find((b) => b.for === 'ana@example.com');
  assert.deepEqual([budget.budget, budget.unit, budget.limit, budget.settled, budget.held], ['dev-day', 'nanousd', 5e9, row.cost_nanousd, 0]);
  assert.deepEqual(state.data.freezes, []);

  await call(bo, 'two');
  const change = await reader.next(has('two'));
  assert.equal(change.event, 'change');
  assert.ok(!change.data.sessions.some((s) => s.id === 'one'), 'what did not change is not told again');
  assert.ok(change.data.budgets.some((b) => b.for === 'bo@example.com'), 'its budget moved');
  const quiet = await reader.next((m) => m.id !== change.id && !m.data.sessions.length);
  assert.ok(!('budgets' in quiet.data) && !('freezes' in quiet.data), JSON.stringify(quiet.data));
});

test('a session that is paused, and a freeze, are told', async () => {
  const reader = await events(owner);
  await reader.next();
  const post = (path, body) =>
    fetch(`${weir.console}/api/v1/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-weir-key': owner }, body: JSON.stringify(body) });
  assert.equal((await post('sessions/two/pause', { reason: 'looked at' })).status, 200);
  const paused = await reader.next(has('two'));
  assert.equal(paused.data.sessions.find((s) => s.id === 'two').state, 'paused');
  assert.equal((await post('freeze', { user: 'zed@example.com', reason: 'away' })).status, 200);
  const frozen = await reader.next((m) => m.data.freezes);
  assert.equal(frozen.data.freezes[0].value, 'zed@example.com');
  assert.equal((await post('unfreeze', { user: 'zed@example.com' })).status, 200);
  assert.deepEqual((await reader.next((m) => m.data.freezes)).data.freezes, []);
  assert.equal(weir.run('session', 'resume', 'two', '--reason', 'seen').status, 0); // by another process, through the store
  const again = await reader.next(has('two'));
  assert.equal(again.data.sessions.find((s) => s.id === 'two').state, 'running');
});

test('a developer sees their own, an agent nothing, loopback without a key all', async () => {
  const reader = await events(boSees);
  const state = (await reader.next()).data;
  assert.deepEqual(state.sessions.map((s) => s.id), ['two']);
  assert.deepEqual(state.budgets.map((b) => b.for), ['bo@example.com']);
  assert.equal(state.calls_in_flight, null);
  assert.equal(state.burn.slots_nanousd.reduce((a, b) => a + b, 0), state.sessions[0].spent_nanousd);
  await call(ana, 'three');
  await call(bo, 'four');
  const change = await reader.next((m) => m.data.sessions.length > 0);
  assert.deepEqual(change.data.sessions.map((s) => s.id), ['four']);
  const refused = await events(agent);
  assert.equal(refused.status, 403);
  const anyone = await events();
  assert.ok((await anyone.next()).data.sessions.length >= 4);
  const live = await ask('/api/v1/live?limit=2', boSees);
  assert.equal(live.json.sessions.length, 2);
  assert.equal((await ask('/api/v1/live?limit=x', boSees)).status, 400);
  assert.equal((await ask('/api/v1/live', agent)).status, 403);
});

test('Last-Event-ID goes on where it was; another process\'s begins anew', async () => {
  const first = await events(owner);
  const state = await first.next();
  await call(ana, 'five');
  const change = await first.next(has('five'));
  first.stop();
  await call(ana, 'six');
  const again = await events(owner, { 'last-event-id': change.id });
  const next = await again.next();
  assert.equal(next.event, 'change', 'nothing is told twice');
  assert.ok(has('six')(next) || has('six')(await again.next(has('six'))));
  for (const stale of ['abc-1', `${state.id.split('-')[0]}-999999`, 'x', '-'])
    assert.equal((await (await events(owner, { 'last-event-id': stale })).next()).event, 'state', stale);
});

test('more than there is room for are turned away, and there is room again when they go', async () => {
  for (const reader of open.splice(0)) reader.stop();
  const many = [];
  for (let i = 0; i < 70; i++) many.push(await events(owner));
  const full = many.filter((r) => r.status === 503).length;
  assert.ok(full >= 6 && full <= 30, `${full} turned away`); // those that were just closed are noticed within a beat
  assert.equal((await ask('/api/v1/me', owner)).status, 200, 'the console answers meanwhile');
  const metrics = await (await fetch(`${weir.console}/metrics`)).text();
  assert.match(metrics, /^weir_event_clients 64$/m);
  for (const reader of many) reader.stop();
  open.length = 0;
  assert.equal((await admitted()).status, 200);
});

test('the gateway ends at once with consoles open', async () => {
  const reader = await admitted();
  await reader.next();
  const began = Date.now();
  assert.equal(await weir.stop(), 0);
  assert.ok(Date.now() - began < 5000);
  assert.ok(!/suspended/.test(weir.output()), weir.output());
});
