// Two real miners share a job of several pictures; killed in the middle, hub and miner go on where they were.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createJob, follow, image } from './support/api.mjs';
import { verifyReceipt } from './support/receipts.mjs';
import { System } from './support/system.mjs';

const COUNT = 16;
/** So much that sharing it saves more than it costs. */
const JOB = { width: 256, height: 256, steps: 12, count: COUNT };
/** A loaded machine may make one miner look slow for several jobs. */
const TRIES = 24;
/** One visitor asks for more here than the usual limits allow. */
const LIMITS = ['--images-per-minute', '100000', '--sponsored-per-address', '100000', '--sponsored-in-total', '100000'];

let system;

before(async () => {
  // One after the other, so that both measure how fast they are on a machine that does nothing else.
  system = await System.start('shards', { options: LIMITS });
  system.initWorker(2);
  system.startWorker(2);
  await system.ready(2);
});

after(async () => system?.stop());

const json = async (path) => (await fetch(`${system.url}${path}`)).json();

/**
 * A job that the hub shares. It keeps one whole while a miner counts as much slower than the other. A second job beside it goes to
 * the other miner, so that both are measured anew.
 */
async function sharedJob(prompt, seed) {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const job = await createJob(system.url, image(prompt, { ...JOB, seed }));
    if (job.tasks.length === 2) return job;
    const beside = await createJob(system.url, image(prompt, { ...JOB, seed }));
    for (const { id } of [job, beside]) await follow(system.url, id, { limitMs: 600_000 });
  }
  throw new Error(`of ${TRIES} jobs none was shared`);
}

async function bytes(path) {
  const answer = await fetch(`${system.url}${path}`);
  assert.equal(answer.status, 200);
  return Buffer.from(await answer.arrayBuffer());
}

async function assertWhole(job, seed) {
  assert.equal(job.state, 'COMPLETED', JSON.stringify(job.faults));
  assert.deepEqual(job.artifacts.map((file) => file.position), [...Array(COUNT).keys()]);
  assert.equal(new Set(job.artifacts.map((file) => file.sha256)).size, COUNT, 'each picture has a seed of its own');
  assert.equal(job.input.seed, seed);
  for (const task of job.tasks) {
    const receipt = await json(`/v1/receipts/${task.receipt_hash}`);
    verifyReceipt(receipt);
    assert.equal(receipt.receipt.task_role, task.role);
    assert.equal(receipt.receipt.provider.toLowerCase(), task.miner.toLowerCase());
    assert.equal(receipt.settlement, 'minted');
  }
}

test('two miners share sixteen pictures, and each signs for its own', async () => {
  const created = await sharedJob('a lake', 40);
  assert.deepEqual(created.tasks.map(({ role, pictures }) => [role, pictures.first, pictures.count]), [['shard/0', 0, 8], ['shard/1', 8, 8]]);
  const job = await follow(system.url, created.id, { minted: true });
  await assertWhole(job, 40);
  assert.equal(new Set(job.tasks.map((task) => task.miner)).size, 2);
  for (const file of job.artifacts) {
    assert.equal(createHash('sha256').update(await bytes(file.url)).digest('hex'), file.sha256, 'its place has its own picture');
  }
  const page = await (await fetch(`${system.url}/jobs/${job.id}`)).text();
  const parts = page.split('data-testid="parts"')[1].split('</table>')[0];
  for (const task of job.tasks) assert.ok(parts.includes(task.receipt_hash), 'the page names the receipt of each part');
  const alone = await createJob(system.url, image('a lake', { ...JOB, count: 1, seed: 49 }));
  const [picture] = (await follow(system.url, alone.id, { minted: true })).artifacts;
  assert.equal(picture.sha256, job.artifacts[9].sha256, 'the tenth picture is that of the tenth seed, at every miner');
});

test('kill -9 of the hub and of a miner in the middle loses no part', async () => {
  const { id } = await sharedJob('a pond', 80);
  let running;
  for (const limit = Date.now() + 300_000; Date.now() < limit; await wait(50)) {
    running = await json(`/v1/jobs/${id}`);
    if (running.tasks.every((task) => task.state === 'RUNNING')) break;
  }
  await system.killServer();
  await system.killWorker(1);
  system.startServer();
  system.startWorker(1);
  await system.ready(2);
  await assertWhole(await follow(system.url, id, { minted: true, limitMs: 600_000 }), 80);
});
