// An agent that goes round in circles, on the wire: found by what its requests repeat, refused in its own dialect with the evidence, and
// nothing of it where it gets on.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { scratch, startSim, startWeir, stopAll } from './lib/harness.mjs';

after(stopAll);
let sim;
before(async () => {
  sim = await startSim();
});

const TOOL = { name: 'Bash', description: 'runs a command', input_schema: { type: 'object', properties: { command: { type: 'string' } } } };

/** An agent of one session that speaks Anthropic's dialect by hand: a turn sends all that was said before. */
class Agent {
  constructor(weir, prompt = 'make the tests pass', headers = {}) {
    this.weir = weir;
    this.headers = headers;
    this.messages = [{ role: 'user', content: prompt }];
    this.n = 0;
  }
  async ask() {
    const response = await fetch(`${this.weir.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': this.weir.firstKey, 'x-sim': 'text=on it', ...this.headers },
      body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 100, tools: [TOOL], messages: this.messages }),
    });
    return { status: response.status, kind: response.headers.get('x-weir-refusal'), session: response.headers.get('x-weir-session'), body: await response.json() };
  }
  did(command, result, error = true) {
    const id = `toolu_${Math.random().toString(36).slice(2)}`;
    this.messages.push({ role: 'assistant', content: [{ type: 'tool_use', id, name: 'Bash', input: { command } }] });
    this.messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: result, is_error: error }] });
    return this.ask();
  }
  failing() {
    return this.did('npm test', `Exit code 1\nFAIL widget: expected 3 got 4\nTime: 0.${100 + this.n++} s`);
  }
}

describe('action: pause', () => {
  let weir;
  before(async () => {
    weir = await startWeir({ sim, extra: 'storms: {repeat_calls: 6, action: pause, handoff: {to: lead, timeout: 8h}}\n' });
  });

  test('the third time the same is refused with the evidence, and so is whatever follows', async () => {
    const agent = new Agent(weir);
    assert.equal((await agent.ask()).status, 200);
    assert.equal((await agent.failing()).status, 200);
    assert.equal((await agent.failing()).status, 200);
    const third = await agent.failing();
    assert.equal(third.status, 402);
    assert.equal(third.kind, 'storm');
    assert.match(third.body.error.message, /^`npm test` gave the same result 3 times/);
    assert.match(third.body.error.message, /waits for lead/);
    assert.match(third.body.error.message, new RegExp(`weir session resume ${third.session} --reason`));
    const next = await agent.did('ls', 'a b c', false);
    assert.deepEqual([next.status, next.kind], [402, 'storm']);
    const rows = (await weir.ledgerOf(5)).filter((r) => r.session === third.session);
    assert.deepEqual(rows.map((r) => r.decision), ['admitted', 'admitted', 'admitted', 'paused', 'paused']);
    assert.equal(rows[3].rule, 'storms');
    assert.match(rows[3].explanation, /gave the same result 3 times/);
  });

  test('work with edits between, and results that change, goes on', async () => {
    const agent = new Agent(weir, 'mend the parser');
    for (let i = 0; i < 8; i++) {
      assert.equal((await agent.did(`sed -i s/a/${i}/ x.c`, 'ok', false)).status, 200);
      assert.equal((await agent.did('make', 'Exit code 2\nerror: expected ;')).status, 200);
      assert.equal((await agent.did('make test', `Exit code 1\n${20 - i} tests failed`)).status, 200);
    }
  });

  test('a human word begins anew', async () => {
    const agent = new Agent(weir, 'try it');
    for (let i = 0; i < 6; i++) {
      assert.equal((await agent.failing()).status, 200);
      agent.messages.push({ role: 'assistant', content: 'It failed.' }, { role: 'user', content: `once more, please (${i})` });
      assert.equal((await agent.ask()).status, 200);
    }
  });

  test('another session of the same key is left alone', async () => {
    assert.equal((await new Agent(weir, 'something else').ask()).status, 200);
  });
});

test('mode: shadow writes down what it would have done', async () => {
  const weir = await startWeir({ sim, extra: 'storms: {mode: shadow}\n' });
  const agent = new Agent(weir);
  for (let i = 0; i < 4; i++) assert.equal((await agent.failing()).status, 200);
  const rows = await weir.ledgerOf(4);
  assert.match(rows[2].shadow, /storm storms would pause: `npm test` gave the same result 3 times/);
  assert.equal(rows[2].decision, 'admitted');
});

test('with no settings a storm is only told', async () => {
  const weir = await startWeir({ sim });
  const agent = new Agent(weir);
  for (let i = 0; i < 5; i++) assert.equal((await agent.failing()).status, 200);
  const rows = await weir.ledgerOf(5);
  assert.equal(rows[2].rule, 'storms');
  assert.match(rows[2].explanation, /3 times/);
});

test('action: advise puts a note behind everything else, once', async () => {
  const file = join(scratch(), 'requests.jsonl');
  const own = await startSim({ args: ['--requests', file] });
  const weir = await startWeir({ sim: own, extra: 'storms: {action: advise}\n' });
  const agent = new Agent(weir);
  for (let i = 0; i < 4; i++) assert.equal((await agent.failing()).status, 200);
  await own.stop();
  const asked = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line).body).map((b) => (typeof b === 'string' ? JSON.parse(b) : b));
  const noted = asked.map((b) => b.messages.at(-1).content.some((b) => b.type === 'text' && /^\[weir\] You may be going round in circles: `npm test`/.test(b.text)));
  assert.deepEqual(noted, [false, false, true, false]);
});

test('fresh sessions that begin with the same words are one loop', async () => {
  const weir = await startWeir({ sim, extra: 'storms: {fresh_sessions: 5}\n' });
  const statuses = [];
  for (let i = 0; i < 6; i++) {
    const agent = new Agent(weir, 'check the deployment and mend it', { 'x-weir-session': `run-${i}` });
    statuses.push((await agent.ask()).status);
  }
  assert.deepEqual(statuses, [200, 200, 200, 200, 402, 402]);
  const other = new Agent(weir, 'another thing', { 'x-weir-session': 'run-x' });
  assert.equal((await other.ask()).status, 200);
});

// A session each 3 s that costs 50 cents spends $10 a minute: what is stopped before $10 are spent is stopped within 60 s of its start.
test('a script whose fresh sessions spend $10 a minute is stopped within 60 s; burn: 0 lets it', async () => {
  for (const [rule, stops] of [['storms: {fresh_sessions: 0, action: pause}\n', true], ['storms: {fresh_sessions: 0, burn: 0, action: pause}\n', false]]) {
    const weir = await startWeir({ sim, extra: rule });
    let last, asked = 0;
    for (let i = 0; i < 24 && last?.status !== 402; i++) {
      asked++;
      const response = await fetch(`${weir.url}/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': weir.firstKey, 'x-weir-session': `loop-${i}`, 'x-sim': 'reply_tokens=20000' },
        body: JSON.stringify({ model: 'claude-opus-4-5', max_tokens: 30000, messages: [{ role: 'user', content: 'see whether the deployment is well and mend it' }] }),
      });
      last = { status: response.status, kind: response.headers.get('x-weir-refusal'), text: await response.text() };
    }
    assert.equal(last.status, stops ? 402 : 200, last.text.slice(0, 300));
    const spent = (await weir.ledgerOf(asked)).reduce((n, r) => n + (r.cost_nanousd ?? 0), 0) / 1e9;
    if (!stops) assert.ok(spent > 10, `$${spent}`);
    else {
      assert.equal(last.kind, 'storm');
      assert.match(last.text, /spending faster than allowed.*\$\d/);
      assert.ok(spent >= 5 && spent < 10, `$${spent}`);
    }
    await weir.stop();
  }
});

test('what only is told of fresh sessions is told at twice the number, not each time', async () => {
  const weir = await startWeir({ sim, extra: 'storms: {fresh_sessions: 4, action: alert}\n' });
  for (let i = 0; i < 20; i++) assert.equal((await new Agent(weir, 'the same again', { 'x-weir-session': `again-${i}` }).ask()).status, 200);
  const told = (await weir.ledgerOf(20)).filter((r) => r.rule === 'storms').length;
  assert.ok(told >= 2 && told <= 4, `${told} told`);
});
