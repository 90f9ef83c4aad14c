// Identity by the token of a CI system: a local issuer with discovery, rotation and outages, real HTTP.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startSim, startWeir, stopAll } from './lib/harness.mjs';
import { startIssuer } from './lib/issuer.mjs';

let sim, weir, issuer;

before(async () => {
  sim = await startSim();
  issuer = await startIssuer();
  issuer.addKey('k1');
  issuer.addKey('k2', 'ec');
  weir = await startWeir({ sim, extra: `issuers:\n  - {name: ci, issuer: "${issuer.url}", audience: weir, retry: 100ms, refresh: 1h}\n` });
});
after(async () => {
  await stopAll();
  await issuer.stop();
});

const call = async (headers) => {
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
  });
  return { status: answer.status, refusal: answer.headers.get('x-weir-refusal'), text: await answer.text() };
};
const lastRow = async (n) => (await weir.ledgerOf(n)).at(-1);
let calls = 0;

test('a token is an identity in each place a key is, and its claims are the attributes', async () => {
  for (const headers of [
    { 'x-api-key': issuer.token('k1') },
    { authorization: `Bearer ${issuer.token('k2')}` },
    { 'x-weir-key': issuer.token('k1'), 'x-api-key': 'sk-of-the-client' },
  ]) {
    // what headers claim beside it does not count
    const got = await call({ ...headers, 'x-weir-repo': 'github.com/evil/x', 'x-weir-pr': '1', 'x-weir-environment': 'prod', 'x-weir-task': '1' });
    assert.equal(got.status, 200, got.text);
    calls++;
  }
  const row = await lastRow(calls);
  assert.equal(row.key_id, 'issuer:ci');
  assert.equal(row.environment, 'ci');
  assert.equal(row.pr, '17');
  assert.equal(row.branch, 'fix/basket');
  assert.equal(row.trigger, 'pull_request');
  assert.equal(row.workflow, 'review');
  assert.equal(row.commit, 'c0ffee');
  assert.equal(row.task, '4242');
  assert.equal(row.user, 'ana');
  assert.match(row.repo, /^127\.0\.0\.1:\d+\/acme\/shop$/);
  assert.equal(JSON.stringify(await sim.calls()).includes('eyJ'), false, 'no token reached the provider');
});

test('a push job cannot claim a pull request by a header', async () => {
  assert.equal((await call({ 'x-api-key': issuer.token('k1', { ref: 'refs/heads/main', head_ref: '' }), 'x-weir-pr': '17' })).status, 200);
  const row = await lastRow(++calls);
  assert.equal(row.pr, null);
  assert.equal(row.branch, 'main');
});

test('what is wrong with a token is refused, with its reason', async () => {
  const now = Math.floor(Date.now() / 1000);
  const k1 = (claims, header) => issuer.token('k1', claims, header);
  const swap = (token, at, text) => token.split('.').map((p, i) => (i === at ? text : p)).join('.');
  for (const [token, reason] of [
    [k1({ aud: 'other' }), /another audience/],
    [k1({ exp: now - 120 }), /expired/],
    [k1({ exp: undefined }), /never expires/],
    [k1({ nbf: now + 300 }), /not valid yet/],
    [k1({ iat: now + 300 }), /in the future/],
    [k1({}, { alg: 'ES256' }), /key is for RS256/],
    [k1({}, { alg: 'HS256' }), /HS256/],
    [swap(k1({}, { alg: 'none' }), 2, 'AA'), /none/],
    [swap(k1(), 1, k1({ repository: 'evil/x' }).split('.')[1]), /signature/],
    [k1({}, { kid: 'nobody' }), /does not publish/],
  ]) {
    const got = await call({ 'x-api-key': token });
    assert.equal(got.status, 401);
    assert.equal(got.refusal, 'identity');
    assert.match(got.text, reason);
  }
});

test('an issuer that is not configured has no say', async () => {
  const token = issuer.token('k1', { iss: 'https://login.example.com' });
  const got = await call({ 'x-weir-key': token });
  assert.equal(got.status, 401);
  assert.match(got.text, /https:\/\/login\.example\.com, which Weir's settings do not name/);
});

test('a key that is new is fetched, but not more often than retry says; keys stay while the issuer is away', async () => {
  issuer.addKey('k3');
  const before = issuer.asked();
  let got;
  for (let i = 0; i < 100 && got?.status !== 200; i++) {
    got = await call({ 'x-api-key': issuer.token('k3') });
    await new Promise((done) => setTimeout(done, 20));
  }
  assert.equal(got.status, 200);
  assert.ok(issuer.asked() - before <= 2, 'asked once or twice');
  issuer.setDown(true);
  assert.equal((await call({ 'x-api-key': issuer.token('k1', {}, { kid: 'made-up' }) })).status, 401);
  await new Promise((done) => setTimeout(done, 300));
  assert.equal((await call({ 'x-api-key': issuer.token('k3') })).status, 200);
  issuer.setDown(false);
});
