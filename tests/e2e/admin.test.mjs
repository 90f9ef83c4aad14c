// Administration by the console's API: who may what, every change recorded, the file winning, and the OpenAPI document
// held against what the server answers. Real HTTP throughout.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { checked } from './lib/openapi.mjs';
import { cleanEnvironment, startSim, startWeir, stopAll, WEIR } from './lib/harness.mjs';

const ROLES = ['agent', 'developer', 'viewer', 'operator', 'owner'];
let sim, weir;
const keys = {};

before(async () => {
  sim = await startSim();
  weir = await startWeir({ sim, extra: 'teams:\n  - {name: payments, cost_centre: CC-1, members: [ana@example.com]}\n' });
  for (const role of ROLES) keys[role] = weir.newKey('--role', role, '--user', `${role}@example.com`);
  await new Promise((done) => setTimeout(done, 300));
});
after(stopAll);

const ask = async (method, path, { key, body, headers = {}, raw } = {}) => {
  const answer = await fetch(`${weir.console}${path}`, {
    method,
    headers: { ...(key ? { 'x-weir-key': key } : {}), ...(body || raw ? { 'content-type': 'application/json' } : {}), ...headers },
    body: raw ?? (body && JSON.stringify(body)),
  });
  if (answer.headers.get('content-type') === 'text/event-stream') {
    await answer.body?.cancel(); // it has no end
    return { status: answer.status, json: null, text: '' };
  }
  const text = await answer.text();
  let json = null;
  try {
    json = JSON.parse(text);
  } catch {}
  return { status: answer.status, json, text };
};
const call = async (key) => {
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
  });
  await answer.text();
  return answer.status;
};

test('the roles: each operation of the document is open to those it names, and to no one else', async () => {
  const { json: doc } = await ask('GET', '/api/v1/openapi.json');
  let tried = 0;
  for (const [path, operations] of Object.entries(doc.paths))
    for (const [method, operation] of Object.entries(operations))
      for (const role of ROLES) {
        const url = path.replace(/\{[^}]*\}/, 'nothing-of-that-name');
        const got = await ask(method.toUpperCase(), url, { key: keys[role], ...(operation.requestBody ? { raw: '{"no":1}' } : {}) });
        const may = operation['x-weir-roles'].includes(role);
        assert.equal(got.status === 403, !may, `${role} ${method} ${path}: ${got.status} ${got.text}`);
        if (!may) assert.match(got.text, new RegExp(`role ${role} may not do this; may: `));
        tried++;
      }
  assert.ok(tried > 50, `${tried} combinations`);
});

test('what the server answers is what the document says', async () => {
  const { json: doc } = await ask('GET', '/api/v1/openapi.json');
  const key = keys.owner;
  const seen = new Set();
  const go = async (method, path, param, init = {}) => {
    seen.add(`${method} ${path}`);
    return checked(doc, method, path, await ask(method.toUpperCase(), path.replace(/\{[^}]*\}/, param), { key, ...init }));
  };
  for (const [path, operations] of Object.entries(doc.paths)) if (operations.get?.responses['2XX'].content['application/json'] && !path.includes('{')) await go('get', path);
  const made = await go('post', '/api/v1/keys', '', { body: { user: 'cy@example.com', role: 'agent', attributes: { repo: 'github.com/a/b' }, expires: '30d' } });
  assert.equal(made.status, 201);
  const next = await go('post', '/api/v1/keys/{id}/rotate', made.json.id);
  await go('delete', '/api/v1/keys/{id}', next.json.id);
  await go('put', '/api/v1/teams/{name}', 'web', { body: { members: ['bo@example.com'] } });
  await go('delete', '/api/v1/teams/{name}', 'web');
  await go('put', '/api/v1/budgets/{name}', 'web-day', { body: { window: 'day', limit: '5 USD', each: 'user' } });
  await go('delete', '/api/v1/budgets/{name}', 'web-day');
  await go('post', '/api/v1/freeze', '', { body: { user: 'nobody@example.com', reason: 'a loop' } });
  await go('get', '/api/v1/freezes', '');
  await go('post', '/api/v1/unfreeze', '', { body: { user: 'nobody@example.com' } });
  await go('delete', '/api/v1/budgets/{name}', 'web-day'); // an error's shape
});

test('a key made by the API opens at once, and nothing once it is revoked', async () => {
  const made = await ask('POST', '/api/v1/keys', { key: keys.operator, body: { user: 'di@example.com' } });
  assert.equal(made.status, 201, made.text);
  assert.equal(await call(made.json.key), 200);
  const renewed = await ask('POST', `/api/v1/keys/${made.json.id}/rotate`, { key: made.json.key });
  assert.equal(renewed.status, 200 + 1, renewed.text); // a developer renews their own
  assert.equal(await call(made.json.key), 401);
  assert.equal(await call(renewed.json.key), 200);
  assert.equal((await ask('DELETE', `/api/v1/keys/${renewed.json.id}`, { key: keys.developer })).status, 404); // another's is not there
  assert.equal((await ask('DELETE', `/api/v1/keys/${renewed.json.id}`, { key: keys.operator })).status, 200);
  assert.equal(await call(renewed.json.key), 401);
  assert.equal((await ask('POST', '/api/v1/keys', { key: keys.operator, body: { user: 'x', role: 'owner' } })).status, 403);
});

test('a developer sees what is their own', async () => {
  const own = (await ask('GET', '/api/v1/keys', { key: keys.developer })).json.keys;
  assert.deepEqual([...new Set(own.map((k) => k.user))], ['developer@example.com']);
  const all = (await ask('GET', '/api/v1/keys', { key: keys.viewer })).json.keys;
  assert.ok(all.length > own.length);
  assert.equal(JSON.stringify(all).includes('wk_'), false);
  assert.deepEqual((await ask('GET', '/api/v1/me', { key: keys.developer })).json, {
    user: 'developer@example.com', team: null, key: own[0].id, role: 'developer', sees_all: false,
    timezone: 'UTC', simulated: false, gateway: weir.url,
  });
});

test('every change stands in the record: who, what, before and after; and the record only grows', async () => {
  await ask('PUT', '/api/v1/teams/infra', { key: keys.owner, body: { cost_centre: 'CC-7' } });
  await ask('PUT', '/api/v1/teams/infra', { key: keys.owner, body: { cost_centre: 'CC-8' } });
  const { changes } = (await ask('GET', '/api/v1/audit?limit=2', { key: keys.viewer })).json;
  assert.match(changes[0].actor, /^owner@example\.com \(k_/);
  assert.equal(changes[0].action, 'team.put');
  assert.equal(changes[0].subject, 'infra');
  assert.equal(changes[0].before.cost_centre, 'CC-7');
  assert.equal(changes[0].after.cost_centre, 'CC-8');
  assert.equal(changes[1].before, null);
  const older = (await ask('GET', `/api/v1/audit?limit=1&before=${changes[1].seq}`, { key: keys.viewer })).json.changes;
  assert.equal(older[0].seq, changes[1].seq - 1);
});

test('teams and budgets by the API are in force at once; the file wins', async () => {
  const { json: made } = await ask('POST', '/api/v1/keys', { key: keys.owner, body: { user: 'eve@example.com' } });
  await ask('PUT', '/api/v1/teams/red', { key: keys.owner, body: { cost_centre: 'CC-9', members: ['eve@example.com'] } });
  assert.equal(await call(made.key), 200);
  let row;
  for (let i = 0; i < 40 && row?.user !== 'eve@example.com'; i++) row = (await weir.ledgerOf(1)).at(-1);
  assert.equal(row.team, 'red');
  assert.equal(row.cost_centre, 'CC-9');
  for (const [path, body, status, message] of [
    ['teams/payments', { members: [] }, 409, /stands in the settings file, which wins/],
    ['teams/blue', { members: ['ana@example.com'] }, 400, /ana@example\.com/],
    ['budgets/b', { window: 'fortnight', limit: '1 USD' }, 400, /window/],
    ['budgets/b', { window: 'day', limit: '1 EUR' }, 400, /limit/],
    ['budgets/b', { window: 'day' }, 400, /limit/],
    ['budgets/b', { name: 'c', window: 'day', limit: '1 USD' }, 400, /name/],
    ['budgets/b', { window: 'day', limit: '1 USD', colour: 'red' }, 400, /colour/],
  ]) {
    const got = await ask('PUT', `/api/v1/${path}`, { key: keys.owner, body });
    assert.equal(got.status, status, `${path}: ${got.text}`);
    assert.match(got.json.error.message, message);
  }
  // a team that the file takes up is the file's from then on
  writeFileSync(weir.file, weir.config().replace('teams:\n', 'teams:\n  - {name: red, cost_centre: CC-FILE}\n'));
  let red;
  for (let i = 0; i < 60 && red?.source !== 'file'; i++) {
    await new Promise((done) => setTimeout(done, 50));
    red = (await ask('GET', '/api/v1/teams', { key: keys.owner })).json.teams.find((t) => t.name === 'red');
  }
  assert.deepEqual(red, { name: 'red', cost_centre: 'CC-FILE', members: [], source: 'file' });
});

test('a freeze holds when the answer is there; a developer freezes themselves, and frees no one else', async () => {
  const mine = { user: 'developer@example.com' };
  const post = (what, key, body) => ask('POST', `/api/v1/${what}`, { key, body });
  assert.equal((await post('freeze', keys.developer, { user: 'ana@example.com' })).status, 403);
  assert.equal((await post('freeze', keys.developer, { org: true })).status, 403);
  assert.equal((await post('freeze', keys.developer, mine)).status, 200);
  assert.equal(await call(keys.developer), 402);
  assert.equal((await post('unfreeze', keys.developer, mine)).status, 200);
  assert.equal(await call(keys.developer), 200);
  assert.equal((await post('unfreeze', keys.developer, mine)).status, 404);
  assert.equal((await post('freeze', keys.operator, mine)).status, 200);
  const denied = await post('unfreeze', keys.developer, mine);
  assert.equal(denied.status, 403);
  assert.match(denied.text, /frozen by operator@example\.com/);
  assert.equal((await post('unfreeze', keys.owner, mine)).status, 200);
  assert.equal((await post('freeze', keys.owner, { user: 'a', team: 'b' })).status, 400);
  const { changes } = (await ask('GET', '/api/v1/audit?limit=1', { key: keys.owner })).json;
  assert.equal(changes[0].action, 'unfreeze');
  assert.match(changes[0].before.by, /^operator@example\.com/);
  assert.equal(changes[0].after, null);
  await post('freeze', keys.owner, { ...mine, reason: 'a loop' });
  await post('freeze', keys.operator, mine);
  const [again] = (await ask('GET', '/api/v1/audit?limit=1', { key: keys.owner })).json.changes;
  assert.deepEqual([again.action, again.before.reason], ['freeze', 'a loop']);
  assert.match(again.before.by, /^owner@example\.com/);
  assert.match(again.after.by, /^operator@example\.com/);
  assert.equal((await post('unfreeze', keys.owner, mine)).status, 200);
  assert.match(changes[0].actor, /^owner@example\.com/);
});

test('a developer renews and ends keys, and stops themselves, from a laptop with no more than their own key', async () => {
  const laptop = (key, ...args) => spawnSync(WEIR, args, { env: cleanEnvironment({ WEIR_URL: weir.console, WEIR_KEY: key, HOME: '/nonexistent' }), encoding: 'utf8' });
  const made = (await ask('POST', '/api/v1/keys', { key: keys.owner, body: { user: 'lap@example.com' } })).json;
  const listed = laptop(made.key, 'key', 'list', '--json');
  assert.equal(listed.status, 0, listed.stderr);
  assert.deepEqual(JSON.parse(listed.stdout).map((k) => k.id), [made.id]);
  const renewed = laptop(made.key, 'key', 'rotate', made.id);
  assert.equal(renewed.status, 0, renewed.stderr);
  const next = renewed.stdout.trim();
  assert.equal(await call(made.key), 401);
  assert.equal(await call(next), 200);
  const stopped = laptop(next, 'freeze', '--user', 'lap@example.com', '--reason', 'a loop');
  assert.equal(stopped.status, 0, stopped.stderr);
  assert.match(stopped.stderr, /Frozen: user lap@example\.com\./);
  assert.equal(await call(next), 402);
  assert.match(laptop(next, 'freeze', 'list').stdout, /a loop/);
  assert.equal(laptop(next, 'freeze', '--org').status, 3);
  assert.equal(laptop(next, 'unfreeze', '--user', 'lap@example.com').status, 0);
  assert.equal(await call(next), 200);
  const hired = laptop(keys.owner, 'key', 'create', '--user', 'new@example.com', '--team', 'red', '--role', 'agent', '--set', 'repo=acme/web', '--expires', '90d', '--json');
  assert.equal(hired.status, 0, hired.stderr);
  assert.match(hired.stderr, /of new@example\.com, agent, expires: \d{4}-\d\d-\d\d\. It is shown only now/);
  assert.equal(await call(JSON.parse(hired.stdout).key), 200);
  const theirs = (await ask('GET', '/api/v1/keys', { key: keys.owner })).json.keys.find((k) => k.id === JSON.parse(hired.stdout).id);
  assert.deepEqual([theirs.user, theirs.team, theirs.role, theirs.attributes.repo], ['new@example.com', 'red', 'agent', 'acme/web']);
  const denied = laptop(next, 'key', 'create', '--user', 'lap@example.com', '--role', 'owner');
  assert.equal(denied.status, 3, denied.stderr);
  assert.equal(denied.stdout, '');
});

test('without a key this console only shows; no page of another site changes anything', async () => {
  assert.equal((await ask('GET', '/api/v1/teams')).status, 200);
  const put = await ask('PUT', '/api/v1/teams/x', { body: { members: [] } });
  assert.equal(put.status, 401);
  assert.match(put.json.error.message, /Weir key is needed/);
  const form = { 'content-type': 'text/plain' };
  assert.equal((await ask('PUT', '/api/v1/teams/x', { key: keys.owner, raw: '{}', headers: form })).status, 415);
  assert.equal((await ask('PUT', '/api/v1/teams/x', { key: keys.owner, raw: '{}', headers: { origin: 'https://evil.example' } })).status, 403);
  assert.equal((await ask('PUT', '/api/v1/teams/x', { key: keys.owner, raw: '[]' })).status, 400);
  assert.equal((await ask('PUT', '/api/v1/teams/x', { key: keys.owner, raw: `{"cost_centre":"${'a'.repeat(300000)}"}` })).status, 413);
  assert.equal((await ask('PATCH', '/api/v1/teams/x', { key: keys.owner, raw: '{}' })).status, 405);
  assert.equal((await ask('POST', '/api/v1/nothing', { key: keys.owner, raw: '{}' })).status, 404);
});

test('what the API made is there after a restart', async () => {
  await weir.stop();
  await weir.restart();
  const teams = (await ask('GET', '/api/v1/teams', { key: keys.owner })).json.teams;
  assert.equal(teams.find((t) => t.name === 'infra').source, 'api');
});

test('sessions by the API: shown, paused and resumed with a reason, handed over, stopped; a developer their own', async () => {
  const { json: doc } = await ask('GET', '/api/v1/openapi.json');
  const mine = weir.newKey('--user', 'developer@example.com');
  const others = weir.newKey('--user', 'somebody@example.com');
  await new Promise((done) => setTimeout(done, 300));
  const turn = async (key, session) => {
    const answer = await fetch(`${weir.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key, 'x-weir-session': session },
      body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 5, messages: [{ role: 'user', content: `of ${session}` }] }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  assert.equal((await turn(mine, 'mine')).status, 200);
  assert.equal((await turn(others, 'theirs')).status, 200);
  const ids = (l) => l.json.sessions.map((s) => s.id);
  let list;
  for (let i = 0; i < 50 && !['mine', 'theirs'].every((id) => list && ids(list).includes(id)); i++) {
    await new Promise((done) => setTimeout(done, 100));
    list = checked(doc, 'get', '/api/v1/sessions', await ask('GET', '/api/v1/sessions', { key: keys.operator }));
  }
  assert.ok(ids(list).includes('mine') && ids(list).includes('theirs'), list.text);
  const key = keys.developer;
  const own = ids(await ask('GET', '/api/v1/sessions', { key }));
  assert.ok(own.includes('mine') && !own.includes('theirs'), own.join());
  const one = checked(doc, 'get', '/api/v1/sessions/{id}', await ask('GET', '/api/v1/sessions/mine', { key }));
  assert.equal(one.json.turns.length, 1, one.text);
  assert.equal((await ask('GET', '/api/v1/sessions/theirs', { key })).status, 404);

  const act = async (what, body, id = 'mine', by = key) =>
    checked(doc, 'post', `/api/v1/sessions/{id}/${what}`, await ask('POST', `/api/v1/sessions/${id}/${what}`, { key: by, body }));
  assert.equal((await act('pause', {}, 'theirs')).status, 404);
  assert.equal((await act('pause', { reason: 'looked at' })).status, 200);
  const refused = await turn(mine, 'mine');
  assert.match(refused.text, /session mine is paused: looked at/);
  assert.equal((await act('resume', {})).status, 400);
  assert.equal((await act('resume', { reason: 'mended' })).status, 200);
  assert.equal((await turn(mine, 'mine')).status, 200);
  assert.equal((await act('escalate', {})).status, 400);
  assert.equal((await act('escalate', { to: 'ana@example.com', reason: 'dear' }, 'theirs', keys.operator)).status, 200);
  assert.match((await turn(others, 'theirs')).text, /paused: handed to ana@example.com: dear/);

  const cli = (...args) =>
    spawnSync(WEIR, ['session', ...args, '--server', weir.console], { encoding: 'utf8', env: { ...cleanEnvironment(), WEIR_KEY: key } });
  assert.match(cli('list').stdout, /^session +state.*\nmine +running/);
  assert.match(cli('show', 'mine').stdout, /The context is \d+ tokens/);
  assert.equal(cli('resume', 'mine').status, 2);
  const stopped = cli('stop', 'mine', '--reason', 'enough');
  assert.match(stopped.stderr, /Session mine is stopped\./);
  assert.equal((await act('resume', { reason: 'no' })).status, 409);
  assert.match((await turn(mine, 'mine')).text, /was stopped: enough/);
  const audit = await ask('GET', '/api/v1/audit', { key: keys.viewer });
  const said = audit.json.changes.find((c) => c.action === 'session.running' && c.subject === 'mine');
  assert.match(`${said.actor} ${said.detail}`, /^developer@example\.com \(.*mended$/);
});

test('the report and the calls are in the document as they answer', async () => {
  const { json: doc } = await ask('GET', '/api/v1/openapi.json');
  for (const path of ['/api/v1/report', '/api/v1/calls']) assert.equal(checked(doc, 'get', path, await ask('GET', path, { key: keys.owner })).status, 200);
});
