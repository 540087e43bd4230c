// The wallet page as its owner uses it.

import { screenshots } from './browser.mjs';

export const PASSWORD = 'correct horse battery';

/** Deriving a key from a password is slow on purpose. */
const SLOW = { timeout: 180_000 };

export async function openWallet(page, url, tab = '') {
  await page.goto(`${url}/wallet${tab}`);
  await page.waitForFunction(() => document.querySelector('#wallet')?.children.length > 0 && !document.querySelector('#wallet > .section-note'));
}

/** The first wallet chooses the password. */
async function choosePassword(page) {
  await page.waitForSelector('#wallet-create, #wallet-import');
  if (await page.locator('#wallet-password').count() === 0) return;
  await page.fill('#wallet-password', PASSWORD);
  await page.fill('#wallet-password-again', PASSWORD);
}

/** Begins another wallet beside those that are there. */
async function begin(page, button) {
  if (await page.locator('#wallet-add').count()) await page.click('#wallet-add');
  await page.click(button);
}

/** Makes words and goes on to their confirmation. */
export async function newWords(page, { long = false, picture } = {}) {
  await begin(page, '#wallet-new');
  await choosePassword(page);
  if (long) await page.check('#wallet-long');
  await page.click('#wallet-create');
  await page.waitForSelector('#wallet-words li', SLOW);
  const words = await page.$$eval('#wallet-words li', (items) => items.map((item) => item.innerText.trim()));
  if (picture) await screenshots(page, picture);
  await page.click('#wallet-words-done');
  await page.waitForSelector('[data-word]');
  return words;
}

export async function fillWords(page, words) {
  for (const field of await page.$$('[data-word]')) {
    await field.fill(words[Number(await field.getAttribute('data-word')) - 1]);
  }
}

export async function confirmWords(page, words) {
  await fillWords(page, words);
  await page.click('#wallet-confirm');
}

/** `kind` is `words`, `key` or `file`; a file is its text. */
export async function importWallet(page, kind, secret, { password, name } = {}) {
  await begin(page, '#wallet-bring');
  await page.click(`#wallet-import-${kind}`);
  if (kind === 'file') {
    await page.setInputFiles('#wallet-file', { name: 'keystore.json', mimeType: 'application/json', buffer: Buffer.from(secret) });
    await page.fill('#wallet-file-password', password);
  } else {
    await page.fill('#wallet-secret', secret);
  }
  if (name) await page.fill('#wallet-name', name);
  await choosePassword(page);
  await page.click('#wallet-import');
}

export async function shownAddress(page) {
  await page.waitForSelector('#wallet-address', SLOW);
  return /0x[0-9a-fA-F]{40}/.exec(await page.locator('#wallet-address').evaluate((node) => node.outerHTML))[0];
}

export async function unlock(page, password = PASSWORD) {
  await page.fill('#wallet-unlock-password', password);
  await page.click('#wallet-unlock');
}

export async function isUnlocked(page) {
  await page.waitForSelector('#wallet-lock', SLOW);
}

/** Waits for an error in the wallet's own words. */
export async function problem(page, pattern, selector = '#wallet-error') {
  await page.waitForFunction(([at, source]) => new RegExp(source, 'i').test(document.querySelector(at)?.innerText ?? ''), [selector, pattern.source], SLOW);
}

export const tab = (page, name) => page.click(`.wallet-tabs .tabs a[href="#${name}"]`);

/** Chooses the account of this address. */
export const choose = (page, address) => page.click(`[data-account="${address}"]`);

/** What is exported behind the password; words come with single blanks. */
export async function exported(page, form) {
  await tab(page, 'security');
  await page.click(`#wallet-export-${form}`);
  await page.fill('#wallet-export-password', PASSWORD);
  if (form === 'keystore') {
    const [download] = await Promise.all([page.waitForEvent('download', SLOW), page.click('#wallet-export')]);
    return (await (await download.createReadStream()).toArray()).join('');
  }
  await page.click('#wallet-export');
  await page.waitForSelector('#wallet-exported', SLOW);
  const shown = await page.$$eval('#wallet-exported li', (items) => items.map((item) => item.innerText.trim()));
  return shown.length > 0 ? shown.join(' ') : page.innerText('#wallet-exported');
}

/** Answers the sheets of this site's own wallet: the account, the password, the message. */
export async function signInWithOwnWallet(page) {
  await page.click('#sign-in');
  await page.waitForSelector('#sheet-connect, #sheet-password, #account-error:not([hidden])', SLOW);
  if (await page.locator('#account-error:not([hidden])').count()) throw new Error(await page.innerText('#account-error'));
  if (await page.locator('#sheet-connect').count()) await page.click('#sheet-connect');
  await page.waitForSelector('#sheet-password', SLOW);
  await page.fill('#sheet-password', PASSWORD);
  await page.click('#sheet-unlock');
  await page.waitForSelector('#sheet-sign', SLOW);
}

/** Ends the session. A page that is still loading has a `load` to come, so that says nothing. */
export async function signOut(page) {
  await page.click('#sign-out');
  await page.waitForSelector('#sign-in', SLOW);
}

/** Has the page's own wallet say that it is on chain 1, from the next load on, until the answered function is called. */
export async function onOtherChain(page) {
  const answer = (route) => {
    const asked = route.request().postDataJSON();
    if (asked?.method !== 'eth_chainId') return route.fallback();
    return route.fulfill({ json: { jsonrpc: '2.0', id: asked.id, result: '0x1' } });
  };
  await page.route('**/rpc', answer);
  return () => page.unroute('**/rpc', answer);
}

/** Waits until a panel says that the wallet is on chain 1, and makes sure that it was asked for nothing. */
export async function refusedForChain(page, error) {
  const says = (at) => /on chain 1,/.test(document.querySelector(`${at}:not([hidden])`)?.innerText ?? '');
  await page.waitForFunction(says, error, SLOW);
  if (await page.locator('#sheet').count()) throw new Error('the wallet was asked for a signature on another chain');
}

/** Signs what the open sheet shows, once its text has `pattern`; unlocks the wallet first where it is locked. */
export async function signSheet(page, pattern) {
  await page.waitForSelector('#sheet-connect, #sheet-password, #sheet-sign', SLOW);
  if (await page.locator('#sheet-connect').count()) {
    await page.click('#sheet-connect');
    await page.waitForSelector('#sheet-password, #sheet-sign', SLOW);
  }
  if (await page.locator('#sheet-password').count()) {
    await page.fill('#sheet-password', PASSWORD);
    await page.click('#sheet-unlock');
  }
  await page.waitForFunction(
    (source) => document.querySelector('#sheet-sign') && new RegExp(source).test(document.querySelector('#sheet')?.innerText ?? ''),
    pattern.source,
    SLOW,
  );
  await page.click('#sheet-sign');
}
