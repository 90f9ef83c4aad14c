// Providers that fail: each fault of the simulated provider, and what the client and the ledger see of it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { MESSAGE, STREAM, dial, post, sleep, until } from '../lib/raw.mjs';
import { metric, rowOf } from '../lib/rows.mjs';

let sim, weir, key;

before(async () => {
  sim = await startSim();
  const provider = (name, more) => `  - {name: ${name}, api: anthropic, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL, ${more}}\n`;
  weir = await startWeir({
    sim,
    keyed: true,
    provider: ', throttled: pass',
    extra:
      provider('first', 'timeouts: {first_byte: 1s}') +
      provider('idle', 'timeouts: {idle: 1s}') +
      provider('total', 'timeouts: {total: 1s}') +
      '  - {name: nowhere, api: anthropic, base_url: "http://127.0.0.1:1", credential: env:SIM_CREDENTIAL}\n' +
      '  - {name: nobody, api: anthropic, base_url: "http://provider.invalid", credential: env:SIM_CREDENTIAL}\n' +
      'limits: {event: 256KB}\n',
  });
  key = weir.firstKey;
});
after(stopAll);

// The simulated provider keeps to max_tokens.
const LARGE = JSON.stringify({ ...JSON.parse(MESSAGE), max_tokens: 4000000 });
let tags = 0;

/** One call by fetch with a tag; {status, headers, text, cut, row(), sim()}. */
async function call({ path = '/v1/messages', body = MESSAGE, fault, to = weir.url, headers = {} }) {
  const tag = `f${++tags}`;
  const direct = to === sim.url;
  let answer;
  let cut = null;
  const parts = [];
  const asked = Date.now();
  answer = await fetch(`${to}${path}`, {
    method: 'POST',
    body,
    headers: { 'x-api-key': key, 'content-type': 'application/json', 'x-sim-call': tag, 'x-weir-task': tag, ...(fault && { 'x-sim': fault }), ...headers },
  });
  try {
    for await (const part of answer.body) parts.push(part);
  } catch (error) {
    cut = error;
  }
  const bytes = Buffer.concat(parts);
  return {
    tag,
    status: answer.status,
    headers: answer.headers,
    bytes,
    text: bytes.toString(),
    cut,
    ms: Date.now() - asked,
    row: direct ? null : () => rowOf(weir, tag),
    sim: async () => (await sim.calls()).find((c) => c.call === tag),
  };
}

const CHAT = (stream) => JSON.stringify({ model: 'gpt-5-mini', stream, messages: [{ role: 'user', content: 'hello' }] });
const DIALECTS = [
  ['messages', '/v1/messages', () => MESSAGE],
  ['chat', '/v1/chat/completions', () => CHAT(false)],
  ['responses', '/v1/responses', () => JSON.stringify({ model: 'gpt-5-mini', input: 'hello' })],
  ['gemini', '/v1beta/models/gemini-2.5-flash:generateContent', () => JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'hi' }] }] })],
];

describe("the provider's own errors pass unchanged", { concurrency: 3 }, () => {
  for (const [dialect, path, body] of DIALECTS)
    for (const status of [400, 401, 403, 404, 413, 429, 500, 503, 529])
      test(`${dialect} ${status}`, async () => {
        const fault = `fault=${status};seed=7${status === 429 ? ';retry_after=9' : ''}`;
        const through = await call({ path, body: body(), fault });
        const direct = await call({ path, body: body(), fault, to: sim.url });
        assert.equal(through.status, status);
        assert.equal(through.text, direct.text);
        assert.equal(through.headers.get('content-type'), direct.headers.get('content-type'));
        assert.equal(through.headers.get('retry-after'), direct.headers.get('retry-after'));
        const row = await through.row();
        assert.equal(row.status, status);
        assert.equal(row.ending, 'provider_error');
        assert.equal(row.cost_nanousd, 0);
      });
});

describe('faults in an answer', { concurrency: 3 }, () => {
  test('connection cut at an event', async () => {
    const got = await call({ body: STREAM, fault: 'fault=cut;at=5;events=50' });
    assert.equal(got.status, 200);
    assert.ok(got.cut, 'the client must see that the stream was cut');
    assert.equal((got.text.match(/content_block_delta/g) ?? []).length / 2, 5);
    const [row, served] = [await got.row(), await got.sim()];
    assert.equal(row.ending, 'provider_gone');
    assert.equal(row.usage_source, 'counted');
    assert.ok(row.output_tokens >= 0.7 * served.served.output_tokens, `${row.output_tokens} < ${served.served.output_tokens}`);
    assert.ok(row.cost_nanousd > 0);
  });

  test('connection reset at an event', async () => {
    const got = await call({ body: STREAM, fault: 'fault=reset;at=5;events=50' });
    assert.ok(got.cut, 'the client must see that the stream was cut');
    assert.equal((await got.row()).ending, 'provider_gone');
  });

  test('connection closed without an answer', async () => {
    const got = await call({ fault: 'fault=close' });
    assert.equal(got.status, 502, got.text);
    assert.match(JSON.parse(got.text).error.message, /anthropic/);
    const row = await got.row();
    assert.equal(row.ending, 'provider_gone');
    assert.equal(row.status, 502);
    assert.ok(row.cost_nanousd > 0, 'the provider had the request: its input counts');
  });

  test('connection closed without an answer, on one that was kept: the call is not sent twice', async () => {
    for (let i = 0; i < 6; i++) {
      await call({}); // whose connection stays
      const got = await call({ fault: 'fault=close' });
      assert.equal(got.status, 502, got.text);
      assert.equal((await sim.calls()).filter((c) => c.call === got.tag).length, 1);
      await got.row();
    }
  });

  test('half of a JSON body, then the connection ends', async () => {
    const got = await call({ body: LARGE, fault: 'fault=cut;size=4000' });
    assert.ok(got.cut || got.status === 502, `${got.status} ${got.text}`);
    assert.equal((await got.row()).ending, 'provider_gone');
  });

  test('half of a JSON body, its length right', async () => {
    const got = await call({ body: LARGE, fault: 'fault=half;size=4000;seed=3' });
    const direct = await call({ body: LARGE, fault: 'fault=half;size=4000;seed=3', to: sim.url });
    assert.equal(got.status, 200);
    assert.equal(got.text, direct.text);
    const row = await got.row();
    assert.equal(row.usage_source, 'counted');
    assert.ok(row.cost_nanousd > 0);
  });

  test('half of a body in a large answer', async () => {
    const got = await call({ body: LARGE, fault: 'fault=half;size=900000;seed=3' });
    const direct = await call({ body: LARGE, fault: 'fault=half;size=900000;seed=3', to: sim.url });
    assert.ok(got.text === direct.text);
    const row = await got.row();
    assert.equal(row.usage_source, 'counted');
    assert.ok(row.output_tokens > 50000, `${row.output_tokens}`);
  });

  test('a body that is garbage', async () => {
    const got = await call({ fault: 'fault=garbage;seed=3' });
    const direct = await call({ fault: 'fault=garbage;seed=3', to: sim.url });
    assert.ok(got.bytes.equals(direct.bytes), 'passes as it is');
    const row = await got.row();
    assert.equal(row.usage_source, 'counted');
    assert.ok(row.cost_nanousd > 0);
  });

  for (const fault of ['garbage', 'error_event'])
    test(`${fault} in a stream passes byte for byte`, async () => {
      const ask = { body: STREAM, fault: `fault=${fault};at=3;events=20;seed=5` };
      const got = await call(ask);
      const direct = await call({ ...ask, to: sim.url });
      assert.equal(got.status, 200);
      assert.ok(got.bytes.equals(direct.bytes), `${got.text}\n--- direct\n${direct.text}`);
      const row = await got.row();
      if (fault === 'error_event') {
        assert.equal(row.ending, 'provider_error');
        assert.ok(row.output_tokens >= 0 && row.input_tokens > 0, JSON.stringify(row));
      } else {
        assert.equal(row.ending, 'complete');
        assert.equal(row.usage_source, 'reported');
      }
    });

  // The same in the other dialects; a chat client does not ask for its usage, so that Weir edits the events.
  const said = [{ role: 'user', content: 'hello' }];
  for (const [dialect, path, body] of [
    ['chat', '/v1/chat/completions', { model: 'gpt-5-mini', stream: true, messages: said }],
    ['chat, usage asked for', '/v1/chat/completions', { model: 'gpt-5-mini', stream: true, stream_options: { include_usage: true }, messages: said }],
    ['responses', '/v1/responses', { model: 'gpt-5-mini', stream: true, input: 'hello' }],
    ['gemini', '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse', { contents: [{ role: 'user', parts: [{ text: 'hello' }] }] }],
    ['gemini, as an array', '/v1beta/models/gemini-2.5-flash:streamGenerateContent', { contents: [{ role: 'user', parts: [{ text: 'hello' }] }] }],
  ])
    for (const fault of ['none', 'garbage', 'error_event', 'cut', 'huge'])
      test(`${dialect}: ${fault} in a stream`, async () => {
        const ask = { path, body: JSON.stringify(body), fault: `fault=${fault};huge=900000;at=3;events=12;seed=5;reasoning=0` };
        const got = await call(ask);
        const direct = await call({ ...ask, to: sim.url });
        assert.equal(got.status, 200, got.text);
        // What is too large to be read is not edited either.
        if (fault === 'huge' && dialect === 'chat') got.bytes = Buffer.from(got.text.replace(/,"usage":null\}/, '}'));
        let at = 0;
        while (at < got.bytes.length && got.bytes[at] === direct.bytes[at]) at++;
        assert.ok(got.bytes.equals(direct.bytes), `${got.bytes.length} bytes, direct ${direct.bytes.length}, differ at ${at}: ${got.text.slice(at, at + 200)} --- direct ${direct.text.slice(at, at + 200)}`);
        assert.equal(got.cut === null, direct.cut === null, String(got.cut));
        const [row, served] = [await got.row(), await got.sim()];
        assert.ok(row.output_tokens >= 0.7 * served.served.output_tokens, `${JSON.stringify(row)} ${JSON.stringify(served)}`);
        if (fault === 'none') assert.deepEqual([row.usage_source, row.output_tokens], ['reported', served.reported.output_tokens]);
        if (fault === 'cut') assert.equal(row.ending, 'provider_gone');
      });

  test('an event larger than Weir meters', async () => {
    const ask = { body: STREAM, fault: 'fault=huge;huge=3000000;at=2;events=5;seed=5' };
    const got = await call(ask);
    const direct = await call({ ...ask, to: sim.url });
    assert.ok(got.bytes.equals(direct.bytes), `${got.bytes.length} bytes, direct ${direct.bytes.length}`);
    const row = await got.row();
    const served = await got.sim();
    assert.ok(row.output_tokens >= 0.7 * served.served.output_tokens, `${row.output_tokens} < ${served.served.output_tokens}`);
  });

  test('an answer of 8 MB', async () => {
    const ask = { body: LARGE, fault: 'size=8000000;seed=5' };
    const got = await call(ask);
    const direct = await call({ ...ask, to: sim.url });
    assert.ok(got.bytes.length > 8000000);
    assert.ok(got.bytes.equals(direct.bytes));
    const [row, served] = [await got.row(), await got.sim()];
    assert.equal(row.usage_source, 'reported');
    assert.equal(row.output_tokens, served.reported.output_tokens);
  });
});

describe('time limits of a provider', { concurrency: 6 }, () => {
  test('first_byte', async () => {
    const got = await call({ path: '/p/first/v1/messages', fault: 'delay=5000' });
    assert.equal(got.status, 504, got.text);
    assert.match(JSON.parse(got.text).error.message, /first_byte/);
    assert.ok(got.ms < 2000, `${got.ms} ms`);
    const row = await got.row();
    assert.equal(row.ending, 'timeout');
    assert.ok(row.cost_nanousd > 0, 'the provider had the request');
    assert.equal((await until(got.sim, 'the call in the books')).finished, 'client_gone');
  });
  test('first_byte lets a slow answer through that is in time', async () => {
    const got = await call({ path: '/p/first/v1/messages', fault: 'delay=300' });
    assert.equal(got.status, 200, got.text);
  });
  test('idle in a stream', async () => {
    const got = await call({ path: '/p/idle/v1/messages', body: STREAM, fault: 'fault=stall;at=4;events=50' });
    assert.equal(got.status, 200);
    assert.ok(got.cut, 'the client must see the early end');
    assert.ok(got.ms < 2000, `${got.ms} ms`);
    const [row, served] = [await got.row(), await until(async () => { const c = await got.sim(); return c?.finished !== 'open' && c; }, 'end')];
    assert.equal(row.ending, 'timeout');
    assert.equal(row.usage_source, 'counted');
    assert.ok(row.output_tokens >= 0.7 * served.served.output_tokens);
    assert.equal(served.finished, 'client_gone');
  });
  test('idle in a body', async () => {
    const got = await call({ path: '/p/idle/v1/messages', body: LARGE, fault: 'fault=stall;size=5000' });
    assert.ok(got.status === 504 || got.cut, `${got.status} ${got.text}`);
    assert.equal((await got.row()).ending, 'timeout');
  });
  test('idle lets a slow stream through', async () => {
    const got = await call({ path: '/p/idle/v1/messages', body: STREAM, fault: 'events=10;rate=5' });
    assert.equal(got.cut, null);
    assert.equal((await got.row()).usage_source, 'reported');
  });
  test('total', async () => {
    const got = await call({ path: '/p/total/v1/messages', body: STREAM, fault: 'events=100;rate=20' });
    assert.ok(got.cut, 'the client must see the early end');
    assert.ok(got.ms < 2000, `${got.ms} ms`);
    assert.equal((await got.row()).ending, 'timeout');
  });
});

describe('a provider that cannot be reached', { concurrency: 2 }, () => {
  for (const name of ['nowhere', 'nobody'])
    test(`${name}: 502, a row, nothing spent`, async () => {
      const got = await call({ path: `/p/${name}/v1/messages` });
      assert.equal(got.status, 502, got.text);
      assert.match(JSON.parse(got.text).error.message, new RegExp(name));
      const row = await got.row();
      assert.equal(row.ending, 'provider_gone');
      assert.equal(row.cost_nanousd, 0);
      assert.equal(row.provider, name);
    });
});

describe('an answer before the body is read', { concurrency: 2 }, () => {
  const big = (megabytes, stream) =>
    JSON.stringify({ ...JSON.parse(MESSAGE), stream, messages: [{ role: 'user', content: 'x'.repeat(megabytes << 20) }] });
  for (const [megabytes, status, stream] of [[5, 401, false], [5, 429, true], [20, 413, false]])
    test(`${status} while ${megabytes} MB are sent${stream ? ' for a stream' : ''}`, async () => {
      const body = big(megabytes, stream);
      const got = await call({ body, fault: `early=${status}` });
      assert.equal(got.status, status, got.text);
      assert.ok(JSON.parse(got.text).error, got.text);
      const row = await got.row();
      assert.equal(row.status, status);
      assert.equal(row.cost_nanousd, 0);
    });
});

test('many of them: the answer is met each time', async () => {
  const body = JSON.stringify({ ...JSON.parse(MESSAGE), messages: [{ role: 'user', content: 'x'.repeat(3 << 20) }] });
  const work = Array.from({ length: 3 }, async () => {
    for (let i = 0; i < 15; i++) {
      const got = await call({ body, fault: 'early=429' });
      assert.equal(got.status, 429, got.text);
    }
  });
  await Promise.all(work);
});

describe('a client that leaves', { concurrency: 3 }, () => {
  const open = (lines, body = STREAM) => {
    const tag = `f${++tags}`;
    const line = dial(weir.url);
    line.write(post('/v1/messages', key, body, [`x-sim-call: ${tag}`, `x-weir-task: ${tag}`, ...lines]));
    return { tag, line, sim: async () => (await sim.calls()).find((c) => c.call === tag) };
  };
  const goneWithin = async (call, ms) => {
    const left = Date.now();
    const seen = await until(async () => { const c = await call.sim(); return c && c.finished !== 'open' && c; }, 'the provider saw nothing', ms + 1500);
    assert.equal(seen.finished, 'client_gone');
    assert.ok(Date.now() - left < ms, `${Date.now() - left} ms`);
    return seen;
  };
  for (const [how, leave] of [
    ['closes', (line) => line.destroy()],
    ['resets', (line) => line.reset()],
    ['closes its side only', (line) => line.end()],
  ]) {
    test(`${how} in mid-stream: the provider's call is cancelled, what passed is booked`, async () => {
      const c = open(['x-sim: events=2000;rate=50']);
      await until(() => c.line.received().includes('content_block_delta'), 'the stream');
      leave(c.line);
      const served = await goneWithin(c, 1000);
      const row = await rowOf(weir, c.tag);
      assert.equal(row.ending, 'client_gone');
      assert.equal(row.usage_source, 'counted');
      // One event may have been on its way to Weir when the client left.
      const one = Math.ceil(served.served.output_tokens / served.events);
      assert.ok(row.output_tokens >= 0.7 * served.served.output_tokens - one, `${row.output_tokens} < ${served.served.output_tokens} - ${one}`);
      assert.equal(row.input_tokens, served.served.input_tokens);
    });
    test(`${how} before the answer begins`, async () => {
      const c = open(['x-sim: delay=20000']);
      await until(c.sim, 'the call');
      leave(c.line);
      await goneWithin(c, 1000);
      const row = await rowOf(weir, c.tag);
      assert.equal(row.ending, 'client_gone');
      assert.ok(row.cost_nanousd > 0, 'the provider had the request');
    });
    test(`${how} with the request's last byte`, async () => {
      const c = open(['x-sim: delay=20000']);
      await c.line.connected;
      leave(c.line);
      await sleep(300);
      const seen = await c.sim();
      if (!seen) return; // it never left
      await goneWithin(c, 1000);
      assert.equal((await rowOf(weir, c.tag)).ending, 'client_gone');
    });
  }
  test('in the middle of its body: nothing is forwarded', async () => {
    const c = open([], '');
    c.line.destroy();
    const line = dial(weir.url);
    const bytes = post('/v1/messages', key, MESSAGE, ['x-sim-call: half']);
    await line.write(bytes.subarray(0, bytes.length - 20));
    await sleep(100);
    line.destroy();
    await sleep(200);
    assert.ok(!(await sim.calls()).some((s) => s.call === 'half'));
  });
});

test('requests that end half-way are given up at once, not when their time is over', async () => {
  const whole = post('/v1/messages', key, MESSAGE, ['x-sim-call: torn']);
  const lines = Array.from({ length: 60 }, (_, i) => {
    const line = dial(weir.url);
    line.socket.end(whole.subarray(0, 5 + Math.floor(((whole.length - 10) * i) / 60)));
    return line;
  });
  await Promise.all(lines.map((line) => line.connected));
  await until(() => lines.every((line) => line.isClosed()), 'all are closed', 1500);
  await until(async () => (await metric(weir, 'calls_in_flight')) === 0, 'calls in flight', 1000);
  assert.ok(!(await sim.calls()).some((c) => c.call === 'torn'));
});

test('after all of it no call is left behind', async () => {
  await until(async () => (await metric(weir, 'calls_in_flight')) === 0, 'calls in flight');
  assert.equal(await metric(weir, 'journal_in_flight'), 0);
  assert.equal(await metric(weir, 'bodies_bytes'), 0);
  assert.equal((await sim.books()).open, 0);
});
