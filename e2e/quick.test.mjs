// The first page's choice of the default model's quick setting.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createJob, follow, image } from './support/api.mjs';
import { assertQuiet, screenshots } from './support/browser.mjs';
import { formIsLive, showFirstPage, startAtFirstPage } from './support/first_page.mjs';
import { models } from './support/system.mjs';

const DRAW_LIMIT_MS = 300_000;
const QUICK = JSON.parse(readFileSync(join(models, 'picture/manifest.json'))).fast;

let started;
let system;
let page;

before(async () => {
  started = await startAtFirstPage('quick');
  ({ system, page } = started);
});

after(() => started?.close());

const values = (...ids) => Promise.all(ids.map((id) => page.inputValue(`#${id}`)));

test('the choice fills in the steps and the guidance, and takes them back', async () => {
  await page.click('summary:has-text("Size, steps and seed")');
  const usual = await values('scheduler', 'steps', 'guidance');
  assert.equal(usual[0], '');
  await page.selectOption('#scheduler', 'fast');
  assert.deepEqual(await values('scheduler', 'steps', 'guidance'), ['fast', String(QUICK.steps), String(QUICK.guidance)]);
  await screenshots(page, 'quality');
  await page.selectOption('#scheduler', '');
  assert.deepEqual(await values('scheduler', 'steps', 'guidance'), usual);
});

test('a picture is drawn with the setting that was chosen, and its page leads back to it', async () => {
  await page.fill('#prompt', 'a lake at dusk');
  await page.selectOption('#scheduler', 'fast');
  await page.click('#draw');
  await page.waitForSelector('#minted', { timeout: DRAW_LIMIT_MS });
  const href = await page.getAttribute('.outcome-links a[href^="/jobs/"]', 'href');
  const { input } = await (await fetch(`${system.url}/v1${href}`)).json();
  assert.deepEqual([input.scheduler, input.steps, input.guidance], ['fast', QUICK.steps, QUICK.guidance]);
  await page.goto(system.url + href);
  await page.click('#again');
  await formIsLive(page);
  assert.deepEqual(await values('scheduler', 'steps'), ['fast', String(QUICK.steps)]);
  assertQuiet(page);
});

test('without a choice the usual setting is taken', async () => {
  const job = await follow(system.url, (await createJob(system.url, image('a lake at dusk'))).id);
  assert.equal(job.input.scheduler, null);
  await showFirstPage(page, system.url);
  assert.equal(await page.inputValue('#scheduler'), '');
});
