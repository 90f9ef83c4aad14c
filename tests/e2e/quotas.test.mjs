// Quotas: what does not fit waits and then goes on, or is answered 429 after a while; a provider's own limits are learnt.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { startSim, startWeir, stopAll } from './lib/harness.mjs';
import { metric, query, rowOf, rows } from './lib/rows.mjs';
import { until } from './lib/raw.mjs';

let sim, weir;
let n = 0;

const RULES = `
quotas:
  - {name: burst, each: user, where: {tags.test: burst}, requests: 2/second, burst: 1s}
  - {name: one, each: session, where: {tags.test: one}, concurrent: 1}
  - {name: watch, where: {tags.test: watch}, requests: 1/hour, mode: shadow}
  - {name: tokens, each: user, where: {tags.test: tokens}, tokens: 100/second, burst: 1s}
`;

before(async () => {
  sim = await startSim();
  weir = await startWeir({ sim, extra: RULES });
});
after(stopAll);

/** A call through the real SDK; {task, ms, error, message}. */
async function call(tag, headers = {}, { key = weir.firstKey, retries = 0, max_tokens = 5 } = {}) {
  const task = `q${++n}`;
  const client = new Anthropic({
    apiKey: key,
    baseURL: weir.url,
    maxRetries: retries,
    defaultHeaders: { 'x-weir-task': task, 'x-weir-tags': `test=${tag}`, ...headers },
  });
  const began = performance.now();
  let error, message;
  try {
    message = await client.messages.create({ model: 'claude-opus-4-5', max_tokens, messages: [{ role: 'user', content: 'hello' }] });
  } catch (caught) {
    error = caught;
  }
  return { task, ms: performance.now() - began, error, message };
}

test('a burst is held back, then passes', async () => {
  const began = performance.now();
  const all = await Promise.all(Array.from({ length: 6 }, () => call('burst')));
  const ms = performance.now() - began;
  assert.deepEqual(all.map((c) => c.error), Array(6).fill(undefined));
  // two at once, four more at two a second
  assert.ok(ms >= 1900 && ms < 6000, `${ms} ms`);
  assert.equal(all.filter((c) => c.ms < 450).length, 2);
  const slow = all.reduce((a, b) => (a.ms > b.ms ? a : b));
  assert.match((await rowOf(weir, slow.task)).explanation, /^held back [12]\.\d s$/);
  assert.equal(await metric(weir, 'quota_waiting'), 0);
});

test('another user has a bucket of their own', async () => {
  const { key } = JSON.parse(weir.must('key', 'create', '--json', '--user', 'bo@example.com'));
  const [mine, other] = await Promise.all([Promise.all([call('burst'), call('burst'), call('burst')]), call('burst', {}, { key })]);
  assert.ok(other.ms < 450, `${other.ms} ms`);
  assert.ok(Math.max(...mine.map((c) => c.ms)) >= 450);
});

test('one call at a time of a session', async () => {
  const headers = { 'x-weir-session': 's1', 'x-sim': 'delay=300' };
  const all = await Promise.all([call('one', headers), call('one', headers), call('one', headers)]);
  assert.deepEqual(all.map((c) => c.error), [undefined, undefined, undefined]);
  const times = all.map((c) => c.ms).sort((a, b) => a - b);
  assert.ok(times[1] >= 580 && times[2] >= 870, times.join(' '));
});

test('tokens are taken as used', async () => {
  const first = await call('tokens', { 'x-sim': 'reply_tokens=250' }, { max_tokens: 500 });
  assert.equal(first.error, undefined);
  const used = first.message.usage.input_tokens + first.message.usage.output_tokens;
  const second = await call('tokens');
  assert.equal(second.error, undefined);
  // 100 a second, and a second's worth at once: what the first one used above that must be waited for
  assert.ok(second.ms >= (used - 130) * 10, `${second.ms} ms after ${used} tokens`);
});

test('in shadow it only says so', async () => {
  const [first, second] = [await call('watch'), await call('watch')];
  assert.ok(second.ms < 1000);
  assert.equal((await rowOf(weir, first.task)).shadow, null);
  assert.equal((await rowOf(weir, second.task)).shadow, 'quota "watch" would hold it back: 1 requests an hour');
});

test('a client that leaves while it is held back costs nothing', async () => {
  await Promise.all([call('burst'), call('burst')]);
  const before = (await sim.books()).started;
  const stop = new AbortController();
  const asked = fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    signal: stop.signal,
    headers: { 'content-type': 'application/json', 'x-api-key': weir.firstKey, 'x-weir-tags': 'test=burst', 'x-weir-task': 'gone' },
    body: JSON.stringify({ model: 'claude-opus-4-5', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
  }).catch((error) => error);
  await until(async () => (await metric(weir, 'quota_waiting')) === 1, 'it waits');
  stop.abort();
  await asked;
  await until(async () => (await metric(weir, 'quota_waiting')) === 0, 'it waits no more');
  assert.equal((await sim.books()).started, before);
  assert.equal((await rows(weir, "task='gone'")).length, 0);
});

test("a provider's 429 holds back all that would storm it", async () => {
  const first = await call('x', { 'x-sim': 'fault=429;retry_after=1' });
  assert.equal(first.error?.status, 429);
  assert.equal(first.error.headers.get('x-weir-refusal'), null); // the provider's own words
  const before = (await sim.books()).started;
  const began = performance.now();
  const held = Array.from({ length: 5 }, () => call('x'));
  await until(async () => (await metric(weir, 'quota_waiting')) === 5, 'they wait');
  assert.equal((await sim.books()).started, before);
  const all = await Promise.all(held);
  assert.deepEqual(all.map((c) => c.error), Array(5).fill(undefined));
  assert.ok(performance.now() - began >= 800, 'not before it may be asked again');
  assert.equal(await metric(weir, 'quota_throttled_total'), 1);
});

test('another model of that provider goes on meanwhile', async () => {
  await call('x', { 'x-sim': 'fault=429;retry_after=2' });
  const began = performance.now();
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': weir.firstKey },
    body: JSON.stringify({ model: 'claude-haiku-4-5', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
  });
  assert.equal(answer.status, 200);
  assert.ok(performance.now() - began < 1000);
});

test('a key that is used from many devices is told of, once', async () => {
  const { id, key } = JSON.parse(weir.must('key', 'create', '--json', '--user', 'eve@example.com'));
  const from = (device) =>
    new Anthropic({ apiKey: key, baseURL: weir.url }).messages.create({
      model: 'claude-opus-4-5',
      max_tokens: 5,
      metadata: { user_id: JSON.stringify({ device_id: device, account_uuid: '', session_id: `s-${device}` }) },
      messages: [{ role: 'user', content: 'x' }],
    });
  for (const device of ['a', 'b', 'c', 'd', 'e', 'a']) await from(device);
  assert.equal(await metric(weir, 'many_devices_total'), 0);
  for (const device of ['f', 'g']) await from(device);
  assert.equal(await metric(weir, 'many_devices_total'), 1);
  const told = weir.output().split('\n').filter((line) => line.includes('key.many_devices'));
  assert.equal(told.length, 1);
  assert.match(told[0], new RegExp(`key=${id}.*user=eve@example.com.*devices=6 limit=5`));
  const noticed = () => query(`${weir.folder}/weir.db`, "SELECT actor,subject,detail FROM audit WHERE action='key.many_devices'");
  await until(async () => (await noticed()).length > 0, 'the row in the record');
  assert.deepEqual(await noticed(), [{ actor: 'weir', subject: id, detail: 'used from 6 devices within a day (limit 5), last by eve@example.com' }]);
});
