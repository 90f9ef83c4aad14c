// An hour's calls (100 a second) run fast: memory and descriptors stay flat. CALLS=36000 for a shorter one.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { SIM, cleanEnvironment, startSim, startWeir, stopAll } from '../e2e/lib/harness.mjs';
import { until } from '../e2e/lib/raw.mjs';
import { metric, query } from '../e2e/lib/rows.mjs';

after(stopAll);

const CALLS = Number(process.env.CALLS ?? 360000);
const ROUNDS = 24;
const run = promisify(execFile);

const residentKb = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/)[1]);
const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;

// What each round is made of: share of the calls, and the load's options.
const MIX = [
  [0.46, ['--api', 'anthropic', '--connections', '16', '--body-size', '4000']],
  [0.2, ['--api', 'chat', '--connections', '8', '--stream', '--sim', 'events=10']],
  [0.1, ['--api', 'responses', '--connections', '4', '--stream', '--sim', 'events=10']],
  [0.1, ['--api', 'gemini', '--connections', '4', '--sim', 'fault=429']],
  [0.05, ['--api', 'anthropic', '--connections', '4', '--stream', '--fresh', '--body-size', '200000', '--sim', 'events=20']],
  [0.05, ['--api', 'anthropic', '--connections', '4', '--stream', '--sim', 'fault=cut;at=3']],
  [0.02, ['--api', 'anthropic', '--connections', '4', '--model', 'claude-unheard-of']],
  [0.02, ['--api', 'embeddings', '--connections', '4', '--header', 'x-api-key: wk_unknown00000000000000000000000']],
];

test(`${CALLS} calls`, { timeout: 3600e3 }, async () => {
  const sim = await startSim({ args: ['--threads', '1'] });
  const weir = await startWeir({ sim, keyed: true, provider: ', throttled: pass', extra: 'log: {level: warn}\n' });
  const { pid } = weir.child;
  const samples = [];
  let made = 0;
  const since = Date.now();
  console.log(`${'calls'.padStart(9)} ${'seconds'.padStart(8)} ${'resident KB'.padStart(12)} ${'descriptors'.padStart(12)} ${'journal'.padStart(8)} ${'ledger MB'.padStart(10)}`);
  for (let round = 0; round <= ROUNDS; round++) {
    if (round > 0)
      for (const [share, options] of MIX) {
        const count = Math.round((CALLS / ROUNDS) * share);
        // A load's own x-api-key comes after the first.
        const key = options.includes('embeddings') ? [] : ['--header', `x-api-key: ${weir.firstKey}`];
        const { stdout } = await run(SIM, ['load', '--url', weir.url, '--requests', String(count), '--ramp', '0', ...key, ...options], { env: cleanEnvironment() }).catch((error) => error);
        const result = JSON.parse(stdout);
        assert.equal(result.timeouts, 0, stdout);
        made += result.sent;
      }
    await until(async () => (await metric(weir, 'journal_settled')) === 0, 'the ledger keeps up', 30000);
    const sample = { calls: made, seconds: (Date.now() - since) / 1000, resident: residentKb(pid), descriptors: descriptors(pid), journal: await metric(weir, 'journal_in_flight') };
    samples.push(sample);
    console.log(`${String(made).padStart(9)} ${sample.seconds.toFixed(1).padStart(8)} ${String(sample.resident).padStart(12)} ${String(sample.descriptors).padStart(12)} ${String(sample.journal).padStart(8)} ${(statSync(join(weir.folder, 'weir.db')).size / 1e6).toFixed(1).padStart(10)}`);
  }
  const [{ n }] = await query(join(weir.folder, 'weir.db'), 'SELECT count(*) n FROM calls');
  console.log(`${n} rows in the ledger for ${made} calls`);
  assert.equal(n, made);
  // Flat: the last third is no higher than the second, but for what the allocator's arenas move.
  const part = (from, to) => samples.slice(Math.round(samples.length * from), Math.round(samples.length * to));
  const most = (list, what) => Math.max(...list.map((s) => s[what]));
  assert.ok(most(part(0.66, 1), 'resident') <= most(part(0.33, 0.66), 'resident') * 1.05 + 1024, 'memory grows');
  assert.ok(most(part(0.66, 1), 'descriptors') <= most(part(0.33, 0.66), 'descriptors') + 4, 'descriptors grow');
  assert.equal(samples.at(-1).journal, 0);
  assert.equal(await weir.stop(), 0, weir.output());
});
