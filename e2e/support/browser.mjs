// Chromium as users have it, watched for everything that goes wrong in it.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { results } from './system.mjs';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** How long anything in a browser may take, where a test says nothing else: the machine may be busy with other things. */
export const PATIENCE_MS = 180_000;

/** Quiet, and without what a test machine does not have. */
export const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

export function executable() {
  const path = process.env.CHROMIUM ?? PLACES.find((place) => existsSync(place));
  if (!path) throw new Error('no Chromium found; name one in the variable CHROMIUM');
  return path;
}

export async function launch() {
  return chromium.launch({ executablePath: executable(), args: ARGUMENTS, timeout: PATIENCE_MS });
}

/** A busy machine takes longer than the few seconds after which Chromium warns of this. */
const UNUSED_YET = /was preloaded using link preload but not used within a few seconds/;

/** A page of its own profile. `page.complaints` collects console errors, exceptions and failed requests. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, colorScheme: 'light', ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !UNUSED_YET.test(message.text())) page.complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => page.complaints.push(`exception: ${error.message}`));
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText;
    // Leaving a page closes its event stream, which the browser reports as an aborted request.
    if (reason !== 'net::ERR_ABORTED') page.complaints.push(`failed: ${request.url()} ${reason}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) page.complaints.push(`${response.status()}: ${response.url()}`);
  });
  return page;
}

/** Waits until the islands of a page listen. */
export const islandsAreLive = (page) => page.waitForSelector('html[data-islands="live"]', { state: 'attached' });

export function assertQuiet(page) {
  assert.deepEqual(page.complaints, [], 'the browser complained');
}

/** Writes e2e/test-results/NAME.png. */
export async function screenshot(page, name) {
  mkdirSync(results, { recursive: true });
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: join(results, `${name}.png`), animations: 'disabled' });
}

/** Screenshots of the same page in both colour schemes, on a desktop and on a phone. */
export async function screenshots(page, name) {
  for (const [device, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await screenshot(page, `${name}-${device}-${colorScheme}`);
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${name} is ${overflow} px wider than a ${device}`);
  }
  await page.setViewportSize(DESKTOP);
  await page.emulateMedia({ colorScheme: 'light' });
}
