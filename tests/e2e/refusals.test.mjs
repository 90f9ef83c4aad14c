// Every kind of refusal, as the SDKs meet it: the second request of a conversation is refused, once, and the error says why
// and what lifts it. The SDKs keep their own retries: none may be made.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import { startSim, stopAll } from './lib/harness.mjs';
import { until } from './lib/raw.mjs';
import { KINDS, startRefusing } from './lib/refusing.mjs';

after(stopAll);

const CLIENTS = {
  anthropic: (url, key) => {
    const c = new Anthropic({ baseURL: url, apiKey: key });
    return (content) => c.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 100, stream: true, messages: [{ role: 'user', content }] });
  },
  openai: (url, key) => {
    const c = new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
    return (content) => c.chat.completions.create({ model: 'gpt-5', stream: true, messages: [{ role: 'user', content }] });
  },
  responses: (url, key) => {
    const c = new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
    return (input) => c.responses.create({ model: 'gpt-5', stream: true, input });
  },
  gemini: (url, key) => {
    const c = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });
    return (contents) => c.models.generateContentStream({ model: 'gemini-2.5-pro', contents });
  },
};

const read = async (stream) => {
  let n = 0;
  for await (const event of stream) n += event ? 1 : 0;
  return n;
};

for (const [kind, how] of Object.entries(KINDS)) {
  describe(kind, { concurrency: 1 }, () => {
    let sim;
    before(async () => (sim = await startSim()));
    for (const [name, make] of Object.entries(CLIENTS)) {
      test(name, async () => {
        const weir = await startRefusing(sim);
        weir.headers = { 'x-weir-session': `one-${name}` }; // SDKs have no sessions of their own
        const ask = make(weir.url, weir.firstKey);
        assert.ok((await read(await ask('hello'))) > 0);
        await how.now(weir, sim);
        const { started } = await sim.books();
        const error = await ask(how.long ? 'hello again '.repeat(8000) : 'hello again').then(read).then(() => assert.fail('it was not refused'), (e) => e);
        assert.equal(error.status, how.status, error.message);
        assert.match(error.message, how.says);
        if (error.headers?.get) {
          assert.equal(error.headers.get('x-weir-refusal'), kind);
          assert.equal(error.headers.get('x-should-retry'), 'false');
          assert.equal(Boolean(error.headers.get('retry-after')), Boolean(how.wait));
        }
        assert.equal((await sim.books()).started, started, 'nothing reached the provider');
        assert.equal(weir.requests() - 1, 1, 'one request was refused');
        const rows = await until(() => {
          const refused = weir.ledger().filter((row) => row.ending === 'refused');
          return refused.length && refused;
        }, 'its row');
        assert.equal(rows.length, 1);
        assert.equal(rows[0].status, how.status);
        assert.ok(rows[0].rule && rows[0].explanation, JSON.stringify(rows[0]));
        await weir.stop();
      });
    }
  });
}
