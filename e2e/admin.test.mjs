// Operating a hub: its operator signs in, sees the queue, pauses a miner with a form and without script, and resumes it;
// everybody else finds nothing.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { assertProblem, createJob, follow, image, post } from './support/api.mjs';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { System } from './support/system.mjs';

const REASON = 'its card draws black pictures';

let system;
let browser;
let operator;
let miner;

before(async () => {
  system = await System.start('admin');
  browser = await launch();
  const key = readFileSync(join(system.data, 'keys/admin-dev.key'), 'utf8').trim();
  operator = await signIn(privateKeyToAccount(`0x${key}`));
  const { items } = await (await fetch(`${system.url}/v1/miners`)).json();
  miner = items[0].address;
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

/** The headers of a wallet's session. */
async function signIn(account) {
  const { message } = await (await post(`${system.url}/v1/sessions/nonce`, { address: account.address })).json();
  const signature = await account.signMessage({ message });
  const answer = await post(`${system.url}/v1/sessions`, { message, signature });
  assert.equal(answer.status, 201);
  return { cookie: answer.headers.get('set-cookie').split(';')[0], origin: system.url };
}

/** A page with the session, as a browser that signed in has it. */
async function pageOf(session, options) {
  const page = await openPage(browser, options);
  const [name, value] = session.cookie.split('=');
  await page.context().addCookies([{ name, value, url: system.url, httpOnly: true, sameSite: 'Strict' }]);
  return page;
}

test('an operator sees the queue, pauses a miner by a form that is confirmed, and resumes it, without script', async () => {
  const page = await pageOf(operator, { javaScriptEnabled: false });
  await page.goto(`${system.url}/account`);
  await Promise.all([page.waitForURL(/\/admin$/), page.click('main a[href="/admin"]')]);
  assert.match(await page.innerText('h1'), /Operating this hub/);
  assert.equal(await page.locator('.site-nav a[href^="/admin"]').count(), 0, 'the public navigation leads there');

  await page.goto(`${system.url}/admin/miners`);
  await Promise.all([page.waitForEvent('load'), page.click('[data-testid="admin-miners"] a.row-link')]);
  await page.fill('#change-reason', REASON);
  await page.click('[data-testid="change"] button');
  assert.match(page.url(), /\/admin\/miners\/0x[0-9a-f]{40}$/i, 'a form whose box is not marked was sent');
  await page.check('[name="confirmed"]');
  await Promise.all([page.waitForEvent('load'), page.click('[data-testid="change"] button')]);
  assert.match(await page.innerText('main'), new RegExp(REASON));

  const { id } = await createJob(system.url, image('a lake that waits'));
  await page.goto(`${system.url}/admin`);
  const queued = await page.innerText('[data-testid="queue"] tbody tr:first-child');
  assert.match(queued, /1/, 'the queue shows the job that waits');
  const idle = await (await fetch(`${system.url}/v1/miners/${miner}/why-idle`)).json();
  assert.equal(idle.reasons[0].reason, 'paused');
  assert.match(idle.reasons[0].words, new RegExp(REASON));
  await page.goto(`${system.url}/admin/jobs?state=QUEUED`);
  assert.equal(await page.locator('[data-testid="admin-jobs"] tbody tr').count(), 1);
  assert.doesNotMatch(await page.innerText('main'), /a lake that waits/, 'what was asked is shown');

  await page.goto(`${system.url}/admin/miners/${miner}`);
  await page.fill('#change-reason', 'a new card');
  await page.check('[name="confirmed"]');
  await Promise.all([page.waitForEvent('load'), page.click('[data-testid="change"] button')]);
  assert.equal((await follow(system.url, id, { minted: true })).state, 'COMPLETED');
  await page.goto(`${system.url}/admin/changes`);
  assert.equal(await page.locator('[data-testid="changes"] tbody tr').count(), 2);
  assert.match(system.command('audit', 'recompute', '--url', system.url), /2 pauses/);
  // A browser without scripts loads no module, and complains of each.
  assert.deepEqual(page.complaints.filter((complaint) => !complaint.endsWith('.js csp')), []);
  await page.context().close();
});

test('every page of the operator is accessible, on a desktop and on a phone', async () => {
  const page = await pageOf(operator);
  for (const path of ['', '/jobs', '/miners', `/miners/${miner}`, '/keys', '/limits', '/changes']) {
    await page.goto(`${system.url}/admin${path}`);
    await assertAccessible(page, `/admin${path}`);
    await screenshots(page, `admin${path.replace(miner, 'one').replaceAll('/', '-')}`);
  }
  assertQuiet(page);
  await page.context().close();
});

test('everybody else finds nothing there and changes nothing', async () => {
  const stranger = await signIn(privateKeyToAccount(generatePrivateKey()));
  const page = await pageOf(stranger);
  for (const path of ['/admin', '/admin/miners', `/admin/miners/${miner}`, '/admin/changes']) {
    assert.equal((await page.goto(system.url + path)).status(), 404, path);
    assert.match(await page.innerText('h1'), /There is no page at this address/);
  }
  await page.goto(`${system.url}/account`);
  assert.equal(await page.locator('a[href^="/admin"]').count(), 0, 'strangers are led there');
  const pause = `${system.url}/v1/admin/miners/${miner}/pause`;
  await assertProblem(await post(pause, { reason: 'a try' }, stranger), 403);
  await assertProblem(await post(pause, { reason: 'a try' }), 401);
  await assertProblem(await post(pause, { reason: 'a try' }, { ...operator, origin: 'https://evil.example' }), 403);
  const { paused } = await (await fetch(`${system.url}/v1/miners/${miner}`)).json();
  assert.equal(paused, undefined);
  assert.match(await (await fetch(`${system.url}/robots.txt`)).text(), /^Disallow: \/admin$/m);
  await page.context().close();
});
