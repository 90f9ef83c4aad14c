// Gemini's explicit caches with Google's SDK: what keeping costs is booked at the creation until the cache ends, a change of its end
// corrects it to the millisecond, to who made it, also over a kill -9.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GoogleGenAI } from '@google/genai';
import { startSim, startWeir, stopAll, stopChild } from './lib/harness.mjs';
import { sleep, until } from './lib/raw.mjs';
import { rows } from './lib/rows.mjs';

after(stopAll);

let sim;
before(async () => {
  sim = await startSim();
});

const MODEL = 'gemini-2.5-flash';
const HOUR = 1000; // nano-dollars of a token kept for an hour: 1 USD for a million
const TEXT = 'The weir stands where the stream narrows. '.repeat(400);
const client = (weir, task = 'nightly') => new GoogleGenAI({ apiKey: weir.key(), httpOptions: { baseUrl: weir.url, headers: { 'x-weir-task': task } } });
const make = (ai, ttl = '7200s') => ai.caches.create({ model: MODEL, config: { contents: [{ role: 'user', parts: [{ text: TEXT }] }], ttl } });
const hours = (tokens, ms) => Math.ceil((tokens * ms) / 3600000);
const rowsOf = (weir, name, n) => until(async () => {
  const some = await rows(weir, `batch='${name}'`);
  return some.length >= n && some.sort((a, b) => (a.source === 'correction') - (b.source === 'correction'));
}, `${n} rows of ${name}`, 5000);
const sum = (list) => list.reduce((n, r) => n + r.cost_nanousd, 0);

test('kept to its end: one row, tokens times hours', { timeout: 30000 }, async () => {
  const weir = await startWeir({ sim });
  const cache = await make(client(weir));
  const tokens = cache.usageMetadata.totalTokenCount;
  const [row] = await rowsOf(weir, cache.name, 1);
  assert.equal(row.api, 'gemini.caches');
  assert.equal(row.cache_storage_token_hours, hours(tokens, 7200000));
  assert.equal(row.cost_nanousd, 2 * tokens * HOUR);
  assert.equal(row.usage_source, 'reported');
  assert.equal(row.context_tokens, tokens);
  assert.equal(row.task, 'nightly');
  assert.ok(row.hold_nanousd >= row.cost_nanousd);
  assert.equal((await client(weir).caches.get({ name: cache.name })).name, cache.name);
  await sleep(200);
  assert.equal((await rows(weir, `batch='${cache.name}'`)).length, 1);
  await weir.stop();
});

test('changed by another, then deleted: corrections to who made it, nothing more than what was kept', { timeout: 30000 }, async () => {
  const weir = await startWeir({ sim });
  const cache = await make(client(weir));
  const tokens = cache.usageMetadata.totalTokenCount;
  const longer = await client(weir, 'other').caches.update({ name: cache.name, config: { ttl: '36000s' } });
  const lifetime = Date.parse(longer.expireTime) - Date.parse(longer.createTime);
  let all = await rowsOf(weir, cache.name, 2);
  assert.equal(all[1].source, 'correction');
  assert.equal(all[1].corrects, all[0].id);
  assert.equal(all[1].task, 'nightly');
  assert.equal(sum(all), hours(tokens, lifetime) * HOUR);
  await client(weir, 'other').caches.delete({ name: cache.name });
  all = await rowsOf(weir, cache.name, 3);
  const kept = sum(all);
  assert.ok(kept >= 0 && kept < tokens * HOUR / 60, `${kept}`); // seconds of it
  await assert.rejects(client(weir).caches.delete({ name: cache.name }), (e) => e.status === 404);
  await sleep(200);
  assert.equal((await rows(weir, `batch='${cache.name}'`)).length, 3);
  await weir.stop();
});

test('deleted after a kill -9: the row of the creation is found again', { timeout: 30000 }, async () => {
  const weir = await startWeir({ sim });
  const cache = await make(client(weir));
  await rowsOf(weir, cache.name, 1);
  await stopChild(weir.child, 'SIGKILL');
  await weir.restart();
  await until(async () => (await rows(weir, `batch='${cache.name}'`)).length === 1, 'the row', 5000);
  await sleep(1500); // the table is read from the ledger a moment after the start
  await client(weir).caches.delete({ name: cache.name });
  const all = await rowsOf(weir, cache.name, 2);
  assert.ok(sum(all) < cache.usageMetadata.totalTokenCount * HOUR / 60, `${sum(all)}`);
  await weir.stop();
});

test('a model that nobody has a price of keeping for is refused', { timeout: 30000 }, async () => {
  const weir = await startWeir({ sim });
  await assert.rejects(client(weir).caches.create({ model: 'gemini-unheard-of', config: { contents: [{ role: 'user', parts: [{ text: TEXT }] }] } }),
    (e) => e.status === 402 && /No price is known/.test(e.message));
  await weir.stop();
});
