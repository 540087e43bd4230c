// The first page's choice of a model's quick setting, with a model that has one.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createJob, follow, image } from './support/api.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { models, System } from './support/system.mjs';

const DRAW_LIMIT_MS = 120_000;
const QUICK = { steps: 3, guidance: 1 };

let folder;
let system;
let browser;
let page;

/** The default models, of which the picture model gets a setting of few steps on its own levels. */
function withQuickSetting() {
  const copy = mkdtempSync(join(tmpdir(), 'aitbc-e2e-models-'));
  cpSync(models, copy, { recursive: true });
  const picture = join(copy, 'picture');
  const scheduler = readFileSync(join(picture, 'scheduler/scheduler_config.json'));
  const path = 'scheduler_fast/scheduler_config.json';
  mkdirSync(join(picture, 'scheduler_fast'), { recursive: true });
  writeFileSync(join(picture, path), scheduler);
  const manifest = JSON.parse(readFileSync(join(picture, 'manifest.json')));
  const sha256 = createHash('sha256').update(scheduler).digest('hex');
  manifest.files = [...manifest.files.filter((file) => file.path !== path), { path, sha256, bytes: scheduler.length }];
  manifest.fast = QUICK;
  writeFileSync(join(picture, 'manifest.json'), JSON.stringify(manifest));
  return copy;
}

before(async () => {
  folder = withQuickSetting();
  system = await System.start('quick', { models: folder });
  browser = await launch();
  page = await openPage(browser);
  await page.goto(system.url);
  await page.waitForSelector('#draw:not([data-starting])');
});

after(async () => {
  await browser?.close();
  await system?.stop();
  if (folder) rmSync(folder, { recursive: true });
});

const values = (...ids) => Promise.all(ids.map((id) => page.inputValue(`#${id}`)));

test('the choice fills in the steps and the guidance, and takes them back', async () => {
  await page.click('summary:has-text("Size, steps and seed")');
  const best = await values('scheduler', 'steps', 'guidance');
  assert.equal(best[0], '');
  await page.selectOption('#scheduler', 'fast');
  assert.deepEqual(await values('scheduler', 'steps', 'guidance'), ['fast', String(QUICK.steps), String(QUICK.guidance)]);
  await screenshots(page, 'quality');
  await page.selectOption('#scheduler', '');
  assert.deepEqual(await values('scheduler', 'steps', 'guidance'), best);
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
  await page.waitForSelector('#draw:not([data-starting])');
  assert.deepEqual(await values('scheduler', 'steps'), ['fast', String(QUICK.steps)]);
  assertQuiet(page);
});

test('whoever chooses nothing gets the usual setting', async () => {
  const job = await follow(system.url, (await createJob(system.url, image('a lake at dusk'))).id);
  assert.equal(job.input.scheduler, null);
  await page.goto(system.url);
  await page.waitForSelector('#draw:not([data-starting])');
  assert.equal(await page.inputValue('#scheduler'), '');
});
