// Chromium with the wallet's extension, as its owner uses it, and a page of somebody else.

import { createServer } from 'node:http';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { ARGUMENTS, DESKTOP, executable, PATIENCE_MS } from './browser.mjs';
import { root } from './system.mjs';
import { PASSWORD } from './wallet.mjs';

const extension = process.env.AITBC_EXTENSION ?? join(root, 'target/extension/chromium');

/** Deriving a key from a password is slow on purpose. */
export const SLOW = { timeout: 180_000 };

/** A browser with the extension, in a profile that is gone afterwards. */
export async function launchWithExtension() {
  const context = await chromium.launchPersistentContext('', {
    executablePath: executable(),
    viewport: DESKTOP,
    timeout: PATIENCE_MS,
    args: [...ARGUMENTS, `--disable-extensions-except=${extension}`, `--load-extension=${extension}`],
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const worker = context.serviceWorkers()[0] ?? await context.waitForEvent('serviceworker', SLOW);
  const id = new URL(worker.url()).host;
  return { context, id, url: (name) => `chrome-extension://${id}/${name}` };
}

/** Runs `action` where the extension's storage may be read. This page has no script, so it wakes nothing. */
export async function inExtension({ context, url }, action) {
  const page = await context.newPage();
  await page.goto(url('manifest.json'));
  const result = await page.evaluate(action);
  await page.close();
  return result;
}

/** Ends the service worker as the browser does when it is idle, and waits until it is gone. */
export async function stopWorker({ context, url }) {
  const page = await context.newPage();
  await page.goto(url('manifest.json'));
  const session = await context.newCDPSession(page);
  const gone = new Promise((resolve) => {
    session.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
      if (versions.some(({ runningStatus }) => runningStatus === 'stopped')) resolve();
    });
  });
  await session.send('ServiceWorker.enable');
  await session.send('ServiceWorker.stopAllWorkers');
  await gone;
  await page.close();
}

/** Serves one page at two origins: `localhost` and `127.0.0.1`. Its scripts know nothing but the standards. */
export async function foreignSite(html = FOREIGN) {
  const server = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(html));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return { url: `http://127.0.0.1:${port}`, other: `http://localhost:${port}`, close: () => server.close() };
}

/** Passes questions on to the node at `url`, and holds the answer to a sent transaction back. The node has it then. */
export async function holdingNode(url) {
  let tellSent;
  let letGo;
  const sent = new Promise((resolve) => { tellSent = resolve; });
  const released = new Promise((resolve) => { letGo = resolve; });
  const server = createServer(async (request, answer) => {
    let body = '';
    for await (const part of request) body += part;
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const text = await response.text();
    if (body.includes('eth_sendRawTransaction')) {
      tellSent();
      await released;
    }
    answer.setHeader('content-type', 'application/json').end(text);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${server.address().port}/rpc`, sent, letGo, close };
}

const FOREIGN = `<!DOCTYPE html><title>Somebody else</title><h1>Somebody else</h1><script>
  const announced = [];
  const told = [];
  addEventListener('eip6963:announceProvider', ({ detail }) => announced.push(detail));
  dispatchEvent(new Event('eip6963:requestProvider'));
  const provider = () => announced[0].provider;
  for (const event of ['connect', 'accountsChanged', 'chainChanged', 'disconnect']) {
    provider()?.on(event, (value) => told.push([event, value]));
  }
  function begin(method, params) {
    globalThis.ended = provider().request({ method, params }).then(
      (value) => ({ value }), ({ code, message }) => ({ code, message }));
  }
</script>`;

/** Begins a request of a foreign page; its end is read with `ended`. */
export const begin = (page, method, params) => page.evaluate(([name, list]) => { begin(name, list); }, [method, params]);

export const ended = (page) => page.evaluate(() => globalThis.ended);

export async function request(page, method, params) {
  await begin(page, method, params);
  return ended(page);
}

/** Begins a request and gives the window that it opens. */
export async function beginWithWindow(context, page, method, params) {
  const opened = context.waitForEvent('page', SLOW);
  await begin(page, method, params);
  const window = await opened;
  await window.waitForSelector('h1, h2', SLOW);
  return window;
}

/** Presses a button of the window and waits until it closed itself, so that the next request opens another one. */
export async function press(window, button) {
  const gone = new Promise((resolve) => { window.once('close', resolve); });
  // A window may close itself before the browser has answered that it was pressed.
  await window.click(button, SLOW).catch((error) => { if (!/has been closed/.test(error.message)) throw error; });
  await gone;
}

/** Begins a request, presses `button` in its window, and gives what the page gets. */
export async function agreed(context, page, method, params, button = '#sign-submit') {
  const window = await beginWithWindow(context, page, method, params);
  await press(window, button);
  return ended(page);
}

export async function unlock(page, password = PASSWORD) {
  await page.fill('#password', password);
  await page.click('#unlock-submit');
}

/** Brings a private key as the first wallet. */
export async function bringKey(page, key) {
  await page.click('#bring', SLOW);
  await page.click('#bring-key');
  await page.fill('#secret', key);
  await page.fill('#password', PASSWORD);
  await page.fill('#password-again', PASSWORD);
  await page.click('#import-submit');
  await page.waitForSelector('#address', SLOW);
  return page.innerText('#address');
}

/** Opens the popup as a tab, on one of its parts. */
export async function popup({ context, url }, tab) {
  const page = await context.newPage();
  await page.goto(url('popup.html'));
  await page.click(`#tab-${tab}`, SLOW);
  return page;
}

export async function useNode(browser, node) {
  const page = await popup(browser, 'settings');
  await page.fill('#node', node);
  await page.click('#node-form-submit');
  await page.waitForSelector('#node-form-submit:not([disabled])', SLOW);
  await page.close();
}
