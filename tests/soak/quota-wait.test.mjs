// A call that no quota lets through in its 45 s: long, so not in make check.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '../e2e/node_modules/@anthropic-ai/sdk/index.mjs';
import { startSim, startWeir, stopAll } from '../e2e/lib/harness.mjs';
import { metric, rowOf } from '../e2e/lib/rows.mjs';
import { until } from '../e2e/lib/raw.mjs';

let sim, weir;
let n = 0;

before(async () => {
  sim = await startSim();
  weir = await startWeir({ sim, extra: 'quotas: [{name: one, each: session, concurrent: 1}]\n' });
});
after(stopAll);

async function call(headers) {
  const task = `q${++n}`;
  const client = new Anthropic({ apiKey: weir.firstKey, baseURL: weir.url, maxRetries: 2, defaultHeaders: { 'x-weir-task': task, ...headers } });
  const began = performance.now();
  const error = await client.messages.create({ model: 'claude-opus-4-5', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }).then(
    () => undefined,
    (caught) => caught,
  );
  return { task, error, ms: performance.now() - began };
}

test('who waits too long is told when to come back', async () => {
  const headers = { 'x-weir-session': 's2' };
  const long = call({ ...headers, 'x-sim': 'delay=50000' });
  await until(async () => (await metric(weir, 'calls_in_flight')) > 0, 'it runs');
  const refused = await call(headers);
  assert.equal(refused.error?.status, 429);
  assert.ok(refused.ms >= 44000 && refused.ms < 47000, `${refused.ms} ms`);
  assert.equal(refused.error.headers.get('x-weir-refusal'), 'quota');
  assert.equal(refused.error.headers.get('x-should-retry'), 'false');
  const wait = Number(refused.error.headers.get('retry-after'));
  assert.ok(wait >= 1 && wait <= 60, `Retry-After ${wait}`);
  assert.match(refused.error.message, /Quota \\?"one\\?" of s2 is used up: 1 at once\./);
  assert.equal((await rowOf(weir, refused.task)).rule, 'one');
  assert.equal((await long).error, undefined);
});
