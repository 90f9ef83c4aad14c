// The simulated provider itself: what it answers in each dialect, what it books, its faults, scripts, replay and load
// generator. A measuring device has to be right before anything is measured with it.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SIM, scratch, startSim, stopAll } from './lib/harness.mjs';

let sim;
let folder;

before(async () => {
  folder = scratch('weir-sim-test-');
  sim = await startSim({ args: ['--books', join(folder, 'books.jsonl'), '--requests', join(folder, 'requests.jsonl')] });
});
after(stopAll);

/** One request; resolves to {status, headers, body, cut}: `cut` when the connection ended before the answer did. */
function call(path, { body, headers = {}, method = body ? 'POST' : 'GET', url = sim.url, agent } = {}) {
  return new Promise((done, fail) => {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const request = http.request(url + path, { method, headers, agent }, (answer) => {
      const chunks = [];
      const end = (cut) => done({ status: answer.statusCode, headers: answer.headers, cut,
        body: Buffer.concat(chunks).toString(), bytes: Buffer.concat(chunks) });
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => end(false));
      answer.on('error', () => end(true));
    });
    request.on('error', fail);
    request.end(text);
  });
}

/** Bytes straight to the port; resolves to all that comes back until the other side closes. */
function raw(bytes, url = sim.url) {
  return new Promise((done, fail) => {
    const { hostname, port } = new URL(url);
    const socket = net.connect(port, hostname, () => socket.write(bytes));
    let got = '';
    socket.on('data', (chunk) => (got += chunk));
    socket.on('close', () => done(got));
    socket.on('error', fail);
  });
}

/** The data of each server-sent event. */
const events = (text) => [...text.matchAll(/^data: (.*?)\r?$/gm)].map((m) => (m[1] === '[DONE]' ? m[1] : JSON.parse(m[1])));
const lastCall = async () => (await sim.calls()).at(-1);

const USER = 'what is in this folder?';
const SHELL = { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] };

// how to ask in each dialect, and how to read an answer: text, tool calls, usage in the ledger's meters
const DIALECTS = {
  anthropic: {
    path: () => '/v1/messages',
    body: ({ stream, tools, results = 0, max = 1000 }) => ({
      model: 'claude-sonnet-4-5', max_tokens: max, stream,
      tools: tools && [{ name: 'Bash', input_schema: SHELL }],
      messages: [{ role: 'user', content: USER }].concat(...Array.from({ length: results }, (_, i) => [
        { role: 'assistant', content: [{ type: 'tool_use', id: `t${i}`, name: 'Bash', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: `t${i}`, content: 'ok' }] }])),
    }),
    whole: (o) => ({ text: o.content.filter((b) => b.type === 'text').map((b) => b.text).join(''), stop: o.stop_reason,
      tools: o.content.filter((b) => b.type === 'tool_use').map((b) => [b.name, b.input]), usage: o.usage }),
    streamed: (list) => {
      const blocks = [];
      let usage, stop;
      for (const e of list) {
        if (e.type === 'content_block_start') blocks[e.index] = { ...e.content_block, json: '' };
        if (e.type === 'content_block_delta' && e.delta.text) blocks[e.index].text += e.delta.text;
        if (e.type === 'content_block_delta') blocks[e.index].json += e.delta.partial_json ?? '';
        if (e.type === 'message_start') usage = e.message.usage;
        if (e.type === 'message_delta') { usage = { ...usage, ...e.usage }; stop = e.delta.stop_reason; }
      }
      assert.equal(list.at(-1).type, 'message_stop');
      return { text: blocks.map((b) => b.text ?? '').join(''), stop, usage,
        tools: blocks.filter((b) => b.name).map((b) => [b.name, JSON.parse(b.json)]) };
    },
    meters: (u) => ({ input_tokens: u.input_tokens, cache_read_tokens: u.cache_read_input_tokens, output_tokens: u.output_tokens }),
    stops: ['end_turn', 'tool_use', 'max_tokens'],
  },
  chat: {
    path: () => '/v1/chat/completions',
    body: ({ stream, tools, results = 0, max }) => ({
      model: 'gpt-4o', max_tokens: max, stream, stream_options: stream ? { include_usage: true } : undefined,
      tools: tools && [{ type: 'function', function: { name: 'bash', parameters: SHELL } }],
      messages: [{ role: 'user', content: USER }].concat(...Array.from({ length: results }, (_, i) => [
        { role: 'assistant', content: null, tool_calls: [{ id: `t${i}`, type: 'function', function: { name: 'bash', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: `t${i}`, content: 'ok' }])),
    }),
    whole: (o) => ({ text: o.choices[0].message.content ?? '', stop: o.choices[0].finish_reason, usage: o.usage,
      tools: (o.choices[0].message.tool_calls ?? []).map((t) => [t.function.name, JSON.parse(t.function.arguments)]) }),
    streamed: (list) => {
      const tools = [];
      let text = '', stop;
      assert.equal(list.at(-1), '[DONE]');
      for (const { choices, usage } of list.slice(0, -2)) {
        assert.equal(usage, null);
        text += choices[0].delta.content ?? '';
        stop = choices[0].finish_reason ?? stop;
        for (const t of choices[0].delta.tool_calls ?? []) {
          tools[t.index] ??= [t.function.name, ''];
          tools[t.index][1] += t.function.arguments;
        }
      }
      assert.deepEqual(list.at(-2).choices, []);
      return { text, stop, usage: list.at(-2).usage, tools: tools.map(([name, json]) => [name, JSON.parse(json)]) };
    },
    meters: (u) => ({ input_tokens: u.prompt_tokens - u.prompt_tokens_details.cached_tokens,
      cache_read_tokens: u.prompt_tokens_details.cached_tokens, output_tokens: u.completion_tokens }),
    stops: ['stop', 'tool_calls', 'length'],
  },
  responses: {
    path: () => '/v1/responses',
    body: ({ stream, tools, results = 0, max }) => ({
      model: 'gpt-4o', max_output_tokens: max, stream,
      tools: tools && [{ type: 'function', name: 'shell', parameters: SHELL }],
      input: [{ role: 'user', content: USER }].concat(...Array.from({ length: results }, (_, i) => [
        { type: 'function_call', call_id: `t${i}`, name: 'shell', arguments: '{}' },
        { type: 'function_call_output', call_id: `t${i}`, output: 'ok' }])),
    }),
    whole: (o) => ({ text: o.output.filter((i) => i.type === 'message').map((i) => i.content[0].text).join(''), usage: o.usage,
      stop: o.incomplete_details?.reason ?? (o.output.some((i) => i.type === 'function_call') ? 'tool' : o.status),
      tools: o.output.filter((i) => i.type === 'function_call').map((i) => [i.name, JSON.parse(i.arguments)]) }),
    streamed: (list) => {
      list.forEach((e, i) => assert.equal(e.sequence_number, i));
      const final = DIALECTS.responses.whole(list.at(-1).response);
      const deltas = list.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join('');
      assert.equal(deltas, final.text);
      return final;
    },
    meters: (u) => ({ input_tokens: u.input_tokens - u.input_tokens_details.cached_tokens,
      cache_read_tokens: u.input_tokens_details.cached_tokens, output_tokens: u.output_tokens }),
    stops: ['completed', 'tool', 'max_output_tokens'],
  },
  gemini: {
    path: (stream) => `/v1beta/models/gemini-2.0-flash:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: ({ tools, results = 0, max }) => ({
      generationConfig: { maxOutputTokens: max },
      tools: tools && [{ functionDeclarations: [{ name: 'run_shell_command', parametersJsonSchema: SHELL }] }],
      contents: [{ role: 'user', parts: [{ text: USER }] }].concat(...Array.from({ length: results }, () => [
        { role: 'model', parts: [{ functionCall: { name: 'run_shell_command', args: {} } }] },
        { role: 'user', parts: [{ functionResponse: { name: 'run_shell_command', response: { output: 'ok' } } }] }])),
    }),
    whole: (o) => ({ text: o.candidates[0].content.parts.map((p) => p.text ?? '').join(''), usage: o.usageMetadata,
      tools: o.candidates[0].content.parts.filter((p) => p.functionCall).map((p) => [p.functionCall.name, p.functionCall.args]),
      stop: o.candidates[0].content.parts.some((p) => p.functionCall) ? 'tool' : o.candidates[0].finishReason }),
    streamed: (list) => {
      const parts = list.flatMap((e) => e.candidates[0].content.parts);
      const { finishReason } = list.at(-1).candidates[0];
      return DIALECTS.gemini.whole({ candidates: [{ content: { parts }, finishReason }], usageMetadata: list.at(-1).usageMetadata });
    },
    meters: (u) => ({ input_tokens: u.promptTokenCount - (u.cachedContentTokenCount ?? 0),
      cache_read_tokens: u.cachedContentTokenCount ?? 0, output_tokens: (u.candidatesTokenCount ?? 0) + (u.thoughtsTokenCount ?? 0) }),
    stops: ['STOP', 'tool', 'MAX_TOKENS'],
  },
};

/** Asks in a dialect; both forms come back in one shape. */
async function ask(name, { headers, url, ...how }) {
  const d = DIALECTS[name];
  const answer = await call(d.path(how.stream), { body: d.body(how), headers, url });
  assert.equal(answer.status, 200, answer.body);
  return how.stream ? d.streamed(events(answer.body)) : d.whole(JSON.parse(answer.body));
}

for (const name of Object.keys(DIALECTS)) {
  const d = DIALECTS[name];
  describe(name, () => {
    test('a streamed answer says and reports what the whole one does, and so do the books', async () => {
      const whole = await ask(name, {});
      const streamed = await ask(name, { stream: true });
      assert.deepEqual(streamed, whole);
      assert.equal(whole.stop, d.stops[0]);
      const booked = await lastCall();
      const said = d.meters(whole.usage);
      assert.equal(booked.finished, 'complete');
      for (const [meter, n] of Object.entries(said)) {
        assert.equal(booked.reported[meter], n, meter);
        assert.equal(booked.served[meter], n, meter);
      }
      assert.equal(said.output_tokens, Math.ceil(whole.text.length / 4));
    });
    test('the output limit ends the answer', async () => {
      const { text, usage, stop } = await ask(name, { max: 3, stream: true });
      assert.equal(stop, d.stops[2]);
      assert.equal(text.length, 12);
      assert.equal(d.meters(usage).output_tokens, 3);
    });
    test('a tool that was offered is called, streamed and not, and then the task ends', async () => {
      const headers = { 'x-sim-script': 'tool:2' };
      for (let results = 0; results < 2; results++) {
        const whole = await ask(name, { tools: true, results, headers });
        const streamed = await ask(name, { tools: true, results, headers, stream: true });
        assert.deepEqual(streamed.tools, whole.tools);
        assert.equal(whole.stop, d.stops[1]);
        assert.equal(whole.tools[0][1].command, `echo hello from step ${results + 1}`);
      }
      const last = await ask(name, { tools: true, results: 2, headers });
      assert.deepEqual(last.tools, []);
      assert.equal(last.stop, d.stops[0]);
    });
    test('usage=none leaves usage out', async () => {
      const { usage } = await ask(name, { headers: { 'x-sim': 'usage=none' } });
      assert.equal(usage ?? null, null);
      assert.equal((await lastCall()).reported.output_tokens, null);
    });
  });
}

test('chat: no usage in a stream that did not ask for it', async () => {
  const { stream_options: _, ...body } = DIALECTS.chat.body({ stream: true });
  const list = events((await call('/v1/chat/completions', { body })).body);
  assert.ok(list.slice(0, -1).every((e) => !('usage' in e) && e.choices.length === 1));
});

test('gemini: a stream without alt=sse is a JSON array', async () => {
  const { body } = await call('/v1/models/gemini-2.0-flash:streamGenerateContent', { body: DIALECTS.gemini.body({}) });
  assert.ok(JSON.parse(body).length > 1);
});

test('anthropic: cache writes for 5 minutes and an hour, then reads', async () => {
  const block = (text, ttl) => ({ type: 'text', text, cache_control: { type: 'ephemeral', ttl } });
  const body = { model: 'claude-opus-4-5', max_tokens: 10, messages: [{ role: 'user', content: 'go' }],
    system: [block('a'.repeat(8000), '1h'), block('b'.repeat(6000), '5m')] };
  const [first, second] = [await call('/v1/messages', { body }), await call('/v1/messages', { body })].map((a) => JSON.parse(a.body).usage);
  assert.deepEqual(first.cache_creation, { ephemeral_5m_input_tokens: 1503, ephemeral_1h_input_tokens: 2003 });
  assert.equal(first.cache_read_input_tokens, 0);
  assert.equal(second.cache_read_input_tokens, 3506);
  assert.equal(second.cache_creation_input_tokens, 0);
  assert.equal(second.input_tokens, first.input_tokens);
});

test('a structured answer follows its schema, a forced tool is called', async () => {
  const schema = { type: 'OBJECT', properties: { complexity_reasoning: { type: 'STRING' }, complexity_score: { type: 'INTEGER', maximum: 100 } },
    required: ['complexity_reasoning', 'complexity_score'] };
  const { text } = await ask('gemini', { headers: { 'x-sim': 'reasoning=0' } }).then(() => call(DIALECTS.gemini.path(false), {
    body: { contents: [{ role: 'user', parts: [{ text: 'route' }] }], generationConfig: { responseMimeType: 'application/json', responseJsonSchema: schema } } }))
    .then((a) => DIALECTS.gemini.whole(JSON.parse(a.body)));
  assert.deepEqual(Object.keys(JSON.parse(text)), ['complexity_reasoning', 'complexity_score']);
  const forced = { ...DIALECTS.chat.body({ tools: true }), tool_choice: 'required' };
  const answer = DIALECTS.chat.whole(JSON.parse((await call('/v1/chat/completions', { body: forced })).body));
  assert.equal(answer.tools[0][0], 'bash');
});

test('embeddings: vectors of the length asked for, floats or base64', async () => {
  const body = { model: 'text-embedding-3-small', input: ['one', 'two'], dimensions: 8 };
  const floats = JSON.parse((await call('/v1/embeddings', { body })).body);
  const coded = JSON.parse((await call('/v1/embeddings', { body: { ...body, encoding_format: 'base64' } })).body);
  assert.equal(floats.data.length, 2);
  assert.deepEqual([...new Float32Array(new Uint8Array(Buffer.from(coded.data[1].embedding, 'base64')).buffer)].map((x) => x.toFixed(5)),
    floats.data[1].embedding.map((x) => x.toFixed(5)));
  assert.equal((await lastCall()).reported.input_tokens, floats.usage.prompt_tokens);
});

describe('what is not a call', () => {
  const cases = [
    ['GET', '/v1/models', {}, 200, /"object": "list"/],
    ['GET', '/v1/models', { 'anthropic-version': '2023-06-01' }, 200, /"has_more":false/],
    ['GET', '/v1beta/models', {}, 200, /"models"/],
    ['HEAD', '/api/hello', {}, 200, /^$/],
    ['GET', '/v1/responses', { upgrade: 'websocket' }, 426, /WebSocket/],
    ['GET', '/nowhere', {}, 404, /no such path/],
  ];
  for (const [method, path, headers, status, body] of cases) {
    test(`${method} ${path} ${JSON.stringify(headers)}: ${status}`, async () => {
      const answer = await call(path, { method, headers });
      assert.equal(answer.status, status);
      assert.match(answer.body, body);
    });
  }
});

describe('HTTP', () => {
  const body = JSON.stringify(DIALECTS.anthropic.body({}));
  const post = (lines, rest) => `POST /v1/messages HTTP/1.1\r\nhost: x\r\n${lines.map((l) => `${l}\r\n`).join('')}\r\n${rest}`;
  const cases = [
    ['a chunked body', post(['transfer-encoding: chunked', 'connection: close'],
      `${(10).toString(16)};x=y\r\n${body.slice(0, 10)}\r\n${(body.length - 10).toString(16)}\r\n${body.slice(10)}\r\n0\r\nTrailer: 1\r\n\r\n`), /^HTTP\/1.1 200/],
    ['Expect: 100-continue', post([`content-length: ${body.length}`, 'expect: 100-continue', 'connection: close'], body), /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200/],
    ['two requests at once', post([`content-length: ${body.length}`], body) + post([`content-length: ${body.length}`, 'connection: close'], body), /200 OK[^]*200 OK/],
    ['a body that is no JSON', post(['content-length: 3', 'connection: close'], '{x}'), /^HTTP\/1.1 400[^]*invalid_request_error/],
    ['a malformed chunk', post(['transfer-encoding: chunked'], 'zz\r\n'), /^HTTP\/1.1 400/],
    ['length and chunks together', post(['transfer-encoding: chunked', 'content-length: 3'], ''), /^HTTP\/1.1 400/],
    ['a body over the limit', post([`content-length: ${1 << 30}`], ''), /^HTTP\/1.1 413/],
    ['a head over the limit', post([`x: ${'y'.repeat(70000)}`], ''), /^HTTP\/1.1 431/],
    ['an answer before the body', post(['content-length: 1000', 'x-sim: early=413'], ''), /^HTTP\/1.1 413[^]*request_too_large/],
    ['a directive it does not know', post([`content-length: ${body.length}`, 'x-sim: nonsense=1', 'connection: close'], body), /^HTTP\/1.1 400[^]*nonsense=1/],
  ];
  for (const [what, bytes, expected] of cases) test(what, async () => assert.match(await raw(bytes), expected));
});

describe('faults', () => {
  const how = (directives, stream = true) =>
    call('/v1/messages', { body: DIALECTS.anthropic.body({ stream }), headers: { 'x-sim': directives } });
  const cases = [ // directives, streamed, status, what the body is like, cut, how it is booked
    ['fault=429;retry_after=3', true, 429, /rate_limit_error/, false, 'error'],
    ['fault=529', false, 529, /overloaded_error/, false, 'error'],
    ['fault=cut;at=2', true, 200, /message_start[^]*text_delta[^]*text_delta(?![^]*message_delta)/, true, 'cut'],
    ['fault=cut', false, 200, /^\{"model"/, true, 'cut'],
    ['fault=half', false, 200, /^\{"model"[^]*[^}]$/, false, 'complete'],
    ['fault=stall;at=1;stall=20', true, 200, /message_stop/, false, 'complete'],
    ['fault=garbage;at=1', true, 200, /[^\x20-\x7e\n][^]*message_stop/, false, 'complete'],
    ['fault=error_event;at=1', true, 200, /event: error\ndata: .*overloaded_error/, false, 'error'],
    ['delay=30', true, 200, /message_stop/, false, 'complete'],
  ];
  for (const [directives, stream, status, body, cut, booked] of cases) {
    test(`${directives}${stream ? '' : ', not streamed'}`, async () => {
      const answer = await how(directives, stream);
      assert.equal(answer.status, status);
      assert.match(answer.body, body);
      assert.equal(answer.cut, cut);
      assert.equal((await lastCall()).finished, booked);
    });
  }
  test('fault=close', () => assert.rejects(how('fault=close'), /hang up|ECONNRESET/));
  test('fault=reset', async () => {
    assert.equal(await how('fault=reset;at=1').then((a) => a.cut, () => true), true);
    assert.equal((await lastCall()).finished, 'cut');
  });
  test('fault=huge', async () => {
    const { body } = await how('fault=huge;huge=300000');
    assert.ok(body.split('\n').some((line) => line.length > 300000));
    const usage = events(body).find((e) => e.type === 'message_delta').usage;
    assert.equal(usage.output_tokens, (await lastCall()).served.output_tokens);
    assert.ok(usage.output_tokens > 75000);
  });
  test('times=2 spares the third try', async () => {
    const body = { ...DIALECTS.anthropic.body({}), metadata: { user_id: 'times' } };
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await call('/v1/messages', { body, headers: { 'x-sim': 'fault=503;times=2' } })).status);
    assert.deepEqual(statuses, [503, 503, 200, 200]);
  });
  test('--fault-rate is the same for the same seed', async () => {
    const run = async (seed) => {
      const other = await startSim({ args: ['--fault-rate', '0.5', '--seed', seed] });
      const seen = [];
      for (let i = 0; i < 12; i++) {
        seen.push(await call('/v1/messages', { body: DIALECTS.anthropic.body({ stream: true }), url: other.url }).then((a) => `${a.status}${a.cut}`, () => 'closed'));
      }
      await other.stop();
      return seen.join(' ');
    };
    assert.equal(await run('7'), await run('7'));
    assert.notEqual(await run('7'), await run('8'));
  });
});

describe('books', () => {
  test('a client that leaves is booked with what it had been sent', async () => {
    await new Promise((done) => {
      const request = http.request(`${sim.url}/v1/messages`, { method: 'POST', headers: { 'x-sim': 'events=400;rate=200', 'x-sim-call': 'leaver' } }, (answer) => {
        let seen = '';
        answer.on('data', (chunk) => {
          seen += chunk;
          if (seen.split('text_delta').length > 5) request.destroy();
        });
        answer.on('error', done);
        answer.on('close', done);
      });
      request.end(JSON.stringify(DIALECTS.anthropic.body({ stream: true, max: 10000 })));
    });
    let entry;
    for (let i = 0; i < 100 && entry?.finished !== 'client_gone'; i++) {
      entry = (await sim.calls()).find((c) => c.call === 'leaver');
      await new Promise((done) => setTimeout(done, 10));
    }
    assert.equal(entry.finished, 'client_gone');
    assert.ok(entry.events >= 5 && entry.events < 400);
    assert.equal(entry.served.output_tokens, entry.events * 5);
    assert.equal(entry.reported.output_tokens, 1);
  });
  test('totals are the sum of the calls, and each call has its two lines in the file', async () => {
    const [books, calls] = [await sim.books(), await sim.calls()];
    for (const meter of ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_1h_tokens']) {
      for (const kind of ['reported', 'served']) {
        assert.equal(books.total[kind][meter], calls.reduce((sum, c) => sum + (c[kind]?.[meter] ?? 0), 0), `${kind} ${meter}`);
      }
    }
    assert.equal(books.total.calls, calls.length);
    const lines = readFileSync(join(folder, 'books.jsonl'), 'utf8').trim().split('\n').map((l) => JSON.parse(l));
    assert.deepEqual(lines.filter((l) => l.ev === 'start').map((l) => l.seq), calls.map((c) => c.seq));
    assert.deepEqual(new Set(lines.filter((l) => l.ev === 'end').map((l) => l.seq)), new Set(calls.map((c) => c.seq)));
  });
  test('a kill leaves the start of what was under way', async () => {
    const file = join(folder, 'killed.jsonl');
    const other = await startSim({ args: ['--books', file] });
    const open = http.request(`${other.url}/v1/messages`, { method: 'POST', headers: { 'x-sim': 'events=400;rate=20' } });
    const begun = new Promise((done) => open.on('response', (answer) => (answer.on('error', () => {}), answer.once('data', done))));
    open.on('error', () => {});
    open.end(JSON.stringify(DIALECTS.anthropic.body({ stream: true })));
    await begun;
    await other.stop('SIGKILL');
    const lines = readFileSync(file, 'utf8').trim().split('\n').map((l) => JSON.parse(l));
    assert.deepEqual(lines.map((l) => l.ev), ['start']);
  });
  test('--requests keeps what was received, headers in their order', async () => {
    const body = DIALECTS.chat.body({});
    await call('/v1/chat/completions?x=%2F', { body, headers: { 'X-First': '1', 'x-second': 'zwei' } });
    const line = JSON.parse(readFileSync(join(folder, 'requests.jsonl'), 'utf8').trim().split('\n').at(-1));
    assert.equal(line.target, '/v1/chat/completions?x=%2F');
    assert.deepEqual(line.headers.slice(0, 2), [['X-First', '1'], ['x-second', 'zwei']]);
    assert.equal(line.body, JSON.stringify(body));
  });
});

describe('replay', () => {
  const stream = 'event: a\ndata: {"x":1}\n\ndata: \xff not quite text\n\n: comment\r\n\r\ndata: [DONE]\n\n';
  const pairs = [
    { id: 'p1', method: 'POST', url: 'https://api.example.com/v1/chat/completions', status: 200, stream: true, model: 'm',
      request: { headers: {}, body: '{"a": 1}' }, response: { headers: { 'x-kept': 'yes', 'Content-Length': '3' }, body_b64: Buffer.from(stream, 'latin1').toString('base64') } },
    { id: 'p2', method: 'POST', url: 'https://api.example.com/v1/chat/completions', status: 418, stream: false, model: 'm',
      request: { headers: {}, body: '{"a": 2}' }, response: { headers: { 'content-type': 'text/tea' }, body: 'short and stout' } },
  ];
  for (const chunk of [0, 1, 5]) {
    test(`bytes come back as recorded, in chunks of ${chunk || 'an event'}`, async () => {
      const file = join(folder, `pairs-${chunk}.jsonl`);
      writeFileSync(file, pairs.map((p) => `${JSON.stringify(p)}\n`).join(''));
      const tape = await startSim({ args: ['--replay', file, '--replay-chunk', String(chunk)] });
      const first = await call('/v1/chat/completions', { body: '{"a": 1}', url: tape.url });
      assert.equal(first.bytes.toString('latin1'), stream);
      assert.equal(first.headers['x-kept'], 'yes');
      const second = await call('/v1/chat/completions', { body: 'whatever', headers: { 'x-sim-pair': 'p2' }, url: tape.url });
      assert.deepEqual([second.status, second.headers['content-type'], second.body], [418, 'text/tea', 'short and stout']);
      assert.equal((await call('/v1/chat/completions', { body: '{"a": 3}', url: tape.url })).status, 404);
      await tape.stop();
    });
  }
});

describe('scripts', () => {
  test('a task of one’s own from a file', async () => {
    const file = join(folder, 'own.json');
    writeFileSync(file, JSON.stringify({ turns: [{ say: 'look', tool: 'shell', command: 'ls "a b"' }, { say: 'grüße, fertig' }] }));
    const own = await startSim({ args: ['--script', file] });
    const turn = (results) => ask('responses', { tools: true, results, url: own.url, stream: true });
    assert.deepEqual((await turn(0)).tools, [['shell', { command: 'ls "a b"' }]]);
    assert.equal((await turn(1)).text, 'grüße, fertig');
    await own.stop();
  });
  test('a task writes, reads, edits and checks a file where the agent works', async () => {
    const path = { type: 'string' };
    const tool = (name, ...keys) => ({ name, input_schema: { type: 'object', properties: Object.fromEntries(keys.map((k) => [k, path])), required: keys } });
    const tools = [tool('Bash', 'command'), tool('Read', 'file_path'), tool('Write', 'file_path', 'content'), tool('Edit', 'file_path', 'old_string', 'new_string')];
    const seen = [];
    for (let results = 0; results < 6; results++) {
      const body = { ...DIALECTS.anthropic.body({ results }), tools, system: 'Working directory: /home/ana/shop\nmore' };
      const { content } = JSON.parse((await call('/v1/messages', { body, headers: { 'x-sim-script': 'task' } })).body);
      seen.push(content.filter((b) => b.type === 'tool_use').map((b) => [b.name, b.input.file_path])[0]);
    }
    const file = '/home/ana/shop/sim-notes.txt';
    assert.deepEqual(seen, [['Bash', undefined], ['Write', file], ['Read', file], ['Edit', file], ['Bash', undefined], ['Bash', undefined]]);
  });
});

describe('weir-sim load', () => {
  const load = (...args) => {
    const done = spawnSync(SIM, ['load', '--url', sim.url, ...args], { encoding: 'utf8' });
    return { status: done.status, ...JSON.parse(done.stdout || '{}') };
  };
  for (const api of ['anthropic', 'chat', 'responses', 'gemini', 'embeddings']) {
    test(`${api}: every call is answered and counted`, () => {
      const r = load('--api', api, '--requests', '50', '--connections', '4', '--body-size', '2000');
      assert.deepEqual([r.ok, r.cut, r.refused, r.connects, r.latency_ms.n, r.body_bytes], [50, 0, 0, 4, 50, 2000]);
    });
  }
  test('streams: each event once, with its delay', () => {
    const r = load('--stream', '--requests', '20', '--connections', '20', '--ramp', '0', '--sim', 'events=10;rate=100;stamp=1', '--max-tokens', '9999');
    assert.deepEqual([r.ok, r.events, r.events_lost, r.event_delay_ms.n], [20, 200, 0, 200]);
    assert.ok(r.event_delay_ms.p50 >= 0 && r.event_delay_ms.p50 < 50);
  });
  test('a lost event is noticed', async () => {
    const stamped = [0, 1, 3].map((i) => `data: {"t":"~S${String(i).padStart(8, '0')}:${String(1).padStart(20, '0')}~"}\n\n`).join('');
    const server = http.createServer((q, a) => q.resume().on('end', () => a.end(stamped)));
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const child = spawn(SIM, ['load', '--url', `http://127.0.0.1:${server.address().port}`, '--requests', '1', '--stream', '--ramp', '0']);
    const said = await new Promise((done) => { let t = ''; child.stdout.on('data', (c) => (t += c)); child.on('close', () => done(JSON.parse(t))); });
    server.close();
    assert.deepEqual([said.events, said.events_lost], [3, 1]);
  });
  test('open loop: calls go out when they are due', () => {
    const r = load('--rate', '200', '--seconds', '0.5', '--connections', '4');
    assert.equal(r.loop, 'open');
    assert.ok(r.ok >= 99 && r.ok <= 101, String(r.ok));
  });
  test('what each call received is written down, cut ones too', () => {
    const file = join(folder, 'received.jsonl');
    const r = load('--requests', '3', '--connections', '1', '--stream', '--ramp', '0', '--tag', 'cutter', '--calls', file, '--sim', 'events=9;fault=cut;at=4;stamp=1');
    assert.deepEqual([r.ok, r.cut], [0, 3]);
    const lines = readFileSync(file, 'utf8').trim().split('\n').map((l) => JSON.parse(l));
    assert.deepEqual(lines.map((l) => [l.call, l.ended, l.events, l.last_event]), [0, 1, 2].map((i) => [`cutter-${i}`, 'cut', 4, 3]));
  });
  test('nobody listens: exit status 1', () => {
    const r = spawnSync(SIM, ['load', '--url', 'http://127.0.0.1:9', '--requests', '2', '--connections', '1'], { encoding: 'utf8' });
    assert.equal(r.status, 1);
    assert.equal(JSON.parse(r.stdout).refused, 2);
  });
});

describe('weir-sim team', () => {
  const team = (url, ...args) => JSON.parse(spawnSync(SIM, ['team', '--gateway', url, '--json', ...args], { encoding: 'utf8' }).stdout);
  test('plays every agent, grows its conversations, and the books agree with what it says', async () => {
    const file = join(folder, 'team.jsonl');
    const keys = join(folder, 'keys.jsonl');
    writeFileSync(keys, '{"id": "1", "user": "ana@example.com", "key": "wk_ana"}\nwk_bo bo@example.com\n');
    const other = await startSim({ args: ['--requests', file] });
    const said = team(other.url, '--people', '7', '--minutes-of-work', '6', '--keys', keys, '--seed', '3');
    const books = await other.books();
    assert.equal(said.simulated, true);
    assert.deepEqual([said.calls, said.ok, said.left], [books.total.calls, books.total.complete, books.total.client_gone]);
    const seen = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    const header = (r, name) => r.headers.find(([n]) => n.toLowerCase() === name)?.[1];
    for (const agent of [/^claude-cli/, /^codex_exec/, /^GeminiCLI/, /^opencode/]) {
      assert.ok(seen.some((r) => agent.test(header(r, 'user-agent'))), String(agent));
    }
    const key = (r) => header(r, 'x-api-key') ?? header(r, 'x-goog-api-key') ?? header(r, 'authorization').slice(7);
    assert.deepEqual(new Set(seen.map(key)), new Set(['wk_ana', 'wk_bo']));
    for (const r of seen) JSON.parse(r.body);
    assert.ok(books.total.reported.cache_read_tokens > books.total.reported.input_tokens);
    await other.stop();
  });
  test('stops a session that is refused', async () => {
    const server = http.createServer((q, a) => q.resume().on('end', () => {
      a.writeHead(402, { 'x-weir-refusal': 'budget', 'content-type': 'application/json' });
      a.end('{}');
    }));
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const child = spawn(SIM, ['team', '--gateway', `http://127.0.0.1:${server.address().port}`, '--people', '1', '--minutes-of-work', '4', '--json']);
    const said = await new Promise((done) => { let t = ''; child.stdout.on('data', (c) => (t += c)); child.on('close', () => done(JSON.parse(t))); });
    server.closeAllConnections();
    server.close();
    assert.deepEqual([said.calls, said.refused, said.ok], [2, 2, 0]);
  });
});

test('help says what there is', () => {
  for (const args of [['--help'], ['load', '--help'], ['team', '--help']]) {
    const { status, stdout } = spawnSync(SIM, args, { encoding: 'utf8' });
    assert.equal(status, 0);
    assert.match(stdout, /^Usage: weir-sim/);
  }
  assert.equal(spawnSync(SIM, ['--nonsense']).status, 2);
});
