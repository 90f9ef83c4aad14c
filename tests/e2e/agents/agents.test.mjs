// Claude Code, Codex, Gemini CLI and opencode, as they are installed, do a task of several turns through Weir: the same result
// as direct, the ledger's totals equal to the simulated provider's own books and to Claude Code's own cost, and the ledger
// knows who called from what the agents send by themselves. `make check-agents`.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { booksByModel, ledgerByModel, scratch, spends, startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { AGENTS, drive, story } from './lib.mjs';

after(stopAll);

const PROMPT = '[sim:task:6] Do the task of this project.';
const DONE = 'The task is done: the notes are written, changed and checked.';
const NOTES = 'plan for the simulated task\nstatus: closed\n';

function checkTask(run) {
  assert.equal(run.status, 0, `exit status ${run.status}${story(run)}`);
  assert.equal(run.answer, DONE, story(run));
  assert.equal(run.notes, NOTES);
}

const callsOf = (books) => Object.fromEntries(Object.entries(books).map(([name, sum]) => [name, [sum.calls, sum.output_tokens]]));
/** Without the API: opencode uses another one for its built-in provider than for one that was configured. */
const countByModel = (books) => Object.fromEntries(Object.entries(books).map(([name, sum]) => [name.split(' ')[1], sum.calls]));
const inputOf = (books) =>
  Object.values(books).reduce((n, sum) => n + sum.input_tokens + sum.cache_read_tokens + sum.cache_write_5m_tokens, 0);

async function ledgerFor(weir, sim) {
  const books = booksByModel(await sim.books());
  const calls = Object.values(books).reduce((n, sum) => n + sum.calls, 0);
  const rows = (await weir.ledgerOf(calls)).filter(spends);
  return { books, rows };
}

/** The ledger's rows agree with the provider's books, and with the agent's own cost where it tells one. */
function checkBooks(agent, run, books, rows) {
  assert.deepEqual(ledgerByModel(rows), books);
  for (const row of rows) {
    assert.equal(row.ending, 'complete', row.id);
    assert.equal(row.usage_source, 'reported', row.id);
    assert.equal(row.decision, 'admitted', row.id);
    assert.ok(row.cost_nanousd > 0, `${row.id}: ${row.model_requested} has a cost`);
  }
  if (agent.cost) {
    const nano = rows.reduce((sum, row) => sum + row.cost_nanousd, 0);
    assert.ok(Math.abs(run.cost * 1e9 - nano) < 1, `${agent.name} says $${run.cost}, the ledger $${nano / 1e9}`);
  }
}

const only = (rows, field) => [...new Set(rows.map((row) => row[field]))];

for (const agent of AGENTS) {
  describe(agent.name, { concurrency: 1 }, () => {
    const base = scratch('weir-agents-');
    let direct, directBooks;

    test('is installed', () => assert.ok(existsSync(agent.script ?? agent.program), `${agent.program}: make check-agents installs it`));

    test('does the task without Weir', async () => {
      const sim = await startSim();
      direct = await drive(agent, { url: sim.url, key: 'sk-own-credential-of-the-agent', base, prompt: PROMPT });
      checkTask(direct);
      directBooks = booksByModel(await sim.books());
      await sim.stop();
    });

    test('does the same through Weir with a Weir key, and every call is booked', async () => {
      const sim = await startSim();
      const weir = await startWeir({ sim, extra: 'teams:\n  - {name: payments, cost_centre: CC-1204, members: [ana@example.com]}\n' });
      const run = await drive(agent, { url: weir.url, key: weir.key(), base, prompt: PROMPT });
      checkTask(run);
      const { books, rows } = await ledgerFor(weir, sim);
      assert.deepEqual(callsOf(books), callsOf(directBooks), 'the calls are those of the direct run');
      const [through, alone] = [inputOf(books), inputOf(directBooks)];
      assert.ok(Math.abs(through - alone) < alone * 0.01, `${through} input tokens, direct ${alone}`);
      checkBooks(agent, run, books, rows);
      assert.deepEqual(only(rows, 'agent'), [agent.name]);
      assert.deepEqual(only(rows, 'user'), ['ana@example.com']);
      assert.deepEqual(only(rows, 'team'), ['payments']);
      assert.deepEqual(only(rows, 'cost_centre'), ['CC-1204']);
      assert.ok(agent.apis.includes(rows[0].api), rows[0].api);
      for (const row of rows) assert.match(row.agent_version ?? '', /^\d+\.\d+/, `${row.id}: version of ${agent.name}`);
      if (agent.name !== 'gemini-cli') assert.equal(only(rows, 'session').filter(Boolean).length, 1, 'one session');
      await weir.stop();
      await sim.stop();
    });

    test('does the same by `weir run`, with its own credential and no set-up', async () => {
      const sim = await startSim();
      const providers = ['anthropic', 'openai', 'gemini']
        .map((name) => `  - {name: ${name}, api: ${name}, base_url: "${sim.url}", credential: passthrough}`)
        .join('\n');
      const weir = await startWeir({
        sim,
        config: `listen: 127.0.0.1:0\nconsole: {listen: 127.0.0.1:0}\nstore: sqlite:weir.db\nproviders:\n${providers}\n`,
      });
      const run = await drive(agent, { key: 'sk-own-credential-of-the-agent', base, prompt: PROMPT, weirRun: ['--server', weir.url] });
      checkTask(run);
      const { books, rows } = await ledgerFor(weir, sim);
      assert.deepEqual(countByModel(books), countByModel(directBooks), 'the calls are those of the direct run');
      checkBooks(agent, run, books, rows);
      assert.deepEqual(only(rows, 'agent'), [agent.name]);
      assert.deepEqual(only(rows, 'repo'), ['github.com/acme/shop']);
      assert.deepEqual(only(rows, 'branch'), ['feature/cart']);
      for (const row of rows) assert.match(row.commit ?? '', /^[0-9a-f]{40}$/, row.id);
      await weir.stop();
      await sim.stop();
    });

    test('stops at a refusal and shows why', async () => {
      const sim = await startSim();
      const weir = await startWeir({ sim });
      const run = await drive(agent, { url: weir.url, key: 'wk_this_key_was_never_made', base, prompt: PROMPT });
      assert.notEqual(run.answer, DONE);
      assert.match(run.stdout + run.stderr, /weir key (create|list)/, `the reason is shown${story(run)}`);
      assert.equal((await sim.books()).started, 0, 'nothing reached the provider');
      await weir.stop();
      await sim.stop();
    });
  });
}

describe('claude-code in Bedrock mode', { concurrency: 1 }, () => {
  test('does the task through Weir, and every call is booked', async () => {
    const MODEL = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
    const [claude] = AGENTS;
    const agent = {
      ...claude,
      argv: (prompt) => claude.argv(prompt).map((word) => (word === 'claude-sonnet-4-5' ? MODEL : word)),
      env: (url, key) => ({ ...claude.env(), CLAUDE_CODE_USE_BEDROCK: '1', AWS_REGION: 'us-east-1',
        ANTHROPIC_BEDROCK_BASE_URL: url, AWS_BEARER_TOKEN_BEDROCK: key }),
    };
    const sim = await startSim();
    const weir = await startWeir({ sim, extra: `  - {name: bedrock, api: bedrock, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL}\n` });
    const run = await drive(agent, { url: weir.url, key: weir.key(), base: scratch('weir-agents-'), prompt: PROMPT });
    checkTask(run);
    const { books, rows } = await ledgerFor(weir, sim);
    assert.ok(rows.length > 6, `${rows.length} calls`);
    checkBooks({ ...agent, cost: null }, run, books, rows); // its own figure knows no regions
    assert.deepEqual(only(rows, 'agent'), ['claude-code']);
    assert.deepEqual(only(rows, 'api'), ['bedrock.invoke']);
    assert.equal(only(rows, 'session').length, 1, 'one session');
    await weir.stop();
    await sim.stop();
  });
});

describe('claude-code in Vertex mode', { concurrency: 1 }, () => {
  test('does the task through Weir, and every call is booked at the prices of Vertex', async () => {
    const MODEL = 'claude-sonnet-4-5@20250929';
    const [claude] = AGENTS;
    const agent = {
      ...claude,
      argv: (prompt) => claude.argv(prompt).map((word) => (word === 'claude-sonnet-4-5' ? MODEL : word)),
      env: (url, key) => ({ ...claude.env(), CLAUDE_CODE_USE_VERTEX: '1', CLOUD_ML_REGION: 'us-east5', ANTHROPIC_VERTEX_PROJECT_ID: 'p-1',
        ANTHROPIC_VERTEX_BASE_URL: `${url}/v1`, CLAUDE_CODE_SKIP_VERTEX_AUTH: '1', ANTHROPIC_CUSTOM_HEADERS: `x-weir-key: ${key}` }),
    };
    const sim = await startSim();
    const weir = await startWeir({ sim, extra: `  - {name: vertex, api: vertex, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL}\n` });
    const run = await drive(agent, { url: weir.url, key: weir.key(), base: scratch('weir-agents-'), prompt: PROMPT });
    checkTask(run);
    const { books, rows } = await ledgerFor(weir, sim);
    assert.ok(rows.length > 6, `${rows.length} calls`);
    checkBooks({ ...agent, cost: null }, run, books, rows);
    assert.deepEqual(only(rows, 'agent'), ['claude-code']);
    assert.deepEqual(only(rows, 'provider'), ['vertex']);
    for (const row of rows) assert.match(row.price_id, /^vertex\//);
    assert.equal(only(rows, 'session').length, 1, 'one session');
    await weir.stop();
    await sim.stop();
  });
});
