// A miner's earnings, sent on in the browser: imported, checked, signed, in a block; and other wallets' files both ways.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Contract, formatUnits, HDNodeWallet, Wallet } from 'ethers';
import { createJob, follow, image } from './support/api.mjs';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { TOKEN, tokenAbi } from './support/contracts.mjs';
import { ethersProvider } from './support/ethers.mjs';
import { System } from './support/system.mjs';
import {
  choose, confirmWords, exported, importWallet, newWords, openWallet, PASSWORD, problem, shownAddress, tab,
} from './support/wallet.mjs';

let system;
let browser;
let page;
let provider;
let token;
let miner;
let friend;
/** A quarter of what the miner earned, in AIT and in its smallest units. */
let amount;
let sent;

before(async () => {
  system = await System.start('wallet-money');
  const { id } = await createJob(system.url, image('a lighthouse at dusk'));
  await follow(system.url, id, { minted: true });
  miner = new Wallet(readFileSync(join(system.data, 'worker-1/keys/dev-miner.key'), 'utf8').trim());
  provider = ethersProvider(system.url);
  token = new Contract(TOKEN, tokenAbi, provider);
  sent = (await token.balanceOf(miner.address)) / 4n;
  amount = formatUnits(sent, 18);
  assert.ok(sent > 0n);
  browser = await launch();
  page = await openPage(browser);
});

after(async () => {
  provider?.destroy();
  await browser?.close();
  await system?.stop();
});

/** Fills the form and opens the sheet. */
async function review(to, sum) {
  await tab(page, 'send');
  await page.fill('#wallet-to', to);
  await page.fill('#wallet-amount', sum);
  await page.click('#wallet-review');
}

test('a miner’s key and new words share one password', async () => {
  await openWallet(page, system.url);
  await importWallet(page, 'key', miner.privateKey, { name: 'My miner' });
  assert.equal(await shownAddress(page), miner.address);
  const words = await newWords(page, { long: true });
  assert.equal(words.length, 24);
  await confirmWords(page, words);
  friend = HDNodeWallet.fromPhrase(words.join(' ')).address;
  await page.waitForSelector(`[data-account="${friend}"]`);
  await choose(page, miner.address);
  await screenshots(page, 'wallet-two');
});

test('a wrong address, too much, and the contract that would swallow it are refused before any signature', async () => {
  await tab(page, 'send');
  await page.fill('#wallet-to', friend.replace(/.$/, (last) => (last === '0' ? '1' : '0')));
  await page.waitForSelector('#wallet-to[aria-invalid="true"]');
  await review(friend, '1000000000');
  await problem(page, /not enough/);
  await review(TOKEN, amount);
  await problem(page, /lost/);
  await review(friend, '0.1.2');
  await problem(page, /amount/);
  assert.equal(await page.locator('#sheet').count(), 0);
});

test('the sheet says what it does, a closed one sends nothing, a signed one is in a block', async () => {
  const [had, nonce] = [await token.balanceOf(miner.address), await provider.getTransactionCount(miner.address)];
  await review(friend, amount);
  await page.waitForSelector('#sheet');
  const shown = await page.innerText('#sheet');
  assert.match(shown, /What could go wrong/);
  assert.ok((await page.locator('#sheet').innerHTML()).includes(friend), 'the whole receiver is shown');
  const after = await page.getAttribute('#sheet-after [title]', 'title');
  assert.equal(after, `${formatUnits(had - sent, 18).replace(/\.0$/, '')} AIT`);
  await assertAccessible(page, 'the sheet');
  await screenshots(page, 'wallet-sheet');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#sheet', { state: 'detached' });
  assert.equal(await provider.getTransactionCount(miner.address, 'pending'), nonce, 'nothing was sent');
  await page.click('#wallet-review');
  await page.click('#sheet-sign');
  await page.waitForSelector('#wallet-sent[data-state="done"]', { timeout: 180_000 });
  await screenshots(page, 'wallet-sent');
  assert.equal(await token.balanceOf(miner.address), had - sent);
  assert.equal(await token.balanceOf(friend), sent);
  const hash = /0x[0-9a-f]{64}/.exec(await page.getAttribute('#wallet-sent-link', 'href'))[0];
  assert.equal((await provider.getTransactionReceipt(hash)).status, 1);
});

test('activity tells what was earned and what was sent', async () => {
  await tab(page, 'activity');
  await page.waitForSelector('#wallet-activity');
  const rows = await page.$$eval('#wallet-activity tbody tr', (all) => all.map((row) => row.innerText));
  assert.match(rows[0], /Sent to/);
  assert.equal(await page.locator('#wallet-activity .amount').first().getAttribute('title'), `${amount} AIT`);
  assert.match(rows.at(-1), /Minted for work/);
  await screenshots(page, 'wallet-activity-full');
  await assertAccessible(page, 'activity');
});

test('the receiver’s part arrives, and everything of it can be sent on', async () => {
  await tab(page, 'accounts');
  await choose(page, friend);
  await page.waitForSelector(`#wallet-balance [title="${amount} AIT"]`);
  await tab(page, 'send');
  await page.click('#wallet-all');
  await page.waitForFunction((all) => document.querySelector('#wallet-amount').value === all, amount);
  await page.fill('#wallet-to', miner.address);
  await page.click('#wallet-review');
  await page.click('#sheet-sign');
  await page.waitForSelector('#wallet-sent[data-state="done"]', { timeout: 180_000 });
  assert.equal(await token.balanceOf(friend), 0n);
});

test('ethers opens our keystore file and finds our key', async () => {
  await tab(page, 'accounts');
  await choose(page, miner.address);
  const file = await exported(page, 'keystore');
  assert.equal((await Wallet.fromEncryptedJson(file, PASSWORD)).address, miner.address);
  assert.equal(await exported(page, 'key'), miner.privateKey);
  await screenshots(page, 'wallet-exported');
  await page.fill('#wallet-export-password', 'not the password');
  await page.click('#wallet-export');
  await problem(page, /wrong password/);
  assert.equal(await page.locator('#wallet-exported').count(), 0);
});

test('words, key and keystore file of ethers lead to ethers’ addresses, and rubbish to none', async () => {
  await tab(page, 'accounts');
  const phrase = Wallet.createRandom();
  await importWallet(page, 'words', phrase.mnemonic.phrase.toUpperCase(), { name: 'From ethers' });
  await page.waitForSelector(`[data-account="${phrase.address}"]`);
  const kept = Wallet.createRandom();
  const file = await kept.encrypt('café au lait');
  await importWallet(page, 'file', file, { password: 'cafe au lait' });
  await problem(page, /does not open/);
  await page.fill('#wallet-file-password', 'cafe\u0301 au lait');
  await page.click('#wallet-import');
  await page.waitForSelector(`[data-account="${kept.address}"]`, { timeout: 180_000 });
  await importWallet(page, 'words', 'abandon '.repeat(12));
  await problem(page, /cannot be read/);
  await page.click('#wallet-cancel');
  await importWallet(page, 'key', kept.privateKey);
  await problem(page, /here already/);
  await page.click('#wallet-cancel');
  assertQuiet(page);
});
