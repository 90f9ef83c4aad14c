// Vertex AI through Weir: Google's and Anthropic's own clients get the same objects as direct; the two books agree; the price is
// Vertex's; and what each throws when Weir refuses.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AnthropicVertex } from '@anthropic-ai/vertex-sdk';
import { GoogleGenAI } from '@google/genai';
import { OAuth2Client } from 'google-auth-library';
import { booksByModel, ledgerByModel, spends, startSim, startWeir, stopAll } from './lib/harness.mjs';

let direct, behind, weir, key;

before(async () => {
  [direct, behind] = await Promise.all([startSim(), startSim()]);
  weir = await startWeir({ sim: behind, extra: `  - {name: vertex, api: vertex, base_url: "${behind.url}", credential: env:SIM_CREDENTIAL}\n` });
  key = weir.key();
});
after(stopAll);

/** What Google's libraries have instead of a key: a client that holds an access token, here a Weir key. */
function tokenOf(text) {
  const client = new OAuth2Client();
  client.setCredentials({ access_token: text, expiry_date: Date.now() + 3600e3 });
  return client;
}

const headers = (seed) => ({ 'x-sim': `seed=${seed}` });
const clients = {
  google: (url, token, seed) =>
    new GoogleGenAI({ vertexai: true, project: 'p-1', location: 'us-central1', googleAuthOptions: { authClient: tokenOf(token) }, httpOptions: { baseUrl: url, headers: headers(seed) } }),
  anthropic: (url, token, seed) =>
    new AnthropicVertex({ projectId: 'p-1', region: 'us-east5', baseURL: `${url}/v1`, authClient: tokenOf(token), defaultHeaders: headers(seed), maxRetries: 0 }),
};

async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}
const plain = (value) => JSON.parse(JSON.stringify(value, (name, inner) => (name === 'sdkHttpResponse' ? undefined : inner)));

const messages = [{ role: 'user', content: 'hello' }];
const CASES = [
  ['generateContent', 'google', (c) => c.models.generateContent({ model: 'gemini-2.5-pro', contents: 'hello' })],
  ['generateContentStream', 'google', async (c) => collect(await c.models.generateContentStream({ model: 'gemini-2.5-flash', contents: 'hello' }))],
  ['countTokens', 'google', (c) => c.models.countTokens({ model: 'gemini-2.5-pro', contents: 'hello there' })],
  ['messages', 'anthropic', (c) => c.messages.create({ model: 'claude-haiku-4-5@20251001', max_tokens: 300, messages })],
  ['messages streamed', 'anthropic', async (c) => collect(await c.messages.create({ model: 'claude-haiku-4-5@20251001', max_tokens: 300, stream: true, messages }))],
  ['messages, read from the cache', 'anthropic', async (c) => {
    const ask = { model: 'claude-opus-4-5@20251101', max_tokens: 50, system: [{ type: 'text', text: 'The weir stands where the stream narrows. '.repeat(400), cache_control: { type: 'ephemeral' } }], messages };
    return [await c.messages.create(ask), await c.messages.create(ask)];
  }],
  ['count_tokens', 'anthropic', (c) => c.messages.countTokens({ model: 'claude-haiku-4-5@20251001', messages })],
];

describe('the same objects as direct', { concurrency: 1 }, () => {
  CASES.forEach(([name, client, call], seed) => {
    test(`${client}: ${name}`, async () => {
      const expected = plain(await call(clients[client](direct.url, 'own', seed)));
      const got = plain(await call(clients[client](weir.url, key, seed)));
      assert.deepEqual(got, expected);
    });
  });

  test('the two books agree, at the prices of Vertex', async () => {
    const books = await behind.books();
    const rows = (await weir.ledgerOf(CASES.length + 1)).filter(spends);
    assert.deepEqual(ledgerByModel(rows), booksByModel(books));
    assert.ok(rows.length >= 6);
    for (const row of rows) {
      assert.equal(row.provider, 'vertex');
      assert.match(row.price_id, /^vertex\//);
      assert.ok(row.cost_nanousd > 0);
    }
  });
});

describe('refusals', { concurrency: 1 }, () => {
  test('a model without a price: Anthropic', async () => {
    await assert.rejects(clients.anthropic(weir.url, key, 0).messages.create({ model: 'claude-unknown', max_tokens: 5, messages }), (error) => {
      assert.equal(error.status, 402);
      assert.match(error.message, /claude-unknown/);
      return true;
    });
  });
  test('a model without a price: Google', async () => {
    await assert.rejects(clients.google(weir.url, key, 0).models.generateContent({ model: 'gemini-unknown', contents: 'x' }), /gemini-unknown/);
  });
  test('a method that is not metered', async () => {
    const answer = await fetch(`${weir.url}/v1/projects/p/locations/l/publishers/google/models/imagen:predict`, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${key}` } });
    assert.equal(answer.status, 402);
    assert.equal(answer.headers.get('x-weir-refusal'), 'unmetered');
  });
});
