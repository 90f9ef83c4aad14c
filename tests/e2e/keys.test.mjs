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
