// The tree of a hub's log as an auditor checks it, written from docs/protocol/log.md with nothing but SHA-256 and ethers.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { id, verifyTypedData } from 'ethers';
import { checkpointMessage, domainOfChain, failureMessage, jobFailureTypes, logCheckpointTypes } from '../../contracts/failures.mjs';
import { canonicalJson } from '../../contracts/receipts.mjs';

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const bytes = (hex) => Buffer.from(hex.slice(2), 'hex');
const hex = (buffer) => `0x${buffer.toString('hex')}`;

export const leafHash = (leaf) => sha256(Buffer.from([0]), Buffer.from(leaf, 'utf8'));
const node = (left, right) => sha256(Buffer.from([1]), left, right);

/** The root of these leaves, by the definition of RFC 9162, 2.1.1. */
export function root(hashes) {
  if (hashes.length === 0) return sha256();
  if (hashes.length === 1) return hashes[0];
  const left = 2 ** Math.ceil(Math.log2(hashes.length) - 1);
  return node(root(hashes.slice(0, left)), root(hashes.slice(left)));
}

/** Where the path from a leaf ends: the recursive definition of RFC 9162, 2.1.3.1, read backwards. */
export function climb(leaf, index, size, proof) {
  if (size === 1) {
    assert.equal(proof.length, 0, 'the path has a hash for each level');
    return leaf;
  }
  const left = 2 ** Math.ceil(Math.log2(size) - 1);
  const [below, sibling] = [proof.slice(0, -1), bytes(proof.at(-1))];
  return index < left ? node(climb(leaf, index, left, below), sibling) : node(sibling, climb(leaf, index - left, size - left, below));
}

/** Reads the whole log, and checks that it is what its hub signed. */
export async function readLog(url) {
  const { checkpoint, hub, signature } = await (await fetch(`${url}/v1/log/checkpoint`)).json();
  const signer = verifyTypedData(domainOfChain(checkpoint.chain_id), logCheckpointTypes, checkpointMessage(checkpoint), signature);
  assert.equal(signer.toLowerCase(), hub.toLowerCase(), 'the hub signed the checkpoint');
  const leaves = [];
  while (leaves.length < checkpoint.size) {
    const { entries } = await (await fetch(`${url}/v1/log/entries?from=${leaves.length}&limit=100`)).json();
    assert.ok(entries.length > 0, `entry ${leaves.length} is missing`);
    leaves.push(...entries.slice(0, checkpoint.size - leaves.length));
  }
  for (const { leaf } of leaves) assert.equal(canonicalJson(JSON.parse(leaf)), leaf, 'a leaf is canonical JSON');
  assert.equal(hex(root(leaves.map(({ leaf }) => leafHash(leaf)))), checkpoint.root);
  return { checkpoint, hub, leaves };
}

/** Checks the record of a job that ended without a result. */
export function verifyFailure({ failure, failure_hash: hash, hub_signature: signature }) {
  assert.equal(id(canonicalJson(failure)), hash, 'the hash is that of the canonical JSON');
  const signer = verifyTypedData(domainOfChain(failure.chain_id), jobFailureTypes, failureMessage(failure, hash), signature);
  assert.equal(signer.toLowerCase(), failure.hub, 'the hub signed it');
}
