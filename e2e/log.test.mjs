// The hub's log as somebody without any of our code checks it, and as a reader sees it on the pages.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createJob, follow, image, post } from './support/api.mjs';
import { launch, openPage } from './support/browser.mjs';
import { climb, leafHash, readLog, verifyFailure } from './support/log.mjs';
import { System } from './support/system.mjs';

let system;
let browser;
let served;
let canceled;

before(async () => {
  system = await System.start('log');
  browser = await launch();
  served = await createJob(system.url, image('a lake in winter'));
  served = await follow(system.url, served.id, { minted: true });
  const answer = await post(`${system.url}/v1/jobs`, image('a hill', { steps: 40, width: 512, height: 512 }));
  assert.equal(answer.status, 201);
  const { id } = await answer.json();
  await fetch(`${system.url}/v1/jobs/${id}`, { method: 'DELETE', headers: { 'x-job-token': answer.headers.get('x-job-token') } });
  canceled = await follow(system.url, id);
  assert.equal(canceled.state, 'CANCELED');
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

test('receipt and failure are in the signed log, by another implementation', async () => {
  const { checkpoint, leaves } = await readLog(system.url);
  for (const [query, kind] of [[`receipt=${served.receipt_hash}`, 'receipt'], [`failure=${canceled.id}`, 'failure']]) {
    const proof = await (await fetch(`${system.url}/v1/log/proof/inclusion?${query}&size=${checkpoint.size}`)).json();
    const { leaf } = leaves[proof.index];
    assert.equal(JSON.parse(leaf).kind, kind);
    const reached = climb(leafHash(leaf), proof.index, checkpoint.size, proof.proof);
    assert.equal(`0x${reached.toString('hex')}`, checkpoint.root);
  }
  const failure = await (await fetch(`${system.url}/v1/jobs/${canceled.id}/failure`)).json();
  verifyFailure(failure);
  assert.deepEqual([failure.failure.end, failure.failure.job_id], ['canceled', canceled.id]);
});

test('a page says why there is no result, and where a receipt stands in the log', async () => {
  const page = await openPage(browser, {});
  await page.goto(`${system.url}/jobs/${canceled.id}`);
  const failure = page.getByTestId('failure');
  await failure.getByText('the client canceled it').waitFor();
  assert.match(await page.getByTestId('failure-signature').textContent(), /^holds: this hub’s key signed this record/);
  await page.goto(`${system.url}/explorer/receipts/${served.receipt_hash}`);
  const proof = await page.getByTestId('log-place').getByRole('link').getAttribute('href');
  assert.equal((await fetch(system.url + proof)).status, 200);
  await page.goto(`${system.url}/explorer`);
  const { root } = (await (await fetch(`${system.url}/v1/log/checkpoint`)).json()).checkpoint;
  assert.ok((await page.getByTestId('log').textContent()).includes(root));
  await page.context().close();
});
