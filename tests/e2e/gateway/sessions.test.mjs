// Sessions and tools through the real program: turns, retries, parts in the ledger, pausing and resuming, a restart.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { WEIR, startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { query, rows } from '../lib/rows.mjs';
import { until } from '../lib/raw.mjs';

const run = promisify(execFile);
const TOOLS = ['Bash', 'mcp__jira__search'].map((name) => ({ name, description: 'd'.repeat(400), input_schema: { type: 'object' } }));
const call = (id, name) => ({ role: 'assistant', content: [{ type: 'tool_use', id, name, input: { command: 'make test' } }] });
const result = (id, text, more = {}) => ({ role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: text, ...more }] });
const TURNS = [
  [{ role: 'user', content: 'Mend the failing test' }],
  [call('t1', 'Bash'), result('t1', '2 failed', { is_error: true })],
  [call('t2', 'mcp__jira__search'), result('t2', 'three issues')],
];
// Of another conversation than `TURNS` when it has no client's id: other words, and the ids of other calls.
const messages = (n, session) => JSON.parse(JSON.stringify(TURNS.slice(0, n).flat()).replaceAll(/"t(\d)"/g, session ? '"t$1"' : '"u$1"').replace('Mend', session ? 'Mend' : 'Find'));

describe('sessions', () => {
  let sim, weir;
  const ask = (n, session) => fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': weir.key(), ...(session ? { 'x-weir-session': session } : {}) },
    body: JSON.stringify({ model: 'claude-haiku-4-5', max_tokens: 50, tools: TOOLS, messages: messages(n, session) }),
  });
  const cli = (...args) => run(WEIR, [...args, '--config', weir.file], { env: { ...weir.environment, USER: 'ana' } });
  before(async () => {
    sim = await startSim();
    weir = await startWeir({ sim });
  });
  after(stopAll);

  test('turns, a retry, and the parts of each input', async () => {
    for (const n of [1, 2, 2, 3]) {
      const answer = await ask(n, 'one');
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('x-weir-session'), 'one');
      await answer.text();
    }
    const all = await until(async () => { const r = await rows(weir, "session='one'"); return r.length === 4 && r; });
    assert.deepEqual(all.map((r) => [r.turn, r.attempt]), [[1, 1], [2, 1], [2, 2], [3, 1]]);
    assert.equal(all[2].retry_of, all[1].id);
    const tools = await query(`${weir.folder}/weir.db`, "SELECT tool,mcp_server,sum(calls) AS calls,sum(failures) AS failures FROM call_parts WHERE part='tool' GROUP BY tool ORDER BY tool");
    assert.deepEqual(tools.map((t) => [t.tool, t.mcp_server, t.calls, t.failures]), [['Bash', '', 1, 1], ['mcp__jira__search', 'jira', 1, 0]]);
    for (const r of all) {
      const sums = ['definition', 'argument', 'result', 'text', 'resent'];
      const of = (unit) => sums.map((s) => `coalesce(${s}_${unit},0)`).join('+');
      const [sum] = await query(`${weir.folder}/weir.db`, `SELECT sum(${of('tokens')}) AS tokens,sum(${of('nanousd')}) AS money FROM call_parts WHERE call_id='${r.id}'`);
      assert.equal(sum.tokens, r.context_tokens);
      assert.equal(sum.money, r.cost_input + r.cost_cache_read + r.cost_cache_write_5m + r.cost_cache_write_1h);
    }
    const report = JSON.parse((await cli('report', '--by', 'mcp_server', '--where', 'part=tool', '--measures', 'tool_calls', '--json')).stdout);
    assert.equal(report.rows.find((r) => r.mcp_server === 'jira').tool_calls, 1);
  });

  test('without ids a conversation is one session all the same', async () => {
    const ids = [];
    for (const n of [1, 2, 3]) {
      const answer = await ask(n);
      ids.push(answer.headers.get('x-weir-session'));
      await answer.text();
    }
    assert.match(ids[0], /^ws_/);
    assert.deepEqual(ids, [ids[0], ids[0], ids[0]]);
  });

  test('paused by a person, refused with the way out, resumed on the record', async () => {
    await until(async () => (await cli('session', 'list')).stdout.includes('one'));
    await cli('session', 'pause', 'one', '--reason', 'looks stuck');
    const refused = await until(async () => { const a = await ask(3, 'one'); const text = await a.text(); return a.status === 402 && { a, text }; });
    assert.equal(refused.a.headers.get('x-weir-refusal'), 'storm');
    assert.match(refused.text, /session one is paused: looks stuck.*weir session resume one/);
    await assert.rejects(cli('session', 'resume', 'one'), /wants a --reason/);
    await cli('session', 'resume', 'one', '--reason', 'mended');
    await until(async () => { const a = await ask(3, 'one'); await a.text(); return a.status === 200; });
    const audit = await query(`${weir.folder}/weir.db`, "SELECT actor,action,detail FROM audit WHERE subject='one' ORDER BY seq");
    assert.deepEqual(audit.map((x) => [x.actor, x.action, x.detail]), [['ana', 'session.paused', 'looks stuck'], ['ana', 'session.running', 'mended']]);
    await assert.rejects(cli('session', 'pause', 'nobody'), /no session "nobody"/);
  });

  test('shown: its turns and its anatomy', async () => {
    const text = (await cli('session', 'show', 'one')).stdout;
    assert.match(text, /subagent\s+turn\s+context/);
    assert.match(text, /mcp__jira__search/);
    const json = JSON.parse((await cli('session', 'show', 'one', '--json')).stdout);
    assert.equal(json.sessions[0].id, 'one');
    assert.ok(json.turns.length >= 4);
    assert.ok(json.anatomy.rows.some((r) => r.part === 'system' || r.part === 'user'));
  });

  test('goes on after a restart, where it stood', async () => {
    await until(async () => JSON.parse((await cli('session', 'show', 'one', '--json')).stdout).sessions[0].calls >= 6);
    await weir.stop();
    await weir.restart();
    await (await ask(3, 'one')).text();
    const last = await until(async () => { const r = await rows(weir, "session='one' AND ending<>'refused'"); return r.length >= 6 && r.at(-1); });
    assert.equal(last.turn, 3);
    assert.ok(last.attempt > 1);
  });
});
