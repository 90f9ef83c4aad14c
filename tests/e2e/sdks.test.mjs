// The providers' own SDKs through Weir: the same objects as direct, streamed and not; the same totals in two books; and what
// each SDK throws when Weir refuses. Two simulated providers get the same calls in the same order: one direct, one behind Weir.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI, { AzureOpenAI } from 'openai';
import { booksByModel, ledgerByModel, spends, startSim, startWeir, stopAll } from './lib/harness.mjs';

let direct, behind, weir, key;

before(async () => {
  [direct, behind] = await Promise.all([startSim(), startSim()]);
  weir = await startWeir({ sim: behind, extra: `  - {name: azure, api: azure, base_url: "${behind.url}", credential: env:SIM_CREDENTIAL, deployments: {prod: gpt-5}}\n` });
  key = weir.key();
});
after(stopAll);

const headers = (seed) => ({ 'x-sim': `seed=${seed}` });
const clients = {
  openai: (url, apiKey, seed) => new OpenAI({ baseURL: `${url}/v1`, apiKey, defaultHeaders: headers(seed), maxRetries: 0 }),
  azure: (url, apiKey, seed) => new AzureOpenAI({ endpoint: url, apiKey, apiVersion: '2024-10-21', defaultHeaders: headers(seed), maxRetries: 0 }),
  anthropic: (url, apiKey, seed) => new Anthropic({ baseURL: url, apiKey, defaultHeaders: headers(seed), maxRetries: 0 }),
  gemini: (url, apiKey, seed) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url, headers: headers(seed) } }),
};

/** Every event of a stream, as the SDK gives it. */
async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

const WEATHER = {
  type: 'object',
  properties: { city: { type: 'string', description: 'name of a city' }, days: { type: 'integer' } },
  required: ['city'],
};
const LONG = 'The weir stands where the stream narrows. '.repeat(400);

// name, dialect, what is called; a case gives back plain objects to compare
const CASES = [
  // -- OpenAI chat completions
  ['chat: one answer', 'openai', (c) => c.chat.completions.create({ model: 'gpt-5', messages: [{ role: 'user', content: 'hello' }] })],
  ['chat: streamed, usage asked for', 'openai', async (c) =>
    collect(await c.chat.completions.create({ model: 'gpt-5', stream: true, stream_options: { include_usage: true },
      messages: [{ role: 'user', content: 'hello' }] }))],
  ['chat: streamed, usage not asked for', 'openai', async (c) =>
    collect(await c.chat.completions.create({ model: 'gpt-5-mini', stream: true, messages: [{ role: 'user', content: 'hi' }] }))],
  ['chat: stream helper', 'openai', async (c) =>
    c.chat.completions.stream({ model: 'gpt-5', messages: [{ role: 'user', content: 'helper' }] }).finalChatCompletion()],
  ['chat: cut by max_completion_tokens', 'openai', (c) =>
    c.chat.completions.create({ model: 'gpt-5', max_completion_tokens: 80, messages: [{ role: 'user', content: 'short' }] })],
  ['chat: tools', 'openai', (c) =>
    c.chat.completions.create({ model: 'gpt-5', messages: [{ role: 'user', content: 'weather in Bern' }],
      tools: [{ type: 'function', function: { name: 'weather', parameters: WEATHER } }] })],
  ['chat: tools streamed', 'openai', async (c) =>
    collect(await c.chat.completions.create({ model: 'gpt-5', stream: true, messages: [{ role: 'user', content: 'weather' }],
      tools: [{ type: 'function', function: { name: 'weather', parameters: WEATHER } }] }))],
  ['chat: a long prompt twice, read from the cache', 'openai', async (c) => [
    await c.chat.completions.create({ model: 'gpt-5', messages: [{ role: 'user', content: LONG }] }),
    await c.chat.completions.create({ model: 'gpt-5', messages: [{ role: 'user', content: LONG }] }),
  ]],
  ['chat: letters of many scripts', 'openai', (c) =>
    c.chat.completions.create({ model: 'gpt-5', messages: [{ role: 'user', content: 'größe 大きさ мера 📏 \u0001 \\ "' }] })],
  // -- Azure OpenAI: the deployment is in the path
  ['azure: one answer', 'azure', (c) => c.chat.completions.create({ model: 'gpt-5', messages: [{ role: 'user', content: 'hello' }] })],
  ['azure: a deployment that has a name of its own', 'azure', (c) =>
    c.chat.completions.create({ model: 'prod', messages: [{ role: 'user', content: 'hello' }] })],
  ['azure: streamed, usage not asked for', 'azure', async (c) =>
    collect(await c.chat.completions.create({ model: 'gpt-5', stream: true, messages: [{ role: 'user', content: 'hi' }] }))],
  ['azure: embeddings', 'azure', (c) => c.embeddings.create({ model: 'text-embedding-3-small', input: ['one', 'two'] })],
  ['azure: responses', 'azure', (c) => c.responses.create({ model: 'gpt-5', input: 'hello' })],
  // -- OpenAI Responses
  ['responses: one answer', 'openai', (c) => c.responses.create({ model: 'gpt-5', input: 'hello' })],
  ['responses: streamed', 'openai', async (c) => collect(await c.responses.create({ model: 'gpt-5', input: 'hello', stream: true }))],
  ['responses: stream helper', 'openai', async (c) => c.responses.stream({ model: 'gpt-5', input: 'helper' }).finalResponse()],
  ['responses: tools', 'openai', (c) =>
    c.responses.create({ model: 'gpt-5', input: 'weather', store: false,
      tools: [{ type: 'function', name: 'weather', parameters: WEATHER, strict: false }] })],
  ['responses: reasoning', 'openai', (c) => c.responses.create({ model: 'gpt-5', input: 'think', reasoning: { effort: 'high' } })],
  // -- OpenAI, the rest
  ['embeddings', 'openai', (c) => c.embeddings.create({ model: 'text-embedding-3-small', input: ['one', 'two'] })],
  ['embeddings: floats', 'openai', (c) =>
    c.embeddings.create({ model: 'text-embedding-3-small', input: 'one', encoding_format: 'float' })],
  ['models: list (OpenAI)', 'openai', async (c) => collect(await c.models.list())],
  // -- Anthropic Messages
  ['messages: one answer', 'anthropic', (c) =>
    c.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 1000, messages: [{ role: 'user', content: 'hello' }] })],
  ['messages: streamed', 'anthropic', async (c) =>
    collect(await c.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 1000, stream: true,
      messages: [{ role: 'user', content: 'hello' }] }))],
  ['messages: stream helper', 'anthropic', async (c) =>
    c.messages.stream({ model: 'claude-haiku-4-5', max_tokens: 1000, messages: [{ role: 'user', content: 'helper' }] }).finalMessage()],
  ['messages: cut by max_tokens', 'anthropic', (c) =>
    c.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 4, messages: [{ role: 'user', content: 'short' }] })],
  ['messages: thinking, streamed', 'anthropic', async (c) =>
    collect(await c.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 4000, stream: true,
      thinking: { type: 'enabled', budget_tokens: 1024 }, messages: [{ role: 'user', content: 'think' }] }))],
  ['messages: tools, streamed', 'anthropic', async (c) =>
    collect(await c.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 1000, stream: true,
      tools: [{ name: 'weather', input_schema: WEATHER }], messages: [{ role: 'user', content: 'weather' }] }))],
  ['messages: written to the cache for 5 m, then read', 'anthropic', async (c) => {
    const ask = (ttl) => ({ model: 'claude-sonnet-4-5', max_tokens: 100, messages: [{ role: 'user', content: 'go' }],
      system: [{ type: 'text', text: `${ttl} ${LONG}`, cache_control: { type: 'ephemeral', ttl } }] });
    return [await c.messages.create(ask('5m')), await c.messages.create(ask('5m')), await c.messages.create(ask('1h'))];
  }],
  ['messages: beta', 'anthropic', (c) =>
    c.beta.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 100, betas: ['context-1m-2025-08-07'],
      messages: [{ role: 'user', content: 'beta' }] })],
  ['count_tokens', 'anthropic', (c) =>
    c.messages.countTokens({ model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'how many' }] })],
  ['models: list (Anthropic)', 'anthropic', async (c) => collect(await c.models.list())],
  // -- Gemini
  ['generateContent', 'gemini', (c) => c.models.generateContent({ model: 'gemini-2.5-pro', contents: 'hello' })],
  ['generateContent: streamed', 'gemini', async (c) =>
    collect(await c.models.generateContentStream({ model: 'gemini-2.5-pro', contents: 'hello' }))],
  ['generateContent: cut by maxOutputTokens', 'gemini', (c) =>
    c.models.generateContent({ model: 'gemini-2.5-flash', contents: 'short', config: { maxOutputTokens: 70 } })],
  ['generateContent: tools', 'gemini', (c) =>
    c.models.generateContent({ model: 'gemini-2.5-pro', contents: 'weather',
      config: { tools: [{ functionDeclarations: [{ name: 'weather', parametersJsonSchema: WEATHER }] }] } })],
  ['countTokens (Gemini)', 'gemini', (c) => c.models.countTokens({ model: 'gemini-2.5-pro', contents: 'how many' })],
];

/** What may differ: headers of the connection, and what a gateway is expected to add. */
const FREE_HEADERS = /^(date|connection|keep-alive|transfer-encoding|content-length|server|x-weir-.*)$/;

/** An SDK's object as data: no methods, no private state, headers without those that may differ. */
function plain(value) {
  if (value instanceof Headers) return plain(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const out = {};
  for (const [name, field] of Object.entries(value)) {
    if (typeof field === 'function') continue;
    if (name === 'sdkHttpResponse') {
      const kept = Object.entries(field.headers ?? {}).filter(([header]) => !FREE_HEADERS.test(header));
      out[name] = { ...plain(field), headers: Object.fromEntries(kept) };
    } else {
      out[name] = plain(field);
    }
  }
  return out;
}

describe('the same objects as direct', { concurrency: 1 }, () => {
  CASES.forEach(([name, dialect, call], seed) => {
    test(name, async () => {
      const expected = plain(await call(clients[dialect](direct.url, 'sk-direct', seed)));
      const through = plain(await call(clients[dialect](weir.url, key, seed)));
      assert.ok(JSON.stringify(expected).length > 10, 'the direct call gave something');
      assert.deepEqual(through, expected);
    });
  });
});

describe('two books', { concurrency: 1 }, () => {
  test('the provider behind Weir served what the direct one served', async () => {
    assert.deepEqual(booksByModel(await behind.books(), 'served'), booksByModel(await direct.books(), 'served'));
  });
  test('the ledger has what the provider reported, for each model', async () => {
    const books = booksByModel(await behind.books());
    const calls = Object.values(books).reduce((n, row) => n + row.calls, 0);
    const rows = (await weir.ledgerOf(calls + 4)).filter(spends);
    assert.deepEqual(ledgerByModel(rows), books);
    for (const row of rows) {
      assert.equal(row.user, 'ana@example.com', `${row.id}: user`);
      assert.equal(row.ending, 'complete', `${row.id}: ending`);
      assert.equal(row.usage_source, 'reported', `${row.id}: usage_source`);
      assert.ok(Number.isInteger(row.cost_nanousd) && row.cost_nanousd > 0, `${row.id}: cost of ${row.model_requested}`);
    }
  });
});

/** What a promise rejects with. */
const failure = (promise) => promise.then(() => assert.fail('it was not refused'), (error) => error);

describe('refusals as each SDK shows them', { concurrency: 1 }, () => {
  const wrong = 'wk_this_key_was_never_made';
  const refused = [
    ['openai', (c) => c.chat.completions.create({ model: 'gpt-5', messages: [{ role: 'user', content: 'x' }] }), OpenAI.AuthenticationError],
    ['openai', (c) => c.responses.create({ model: 'gpt-5', input: 'x' }), OpenAI.AuthenticationError],
    ['azure', (c) => c.chat.completions.create({ model: 'gpt-5', messages: [{ role: 'user', content: 'x' }] }), OpenAI.AuthenticationError],
    ['anthropic', (c) => c.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }),
      Anthropic.AuthenticationError],
    ['gemini', (c) => c.models.generateContent({ model: 'gemini-2.5-pro', contents: 'x' }), null],
  ];
  refused.forEach(([dialect, call, kind], i) => {
    test(`an unknown key: ${dialect} ${i + 1}`, async () => {
      const before = await behind.books();
      const error = await failure(call(clients[dialect](weir.url, wrong, 1000 + i)));
      assert.equal(error.status, 401);
      if (kind) {
        assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
        assert.equal(error.headers.get('x-weir-refusal'), 'identity');
        assert.equal(error.headers.get('x-should-retry'), 'false');
      }
      assert.match(error.message, /key/i, 'the message says what is wrong');
      assert.match(error.message, /weir key (create|list)/, 'and what mends it');
      assert.doesNotMatch(error.message, new RegExp(wrong), 'it does not repeat the key');
      assert.equal((await behind.books()).started, before.started, 'nothing reached the provider');
    });
  });
});

describe("the provider's errors pass unchanged", { concurrency: 1 }, () => {
  const failing = [
    ['openai', (c) => c.chat.completions.create({ model: 'gpt-5', messages: [{ role: 'user', content: 'x' }] })],
    ['openai', (c) => c.responses.create({ model: 'gpt-5', input: 'x' })],
    ['anthropic', (c) => c.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] })],
    ['gemini', (c) => c.models.generateContent({ model: 'gemini-2.5-pro', contents: 'x' })],
  ];
  const statuses = [400, 404, 429, 500, 529];
  for (const status of statuses) {
    failing.forEach(([dialect, call], i) => {
      test(`${status}: ${dialect} ${i + 1}`, async () => {
        const make = (url, apiKey) => clients[dialect](url, apiKey, `${2000 + i};fault=${status}`);
        const expected = await failure(call(make(direct.url, 'sk-direct')));
        const through = await failure(call(make(weir.url, key)));
        assert.equal(through.constructor.name, expected.constructor.name);
        assert.equal(through.status, status);
        assert.equal(through.message, expected.message);
        assert.deepEqual(through.error, expected.error);
      });
    });
  }
});
