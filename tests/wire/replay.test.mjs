// Recorded traffic through the gateway: every recorded pair of the four dialects comes out byte for byte, with the wire's own
// usage in the ledger, and its request reached the provider byte for byte, but for what docs/wire.md lists.
//
// The pairs are tests/wire/pairs-sample.jsonl (SOURCES.md), or all of them when WEIR_DATA names the folder that holds
// http/open/pairs.jsonl. The reading of usage here is written apart from Weir's, from the providers' documents.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT, scratch, startSim, startWeir, stopAll } from '../e2e/lib/harness.mjs';

const FULL = process.env.WEIR_DATA ? join(process.env.WEIR_DATA, 'http/open/pairs.jsonl') : null;
const SAMPLE = join(ROOT, 'tests/wire/pairs-sample.jsonl');
const DIALECT_OF = { messages: 'anthropic', count_tokens: 'anthropic', chat: 'openai', responses: 'openai', embeddings: 'openai',
  generateContent: 'gemini', streamGenerateContent: 'gemini' };
const ELSEWHERE = new Set(['bedrock', 'cohere', 'watsonx', 'huggingface', 'snowflake', 'writer']);

/** Where the request of a pair goes to, for a client of the dialect's own SDK. */
function pathOf(pair) {
  const sse = /^\s*(data|event|:)/.test(pair.response.body);
  switch (pair.api) {
    case 'messages':
      return '/v1/messages';
    case 'count_tokens':
      return '/v1/messages/count_tokens';
    case 'chat':
      return '/v1/chat/completions';
    case 'responses':
      return '/v1/responses';
    case 'embeddings':
      return '/v1/embeddings';
    default:
      return `/v1beta/models/${encodeURIComponent(pair.model ?? 'gemini-2.5-flash')}:${pair.api}${sse ? '?alt=sse' : ''}`;
  }
}

const isJson = (text) => {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
};

/** Pairs that a client of one of the four dialects could have made, each with what it takes to replay it. */
function load() {
  const pairs = readFileSync(FULL ?? SAMPLE, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .filter((pair) => DIALECT_OF[pair.api] && !ELSEWHERE.has(pair.provider) && (pair.method ?? 'POST') === 'POST')
    .filter((pair) => typeof pair.request.body === 'string' && isJson(pair.request.body))
    .filter((pair) => typeof pair.response.body === 'string' && pair.response.body !== '' && pair.status >= 200)
    // Gemini's model stands in its path, which the sample leaves out: it is what the answer was asked of. A request of another
    // dialect that names no model (Azure's deployments, stored prompts) is refused, since it has no price.
    .filter((pair) => (DIALECT_OF[pair.api] === 'gemini' ? pair.model : JSON.parse(pair.request.body).model))
    .filter((pair) => pair.api !== 'count_tokens' || pair.provider === 'anthropic');
  return pairs.map((pair) => ({ ...pair, path: pathOf(pair), events: eventsOf(pair.response.body) }));
}

/** The JSON documents of an answer: an event stream's data, a JSON array's elements, or the one document. */
function eventsOf(body) {
  if (/^\s*(data|event|id|:)/.test(body)) {
    return body
      .split(/\r\n\r\n|\n\n|\r\r/)
      .map((event) => event.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim()).join('\n'))
      .filter(isJson)
      .map((data) => JSON.parse(data));
  }
  if (!isJson(body)) return [];
  const value = JSON.parse(body);
  return Array.isArray(value) ? value : [value];
}

const number = (value) => (Number.isInteger(value) ? value : null);
const last = (list) => (list.length ? list[list.length - 1] : null);

/** What the wire reported, in the ledger's words; null when it reported nothing. */
const USAGE = {
  messages(events) {
    const told = events.map((e) => e.message?.usage ?? e.usage).filter(Boolean);
    if (!told.length) return null;
    const usage = {};
    for (const one of told) for (const [key, value] of Object.entries(one)) if (value !== null) usage[key] = value;
    if (!Number.isInteger(usage.output_tokens)) return null;
    const split = usage.cache_creation;
    const written = number(usage.cache_creation_input_tokens);
    const parts = split ? (split.ephemeral_5m_input_tokens ?? 0) + (split.ephemeral_1h_input_tokens ?? 0) : null;
    return {
      input_tokens: number(usage.input_tokens),
      cache_read_tokens: number(usage.cache_read_input_tokens),
      cache_write_tokens: written === null && parts === null ? null : Math.max(written ?? 0, parts ?? 0), // some split nothing
      output_tokens: usage.output_tokens,
    };
  },
  chat(events) {
    const usage = last(events.map((e) => e.usage ?? e.choices?.[0]?.usage ?? e.x_groq?.usage).filter(Boolean));
    if (!usage || !Number.isInteger(usage.prompt_tokens)) return null;
    const cached = number(usage.prompt_tokens_details?.cached_tokens) ?? number(usage.prompt_cache_hit_tokens) ?? number(usage.num_cached_tokens);
    const written = number(usage.prompt_tokens_details?.cache_write_tokens);
    return { all_input: usage.prompt_tokens, cache_read_tokens: cached, cache_write_tokens: written, output_tokens: usage.completion_tokens ?? 0 };
  },
  responses(events) {
    const usage = last(events.map((e) => e.response?.usage ?? (e.object === 'response' ? e.usage : null)).filter(Boolean));
    if (!usage || !Number.isInteger(usage.input_tokens)) return null;
    return {
      all_input: usage.input_tokens,
      cache_read_tokens: number(usage.input_tokens_details?.cached_tokens),
      cache_write_tokens: number(usage.input_tokens_details?.cache_write_tokens),
      output_tokens: usage.output_tokens,
    };
  },
  embeddings(events) {
    const usage = last(events.map((e) => e.usage).filter(Boolean));
    return usage ? { all_input: usage.prompt_tokens ?? usage.total_tokens } : null;
  },
  gemini(events) {
    const usage = last(events.map((e) => e.usageMetadata).filter(Boolean));
    if (!usage || !Number.isInteger(usage.promptTokenCount)) return null;
    return {
      all_input: usage.promptTokenCount + (usage.toolUsePromptTokenCount ?? 0),
      cache_read_tokens: number(usage.cachedContentTokenCount),
      output_tokens: (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0),
    };
  },
};
/** The ledger keeps audio and images apart. */
const together = (row, ...fields) => fields.reduce((sum, field) => sum + (row[field] ?? 0), 0);
const usageOf = (pair) => (USAGE[pair.api] ?? USAGE.gemini)(pair.events);

/** The request as docs/wire.md says it may arrive: as it was, or with usage asked for in a chat stream. */
function arrivedWell(pair, body) {
  if (body === pair.request.body) return true;
  if (pair.api !== 'chat') return false;
  const sent = JSON.parse(pair.request.body);
  const got = JSON.parse(body);
  if (got.stream_options?.include_usage !== true || sent.stream_options?.include_usage === true) return false;
  got.stream_options = sent.stream_options;
  if (got.stream_options === undefined) delete got.stream_options;
  assert.deepEqual(got, sent);
  return body.length - pair.request.body.length < 60;
}

/** What is wrong with a pair's row; null when nothing is. */
function rowFault(pair, row) {
  const what = `${pair.id} ${pair.provider} ${pair.api} ${pair.status} ${JSON.stringify(pair.usage_last)}`;
  if (!row) return `${what}: no row`;
  if (row.status !== pair.status) return `${what}: status ${row.status}`;
  const usage = pair.status === 200 && pair.api !== 'count_tokens' ? usageOf(pair) : null;
  if (!usage) {
    const meant = pair.status === 200 && pair.api !== 'count_tokens';
    return meant && row.usage_source === 'reported' ? `${what}: nothing was reported` : null;
  }
  const written = together(row, 'cache_write_5m_tokens', 'cache_write_1h_tokens');
  const read = together(row, 'cache_read_tokens', 'cache_read_audio_tokens');
  // A provider may report more of its cache than there was input, or the same tokens as read and as written: it bills both.
  const parts = [usage.cache_read_tokens ?? 0, usage.cache_write_tokens ?? 0];
  const cached = parts[0] + parts[1];
  const allInput = cached <= usage.all_input ? usage.all_input : cached + Math.max(0, usage.all_input - Math.max(...parts));
  const input = usage.all_input === undefined ? [row.input_tokens, usage.input_tokens] : [row.context_tokens, allInput];
  const pairsOf = {
    source: [row.usage_source, 'reported'],
    input,
    'cache read': [read, usage.cache_read_tokens ?? 0],
    'cache write': [written, usage.cache_write_tokens ?? 0],
    output: [together(row, 'output_tokens', 'output_audio_tokens', 'output_image_tokens'), usage.output_tokens ?? 0],
  };
  for (const [name, [got, told]] of Object.entries(pairsOf)) if (got !== told) return `${what}: ${name} ${got}, told ${told}`;
  return null;
}

const pairs = load();

/** All pairs, with the provider's streams cut into an event a chunk, or into chunks of so many bytes, through whatever they hold. */
function replayAll(chunk) {
  let sim, weir, requests;

  before(async () => {
    const folder = scratch();
    const file = join(folder, 'pairs.jsonl');
    requests = join(folder, 'requests.jsonl');
    const lines = pairs.map((pair) => {
      const sse = /^\s*(data|event|id|:)/.test(pair.response.body);
      const type = sse ? 'text/event-stream' : pair.response.headers?.['content-type']?.[0] ?? pair.response.headers?.['content-type'];
      return JSON.stringify({
        id: pair.id,
        method: 'POST',
        url: `https://recorded.example${pair.path}`,
        status: pair.status,
        stream: sse,
        model: pair.model,
        request: { body: pair.request.body },
        response: { headers: { 'content-type': typeof type === 'string' ? type : 'application/json' }, body: pair.response.body },
      });
    });
    writeFileSync(file, `${lines.join('\n')}\n`);
    sim = await startSim({ args: ['--replay', file, '--requests', requests, ...(chunk ? ['--replay-chunk', String(chunk)] : [])] });
    weir = await startWeir({ sim, extra: 'prices: {unknown: {input: 1.00, output: 2.00, web_searches: 10.00, hosted_tool_calls: 10.00}}\n' });
  });

  for (const pair of pairs) {
    test(`${pair.id} ${pair.provider} ${pair.api} ${pair.status}: byte for byte`, async () => {
      const answer = await fetch(weir.url + pair.path, {
        method: 'POST',
        body: pair.request.body,
        headers: {
          'content-type': 'application/json',
          'x-sim-pair': pair.id,
          'x-weir-task': pair.id,
          ...(DIALECT_OF[pair.api] === 'anthropic' && { 'anthropic-version': '2023-06-01' }),
          'x-weir-key': weir.key(),
        },
      });
      const bytes = Buffer.from(await answer.arrayBuffer());
      assert.equal(answer.headers.get('x-weir-refusal'), null, bytes.toString().slice(0, 300));
      assert.equal(answer.status, pair.status);
      assert.ok(bytes.equals(Buffer.from(pair.response.body)), `${bytes.length} bytes, recorded ${Buffer.byteLength(pair.response.body)}`);
    });
  }

  test('every request reached the provider as it was sent', () => {
    const arrived = new Map();
    for (const line of readFileSync(requests, 'utf8').split('\n').filter(Boolean)) {
      const request = JSON.parse(line);
      const id = request.headers.find(([name]) => name.toLowerCase() === 'x-sim-pair')?.[1];
      arrived.set(id, { ...request, body: request.body ?? Buffer.from(request.body_b64, 'base64').toString() });
    }
    for (const pair of pairs) {
      const request = arrived.get(pair.id);
      assert.ok(request, `${pair.id} arrived`);
      assert.equal(request.target, pair.path, pair.id);
      assert.ok(arrivedWell(pair, request.body), `${pair.id}: ${request.body.slice(0, 200)}`);
    }
  });

  test("the ledger has the wire's own usage", async () => {
    const rows = new Map((await weir.ledgerOf(pairs.length)).map((row) => [row.task, row]));
    const faults = pairs.map((pair) => rowFault(pair, rows.get(pair.id))).filter(Boolean);
    assert.deepEqual(faults, []);
  });
}

test('there are pairs of every dialect', () => {
  for (const api of ['messages', 'chat', 'responses', 'generateContent', 'streamGenerateContent'])
    assert.ok(pairs.some((pair) => pair.api === api), api);
});
describe(`${pairs.length} recorded pairs, an event a chunk`, { concurrency: 1 }, () => replayAll(0));
describe(`${pairs.length} recorded pairs, 7 bytes a chunk`, { concurrency: 1 }, () => replayAll(7));
after(stopAll);
