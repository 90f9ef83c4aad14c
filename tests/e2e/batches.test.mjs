// Message batches with the vendors' own SDKs: followed to their results and booked at batch price to who created them, once,
// whether a client fetches the results, Weir does, or both, and over a kill -9. The simulated provider's books are the measure.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { toFile } from 'openai';
import { startSim, startWeir, stopAll, stopChild } from './lib/harness.mjs';
import { sleep, until } from './lib/raw.mjs';
import { rows } from './lib/rows.mjs';

after(stopAll);

let sim;
before(async () => {
  sim = await startSim();
});

const POLL = 'batches: {poll: 200ms}\n';
const NEVER = 'batches: {poll: 1h}\n';
const METERS = ['input_tokens', 'cache_read_tokens', 'cache_write_5m_tokens', 'cache_write_1h_tokens', 'output_tokens'];
const SONNET = { input_tokens: 3000, cache_read_tokens: 300, cache_write_5m_tokens: 3750, cache_write_1h_tokens: 6000, output_tokens: 15000 };

const requests = (tag, ids) =>
  ids.map((id) => ({
    custom_id: `${id}${tag}`,
    params: { model: 'claude-sonnet-4-5', max_tokens: 200, messages: [{ role: 'user', content: `say ${id}` }] },
  }));
const anthropic = (weir, extra = {}) =>
  new Anthropic({ baseURL: weir.url, apiKey: weir.key(), maxRetries: 0, defaultHeaders: { 'x-weir-task': 'nightly', ...extra } });
const openai = (weir) => new OpenAI({ baseURL: `${weir.url}/v1`, apiKey: weir.key(), maxRetries: 0, defaultHeaders: { 'x-weir-task': 'nightly' } });
const lineRows = (weir, id) => rows(weir, `batch='${id}' AND service_tier='batch'`);

/** The ledger's rows of a batch beside the provider's books: the same lines, the same tokens, half the list price. */
async function compare(weir, id, tags, price) {
  const mine = await until(async () => (await lineRows(weir, id)).length >= tags.length && lineRows(weir, id), `rows of ${id}`, 8000);
  assert.equal(mine.length, tags.length);
  const served = (await sim.calls()).filter((c) => tags.includes(c.call));
  const good = mine.filter((r) => r.usage_source === 'reported');
  assert.equal(good.length, served.length);
  for (const meter of METERS)
    assert.equal(good.reduce((n, r) => n + (r[meter] ?? 0), 0), served.reduce((n, c) => n + Math.max(0, c.reported[meter] ?? 0), 0), meter);
  for (const row of good) {
    assert.equal(row.user, 'ana@example.com');
    assert.equal(row.task, 'nightly');
    if (!price) continue;
    const list = METERS.reduce((n, m) => n + (row[m] ?? 0) * price[m], 0);
    assert.equal(row.cost_nanousd, list / 2);
    assert.equal(row.price_id.split('@')[0], 'anthropic/claude-sonnet-4-5');
  }
  for (const row of mine.filter((r) => r.usage_source === null)) assert.equal(row.cost_nanousd, 0);
  return mine;
}

test('a batch that nobody fetches is booked', { timeout: 30000 }, async () => {
  const weir = await startWeir({ sim, extra: POLL });
  const batch = await anthropic(weir).messages.batches.create({ requests: requests('1', ['a', 'b', 'fail-c']) });
  assert.equal(batch.processing_status, 'in_progress');
  const mine = await compare(weir, batch.id, ['a1', 'b1', 'fail-c1'], SONNET);
  assert.match(mine.find((r) => r.usage_source === null).explanation, /errored, invalid_request_error/);
  const [made] = await until(async () => {
    const some = await rows(weir, `batch='${batch.id}' AND service_tier IS NULL`);
    return some.length && some;
  }, 'the creation', 3000);
  assert.equal(made.cost_nanousd, 0);
  const spent = mine.reduce((n, r) => n + r.cost_nanousd, 0);
  assert.ok(made.hold_nanousd >= spent && spent > 0, `${made.hold_nanousd} ${spent}`);
  assert.ok(mine.every((r) => r.time_ms === made.time_ms));
  await weir.stop();
});

test('fetched by the client and by Weir, and over a restart, each line is one row', { timeout: 30000 }, async () => {
  const weir = await startWeir({ sim, extra: POLL });
  const client = anthropic(weir);
  const batch = await client.messages.batches.create({ requests: requests('2', ['a', 'b', 'c']) });
  await until(async () => (await client.messages.batches.retrieve(batch.id)).processing_status === 'ended', 'the end', 5000);
  const seen = [];
  for await (const line of await client.messages.batches.results(batch.id)) seen.push(line.custom_id);
  assert.deepEqual(seen.sort(), ['a2', 'b2', 'c2']);
  await compare(weir, batch.id, ['a2', 'b2', 'c2'], SONNET);
  await stopChild(weir.child, 'SIGKILL');
  await weir.restart();
  for await (const line of await anthropic(weir).messages.batches.results(batch.id)) seen.push(line.custom_id);
  await sleep(600);
  assert.equal((await lineRows(weir, batch.id)).length, 3);
  await weir.stop();
});

test('what passes is booked to who created it, though another fetches it', { timeout: 30000 }, async () => {
  const weir = await startWeir({ sim, extra: NEVER });
  const batch = await anthropic(weir).messages.batches.create({ requests: requests('3', ['a', 'b']) });
  const bo = anthropic(weir, { 'x-weir-task': 'other' });
  await until(async () => (await bo.messages.batches.retrieve(batch.id)).processing_status === 'ended', 'the end', 5000);
  for await (const line of await bo.messages.batches.results(batch.id)) assert.ok(line.custom_id);
  await compare(weir, batch.id, ['a3', 'b3'], SONNET);
  await weir.stop();
});

test('kill -9 right after a batch was accepted: it is followed after the start', { timeout: 30000 }, async () => {
  const weir = await startWeir({ sim, extra: POLL });
  const batch = await anthropic(weir).messages.batches.create({ requests: requests('4', ['a', 'b']) });
  await stopChild(weir.child, 'SIGKILL');
  await weir.restart();
  await compare(weir, batch.id, ['a4', 'b4'], SONNET);
  await weir.stop();
});

test('deleted before its results were read: its hold is booked, never nothing', { timeout: 30000 }, async () => {
  const weir = await startWeir({ sim, extra: NEVER });
  const client = anthropic(weir);
  const batch = await client.messages.batches.create({ requests: requests('5', ['a']) });
  await client.messages.batches.delete(batch.id);
  const [row] = await until(async () => {
    const some = await lineRows(weir, batch.id);
    return some.length && some;
  }, 'the hold', 3000);
  assert.equal(row.usage_source, 'hold');
  assert.ok(row.cost_nanousd > 0);
  await weir.stop();
});

test('a model without a price: refused before it leaves', { timeout: 30000 }, async () => {
  const weir = await startWeir({ sim, extra: POLL });
  const bad = requests('6', ['a', 'b']);
  bad[1].params.model = 'claude-unheard-of';
  await assert.rejects(anthropic(weir).messages.batches.create({ requests: bad }), (e) => e.status === 402 && /claude-unheard-of/.test(e.message));
  await weir.stop();
});

test("OpenAI's batches of a file: chat, output and error files", { timeout: 30000 }, async () => {
  const weir = await startWeir({ sim, extra: POLL });
  const client = openai(weir);
  const lines = ['a7', 'b7', 'fail-c7'].map((custom_id) =>
    JSON.stringify({ custom_id, method: 'POST', url: '/v1/chat/completions', body: { model: 'gpt-5-mini', max_completion_tokens: 100, messages: [{ role: 'user', content: custom_id }] } }));
  const file = await client.files.create({ file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl'), purpose: 'batch' });
  const batch = await client.batches.create({ input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' });
  const mine = await compare(weir, batch.id, ['a7', 'b7', 'fail-c7']);
  for (const row of mine.filter((r) => r.usage_source)) {
    const list = (row.input_tokens ?? 0) * 250 + (row.cache_read_tokens ?? 0) * 25 + row.output_tokens * 2000;
    assert.equal(row.cost_nanousd, list / 2);
    assert.equal(row.api, 'openai.batch');
  }
  const ended = await client.batches.retrieve(batch.id);
  const text = await (await client.files.content(ended.output_file_id)).text();
  assert.equal(text.trim().split('\n').length, 2);
  await sleep(300);
  assert.equal((await lineRows(weir, batch.id)).length, 3);
  await assert.rejects(
    client.batches.create({ input_file_id: 'file-elsewhere', endpoint: '/v1/chat/completions', completion_window: '24h' }),
    (e) => e.status === 402 && /upload the file again/.test(e.message),
  );
  await weir.stop();
});

test("a batch's hold outlives a restart and comes into budgets that are new; its lines count after the next one", { timeout: 40000 }, async () => {
  const DAY = 'budgets:\n  - {name: day, each: user, window: day, limit: 0.04 USD}\n';
  const weir = await startWeir({ sim, extra: `${NEVER}${DAY}` });
  const budget = async (name) => (await (await fetch(`${weir.console}/api/v1/budgets/${name}`)).json()).counters?.[0] ?? {};
  const refused = (e) => e.status === 402 && /Budget .{0,2}day/.test(e.message);
  const batch = await anthropic(weir).messages.batches.create({ requests: requests('20', ['a', 'b']) });
  const before = await budget('day');
  assert.notEqual(before.held, '0.00 USD');
  await until(async () => (await rows(weir, `batch='${batch.id}'`)).length === 1, 'its row');

  await stopChild(weir.child, 'SIGKILL');
  await weir.restart();
  assert.deepEqual([(await budget('day')).held, (await budget('day')).calls], [before.held, 1], 'held as before the kill');
  await assert.rejects(anthropic(weir).messages.batches.create({ requests: requests('21', ['a', 'b']) }), refused);

  const loaded = weir.output().split('settings.loaded').length;
  writeFileSync(weir.file, weir.config().replace(NEVER, POLL) + '  - {name: org, window: month, limit: 1 USD}\n  - {name: calls, window: month, limit: 100 requests}\n');
  weir.child.kill('SIGHUP');
  await until(() => weir.output().split('settings.loaded').length > loaded, 'the new settings');
  await until(async () => (await budget('org')).held === before.held, 'it is held in the new budget too');
  assert.deepEqual([(await budget('calls')).settled, (await budget('calls')).held], ['0 requests', '1 requests'], 'the creation');
  await stopChild(weir.child);
  await weir.restart();
  const mine = await compare(weir, batch.id, ['a20', 'b20'], SONNET);
  const spent = mine.reduce((n, r) => n + r.cost_nanousd, 0) / 1e9;
  const is = async (name) => {
    const counter = await budget(name);
    return [Number(counter.settled.split(' ')[0]), counter.calls];
  };
  for (const name of ['day', 'org']) await until(async () => (await is(name))[1] === 0, 'it is settled');
  const usual = [await is('day'), await is('org'), await is('calls')];
  assert.deepEqual(usual, [[spent, 0], [spent, 0], [3, 0]]);
  await stopChild(weir.child);
  await weir.restart();
  assert.deepEqual([await is('day'), await is('org'), await is('calls')], usual, 'as the ledger has it');
  await weir.stop();
});

test('a budget holds the worst case until the batch is booked, then has what it cost, once', { timeout: 30000 }, async () => {
  const weir = await startWeir({ sim, extra: `${POLL}budgets:\n  - {name: day, each: user, window: day, limit: 0.04 USD}\n` });
  const slow = anthropic(weir, { 'x-sim': 'delay_ms=1500' });
  const refused = (e) => e.status === 402 && /Budget .{0,2}day/.test(e.message);
  await assert.rejects(slow.messages.batches.create({ requests: requests('8', ['a', 'b', 'c', 'd', 'e', 'f']) }), refused);
  const batch = await slow.messages.batches.create({ requests: requests('9', ['a', 'b']) });
  await assert.rejects(slow.messages.batches.create({ requests: requests('10', ['a', 'b']) }), refused);
  const mine = await compare(weir, batch.id, ['a9', 'b9'], SONNET);
  // the room is back: one more passes, and that again holds its worst case
  const next = await until(() => slow.messages.batches.create({ requests: requests('11', ['a', 'b']) }).catch((e) => refused(e) ? null : Promise.reject(e)), 'room', 5000);
  await assert.rejects(slow.messages.batches.create({ requests: requests('12', ['a', 'b']) }), refused);
  await compare(weir, next.id, ['a11', 'b11'], SONNET);
  // the figures that make these refusals and admissions the right ones
  const spent = mine.reduce((n, r) => n + r.cost_nanousd, 0);
  const [made] = await rows(weir, `batch='${batch.id}' AND service_tier IS NULL`);
  assert.ok(spent > 0 && made.hold_nanousd + spent < 40000000 && made.hold_nanousd * 2 > 40000000, `${spent} ${made.hold_nanousd}`);
  await weir.stop();
});
