// The gallery of a browser's own jobs, ordered by meaning: a miner measures it with the real embedding model.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createJob, follow, image } from './support/api.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { System } from './support/system.mjs';

const LIMIT_MS = 300_000;
// In the order of time: each is asked for after the one before it.
const PROMPTS = ['sailing boats on the sea at night', 'a desert with dunes at noon', 'a snowy forest in winter'];
const NEWEST_FIRST = [...PROMPTS].reverse();
const OTHERS = 'yachts under the moon';
// Shares no word with the prompt that it means.
const QUERY = 'yachts under the moon after dark';

let system;
let browser;
let page;
let own;

before(async () => {
  system = await System.start('gallery');
  own = [];
  for (const prompt of PROMPTS) own.unshift(await draw(prompt));
  // Somebody else's, which is nearest of all.
  await draw(OTHERS);
  browser = await launch();
  page = await openPage(browser);
  await page.goto(`${system.url}/jobs`);
  await page.evaluate((ids) => localStorage.setItem('aitbc.jobs', JSON.stringify(ids)), own);
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

async function draw(prompt) {
  const job = await createJob(system.url, image(prompt));
  assert.equal((await follow(system.url, job.id, { minted: true })).state, 'COMPLETED');
  return job.id;
}

const shown = () => page.locator('.gallery-prompt').allInnerTexts();
const status = () => page.innerText('#meaning-status');
const embeddings = async () => {
  const { items } = await (await fetch(`${system.url}/v1/receipts`)).json();
  return items.filter(({ receipt }) => receipt.model === 'aitbc-meanings-1');
};

test('without a search the newest come first, and no miner is asked anything', async () => {
  await page.goto(`${system.url}/jobs`);
  await page.waitForSelector('.gallery');
  assert.deepEqual(await shown(), NEWEST_FIRST);
  assert.equal(await page.locator('.gallery-order').count(), 0);
  assert.equal((await embeddings()).length, 0);
  await screenshots(page, 'gallery');
  assertQuiet(page);
});

test('a blank search asks nobody', async () => {
  await page.fill('#meaning', '   ');
  await page.press('#meaning', 'Enter');
  await page.waitForSelector('#meaning-search[data-phase="failed"]');
  assert.match(await status(), /Write what the pictures show/);
  assert.deepEqual(await shown(), NEWEST_FIRST);
  assert.equal((await embeddings()).length, 0);
});

test('a miner measures the meaning, and the nearest come first with its receipt as proof', async () => {
  let tell;
  const told = new Promise((resolve) => { tell = resolve; });
  await page.route('**/v1/jobs/*/events', (route) => told.then(() => route.continue()));
  await page.fill('#meaning', QUERY);
  await page.press('#meaning', 'Enter');
  await page.waitForSelector('#meaning-search[data-phase="comparing"]');
  await page.press('#meaning', 'Enter');
  assert.match(await status(), /Not yet ordered/);
  assert.deepEqual(await shown(), NEWEST_FIRST);
  await screenshots(page, 'gallery-comparing');
  tell();
  await page.waitForSelector('#meaning-search[data-phase="ordered"]', { timeout: LIMIT_MS });
  const order = await shown();
  assert.equal(order[0], PROMPTS[0], `${order}`);
  assert.deepEqual([...order].sort(), [...PROMPTS].sort(), 'the same jobs, and nobody else’s');
  assert.ok(await page.evaluate(() => document.activeElement.id === 'meaning'), 'the field keeps the focus');
  const near = (await page.locator('.gallery .canvas-word').allInnerTexts()).map((text) => Number(text.replace('−', '-').replace(/[^-.\d]/g, '')));
  assert.equal(near.length, PROMPTS.length);
  assert.deepEqual([...near].sort((one, other) => other - one), near, 'the figures fall');
  await screenshots(page, 'gallery-ordered');

  const [proof, ...more] = await embeddings();
  assert.deepEqual(more, [], 'who presses twice asks once');
  const sentence = page.locator('.gallery-order');
  assert.match(await sentence.innerText(), /aitbc-meanings-1 measured/);
  assert.ok((await sentence.innerText()).includes(QUERY));
  assert.equal(await sentence.locator('a').first().getAttribute('href'), `/jobs/${proof.receipt.job_id}`);
  const job = await (await fetch(`${system.url}/v1/jobs/${proof.receipt.job_id}`)).json();
  assert.deepEqual(job.input.input, [QUERY, ...NEWEST_FIRST]);
  assertQuiet(page);
});

test('the address keeps the order, and one press brings that of time back', async () => {
  const ordered = await shown();
  await page.reload();
  await page.waitForSelector('.gallery');
  assert.deepEqual(await shown(), ordered);
  assert.equal(await page.inputValue('#meaning'), QUERY);
  await page.click('.gallery-order a[href="/jobs"]');
  await page.waitForSelector('.gallery');
  assert.deepEqual(await shown(), NEWEST_FIRST);
  assert.equal(await page.inputValue('#meaning'), '');
  assert.equal((await embeddings()).length, 1, 'looking again costs nothing');
  assertQuiet(page);
});

test('an address that names no search says so and keeps the order', async () => {
  for (const like of [own[0], 'job_nobody']) {
    await page.goto(`${system.url}/jobs?like=${like}`);
    await page.waitForSelector('.gallery-order');
    assert.deepEqual(await shown(), NEWEST_FIRST, like);
    assert.equal(await page.locator('.gallery .canvas-word').count(), 0, like);
  }
  await screenshots(page, 'gallery-unknown-search');
  assertQuiet(page);
});

test('without a miner a search says that nobody measures, and what is shown stays', async () => {
  await system.killWorker(1);
  await page.goto(`${system.url}/jobs`);
  await page.waitForSelector('.gallery');
  await page.fill('#meaning', QUERY);
  await page.press('#meaning', 'Enter');
  await page.waitForSelector('#meaning-search[data-phase="failed"]', { timeout: LIMIT_MS });
  assert.match(await status(), /No miner that compares meanings is online/);
  assert.deepEqual(await shown(), NEWEST_FIRST);
  await screenshots(page, 'gallery-search-failed');
});
