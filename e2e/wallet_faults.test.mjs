// What a broken browser, a hostile tab and a page of another origin do to the wallet: its owner is told, and nothing is lost.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Wallet } from 'ethers';
import { launch, openPage } from './support/browser.mjs';
import { foreignSite } from './support/extension.mjs';
import { System } from './support/system.mjs';
import { confirmWords, importWallet, isUnlocked, newWords, openWallet, problem, shownAddress, unlock } from './support/wallet.mjs';

const SLOW = { timeout: 180_000 };
const owner = Wallet.createRandom();
const BREAKS = 'IDBFactory.prototype.open = () => { throw new DOMException("it broke", "UnknownError"); };';

let system;
let browser;

before(async () => {
  system = await System.start('wallet-faults', { workers: 0 });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

/** A page whose wallet's worker runs `script` first. */
async function openWith(script) {
  const page = await openPage(browser);
  await page.route('**/wallet_worker_loader.js', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: `${script}\n${await answer.text()}` });
  });
  return page;
}

async function withWallet(page) {
  await openWallet(page, system.url);
  await importWallet(page, 'key', owner.privateKey);
  assert.equal(await shownAddress(page), owner.address);
  await isUnlocked(page);
}

/** What the browser stores of the wallets; with `replaced` something else is stored then. */
const stored = (page, replaced) => page.evaluate((next) => new Promise((resolve, reject) => {
  const open = indexedDB.open('aitbc-wallet');
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const store = open.result.transaction('sealed', 'readwrite').objectStore('sealed');
    const read = store.get('vault');
    read.onsuccess = () => {
      if (next !== undefined) store.put(next, 'vault');
      store.transaction.oncomplete = () => { open.result.close(); resolve(read.result); };
    };
  };
}), replaced);

test('a storage that does not open is told before anything can be typed', async () => {
  const page = await openWith(BREAKS);
  await page.goto(`${system.url}/wallet`);
  await page.waitForFunction(() => /UnknownError: it broke/.test(document.querySelector('#wallet')?.innerText ?? ''), null, SLOW);
  assert.equal(await page.locator('#wallet input, #wallet button').count(), 0, 'a form that leads nowhere');
  await page.context().close();
});

test('a storage that breaks later loses nothing', async () => {
  const page = await openWith(`const channel = new BroadcastChannel("break"); channel.onmessage = () => { ${BREAKS} channel.postMessage("broken"); };`);
  await withWallet(page);
  const before = await stored(page);
  const words = await newWords(page);
  await page.evaluate(() => new Promise((resolve) => {
    const channel = new BroadcastChannel('break');
    channel.onmessage = resolve;
    channel.postMessage('now');
  }));
  await confirmWords(page, words);
  await problem(page, /UnknownError: it broke.*unchanged/);
  assert.equal(await stored(page), before);
  await page.reload();
  assert.equal(await shownAddress(page), owner.address);
  await page.context().close();
});

test('what cannot be read is named, kept as it is, and no new wallet is written over it', async () => {
  const page = await openPage(browser);
  await withWallet(page);
  const sound = await stored(page, 'rubbish');
  await page.reload();
  await page.waitForFunction(() => /cannot be read/.test(document.querySelector('#wallet')?.innerText ?? ''), null, SLOW);
  assert.equal(await page.locator('#wallet-new').count(), 0, 'a new wallet would replace it');
  assert.equal(await stored(page, sound), 'rubbish');
  const damaged = JSON.parse(sound);
  damaged.ciphertext = damaged.ciphertext.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  await stored(page, JSON.stringify(damaged));
  await page.reload();
  await unlock(page);
  await problem(page, /unchanged/);
  assert.equal(await page.locator('#wallet-lock').count(), 0);
  assert.equal(await stored(page, sound), JSON.stringify(damaged));
  await page.reload();
  await unlock(page);
  await isUnlocked(page);
  assert.equal(await shownAddress(page), owner.address);
  await page.context().close();
});

test('a second tab that speaks the wallet’s own channel unlocks nothing and hears no secret', async () => {
  const page = await openPage(browser);
  await withWallet(page);
  const hostile = await page.context().newPage();
  await hostile.goto(`${system.url}/explorer`);
  await hostile.evaluate(() => {
    globalThis.heard = [];
    globalThis.channel = new BroadcastChannel('aitbc-wallet');
    globalThis.channel.onmessage = ({ data }) => globalThis.heard.push(JSON.stringify(data));
  });
  await page.click('#wallet-lock');
  await page.waitForSelector('#wallet-unlock');
  await hostile.waitForFunction(() => globalThis.heard.includes('"lock"'), null, SLOW);
  await hostile.evaluate(() => {
    for (const message of ['unlock', 'unlocked', 'used', 'changed', { unlock: { password: '' } }, { version: 4, id: 1, request: 'state' }]) {
      globalThis.channel.postMessage(message);
    }
  });
  await unlock(page, 'not the password');
  await problem(page, /wrong password/);
  assert.equal(await page.locator('#wallet-lock').count(), 0, 'a message unlocked it');
  await unlock(page);
  await isUnlocked(page);
  const heard = await hostile.evaluate(() => globalThis.heard);
  assert.deepEqual(heard.filter((text) => !['"lock"', '"changed"', '"used"'].includes(text)), []);
  await page.context().close();
});

test('a frame of another origin shows no wallet', async () => {
  const page = await openPage(browser);
  await withWallet(page);
  const site = await foreignSite(`<!DOCTYPE html><title>Outer</title><iframe src="${system.url}/wallet"></iframe>`);
  const outer = await page.context().newPage();
  const refused = outer.waitForEvent('console', { predicate: (message) => /frame-ancestors/.test(message.text()), ...SLOW });
  await outer.goto(site.url);
  await refused;
  const [, frame] = outer.frames();
  assert.equal(await frame.locator('#wallet').count(), 0);
  site.close();
  await page.context().close();
});
