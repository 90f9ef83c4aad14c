// genai-prices' own regression cases (usage objects of real answers, what it reads in them and what it reckons, as of 2025-11-06):
// each goes through the gateway in every dialect and at every provider it is meant for, and the ledger must have the same tokens at the
// same price. tests/wire/prices/cases.json is a part; with WEIR_DATA all of prices/open/genai-prices/usages_cases.json.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT, scratch, startSim, startWeir, stopAll } from '../e2e/lib/harness.mjs';
import { clockAt } from './clock.mjs';

const FULL = process.env.WEIR_DATA ? join(process.env.WEIR_DATA, 'prices/open/genai-prices/usages_cases.json') : null;
const FILE = FULL && existsSync(FULL) ? FULL : join(ROOT, 'tests/wire/prices/cases.json');
const PRICED_AT = Date.parse('2025-11-06T12:00:00Z');
const ROUNDING = 5; // nano-dollars

const json = (value) => JSON.stringify(value);

/** A dialect: which usage objects are meant for it, the library's flavours that read them so, the call and the whole answer. */
const DIALECTS = [
  {
    name: 'messages',
    is: (usage) => 'input_tokens' in usage && !('input_tokens_details' in usage) && !('total_tokens' in usage),
    at: { anthropic: 'default', google: 'anthropic', aws: 'anthropic' },
    path: (model, provider) =>
      provider === 'google' ? `/v1/projects/p/locations/global/publishers/anthropic/models/${model}:rawPredict`
      : provider === 'aws' ? `/model/us.anthropic.${model}-v1:0/invoke`
      : '/v1/messages',
    request: (model) => ({ model, max_tokens: 10, messages: [] }),
    answer: ({ model, usage }) => ({ id: 'm', type: 'message', role: 'assistant', model, content: [], stop_reason: 'end_turn', usage }),
  },
  {
    name: 'responses',
    is: (usage) => 'input_tokens' in usage && ('input_tokens_details' in usage || 'total_tokens' in usage),
    at: { openai: 'responses', azure: 'responses' },
    path: (model, provider) => (provider === 'azure' ? '/openai/v1/responses' : '/v1/responses'),
    request: (model) => ({ model, input: 'x' }),
    answer: ({ model, usage }) => ({ id: 'r', object: 'response', status: 'completed', model, output: [], usage }),
  },
  {
    name: 'embeddings',
    is: (usage) => 'prompt_tokens' in usage && !('completion_tokens' in usage),
    at: { openai: 'embeddings', azure: 'embeddings' },
    path: (model, provider) => (provider === 'azure' ? '/openai/v1/embeddings' : '/v1/embeddings'),
    request: (model) => ({ model, input: 'x' }),
    answer: ({ model, usage }) => ({ object: 'list', data: [], model, usage }),
  },
  {
    name: 'chat',
    is: (usage) => 'completion_tokens' in usage,
    at: { openai: 'chat', azure: 'chat', openrouter: 'chat', groq: 'default', mistral: 'default', deepseek: 'chat', cerebras: 'chat', fireworks: 'chat', zhipuai: 'chat' },
    path: (model, provider) => (provider === 'azure' ? '/openai/v1/chat/completions' : '/v1/chat/completions'),
    request: (model) => ({ model, messages: [] }),
    answer: ({ model, usage }) => ({ id: 'c', object: 'chat.completion', model, choices: [{ index: 0, message: { role: 'assistant', content: '' }, finish_reason: 'stop' }], usage }),
  },
  {
    name: 'generateContent',
    is: (usage) => 'promptTokenCount' in usage || 'candidatesTokenCount' in usage,
    at: { google: 'default' },
    path: (model) => `/v1beta/models/${model.split('/').pop()}:generateContent`,
    request: () => ({ contents: [] }),
    answer: ({ model, usage }) => ({ candidates: [{ content: { parts: [] }, finishReason: 'STOP' }], usageMetadata: usage, modelVersion: model }),
  },
  {
    name: 'converse',
    is: (usage) => 'inputTokens' in usage,
    at: { aws: 'default' },
    path: () => '/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse',
    request: () => ({ messages: [] }),
    answer: ({ usage }) => ({ output: { message: { role: 'assistant', content: [] } }, stopReason: 'end_turn', usage }),
  },
  {
    name: 'embed',
    is: (usage) => 'billed_units' in usage,
    at: { cohere: 'embeddings' },
    path: () => '/v2/embed',
    request: () => ({ model: 'embed-v4.0', texts: ['x'] }),
    answer: ({ usage }) => ({ id: 'e', embeddings: { float: [] }, meta: usage }),
  },
];

/** Where the library reads or prices a case otherwise, and why. */
const KNOWN = [
  { why: 'it reads no cached tokens at this provider, or under this name', when: (one, row) => one.read.cache_read_tokens === undefined && row.cache_read_tokens > 0 },
  { why: 'it leaves out the iterations of other samplings than the last', when: (one) => Array.isArray(one.usage.iterations) },
  { why: "the fees of the provider's own tools are left out", when: (one, row) => row.cost.tools > 0 && Math.abs(row.cost_nanousd - row.cost.tools - one.nano) <= ROUNDING },
  { why: 'it reads no cache writes at this provider', when: (one, row) => one.read.cache_write_tokens === undefined && row.cache_write_5m_tokens > 0 },
  { why: 'it has no audio prices for it, and prices sound as text', when: (one) => /audio-preview/.test(one.model) },
  {
    why: "Azure: the book has a snapshot's price in a region, a tenth above the global one, and cached input rounded to a cent; dearer, never cheaper",
    when: (one, row) => one.provider === 'azure' && row.cost_nanousd > one.nano && row.cost_nanousd <= Math.ceil(one.nano * 1.1),
  },
  { why: 'mistral-large-latest: Large 2 there, Large 3 here', when: (one, row) => /mistral-large-latest$/.test(one.model) },
];

const providerOf = (one) => (one.dialect.name === 'messages' && one.provider === 'google' ? 'vertex' : one.provider);
const API_OF = { anthropic: 'anthropic', azure: 'azure', google: 'gemini', vertex: 'vertex', aws: 'bedrock', cohere: 'cohere' };
const VENDOR_OF = { aws: 'bedrock', google: 'google', zhipuai: 'zhipu' };

/** Every case at every provider that it is meant for. */
function load() {
  const all = [];
  JSON.parse(readFileSync(FILE, 'utf8')).forEach((item, index) => {
    const usage = item.body.usage ?? item.body.usageMetadata ?? item.body.meta;
    const dialect = DIALECTS.find((one) => one.is(usage));
    for (const { extractors, usage: read } of item.extracted)
      for (const extractor of extractors) {
        if (dialect?.at[extractor.provider_id] !== extractor.api_flavor) continue;
        const total = extractor.total_price ?? (extractor.input_price !== undefined ? Number(extractor.input_price) + Number(extractor.output_price ?? 0) : null);
        const nano = total === null ? null : Math.round(Number(total) * 1e9);
        all.push({ id: `${index}-${extractor.provider_id}-${extractor.api_flavor}`, provider: extractor.provider_id, dialect, model: item.model ?? item.body.model ?? 'm', usage, read, nano });
      }
  });
  return all;
}

const cases = load();

const together = (row, ...fields) => fields.reduce((sum, field) => sum + (row[field] ?? 0), 0);

function usageFault({ read, dialect, provider }, row) {
  const written = Math.max(read.cache_write_tokens ?? 0, (read.cache_write_5m_tokens ?? 0) + (read.cache_write_1h_tokens ?? 0));
  const wanted = {
    'all input': [row.context_tokens, read.input_tokens],
    'cache read': [together(row, 'cache_read_tokens', 'cache_read_audio_tokens'), read.cache_read_tokens ?? 0],
    'cache write': [together(row, 'cache_write_5m_tokens', 'cache_write_1h_tokens'), written],
    output: [together(row, 'output_tokens', 'output_audio_tokens', 'output_image_tokens'), read.output_tokens ?? 0],
    ...(read.output_reasoning_tokens !== undefined && { reasoning: [row.reasoning_tokens ?? 0, read.output_reasoning_tokens] }),
    ...(read.web_searches !== undefined && { searches: [row.web_searches ?? row.server_tool_calls ?? 0, read.web_searches] }),
  };
  for (const [name, [got, want]] of Object.entries(wanted)) if (want !== undefined && got !== want) return `${dialect.name} at ${provider}: ${name} ${got}, the library reads ${want}`;
  return null;
}

const isPriced = (one, row) => one.nano !== null && row.price_id !== null && !/^(fallback|charged)/.test(row.price_id);
const priceFault = (one, row) => (isPriced(one, row) && Math.abs(row.cost_nanousd - one.nano) > ROUNDING ? `${row.cost_nanousd} by ${row.price_id}, the library says ${one.nano}` : null);

describe(`${cases.length} readings of usage cases`, { concurrency: 1 }, () => {
  let sim, weir;
  before(async () => {
    const folder = scratch();
    const file = join(folder, 'pairs.jsonl');
    writeFileSync(file, cases.map((one) => json({ id: one.id, method: 'POST', url: 'https://case.example/', status: 200, stream: false, request: {}, response: { headers: { 'content-type': 'application/json' }, body: json(one.dialect.answer(one)) } })).join('\n'));
    sim = await startSim({ args: ['--replay', file] });
    const providers = [...new Set(cases.map(providerOf))].map((name) => `  - {name: ${name}, api: ${API_OF[name] ?? 'openai'}${VENDOR_OF[name] ? `, vendor: ${VENDOR_OF[name]}` : ''}, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL}`);
    const config = `listen: 127.0.0.1:0\nconsole: {listen: 127.0.0.1:0}\nstore: sqlite:${folder}/weir.db\nprices: {unknown: {input: 1.00, output: 2.00, web_searches: 10.00}}\nproviders:\n${providers.join('\n')}\n`;
    weir = await startWeir({ sim, config, env: clockAt(PRICED_AT, folder) });
  });

  test('all are answered', async () => {
    for (const one of cases) {
      const answer = await fetch(`${weir.url}/p/${providerOf(one)}${one.dialect.path(one.model, one.provider)}`, {
        method: 'POST',
        body: json(one.dialect.request(one.model)),
        headers: { 'content-type': 'application/json', 'x-sim-pair': one.id, 'x-weir-task': one.id, 'x-weir-key': weir.key() },
      });
      const text = await answer.text();
      assert.equal(answer.status, 200, `${one.id}: ${text.slice(0, 300)}`);
    }
  });

  test('the ledger reads and prices them as the library does', async () => {
    const rows = new Map((await weir.ledgerOf(cases.length)).map((row) => [row.task, row]));
    const faults = [];
    const lines = new Map();
    const counts = new Map();
    for (const one of cases) {
      const row = rows.get(one.id);
      assert.ok(row, one.id);
      const line = lines.get(`${one.provider.padEnd(12)} ${one.dialect.name.padEnd(16)}`) ?? { cases: 0, exact: 0, priced: 0, alike: 0, reasons: 0 };
      lines.set(`${one.provider.padEnd(12)} ${one.dialect.name.padEnd(16)}`, line);
      const usage = usageFault(one, row), price = priceFault(one, row), reason = (usage || price) && KNOWN.find((known) => known.when(one, row));
      line.cases++;
      line.exact += !usage;
      line.priced += isPriced(one, row);
      line.alike += isPriced(one, row) && !price;
      line.reasons += reason ? 1 : 0;
      if (reason) counts.set(reason.why, (counts.get(reason.why) ?? 0) + 1);
      if ((usage || price) && !reason) faults.push(`${one.id} ${one.model} ${json(one.usage)}: ${usage ?? ''} ${price ?? ''}`);
    }
    console.log(['usage cases of genai-prices', `${'provider'.padEnd(12)} ${'dialect'.padEnd(16)}  cases  exact  priced by both  alike  disagreements`,
      ...[...lines].sort().map(([key, l]) => `${key} ${String(l.cases).padStart(6)} ${String(l.exact).padStart(6)} ${String(l.priced).padStart(15)} ${String(l.alike).padStart(6)} ${String(l.reasons).padStart(14)}`)].join('\n'));
    console.log([...counts].map(([why, n]) => `${String(n).padStart(5)}  ${why}`).join('\n'));
    assert.deepEqual(faults, []);
  });
});
after(stopAll);
