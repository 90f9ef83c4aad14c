// Budgets at the gateway: holds, refusals in words, and counters that are the same after a restart and a kill.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, describe, test } from 'node:test';
import { startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { MESSAGE, STREAM, dial, post, sleep, until } from '../lib/raw.mjs';
import { query } from '../lib/rows.mjs';

after(stopAll);

const ask = (weir, { body = MESSAGE, sim, headers = {} } = {}) =>
  fetch(`${weir.url}/v1/messages`, { method: 'POST', body, headers: { 'x-api-key': weir.firstKey, ...(sim && { 'x-sim': sim }), ...headers } });
const left = (answer) => Number(answer.headers.get('x-weir-budget-remaining')?.split('=')[1]);

/** Calls until one is refused; {made, refusal}. */
async function spendDown(weir, options) {
  for (let made = 0; ; made++) {
    const answer = await ask(weir, options);
    const text = await answer.text();
    if (answer.status !== 200) return { made, answer, text };
    assert.ok(made < 1000, 'never refused');
  }
}
const cost = async (weir) => (await query(`${weir.folder}/weir.db`, 'SELECT coalesce(sum(cost_nanousd),0) AS n FROM calls'))[0].n;

describe('budgets', { concurrency: 2 }, () => {
  test('a budget is spent and says so, and nothing more is spent after a restart', async () => {
    const sim = await startSim();
    const weir = await startWeir({
      sim,
      extra: 'budgets:\n  - {name: dev-day, each: user, window: day, limit: 0.02 USD, override: {up_to: 5 USD}}\n',
    });
    const first = await ask(weir);
    assert.equal(first.status, 200);
    assert.match(first.headers.get('x-weir-budget-remaining'), /^dev-day=0\.0\d+$/);
    assert.ok(left(first) < 0.02);
    const { made, answer, text } = await spendDown(weir);
    assert.ok(made > 1);
    assert.equal(answer.status, 402);
    assert.equal(answer.headers.get('x-weir-refusal'), 'budget');
    assert.equal(answer.headers.get('x-should-retry'), 'false');
    const { message } = JSON.parse(text).error;
    assert.match(message, /^Budget "dev-day" of ana@example\.com /);
    assert.match(message, /of \$0\.02 spent/);
    assert.match(message, /Resets /);
    assert.match(message, /weir budget override dev-day --add "5 USD" --reason WHY/);
    const books = await sim.books();
    await until(async () => (await weir.ledger()).filter((r) => r.ending === 'complete').length === made + 1, 'rows');
    assert.ok((await cost(weir)) <= 0.02e9);
    const refused = weir.ledger().find((r) => r.ending === 'refused');
    assert.equal(refused.rule, 'dev-day');
    assert.equal(refused.decision, 'refused');

    await weir.stop('SIGTERM');
    await weir.restart();
    assert.equal((await ask(weir)).status, 402);
    await weir.stop('SIGKILL');
    await weir.restart();
    assert.equal((await ask(weir)).status, 402);
    assert.equal((await sim.books()).started, books.started);
  });

  test('what was held by a killed gateway is spent', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, extra: 'budgets:\n  - {name: all, window: month, limit: 0.08 USD}\n' });
    const line = dial(weir.url);
    line.write(post('/v1/messages', weir.firstKey, STREAM, ['x-sim: delay=60000']));
    await until(async () => (await sim.books()).started === 1, 'the call');
    await weir.stop('SIGKILL');
    line.destroy();
    await weir.restart();
    const [row] = await weir.ledgerOf(1);
    assert.equal(row.ending, 'crash');
    assert.ok(row.hold_nanousd > 0.005e9 && row.hold_tokens > 1536, JSON.stringify(row)); // a slice of its output
    const answer = await ask(weir);
    assert.equal(answer.status, 200);
    // what is left now is the limit less the hold of the crash, and of this call
    assert.ok(left(answer) <= 0.08 - row.hold_nanousd / 1e9, `${left(answer)}`);
    assert.ok(left(answer) > 0);
  });

  test('many at once never pass the limit', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, extra: 'workers: 2\nbudgets:\n  - {name: all, window: month, limit: 0.05 USD}\n' });
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask(weir, { sim: 'delay=100' }).then(async (a) => (await a.text(), a.status))));
    assert.ok(answers.includes(402) && answers.includes(200), `${answers}`);
    await spendDown(weir);
    await sleep(300);
    const spent = await cost(weir);
    assert.ok(spent <= 0.05e9, `${spent}`);
    assert.ok(spent > 0.04e9, `${spent}`);
  });

  test('a budget that is new counts what was spent before, and holds calls back meanwhile', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim });
    for (let i = 0; i < 5; i++) assert.equal((await ask(weir)).status, 200);
    await weir.ledgerOf(5);
    const spent = (await cost(weir)) / 1e9;
    writeFileSync(weir.file, `${readFileSync(weir.file, 'utf8')}budgets: [{name: late, window: week, limit: 1 USD}]\n`);
    let answer;
    await until(async () => !Number.isNaN(left((answer = await ask(weir)))), 'the new settings');
    assert.equal(answer.status, 200);
    assert.ok(left(answer) <= 1 - spent && left(answer) > 0.5, `${left(answer)} of ${spent}`);
  });

  test('a stream that cannot be paid any longer ends as a truncated answer', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, extra: 'budgets:\n  - {name: small, window: month, limit: 0.012 USD}\n' });
    const answer = await ask(weir, { body: STREAM, sim: 'events=2000;rate=400' });
    assert.equal(answer.status, 200);
    const text = await answer.text();
    assert.match(text, /\[weir\] Budget \\"small\\" has no room for this call/);
    assert.match(text, /"stop_reason":"max_tokens"/);
    assert.match(text, /event: message_stop/);
    assert.ok((text.match(/event: content_block_delta/g) ?? []).length > 50, 'much of it passed');
    const [row] = await weir.ledgerOf(1);
    assert.deepEqual([row.ending, row.decision, row.rule], ['truncated', 'truncated', 'small']);
    assert.ok(row.cost_nanousd <= row.hold_nanousd && row.hold_nanousd <= 0.012e9, JSON.stringify(row));
  });

  test('a slice at a time: a long stream passes whole, and what it held grew in the journal', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, extra: 'budgets:\n  - {name: all, window: month, limit: 1 USD}\n' });
    const line = dial(weir.url);
    line.write(post('/v1/messages', weir.firstKey, STREAM, ['x-sim: events=2000;rate=300']));
    await sleep(2500); // some 700 events of some 5 bytes have passed
    await weir.stop('SIGKILL');
    line.destroy();
    await weir.restart();
    const [row] = await weir.ledgerOf(1);
    assert.equal(row.ending, 'crash');
    assert.ok(row.hold_tokens > 2600, `extended: ${row.hold_tokens}`);
    const whole = await ask(weir, { body: STREAM, sim: 'events=1500;rate=3000' });
    assert.match(await whole.text(), /message_stop/);
    assert.equal((await weir.ledgerOf(2))[1].ending, 'complete');
  });

  test('fees of tools that the provider runs are held, and what has no limit gets one', async () => {
    const seen = [];
    const server = createServer((request, answer) => {
      const parts = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(parts));
        const uses = body.tools[0].max_uses;
        seen.push(uses);
        answer.setHeader('content-type', 'application/json');
        answer.end(
          JSON.stringify({
            id: 'msg_1',
            type: 'message',
            role: 'assistant',
            model: body.model,
            content: [{ type: 'text', text: 'found' }],
            stop_reason: 'end_turn',
            usage: { input_tokens: 900, output_tokens: 20, server_tool_use: { web_search_requests: uses ?? 99 } },
          }),
        );
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const sim = { url: `http://127.0.0.1:${server.address().port}` };
      const extra = 'limits: {hosted_calls: 6}\nbudgets:\n  - {name: all, window: month, limit: 1 USD}\n';
      const weir = await startWeir({ sim, extra });
      const searching = (tool) =>
        ask(weir, { body: JSON.stringify({ ...JSON.parse(MESSAGE), tools: [{ type: 'web_search_20250305', name: 'web_search', ...tool }] }) });
      const open = await searching({});
      assert.equal(open.status, 200, await open.text());
      assert.equal(open.headers.get('x-weir-max-tool-calls'), '6');
      const own = await searching({ max_uses: 2 });
      assert.equal(own.headers.get('x-weir-max-tool-calls'), null);
      await own.text();
      const wild = await searching({ max_uses: 500 });
      assert.equal(wild.status, 200, await wild.text());
      assert.equal(wild.headers.get('x-weir-max-tool-calls'), '6');
      assert.deepEqual(seen, [6, 2, 6]);
      for (const row of await weir.ledgerOf(3)) {
        assert.ok(row.cost_nanousd >= 0.02e9, 'the searches are in the cost');
        assert.ok(row.cost_nanousd <= row.hold_nanousd, JSON.stringify(row));
      }
    } finally {
      server.close();
    }
  });

  test('of an answer that is not seen while it is made the provider is told to make less', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, extra: 'budgets:\n  - {name: small, window: month, limit: 0.05 USD}\n' });
    const wants = { ...JSON.parse(MESSAGE), max_tokens: 64000 };
    const whole = await ask(weir, { body: JSON.stringify(wants) });
    assert.equal(whole.status, 200);
    const told = Number(whole.headers.get('x-weir-max-tokens'));
    assert.ok(told >= 1024 && told <= 10000, `${told}`);
    await whole.text();
    const thinks = await ask(weir, { body: JSON.stringify({ ...wants, stream: true, thinking: { type: 'enabled', budget_tokens: 32000 } }) });
    assert.equal(thinks.status, 200);
    assert.ok(Number(thinks.headers.get('x-weir-max-tokens')) < 10000);
    await thinks.text();
    // a slice is enough for one that is seen
    const seen = await ask(weir, { body: JSON.stringify({ ...wants, stream: true }) });
    assert.equal(seen.headers.get('x-weir-max-tokens'), null);
    await seen.text();
    for (const row of await weir.ledgerOf(3)) assert.ok(row.hold_nanousd <= 0.05e9, JSON.stringify(row));
  });

  test('one such call leaves room for others, once it is known how long answers are', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, extra: 'workers: 1\nbudgets:\n  - {name: small, window: month, limit: 0.12 USD}\n' });
    const wants = { ...JSON.parse(MESSAGE), max_tokens: 64000 };
    const first = await ask(weir, { body: JSON.stringify(wants) });
    await first.text();
    const all = Number(first.headers.get('x-weir-max-tokens'));
    assert.ok(all > 15000, `all there was: ${all}`);
    await weir.ledgerOf(1);
    const together = await Promise.all([1, 2, 3].map(() => ask(weir, { body: JSON.stringify(wants), headers: { 'x-sim': 'delay=300' } })));
    assert.deepEqual(together.map((a) => a.status), [200, 200, 200]);
    const told = together.map((a) => Number(a.headers.get('x-weir-max-tokens')));
    assert.ok(told.every((n) => n >= 4096 && n < all / 2), told.join(' '));
    for (const answer of together) await answer.text();
    for (const row of await weir.ledgerOf(4)) assert.ok(row.cost_nanousd <= row.hold_nanousd && row.hold_nanousd <= 0.12e9, JSON.stringify(row));
  });

  test('budgets that come while calls run have each of them once', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, extra: 'budgets:\n  - {name: first, window: month, limit: 1000 USD}\n' });
    let over = false;
    const agents = Array.from({ length: 24 }, async (_, i) => {
      while (!over) await (await ask(weir, { sim: `delay=${i % 5}` })).text();
    });
    const budget = async (name) => (await (await fetch(`${weir.console}/api/v1/budgets/${name}`)).json()).counters?.[0] ?? {};
    for (const name of ['second', 'third', 'fourth']) {
      await sleep(150); // some calls
      const loaded = weir.output().split('settings.loaded').length;
      writeFileSync(weir.file, `${weir.config()}  - {name: ${name}, window: month, limit: 1000 USD${name === 'third' ? ', on_failure: open' : ''}}\n`);
      weir.child.kill('SIGHUP');
      await until(() => weir.output().split('settings.loaded').length > loaded, 'the new settings');
      await until(async () => (await budget(name)).calls !== undefined, 'it counts');
    }
    over = true;
    await Promise.all(agents);
    const first = await until(async () => {
      const counter = await budget('first');
      return counter.calls === 0 && counter;
    }, 'all are settled');
    for (const name of ['second', 'third', 'fourth']) assert.equal((await budget(name)).settled, first.settled, name);
    const counted = Math.round(Number(first.settled.split(' ')[0]) * 1e9);
    const booked = () => weir.ledger().reduce((n, r) => n + r.cost_nanousd, 0);
    assert.ok(counted > 0);
    await until(() => booked() === counted, 'the ledger has as much').catch(() => assert.equal(booked(), counted));
  });

  test('a call is downgraded once, and said to be', async () => {
    const sim = await startSim();
    const weir = await startWeir({
      sim,
      extra:
        'routes: {tiers: {small: [gpt-5-mini, claude-haiku-4-5]}}\n' +
        'budgets:\n  - {name: large, window: day, where: {model: "claude-opus-*"}, limit: 0.04 USD, action: downgrade, to: small}\n' +
        '  - {name: models, each: model, window: day, limit: 1 USD}\n',
    });
    const body = JSON.stringify({ ...JSON.parse(MESSAGE), model: 'claude-opus-4-5', max_tokens: 2000 });
    const answer = await ask(weir, { body });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('x-weir-model'), 'claude-haiku-4-5');
    assert.equal(answer.headers.get('x-weir-route'), 'large');
    assert.equal((await answer.json()).model.startsWith('claude-haiku-4-5'), true);
    const [row] = await weir.ledgerOf(1);
    assert.deepEqual([row.model_requested, row.model_called, row.rule, row.decision], ['claude-opus-4-5', 'claude-haiku-4-5', 'large', 'admitted']);
    assert.match(row.model_served, /^claude-haiku-4-5/);
    assert.equal(row.explanation, 'called claude-haiku-4-5 (tier small): budget large had no room for claude-opus-4-5');
    const small = await ask(weir, { body: JSON.stringify({ ...JSON.parse(body), max_tokens: 20 }) });
    assert.equal(small.headers.get('x-weir-model'), null); // that fits
    assert.equal(small.status, 200);
  });

  test('a downgrade goes into the path where that names the model, and is refused when it cannot be paid either', async () => {
    const sim = await startSim();
    const weir = await startWeir({
      sim,
      extra:
        'routes: {tiers: {small: [claude-haiku-4-5, gemini-2.5-flash]}}\n' +
        'budgets:\n  - {name: large, window: day, where: {model: gemini-2.5-pro}, limit: 0.012 USD, action: downgrade, to: small}\n' +
        '  - {name: all, window: day, limit: 0.03 USD}\n',
    });
    const call = (method, maxOutputTokens) =>
      fetch(`${weir.url}/v1beta/models/gemini-2.5-pro:${method}`, {
        method: 'POST',
        headers: { 'x-goog-api-key': weir.firstKey, 'content-type': 'application/json' },
        body: JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'hello' }] }], generationConfig: { maxOutputTokens } }),
      });
    const fits = await call('generateContent', 500);
    assert.deepEqual([fits.status, fits.headers.get('x-weir-model')], [200, null]);
    await fits.text();
    await sim.reset();
    const answer = await call('generateContent', 8000); // $0.08 of the model asked for, $0.02 of the smaller one
    assert.deepEqual([answer.status, answer.headers.get('x-weir-model'), answer.headers.get('x-weir-route')], [200, 'gemini-2.5-flash', 'large']);
    await answer.text();
    assert.equal((await sim.calls()).at(-1).model, 'gemini-2.5-flash');
    const row = (await weir.ledgerOf(2)).at(-1);
    assert.deepEqual([row.model_requested, row.model_called, row.decision, row.ending], ['gemini-2.5-pro', 'gemini-2.5-flash', 'admitted', 'complete']);
    assert.equal(row.model_served, 'gemini-2.5-flash');
    // neither has room: the refusal is of the budget that stands in the way, and no other model was called
    const poor = await startWeir({
      sim,
      extra:
        'routes: {tiers: {small: [gemini-2.5-flash]}}\n' +
        'budgets:\n  - {name: large, window: day, where: {model: gemini-2.5-pro}, limit: 0.0001 USD, action: downgrade, to: small}\n' +
        '  - {name: all, window: day, limit: 0.0002 USD}\n',
    });
    const before = (await sim.books()).started;
    const refused = await fetch(`${poor.url}/v1beta/models/gemini-2.5-pro:generateContent`, {
      method: 'POST',
      headers: { 'x-goog-api-key': poor.firstKey },
      body: '{"contents":[{"role":"user","parts":[{"text":"hello"}]}]}',
    });
    assert.deepEqual([refused.headers.get('x-weir-refusal'), refused.headers.get('x-weir-model')], ['budget', null]);
    assert.match((await refused.json()).error.message, /^Budget "all"/);
    const [last] = await poor.ledgerOf(1);
    assert.deepEqual([last.rule, last.decision, last.model_called ?? null], ['all', 'refused', null]);
    assert.equal((await sim.books()).started, before);
  });

  test('shadow records, alert counts, pause is told from refused', async () => {
    const sim = await startSim();
    const weir = await startWeir({
      sim,
      extra:
        'budgets:\n  - {name: try, window: day, limit: 0.000001 USD, mode: shadow}\n' +
        '  - {name: tell, window: day, limit: 0.000001 USD, action: alert}\n' +
        '  - {name: sit, each: session, where: {session: "*"}, window: total, limit: 1 requests, action: pause}\n',
    });
    assert.equal((await ask(weir)).status, 200);
    const [row] = await weir.ledgerOf(1);
    assert.equal(row.shadow, 'budget try: would refuse');
    const headers = { 'x-weir-session': 's1' };
    assert.equal((await ask(weir, { headers })).status, 200);
    const answer = await ask(weir, { headers });
    assert.equal(answer.status, 402);
    assert.match(await answer.text(), /1 of 1 requests used/);
    assert.equal((await weir.ledgerOf(3)).at(-1).decision, 'paused');
  });
});
