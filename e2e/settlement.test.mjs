// A receipt whose minter cannot mint waits, also through a crash, and is minted once in the end.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Contract, Wallet } from 'ethers';
import { createJob, follow, image } from './support/api.mjs';
import { MINTER, minterAbi, TOKEN, tokenAbi } from './support/contracts.mjs';
import { ethersProvider } from './support/ethers.mjs';
import { System } from './support/system.mjs';

const REFUSED_LIMIT_MS = 300_000;

let system;
let minter;
let token;

before(async () => {
  system = await System.start('settlement');
  const provider = ethersProvider(system.url);
  const admin = new Wallet(readFileSync(join(system.data, 'keys/admin-dev.key'), 'utf8').trim(), provider);
  minter = new Contract(MINTER, minterAbi, admin);
  token = new Contract(TOKEN, tokenAbi, provider);
});

after(async () => {
  minter?.runner.provider.destroy();
  await system?.stop();
});

const receiptOf = async (job) => (await fetch(`${system.url}/v1/jobs/${job}/receipt`)).json();

/** Waits for the receipt itself: ethers' own `wait` looks for it once, and then only when it sees a further block, which need not come. */
async function mined({ hash }) {
  while ((await minter.runner.provider.getTransactionReceipt(hash)) === null) await wait(20);
}

/** The hub's count of mints that the minter refused, which says that it tried. */
async function refusals() {
  const text = await (await fetch(`${system.url}/metrics`)).text();
  return Number(/^aitbc\w*reverted\w* (\d+)/m.exec(text)?.[1] ?? 0);
}

test('a paused minter delays the mint and loses nothing', async () => {
  await mined(await minter.pause());
  const { id } = await createJob(system.url, image('a forest in autumn'));
  const job = await follow(system.url, id);
  assert.equal(job.state, 'COMPLETED', 'the picture does not wait for the token');
  const limit = Date.now() + REFUSED_LIMIT_MS;
  while ((await refusals()) === 0) {
    assert.ok(Date.now() < limit, 'the hub never tried to mint');
    await wait(50);
  }
  assert.equal((await receiptOf(id)).settlement, 'pending', 'the receipt waits, it is not refused');
  assert.equal(await token.totalSupply(), 0n, 'nothing was minted');

  await system.killServer();
  system.startServer();
  await system.ready(1);
  assert.equal((await receiptOf(id)).settlement, 'pending', 'the receipt waits over a crash');

  await mined(await minter.unpause());
  const { mint } = await follow(system.url, id, { minted: true });
  assert.equal(await token.totalSupply(), BigInt(mint.amount));
  const mints = await minter.queryFilter(minter.filters.Minted());
  assert.deepEqual(mints.map(({ transactionHash }) => transactionHash), [mint.transaction_hash], 'minted exactly once');
});
