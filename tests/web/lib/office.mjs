// An office for the console's tests: a ledger of a company's last hundred days, a gateway with teams and budgets on top of it, a
// simulated team that works through it, and a browser to look with.
//
//   const office = await openOffice();                   // {weir, sim, ask(path), report(...args), key}
//   const browser = await openBrowser();                 // Debian's Chromium
//   const page = await browser.page(office.weir.console, { theme: 'dark', phone: true });
//   after(closeOffice);
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { ROOT, SIM, cleanEnvironment, scratch, startSim, startWeir, stopAll } from '../../e2e/lib/harness.mjs';

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const PEOPLE = ['ana', 'bo', 'chen', 'dora', 'emil', 'fay'];
const TEAMS = { payments: ['ana', 'bo'], platform: ['chen', 'dora'], web: ['emil', 'fay'] };

const config = (sim, ledger) => `listen: 127.0.0.1:0
console: {listen: 127.0.0.1:0}
store: sqlite:${ledger}
providers:
  - {name: anthropic, api: anthropic, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL}
  - {name: openai, api: openai, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL}
  - {name: gemini, api: gemini, base_url: "${sim.url}", credential: env:SIM_CREDENTIAL}
teams:
${Object.entries(TEAMS)
  .map(([name, people]) => `  - {name: ${name}, cost_centre: CC-${name.length}, members: [${people.map((p) => `${p}@acme.example`).join(', ')}]}`)
  .join('\n')}
budgets:
  - {name: org-day, window: day, limit: 40 USD}
  - {name: org-week, window: week, limit: 90 USD}
  - {name: org-month, window: month, limit: 420 USD}
  - {name: team-month, each: team, window: month, limit: 40 USD, where: {team: [payments, platform, web]}}
  - {name: dev-day, each: user, window: day, limit: 12 USD, where: {user: "*@acme.example"}, override: {up_to: 10 USD, per: day}}
  - {name: try-dev-day, each: user, window: day, limit: 1.50 USD, where: {user: "*@acme.example"}, mode: shadow}
storms: {repeat_calls: 6, action: pause}
`;

/** rows: of history; ledger: a file to take in place of them. minutes: of the simulated team's work, for each of its people. edit: changes the
 *  settings' text. */
export async function openOffice({ rows = 60000, minutes = 60, edit = (text) => text, ledger: given } = {}) {
  const sim = await startSim();
  const folder = scratch('weir-office-');
  const ledger = given ?? join(folder, 'weir.db');
  const made = given ? { status: 0 } : spawnSync(join(ROOT, 'build/bench/reports'), ['make', ledger], {
    env: { ...cleanEnvironment(), REPORTS_ROWS: String(rows), REPORTS_END: String(Date.now() + 7 * 86400000) },
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`build/bench/reports: ${made.error ?? made.stdout + made.stderr} (make benches)`);
  const weir = await startWeir({ sim, config: edit(config(sim, ledger)) });
  const keys = join(folder, 'keys.jsonl');
  const made_ = PEOPLE.map((name) => ({ user: `${name}@acme.example`, ...JSON.parse(weir.must('key', 'create', '--json', '--user', `${name}@acme.example`)) }));
  writeFileSync(keys, made_.map((k) => `${JSON.stringify(k)}\n`).join(''));
  const owner = JSON.parse(weir.must('key', 'create', '--json', '--user', 'olga@acme.example', '--role', 'owner')).key;
  await new Promise((done) => setTimeout(done, 300)); // keys are looked for ten times a second
  if (minutes) {
    const team = spawnSync(SIM, ['team', '--gateway', weir.url, '--keys', keys, '--people', '6', '--minutes-of-work', String(minutes), '--json', '--quiet'], {
      env: cleanEnvironment(),
      encoding: 'utf8',
    });
    if (team.status !== 0) throw new Error(`weir-sim team: ${team.stdout}${team.stderr}`);
  }
  const ask = async (path, init) => {
    const answer = await fetch(`${weir.console}/api/v1/${path}`, init);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  return { weir, sim, owner, people: made_, ask, report: (...args) => JSON.parse(weir.must('report', '--json', ...args)) };
}

export async function openBrowser() {
  const executablePath = BROWSERS.find(existsSync);
  if (!executablePath) throw new Error('no Chromium here: tools/deps check installs it');
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb'] });
  const faults = [];
  return {
    browser,
    faults,
    close: () => browser.close(),
    /** A page at an address; what its console complains of, and requests to other hosts, are faults. */
    page: async (base, { path = '/', theme = 'light', phone = false, height, key } = {}) => {
      const context = await browser.newContext({
        viewport: phone ? { width: 390, height: height ?? 844 } : { width: 1440, height: height ?? 900 },
        deviceScaleFactor: phone ? 2 : 1,
        colorScheme: theme,
        locale: 'en-GB',
        timezoneId: 'UTC',
        reducedMotion: 'reduce',
        extraHTTPHeaders: key ? { 'x-weir-key': key } : {},
      });
      const page = await context.newPage();
      page.on('console', (m) => ['error', 'warning'].includes(m.type()) && faults.push(`${page.url()}: ${m.text()}`));
      page.on('pageerror', (e) => faults.push(`${page.url()}: ${e.stack ?? e}`));
      page.on('request', (r) => !r.url().startsWith(base) && !r.url().startsWith('data:') && !r.url().startsWith('blob:') && faults.push(`another host: ${r.url()}`));
      await page.goto(base + path);
      return page;
    },
  };
}

/** Until what is on its way is there: no placeholder, every picture drawn. */
export async function settled(page) {
  await page.waitForFunction(
    () =>
      document.querySelector('main h1') &&
      !document.querySelector('.skeleton') &&
      !document.querySelector('.stale') &&
      [...document.querySelectorAll('.chart-box')].every((box) => box.dataset.drawn),
    undefined,
    { timeout: 15000, polling: 50 },
  );
}

export const closeOffice = stopAll;
