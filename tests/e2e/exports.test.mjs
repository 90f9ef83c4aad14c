// What providers tell in sum, by the program itself: their own shapes, read again, told anew, and beside calls that are known one by one,
// in every order. Shapes are those of the providers' public references; all values are made up.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { WEIR, cleanEnvironment, scratch, stopAll } from './lib/harness.mjs';

after(stopAll);
const OLD = new Date('2026-01-01T00:00:00Z');
const NANO = 1e9;

class Home {
  constructor() {
    this.folder = scratch('weir-exports-');
  }
  write(path, text) {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof text === 'string' ? text : JSON.stringify(text));
    utimesSync(file, OLD, OLD);
    return file;
  }
  weir(args, input) {
    const done = spawnSync(WEIR, args, { cwd: this.folder, encoding: 'utf8', input, env: cleanEnvironment({ HOME: this.folder, XDG_DATA_HOME: '', CODEX_HOME: '' }) });
    return { status: done.status, out: done.stdout, err: done.stderr };
  }
  import(...args) {
    const done = this.weir(['import', ...args, '--json']);
    assert.equal(done.status, 0, done.err);
    return JSON.parse(done.out);
  }
  rows() {
    return this.weir(['export', 'ledger']).out.trim().split('\n').filter(Boolean).map((l) => JSON.parse(l));
  }
  total() {
    const done = this.weir(['report', '--since', '2026-01-01', '--by', 'source', '--json']);
    assert.equal(done.status, 0, done.err);
    return JSON.parse(done.out).total;
  }
}

const bucket = (day, results) => ({ starting_at: `${day}T00:00:00Z`, ending_at: new Date(Date.parse(`${day}T00:00:00Z`) + 86400000).toISOString(), results });
const page = (...data) => ({ data, has_more: false, next_page: null });
const usage = (model, input, read, w5, w1, output, over = {}) => ({ uncached_input_tokens: input, cache_read_input_tokens: read,
  cache_creation: { ephemeral_5m_input_tokens: w5, ephemeral_1h_input_tokens: w1 }, output_tokens: output, server_tool_use: { web_search_requests: 0 },
  api_key_id: null, workspace_id: null, model, service_tier: 'standard', context_window: '0-200k', ...over });
const cost = (amount, model, type, over = {}) => ({ currency: 'USD', amount, workspace_id: null, description: `${model} ${type}`, cost_type: 'tokens', context_window: '0-200k', model, service_tier: 'standard', token_type: type, ...over });
const transcript = (id, at, input, read, output) => JSON.stringify({ type: 'assistant', sessionId: 's-1', timestamp: at, version: '2.1.0', isSidechain: false,
  message: { id, type: 'message', role: 'assistant', model: 'claude-opus-4-6', content: [], usage: { input_tokens: input, cache_read_input_tokens: read, cache_creation_input_tokens: 0, output_tokens: output } } }) + '\n';
const OPUS = { input: 5000, read: 500, w5: 6250, w1: 10000, output: 25000 };

describe('Anthropic', () => {
  test('a usage report is rows at the price of the day, once', () => {
    const home = new Home();
    home.write('u.json', page(bucket('2026-09-01', [usage('claude-opus-4-6', 1000, 90000, 300, 200, 700, { workspace_id: 'ws_1' }),
      usage('claude-opus-4-6', 100, 0, 0, 0, 50, { service_tier: 'batch' })])));
    assert.deepEqual([home.import('anthropic-usage', 'u.json').sums.booked, home.import('anthropic-usage', 'u.json').sums.booked], [2, 0]);
    const rows = home.rows().sort((a, b) => b.input_tokens - a.input_tokens);
    assert.equal(rows[0].cost_nanousd, 1000 * OPUS.input + 90000 * OPUS.read + 300 * OPUS.w5 + 200 * OPUS.w1 + 700 * OPUS.output);
    assert.equal(rows[1].cost_nanousd, (100 * OPUS.input + 50 * OPUS.output) / 2);
    assert.deepEqual([rows[0].source, rows[0].provider, rows[0].tags, rows[0].usage_source], ['import:anthropic-usage', 'anthropic', { workspace: 'ws_1' }, 'reported']);
  });

  test('the cost report tells the money, to the last decimal of a cent', () => {
    const home = new Home();
    home.write('u.json', page(bucket('2026-09-01', [usage('claude-opus-4-6', 1000, 0, 0, 0, 700)])));
    home.write('c.json', page(bucket('2026-09-01', [cost('1.23456789', 'claude-opus-4-6', 'uncached_input_tokens'), cost('2', 'claude-opus-4-6', 'output_tokens'),
      cost('4', null, null, { cost_type: 'web_search', description: 'Web Search Usage' })])));
    home.import('anthropic-usage', 'u.json');
    home.import('anthropic-usage', 'c.json');
    const total = home.total();
    assert.equal(total.cost_nanousd, 12345679 + 20000000 + 40000000);
    assert.deepEqual([total.input_tokens, total.output_tokens, total.unpriced], [1000, 700, 0]);
    const of = (part) => home.rows().filter((r) => r.model_served).reduce((sum, r) => sum + r.cost[part], 0);
    assert.deepEqual([of('input'), of('output'), of('other')], [12345679, 20000000, 0]);
  });

  test('what grew is added, and told by other dimensions it is still told once', () => {
    const home = new Home();
    home.write('u.json', page(bucket('2026-09-01', [usage('claude-opus-4-6', 1000, 0, 0, 0, 700)])));
    home.import('anthropic-usage', 'u.json');
    home.write('u.json', page(bucket('2026-09-01', [usage('claude-opus-4-6', 1500, 0, 0, 0, 900)])));
    const grown = home.import('anthropic-usage', 'u.json').sums;
    assert.deepEqual([grown.booked, grown.removed, home.total().input_tokens, home.rows().length], [1, 0, 1500, 2]);
    home.write('u.json', page(bucket('2026-09-01', [usage('claude-opus-4-6', 1400, 0, 0, 0, 800, { api_key_id: 'k1' }), usage('claude-opus-4-6', 100, 0, 0, 0, 100, { api_key_id: 'k2' })])));
    home.import('anthropic-usage', 'u.json');
    assert.deepEqual([home.total().input_tokens, home.total().output_tokens, home.rows().length], [1500, 900, 2]);
  });

  test('an hour in each bucket is the same day', () => {
    const home = new Home();
    const hour = (h, n) => ({ starting_at: `2026-09-01T${h}:00:00Z`, ending_at: `2026-09-01T${h}:59:59Z`, results: [usage('claude-opus-4-6', n, 0, 0, 0, n)] });
    home.write('d.json', page(bucket('2026-09-01', [usage('claude-opus-4-6', 30, 0, 0, 0, 30)])));
    home.write('h.json', page(hour('10', 10), hour('11', 20)));
    home.import('anthropic-usage', 'd.json');
    home.import('anthropic-usage', 'h.json');
    assert.deepEqual([home.total().input_tokens, home.rows().length], [30, 2]);
  });

  for (const order of ['calls first', 'sum first'])
    test(`calls known one by one are counted once: ${order}`, () => {
      const home = new Home();
      home.write('t/a.jsonl', transcript('msg_1', '2026-09-01T10:00:00.000Z', 100, 4000, 50) + transcript('msg_2', '2026-09-01T11:00:00.000Z', 100, 6000, 50)
        + transcript('msg_3', '2026-09-02T00:00:00.000Z', 7, 0, 7));
      home.write('u.json', page(bucket('2026-09-01', [usage('claude-opus-4-6-20260205', 1000, 90000, 0, 0, 700), usage('claude-haiku-4-5', 5, 0, 0, 0, 5)])));
      const steps = [() => home.import('claude-code', 't'), () => home.import('anthropic-usage', 'u.json')];
      for (const step of order === 'calls first' ? steps : steps.reverse()) step();
      const total = home.total();
      assert.deepEqual([total.input_tokens, total.cache_read_tokens, total.output_tokens], [1000 + 5 + 7, 90000, 700 + 5 + 7]);
      const rest = home.rows().find((r) => r.source === 'import:anthropic-usage' && r.model_served.startsWith('claude-opus'));
      assert.deepEqual([rest.input_tokens, rest.cache_read_tokens, rest.output_tokens], [800, 80000, 600]);
      assert.equal(home.import('anthropic-usage', 'u.json').sums.booked, 0);
    });

  test('what a plan paid is no part of what the API was used for', () => {
    const home = new Home();
    home.write('t/a.jsonl', transcript('msg_1', '2026-09-01T10:00:00.000Z', 100, 4000, 50));
    home.import('claude-code', 't', '--billing', 'subscription');
    home.write('u.json', page(bucket('2026-09-01', [usage('claude-opus-4-6', 100, 4000, 0, 0, 50)])));
    home.import('anthropic-usage', 'u.json');
    assert.equal(home.total().input_tokens, 200);
  });

  test('analytics of Claude Code by person go before the report of the organisation', () => {
    const home = new Home();
    home.write('p.json', page({ date: '2026-09-01T00:00:00Z', actor: { type: 'user_actor', email_address: 'ana@example.com' }, organization_id: 'o', customer_type: 'api', terminal_type: 'vscode',
      core_metrics: { num_sessions: 3 }, model_breakdown: [{ model: 'claude-opus-4-6', tokens: { input: 400, output: 300, cache_read: 10, cache_creation: 20 }, estimated_cost: { currency: 'USD', amount: 3 } }] }));
    home.write('u.json', page(bucket('2026-09-01', [usage('claude-opus-4-6', 1000, 10, 0, 20, 700)])));
    home.import('anthropic-usage', 'u.json', 'p.json');
    const total = home.total();
    assert.deepEqual([total.input_tokens, total.output_tokens, total.cache_write_5m_tokens + total.cache_write_1h_tokens], [1000, 700, 20]);
    assert.equal(home.rows().find((r) => r.user === 'ana@example.com').cost_nanousd, 0.03 * NANO);
  });

  test('pages one behind the other come by standard input', () => {
    const home = new Home();
    const text = ['2026-09-01', '2026-09-02'].map((d) => JSON.stringify(page(bucket(d, [usage('claude-opus-4-6', 1, 0, 0, 0, 1)])), null, 1)).join('\n');
    assert.equal(home.weir(['import', 'anthropic-usage', '-'], text).status, 0);
    assert.equal(home.total().input_tokens, 2);
  });
});

test('OpenAI: cached input is inside input, costs are told by line, a batch is half', () => {
  const home = new Home();
  const at = Date.parse('2026-09-01T00:00:00Z') / 1000;
  const result = (over) => ({ object: 'organization.usage.completions.result', input_tokens: 1000, output_tokens: 500, input_cached_tokens: 800, input_audio_tokens: 0, output_audio_tokens: 0, num_model_requests: 5,
    project_id: null, user_id: null, api_key_id: null, model: 'gpt-5-2025-08-07', batch: null, ...over });
  const answer = (...results) => ({ object: 'page', data: [{ object: 'bucket', start_time: at, end_time: at + 86400, results }], has_more: false, next_page: null });
  home.write('u.json', answer(result({ project_id: 'proj_1' })));
  home.import('openai-usage', 'u.json');
  const [row] = home.rows();
  assert.deepEqual([row.input_tokens, row.cache_read_tokens, row.output_tokens, row.tags, row.provider], [200, 800, 500, { project: 'proj_1' }, 'openai']);
  assert.equal(row.cost_nanousd, 200 * 1250 + 800 * 125 + 500 * 10000);
  const price = (value, line) => ({ object: 'organization.costs.result', amount: { value, currency: 'usd' }, line_item: line, project_id: null });
  home.write('c.json', answer(price(0.0003, 'gpt-5-2025-08-07, input'), price('0.0001', 'gpt-5-2025-08-07, cached input'), price(0.00612345678, 'gpt-5-2025-08-07, output'), price(0.5, 'web search tool calls')));
  home.import('openai-usage', 'c.json');
  assert.equal(home.total().cost_nanousd, 300000 + 100000 + 6123457 + 500000000);
  assert.equal(home.total().unpriced, 0);
  home.write('b.json', answer(result({ batch: true, input_cached_tokens: 0 })));
  const other = new Home();
  other.write('b.json', answer(result({ batch: true, input_cached_tokens: 0 })));
  other.import('openai-usage', 'b.json');
  assert.equal(other.rows()[0].cost_nanousd, (1000 * 1250 + 500 * 10000) / 2);
});

test('Cursor: an event is a call; included ones are valued and not spent', () => {
  const home = new Home();
  const header = 'Date,User,Cloud Agent ID,Automation ID,Kind,Model,Max Mode,Input (w/ Cache Write),Input (w/o Cache Write),Cache Read,Output Tokens,Total Tokens,Cost\n';
  const line = (time, kind, cost, user = 'ana@example.com') => `"${time}","${user}","","","${kind}","claude-4.5-sonnet","No","200","100","5000","300","5600","${cost}"\n`;
  home.write('c.csv', header + line('2026-09-01T10:00:00.000Z', 'On-Demand', '$0.12') + line('2026-09-01T10:00:00.000Z', 'On-Demand', '$0.12')
    + line('2026-09-01T11:00:00.000Z', 'Included', '0.05') + line('2026-09-01T12:00:00.000Z', 'User API Key', '0') + line('yesterday', 'Included', '0') + line('2026-09-01T13:00:00.000Z', 'Errored, No Charge', '-'));
  const done = home.weir(['import', 'cursor', 'c.csv', '--json']);
  assert.match(done.err, /c\.csv:6: no date in the column Date/);
  const told = JSON.parse(done.out);
  assert.deepEqual([told.added, told.bad_lines, told.passed_over], [4, 1, 1]);
  const again = home.import('cursor', 'c.csv');
  assert.deepEqual([again.added, again.known], [0, 4]);
  const total = home.total();
  assert.deepEqual([total.cost_nanousd, total.subscription_nanousd, total.input_tokens, total.cache_write_5m_tokens], [0.24 * NANO, 0.05 * NANO, 400, 800]);
  const events = new Home();
  events.write('e.json', { totalUsageEventsCount: 1, usageEvents: [{ timestamp: '1788256800000', userEmail: 'bo@example.com', model: 'gpt-5', kind: 'USAGE_EVENT_KIND_USAGE_BASED', maxMode: false, requestsCosts: 1,
    isTokenBasedCall: true, tokenUsage: { inputTokens: 10, outputTokens: 20, cacheWriteTokens: 0, cacheReadTokens: 30, totalCents: 1.5 }, chargedCents: 1.5 }] });
  events.import('cursor', 'e.json');
  assert.deepEqual(events.rows().map((r) => [r.user, r.cost_nanousd, r.billing, r.agent, r.input_tokens]), [['bo@example.com', 15000000, 'metered', 'cursor', 10]]);
});

test('Copilot: what the plan includes is valued, the rest is spent, runners are passed over', () => {
  const home = new Home();
  home.write('r.csv', '\ufeffdate,username,product,sku,model,quantity,unit_type,applied_cost_per_quantity,gross_amount,discount_amount,net_amount,total_monthly_quota,organization,cost_center_name\r\n'
    + '2026-09-05,ana,copilot,copilot_ai_credit,"Claude Sonnet 4.5",42.726213,ai-credits,0.01,0.4272621300000001,0.4272621300000001,0,3900,acme,"Platform, EMEA"\r\n'
    + '9/5/26,bo,copilot,copilot_ai_credit,GPT-5.4,100,ai-credits,0.01,1,0.25,0.75,3900,acme,\r\n'
    + '2026-09-05,,actions,actions_linux,,10,minutes,0.006,0.06,0,0.06,,acme,\r\n'
    + '2026-09-05,cy,copilot,copilot_ai_credit,GPT-5.4,x,ai-credits,0.01,one dollar,0,1,3900,acme,\r\n');
  const done = home.weir(['import', 'copilot', 'r.csv', '--json']);
  assert.match(done.err, /r\.csv:5: an amount that is no number/);
  assert.deepEqual([home.total().cost_nanousd, home.total().subscription_nanousd], [0.75 * NANO, 427262130 + 0.25 * NANO]);
  const ana = home.rows().find((r) => r.user === 'ana');
  assert.deepEqual([ana.cost_centre, ana.billing, ana.credits, ana.tags.organization], ['Platform, EMEA', 'subscription', 42.726213, 'acme']);
});

describe('an invoice', () => {
  const lines = 'Invoice 4711\n\nPeriod Start;Period End;Model;Description;Total;Currency\n2026-09-01;2026-09-30;claude-opus-4-6;Claude Opus 4.6 output;"1,000.50";USD\n2026-09-01;2026-09-30;;Support plan;100;USD\n2026-09-01;2026-09-30;;In euros;5;EUR\n';
  test('adds what the ledger does not have, and says which lines it cannot take', () => {
    const home = new Home();
    home.write('t/a.jsonl', transcript('msg_1', '2026-09-15T10:00:00.000Z', 0, 0, 40000));
    home.import('claude-code', 't');
    home.write('i.csv', lines);
    const done = home.weir(['import', 'invoice', 'i.csv', '--provider', 'anthropic', '--json']);
    assert.match(done.err, /i\.csv:6: an amount that is not in USD/);
    const rows = home.rows().filter((r) => r.source === 'import:invoice');
    assert.deepEqual(rows.map((r) => r.cost_nanousd).sort((a, b) => a - b), [100 * NANO, 1000.5 * NANO - 40000 * OPUS.output]);
    assert.equal(home.total().cost_nanousd, 1100.5 * NANO);
  });
  test('takes the names of its columns, and says when it has none', () => {
    const home = new Home();
    home.write('i.csv', 'When,How much\n2026-09,12.34\n');
    const lost = home.weir(['import', 'invoice', 'i.csv', '--provider', 'openai']);
    assert.equal(lost.status, 1);
    assert.match(lost.err, /i\.csv:1: no header .* --columns amount=NAME,date=NAME/);
    home.import('invoice', 'i.csv', '--provider', 'openai', '--columns', 'amount=How much,date=When');
    assert.equal(home.total().cost_nanousd, 12.34 * NANO);
  });
});

test('an export has to be named', () => {
  const home = new Home();
  const done = home.weir(['import', 'openai-usage']);
  assert.equal(done.status, 2);
  assert.match(done.err, /name the file/);
});
