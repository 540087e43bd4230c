// What a miner earned, sent on by its owner from the extension's popup.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Contract, formatUnits, Wallet } from 'ethers';
import { createJob, follow, image, mined } from './support/api.mjs';
import { assertAccessible } from './support/axe.mjs';
import { screenshots } from './support/browser.mjs';
import { TOKEN, tokenAbi } from './support/contracts.mjs';
import { ethersProvider } from './support/ethers.mjs';
import { bringKey, launchWithExtension, popup, SLOW, useNode } from './support/extension.mjs';
import { readQrCode } from './support/qr_code.mjs';
import { System } from './support/system.mjs';

const FRIEND = '0x9858EfFD232B4033E47d90003D41EC34EcaEda94';

let system;
let browser;
let provider;
let token;
let miner;
let earned;
let page;

before(async () => {
  system = await System.start('extension-money');
  const { id } = await createJob(system.url, image('a lighthouse at dusk'));
  await follow(system.url, id, { minted: true });
  miner = new Wallet(readFileSync(join(system.data, 'worker-1/keys/dev-miner.key'), 'utf8').trim());
  provider = ethersProvider(system.url);
  token = new Contract(TOKEN, tokenAbi, provider);
  earned = await token.balanceOf(miner.address);
  assert.ok(earned > 0n);
  browser = await launchWithExtension();
  const welcome = await browser.context.newPage();
  await welcome.goto(browser.url('welcome.html'));
  assert.equal(await bringKey(welcome, miner.privateKey), miner.address);
  await welcome.close();
  await useNode(browser, `${system.url}/rpc`);
  page = await popup(browser, 'accounts');
});

after(async () => {
  provider?.destroy();
  await browser?.context.close();
  await system?.stop();
});

async function prepare(to, ait) {
  await page.fill('#to', to);
  await page.fill('#ait', ait);
  await page.click('#send-form-submit');
}

async function problem(pattern) {
  await page.waitForSelector('#send-form-error:not([hidden])', SLOW);
  assert.match(await page.innerText('#send-form-error'), pattern);
}

test('a mistake is told before anything is shown to sign', async () => {
  await page.waitForSelector(`text=${formatUnits(earned, 18)} AIT`, SLOW);
  await page.click('#send');
  await prepare(FRIEND.replace('9858E', '9858e'), '1');
  await problem(/checksum/);
  await prepare(FRIEND, 'much');
  await problem(/cannot be read/);
  await prepare(FRIEND, '1000000000');
  await problem(/not enough/);
  assert.equal(await token.balanceOf(miner.address), earned);
});

test('the sheet says what both have afterwards, and the chain agrees', async () => {
  const amount = earned / 4n;
  await prepare(FRIEND, formatUnits(amount, 18));
  await page.waitForSelector('#sheet', SLOW);
  const told = await page.innerText('#sheet');
  for (const part of [FRIEND, `${formatUnits(amount, 18)} AIT`, `${formatUnits(earned - amount, 18)} AIT`]) {
    assert.ok(told.includes(part), `${part} is not in ${told}`);
  }
  await assertAccessible(page, 'the sheet of a transfer');
  await screenshots(page, 'extension-transfer');
  await page.click('#sign-submit');
  await page.waitForSelector('#sent-hash', SLOW);
  const receipt = await mined(system.url, await page.innerText('#sent-hash'));
  assert.equal(receipt.status, '0x1');
  assert.equal(await token.balanceOf(FRIEND), amount);
  assert.equal(await token.balanceOf(miner.address), earned - amount);
});

test('the account shows its address as a QR code, and what came and went as the chain has it', async () => {
  await page.click('#back');
  await page.click(`[data-open="${miner.address}"]`, SLOW);
  await page.waitForSelector('#activity li', SLOW);
  assert.equal(await readQrCode(page, '#qr'), miner.address);
  const rows = await page.$$eval('#activity li', (all) => all.map((one) => one.innerText));
  assert.match(rows[0], /^Sent to 0x/, 'the newest is not the first');
  assert.ok(rows[0].includes(`−${formatUnits(earned / 4n, 18)} AIT`), rows[0]);
  const minted = rows.filter((row) => row.startsWith('Minted for work'));
  const events = await token.queryFilter(token.filters.Transfer(null, miner.address));
  assert.equal(minted.length, events.length);
  await assertAccessible(page, 'an account in the popup');
  await screenshots(page, 'extension-account');
  await page.click('#back');
  await page.waitForSelector('#accounts', SLOW);
});
