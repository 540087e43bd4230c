// The whole way of a newcomer: a wallet, money earned with a worker, a part of it sent to a friend, a sign-in and its end,
// the browser's data removed, and the wallet back by its words. First with the wallet of this site's pages, then with the
// extension on a page of somebody else's. What is signed on the way is what ethers, viem and cast sign, byte for byte.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Contract, HDNodeWallet, Interface, Wallet, formatUnits } from 'ethers';
import { createSiweMessage } from 'viem/siwe';
import { createJob, follow, image, mined, rpc } from './support/api.mjs';
import { assertMessageAlike, assertSignedAlike, assertTypedDataAlike } from './support/agreement.mjs';
import { assertQuiet, launch, openPage } from './support/browser.mjs';
import { CHAIN_ID, TOKEN, tokenAbi } from './support/contracts.mjs';
import { ethersProvider } from './support/ethers.mjs';
import {
  agreed, foreignSite, inExtension, launchWithExtension, popup, request, SLOW, useNode,
} from './support/extension.mjs';
import { System } from './support/system.mjs';
import {
  confirmWords, exported, importWallet, newWords, openWallet, PASSWORD, shownAddress, signInWithOwnWallet, tab,
} from './support/wallet.mjs';

const friend = Wallet.createRandom().address;

let system;
let provider;
let token;
/** What the chain says that the friend has, beside what this file sent. */
let friendHas = 0n;
/** Browsers that are to be closed, whatever fails. */
const open = [];

before(async () => {
  system = await System.start('wallet-walk', { workers: 0 });
  provider = ethersProvider(system.url);
  token = new Contract(TOKEN, tokenAbi, provider);
});

after(async () => {
  for (const browser of open) await browser.close();
  provider?.destroy();
  await system?.stop();
});

/** A worker whose owner is who has `key`. Returns what its first job earned. */
async function earnWith(number, key) {
  const folder = join(system.data, `worker-${number}`, 'keys');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'dev-miner.key'), key.replace(/^0x/, ''), { mode: 0o600 });
  system.initWorker(number);
  system.startWorker(number);
  await system.ready(1);
  const { id } = await createJob(system.url, image(`a lighthouse of worker ${number}`));
  const { mint } = await follow(system.url, id, { minted: true });
  const { address } = new Wallet(key);
  assert.equal(mint.provider.toLowerCase(), address.toLowerCase(), 'somebody else earned');
  await system.killWorker(number);
  const earned = await token.balanceOf(address);
  assert.ok(earned > 0n);
  return earned;
}

const rawTransaction = (hash) => rpc(system.url, 'eth_getRawTransactionByHash', hash);

async function assertFriendGot(amount) {
  friendHas += amount;
  assert.equal(await token.balanceOf(friend), friendHas);
}

test('with the wallet of the pages', { timeout: 1_800_000 }, async () => {
  const browser = await launch();
  open.push(browser);
  const page = await openPage(browser);
  await openWallet(page, system.url);
  const words = await newWords(page);
  await confirmWords(page, words);
  const address = await shownAddress(page);
  assert.equal(HDNodeWallet.fromPhrase(words.join(' ')).address, address);

  const key = await exported(page, 'key');
  const earned = await earnWith(1, key);
  const sent = earned / 3n;
  await tab(page, 'send');
  await page.fill('#wallet-to', friend);
  await page.fill('#wallet-amount', formatUnits(sent, 18));
  await page.click('#wallet-review');
  await page.click('#sheet-sign', SLOW);
  await page.waitForSelector('#wallet-sent[data-state="done"]', SLOW);
  await assertFriendGot(sent);
  const hash = /0x[0-9a-f]{64}/.exec(await page.getAttribute('#wallet-sent-link', 'href'))[0];
  await assertSignedAlike(await rawTransaction(hash), key, `${system.url}/rpc`);

  await page.goto(`${system.url}/account`);
  await signInWithOwnWallet(page);
  await page.click('#sheet-sign');
  await page.waitForSelector('#sign-out', SLOW);
  const [session] = (await page.evaluate(async () => (await fetch('/v1/sessions')).json())).sessions;
  assert.equal(session.address, address.toLowerCase());
  assertQuiet(page);
  const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const withCookie = () => fetch(`${system.url}/v1/sessions`, { headers: { cookie, origin: system.url } });
  assert.equal((await withCookie()).status, 200);
  await Promise.all([page.waitForEvent('load'), page.click(`td [data-session="${session.id}"]`)]);
  await page.waitForSelector('#sign-in', SLOW);
  assert.equal((await withCookie()).status, 401, 'a copy of the cookie outlives the session');

  await removeData(page);
  await openWallet(page, system.url);
  await page.waitForSelector('#wallet-new', SLOW);
  await importWallet(page, 'words', words.join(' '));
  assert.equal(await shownAddress(page), address);
  await page.waitForSelector(`#wallet-balance [title="${formatUnits(earned - sent, 18)} AIT"]`, SLOW);
  assert.equal(await exported(page, 'key'), key);
});

/** Everything that this browser keeps for the site, as its owner removes it in the settings. */
async function removeData(page) {
  const session = await page.context().newCDPSession(page);
  await page.goto('about:blank');
  await session.send('Storage.clearDataForOrigin', { origin: system.url, storageTypes: 'all' });
  await session.detach();
}

/** The page where a wallet is made or brought, in a browser that has none. */
async function welcome(browser) {
  const page = await browser.context.newPage();
  await page.goto(browser.url('welcome.html'));
  await page.waitForSelector('#make', SLOW);
  return page;
}

async function choosePassword(page) {
  await page.fill('#password', PASSWORD);
  await page.fill('#password-again', PASSWORD);
}

async function makeInExtension(browser) {
  const page = await welcome(browser);
  await page.click('#make');
  await choosePassword(page);
  await page.click('#create-submit');
  await page.waitForSelector('#words li', SLOW);
  const words = await page.$$eval('#words li', (items) => items.map((item) => item.textContent));
  await page.click('#written');
  for (const field of await page.$$('[data-word]')) await field.fill(words[Number(await field.getAttribute('data-word')) - 1]);
  await page.click('#confirm-submit');
  await page.waitForSelector('#address', SLOW);
  await page.close();
  return words.join(' ');
}

test('with the extension, on a page of somebody else’s', { timeout: 1_800_000 }, async () => {
  let browser = await launchWithExtension();
  open.push(browser.context);
  const site = await foreignSite();
  open.push(site);
  const words = await makeInExtension(browser);
  const owner = HDNodeWallet.fromPhrase(words);
  await useNode(browser, `${system.url}/rpc`);
  const earned = await earnWith(2, owner.privateKey);

  const page = await browser.context.newPage();
  await page.goto(site.url);
  const account = [owner.address.toLowerCase()];
  assert.deepEqual(await agreed(browser.context, page, 'eth_requestAccounts', [], '#connect-submit'), { value: account });

  const sent = earned / 3n;
  const data = new Interface(tokenAbi).encodeFunctionData('transfer', [friend, sent]);
  const { value: hash } = await agreed(browser.context, page, 'eth_sendTransaction', [{ from: owner.address, to: TOKEN, data }]);
  assert.equal((await mined(system.url, hash)).status, '0x1');
  await assertFriendGot(sent);
  await assertSignedAlike(await rawTransaction(hash), owner.privateKey, `${system.url}/rpc`);

  const message = createSiweMessage({
    address: owner.address, chainId: CHAIN_ID, domain: new URL(site.url).host, uri: site.url, version: '1', nonce: 'a1b2c3d4e5f6', issuedAt: new Date(),
  });
  const signIn = ['personal_sign', [`0x${Buffer.from(message).toString('hex')}`, owner.address]];
  await assertMessageAlike(message, (await agreed(browser.context, page, ...signIn)).value, owner.privateKey);
  const typed = {
    types: {
      EIP712Domain: [{ name: 'name', type: 'string' }, { name: 'chainId', type: 'uint256' }],
      Vote: [{ name: 'proposal', type: 'uint256' }, { name: 'reason', type: 'string' }],
    },
    primaryType: 'Vote', domain: { name: 'Somebody else', chainId: CHAIN_ID }, message: { proposal: '7', reason: 'Grüße' },
  };
  const vote = ['eth_signTypedData_v4', [owner.address, JSON.stringify(typed)]];
  await assertTypedDataAlike(typed, (await agreed(browser.context, page, ...vote)).value, owner.privateKey);

  const sites = await popup(browser, 'sites');
  await sites.click('[data-origin] button', SLOW);
  await sites.waitForSelector('#no-sites', SLOW);
  await sites.close();
  assert.deepEqual(await request(page, 'eth_accounts'), { value: [] });
  assert.equal((await request(page, ...signIn)).code, 4100, 'a site that was revoked still asks');

  // The profile goes, and with it all that the browser kept.
  await browser.context.close();
  browser = await launchWithExtension();
  open.push(browser.context);
  const back = await welcome(browser);
  assert.deepEqual(await inExtension(browser, async () => Object.keys(await chrome.storage.local.get())), [], 'something was left');
  await back.click('#bring');
  await back.fill('#secret', words);
  await choosePassword(back);
  await back.click('#import-submit');
  await back.waitForSelector('#address', SLOW);
  assert.equal(await back.innerText('#address'), owner.address);
  await back.close();
  await useNode(browser, `${system.url}/rpc`);
  const accounts = await popup(browser, 'accounts');
  await accounts.waitForSelector(`text=${formatUnits(earned - sent, 18)} AIT`, SLOW);
});
