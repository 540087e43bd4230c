// Texts and vectors on a fresh machine: the default models stream, count, repeat by seed and are paid.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createJob, follow } from './support/api.mjs';
import { System } from './support/system.mjs';

const IMPROVE = 'Improve this prompt: city';
const STREAM_LIMIT_MS = 300_000;
const MICRO_PER_UNIT = 1_000_000n;

let system;
let headers;

before(async () => {
  system = await System.start('words');
  headers = { authorization: `Bearer ${system.clientKey()}` };
});

after(async () => {
  await system?.stop();
});

const text = (seed, input = {}) => ({
  kind: 'text',
  input: { messages: [{ role: 'user', content: IMPROVE }], max_tokens: 64, temperature: 0.8, seed, ...input },
});

async function artifact(job) {
  const answer = await fetch(`${system.url}/v1/jobs/${job.id}/artifacts/0`, { headers });
  assert.equal(answer.status, 200);
  return answer;
}

/** What the stream of tokens told, put together as its events say. */
async function streamed(job) {
  const answer = await fetch(`${system.url}/v1/jobs/${job.id}/events`, { headers, signal: AbortSignal.timeout(STREAM_LIMIT_MS) });
  let told = Buffer.alloc(0);
  let pieces = 0;
  for (const event of (await answer.text()).split('\n\n')) {
    if (!/^event: ?token$/m.test(event)) continue;
    const { at, text: piece } = JSON.parse(/^data: ?(.*)$/m.exec(event)[1]);
    told = Buffer.concat([told.subarray(0, at), Buffer.from(piece)]);
    pieces += 1;
  }
  return { told: told.toString(), pieces };
}

test('the default word model streams an improved prompt and is paid by its tokens', async () => {
  const created = await createJob(system.url, text(7, { temperature: 0 }), headers);
  assert.equal(created.model, 'aitbc-words-1');
  const { told, pieces } = await streamed(created);
  const job = await follow(system.url, created.id, { minted: true, headers });
  assert.equal(job.state, 'COMPLETED', JSON.stringify(job));
  const answer = await (await artifact(job)).text();
  assert.match(answer, /city/, 'the improved prompt keeps its subject');
  assert.ok(answer.length > 'city'.length, answer);
  assert.equal(told, answer);
  assert.ok(pieces > 0);

  const [units, amount] = [BigInt(job.units), BigInt(job.mint.amount)];
  assert.equal(job.unit_type, 'token');
  assert.equal(units % MICRO_PER_UNIT, 0n, 'whole tokens');
  assert.ok(units > 2n * MICRO_PER_UNIT, `${units}: tokens of the question and of the answer`);
  assert.ok(amount > 0n);
  assert.equal((amount * MICRO_PER_UNIT) % units, 0n, 'minted by the token');
});

test('a seed writes the same text again, and other seeds write others', async () => {
  const write = async (seed) => {
    const created = await createJob(system.url, text(seed), headers);
    return (await artifact(await follow(system.url, created.id, { headers }))).text();
  };
  const texts = [];
  for (const seed of [1, 2, 3, 4]) texts.push(await write(seed));
  assert.equal(await write(2), texts[1]);
  assert.ok(new Set(texts).size > 1, texts.join(' | '));
});

test('the default embedding gives a vector of length one for each text', async () => {
  const input = ['a city skyline at night', 'tall buildings at midnight', 'a desert at noon'];
  const created = await createJob(system.url, { kind: 'embedding', input: { input } }, headers);
  assert.equal(created.model, 'aitbc-meanings-1');
  const job = await follow(system.url, created.id, { minted: true, headers });
  const vectors = await (await artifact(job)).json();
  const product = (one, other) => one.reduce((sum, number, place) => sum + number * other[place], 0);
  assert.equal(vectors.length, input.length);
  for (const vector of vectors) assert.ok(Math.abs(product(vector, vector) - 1) < 1e-4);
  assert.ok(product(vectors[0], vectors[1]) > product(vectors[0], vectors[2]), 'what means the same lies nearer');
});

test('one worker of a fresh machine offers a model of each kind', async () => {
  const answer = await (await fetch(`${system.url}/v1/models`, { headers })).json();
  const served = answer.data.map((model) => model.id);
  for (const name of ['aitbc-scenes-1', 'aitbc-words-1', 'aitbc-meanings-1']) assert.ok(served.includes(name), `${served}`);
});
