// `weir demo`: the report, the two books, and nothing left behind, however it ends.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { WEIR, cleanEnvironment, scratch, stopAll, stopChild } from './lib/harness.mjs';
import { until } from './lib/raw.mjs';

after(stopAll);

const folder = scratch('weir-demo-test-');
const environment = (extra = {}) => cleanEnvironment({ TMPDIR: folder, HOME: folder, ...extra });
const demo = (...args) => spawnSync(WEIR, ['demo', ...args], { env: environment(), encoding: 'utf8', timeout: 60000 });
const left = () => readdirSync(folder).filter((name) => name.startsWith('weir-demo-'));
const alive = (pid) => existsSync(`/proc/${pid}`);

test('as JSON: both books have the same calls and tokens, and every kind of call is in it', () => {
  const { status, stdout, stderr } = demo('--once', '--json', '--people', '8', '--minutes', '20');
  assert.equal(status, 0, stderr);
  const said = JSON.parse(stdout);
  assert.equal(said.simulated, true);
  assert.deepEqual(said.books.ledger, said.books.provider);
  assert.equal(said.books.agree, true);
  assert.equal(said.books.ledger.calls, said.team.ok + said.team.left);
  assert.equal(said.books.ledger.complete, said.team.ok);
  assert.ok(said.books.ledger.calls > 100);
  for (const meter of ['input_tokens', 'cache_read_tokens', 'cache_write_5m_tokens', 'output_tokens', 'reasoning_tokens'])
    assert.ok(said.books.ledger[meter] > 0, meter);
  for (const kind of ['left', 'refused', 'subagents', 'ci']) assert.ok(said.kinds[kind] > 0, kind);
  assert.deepEqual(said.reports.map((r) => r.by), [['team', 'user', 'agent'], ['model'], ['repo']]);
  for (const report of said.reports) assert.equal(report.total.calls, said.books.ledger.calls);
  const agents = new Set(said.reports[0].rows.map((row) => row.agent));
  for (const agent of ['claude-code', 'codex', 'gemini-cli', 'opencode']) assert.ok(agents.has(agent), agent);
  assert.deepEqual(left(), []);
});

test('as text it says that it is simulated, and ends where no terminal is', () => {
  const { status, stdout } = demo('--people', '1', '--minutes', '5');
  assert.equal(status, 0);
  for (const words of [/Everything in it is simulated/, /no money was spent/, /Two books agree/, /Spend by team, user and agent/])
    assert.match(stdout, words);
  assert.deepEqual(left(), []);
});

test('it stays when asked, its gateway comes back after a kill, and SIGTERM leaves nothing', async () => {
  const child = spawn(WEIR, ['demo', '--stay', '--people', '2', '--minutes', '5'], { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  try {
    const [, console_] = await until(() => said.match(/The console: (http:\/\/\S+)/), 'the console', 30000);
    const [, pid] = await until(() => said.match(/kill -9 (\d+)/), 'the gateway', 5000);
    assert.equal((await (await fetch(`${console_}/api/v1/me`)).json()).simulated, true);
    process.kill(Number(pid), 'SIGKILL');
    const [, again, before, now] = await until(() => said.match(/as process (\d+): (\d+) calls were in its ledger, (\d+) are/), 'the gateway again', 15000);
    assert.equal(now, before);
    assert.equal((await fetch(`${console_}/readyz`)).status, 200);
    assert.equal(left().length, 1);
    assert.equal(await stopChild(child), 0);
    assert.deepEqual(left(), []);
    await until(() => !alive(again), 'the end of the gateway', 2000);
  } finally {
    await stopChild(child);
  }
});

test('its programs end with it when it is killed', async () => {
  const child = spawn(WEIR, ['demo', '--stay', '--people', '1', '--minutes', '5'], { env: environment(), stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  const [, pid] = await until(() => said.match(/kill -9 (\d+)/), 'the gateway', 30000);
  await stopChild(child, 'SIGKILL');
  await until(() => !alive(pid), 'the end of the gateway', 5000);
});

test('without weir-sim it says where it looked and what to do', () => {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  copyFileSync(WEIR, join(bin, 'weir'));
  const { status, stderr } = spawnSync(join(bin, 'weir'), ['demo'], { env: environment({ PATH: '/usr/bin' }), encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /weir-sim.*PATH.*make/s);
});

test('options that make no sense', () => {
  for (const args of [['--people', '0'], ['--people', 'many'], ['--minutes', '481'], ['--once', '--stay'], ['now']]) assert.equal(demo(...args).status, 2, args.join(' '));
});
