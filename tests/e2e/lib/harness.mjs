// Starts the simulated provider and Weir for a test, each on a port of its own choosing, with everything they write in one
// scratch folder, and ends them by their process ids.
//
//   const sim  = await startSim();                       // {url, books(), calls(), stop()}
//   const weir = await startWeir({ sim });               // {url, console, key(), ledger(), run(…), stop()}
//   after(stopAll);
//
// WEIR_BIN and SIM_BIN name other builds of the two programs (build/asan/weir, say).
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
export const WEIR = process.env.WEIR_BIN ? resolve(ROOT, process.env.WEIR_BIN) : join(ROOT, 'build/weir');
export const SIM = process.env.SIM_BIN ? resolve(ROOT, process.env.SIM_BIN) : join(ROOT, 'build/weir-sim');
const READY_MS = Number(process.env.READY_MS ?? 15000);

const running = new Set();
const folders = new Set();

/** A scratch folder, removed by stopAll (kept with KEEP=1). */
export function scratch(prefix = 'weir-test-') {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  folders.add(folder);
  return folder;
}

/** An environment without what the machine's owner may have set for proxies, keys and agents. */
export function cleanEnvironment(extra = {}) {
  const env = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^(WEIR_|ANTHROPIC_|OPENAI_|GEMINI_|GOOGLE_|CLAUDE|CODEX_|AWS_|NODE_TEST_CONTEXT$)|_proxy$/i.test(name)) env[name] = value;
  }
  return { ...env, TZ: 'UTC', NO_COLOR: '1', ...extra };
}

/** A program built with sanitizers that complained fails the tests, whatever they asked. */
function tellSanitizer(name, output) {
  const at = output.search(/==\d+==ERROR: |: runtime error: |WARNING: ThreadSanitizer/);
  if (at < 0) return;
  process.stderr.write(`${name}: ${output.slice(at, at + 6000)}\n`);
  process.exitCode = 1;
}

/** Runs a program until a line of its output matches `ready`; resolves to {child, match, output()}. */
function start(name, argv, { env, cwd, ready }) {
  const child = spawn(argv[0], argv.slice(1), { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  const output = () => said.join('');
  running.add(child);
  return new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error(`${name} is not ready after ${READY_MS} ms:\n${output()}`)), READY_MS);
    const hear = (chunk) => {
      said.push(chunk.toString());
      const match = ready(output());
      if (match) {
        clearTimeout(late);
        done({ child, match, output });
      }
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', (error) => {
      running.delete(child);
      clearTimeout(late);
      fail(error);
    });
    child.on('close', () => tellSanitizer(name, output()));
    child.on('exit', (code, signal) => {
      running.delete(child);
      clearTimeout(late);
      fail(new Error(`${name} ended (${signal ?? code}):\n${output()}`));
    });
  });
}

/** Ends one process: SIGTERM, then SIGKILL after `graceMs`; resolves to its exit status or signal. */
export async function stopChild(child, signal = 'SIGTERM', graceMs = 10000) {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
  const ended = new Promise((done) => child.once('exit', (code, sig) => done(code ?? sig)));
  child.kill(signal);
  const hard = setTimeout(() => child.kill('SIGKILL'), graceMs);
  const how = await ended;
  clearTimeout(hard);
  return how;
}

export async function stopAll() {
  await Promise.all([...running].map((child) => stopChild(child, 'SIGTERM', 3000)));
  if (!process.env.KEEP) for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

async function json(url, init) {
  const answer = await fetch(url, init);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** The simulated provider. `args` are more of its options. */
export async function startSim({ args = [] } = {}) {
  const { child, match } = await start('weir-sim', [SIM, '--port', '0', ...args], {
    env: cleanEnvironment(),
    ready: (text) => text.match(/listening on (?:http:\/\/)?([\d.]+:\d+)/),
  });
  const url = `http://${match[1]}`;
  return {
    url,
    child,
    books: () => json(`${url}/sim/books`),
    calls: async () =>
      (await (await fetch(`${url}/sim/calls`)).text())
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    reset: () => fetch(`${url}/sim/reset`, { method: 'POST' }),
    stop: (signal) => stopChild(child, signal),
  };
}

/** The configuration that a test starts from: one provider for each dialect, all of them the simulated one. */
export function configFor(sim, folder, extra = '', provider = '') {
  return `listen: 127.0.0.1:0
console: {listen: 127.0.0.1:0}
store: sqlite:${folder}/weir.db
providers:
  - {name: anthropic, api: anthropic, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL${provider}}
  - {name: openai, api: openai, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL${provider}}
  - {name: gemini, api: gemini, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL${provider}}
${extra}`;
}

/**
 * Weir in front of `sim`; `config` replaces the usual file, `extra` is added to it, `provider` to each of its providers. A first key is made before it starts
 * (weir.key(), weir.firstKey): one made while it runs is known to it a moment later.
 */
export async function startWeir({ sim, config, extra, provider, env = {} }) {
  if (!existsSync(WEIR)) throw new Error(`${WEIR} is not there: make`);
  const folder = scratch();
  const file = join(folder, 'weir.yaml');
  const environment = cleanEnvironment({ SIM_CREDENTIAL: 'sk-simulated-credential', HOME: folder, XDG_DATA_HOME: folder, ...env });
  writeFileSync(file, config ?? configFor(sim, folder, extra, provider));

  /** Runs `weir ARGS --config FILE`; {status, stdout, stderr}. */
  const run = (...args) => {
    const done = spawnSync(WEIR, [args[0], '--config', file, ...args.slice(1)], {
      env: environment,
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    return { status: done.status, stdout: done.stdout, stderr: done.stderr };
  };
  const must = (...args) => {
    const done = run(...args);
    if (done.status !== 0) throw new Error(`weir ${args.join(' ')}: ${done.status}\n${done.stdout}${done.stderr}`);
    return done.stdout;
  };

  /** A new Weir key; a gateway that runs takes it up a moment later. */
  const newKey = (...args) => JSON.parse(must('key', 'create', '--json', '--user', 'ana@example.com', ...args)).key;
  const first = newKey();

  const serve = async () => {
    const { child, match, output } = await start('weir serve', [WEIR, 'serve', '--config', file], {
      env: environment,
      cwd: folder,
      ready: (text) => {
        const urls = [...text.matchAll(/^.*?(console)?[^\n]*?(https?:\/\/127\.0\.0\.1:\d+)/gm)];
        const gateway = urls.find((m) => !m[0].includes('console'));
        const consolePort = urls.find((m) => m[0].includes('console'));
        return gateway && consolePort && { url: gateway[2], console: consolePort[2] };
      },
    });
    for (let i = 0; ; i++) {
      const answer = await fetch(`${match.console}/readyz`).catch(() => null);
      if (answer?.ok) break;
      if (i === 200) throw new Error(`weir is not ready: ${answer?.status}\n${output()}`);
      await new Promise((done) => setTimeout(done, 25));
    }
    return { child, output, ...match };
  };

  const weir = {
    folder,
    file,
    run,
    must,
    /** ana's key, made before the gateway was started. */
    key: () => first,
    firstKey: first,
    newKey,
    environment,
    /** The ledger's rows, oldest first. */
    ledger: () =>
      must('export', 'ledger')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    /** The ledger once it has `count` rows: a call is there within a second of its end. */
    ledgerOf: async (count) => {
      for (let i = 0; ; i++) {
        const rows = weir.ledger();
        if (rows.length >= count || i === 40) return rows;
        await new Promise((done) => setTimeout(done, 50));
      }
    },
    configFile: file,
    config: () => readFileSync(file, 'utf8'),
    stop: (signal, graceMs) => stopChild(weir.child, signal, graceMs),
    restart: async () => Object.assign(weir, await serve()),
  };
  return Object.assign(weir, await serve());
}

/** Whether a row of the ledger is of a kind that costs something: listing models and counting tokens do not. */
export const spends = (row) => !/[.](count_tokens|models)$/.test(row.api);

const METERS = ['input_tokens', 'cache_read_tokens', 'cache_write_5m_tokens', 'cache_write_1h_tokens', 'output_tokens'];

/** The sums of the ledger's meters by api and model, in the shape of booksByModel. */
export function ledgerByModel(rows) {
  const sums = {};
  for (const row of rows) {
    if (row.decision === 'refused' || !spends(row)) continue;
    const sum = (sums[`${row.api} ${row.model_served ?? row.model_requested}`] ??= { calls: 0 });
    sum.calls++;
    for (const meter of METERS) sum[meter] = (sum[meter] ?? 0) + (row[meter] ?? 0);
  }
  return sums;
}

/** What the simulated provider reported to its client (or served, told or not), by api and model. Calls that cost nothing
 *  (counting tokens) are left out. */
export function booksByModel(books, side = 'reported') {
  const sums = {};
  for (const row of books.models) {
    if (/count_tokens/.test(row.api)) continue;
    const sum = (sums[`${row.api} ${row.model}`] ??= { calls: 0 });
    sum.calls += row.calls;
    for (const meter of METERS) sum[meter] = (sum[meter] ?? 0) + (row[side][meter] ?? 0);
  }
  return sums;
}
