// The explorer over its index: a token that anybody made and that lies about its name, hostile events and reverts,
// a page that is out of date, lists, CSV, the API in Etherscan's form.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWalletClient, defineChain, encodeAbiParameters, getAddress, publicActions } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { islandsAreLive, launch, openPage } from './support/browser.mjs';
import { System } from './support/system.mjs';
import { until } from './support/validators.mjs';
import { patient, WAITING } from './support/viem.mjs';

const NAME = '<script>document.title="stolen"</script>';
const TRANSFER = 'ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

/** Logs what it is called with, under its first word as topic. */
const KEEPER = '365f5f375f35365fa100';
/** Reverts with what it is called with. */
const REVERTER = '365f5f37365ffd';

/** Code that deploys this code. */
function deploying(code) {
  const size = (code.length / 2).toString(16).padStart(2, '0');
  return `0x60${size}600a5f3960${size}5ff3${code}`;
}

/** 64 bytes of input are receiver and amount of a transfer that the contract announces as its caller's; it answers anything else with its name. */
function liarCode() {
  const hex = (number) => number.toString(16).padStart(2, '0');
  const text = encodeAbiParameters([{ type: 'string' }], [NAME]).slice(2);
  const size = hex(text.length / 2);
  // CALLDATASIZE == 64 ? jump to 0x13 : copy the text from 0x46 and return it
  const answer = `3660401460135760${size}604660003960${size}6000f3`;
  // amount to memory, push receiver, caller and the event's name, LOG3, STOP
  const announce = `5b60206020600037600035337f${TRANSFER}60206000a300`;
  const code = answer + announce + text;
  return `0x60${hex(code.length / 2)}80600b6000396000f3${code}`;
}

let system;
let browser;
let client;
let token;
let account;

before(async () => {
  system = await System.start('explorer');
  browser = await launch();
  account = privateKeyToAccount(generatePrivateKey());
  const id = Number(BigInt(await rpc('eth_chainId')));
  const chain = defineChain({
    id, name: 'AITBC', nativeCurrency: { name: 'coin', symbol: 'COIN', decimals: 18 }, rpcUrls: { default: { http: [`${system.url}/rpc`] } },
  });
  client = createWalletClient({ account, chain, transport: patient() }).extend(publicActions);
  ({ contractAddress: token } = await sent({ data: liarCode() }));
  const data = encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], ['0x00000000000000000000000000000000000000b0', 70n]);
  const announced = await sent({ to: token, data });
  assert.equal(announced.logs.length, 1);
  await named();
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

test('a link keeps the focus when its part of the page is drawn anew', async () => {
  const page = await openPage(browser, {});
  await page.goto(`${system.url}/explorer`);
  const focused = await page.$eval('#newest', (part) => {
    const link = part.querySelector('a[href^="/explorer/"]');
    part.isOld = true;
    link.focus();
    return link.getAttribute('href');
  });
  await page.waitForFunction(() => !document.querySelector('#newest').isOld);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), focused);
  assert.equal(await page.evaluate(() => document.querySelector('#newest').contains(document.activeElement)), true);
  await page.context().close();
});

test('a hostile name is text on every page that shows it', async () => {
  for (const path of [
    '/explorer/tokens', `/explorer/tokens/${token}`, `/explorer/tokens/${token}?tab=transfers`,
    `/explorer/addresses/${account.address}?tab=transfers`, `/explorer/addresses/${token}?tab=contract`,
  ]) {
    await textOf(path);
  }
});

test('a hostile event and a hostile reason of a revert are text', async () => {
  const text = encodeAbiParameters([{ type: 'string' }], [NAME]);
  const { contractAddress: keeper } = await sent({ data: deploying(KEEPER) });
  const { contractAddress: reverter } = await sent({ data: deploying(REVERTER) });
  const logged = await sent({ to: keeper, data: text });
  assert.equal(logged.logs.length, 1);
  await textOf(`/explorer/transactions/${logged.transactionHash}`);
  await textOf(`/explorer/transactions/${logged.transactionHash}/calls`);
  // `Error(string)`. What will revert has no gas that can be estimated.
  const reverted = await sent({ to: reverter, data: `0x08c379a0${text.slice(2)}`, gas: 200_000n });
  assert.equal(reverted.status, 'reverted');
  for (const path of [reverted.transactionHash, `${reverted.transactionHash}/calls`]) {
    assert.ok((await textOf(`/explorer/transactions/${path}`)).includes(NAME), `${path} shows the reason`);
  }
});

test('a page that cannot be kept current says so, and since when', async () => {
  const page = await openPage(browser, {});
  await page.goto(`${system.url}/explorer`);
  await islandsAreLive(page);
  const line = page.locator('#not-current');
  assert.equal(await line.isVisible(), false);
  await page.context().setOffline(true);
  await line.waitFor({ state: 'visible' });
  assert.match(await line.innerText(), /not current any more: the server cannot be reached\..* \d\d:\d\d:\d\d UTC\.$/);
  await page.context().setOffline(false);
  await line.waitFor({ state: 'hidden' });
  await page.context().close();
});

test('the token, its holder and its maker are in the feed, in CSV and in Etherscan’s form', async () => {
  const holders = await json(`/api/explorer/tokens/${token}/holders`);
  assert.deepEqual(holders.items.map(({ balance }) => balance), ['70']);
  const transfers = await json(`/api?module=account&action=tokentx&contractaddress=${token}`);
  assert.equal(transfers.result[0].value, '70');
  const made = await json(`/api?module=contract&action=getcontractcreation&contractaddresses=${token}`);
  assert.equal(made.result[0].contractCreator, account.address.toLowerCase());
  const csv = await (await fetch(`${system.url}/api/explorer/csv/holders?token=${token}`)).text();
  assert.equal(csv.trim().split('\r\n').length, 2);
  assert.equal((await fetch(`${system.url}/token/${token}`, { redirect: 'manual' })).headers.get('location'), `/explorer/tokens/${getAddress(token)}`);
});

/** The receipt of a transaction of these fields. */
async function sent(fields) {
  return client.waitForTransactionReceipt({ hash: await client.sendTransaction(fields), ...WAITING });
}

/** What a page says, in which a hostile text ran nothing and became no element. */
async function textOf(path) {
  const page = await openPage(browser, {});
  await page.goto(system.url + path);
  await page.waitForLoadState('networkidle');
  assert.notEqual(await page.title(), 'stolen', path);
  assert.equal(await page.locator('main script').count(), 0, path);
  const text = await page.innerText('main');
  await page.context().close();
  return text;
}

async function json(path) {
  return (await fetch(system.url + path)).json();
}

async function rpc(method, ...params) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const answer = await fetch(`${system.url}/rpc`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return (await answer.json()).result;
}

/** Waits until the index has the token and its transfer, and asked it for its name. */
async function named() {
  await until('the index has the token', async () => {
    const answer = await fetch(`${system.url}/api/explorer/tokens/${token}`);
    return answer.ok && (await answer.json()).name && (await json(`/api/explorer/tokens/${token}/holders`)).items.length > 0;
  });
}
