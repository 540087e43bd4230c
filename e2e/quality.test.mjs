// Every page, in both colour schemes, on a desktop and on a phone: fit for assistive technology, still, and without a complaint
// of the browser. No page is wider than its window, and the keyboard alone reaches all of it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { createJob, follow, image, post } from './support/api.mjs';
import { assertAccessible } from './support/axe.mjs';
import { DESKTOP, islandsAreLive, launch, openPage, PHONE } from './support/browser.mjs';
import { System } from './support/system.mjs';

/** A tenth of the cumulative layout shift that the Web Vitals call good. */
const SHIFT_LIMIT = 0.01;

/** One shows the parts of pages with invented values; the other is no page. */
const MISSING = '/no-such-page';
const NO_REAL_LINKS = new Set(['/design', MISSING]);

/** From a phone to a small desktop: around each of them the head or the columns change. */
const WIDTHS = [360, 390, 641, 721, 768, 961, 1024, 1180, 1241];

/** One page of each kind. */
const BY_KEYBOARD = /^\/($|chat|jobs\/|explorer$|explorer\/(transactions|addresses)\/0x\w+$|exchange|miners$|wallet$|docs\/security)/;

/** Twice the links, buttons and fields of the fullest page. */
const TABS_MAX = 400;

/** AIT, where genesis puts it. */
const TOKEN = '0x0000000000000000000000000000000000A17001';

let system;
let browser;
let paths;
let jobPage;

before(async () => {
  system = await System.start('quality');
  browser = await launch();
  const { id } = await createJob(system.url, image('a lake in winter'));
  const { miner, receipt_hash: receipt, mint } = await follow(system.url, id, { minted: true });
  jobPage = await fetch(`${system.url}/jobs/${id}`);
  paths = [
    '/', '/jobs', `/jobs/${id}`, '/explorer', '/explorer/blocks', `/explorer/blocks/${mint.block_number}`,
    `/explorer/transactions/${mint.transaction_hash}`, `/explorer/transactions/${mint.transaction_hash}/calls`, '/explorer/transactions', '/explorer/receipts', `/explorer/receipts/${receipt}`,
    `/explorer/addresses/${miner}`, `/explorer/addresses/${miner}?tab=transfers`, `/explorer/addresses/${miner}?tab=tokens`,
    `/explorer/addresses/${TOKEN}?tab=contract`, `/explorer/addresses/${TOKEN}?tab=read&function=symbol()`, `/explorer/addresses/${TOKEN}?tab=write`, '/explorer/tokens', `/explorer/tokens/${TOKEN}`, `/explorer/tokens/${TOKEN}?tab=transfers`,
    '/explorer/validators', '/explorer/search?q=nothing', '/exchange/AIT-tUSD', '/models', '/models?kind=text', '/models/aitbc-scenes-1', '/models/aitbc-words-1', '/bounties', '/miners', '/miners?list=all',
    '/miners?kind=text&sort=price', `/miners/${miner}`, '/wallet', '/wallet/allowances', '/wallet/tokens', '/account', '/pay', '/chat', '/docs',
    '/docs/security', '/docs/benchmarks', '/docs/protocol/receipt', '/docs/reference', '/design',
    MISSING,
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

test('no page is wider than its window, with the account of a wallet in its head', async () => {
  const account = privateKeyToAccount(generatePrivateKey());
  const { message } = await (await post(`${system.url}/v1/sessions/nonce`, { address: account.address })).json();
  const answer = await post(`${system.url}/v1/sessions`, { message, signature: await account.signMessage({ message }) });
  const [name, value] = answer.headers.get('set-cookie').split(';')[0].split('=');
  const page = await openPage(browser);
  await page.context().addCookies([{ name, value, url: system.url, httpOnly: true, sameSite: 'Strict' }]);
  for (const path of paths) {
    await page.goto(system.url + path);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      // Without the room that is kept for a scroll bar.
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - Math.ceil(document.documentElement.getBoundingClientRect().width));
      assert.ok(wider <= 0, `${path} is ${wider} px wider than a window of ${width}`);
    }
  }
  await page.context().close();
});

test('the keyboard alone reaches everything, and shows where it is', async () => {
  const page = await openPage(browser);
  // Parts that a page fetches anew every few seconds would lose the marks of what was reached.
  await page.route(({ pathname }) => ['/', '/explorer'].includes(pathname), (route) => {
    return route.request().resourceType() === 'fetch' ? route.abort() : route.fallback();
  });
  for (const path of paths.filter((one) => BY_KEYBOARD.test(one))) {
    await page.goto(system.url + path);
    await page.waitForLoadState('networkidle');
    // What begins disabled is reached once it is not.
    await islandsAreLive(page);
    const first = await tab(page);
    assert.equal(first.href, '#content', `${path} begins with ${first.text}`);
    for (let count = 0; count < TABS_MAX; count += 1) {
      const reached = await tab(page);
      if (!reached || reached.known) break;
      assert.ok(reached.isShown, `${path}: nothing shows that "${reached.text}" has the focus`);
    }
    assert.deepEqual(await page.evaluate(unreached), [], path);
  }
  await page.context().close();
});

test('no link leads nowhere', async () => {
  const seen = new Set();
  const waiting = paths.filter((path) => !NO_REAL_LINKS.has(path)).map((path) => ({ path, from: 'the test' }));
  while (waiting.length > 0) {
    const { path, from } = waiting.pop();
    if (seen.has(path) || NO_REAL_LINKS.has(path)) continue;
    seen.add(path);
    const answer = await fetch(system.url + path, { headers: { accept: 'text/html' } });
    assert.ok(answer.ok, `${from} links to ${path}, which answers ${answer.status}`);
    const text = await answer.text();
    if (!answer.headers.get('content-type')?.startsWith('text/html')) continue;
    for (const [, link] of text.matchAll(/ href="(\/[^"#]*)/g)) waiting.push({ path: link.replaceAll('&amp;', '&'), from: path });
  }
  assert.ok(seen.has('/favicon.svg') && seen.has('/explorer/transactions'), 'the walk reads links');
  for (const path of ['/robots.txt', '/sitemap.xml', '/llms.txt', '/favicon.ico']) {
    assert.equal((await fetch(system.url + path)).status, 200, path);
  }
  const map = await (await fetch(`${system.url}/sitemap.xml`)).text();
  for (const [, url] of map.matchAll(/<loc>([^<]*)/g)) assert.equal((await fetch(url)).status, 200, url);
});

test('a link to a job shows its picture elsewhere', async () => {
  assert.equal(jobPage.status, 200);
  const html = await jobPage.text();
  const property = (name) => html.match(new RegExp(`property="${name}" content="([^"]*)"`))?.[1];
  assert.match(property('og:title'), /^a lake in winter/);
  assert.equal(html.match(/<meta name="description"/g).length, 1);
  assert.equal(property('og:url'), jobPage.url);
  const picture = await fetch(property('og:image'));
  assert.equal(picture.headers.get('content-type'), 'image/png');
});

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
  await assertAccessible(page, path);
  const complaints = page.complaints.filter((complaint) => path !== MISSING || !complaint.includes('404'));
  assert.deepEqual(complaints, [], path);
  await page.context().close();
}

/** Goes on by one and marks what has the focus now; undefined at the end of the document. */
async function tab(page) {
  await page.keyboard.press('Tab');
  return page.evaluate(() => {
    const focused = document.activeElement;
    if (!focused || focused === document.body) return undefined;
    const known = 'reached' in focused.dataset;
    focused.dataset.reached = '';
    const isField = focused.matches('input, select, textarea');
    const isShown = isField || getComputedStyle(focused).outlineStyle !== 'none';
    return { known, isShown, href: focused.getAttribute('href'), text: (focused.innerText ?? focused.tagName).slice(0, 40) };
  });
}

/** What can be used and was not reached. Of buttons of a choice, the keys with arrows reach the others. */
function unreached() {
  const usable = 'a[href], button:not(:disabled), summary, select:not(:disabled), textarea:not(:disabled), input:not(:disabled, [type="radio"], [type="hidden"])';
  return [...document.querySelectorAll(usable)]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !('reached' in element.dataset) && element.tabIndex >= 0)
    .map((element) => element.outerHTML.slice(0, 120));
}
