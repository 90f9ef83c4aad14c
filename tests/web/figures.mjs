// The console's figures: what the first view weighs and how long it takes to a finished picture, how long a filter takes, and whether
// five thousand live sessions keep the page smooth. CONSOLE_ROWS rows of ledger are made (300,000 unless set), or CONSOLE_LEDGER
// is a ledger to take, which gets some calls more. Prints a table, and a line of JSON into BENCH_RESULTS.
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { SIM, cleanEnvironment } from '../e2e/lib/harness.mjs';
import { closeOffice, openBrowser, openOffice, settled } from './lib/office.mjs';

const ROWS = Number(process.env.CONSOLE_ROWS ?? 300000);
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SESSIONS = 5000;

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** A load from nothing: bytes as they came over the wire, and milliseconds until every picture was there. */
async function firstView(browser, base, key) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, extraHTTPHeaders: { 'x-weir-key': key } });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  let files = 0;
  let answers = 0;
  const isAnswer = new Set();
  cdp.on('Network.requestWillBeSent', (e) => /\/api\//.test(e.request.url) && isAnswer.add(e.requestId));
  cdp.on('Network.loadingFinished', (e) => (isAnswer.has(e.requestId) ? (answers += e.encodedDataLength) : (files += e.encodedDataLength)));
  await page.addInitScript(() => {
    const finished = () =>
      document.querySelector('main h1') && !document.querySelector('.skeleton') && document.querySelector('.chart-box') && [...document.querySelectorAll('.chart-box')].every((b) => b.dataset.drawn);
    const look = () => (finished() ? requestAnimationFrame(() => (globalThis.finishedAt = performance.now())) : requestAnimationFrame(look));
    addEventListener('DOMContentLoaded', look);
  });
  await page.goto(base);
  const ms = await (await page.waitForFunction(() => globalThis.finishedAt, undefined, { timeout: 60000, polling: 20 })).jsonValue();
  await context.close();
  return { ms, files, answers };
}

async function filters(browser, base, key) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, extraHTTPHeaders: { 'x-weir-key': key }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(`${base}/explore?by=team&since=30d`);
  await settled(page);
  const times = [];
  for (const query of ['by=user&since=30d', 'by=user&since=7d', 'by=model&since=7d', 'by=model&since=30d', 'by=team,model&since=30d', 'by=repo&since=30d&view=bars', 'by=team&since=30d&where=model=gpt-5.1', 'by=agent&since=30d']) {
    times.push(
      await page.evaluate(
        (to) =>
          new Promise((done) => {
            const start = performance.now();
            history.pushState(null, '', to);
            dispatchEvent(new PopStateEvent('popstate'));
            const look = () => (document.querySelector('.skeleton, .stale') ? requestAnimationFrame(look) : requestAnimationFrame(() => done(performance.now() - start)));
            requestAnimationFrame(() => requestAnimationFrame(look));
          }),
        `/explore?${query}`,
      ),
    );
  }
  await context.close();
  return times;
}

/** Calls of sessions of their own keep coming while the list is scrolled. */
async function live(browser, office) {
  const key = office.weir.newKey('--user', 'load@load.example');
  await new Promise((done) => setTimeout(done, 500));
  const load = spawn(SIM, ['load', '--url', office.weir.url, '--connections', '16', '--rate', '600', '--seconds', '22', '--header', `x-api-key: ${key}`, '--max-tokens', '64'], { env: cleanEnvironment(), stdio: 'ignore' });
  const ended = new Promise((done) => load.on('exit', done));
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, extraHTTPHeaders: { 'x-weir-key': office.owner } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    globalThis.tasks = [];
    new PerformanceObserver((list) => globalThis.tasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask', buffered: true });
  });
  await new Promise((done) => setTimeout(done, 11000));
  await page.goto(`${office.weir.console}/sessions`);
  await settled(page);
  const rows = Number(await page.locator('.virtual').getAttribute('aria-rowcount')) - 1;
  await page.evaluate(() => (globalThis.tasks.length = 0));
  for (let i = 0; i < 60; i++) {
    await page.mouse.wheel(0, i % 20 < 12 ? 1800 : -2600);
    await new Promise((done) => setTimeout(done, 100));
  }
  const tasks = await page.evaluate(() => globalThis.tasks);
  await context.close();
  await ended;
  return { rows, longest: Math.max(0, ...tasks), n: tasks.length };
}

// no storms: the load repeats itself
const office = await openOffice({ rows: ROWS, minutes: 20, ledger: process.env.CONSOLE_LEDGER, edit: (text) => text.replace(/^storms:.*$/m, '').replace(/limit: \d+ USD/g, 'limit: 100000 USD') });
const opened = await openBrowser();
const { browser } = opened;
try {
  await firstView(browser, office.weir.console, office.owner); // the ledger's pages are read once
  const views = [];
  for (let i = 0; i < ROUNDS; i++) views.push(await firstView(browser, office.weir.console, office.owner));
  const changes = await filters(browser, office.weir.console, office.owner);
  const smooth = await live(browser, office);
  const kb = (n) => `${(n / 1024).toFixed(0)} KB`;
  const ms = (n) => `${n.toFixed(0)} ms`;
  const rows = [
    ['files of the first view, compressed', kb(median(views.map((v) => v.files))), '300 KB'],
    ['answers of the API in it', kb(median(views.map((v) => v.answers))), ''],
    [`to the finished picture, ${ROWS.toLocaleString('en')} rows`, ms(median(views.map((v) => v.ms))), '1,000 ms'],
    ['a filter changed, median of 8', ms(median(changes)), '200 ms'],
    ['a filter changed, the slowest of 8', ms(Math.max(...changes)), '200 ms'],
    [`longest task, ${smooth.rows.toLocaleString('en')} live sessions scrolled`, ms(smooth.longest), '100 ms'],
  ];
  const result = { bench: 'console', title: 'The console in headless Chromium on the gateway’s own machine', unit: '', columns: ['what', 'measured', 'aimed at, at most'], rows };
  for (const row of rows) process.stdout.write(`${row[0].padEnd(56)} ${row[1].padStart(10)}   ${row[2]}\n`);
  if (smooth.rows < SESSIONS) process.stdout.write(`only ${smooth.rows} sessions were there\n`);
  if (process.env.BENCH_RESULTS) appendFileSync(process.env.BENCH_RESULTS, `${JSON.stringify(result)}\n`);
} finally {
  await opened.close();
  await closeOffice();
}
