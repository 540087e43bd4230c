// Every page, in both colour schemes, on a desktop and on a phone: fit for assistive technology, and still.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { createJob, follow, image } from './support/api.mjs';
import { DESKTOP, launch, openPage, PHONE } from './support/browser.mjs';
import { System } from './support/system.mjs';

/** A tenth of the cumulative layout shift that the Web Vitals call good. */
const SHIFT_LIMIT = 0.01;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let system;
let browser;
let paths;

before(async () => {
  system = await System.start('quality');
  browser = await launch();
  const { id } = await createJob(system.url, image('a lake in winter'));
  const { miner, receipt_hash: receipt, mint } = await follow(system.url, id, { minted: true });
  paths = [
    '/', '/jobs', `/jobs/${id}`, '/explorer', '/explorer/blocks', `/explorer/blocks/${mint.block_number}`,
    `/explorer/transactions/${mint.transaction_hash}`, '/explorer/receipts', `/explorer/receipts/${receipt}`,
    `/explorer/addresses/${miner}`, '/explorer/search?q=nothing', '/miners', `/miners/${miner}`, '/wallet', '/design',
    '/no-such-page',
  ];
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

for (const [device, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
  for (const colorScheme of ['light', 'dark']) {
    test(`no page has a fault of accessibility or moves, ${device}, ${colorScheme}`, async () => {
      for (const path of paths) await inspect(path, { viewport, colorScheme });
    });
  }
}

async function inspect(path, options) {
  const page = await openPage(browser, options);
  await page.addInitScript(() => {
    window.shifts = [];
    const note = ({ value, sources }) => window.shifts.push({ value, moved: sources.map(({ node }) => node?.outerHTML?.slice(0, 80)) });
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(system.url + path);
  await page.waitForLoadState('networkidle');
  const shifts = await page.evaluate(() => window.shifts);
  const total = shifts.reduce((sum, { value }) => sum + value, 0);
  assert.ok(total < SHIFT_LIMIT, `${path} moves by ${total}: ${JSON.stringify(shifts)}`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  const faults = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  assert.deepEqual(faults, [], `${path} is not accessible`);
  await page.context().close();
}
