// Providers that speak OpenAI's dialect and tell their usage otherwise: the client's stream is what the provider sent, and the two
// books agree, whether the client asked for usage or not.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { booksByModel, ledgerByModel, startSim, startWeir, stopAll } from '../lib/harness.mjs';

// provider, model with a price of its own, how it tells usage
const PROVIDERS = [
  ['groq', 'openai/gpt-oss-120b', 'groq'],
  ['mistral', 'mistral-large-latest', 'mistral'],
  ['deepseek', 'deepseek-chat', 'deepseek'],
  ['moonshot', 'kimi-k2-0905-preview', 'moonshot'],
  ['xai', 'grok-4.3', 'xai'],
  ['cloudflare', 'm', 'cloudflare'],
];
const LONG = 'The weir stands where the stream narrows. '.repeat(200);
let sims, weir;

before(async () => {
  sims = Object.fromEntries(await Promise.all(PROVIDERS.map(async ([name]) => [name, await startSim()])));
  const rows = PROVIDERS.map(([name]) => `  - {name: ${name}, api: openai, base_url: "${sims[name].url}", credential: env:SIM_CREDENTIAL${name === 'cloudflare' ? ', prices: {input: 1, output: 2}' : ''}}`);
  weir = await startWeir({ config: `listen: 127.0.0.1:0\nconsole: {listen: 127.0.0.1:0}\nstore: sqlite:/nonexistent\nproviders:\n${rows.join('\n')}\n`.replace('store: sqlite:/nonexistent\n', '') });
});
after(stopAll);

const ask = (base, headers, body) => fetch(`${base}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } });

describe('usage in unusual places', { concurrency: 1 }, () => {
  PROVIDERS.forEach(([name, model, quirk], index) => {
    for (const [how, more] of [['whole', {}], ['streamed', { stream: true }], ['streamed, asked for usage', { stream: true, stream_options: { include_usage: true } }]]) {
      if (name === 'mistral' && more.stream_options) continue; // refused there
      test(`${name}: ${how}`, async () => {
        const body = { model, messages: [{ role: 'system', content: LONG }, { role: 'user', content: `hello ${how}` }], ...more };
        const sim = `seed=${index};quirk=${quirk};reasoning=20`;
        const answer = await ask(`${weir.url}/p/${name}`, { 'x-sim': sim, 'x-weir-key': weir.key() }, body);
        const text = await answer.text();
        assert.equal(answer.status, 200, text.slice(0, 300));
        if (more.stream && !more.stream_options) assert.doesNotMatch(text, /"choices":\[\],"usage"/, 'a chunk that was not asked for');
      });
    }
  });

  test('the two books agree', async () => {
    const rows = await weir.ledgerOf(PROVIDERS.length * 3 - 1);
    assert.equal(rows.length, PROVIDERS.length * 3 - 1);
    for (const [name] of PROVIDERS) {
      const mine = rows.filter((row) => row.provider === name);
      assert.deepEqual(ledgerByModel(mine), booksByModel(await sims[name].books()), name);
      for (const row of mine) {
        assert.equal(row.usage_source, 'reported', `${name} ${row.stream}`);
        assert.match(row.price_id, name === 'cloudflare' ? /^settings:/ : new RegExp(`^${name}/`));
      }
    }
  });

  test('a client that asks Mistral for usage gets its own refusal', async () => {
    const answer = await ask(`${weir.url}/p/mistral`, { 'x-sim': 'quirk=mistral', 'x-weir-key': weir.key() }, { model: 'mistral-large-latest', stream: true, stream_options: { include_usage: true }, messages: [{ role: 'user', content: 'x' }] });
    assert.equal(answer.status, 400);
    assert.equal(answer.headers.get('x-weir-refusal'), null);
  });
});
