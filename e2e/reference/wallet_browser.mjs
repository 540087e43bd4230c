// The wallet as a visitor has it: a release's bundles in Chromium. How long a password takes to open it, from the press of
// the button until the page shows it open; how long its worker takes from the agreement to a signature; and how long the page
// waits for that, which draws the sheet anew meanwhile. Prints `ready`, then one line of JSON.

import { launch, openPage } from '../support/browser.mjs';
import { System } from '../support/system.mjs';
import { importWallet, isUnlocked, openWallet, PASSWORD, shownAddress } from '../support/wallet.mjs';

const UNLOCKS = 7;
const SIGNATURES = 30;
const KEY = `0x${'07'.repeat(32)}`;
const SLOW = { timeout: 60_000 };

const system = await System.start('bench-wallet', { workers: 0 });
const browser = await launch();
console.log('ready');

/** Runs in the worker before its own code. */
const WATCH_IN_WORKER = `{
  const times = new BroadcastChannel("bench");
  const post = self.postMessage.bind(self);
  let agreedAt;
  self.addEventListener("message", ({ data }) => { if (String(data).includes('"approve"')) agreedAt = performance.now(); });
  self.postMessage = (message, ...rest) => {
    if (String(message).includes('"signed"')) times.postMessage(performance.now() - agreedAt);
    post(message, ...rest);
  };
}`;

/** Notes when the page agrees, when the worker's answer to that arrives, and what the worker says of itself. */
function watchWorker() {
  window.signatureMs = [];
  window.workerMs = [];
  window.workerTimes = new BroadcastChannel('bench');
  window.workerTimes.onmessage = ({ data }) => window.workerMs.push(data);
  const RealWorker = window.Worker;
  window.Worker = class extends RealWorker {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => {
        if (String(data).includes('"signed"')) window.signatureMs.push(performance.now() - window.agreedAt);
      });
    }

    postMessage(message, ...rest) {
      if (String(message).includes('"approve"')) window.agreedAt = performance.now();
      super.postMessage(message, ...rest);
    }
  };
  window.addEventListener('eip6963:announceProvider', ({ detail }) => { window.provider = detail.provider; });
}

/** Waits in the page, since a question of this program would take as long as what it measures. */
const timedUnlock = (password) => {
  const field = document.querySelector('#wallet-unlock-password');
  field.value = password;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  return new Promise((resolve) => {
    const began = performance.now();
    new MutationObserver((_, observer) => {
      if (!document.querySelector('#wallet-lock')) return;
      observer.disconnect();
      resolve((performance.now() - began) / 1_000);
    }).observe(document.querySelector('#wallet'), { childList: true, subtree: true });
    document.querySelector('#wallet-unlock').click();
  });
};

try {
  const page = await openPage(browser);
  await page.addInitScript(watchWorker);
  await page.route('**/wallet_worker_loader.js', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: `${WATCH_IN_WORKER}\n${await answer.text()}` });
  });
  await openWallet(page, system.url);
  await importWallet(page, 'key', KEY);
  const address = await shownAddress(page);
  const unlocks = [];
  for (let round = 0; round < UNLOCKS; round += 1) {
    await isUnlocked(page);
    await page.click('#wallet-lock');
    await page.waitForSelector('#wallet-unlock', SLOW);
    unlocks.push(await page.evaluate(timedUnlock, PASSWORD));
  }
  await page.evaluate(() => window.dispatchEvent(new Event('eip6963:requestProvider')));
  await page.waitForFunction(() => window.provider, null, SLOW);
  const connected = page.evaluate(() => window.provider.request({ method: 'eth_requestAccounts' }));
  await page.click('#sheet-connect', SLOW);
  await connected;
  for (let number = 0; number < SIGNATURES; number += 1) {
    const signed = page.evaluate((params) => window.provider.request({ method: 'personal_sign', params }), ['0x6869', address]);
    await page.click('#sheet-sign', SLOW);
    await signed;
  }
  await page.waitForFunction((number) => window.workerMs.length === number, SIGNATURES, SLOW);
  const [workerMs, signatureMs] = await page.evaluate(() => [window.workerMs, window.signatureMs]);
  console.log(JSON.stringify({ unlock_seconds: unlocks, worker_ms: workerMs, signature_ms: signatureMs }));
} finally {
  await browser.close();
  await system.stop();
}
