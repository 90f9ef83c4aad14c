// The AWS SDK's Bedrock client through Weir: the same objects as direct, the same totals in two books, and what it throws when
// Weir refuses.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand, InvokeModelCommand, InvokeModelWithResponseStreamCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { booksByModel, ledgerByModel, startSim, startWeir, stopAll } from './lib/harness.mjs';

const modelId = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
let direct, behind, weir, key;

before(async () => {
  [direct, behind] = await Promise.all([startSim(), startSim()]);
  weir = await startWeir({ sim: behind,
    extra: `  - {name: bedrock, api: bedrock, base_url: "${behind.url}", credential: env:SIM_CREDENTIAL}\n` });
  key = weir.key();
});
after(stopAll);

/** As a user has it: a Bedrock API key, here a Weir key. HTTP/1.1, since the SDK's own choice here is HTTP/2 without TLS. */
function client(url, token, directives) {
  const made = new BedrockRuntimeClient({ region: 'us-east-1', endpoint: url, token: { token }, maxAttempts: 1,
    authSchemePreference: ['httpBearerAuth'], requestHandler: new NodeHttpHandler() });
  made.middlewareStack.add((next) => (args) => {
    args.request.headers['x-sim'] = directives;
    return next(args);
  }, { step: 'build' });
  return made;
}

async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}
const text = (bytes) => JSON.parse(Buffer.from(bytes).toString());

const hello = [{ role: 'user', content: [{ text: 'hello' }] }];
const toolConfig = { tools: [{ toolSpec: { name: 'weather', inputSchema: { json: { type: 'object', properties: { city: { type: 'string' } } } } } }] };
const body = JSON.stringify({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 500, messages: [{ role: 'user', content: 'hello' }] });
const CASES = [
  ['Converse', async (c) => {
    const { output, stopReason, usage } = await c.send(new ConverseCommand({ modelId, messages: hello }));
    return { output, stopReason, usage };
  }],
  ['Converse with tools', async (c) => (await c.send(new ConverseCommand({ modelId, messages: hello, toolConfig }))).output],
  ['ConverseStream', async (c) => collect((await c.send(new ConverseStreamCommand({ modelId, messages: hello }))).stream)],
  ['ConverseStream with tools', async (c) => collect((await c.send(new ConverseStreamCommand({ modelId, messages: hello, toolConfig }))).stream)],
  ['InvokeModel', async (c) => text((await c.send(new InvokeModelCommand({ modelId, body, contentType: 'application/json' }))).body)],
  ['InvokeModelWithResponseStream', async (c) =>
    (await collect((await c.send(new InvokeModelWithResponseStreamCommand({ modelId, body, contentType: 'application/json' }))).body))
      .map((event) => text(event.chunk.bytes))],
];

describe('the same objects as direct', { concurrency: 1 }, () => {
  CASES.forEach(([name, call], seed) => {
    test(name, async () => {
      const expected = await call(client(direct.url, 'own', `seed=${seed}`));
      assert.ok(JSON.stringify(expected).length > 20);
      assert.deepEqual(await call(client(weir.url, key, `seed=${seed}`)), expected);
    });
  });

  test('and the two books agree', async () => {
    const rows = await weir.ledgerOf(CASES.length);
    assert.deepEqual(ledgerByModel(rows), booksByModel(await behind.books()));
    for (const row of rows) assert.equal(row.usage_source, 'reported');
  });
});

test('a refusal is an exception of the service, with the reason', async () => {
  await assert.rejects(client(weir.url, 'wk_this_key_was_never_made', 'seed=1').send(new ConverseCommand({ modelId, messages: hello })),
    (error) => error.name === 'UnrecognizedClientException' && /weir key (create|list)/.test(error.message));
  await assert.rejects(client(weir.url, key, 'seed=1').send(new ConverseCommand({ modelId: 'nobody.knows-v1:0', messages: hello })),
    (error) => /Exception$/.test(error.name) && /No price is known/.test(error.message));
});

test('an exception in a stream is thrown as direct', async () => {
  const call = async (url, token) => collect((await client(url, token, 'seed=1;fault=error_event;at=2').send(
    new ConverseStreamCommand({ modelId, messages: hello }))).stream);
  const wanted = await call(direct.url, 'own').catch((error) => error);
  const got = await call(weir.url, key).catch((error) => error);
  assert.equal(got.name, 'ModelStreamErrorException');
  assert.deepEqual([got.name, got.message], [wanted.name, wanted.message]);
});
