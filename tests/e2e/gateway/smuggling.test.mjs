// Requests that two parsers could read in two ways: one test for each shape, bytes on the wire. Each must be refused, the
// connection closed, and nothing may reach the provider, neither the request nor what was hidden in its body.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { MESSAGE, exchange, post } from '../lib/raw.mjs';

let sim, weir, key;

before(async () => {
  sim = await startSim();
  weir = await startWeir({ sim, keyed: true, extra: 'hosts: [weir.example.com]\nlimits: {headers: 32KB}\n' });
  key = weir.firstKey;
});
after(stopAll);

// Hidden in the body of the outer request: a call that must not be read as one of its own.
const hidden = () => post('/v1/messages', key, MESSAGE).toString('latin1');
const head = (lines, { line = 'POST /v1/messages HTTP/1.1', host = 'Host: localhost' } = {}) =>
  [line, host, `x-api-key: ${key}`, 'content-type: application/json', ...lines].filter((l) => l !== null).join('\r\n') + '\r\n\r\n';
const chunked = (body = MESSAGE) => `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const n = Buffer.byteLength(MESSAGE);
const CHUNKED = 'Transfer-Encoding: chunked';

// No answer at all, the connection closed: a line that is not HTTP in any reading.
const CLOSED = 0;

// name, statuses allowed, the bytes
const SHAPES = [
  ['Content-Length with Transfer-Encoding', [400], () => head([`Content-Length: ${n}`, CHUNKED]) + chunked() + hidden()],
  ['Transfer-Encoding with Content-Length', [400], () => head([CHUNKED, 'Content-Length: 4']) + chunked() + hidden()],
  ['two Content-Lengths that differ', [400], () => head([`Content-Length: ${n}`, 'Content-Length: 0']) + MESSAGE + hidden()],
  ['two Content-Lengths alike', [400], () => head([`Content-Length: ${n}`, `Content-Length: ${n}`]) + MESSAGE],
  ['Content-Length as a list', [400], () => head([`Content-Length: ${n}, ${n}`]) + MESSAGE],
  ['Content-Length with a plus', [400], () => head([`Content-Length: +${n}`]) + MESSAGE],
  ['Content-Length with a minus', [400], () => head(['Content-Length: -1']) + MESSAGE],
  ['Content-Length in hexadecimal', [400], () => head([`Content-Length: 0x${n.toString(16)}`]) + MESSAGE],
  ['Content-Length beyond 64 bits', [400, 413], () => head(['Content-Length: 18446744073709551617']) + MESSAGE],
  ['Content-Length with a space inside', [400], () => head(['Content-Length: 1 2']) + MESSAGE],
  ['Content-Length empty', [400], () => head(['Content-Length:']) + hidden()],
  ['Transfer-Encoding twice', [400], () => head([CHUNKED, CHUNKED]) + chunked() + hidden()],
  ['Transfer-Encoding as a list', [400, 501], () => head(['Transfer-Encoding: gzip, chunked']) + chunked() + hidden()],
  ['Transfer-Encoding chunked, identity', [400, 501], () => head(['Transfer-Encoding: chunked, identity']) + chunked() + hidden()],
  ['Transfer-Encoding identity', [400, 501], () => head(['Transfer-Encoding: identity', `Content-Length: ${n}`]) + MESSAGE],
  ['Transfer-Encoding xchunked', [400, 501], () => head(['Transfer-Encoding: xchunked']) + chunked() + hidden()],
  ['Transfer-Encoding with a vertical tab', [400, 501], () => head(['Transfer-Encoding: \x0bchunked']) + chunked() + hidden()],
  ['Transfer-Encoding quoted', [400, 501], () => head(['Transfer-Encoding: "chunked"']) + chunked() + hidden()],
  ['Transfer-Encoding over a folded line', [400, 501], () => head(['Transfer-Encoding:', ' chunked']) + chunked() + hidden()],
  ['a folded header', [400], () => head(['x-note: one', ' two', `Content-Length: ${n}`]) + MESSAGE],
  ['a folded header by tab', [400], () => head(['x-note: one', '\ttwo', `Content-Length: ${n}`]) + MESSAGE],
  ['a fold on the first line', [400], () => head([], { host: ' Host: localhost' }).replace('\r\n\r\n', `\r\nContent-Length: ${n}\r\n\r\n`) + MESSAGE],
  ['bare line feeds for all lines', [400], () => head([`Content-Length: ${n}`]).replaceAll('\r\n', '\n') + MESSAGE],
  ['a bare line feed in one header', [400], () => head([`x-a: 1\nx-b: 2`, `Content-Length: ${n}`]) + MESSAGE],
  ['a bare line feed hiding a Transfer-Encoding', [400], () => head([`x-a: 1\nTransfer-Encoding: chunked`]) + chunked() + hidden()],
  ['a bare carriage return in a header', [400], () => head(['x-a: 1\rx-b: 2', `Content-Length: ${n}`]) + MESSAGE],
  ['a bare line feed ending the head', [400], () => head([`Content-Length: ${n}`]).replace(/\r\n\r\n$/, '\r\n\n') + MESSAGE],
  ['NUL in a value', [400], () => head(['x-a: one\x00two', `Content-Length: ${n}`]) + MESSAGE],
  ['NUL in a name', [400], () => head(['x-\x00a: one', `Content-Length: ${n}`]) + MESSAGE],
  ['NUL in the target', [400, 404], () => head([`Content-Length: ${n}`], { line: 'POST /v1/messages\x00x HTTP/1.1' }) + MESSAGE],
  ['NUL hiding a Transfer-Encoding', [400], () => head(['x-a\x00: 1', CHUNKED]) + chunked() + hidden()],
  ['a control character in a value', [400], () => head(['x-a: one\x01two', `Content-Length: ${n}`]) + MESSAGE],
  ['DEL in a value', [400], () => head(['x-a: one\x7ftwo', `Content-Length: ${n}`]) + MESSAGE],
  ['a control character in a name', [400], () => head(['x-\x01a: one', `Content-Length: ${n}`]) + MESSAGE],
  ['a high byte in a name', [400], () => head(['x-\xe9: one', `Content-Length: ${n}`]) + MESSAGE],
  ['an empty name', [400], () => head([': nothing', `Content-Length: ${n}`]) + MESSAGE],
  ['a header with no colon', [400], () => head(['nonsense', `Content-Length: ${n}`]) + MESSAGE],
  ['space before the colon', [400], () => head([`x-a : 1`, `Content-Length: ${n}`]) + MESSAGE],
  ['space before the colon of Content-Length', [400], () => head([`Content-Length : ${n}`]) + MESSAGE],
  ['space before the colon of Transfer-Encoding', [400, 501], () => head(['Transfer-Encoding : chunked']) + chunked() + hidden()],
  ['tab before the colon', [400], () => head([`Content-Length\t: ${n}`]) + MESSAGE],
  ['a space in a name', [400], () => head(['x a: 1', `Content-Length: ${n}`]) + MESSAGE],
  ['two Hosts', [400], () => head(['Host: localhost', `Content-Length: ${n}`]) + MESSAGE],
  ['two Hosts that differ', [400], () => head(['Host: evil.example', `Content-Length: ${n}`]) + MESSAGE],
  ['no Host', [400], () => head([`Content-Length: ${n}`], { host: null }) + MESSAGE],
  ['an empty Host', [400, 421], () => head([`Content-Length: ${n}`], { host: 'Host:' }) + MESSAGE],
  ['no Host with HTTP/1.0', [400], () => head([`Content-Length: ${n}`], { host: null, line: 'POST /v1/messages HTTP/1.0' }) + MESSAGE],
  ['absolute form', [400], () => head([`Content-Length: ${n}`], { line: 'POST http://localhost/v1/messages HTTP/1.1' }) + MESSAGE],
  ['absolute form of another site', [400], () => head([`Content-Length: ${n}`], { line: 'POST http://evil.example/v1/messages HTTP/1.1' }) + MESSAGE],
  ['authority form', [400, 404, 405], () => head([], { line: 'CONNECT localhost:443 HTTP/1.1' })],
  ['asterisk form', [400, 404, 405], () => head([], { line: 'OPTIONS * HTTP/1.1' })],
  ['HTTP/1.0 with chunks', [400], () => head([CHUNKED], { line: 'POST /v1/messages HTTP/1.0' }) + chunked() + hidden()],
  ['HTTP/0.9', [400, 505], () => `GET /v1/models\r\n\r\n`],
  ['HTTP/1.2', [400, 505], () => head([`Content-Length: ${n}`], { line: 'POST /v1/messages HTTP/1.2' }) + MESSAGE],
  ['HTTP/2.0 by name', [400, 505], () => head([`Content-Length: ${n}`], { line: 'POST /v1/messages HTTP/2.0' }) + MESSAGE],
  ['the preface of HTTP/2', [400, 404, 405, 501, 505], () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['version in small letters', [400, 505], () => head([`Content-Length: ${n}`], { line: 'POST /v1/messages http/1.1' }) + MESSAGE],
  ['two spaces in the request line', [400], () => head([`Content-Length: ${n}`], { line: 'POST  /v1/messages HTTP/1.1' }) + MESSAGE],
  ['a tab in the request line', [400, CLOSED], () => head([`Content-Length: ${n}`], { line: 'POST\t/v1/messages\tHTTP/1.1' }) + MESSAGE],
  ['a space in the target', [400, 404, 505, CLOSED], () => head([`Content-Length: ${n}`], { line: 'POST /v1/messages x HTTP/1.1' }) + MESSAGE],
  ['a fragment in the target', [400], () => head([`Content-Length: ${n}`], { line: 'POST /v1/messages#x HTTP/1.1' }) + MESSAGE],
  ['a backslash in the target', [400], () => head([`Content-Length: ${n}`], { line: 'POST /v1\\messages HTTP/1.1' }) + MESSAGE],
  ['a method with a bad character', [400], () => head([`Content-Length: ${n}`], { line: 'PO(ST /v1/messages HTTP/1.1' }) + MESSAGE],
  ['upgrade to h2c', [400], () => head([`Content-Length: ${n}`, 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']) + MESSAGE],
  ['upgrade to websocket on a path that has none', [400], () => head([`Content-Length: ${n}`, 'Connection: Upgrade', 'Upgrade: websocket']) + MESSAGE],
  ['two Upgrades', [400], () => head([`Content-Length: ${n}`, 'Connection: Upgrade', 'Upgrade: websocket', 'Upgrade: h2c']) + MESSAGE],
  ['Expect of something else', [417], () => head([`Content-Length: ${n}`, 'Expect: 200-ok']) + MESSAGE],
  ['a head that is too large', [400, 413, 431], () => head([`x-a: ${'a'.repeat(70000)}`, `Content-Length: ${n}`]) + MESSAGE],
  ['too many headers', [400, 431], () => head([...Array.from({ length: 400 }, (_, i) => `x-${i}: 1`), `Content-Length: ${n}`]) + MESSAGE],
];

// What goes wrong behind a head that is in order.
const after5 = (chunks) => head([CHUNKED]) + chunks;
const CHUNKS = [
  ['a negative chunk size', () => after5(`-1\r\n${MESSAGE}\r\n0\r\n\r\n`) + hidden()],
  ['a chunk size with a plus', () => after5(`+${n.toString(16)}\r\n${MESSAGE}\r\n0\r\n\r\n`) + hidden()],
  ['a chunk size with 0x', () => after5(`0x${n.toString(16)}\r\n${MESSAGE}\r\n0\r\n\r\n`) + hidden()],
  ['a chunk size of 2^64', () => after5(`10000000000000000\r\n${MESSAGE}\r\n0\r\n\r\n`) + hidden()],
  ['a chunk size of 2^64 and more, its low bits right', () => after5(`1000000000000${'0000'}${n.toString(16)}\r\n${MESSAGE}\r\n0\r\n\r\n`) + hidden()],
  ['an overlong chunk size', () => after5(`${'f'.repeat(40)}\r\n${MESSAGE}\r\n0\r\n\r\n`) + hidden()],
  ['a chunk size that is no number', () => after5(`zz\r\n${MESSAGE}\r\n0\r\n\r\n`) + hidden()],
  ['an empty chunk size', () => after5(`\r\n${MESSAGE}\r\n0\r\n\r\n`) + hidden()],
  ['a chunk with no CRLF behind it', () => after5(`${n.toString(16)}\r\n${MESSAGE}0\r\n\r\n`) + hidden()],
  ['a chunk size with a space before it', () => after5(` ${n.toString(16)}\r\n${MESSAGE}\r\n0\r\n\r\n`) + hidden()],
  ['a chunk size larger than the chunk', () => after5(`${(n + 2).toString(16)}\r\n${MESSAGE}\r\n0\r\n\r\n`) + hidden()],
  ['a chunk size smaller than the chunk', () => after5(`${(n - 1).toString(16)}\r\n${MESSAGE}\r\n0\r\n\r\n`) + hidden()],
];

async function nothingReached() {
  assert.equal((await sim.books()).started, 0, 'the provider was called');
}

describe('heads that could be read in two ways', { concurrency: 4 }, () => {
  for (const [name, statuses, bytes] of SHAPES)
    test(name, async () => {
      const { answers, closed, bytes: received } = await exchange(weir.url, bytes());
      assert.ok(answers.length <= 1, `${answers.length} answers: ${received.toString('latin1').slice(0, 600)}`);
      const status = answers[0]?.status ?? CLOSED;
      assert.ok(statuses.includes(status), `${status}: ${answers[0]?.text}`);
      assert.ok(closed, 'the connection stays open');
      await nothingReached();
    });
});

describe('chunks that could be read in two ways', { concurrency: 4 }, () => {
  for (const [name, bytes] of CHUNKS)
    test(name, async () => {
      const { answers, closed, bytes: received } = await exchange(weir.url, bytes());
      assert.ok(answers.length <= 1, received.toString('latin1').slice(0, 600));
      for (const answer of answers) assert.ok([400, 413].includes(answer.status), answer.text);
      assert.ok(closed, 'the connection stays open');
      await nothingReached();
    });
});

describe('DNS rebinding and foreign pages', { concurrency: 4 }, () => {
  const get = (lines, path) => `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
  const CASES = [
    ['a foreign Host', 421, ['Host: evil.example']],
    ['a foreign Host with our port', 421, ['Host: evil.example:8787']],
    ['a Host that begins like ours', 421, ['Host: localhost.evil.example']],
    ['a Host that ends like ours', 421, ['Host: evil-weir.example.com']],
    ['a foreign Origin', 403, ['Host: localhost', 'Origin: https://evil.example']],
    ['a foreign Origin by address', 403, ['Host: localhost', 'Origin: http://192.0.2.7']],
    ['an Origin of null', 403, ['Host: localhost', 'Origin: null']],
    ['two Origins', 403, ['Host: localhost', 'Origin: http://localhost', 'Origin: https://evil.example']],
  ];
  for (const [name, status, lines] of CASES) {
    test(`gateway: ${name}`, async () => {
      const { answers, closed } = await exchange(weir.url, get([...lines, `x-api-key: ${key}`], '/v1/models'));
      assert.equal(answers[0]?.status, status);
      assert.ok(closed, 'the connection stays open');
      await nothingReached();
    });
    test(`console: ${name}`, async () => {
      for (const path of ['/api/v1/report', '/metrics', '/healthz', '/']) {
        const { answers } = await exchange(weir.console, get(lines, path), { ms: 100 });
        assert.equal(answers[0]?.status, status, path);
      }
    });
  }
  for (const [name, lines] of [
    ['localhost', ['Host: localhost']],
    ['an address', ['Host: 127.0.0.1:1']],
    ['a name of hosts:', ['Host: WEIR.example.com:443']],
    ['an Origin of hosts:', ['Host: localhost', 'Origin: https://weir.example.com']],
    ['an Origin on loopback', ['Host: localhost', 'Origin: http://127.0.0.1:3000']],
  ])
    test(`both ports take ${name}`, async () => {
      const one = await exchange(weir.url, get([...lines, 'Connection: close'], '/api/hello'));
      assert.equal(one.answers[0]?.status, 200, one.answers[0]?.text);
      const two = await exchange(weir.console, get([...lines, 'Connection: close'], '/healthz'));
      assert.equal(two.answers[0]?.status, 200, two.answers[0]?.text);
    });
});

test('a call in order goes through after all of them', async () => {
  const { answers } = await exchange(weir.url, post('/v1/messages', key, MESSAGE, ['Connection: close']));
  assert.equal(answers[0]?.status, 200, answers[0]?.text);
  assert.equal((await sim.books()).started, 1);
});
