// Who may take tokens of an account: given by viem and by ethers, shown by the page, taken back through the wallet's sheet.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Contract, MaxUint256, Wallet } from 'ethers';
import { createPublicClient, createWalletClient, defineChain } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { mined } from './support/api.mjs';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { CHAIN_ID, TOKEN, tokenAbi } from './support/contracts.mjs';
import { ethersProvider } from './support/ethers.mjs';
import { System } from './support/system.mjs';
import { patient, WAITING } from './support/viem.mjs';
import { importWallet, onOtherChain, openWallet, refusedForChain, shownAddress, signSheet } from './support/wallet.mjs';

const SLOW = { timeout: 180_000 };
const KEY = `0x${'47'.repeat(32)}`;
const ESCROW = '0x0000000000000000000000000000000000a17003';
const STRANGER = '0x00000000000000000000000000000000000000aa';
const FORGOTTEN = '0x00000000000000000000000000000000000000bb';

const account = privateKeyToAccount(KEY);

let system;
let browser;
let page;
let chain;

before(async () => {
  system = await System.start('allowances', { workers: 0 });
  browser = await launch();
  page = await openPage(browser);
  const definition = defineChain({
    id: CHAIN_ID,
    name: 'AITBC',
    nativeCurrency: { name: 'gas', symbol: 'GAS', decimals: 18 },
    rpcUrls: { default: { http: [`${system.url}/rpc`] } },
  });
  chain = {
    public: createPublicClient({ chain: definition, transport: patient() }),
    wallet: createWalletClient({ account, chain: definition, transport: patient() }),
  };
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

async function approve(spender, amount) {
  const hash = await chain.wallet.writeContract({ address: TOKEN, abi: tokenAbi, functionName: 'approve', args: [spender, amount] });
  const { status } = await chain.public.waitForTransactionReceipt({ hash, ...WAITING });
  assert.equal(status, 'success');
}

const allowance = (spender) =>
  chain.public.readContract({ address: TOKEN, abi: tokenAbi, functionName: 'allowance', args: [account.address, spender] });

const rows = () =>
  page.$$eval('#allowance-rows tr', (all) => all.map((one) => [one.dataset.spender.toLowerCase(), one.dataset.amount, one.querySelector('.pill')?.innerText.trim() ?? '']));

test('a page without a wallet says what it would show', async () => {
  await page.goto(`${system.url}/wallet/allowances`);
  await page.waitForSelector('#choose-account:not([disabled])', SLOW);
  await assertAccessible(page, 'the allowances of nobody');
  assert.equal(await page.locator('#allowances:not([hidden]), #no-allowances:not([hidden])').count(), 0);
});

test('the page lists what the chain says now, the newest first, and flags what has no limit', async () => {
  await approve(FORGOTTEN, 5n);
  await approve(ESCROW, 25n * 10n ** 17n);
  await approve(FORGOTTEN, 0n);
  const signer = new Wallet(KEY, ethersProvider(system.url));
  await mined(system.url, (await new Contract(TOKEN, tokenAbi, signer).approve(STRANGER, MaxUint256)).hash);
  assert.equal(await allowance(STRANGER), MaxUint256);

  await openWallet(page, system.url);
  await importWallet(page, 'key', KEY);
  assert.equal((await shownAddress(page)).toLowerCase(), account.address.toLowerCase());
  await page.click('a[href="/wallet/allowances"]');
  await page.waitForSelector('#choose-account:not([disabled])', SLOW);
  const connecting = new Date();
  await page.click('#choose-account');
  await page.click('#sheet-connect', SLOW);
  await page.waitForSelector('#allowances:not([hidden])', SLOW);
  assert.deepEqual(await rows(), [
    [STRANGER, MaxUint256.toString(), 'everything'],
    [ESCROW, (25n * 10n ** 17n).toString(), ''],
  ]);
  const text = await page.innerText('#allowance-rows');
  assert.match(text, /AIT/);
  assert.match(text, /JobEscrow/, 'a contract of this chain has its name');
  assert.match(text, /2\.5 AIT/);
  assert.equal((await page.innerText('#connected-account')).toLowerCase(), account.address.toLowerCase());
  const days = [connecting, new Date()].map((time) => time.toISOString().slice(0, 10));
  assert.ok(days.includes(await page.innerText('#connected-since')), 'the day of the connection, which may end meanwhile');
  await assertAccessible(page, 'the allowances of an account');
  await screenshots(page, 'wallet-allowances');
});

test('a wallet on another chain is not asked to take anything back', async () => {
  const backOnOwnChain = await onOtherChain(page);
  await page.reload();
  await page.click(`tr[data-spender="${STRANGER}"] button`, SLOW);
  await refusedForChain(page, '#permissions-error');
  assert.equal(await allowance(STRANGER), MaxUint256);
  await backOnOwnChain();
  await page.reload();
  await page.waitForSelector('#allowances:not([hidden])', SLOW);
});

test('an allowance is taken back by a sheet, and a refused sheet changes nothing', async () => {
  const button = `tr[data-spender="${STRANGER}"] button`;
  await page.click(button);
  await page.waitForSelector('#sheet-password, #sheet-sign', SLOW);
  await page.keyboard.press('Escape');
  await page.waitForSelector('#permissions-error:not([hidden])', SLOW);
  assert.equal(await allowance(STRANGER), MaxUint256);

  await page.click(button);
  await signSheet(page, /Takes back what/);
  await page.waitForFunction(() => document.querySelectorAll('#allowance-rows tr').length === 1, null, SLOW);
  assert.equal(await allowance(STRANGER), 0n);
  assert.equal(await allowance(ESCROW), 25n * 10n ** 17n, 'another allowance was taken back');
  assert.equal((await rows())[0][0], ESCROW);
});

test('the pages are disconnected, and have to ask again', async () => {
  await page.reload();
  await page.waitForSelector('#disconnect:not([hidden])', SLOW);
  await Promise.all([page.waitForEvent('load'), page.click('#disconnect')]);
  await page.waitForSelector('#choose-account:not([disabled]):not([hidden])', SLOW);
  assert.equal(await page.locator('#allowances:not([hidden])').count(), 0);
  assertQuiet(page);
});
