// The first minute: a visitor draws a picture, one press leads to a wallet of their own, and signing in with it is next.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, screenshots } from './support/browser.mjs';
import { startAtFirstPage } from './support/first_page.mjs';
import { confirmWords, PASSWORD, shownAddress, signInWithOwnWallet } from './support/wallet.mjs';

const SLOW = { timeout: 180_000 };

let started;
let page;

before(async () => {
  started = await startAtFirstPage('first-minute');
  ({ page } = started);
});

after(() => started?.close());

test('who drew a picture makes a wallet by one press, sees what it is for, and signs with it', async () => {
  await page.fill('#prompt', 'a lighthouse at dusk');
  await page.click('#draw');
  await page.click('.outcome-links a[href="/wallet#new"]', SLOW);
  await page.waitForSelector('#wallet-password', SLOW);
  await assertAccessible(page, 'the form that one press leads to');
  await screenshots(page, 'first-minute');
  await page.fill('#wallet-password', PASSWORD);
  await page.fill('#wallet-password-again', PASSWORD);
  await page.click('#wallet-create');
  await page.waitForSelector('#wallet-words li', SLOW);
  const words = await page.$$eval('#wallet-words li', (items) => items.map((item) => item.innerText.trim()));
  await page.click('#wallet-words-done');
  await page.waitForSelector('[data-word]');
  await confirmWords(page, words);
  const address = await shownAddress(page);
  const purposes = await page.$$eval('#purposes a', (links) => links.map((link) => [link.getAttribute('href'), link.innerText]));
  assert.deepEqual(purposes, [['/pay', 'Pay'], ['/docs/mining', 'Earn'], ['/account', 'Sign in']]);
  for (const [path] of purposes) assert.equal((await page.request.get(started.system.url + path)).status(), 200, path);

  await page.click('#purposes a[href="/account"]');
  await signInWithOwnWallet(page);
  await page.click('#sheet-sign');
  await page.waitForSelector('#sign-out', SLOW);
  assert.match(await page.getAttribute('#account-link', 'title'), new RegExp(address, 'i'));
  assertQuiet(page);
});

test('the link makes nothing where a wallet is', async () => {
  await page.goto(`${started.system.url}/wallet#new`);
  await shownAddress(page);
  assert.equal(await page.locator('#wallet-password').count(), 0);
});
