// The REST API as a client without any library of ours sees it.

import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';

const ENDED = new Set(['COMPLETED', 'FAILED', 'CANCELED', 'EXPIRED']);

export async function post(url, body, headers = {}) {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

export async function rpc(url, method, ...params) {
  const answer = await (await post(`${url}/rpc`, { jsonrpc: '2.0', id: 1, method, params })).json();
  if (answer.error) throw new Error(`${method}: ${answer.error.message} (${answer.error.code})`);
  return answer.result;
}

/** A small picture, quick to draw. */
export const image = (prompt, input = {}) => ({ kind: 'image', input: { prompt, steps: 2, width: 64, height: 64, ...input } });

export async function createJob(url, job, headers = {}) {
  const answer = await post(`${url}/v1/jobs`, job, headers);
  const body = await answer.json();
  assert.equal(answer.status, 201, JSON.stringify(body));
  return body;
}

/** Follows a job to its end; with `minted`, until its tokens are in a block. */
export async function follow(url, id, { minted = false, headers = {}, limitMs = 300_000 } = {}) {
  const limit = Date.now() + limitMs;
  let job;
  while (Date.now() < limit) {
    job = await (await fetch(`${url}/v1/jobs/${id}`, { headers })).json();
    const done = ENDED.has(job.state) && (!minted || job.state !== 'COMPLETED' || job.mint);
    if (done) return job;
    await wait(50);
  }
  throw new Error(`job ${id} did not end within ${limitMs / 1000} s: ${JSON.stringify(job)}`);
}

/**
 * The receipt of a transaction. An ethers provider that polls may look before the block, remember the answer for 250 ms, and then
 * wait for one more block; here that may never come.
 */
export async function mined(url, hash, limitMs = 300_000) {
  const limit = Date.now() + limitMs;
  while (Date.now() < limit) {
    const receipt = await rpc(url, 'eth_getTransactionReceipt', hash);
    if (receipt) return receipt;
    await wait(50);
  }
  throw new Error(`no block holds ${hash} within ${limitMs / 1000} s`);
}

/** Every error of the API has the form of RFC 9457; returns it for closer looks. */
export async function assertProblem(answer, status) {
  const text = await answer.text();
  assert.equal(answer.status, status, text.slice(0, 500));
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/, text.slice(0, 500));
  const problem = JSON.parse(text);
  assert.equal(problem.status, status);
  for (const field of ['type', 'title', 'detail']) assert.ok(problem[field]?.length > 0, `${field} is missing: ${text}`);
  return problem;
}
