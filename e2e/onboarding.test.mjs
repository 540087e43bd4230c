// A new miner: one command on a machine that has nothing yet leads to the first token. How long it took is told.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createJob, follow } from './support/api.mjs';
import { root, System } from './support/system.mjs';

let system;
let worker;

before(async () => {
  system = await System.start('onboarding', { workers: 0 });
});

after(async () => {
  worker?.kill('SIGTERM');
  await worker?.ended;
  await system?.stop();
});

test('one command leads from nothing to the first minted pay', async (context) => {
  const data = join(system.data, 'new-miner');
  const began = Date.now();
  worker = spawn(system.program('gpu-worker'), ['--data', data, 'start', '--hub', system.url], { cwd: root });
  worker.ended = new Promise((resolve) => worker.once('exit', resolve));
  let told = '';
  worker.stdout.on('data', (text) => (told += text));
  worker.stderr.resume();
  await system.ready(1);
  const online = (Date.now() - began) / 1000;

  const { id } = await createJob(system.url, { kind: 'image', input: { prompt: 'a city skyline at night' } });
  const job = await follow(system.url, id, { minted: true });
  const paid = (Date.now() - began) / 1000;
  context.diagnostic(`online after ${online} s, first pay minted after ${paid} s`);
  assert.equal(job.state, 'COMPLETED');

  const [address] = /0x[0-9a-fA-F]{40}/.exec(told);
  const miner = await (await fetch(`${system.url}/v1/miners/${address}`)).json();
  assert.equal(miner.earned, job.mint.amount, 'the address that was told is the one that is paid');
  const [key] = /\S+\.key/.exec(told);
  assert.ok(existsSync(key) && (statSync(key).mode & 0o077) === 0, 'the key lies where it was told, and is private');
});

test('what the first start told is what helps afterwards', () => {
  const data = join(system.data, 'new-miner');
  const run = (command) => spawnSync(system.program('gpu-worker'), ['--data', data, command], { encoding: 'utf8' });
  const status = run('status');
  assert.equal(status.status, 0, status.stdout);
  assert.match(status.stdout, /serving[\s\S]*AIT settled/);
  const doctor = run('doctor');
  assert.equal(doctor.status, 0, doctor.stdout);
  assert.doesNotMatch(doctor.stdout, /FAULT/);
});
