// What ethers, viem and Foundry's cast make of a key: the same bytes as our own wallet, or a failed test.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Transaction, Wallet } from 'ethers';
import { parseTransaction } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { root } from './system.mjs';

export function cast(...words) {
  const outcome = spawnSync(join(root, 'e2e/node_modules/.bin/cast'), words, { encoding: 'utf8' });
  assert.equal(outcome.status, 0, `cast ${words.join(' ')}: ${outcome.error ?? outcome.stderr}`);
  return outcome.stdout.trim();
}

/** `raw` is a transaction of the fee market without an access list, as the node has it. `rpcUrl` is for cast alone. */
export async function assertSignedAlike(raw, key, rpcUrl) {
  const read = Transaction.from(raw);
  const { v, r, s, yParity, ...unsigned } = parseTransaction(raw);
  const byEthers = read.clone();
  byEthers.signature = null;
  assert.equal(await new Wallet(key).signTransaction(byEthers), raw, 'ethers signs other bytes');
  assert.equal(await privateKeyToAccount(key).signTransaction(unsigned), raw, 'viem signs other bytes');
  const fees = ['--gas-price', String(read.maxFeePerGas), '--priority-gas-price', String(read.maxPriorityFeePerGas)];
  const place = ['--nonce', String(read.nonce), '--gas-limit', String(read.gasLimit), '--chain', String(read.chainId)];
  const byCast = cast('mktx', read.to, read.data, ...fees, ...place, '--private-key', key, '--rpc-url', rpcUrl);
  assert.equal(byCast, raw, 'cast signs other bytes');
}

/** A signature over a text (EIP-191). */
export async function assertMessageAlike(text, signature, key) {
  assert.equal(await new Wallet(key).signMessage(text), signature, 'ethers signs other bytes');
  assert.equal(await privateKeyToAccount(key).signMessage({ message: text }), signature, 'viem signs other bytes');
  assert.equal(cast('wallet', 'sign', '--private-key', key, text), signature, 'cast signs other bytes');
}

/** A signature over typed data (EIP-712), whose `types` may leave out those of the domain. */
export async function assertTypedDataAlike({ types: { EIP712Domain: _, ...types }, ...data }, signature, key) {
  assert.equal(await new Wallet(key).signTypedData(data.domain, types, data.message), signature, 'ethers signs other bytes');
  assert.equal(await privateKeyToAccount(key).signTypedData({ ...data, types }), signature, 'viem signs other bytes');
  const whole = JSON.stringify({ ...data, types: { EIP712Domain: domainType(data.domain), ...types } });
  assert.equal(cast('wallet', 'sign', '--private-key', key, '--data', whole), signature, 'cast signs other bytes');
}

const DOMAIN = [['name', 'string'], ['version', 'string'], ['chainId', 'uint256'], ['verifyingContract', 'address'], ['salt', 'bytes32']];

const domainType = (domain) => DOMAIN.filter(([name]) => domain[name] !== undefined).map(([name, type]) => ({ name, type }));
