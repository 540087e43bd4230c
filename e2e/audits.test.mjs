// Two real miners: one draws, the other draws the same again, and pages and API say that they agree.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createJob, follow, image } from './support/api.mjs';
import { System } from './support/system.mjs';

let system;

before(async () => {
  system = await System.start('audits', { workers: 2, options: ['--audits', 'always', '--hold-seconds', '86400'] });
});

after(async () => system?.stop());

test('another miner draws the picture again, and both draw the same', async () => {
  const { id } = await createJob(system.url, image('a lake', { seed: 5 }));
  await follow(system.url, id, { minted: true });
  let receipt;
  for (const limit = Date.now() + 300_000; Date.now() < limit; await wait(100)) {
    receipt = await (await fetch(`${system.url}/v1/jobs/${id}/receipt`)).json();
    if (receipt.audit?.ended_at_unix_ms) break;
  }
  assert.equal(receipt.audit?.state, 'confirmed', JSON.stringify(receipt.audit));
  const [opinion] = receipt.audit.opinions;
  assert.notEqual(opinion.miner.toLowerCase(), receipt.receipt.provider.toLowerCase());
  assert.equal(opinion.with_served.agreement, 'equal', 'one class on one machine draws equal bits, with the root as its proof');
  assert.equal(receipt.void_reason, undefined);
  const own = await (await fetch(`${system.url}/v1/receipts/${opinion.receipt_hash}`)).json();
  assert.equal(own.receipt.task_role, 'audit');
  for (const path of [`/jobs/${id}`, `/explorer/receipts/${receipt.receipt_hash}`]) {
    const page = await (await fetch(`${system.url}${path}`)).text();
    const said = page.match(/data-testid="audit"[^>]*>([^<]*)</)?.[1];
    assert.match(said ?? '', /: equal$/, `${path} says ${said}`);
  }
  const job = await (await fetch(`${system.url}/v1/jobs/${id}`)).json();
  assert.equal(job.withheld, false, 'nobody is asked any more');
  assert.equal((await fetch(`${system.url}/v1/jobs/${id}/artifacts/0`)).status, 200);
  const miner = await (await fetch(`${system.url}/v1/miners/${receipt.receipt.provider}`)).json();
  assert.equal(miner.audits.confirmed, 1);
  assert.equal(miner.faults, 0);
});
