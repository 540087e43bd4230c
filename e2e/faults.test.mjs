// Bad input from outside: every refusal is a problem document that says what was wrong, and nothing breaks by it.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { spawnSync } from 'node:child_process';
import { assertProblem, createJob, image, post } from './support/api.mjs';
import { System } from './support/system.mjs';

let system;
let jobs;

before(async () => {
  system = await System.start('faults', { workers: 0, options: ['--images-per-minute', '1000'] });
  jobs = `${system.url}/v1/jobs`;
});

after(async () => system?.stop());

test('malformed JSON', async () => {
  await assertProblem(await post(jobs, '{"kind": "image", "input": '), 400);
});

test('a body that is not JSON at all', async () => {
  await assertProblem(await fetch(jobs, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'draw me a sheep' }), 415);
});

test('unknown fields are named', async () => {
  const problem = await assertProblem(await post(jobs, { ...image('a lake'), turbo: true }), 422);
  assert.match(JSON.stringify(problem), /turbo/);
});

test('values out of bounds: every field with its bound and what was given', async () => {
  const job = image('', { steps: 0, guidance: 26, width: 63, height: 2_000, count: 17 });
  const problem = await assertProblem(await post(jobs, job), 422);
  const fields = problem.errors.map((error) => error.field);
  assert.deepEqual(fields, ['prompt', 'steps', 'guidance', 'width', 'height', 'count'].map((field) => `input.${field}`));
  for (const error of problem.errors) assert.ok(error.bound && error.value, JSON.stringify(error));
});

test('a body beyond the limit', async () => {
  await assertProblem(await post(jobs, image('x'.repeat(5_000_000))), 413);
});

test('a wrong API key', async () => {
  await assertProblem(await post(jobs, image('a lake'), { 'x-api-key': 'no-such-key' }), 401);
});

test('a job that does not exist', async () => {
  await assertProblem(await fetch(`${jobs}/job_${'0'.repeat(32)}`), 404);
});

test('an id that is no id', async () => {
  const answer = await fetch(`${jobs}/..%2f..%2fetc%2fpasswd`);
  assert.ok([400, 404, 422].includes(answer.status), String(answer.status));
  await assertProblem(answer, answer.status);
});

test('a path and a method that are not there', async () => {
  await assertProblem(await fetch(`${system.url}/v1/no-such-thing`), 404);
  await assertProblem(await fetch(jobs, { method: 'PATCH' }), 405);
});

test('the same idempotency key: the same answer, another body is refused', async () => {
  const headers = { 'idempotency-key': 'e2e-faults-1' };
  const first = await createJob(system.url, image('a lake'), headers);
  const second = await createJob(system.url, image('a lake'), headers);
  assert.equal(second.id, first.id);
  await assertProblem(await post(jobs, image('a mountain'), headers), 409);
});

test('a job is canceled once, the second time it is over', async () => {
  const created = await post(jobs, image('a river'));
  const { id } = await created.json();
  await assertProblem(await post(`${jobs}/${id}/cancel`, {}), 403);
  const token = { 'x-job-token': created.headers.get('x-job-token') };
  assert.equal((await post(`${jobs}/${id}/cancel`, {}, token)).status, 200);
  await assertProblem(await post(`${jobs}/${id}/cancel`, {}, token), 409);
  await assertProblem(await fetch(`${jobs}/${id}/result`), 409);
});

test('a result from nobody: no lease, no entry', async () => {
  const answer = await post(`${system.url}/v1/miners/jobs/lease_${'0'.repeat(32)}/result`, {});
  assert.ok(answer.status >= 400 && answer.status < 500, String(answer.status));
  await assertProblem(answer, answer.status);
});

test('a stranger who speaks no HTTP', async () => {
  const answer = await new Promise((resolve, reject) => {
    const socket = connect(system.port, '127.0.0.1', () => socket.write('\x16\x03\x01\x02\x00\x01\x00 garbage\r\n\r\n'));
    let text = '';
    socket.on('data', (data) => (text += data));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
  assert.ok(answer === '' || /^HTTP\/1\.1 400/.test(answer), answer);
});

test('too many requests in a minute', async () => {
  const limited = await System.start('rate', { workers: 0 });
  try {
    let answer;
    for (let number = 0; number < 20; number += 1) {
      answer = await post(`${limited.url}/v1/jobs`, image(`lake number ${number}`));
      if (answer.status !== 201) break;
    }
    await assertProblem(answer, 429);
    assert.ok(Number(answer.headers.get('retry-after')) > 0, 'it says when to come again');
  } finally {
    await limited.stop();
  }
});

test('the sponsored quota ends with a refusal that says so', async () => {
  let answer;
  for (let number = 0; number < 200; number += 1) {
    answer = await post(jobs, image(`lake number ${number}`));
    if (answer.status !== 201) break;
  }
  const problem = await assertProblem(answer, 429);
  assert.match(problem.detail, /sponsor/);
  assert.ok(Number(answer.headers.get('retry-after')) > 0, 'it says when to come again');
});

test('a port in use is one clear sentence', () => {
  const outcome = spawnSync(system.program('aitbc'), ['up', '--data', `${system.data}-second`, '--port', String(system.port)], {
    encoding: 'utf8',
    timeout: 180_000,
  });
  assert.notEqual(outcome.status, 0);
  assert.match(outcome.stderr, new RegExp(`port ${system.port}|:${system.port}`));
  assert.doesNotMatch(outcome.stderr, /panicked/);
});

test('after all that the server is well and never panicked', async () => {
  assert.equal((await fetch(`${system.url}/health/live`)).status, 200);
  assert.doesNotMatch(system.log('server'), /panicked/);
});
