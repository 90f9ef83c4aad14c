// Requests of every legal shape, and the refusals of Weir itself.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { MESSAGE, STREAM, dial, exchange, post, sleep, until } from '../lib/raw.mjs';
import { metric, rowOf, rows } from '../lib/rows.mjs';

let sim, weir, key;

before(async () => {
  sim = await startSim();
  weir = await startWeir({
    sim,
    keyed: true,
    extra: `  - {name: local, api: openai, base_url: "${sim.url}", models: [none]}\nlimits: {body: 1MB, header_timeout: 1s, body_timeout: 1s}\n`,
  });
  key = weir.firstKey;
});
after(stopAll);

const started = async () => (await sim.books()).started;
const lines = (...list) => `${list.join('\r\n')}\r\n\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked';
const chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const large = (bytes) => JSON.stringify({ ...JSON.parse(MESSAGE), messages: [{ role: 'user', content: 'z'.repeat(bytes) }] });
let tags = 0;

/** Sends a request and reads its answer; {status, headers, text}. The connection is closed. */
async function ask(bytes, options) {
  const line = dial(weir.url);
  for (const piece of [bytes].flat()) await line.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
  const [answer] = await line.answers(1, options);
  line.destroy();
  assert.ok(answer, 'no answer');
  return answer;
}

describe('bodies', { concurrency: 4 }, () => {
  test('sized', async () => {
    assert.equal((await ask(post('/v1/messages', key, MESSAGE))).status, 200);
  });
  for (const [name, cut] of [['one chunk', MESSAGE.length], ['a chunk for each byte', 1], ['chunks of seven bytes', 7]])
    test(`in ${name}`, async () => {
      const tag = `r${++tags}`;
      let body = '';
      for (let at = 0; at < MESSAGE.length; at += cut) body += chunk(MESSAGE.slice(at, at + cut));
      const answer = await ask(post('/v1/messages', key, `${body}0\r\n\r\n`, [CHUNKED, `x-sim-call: ${tag}`, `x-weir-task: ${tag}`], { length: false }));
      assert.equal(answer.status, 200, answer.text);
      const served = (await sim.calls()).find((c) => c.call === tag);
      assert.equal(served.request_bytes, MESSAGE.length);
      assert.equal((await rowOf(weir, tag)).input_tokens, served.reported.input_tokens);
    });
  test('with chunk extensions and trailers, which end here', async () => {
    const tag = `r${++tags}`;
    const body = `${MESSAGE.length.toString(16)};name=value;other="quoted"\r\n${MESSAGE}\r\n0\r\nx-trailer: 1\r\nContent-Length: 5\r\n\r\n`;
    const answer = await ask(post('/v1/messages', key, body, [CHUNKED, 'Trailer: x-trailer', `x-sim-call: ${tag}`], { length: false }));
    assert.ok([200, 400].includes(answer.status), answer.text);
    const served = (await sim.calls()).find((c) => c.call === tag);
    if (answer.status === 200) assert.equal(served.request_bytes, MESSAGE.length);
    else assert.equal(served, undefined);
  });
  test('in pieces, slowly', async () => {
    const bytes = post('/v1/messages', key, MESSAGE);
    const line = dial(weir.url);
    for (let at = 0; at < bytes.length; at += 40) {
      await line.write(bytes.subarray(at, at + 40));
      await sleep(5);
    }
    assert.equal((await line.answers())[0].status, 200);
    line.destroy();
  });
  test('by HTTP/1.0: answered, then closed', async () => {
    const { answers, closed } = await exchange(weir.url, post('/v1/messages', key, MESSAGE, [], { version: 'HTTP/1.0' }));
    assert.equal(answers[0]?.status, 200);
    assert.ok(closed);
    assert.ok(!/chunked/i.test(answers[0].head), answers[0].head);
  });
  test('a stream by HTTP/1.0: no chunks, the end is the close', async () => {
    const { answers, closed } = await exchange(weir.url, post('/v1/messages', key, STREAM, ['x-sim: events=5'], { version: 'HTTP/1.0' }));
    assert.ok(closed);
    assert.ok(!/chunked/i.test(answers[0].head), answers[0].head);
    assert.match(answers[0].body.toString(), /message_stop/);
  });
});

describe('Expect: 100-continue', { concurrency: 3 }, () => {
  test('accepted: told to go on, then answered', async () => {
    const line = dial(weir.url);
    const bytes = post('/v1/messages', key, MESSAGE, ['Expect: 100-continue']);
    await line.write(bytes.subarray(0, bytes.length - MESSAGE.length));
    await until(() => /^HTTP\/1\.1 100 /.test(line.received().toString()), '100 Continue');
    await line.write(MESSAGE);
    const [answer] = await line.answers();
    assert.equal(answer.status, 200, answer.text);
    line.destroy();
  });
  for (const [name, status, headers, path] of [
    ['a wrong key', 401, (k) => [`x-api-key: wk_${'a'.repeat(k.length - 3)}`], '/v1/messages'],
    ['a coding', 415, (k) => [`x-api-key: ${k}`, 'Content-Encoding: gzip'], '/v1/messages'],
    ['an unknown path', 404, (k) => [`x-api-key: ${k}`], '/nothing'],
    ['a size beyond the cap', 413, (k) => [`x-api-key: ${k}`], '/v1/messages'],
  ])
    test(`refused for ${name}: at once, the body never asked for`, async () => {
      const tag = `r${++tags}`;
      const line = dial(weir.url);
      const length = status === 413 ? 2 << 20 : 1000;
      await line.write(lines(`POST ${path} HTTP/1.1`, 'Host: localhost', 'Expect: 100-continue', `Content-Length: ${length}`, `x-sim-call: ${tag}`, ...headers(key)));
      const [answer] = await line.answers();
      assert.equal(answer.status, status, answer.text);
      assert.ok(!/ 100 /.test(line.received().toString('latin1', 0, 20)));
      line.destroy();
      assert.ok(!(await sim.calls()).some((c) => c.call === tag));
    });
});

describe('connections', { concurrency: 4 }, () => {
  test('several requests on one', async () => {
    const line = dial(weir.url);
    for (let i = 1; i <= 20; i++) {
      const head = i % 3 === 0;
      await line.write(head ? lines('HEAD /api/hello HTTP/1.1', 'Host: localhost') : post('/v1/messages', key, i % 2 ? MESSAGE : STREAM, ['x-sim: events=3']));
      await until(() => line.received().toString('latin1').split(/HTTP\/1\.1 200/).length > i, `answer ${i}`);
      if (!head) await until(() => /(\}|\r\n0\r\n\r\n|\n\n)$/.test(line.received().toString('latin1')), `the end of answer ${i}`);
    }
    assert.equal(line.isClosed(), null);
    line.destroy();
  });
  test('pipelined requests are answered in order', async () => {
    const line = dial(weir.url);
    const models = ['claude-haiku-4-5', 'claude-sonnet-4-5', 'claude-opus-4-1'];
    const body = (model) => MESSAGE.replace('claude-haiku-4-5', model);
    await line.write(Buffer.concat(models.map((m, i) => post('/v1/messages', key, body(m), [`x-sim: delay=${(3 - i) * 60}`]))));
    const answers = await line.answers(3);
    assert.deepEqual(answers.map((a) => JSON.parse(a.text).model), models);
    line.destroy();
  });
  test('a refusal leaves the connection usable', async () => {
    const line = dial(weir.url);
    await line.write(Buffer.concat([post('/v1/messages', key, MESSAGE.replace('haiku-4-5', 'unheard-of')), post('/v1/messages', key, MESSAGE)]));
    const answers = await line.answers(2);
    assert.deepEqual(answers.map((a) => a.status), [402, 200]);
    line.destroy();
  });
  test('Connection: close is kept to', async () => {
    const { answers, closed } = await exchange(weir.url, post('/v1/messages', key, MESSAGE, ['Connection: close']));
    assert.equal(answers[0].status, 200);
    assert.ok(closed);
  });
  test('what Connection names goes no further', async () => {
    const tag = `r${++tags}`;
    const answer = await ask(post('/v1/messages', key, MESSAGE, ['Connection: keep-alive, x-sim', 'x-sim: fault=500', `x-sim-call: ${tag}`]));
    assert.equal(answer.status, 200, 'x-sim reached the provider');
  });
  test('headers that never end: the connection is closed in time', async () => {
    const line = dial(weir.url);
    const asked = Date.now();
    await line.write('POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n');
    const drip = setInterval(() => line.write('x-a: 1\r\n'), 100);
    await Promise.race([line.closed, sleep(4000)]);
    clearInterval(drip);
    assert.ok(line.isClosed(), 'still open');
    assert.ok(Date.now() - asked < 3000);
  });
  test('a body that never comes: the connection is closed in time', async () => {
    const line = dial(weir.url);
    await line.write(post('/v1/messages', key, MESSAGE, ['x-sim-call: never']).subarray(0, -10));
    await Promise.race([line.closed, sleep(4000)]);
    assert.ok(line.isClosed(), 'still open');
    assert.ok(!(await sim.calls()).some((c) => c.call === 'never'));
  });
});

describe('what costs nothing', { concurrency: 4 }, () => {
  test('HEAD and GET /api/hello', async () => {
    for (const method of ['HEAD', 'GET']) {
      const answer = await ask(lines(`${method} /api/hello HTTP/1.1`, 'Host: localhost'), { heads: method === 'HEAD' });
      assert.equal(answer.status, 200);
      assert.equal(answer.body.length, 0);
    }
  });
  test('GET and HEAD of models, in both dialects', async () => {
    const direct = await (await fetch(`${sim.url}/v1/models`)).text();
    const one = await ask(lines('GET /v1/models HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${key}`));
    assert.equal(one.status, 200);
    assert.equal(one.text, direct);
    const two = await ask(lines('GET /v1/models?limit=3 HTTP/1.1', 'Host: localhost', `x-api-key: ${key}`, 'anthropic-version: 2023-06-01'));
    assert.equal(two.status, 200);
    const head = await ask(lines('HEAD /v1/models HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${key}`), { heads: true });
    assert.equal(head.status, 200, head.head);
    assert.equal(head.body.length, 0);
    const gemini = await ask(lines('GET /v1beta/models HTTP/1.1', 'Host: localhost', `x-goog-api-key: ${key}`));
    assert.equal(gemini.status, 200);
  });
  test('count_tokens', async () => {
    const tag = `r${++tags}`;
    const answer = await ask(post('/v1/messages/count_tokens', key, MESSAGE, [`x-weir-task: ${tag}`]));
    assert.equal(answer.status, 200, answer.text);
    assert.ok(JSON.parse(answer.text).input_tokens > 0);
    const row = await rowOf(weir, tag);
    assert.ok(row.cost_nanousd === 0 || row.cost_nanousd === null, JSON.stringify(row));
  });
});

test('/p/PROVIDER/ names the provider', async () => {
  for (const [path, body, provider] of [
    ['/p/anthropic/v1/messages', MESSAGE, 'anthropic'],
    ['/p/openai/v1/chat/completions', JSON.stringify({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'x' }] }), 'openai'],
    ['/p/gemini/v1beta/models/gemini-2.5-flash:generateContent', JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'x' }] }] }), 'gemini'],
    ['/p/local/v1/chat/completions', JSON.stringify({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'x' }] }), 'local'],
    ['/p/local/chat/completions', JSON.stringify({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'x' }] }), 'local'],
  ]) {
    const tag = `r${++tags}`;
    const answer = await ask(post(path, key, body, [`x-weir-task: ${tag}`]));
    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
    assert.equal((await rowOf(weir, tag)).provider, provider);
  }
});

// name, status, refusal kind, the request, what the message must say
const codex = ['originator: codex_cli_rs'];
const RESPONSES = JSON.stringify({ model: 'gpt-5-mini', input: 'hello', stream: true });
const wrong = () => `wk_${'b'.repeat(key.length - 3)}`;
const REFUSALS = [
  ['an unknown key', 401, 'identity', () => post('/v1/messages', wrong(), MESSAGE), /weir key list/],
  ['an unknown key in Authorization', 401, 'identity', () => post('/v1/chat/completions', '', JSON.stringify({ model: 'gpt-5-mini', messages: [] }), [`Authorization: Bearer ${wrong()}`]), /key/],
  ['an unknown model', 402, 'unpriced', () => post('/v1/messages', key, MESSAGE.replace('claude-haiku-4-5', 'claude-unheard-of')), /claude-unheard-of.*price/is],
  ['an unknown model of OpenAI', 402, 'unpriced', () => post('/v1/chat/completions', key, JSON.stringify({ model: 'gpt-unheard-of', messages: [] })), /gpt-unheard-of/],
  ['a path that cannot be metered', 402, 'unmetered', () => post('/v1/audio/speech', key, '{"model":"tts-1","input":"x"}'), /unmetered: allow/],
  ['a path that cannot be metered, named', 402, 'unmetered', () => post('/p/openai/v1/images/generations', key, '{"model":"x","prompt":"x"}'), /unmetered/],
  ['a coding', 415, 'encoding', () => post('/v1/messages', key, MESSAGE, ['Content-Encoding: gzip']), /Content-Encoding/],
  ['a body that is not JSON', 400, 'request', () => post('/v1/messages', key, '{"model":'), /byte \d+/],
  ['an empty body', 400, 'request', () => post('/v1/messages', key, ''), /cannot be read/],
  ['a model given twice', 400, 'request', () => post('/v1/messages', key, MESSAGE.replace('{', '{"model":"claude-opus-4-1",')), /twice|again/],
  ['an unknown path', 404, 'not-found', () => post('/nothing/here', key, MESSAGE), /\/v1\/messages/],
  ['an unknown provider', 404, 'not-found', () => post('/p/elsewhere/v1/messages', key, MESSAGE), /elsewhere/],
  ['a path with dots', 404, 'not-found', () => post('/v1/../v1/messages', key, MESSAGE), /path/],
  ['a path with an encoded slash', 404, 'not-found', () => post('/v1%2fmessages', key, MESSAGE), /path/],
  ['a method that the path does not take', 405, 'method', () => `GET /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: ${key}\r\n\r\n`, /method/],
  ['DELETE', 405, 'method', () => `DELETE /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: ${key}\r\n\r\n`, /method/],
  ['Codex: an unknown key', 400, 'identity', () => post('/v1/responses', wrong(), RESPONSES, codex), /key/, 'text'],
  ['Codex: an unknown model', 400, 'unpriced', () => post('/v1/responses', key, RESPONSES.replace('gpt-5-mini', 'gpt-unheard-of'), codex), /gpt-unheard-of/, 'text'],
  ['Codex: a path that cannot be metered', 400, 'unmetered', () => post('/v1/audio/speech', key, '{}', codex), /unmetered/, 'text'],
];

describe('refusals', { concurrency: 4 }, () => {
  for (const [name, status, kind, bytes, says, as] of REFUSALS)
    test(name, async () => {
      const answer = await ask(bytes());
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.headers['x-weir-refusal'], kind);
      assert.equal(answer.headers['x-should-retry'], 'false');
      assert.equal(answer.headers['retry-after'], undefined);
      if (as === 'text') {
        assert.match(answer.headers['content-type'], /^text\/plain/);
        assert.match(answer.text, says);
        assert.ok(!answer.text.startsWith('{'));
      } else {
        const body = JSON.parse(answer.text);
        assert.match(body.error.message, says);
      }
      const id = answer.headers['x-weir-request-id'];
      if (!id) return;
      const [row] = await until(async () => { const r = await rows(weir, `id='${id}'`); return r.length && r; }, 'its row');
      assert.equal(row.decision, 'refused');
      assert.equal(row.ending, 'refused');
      assert.equal(row.status, status);
      assert.equal(row.cost_nanousd, 0);
      assert.match(row.explanation, says);
    });
  test('nothing of all that reached the provider', async () => {
    const seen = (await sim.calls()).filter((c) => /unheard-of|tts/.test(c.model));
    assert.deepEqual(seen, []);
  });
  test('401, 402 leave rows', async () => {
    await until(async () => (await rows(weir, "decision='refused' AND status IN (401,402,400)")).length >= 10, 'refusal rows');
  });
  test('WebSocket on /v1/responses: 426', async () => {
    const answer = await ask(lines('GET /v1/responses HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${key}`, 'Connection: Upgrade', 'Upgrade: websocket',
      'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='));
    assert.equal(answer.status, 426, answer.text);
    assert.ok(answer.headers.upgrade !== undefined || answer.text.length > 0);
  });
});

describe('bodies beyond the cap', () => {
  for (const [name, send] of [
    ['sized, its length told', (body) => post('/v1/messages', key, body)],
    ['in chunks', (body) => post('/v1/messages', key, `${chunk(body.slice(0, 700000))}${chunk(body.slice(700000))}0\r\n\r\n`, [CHUNKED], { length: false })],
  ])
    test(`${name}: 413 reaches a client that is still sending`, async () => {
      const before = await started(); // these come one after the other
      const answer = await ask(send(large(3 << 20)), { ms: 8000 });
      assert.equal(answer.status, 413, answer.text);
      assert.match(JSON.parse(answer.text).error.message, /limits\.body/);
      assert.equal(await started(), before);
    });
  test('fetch, far too large', async () => {
    const answer = await fetch(`${weir.url}/v1/messages`, { method: 'POST', body: large(2 << 20), headers: { 'x-api-key': key } });
    assert.equal(answer.status, 413);
    await answer.text();
  });
  test('exactly at the cap', async () => {
    const empty = large(0).length;
    const answer = await ask(post('/v1/messages', key, large((1 << 20) - empty)), { ms: 8000 });
    assert.equal(answer.status, 200, answer.text);
    const over = await ask(post('/v1/messages', key, large((1 << 20) - empty + 1)), { ms: 8000 });
    assert.equal(over.status, 413, over.text);
  });
});

test('nothing is left behind', async () => {
  await until(async () => (await metric(weir, 'calls_in_flight')) === 0, 'calls in flight');
  assert.equal(await metric(weir, 'bodies_bytes'), 0);
  assert.equal(await metric(weir, 'journal_in_flight'), 0);
});
