// Calls that end before their usage is told: what is counted then, on_abort: drain, and what is learnt for it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { until } from '../lib/raw.mjs';
import { metric, rowOf } from '../lib/rows.mjs';

let sim, weir;

before(async () => {
  sim = await startSim();
  const provider = (name, api, more) => `  - {name: ${name}, api: ${api}, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL, ${more}}\n`;
  weir = await startWeir({
    sim,
    extra:
      provider('drains', 'anthropic', 'on_abort: drain') +
      provider('drains-too', 'openai', 'on_abort: drain') +
      'limits: {abort_time: 2s, abort_bytes: 64KB}\n',
  });
});
after(stopAll);

let tags = 0;
const MESSAGES = { model: 'claude-sonnet-4-5', max_tokens: 100000, stream: true, messages: [{ role: 'user', content: 'tell me something of rivers' }] };
const CHAT = { model: 'gpt-5-mini', stream: true, messages: [{ role: 'user', content: 'tell me something of rivers' }] };

/** A call whose client reads `parts` pieces and leaves; {row, sim}. */
async function leave({ path, body, fault, parts = 2 }) {
  const tag = `e${++tags}`;
  const away = new AbortController();
  const answer = await fetch(`${weir.url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: away.signal,
    headers: { 'x-api-key': weir.firstKey, 'content-type': 'application/json', 'x-sim-call': tag, 'x-weir-task': tag, 'x-sim': fault },
  });
  const reader = answer.body.getReader();
  reader.closed.catch(() => {});
  for (let i = 0; i < parts; i++) await reader.read();
  away.abort();
  return {
    row: await rowOf(weir, tag),
    sim: await until(async () => {
      const c = (await sim.calls()).find((x) => x.call === tag);
      return c?.finished !== 'open' && c;
    }, 'the end of the call at the provider'),
  };
}

describe('on_abort: drain', () => {
  for (const [name, path, body] of [
    ['anthropic', '/p/drains/v1/messages', MESSAGES],
    ['chat', '/p/drains-too/v1/chat/completions', CHAT],
  ])
    test(`${name}: the rest is read, and the usage is what the provider says`, async () => {
      const before = await metric(weir, 'drained_total');
      const { row, sim: served } = await leave({ path, body, fault: 'events=40;rate=80;seed=3' });
      assert.equal(row.ending, 'client_gone');
      assert.equal(row.usage_source, 'reported', JSON.stringify(row));
      assert.equal(row.output_tokens, served.reported.output_tokens);
      assert.equal(served.finished, 'complete', JSON.stringify(served));
      assert.equal((await metric(weir, 'drained_total')) - before, 1);
      assert.match(row.explanation, /read to its end/);
    });

  test('an answer that is too long is given up, and counted', async () => {
    const before = await metric(weir, 'drain_cut_total');
    const { row, sim: served } = await leave({ path: '/p/drains/v1/messages', body: MESSAGES, fault: 'size=3000000;seed=3;events=30000;rate=20000' });
    assert.equal(row.ending, 'client_gone');
    assert.equal(row.usage_source, 'counted', JSON.stringify(row));
    assert.equal(served.finished, 'client_gone');
    assert.ok(row.output_tokens > 0);
    assert.equal((await metric(weir, 'drain_cut_total')) - before, 1);
  });

  test('one that takes too long too', async () => {
    const before = await metric(weir, 'drain_cut_total');
    const { row } = await leave({ path: '/p/drains/v1/messages', body: MESSAGES, fault: 'fault=stall;at=4;events=50', parts: 1 });
    assert.equal(row.usage_source, 'counted');
    assert.match(row.explanation, /did not come to its end/);
    assert.equal((await metric(weir, 'drain_cut_total')) - before, 1);
  });

  test('no call is left behind', async () => {
    await until(async () => (await metric(weir, 'calls_in_flight')) === 0, 'no call in flight');
    assert.equal(await metric(weir, 'journal_in_flight'), 0);
  });
});

test('without it the call is cancelled, input as reported, output counted', async () => {
  const { row, sim: served } = await leave({ path: '/v1/messages', body: MESSAGES, fault: 'events=400;rate=80;seed=3', parts: 3 });
  assert.equal(row.ending, 'client_gone');
  assert.equal(row.usage_source, 'counted');
  assert.equal(served.finished, 'client_gone');
  assert.equal(row.input_tokens, served.served.input_tokens, 'message_start told it');
  assert.ok(row.output_tokens > 0 && row.cost_nanousd > 0);
});

for (const [name, path, body] of [
  ['a whole answer', '/v1/chat/completions', { ...CHAT, stream: false }],
  ['a stream', '/v1/chat/completions', CHAT],
  ['a stream of Responses', '/v1/responses', { model: 'gpt-5-mini', stream: true, input: 'tell me something of rivers' }],
  ['a stream of Messages', '/v1/messages', MESSAGES],
])
  test(`${name} without usage: what passed is counted, and costs`, async () => {
    const tag = `n${++tags}`;
    const answer = await fetch(`${weir.url}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'x-api-key': weir.firstKey, 'content-type': 'application/json', 'x-sim-call': tag, 'x-weir-task': tag, 'x-sim': 'usage=none;size=2000;seed=4' },
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    const row = await rowOf(weir, tag);
    assert.equal(row.ending, 'complete');
    assert.equal(row.usage_source, 'counted', JSON.stringify(row));
    // 2,000 bytes of English words are some 300 to 700 tokens; the question, some ten.
    assert.ok(row.output_tokens > 200 && row.output_tokens < 1000, `${row.output_tokens}`);
    assert.ok(row.input_tokens > 4 && row.input_tokens < 60, `${row.input_tokens}`);
    assert.ok(row.cost_nanousd > 0);
  });

test('what models make of a request is learnt, and kept over a restart', async () => {
  const ask = async (content, fault) => {
    const tag = `l${++tags}`;
    const answer = await fetch(`${weir.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ ...CHAT, model: 'gpt-4o', messages: [{ role: 'user', content }] }),
      headers: { 'x-api-key': weir.firstKey, 'content-type': 'application/json', 'x-sim-call': tag, 'x-weir-task': tag, 'x-sim': fault },
    });
    await answer.text().catch(() => {});
    return rowOf(weir, tag);
  };
  const words = (n) => Array.from({ length: n }, (_, i) => `river${(i * 7) % 13} runs`).join(' ');
  let told;
  for (let i = 0; i < 25; i++) told = await ask(words(20 + i * 5), 'events=3');
  assert.equal(told.usage_source, 'reported');
  const same = await ask(words(20 + 24 * 5), 'fault=cut;at=2;events=9');
  assert.equal(same.usage_source, 'counted');
  assert.equal(same.input_tokens, told.input_tokens + (told.cache_read_tokens ?? 0), 'a request that was reported before is known');
  assert.ok((await metric(weir, 'predict_learnt_total')) >= 25);
  await weir.stop();
  assert.ok(existsSync(join(weir.folder, 'weir.journal.learnt')));
  await weir.restart();
  assert.ok((await metric(weir, 'predict_models')) >= 1);
});
