// Providers of other kinds than the simulated one: compressing, behind TLS, HTTP/2, behind a proxy.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import { scratch, startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { MESSAGE, STREAM, dial, parseAnswers, post, sleep, until } from '../lib/raw.mjs';
import { metric, rowOf } from '../lib/rows.mjs';

const servers = [];
let sim, weir, key, folder, ca;

/** Listens on a free port; {port, close}. */
const listen = (server) =>
  new Promise((done) => {
    servers.push(server);
    server.listen(0, '127.0.0.1', () => done(server.address().port));
  });

function certificates() {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test authority');
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  writeFileSync(join(folder, 'ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'server.pem', '-days', '2', '-extfile', 'ext');
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'other.key', '-out', 'other.csr', '-subj', '/CN=other.example');
  openssl('x509', '-req', '-in', 'other.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'other.pem', '-days', '2');
}

const ANSWER = JSON.stringify({
  id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-haiku-4-5', content: [{ type: 'text', text: 'hello '.repeat(2000) }],
  stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 11, output_tokens: 2002 },
});
const event = (type, data) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const START = event('message_start', { message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-haiku-4-5', content: [], usage: { input_tokens: 11, output_tokens: 1 } } });
const DELTA = event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'word '.repeat(800) } });
const END = event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2002 } }) + event('message_stop', {});

/** What the test's own provider answers: `x-do` of the request says how. */
const asked = [];
async function provide(request, answer) {
  const body = [];
  for await (const piece of request) body.push(piece);
  const how = request.headers['x-do'] ?? '';
  const seen = { headers: request.headers, url: request.url, body: Buffer.concat(body).toString(), version: request.httpVersion, gone: false, written: 0 };
  asked.push(seen);
  const closed = new Promise((done) =>
    answer.on('error', () => {}).on('close', () => {
      seen.gone = !answer.writableFinished;
      done();
    }),
  );
  answer.stream?.on('error', () => {}).on('close', () => (seen.gone ||= !answer.writableFinished));
  const coder = { gzip: zlib.gzipSync, deflate: zlib.deflateSync, br: zlib.brotliCompressSync }[how];
  if (how.startsWith('stream')) {
    const deltas = Number(how.split(' ')[1] ?? 3);
    const zip = how.startsWith('streamgzip') ? zlib.createGzip() : null;
    answer.writeHead(200, { 'content-type': 'text/event-stream', ...(zip && { 'content-encoding': 'gzip' }) });
    zip?.pipe(answer);
    const out = zip ?? answer;
    out.setMaxListeners(0);
    answer.stream?.setMaxListeners(0);
    out.write(START);
    for (let i = 0; i < deltas && !answer.destroyed; i++) {
      seen.written++;
      if (!out.write(DELTA)) await Promise.race([once(out, 'drain').catch(() => {}), closed]);
      if (zip) await new Promise((done) => zip.flush(done));
    }
    out.end(END);
  } else if (coder) {
    answer.writeHead(200, { 'content-type': 'application/json', 'content-encoding': how, vary: 'accept-encoding' });
    answer.end(coder(ANSWER));
  } else if (how === 'unknown') {
    answer.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'x-none-knows' });
    answer.end('???');
  } else if (how === 'hop') {
    answer.writeHead(200, { 'content-type': 'application/json', connection: 'x-hop', 'x-hop': '1', 'x-kept': '2', 'alt-svc': 'h3=":443"', 'x-weir-model': 'forged' });
    answer.end(ANSWER);
  } else {
    answer.writeHead(200, { 'content-type': 'application/json' });
    answer.end(ANSWER);
  }
}

const proxied = [];
/** A proxy that knows CONNECT and plain requests. */
function proxy() {
  const server = http.createServer((request, answer) => {
    proxied.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    const to = new URL(request.url);
    delete request.headers['proxy-authorization'];
    const on = http.request(
      { host: to.hostname, port: to.port, path: to.pathname + to.search, method: request.method, headers: request.headers },
      (got) => {
        answer.writeHead(got.statusCode, got.headers);
        got.pipe(answer);
      },
    );
    request.pipe(on);
  });
  server.on('connect', (request, socket) => {
    proxied.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    const [host, port] = request.url.split(':');
    const on = net.connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      on.pipe(socket).pipe(on);
    });
    on.on('error', () => socket.destroy());
    socket.on('error', () => on.destroy());
  });
  return server;
}

before(async () => {
  folder = scratch();
  certificates();
  ca = join(folder, 'ca.pem');
  const pair = (name) => ({ key: readFileSync(join(folder, `${name}.key`)), cert: readFileSync(join(folder, `${name}.pem`)) });
  sim = await startSim();
  const plain = await listen(http.createServer(provide));
  const tls = await listen(https.createServer(pair('server'), provide));
  const wrong = await listen(https.createServer(pair('other'), provide));
  const h2 = await listen(http2.createSecureServer({ ...pair('server'), allowHTTP1: false }, provide));
  const via = await listen(proxy());
  const provider = (name, url, more = '') =>
    `  - {name: ${name}, api: anthropic, base_url: "${url}", credential: env:SIM_CREDENTIAL${more && `, ${more}`}}\n`;
  weir = await startWeir({
    sim,
    keyed: true,
    env: { PROXY_WITH_PASSWORD: `http://user:secret@127.0.0.1:${via}`, https_proxy: `http://127.0.0.1:${via}`, NO_PROXY: 'localhost' },
    extra:
      provider('plain', `http://localhost:${plain}`) +
      provider('tls-unknown', `https://localhost:${tls}`) +
      provider('tls', `https://localhost:${tls}`, `ca_file: ${ca}`) +
      provider('tls-address', `https://localhost:${tls}/base`, `ca_file: ${ca}`) +
      provider('tls-wrong-name', `https://localhost:${wrong}`, `ca_file: ${ca}`) +
      provider('tls-no-tls', `https://localhost:${plain}`, `ca_file: ${ca}`) +
      provider('h2', `https://localhost:${h2}`, `ca_file: ${ca}, http2: true`) +
      provider('by-environment', `https://127.0.0.1:${tls}`, `ca_file: ${ca}`) +
      provider('by-setting', `https://localhost:${tls}`, `ca_file: ${ca}, proxy: "http://127.0.0.1:${via}"`) +
      provider('by-password', `http://localhost:${plain}`, 'proxy: env:PROXY_WITH_PASSWORD') +
      provider('by-dead-proxy', `http://localhost:${plain}`, 'proxy: "http://127.0.0.1:1"') +
      'limits: {stream_buffer: 64KB}\n',
  });
  key = weir.firstKey;
});
after(async () => {
  await stopAll();
  for (const server of servers) {
    server.closeAllConnections?.();
    server.close();
  }
  setTimeout(() => process.exit(), 2000).unref();
});

let tags = 0;
async function call(provider, how, { body = MESSAGE, headers = {} } = {}) {
  const tag = `p${++tags}`;
  const answer = await fetch(`${weir.url}/p/${provider}/v1/messages`, {
    method: 'POST', body, headers: { 'x-api-key': key, 'content-type': 'application/json', 'x-weir-task': tag, 'x-do': how ?? '', ...headers },
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text(), row: () => rowOf(weir, tag) };
}
async function metered(got, text = ANSWER) {
  assert.equal(got.status, 200, got.text);
  assert.ok(got.text === text, got.text.slice(0, 300));
  const row = await got.row();
  assert.deepEqual([row.usage_source, row.input_tokens, row.output_tokens], ['reported', 11, 2002]);
  return row;
}
const streamed = (deltas) => START + DELTA.repeat(deltas) + END;

describe('answers compressed though identity was asked for', () => {
  for (const coding of ['gzip', 'deflate', 'br'])
    test(coding, async () => {
      const got = await call('plain', coding, { headers: { 'accept-encoding': 'gzip, br' } });
      await metered(got);
      assert.equal(got.headers.get('content-encoding'), null);
      assert.equal(asked.at(-1).headers['accept-encoding'], 'identity');
    });
  test('gzip in a stream', async () => {
    await metered(await call('plain', 'streamgzip 5', { body: STREAM }), streamed(5));
  });
  test('a coding that nobody knows', async () => {
    const got = await call('plain', 'unknown');
    assert.equal(got.status, 502, got.text);
    const row = await got.row();
    assert.ok(row.cost_nanousd > 0);
  });
});

test('hop-by-hop headers of an answer end here', async () => {
  const got = await call('plain', 'hop');
  for (const name of ['x-hop', 'alt-svc', 'x-weir-model']) assert.equal(got.headers.get(name), null, name);
  assert.equal(got.headers.get('x-kept'), '2');
});

test('what goes to the provider', async () => {
  await call('plain', '', { headers: { 'x-own': 'kept', 'x-weir-team': 'a', te: 'trailers', 'user-agent': 'agent/1', 'anthropic-beta': 'b' } });
  const { headers, url, body } = asked.at(-1);
  assert.equal(url, '/v1/messages');
  assert.equal(body, MESSAGE);
  assert.equal(headers['x-api-key'], 'sk-simulated-credential');
  assert.equal(headers['user-agent'], 'agent/1');
  assert.equal(headers['anthropic-beta'], 'b');
  assert.equal(headers['x-own'], 'kept');
  assert.equal(headers['content-length'], String(MESSAGE.length));
  for (const name of ['te', 'expect', 'x-weir-team', 'x-weir-task', 'x-weir-key', 'transfer-encoding', 'authorization'])
    assert.equal(headers[name], undefined, name);
});

describe('TLS to a provider', () => {
  for (const [name, why] of [['tls-unknown', /certificate/i], ['tls-wrong-name', /certificate|name/i], ['tls-no-tls', /SSL|TLS/i]])
    test(`${name}: refused`, async () => {
      const before = asked.length;
      const got = await call(name);
      assert.equal(got.status, 502, got.text);
      assert.match(JSON.parse(got.text).error.message, why);
      const row = await got.row();
      assert.equal(row.ending, 'provider_gone');
      assert.equal(row.cost_nanousd, 0, 'nothing went out');
      assert.equal(asked.length, before, 'the provider was asked');
    });
  test('with ca_file', async () => {
    await metered(await call('tls'));
    await metered(await call('tls', 'stream 4', { body: STREAM }), streamed(4));
  });
  test('a base URL with a path', async () => {
    await metered(await call('tls-address'));
    assert.equal(asked.at(-1).url, '/base/v1/messages');
  });
});

describe('a provider by HTTP/2', () => {
  test('one answer', async () => {
    await metered(await call('h2'));
    assert.equal(asked.at(-1).version, '2.0');
  });
  test('streams side by side', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => call('h2', `stream ${i + 1}`, { body: STREAM })));
    await Promise.all(all.map((got, i) => metered(got, streamed(i + 1))));
  });
  test('a body of 3 MB', async () => {
    const body = JSON.stringify({ ...JSON.parse(MESSAGE), messages: [{ role: 'user', content: 'y'.repeat(3 << 20) }] });
    await metered(await call('h2', '', { body }));
    assert.ok(asked.at(-1).body === body);
  });
  test('a slow client slows its stream, not the others', async () => {
    const pauses = await metric(weir, 'pauses_total');
    const line = dial(weir.url, { paused: true });
    await line.write(post('/p/h2/v1/messages', key, STREAM, ['x-do: stream 10000', 'x-weir-task: h2slow', 'Connection: close']));
    await until(async () => (await metric(weir, 'pauses_total')) > pauses, 'the stream is not slowed');
    await sleep(300);
    const slow = asked.at(-1);
    assert.ok(slow.written < 9900, `${slow.written} written`);
    await metered(await call('h2', 'stream 30', { body: STREAM }), streamed(30));
    await metered(await call('h2'));
    line.resume();
    await line.closed;
    const [answer] = parseAnswers(line.received());
    assert.ok(answer.whole && answer.text === streamed(10000), `${answer.body.length} bytes`);
    assert.equal((await rowOf(weir, 'h2slow')).usage_source, 'reported');
  });
  test('a client that leaves cancels its stream, not the others', async () => {
    const line = dial(weir.url, { paused: true });
    await line.write(post('/p/h2/v1/messages', key, STREAM, ['x-do: stream 100000', 'x-weir-task: h2gone']));
    await until(() => asked.findLast((a) => a.headers['x-do'] === 'stream 100000'), 'the call');
    const other = call('h2', 'stream 200', { body: STREAM });
    line.destroy();
    // Seen by Weir's own account: this process, which writes the streams too, now and then sees the end of one late.
    await until(async () => (await rowOf(weir, 'h2gone')).ending === 'client_gone', 'the call is cancelled', 10000);
    await metered(await other, streamed(200));
    assert.equal((await rowOf(weir, 'h2gone')).ending, 'client_gone');
  });
});

describe('through a proxy', () => {
  test('of the environment, for https', async () => {
    await metered(await call('by-environment'));
    assert.match(proxied.at(-1), /^CONNECT 127\.0\.0\.1:\d+$/);
  });
  test('NO_PROXY leaves it out', async () => {
    const before = proxied.length;
    await metered(await call('tls'));
    assert.equal(proxied.length, before);
  });
  test('of the setting', async () => {
    const before = proxied.length;
    await metered(await call('by-setting', 'stream 3', { body: STREAM }), streamed(3));
    assert.equal(proxied.length, before + 1);
    assert.match(proxied.at(-1), /^CONNECT localhost:\d+$/);
  });
  test('with a password from the environment', async () => {
    await metered(await call('by-password'));
    assert.match(proxied.at(-1), new RegExp(`^POST http://localhost:\\d+/v1/messages Basic ${Buffer.from('user:secret').toString('base64')}$`));
    assert.equal(asked.at(-1).headers['proxy-authorization'], undefined);
  });
  test('that is not there', async () => {
    const got = await call('by-dead-proxy');
    assert.equal(got.status, 502, got.text);
    assert.equal((await got.row()).cost_nanousd, 0);
  });
});
