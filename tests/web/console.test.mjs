// The console in a real browser, over a gateway with a company's ledger and a simulated team at work: every page, what is clicked, chosen,
// lifted, paused and resumed, its figures against `weir report`, planted texts, the keyboard, a phone, and axe-core's rules.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { startSim, startWeir } from '../e2e/lib/harness.mjs';
import { closeOffice, openBrowser, openOffice, settled } from './lib/office.mjs';
import { PAGES } from './lib/pages.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let office, browser, pages;

before(async () => {
  [office, browser] = await Promise.all([openOffice({ rows: 20000, minutes: 30 }), openBrowser()]);
  pages = await PAGES(office);
});
after(async () => {
  await browser?.close();
  await closeOffice();
});

const open = async (path, options = {}) => {
  const page = await browser.page(office.weir.console, { key: office.owner, path, ...options });
  await settled(page);
  return page;
};
/** To another address within the page, as a click on a link does it. */
const go = async (page, path) => {
  await page.evaluate((to) => {
    history.pushState(null, '', to);
    dispatchEvent(new PopStateEvent('popstate'));
  }, path);
  await settled(page);
};
const close = (page) => page.context().close();
const asOwner = (path) => office.ask(path, { headers: { 'x-weir-key': office.owner } });
const usd = (nano) => new Intl.NumberFormat('en-GB', { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol' }).format(nano / 1e9);
const until = async (what, holds, ms = 8000) => {
  for (const end = Date.now() + ms; ; ) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > end) assert.fail(`not in time: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
};
const noFaults = () => assert.deepEqual(browser.faults.splice(0), []);

/** Serious violations of axe-core's rules. It runs in the page's own world, past the page's policy, which is the browser's matter. */
async function violations(page, rules) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  const { violations: found } = await page.evaluate((only) => globalThis.axe.run(document, { resultTypes: ['violations'], ...(only ? { runOnly: only } : {}) }), rules);
  return found.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.any[0]?.message ?? ''}`).join(' | ')}`);
}

test('every page stands, in both themes and on a phone, asks no other host, and breaks no serious rule of axe-core', async () => {
  const page = await open('/');
  for (const { name, path, has } of pages) {
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
    await go(page, path);
    assert.ok((await page.locator('main').innerText()).includes(has), `${name}: "${has}"`);
    assert.deepEqual(await violations(page), [], name);
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.deepEqual(await violations(page, ['color-contrast', 'link-in-text-block']), [], `${name}, dark`);
    await page.setViewportSize({ width: 390, height: 844 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${name}: ${wide} pixels too wide for a phone`);
  }
  await close(page);
  noFaults();
});

test('the policy allows nothing inline and nothing from elsewhere; files are packed and known again', async () => {
  const first = await fetch(office.weir.console, { headers: { 'accept-encoding': 'br' } });
  const policy = first.headers.get('content-security-policy');
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  assert.equal(first.headers.get('content-encoding'), 'br');
  const html = await first.text();
  const script = /src="(\/assets\/[^"]+)"/.exec(html)[1];
  const again = await fetch(office.weir.console, { headers: { 'if-none-match': first.headers.get('etag') } });
  assert.equal(again.status, 304);
  const asset = await fetch(office.weir.console + script);
  assert.match(asset.headers.get('cache-control'), /immutable/);
  assert.equal((await fetch(`${office.weir.console}/assets/gone.js`)).status, 404);
});

test('the overview: its figures are those of weir report', async () => {
  const page = await open('/');
  const month = office.report('--by', 'team', '--since', 'month').total.cost_nanousd;
  const card = page.locator('.burn', { hasText: 'This month' });
  await until('the month', async () => (await card.locator('.stat-value').innerText()) === usd(month));
  assert.match(await page.locator('.headline').innerText(), /budget|control/i);
  const { cache } = await asOwner('overview');
  assert.ok((await page.locator('.card', { hasText: 'Saved by the prompt cache' }).innerText()).includes(usd(cache.saved_nanousd)));
  // the picture's figures as a table: the newest day is today's report
  await page.locator('section', { hasText: 'Spend by team' }).getByRole('button', { name: 'Table' }).click();
  const today = office.report('--by', 'team', '--since', 'today').total.cost_nanousd;
  const cells = await page.locator('.chart-table tbody tr').last().locator('td').allInnerTexts();
  const sum = cells.slice(1).reduce((n, c) => n + Number(c.replace(/[^\d.]/g, '')), 0);
  assert.ok(Math.abs(sum - today / 1e9) < 0.05, `${sum} is not ${today / 1e9}`);
  await page.getByText('Models', { exact: true }).click();
  assert.ok(await page.getByRole('columnheader', { name: 'Models' }).isVisible());
  // what is expected, as the forecast has it
  const { rows } = (await asOwner('forecast')).tables.periods;
  const expected = rows.find((r) => r.period === 'month').expected_nanousd;
  assert.ok((await card.innerText()).includes(`Expected at its end: ${usd(expected)}`), `${await card.innerText()}: ${usd(expected)}`);
  await page.locator('.segmented').getByText('Month', { exact: true }).click();
  await page.getByText('This month, as it adds up').waitFor();
  await settled(page);
  await close(page);
  noFaults();
});

test('explore: chosen, filtered by clicks, compared, brushed; exported as the report that it is', async () => {
  const page = await open('/explore?by=team&since=30d');
  const report = office.report('--by', 'team', '--since', '30d');
  const total = () => page.locator('.explore-total .stat-value').innerText();
  assert.equal(await total(), usd(report.total.cost_nanousd));
  const rows = await page.locator('.flush tbody tr').allInnerTexts();
  assert.equal(rows.length, Math.min(25, report.rows.length));
  assert.ok(rows[0].includes(report.rows[0].team) && rows[0].includes(usd(report.rows[0].cost_nanousd)), rows[0]);

  await page.locator('.flush tbody tr').first().locator('.cell-link').click();
  await settled(page);
  const team = report.rows[0].team;
  assert.match(page.url(), new RegExp(`where=team=${team}`));
  const one = office.report('--by', 'user', '--since', '30d', '--where', `team=${team}`);
  assert.equal(await total(), usd(one.total.cost_nanousd));

  await page.getByText('Compare with the period before').click();
  await until('the comparison', async () => /in the period before/.test(await page.locator('.explore-total').innerText()));
  await page.getByRole('button', { name: 'Command' }).click();
  const command = await page.locator('.command code').innerText();
  assert.match(command, /^weir report --by user --per day --since 30d --where team=\S+ --measures /);
  const run = office.weir.run(...command.split(' ').slice(1), '--json');
  assert.equal(run.status, 0, run.stderr);
  assert.equal(JSON.parse(run.stdout).total.cost_nanousd, one.total.cost_nanousd);

  const [csv] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV' }).click()]);
  assert.match(readFileSync(await csv.path(), 'utf8').split('\n')[0], /user,.*cost_nanousd/);
  const [png] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'PNG' }).click()]);
  assert.equal(readFileSync(await png.path()).subarray(1, 4).toString(), 'PNG');

  for (const view of ['Treemap', 'Flow', 'Bars']) {
    await page.locator('.segmented').getByText(view, { exact: true }).click();
    await settled(page);
    assert.match(page.url(), new RegExp(`view=${view.toLowerCase()}`));
  }
  const box = await page.locator('.chart-box canvas').first().boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 120);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 140, { steps: 6 });
  await page.mouse.up();
  await until('the range', () => /since=20\d\d-\d\d-\d\d.*until=20\d\d/.test(page.url()));
  await page.goBack();
  assert.match(page.url(), /since=30d/);
  await page.getByRole('button', { name: /Take out the filter/ }).click();
  await until('no filter', () => !page.url().includes('where='));
  await close(page);
  noFaults();
});

test('budgets: what is counted, another limit tried, a limit lifted, a new one made', async () => {
  const page = await open('/budgets?name=org-day');
  const { budgets } = await asOwner('budgets');
  const day = budgets.find((b) => b.name === 'org-day');
  const card = page.locator('section.card', { hasText: 'org-day' }).first();
  assert.ok((await card.innerText()).includes(usd(parseFloat(day.counters[0].settled) * 1e9)));

  // whom another limit would have stopped: those who spent more than that in a day of the report
  const days = office.report('--by', 'billing', '--per', 'day', '--since', '29d', '--where', 'billing=metered').rows.map((r) => r.cost_nanousd).sort((a, b) => b - a);
  await page.getByLabel(/Another limit/).fill(((days[2] + days[3]) / 2 / 1e9).toFixed(2));
  await until('three days', async () => /in 3 of \d+ windows/.test(await page.locator('.pad [role=status]').innerText()));

  const someone = office.people[0].user;
  await page.getByRole('button', { name: `Lift the limit of dev-day for ${someone}` }).click();
  await page.getByLabel(/By how much/).fill('5');
  await page.getByLabel('Why').fill('a demo <b>today</b>');
  await page.getByRole('button', { name: 'Lift the limit', exact: true }).click();
  await until('it is lifted', async () => (await asOwner('budgets/dev-day')).counters.find((c) => c.for === someone).lifted?.startsWith('5'));
  await page.locator('.toast').waitFor();
  assert.ok((await page.getByText('a demo <b>today</b>').count()) > 0);

  await page.getByRole('button', { name: 'New budget' }).click();
  await page.getByLabel('Name', { exact: true }).fill('web-day');
  await page.getByLabel('Limit, in USD', { exact: true }).fill('7.50');
  await page.getByLabel('is (may be empty)').fill('web');
  await page.getByRole('button', { name: 'Make it', exact: true }).click();
  const made = await until('the budget', () => asOwner('budgets/web-day').catch(() => null));
  assert.deepEqual([made.limit, made.window, made.where], ['7.50 USD', 'day', ['team=web']]);
  // a fault is said where it happened, and the dialog stays
  await page.getByRole('button', { name: 'New budget' }).click();
  await page.getByLabel('Name', { exact: true }).fill('org-day');
  await page.getByLabel('Limit, in USD', { exact: true }).fill('1');
  await page.getByRole('button', { name: 'Make it', exact: true }).click();
  assert.match(await page.locator('dialog .fault').innerText(), /settings file/);
  await page.keyboard.press('Escape');
  await until('the dialog is gone', async () => (await page.locator('dialog').count()) === 0);
  browser.faults.splice(0, browser.faults.length, ...browser.faults.filter((f) => !/status of 409/.test(f)));
  await close(page);
  noFaults();
});

test('sessions: found, looked at, paused and resumed', async () => {
  const page = await open('/sessions');
  const { sessions } = await asOwner('sessions?limit=5000');
  assert.ok((await page.locator('.virtual tbody tr').count()) < 80);
  const one = sessions.find((s) => s.state === 'running' && s.turns > 3 && s.agent === 'claude-code');
  await page.getByLabel('Search sessions').fill(one.id.slice(0, 12).toUpperCase());
  await until('one row', async () => (await page.locator('.virtual tbody tr').count()) === 1);
  await page.locator('.virtual tbody a').click();
  await settled(page);
  assert.match(page.url(), new RegExp(`/sessions/${one.id}$`));
  const { total } = office.report('--by', 'session', '--since', '30d', '--where', `session=${one.id}`);
  const cost = page.locator('.figures .stat', { hasText: 'Cost' }).locator('.stat-value');
  assert.equal(Number((await cost.innerText()).slice(1)).toFixed(2), (total.cost_nanousd / 1e9).toFixed(2));
  assert.equal(await page.locator('section', { hasText: 'Threads and calls' }).locator('.lane-line i').count(), total.calls + total.refused);

  const state = async () => (await asOwner(`sessions/${one.id}`)).sessions.find((s) => s.id === one.id).state;
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByLabel(/^Why/).fill('to look at it');
  await page.locator('dialog').getByRole('button', { name: 'Pause' }).click();
  await until('paused', async () => (await state()) === 'paused');
  await page.getByText('Paused, and waits for somebody').waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Resume' }).click(); // without a reason: the form does not go
  assert.equal(await state(), 'paused');
  await page.getByLabel(/^Why/).fill('it is fine');
  await page.locator('dialog').getByRole('button', { name: 'Resume' }).click();
  await until('running', async () => (await state()) === 'running');
  await until('the button', () => page.getByRole('button', { name: 'Pause' }).isVisible());
  await close(page);
  noFaults();
});

test('incidents: alerts held back, a session paused where it stands out, the waterfall as the triage has it', async () => {
  await office.ask('freeze', { method: 'POST', headers: { 'x-weir-key': office.owner, 'content-type': 'application/json' }, body: '{"team": "nobody", "reason": "<b>a test</b>"}' });
  const page = await open('/incidents?since=today');
  const triage = await asOwner('triage?since=today');
  const text = await page.locator('main').innerText();
  assert.ok(text.includes(usd(triage.cost_nanousd)), usd(triage.cost_nanousd));
  await page.locator('section', { hasText: 'What changed' }).getByRole('button', { name: 'Table' }).first().click();
  const rows = await page.locator('.chart-table tbody tr').allInnerTexts();
  assert.equal(rows.length, triage.factors.filter((f) => f.rise_nanousd).length + 2);
  const open_ = await until('an alert', async () => {
    const list = (await asOwner('alerts')).alerts.filter((a) => !a.silence);
    return list.some((a) => a.kind === 'freeze') && list;
  }, 15000);
  await page.reload();
  await settled(page);
  await page.getByRole('button', { name: /^Silence: / }).first().click();
  await page.getByLabel('Why', { exact: true }).fill('known');
  await page.locator('dialog').getByRole('button', { name: 'Silence' }).click();
  await until('it is held back', async () => (await asOwner('alerts')).alerts.filter((a) => !a.silence).length < open_.length);
  await office.ask('unfreeze', { method: 'POST', headers: { 'x-weir-key': office.owner, 'content-type': 'application/json' }, body: '{"team": "nobody"}' });
  const one = triage.sessions[0].session;
  await page.getByRole('button', { name: `Pause session ${one}` }).click();
  await page.locator('dialog').getByRole('button', { name: 'Pause' }).click();
  await until('it is paused', async () => (await asOwner(`sessions/${encodeURIComponent(one)}`)).sessions.some((s) => s.id === one && s.state === 'paused'));
  await close(page);
  noFaults();
});

test('savings: ranked as weir savings has them, each with what does it', async () => {
  const page = await open('/savings');
  const { savings, month_nanousd } = await asOwner('savings?since=30d');
  assert.ok(savings.length > 0);
  assert.ok((await page.locator('.headline').innerText()).includes(`${usd(month_nanousd)} a month could be saved`));
  assert.equal(await page.locator('.saving').count(), savings.length);
  for (const [i, s] of savings.entries()) {
    const text = await page.locator('.saving').nth(i).innerText();
    if (s.month_nanousd > 1e8) assert.ok(text.includes(usd(s.month_nanousd)), `${text}: ${usd(s.month_nanousd)}`);
    for (const does of [s.command, s.settings]) if (does) assert.ok(text.includes(does.split('\n')[0]), does);
  }
  await close(page);
  noFaults();
});

test('unit costs and rollout: their figures are those of the report and of the shadow', async () => {
  const page = await open('/units?since=30d');
  const { total } = office.report('--by', 'team', '--since', '30d', '--measures', 'cost_nanousd,sessions,active_days');
  const tile = (name) => page.locator('.card', { hasText: name }).locator('.stat-value').first();
  assert.equal(await tile('An active developer day').innerText(), usd(total.cost_nanousd / total.active_days));
  assert.equal(await tile('A session').innerText(), usd(total.cost_nanousd / total.sessions));
  await go(page, '/rollout');
  const rule = (await asOwner('shadow?days=30')).rules.find((r) => r.name === 'try-dev-day');
  assert.ok(rule.calls > 0);
  const card = page.locator('section.card', { hasText: 'try-dev-day' });
  assert.ok((await card.innerText()).includes(String(rule.calls)));
  assert.equal(await card.locator('tbody tr').count(), rule.affected.length);
  await close(page);
  noFaults();
});

test('set-up: a key is made and ended, a team frozen and let go, and it all stands in the record', async () => {
  const page = await open('/setup?tab=keys');
  await page.getByRole('button', { name: 'Make a key' }).click();
  await page.getByLabel('Person').fill('new@acme.example');
  await page.locator('dialog').getByRole('button', { name: 'Make the key' }).click();
  const text = await page.locator('.command code').innerText();
  assert.match(text, /^wk_/);
  await until('the key is known', async () => (await fetch(`${office.weir.console}/api/v1/me`, { headers: { 'x-weir-key': text } })).ok);
  await page.locator('tr', { hasText: 'new@acme.example' }).getByRole('button', { name: 'End' }).click();
  await page.locator('dialog').getByRole('button', { name: 'End the key' }).click();
  await until('the key is shut', async () => (await fetch(`${office.weir.console}/api/v1/me`, { headers: { 'x-weir-key': text } })).status === 401);
  await go(page, '/setup?tab=freeze');
  await page.getByRole('button', { name: 'Freeze…' }).click();
  await page.getByLabel('Which team').fill('web');
  await page.getByLabel('Why').fill('<i>a test</i>');
  await page.locator('dialog').getByRole('button', { name: 'Freeze' }).click();
  await until('it is frozen', async () => (await asOwner('freezes')).freezes.length === 1);
  await page.getByText('<i>a test</i>').waitFor();
  await page.getByRole('button', { name: 'Unfreeze' }).click();
  await until('it is let go', async () => (await asOwner('freezes')).freezes.length === 0);
  await go(page, '/setup?tab=audit');
  const record = await page.locator('main').innerText();
  for (const action of ['key.create', 'key.revoke', 'freeze', 'unfreeze']) assert.ok(record.includes(action), action);
  await close(page);
  noFaults();
});

const EVIL = (n) => `<img src=x onerror=evil(${n})>"'><script>evil(${n})</script>`;

test('texts planted in every attribution field, tool name and message show as text', async () => {
  const user = EVIL('user');
  const key = office.weir.newKey('--user', user);
  const named = ['team', 'repo', 'branch', 'commit', 'workflow', 'environment', 'task', 'cohort', 'cost-centre', 'session', 'subagent', 'agent'];
  const headers = { 'x-api-key': key, 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'user-agent': `claude-cli/9 ${EVIL('agent')}`, 'x-weir-tags': `note=${EVIL('tag')}` };
  for (const n of named) headers[`x-weir-${n}`] = EVIL(n);
  const body = (model) => JSON.stringify({
    model, max_tokens: 64, stream: false,
    system: EVIL('system'),
    tools: [{ name: `${EVIL('tool')}`, description: EVIL('description'), input_schema: { type: 'object', properties: {} } }],
    messages: [{ role: 'user', content: EVIL('message') }, { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: EVIL('tool'), input: {} }] }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: EVIL('result') }] }],
  });
  await until('the key is known', async () => (await fetch(`${office.weir.url}/v1/messages`, { method: 'POST', headers, body: body('claude-haiku-4-5') })).ok);
  await fetch(`${office.weir.url}/v1/messages`, { method: 'POST', headers, body: body(EVIL('model')) });
  const row = await until('the row', async () => (await asOwner('calls?limit=5')).rows.find((r) => r.user === user && r.ending === 'complete'));
  const planted = ['team', 'repo', 'branch', 'workflow', 'environment', 'task', 'cohort', 'session'].filter((f) => row[f]?.includes('<img'));
  assert.ok(planted.length >= 6, `planted: ${planted}`);

  const places = ['/', '/sessions', `/sessions/${encodeURIComponent(row.session)}`, '/setup?tab=keys', '/setup?tab=audit', '/budgets?name=dev-day', ...pages.map((p) => p.path),
    ...['areas', 'bars', 'treemap', 'flow'].map((v) => `/explore?since=today&view=${v}&by=${v === 'flow' ? 'team,repo,model' : 'team,user'}`),
    ...['team', 'repo', 'branch', 'workflow', 'environment', 'task', 'cohort', 'model', 'tool', 'tags.note'].map((d) => `/explore?since=today&by=${d}`),
    `/explore?by=user&since=today&where=${encodeURIComponent(`team=${row.team}`)}`, `/sessions?q=${encodeURIComponent(EVIL('q'))}`];
  const page = await browser.page(office.weir.console, { key: office.owner });
  await page.addInitScript(() => {
    globalThis.done = [];
    globalThis.evil = (n) => globalThis.done.push(n);
  });
  await page.reload();
  const seen = new Set();
  for (const place of new Set(places)) {
    await go(page, place);
    const found = await page.evaluate(() => ({ done: globalThis.done, nodes: document.querySelectorAll('main img, main script, main iframe, .side script').length, text: document.body.innerText }));
    assert.deepEqual(found.done, [], place);
    assert.equal(found.nodes, 0, place);
    for (const field of [...named, 'user', 'tool', 'model', 'tag']) if (found.text.includes(`evil(${field})`)) seen.add(field);
  }
  for (const field of [...planted, 'user', 'tool']) assert.ok(seen.has(field), `${field} is shown nowhere (shown: ${[...seen]})`);
  // and in the box at the pointer
  await go(page, '/explore?by=user&since=today&view=bars');
  const box = await page.locator('.chart-box canvas').first().boundingBox();
  await page.mouse.move(box.x + box.width - 30, box.y + box.height - 60);
  await page.locator('.tip').first().waitFor();
  assert.deepEqual(await page.evaluate(() => [globalThis.done.length, document.querySelectorAll('.tip img').length]), [0, 0]);
  await close(page);
  noFaults();
});

test('live: a call that is made now is on the page without a question', async () => {
  const page = await open('/sessions');
  const key = office.people[1].key;
  const id = `live-${Date.now()}`;
  const answer = await fetch(`${office.weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-weir-session': id },
    body: JSON.stringify({ model: 'claude-haiku-4-5', max_tokens: 16, messages: [{ role: 'user', content: 'hello' }] }),
  });
  assert.equal(answer.status, 200);
  await until('the session', async () => (await page.locator('.virtual').innerText()).includes(id.slice(0, 8)), 15000);
  await close(page);
  noFaults();
});

test('the keyboard alone: past the navigation, through a table, in and out of a dialog', async () => {
  const page = await open('/budgets');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Skip to the content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.getByRole('button', { name: 'New budget' }).focus();
  await page.keyboard.press('Enter');
  assert.ok(await page.evaluate(() => document.querySelector('dialog').contains(document.activeElement)));
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'New budget');
  await page.getByRole('link', { name: 'Explore', exact: true }).focus();
  await page.keyboard.press('Enter');
  await settled(page);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Explore', 'a link leads to the head of its page');
  await page.keyboard.press('Tab');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, 'none');
  await close(page);
});

test('the theme follows the system until the switch says otherwise, and stays chosen', async () => {
  const page = await open('/budgets', { theme: 'dark' });
  const dark = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  assert.equal(await dark(), 'dark');
  await page.getByText('Light', { exact: true }).click();
  assert.equal(await dark(), 'light');
  await page.reload();
  await settled(page);
  assert.equal(await dark(), 'light');
  await page.getByText('Auto', { exact: true }).click();
  assert.equal(await dark(), 'dark');
  await close(page);
});

test('a developer sees what is their own, and is not offered what they may not', async () => {
  const [ana, bo] = office.people;
  for (const path of ['/', '/explore?by=user', '/sessions', '/setup?tab=keys']) {
    const page = await open(path, { key: ana.key });
    const text = await page.locator('body').innerText();
    assert.ok(text.includes(ana.user), path);
    assert.ok(!text.includes(bo.user), path);
    assert.equal(await page.getByText('Record of changes').count(), 0);
    assert.equal(await page.getByRole('button', { name: 'New budget' }).count(), 0);
    await close(page);
  }
  noFaults();
});

test('signing in by a key: on the page, with a cookie that no script reads; and out again', async () => {
  const page = await browser.page(office.weir.console, { path: '/budgets' });
  await settled(page);
  assert.equal(await page.getByRole('button', { name: 'New budget' }).count(), 0, 'without a key one only looks');
  await page.getByRole('link', { name: 'Sign in to change things' }).click();
  await page.getByLabel('A Weir key').fill('wk_no_such_key');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.locator('.fault').waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByLabel('A Weir key').fill(office.owner);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText('olga@acme.example').waitFor();
  assert.equal(await page.evaluate(() => document.cookie), '');
  await page.getByRole('link', { name: 'Budgets', exact: true }).click();
  await page.getByRole('button', { name: 'New budget' }).click();
  await page.getByLabel('Name', { exact: true }).fill('by-session');
  await page.getByLabel('Limit, in USD', { exact: true }).fill('900');
  await page.getByRole('button', { name: 'Make it', exact: true }).click();
  await until('the budget', () => asOwner('budgets/by-session').catch(() => null));
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('link', { name: 'Sign in to change things' }).waitFor();
  await close(page);
  browser.faults.splice(0, browser.faults.length, ...browser.faults.filter((f) => !/status of 401/.test(f)));
  noFaults();
});

test('a gateway without a call: each page says what to do, and set-up turns green when the first one arrives', async () => {
  const sim = await startSim();
  const weir = await startWeir({ sim });
  const owner = weir.newKey('--role', 'owner');
  await until('the key', async () => (await fetch(`${weir.console}/api/v1/me`, { headers: { 'x-weir-key': owner } })).ok);
  const page = await browser.page(weir.console, { key: owner });
  await settled(page);
  assert.match(await page.locator('main').innerText(), /weir run -- claude/);
  for (const path of ['/explore', '/budgets', '/sessions', '/setup?tab=teams', '/setup?tab=freeze']) {
    await page.goto(weir.console + path);
    await settled(page);
    assert.ok((await page.locator('.empty-title').count()) > 0, path);
  }
  await page.goto(`${weir.console}/setup`);
  await settled(page);
  assert.match(await page.locator('.headline').innerText(), /Waiting for the first call/);
  assert.ok((await page.locator('main').innerText()).includes(weir.url));
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': weir.key(), 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify({ model: 'claude-haiku-4-5', max_tokens: 16, messages: [{ role: 'user', content: 'hello' }] }),
  });
  assert.equal(answer.status, 200);
  await page.locator('.headline.good').waitFor({ timeout: 15000 });
  // a gateway that is gone is said to be gone, and what was there stays
  await weir.stop();
  await page.getByRole('link', { name: 'Sessions' }).click();
  await page.getByText('The gateway does not answer').first().waitFor();
  await close(page);
  browser.faults.length = 0;
});
