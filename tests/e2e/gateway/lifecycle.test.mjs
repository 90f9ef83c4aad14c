// Stopping, reloading and starting while calls are under way.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { WEIR, configFor, startSim, startWeir, stopAll } from '../lib/harness.mjs';
import { MESSAGE, STREAM, dial, exchange, parseAnswers, post, sleep, until } from '../lib/raw.mjs';
import { metric, query, rowOf } from '../lib/rows.mjs';

after(stopAll);

const open = (weir, tag, sim = 'events=60;rate=40') => {
  const line = dial(weir.url);
  line.write(post('/v1/messages', weir.firstKey, STREAM, [`x-sim: ${sim}`, `x-sim-call: ${tag}`, `x-weir-task: ${tag}`]));
  return line;
};
const flowing = (line) => until(() => line.received().includes('content_block_delta'), 'the stream');
const rowsOf = (weir) => query(`${weir.folder}/weir.db`, 'SELECT * FROM calls');
const ended = (weir, ms = 8000) => until(() => weir.child.exitCode !== null || weir.child.signalCode, 'its end', ms);

describe('SIGTERM', { concurrency: 2 }, () => {
  test('streams under way end whole, all is booked, exit 0', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true });
    const lines = Array.from({ length: 8 }, (_, i) => open(weir, `d${i}`));
    await Promise.all(lines.map(flowing));
    const idle = dial(weir.url);
    await idle.connected;
    weir.child.kill('SIGTERM');
    await sleep(200);
    // no new connection; a kept one is closed; those that run go on
    await assert.rejects(fetch(weir.url), /fetch failed/);
    assert.ok(await Promise.race([idle.closed, sleep(1000)]), 'an idle connection stays open');
    assert.equal(weir.child.exitCode, null);
    await Promise.all(lines.map((line) => line.closed));
    for (const line of lines) {
      const [answer] = parseAnswers(line.received());
      assert.ok(answer.whole, 'cut off');
      assert.match(answer.text, /message_stop/);
    }
    await ended(weir);
    assert.equal(weir.child.exitCode, 0, weir.output());
    const rows = await rowsOf(weir);
    assert.equal(rows.length, 8);
    for (const row of rows) assert.deepEqual([row.ending, row.usage_source], ['complete', 'reported']);
    assert.match(weir.output(), /serve\.draining.*calls=8/);
    assert.match(weir.output(), /serve\.stopped/);
  });

  test('a request on a kept connection while it drains: 503, to be sent again elsewhere', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true });
    const line = open(weir, 'running');
    await flowing(line);
    // The next request is sent while the first answer streams: it is read when that is done.
    await line.write(post('/v1/messages', weir.firstKey, MESSAGE));
    weir.child.kill('SIGTERM');
    await line.closed;
    const answers = parseAnswers(line.received());
    assert.ok(answers[0].whole && /message_stop/.test(answers[0].text));
    if (answers[1]) assert.equal(answers[1].status, 503, answers[1].text);
    await ended(weir);
    assert.equal(weir.child.exitCode, 0);
    assert.equal((await sim.books()).started, 1);
  });

  for (const [name, extra, again] of [
    ['limits.drain over', 'limits: {drain: 1s}\n', false],
    ['a second SIGTERM', '', true],
  ])
    test(`${name}: cut off, booked as truncated, exit 0`, async () => {
      const sim = await startSim();
      const weir = await startWeir({ sim, keyed: true, extra });
      const lines = Array.from({ length: 5 }, (_, i) => open(weir, `c${i}`, 'events=4000;rate=40'));
      lines.push(open(weir, 'silent', 'delay=60000'));
      await Promise.all(lines.slice(0, 5).map(flowing));
      await until(async () => (await sim.books()).started === 6, 'all calls');
      const since = Date.now();
      weir.child.kill('SIGTERM');
      await sleep(300);
      assert.equal(weir.child.exitCode, null);
      if (again) weir.child.kill('SIGTERM');
      await Promise.all(lines.map((line) => line.closed));
      await ended(weir);
      assert.ok(Date.now() - since < (again ? 1800 : 3500), `${Date.now() - since} ms`);
      assert.equal(weir.child.exitCode, 0, weir.output());
      for (const line of lines.slice(0, 5)) assert.equal(parseAnswers(line.received())[0].whole, false, 'the client must see the early end');
      const rows = await rowsOf(weir);
      assert.equal(rows.length, 6);
      const calls = await sim.calls();
      for (const row of rows) {
        assert.equal(row.ending, 'truncated', JSON.stringify(row));
        assert.equal(row.usage_source, 'counted');
        const served = calls.find((c) => c.call === row.task);
        assert.equal(served.finished, 'client_gone');
        assert.ok(row.output_tokens >= 0.7 * served.served.output_tokens - 5, `${row.output_tokens} < ${served.served.output_tokens}`);
      }
    });

  test('clients that read nothing do not keep it', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true, extra: 'limits: {drain: 1s, stream_buffer: 64KB}\n' });
    const large = (stream) => JSON.stringify({ ...JSON.parse(MESSAGE), max_tokens: 20000000, stream });
    const lines = ['a', 'b', 'whole'].map((tag) => {
      const line = dial(weir.url, { paused: true });
      line.write(post('/v1/messages', weir.firstKey, large(tag !== 'whole'), [`x-sim: ${tag === 'whole' ? 'size=14000000' : 'events=8000;event_size=4000'}`, `x-weir-task: ${tag}`]));
      return line;
    });
    await until(async () => (await metric(weir, 'pauses_total')) >= 2, 'both streams held back');
    await until(async () => (await rowsOf(weir)).length === 1, 'the whole answer is booked');
    const since = Date.now();
    weir.child.kill('SIGTERM');
    await ended(weir);
    assert.ok(Date.now() - since < 3500, `${Date.now() - since} ms`);
    assert.equal(weir.child.exitCode, 0, weir.output());
    const rows = await rowsOf(weir);
    assert.deepEqual(rows.map((r) => `${r.task} ${r.ending} ${r.usage_source}`).sort(), ['a truncated counted', 'b truncated counted', 'whole complete reported']);
    for (const line of lines) line.destroy();
  });

  test('with nothing under way it ends at once', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim });
    const since = Date.now();
    assert.equal(await weir.stop(), 0);
    assert.ok(Date.now() - since < 1000, `${Date.now() - since} ms`);
  });
});

describe('settings that change', { concurrency: 2 }, () => {
  const model = 'claude-unheard-of';
  const ask = async (weir) => (await fetch(`${weir.url}/v1/messages`, { method: 'POST', body: MESSAGE.replace('claude-haiku-4-5', model), headers: { 'x-api-key': weir.firstKey } })).status;
  const priced = (text) => `${text}prices: {unknown: {input: 1, output: 2}}\n`;

  test('SIGHUP: new settings for new calls, old ones go on', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true });
    const line = open(weir, 'old');
    await flowing(line);
    assert.equal(await ask(weir), 402);
    writeFileSync(weir.file, priced(weir.config()));
    weir.child.kill('SIGHUP');
    await until(async () => (await ask(weir)) === 200, 'the new settings', 2000);
    await until(() => /settings\.loaded/.test(weir.output()), 'the log');
    await line.answers();
    assert.ok(parseAnswers(line.received())[0].whole);
    assert.equal((await rowOf(weir, 'old')).usage_source, 'reported');
    line.destroy();
  });

  test('a changed file is seen without a signal, also when it is replaced', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true });
    writeFileSync(`${weir.file}.new`, priced(weir.config()));
    renameSync(`${weir.file}.new`, weir.file);
    await until(async () => (await ask(weir)) === 200, 'the new settings', 4000);
  });

  test('a bad file: told with line and column, the old settings stay', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true });
    const good = weir.config();
    writeFileSync(weir.file, `${good}limits: {calls: many}\nnonsense: 1\n`);
    weir.child.kill('SIGHUP');
    await until(() => /settings\.kept/.test(weir.output()), 'the log');
    const line = good.split('\n').length;
    assert.match(weir.output(), new RegExp(`weir\\.yaml:${line}:17: `), weir.output());
    assert.match(weir.output(), new RegExp(`weir\\.yaml:${line + 1}:1: `), weir.output());
    assert.equal(await ask(weir), 402);
    assert.equal((await exchange(weir.url, post('/v1/messages', weir.firstKey, MESSAGE, ['Connection: close']))).answers[0].status, 200);
    writeFileSync(weir.file, '');
    weir.child.kill('SIGHUP');
    await sleep(300);
    writeFileSync(weir.file, priced(good));
    weir.child.kill('SIGHUP');
    await until(async () => (await ask(weir)) === 200, 'the mended settings', 3000);
  });

  test('a provider taken out while its stream runs', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true, extra: '' });
    const good = weir.config();
    writeFileSync(weir.file, `${good}  - {name: leaving, api: anthropic, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL}\n`);
    weir.child.kill('SIGHUP');
    const there = async () => (await fetch(`${weir.url}/p/leaving/v1/messages`, { method: 'POST', body: MESSAGE, headers: { 'x-api-key': weir.firstKey } })).status;
    await until(async () => (await there()) === 200, 'it is there');
    const line = dial(weir.url);
    await line.write(post('/p/leaving/v1/messages', weir.firstKey, STREAM, ['x-sim: events=60;rate=40', 'x-weir-task: leaves']));
    await flowing(line);
    for (let i = 0; i < 3; i++) {
      writeFileSync(weir.file, `${good}# ${i}\n`);
      weir.child.kill('SIGHUP');
      await until(async () => (await there()) === 404, 'it is gone');
    }
    const [answer] = await line.answers();
    assert.ok(answer.whole);
    const row = await rowOf(weir, 'leaves');
    assert.deepEqual([row.provider, row.ending, row.usage_source], ['leaving', 'complete', 'reported']);
    line.destroy();
  });

  test('what needs a restart is said', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim });
    writeFileSync(weir.file, `${weir.config()}workers: 7\n`);
    weir.child.kill('SIGHUP');
    await until(() => /settings\.restart/.test(weir.output()), 'the log');
  });

  test('reloads under load lose nothing', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true });
    let wrong = 0;
    let right = 0;
    let on = true;
    const work = Array.from({ length: 4 }, async () => {
      while (on) {
        const answer = await fetch(`${weir.url}/v1/messages`, { method: 'POST', body: MESSAGE, headers: { 'x-api-key': weir.firstKey } });
        await answer.text();
        if (answer.status === 200) right++;
        else wrong++;
      }
    });
    for (let i = 0; i < 20; i++) {
      weir.child.kill('SIGHUP');
      await sleep(30);
    }
    on = false;
    await Promise.all(work);
    assert.equal(wrong, 0);
    await until(async () => (await rowsOf(weir)).length === right, 'a row for each');
    assert.equal((await sim.books()).started, right);
  });
});

describe('a second gateway', { concurrency: 2 }, () => {
  test('on the same journal refuses, and says who has it', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim });
    const done = spawnSync(WEIR, ['serve', '--config', weir.file], { env: weir.environment, cwd: weir.folder, encoding: 'utf8', timeout: 5000 });
    assert.equal(done.status, 1, done.stderr);
    assert.match(done.stderr, new RegExp(`journal.*${weir.child.pid}|${weir.child.pid}.*journal`, 'is'));
    assert.equal((await fetch(`${weir.url}/api/hello`)).status, 200);
  });
  test('on the same port refuses', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim });
    const port = new URL(weir.url).port;
    const file = `${weir.folder}/second.yaml`;
    writeFileSync(file, configFor(sim, weir.folder).replace('127.0.0.1:0', `127.0.0.1:${port}`).replace('weir.db', 'second.db'));
    const done = spawnSync(WEIR, ['serve', '--config', file], { env: weir.environment, cwd: weir.folder, encoding: 'utf8', timeout: 5000 });
    assert.equal(done.status, 1, done.stderr);
    assert.match(done.stderr, new RegExp(port));
  });
  test('takes over when the first was killed', async () => {
    const sim = await startSim();
    const weir = await startWeir({ sim, keyed: true });
    const line = open(weir, 'killed', 'events=4000;rate=40');
    await flowing(line);
    weir.child.kill('SIGKILL');
    await ended(weir);
    await weir.restart();
    const row = await rowOf(weir, 'killed');
    assert.deepEqual([row.ending, row.usage_source, row.cost_nanousd], ['crash', 'hold', row.hold_nanousd]);
    assert.equal(await metric(weir, 'journal_recovered_crash'), 1);
    assert.ok(readFileSync(weir.file));
  });
});
