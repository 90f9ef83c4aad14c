// Recorded traffic through the gateway: every recorded call of every provider comes out byte for byte, with the wire's own usage
// in the ledger, at what an independent library prices it, and its request reached the provider byte for byte, but for what
// docs/wire.md lists. Ends with a table: provider, API, pairs, exact, priced, disagreements.
//
// The pairs are tests/wire/pairs-sample.jsonl (SOURCES.md), or all of them when WEIR_DATA names the folder that holds
// http/open/pairs.jsonl. They were priced as of 2026-06-01, so the gateway's clock stands there (shift-clock.c).
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT, scratch, startSim, startWeir, stopAll } from '../e2e/lib/harness.mjs';
import { clockAt } from './clock.mjs';
import { KNOWN } from './disagreements.mjs';
import { told, usageFault } from './usage.mjs';

const FULL = process.env.WEIR_DATA ? join(process.env.WEIR_DATA, 'http/open/pairs.jsonl') : null;
const SAMPLE = join(ROOT, 'tests/wire/pairs-sample.jsonl');
const PRICED_AT = Date.parse('2026-06-01T12:00:00Z');
const DIALECTS = { anthropic: 'anthropic', azure: 'azure', bedrock: 'bedrock', cohere: 'cohere', gemini: 'gemini', ollama: 'ollama', vertex: 'vertex' };
const ROUNDING = 5; // nano-dollars: each meter is rounded here, their sum there

/** The path of a recorded URL, without what the recording's owner put in place of names. */
function pathOf(pair) {
  const whole = pair.path ?? pair.url;
  const path = whole.startsWith('<') ? `/v1/${whole.replace(/^[^/]*\//, '')}` : whole.replace(/^[a-z]+:\/\/[^/]*/, '');
  return path.replace(/^\/\//, '/').replaceAll(/<([A-Z_]+)>/g, '$1').replace(/#.*/, '');
}

const bodyOf = (side) => (side.body_b64 ? Buffer.from(side.body_b64, 'base64') : Buffer.from(side.body ?? ''));

/** Calls that spend, each with what it takes to replay it. */
function load() {
  return readFileSync(FULL ?? SAMPLE, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .filter((pair) => (pair.method ?? 'POST') === 'POST' && pair.status >= 200)
    .map((pair) => ({ ...pair, path: pathOf(pair), sent: bodyOf(pair.request), answer: bodyOf(pair.response) }))
    .filter((pair) => pair.answer.length && isObject(pair.sent));
}

function isObject(bytes) {
  try {
    const value = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function typeOf(pair) {
  const headers = Object.fromEntries(Object.entries(pair.response.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  const said = [headers['content-type']].flat()[0];
  if (/vnd.amazon.eventstream|ndjson|event-stream/.test(said ?? '')) return said;
  if (/^\s*(data|event|id|:)/.test(pair.answer.toString('latin1', 0, 200))) return 'text/event-stream';
  if (pair.provider === 'bedrock' && pair.stream && pair.response.body_b64) return 'application/vnd.amazon.eventstream';
  if (pair.api.startsWith('ollama') && pair.stream) return 'application/x-ndjson';
  return said ?? 'application/json';
}

/** Bedrock counts in headers too. */
function headersOf(pair) {
  const counts = Object.entries(pair.response.headers ?? {}).filter(([name]) => /^x-amzn-bedrock-.*-count$/i.test(name));
  return { ...Object.fromEntries(counts.map(([name, value]) => [name, String([value].flat()[0])])), 'content-type': typeOf(pair) };
}

/** The last usage of the pair: the recording's own reading of it, or what an event of an interaction has. */
function lastUsage(pair) {
  const known = pair.usage_last ?? pair.invocationMetrics;
  if (known || !/interactions/.test(pair.path)) return known;
  const events = pair.answer.toString().split('\n').filter((line) => /^data: *\{/.test(line)).map((line) => JSON.parse(line.slice(5)));
  return events.map((event) => event.interaction?.usage).filter(Boolean).pop();
}

const pairs = load();
const providers = [...new Set(pairs.map((pair) => pair.provider))];

/** The request as docs/wire.md says it may arrive: as it was, or with usage asked for in a stream of chat or completions. */
function arrivedWell(pair, bytes) {
  if (bytes.equals(pair.sent)) return true;
  if (!/completions$/.test(pair.path.split('?')[0]) || pair.provider === 'mistral' || pair.provider === 'perplexity') return false;
  const [sent, got] = [pair.sent, bytes].map((body) => JSON.parse(body.toString()));
  if (got.stream_options?.include_usage !== true || sent.stream_options?.include_usage === true) return false;
  got.stream_options = sent.stream_options;
  if (got.stream_options === undefined) delete got.stream_options;
  assert.deepEqual(got, sent);
  return bytes.length - pair.sent.length < 60;
}

const metered = (row) => row.api !== 'unmetered' && !/[.](count_tokens|models)$/.test(row.api);

/** Whether the answer is the recorded one, or where usage was asked for on behalf of a client that did not, that without what
 *  docs/wire.md says is taken out. */
function cameWell(pair, bytes) {
  if (bytes.equals(pair.answer)) return true;
  if (!/completions$/.test(pair.path.split('?')[0]) || JSON.parse(pair.sent.toString()).stream_options?.include_usage) return false;
  const chunks = (body) => body.toString().split(/\n\n|\r\n\r\n/).filter(Boolean).map((event) => event.replace(/,\s*"usage":\s*null/, ''));
  const extra = (event) => /"choices":\s*\[\]/.test(event) && /"usage":\s*\{/.test(event);
  assert.deepEqual(chunks(bytes), chunks(pair.answer).filter((event) => !extra(event)));
  return true;
}

/** What is wrong with a pair's row; null when nothing is. */
/** A cache that is kept is paid by its tokens and the time that its answer says. */
function cacheFault(pair, row) {
  const { usageMetadata, createTime, expireTime } = JSON.parse(pair.answer.toString());
  const hours = Math.ceil((usageMetadata.totalTokenCount * (Date.parse(expireTime) - Date.parse(createTime))) / 3600000);
  if (row.context_tokens !== usageMetadata.totalTokenCount) return `context_tokens ${row.context_tokens}`;
  return row.cache_storage_token_hours === hours ? null : `cache_storage_token_hours ${row.cache_storage_token_hours}, not ${hours}`;
}

function rowFault(pair, row) {
  if (!row) return 'no row';
  if (row.status !== pair.status) return `status ${row.status}`;
  if (row.api === 'gemini.caches' && row.status === 200) return cacheFault(pair, row);
  const usage = pair.status === 200 && metered(row) ? told(lastUsage(pair), row.api) : null;
  if (usage) return usageFault(row, usage);
  return row.usage_source === 'reported' && row.api !== 'bedrock.invoke' ? 'nothing was reported' : null;
}

/** Whether the library's price is the row's: null when it has none. */
function priceFault(pair, row) {
  const oracle = pair.oracle_genai_prices;
  if (typeof oracle?.total_price !== 'number' || !row || !metered(row)) return null;
  const want = Math.round(oracle.total_price * 1e9);
  if (row.price_id?.startsWith('fallback')) return `unpriced, the library says ${want}`;
  return Math.abs(row.cost_nanousd - want) <= ROUNDING ? '' : `${row.cost_nanousd} by ${row.price_id}, the library says ${want}`;
}

const reasonFor = (pair, row) => KNOWN.find((known) => (known.provider ?? pair.provider) === pair.provider && known.when(pair, row));

/** One row for each provider and API. */
function tableOf(rows) {
  const lines = new Map();
  for (const pair of pairs) {
    const row = rows.get(pair.id);
    const key = `${pair.provider.padEnd(17)} ${(row?.api ?? '(refused)').padEnd(20)}`;
    const line = lines.get(key) ?? { pairs: 0, told: 0, exact: 0, oracle: 0, priced: 0, reasons: 0 };
    lines.set(key, line);
    const price = priceFault(pair, row);
    line.pairs++;
    line.told += row && metered(row) && pair.status === 200 && told(lastUsage(pair), row.api) ? 1 : 0;
    line.exact += rowFault(pair, row) === null ? 1 : 0;
    line.oracle += price === null ? 0 : 1;
    line.priced += price === '' ? 1 : 0;
    line.reasons += price ? 1 : 0;
  }
  const head = `${'provider'.padEnd(17)} ${'API'.padEnd(20)}  pairs  with usage  exact  priced there  priced alike  disagreements`;
  const cells = [...lines].sort().map(([key, l]) =>
    `${key} ${String(l.pairs).padStart(6)} ${String(l.told).padStart(11)} ${String(l.exact).padStart(6)} ${String(l.oracle).padStart(13)} ${String(l.priced).padStart(13)} ${String(l.reasons).padStart(14)}`);
  const all = [...lines.values()].reduce((a, b) => Object.fromEntries(Object.keys(a).map((k) => [k, a[k] + b[k]])));
  cells.push(`${'all'.padEnd(38)} ${String(all.pairs).padStart(6)} ${String(all.told).padStart(11)} ${String(all.exact).padStart(6)} ${String(all.oracle).padStart(13)} ${String(all.priced).padStart(13)} ${String(all.reasons).padStart(14)}`);
  return [head, ...cells].join('\n');
}

/** Why the library's price is not the row's, and for how many pairs. */
function reasonsOf(calls, rows) {
  const counts = new Map(KNOWN.map((known) => [known.why, 0]));
  for (const pair of calls.filter((one) => priceFault(one, rows.get(one.id)))) {
    const why = reasonFor(pair, rows.get(pair.id))?.why ?? 'not explained';
    counts.set(why, (counts.get(why) ?? 0) + 1);
  }
  return ['disagreements, and why:', ...[...counts].filter(([, n]) => n).map(([why, n]) => `${String(n).padStart(5)}  ${why}`)].join('\n');
}

const configOf = (sim, folder) => `listen: 127.0.0.1:0
console: {listen: 127.0.0.1:0}
store: sqlite:${folder}/weir.db
unmetered: allow
prices: {unknown: {input: 1.00, output: 2.00, web_searches: 10.00, hosted_tool_calls: 10.00}}
providers:
${providers.map((name) => `  - {name: ${name}, api: ${DIALECTS[name] ?? 'openai'}, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL}`).join('\n')}
`;

/** All pairs, with the provider's streams cut into an event a chunk, or into chunks of so many bytes, through whatever they hold. */
function replayAll(chunk, tell) {
  let sim, weir, requests;

  before(async () => {
    const folder = scratch();
    const file = join(folder, 'pairs.jsonl');
    requests = join(folder, 'requests.jsonl');
    const lines = pairs.map((pair) =>
      JSON.stringify({
        id: pair.id,
        method: 'POST',
        url: `https://recorded.example${pair.path}`,
        status: pair.status,
        stream: /event-stream|eventstream|ndjson/.test(typeOf(pair)),
        model: pair.model,
        request: {},
        response: { headers: headersOf(pair), body_b64: pair.answer.toString('base64') },
      }));
    writeFileSync(file, `${lines.join('\n')}\n`);
    sim = await startSim({ args: ['--replay', file, '--requests', requests, ...(chunk ? ['--replay-chunk', String(chunk)] : [])] });
    weir = await startWeir({ sim, config: configOf(sim, folder), env: clockAt(PRICED_AT, folder) });
  });

  for (const pair of pairs) {
    test(`${pair.id} ${pair.provider} ${pair.api} ${pair.status}: byte for byte`, async () => {
      const answer = await fetch(`${weir.url}/p/${pair.provider}${pair.path}`, {
        method: 'POST',
        body: pair.sent,
        headers: {
          'content-type': 'application/json',
          'x-sim-pair': pair.id,
          'x-weir-task': pair.id,
          ...(pair.api === 'messages' && { 'anthropic-version': '2023-06-01' }),
          'x-weir-key': weir.key(),
        },
      });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (refusedForGood(pair, answer)) return;
      assert.equal(answer.headers.get('x-weir-refusal'), null, bytes.toString().slice(0, 300));
      assert.equal(answer.status, pair.status);
      assert.ok(cameWell(pair, bytes), `${bytes.length} bytes, recorded ${pair.answer.length}`);
    });
  }

  test('every request reached the provider as it was sent', () => {
    const arrived = new Map();
    for (const line of readFileSync(requests, 'utf8').split('\n').filter(Boolean)) {
      const request = JSON.parse(line);
      const id = request.headers.find(([name]) => name.toLowerCase() === 'x-sim-pair')?.[1];
      arrived.set(id, { ...request, bytes: request.body !== undefined ? Buffer.from(request.body) : Buffer.from(request.body_b64, 'base64') });
    }
    for (const pair of pairs) {
      const request = arrived.get(pair.id);
      if (!request && pair.refused) continue;
      assert.ok(request, `${pair.id} arrived`);
      assert.equal(request.target, pair.path, pair.id);
      assert.ok(arrivedWell(pair, request.bytes), `${pair.id}: ${request.bytes.toString().slice(0, 200)}`);
    }
  });

  test("the ledger has the wire's own usage, at the library's price", async () => {
    const rows = new Map((await weir.ledgerOf(pairs.length)).map((row) => [row.task, row]));
    const calls = pairs.filter((pair) => !pair.refused);
    const faults = calls.map((pair) => [pair, rowFault(pair, rows.get(pair.id))]).filter(([, fault]) => fault);
    const prices = calls.map((pair) => [pair, priceFault(pair, rows.get(pair.id))]).filter(([pair, fault]) => fault && !reasonFor(pair, rows.get(pair.id)));
    if (tell) console.log(`${tableOf(rows)}\n\n${reasonsOf(calls, rows)}`);
    const text = ([pair, fault]) => `${pair.id} ${pair.provider} ${pair.api} ${pair.model} ${pair.status} ${JSON.stringify(pair.usage_last)}: ${fault}`;
    assert.deepEqual([...faults, ...prices].map(text), []);
  });
}

/** A request of no model (a stored prompt, an agent) has no price and is refused: it is never free. */
function refusedForGood(pair, answer) {
  const names = JSON.parse(pair.sent.toString()).model !== undefined || /models?\/|deployments\//.test(pair.path);
  pair.refused = !names && answer.headers.get('x-weir-refusal') !== null;
  return pair.refused;
}

test('there are pairs of every dialect', () => {
  for (const api of ['messages', 'chat', 'responses', 'generateContent', 'streamGenerateContent', 'converse', 'converse-stream', 'invoke', 'cohere-chat', 'ollama-chat', 'completions'])
    assert.ok(pairs.some((pair) => pair.api === api), api);
});
describe(`${pairs.length} recorded pairs, an event a chunk`, { concurrency: 1 }, () => replayAll(0, true));
describe(`${pairs.length} recorded pairs, 7 bytes a chunk`, { concurrency: 1 }, () => replayAll(7, false));
after(stopAll);
