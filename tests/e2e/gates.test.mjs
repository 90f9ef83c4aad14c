// Gates, as real SDKs meet them: the first that matches decides, and says why in the client's own error.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { startSim, startWeir, stopAll } from './lib/harness.mjs';
import { rowOf } from './lib/rows.mjs';

let sim, weir;
let n = 0;

const RULES = `
budgets:
  - {name: calls, each: user, where: {tags.test: share}, window: total, limit: 4 requests}
gates:
  - {name: half, where: {tags.test: share, budget: {calls: ">=50%"}}, deny: "half is enough"}
  - {name: hotfix, where: {branch: hotfix/*}, allow: true}
  - {name: ci-push, where: {environment: ci, trigger: push}, deny: "agents run on pull requests only"}
  - {name: ci-diff, where: {environment: ci, diff_lines: ">3000"}, deny: "diff too large for an agent review"}
  - {name: watch, where: {user: watched@example.com}, deny: "nobody asked", mode: shadow}
  - {name: pilot, where: {model: gpt-*}, cohort: pilot, deny: "not on trial yet"}
  - {name: mcp, where: {mcp_server: "!approved-*"}, deny: "unapproved MCP server"}
`;

before(async () => {
  sim = await startSim();
  weir = await startWeir({ sim, extra: RULES });
});
after(stopAll);

/** Makes a call as a key that fixes some attributes; {error, row, sent}. */
async function call({ fixed = [], user = 'ana@example.com', headers = {}, body = {}, openai = false }) {
  const task = `g${++n}`;
  const { key } = JSON.parse(weir.must('key', 'create', '--json', '--user', user, ...fixed.flatMap((f) => ['--set', f])));
  const before = (await sim.books()).started;
  const defaultHeaders = { 'x-weir-task': task, ...headers };
  const messages = [{ role: 'user', content: 'hello' }];
  let error;
  try {
    if (openai) await new OpenAI({ apiKey: key, baseURL: `${weir.url}/v1`, defaultHeaders }).chat.completions.create({ model: 'gpt-4o', messages, ...body });
    else await new Anthropic({ apiKey: key, baseURL: weir.url, defaultHeaders }).messages.create({ model: 'claude-opus-4-5', max_tokens: 5, messages, ...body });
  } catch (caught) {
    error = caught;
  }
  return { error, row: await rowOf(weir, task), sent: (await sim.books()).started - before };
}

function denied({ error, row, sent }, gate, why) {
  assert.equal(error?.status, 402, error?.message);
  assert.match(error.message, new RegExp(`Gate \\\\?"${gate}\\\\?" refuses this call: ${why}\\. To go on now, ask `));
  assert.equal(error.headers.get('x-weir-refusal'), 'gate');
  assert.equal(error.headers.get('x-should-retry'), 'false');
  assert.equal(sent, 0);
  assert.equal(row.rule, gate);
  assert.equal(row.decision, 'refused');
  assert.match(row.explanation, new RegExp(why));
}

test('a CI job by its trigger, which the key fixes', async () => {
  denied(await call({ fixed: ['environment=ci', 'trigger=push'] }), 'ci-push', 'agents run on pull requests only');
  const other = await call({ fixed: ['environment=ci', 'trigger=pull_request'] });
  assert.equal(other.error, undefined);
  assert.equal(other.sent, 1);
});

test('what a header claims of CI counts for nothing', async () => {
  const claimed = await call({ fixed: ['environment=ci'], headers: { 'x-weir-trigger': 'push', 'x-weir-pr': '7', 'x-weir-diff-lines': '9999' } });
  assert.equal(claimed.error, undefined);
  assert.equal(claimed.row.trigger, 'push');
  assert.equal(claimed.row.claimed, 'trigger,pr');
  const laptop = await call({ headers: { 'x-weir-environment': 'ci', 'x-weir-trigger': 'push' } });
  assert.equal(laptop.error, undefined);
  assert.equal(laptop.row.environment, null);
});

test('the first that matches decides', async () => {
  const hotfix = await call({ fixed: ['environment=ci', 'trigger=push', 'branch=hotfix/1'] });
  assert.equal(hotfix.error, undefined);
});

test('by the MCP servers whose tools the model is offered', async () => {
  const tool = (name) => ({ name, description: 'x', input_schema: { type: 'object', properties: {} } });
  const mixed = { tools: [tool('Bash'), tool('mcp__approved-git__log'), tool('mcp__wild__run')] };
  denied(await call({ body: mixed }), 'mcp', 'unapproved MCP server');
  const fine = await call({ body: { tools: [tool('Bash'), tool('mcp__approved-git__log')] } });
  assert.equal(fine.error, undefined);
  denied(await call({ body: { mcp_servers: [{ type: 'url', name: 'wild', url: 'http://127.0.0.1:1/' }] } }), 'mcp', 'unapproved MCP server');
  const chat = { tools: [{ type: 'function', function: { name: 'mcp__w\u00e4ld__run', parameters: {} } }] };
  denied(await call({ openai: true, body: chat }), 'mcp', 'unapproved MCP server');
});

test('in shadow it only says so', async () => {
  const seen = await call({ user: 'watched@example.com' });
  assert.equal(seen.error, undefined);
  assert.equal(seen.sent, 1);
  assert.equal(seen.row.shadow, 'gate "watch" would refuse: nobody asked');
  assert.equal(seen.row.decision, 'admitted');
});

test('for a cohort', async () => {
  denied(await call({ fixed: ['cohort=pilot'], openai: true }), 'pilot', 'not on trial yet');
  assert.equal((await call({ openai: true })).error, undefined);
});

test('lists of models are nobody\'s to refuse', async () => {
  const { key } = JSON.parse(weir.must('key', 'create', '--json', '--user', 'x', '--set', 'environment=ci', '--set', 'trigger=push'));
  const answer = await fetch(`${weir.url}/v1/models`, { headers: { 'x-api-key': key, 'anthropic-version': '2023-06-01' } });
  assert.equal(answer.status, 200);
});

test('by how much of a budget is used', async () => {
  const headers = { 'x-weir-tags': 'test=share' };
  assert.equal((await call({ headers })).error, undefined);
  assert.equal((await call({ headers })).error, undefined);
  denied(await call({ headers }), 'half', 'half is enough');
  assert.equal((await call({ headers, user: 'other@example.com' })).error, undefined); // a counter of their own
});
