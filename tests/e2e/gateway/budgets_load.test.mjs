// Agents spend one budget down to refusal through the real gateway, which is killed in between: by the provider's own books
// no more than the limit was served, and the ledger says so too.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { booksByModel, startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { MESSAGE, sleep, until } from '../lib/raw.mjs';
import { query } from '../lib/rows.mjs';

after(stopAll);

const LIMIT = 3; // USD
const AGENTS = 24;
// USD for a token of claude-haiku-4-5
const PRICES = { input_tokens: 1e-6, cache_read_tokens: 0.1e-6, cache_write_5m_tokens: 1.25e-6, cache_write_1h_tokens: 2e-6, output_tokens: 5e-6 };

function randomOf(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One agent's calls until it is refused; a gateway that is away is waited for. */
async function agent(weir, n, tally) {
  const roll = randomOf(n + 1);
  for (;;) {
    const stream = roll(10) < 7;
    const body = {
      ...JSON.parse(MESSAGE),
      max_tokens: 1024 * (1 + roll(32)),
      stream,
      ...(roll(5) === 0 && { thinking: { type: 'enabled', budget_tokens: 1024 }, max_tokens: 4096 }),
      messages: [{ role: 'user', content: `agent ${n}: ${'a line of context. '.repeat(roll(200))}` }],
    };
    const leaves = roll(7) === 0 ? AbortSignal.timeout(20 + roll(150)) : undefined;
    try {
      const answer = await fetch(`${weir.url}/v1/messages`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'x-api-key': weir.firstKey, 'x-sim': `events=${20 + roll(500)};rate=1500` },
        signal: leaves,
      });
      const text = await answer.text();
      if (answer.status === 402) return;
      assert.equal(answer.status, 200, text);
      tally.answers++;
      if (text.includes('[weir]')) tally.cut++;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      if (leaves?.aborted) tally.left++;
      else await sleep(100); // killed: its client tries again
    }
  }
}

test('many agents, one budget, a kill: nothing over the limit by anybody\'s books', async (t) => {
  const sim = await startSim();
  const weir = await startWeir({ sim, extra: `workers: 2\nbudgets:\n  - {name: all, window: month, limit: ${LIMIT} USD}\n` });
  const tally = { answers: 0, left: 0, cut: 0 };
  const agents = Array.from({ length: AGENTS }, (_, n) => agent(weir, n, tally));
  await until(() => tally.answers > 60, 'some answers', 20000);
  await weir.stop('SIGKILL');
  await weir.restart();
  await Promise.all(agents);
  await sleep(500);
  const sums = booksByModel(await sim.books(), 'served');
  let served = 0;
  for (const sum of Object.values(sums)) for (const [meter, price] of Object.entries(PRICES)) served += sum[meter] * price;
  const [{ booked, crashes }] = await query(
    `${weir.folder}/weir.db`,
    "SELECT sum(cost_nanousd) / 1e9 AS booked, sum(ending = 'crash') AS crashes FROM calls",
  );
  t.diagnostic(
    `$${LIMIT}: the provider served $${served.toFixed(4)}, the ledger has $${booked.toFixed(4)} (${((booked / LIMIT) * 100).toFixed(1)} %); ` +
      `${tally.answers} answers, ${tally.left} left by their clients, ${tally.cut} cut, ${crashes} crashed`,
  );
  assert.ok(served <= LIMIT, `the provider served ${served}`);
  assert.ok(booked <= LIMIT, `the ledger has ${booked}`);
  assert.ok(booked >= 0.97 * LIMIT, `only ${booked} of ${LIMIT} could be used`);
  assert.ok(tally.left > 0 && crashes > 0, 'nothing was tested');
});
