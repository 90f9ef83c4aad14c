// Alerts of a running gateway, to receivers on this machine: each cause once, in the shape its target takes, kept over a kill -9, told
// while the ledger itself is in trouble, silenced, and seen by whom they are about.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cleanEnvironment, scratch, startSim, startWeir, stopAll, stopChild, WEIR } from './lib/harness.mjs';
import { sleep, until } from './lib/raw.mjs';
import { readMail, signatureHolds, startHook, startMail } from './lib/receivers.mjs';
import { query } from './lib/rows.mjs';

const SECRET = 'a-secret-of-the-receiver-and-the-gateway';
const ROUTING = '0123456789abcdef0123456789abcdef';
const receivers = [];
let sim;
before(async () => {
  sim = await startSim();
});
after(async () => {
  await stopAll();
  await Promise.all(receivers.map((r) => r.stop()));
});
const hookOf = async (o) => {
  const hook = await startHook(o);
  receivers.push(hook);
  return hook;
};

const TOOL = { name: 'Bash', description: 'runs a command', input_schema: { type: 'object', properties: { command: { type: 'string' } } } };
const ask = async (weir, { key = weir.firstKey, messages = [{ role: 'user', content: 'hello' }], model = 'claude-sonnet-4-5', headers = {}, sim: how = 'text=on it' } = {}) => {
  const response = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': key, 'x-sim': how, ...headers },
    body: JSON.stringify({ model, max_tokens: 100, tools: [TOOL], messages }),
  });
  const text = await response.text();
  return { status: response.status, session: response.headers.get('x-weir-session'), kind: response.headers.get('x-weir-refusal'), text };
};
/** `weir ARGS`, while receivers on this event loop can answer; of a role: from a laptop, by the console. */
const weirAlone = (weir, args, more = {}) =>
  new Promise((done) => {
    const child = spawn(WEIR, args, { env: { ...weir.environment, ...more }, cwd: weir.folder });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (d) => (stdout += d));
    child.stderr.on('data', (d) => (stderr += d));
    child.on('close', (status) => done({ status, stdout, stderr }));
  });
/** An agent that runs the same failing command until it is refused, or so many times. */
const goRound = async (weir, times = 4, o = {}) => {
  const messages = [{ role: 'user', content: `make the tests pass ${Math.random()}` }];
  let last = await ask(weir, { ...o, messages });
  for (let i = 0; i < times && last.status === 200; i++) {
    const id = `toolu_${Math.random().toString(36).slice(2)}`;
    messages.push({ role: 'assistant', content: [{ type: 'tool_use', id, name: 'Bash', input: { command: 'npm test' } }] });
    messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'Exit code 1\nFAIL', is_error: true }] });
    last = await ask(weir, { ...o, messages });
  }
  return last;
};

describe('what each target gets', () => {
  const hostile = "ana<!channel>`x`@evil\u202e.example'; rm -rf /";
  let weir, hook, mail, out;
  before(async () => {
    hook = await hookOf();
    mail = await startMail();
    receivers.push(mail);
    const folder = scratch();
    out = join(folder, 'told.json');
    const script = join(folder, 'tell.sh');
    writeFileSync(script, `#!/bin/sh\ncat > "$1"\nenv > "$1.env"\n`);
    chmodSync(script, 0o755);
    weir = await startWeir({
      sim,
      env: { HOOK_URL: `${hook.url}/json`, HOOK_SECRET: SECRET, ROUTING },
      extra: `alerts:
  - {name: hook, url: env:HOOK_URL, secret: env:HOOK_SECRET, group: 0s}
  - {name: chat, url: "${hook.url}/slack", format: slack, group: 0s}
  - {name: team, url: "${hook.url}/teams", format: teams, group: 0s}
  - {name: pager, url: "${hook.url}/pager", format: pagerduty, secret: env:ROUTING, group: 0s}
  - {name: post, mail: {to: [oncall@example.com, lead@example.com], from: weir@example.com, url: "${mail.url}"}, group: 0s}
  - {name: run, command: [${script}, ${out}], group: 0s}
  - {name: critical, url: "${hook.url}/critical", severity: critical}
`,
    });
    assert.equal(weir.run('freeze', '--user', hostile, '--reason', 'it loops\r\nBcc: eve@example.com & <b>').status, 0);
    await until(() => hook.got.length >= 4 && mail.mails.length && existsSync(out), 'the alert at all targets', 15000);
  });

  test('JSON, signed: what, since when, who, the command to look and the one to contain', async () => {
    const [m] = hook.got.filter((g) => g.path === '/json');
    assert.ok(signatureHolds(m, SECRET));
    assert.ok(!signatureHolds({ ...m, text: `${m.text} ` }, SECRET));
    assert.equal(m.headers['x-weir-message'], m.body.message);
    const [a] = m.body.alerts;
    assert.equal(m.body.alerts.length, 1);
    assert.deepEqual([a.event, a.kind, a.severity, a.state], ['raised', 'freeze', 'warning', 'open']);
    assert.equal(a.labels.user, hostile);
    assert.match(a.title, /^Frozen: user ana/);
    assert.equal(a.contain, `weir unfreeze --user='${hostile.replaceAll("'", "'\\''")}'`);
    assert.equal(a.event_id, `${a.id}/${a.event_id.split('/')[1]}`);
  });

  test('Slack: blocks, in which no name can call a channel or leave its place', () => {
    const [m] = hook.got.filter((g) => g.path === '/slack');
    assert.doesNotMatch(m.text, /<[!@#]/);
    assert.equal(m.body.mrkdwn, false);
    const blocks = m.body.attachments[0].blocks;
    assert.equal(blocks[0].type, 'header');
    assert.ok([...blocks[0].text.text].length <= 150);
    for (const block of blocks.filter((b) => b.text?.type === 'mrkdwn')) assert.match(block.text.text, /^(Look|Contain): `[^`]*`$/);
  });

  test('Teams: an Adaptive Card of text runs, which know no Markdown', () => {
    const [m] = hook.got.filter((g) => g.path === '/teams');
    const [attachment] = m.body.attachments;
    assert.equal(attachment.contentType, 'application/vnd.microsoft.card.adaptive');
    assert.equal(attachment.content.type, 'AdaptiveCard');
    const types = new Set();
    JSON.stringify(attachment.content, (k, v) => (k === 'type' && types.add(v), v));
    assert.deepEqual([...types].sort(), ['AdaptiveCard', 'Container', 'RichTextBlock', 'TextRun']);
    assert.ok(m.text.length < 28000);
  });

  test('PagerDuty: an incident with the alert as its dedup_key', () => {
    const [m] = hook.got.filter((g) => g.path === '/pager');
    assert.equal(m.body.routing_key, ROUTING);
    assert.equal(m.body.event_action, 'trigger');
    assert.match(m.body.dedup_key, /^[0-9A-Z]{26}$/);
    assert.equal(m.body.payload.severity, 'warning');
    assert.ok(m.body.payload.summary && m.body.payload.source && m.body.payload.timestamp);
  });

  test('mail: no name makes a header or a recipient', () => {
    const [sent] = mail.mails;
    assert.equal(sent.from, 'weir@example.com');
    assert.deepEqual(sent.to, ['oncall@example.com', 'lead@example.com']);
    const { headers, subject, body } = readMail(sent.text);
    assert.deepEqual(Object.keys(headers).sort(), ['auto-submitted', 'content-transfer-encoding', 'content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to']);
    assert.match(subject, /^\[weir warning\] Frozen: user ana/);
    assert.ok(Math.abs(Date.parse(headers.date) - Date.now()) < 60000);
    assert.match(body, /it loops {2}Bcc: eve@example.com & <b>/);
    assert.match(body, /contain +weir unfreeze --user/);
  });

  test('a command: JSON on its input, and nothing of the gateway in its environment', () => {
    assert.equal(JSON.parse(readFileSync(out, 'utf8')).alerts[0].kind, 'freeze');
    assert.doesNotMatch(readFileSync(`${out}.env`, 'utf8'), /SECRET|ROUTING|CREDENTIAL/);
  });

  test('what is over is told, and closes the incident; what is not critical does not come where that is asked for', async () => {
    assert.equal(weir.run('unfreeze', '--user', hostile).status, 0);
    await until(() => hook.got.filter((g) => g.path === '/pager').length === 2, 'the end of the incident', 10000);
    await until(() => hook.alerts('/json').length === 2, 'the end as JSON', 10000);
    const pages = hook.got.filter((g) => g.path === '/pager');
    assert.deepEqual([pages[1].body.event_action, pages[1].body.dedup_key], ['resolve', pages[0].body.dedup_key]);
    const [raised, over] = hook.alerts('/json');
    assert.deepEqual([over.id, over.event, over.state], [raised.id, 'resolved', 'resolved']);
    assert.equal(hook.got.filter((g) => g.path === '/critical').length, 0);
  });

  test('neither addresses nor secrets stand in the log', () => {
    for (const secret of [SECRET, ROUTING, `${hook.url}/json`]) assert.ok(!weir.output().includes(secret));
  });
});

describe('causes', () => {
  let weir, hook;
  before(async () => {
    hook = await hookOf();
    weir = await startWeir({
      sim,
      extra: `budgets:
  - {name: dev-day, each: user, where: {user: bo@example.com}, window: day, limit: 0.03 USD, alerts: [50%, 80%, 100%], override: {up_to: 0.01 USD}}
storms:
  - {name: told, where: {team: told}, action: alert}
  - {name: loops, action: pause, handoff: {to: lead}}
alerts:
  - {name: all, url: "${hook.url}/all", severity: info, group: 0s}
  - {name: lead, url: "${hook.url}/lead", kinds: [ledger]}
`,
    });
  });
  const told = (kind, path = '/all') => hook.alerts(path).filter((a) => a.kind === kind);

  test('a budget: each threshold once, and nothing more however many calls', async () => {
    const key = weir.newKey('--user', 'bo@example.com');
    await sleep(200);
    for (let i = 0; i < 200; i++) {
      const { status } = await ask(weir, { key, headers: { 'x-weir-session': `bo-${i}` }, sim: 'reply_tokens=60' });
      if (status === 402) break;
      await sleep(30);
    }
    await until(() => told('budget').length && told('budget').at(-1).title.match(/: \d{2,}% used/) , 'the budget', 15000);
    await sleep(3000);
    const alerts = told('budget');
    assert.equal(new Set(alerts.map((a) => a.id)).size, 1, JSON.stringify(alerts.map((a) => [a.event, a.title])));
    assert.equal(alerts[0].event, 'raised');
    assert.ok(alerts.length <= 3 && alerts.slice(1).every((a) => a.event === 'risen'));
    assert.match(alerts.at(-1).title, /^Budget dev-day of bo@example\.com: \d+% used, \$0\.\d+ of \$0\.03/);
    assert.equal(alerts[0].labels.user, 'bo@example.com');
    assert.equal(alerts[0].contain, 'weir freeze --user=bo@example.com --reason alert');
  });

  test('a storm that pauses a session: at its hand-over target too, whatever that takes else', async () => {
    const last = await goRound(weir);
    assert.equal(last.kind, 'storm');
    await until(() => told('storm').length && told('storm', '/lead').length, 'the storm', 15000);
    const [a] = told('storm');
    assert.equal(a.labels.session, last.session);
    assert.match(a.evidence, /gave the same result 3 times/);
    assert.match(a.text, /It waits for lead/);
    assert.equal(a.labels.user, 'ana@example.com');
    assert.equal(a.labels.rule, 'loops');
    assert.ok(a.look.startsWith('weir triage --since '), a.look);
    assert.equal(weir.run('session', 'resume', last.session, '--reason', 'seen').status, 0);
    await until(() => told('storm').some((x) => x.event === 'resolved'), 'its end', 15000);
    assert.equal(told('storm').filter((x) => x.event === 'raised').length, 1);
  });

  test('a storm that is only told: critical, since nothing holds it; its command contains it', async () => {
    const key = weir.newKey('--user', 'cy@example.com', '--team', 'told');
    await sleep(200);
    const last = await goRound(weir, 5, { key });
    assert.equal(last.status, 200);
    await until(() => told('storm').some((a) => a.labels.session === last.session), 'the storm', 15000);
    const [a] = told('storm').filter((x) => x.labels.session === last.session);
    assert.deepEqual([a.severity, a.labels.team, a.labels.rule], ['critical', 'told', 'told']);
    assert.equal(a.contain, `weir session pause -- ${last.session}`);
    // the session itself is written once a second
    await until(() => weir.run(...a.contain.split(' ').slice(1)).status === 0, 'the session in the ledger');
    assert.equal((await ask(weir, { key, headers: { 'x-weir-session': last.session } })).status, 402);
  });

  test('a hand-over by a person', async () => {
    const { session } = await ask(weir, { headers: { 'x-weir-session': 'to-hand-over' } });
    await until(() => weir.run('session', 'escalate', session, '--to', 'lead', '--reason', 'odd').status === 0, 'the session in the ledger');
    await until(() => told('pause', '/lead').length, 'the hand-over', 15000);
    assert.match(told('pause', '/lead')[0].title, /was paused by .*: handed to lead: odd/);
  });

  test('a model without a price', async () => {
    for (let i = 0; i < 3; i++) assert.equal((await ask(weir, { model: 'claude-nobody-knows' })).kind, 'unpriced');
    await until(() => told('unpriced').length, 'the model', 15000);
    assert.equal(told('unpriced').length, 1);
    assert.deepEqual([told('unpriced')[0].labels.model, told('unpriced')[0].labels.provider], ['claude-nobody-knows', 'anthropic']);
  });

  test('a limit that was lifted', async () => {
    const key = weir.newKey('--role', 'operator', '--user', 'op@example.com');
    await sleep(200);
    const args = ['budget', 'override', 'dev-day', '--add', '0.005 USD', '--reason', 'a release', '--for', 'user=bo@example.com'];
    const done = await weirAlone(weir, args, { WEIR_URL: weir.console, WEIR_KEY: key });
    assert.equal(done.status, 0, done.stderr);
    await until(() => told('override').length, 'the override', 15000);
    assert.match(told('override')[0].title, /more of budget dev-day: a release/);
    assert.equal(told('override')[0].severity, 'info');
  });

  test('a provider that errs', async () => {
    for (let i = 0; i < 25; i++) await ask(weir, { headers: { 'x-weir-session': `err-${i}` }, sim: 'fault=529' });
    await until(() => told('provider').length, 'the provider', 20000);
    assert.match(told('provider')[0].title, /^Provider anthropic errs: \d+% of its calls in the last 5 minutes/);
  });
});

describe('weir alert', () => {
  let weir, hook, keys;
  before(async () => {
    hook = await hookOf();
    weir = await startWeir({ sim, extra: `alerts:\n  - {name: hook, url: "${hook.url}/x", group: 0s}\n  - {name: gone, url: "http://127.0.0.1:9/x", kinds: [test]}\n` });
    keys = Object.fromEntries(['developer', 'viewer', 'operator'].map((role) => [role, weir.newKey('--role', role, '--user', `${role}@example.com`)]));
    await sleep(300);
  });
  const remote = (role, ...args) => weirAlone(weir, ['alert', ...args], { WEIR_URL: weir.console, WEIR_KEY: keys[role] });

  test('test sends one, and says how it went, from here and from a laptop', async () => {
    const one = await weirAlone(weir, ['alert', 'test', 'hook', '--config', weir.file]);
    assert.deepEqual([one.status, one.stdout], [0, 'hook: sent\n']);
    const all = await remote('operator', 'test');
    assert.equal(all.status, 1);
    assert.match(all.stdout, /^hook: sent$/m);
    assert.match(all.stdout, /^gone: not sent, and tried again: /m);
    assert.match(weir.run('alert', 'test', 'nobody').stderr, /there is no target "nobody"/);
    assert.equal((await remote('developer', 'test')).status, 3);
    const tests = hook.alerts('/x').filter((a) => a.kind === 'test');
    assert.deepEqual(tests.map((a) => a.event), ['test', 'test']);
  });

  test('a silence holds it back, is recorded, and what is still so is told when it ends', async () => {
    const made = JSON.parse(weir.must('alert', 'silence', '--where', 'user=d*@example.com,kind=freeze', '--for', '2h', '--reason', 'known', '--json'));
    weir.must('freeze', '--user', 'dee@example.com');
    await until(() => JSON.parse(weir.must('alert', 'list', '--json')).alerts.find((a) => a.labels.user === 'dee@example.com')?.silence === made.id, 'the silenced alert', 10000);
    await sleep(1500);
    assert.ok(!hook.alerts('/x').some((a) => a.kind === 'freeze'));
    const list = weir.must('alert', 'list');
    assert.match(list, /silenced warning {2}freeze/);
    assert.match(list, /silence \w+ holds user=d\*@example.com,kind=freeze until .*: known/);
    assert.equal(weir.run('alert', 'unsilence', made.id, '--reason', 'over').status, 0);
    await until(() => hook.alerts('/x').some((a) => a.kind === 'freeze' && a.labels.user === 'dee@example.com'), 'the alert', 10000);
    const rows = await query(join(weir.folder, 'weir.db'), "SELECT action,detail,reason FROM audit WHERE action LIKE 'alert.%silence' ORDER BY seq");
    assert.deepEqual(rows, [
      { action: 'alert.silence', detail: 'user=d*@example.com,kind=freeze', reason: 'known' },
      { action: 'alert.unsilence', detail: 'user=d*@example.com,kind=freeze', reason: 'over' },
    ]);
  });

  test('a developer sees and silences alerts of their own alone', async () => {
    weir.must('freeze', '--user', 'developer@example.com');
    const seen = async (role, ...args) => JSON.parse((await remote(role, 'list', '--json', ...args)).stdout);
    await until(async () => (await seen('viewer')).alerts.some((a) => a.labels.user === 'developer@example.com'), 'the alert', 10000);
    const own = await seen('developer');
    assert.deepEqual(own.alerts.map((a) => a.labels.user), ['developer@example.com']);
    assert.deepEqual(own.silences, []);
    const other = (await seen('viewer')).alerts.find((a) => a.labels.user === 'dee@example.com');
    assert.equal((await remote('developer', 'show', other.id)).status, 1);
    assert.match((await remote('developer', 'silence', other.id)).stderr, /no alert/);
    assert.equal((await remote('developer', 'silence', '--where', 'kind=freeze')).status, 3);
    assert.equal((await remote('developer', 'silence', '--where', 'user=*')).status, 3);
    assert.match((await remote('developer', 'silence', own.alerts[0].id, '--for', '2d')).stderr, /for a day at most/);
    const mine = await remote('developer', 'silence', own.alerts[0].id, '--for', '1h', '--reason', 'it was me');
    assert.equal(mine.status, 0, mine.stderr);
    assert.equal((await remote('viewer', 'silence', other.id)).status, 3);
    const seenBy = await until(async () => JSON.parse((await remote('viewer', 'show', own.alerts[0].id, '--json')).stdout).acknowledged, 'who has seen it', 10000);
    assert.match(seenBy.by, /^developer@example\.com \(k_/);
    assert.equal(seenBy.reason, 'it was me');
    const text = await remote('developer', 'show', own.alerts[0].id);
    assert.match(text.stdout, /^Frozen: user developer@example\.com/);
    assert.match(text.stdout, /contain +weir unfreeze --user=developer@example\.com/);
  });

  test('metrics', async () => {
    const text = await (await fetch(`${weir.console}/metrics`)).text();
    assert.match(text, /^weir_alerts_open\{severity="warning"\} [1-9]/m);
    assert.match(text, /^weir_alerts_raised_total [1-9]/m);
    assert.match(text, /^weir_alerts_messages_sent_total [1-9]/m);
  });

  test('words that are wrong are told', () => {
    for (const [args, words] of [
      [['silence'], /wants the ID of one alert, or --where/],
      [['silence', '--where', 'colour=red'], /no label "colour"/],
      [['silence', '--where', 'user=x', '--for', 'soon'], /write a time, such as 2h/],
      [['show'], /which one\?/],
      [['louder'], /there are list, show, test, silence and unsilence/],
    ]) assert.match(weir.run('alert', ...args).stderr, words);
  });
});

// Each has a gateway and receivers of its own, and mostly waits.
describe('one gateway each', { concurrency: true }, () => {
  test('a receiver that is down, and a kill -9 in between: it comes, and once', async () => {
    const first = await startHook();
    const { port } = first;
    await first.stop();
    const weir = await startWeir({ sim, extra: `alerts:\n  - {name: hook, url: "http://127.0.0.1:${port}/x", group: 0s}\n` });
    weir.must('freeze', '--team', 'web', '--reason', 'it loops');
    await until(() => /alert\.unsent/.test(weir.output()), 'a first attempt', 10000);
    await weir.stop('SIGKILL');
    const [row] = await query(join(weir.folder, 'weir.db'), "SELECT state,tries FROM deliveries");
    assert.equal(row.state, 'waiting');
    const hook = await hookOf({ port });
    await weir.restart();
    await until(() => hook.got.length, 'the alert after the restart', 15000);
    await sleep(3000);
    assert.deepEqual(hook.alerts('/x').map((a) => [a.event, a.kind, a.labels.team]), [['raised', 'freeze', 'web']]);
    await weir.stop();
    await weir.restart();
    await sleep(3000);
    assert.equal(hook.got.length, 1);
  });

  test('a receiver that turns it down is tried again later; redirects are not followed; its answer is not logged with secrets', async () => {
    const hook = await hookOf({ status: 302 });
    const weir = await startWeir({ sim, extra: `alerts:\n  - {name: hook, url: "${hook.url}/x", group: 0s}\n` });
    weir.must('freeze', '--team', 'web');
    await until(() => hook.got.length, 'an attempt', 10000);
    await until(() => /alert\.unsent/.test(weir.output()), 'the log', 5000);
    assert.deepEqual([...new Set(hook.got.map((g) => g.path))], ['/x']);
    assert.doesNotMatch(weir.output(), /sk-ant-api03/);
    const { alerts } = JSON.parse(weir.must('alert', 'list', '--json'));
    const { deliveries } = JSON.parse(weir.must('alert', 'show', alerts[0].id, '--json'));
    assert.match(deliveries[0].error, /it answered 302/);
    hook.status = 200;
    await until(() => hook.got.some((g) => g.status === 200), 'another attempt', 15000);
  });

  test('a ledger that takes no rows is told while it takes none', async () => {
    const hook = await hookOf();
    const weir = await startWeir({ sim, extra: `alerts:\n  - {name: hook, url: "${hook.url}/x", group: 0s}\n` });
    await ask(weir);
    await weir.ledgerOf(1);
    await sleep(1000);
    const locker = spawn('sqlite3', [join(weir.folder, 'weir.db')], { stdio: ['pipe', 'pipe', 'ignore'] });
    locker.stdin.write('.timeout 10000\nBEGIN IMMEDIATE;\nSELECT "locked";\n');
    await new Promise((done) => locker.stdout.once('data', done));
    await ask(weir);
    await until(() => hook.alerts('/x').some((a) => a.kind === 'ledger'), 'the trouble', 45000);
    const [a] = hook.alerts('/x').filter((x) => x.kind === 'ledger');
    assert.deepEqual([a.severity, a.title], ['critical', 'The ledger takes no rows']);
    locker.stdin.end('ROLLBACK;\n');
    await until(() => hook.alerts('/x').some((x) => x.kind === 'ledger' && x.event === 'resolved'), 'its end', 30000);
    assert.equal(hook.alerts('/x').filter((x) => x.kind === 'ledger' && x.event === 'raised').length, 1);
    await stopChild(locker);
    const { alerts } = JSON.parse(weir.must('alert', 'list', '--all', '--json'));
    assert.ok(alerts.some((x) => x.kind === 'ledger' && x.state === 'resolved'), 'it is in the ledger afterwards');
  });

  test('weir alert test where no gateway runs sends by itself', async () => {
    const hook = await hookOf();
    const weir = await startWeir({ sim, extra: `alerts:\n  - {name: hook, url: "${hook.url}/x"}\n` });
    await weir.stop();
    const done = await weirAlone(weir, ['alert', 'test', '--config', weir.file]);
    assert.deepEqual([done.status, done.stdout], [0, 'hook: sent\n']);
    assert.equal(hook.alerts('/x')[0].event, 'test');
  });

  test('a runaway in the demo team is told, triaged to its session by the printed command, and contained by the other', async () => {
    const folder = scratch('weir-demo-alert-');
    const environment = cleanEnvironment({ TMPDIR: folder, HOME: folder });
    const run = (args) => spawnSync(WEIR, args, { env: environment, cwd: folder, encoding: 'utf8', timeout: 20000 });
    const child = spawn(WEIR, ['demo', '--stay', '--people', '3', '--minutes', '10'], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
    try {
      const [, console_] = await until(() => said.match(/The console: (http:\/\/\S+)/), 'the console', 40000);
      const [, file] = said.match(/--config (\S+weir\.yaml)/);
      const { gateway } = await (await fetch(`${console_}/api/v1/me`)).json();
      const key = JSON.parse(run(['key', 'create', '--json', '--user', 'zoe@acme.example', '--team', 'web', '--config', file]).stdout).key;
      await sleep(300);
      const weir = { url: gateway, firstKey: key };
      const last = await goRound(weir, 12, { sim: 'reply_tokens=90' });
      assert.equal(last.status, 200, last.text);
      const listed = () => JSON.parse(run(['alert', 'list', '--json', '--config', file]).stdout).alerts;
      const from = Date.now();
      const alert = await until(() => listed().find((a) => a.labels.session === last.session), 'the alert', 60000);
      assert.ok(Date.now() - from < 60000);
      assert.deepEqual([alert.kind, alert.severity, alert.labels.user], ['storm', 'critical', 'zoe@acme.example']);
      // as they are printed, each a line to be copied into a shell
      const shell = (line) => spawnSync('sh', ['-c', line.replace(/^weir /, '"$WEIR" ')], { env: { ...environment, WEIR, WEIR_CONFIG: file }, encoding: 'utf8', timeout: 20000 });
      const looked = shell(alert.look);
      assert.equal(looked.status, 0, looked.stderr);
      assert.match(looked.stdout, new RegExp(`1 +session ${last.session}`));
      assert.match(looked.stdout, /npm test/);
      const contained = await until(() => {
        const done = shell(alert.contain);
        return done.status === 0 && done;
      }, 'the session in the ledger');
      assert.match(contained.stderr, /is paused/);
      const next = await ask(weir, { key, headers: { 'x-weir-session': last.session } });
      assert.deepEqual([next.status, next.kind], [402, 'storm']);
    } finally {
      await stopChild(child);
    }
  });

  test('weeks of transcripts and an hour out of the usual: a forecast and an anomaly, soon after the start', async () => {
    const hook = await hookOf();
    const weir = await startWeir({
      sim,
      extra: `budgets:
  - {name: ever, window: total, include: [all], limit: 75 USD, alerts: [forecast]}
alerts:
  - {name: hook, url: "${hook.url}/x", kinds: [forecast, anomaly], group: 0s}
  `,
    });
    await weir.stop();
    const hour = 3600000;
    const now = Date.now();
    const lines = [];
    const line = (at, output) =>
      lines.push(
        JSON.stringify({
          type: 'assistant', sessionId: 'c0ffee00-0000-4000-8000-000000000001', cwd: '/srv/shop', version: '2.1.0', isSidechain: false, uuid: `u${lines.length}`,
          timestamp: new Date(at).toISOString(), requestId: `req_${lines.length}`,
          message: { id: `msg_${lines.length}`, type: 'message', role: 'assistant', model: 'claude-opus-4-6', stop_reason: 'end_turn', content: [{ type: 'text', text: 'x' }],
            usage: { input_tokens: 1000, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: output } },
        }),
      );
    for (let h = 40 * 24; h >= 2; h--) line(now - h * hour, 1500 + 100 * (h % 5)); // some 4 cents an hour
    for (let i = 0; i < 60; i++) line(now - 60000, 10000);
    const file = join(weir.folder, '.claude/projects/-srv-shop/a.jsonl');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${lines.join('\n')}\n`);
    weir.must('import', 'claude-code');
    await weir.restart();
    const of = (kind) => hook.alerts('/x').filter((a) => a.kind === kind);
    await until(() => of('forecast').length && of('anomaly').length, 'a forecast and an anomaly', 60000);
    assert.match(of('forecast')[0].title, /^Budget ever: \$\d+\.\d+ of \$75\.00/);
    const [spike] = of('anomaly');
    assert.match(spike.title, /^Spend is out of the usual: agent claude-code: \$/);
    assert.match(spike.evidence, /^the same rise stands in .*\ball\b/);
    assert.deepEqual([of('forecast').length, of('anomaly').length], [1, 1]);
  });
});
