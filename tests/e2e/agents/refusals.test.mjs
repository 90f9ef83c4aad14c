// Refused on the second turn of a task, each agent asks once, stops, and shows why; and a stream that Weir ends is for each of
// them an answer, not a fault to be tried again. The first turn runs a shell command that waits until the refusal is brought
// about, so that it is the second one that is refused, whatever the machine's speed. `make check-agents`.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { scratch, startSim, stopAll } from '../lib/harness.mjs';
import { sleep, until } from '../lib/raw.mjs';
import { KINDS, startRefusing } from '../lib/refusing.mjs';
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

// What every agent stops at. After 413 and 503 some of them go on by themselves, whatever the answer says (docs/refusals.md).
const STOPPING = Object.entries(KINDS).filter(([, how]) => [401, 402].includes(how.status));

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
