// kill -9 of the gateway under load, again and again, and after each restart the two books side by side: the simulated
// provider's own (a file that it writes itself) and Weir's ledger. Every call that reached the provider must be in the ledger
// exactly once; what was reported must be equal meter by meter; what was counted or held must never be less than was served.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { SIM, cleanEnvironment, scratch, startSim, startWeir, stopChild } from './harness.mjs';
import { sleep, until } from './raw.mjs';
import { query } from './rows.mjs';

const METERS = ['input_tokens', 'cache_read_tokens', 'cache_write_5m_tokens', 'cache_write_1h_tokens', 'output_tokens'];
// The price of every provider of the test: USD for a million tokens, so 1000 times as many nano-dollars for one.
const INPUT = 1000;
const OUTPUT = 5000;

async function freePort() {
  const server = net.createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

function configOf(sim, folder, port, slots) {
  const provider = (api) =>
    `  - {name: ${api}, api: ${api}, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL, prices: {input: 1, output: 5, cache_read: 1, cache_write_5m: 1, cache_write_1h: 1}}\n`;
  return `listen: 127.0.0.1:${port}
console: {listen: 127.0.0.1:0}
store: sqlite:weir.db
journal: {slots: ${slots}}
providers:
${provider('anthropic')}${provider('openai')}${provider('gemini')}log: {level: warn}
`;
}

function load(url, key, api, connections, extra) {
  const argv = ['load', '--url', url, '--api', api, '--connections', String(connections), '--seconds', '3600', '--timeout', '20', '--keep-going',
    '--tag', api, '--header', `x-weir-task: ${api}-%d`, '--header', `x-api-key: ${key}`, ...extra];
  return spawn(SIM, argv, { env: cleanEnvironment(), stdio: 'ignore' });
}

/** The simulated provider's books: calls by tag. */
function provided(file) {
  const calls = new Map();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.endsWith('}')) continue;
    const entry = JSON.parse(line);
    const call = calls.get(entry.call) ?? { tag: entry.call, starts: 0 };
    if (entry.ev === 'start') call.starts++;
    else call.end = entry;
    calls.set(entry.call, call);
  }
  return calls;
}

const sumOf = (list, get) => Object.fromEntries(METERS.map((m) => [m, list.reduce((sum, x) => sum + (get(x)?.[m] ?? 0), 0)]));

function show(say, title, calls, sums) {
  say(`  ${title.padEnd(34)} ${String(calls).padStart(7)} ${METERS.slice(0, 2).concat('output_tokens').map((m) => String(sums[m]).padStart(11)).join(' ')}`);
}

/** Compares the books for the calls in `tags`; gives the figures that were printed. */
async function compare(say, when, weir, books, tags, before = Infinity) {
  // The ledger has all that the journal held when nothing more waits.
  const rows = await until(
    async () => {
      const all = await query(join(weir.folder, 'weir.db'), 'SELECT * FROM calls');
      const there = new Set(all.map((r) => r.task));
      return [...tags].every((tag) => there.has(tag)) && all;
    },
    'rows of all calls',
    15000,
  ).catch(async () => query(join(weir.folder, 'weir.db'), 'SELECT * FROM calls'));
  const byTask = Map.groupBy ? Map.groupBy(rows, (r) => r.task) : rows.reduce((m, r) => m.set(r.task, [...(m.get(r.task) ?? []), r]), new Map());
  const mine = [...tags].map((tag) => ({ call: books.get(tag), rows: byTask.get(tag) ?? [] }));
  const kinds = { reported: [], counted: [], hold: [] };
  for (const { call, rows: own } of mine) {
    assert.equal(own.length, 1, `${call.tag}: ${own.length} rows; the provider served it ${call.starts} times`);
    const [row] = own;
    assert.ok(kinds[row.usage_source], `${call.tag}: ${JSON.stringify(row)}`);
    kinds[row.usage_source].push({ row, call });
    const end = call.end;
    if (row.usage_source === 'reported')
      for (const meter of METERS)
        assert.equal(row[meter] ?? 0, end.reported[meter] ?? 0, `${call.tag} ${meter}: ${JSON.stringify({ row, end })}`);
    const served = end ? sumOf([end.served], (s) => s) : sumOf([], () => 0);
    const worth = (served.input_tokens + served.cache_read_tokens + served.cache_write_5m_tokens + served.cache_write_1h_tokens) * INPUT + served.output_tokens * OUTPUT;
    // The input of a cut call is an estimate when the provider had not told it yet; what was sent is counted to the last byte.
    if (row.usage_source !== 'counted') assert.ok(row.cost_nanousd >= worth, `${call.tag}: booked ${row.cost_nanousd}, served ${worth}: ${JSON.stringify({ row, end })}`);
    if (row.usage_source !== 'hold') assert.ok(row.output_tokens >= 0.7 * served.output_tokens, `${call.tag}: ${JSON.stringify({ row, end })}`);
  }
  say(`${when}`);
  say(`  ${''.padEnd(34)} ${'calls'.padStart(7)} ${['input', 'cache read', 'output'].map((m) => m.padStart(11)).join(' ')}`);
  show(say, 'provider: served', mine.length, sumOf(mine, (m) => m.call.end?.served));
  for (const [kind, list] of Object.entries(kinds)) {
    show(say, `provider: of these Weir says ${kind}`, list.length, sumOf(list, (m) => (kind === 'reported' ? m.call.end?.reported : m.call.end?.served)));
    show(say, `ledger: ${kind}`, list.length, sumOf(list, (m) => m.row));
  }
  const costs = mine.reduce((sum, m) => sum + m.rows[0].cost_nanousd, 0);
  const extra = rows.filter((r) => r.decision === 'admitted' && !books.has(r.task) && r.time_ms < before);
  say(`  ledger: ${rows.length} rows in all, ${(costs / 1e9).toFixed(6)} USD for these; ${extra.length} rows of calls given to a connection and never seen by the provider`);
  const doubles = rows.length - new Set(rows.map((r) => r.id)).size;
  assert.equal(doubles, 0, 'one id twice');
  for (const row of extra) assert.notEqual(row.usage_source, 'reported', JSON.stringify(row));
  return { calls: mine.length, hold: kinds.hold.length, counted: kinds.counted.length, reported: kinds.reported.length };
}

/** The whole test: `kills` times, at random moments, with about `streams` calls under way. */
export async function killAgainAndAgain({ kills, streams, minMs = 300, maxMs = 2000, slots = 16384, say = console.log, random = Math.random }) {
  const folder = scratch();
  const file = join(folder, 'books.jsonl');
  const sim = await startSim({ args: ['--books', file] });
  const port = await freePort();
  const weir = await startWeir({ sim, keyed: true, config: configOf(sim, folder, port, slots) });
  const part = (share) => Math.max(1, Math.round(streams * share));
  // No hidden reasoning: what a provider thinks without a byte of it on the wire can be counted by nobody when a call is cut.
  const slow = (events) => ['--stream', '--sim', `events=${events};rate=20;reasoning=0`, '--ramp', '0.2'];
  const loads = [
    load(weir.url, weir.firstKey, 'anthropic', part(0.5), slow(40)),
    load(weir.url, weir.firstKey, 'chat', part(0.2), slow(8)),
    load(weir.url, weir.firstKey, 'responses', part(0.1), slow(15)),
    load(weir.url, weir.firstKey, 'gemini', part(0.1), slow(12)),
    load(weir.url, weir.firstKey, 'embeddings', part(0.1), ['--sim', 'delay=100']),
  ];
  const figures = { hold: 0 };
  try {
    for (let i = 1; i <= kills; i++) {
      await sleep(minMs + random() * (maxMs - minMs));
      const killed = Date.now();
      weir.child.kill('SIGKILL');
      await until(() => weir.child.signalCode, 'the end');
      await sleep(150); // the provider sees its clients gone
      const books = provided(file);
      const tags = new Set([...books.values()].filter((c) => c.end).map((c) => c.tag));
      for (const call of books.values()) assert.ok(call.end, `${call.tag} is still open at the provider`);
      const since = Date.now();
      await weir.restart();
      const ready = Date.now() - since;
      const got = await compare(say, `kill ${i}, ready again after ${ready} ms`, weir, books, tags, killed);
      figures.hold = Math.max(figures.hold, got.hold);
    }
    await sleep(500);
    // What is under way ends; nobody leaves before the end.
    assert.equal(await weir.stop('SIGTERM', 40000), 0, weir.output());
  } finally {
    await Promise.all(loads.map((child) => stopChild(child, 'SIGKILL')));
  }
  await sleep(300);
  const books = provided(file);
  const got = await compare(say, 'at the end, after SIGTERM', weir, books, new Set(books.keys()));
  await sim.stop();
  assert.ok(figures.hold > 0, 'no call was under way when the gateway was killed: nothing was tested');
  return got;
}
