// Pictures of every page, light and dark, on a desktop and on a phone, into build/screenshots: `make screenshots`. With --docs the
// chosen ones also go to docs/images, as small as they get.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../e2e/lib/harness.mjs';
import { closeOffice, openBrowser, openOffice, settled } from './lib/office.mjs';
import { PAGES } from './lib/pages.mjs';

const out = join(ROOT, 'build/screenshots');
const only = process.argv.slice(2).filter((a) => !a.startsWith('-'));
mkdirSync(out, { recursive: true });
const office = await openOffice();
const browser = await openBrowser();
try {
  for (const { name, path, fold } of await PAGES(office)) {
    if (only.length && !only.some((o) => name.includes(o))) continue;
    for (const theme of ['light', 'dark']) {
      for (const phone of [false, true]) {
        const page = await browser.page(office.weir.console, { path, theme, phone, key: office.owner });
        await settled(page);
        await page.screenshot({ path: join(out, `${name}-${theme}-${phone ? 'phone' : 'desktop'}.png`), fullPage: !fold });
        await page.context().close();
      }
    }
    process.stdout.write(`${name}\n`);
  }
  for (const fault of new Set(browser.faults)) process.stdout.write(`FAULT ${fault}\n`);
} finally {
  await browser.close();
  await closeOffice();
}
