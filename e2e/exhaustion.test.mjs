// One address against everybody else: half-sent bodies, a flood of pages, and answers that nobody reads. Meanwhile the job of
// another visitor is served by a real miner, without a fault.

import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createJob, follow, image } from './support/api.mjs';
import { System } from './support/system.mjs';
import { until } from './support/validators.mjs';

const ATTACKER = '127.0.0.9';
const LIMIT_MS = 120_000;

let system;

before(async () => {
  system = await System.start('exhaustion', { options: ['--images-per-minute', '1000'] });
});

after(async () => system?.stop());

/** A picture whose result is larger than what is never counted. */
async function servedHonestly() {
  const { id } = await createJob(system.url, image('a city at night', { steps: 2, width: 512, height: 512 }));
  const job = await follow(system.url, id);
  assert.equal(job.state, 'COMPLETED', JSON.stringify(job));
  assert.deepEqual(job.faults, [], 'the miner is blamed for what the attacker did');
}

const socketOf = (localAddress) => connect({ port: system.port, host: '127.0.0.1', localAddress });

/** Something half sent; `status` is that of its answer, or undefined while the rest is waited for. */
async function halfABody() {
  const socket = socketOf(ATTACKER);
  socket.on('error', () => {});
  const answer = new Promise((resolve) => socket.once('data', (bytes) => resolve(String(bytes).slice(9, 12))));
  socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1048000\r\n\r\n');
  socket.write(' '.repeat(1_047_999));
  const half = { socket };
  answer.then((status) => { half.status = status; });
  await Promise.race([answer, wait(15_000)]);
  return half;
}

/** Streams of ten HTTP/2 connections; `statuses` grows as answers come. */
function flood(path, { again, settings }) {
  const statuses = [];
  const sessions = Array.from({ length: 10 }, () => {
    const session = connectHttp2(system.url, { settings, createConnection: () => socketOf(ATTACKER) });
    session.on('error', () => {});
    const ask = () => {
      if (session.destroyed) return;
      const stream = session.request({ ':path': path, accept: 'text/html' });
      stream.on('error', () => {});
      stream.once('response', (headers) => statuses.push(headers[':status']));
      if (again) {
        stream.resume();
        stream.once('close', ask);
      } else stream.pause();
    };
    for (let number = 0; number < 100; number += 1) ask();
    return session;
  });
  return { statuses, end: () => sessions.forEach((session) => session.destroy()) };
}

test('half-sent bodies of one address keep no result out', async () => {
  const halves = await Promise.all(Array.from({ length: 72 }, halfABody));
  const countHeld = () => halves.filter(({ status }) => status === undefined).length;
  // A refusal may take its time on a busy machine.
  for (const limit = Date.now() + LIMIT_MS; countHeld() >= 16 && Date.now() < limit; ) await wait(50);
  const held = countHeld();
  assert.ok(held > 0 && held < 16, `${held} bodies are held`);
  assert.ok(halves.every(({ status }) => status === undefined || status === '503'));
  await servedHonestly();
  for (const { socket } of halves) socket.destroy();
});

test('a flood of pages is refused, and others get theirs', async () => {
  const pages = flood('/explorer', { again: true });
  await servedHonestly();
  assert.equal((await fetch(`${system.url}/v1/status`)).status, 200);
  assert.equal((await fetch(system.url, { headers: { accept: 'text/html' } })).status, 200);
  await until('a page is refused', () => pages.statuses.includes(503) || pages.statuses.includes(429), LIMIT_MS);
  pages.end();
});

test('answers that nobody reads take a share, and no more', async () => {
  const answers = flood('/openapi.json', { again: false, settings: { initialWindowSize: 0 } });
  await servedHonestly();
  await until('an answer is refused', () => answers.statuses.includes(503), LIMIT_MS);
  assert.equal((await fetch(`${system.url}/openapi.json`)).status, 200);
  answers.end();
});
