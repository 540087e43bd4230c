// kill -9 of server and worker at random moments under load. What was acknowledged ends exactly once; what was completed is
// minted exactly once; the supply is the sum of the mints.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createJob, follow, image, rpc } from './support/api.mjs';
import { MINTER, TOKEN, minterAbi } from './support/contracts.mjs';
import { Random } from './support/random.mjs';
import { System } from './support/system.mjs';
import { Interface } from 'ethers';

const JOBS = 200;
const KILLS = 8;
const WORKERS = 2;
const SUBMITTERS = 4;
const PAUSE_MAX_MS = 2_000;
/** Big enough that every kill finds work in progress. */
const SIZE = { width: 256, height: 256, steps: 2 };

const random = new Random();
let system;
let headers;

before(async () => {
  console.log(`crash test: AITBC_SEED=${random.seed}`);
  system = await System.start('crash', { workers: WORKERS });
  headers = { 'x-api-key': system.clientKey() };
});

after(async () => system?.stop());

test(`${JOBS} jobs and ${KILLS} kills: nothing lost, nothing twice`, async (t) => {
  const acknowledged = new Map();
  const submitters = Array.from({ length: SUBMITTERS }, (_, lane) => submitAll(lane, acknowledged));
  await Promise.all([...submitters, killAtRandom()]);
  await system.ready(WORKERS);

  const jobs = [];
  for (const id of acknowledged.keys()) jobs.push(await follow(system.url, id, { minted: true, headers, limitMs: 600_000 }));
  const completed = jobs.filter((job) => job.state === 'COMPLETED');
  const failed = jobs.filter((job) => job.state === 'FAILED');
  t.diagnostic(`${completed.length} completed, ${failed.length} failed`);

  assert.equal(jobs.length, JOBS, 'every job was acknowledged in the end, under one id each');
  assert.ok(completed.length > 0);
  // Three kills of the worker that serves it may fail a job; none may hang or end in another way.
  assert.equal(completed.length + failed.length, JOBS);
  await assertMintedOnce(completed);
});

/** Submits its share of the jobs; repeats a request whose answer was lost under the same idempotency key. */
async function submitAll(lane, acknowledged) {
  for (let number = lane; number < JOBS; number += SUBMITTERS) {
    const key = `crash-${random.seed}-${number}`;
    const job = image(`picture number ${number}`, { ...SIZE, seed: number });
    for (;;) {
      try {
        const { id } = await createJob(system.url, job, { ...headers, 'idempotency-key': key });
        assert.ok(!acknowledged.has(id), `two requests were given the job ${id}`);
        acknowledged.set(id, number);
        break;
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        await wait(50);
      }
    }
  }
}

/** The first two kills are the server and a worker, so that every seed has both; the others are drawn. */
async function killAtRandom() {
  for (let kill = 0; kill < KILLS; kill += 1) {
    await wait(random.below(PAUSE_MAX_MS));
    const victim = kill < 2 ? kill : random.below(WORKERS + 1);
    if (victim === 0) {
      await system.killServer();
      system.startServer();
    } else {
      await system.killWorker(victim);
      system.startWorker(victim);
    }
  }
}

async function assertMintedOnce(completed) {
  const contract = new Interface(minterAbi);
  const { topicHash } = contract.getEvent('Minted');
  const logs = await rpc(system.url, 'eth_getLogs', { address: MINTER, topics: [topicHash], fromBlock: '0x0', toBlock: 'latest' });
  const mints = logs.map((log) => contract.parseLog(log).args);
  const hashes = mints.map((mint) => mint.receiptHash);
  assert.equal(new Set(hashes).size, hashes.length, 'a receipt was minted twice');
  assert.deepEqual(
    hashes.toSorted(),
    completed.map((job) => job.receipt_hash).toSorted(),
    'minted are exactly the receipts of the completed jobs',
  );
  const sum = mints.reduce((total, mint) => total + mint.amount, 0n);
  const supply = BigInt(await rpc(system.url, 'eth_call', { to: TOKEN, data: '0x18160ddd' }, 'latest'));
  assert.equal(supply, sum, 'the supply is the sum of the mints');
}
