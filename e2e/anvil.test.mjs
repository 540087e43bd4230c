// The node beside Foundry's anvil: the same transactions and the same questions go to both, and their answers have the same
// fields, encodings, values and codes. What differs is listed with its reason in support/anvil_differences.mjs, and nothing
// else may.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Wallet, WebSocketProvider } from 'ethers';
import { CASES, logged, prepare } from './support/anvil_cases.mjs';
import { DIFFERENCES, VARIES } from './support/anvil_differences.mjs';
import { CHAIN_ID } from './support/contracts.mjs';
import { differences } from './support/rpc_compare.mjs';
import { System, end, freePort, root } from './support/system.mjs';
import { until } from './support/validators.mjs';

let system;
let anvil;
/** The node and anvil: where each is asked, and what it answered earlier. */
let sides;

before(async () => {
  system = await System.start('anvil', { workers: 0 });
  const port = await freePort();
  // Gas costs nothing there either, and its rules are those of the same fork with the same bounds.
  const free = ['--block-base-fee-per-gas', '0', '--gas-price', '0', '--disable-min-priority-fee', '--disable-default-create2-deployer'];
  const rules = ['--chain-id', String(CHAIN_ID), '--hardfork', 'osaka', '--gas-limit', '100000000', '--enable-tx-gas-limit'];
  anvil = spawn(join(root, 'e2e/node_modules/.bin/anvil'), ['--port', String(port), '--quiet', '--accounts', '1', '--steps-tracing', ...rules, ...free], { stdio: 'inherit' });
  anvil.ended = new Promise((resolve) => anvil.once('exit', resolve));
  sides = [
    { name: 'node', url: `${system.url}/rpc`, memory: {} },
    { name: 'anvil', url: `http://127.0.0.1:${port}`, memory: {} },
  ];
  for (const side of sides) side.ask = (method, ...params) => ask(side, method, params);
  await until('anvil answers', () => sides[1].ask('eth_chainId').catch(() => undefined));
});

after(async () => {
  await end(anvil, 'SIGTERM');
  await system?.stop();
});

/** `result`, or `error` with code, message and data. */
async function ask({ url }, method, params) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const answer = await (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json();
  return answer.error ? { error: answer.error } : { result: answer.result };
}

/** The receipt of a transaction once it is in a block. */
async function included(side, hash) {
  return until(`${side.name} has ${hash} in a block`, async () => (await side.ask('eth_getTransactionReceipt', hash)).result);
}

/** What of an answer is compared: of an error its code, its data, and the phrase by which clients know it. */
function compared(answer) {
  if (!answer.error) return answer;
  const { code, message, data } = answer.error;
  const phrase = PHRASES.find((known) => message.toLowerCase().includes(known)) ?? 'other';
  return { error: { code, phrase, ...(data === undefined ? {} : { data }) } };
}

/** Clients look for these in messages of errors. */
const PHRASES = [
  'execution reverted', 'nonce too low', 'nonce too high', 'insufficient funds', 'already known', 'underpriced', 'intrinsic gas',
  'method not found', 'invalid chain id', 'gas limit',
];

/** What each side pushes while a transaction comes, by what was asked for. */
async function pushed(side, known) {
  const provider = new WebSocketProvider(side.url.replace('http', 'ws'), CHAIN_ID, { staticNetwork: true });
  const kinds = new Map();
  const told = {};
  try {
    await new Promise((resolve) => provider.websocket.on('open', resolve));
    provider.websocket.on('message', (text) => {
      const { method, params } = JSON.parse(text);
      if (method === 'eth_subscription') told[kinds.get(params.subscription)] ??= params.result;
    });
    for (const kind of [['newHeads'], ['logs', { address: known.keeper }], ['newPendingTransactions']]) {
      kinds.set(await provider.send('eth_subscribe', kind), kind[0]);
    }
    await side.ask('eth_sendRawTransaction', await logged(new Wallet(`0x${'dd'.repeat(32)}`), known));
    await until(`${side.name} pushed all of it`, () => Object.keys(told).length === kinds.size);
    assert.equal(await provider.send('eth_unsubscribe', [kinds.keys().next().value]), true);
    return told;
  } finally {
    await provider.destroy();
  }
}

test('the node answers as anvil does, but for what is listed with its reason', async (t) => {
  const wallets = ['aa', 'bb', 'cc'].map((byte) => new Wallet(`0x${byte.repeat(32)}`));
  const prepared = await Promise.all(sides.map((side) => prepare(side, wallets, (hash) => included(side, hash))));
  assert.deepEqual(prepared[0], prepared[1], 'both have the same transactions at the same heights');
  const found = [];
  for (const { name, method, params, remember } of CASES) {
    const answers = [];
    for (const side of sides) {
      const answer = await side.ask(method, ...(typeof params === 'function' ? params(prepared[0], side.memory) : params));
      remember?.(side.memory, answer.result);
      answers.push(compared(answer));
    }
    found.push(...differences(...answers, VARIES).map((difference) => `${name}: ${difference}`));
  }
  const [ours, theirs] = await Promise.all(sides.map((side) => pushed(side, prepared[0])));
  for (const kind of ['newHeads', 'logs', 'newPendingTransactions']) {
    found.push(...differences(ours[kind], theirs[kind], VARIES).map((difference) => `${kind}: ${difference}`));
  }
  const used = new Set();
  const unlisted = found.filter((line) => {
    const known = DIFFERENCES.find(({ where }) => where.test(line));
    if (known) used.add(known);
    return !known;
  });
  t.diagnostic(`${CASES.length} questions and 3 subscriptions, ${used.size} kinds of differences`);
  assert.equal(unlisted.length, 0, `differences without a reason:\n${unlisted.join('\n')}`);
  const unused = DIFFERENCES.filter((difference) => !used.has(difference));
  assert.deepEqual(unused.map(({ where }) => String(where)), [], 'these differences are no more: take them from the list');
});
