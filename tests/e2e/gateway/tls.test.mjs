// The gateway's own listener with TLS, and with client certificates.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { configFor, scratch, startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { MESSAGE, STREAM, dial, exchange, until } from '../lib/raw.mjs';
import { rowOf } from '../lib/rows.mjs';

let sim, plain, strict, folder;
const pem = (name) => readFileSync(join(folder, name));

function certificates() {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  for (const ca of ['ca', 'rogue']) openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${ca}.key`, '-out', `${ca}.pem`, '-days', '2', '-subj', `/CN=${ca}`);
  writeFileSync(join(folder, 'ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  for (const [name, ca] of [['server', 'ca'], ['client', 'ca'], ['stranger', 'rogue']]) {
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-out', `${name}.pem`, '-days', '2', '-extfile', 'ext');
  }
}

before(async () => {
  folder = scratch();
  certificates();
  sim = await startSim();
  const config = (name, more) =>
    configFor(sim, join(folder, name)).replace('listen: 127.0.0.1:0', `listen: {address: "127.0.0.1:0", tls: {certificate: ${folder}/server.pem, key: ${folder}/server.key${more}}}`).replace(/store: .*/, 'store: sqlite:weir.db');
  plain = await startWeir({ sim, keyed: true, config: config('plain', '') });
  strict = await startWeir({ sim, keyed: true, config: config('strict', `, client_ca: ${folder}/ca.pem`) });
});
after(stopAll);

function call(weir, { body = MESSAGE, headers = {}, ...options } = {}) {
  return new Promise((done, fail) => {
    const request = https.request(`${weir.url}/v1/messages`, { method: 'POST', agent: false, ca: pem('ca.pem'), headers: { 'x-api-key': weir.firstKey, 'content-length': body.length, ...headers }, ...options }, async (answer) => {
      const pieces = [];
      for await (const piece of answer) pieces.push(piece);
      done({ status: answer.statusCode, text: Buffer.concat(pieces).toString() });
    });
    request.on('error', fail);
    request.end(body);
  });
}

describe('TLS on the listener', () => {
  test('it says https', () => assert.match(plain.url, /^https:/));
  test('calls and streams', async () => {
    assert.equal((await call(plain)).status, 200);
    const got = await call(plain, { body: STREAM, headers: { 'x-sim': 'events=300;event_size=2000;seed=4', 'x-weir-task': 'tls' } });
    const direct = await (await fetch(`${sim.url}/v1/messages`, { method: 'POST', body: STREAM, headers: { 'x-api-key': 'k', 'x-sim': 'events=300;event_size=2000;seed=4' } })).text();
    assert.ok(got.text === direct, `${got.text.length} bytes of ${direct.length}`);
    assert.equal((await rowOf(plain, 'tls')).usage_source, 'reported');
  });
  test('a client that leaves', async () => {
    const socket = tls.connect({ port: Number(new URL(plain.url).port), host: '127.0.0.1', ca: pem('ca.pem'), servername: 'localhost' });
    await new Promise((done) => socket.once('secureConnect', done));
    socket.write(`POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: ${plain.firstKey}\r\nx-sim: delay=20000\r\nx-sim-call: left\r\nContent-Length: ${MESSAGE.length}\r\n\r\n${MESSAGE}`);
    const mine = async () => (await sim.calls()).find((c) => c.call === 'left');
    await until(mine, 'the call');
    socket.destroy();
    await until(async () => (await mine()).finished === 'client_gone', 'the provider is told', 1000);
  });
  test('plain HTTP to it, and garbage, get nothing through', async () => {
    const before = (await sim.books()).started;
    for (const bytes of [`POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`, Buffer.alloc(3000, 0x16)]) {
      const got = await exchange(plain.url.replace('https', 'http'), bytes, { ms: 300 });
      assert.deepEqual(got.answers, []);
    }
    assert.equal((await sim.books()).started, before);
    assert.equal((await call(plain)).status, 200);
  });
  test('handshakes that never end do not stop others', async () => {
    const idle = Array.from({ length: 20 }, () => dial(plain.url.replace('https', 'http')));
    await Promise.all(idle.map((line) => line.connected));
    assert.equal((await call(plain)).status, 200);
    for (const line of idle) line.destroy();
  });
});

describe('client certificates', () => {
  test('with one of the authority', async () => {
    const got = await call(strict, { cert: pem('client.pem'), key: pem('client.key') });
    assert.equal(got.status, 200, got.text);
  });
  for (const [name, options] of [['none', () => ({})], ["another authority's", () => ({ cert: pem('stranger.pem'), key: pem('stranger.key') })]])
    test(`with ${name}: refused`, async () => {
      const before = (await sim.books()).started;
      const got = await call(strict, options()).catch((error) => ({ error }));
      assert.ok(got.error || (got.status >= 400 && got.status < 500), got.text);
      assert.equal((await sim.books()).started, before);
    });
});
