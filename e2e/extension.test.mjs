// The wallet as a browser extension: somebody else's page finds it, connects, signs and sends, and gets nothing that its
// owner did not agree to, also when the browser ends the service worker.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Wallet } from 'ethers';
import { recoverMessageAddress } from 'viem';
import { createSiweMessage } from 'viem/siwe';
import { assertAccessible } from './support/axe.mjs';
import { screenshots } from './support/browser.mjs';
import {
  agreed, beginWithWindow, bringKey, ended, foreignSite, holdingNode, inExtension, launchWithExtension, popup, press, request, SLOW,
  stopWorker, unlock, useNode,
} from './support/extension.mjs';
import { System } from './support/system.mjs';
import { PASSWORD } from './support/wallet.mjs';
import { recorded } from './support/wallet_vectors.mjs';

const KEY = `0x${'46'.repeat(32)}`;
const account = new Wallet(KEY);
const own = [account.address.toLowerCase()];
const NEW_PASSWORD = 'battery staple';
const TOKEN = '0x0000000000000000000000000000000000a17001';
const REFUSED = 4001;
const UNAUTHORIZED = 4100;
const RESTARTED = -32_603;

let system;
let site;
let browser;
let context;
let page;

before(async () => {
  system = await System.start('extension', { workers: 0 });
  site = await foreignSite();
  browser = await launchWithExtension();
  ({ context } = browser);
});

after(async () => {
  await context?.close();
  site?.close();
  await system?.stop();
});

const sign = (text) => ['personal_sign', [`0x${Buffer.from(text).toString('hex')}`, account.address]];

async function assertSigned(answer, text) {
  assert.equal(await recoverMessageAddress({ message: text, signature: answer.value }), account.address);
}

test('a newcomer makes a wallet, and only the words that were shown store it', async () => {
  const welcome = await context.newPage();
  await welcome.goto(browser.url('welcome.html'));
  await welcome.click('#make', SLOW);
  await welcome.fill('#password', PASSWORD);
  await welcome.fill('#password-again', `${PASSWORD}!`);
  await welcome.click('#create-submit');
  await welcome.waitForSelector('#create-error:not([hidden])');
  assert.match(await welcome.innerText('#create-error'), /differ/);
  await welcome.fill('#password-again', PASSWORD);
  await assertAccessible(welcome, 'making a wallet');
  await welcome.click('#create-submit');
  await welcome.waitForSelector('#words li', SLOW);
  const words = await welcome.$$eval('#words li', (items) => items.map((item) => item.textContent));
  assert.equal(words.length, 12);
  await screenshots(welcome, 'extension-words');
  await welcome.click('#written');
  const fields = await welcome.$$('[data-word]');
  assert.equal(fields.length, 3);
  for (const field of fields) await field.fill('zebra');
  await welcome.click('#confirm-submit');
  await welcome.waitForSelector('#confirm-error:not([hidden])');
  for (const field of fields) await field.fill(words[Number(await field.getAttribute('data-word')) - 1]);
  await welcome.click('#confirm-submit');
  await welcome.waitForSelector('#address', SLOW);
  await welcome.close();
});

test('a forgotten password deletes everything, and a key comes back as an account', async () => {
  const settings = await popup(browser, 'settings');
  await settings.click('text=Password forgotten?');
  await settings.check('#forget-sure');
  await settings.click('#forget-submit');
  await settings.waitForSelector('#welcome', SLOW);
  await settings.close();
  const welcome = await context.newPage();
  await welcome.goto(browser.url('welcome.html'));
  assert.equal(await bringKey(welcome, KEY), account.address);
  await welcome.close();
  await useNode(browser, `${system.url}/rpc`);
  const accounts = await popup(browser, 'accounts');
  await accounts.waitForSelector('text=0 AIT', SLOW);
  await accounts.waitForSelector('text=Chain 24822', SLOW);
  await assertAccessible(accounts, 'the popup');
  await screenshots(accounts, 'extension-accounts');
  await accounts.close();
});

test('a page of somebody else finds it by EIP-6963 and cannot change it', async () => {
  page = await context.newPage();
  await page.goto(site.url);
  const info = await page.evaluate(() => ({
    ...announced[0].info,
    frozen: Object.isFrozen(announced[0]) && Object.isFrozen(announced[0].info)
      && !Reflect.set(announced[0].provider, 'request', () => {}) && !Reflect.deleteProperty(announced[0].provider, 'request'),
  }));
  assert.deepEqual([info.name, info.rdns, info.frozen], ['AITBC Extension', 'network.aitbc.extension', true]);
  assert.match(info.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(await page.evaluate(() => typeof window.ethereum), 'undefined', 'nobody asked for that name');
});

test('a page knows no account and asks the node nothing until its owner agrees; a closed window is 4001', async () => {
  assert.deepEqual(await request(page, 'eth_accounts'), { value: [] });
  assert.deepEqual(await request(page, 'eth_chainId'), { value: '0x60f6' });
  assert.equal((await request(page, ...sign('no'))).code, UNAUTHORIZED);
  assert.equal((await request(page, 'eth_blockNumber')).code, UNAUTHORIZED);
  assert.equal((await request(page, 'eth_sign', [account.address, '0x00'])).code, 4200);
  const window = await beginWithWindow(context, page, 'eth_requestAccounts');
  await window.waitForSelector('#connect-submit');
  assert.match(await window.innerText('#sheet-origin'), new RegExp(site.url));
  await assertAccessible(window, 'the window to connect');
  await screenshots(window, 'extension-connect');
  await window.close();
  assert.equal((await ended(page)).code, REFUSED);
  const again = await beginWithWindow(context, page, 'eth_requestAccounts');
  await press(again, '#refuse');
  assert.equal((await ended(page)).code, REFUSED);
  assert.deepEqual(await agreed(context, page, 'eth_requestAccounts', [], '#connect-submit'), { value: own });
  assert.deepEqual(await request(page, 'eth_accounts'), { value: own });
  await page.waitForFunction(() => told.some(([event, list]) => event === 'accountsChanged' && list.length === 1));
});

test('it signs a message that its owner saw, and nothing after a closed window', async () => {
  const window = await beginWithWindow(context, page, ...sign('Grüße, 世界'));
  await window.waitForSelector('#sheet-message');
  assert.equal(await window.innerText('#sheet-message'), 'Grüße, 世界');
  assert.match(await window.innerText('#sheet-origin'), new RegExp(site.url));
  await assertAccessible(window, 'the sheet');
  await press(window, '#sign-submit');
  await assertSigned(await ended(page), 'Grüße, 世界');
  const closed = await beginWithWindow(context, page, ...sign('closed'));
  await closed.waitForSelector('#sign-submit');
  await closed.close();
  assert.equal((await ended(page)).code, REFUSED);
});

test('a service worker that the browser ended between two signatures comes back unlocked', async () => {
  await assertSigned(await agreed(context, page, ...sign('before')), 'before');
  await stopWorker(browser);
  const window = await beginWithWindow(context, page, ...sign('after'));
  await window.waitForSelector('#sheet-message', SLOW);
  assert.equal(await window.locator('#password').count(), 0, 'it did not ask again');
  await press(window, '#sign-submit');
  await assertSigned(await ended(page), 'after');
});

test('after its time the unlocked state is gone without being asked for, and the password is asked for', async () => {
  await stopWorker(browser);
  assert.deepEqual(await request(page, 'eth_accounts'), { value: own }, 'it is awake again');
  await inExtension(browser, async () => {
    const { unlocked } = await chrome.storage.session.get('unlocked');
    const kept = JSON.parse(unlocked);
    await chrome.storage.session.set({ unlocked: JSON.stringify({ ...kept, locks_at: Date.now() - 1 }) });
  });
  await stopWorker(browser);
  await inExtension(browser, async () => {
    await chrome.alarms.create('lock', { when: Date.now() });
    while ((await chrome.storage.session.get()).unlocked) await new Promise((resolve) => { setTimeout(resolve, 20); });
  });
  const window = await beginWithWindow(context, page, ...sign('late'));
  await window.waitForSelector('#password', SLOW);
  await unlock(window, 'not the password');
  await window.waitForSelector('#unlock-error:not([hidden])', SLOW);
  await screenshots(window, 'extension-unlock');
  await unlock(window);
  await press(window, '#sign-submit');
  await assertSigned(await ended(page), 'late');
});

test('a service worker that ends under an open sheet signs nothing, and the page is told', async () => {
  const window = await beginWithWindow(context, page, ...sign('lost'));
  await window.waitForSelector('#sign-submit', SLOW);
  await stopWorker(browser);
  assert.equal((await ended(page)).code, RESTARTED);
  await window.waitForSelector('text=It ended before you answered', SLOW);
  await press(window, '#close');
  await assertSigned(await agreed(context, page, ...sign('again')), 'again');
});

test('typed data is a tree with its risks, and its signature is the one of other wallets', async () => {
  const { data, signature } = recorded().typed_data.find(({ name }) => name === 'permit');
  const window = await beginWithWindow(context, page, 'eth_signTypedData_v4', [account.address, JSON.stringify(data)]);
  await window.waitForSelector('#sheet-tree');
  assert.match(await window.innerText('#sheet-tree'), /spender[\s\S]*0x3535/);
  assert.match(await window.innerText('#sheet-risks'), /may then take/);
  await assertAccessible(window, 'the sheet of typed data');
  await screenshots(window, 'extension-typed-data');
  await press(window, '#sign-submit');
  assert.deepEqual(await ended(page), { value: signature });
  const { data: foreign } = recorded().typed_data.find(({ name }) => name === 'mail');
  const refused = await beginWithWindow(context, page, 'eth_signTypedData_v4', [account.address, JSON.stringify(foreign)]);
  assert.match((await ended(page)).message, /chain/);
  await refused.waitForSelector('text=It cannot be signed');
  await press(refused, '#close');
});

test('a site cannot sign in as another one, whatever its message says', async () => {
  const message = (domain) => createSiweMessage({
    address: account.address, chainId: 24_822, domain, nonce: 'abcdef0123456789', uri: `http://${domain}/`, version: '1',
  });
  const refused = await beginWithWindow(context, page, ...sign(message('bank.example')));
  assert.match((await ended(page)).message, /bank\.example/);
  await press(refused, '#close');
  const own = message(new URL(site.url).host);
  await assertSigned(await agreed(context, page, ...sign(own)), own);
});

test('a transaction is shown with what it does, sent to the node, and in a block', async () => {
  const spender = '35'.repeat(20).padStart(64, '0');
  const allowance = async () => BigInt((await request(page, 'eth_call', [
    { to: TOKEN, data: `0xdd62ed3e${account.address.slice(2).padStart(64, '0')}${spender}` }, 'latest',
  ])).value);
  const approve = (amount) => ['eth_sendTransaction', [{ from: account.address, to: TOKEN, data: `0x095ea7b3${spender}${amount}` }]];
  const unlimited = await beginWithWindow(context, page, ...approve('f'.repeat(64)));
  await unlimited.waitForSelector('#sheet-risks [data-severity="grave"]');
  assert.match(await unlimited.innerText('#sheet'), /everything, now and later/);
  await screenshots(unlimited, 'extension-approval');
  await press(unlimited, '#refuse');
  assert.equal((await ended(page)).code, REFUSED);
  assert.equal(await allowance(), 0n, 'what was refused was not sent');
  const { value: hash } = await agreed(context, page, ...approve((1000n).toString(16).padStart(64, '0')));
  assert.match(hash, /^0x[0-9a-f]{64}$/);
  let receipt;
  while (!receipt) receipt = (await request(page, 'eth_getTransactionReceipt', [hash])).value;
  assert.equal(receipt.status, '0x1');
  assert.equal(await allowance(), 1000n);
});

test('calls at once are asked one after the other, and are never all or nothing (EIP-5792)', async () => {
  const spender = '35'.repeat(20).padStart(64, '0');
  const approve = (amount) => ({ to: TOKEN, data: `0x095ea7b3${spender}${amount.toString(16).padStart(64, '0')}` });
  const batch = (changes = {}) => [{
    version: '2.0.0', chainId: '0x60f6', from: account.address, atomicRequired: false, calls: [approve(7), approve(8)], ...changes,
  }];
  const unsupported = { '0x60f6': { atomic: { status: 'unsupported' } } };
  assert.deepEqual(await request(page, 'wallet_getCapabilities', [account.address]), { value: unsupported });
  assert.equal((await request(page, 'wallet_sendCalls', batch({ atomicRequired: true }))).code, 5760);
  assert.equal((await request(page, 'wallet_getCallsStatus', ['unknown'])).code, 5730);
  // The next question may come into the same window or into another one.
  const signNext = async () => {
    for (;;) {
      for (const window of context.pages().filter((one) => one.url().endsWith('sheet.html'))) {
        const pressed = await window.evaluate(() => {
          const button = document.querySelector('#sign-submit:enabled');
          button?.click();
          return Boolean(button);
        }).catch(() => false);
        if (pressed) return;
      }
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  };
  await beginWithWindow(context, page, 'wallet_sendCalls', batch({ id: 'mine' }));
  await signNext();
  await signNext();
  assert.deepEqual(await ended(page), { value: { id: 'mine' } });
  await stopWorker(browser);
  let status;
  do status = (await request(page, 'wallet_getCallsStatus', ['mine'])).value; while (status.status === 100);
  assert.deepEqual([status.status, status.atomic, status.receipts.length], [200, false, 2]);
  const shown = await beginWithWindow(context, page, 'wallet_showCallsStatus', ['mine']);
  assert.match(await shown.innerText('#sheet-calls'), /1\. Is in a block[\s\S]*2\. Is in a block/);
  await assertAccessible(shown, 'the calls');
  await press(shown, '#close');
  assert.deepEqual(await ended(page), { value: null });
});

test('a window that closes while a call is being sent does not refuse it (EIP-5792)', async () => {
  const spender = '35'.repeat(20).padStart(64, '0');
  const call = (value) => ({ to: TOKEN, data: `0x095ea7b3${spender}${value.toString(16).padStart(64, '0')}` });
  const batch = (changes) => [{
    version: '2.0.0', chainId: '0x60f6', from: account.address, atomicRequired: false, calls: [call(9)], ...changes,
  }];
  const half = await request(page, 'wallet_sendCalls', batch({ id: 'half', calls: [call(9), { to: 'nobody' }] }));
  assert.equal(half.code, -32_602, 'all calls are read before the first sheet');
  assert.equal((await request(page, 'wallet_getCallsStatus', ['half'])).code, 5730);

  const node = await holdingNode(`${system.url}/rpc`);
  await useNode(browser, node.url);
  const window = await beginWithWindow(context, page, 'wallet_sendCalls', batch({ id: 'closed' }));
  await page.evaluate(() => { globalThis.sending = globalThis.ended; });
  await window.click('#sign-submit', SLOW);
  await node.sent;
  await window.close();
  let status;
  do {
    status = (await request(page, 'wallet_getCallsStatus', ['closed'])).value;
    assert.ok([100, 200].includes(status?.status), `it is in a block or will be, and was called ${JSON.stringify(status)}`);
  } while (status.status === 100);
  assert.equal(status.receipts[0].status, '0x1');
  node.letGo();
  assert.deepEqual(await page.evaluate(() => globalThis.sending), { value: { id: 'closed' } }, 'the site was told that it was refused');
  await useNode(browser, `${system.url}/rpc`);
  node.close();
});

test('another origin of the same server has to ask for itself', async () => {
  const other = await context.newPage();
  await other.goto(site.other);
  assert.deepEqual(await request(other, 'eth_accounts'), { value: [] });
  assert.equal((await request(other, ...sign('no'))).code, UNAUTHORIZED);
  await other.close();
});

test('a frame of another page gets no wallet', async () => {
  const outer = await foreignSite(`<!DOCTYPE html><title>Outer</title><iframe src="${site.url}"></iframe>`);
  const other = await context.newPage();
  await other.goto(outer.url);
  const [, frame] = other.frames();
  await frame.waitForSelector('h1');
  assert.equal(await frame.evaluate(() => announced.length), 0);
  await other.close();
  outer.close();
});

test('a page that goes away takes its question along', async () => {
  const leaving = await context.newPage();
  await leaving.goto(site.other);
  const window = await beginWithWindow(context, leaving, 'eth_requestAccounts');
  await window.waitForSelector('#connect-submit');
  const gone = new Promise((resolve) => { window.once('close', resolve); });
  await leaving.close();
  await gone;
  const sites = await popup(browser, 'sites');
  assert.equal(await sites.locator(`[data-origin="${site.other}"]`).count(), 0);
  await sites.close();
});

test('a script in a page cannot read what is stored, and what is stored holds no key', async () => {
  const stored = JSON.stringify(await inExtension(browser, async () => [await chrome.storage.local.get(), await chrome.storage.session.get()]));
  assert.ok(stored.includes(own[0]), 'addresses stand in clear');
  assert.ok(!stored.includes('46'.repeat(16)), 'the private key was stored');
  const session = await context.newCDPSession(page);
  const isolated = [];
  session.on('Runtime.executionContextCreated', ({ context: made }) => { if (made.origin.includes(browser.id)) isolated.push(made.uniqueId); });
  await session.send('Runtime.enable');
  assert.equal(isolated.length, 1, 'the content script has a world of its own');
  for (const area of ['local', 'session']) {
    const expression = `chrome.storage.${area}.get().then(JSON.stringify, (error) => error.message)`;
    const { result } = await session.send('Runtime.evaluate', { expression, uniqueContextId: isolated[0], awaitPromise: true });
    assert.match(result.value, /[Aa]ccess to storage is not allowed/, area);
  }
  await session.detach();
});

test('what is revoked has to ask again, and the page is told', async () => {
  await page.evaluate(() => { told.length = 0; });
  const sites = await popup(browser, 'sites');
  await sites.waitForSelector(`[data-origin="${site.url}"]`);
  await assertAccessible(sites, 'the connected sites');
  await screenshots(sites, 'extension-sites');
  await sites.click(`[data-origin="${site.url}"] button`);
  await sites.waitForSelector('#no-sites', SLOW);
  await sites.close();
  await page.waitForFunction(() => told.some(([event, list]) => event === 'accountsChanged' && list.length === 0));
  assert.deepEqual(await request(page, 'eth_accounts'), { value: [] });
  assert.equal((await request(page, ...sign('no'))).code, UNAUTHORIZED);
  assert.equal((await request(page, 'eth_getBalance', [account.address, 'latest'])).code, UNAUTHORIZED);
});

test('the popup renames a wallet and changes its password', async () => {
  const settings = await popup(browser, 'settings');
  await settings.click('text=Rename a wallet');
  await settings.fill('#new-name', 'Savings');
  await settings.click('#rename-submit');
  await settings.click('#tab-accounts', SLOW);
  await settings.waitForSelector(`[data-account="${account.address}"]:has-text("Savings")`, SLOW);
  await settings.click('#tab-settings');
  await settings.click('text=Change the password');
  await settings.fill('#password-old', PASSWORD);
  await settings.fill('#password-new', NEW_PASSWORD);
  await settings.fill('#password-again', PASSWORD);
  await settings.click('#change-password-submit');
  await settings.waitForSelector('#change-password-error:not([hidden])', SLOW);
  assert.match(await settings.innerText('#change-password-error'), /differ/);
  await settings.fill('#password-again', NEW_PASSWORD);
  await assertAccessible(settings, 'the settings');
  await settings.click('#change-password-submit');
  await settings.waitForSelector('#password-changed', SLOW);
  await settings.close();
});

test('locking wipes the kept key at once', async () => {
  const accounts = await popup(browser, 'accounts');
  await accounts.click('#lock');
  await accounts.waitForSelector('#locked', SLOW);
  assert.deepEqual(await inExtension(browser, () => chrome.storage.session.get()), {});
  await screenshots(accounts, 'extension-locked');
  await accounts.close();
});

test('only the new password unlocks, and a wallet is removed with it', async () => {
  const settings = await popup(browser, 'accounts');
  await unlock(settings);
  await settings.waitForSelector('#unlock-error:not([hidden])', SLOW);
  await unlock(settings, NEW_PASSWORD);
  await settings.waitForSelector('#lock', SLOW);
  await settings.click('#tab-settings');
  await settings.click('text=Remove a wallet');
  await settings.fill('#remove-password', PASSWORD);
  await settings.click('#remove-submit');
  await settings.waitForSelector('#remove-error:not([hidden])', SLOW);
  await settings.fill('#remove-password', NEW_PASSWORD);
  await settings.click('#remove-submit');
  await settings.waitForSelector('#welcome', SLOW);
  await settings.close();
});
