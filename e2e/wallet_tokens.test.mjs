// Tokens beside AIT: listed, sent from this site's own wallet by a sheet, refused where they would be lost; and what the page
// tells other wallets of this network is what the node says.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Contract, Wallet } from 'ethers';
import { mined, rpc } from './support/api.mjs';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { TOKEN } from './support/contracts.mjs';
import { ethersProvider } from './support/ethers.mjs';
import { System } from './support/system.mjs';
import { importWallet, onOtherChain, openWallet, refusedForChain, shownAddress, signSheet } from './support/wallet.mjs';

const SLOW = { timeout: 180_000 };
const DOLLAR = '0x0000000000000000000000000000000000A17005';
const FAUCET = 10_000_000_000n;
const friend = Wallet.createRandom().address;
const owner = Wallet.createRandom();

let system;
let browser;
let page;
let dollar;

before(async () => {
  system = await System.start('wallet-tokens', { workers: 0 });
  const provider = ethersProvider(system.url);
  const abi = ['function faucet()', 'function balanceOf(address) view returns (uint256)'];
  dollar = new Contract(DOLLAR, abi, new Wallet(owner.privateKey, provider));
  await mined(system.url, (await dollar.faucet()).hash);
  assert.equal(await dollar.balanceOf(owner.address), FAUCET);
  browser = await launch();
  page = await openPage(browser);
});

after(async () => {
  dollar?.runner.provider.destroy();
  await browser?.close();
  await system?.stop();
});

const row = `tr[data-token="${DOLLAR.toLowerCase()}"]`;

async function review(to, amount) {
  await page.fill('#transfer-to', to);
  await page.fill('#transfer-amount', amount);
  await page.click('#transfer-review');
}

async function problem(pattern) {
  await page.waitForFunction((source) => new RegExp(source).test(document.querySelector('#holdings-error:not([hidden])')?.innerText ?? ''), pattern.source, SLOW);
  assert.equal(await page.locator('#sheet').count(), 0, 'the wallet was asked');
}

test('a page without a wallet says what another wallet must know of this network', async () => {
  await page.goto(`${system.url}/wallet/tokens`);
  await page.waitForSelector('#choose-account:not([disabled])', SLOW);
  const network = await page.innerText('#network');
  const chainId = Number(await rpc(system.url, 'eth_chainId'));
  for (const told of [`${system.url}/rpc`, `${system.url}/explorer`, String(chainId), TOKEN]) assert.ok(network.includes(told), told);
  assert.equal(await page.locator('#tokens:not([hidden]), #no-tokens:not([hidden]), #transfer:not([hidden])').count(), 0);
  await assertAccessible(page, 'the tokens of nobody');
});

test('the account’s tokens are listed as the chain has them', async () => {
  await openWallet(page, system.url);
  await importWallet(page, 'key', owner.privateKey);
  assert.equal(await shownAddress(page), owner.address);
  await page.click('a[href="/wallet/tokens"]');
  await page.waitForSelector('#choose-account:not([disabled])', SLOW);
  await page.click('#choose-account');
  await page.click('#sheet-connect', SLOW);
  await page.waitForSelector(row, SLOW);
  assert.equal(await page.getAttribute(row, 'data-balance'), String(FAUCET));
  assert.match(await page.innerText(row), /10\s000/);
  await assertAccessible(page, 'the tokens of an account');
  await screenshots(page, 'wallet-tokens');
});

test('what is no transfer is refused before the wallet is asked', async () => {
  await page.click(`${row} button`);
  await review('0x12', '1');
  await problem(/no address/);
  await review(DOLLAR, '1');
  await problem(/lost/);
  await review(friend, '0.0000001');
  await problem(/6 digits/);
  await review(friend, '10000.000001');
  await problem(/not enough/);
  await assertAccessible(page, 'the form that sends a token');
  await screenshots(page, 'wallet-tokens-send');
});

test('a wallet on another chain is asked for nothing', async () => {
  const backOnOwnChain = await onOtherChain(page);
  const openForm = async () => {
    // The wallet asks for its chain once a page.
    await page.reload();
    await page.waitForSelector(row, SLOW);
    await page.click(`${row} button`);
  };
  await openForm();
  await review(friend, '1');
  await refusedForChain(page, '#holdings-error');
  await backOnOwnChain();
  await openForm();
});

test('a refused sheet sends nothing, a signed one is in a block', async () => {
  await review(friend, '2500.5');
  await page.waitForSelector('#sheet-password, #sheet-sign', SLOW);
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => /refused/.test(document.querySelector('#holdings-error:not([hidden])')?.innerText ?? ''), null, SLOW);
  assert.equal(await dollar.balanceOf(friend), 0n);
  await page.click('#transfer-review');
  await signSheet(page, new RegExp(friend));
  await page.waitForFunction(() => /a block holds/.test(document.querySelector('#holdings-status').innerText), null, SLOW);
  assert.equal(await dollar.balanceOf(friend), 2_500_500_000n);
  assert.equal(await dollar.balanceOf(owner.address), FAUCET - 2_500_500_000n);
  assert.equal(await page.locator('#transfer:not([hidden])').count(), 0);
  assertQuiet(page);
});
