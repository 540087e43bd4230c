// The walk of a newcomer: prompt, picture, receipt, token, block, the miner's balance. Nothing in it is simulated.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { rpc } from './support/api.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { MINTER, TOKEN } from './support/contracts.mjs';
import { assertDrawn } from './support/picture.mjs';
import { verifyReceipt } from './support/receipts.mjs';
import { System } from './support/system.mjs';

const PROMPT = 'a city skyline at night';
const DRAW_LIMIT_MS = 300_000;
const CHECK_LIMIT_MS = 300_000;
/** The hash, both signatures, and that the contract minted. */
const CHECKS = 7;
const STOPS = ['prompt', 'miner', 'receipt', 'mint', 'block'];

let system;
let browser;
let page;

before(async () => {
  system = await System.start('walk');
  browser = await launch();
  page = await openPage(browser);
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

const stop = (name, state) => page.locator(`[data-stop="${name}"][data-state="${state}"]`).first();

test('a prompt becomes a picture, live', async () => {
  assert.equal(await rpc(system.url, 'eth_blockNumber'), '0x0', 'a new chain has no block but genesis');
  await page.goto(system.url);
  await page.fill('#prompt', PROMPT);
  await page.click('#draw');
  await stop('miner', 'running').or(stop('miner', 'done')).waitFor({ timeout: DRAW_LIMIT_MS });
  for (const name of STOPS) await stop(name, 'done').waitFor({ timeout: DRAW_LIMIT_MS });
  await page.waitForSelector('#minted', { timeout: DRAW_LIMIT_MS });

  const picture = await page.getAttribute('img#picture', 'src');
  const bytes = Buffer.from(await (await fetch(new URL(picture, system.url))).arrayBuffer());
  assertDrawn(bytes, 512, 512);
  const drawn = await page.$eval('img#picture', (image) => [image.complete, image.naturalWidth, image.naturalHeight]);
  assert.deepEqual(drawn, [true, 512, 512], 'the browser shows the picture');
  await screenshots(page, 'first-page');
  assertQuiet(page);
});

test('the sentence of the mint leads to the transaction, the block, the receipt and the miner', async () => {
  const sentence = await page.innerText('#minted');
  assert.match(sentence, /minted.+AIT.+to.+0x.+in block/is);

  await page.click('#minted a[href^="/explorer/transactions/"]');
  await page.waitForURL('**/explorer/transactions/0x*');
  const transaction = await page.innerText('main');
  assert.match(transaction, /mint/i, 'the input is decoded');
  assert.match(transaction, /Minted/, 'the event is decoded');
  await screenshots(page, 'transaction');

  await page.click('main a[href^="/explorer/blocks/"]');
  await page.waitForURL('**/explorer/blocks/*');
  assert.match(await page.innerText('main'), /state root/i);
  await screenshots(page, 'block');
  assertQuiet(page);
});

test("the miner's balance is what the receipt minted, and all there is", async () => {
  const receipts = await (await fetch(`${system.url}/v1/receipts`)).json();
  const [receipt] = receipts.items;
  assert.equal(receipts.items.length, 1);
  assert.equal(receipt.settlement, 'minted');
  verifyReceipt(receipt);
  assert.equal(receipt.receipt.contract, MINTER.toLowerCase());
  assert.deepEqual([receipt.receipt.version, receipt.receipt.task_role], [3, 'serve']);
  const { provider } = receipt.receipt;

  const supply = BigInt(await rpc(system.url, 'eth_call', { to: TOKEN, data: '0x18160ddd' }, 'latest'));
  const holder = provider.slice(2).toLowerCase().padStart(64, '0');
  const balance = BigInt(await rpc(system.url, 'eth_call', { to: TOKEN, data: `0x70a08231${holder}` }, 'latest'));
  assert.ok(balance > 0n);
  assert.equal(balance, supply, 'nobody else holds anything');
  assert.equal(balance, BigInt(receipt.amount), 'the receipt tells what was minted');

  await page.goto(`${system.url}/explorer/addresses/${provider}`);
  const shown = (await page.innerText('main')).replaceAll(/[\s\u00a0,\u2009\u202f]/g, '');
  const whole = String(balance / 10n ** 18n);
  assert.ok(shown.includes(whole), `the address page shows ${whole} AIT`);
  await screenshots(page, 'miner-address');

  await page.goto(`${system.url}/explorer/receipts/${receipt.receipt_hash}`);
  assert.match(await page.innerText('main'), /attest/i);
  await screenshots(page, 'receipt');

  // Salt and prompt open the receipt in the browser, and a guess does not.
  const job = await (await fetch(`${system.url}/v1/jobs/${receipt.receipt.job_id}`)).json();
  assert.ok(!JSON.stringify(receipt).includes(job.salt), 'the public receipt does not hold the salt');
  await page.fill('#open-salt', job.salt);
  await page.fill('#open-prompt', job.input.prompt);
  await page.fill('#open-result', job.artifacts[0].sha256);
  await page.click('#open-now');
  await page.waitForSelector('#opened li[data-holds="true"] >> nth=1');
  assert.equal(await page.locator('#opened li[data-holds="false"]').count(), 0);
  await page.fill('#open-prompt', `${job.input.prompt} and more`);
  await page.click('#open-now');
  await page.waitForSelector('#opened li[data-holds="false"]');
  assertQuiet(page);
});

test('the browser checks the receipt by itself, each time with the same worker', async () => {
  let workersStarted = 0;
  page.on('worker', () => { workersStarted += 1; });
  for (const time of ['first', 'second']) {
    await page.click('#verify');
    await page.waitForSelector('#verify:not([disabled])', { timeout: CHECK_LIMIT_MS });
    await page.waitForSelector('#verified [data-verdict="done"]');
    assert.equal(await page.locator('#verified li[data-holds="true"]').count(), CHECKS, time);
  }
  assert.equal(workersStarted, 1);
  await screenshots(page, 'receipt-checked');
  assertQuiet(page);
});

test('every page answers on the server and is quiet in the browser', async () => {
  const { job_id: job } = (await (await fetch(`${system.url}/v1/receipts`)).json()).items[0].receipt;
  const paths = ['/', `/jobs/${job}`, '/explorer', '/miners', '/wallet', '/design'];
  for (const path of paths) {
    const answer = await page.goto(system.url + path);
    assert.equal(answer.status(), 200, path);
    await page.waitForLoadState('load');
    assert.ok((await page.innerText('main')).length > 20, `${path} has content`);
    assert.equal(await page.locator('h1').count(), 1, `${path} has one heading of the first order`);
    await screenshots(page, path === '/' ? 'first-page-again' : path.split('/')[1]);
    assertQuiet(page);
  }
  const missing = await fetch(`${system.url}/no-such-page`);
  assert.equal(missing.status, 404);
});
