// The gateway's listener under TLS, with and without client certificates.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { scratch, startSim, startWeir, stopAll } from './lib/harness.mjs';

let folder, sim;

function certificate(name, subject) {
  const made = spawnSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${subject}`,
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`),
  ]);
  assert.equal(made.status, 0, String(made.stderr));
}

const config = (tls) => `listen: {address: "127.0.0.1:0", tls: ${tls}}
console: {listen: 127.0.0.1:0}
store: sqlite:${folder}/${Math.random().toString(36).slice(2)}.db
providers:
  - {name: anthropic, api: anthropic, base_url: "${sim.url}", credential: passthrough}
`;

const body = JSON.stringify({
  model: 'claude-haiku-4-5', max_tokens: 64, stream: true, messages: [{ role: 'user', content: 'hi' }],
});

function call(url, options = {}) {
  return new Promise((done, fail) => {
    const r = request(`${url}/v1/messages`, {
      method: 'POST', ca: readFileSync(join(folder, 'server.crt')), agent: false,
      headers: { 'x-api-key': 'd', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }, ...options,
    }, (answer) => {
      let text = '';
      answer.on('data', (piece) => (text += piece)).on('end', () => done({ status: answer.statusCode, text }));
    });
    r.on('error', fail).end(body);
  });
}

before(async () => {
  folder = scratch();
  certificate('server', 'localhost');
  certificate('client', 'an agent');
  certificate('stranger', 'a stranger');
  sim = await startSim();
});
after(stopAll);

test('a stream comes whole through a TLS listener and is booked', async () => {
  const weir = await startWeir({ sim, config: config(`{certificate: ${folder}/server.crt, key: ${folder}/server.key}`) });
  const { status, text } = await call(weir.url);
  assert.equal(status, 200);
  assert.match(text, /event: message_stop/);
  const [row] = await weir.ledgerOf(1);
  assert.equal(row.ending, 'complete');
  await weir.stop();
});

test('with client_ca only a certificate of that authority calls models', async () => {
  const weir = await startWeir({
    sim, config: config(`{certificate: ${folder}/server.crt, key: ${folder}/server.key, client_ca: ${folder}/client.crt}`),
  });
  const own = (name) => ({ cert: readFileSync(join(folder, `${name}.crt`)), key: readFileSync(join(folder, `${name}.key`)) });
  const before = (await sim.books()).calls;
  const none = await call(weir.url);
  assert.equal(none.status, 401);
  assert.match(none.text, /client certificate/);
  const stranger = await call(weir.url, own('stranger')).catch((error) => ({ status: error.code }));
  assert.notEqual(stranger.status, 200);
  assert.equal((await sim.books()).calls, before, 'nothing was forwarded');
  assert.equal((await call(weir.url, own('client'))).status, 200);
  await weir.stop();
});
