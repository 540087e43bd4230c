// Two people with two wallets trade in Chromium: test money, deposits, an order that waits, one that takes it, the block that
// makes the trade final, the rest cancelled, money back in the wallet. Then the server is killed, and nothing is lost. At last
// an order waits for a price, becomes smaller, and is triggered.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createJob, follow, image } from './support/api.mjs';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { System } from './support/system.mjs';
import { confirmWords, importWallet, newWords, onOtherChain, openWallet, refusedForChain, shownAddress, signInWithOwnWallet, signSheet } from './support/wallet.mjs';

const SLOW = { timeout: 180_000 };
const MARKET = '/exchange/AIT-tUSD';

let system;
let browser;
let seller;
let buyer;

before(async () => {
  // What a miner asks by itself follows from what it measured of the machine. At this price each picture is worth 0.26 AIT.
  system = await System.start('exchange', { workers: 0 });
  system.initWorker(1, { pictureUnitPriceAit: '0.5' });
  system.startWorker(1);
  await system.ready(1);
  browser = await launch();
  for (const seed of [1, 2, 3]) {
    const { id } = await createJob(system.url, image('a lighthouse at dusk', { width: 256, height: 256, steps: 8, seed }));
    await follow(system.url, id, { minted: true });
  }
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

/** Signs in from the market's page and comes back to it. */
async function signInToTrade(page) {
  await page.goto(system.url + MARKET);
  await Promise.all([page.waitForURL(/\/account\?next=/), page.click('#sign-in-to-trade')]);
  await signInWithOwnWallet(page);
  await Promise.all([page.waitForURL(/\/exchange\//, SLOW), page.click('#sheet-sign')]);
  await page.waitForSelector('#ladder[data-live]', SLOW);
}

/** Waits until a row of a table says all of `parts`. */
const rowSays = (page, table, ...parts) =>
  page.waitForFunction(
    ([name, texts]) =>
      [...document.querySelectorAll(`[data-testid="${name}"] tbody tr`)].some((row) => texts.every((text) => row.innerText.includes(text))),
    [table, parts],
    SLOW,
  );

/** Waits until the page itself counts with so many free units. A row alone may show them as the wallet's. */
const hasFree = (page, symbol, units) =>
  page.waitForFunction(
    ([name, count]) =>
      JSON.parse(document.querySelector('#trader-balances').dataset.account).balances.some(
        (balance) => balance.symbol === name && balance.free_units === count,
      ),
    [symbol, units],
    SLOW,
  );

/** Waits until the form says so: what it says follows from what came meanwhile, too. */
const says = (page, id, pattern) =>
  page.waitForFunction(([name, source]) => new RegExp(source).test(document.getElementById(name).innerText), [id, pattern.source], SLOW);

async function deposit(page, symbol, amount, units) {
  await page.selectOption('#move-asset', { label: symbol });
  await page.fill('#move-amount', amount);
  await page.click('#deposit');
  await signSheet(page, /spender/);
  await signSheet(page, /0x/);
  await hasFree(page, symbol, units);
}

async function fillOrder(page, side, amount, price) {
  await page.check(`[name="side"][value="${side}"]`, { force: true });
  await page.fill('#order-price', price);
  await page.fill('#order-amount', amount);
}

/** The row of the ladder at a price; undefined where nobody orders there. */
const level = (page, price) =>
  page.$$eval('#ladder tr[data-price]', (rows, wanted) => rows.find((row) => row.dataset.price === wanted)?.innerText, price);

test('a visitor reads the market, and is asked to sign in before trading', async () => {
  const page = await openPage(browser);
  await page.goto(`${system.url}/exchange`);
  assert.match(page.url(), /\/exchange\/AIT-tUSD$/);
  await page.waitForSelector('#ladder[data-live]', SLOW);
  const text = await page.innerText('main');
  for (const told of [/tUSD is Worthless Test Dollar/, /Nobody sells yet/, /No trade yet/]) assert.match(text, told);
  assert.equal(await page.locator('#order-sign').count(), 0);
  await fillOrder(page, 'buy', '10', '0.25');
  await says(page, 'order-says', /Buys up to 10 AIT at 0\.25 tUSD or better, for at most 2\.5 tUSD/);
  await page.fill('#order-amount', '0.001');
  await says(page, 'order-says', /in steps of 0\.01 AIT/);
  assert.equal(await page.getAttribute('#order-amount', 'aria-invalid'), 'true');
  await assertAccessible(page, 'a market that nobody traded in');
  await screenshots(page, 'exchange-visitor');
  assertQuiet(page);
  await page.context().close();
});

test('a seller deposits AIT, and an order of it waits in the book', async () => {
  seller = await openPage(browser);
  const key = readFileSync(join(system.data, 'worker-1/keys/dev-miner.key'), 'utf8').trim();
  await openWallet(seller, system.url);
  await importWallet(seller, 'key', key.startsWith('0x') ? key : `0x${key}`);
  await shownAddress(seller);
  await signInToTrade(seller);
  await deposit(seller, 'AIT', '0.4', `4${'0'.repeat(17)}`);
  await fillOrder(seller, 'sell', '0.5', '0.25');
  await says(seller, 'order-says', /needs 0\.5 AIT, and you have 0\.4 AIT free/);
  assert.ok(await seller.isDisabled('#order-sign'), 'more than there is can be signed');
  await seller.fill('#order-amount', '0.3');
  await says(seller, 'order-says', /Sells up to 0\.3 AIT at 0\.25 tUSD or better, for at least 0\.075 tUSD/);
  await screenshots(seller, 'exchange-order');
  await seller.click('#order-sign');
  await seller.waitForFunction(() => /limitPrice/.test(document.querySelector('#sheet')?.innerText ?? ''), undefined, SLOW);
  await screenshots(seller, 'exchange-sheet');
  await signSheet(seller, /limitPrice/);
  await rowSays(seller, 'orders', 'Sell', '0.2500', '0.30');
  await seller.waitForFunction(() => document.querySelector('#ladder tr[data-price="0.25"]'), undefined, SLOW);
  await says(seller, 'order-status', /waits in the book/);
  await assertAccessible(seller, 'a market with an open order');
});

test('a buyer takes test money and the order, and both see the block that makes the trade final', async () => {
  buyer = await openPage(browser);
  await openWallet(buyer, system.url);
  await confirmWords(buyer, await newWords(buyer));
  await shownAddress(buyer);
  await signInToTrade(buyer);
  const backOnOwnChain = await onOtherChain(buyer);
  await buyer.reload();
  await buyer.click('[data-faucet]');
  await refusedForChain(buyer, '#move-error');
  await backOnOwnChain();
  await buyer.reload();
  await buyer.waitForSelector('#ladder[data-live]', SLOW);
  await buyer.click('[data-faucet]');
  await signSheet(buyer, /0x/);
  await rowSays(buyer, 'balances', 'tUSD', '10\u202f000');
  await deposit(buyer, 'tUSD', '100', '100000000');
  assert.match((await level(buyer, '0.25')) ?? '', /0\.30/, 'the ladder has the order of the other');
  await buyer.click('#order-best');
  assert.equal(await buyer.inputValue('#order-price'), '0.25');
  await buyer.selectOption('#order-kind', 'IOC');
  await buyer.fill('#order-amount', '0.2');
  await buyer.click('#order-sign');
  await signSheet(buyer, /limitPrice/);
  for (const page of [buyer, seller]) {
    await rowSays(page, 'fills', '0.2500', '0.20', 'final');
    await rowSays(page, 'trades', '0.2500', 'final');
  }
  // The taker's fee is 0.2 % of the 0.2 AIT, the maker's 0.1 % of the 0.05 tUSD.
  await rowSays(buyer, 'balances', 'AIT', '0.1996');
  await rowSays(seller, 'balances', 'tUSD', '0.04995');
  const link = await seller.getAttribute('[data-testid="fills"] a[data-state="final"]', 'href');
  const transaction = await fetch(system.url + link, { headers: { accept: 'text/html' } });
  assert.equal(transaction.status, 200);
  assert.match(await transaction.text(), /settle/);
  await buyer.waitForSelector('#market-chart .rises', SLOW);
  await assertAccessible(buyer, 'a market with a trade');
  await screenshots(buyer, 'exchange-traded');
});

test('the rest is cancelled without the wallet, and money comes back to it', async () => {
  await seller.click('[data-cancel]');
  await seller.waitForFunction(() => /No open order/.test(document.querySelector('#trader-orders').innerText), undefined, SLOW);
  await buyer.waitForFunction(() => !document.querySelector('#ladder tr[data-price="0.25"]'), undefined, SLOW);
  await seller.selectOption('#move-asset', { label: 'tUSD' });
  await seller.fill('#move-amount', '0.05');
  await seller.click('#withdraw');
  await seller.waitForSelector('#move-error:not([hidden])');
  assert.match(await seller.innerText('#move-error'), /Free here are 0\.04995 tUSD/);
  await seller.fill('#move-amount', '0.04');
  await seller.click('#withdraw');
  await signSheet(seller, /expiresAt/);
  await seller.waitForFunction(() => /0\.04 tUSD: paid/.test(document.querySelector('#trader-balances').innerText), undefined, SLOW);
  await seller.reload();
  await rowSays(seller, 'balances', 'tUSD', '0.00995', '0.04');
  assertQuiet(seller);
  assertQuiet(buyer);
});

test('a trader lets a key sign for it, sees until when, and takes it back', async () => {
  const key = `0x${'7e'.repeat(20)}`;
  await buyer.click('summary:has-text("Trading keys")');
  assert.match(await buyer.innerText('#trader-keys'), /No other key signs orders for you/);
  await buyer.fill('#key-address', '0x7e');
  await buyer.click('#keys button[type="submit"]');
  await buyer.waitForSelector('#keys-error:not([hidden])');
  assert.match(await buyer.innerText('#keys-error'), /0x and 40 digits/);
  await buyer.fill('#key-address', key);
  await buyer.click('#keys button[type="submit"]');
  await signSheet(buyer, /0x/);
  await buyer.waitForSelector(`[data-trading-key="${key}"]`, SLOW);
  assert.match(await buyer.innerText('#trader-keys'), /active/);
  await assertAccessible(buyer, 'a market with a trading key');
  await screenshots(buyer, 'exchange-keys');
  await buyer.click(`[data-revoke-key="${key}"]`);
  await signSheet(buyer, /0x/);
  await buyer.waitForFunction(() => /revoked/.test(document.querySelector('#trader-keys').innerText), undefined, SLOW);
  assert.equal(await buyer.locator('[data-revoke-key]').count(), 0, 'it is revoked twice');
  assertQuiet(buyer);
});

test('after a kill everything that was acknowledged is there, and the page finds the server again', async () => {
  await system.killServer();
  await buyer.waitForFunction(() => /Connecting again/.test(document.querySelector('#feed-state').innerText), undefined, SLOW);
  system.startServer();
  await system.ready(1);
  await buyer.waitForSelector('#ladder[data-live]', SLOW);
  await buyer.reload();
  await rowSays(buyer, 'balances', 'AIT', '0.1996');
  await rowSays(buyer, 'fills', '0.20', 'final');
});

test('a stop order waits outside the book, becomes smaller, and is triggered by a trade', async () => {
  await seller.reload();
  await seller.waitForSelector('#ladder[data-live]', SLOW);
  assert.equal(await seller.isVisible('#order-trigger-price'), false);
  await fillOrder(seller, 'sell', '0.1', '0.2');
  await seller.selectOption('#order-kind', 'IOC');
  await seller.selectOption('#order-trigger', 'AT_OR_BELOW');
  await seller.fill('#order-trigger-price', '0.25');
  await says(seller, 'order-says', /last trade was at 0\.25 tUSD.*would not wait/);
  assert.ok(await seller.isDisabled('#order-sign'));
  await seller.fill('#order-trigger-price', '0.24');
  await says(seller, 'order-says', /^Stop order: for up to 7 days it waits outside the book until somebody trades at 0\.24 tUSD or below\./);
  await says(seller, 'order-says', /Sells up to 0\.1 AIT at 0\.2 tUSD or better.*the rest is cancelled/);
  await assertAccessible(seller, 'a stop order');
  await screenshots(seller, 'exchange-stop');
  await seller.click('#order-sign');
  await signSheet(seller, /triggerPrice/);
  await rowSays(seller, 'orders', 'stop', 'waits for 0.24 or below', '0.10');
  await says(seller, 'order-status', /waits for its trigger/);
  assert.equal(await level(buyer, '0.2'), undefined, 'it is in the book before its trigger');

  await seller.click('[data-reduce]');
  await seller.fill('#reduce-amount', '0.1');
  await seller.click('#reduce button[type="submit"]');
  await seller.waitForSelector('#orders-error:not([hidden])');
  assert.match(await seller.innerText('#orders-error'), /below the 0\.1 AIT that the order has/);
  await seller.fill('#reduce-amount', '0.09');
  await screenshots(seller, 'exchange-reduce');
  await seller.click('#reduce button[type="submit"]');
  await rowSays(seller, 'orders', 'waits for 0.24 or below', '0.09');
  assert.equal(await seller.isVisible('#reduce'), false);

  for (const [amount, price] of [['0.05', '0.24'], ['0.1', '0.22']]) {
    await buyer.selectOption('#order-kind', 'GTT');
    await fillOrder(buyer, 'buy', amount, price);
    await buyer.click('#order-sign');
    await signSheet(buyer, /limitPrice/);
    await rowSays(buyer, 'orders', 'Buy', `${price}00`);
  }
  await seller.selectOption('#order-trigger', 'NONE');
  await fillOrder(seller, 'sell', '0.05', '0.24');
  await seller.click('#order-sign');
  await signSheet(seller, /limitPrice/);
  await rowSays(seller, 'fills', '0.2400', '0.05');
  await rowSays(seller, 'fills', '0.2200', '0.09', 'final');
  await rowSays(seller, 'past-orders', 'stop', 'triggered at 0.24', '0.09', 'filled');
  await rowSays(buyer, 'orders', '0.2200', '0.09');
  const file = await seller.getAttribute('#trader-past-orders a[href*="/csv/orders"]', 'href');
  const text = await (await fetch(system.url + file)).text();
  assert.match(text, /,sell,IOC,0\.2,0\.09,0\.09,AT_OR_BELOW,0\.24,20[^,]+,filled,/);
  await assertAccessible(seller, 'a market with earlier orders');
  await screenshots(seller, 'exchange-triggered');
  assertQuiet(seller);
});
