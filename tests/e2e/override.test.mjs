// Lifting a limit: a developer's own within the bounds and at once, more by an approver; by the command, with no more than
// the developer's own key, and by the API.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { spawnSync } from 'node:child_process';
import { STREAM, dial, post, until } from './lib/raw.mjs';
import { cleanEnvironment, startSim, startWeir, stopAll, WEIR } from './lib/harness.mjs';

let sim, weir;
const keys = {};

before(async () => {
  sim = await startSim();
  weir = await startWeir({
    sim,
    extra: `teams:
  - {name: web, members: [dev@example.com, other@example.com]}
budgets:
  - {name: dev-day, each: user, window: day, limit: 0.01 USD, override: {up_to: 25 USD, approved_up_to: 100 USD}}
  - {name: pr, each: [repo, pr], where: {environment: ci}, window: total, limit: 3 USD, override: {up_to: 1 USD, approvers: [lead@example.com]}}
  - {name: org, window: month, limit: 2000 USD}
  - {name: tokens, each: team, window: "rolling 24h", limit: 2M tokens, override: {up_to: 1M tokens}}
`,
  });
  for (const [name, role] of [['dev', 'developer'], ['other', 'developer'], ['lead', 'developer'], ['op', 'operator'], ['owner', 'owner'], ['bot', 'agent'], ['eye', 'viewer']])
    keys[name] = weir.newKey('--role', role, '--user', `${name}@example.com`);
  await new Promise((done) => setTimeout(done, 300));
});
after(stopAll);

const laptop = (who, ...args) => {
  const env = cleanEnvironment({ WEIR_URL: weir.console, WEIR_KEY: keys[who], HOME: '/nonexistent' });
  const done = spawnSync(WEIR, ['budget', ...args], { env, encoding: 'utf8' });
  return { ...done, json: args.includes('--json') && done.status === 0 ? JSON.parse(done.stdout) : null };
};
const api = async (who, method, path, body) => {
  const answer = await fetch(`${weir.console}/api/v1/${path}`, {
    method,
    headers: { 'x-weir-key': keys[who], ...(body ? { 'content-type': 'application/json' } : {}) },
    body: body && JSON.stringify(body),
  });
  return { status: answer.status, json: await answer.json() };
};
const call = async (who) => {
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': keys[who] },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 1000, messages: [{ role: 'user', content: 'x' }] }),
  });
  await answer.text();
  return answer.status;
};

test('a refused developer lifts their own limit, and the next call passes', async () => {
  assert.equal(await call('dev'), 402);
  const done = laptop('dev', 'override', 'dev-day', '--add', '10 USD', '--reason', 'release day');
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /dev-day \+ 10\.00 USD, user dev@example\.com: active until .* \(dev@example\.com \(k_\w+\): release day\)/);
  assert.equal(await call('dev'), 200);
  assert.equal(await call('other'), 402, "another's limit is as it was");
  assert.match(laptop('dev', 'show', 'dev-day').stdout, /dev@example\.com +\S+ USD left/);
  const { changes } = (await api('eye', 'GET', 'audit?limit=1')).json;
  assert.equal(changes[0].action, 'budget.override');
  assert.match(changes[0].actor, /^dev@example\.com/);
  assert.equal(changes[0].after.add, '10.00 USD');
  assert.equal(changes[0].reason, 'release day');
  assert.match(weir.config(), /up_to/);
});

test('beyond the bounds it waits for an approver, who is not the one who asked', async () => {
  const asked = laptop('other', 'override', 'dev-day', '--add', '26 USD', '--reason', 'migration', '--json');
  assert.equal(asked.status, 0, asked.stderr);
  assert.equal(asked.json.state, 'waiting');
  assert.equal(await call('other'), 402);
  assert.equal(laptop('other', 'approve', asked.json.id).status, 3);
  assert.equal(laptop('dev', 'approve', asked.json.id).status, 3);
  assert.match(laptop('op', 'overrides').stdout, new RegExp(`${asked.json.id}.*waiting`));
  const yes = laptop('op', 'approve', asked.json.id);
  assert.equal(yes.status, 0, yes.stderr);
  assert.equal(await call('other'), 200);
  assert.equal(laptop('op', 'approve', asked.json.id).status, 1, 'decided once');
  const more = laptop('other', 'override', 'dev-day', '--add', '75 USD', '--reason', 'more');
  assert.equal(more.status, 3);
  assert.match(more.stderr, /at most 100\.00 USD may be added in all, and 26\.00 USD was/);
});

test('what adds up counts: ten and then sixteen are more than twenty-five', async () => {
  assert.equal(laptop('dev', 'override', 'dev-day', '--add', '16 USD', '--reason', 'x', '--json').json.state, 'waiting');
  assert.equal(laptop('dev', 'override', 'dev-day', '--add', '0.5 USD', '--reason', 'x', '--json').json.state, 'waiting', 'what waits counts too');
});

test('whose it is, who may, and what is wrong is said', async () => {
  for (const [who, args, status, message] of [
    ['dev', ['dev-day', '--add', '1 USD', '--reason', 'x', '--for', 'user=other@example.com'], 3, /"other@example\.com" is not yours/],
    ['op', ['dev-day', '--add', '1 USD', '--reason', 'x', '--for', 'user=lead@example.com'], 0, /^$/],
    ['bot', ['dev-day', '--add', '1 USD', '--reason', 'x'], 3, /role agent may not/],
    ['eye', ['dev-day', '--add', '1 USD', '--reason', 'x'], 3, /role viewer may not/],
    ['dev', ['org', '--add', '1 USD', '--reason', 'x'], 3, /has no `override:`/],
    ['owner', ['org', '--add', '1 USD', '--reason', 'x'], 0, /^$/],
    ['dev', ['pr', '--add', '1 USD', '--reason', 'x'], 1, /--for repo=/],
    ['dev', ['pr', '--add', '1 USD', '--reason', 'x', '--for', 'repo=github.com/a/b', '--for', 'pr=7'], 0, /^$/],
    ['dev', ['tokens', '--add', '1 USD', '--reason', 'x'], 1, /in the budget's own unit, such as "2000000 tokens"/],
    ['dev', ['tokens', '--add', '500k tokens', '--reason', 'x'], 0, /^$/],
    ['dev', ['nothing', '--add', '1 USD', '--reason', 'x'], 1, /there is no budget "nothing"/],
    ['dev', ['dev-day', '--add', '1 USD'], 2, /--reason/],
    ['dev', ['dev-day', '--add', '-1 USD', '--reason', 'x'], 1, /amount/],
  ]) {
    const done = laptop(who, 'override', ...args);
    assert.equal(done.status, status, `${who} ${args}: ${done.stderr}`);
    assert.match(done.stderr, message);
  }
  const waiting = laptop('dev', 'override', 'pr', '--add', '2 USD', '--reason', 'x', '--for', 'repo=github.com/a/b', '--for', 'pr=8', '--json').json;
  assert.equal(waiting.state, 'waiting');
  assert.equal(laptop('op', 'approve', waiting.id).status, 3, 'not one of the approvers named');
  assert.equal(laptop('lead', 'refuse', waiting.id).status, 0);
});

test('a developer sees their own counters and overrides', async () => {
  const mine = (await api('dev', 'GET', 'budgets')).json.budgets.find((b) => b.name === 'dev-day').counters;
  assert.deepEqual(mine.map((c) => c.for), ['dev@example.com']);
  const all = (await api('eye', 'GET', 'budgets')).json.budgets.find((b) => b.name === 'dev-day').counters;
  assert.ok(all.length > 1);
  const own = (await api('dev', 'GET', 'overrides')).json.overrides;
  assert.ok(own.length && own.every((o) => o.requested_by.startsWith('dev@example.com')));
});

test('what was lifted is lifted after a restart', async () => {
  await weir.stop('SIGKILL');
  await weir.restart();
  assert.equal(await call('dev'), 200);
  assert.equal(await call('lead'), 200);
  assert.equal(await call('eye'), 401);
});

test('who holds, and for how long: one sees their own, the keepers all', async () => {
  const line = dial(weir.url);
  await line.write(post('/v1/messages', keys.dev, STREAM, ['x-sim: delay=600000', 'x-weir-session: s-held', 'x-weir-team: web']));
  const held = async (who) => (await api(who, 'GET', 'holds')).json.holders;
  const [one] = await until(async () => (await held('eye')).length && held('eye'), 'it is under way');
  assert.deepEqual([one.user, one.session, one.model, one.batch], ['dev@example.com', 's-held', 'claude-haiku-4-5', null]);
  assert.match(one.held, /^0\.0\d* USD$/);
  assert.ok(Date.now() - Date.parse(one.since) < 60000 && one.age_s < 60, JSON.stringify(one));
  assert.deepEqual(one.budgets, [{ budget: 'dev-day', for: 'dev@example.com' }, { budget: 'org', for: null }, { budget: 'tokens', for: 'web' }]);
  assert.equal((await held('dev')).length, 1);
  assert.deepEqual(await held('other'), [], "another's is not theirs to see");
  const shown = laptop('dev', 'show', 'dev-day').stdout;
  assert.match(shown, /held by .*\n {4}dev@example\.com, web, .*session s-held, .*claude-haiku-4-5: 0\.0\d* USD for \d+ s \(call \w+\)/);
  assert.doesNotMatch(laptop('eye', 'show', 'pr').stdout, /held by (?!0 calls)/, 'it is not in CI');
  line.destroy();
  await until(async () => (await held('eye')).length === 0, 'nothing is held any more');
});
