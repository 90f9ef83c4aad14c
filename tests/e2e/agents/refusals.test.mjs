// Refused on the second turn of a task, each agent asks once, stops, and shows why; and a stream that Weir ends is for each of
// them an answer, not a fault to be tried again. The first turn runs a shell command that waits until the refusal is brought
// about, so that it is the second one that is refused, whatever the machine's speed. `make check-agents`.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { scratch, startSim, stopAll } from '../lib/harness.mjs';
import { sleep, until } from '../lib/raw.mjs';
import { KINDS, ask, change, startRefusing } from '../lib/refusing.mjs';
import { metric } from '../lib/rows.mjs';
import { AGENTS, drive, shown, story } from './lib.mjs';

after(stopAll);

const DONE = 'All is done now.';

/** A provider whose task waits in its first turn; {sim, base, waits(), goOn()}. */
async function waitingTask(say = DONE) {
  // In the project's own folder, and without substitutions: what agents run unasked.
  const base = scratch('weir-agents-');
  const [script, flag, go] = ['script.json', 'shop/flag', 'shop/go'].map((name) => join(base, name));
  const command = "touch flag; timeout 60 sh -c 'until [ -e go ]; do sleep 0.1; done'; echo ready";
  writeFileSync(script, JSON.stringify({ turns: [{ say: 'First I look.', tool: 'shell', command }, { say }] }));
  const sim = await startSim({ args: ['--script', script] });
  return { sim, base, waits: () => until(() => existsSync(flag), 'the first turn', 90000), goOn: () => writeFileSync(go, '') };
}

// What every agent stops at, with one request. 429 and 503 mean later, and what an agent makes of them is below.
const STOPPING = Object.entries(KINDS).filter(([, how]) => !how.wait);

for (const agent of AGENTS) {
  describe(agent.name, { concurrency: 1 }, () => {
    for (const [kind, how] of STOPPING) {
      test(`${kind}: one request, and the reason is shown`, async () => {
        const { sim, base, waits, goOn } = await waitingTask();
        const weir = await startRefusing(sim);
        const running = drive(agent, { url: weir.url, key: weir.firstKey, base, prompt: 'Do the task.' });
        await waits();
        const before = weir.requests();
        await how.now(weir, sim);
        const { started } = await sim.books();
        goOn();
        const run = await running;
        assert.notEqual(run.answer, DONE, story(run));
        assert.match(shown(run), how.says, story(run));
        assert.equal(weir.requests() - before, 1, `requests after the refusal was in force${story(run)}`);
        assert.equal((await sim.books()).started, started, 'nothing reached the provider');
        await weir.stop();
        await sim.stop();
      });
    }

    test('quota: held back, and on its way as soon as there is room: one request', async () => {
      const { sim, base, waits, goOn } = await waitingTask();
      const weir = await startRefusing(sim);
      const running = drive(agent, { url: weir.url, key: weir.firstKey, base, prompt: 'Do the task.' });
      await waits();
      await change(weir, 'quotas: [{name: one, each: user, concurrent: 1}]');
      await ask(weir, sim, 'x-sim: delay=600000');
      const before = weir.requests();
      goOn();
      await until(async () => (await metric(weir, 'quota_waiting')) > 0, 'it is held back', 30000);
      for (const line of weir.lines) line.destroy();
      const run = await running;
      assert.equal(run.answer, DONE, story(run));
      assert.equal(weir.requests() - before, 1, `requests${story(run)}`);
      assert.equal(weir.ledger().filter((row) => row.ending === 'refused').length, 0);
      await weir.stop();
      await sim.stop();
    });

    // Claude Code stops and shows why; the others come back when they were told to, and get through.
    test('quota (429) after the wait: no storm', async () => {
      const { sim, base, waits, goOn } = await waitingTask();
      const weir = await startRefusing(sim);
      const running = drive(agent, { url: weir.url, key: weir.firstKey, base, prompt: 'Do the task.' });
      await waits();
      await change(weir, 'limits: {hold_back: 200ms}\nquotas: [{name: few, each: user, requests: 8/minute, burst: 7s}]');
      await ask(weir, sim);
      const before = weir.requests();
      goOn();
      const run = await running;
      const asked = weir.requests() - before;
      const refused = weir.ledger().filter((row) => row.rule === 'few');
      assert.ok(refused.length >= 1 && refused.every((row) => row.status === 429), story(run));
      if (agent.name === 'claude-code') {
        assert.match(shown(run), /Quota "few" of ana@example[.]com is used up: 8 requests a minute/, story(run));
        assert.equal(asked, 1, `requests${story(run)}`);
      } else {
        assert.equal(run.answer, DONE, story(run));
        assert.ok(asked <= 4, `${asked} requests${story(run)}`);
      }
      await weir.stop();
      await sim.stop();
    });

    test('overload (503): it comes back by itself, without a storm, and gets through', async () => {
      const { sim, base, waits, goOn } = await waitingTask();
      const weir = await startRefusing(sim);
      const running = drive(agent, { url: weir.url, key: weir.firstKey, base, prompt: 'Do the task.' });
      await waits();
      await KINDS.overload.now(weir, sim);
      const before = weir.requests();
      const { started } = await sim.books();
      goOn();
      await until(() => weir.requests() > before, 'it asks', 30000);
      assert.equal((await sim.books()).started, started, 'nothing reached the provider');
      for (const line of weir.lines) line.destroy();
      const run = await running;
      assert.equal(run.answer, DONE, story(run));
      const asked = weir.requests() - before;
      assert.ok(asked > 1 && asked <= 4, `${asked} requests${story(run)}`);
      await weir.stop();
      await sim.stop();
    });

    test('a stream that is ended is an answer: the provider is not asked again', async () => {
      const say = 'A long answer that does not come to its end. '.repeat(40);
      const { sim, base, waits, goOn } = await waitingTask(say);
      const weir = await startRefusing(sim);
      const running = drive(agent, { url: weir.url, key: weir.firstKey, base, prompt: 'Do the task.' });
      await waits();
      const { started } = await sim.books();
      const before = await metric(weir, 'bytes_out_total');
      weir.directive = 'fault=stall;at=6';
      goOn();
      await until(async () => (await sim.books()).started > started && (await metric(weir, 'bytes_out_total')) > before, 'the stream', 90000);
      for (let last = 0, now = 1; now !== last; await sleep(200)) [last, now] = [now, await metric(weir, 'bytes_out_total')];
      const asked = (await sim.books()).started;
      const requests = weir.requests();
      await KINDS.frozen.now(weir);
      const run = await running;
      assert.equal((await sim.books()).started, asked, `the provider was asked again${story(run)}`);
      assert.ok(weir.requests() - requests <= 1, `${weir.requests() - requests} requests after the end${story(run)}`);
      assert.match(shown(run), /Frozen: user ana@example[.]com/, story(run));
      await weir.stop();
      await sim.stop();
    });
  });
}
