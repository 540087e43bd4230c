// The prompt's field with help: a text model writes the prompt out, and a prompt outside the model's world is told so.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { System } from './support/system.mjs';

const WRITE_LIMIT_MS = 60_000;
const OWN = 'city';

let system;
let browser;
let page;

before(async () => {
  system = await System.start('composer');
  browser = await launch();
  page = await openPage(browser);
  await page.goto(system.url);
  await page.waitForSelector('#draw:not([data-starting])');
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

const prompt = () => page.inputValue('#prompt');

test('a text model writes the prompt out, and it can be taken back', async () => {
  assert.ok(await page.isDisabled('#improve'), 'nothing to improve yet');
  await page.fill('#prompt', OWN);
  await page.click('#improve');
  await page.waitForSelector('#undo:not([hidden])', { timeout: WRITE_LIMIT_MS });
  const written = await prompt();
  assert.ok(written.length > OWN.length, `more than was typed: ${written}`);
  assert.match(written, /city|skyline|skyscrapers|buildings|downtown/i, 'the subject is kept');
  await screenshots(page, 'prompt-improved');
  await page.click('#undo');
  assert.equal(await prompt(), OWN);
  assert.ok(await page.isHidden('#undo'));
  assertQuiet(page);
});

test('what one types oneself is not taken back', async () => {
  await page.fill('#prompt', OWN);
  await page.click('#improve');
  await page.waitForSelector('#undo:not([hidden])', { timeout: WRITE_LIMIT_MS });
  await page.fill('#prompt', `${await prompt()}, at night`);
  assert.ok(await page.isHidden('#undo'));
  assert.match(await prompt(), /, at night$/);
});

test('a prompt that names nothing the model learned is told so before it is drawn', async () => {
  await page.fill('#prompt', 'a cat on a chair');
  await page.locator('#prompt').blur();
  await page.waitForSelector('#strange:has-text("expect something vague")');
  await screenshots(page, 'prompt-strange');
  assert.ok(await page.isEnabled('#draw'), 'it is advice, not a refusal');
  await page.fill('#prompt', 'a city with a cat');
  await page.locator('#prompt').blur();
  await page.waitForSelector('#strange:empty', { state: 'attached' });
  assertQuiet(page);
});

test('the advice speaks of what stands in the field: of a link’s prompt, of a plural, of what was taken back', async () => {
  await page.goto(`${system.url}/?prompt=a+dragon`);
  await page.waitForSelector('#strange:has-text("expect something vague")');
  await page.fill('#prompt', 'beaches and cities');
  await page.locator('#prompt').blur();
  await page.waitForSelector('#strange:empty', { state: 'attached' });
  await page.fill('#prompt', 'a dragon');
  await page.click('#improve');
  await page.waitForSelector('#undo:not([hidden])', { timeout: WRITE_LIMIT_MS });
  await page.click('.suggestion');
  await page.waitForSelector('#strange:empty', { state: 'attached' });
  await page.fill('#prompt', 'a dragon');
  await page.click('#improve');
  await page.waitForSelector('#undo:not([hidden])', { timeout: WRITE_LIMIT_MS });
  await page.click('#undo');
  await page.waitForSelector('#strange:has-text("expect something vague")');
  assertQuiet(page);
});

test('the advice does not move the button away from whoever presses it', async () => {
  await page.fill('#prompt', 'a cat on a chair');
  await page.click('#draw');
  await page.waitForSelector('#strange:has-text("expect something vague")');
  await page.waitForSelector('[data-stop="prompt"][data-state="done"]', { timeout: WRITE_LIMIT_MS });
  assertQuiet(page);
});
