// This site's pages against a wallet that somebody else wrote and that knows nothing of them: `@johanneskares/wallet-mock`, a
// wallet of viem's behind EIP-1193, announced by EIP-6963. It signs without asking, sends by viem's own rules, and signs no
// typed data. MetaMask and Rabby themselves are not tried: their builds are in no package registry.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { installMockWallet } from '@johanneskares/wallet-mock';
import { createPublicClient, createWalletClient, defineChain } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { assertQuiet, launch, openPage } from './support/browser.mjs';
import { CHAIN_ID, TOKEN, tokenAbi } from './support/contracts.mjs';
import { System } from './support/system.mjs';
import { patient, WAITING } from './support/viem.mjs';
import { signOut } from './support/wallet.mjs';

const SLOW = { timeout: 180_000 };
const SPENDER = '0x3535353535353535353535353535353535353535';
const account = privateKeyToAccount(generatePrivateKey());

let system;
let browser;
let page;
let reader;

before(async () => {
  system = await System.start('wallet-mock', { workers: 0 });
  const rpcUrl = `${system.url}/rpc`;
  const nativeCurrency = { name: 'gas', symbol: 'GAS', decimals: 18 };
  const chain = defineChain({ id: CHAIN_ID, name: 'AITBC', nativeCurrency, rpcUrls: { default: { http: [rpcUrl] } } });
  reader = createPublicClient({ chain, transport: patient() });
  const wallet = createWalletClient({ account, chain, transport: patient() });
  const hash = await wallet.writeContract({ address: TOKEN, abi: tokenAbi, functionName: 'approve', args: [SPENDER, 7n] });
  await reader.waitForTransactionReceipt({ hash, ...WAITING });
  browser = await launch();
  page = await openPage(browser);
  await installMockWallet({ page, account, defaultChain: chain, transports: { [CHAIN_ID]: patient(rpcUrl) } });
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

const allowance = () =>
  reader.readContract({ address: TOKEN, abi: tokenAbi, functionName: 'allowance', args: [account.address, SPENDER] });

/** Presses the button that asks for wallets, and takes the one of the package beside this site's own. */
async function choose(button) {
  await page.click(button);
  await page.waitForSelector('#wallets button', SLOW);
  assert.deepEqual((await page.locator('#wallets button').allInnerTexts()).sort(), ['AITBC', 'Mock Wallet']);
  await page.click('#wallets button:has-text("Mock Wallet")');
}

test('it signs in, and the session is its account’s', async () => {
  await page.goto(`${system.url}/account`);
  await choose('#sign-in');
  await page.waitForSelector('#sign-out', SLOW);
  assert.match(await page.getAttribute('#account-link', 'title'), new RegExp(account.address));
  const [session] = (await page.evaluate(async () => (await fetch('/v1/sessions')).json())).sessions;
  assert.equal(session.address, account.address.toLowerCase());
});

test('it takes an allowance back, and the chain says so', async () => {
  assert.equal(await allowance(), 7n);
  await page.goto(`${system.url}/wallet/allowances`);
  // This page asks every wallet that it finds whether it is connected, and this one says that it always is.
  await page.waitForSelector(`tr[data-spender="${SPENDER}"] button`, SLOW);
  assert.equal(await page.innerText('#connected-account'), account.address);
  await page.click(`tr[data-spender="${SPENDER}"] button`);
  await page.waitForSelector('#no-allowances:not([hidden])', SLOW);
  assert.equal(await allowance(), 0n);
});

test('its session ends in the page', async () => {
  await page.goto(`${system.url}/account`);
  assertQuiet(page);
  await signOut(page);
  assert.equal((await page.context().cookies()).filter(({ name }) => name === 'session').length, 0);
});
