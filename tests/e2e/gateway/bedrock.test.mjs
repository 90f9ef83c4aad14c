// Bedrock and Azure OpenAI through Weir: the same bytes as direct, the same totals in two books, the signature that AWS asks for
// (checked by another hand), and what is refused.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { booksByModel, ledgerByModel, startSim, startWeir, stopAll } from '../lib/harness.mjs';

const KEY_ID = 'AKIDEXAMPLE', SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', TOKEN = 'session/token+==';
const MODEL = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
const ID = encodeURIComponent(MODEL);
const PROFILE = encodeURIComponent('arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123');

let direct, behind, aws, weir, key;
const asked = []; // requests that came to `aws`

before(async () => {
  [direct, behind] = await Promise.all([startSim(), startSim()]);
  aws = http.createServer((request, answer) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
      asked.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks) });
      answer.setHeader('content-type', 'application/json');
      answer.end('{"output":{"message":{"content":[{"text":"hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":4}}');
    });
  });
  await new Promise((done) => aws.listen(0, '127.0.0.1', done));
  const signed = `http://127.0.0.1:${aws.address().port}`;
  weir = await startWeir({
    sim: behind,
    env: { AWS_ACCESS_KEY_ID: KEY_ID, AWS_SECRET_ACCESS_KEY: SECRET, AWS_SESSION_TOKEN: TOKEN, BEDROCK_TOKEN: 'bedrock-api-key' },
    extra: `  - {name: bedrock, api: bedrock, base_url: "${behind.url}", credential: env:BEDROCK_TOKEN, deployments: {"${decodeURIComponent(PROFILE)}": "${MODEL}"}}
  - {name: signed, api: bedrock, base_url: "${signed}", credential: {aws: {region: us-east-1}}}
  - {name: own, api: bedrock, base_url: "${signed}", credential: passthrough}
  - {name: azure, api: azure, base_url: "${behind.url}", credential: env:BEDROCK_TOKEN, deployments: {prod: gpt-5}}
  - {name: azured, api: azure, base_url: "${signed}", credential: env:BEDROCK_TOKEN, deployments: {prod: gpt-5}}
`,
  });
  key = weir.key();
});
after(async () => {
  aws?.close();
  await stopAll();
});

const messages = [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }];
const LONG = 'The weir stands where the stream narrows. '.repeat(400);
const claude = (more = {}) => ({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 1000, messages, ...more });
const converse = (more = {}) => ({ messages: [{ role: 'user', content: [{ text: 'hello' }] }], inferenceConfig: { maxTokens: 1000 }, ...more });
const cached = (ttl) => converse({ system: [{ text: `${ttl} ${LONG}` }, { cachePoint: { type: 'default', ttl } }] });
const tools = { tools: [{ toolSpec: { name: 'weather', inputSchema: { json: { type: 'object', properties: { city: { type: 'string' } } } } } }] };
const chat = (more = {}) => ({ model: 'gpt-5', messages: [{ role: 'user', content: 'hello' }], ...more });

const CASES = [
  ['invoke', `/model/${ID}/invoke`, claude()],
  ['invoke, the colon as it is', `/model/${MODEL}/invoke`, claude()],
  ['invoke, thinking', `/model/${ID}/invoke`, claude({ max_tokens: 4000, thinking: { type: 'enabled', budget_tokens: 1024 } })],
  ['invoke, streamed', `/model/${ID}/invoke-with-response-stream`, claude()],
  ['invoke, streamed with thinking', `/model/${ID}/invoke-with-response-stream`, claude({ max_tokens: 4000, thinking: { type: 'enabled', budget_tokens: 1024 } })],
  ['invoke, written to the cache', `/model/${ID}/invoke-with-response-stream`,
    claude({ system: [{ type: 'text', text: LONG, cache_control: { type: 'ephemeral' } }] })],
  ['invoke, read from the cache', `/model/${ID}/invoke-with-response-stream`,
    claude({ system: [{ type: 'text', text: LONG, cache_control: { type: 'ephemeral' } }] })],
  ['converse', `/model/${ID}/converse`, converse()],
  ['converse, tools', `/model/${ID}/converse`, converse({ toolConfig: tools })],
  ['converse, written to the cache for an hour', `/model/${ID}/converse`, cached('1h')],
  ['converse, written for five minutes', `/model/${ID}/converse`, cached('5m')],
  ['converse, read from the cache', `/model/${ID}/converse-stream`, cached('1h')],
  ['converse, streamed', `/model/${ID}/converse-stream`, converse()],
  ['converse, tools streamed', `/model/${ID}/converse-stream`, converse({ toolConfig: tools })],
  ['converse, long', `/model/${ID}/converse-stream`, converse({ inferenceConfig: { maxTokens: 100000 } }), 'events=400;event_size=500'],
  ['azure, a deployment', '/openai/deployments/prod/chat/completions?api-version=2024-10-21', chat()],
  ['azure, v1', '/openai/v1/chat/completions', chat({ model: 'prod' })],
  ['azure, v1 responses', '/openai/v1/responses', { model: 'gpt-5', input: 'hello' }],
  ['azure, streamed', '/openai/deployments/prod/chat/completions?api-version=2024-10-21',
    chat({ stream: true, stream_options: { include_usage: true } })],
];

async function ask(url, path, body, more = {}) {
  const answer = await fetch(url + path, { method: 'POST', body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...more } });
  return { status: answer.status, type: answer.headers.get('content-type'), headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()) };
}

describe('the same bytes as direct', { concurrency: 1 }, () => {
  CASES.forEach(([name, path, body, directives = 'events=5'], i) => {
    test(name, async () => {
      const more = { 'x-sim': `seed=${i};${directives}` };
      const [wanted, got] = [await ask(direct.url, path, body, more), await ask(weir.url, path, body, more)];
      assert.equal(wanted.status, 200, wanted.body.toString());
      assert.equal(got.status, 200, got.body.toString());
      assert.equal(got.type, wanted.type);
      assert.ok(got.body.equals(wanted.body), `${got.body.length} bytes of ${wanted.body.length}`);
      if (/stream/.test(path)) assert.equal(got.type, 'application/vnd.amazon.eventstream');
    });
  });

  test('and the two books agree', async () => {
    const rows = (await weir.ledgerOf(CASES.length)).filter((row) => row.decision === 'admitted');
    assert.equal(rows.length, CASES.length);
    for (const row of rows) {
      assert.equal(row.usage_source, 'reported', JSON.stringify(row));
      assert.equal(row.ending, 'complete');
      assert.ok(row.cost_nanousd > 0 && /^(bedrock\/anthropic.claude-haiku|azure\/gpt-5)/.test(row.price_id), row.price_id);
    }
    assert.deepEqual(ledgerByModel(rows), booksByModel(await behind.books()));
  });
});

test('an inference profile that the settings name is priced, another is refused', async () => {
  const known = await ask(weir.url, `/model/${PROFILE}/converse`, converse());
  assert.equal(known.status, 200, known.body.toString());
  const unknown = await ask(weir.url, `/model/${PROFILE}x/converse`, converse());
  assert.equal(unknown.headers.get('x-weir-refusal'), 'unpriced', unknown.body.toString());
  const fault = JSON.parse(unknown.body);
  assert.match(fault.__type, /Exception$/);
  assert.match(fault.message, /No price is known/);
  const deployment = await ask(weir.url, '/openai/deployments/nobody-knows/chat/completions', chat());
  assert.equal(deployment.headers.get('x-weir-refusal'), 'unpriced');
});

test('a stream that AWS breaks off with an exception is passed on and booked as its error', async () => {
  const more = { 'x-sim': 'seed=1;events=9;fault=error_event;at=3', 'x-weir-task': 'broken' };
  const [wanted, got] = [await ask(direct.url, `/model/${ID}/converse-stream`, converse(), more),
    await ask(weir.url, `/model/${ID}/converse-stream`, converse(), more)];
  assert.ok(got.body.equals(wanted.body));
  assert.ok(got.body.includes('modelStreamErrorException'));
  let row;
  for (let i = 0; i < 40 && !row; i++) {
    row = weir.ledger().find((r) => r.task === 'broken');
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.equal(row.ending, 'provider_error');
  assert.equal(row.usage_source, 'counted');
  assert.ok(row.output_tokens > 0 && row.cost_nanousd > 0);
});

/** Signature Version 4 as AWS's documents tell it. */
function signature({ method, url, headers, body }) {
  const hash = (text) => createHash('sha256').update(text).digest('hex');
  const mac = (k, text) => createHmac('sha256', k).update(text).digest();
  const [, day, region, service, names] = headers.authorization.match(
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=[0-9a-f]{64}$/);
  const path = url.split('?')[0].replace(/[^A-Za-z0-9\-._~/]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const canonical = [method, path, '', ...names.split(';').map((n) => `${n}:${headers[n].trim()}`), '', names, hash(body)].join('\n');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], `${day}/${region}/${service}/aws4_request`, hash(canonical)].join('\n');
  const signing = [region, service, 'aws4_request'].reduce(mac, mac(`AWS4${SECRET}`, day));
  return { names, scope: `${region}/${service}`, value: mac(signing, text).toString('hex') };
}

test('Weir signs with the keys it holds, and nothing of the client\'s own goes on', async () => {
  const got = await ask(weir.url, `/p/signed/model/${ID}/converse`, converse(), {
    authorization: 'AWS4-HMAC-SHA256 Credential=CLIENT/20250101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00',
    'x-amz-date': '20250101T000000Z', 'x-amz-security-token': 'client', 'x-amzn-bedrock-trace': ' ENABLED', 'x-weir-key': key });
  assert.equal(got.status, 200, got.body.toString());
  const { headers, url } = asked.at(-1);
  assert.equal(url, `/model/${ID}/converse`);
  const { names, scope, value } = signature(asked.at(-1));
  assert.equal(names, 'content-type;host;x-amz-date;x-amz-security-token;x-amzn-bedrock-trace');
  assert.equal(scope, 'us-east-1/bedrock');
  assert.ok(headers.authorization.endsWith(`Signature=${value}`));
  assert.ok(Math.abs(Date.now() - Date.parse(headers['x-amz-date'].replace(/(....)(..)(..T..)(..)(..Z)/, '$1-$2-$3:$4:$5'))) < 60000);
  assert.equal(headers['x-amz-security-token'], TOKEN);
  assert.ok(!JSON.stringify(headers).includes(key));
});

test('the client\'s bearer token goes on, its AWS signature is refused', async () => {
  const passed = await ask(weir.url, `/p/own/model/${ID}/converse`, converse(), { authorization: 'Bearer client-token', 'x-weir-key': key });
  assert.equal(passed.status, 200, passed.body.toString());
  assert.equal(asked.at(-1).headers.authorization, 'Bearer client-token');
  const refused = await ask(weir.url, `/p/own/model/${ID}/converse`, converse(), { authorization: 'AWS4-HMAC-SHA256 Credential=x', 'x-weir-key': key });
  assert.equal(refused.status, 401);
  assert.match(JSON.parse(refused.body).message, /AWS_BEARER_TOKEN_BEDROCK/);
});

test('Azure gets its key in its own header, and an old version\'s stream as it was asked for', async () => {
  const body = chat({ stream: true });
  await ask(weir.url, '/p/azured/openai/deployments/prod/chat/completions?api-version=2024-02-01', body);
  assert.equal(asked.at(-1).headers['api-key'], 'bedrock-api-key');
  assert.equal(asked.at(-1).headers.authorization, undefined);
  assert.equal(asked.at(-1).url, '/openai/deployments/prod/chat/completions?api-version=2024-02-01');
  assert.deepEqual(JSON.parse(asked.at(-1).body), body);
  await ask(weir.url, '/p/azured/openai/deployments/prod/chat/completions?api-version=2024-10-21', body);
  assert.deepEqual(JSON.parse(asked.at(-1).body), { ...body, stream_options: { include_usage: true } });
});
