// Clients that read slowly: the provider is slowed, memory stays capped, and in the end everything has arrived.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { WEIR, startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { MESSAGE, dial, parseAnswers, post, sleep, until } from '../lib/raw.mjs';
import { metric, rowOf } from '../lib/rows.mjs';

let sim, weir, key;

before(async () => {
  sim = await startSim();
  weir = await startWeir({ sim, keyed: true, extra: 'workers: 1\nlimits: {stream_buffer: 64KB}\n' });
  key = weir.firstKey;
  // A first call, so that what is made once is there before memory is measured.
  await fetch(`${weir.url}/v1/messages`, { method: 'POST', body: LARGE(true), headers: { 'x-api-key': key } }).then((a) => a.text());
});
after(stopAll);

/** Resident memory of a process, in bytes. */
const resident = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/)[1]) * 1024;
// Sanitizers keep freed memory back: their figures say nothing.
const peak = (pid) => /[at]san/.test(WEIR) ? 0 : Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmHWM:\s+(\d+) kB/)[1]) * 1024;

const LARGE = (stream) => JSON.stringify({ ...JSON.parse(MESSAGE), max_tokens: 20000000, stream });

async function direct(body, directives) {
  const answer = await fetch(`${sim.url}/v1/messages`, { method: 'POST', body, headers: { 'x-api-key': 'k', 'x-sim': directives } });
  return Buffer.from(await answer.arrayBuffer());
}

test('a client that reads nothing slows the provider, and then gets all of it', async () => {
  const directives = 'events=6000;event_size=4000;seed=9';
  const wanted = await direct(LARGE(true), directives);
  assert.ok(wanted.length > 20e6);
  const before = resident(weir.child.pid);
  const line = dial(weir.url, { paused: true });
  await line.write(post('/v1/messages', key, LARGE(true), [`x-sim: ${directives}`, 'x-sim-call: slow', 'x-weir-task: slow', 'Connection: close']));
  await until(async () => (await metric(weir, 'pauses_total')) > 0, 'the stream is not slowed');
  await sleep(500); // what the kernel's own buffers take
  const held = (await sim.calls()).find((c) => c.call === 'slow');
  assert.equal(held.finished, 'open', 'the provider could say all of it at once');
  assert.ok(peak(weir.child.pid) - before < 4e6, `${peak(weir.child.pid) - before} bytes more`);
  line.resume();
  await line.closed;
  const [answer] = parseAnswers(line.received());
  assert.ok(answer.whole && answer.body.equals(wanted), `${answer.body.length} bytes of ${wanted.length}`);
  const row = await rowOf(weir, 'slow');
  assert.equal(row.ending, 'complete');
  assert.equal(row.usage_source, 'reported');
  assert.equal(row.output_tokens, (await sim.calls()).find((c) => c.call === 'slow').reported.output_tokens);
  assert.ok(peak(weir.child.pid) - before < 6e6, `${peak(weir.child.pid) - before} bytes more`);
});

test('twenty of them at once, each with its own pace', async () => {
  const directives = 'events=400;event_size=4000;seed=10';
  const wanted = await direct(LARGE(true), directives);
  const before = resident(weir.child.pid);
  const lines = Array.from({ length: 20 }, (_, i) => {
    const line = dial(weir.url, { paused: true });
    line.write(post('/v1/messages', key, LARGE(true), [`x-sim: ${directives}`, `x-sim-call: pace${i}`, 'Connection: close']));
    return line;
  });
  await sleep(400);
  await Promise.all(lines.map(async (line, i) => {
    line.resume();
    for (let k = 0; k < i && !line.isClosed(); k++) {
      line.socket.pause();
      await sleep(10);
      line.socket.resume();
      await sleep(1);
    }
    await line.closed;
    const [answer] = parseAnswers(line.received());
    assert.ok(answer.whole && answer.body.equals(wanted), `${answer?.body.length} bytes of ${wanted.length}`);
  }));
  assert.ok(peak(weir.child.pid) - before < 20 * 400e3 + 6e6, `${peak(weir.child.pid) - before} bytes more`);
});

test('a slow client that leaves while its provider is held back', async () => {
  const pauses = await metric(weir, 'pauses_total');
  const line = dial(weir.url, { paused: true });
  await line.write(post('/v1/messages', key, LARGE(true), ['x-sim: events=6000;event_size=4000', 'x-sim-call: left', 'x-weir-task: left']));
  await until(async () => (await metric(weir, 'pauses_total')) > pauses, 'the stream is not slowed');
  line.destroy();
  const seen = await until(async () => { const c = (await sim.calls()).find((s) => s.call === 'left'); return c.finished !== 'open' && c; }, 'the provider saw nothing', 1500);
  assert.equal(seen.finished, 'client_gone');
  const row = await rowOf(weir, 'left');
  assert.equal(row.ending, 'client_gone');
  // What Weir had read is counted; what waited in the kernel's buffers it has never seen.
  assert.ok(row.output_tokens > 0 && row.cost_nanousd > 0, JSON.stringify(row));
});

test('a whole answer of 6 MB to a slow client', async () => {
  const directives = 'size=6000000;seed=11';
  const wanted = await direct(LARGE(false), directives);
  const line = dial(weir.url, { paused: true });
  await line.write(post('/v1/messages', key, LARGE(false), [`x-sim: ${directives}`, 'x-weir-task: whole', 'Connection: close']));
  await sleep(400);
  line.resume();
  await line.closed;
  const [answer] = parseAnswers(line.received());
  assert.ok(answer.whole && answer.body.equals(wanted), `${answer.body.length} bytes of ${wanted.length}`);
  assert.equal((await rowOf(weir, 'whole')).usage_source, 'reported');
});

test('nothing is left behind', async () => {
  await until(async () => (await metric(weir, 'calls_in_flight')) === 0, 'calls in flight');
  assert.equal(await metric(weir, 'bodies_bytes'), 0);
});

test('whole answers keep to the cap on bodies', async () => {
  const small = await startWeir({ sim, keyed: true, extra: 'workers: 1\nlimits: {bodies: 20MB, body: 1MB}\n' });
  const directives = 'size=12000000;seed=12';
  const wanted = await direct(LARGE(false), directives);
  const open = (i) => {
    const line = dial(small.url, { paused: true });
    line.write(post('/v1/messages', small.firstKey, LARGE(false), [`x-sim: ${directives}`, `x-weir-task: cap${i}`, 'Connection: close']));
    return line;
  };
  const lines = [open(0)];
  await until(async () => (await metric(small, 'bodies_bytes')) > 12e6, 'an answer is held');
  for (let i = 1; i < 6; i++) lines.push(open(i));
  await sleep(300);
  assert.ok((await metric(small, 'bodies_bytes')) <= 40 << 20); // the buffers that passed the cap included
  for (const line of lines) line.resume();
  for (const line of lines) {
    await line.closed;
    const [answer] = parseAnswers(line.received());
    assert.ok(answer.whole && answer.body.equals(wanted), `${answer.body.length} bytes of ${wanted.length}`);
  }
  const sources = [];
  for (let i = 0; i < lines.length; i++) {
    const row = await rowOf(small, `cap${i}`);
    assert.ok(row.output_tokens >= 3000000, `${row.output_tokens}`);
    sources.push(row.usage_source);
  }
  assert.ok(sources.includes('reported') && sources.includes('counted'), sources.join());
  await until(async () => (await metric(small, 'bodies_bytes')) === 0, 'bodies given back');
});
