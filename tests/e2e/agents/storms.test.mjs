// Each agent, driven into a loop by the simulated provider, is paused: one request is refused, its evidence is on the agent's own screen, and
// the command that stands there lets the conversation go on. An agent that starts agents from its shell is held as one tree.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { scratch, startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { sleep, until } from '../lib/raw.mjs';
import { AGENTS, drive, shown, story } from './lib.mjs';

after(stopAll);

const refused = (rows) => rows.filter((row) => row.ending === 'refused');

/** Resumes by the command that the agent shows; in force within a second. */
async function resumeAsTold(weir, words) {
  const told = words.match(/weir session resume (\S+) --reason/);
  assert.ok(told, `no command to go on by: ${words.slice(-1500)}`);
  await until(() => weir.run('session', 'resume', told[1], '--reason', 'the test was mended').status === 0, 'the session is in the ledger');
  await sleep(1500); // another process wrote it: the gateway looks each second
}

for (const agent of AGENTS) {
  test(`${agent.name}: a loop is paused with its evidence, and goes on when a human says so`, async () => {
    const sim = await startSim({ args: ['--script', 'stuck:6'] });
    const weir = await startWeir({ sim, extra: 'storms: {action: pause, handoff: {to: lead, timeout: 8h}}\n' });
    const base = scratch('weir-agents-');
    const how = { url: weir.url, key: weir.firstKey, base };
    const run = await drive(agent, { ...how, prompt: 'Make the test pass.' });
    const words = shown(run);
    assert.match(words, /FAIL: test_widget.* (gave the same result 3|failed the same way 4) times/, story(run));
    assert.match(words, /waits for lead/);
    const [stop, ...more] = refused(weir.ledger());
    assert.deepEqual([stop?.rule, stop?.decision, more.length], ['storms', 'paused', 0], `one request is refused${story(run)}`);

    await resumeAsTold(weir, words);
    const { started } = await sim.books();
    // Gemini CLI sends its kept history in another form (each result twice): to Weir that is a new session, without the allowance.
    const turns = agent.name === 'gemini-cli' ? 2 : 6;
    const next = await drive(agent, { ...how, prompt: `[sim:stuck:${turns}] The test is mended; go on.`, again: true });
    assert.match(shown(next), /The test still fails; I stop here/, story(next));
    assert.ok((await sim.books()).started > started);
    assert.equal(refused(weir.ledger()).length, 1, `nothing is refused after it was resumed${story(next)}`);
    await weir.stop();
    await sim.stop();
  });
}

describe('agents that an agent starts from its shell', () => {
  test('are stopped at the limit of their tree', async () => {
    const base = scratch('weir-agents-');
    const script = join(base, 'script.json');
    const command = 'for i in 1 2 3 4; do claude -p "[sim:plain] Look at part $i." --model claude-sonnet-4-5 </dev/null; done; true';
    writeFileSync(script, JSON.stringify({ turns: [{ say: 'I hand it out.', tool: 'shell', command }, { say: 'All parts are looked at.' }] }));
    const sim = await startSim({ args: ['--script', script] });
    const weir = await startWeir({ sim, extra: 'storms: {fan_out: 3, action: pause}\n' });
    const run = await drive(AGENTS[0], { url: weir.url, key: weir.firstKey, base, prompt: 'Look at all parts.', inPath: true });
    const rows = weir.ledger();
    const tell = `${story(run)}\n${JSON.stringify(rows.map((r) => [r.session, r.parent, r.decision, r.explanation]), null, 1)}`;
    const admitted = new Set(rows.filter((row) => row.ending !== 'refused').map((row) => row.session));
    assert.equal(admitted.size, 3, `the agent and two that it started: the limit is reached with the third${tell}`);
    const no = refused(rows);
    assert.equal(no.length, 3, `the third, the fourth, and the one that started them${tell}`);
    assert.match(no[0].explanation, /^3 subagents: session/, tell);
    assert.match(shown(run), /weir session resume/, tell);
    await weir.stop();
    await sim.stop();
  });
});
