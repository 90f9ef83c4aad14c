// Transcripts into the ledger, by the program itself: each source's own shapes, copies of sessions, a file that grows, and a report where
// nothing but transcripts is. With WEIR_DATA (the folder that holds transcripts/open) every usable label of the recorded sessions too.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { WEIR, cleanEnvironment, scratch, startSim, startWeir, stopAll } from './lib/harness.mjs';

after(stopAll);
const OLD = new Date('2026-01-01T00:00:00Z');

/** A user of a machine of its own: files below its home, and weir run there. */
class Home {
  constructor(config = null) {
    this.folder = scratch('weir-import-');
    this.config = config;
  }
  write(path, lines, old = true) {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof lines === 'string' ? lines : lines.map((l) => (typeof l === 'string' ? l : JSON.stringify(l))).join('\n') + '\n');
    if (old) utimesSync(file, OLD, OLD);
    return file;
  }
  weir(...args) {
    const extra = this.config ? ['--config', this.config] : [];
    const done = spawnSync(WEIR, [...args, ...extra], { cwd: this.folder, encoding: 'utf8', env: cleanEnvironment({ HOME: this.folder, XDG_DATA_HOME: '', CODEX_HOME: '' }) });
    return { status: done.status, out: done.stdout, err: done.stderr };
  }
  import(...args) {
    const done = this.weir('import', ...args, '--json');
    assert.equal(done.status, 0, done.err);
    return JSON.parse(done.out);
  }
  rows() {
    const done = this.weir('export', 'ledger');
    assert.equal(done.status, 0, done.err);
    return done.out.trim().split('\n').filter(Boolean).map((l) => JSON.parse(l));
  }
}

const claude = (id, over = {}, usage = {}) => ({
  type: 'assistant', sessionId: 'c0ffee00-0000-4000-8000-000000000001', cwd: '/srv/shop', gitBranch: 'fix/cart', version: '2.1.0', isSidechain: false,
  uuid: `${id}-${Math.random()}`, timestamp: '2026-03-01T10:00:00.000Z', requestId: 'req_1', ...over,
  message: { id, type: 'message', role: 'assistant', model: over.model ?? 'claude-opus-4-6', stop_reason: over.stop ?? null,
    content: over.content ?? [{ type: 'text', text: 'x' }],
    usage: { input_tokens: 10, cache_creation_input_tokens: 300, cache_read_input_tokens: 1000,
      cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 }, output_tokens: 5, ...usage } },
});

describe('Claude Code', () => {
  test('the largest of the lines of an answer counts, once, whatever is repeated', () => {
    const home = new Home();
    const first = claude('msg_1', { content: [{ type: 'tool_use', id: 't1', name: 'Bash', input: {} }] });
    home.write('.claude/projects/-work-shop/a.jsonl', [
      { type: 'summary', summary: 'says "assistant"' }, first, first,
      claude('msg_1', { content: [{ type: 'tool_use', id: 't2', name: 'Read', input: {} }], stop: 'tool_use' }, { output_tokens: 700 }),
      claude('msg_1', {}, { output_tokens: 40 }),
      claude('msg_2', { model: '<synthetic>' }, { output_tokens: 0 }), claude('msg_3', { isApiErrorMessage: true }),
      '{"type":"assistant", half a line',
      claude('msg_4', { timestamp: '2026-03-01T10:01:00.000Z', isSidechain: true, agentId: 'a1' }),
    ]);
    const told = home.import();
    assert.deepEqual([told.calls, told.added, told.bad_lines, told.open], [2, 2, 1, 0]);
    const [a, b] = home.rows();
    assert.deepEqual([a.input_tokens, a.cache_read_tokens, a.cache_write_5m_tokens, a.cache_write_1h_tokens, a.output_tokens], [10, 1000, 100, 200, 700]);
    assert.equal(a.tool_calls, 2);
    assert.equal(a.cost_nanousd, 10 * 5000 + 1000 * 500 + 100 * 6250 + 200 * 10000 + 700 * 25000);
    assert.deepEqual([a.source, a.agent, a.agent_version, a.branch, a.turn, a.stop_reason, a.provider, a.call_key],
      ['import:claude-code', 'claude-code', '2.1.0', 'fix/cart', 1, 'tool_use', 'anthropic', 'msg_1']);
    assert.deepEqual(a.tags, { cwd: '/srv/shop' });
    assert.deepEqual([b.subagent, b.turn], ['a1', null]);
  });

  test('a second time, and a resumed copy, add nothing', () => {
    const home = new Home();
    const lines = [claude('msg_1'), claude('msg_2')];
    home.write('.claude/projects/p/a.jsonl', lines);
    assert.equal(home.import().added, 2);
    const again = home.import();
    assert.deepEqual([again.files, again.unchanged, again.calls], [0, 1, 0]);
    home.write('.claude/projects/p/b.jsonl', [...lines, claude('msg_3')]);
    const third = home.import();
    assert.deepEqual([third.added, third.known], [1, 2]);
    assert.deepEqual([home.import('--all').known, home.rows().length], [5, 3]);
  });

  test('the last call of a file that grows waits until it is whole', () => {
    const home = new Home();
    const file = home.write('.claude/projects/p/a.jsonl', [claude('msg_1'), claude('msg_2', {}, { output_tokens: 1 })], false);
    const now = home.import();
    assert.deepEqual([now.added, now.open], [1, 1]);
    appendFileSync(file, JSON.stringify(claude('msg_2', {}, { output_tokens: 99 })) + '\n');
    utimesSync(file, OLD, OLD);
    assert.equal(home.import().added, 1);
    assert.deepEqual(home.rows().map((r) => r.output_tokens).sort((a, b) => a - b), [5, 99]);
  });

  test('what the caller says goes before what the file says', () => {
    const home = new Home();
    home.write('t/a.jsonl', [claude('msg_1')]);
    home.import('claude-code', 't', '--user', 'ana@example.com', '--set', 'team=payments', '--set', 'branch=main', '--set', 'tags.run=7', '--billing', 'subscription');
    const [row] = home.rows();
    assert.deepEqual([row.user, row.team, row.branch, row.billing, row.tags], ['ana@example.com', 'payments', 'main', 'subscription', { run: '7' }]);
  });

  test('a model without a price is told, and never free', () => {
    const home = new Home();
    home.write('t/a.jsonl', [claude('msg_1', { model: 'claude-from-tomorrow' })]);
    assert.equal(home.import('claude-code', 't').unpriced, 1);
    assert.equal(home.rows()[0].cost_nanousd, null);
  });
});

const codexLine = (type, payload, at = 0) => ({ timestamp: new Date(Date.UTC(2026, 2, 1, 10, 0, at)).toISOString(), type, payload });
const counts = (input, cached, output, reasoning) => ({ input_tokens: input, cached_input_tokens: cached, output_tokens: output, reasoning_output_tokens: reasoning, total_tokens: input + output });
const codexCount = (total, last, at) => codexLine('event_msg', { type: 'token_count', info: { total_token_usage: counts(...total), last_token_usage: counts(...last) }, rate_limits: null }, at);
const codexMeta = (id) => codexLine('session_meta', { id, cwd: '/srv/shop', cli_version: '0.140.0', model_provider: 'openai', git: { commit_hash: 'abc', branch: 'main', repository_url: 'git@github.com:acme/shop.git' } });

test('Codex: calls are the differences of cumulative counts, and a fork adds only what is its own', () => {
  const home = new Home();
  const parent = [codexMeta('s-1'), codexLine('turn_context', { model: 'gpt-5.4', effort: 'high', cwd: '/srv/shop' }),
    codexLine('response_item', { type: 'function_call', name: 'shell' }), codexCount([1000, 200, 50, 10], [1000, 200, 50, 10], 1),
    codexCount([1000, 200, 50, 10], [1000, 200, 50, 10], 2), codexCount([2500, 1100, 90, 10], [1500, 900, 40, 0], 3)];
  home.write('.codex/sessions/2026/03/01/rollout-1.jsonl', parent);
  const copied = parent.map((l) => ({ ...l, timestamp: '2026-03-02T09:00:00.000Z' }));
  home.write('.codex/sessions/2026/03/02/rollout-2.jsonl', [codexMeta('s-2'), ...copied, codexCount([4000, 2500, 100, 10], [1500, 1400, 10, 0], 9)]);
  const told = home.import('codex');
  assert.deepEqual([told.added, told.known], [3, 2]);
  const rows = home.rows();
  assert.deepEqual(rows.map((r) => [r.input_tokens, r.cache_read_tokens, r.output_tokens, r.reasoning_tokens]).sort(), [[100, 1400, 10, 0], [600, 900, 40, 0], [800, 200, 50, 10]].sort());
  assert.deepEqual([rows[0].repo, rows[0].session, rows[0].mode.effort, rows[0].tool_calls], ['github.com/acme/shop', 's-1', 'high', 1]);
});

test('Gemini CLI: cached input is inside input, thoughts beside output', () => {
  const home = new Home();
  const message = (id, tokens) => ({ id, timestamp: '2026-03-01T10:00:00Z', type: 'gemini', model: 'gemini-2.5-flash', content: '', tokens, toolCalls: [{ id: 't' }] });
  home.write('.gemini/tmp/abc/chats/session-1.json', JSON.stringify({ sessionId: 's-g', messages: [{ id: 'u', type: 'user' },
    message('m', { input: 1, output: 1, cached: 0, thoughts: 0, tool: 0, total: 2 }), message('m', { input: 100, output: 7, cached: 40, thoughts: 5, tool: 3, total: 115 })] }));
  assert.equal(home.import().added, 1);
  const [row] = home.rows();
  assert.deepEqual([row.input_tokens, row.cache_read_tokens, row.output_tokens, row.reasoning_tokens, row.session], [63, 40, 12, 5, 's-g']);
});

test('opencode: a message a file', () => {
  const home = new Home();
  const message = { id: 'msg_o', sessionID: 'ses_1', role: 'assistant', time: { created: 1772359200000, completed: 1772359203000 }, modelID: 'claude-sonnet-4-5',
    providerID: 'anthropic', path: { cwd: '/srv/shop' }, tokens: { input: 100, output: 20, reasoning: 4, cache: { read: 30, write: 10 } } };
  home.write('.local/share/opencode/storage/message/ses_1/msg_o.json', JSON.stringify(message));
  home.write('.local/share/opencode/storage/message/ses_1/msg_u.json', JSON.stringify({ id: 'u', role: 'user' }));
  assert.equal(home.import().added, 1);
  const [row] = home.rows();
  assert.deepEqual([row.input_tokens, row.output_tokens, row.duration_ms, row.cost_nanousd], [100, 24, 3000, 100 * 3000 + 30 * 300 + 10 * 3750 + 24 * 15000]);
});

test('opencode.db: the same messages in its newer store', { skip: spawnSync('sqlite3', ['--version']).status !== 0 && 'no sqlite3' }, () => {
  const home = new Home();
  const data = { role: 'assistant', time: { created: 1772359200000, completed: 1772359203000 }, modelID: 'gpt-5.4', providerID: 'openai', tokens: { input: 9, output: 2, reasoning: 0, cache: { read: 0, write: 0 } } };
  const file = join(home.folder, '.local/share/opencode/opencode.db');
  mkdirSync(dirname(file), { recursive: true });
  const made = spawnSync('sqlite3', [file, `CREATE TABLE message(id text primary key, session_id text, data text); INSERT INTO message VALUES('msg_d','ses_d','${JSON.stringify(data)}')`]);
  assert.equal(made.status, 0, String(made.stderr));
  assert.equal(home.import().added, 1);
  assert.deepEqual(home.rows().map((r) => [r.session, r.input_tokens, r.call_key]), [['ses_d', 9, 'msg_d']]);
});

test('Copilot CLI: the end of a session tells its usage by model; before it, answers tell their output', () => {
  const home = new Home();
  const event = (type, data, id) => ({ type, data, id, timestamp: '2026-03-01T10:00:00.000Z' });
  const start = event('session.start', { sessionId: 's-c', copilotVersion: '1.0.68', context: { cwd: '/srv/shop', repository: 'acme/shop', repositoryHost: 'github.com', branch: 'main' } }, 'e0');
  const answer = (id, n) => event('assistant.message', { model: 'gpt-5.4-mini', outputTokens: n, apiCallId: id }, `e-${id}`);
  const end = event('session.shutdown', { modelMetrics: { 'gpt-5.4-mini': { requests: { count: 2 }, usage: { inputTokens: 500, outputTokens: 45, cacheReadTokens: 100, cacheWriteTokens: 0, reasoningTokens: 30 } } } }, 'e9');
  home.write('.copilot/session-state/s-c/events.jsonl', [start, answer('a', 40), answer('b', 5), end, answer('c', 8)]);
  assert.equal(home.import().added, 2);
  const rows = home.rows();
  assert.deepEqual(rows.map((r) => [r.input_tokens, r.cache_read_tokens, r.output_tokens, r.billing]).sort(), [[400, 100, 45, 'subscription'], [null, null, 8, 'subscription']].sort());
  assert.equal(rows[0].repo, 'github.com/acme/shop');
});

describe('beside the gateway', () => {
  test('a call that the gateway booked is not added by the transcript of it', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim });
    const key = await weir.key();
    const answer = await fetch(`${weir.url}/v1/messages`, { method: 'POST', headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': key },
      body: JSON.stringify({ model: 'claude-opus-4-6', max_tokens: 64, messages: [{ role: 'user', content: 'hello' }] }) });
    const body = await answer.json();
    assert.equal(answer.status, 200, JSON.stringify(body));
    await weir.ledger(1);
    const home = new Home(weir.configFile);
    const line = claude(body.id, { timestamp: new Date().toISOString() });
    line.message.usage = body.usage;
    home.write('t/a.jsonl', [line, claude('msg_elsewhere')]);
    const told = home.import('claude-code', 't');
    assert.deepEqual([told.known, told.added], [1, 1]);
    await weir.stop();
  });
});

describe('with no ledger', () => {
  test('weir report tells what the transcripts of this user tell, and keeps nothing', () => {
    const home = new Home();
    home.write('.claude/projects/p/a.jsonl', [claude('msg_1', { timestamp: new Date().toISOString() })], false);
    const done = home.weir('report', '--json');
    assert.equal(done.status, 0, done.err);
    assert.match(done.err, /transcripts of Claude Code on this machine/);
    assert.equal(JSON.parse(done.out).total.calls, 1);
    assert.ok(!existsSync(join(home.folder, '.local/share/weir/weir.db')));
  });

  test('where there are none either, it says how to begin', () => {
    const done = new Home().weir('report');
    assert.equal(done.status, 0);
    assert.match(done.err, /weir run -- claude/);
    const none = new Home().weir('import');
    assert.equal(none.status, 1);
    assert.match(none.err, /name the folder/);
  });

  test('a source that does not exist is a usage error that names those that do', () => {
    const done = new Home().weir('import', 'claud');
    assert.equal(done.status, 2);
    assert.match(done.err, /claude-code, codex, gemini-cli/);
  });
});

const LABELS = process.env.WEIR_DATA ? join(process.env.WEIR_DATA, 'transcripts/open/labels.jsonl') : null;
test('recorded sessions: every usable label', { skip: !(LABELS && existsSync(LABELS)) && 'WEIR_DATA names no recorded sessions' }, () => {
  const formats = { claude: 'claude-code', codex: 'codex', gemini: 'gemini-cli', copilot: 'copilot-cli' };
  const wrong = [];
  let checked = 0;
  for (const line of readFileSync(LABELS, 'utf8').trim().split('\n')) {
    const o = JSON.parse(line);
    const usable = ['slice', 'whole', 'match'].includes(o.entire_label_recomputed) ? o.entire_token_usage : null;
    for (const [label, from] of [[o.whole_file_usage_recomputed, 0], [usable, o.entire_label_recomputed === 'slice' ? o.start_line : 0]]) {
      if (!label || !formats[o.format]) continue;
      const home = new Home();
      const text = readFileSync(join(dirname(LABELS), o.file), 'utf8');
      home.write('t/x.jsonl', from ? text.split('\n').slice(from).join('\n') : text);
      home.import(formats[o.format], 't');
      const sum = (name) => home.last.reduce((n, r) => n + (r[name] ?? 0), 0);
      home.last = home.rows();
      const got = [sum('input_tokens'), sum('cache_write_5m_tokens') + sum('cache_write_1h_tokens'), sum('cache_read_tokens'), sum('output_tokens')];
      checked++;
      const want = [label.input_tokens, label.cache_creation_tokens, label.cache_read_tokens, label.output_tokens];
      if (got.join() !== want.join()) wrong.push(`${o.file}: ${got} for ${want}`);
    }
  }
  console.log(`# ${checked} labels, ${wrong.length} wrong`);
  assert.deepEqual(wrong, []);
});

test('loops of the past: Gemini CLI tells what its tools answered too', () => {
  const home = new Home();
  const at = (i) => `2026-03-01T10:00:${String(10 + i).padStart(2, '0')}.000Z`;
  const call = (i, name, args, response) => ({
    id: `m${i}`, timestamp: at(i), type: 'gemini', content: '', model: 'gemini-2.5-pro', tokens: { input: 1000, output: 20, cached: 0, thoughts: 0, tool: 0 },
    toolCalls: [{ id: `${name}-${1772359200000 + i}-a${i}`, name, args, status: 'success', result: [{ functionResponse: { id: `${name}-${1772359200000 + i}-a${i}`, name, response } }] }],
  });
  const user = { id: 'u', timestamp: at(0), type: 'user', content: 'make the tests pass' };
  const stuck = [1, 2, 3, 4, 5, 6, 7].map((i) => call(i, 'run_shell_command', { command: 'npm test' }, { output: 'Exit code 1\nFAIL widget' }));
  const working = [1, 2, 3, 4, 5, 6, 7].map((i) => call(i, 'write_file', { file_path: `f${i}.md`, content: `part ${i}` }, { output: `wrote f${i}.md` }));
  home.write('.gemini/tmp/p/chats/session-a.json', JSON.stringify({ sessionId: 'g-stuck', messages: [user, ...stuck] }));
  home.write('.gemini/tmp/p/chats/session-b.json', JSON.stringify({ sessionId: 'g-works', messages: [user, ...working] }));
  home.write('.gemini/tmp/p/chats/session-c.jsonl', [{ sessionId: 'g-lines' }, user, ...stuck].map((line) => JSON.stringify(line)).join('\n'));
  const found = home.import('gemini-cli', '--loops');
  assert.deepEqual([...new Set(found.loops.map((l) => l.session))].sort(), ['g-lines', 'g-stuck']);
  const [first] = found.loops;
  assert.match(first.evidence, /npm test.*(same result|same way)/);
  assert.ok(first.turn >= 3 && first.turn <= 7 && first.session_nanousd > 0, JSON.stringify(first));
  assert.equal(found.sessions, 3);
});
