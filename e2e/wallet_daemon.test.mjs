// What the wallet daemon signs, judged by ethers, viem and Foundry's cast, over its real port and without a node.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { Transaction, verifyMessage, verifyTypedData } from 'ethers';
import { recoverMessageAddress, recoverTransactionAddress, recoverTypedDataAddress } from 'viem';
import { cast } from './support/agreement.mjs';
import { System } from './support/system.mjs';
import { recorded } from './support/wallet_vectors.mjs';

const PASSWORD = 'correct horse';
const CHAIN_ID = 24_822;
const TOKEN = '0x0000000000000000000000000000000000A17001';
const SPENDER = '0x3535353535353535353535353535353535353535';

let daemon;
let place;
let api;
let call;
let address;

before(async () => {
  const system = new System('wallet-daemon', 0);
  place = system.data;
  daemon = spawn(system.program('aitbc'), ['wallet', 'daemon', '--port', '0', '--folder', place, '--url', 'http://127.0.0.1:1']);
  const [line] = await once(createInterface(daemon.stdout), 'line');
  api = `${line.match(/http:\/\/127\.0\.0\.1:\d+/)[0]}/v1/wallet`;
  const token = readFileSync(join(place, 'daemon/token'), 'utf8').trim();
  call = async (path, body) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return fetch(`${api}/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  };
  const secret = recorded().private_key;
  ({ address } = await ok('import', { wallet: 'signer', password: PASSWORD, secret }));
  await ok('unlock', { wallet: 'signer', password: PASSWORD });
});

after(async () => {
  daemon.kill('SIGTERM');
  await once(daemon, 'exit');
  rmSync(place, { recursive: true, force: true });
});

async function ok(path, body) {
  const answer = await call(path, body);
  const text = await answer.text();
  assert.ok(answer.ok, `${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

const same = (one, other) => assert.equal(one.toLowerCase(), other.toLowerCase());

test('a message', async () => {
  const message = 'Grüße, 世界\nsecond line';
  const { signature } = await ok('sign', { wallet: 'signer', message });
  same(verifyMessage(message, signature), address);
  same(await recoverMessageAddress({ message, signature }), address);
  cast('wallet', 'verify', '--address', address, message, signature);
});

test('typed data, and no permit without a limit', async () => {
  const types = { Permit: ['owner', 'spender'].map((name) => ({ name, type: 'address' })).concat(
    ['value', 'nonce', 'deadline'].map((name) => ({ name, type: 'uint256' })),
  ) };
  const domain = { name: 'AITBC', version: '1', chainId: CHAIN_ID, verifyingContract: TOKEN };
  const message = { owner: address, spender: SPENDER, value: '5', nonce: '0', deadline: '9999999999' };
  const typedData = { types, primaryType: 'Permit', domain, message };
  const { signature } = await ok('sign', { wallet: 'signer', typed_data: typedData });
  same(verifyTypedData(domain, types, message, signature), address);
  same(await recoverTypedDataAddress({ ...typedData, signature }), address);
  const unlimited = { ...typedData, message: { ...message, value: `0x${'f'.repeat(64)}` } };
  assert.equal((await call('sign', { wallet: 'signer', typed_data: unlimited })).status, 422);
});

test('a transaction', async () => {
  const data = `0x095ea7b3${SPENDER.slice(2).padStart(64, '0')}${'7'.padStart(64, '0')}`;
  const transaction = {
    to: TOKEN, data, value: '0x0', gas: '0x186a0', nonce: '0x9', maxFeePerGas: '0x0', maxPriorityFeePerGas: '0x0', chainId: `0x${CHAIN_ID.toString(16)}`,
  };
  const { raw_transaction: raw, transaction_hash: hash } = await ok('sign', { wallet: 'signer', transaction });
  const read = Transaction.from(raw);
  assert.deepEqual([read.hash, read.nonce, Number(read.chainId), read.data], [hash, 9, CHAIN_ID, data]);
  same(read.from, address);
  same(await recoverTransactionAddress({ serializedTransaction: raw }), address);
  const [, signer] = cast('decode-transaction', raw).match(/signer\W+(0x[0-9a-fA-F]{40})/);
  same(signer, address);
});

test('a page, whose browser says which site it is, is refused', async () => {
  for (const headers of [{ origin: 'http://127.0.0.1:8000' }, { 'sec-fetch-site': 'same-site' }]) {
    assert.equal((await fetch(`${api}/list`, { headers })).status, 403);
  }
});
