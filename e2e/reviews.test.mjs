// Who asked for a job with an account reviews the work on its page, changes the review, and everybody reads it in the miner's
// profile, inert and with its weight.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Wallet } from 'ethers';
import { image } from './support/api.mjs';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { System } from './support/system.mjs';
import { importWallet, openWallet, shownAddress, signInWithOwnWallet } from './support/wallet.mjs';

const SLOW = { timeout: 180_000 };
const HOSTILE = 'Calm <img src=x onerror=alert(1)> water';
const SEND = 'form[data-receipt] button[type="submit"]';

let system;
let browser;
let client;
let job;
let miner;

before(async () => {
  system = await System.start('reviews');
  browser = await launch();
  client = await openPage(browser);
  await openWallet(client, system.url);
  await importWallet(client, 'key', Wallet.createRandom().privateKey);
  await shownAddress(client);
  await client.goto(`${system.url}/account`);
  await signInWithOwnWallet(client);
  await Promise.all([client.waitForEvent('load'), client.click('#sheet-sign')]);
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

const reviews = async () => (await (await fetch(`${system.url}/v1/miners/${miner}/reviews`)).json()).items;

async function publish() {
  await Promise.all([client.waitForEvent('load', SLOW), client.click(SEND)]);
  await client.waitForSelector('form[data-receipt]', SLOW);
}

test('the form comes with the receipt, asks for stars, and publishes what was written', async () => {
  const body = JSON.stringify(image('a lighthouse at dusk'));
  job = await client.evaluate(async (asked) => {
    const answer = await fetch('/v1/jobs', { method: 'POST', headers: { 'content-type': 'application/json' }, body: asked });
    return (await answer.json()).id;
  }, body);
  await client.goto(`${system.url}/jobs/${job}`);
  await client.waitForSelector('form[data-receipt]', SLOW);
  miner = await client.getAttribute('form[data-receipt]', 'data-miner');
  await assertAccessible(client, 'the form of a review');
  await screenshots(client, 'review-form');
  await client.click(SEND);
  await client.waitForSelector('#review-0-error:not([hidden])', SLOW);
  assert.match(await client.innerText('#review-0-error'), /1 to 5 stars/);
  assert.deepEqual(await reviews(), []);

  await client.check('[name="stars"][value="4"]', { force: true });
  await client.fill('#review-0-text', HOSTILE);
  await publish();
  const [published] = await reviews();
  assert.deepEqual([published.stars, published.text, published.paid], [4, HOSTILE, '0']);
  assert.equal(await client.inputValue('#review-0-text'), HOSTILE, 'the words are there to be changed');
  assert.ok(await client.isChecked('[name="stars"][value="4"]'));
});

test('it is changed, and everybody reads it in the profile, inert and with its weight', async () => {
  await client.check('[name="stars"][value="2"]', { force: true });
  await publish();
  assert.equal((await reviews())[0].stars, 2);
  const visitor = await openPage(browser);
  await visitor.goto(`${system.url}/miners/${miner}`);
  const row = await visitor.innerText('[data-testid="reviews"] tbody tr');
  assert.ok(row.includes('2 of 5') && row.includes(HOSTILE), row);
  assert.match(row, /not paid, counts nothing/);
  assert.equal(await visitor.locator('[data-testid="reviews"] img').count(), 0, 'the text became markup');
  await assertAccessible(visitor, 'a miner with a review');
  await screenshots(visitor, 'miner-reviews');
  const receipt = await visitor.getAttribute('[data-testid="reviews"] tbody a[href^="/explorer/receipts/"]', 'href');
  await visitor.goto(system.url + receipt);
  assert.match(await visitor.innerText('main'), /Receipt/);
  assertQuiet(visitor);
  assertQuiet(client);
});
