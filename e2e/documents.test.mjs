// The commands of the guide for programs do what it says, as it says them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { System, root } from './support/system.mjs';

let system;

before(async () => (system = await System.start('documents')));
after(async () => system?.stop());

/** The listings in this language, in order. */
const listings = (document, language) =>
  [...document.matchAll(/^```(\w+)\n([^]*?)^```/gm)].filter(([, name]) => name === language).map(([, , text]) => text);

/** Runs a listing against the test's own server, in the test's own folder. */
function run(listing, { id, token } = {}) {
  const own = listing.replaceAll('http://127.0.0.1:8000', system.url);
  const text = own.replaceAll(/\bID\b/g, id ?? 'no-id-yet').replaceAll(/\bTOKEN\b/g, token ?? 'no-token-yet');
  const programs = [dirname(system.program('aitbc')), join(root, 'e2e/node_modules/.bin'), process.env.PATH].join(':');
  const env = { ...process.env, PATH: programs, AITBC_URL: system.url };
  const outcome = spawnSync('sh', ['-euc', text], { cwd: system.data, env, encoding: 'utf8', timeout: 300_000 });
  assert.equal(outcome.status, 0, `${text}\n${outcome.stdout}${outcome.stderr}`);
  return outcome.stdout;
}

const isPng = (name) => readFileSync(join(system.data, name)).subarray(1, 4).toString() === 'PNG';

test('a job by curl, by the command line, and a look at the chain', async () => {
  const [create, follow, submit, webhook, market, bids, exchange, call, sources, ...rest] = listings(readFileSync(join(root, 'docs/API.md'), 'utf8'), 'sh');
  assert.deepEqual(rest, [], 'a command of the guide is not run');
  const [head, body] = run(create).split('\r\n\r\n');
  const job = JSON.parse(body);
  const [, token] = /^x-job-token: (jobtoken_\S+)/im.exec(head);
  assert.equal(job.input.prompt, 'a sunset over the sea');
  let state;
  // One request waits for the next change of state, and a job has several.
  for (let tries = 0; state !== 'COMPLETED' && tries < 20; tries += 1) {
    const answer = await fetch(`${system.url}/v1/jobs/${job.id}?wait=30`);
    ({ state } = await answer.json());
  }
  assert.equal(state, 'COMPLETED');
  const answers = run(follow, { id: job.id, token });
  assert.ok(answers.includes(job.id));
  assert.ok(isPng('picture.png'));
  assert.match(answers, /"receipt_hash"/);
  run(submit.replace('picture.png', 'submitted.png'));
  assert.ok(isPng('submitted.png'));
  const told = JSON.parse(run(webhook.replace('$KEY', system.clientKey())));
  assert.equal(told.webhook.url, 'https://shop.example/aitbc');
  assert.match(told.secret, /^whsec_/);
  const found = run(market);
  assert.match(found, /aitbc-scenes-1/, 'the offer of the miner that is free');
  assert.match(found, /"items"/);
  const bid = run(bids.replace('$KEY', system.clientKey()));
  assert.match(bid, /"id":"bid_[0-9a-f]{32}"/);
  assert.match(bid, /"books":\[/);
  const traded = run(exchange);
  assert.match(traded, /"id":"AIT-tUSD"/);
  assert.match(traded, /"checksum":\d+,"bids":\[/);
  assert.match(run(call), /^\d+/);
  assert.match(run(sources), /"ContractName":"AIToken"/);
});
