// Help with the prompt: a text model writes it out, and a prompt that names nothing the model learned gets a warning.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertQuiet, screenshots } from './support/browser.mjs';
import { startAtFirstPage } from './support/first_page.mjs';
import { writeLikeliestWords } from './support/likeliest_words.mjs';

const WRITE_LIMIT_MS = 300_000;
const OWN = 'city';

let started;
let system;
let page;

before(async () => {
  started = await startAtFirstPage('composer');
  ({ system, page } = started);
  await writeLikeliestWords(page);
});

after(() => started?.close());

const prompt = () => page.inputValue('#prompt');

test('a text model writes the prompt out, and it can be taken back', async () => {
  assert.ok(await page.isDisabled('#improve'), 'nothing to improve yet');
  await page.fill('#prompt', OWN);
  await page.click('#improve');
  await page.waitForSelector('#undo:not([hidden])', { timeout: WRITE_LIMIT_MS });
  const written = await prompt();
  assert.ok(written.length > OWN.length, `more than was typed: ${written}`);
  await screenshots(page, 'prompt-improved');
  await page.click('#undo');
  assert.equal(await prompt(), OWN);
  assert.ok(await page.isHidden('#undo'));
  assertQuiet(page);
});

test('typing ends the offer to take the written prompt back', async () => {
  await page.fill('#prompt', OWN);
  await page.click('#improve');
  await page.waitForSelector('#undo:not([hidden])', { timeout: WRITE_LIMIT_MS });
  await page.fill('#prompt', `${await prompt()}, at night`);
  assert.ok(await page.isHidden('#undo'));
  assert.match(await prompt(), /, at night$/);
});

test('a prompt that names nothing the model learned gets a warning before it is drawn', async () => {
  await page.fill('#prompt', 'a cat on a chair');
  await page.locator('#prompt').blur();
  await page.waitForSelector('#prompt-advice:has-text("expect something vague")');
  await screenshots(page, 'prompt-advice');
  assert.ok(await page.isEnabled('#draw'), 'it is advice, not a refusal');
  await page.fill('#prompt', 'a city with a cat');
  await page.locator('#prompt').blur();
  await page.waitForSelector('#prompt-advice:empty', { state: 'attached' });
  assertQuiet(page);
});

test('the advice speaks of what stands in the field: of a link’s prompt, of a plural, of what was taken back', async () => {
  await page.goto(`${system.url}/?prompt=a+dragon`);
  await page.waitForSelector('#prompt-advice:has-text("expect something vague")');
  await page.fill('#prompt', 'beaches and cities');
  await page.locator('#prompt').blur();
  await page.waitForSelector('#prompt-advice:empty', { state: 'attached' });
  await page.fill('#prompt', 'a dragon');
  await page.click('#improve');
  await page.waitForSelector('#undo:not([hidden])', { timeout: WRITE_LIMIT_MS });
  await page.click('.suggestion');
  await page.waitForSelector('#prompt-advice:empty', { state: 'attached' });
  await page.fill('#prompt', 'a dragon');
  await page.click('#improve');
  await page.waitForSelector('#undo:not([hidden])', { timeout: WRITE_LIMIT_MS });
  await page.click('#undo');
  await page.waitForSelector('#prompt-advice:has-text("expect something vague")');
  assertQuiet(page);
});

test('the advice does not move the button while it is pressed', async () => {
  await page.fill('#prompt', 'a cat on a chair');
  await page.click('#draw');
  await page.waitForSelector('#prompt-advice:has-text("expect something vague")');
  await page.waitForSelector('[data-stop="prompt"][data-state="done"]', { timeout: WRITE_LIMIT_MS });
  assertQuiet(page);
});
