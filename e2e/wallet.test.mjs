// The wallet in the browser: made, confirmed, locked, unlocked, shared by tabs; no key leaves its worker.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HDNodeWallet } from 'ethers';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { readQrCode } from './support/qr_code.mjs';
import { System } from './support/system.mjs';
import {
  confirmWords, fillWords, importWallet, isUnlocked, newWords, openWallet, PASSWORD, problem, shownAddress, tab, unlock,
} from './support/wallet.mjs';

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

test('a short password and two different ones are refused in words', async () => {
  await openWallet(page, system.url);
  await screenshots(page, 'wallet-welcome');
  await page.click('#wallet-new');
  await page.fill('#wallet-password', 'short');
  await page.fill('#wallet-password-again', 'short');
  await page.click('#wallet-create');
  await problem(page, /10 characters/);
  await page.fill('#wallet-password', PASSWORD);
  await page.fill('#wallet-password-again', `${PASSWORD}!`);
  await page.click('#wallet-create');
  await problem(page, /differ/);
  await assertAccessible(page, 'the form for a new wallet');
  await page.click('#wallet-cancel');
});

test('a wallet is made, its words are confirmed, its address and balance are shown', async () => {
  words = await newWords(page, { picture: 'wallet-words' });
  assert.equal(words.length, 12);
  await fillWords(page, words);
  const last = page.locator('[data-word]').last();
  await last.fill('zebra crossing');
  await page.click('#wallet-confirm');
  await page.waitForSelector('[data-word][aria-invalid]');
  const position = await last.getAttribute('data-word');
  assert.equal(await page.locator('[aria-invalid]').count(), 1, 'only the wrong word is marked');
  await problem(page, new RegExp(`Word ${position} is`));
  await assertAccessible(page, 'the confirmation');
  await last.fill(words[Number(position) - 1]);
  await page.click('#wallet-confirm');
  address = await shownAddress(page);
  await page.waitForFunction(() => /0/.test(document.querySelector('#wallet-balance')?.innerText));
  await screenshots(page, 'wallet');
});

test('one worker did all of it', () => {
  assert.equal(workersStarted, 1);
});

test('the address is the one that every other wallet derives from the same words', () => {
  assert.equal(address, HDNodeWallet.fromPhrase(words.join(' ')).address);
});

test('each part of the page is accessible', async () => {
  for (const name of ['accounts', 'send', 'receive', 'connections', 'activity', 'security']) {
    await tab(page, name);
    await page.waitForSelector(`.tabs a[href="#${name}"][aria-current]`);
    if (name === 'receive') await page.waitForSelector('#wallet-qr');
    await page.waitForLoadState('networkidle');
    await assertAccessible(page, name);
    await screenshots(page, `wallet-${name}`);
  }
  await page.goBack();
  await page.waitForSelector('.tabs a[href="#activity"][aria-current]');
  await tab(page, 'accounts');
});

test('a scanner reads the address from the QR code', async () => {
  await tab(page, 'receive');
  await page.waitForSelector('#wallet-qr');
  assert.equal(await readQrCode(page, '#wallet-qr'), address);
  await tab(page, 'accounts');
});

test('the next account of the same words is the one of other wallets', async () => {
  await page.click('[data-next-account]');
  const second = HDNodeWallet.fromPhrase(words.join(' '), '', "m/44'/60'/0'/0/1").address;
  await page.click(`[data-account="${second}"]`);
  await page.waitForFunction((one) => document.querySelector('#wallet-address')?.innerHTML.includes(one), second);
  await page.click(`[data-account="${address}"]`);
});

test('it is locked after a reload, unlocks, and refuses a wrong password', async () => {
  await page.reload();
  assert.equal(await shownAddress(page), address);
  assert.equal(await page.locator('#wallet-lock').count(), 0);
  await screenshots(page, 'wallet-locked');
  await unlock(page, 'not the password');
  await problem(page, /wrong password/);
  await unlock(page);
  await isUnlocked(page);
  assert.equal(await shownAddress(page), address);
  assertQuiet(page);
});

test('a lock in one tab locks the other, and a change in one shows in the other', async () => {
  const second = await page.context().newPage();
  await openWallet(second, system.url);
  await unlock(second);
  await isUnlocked(second);
  await tab(second, 'security');
  await second.fill('#wallet-rename', 'Savings');
  await second.click('#wallet-rename-now');
  await page.waitForFunction(() => /Savings/.test(document.querySelector('.account-head')?.innerText));
  await page.click('#wallet-lock');
  await second.waitForSelector('#wallet-unlock');
  await second.close();
  await unlock(page);
  await isUnlocked(page);
});

test('unused for as long as it was set to, it locks in every tab, and a use in one tab counts in all', async () => {
  const one = await openPage(browser);
  // A worker takes the time from its own clock, which this test moves in all tabs at once.
  await one.context().route('**/wallet_worker_loader.js', async (route) => {
    const answer = await route.fetch();
    const clock = `let passed = 0;
      const real = Date.now;
      Date.now = () => real() + passed;
      globalThis.passes = new BroadcastChannel('passes');
      const heard = new BroadcastChannel('heard');
      globalThis.passes.onmessage = ({ data }) => {
        passed += data;
        heard.postMessage(passed);
      };`;
    await route.fulfill({ response: answer, body: `${clock}\n${await answer.text()}` });
  });
  const pass = (minutes) => one.evaluate((by) => new Promise((resolve) => {
    let workers = 0;
    new BroadcastChannel('heard').onmessage = () => {
      workers += 1;
      if (workers === 2) resolve();
    };
    new BroadcastChannel('passes').postMessage(by);
  }), minutes * 60_000);
  const rename = async (tabOf, name) => {
    await tab(tabOf, 'security');
    await tabOf.fill('#wallet-rename', name);
    await tabOf.click('#wallet-rename-now');
  };
  const shows = (tabOf, name) => tabOf.waitForFunction(
    (wanted) => document.querySelector('.account-head')?.innerText.includes(wanted), name, { timeout: 180_000 },
  );
  await openWallet(one, system.url);
  await importWallet(one, 'key', `0x${'46'.repeat(32)}`);
  await isUnlocked(one);
  const two = await one.context().newPage();
  await openWallet(two, system.url);
  await unlock(two);
  await isUnlocked(two);
  await pass(10);
  await rename(one, 'First');
  await shows(two, 'First');
  await pass(10);
  // Twenty minutes after its own last use the other is still unlocked.
  await rename(two, 'Second');
  await tab(one, 'accounts');
  await shows(one, 'Second');
  await isUnlocked(one);
  await pass(15);
  for (const each of [one, two]) await each.waitForSelector('#wallet-unlock', { timeout: 180_000 });
  await one.context().close();
});

test('removal needs the password, and two tabs that make the first wallet end in one state', async () => {
  await tab(page, 'security');
  await page.click('#wallet-remove');
  await page.fill('#wallet-remove-password', 'not the password');
  await page.click('#wallet-remove-now');
  await problem(page, /wrong password/);
  await page.fill('#wallet-remove-password', PASSWORD);
  await page.click('#wallet-remove-now');
  await page.waitForSelector('#wallet-new', { timeout: 180_000 });
  const second = await page.context().newPage();
  await openWallet(second, system.url);
  const [kept, later] = [await newWords(page), await newWords(second)];
  await confirmWords(page, kept);
  const stored = await shownAddress(page);
  await second.waitForSelector('#wallet-unlock');
  await confirmWords(second, later);
  await problem(second, /Another tab changed/);
  await unlock(second);
  await second.waitForSelector('#wallet-unlock', { state: 'detached', timeout: 180_000 });
  await confirmWords(second, later);
  const joined = HDNodeWallet.fromPhrase(later.join(' ')).address;
  for (const one of [second, page]) {
    await one.waitForSelector(`[data-account="${joined}"]`, { timeout: 180_000 });
    assert.equal(await one.locator(`[data-account="${stored}"]`).count(), 1, 'both are kept');
  }
  await second.close();
});

test('the password can be changed, and the forgotten one costs everything', async () => {
  await tab(page, 'security');
  await page.fill('#wallet-old', PASSWORD);
  await page.fill('#wallet-new-password', 'battery staple');
  await page.fill('#wallet-new-again', 'battery staple');
  await page.click('#wallet-change-password');
  await page.waitForFunction(() => /password is changed/.test(document.querySelector('#wallet')?.innerText), null, { timeout: 180_000 });
  await page.reload();
  await unlock(page);
  await problem(page, /wrong password/);
  await page.click('summary');
  assert.ok(await page.isDisabled('#wallet-forget'));
  await page.check('#wallet-forget-sure');
  await page.click('#wallet-forget');
  await page.waitForSelector('#wallet-new');
});

test('a full disk is told before anything is lost', async () => {
  const full = await openPage(browser);
  await full.route('**/wallet_worker_loader.js', async (route) => {
    const answer = await route.fetch();
    const breaks = 'IDBObjectStore.prototype.put = () => { throw new DOMException("no room", "QuotaExceededError"); };';
    await route.fulfill({ response: answer, body: `${breaks}\n${await answer.text()}` });
  });
  await openWallet(full, system.url);
  const made = await newWords(full);
  await confirmWords(full, made);
  await problem(full, /QuotaExceededError.*unchanged/);
  await full.reload();
  await full.waitForSelector('#wallet-new');
  await full.context().close();
});

test('neither the password nor a run of the words went over the network', () => {
  assert.ok(sent.length > 0);
  for (const request of sent) {
    assert.ok(!request.includes(PASSWORD), request);
    assert.ok(!request.includes(words.slice(0, 2).join(' ')), request);
  }
});
