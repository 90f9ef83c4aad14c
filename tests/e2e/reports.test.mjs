// Reports, forecast and anomalies: the command on the ledger's file, the command against a running gateway, and the API say the
// same; and a developer's key is told of its own user alone.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { cleanEnvironment, startSim, startWeir, stopAll, WEIR } from './lib/harness.mjs';

let sim, weir, viewer, ana, bo, boSees;
const EVIL = '=<b>@ops*';

before(async () => {
  sim = await startSim();
  weir = await startWeir({
    sim,
    extra: `budgets:
  - {name: org-month, window: month, limit: 100 USD}
  - {name: dev-week, each: user, window: week, limit: 5 USD}
`,
  });
  viewer = weir.newKey('--role', 'viewer', '--user', 'vic@example.com');
  ana = weir.firstKey;
  bo = weir.newKey('--user', 'bo@example.com');
  boSees = weir.newKey('--role', 'developer', '--user', 'bo@example.com');
  await new Promise((done) => setTimeout(done, 300));
  for (const [key, session, task] of [[ana, 's1', 'one'], [ana, 's1', 'one'], [ana, 's2', 'one'], [bo, 's3', 'two']]) {
    const answer = await fetch(`${weir.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key, 'x-weir-session': session, 'x-weir-task': task, 'x-weir-workflow': EVIL },
      body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 30, messages: [{ role: 'user', content: 'hello' }] }),
    });
    await answer.text();
    assert.equal(answer.status, 200);
  }
  await weir.ledgerOf(4);
});
after(stopAll);

const environment = (extra = {}) => cleanEnvironment({ HOME: weir.folder, LC_ALL: 'C.UTF-8', ...extra });
const here = (...args) => spawnSync(WEIR, [...args, '--config', weir.configFile], { env: environment(), encoding: 'utf8' });
const there = (key, ...args) => spawnSync(WEIR, args, { env: environment({ WEIR_URL: weir.console, WEIR_KEY: key }), encoding: 'utf8' });
const api = async (key, path) => {
  const answer = await fetch(`${weir.console}/api/v1/${path}`, { headers: { 'x-weir-key': key } });
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
};
const VIEWS = ['summary', 'models', 'cache', 'context', 'distribution', 'waste', 'ci', 'subscription', 'allocation', 'cohorts'];
// The instant of the question stands in each.
const timeless = (text) => text.replace(/"(since|until)":"[^"]*"/g, "").replace(/\d\d:\d\d/g, "00:00");

test('the command here, the command there and the API: one answer', async () => {
  const until = ['--until', new Date(Date.now() + 86400000).toISOString().slice(0, 10)];
  for (const view of VIEWS) {
    const [mine, theirs] = [here('report', '--view', view, '--json', ...until), there(viewer, 'report', '--view', view, '--json', ...until)];
    assert.equal(mine.status, 0, mine.stderr);
    assert.equal(theirs.status, 0, theirs.stderr);
    assert.deepEqual(JSON.parse(mine.stdout), JSON.parse(theirs.stdout), view);
    const asked = await api(viewer, `report?view=${view}&until=${until[1]}`);
    assert.deepEqual(JSON.parse(asked.text), JSON.parse(mine.stdout), view);
  }
  for (const format of ['table', 'markdown', 'html', 'csv']) {
    const args = ['report', '--by', 'workflow', '--format', format, ...until];
    assert.equal(here(...args).stdout, there(viewer, ...args).stdout, format);
  }
  for (const command of ['forecast', 'anomaly']) {
    const [mine, theirs] = [here(command, '--json'), there(viewer, command, '--json')];
    assert.equal(mine.status, 0, mine.stderr);
    assert.equal(timeless(mine.stdout), timeless(theirs.stdout), command);
  }
});

test('what stands in them', async () => {
  const summary = JSON.parse(there(viewer, 'report', '--view', 'summary', '--json').stdout);
  const figures = Object.fromEntries(summary.tables.summary.rows.map((r) => [r.figure, r.value]));
  assert.equal(figures.calls, 4);
  assert.equal(figures.sessions, 3);
  assert.equal(figures.tasks, 2);
  assert.equal(figures.active_days, 2);
  assert.ok(figures.cost > 0 && figures.cost_per_call === Math.floor(figures.cost / 4));
  const compared = JSON.parse(there(viewer, 'report', '--by', 'user', '--compare', '--json').stdout);
  assert.deepEqual(compared.tables.compare.rows.map((r) => [r.calls, r.calls_before]), [[3, 0], [1, 0]]);
  const page = await api(viewer, 'report?by=workflow&format=html');
  assert.match(page.type, /^text\/html/);
  assert.ok(page.text.includes('=&lt;b&gt;@ops*') && !page.text.includes('<b>') && !page.text.includes('<script'));
  assert.match(there(viewer, 'report', '--by', 'workflow', '--csv').stdout, /\n"'=<b>@ops\*",/);
  assert.match(there(viewer, 'report', '--by', 'workflow', '--format', 'markdown').stdout, /\| =\\<b\\>\\@ops\\\* \|/);
  const forecast = JSON.parse(there(viewer, 'forecast', '--json').stdout);
  assert.deepEqual(forecast.tables.budgets.rows.map((r) => r.budget).sort(), ['dev-week', 'dev-week', 'org-month']);
  assert.match(there(viewer, 'forecast').stdout, /this month/);
  const month = there(viewer, 'forecast', '--tokens', '40k', '--model', 'claude-sonnet-4-5', '--calls', '100').stdout;
  assert.match(month, /40000 tokens to claude-sonnet-4-5 cost \$0\.12 a call; 100 calls a day are \$360\.00 in 30 days\./);
});

test("a developer's key: their own, whatever is asked", async () => {
  for (const view of VIEWS) {
    const own = there(boSees, 'report', '--view', view, '--by', 'user', '--json');
    assert.equal(own.status, 0, own.stderr);
    assert.ok(!own.stdout.includes('ana@example.com') && !own.stdout.includes('"s1"'), own.stdout);
  }
  assert.deepEqual(JSON.parse(there(boSees, 'report', '--by', 'user', '--where', 'user=ana@example.com', '--compare', '--json').stdout).tables.compare.rows, []);
  const forecast = JSON.parse(there(boSees, 'forecast', '--by', 'user', '--json').stdout);
  assert.deepEqual(forecast.tables.budgets.rows.map((r) => [r.budget, r.for]), [['dev-week', 'bo@example.com']]);
  assert.deepEqual(forecast.tables.lines?.rows.map((r) => r.user) ?? [], ['bo@example.com']);
  assert.ok(!there(boSees, 'anomaly', '--by', 'user', '--since', 'today', '--json').stdout.includes('ana@'));
  const refused = await api(boSees, 'forecast?budget=none');
  assert.equal(refused.status, 400);
  assert.match(refused.text, /there is no budget/);
});

test('wrong words: what there is', () => {
  const wrong = here('report', '--view', 'sumary');
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /did you mean summary\?/);
  assert.match(here('anomaly', '--since', '90d').stderr, /at most 35 days/);
  assert.equal(here('forecast', '--tokens', '40k').status, 1);
});
