// Keys while a gateway runs: what `weir key` says of a key holds as soon as the command has ended.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startSim, startWeir, stopAll } from './lib/harness.mjs';

let sim, weir;

before(async () => {
  sim = await startSim();
  weir = await startWeir({ sim });
});
after(stopAll);

const call = async (key) => {
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
  });
  await answer.text();
  return answer.status;
};

test('a key opens as soon as it is made, and nothing once it is revoked', async () => {
  for (let i = 0; i < 3; i++) {
    const { id, key } = JSON.parse(weir.must('key', 'create', '--json', '--user', 'bo@example.com'));
    assert.equal(await call(key), 200);
    weir.must('key', 'revoke', id);
    assert.equal(await call(key), 401);
  }
});

test('a key that is rotated is followed by one that opens', async () => {
  const { id, key } = JSON.parse(weir.must('key', 'create', '--json', '--user', 'bo@example.com'));
  const next = JSON.parse(weir.must('key', 'rotate', id, '--json')).key;
  assert.equal(await call(key), 401);
  assert.equal(await call(next), 200);
});

test("a provider that is asked with the caller's own credential wants one beside the key", async () => {
  const other = await startSim();
  const weir2 = await startWeir({
    sim: other,
    config: `listen: 127.0.0.1:0
console: {listen: 127.0.0.1:0}
store: sqlite:weir.db
providers:
  - {name: max, api: anthropic, base_url: "${other.url}", credential: passthrough, billing: subscription}
`,
  });
  const send = (headers) =>
    fetch(`${weir2.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
    });
  const refused = await send({ 'x-api-key': weir2.key() });
  assert.equal(refused.status, 401);
  assert.equal(refused.headers.get('x-weir-refusal'), 'identity');
  assert.match(await refused.text(), /x-weir-key/);
  assert.equal((await other.books()).started, 0);

  const passed = await send({ 'x-weir-key': weir2.key(), authorization: 'Bearer the-subscription' });
  assert.equal(passed.status, 200);
  const row = (await weir2.ledgerOf(2)).find((r) => r.decision === 'admitted');
  assert.equal(row.user, 'ana@example.com');
  assert.equal(row.billing, 'subscription');
  assert.ok(row.list_cost_nanousd > 0, 'its list value is known');
});
