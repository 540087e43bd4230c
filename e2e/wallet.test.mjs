// The wallet in the browser: made, confirmed, kept over a reload, locked and unlocked; no key leaves the browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HDNodeWallet } from 'ethers';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { System } from './support/system.mjs';

const PASSWORD = 'correct horse battery';

let system;
let browser;
let page;
let words;
let address;
const sent = [];
let workersStarted = 0;

before(async () => {
  system = await System.start('wallet', { workers: 0 });
  browser = await launch();
  page = await openPage(browser);
  page.on('worker', () => { workersStarted += 1; });
  page.on('request', (request) => sent.push(`${request.url()} ${request.postData() ?? ''}`));
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

const shownAddress = async () => {
  await page.waitForSelector('#wallet-address');
  return /0x[0-9a-fA-F]{40}/.exec(await page.locator('#wallet-address').evaluate((node) => node.outerHTML))[0];
};

/** Makes a key and goes on to its confirmation. */
async function newWords(tab) {
  await tab.fill('#wallet-password', PASSWORD);
  await tab.fill('#wallet-password-again', PASSWORD);
  await tab.click('#wallet-create');
  await tab.waitForSelector('#wallet-words li', { timeout: 60_000 });
  const shown = await tab.$$eval('#wallet-words li', (items) => items.map((item) => item.innerText.trim()));
  await tab.click('#wallet-words-done');
  await tab.waitForSelector('[data-word]');
  return shown;
}

async function confirmWords(tab, shown) {
  for (const field of await tab.$$('[data-word]')) {
    await field.fill(shown[Number(await field.getAttribute('data-word')) - 1]);
  }
  await tab.click('#wallet-confirm');
}

test('a short password and two different ones are refused in words', async () => {
  await page.goto(`${system.url}/wallet`);
  await page.fill('#wallet-password', 'short');
  await page.fill('#wallet-password-again', 'short');
  await page.click('#wallet-create');
  assert.match(await page.innerText('#wallet-error'), /10 characters/);
  await page.fill('#wallet-password', PASSWORD);
  await page.fill('#wallet-password-again', `${PASSWORD}!`);
  await page.click('#wallet-create');
  await page.waitForFunction(() => /differ/.test(document.querySelector('#wallet-error')?.innerText));
});

test('a wallet is made, its words are confirmed, its address and balance are shown', async () => {
  await page.fill('#wallet-password-again', PASSWORD);
  await page.click('#wallet-create');
  await page.waitForSelector('#wallet-words li', { timeout: 60_000 });
  words = await page.$$eval('#wallet-words li', (items) => items.map((item) => item.innerText.trim()));
  assert.equal(words.length, 12);
  await screenshots(page, 'wallet-words');
  await page.click('#wallet-words-done');
  await page.waitForSelector('[data-word]');
  for (const field of await page.$$('[data-word]')) {
    await field.fill(words[Number(await field.getAttribute('data-word')) - 1]);
  }
  const last = page.locator('[data-word]').last();
  await last.fill('zebra crossing');
  await page.click('#wallet-confirm');
  await page.waitForSelector('[data-word][aria-invalid]');
  const position = await last.getAttribute('data-word');
  assert.equal(await page.locator('[aria-invalid]').count(), 1, 'only the wrong word is marked');
  assert.equal(await last.getAttribute('aria-invalid'), 'true');
  assert.match(await page.innerText('#wallet-error'), new RegExp(`Word ${position} is`));
  await last.fill(words[Number(position) - 1]);
  await page.click('#wallet-confirm');
  address = await shownAddress();
  await page.waitForFunction(() => /0/.test(document.querySelector('#wallet-balance')?.innerText));
  await screenshots(page, 'wallet');
});

test('one worker did all of it', () => {
  assert.equal(workersStarted, 1);
});

test('the address is the one that every other wallet derives from the same words', () => {
  assert.equal(address, HDNodeWallet.fromPhrase(words.join(' ')).address);
});

test('it survives a reload, locks and unlocks, and refuses a wrong password', async () => {
  await page.reload();
  assert.equal(await shownAddress(), address);
  if (await page.locator('#wallet-lock').count()) await page.click('#wallet-lock');
  await page.fill('#wallet-unlock-password', 'not the password');
  await page.click('#wallet-unlock');
  await page.waitForFunction(() => /wrong password/i.test(document.querySelector('#wallet-error')?.innerText), null, { timeout: 60_000 });
  await page.fill('#wallet-unlock-password', PASSWORD);
  await page.click('#wallet-unlock');
  await page.waitForSelector('#wallet-lock', { timeout: 60_000 });
  assert.equal(await shownAddress(), address);
  assertQuiet(page);
});

test('removal names the wallet that goes, and a second tab replaces nothing', async () => {
  await page.click('#wallet-remove');
  assert.match(await page.locator('#wallet .notice').last().innerText(), new RegExp(address));
  await page.click('#wallet-remove-now');
  await page.waitForSelector('#wallet-create');
  const second = await page.context().newPage();
  await second.goto(`${system.url}/wallet`);
  await second.waitForSelector('#wallet-create');
  const [kept, lost] = [await newWords(page), await newWords(second)];
  await confirmWords(page, kept);
  const stored = await shownAddress();
  await confirmWords(second, lost);
  await second.waitForFunction((one) => document.querySelector('#wallet-error')?.innerText.includes(one), stored);
  await page.reload();
  assert.equal(await shownAddress(), stored);
  await second.close();
});

test('neither the password nor a run of the words went over the network', () => {
  assert.ok(sent.length > 0);
  for (const request of sent) {
    assert.ok(!request.includes(PASSWORD), request);
    assert.ok(!request.includes(words.slice(0, 2).join(' ')), request);
  }
});
