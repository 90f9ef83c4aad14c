// Streams that Weir ends before their end, by the kill switch, as each SDK sees them: answers that ran into their limit of
// output, never errors, never cut connections. Each stream stops at its provider after a few deltas, so that it is still
// running when it is frozen, whatever the machine's speed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import {
  BedrockRuntimeClient, ConverseStreamCommand, InvokeModelWithResponseStreamCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { GoogleGenAI } from '@google/genai';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import OpenAI from 'openai';
import { startSim, startWeir, stopAll } from './lib/harness.mjs';
import { until } from './lib/raw.mjs';

const USER = 'ana@example.com';
const REASON = 'a "loop" in größe';
let sim, weir, key;

before(async () => {
  sim = await startSim();
  weir = await startWeir({ sim, extra: `  - {name: bedrock, api: bedrock, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL}\n` });
  key = weir.key();
});
after(stopAll);

const freeze = () => {
  const done = weir.run('freeze', '--user', USER, '--reason', REASON);
  assert.equal(done.status, 0, done.stderr);
};
const unfreeze = () => {
  const done = weir.run('unfreeze', '--user', USER);
  assert.equal(done.status, 0, done.stderr);
};

// No retries are switched off: what an SDK would send again by itself must not be sent.
const anthropic = (sim) => new Anthropic({ baseURL: weir.url, apiKey: key, defaultHeaders: { 'x-sim': sim } });
const openai = (sim) => new OpenAI({ baseURL: `${weir.url}/v1`, apiKey: key, defaultHeaders: { 'x-sim': sim } });
const gemini = (sim) => new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: weir.url, headers: { 'x-sim': sim } } });
function bedrock(sim) {
  const made = new BedrockRuntimeClient({ region: 'us-east-1', endpoint: weir.url, token: { token: key },
    authSchemePreference: ['httpBearerAuth'], requestHandler: new NodeHttpHandler() });
  made.middlewareStack.add((next) => (args) => {
    args.request.headers['x-sim'] = sim;
    return next(args);
  }, { step: 'build' });
  return made;
}

const WEATHER = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const CLAUDE = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
const ask = { model: 'claude-sonnet-4-5', max_tokens: 4000, messages: [{ role: 'user', content: 'hello' }] };
const chat = { model: 'gpt-5', stream: true, messages: [{ role: 'user', content: 'hello' }] };

/** Reads a stream; `frozen` is called once, after `n` events. */
async function through(stream, n, frozen, each = () => {}) {
  let seen = 0;
  for await (const event of stream) {
    each(event);
    if (++seen === n) frozen();
  }
  assert.ok(seen > n, 'nothing came after the end of what the provider sent');
}

// name, how it is called: resolves to {text, stop, input, output} when the stream has ended; calls frozen() in its middle
const CASES = [
  ['messages: stream helper', async (frozen, sim) => {
    const stream = anthropic(sim).messages.stream(ask);
    await through(stream, 5, frozen);
    const m = await stream.finalMessage();
    return { text: m.content.map((b) => b.text).join(''), stop: m.stop_reason, input: m.usage.input_tokens, output: m.usage.output_tokens };
  }, 'max_tokens'],
  ['messages: events', async (frozen, sim) => {
    const out = { text: '' };
    await through(await anthropic(sim).messages.create({ ...ask, stream: true }), 5, frozen, (e) => {
      if (e.delta?.text) out.text += e.delta.text;
      if (e.type === 'message_start') out.input = e.message.usage.input_tokens;
      if (e.type === 'message_delta') Object.assign(out, { stop: e.delta.stop_reason, output: e.usage.output_tokens });
      out.last = e.type;
    });
    assert.equal(out.last, 'message_stop');
    return out;
  }, 'max_tokens'],
  ['chat: stream helper', async (frozen, sim) => {
    const stream = openai(sim).chat.completions.stream({ ...chat, stream_options: { include_usage: true } });
    await through(stream, 5, frozen);
    const c = await stream.finalChatCompletion();
    return { text: c.choices[0].message.content, stop: c.choices[0].finish_reason, input: c.usage.prompt_tokens, output: c.usage.completion_tokens };
  }, 'length'],
  ['chat: usage not asked for', async (frozen, sim) => {
    const out = { text: '', input: 1, output: 1 };
    await through(await openai(sim).chat.completions.create(chat), 5, frozen, (e) => {
      assert.equal(e.usage ?? null, null);
      out.text += e.choices[0].delta.content ?? '';
      out.stop = e.choices[0].finish_reason;
    });
    return out;
  }, 'length'],
  ['responses: stream helper', async (frozen, sim) => {
    const stream = openai(sim).responses.stream({ model: 'gpt-5', input: 'hello' });
    await through(stream, 9, frozen);
    const r = await stream.finalResponse();
    assert.equal(r.status, 'incomplete');
    assert.equal(r.output.at(-1).status, 'incomplete');
    return { text: r.output_text, stop: r.incomplete_details.reason, input: r.usage.input_tokens, output: r.usage.output_tokens };
  }, 'max_output_tokens'],
  ['generateContent', async (frozen, sim) => {
    const out = { text: '' };
    const stream = await gemini(sim).models.generateContentStream({ model: 'gemini-2.5-pro', contents: 'hello' });
    await through(stream, 3, frozen, (chunk) => {
      out.text += chunk.text ?? '';
      out.stop = chunk.candidates?.[0]?.finishReason;
      out.input = chunk.usageMetadata?.promptTokenCount;
      out.output = chunk.usageMetadata?.candidatesTokenCount;
    });
    return out;
  }, 'MAX_TOKENS'],
  ['ConverseStream', async (frozen, sim) => {
    const out = { text: '' };
    const answer = await bedrock(sim).send(new ConverseStreamCommand({ modelId: CLAUDE, messages: [{ role: 'user', content: [{ text: 'hello' }] }] }));
    await through(answer.stream, 5, frozen, (e) => {
      out.text += e.contentBlockDelta?.delta?.text ?? '';
      out.stop = e.messageStop?.stopReason ?? out.stop;
      if (e.metadata) Object.assign(out, { input: e.metadata.usage.inputTokens, output: e.metadata.usage.outputTokens });
    });
    return out;
  }, 'max_tokens'],
  ['InvokeModelWithResponseStream', async (frozen, sim) => {
    const out = { text: '' };
    const body = JSON.stringify({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 500, messages: [{ role: 'user', content: 'hello' }] });
    const answer = await bedrock(sim).send(new InvokeModelWithResponseStreamCommand({ modelId: CLAUDE, body, contentType: 'application/json' }));
    await through(answer.body, 5, frozen, (chunk) => {
      const e = JSON.parse(Buffer.from(chunk.chunk.bytes).toString());
      out.text += e.delta?.text ?? '';
      out.stop = e.delta?.stop_reason ?? out.stop;
      const counts = e['amazon-bedrock-invocationMetrics'];
      if (counts) Object.assign(out, { input: counts.inputTokenCount, output: counts.outputTokenCount });
    });
    return out;
  }, 'max_tokens'],
];

describe('a stream in the middle of its text', { concurrency: 1 }, () => {
  CASES.forEach(([name, call, stop], i) => {
    test(name, async () => {
      const before = (await weir.ledger()).length;
      const got = await call(freeze, `seed=${i};events=40;event_size=20;fault=stall;at=4`);
      unfreeze();
      assert.equal(got.stop, stop);
      assert.match(got.text, /\S\n\[weir\] Frozen: user ana@example[.]com, by .*\(a "loop" in größe\)[.] .*weir unfreeze --user ana@example[.]com$/);
      assert.ok(got.input > 0 && got.output > 0, JSON.stringify(got));
      const row = (await weir.ledgerOf(before + 1)).at(-1);
      assert.deepEqual([row.ending, row.decision, row.rule, row.status], ['truncated', 'truncated', 'frozen', 200]);
      assert.ok(row.cost_nanousd > 0 && row.input_tokens > 0 && row.output_tokens > 0, JSON.stringify(row));
      assert.equal(row.usage_source, 'counted');
      await until(async () => (await sim.calls()).at(-1).finished === 'client_gone', 'the provider was cancelled');
    });
  });

  test('a call of a tool that is open is none that could be run', async () => {
    const tools = [{ type: 'function', function: { name: 'weather', parameters: WEATHER } }];
    const stream = openai('seed=7;fault=stall;at=1').chat.completions.stream({ ...chat, tools, tool_choice: 'required' });
    let seen = 0;
    for await (const chunk of stream) if (chunk.choices[0]?.delta?.tool_calls && ++seen === 1) freeze();
    unfreeze();
    const { choices } = await stream.finalChatCompletion();
    assert.equal(choices[0].finish_reason, 'length');
    assert.throws(() => JSON.parse(choices[0].message.tool_calls[0].function.arguments));
    assert.equal(choices[0].message.content ?? '', '');
  });
});

describe('before anything has come', { concurrency: 1 }, () => {
  test('the client gets the refusal, once', async () => {
    const before = (await weir.ledger()).length;
    const { started } = await sim.books();
    const call = anthropic('delay=60000').messages.create({ ...ask, stream: true }).then(() => assert.fail('it was answered'), (error) => error);
    await until(async () => (await sim.books()).started > started, 'the provider was asked');
    freeze();
    const error = await call;
    unfreeze();
    assert.equal(error.status, 402);
    assert.equal(error.headers.get('x-weir-refusal'), 'frozen');
    assert.match(error.message, /Frozen: user ana@example[.]com/);
    const rows = (await weir.ledgerOf(before + 1)).slice(before);
    assert.deepEqual(rows.map((r) => [r.ending, r.decision, r.status]), [['truncated', 'truncated', 402]]);
  });
});

describe('every worker', { concurrency: 1 }, () => {
  test('all streams have ended when the command has', async () => {
    const N = 24;
    let begun = 0;
    const streams = Array.from({ length: N }, async (_, i) => {
      let stop;
      for await (const e of await anthropic(`seed=${i};events=40;fault=stall;at=4`).messages.create({ ...ask, stream: true })) {
        if (e.type === 'content_block_start') begun++;
        stop = e.delta?.stop_reason ?? stop;
      }
      return stop;
    });
    await until(() => begun === N, 'all run', 15000);
    freeze();
    const calls = (await sim.calls()).slice(-N);
    assert.deepEqual(calls.map((c) => c.finished), Array(N).fill('client_gone'));
    assert.deepEqual(await Promise.all(streams), Array(N).fill('max_tokens'));
    unfreeze();
  });

  test('what is frozen stays so over a restart, and goes on when it is lifted', async () => {
    freeze();
    await weir.stop();
    await weir.restart();
    const error = await anthropic('seed=1').messages.create(ask).then(() => assert.fail('it was answered'), (e) => e);
    assert.equal(error.status, 402);
    const list = JSON.parse(weir.run('freeze', 'list', '--json').stdout).frozen;
    assert.deepEqual(list.map((f) => [f.scope, f.value, f.reason]), [['user', USER, REASON]]);
    unfreeze();
    assert.ok((await anthropic('seed=1').messages.create(ask)).content[0].text);
    assert.equal(weir.run('unfreeze', '--user', USER).status, 1);
  });
});
