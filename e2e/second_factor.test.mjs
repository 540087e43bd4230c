// The second factor of a sign-in: an owner in Chromium sets up an authenticator app, signs in with its codes, loses it, and
// turns it off. The codes are computed here from RFC 6238, out of what the page shows.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import jsQR from 'jsqr';
import { PNG } from 'pngjs';
import { assertProblem, image, post } from './support/api.mjs';
import { assertAccessible } from './support/axe.mjs';
import { launch, openPage, screenshots } from './support/browser.mjs';
import { System } from './support/system.mjs';
import { confirmWords, newWords, openWallet, shownAddress, signInWithOwnWallet, signOut } from './support/wallet.mjs';

const SLOW = { timeout: 180_000 };
const STEP_SECONDS = 30;

let system;
let browser;
let page;
let address;

before(async () => {
  system = await System.start('second-factor');
  browser = await launch();
  page = await openPage(browser);
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

/** RFC 4648. */
function base32(text) {
  const bits = [...text].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}

/** RFC 6238 over RFC 4226: the code of a half minute. */
function totp(secret, step) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const hash = createHmac('sha1', base32(secret)).update(counter).digest();
  const at = hash[19] & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

const stepNow = () => Math.floor(Date.now() / 1000 / STEP_SECONDS);

async function reachCodeForm(reader) {
  await reader.goto(`${system.url}/account`);
  await signInWithOwnWallet(reader);
  await reader.click('#sheet-sign');
  await reader.waitForSelector('#give-code', SLOW);
}

/** What a page's own script gets, with the page's cookie. */
const ask = (reader, method, path, body) =>
  reader.evaluate(
    async ([method, path, body]) => {
      const answer = await fetch(path, { method, body: body && JSON.stringify(body), headers: body ? { 'content-type': 'application/json' } : {} });
      return { status: answer.status, type: (await answer.json()).type };
    },
    [method, path, body],
  );

let secret;
let recovery;
let used;

test('the codes of this file are those of RFC 6238', () => {
  // Appendix B; base32 of the ASCII text 12345678901234567890. The last six of its eight digits.
  const published = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  for (const [seconds, code] of [[59, '287082'], [1111111109, '081804'], [20000000000, '353130']]) {
    assert.equal(totp(published, Math.floor(seconds / STEP_SECONDS)), code);
  }
});

test('an owner sets up an authenticator app and keeps the recovery codes', async () => {
  await openWallet(page, system.url);
  await confirmWords(page, await newWords(page));
  address = await shownAddress(page);
  await page.goto(`${system.url}/account`);
  await signInWithOwnWallet(page);
  await page.click('#sheet-sign');
  await page.waitForSelector('#sign-out', SLOW);
  await page.click('#begin-factor');
  await page.waitForSelector('#factor-qr[src]');
  secret = (await page.innerText('#factor-secret')).replaceAll(' ', '').trim();
  assert.match(secret, /^[A-Z2-7]{32}$/);
  await assertAccessible(page, 'setting up a second factor');
  await screenshots(page, 'second-factor-setup');
  const picture = PNG.sync.read(await page.locator('#factor-qr').screenshot());
  const read = jsQR(new Uint8ClampedArray(picture.data), picture.width, picture.height);
  const uri = new URL(read.data);
  assert.deepEqual([uri.protocol, uri.host, uri.searchParams.get('secret'), uri.searchParams.get('issuer')], ['otpauth:', 'totp', secret, 'AITBC']);
  assert.equal(decodeURIComponent(uri.pathname).toLowerCase(), `/aitbc:${address.toLowerCase()}`);

  await page.fill('#first-code', '000000' === totp(secret, stepNow()) ? '000001' : '000000');
  await page.click('#confirm-factor button[type="submit"]');
  await page.waitForSelector('#account-error:not([hidden])');
  assert.match(await page.innerText('#account-error'), /not the one that the app shows now/);
  used = stepNow();
  await page.fill('#first-code', totp(secret, used));
  await page.click('#confirm-factor button[type="submit"]');
  await page.waitForSelector('#recovery:not([hidden])');
  recovery = (await page.innerText('#recovery-codes')).trim().split('\n');
  assert.equal(recovery.length, 10);
  await assertAccessible(page, 'the recovery codes');
  await screenshots(page, 'second-factor-recovery');
  await Promise.all([page.waitForEvent('load'), page.click('#recovery-done')]);
  await page.waitForSelector('#remove-factor');
  const html = await page.content();
  assert.ok(!html.includes(secret) && !html.includes(recovery[0]), 'a secret is shown again');
  await assertAccessible(page, 'an account with a second factor');
  await screenshots(page, 'second-factor-on');
});

test('the next sign-in asks for a code, and does nothing before it', async () => {
  await signOut(page);
  await reachCodeForm(page);
  await assertAccessible(page, 'the page that asks for a code');
  await screenshots(page, 'second-factor-code');
  for (const [method, path, body] of [['POST', '/v1/jobs', image('a private lake')], ['GET', '/v1/keys'], ['POST', '/v1/second-factor/remove', { code: recovery[9] }]]) {
    assert.deepEqual(await ask(page, method, path, body), { status: 401, type: '/problems/code-needed' }, `${method} ${path}`);
  }
  // The code of the set-up is used, and its step may still go on.
  used = Math.max(used + 1, stepNow());
  await page.fill('#code', totp(secret, used));
  await page.click('#give-code button[type="submit"]');
  await page.waitForSelector('#sign-out', SLOW);
  assert.match(await page.getAttribute('#account-link', 'title'), new RegExp(address, 'i'));
  await signOut(page);
  await reachCodeForm(page);
  await page.fill('#code', totp(secret, used));
  await page.click('#give-code button[type="submit"]');
  await page.waitForSelector('#account-error:not([hidden])');
  // Signing in takes long on a busy machine, and who gives a code that is over is told that alone.
  const told = stepNow() > used + 1 ? /was used|not the one that the app shows now/ : /was used/;
  assert.match(await page.innerText('#account-error'), told, 'a code counts twice');
});

test('who lost the app signs in with a recovery code once, and turns the second factor off', async () => {
  await Promise.all([page.waitForEvent('load'), page.click('button[data-session]')]);
  await page.waitForSelector('#sign-in');
  await reachCodeForm(page);
  await page.fill('#code', recovery[0].toLowerCase());
  await page.click('#give-code button[type="submit"]');
  await page.waitForSelector('#remove-factor', SLOW);
  assert.match(await page.innerText('#factor-on'), /9/);
  await page.fill('#last-code', recovery[0]);
  await page.click('#remove-factor button');
  await page.waitForSelector('#account-error:not([hidden])');
  assert.match(await page.innerText('#account-error'), /unknown or was used/);
  await page.fill('#last-code', recovery[1]);
  await Promise.all([page.waitForEvent('load'), page.click('#remove-factor button')]);
  await page.waitForSelector('#begin-factor');
  await assertProblem(await post(`${system.url}/v1/sessions/code`, { code: recovery[2] }), 401);
  // What is refused on purpose, and nothing else, is a complaint of the browser's.
  const isRefusal = (complaint) => /^40[13]: .*\/v1\/(second-factor|sessions\/code|jobs|keys)/.test(complaint) || /status of 40[13]/.test(complaint);
  assert.deepEqual(page.complaints.filter((complaint) => !isRefusal(complaint)), []);
});
