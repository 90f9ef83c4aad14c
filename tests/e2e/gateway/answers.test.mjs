// Answers of every shape that a provider may write on the wire, legal and not: bytes from a server of our own.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { MESSAGE, STREAM, dial, post, sleep, until } from '../lib/raw.mjs';
import { metric, rowOf } from '../lib/rows.mjs';

const BODY = JSON.stringify({
  id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-haiku-4-5', content: [{ type: 'text', text: 'hi' }],
  stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 5, output_tokens: 1 },
});
const EVENTS =
  'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[],"usage":{"input_tokens":5,"output_tokens":1}}}\n\n' +
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n' +
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}\n\n' +
  'event: message_stop\ndata: {"type":"message_stop"}\n\n';
const chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const JSON_TYPE = 'content-type: application/json\r\n';
const sized = (head, body = BODY) => `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const OK = `HTTP/1.1 200 OK\r\n${JSON_TYPE}`;
const SSE = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n';

// name, the provider's bytes (a list: written with pauses between), whether it closes then, what the client must get:
// a status with a body, or 'early' (an early end)
const CASES = [
  ['an answer with its size', [sized(OK)], false, [200, BODY]],
  ['in chunks', [`${OK}transfer-encoding: chunked\r\n\r\n${chunk(BODY.slice(0, 20))}${chunk(BODY.slice(20))}0\r\n\r\n`], false, [200, BODY]],
  ['in chunks of a byte, with extensions and a trailer', [`${OK}transfer-encoding: chunked\r\n\r\n${[...BODY].map((c) => `1;x=y\r\n${c}\r\n`).join('')}0\r\nx-trailer: 1\r\n\r\n`], false, [200, BODY]],
  ['ended by the close', [`${OK}\r\n${BODY}`], true, [200, BODY]],
  ['by HTTP/1.0', [`HTTP/1.0 200 OK\r\n${JSON_TYPE}\r\n${BODY}`], true, [200, BODY]],
  ['after 100 and 103', [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${sized(OK)}`], false, [200, BODY]],
  ['head byte by byte', [...sized(OK)].map(String), false, [200, BODY]],
  ['header lines ended by bare line feeds', [sized(OK).replaceAll('\r\n', '\n')], false, [200, BODY]],
  ['204 with no body', ['HTTP/1.1 204 No Content\r\n\r\n'], false, [204, '']],
  ['304', ['HTTP/1.1 304 Not Modified\r\netag: "x"\r\n\r\n'], false, [304, '']],
  ['a redirect, which is the client\'s to follow', [sized('HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\n', 'moved')], false, [307, 'moved']],
  ['an empty body', [sized(OK, '')], false, [200, '']],
  ['a type that is no JSON', [sized('HTTP/1.1 503 Busy\r\ncontent-type: text/html\r\n', '<h1>busy</h1>')], false, [503, '<h1>busy</h1>']],
  ['a stream in chunks', [`${SSE}transfer-encoding: chunked\r\n\r\n${chunk(EVENTS)}0\r\n\r\n`], false, [200, EVENTS]],
  ['a stream ended by the close', [`${SSE}\r\n`, EVENTS.slice(0, 99), EVENTS.slice(99)], true, [200, EVENTS]],
  ['a stream with its size', [sized(SSE, EVENTS)], false, [200, EVENTS]],
  ['a stream cut in the middle of a character', [`${SSE}\r\n`, EVENTS.replace('hi', 'h\u00e9').slice(0, 280), EVENTS.replace('hi', 'h\u00e9').slice(280)], true, [200, EVENTS.replace('hi', 'h\u00e9')]],
  ['bodies of two lengths, the later ignored', [`${OK}content-length: ${BODY.length}\r\ntransfer-encoding: chunked\r\n\r\n${chunk(BODY)}0\r\n\r\n`], true, [200, BODY]],
  ['two lengths that differ', [`${OK}content-length: ${BODY.length}\r\ncontent-length: 3\r\n\r\n${BODY}`], true, null],
  ['less than its length', [`${OK}content-length: 100000\r\n\r\n${BODY}`], true, 'early'],
  ['a stream that lost its last chunk', [`${SSE}transfer-encoding: chunked\r\n\r\n${chunk(EVENTS)}`], true, 'early'],
  ['a chunk size that is none', [`${OK}transfer-encoding: chunked\r\n\r\nzz\r\n${BODY}`], true, 'early'],
  ['a negative length', [`${OK}content-length: -5\r\n\r\n${BODY}`], true, null],
  ['no HTTP at all', ['SSH-2.0-OpenSSH_9.2\r\n'], true, 502],
  ['half a head', ['HTTP/1.1 200 OK\r\ncontent-ty'], true, 502],
  ['a head that never ends', [`HTTP/1.1 200 OK\r\n${'x-filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(20000)}`], true, 502],
  ['hundreds of headers', [sized(`${OK}${Array.from({ length: 300 }, (_, i) => `x-${i}: 1\r\n`).join('')}`)], false, null],
  ['control characters in a header', [sized(`${OK}x-odd: a\x01b\r\n`)], false, null],
  ['a head with NUL', [sized(`${OK}x-odd: a\0b\r\n`)], false, null],
  ['a status of its own', [sized(`HTTP/1.1 499 Odd\r\n${JSON_TYPE}`, '{"x":1}')], false, [499, '{"x":1}']],
  ['a status out of range', [sized('HTTP/1.1 999 Odd\r\n', '{}')], true, null],
  ['a status of 42', ['HTTP/1.1 042 Odd\r\n\r\n'], true, null],
  ['two answers where one was asked for', [sized(OK) + sized(OK)], false, [200, BODY]],
];

let sim, weir, key, server;
const sockets = new Set();

before(async () => {
  // One connection, one case: the path says which.
  server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    let asked = '';
    socket.on('data', async (piece) => {
      asked += piece.toString('latin1');
      const number = asked.match(/^x-case: (\d+)/m);
      if (!number || !asked.includes('"messages"') || !asked.endsWith('}')) return;
      asked = '';
      const [, writes, closes] = CASES[Number(number[1])];
      for (const bytes of writes) {
        if (socket.destroyed) return;
        socket.write(Buffer.from(bytes, /[^\0-\xff]/.test(bytes) ? 'utf8' : 'latin1'));
        if (writes.length > 1) await (writes.length > 20 ? new Promise(setImmediate) : sleep(15));
      }
      if (closes) socket.end();
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  sim = await startSim();
  weir = await startWeir({
    sim,
    keyed: true,
    extra: `  - {name: odd, api: anthropic, base_url: "http://127.0.0.1:${server.address().port}", credential: none, timeouts: {first_byte: 2s, idle: 2s}}\n`,
  });
  key = weir.firstKey;
});
after(async () => {
  await stopAll();
  for (const socket of sockets) socket.destroy();
  server.close();
});

describe('a provider answers with', { concurrency: 3 }, () => {
  CASES.forEach(([name, , , wanted], i) =>
    test(name, async () => {
      const stream = /stream/.test(name);
      const line = dial(weir.url);
      await line.write(post('/p/odd/v1/messages', key, stream ? STREAM : MESSAGE, [`x-case: ${i}`, `x-weir-task: c${i}`]));
      const [answer] = await line.answers(1, { ms: 6000 });
      const row = await rowOf(weir, `c${i}`, 6000);
      if (Array.isArray(wanted)) {
        assert.equal(answer.status, wanted[0], answer.text);
        assert.ok(answer.whole, 'an early end');
        assert.equal(answer.body.toString(/[^\0-\xff]/.test(wanted[1]) ? 'utf8' : 'latin1'), wanted[1]);
        if (wanted[1] === BODY || wanted[1] === EVENTS) assert.equal(row.usage_source, 'reported');
      } else if (wanted === 'early') {
        assert.ok(answer.status === 502 || !answer.whole || line.isClosed(), `${answer.status} ${answer.text}`);
        assert.equal(row.ending, 'provider_gone', JSON.stringify(row));
      } else if (wanted) {
        assert.equal(answer.status, wanted, answer.text);
        assert.ok(JSON.parse(answer.text).error.message.length > 20);
        assert.equal(row.ending, 'provider_gone');
      } else {
        // What becomes of it is for the libraries to say; the client gets an answer and the ledger a row.
        assert.ok(answer === undefined || answer.status >= 200);
      }
      if (row.status === 200 && row.usage_source === 'none') assert.fail(JSON.stringify(row));
      line.destroy();
    }),
  );
});

test('the gateway is as it was', async () => {
  await until(async () => (await metric(weir, 'calls_in_flight')) === 0, 'calls in flight');
  assert.equal(await metric(weir, 'journal_in_flight'), 0);
  assert.equal((await fetch(`${weir.url}/v1/messages`, { method: 'POST', body: MESSAGE, headers: { 'x-api-key': key } })).status, 200);
});
