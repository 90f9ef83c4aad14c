// Pictures of every page, light and dark, on a desktop and on a phone, into build/screenshots: `make screenshots`. With --docs they
// also go to docs/images, as WebP and not longer than a screen or two.
//
// usage: node tests/web/screenshots.mjs [--docs] [NAME...]
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../e2e/lib/harness.mjs';
import { closeOffice, openBrowser, openOffice, settled } from './lib/office.mjs';
import { PAGES } from './lib/pages.mjs';
import { toWebp } from './lib/webp.mjs';

const LEFT_OUT = /^(explore-bars|setup-(?!providers|audit))/; // like another
const DOCS_HEIGHT = { desktop: 1300, phone: 1500 };

const out = join(ROOT, 'build/screenshots');
const images = join(ROOT, 'docs/images');
const docs = process.argv.includes('--docs');
const only = process.argv.slice(2).filter((a) => !a.startsWith('-'));
mkdirSync(out, { recursive: true });
if (docs) mkdirSync(images, { recursive: true });
const office = await openOffice();
const browser = await openBrowser();

async function picture(name, path, fold, theme, size) {
  const page = await browser.page(office.weir.console, { path, theme, phone: size === 'phone', key: office.owner });
  await settled(page);
  const file = `${name}-${theme}-${size}`;
  const png = await page.screenshot({ path: join(out, `${file}.png`), fullPage: !fold });
  if (docs && !LEFT_OUT.test(name)) {
    const width = size === 'phone' ? 390 : 1440;
    const tall = await page.evaluate(() => document.documentElement.scrollHeight);
    const cut = fold ? png : await page.screenshot({ fullPage: true, clip: { x: 0, y: 0, width, height: Math.min(tall, DOCS_HEIGHT[size]) }, scale: 'css' });
    const blank = await browser.browser.newContext();
    writeFileSync(join(images, `console-${file}.webp`), await toWebp(blank, cut, 0.75));
    await blank.close();
  }
  await page.context().close();
}

try {
  for (const { name, path, fold } of await PAGES(office)) {
    if (only.length && !only.some((o) => name.includes(o))) continue;
    for (const theme of ['light', 'dark']) for (const size of ['desktop', 'phone']) await picture(name, path, fold, theme, size);
    process.stdout.write(`${name}\n`);
  }
  for (const fault of new Set(browser.faults)) process.stdout.write(`FAULT ${fault}\n`);
} finally {
  await browser.close();
  await closeOffice();
}
