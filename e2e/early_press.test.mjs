// What is pressed and typed before a page listens is done once it does: the script of frontend/src/early_press.js in a page
// whose module and whose islands come when the test says so.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertQuiet, launch, openPage } from './support/browser.mjs';
import { foreignSite } from './support/extension.mjs';
import { root } from './support/system.mjs';

const SCRIPT = readFileSync(join(root, 'frontend/src/early_press.js'), 'utf8');
const PAGE = `<!DOCTYPE html><title>Early</title><script>${SCRIPT}</script>
<leptos-island><input id="field"><button id="in-island">Island</button>
<form action="/elsewhere"><input name="text"><button id="send-island">Send</button></form></leptos-island>
<button id="busy">Busy</button>
<form action="/elsewhere"><input name="word"><button id="send">Send</button></form>
<script type="module" src="/listens.js"></script>`;
const LISTENS = `
  globalThis.heard = [];
  const hear = (event) => (id) => document.getElementById(id).addEventListener(event, ({ target }) => heard.push([id, target.value]));
  document.getElementById('send').form.addEventListener('submit', (event) => { event.preventDefault(); heard.push(['sent']); });
  hear('click')('busy');
  document.getElementById('busy').disabled = true;
  globalThis.failToLoad = () => { import('/no-bundle.js'); };
  globalThis.makeLive = () => {
    hear('click')('in-island');
    hear('input')('field');
    document.dispatchEvent(new Event('aitbc:live'));
  };`;

let site;
let browser;

before(async () => {
  site = await foreignSite(PAGE);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  site?.close();
});

/** The page without its module, and what lets the module come. */
async function opened() {
  const page = await openPage(browser);
  const asked = new Promise((resolve) => { page.route('**/listens.js', resolve); });
  await page.goto(site.url, { waitUntil: 'commit' });
  const comes = async () => {
    await (await asked).fulfill({ contentType: 'text/javascript', body: LISTENS });
    await page.waitForFunction(() => globalThis.makeLive && document.readyState === 'complete');
  };
  return { page, comes };
}

const heard = (page) => page.evaluate(() => globalThis.heard);

test('a press waits for the module of the page', async () => {
  const { page, comes } = await opened();
  await page.click('#send');
  await comes();
  assert.deepEqual(await heard(page), [['sent']]);
  assert.equal(new URL(page.url()).pathname, '/', 'the form went its own way');
  await page.click('#send');
  assert.deepEqual(await heard(page), [['sent'], ['sent']], 'later presses are done at once');
  assertQuiet(page);
  await page.context().close();
});

test('a press of a button that begins busy is done once it is free, and not where it was taken away', async () => {
  for (const isTaken of [false, true]) {
    const { page, comes } = await opened();
    await page.click('#busy');
    await comes();
    assert.deepEqual(await heard(page), []);
    await page.evaluate((hidden) => { Object.assign(document.getElementById('busy'), { hidden, disabled: false }); }, isTaken);
    assert.deepEqual(await heard(page), isTaken ? [] : [['busy', '']]);
    await page.context().close();
  }
});

test('a press in an island whose bundle does not load goes its own way', async () => {
  const { page, comes } = await opened();
  await page.click('#send-island');
  await comes();
  assert.equal(new URL(page.url()).pathname, '/');
  await page.evaluate(() => globalThis.failToLoad());
  await page.waitForURL(/\/elsewhere\?text=$/, { waitUntil: 'commit' });
  await page.context().close();
});

test('what is typed and pressed in an island waits for the island', async () => {
  const { page, comes } = await opened();
  await page.fill('#field', 'early');
  await page.click('#in-island');
  await comes();
  assert.deepEqual(await heard(page), [], 'nothing in it listens yet');
  await page.click('#in-island');
  await page.evaluate(() => globalThis.makeLive());
  assert.deepEqual(await heard(page), [['field', 'early'], ['in-island', '']], 'in their order, and each once');
  await page.click('#in-island');
  assert.equal((await heard(page)).length, 3);
  assertQuiet(page);
  await page.context().close();
});
