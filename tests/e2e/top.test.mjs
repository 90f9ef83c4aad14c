// `weir top`: its picture, on a terminal of its own and as text, and what its keys do to a running gateway.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { cleanEnvironment, ROOT, startSim, startWeir, stopAll, WEIR } from './lib/harness.mjs';

let sim, weir, operator, ana, bo, boSees;

before(async () => {
  sim = await startSim();
  weir = await startWeir({
    sim,
    extra: `budgets:
  - {name: dev-day, each: user, window: day, limit: 1 USD}
storms: {name: loops, action: alert}
`,
  });
  operator = weir.newKey('--role', 'operator', '--user', 'olga@example.com');
  ana = weir.firstKey;
  bo = weir.newKey('--user', 'bo@example.com');
  boSees = weir.newKey('--role', 'developer', '--user', 'bo@example.com');
  await new Promise((done) => setTimeout(done, 300));
  for (let i = 0; i < 3; i++) await call(ana, `work-${i}`, { 'x-weir-repo': 'github.com/acme/shop' });
  await call(bo, 'of-bo', { 'x-weir-repo': 'github.com/acme/\u001b[31mred', 'x-weir-branch': '<b>' }).catch(() => {});
  await call(bo, 'of-bo');
  const turns = [{ role: 'user', content: 'make the tests pass' }];
  for (let i = 0; i < 4; i++) {
    await call(ana, 'circle', {}, turns);
    turns.push({ role: 'assistant', content: [{ type: 'tool_use', id: `t${i}`, name: 'Bash', input: { command: 'npm test' } }] });
    turns.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: `t${i}`, content: 'FAIL widget', is_error: true }] });
  }
  await weir.ledgerOf(8);
});
after(stopAll);

const call = async (key, session, headers = {}, words = `of ${session}`) => {
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key, 'x-weir-session': session, ...headers },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 30, messages: typeof words === 'string' ? [{ role: 'user', content: words }] : words }),
  });
  await answer.text();
  return answer.status;
};
const environment = (key, extra = {}) => ({ ...cleanEnvironment({ WEIR_URL: weir.console, HOME: '/nonexistent', LC_ALL: 'C.UTF-8', ...extra }), ...(key ? { WEIR_KEY: key } : {}) });
const once = (key, args = [], extra = {}) => spawnSync(WEIR, ['top', '--once', ...args], { env: environment(key, extra), encoding: 'utf8' });
const play = (key, script, args = []) => {
  const file = join(weir.folder, 'script.json');
  writeFileSync(file, JSON.stringify(script));
  const done = spawnSync('python3', [join(ROOT, 'tests/e2e/lib/screen.py'), file, WEIR, 'top', '--every', '1', ...args], {
    env: environment(key, { TERM: 'vt100' }),
    encoding: 'utf8',
    timeout: 60000,
  });
  assert.equal(done.status, 0, done.stderr);
  assert.equal(done.stderr, '');
  return JSON.parse(done.stdout);
};

test('as text: burn, budgets, sessions by what they burn, loops flagged', () => {
  const { stdout, stderr, status } = once(operator, [], { COLUMNS: '130' });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^ weir top \d\d:\d\d:\d\dZ  \$[\d.]+\/min  \$[\d.]+\/min over 5 min  8 calls\/min  0 in flight\n/);
  assert.match(stdout, /\n dev-day +ana@example\.com .*\d%  \$[\d.]+ of \$1\.00\n/);
  assert.match(stdout, /\n 5 sessions by burn\n/);
  assert.match(stdout, /\n LOOP +ana@example\.com .* circle\n/);
  const order = [...stdout.matchAll(/ (work-\d|of-bo|circle)$/gm)].map((m) => m[1]);
  assert.equal(order.length, 5);
  assert.equal(order[0], 'circle', 'four calls burn most');
  assert.ok(!/[\u0000-\u0009\u000b-\u001f]/.test(stdout), 'no control character of a client');
  assert.ok(stdout.split('\n').every((l) => [...l].length <= 130));
  const narrow = once(operator, [], { COLUMNS: '60' }).stdout;
  assert.ok(narrow.split('\n').every((l) => [...l].length <= 60), narrow);
  assert.equal(JSON.parse(once(operator, ['--json']).stdout).sessions.length, 5);
  assert.match(once(operator, [], { LC_ALL: 'C', COLUMNS: '100' }).stdout, /^[\x20-\x7e\n]*$/, 'ASCII where the terminal is');
});

test("a developer's key: their own; an agent's and a wrong server: why not", () => {
  const own = once(boSees).stdout;
  assert.match(own, /\n 1 session by burn\n/);
  assert.ok(!/ana@example|in flight|calls\/min/.test(own), own);
  const refused = once(weir.newKey('--role', 'agent'));
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /WEIR_KEY|role agent/);
  const nobody = spawnSync(WEIR, ['top', '--once', '--server', 'http://127.0.0.1:1'], { env: environment(), encoding: 'utf8' });
  assert.equal(nobody.status, 1);
  assert.match(nobody.stderr, /cannot be reached.*does `weir serve` run there/);
  assert.match(spawnSync(WEIR, ['top', '--every', '0'], { env: environment(), encoding: 'utf8' }).stderr, /seconds, from 1 to 60/);
});

test('on a terminal: choose, inspect, filter, sort, help, resize; little is sent when nothing changes', () => {
  const { screens, bytes, status } = play(operator, [
    { wait: 'LOOP' },
    { quiet: 3 },
    { send: '/' },
    { send: 'SHOP\r' },
    { wait: 'filtered by "SHOP"' },
    { send: '/' },
    { send: '\r' },
    { send: '\r' },
    { wait: '= cached, # not' },
    { send: 'q' },
    { send: '?' },
    { wait: 'round in circles' },
    { send: 'x' },
    { send: 'o' },
    { wait: 'sessions by spent' },
    { size: [12, 60] },
    { size: [40, 140] },
    { wait: 'REPOSITORY' },
    { send: 'q' },
  ]);
  assert.equal(status, 0);
  assert.match(screens[1], /5 sessions by burn/);
  assert.match(screens[1], /q quit/);
  assert.ok(bytes[1] < 600, `${bytes[1]} bytes in three seconds`);
  assert.equal(screens[4].match(/acme\/shop|node/g)?.length ?? 0, 3);
  assert.ok(!screens[4].includes('of-bo'));
  assert.match(screens[8], /subagent +turn +context/);
  assert.match(screens[15], /^ weir top/);
  assert.ok(screens[15].split('\n').length === 12);
  assert.match(screens[17], /\n STATE +USER +AGENT +MODEL +REPOSITORY +BURN\/MIN/);
});

test('a session is paused and resumed, its user frozen and unfrozen, by keys', async () => {
  const first = play(operator, [
    { wait: '5 sessions' },
    { send: '/' },
    { send: 'of-bo\r' },
    { wait: '1 session ' },
    { send: 'p' },
    { send: 'looked at\r' },
    { wait: 'Session of-bo is paused.' },
    { wait: ' paused' },
    { send: 'q' },
  ]);
  assert.equal(first.status, 0);
  assert.equal(await call(bo, 'of-bo'), 402);
  const second = play(operator, [
    { wait: '5 sessions' },
    { send: '/' },
    { send: 'of-bo\r' },
    { wait: '1 session ' },
    { send: 'r' },
    { send: '\r' },
    { send: 'mended\r' },
    { wait: 'Session of-bo goes on.' },
    { send: 'f' },
    { send: '\u001b' },
    { gone: 'Freeze' },
    { send: 'f' },
    { send: 'a loop\r' },
    { wait: 'User bo@example.com is frozen.' },
    { wait: 'frozen: user' },
    { send: 'u' },
    { send: '\r' },
    { wait: 'is not frozen any more' },
    { gone: 'frozen: user' },
    { send: 'q' },
  ]);
  assert.equal(second.status, 0);
  assert.match(second.screens[5], /Resume the session; why/, 'a resume asks for a reason until it has one');
  assert.equal(await call(bo, 'of-bo'), 200);
  const changes = (await (await fetch(`${weir.console}/api/v1/audit`, { headers: { 'x-weir-key': operator } })).json()).changes;
  const said = changes.find((c) => c.action === 'session.running' && c.subject === 'of-bo');
  assert.match(`${said.actor} ${said.detail}`, /^olga@example\.com .*mended$/);

  const other = play(boSees, [{ wait: '1 session' }, { send: 'f' }, { send: 'me\r' }, { wait: 'is frozen' }, { send: 'u' }, { send: '\r' }, { wait: 'not frozen any more' }, { send: 'q' }]);
  assert.equal(other.status, 0, 'a developer freezes themselves');
  const viewer = play(weir.newKey('--role', 'viewer', '--user', 'v@example.com'), [{ wait: '5 sessions' }, { send: 'p' }, { send: '\r' }, { wait: 'may not do this' }, { send: 'q' }]);
  assert.match(viewer.screens[3], /a key of the role viewer may not do this; may: developer, operator, owner/);
});

test('it waits out a gateway that is away', async () => {
  const started = play(operator, [{ wait: '5 sessions' }, { send: 'q' }]);
  assert.equal(started.status, 0);
  await weir.stop();
  const away = play(operator, [{ wait: 'cannot be reached' }, { send: 'q' }]);
  assert.equal(away.status, 0);
});
