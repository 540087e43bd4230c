// Signing in: a newcomer in Chromium from the first wallet to the end of the session, the same with a wallet of an
// extension, a buyer who pays in the page, and viem against the API.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createPublicClient } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { createSiweMessage } from 'viem/siwe';
import { assertProblem, createJob, follow, image, post, rpc } from './support/api.mjs';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { CHAIN_ID } from './support/contracts.mjs';
import { formIsLive } from './support/first_page.mjs';
import { System } from './support/system.mjs';
import { patient } from './support/viem.mjs';
import { confirmWords, importWallet, newWords, onOtherChain, openWallet, PASSWORD, refusedForChain, shownAddress, signInWithOwnWallet, signOut } from './support/wallet.mjs';

const SLOW = { timeout: 180_000 };

let system;
let browser;
let page;

before(async () => {
  system = await System.start('sign-in');
  browser = await launch();
  page = await openPage(browser);
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

test('a newcomer makes a wallet, signs in, draws, sees the job as its own, and is signed out', async () => {
  await page.goto(`${system.url}/account`);
  await assertAccessible(page, 'the page to sign in');
  await screenshots(page, 'account-visitor');
  await openWallet(page, system.url);
  await confirmWords(page, await newWords(page));
  const address = await shownAddress(page);

  await page.goto(`${system.url}/account`);
  await signInWithOwnWallet(page);
  const sheet = await page.innerText('#sheet');
  assert.match(sheet, /Sign in/);
  assert.match(sheet, new RegExp(`127\\.0\\.0\\.1:${system.port}`), 'the sheet says who asks');
  assert.match(sheet, /costs nothing and moves no AIT/, 'the sheet says what it means');
  await assertAccessible(page, 'the sheet to sign in');
  await screenshots(page, 'account-sheet');
  await page.click('#sheet-sign');
  await page.waitForSelector('#sign-out', SLOW);
  assert.match(await page.getAttribute('#account-link', 'title'), new RegExp(address, 'i'));
  const [cookie] = (await page.context().cookies()).filter(({ name }) => name === 'session');
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, 'Strict', '/']);
  assert.equal(await page.evaluate(() => document.cookie.includes('session')), false, 'a script reads the session');

  await page.goto(system.url);
  await page.waitForSelector('#signed-in-note');
  await screenshots(page, 'home-signed-in');
  await formIsLive(page);
  await page.fill('#prompt', 'a private lake');
  await page.click('#draw');
  await page.waitForSelector('#minted', SLOW);
  await page.goto(`${system.url}/jobs`);
  await page.waitForSelector('[data-testid="account-jobs"]');
  assert.match(await page.innerText('.gallery-prompt'), /a private lake/);
  await screenshots(page, 'jobs-account');
  const job = await page.getAttribute('[data-testid="account-jobs"] a', 'href');
  const stranger = await fetch(system.url + job, { headers: { accept: 'text/html' } });
  assert.equal(stranger.status, 404, 'everybody sees the job');

  await page.goto(`${system.url}/account`);
  await page.fill('#key-label', 'my laptop');
  await page.click('#make-key button');
  await page.waitForSelector('#secret:not([hidden])');
  const secret = await page.innerText('#secret-text');
  const listed = await (await fetch(`${system.url}/v1/jobs`, { headers: { 'x-api-key': secret.trim() } })).json();
  assert.equal(listed.items.length, 1, 'the key is of another account');
  await Promise.all([page.waitForEvent('load'), page.click('#secret-done')]);
  await page.waitForSelector('[data-key]');
  await assertAccessible(page, 'the account');
  await screenshots(page, 'account');
  await Promise.all([page.waitForEvent('load'), page.click('[data-key]')]);
  await assertProblem(await fetch(`${system.url}/v1/jobs`, { headers: { 'x-api-key': secret.trim() } }), 401);

  assertQuiet(page);
  await signOut(page);
  assert.equal((await page.context().cookies()).filter(({ name }) => name === 'session').length, 0);
  const gone = await page.goto(system.url + job);
  assert.equal(gone.status(), 404, 'a browser that signed out sees the job');
});

test('what is pressed before the scripts of the page have come is done once they have', async () => {
  const asked = new Promise((resolve) => page.route('**/account.js', resolve));
  await page.goto(`${system.url}/account`, { waitUntil: 'commit' });
  await page.click('#sign-in');
  const script = await asked;
  assert.equal(await page.locator('#sheet').count(), 0, 'a sheet before its script');
  await script.continue();
  await page.waitForSelector('#sheet-connect, #sheet-password, #sheet-sign', SLOW);
  await page.click('#sheet-refuse');
  await page.waitForSelector('#sign-in:enabled', SLOW);
  await page.unroute('**/account.js');
});

test('a wallet of an extension signs in alike, and several are told apart', async () => {
  const account = privateKeyToAccount(generatePrivateKey());
  const other = await openPage(browser);
  await other.exposeFunction('signAs', (message) => account.signMessage({ message: { raw: message } }));
  await other.addInitScript((address) => {
    const provider = {
      request: async ({ method, params }) => {
        if (method === 'eth_requestAccounts') return [address];
        if (method === 'personal_sign') return window.signAs(params[0]);
        throw Object.assign(new Error(method), { code: 4200 });
      },
    };
    const info = { uuid: '350670db-19fa-4704-a166-e52e178b59d2', name: 'Injected', rdns: 'example.injected', icon: 'data:image/svg+xml,' };
    const announce = () => window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: Object.freeze({ info, provider }) }));
    window.addEventListener('eip6963:requestProvider', announce);
  }, account.address);
  await other.goto(`${system.url}/account`);
  await other.click('#sign-in');
  await other.waitForSelector('#wallets button', SLOW);
  assert.deepEqual((await other.locator('#wallets button').allInnerTexts()).sort(), ['AITBC', 'Injected']);
  await screenshots(other, 'account-choice');
  await other.click('#wallets button:has-text("Injected")');
  await other.waitForSelector('#sign-out', SLOW);
  assert.match(await other.getAttribute('#account-link', 'title'), new RegExp(account.address));
  await other.context().close();
});

test('a buyer pays in the page: price, deposit, order, and the miner is paid from the escrow', async () => {
  const miner = readFileSync(join(system.data, 'worker-1/keys/dev-miner.key'), 'utf8').trim();
  const { id } = await createJob(system.url, image('a lighthouse at dusk'));
  await follow(system.url, id, { minted: true });
  const buyer = await openPage(browser);
  await openWallet(buyer, system.url);
  await importWallet(buyer, 'key', miner.startsWith('0x') ? miner : `0x${miner}`);
  await shownAddress(buyer);
  await buyer.goto(`${system.url}/pay?prompt=a+paid+lake&steps=2&width=64&height=64`);
  await Promise.all([buyer.waitForURL(/\/account\?next=/), buyer.click('main .button')]);
  await signInWithOwnWallet(buyer);
  await Promise.all([buyer.waitForURL(/\/pay\?/, SLOW), buyer.click('#sheet-sign')]);
  const askPrice = async () => {
    await buyer.click('#ask-price');
    await buyer.waitForSelector('#offer:not([hidden])', SLOW);
  };
  const backOnOwnChain = await onOtherChain(buyer);
  await buyer.reload();
  await askPrice();
  await buyer.click('#pay-now');
  await refusedForChain(buyer, '#pay-error');
  await backOnOwnChain();
  await buyer.reload();
  await askPrice();
  assert.match(await buyer.innerText('#offer-total'), /^up to 0\.\d+ AIT$/);
  await assertAccessible(buyer, 'the offer');
  await screenshots(buyer, 'pay-offer');
  await buyer.click('#pay-now');
  await buyer.waitForSelector('#sheet-password', SLOW);
  await buyer.fill('#sheet-password', PASSWORD);
  await buyer.click('#sheet-unlock');
  for (const [words, name] of [[/spender/, 'pay-permit'], [/into its deposit in the escrow/, 'pay-deposit'], [/PaymentOrder|maxTotal/, 'pay-order']]) {
    await buyer.waitForFunction((source) => new RegExp(source).test(document.querySelector('#sheet')?.innerText ?? ''), words.source, SLOW);
    await screenshots(buyer, name);
    await buyer.click('#sheet-sign');
  }
  await buyer.waitForURL(/\/jobs\/job_/, SLOW);
  await buyer.waitForSelector('#payment-state[data-state="settled"]', SLOW);
  await assertAccessible(buyer, 'a paid job');
  await screenshots(buyer, 'job-paid');
  assertQuiet(buyer);
  await buyer.context().close();
});

test('viem signs in, uses the session like a browser, and what must not count is refused', async () => {
  const account = privateKeyToAccount(generatePrivateKey());
  const client = createPublicClient({ transport: patient(`${system.url}/rpc`) });
  assert.equal(await client.getChainId(), CHAIN_ID);
  const nonce = async () => (await (await post(`${system.url}/v1/sessions/nonce`, { address: account.address })).json()).nonce;
  const domain = new URL(system.url).host;
  const fields = { address: account.address, chainId: CHAIN_ID, domain, uri: `${system.url}/account`, version: '1' };
  const present = async (message, signer = account) =>
    post(`${system.url}/v1/sessions`, { message, signature: await signer.signMessage({ message }) });
  const message = createSiweMessage({ ...fields, nonce: await nonce(), statement: 'Sign in.', issuedAt: new Date() });
  const stranger = privateKeyToAccount(generatePrivateKey());
  for (const [wrong, words] of [
    [{ domain: 'evil.example' }, /is for evil\.example/],
    [{ uri: 'https://evil.example/' }, /leads to https:\/\/evil\.example/],
    [{ chainId: 1 }, /is for the chain 1/],
    [{ expirationTime: new Date(Date.now() - 1_000) }, /is expired/],
    [{ nonce: 'abcdef0123456789' }, /was not given out here/],
  ]) {
    const refused = await assertProblem(await present(createSiweMessage({ ...fields, nonce: await nonce(), ...wrong })), 422);
    assert.match(refused.detail, words);
  }
  assert.match((await assertProblem(await present(message, stranger), 422)).detail, /has signed/);
  const answer = await present(message);
  assert.equal(answer.status, 201);
  const cookie = answer.headers.get('set-cookie').split(';')[0];
  assert.match((await assertProblem(await present(message), 409)).detail, /nonce was used/);

  const headers = { cookie, origin: system.url };
  const { id } = await createJob(system.url, image('a lake of viem'), headers);
  assert.equal((await follow(system.url, id, { headers })).client, account.address.toLowerCase());
  await assertProblem(await fetch(`${system.url}/v1/jobs/${id}`), 404);
  await assertProblem(await post(`${system.url}/v1/jobs`, image('a trap'), { cookie, origin: 'https://evil.example' }), 403);
  await system.killServer();
  system.startServer();
  await system.ready(1);
  const { sessions } = await (await fetch(`${system.url}/v1/sessions`, { headers })).json();
  assert.deepEqual(sessions.map(({ address, browser: name }) => [address, name]), [[account.address.toLowerCase(), 'node']]);
  const ended = await fetch(`${system.url}/v1/sessions/${sessions[0].id}`, { method: 'DELETE', headers });
  assert.equal(ended.status, 200);
  await assertProblem(await fetch(`${system.url}/v1/sessions`, { headers }), 401);
  assert.ok(BigInt(await rpc(system.url, 'eth_blockNumber')) >= 0n);
});
