// Too much at once, and stores that do not take what they are given.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { cleanEnvironment, scratch, startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { MESSAGE, STREAM, dial, post, sleep, until } from '../lib/raw.mjs';
import { metric, query, rows } from '../lib/rows.mjs';

const lockers = new Set();
after(async () => {
  for (const child of lockers) child.kill('SIGKILL');
  await stopAll();
});

const send = (weir, body, sim, headers = {}) =>
  fetch(`${weir.url}/v1/messages`, { method: 'POST', body, headers: { 'x-api-key': weir.firstKey, ...(sim && { 'x-sim': sim }), ...headers } });
const open = (weir, tag, sim, body = STREAM) => {
  const line = dial(weir.url);
  line.write(post('/v1/messages', weir.firstKey, body, [`x-sim: ${sim}`, `x-sim-call: ${tag}`, `x-weir-task: ${tag}`]));
  return line;
};

async function is503(answer, rule) {
  const text = await answer.text();
  assert.equal(answer.status, 503, text);
  assert.match(answer.headers.get('retry-after'), /^\d+$/);
  assert.ok(JSON.parse(text).error.message.length > 10, text);
  assert.equal(answer.headers.get('x-weir-refusal'), 'overload');
  assert.equal(answer.headers.get('x-should-retry'), 'false');
  if (rule) assert.match(text, rule);
}

describe('caps', { concurrency: 2 }, () => {
  test('limits.calls', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true, extra: 'limits: {calls: 4}\n' });
    const lines = Array.from({ length: 4 }, (_, i) => open(weir, `s${i}`, 'delay=60000'));
    await until(async () => (await sim.books()).started === 4, 'four calls');
    for (let i = 0; i < 3; i++) await is503(await send(weir, MESSAGE));
    assert.equal((await sim.books()).started, 4, 'something went through');
    for (const line of lines) line.destroy();
    await until(async () => (await metric(weir, 'calls_in_flight')) === 0, 'calls in flight');
    assert.equal((await send(weir, MESSAGE)).status, 200);
  });

  test('limits.bodies', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true, extra: 'limits: {bodies: 2MB, body: 1MB}\n' });
    const large = JSON.stringify({ ...JSON.parse(MESSAGE), messages: [{ role: 'user', content: 'b'.repeat(900000) }] });
    // Two bodies that are being sent hold their room; the third finds none.
    const lines = [0, 1].map(() => dial(weir.url));
    for (const line of lines) await line.write(post('/v1/messages', weir.firstKey, large).subarray(0, 800000));
    await until(async () => (await metric(weir, 'bodies_bytes')) > 1.7e6, 'bodies held');
    await is503(await send(weir, large));
    assert.equal((await sim.books()).started, 0);
    assert.ok((await metric(weir, 'bodies_bytes')) <= 2 << 20);
    for (const line of lines) line.destroy();
    await until(async () => (await metric(weir, 'bodies_bytes')) === 0, 'room again');
    assert.equal((await send(weir, large)).status, 200);
  });

  test('limits.connections', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true, extra: 'workers: 1\nlimits: {connections: 20}\n' });
    const lines = Array.from({ length: 60 }, () => dial(weir.url));
    await Promise.all(lines.map((line) => line.connected));
    await sleep(200);
    assert.ok((await metric(weir, 'connections_open')) <= 21);
    for (const line of lines) line.destroy();
    await until(async () => (await metric(weir, 'connections_open')) === 0, 'connections closed');
    assert.equal((await send(weir, MESSAGE)).status, 200);
  });
});

describe('a ledger that takes nothing', { concurrency: 2 }, () => {
  /** Locks a database by another process until release() is called. */
  async function locked(file) {
    const child = spawn('sqlite3', [file], { env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'inherit'] });
    lockers.add(child);
    let said = '';
    child.stdout.on('data', (piece) => (said += piece));
    child.stdin.write('.timeout 5000\nBEGIN EXCLUSIVE;\nSELECT \'locked\';\n');
    await until(() => said.includes('locked'), 'the lock');
    return async () => {
      child.stdin.end('ROLLBACK;\n');
      await new Promise((done) => child.once('exit', done));
    };
  }

  test('locked by another process: calls go on, the rows come later', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true });
    assert.equal((await send(weir, MESSAGE)).status, 200);
    await until(async () => (await rows(weir)).length === 1, 'the first row');
    const release = await locked(join(weir.folder, 'weir.db'));
    for (let i = 0; i < 30; i++) assert.equal((await send(weir, MESSAGE)).status, 200);
    assert.ok((await metric(weir, 'journal_settled')) > 0);
    await release();
    await until(async () => (await rows(weir)).length === 31, 'all rows', 15000);
    assert.equal((await sim.books()).started, 31);
  });

  test('locked until the journal is full: 503, nothing leaves that could not be booked', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true, extra: 'workers: 1\njournal: {slots: 64}\nlimits: {calls: 64}\n' });
    const release = await locked(join(weir.folder, 'weir.db'));
    const statuses = [];
    for (let i = 0; i < 80; i++) {
      const answer = await send(weir, MESSAGE);
      statuses.push(answer.status);
      if (answer.status !== 200) await is503(answer, /journal/);
      else await answer.text();
    }
    const through = statuses.filter((status) => status === 200).length;
    assert.ok(through <= 64 && through >= 48, `${through} went through`);
    assert.equal((await sim.books()).started, through);
    assert.ok((await metric(weir, 'journal_full_total')) >= 16);
    await until(async () => (await fetch(`${weir.console}/readyz`)).status === 503, 'readyz says so', 10000);
    await release();
    await until(async () => (await send(weir, MESSAGE)).status === 200, 'room again');
    await until(async () => (await rows(weir, "decision='admitted'")).length === through + 1, 'a row for each call');
  });

  test('locked for ever, killed, started again: the rows are there', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true });
    const release = await locked(join(weir.folder, 'weir.db'));
    for (let i = 0; i < 10; i++) assert.equal((await send(weir, MESSAGE)).status, 200);
    weir.child.kill('SIGKILL');
    await until(() => weir.child.signalCode, 'its end');
    await release();
    await weir.restart();
    await until(async () => (await rows(weir)).length === 10, 'all rows');
    for (const row of await rows(weir)) assert.equal(row.usage_source, 'reported');
  });

  test('no room on its disk: calls go on, nothing is lost', async (t) => {
    const folder = scratch();
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'pipe' });
    } catch (error) {
      t.skip(`no small disk to fill: ${String(error.stderr ?? error.message).trim()}`);
      return;
    }
    try {
      const sim = await startSim();
      const config = `listen: 127.0.0.1:0\nconsole: {listen: 127.0.0.1:0}\nstore: sqlite:${disk}/weir.db\njournal: {file: "${folder}/weir.journal", slots: 4096}\n` +
        `providers:\n  - {name: anthropic, api: anthropic, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL}\n`;
      const weir = await startWeir({ sim, config, keyed: true });
      assert.equal((await send(weir, MESSAGE)).status, 200);
      const filler = join(disk, 'filler');
      for (let size = 1 << 20, at = 0; size >= 1024; size = Math.floor(size / 2))
        try {
          writeFileSync(`${filler}${at++}`, Buffer.alloc(size));
        } catch {
          // so much is not left
        }
      const count = 600;
      for (let i = 0; i < count; i += 20) await Promise.all(Array.from({ length: 20 }, () => send(weir, MESSAGE).then((a) => assert.equal(a.status, 200))));
      await until(async () => (await metric(weir, 'ledger_failing')) === 1, 'the ledger says that it fails', 5000);
      assert.equal((await fetch(`${weir.console}/readyz`)).status, 503);
      assert.match(weir.output(), /disk|full/i);
      execFileSync('sh', ['-c', 'rm -f "$0"*', filler]);
      await until(async () => (await query(`${disk}/weir.db`, 'SELECT count(*) n FROM calls'))[0].n === count + 1, 'all rows', 20000);
      await until(async () => (await fetch(`${weir.console}/readyz`)).status === 200, 'ready again');
      assert.equal(await weir.stop(), 0);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });
});
