// The market maker that `aitbc up` runs on a development chain: a new installation has a book, the page names who quotes in
// it, and nothing of it stays in the book at the end.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { System } from './support/system.mjs';

const SLOW = { timeout: 180_000 };
const LIMIT_MS = 300_000;
const MARKET = '/exchange/AIT-tUSD';

let system;
let browser;

before(async () => {
  system = await System.start('market-maker', { workers: 0, marketMaker: true });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

const get = async (path) => (await fetch(system.url + path)).json();

/** Asks until the answer is as wanted. */
async function until(what, ask, isWanted) {
  const limit = Date.now() + LIMIT_MS;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (Date.now() > limit) throw new Error(`not within ${LIMIT_MS / 1000} s: ${what}; last ${JSON.stringify(answer)}`);
    await wait(100);
  }
}

const book = () => get('/v1/exchange/AIT-tUSD/book');

test('a new installation has orders that buy, all of the account that the exchange names', async () => {
  const { bids, asks } = await until('three bids', book, (found) => found.bids.length === 3);
  // Half the spread below 0.25 tUSD, then a hundredth of the price from one to the next. It has no AIT to sell.
  assert.deepEqual(bids.map(({ price, amount }) => [price, amount]), [['0.2475', '1'], ['0.245', '1'], ['0.2425', '1']]);
  assert.deepEqual(asks, []);
  const { market_maker: maker } = await get('/v1/exchange');
  assert.match(maker, /^0x[0-9a-fA-F]{40}$/);
  const { items } = await get(`/v1/exchange/accounts/${maker}/orders`);
  assert.equal(items.length, 3);
  for (const order of items) assert.deepEqual([order.side, order.time_in_force, order.state], ['buy', 'POST_ONLY', 'open']);
});

test('the page of the market names it', async () => {
  const page = await openPage(browser);
  await page.goto(system.url + MARKET);
  await page.waitForSelector('#ladder[data-live]', SLOW);
  await page.waitForSelector('#bids [data-price="0.2475"]', SLOW);
  const { market_maker: maker } = await get('/v1/exchange');
  const href = await page.getAttribute('[data-testid="market-maker"] a', 'href');
  assert.equal(href.toLowerCase(), `/explorer/addresses/${maker}`.toLowerCase());
  assert.match(await page.innerText('[data-testid="market-maker"]'), /worthless money/);
  await assertAccessible(page, 'a market with a market maker');
  await screenshots(page, 'exchange-market-maker');
  assertQuiet(page);
  await page.context().close();
});

test('a start without it has an empty book, and names nobody', async () => {
  await system.stopServer();
  system.options = ['--no-market-maker', ...system.options];
  system.startServer();
  await system.ready(0);
  assert.deepEqual((await book()).bids, [], 'it left orders behind');
  assert.equal((await get('/v1/exchange')).market_maker, undefined);
});
