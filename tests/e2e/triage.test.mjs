// A runaway in a team, explained and stopped: the command says what the API says, a developer's key explains that developer's calls alone,
// and the printed command stops it. Savings likewise.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from './lib/raw.mjs';
import { WEIR, cleanEnvironment, startSim, startWeir, stopAll } from './lib/harness.mjs';

let sim, weir;
const keys = {};
const EVIL = 'x$(touch /tmp/evil)<b>';

const call = async (who, session, content = 'hello') => {
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': keys[who], 'x-weir-session': session, 'x-weir-repo': who === 'cy' ? EVIL : 'acme/api' },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 2000, messages: [{ role: 'user', content }] }),
  });
  await answer.text();
  return answer.status;
};
const laptop = (who, ...args) =>
  spawnSync(WEIR, args, { env: cleanEnvironment({ WEIR_URL: weir.console, WEIR_KEY: keys[who], HOME: '/nonexistent' }), encoding: 'utf8' });
const api = async (who, path) => {
  const answer = await fetch(`${weir.console}/api/v1/${path}`, { headers: { 'x-weir-key': keys[who] } });
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
};

before(async () => {
  sim = await startSim();
  weir = await startWeir({ sim, extra: 'budgets:\n  - {name: team-day, each: user, window: day, limit: 0.02 USD, mode: shadow, alerts: [50%]}\n' });
  for (const [name, role] of [['ana', 'developer'], ['bo', 'developer'], ['cy', 'developer'], ['op', 'operator'], ['agent', 'agent']])
    keys[name] = weir.newKey('--role', role, '--user', `${name}@example.com`);
  await new Promise((done) => setTimeout(done, 300));
  for (const who of ['ana', 'bo', 'cy']) assert.equal(await call(who, `usual-${who}`), 200);
  for (let i = 0; i < 40; i++) assert.equal(await call('bo', 'runaway', 'again '.repeat(3000)), 200);
  await weir.ledgerOf(43);
});
after(stopAll);

test('the command on the ledger, the command by a server and the API say the same', async () => {
  const here = JSON.parse(weir.must('triage', '--since', '1h', '--json'));
  const there = JSON.parse(laptop('op', 'triage', '--since', '1h', '--json').stdout);
  const asked = JSON.parse((await api('op', 'triage?since=1h')).text);
  for (const said of [there, asked]) {
    assert.deepEqual(said.causes, here.causes);
    assert.deepEqual(said.factors, here.factors);
    assert.deepEqual(said.sessions, here.sessions);
    assert.equal(said.cost_nanousd, here.cost_nanousd);
  }
  const report = JSON.parse(weir.must('report', '--json', '--since', '1h'));
  assert.equal(here.cost_nanousd, report.total.cost_nanousd);
  assert.equal(
    here.factors.reduce((sum, f) => sum + f.rise_nanousd, 0),
    here.rise_nanousd,
  );
});

test('the runaway session is named, and the printed command stops it', async () => {
  const said = JSON.parse(laptop('op', 'triage', '--since', '1h', '--json').stdout);
  assert.deepEqual(said.causes[0].what, [{ dimension: 'session', value: 'runaway' }]);
  assert.equal(said.sessions[0].session, 'runaway');
  assert.equal(said.sessions[0].calls, 40);
  const { command } = said.contain[0];
  assert.match(command, /^weir session pause .* -- runaway$/);
  assert.equal(await call('bo', 'runaway'), 200);
  const env = cleanEnvironment({ WEIR_URL: weir.console, WEIR_KEY: keys.op, HOME: '/nonexistent', PATH: `${join(WEIR, '..')}:${process.env.PATH}` });
  /* A session is in the store within a second of its first call. */
  await until(() => spawnSync('sh', ['-c', command], { env, encoding: 'utf8' }).status === 0, 'the command to be done', 5000);
  await until(async () => (await call('bo', 'runaway')) === 402, 'the session to be refused', 3000);
  assert.equal(await call('ana', 'usual-ana'), 200, "nobody else's calls are");
  await until(() => weir.ledger().filter((row) => row.user === 'ana@example.com').length === 2, "ana's call in the ledger", 5000);
});

test('a developer sees the calls of their own alone, in words, JSON and Markdown', async () => {
  const ana = JSON.parse((await api('ana', 'triage?since=1h')).text);
  assert.deepEqual(ana.dimensions.user.map((v) => v.value), ['ana@example.com']);
  assert.ok(ana.sessions.every((s) => s.user === 'ana@example.com'));
  assert.ok(!ana.near.some((n) => n.kind === 'change'));
  const op = JSON.parse((await api('op', 'triage?since=1h')).text);
  assert.ok(op.near.some((n) => n.kind === 'change'));
  for (const format of ['table', 'markdown', 'json']) {
    const { status, text } = await api('ana', `triage?since=1h&format=${format}&where=user=bo@example.com`);
    assert.equal(status, 200);
    assert.doesNotMatch(text, /runaway|bo@example\.com/, format);
  }
  assert.equal(JSON.parse((await api('ana', 'savings?since=1d')).text).cost_nanousd, ana.cost_nanousd);
});

test('names of others do no harm where they are shown', async () => {
  const { text } = await api('cy', 'triage?since=1h&format=markdown');
  assert.doesNotMatch(text, /[^\\]<b>/);
  const { text: table } = await api('cy', 'triage?since=1h&format=table');
  for (const line of table.split('\n').filter((l) => /^ +weir /.test(l))) assert.doesNotMatch(line.replace(/'[^']*'/g, ''), /\$\(/);
});

test('an alert is explained from its own window', async () => {
  const listed = () => JSON.parse(weir.must('alert', 'list', '--json')).alerts;
  const alert = await until(() => listed().find((a) => a.labels.user === 'bo@example.com'), 'the alert', 70000);
  const said = JSON.parse(laptop('op', 'triage', '--alert', alert.id, '--json').stdout);
  assert.equal(said.causes[0].what[0].value, 'runaway');
  assert.ok(Date.parse(said.window.since) < Date.now() - 3000000);
  assert.equal((await api('bo', `triage?alert=${alert.id}`)).status, 200);
  for (const [who, path] of [['ana', `triage?alert=${alert.id}`], ['op', 'triage?alert=none']]) {
    const { status, text } = await api(who, path);
    assert.equal(status, 400);
    assert.match(text, /no alert/);
  }
  assert.equal(weir.run('triage', '--alert', alert.id, '--since', '1h').status, 2);
});

test('a wrong word says what there is', async () => {
  for (const [path, words] of [
    ['triage?since=tomorrowish', /is no time/],
    ['triage?until=1h', /until stands with since/],
    ['triage?sinse=1h', /there are since, until, where, alert, format/],
    ['triage?format=xml', /table, json or markdown/],
    ['savings?seat=much', /what a seat costs/],
    ['savings?top=1', /there are since, until, where, seat, format/],
  ]) {
    const { status, text } = await api('op', path);
    assert.equal(status, 400, path);
    assert.match(text, words, path);
  }
  assert.equal(weir.run('triage', '--until', '1h').status, 2);
  assert.equal(weir.run('triage', 'now').status, 2);
});

test('savings: the command and the API say the same', async () => {
  const here = JSON.parse(weir.must('savings', '--json', '--seat', '100'));
  const there = JSON.parse(laptop('op', 'savings', '--json', '--seat', '100').stdout);
  for (const said of [here, there]) delete said.until;
  assert.deepEqual(there, here);
  assert.match(weir.must('savings'), /could be saved|Nothing to save/);
  assert.match((await api('op', 'savings?format=table')).type, /^text\/plain/);
});
