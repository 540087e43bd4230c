// Passkeys beside the wallet's password, with the browser's virtual authenticator.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyMessage } from 'ethers';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { System } from './support/system.mjs';
import { confirmWords, isUnlocked, newWords, openWallet, PASSWORD, problem, shownAddress, tab, unlock } from './support/wallet.mjs';

const NEW_PASSWORD = 'battery staple';
const SLOW = { timeout: 180_000 };
const AUTHENTICATOR = {
  protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true, hasUserVerification: true, hasPrf: true,
  automaticPresenceSimulation: true, isUserVerified: true,
};

let system;
let browser;
let url;
let page;
let devtools;
let authenticatorId;
let address;

before(async () => {
  system = await System.start('wallet-passkeys', { workers: 0 });
  // A passkey belongs to a domain.
  url = system.url.replace('127.0.0.1', 'localhost');
  browser = await launch();
  page = await openPage(browser);
  await page.addInitScript(() => {
    window.handedOver = [];
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function spy(message, ...rest) {
      postMessage.call(this, message, ...rest);
      if (Array.isArray(message)) window.handedOver.push({ text: message[0], bytes: message[1].byteLength });
    };
    window.addEventListener('eip6963:announceProvider', ({ detail }) => { window.announced = detail; });
  });
  ({ devtools, authenticatorId } = await withAuthenticator(page));
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

async function withAuthenticator(one) {
  const session = await one.context().newCDPSession(one);
  await session.send('WebAuthn.enable');
  const added = await session.send('WebAuthn.addVirtualAuthenticator', { options: AUTHENTICATOR });
  return { devtools: session, authenticatorId: added.authenticatorId };
}

async function credentials() {
  return (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
}

/** Begins a request of the provider; its end is read with `ended`. */
const begin = (method, params) => page.evaluate(({ method: name, params: list }) => {
  window.ended = undefined;
  window.announced.provider.request({ method: name, params: list }).then(
    (value) => { window.ended = { value }; },
    (error) => { window.ended = { code: error.code }; },
  );
}, { method, params });

async function ended() {
  await page.waitForFunction(() => window.ended !== undefined, null, SLOW);
  return page.evaluate(() => window.ended);
}

async function lock() {
  await tab(page, 'accounts');
  await page.click('#wallet-lock');
  await page.waitForSelector('#wallet-unlock');
}

async function addPasskey(password = PASSWORD) {
  await tab(page, 'security');
  await page.fill('#wallet-passkey-password', password);
  await page.click('#wallet-passkey-add');
}

/** What nobody can remove but its owner: the password opens the wallet. */
async function passwordOpens(password) {
  await unlock(page, password);
  await isUnlocked(page);
}

test('where no passkey can be asked, nothing of it is shown', async () => {
  const numbers = await openPage(browser);
  await withAuthenticator(numbers);
  const without = await openPage(browser);
  await without.addInitScript(() => { PublicKeyCredential.getClientCapabilities = async () => ({ 'extension:prf': false }); });
  for (const [one, at] of [[numbers, system.url], [without, url]]) {
    await openWallet(one, at);
    await confirmWords(one, await newWords(one));
    await shownAddress(one);
    await tab(one, 'security');
    await one.waitForSelector('#wallet-change-password');
    assert.equal(await one.locator('#wallet-passkey-add, #wallet-passkey-password, #wallet-unlock-passkey').count(), 0, at);
    await one.context().close();
  }
});

test('a wrong password makes no passkey', async () => {
  await openWallet(page, url);
  await confirmWords(page, await newWords(page));
  address = await shownAddress(page);
  await addPasskey('not the password');
  await problem(page, /wrong password/);
  assert.deepEqual(await credentials(), []);
});

test('a passkey is added, unlocks, and what it unlocked signs', async () => {
  await addPasskey();
  await page.waitForSelector('[data-passkey]', SLOW);
  const [made, ...more] = await credentials();
  assert.deepEqual([made.rpId, more.length], ['localhost', 0]);
  await assertAccessible(page, 'the passkeys');
  await screenshots(page, 'wallet-passkeys');
  await lock();
  await assertAccessible(page, 'the locked wallet with a passkey');
  await screenshots(page, 'wallet-unlock-passkey');
  await page.click('#wallet-unlock-passkey');
  await isUnlocked(page);
  await page.waitForFunction(() => window.announced);
  await begin('eth_requestAccounts');
  await page.click('#sheet-connect', SLOW);
  assert.deepEqual(await ended(), { value: [address.toLowerCase()] });
  await begin('personal_sign', ['0x6869', address]);
  await page.click('#sheet-sign', SLOW);
  assert.equal(verifyMessage('hi', (await ended()).value), address);
  assertQuiet(page);
});

test('a sheet unlocks by the passkey as well', async () => {
  await lock();
  await begin('personal_sign', ['0x6869', address]);
  await page.click('#sheet-unlock-passkey', SLOW);
  await page.click('#sheet-sign', SLOW);
  assert.equal(verifyMessage('hi', (await ended()).value), address);
});

test('the page has what the passkey answered no more', async () => {
  const handedOver = await page.evaluate(() => window.handedOver);
  assert.equal(handedOver.length, 3, 'once to add it, twice to unlock');
  for (const { text, bytes } of handedOver) {
    assert.equal(bytes, 0, text);
    assert.match(text, /passkey/);
    assert.ok(!text.includes('output'), text);
  }
});

test('a new password keeps the passkey, also after a reload', async () => {
  await tab(page, 'security');
  await page.fill('#wallet-old', PASSWORD);
  await page.fill('#wallet-new-password', NEW_PASSWORD);
  await page.fill('#wallet-new-again', NEW_PASSWORD);
  await page.click('#wallet-change-password');
  await page.waitForFunction(() => /password is changed/.test(document.querySelector('#wallet')?.innerText), null, SLOW);
  await page.reload();
  await page.click('#wallet-unlock-passkey', SLOW);
  await page.waitForSelector('#wallet-change-password', SLOW);
  await tab(page, 'accounts');
  await isUnlocked(page);
  assert.equal(await shownAddress(page), address);
});

test('a removed passkey has no button, and the password still opens', async () => {
  await tab(page, 'security');
  await page.fill('#wallet-passkey-password', 'not the password');
  await page.click('[data-passkey] button');
  await problem(page, /wrong password/);
  await page.fill('#wallet-passkey-password', NEW_PASSWORD);
  await page.click('[data-passkey] button');
  await page.waitForSelector('[data-passkey]', { state: 'detached', ...SLOW });
  await lock();
  assert.equal(await page.locator('#wallet-unlock-passkey').count(), 0);
  await passwordOpens(NEW_PASSWORD);
});

test('a lost passkey, one of another site and one with another secret open nothing and lose nothing', async () => {
  await devtools.send('WebAuthn.clearCredentials', { authenticatorId });
  await addPasskey(NEW_PASSWORD);
  await page.waitForSelector('[data-passkey]', SLOW);
  const [own] = await credentials();
  await lock();
  const others = [
    [undefined, /No passkey answered/],
    [{ ...own, rpId: 'example.org' }, /No passkey answered/],
    // The browser gives it a secret of its own, or none.
    [own, /does not open the wallet|cannot open a wallet/],
  ];
  for (const [credential, told] of others) {
    await devtools.send('WebAuthn.clearCredentials', { authenticatorId });
    if (credential) await devtools.send('WebAuthn.addCredential', { authenticatorId, credential });
    await page.click('#wallet-unlock-passkey');
    await problem(page, told);
    assert.equal(await page.locator('#wallet-lock').count(), 0);
  }
  await passwordOpens(NEW_PASSWORD);
  assert.equal(await shownAddress(page), address);
});
