// Bytes on the wire, written and read as they are: for what no HTTP client would send.
import { connect } from 'node:net';

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until `probe` gives something true; throws with `what` after `ms`. */
export async function until(probe, what, ms = 5000) {
  const end = Date.now() + ms;
  for (;;) {
    const got = await probe();
    if (got) return got;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await sleep(20);
  }
}

/** The answers in `bytes` (a Buffer), one after the other: {status, head, headers, body, whole}. `heads`: HEAD was asked. */
export function parseAnswers(bytes, { heads = false } = {}) {
  const answers = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end < 0) break;
    const head = bytes.toString('latin1', at, end);
    const lines = head.split('\r\n');
    const status = Number(lines[0].split(' ')[1]);
    const headers = {};
    for (const line of lines.slice(1)) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    at = end + 4;
    let body = Buffer.alloc(0);
    let whole = true;
    if (heads || status < 200 || status === 204 || status === 304) {
      // no body
    } else if (/chunked/i.test(headers['transfer-encoding'] ?? '')) {
      const pieces = [];
      for (whole = false; ; ) {
        const line = bytes.indexOf('\r\n', at);
        if (line < 0) break;
        const size = parseInt(bytes.toString('latin1', at, line), 16);
        if (line + 2 + size + 2 > bytes.length) {
          pieces.push(bytes.subarray(line + 2, bytes.length));
          at = bytes.length;
          break;
        }
        pieces.push(bytes.subarray(line + 2, line + 2 + size));
        at = line + 2 + size + 2;
        if (size === 0) {
          whole = true;
          break;
        }
      }
      body = Buffer.concat(pieces);
    } else {
      const size = headers['content-length'] === undefined ? bytes.length - at : Number(headers['content-length']);
      body = bytes.subarray(at, at + size);
      whole = body.length === size;
      at += body.length;
    }
    if (status >= 200) answers.push({ status, head, headers, body, whole, text: body.toString() });
    else answers.push({ status, head, headers, body, whole: true, text: '' });
  }
  return answers;
}

/**
 * One connection: {write(bytes), end(), destroy(), received() → Buffer, closed → Promise, answers(n) → Promise, isClosed()}.
 * `paused`: nothing is read until resume() is called.
 */
export function dial(url, { paused = false, highWaterMark } = {}) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true, readableHighWaterMark: highWaterMark });
  const pieces = [];
  let length = 0;
  let closedWith = null;
  socket.setNoDelay(true);
  const closed = new Promise((done) => {
    const over = (why) => {
      closedWith ??= why;
      done(closedWith);
    };
    socket.on('end', () => over('end'));
    socket.on('error', (error) => over(error.code));
    socket.on('close', () => over('close'));
  });
  const listen = () =>
    socket.on('data', (piece) => {
      pieces.push(piece);
      length += piece.length;
    });
  if (paused) socket.pause();
  else listen();
  const received = () => Buffer.concat(pieces);
  return {
    socket,
    connected: new Promise((done, fail) => socket.once('connect', done).once('error', fail)),
    write: (bytes) =>
      new Promise((done) => {
        if (socket.destroyed || !socket.writable) return done(false);
        return socket.write(bytes, (error) => done(!error));
      }),
    end: () => socket.end(),
    destroy: () => socket.destroy(),
    reset: () => socket.resetAndDestroy(),
    resume: () => {
      listen();
      socket.resume();
    },
    received,
    receivedBytes: () => length,
    closed,
    isClosed: () => closedWith,
    /** Resolves when `n` whole answers are there, or the connection was closed. */
    answers: async (n = 1, { ms = 5000, heads = false } = {}) => {
      await until(
        () => closedWith || parseAnswers(received(), { heads }).filter((a) => a.whole && a.status >= 200).length >= n,
        `${n} answers`,
        ms,
      ).catch((error) => {
        throw new Error(`${error.message}; received: ${received().toString('latin1').slice(0, 2000)}`);
      });
      return parseAnswers(received(), { heads }).filter((a) => a.status >= 200);
    },
  };
}

/** Sends `bytes` on a connection of its own; {answers, bytes, closed: false | how}. Waits for the close up to `ms`. */
export async function exchange(url, bytes, { ms = 3000 } = {}) {
  const line = dial(url);
  for (const piece of Array.isArray(bytes) ? bytes : [bytes]) await line.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
  const closed = await Promise.race([line.closed, sleep(ms).then(() => false)]);
  const received = line.received();
  line.destroy();
  return { bytes: received, closed, answers: parseAnswers(received).filter((a) => a.status >= 200) };
}

export const MESSAGE = JSON.stringify({ model: 'claude-haiku-4-5', max_tokens: 64, messages: [{ role: 'user', content: 'hello' }] });
export const STREAM = JSON.stringify({ ...JSON.parse(MESSAGE), max_tokens: 4096, stream: true });

/** A request with its head written by us; headers is a list of lines. */
export function post(path, key, body, lines = [], { host = 'localhost', length = true, version = 'HTTP/1.1' } = {}) {
  const size = Buffer.byteLength(body);
  const head = [`POST ${path} ${version}`, `Host: ${host}`, `x-api-key: ${key}`, 'content-type: application/json', ...lines];
  if (length) head.push(`Content-Length: ${size}`);
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]);
}
