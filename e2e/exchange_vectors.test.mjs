// What traders sign for the exchange, with viem: the vectors were computed by ethers and are checked in Rust and Solidity.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashTypedData, recoverAddress } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import {
  cancellationMessage,
  cancellationTypes,
  exchangeOrderMessage,
  orderTypes,
  reductionMessage,
  reductionTypes,
  withdrawalMessage,
  withdrawalTypes,
} from '../contracts/exchange_orders.mjs';
import { domainOf } from '../contracts/receipts.mjs';

const path = join(import.meta.dirname, '../shared/tests/vectors/exchange_order.json');
const vectors = JSON.parse(readFileSync(path, 'utf8'));

/** viem wants the struct's name, and the domain of the content unless another one is shown. */
function typedData(types, message, { chain_id, contract }) {
  return { domain: domainOf(chain_id, contract), types, primaryType: Object.keys(types)[0], message };
}

async function check({ name, trader_private_key, digest, signature }, data) {
  assert.equal(hashTypedData(data), digest, name);
  assert.equal(await privateKeyToAccount(trader_private_key).signTypedData(data), signature, name);
}

test('viem hashes and signs orders, changes of them and withdrawals as the vectors do', async () => {
  assert.ok(vectors.orders.length >= 8);
  for (const vector of vectors.orders) await check(vector, typedData(orderTypes, exchangeOrderMessage(vector.order), vector.order));
  for (const vector of vectors.cancellations) {
    await check(vector, typedData(cancellationTypes, cancellationMessage(vector.cancellation), vector.cancellation));
  }
  for (const vector of vectors.reductions) {
    await check(vector, typedData(reductionTypes, reductionMessage(vector.reduction), vector.reduction));
  }
  for (const vector of vectors.withdrawals) {
    await check(vector, typedData(withdrawalTypes, withdrawalMessage(vector.withdrawal), vector.withdrawal));
  }
});

test('viem recovers another signer of an order that was altered', async () => {
  const altered = vectors.refused.filter(({ refusal }) => refusal === 'signature');
  assert.ok(altered.length >= 19);
  for (const { name, order, shown_to, signature } of altered) {
    const hash = hashTypedData(typedData(orderTypes, exchangeOrderMessage(order), shown_to));
    assert.notEqual((await recoverAddress({ hash, signature })).toLowerCase(), order.trader, name);
  }
});
