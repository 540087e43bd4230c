// The marketplace as visitors meet it: models, offers, a job for one model, the commands of its page, and suggestions while
// one types.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { createJob, follow, image } from './support/api.mjs';
import { assertAccessible } from './support/axe.mjs';
import { DESKTOP, launch, openPage, PHONE } from './support/browser.mjs';
import { System } from './support/system.mjs';

const MODEL = 'aitbc-scenes-1';

let system;
let browser;
let job;

before(async () => {
  system = await System.start('marketplace');
  browser = await launch();
  const { id } = await createJob(system.url, image('a lake in winter'));
  job = await follow(system.url, id, { minted: true });
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

test('a visitor finds a model, sees what it made and who serves it, and uses it', async () => {
  const page = await openPage(browser, { viewport: DESKTOP });
  await page.goto(`${system.url}/models`);
  await page.getByRole('link', { name: MODEL }).click();
  await page.waitForURL(/\/models\/aitbc-scenes-1/);
  const picture = page.getByTestId('samples').getByRole('img').first();
  await picture.scrollIntoViewIfNeeded();
  await page.waitForFunction((image) => image.naturalWidth > 0, await picture.elementHandle());
  assert.equal(await page.getByTestId('offers').locator('tbody tr').count(), 1);
  await page.getByRole('link', { name: 'Use this model' }).click();
  await page.getByLabel('What shall it draw?').fill('a lake in summer');
  await page.getByRole('button', { name: 'Draw' }).click();
  await page.waitForURL(/\/jobs\/job_/);
  const answer = await (await fetch(`${system.url}/v1${new URL(page.url()).pathname}`)).json();
  assert.equal(answer.model, MODEL);
  await page.context().close();
});

test('every model page says commands that run as written', async () => {
  const list = await (await fetch(`${system.url}/models`)).text();
  const paths = [...list.matchAll(/href="(\/models\/[^"]+)"/g)].map(([, path]) => path.replaceAll('&amp;', '&'));
  assert.ok(paths.length >= 3, `${paths}`);
  const page = await openPage(browser, { viewport: DESKTOP });
  for (const path of paths) {
    await page.goto(system.url + path);
    const commands = await page.locator('#programs pre').allTextContents();
    assert.equal(commands.length, 2, path);
    for (const command of commands) {
      const outcome = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
      const answer = JSON.parse(outcome.stdout);
      assert.ok(answer.id ?? answer.data ?? answer.choices, `${command}: ${outcome.stdout}`);
    }
  }
  await page.context().close();
});

test('filters and orders live in the address and work without script', async () => {
  const page = await openPage(browser, { javaScriptEnabled: false });
  await page.goto(`${system.url}/miners`);
  const rows = page.getByTestId('offers').locator('tbody tr');
  const all = await rows.count();
  assert.equal(all, 3, 'one row for each model of the miner');
  await page.getByLabel('Kind').selectOption('text');
  await page.getByLabel('Takes a job now').check();
  await Promise.all([page.waitForURL(/kind=text/), page.getByRole('button', { name: 'Show' }).click()]);
  assert.equal(await rows.count(), 1);
  await Promise.all([page.waitForURL((url) => !url.search.includes('kind=text')), page.getByRole('link', { name: 'Clear' }).click()]);
  await Promise.all([page.waitForURL(/sort=price/), page.getByRole('link', { name: 'Price' }).click()]);
  assert.match(await page.locator('th[aria-sort=ascending]').innerText(), /^Price\s*↑$/);
  await page.goto(`${system.url}/marketplace`);
  assert.equal(new URL(page.url()).pathname, '/miners');
  const csv = await (await fetch(`${system.url}/api/marketplace/csv/offers?kind=text`)).text();
  assert.equal(csv.trim().split('\r\n').length, 2);
  await page.context().close();
});

test('suggestions come as one types and are chosen by keyboard', async () => {
  for (const viewport of [DESKTOP, PHONE]) {
    const page = await openPage(browser, { viewport });
    await page.goto(`${system.url}/explorer`);
    const field = page.locator('main form.search').getByRole('combobox');
    // At once: the answer to a part of it would come later and take the choice away.
    await field.focus();
    await page.keyboard.insertText('scenes');
    const options = page.locator('main form.search').getByRole('option');
    await options.first().waitFor();
    assert.equal(await field.getAttribute('aria-expanded'), 'true');
    assert.match(await options.first().innerText(), /aitbc-scenes-1/);
    await assertAccessible(page, '/explorer with suggestions');
    await field.press('ArrowDown');
    assert.equal(await field.getAttribute('aria-activedescendant'), await options.first().getAttribute('id'));
    await field.press('Escape');
    assert.equal(await field.getAttribute('aria-expanded'), 'false');
    await field.fill(job.receipt_hash.slice(0, 12));
    await options.first().waitFor();
    await field.press('ArrowDown');
    await field.press('Enter');
    await page.waitForURL(new RegExp(`/explorer/receipts/${job.receipt_hash}`));
    await page.context().close();
  }
});

test('the explorer says that nothing is stuck, and how that was counted', async () => {
  const status = await (await fetch(`${system.url}/v1/status`)).json();
  assert.equal(status.stuck.total, 0, JSON.stringify(status.stuck));
  assert.equal(status.stuck.counts.length, 6);
  const html = await (await fetch(`${system.url}/explorer`)).text();
  assert.match(html, /stuck: 0/);
  for (const { meaning } of status.stuck.counts) assert.ok(html.includes(meaning), meaning);
  const metrics = await (await fetch(`${system.url}/metrics`)).text();
  assert.match(metrics, /aitbc_stuck\{kind="lease"\} 0/);
});
