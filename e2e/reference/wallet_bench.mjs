// What a user would take instead of this wallet: ethers.js in node. Opens a keystore file of the usual cost (scrypt,
// N = 2^17), and signs transactions and permits one after the other. Prints `ready`, then one line of JSON.

import { Wallet } from 'ethers';

const UNLOCKS = 5;
const WARM_UP = 50;
const SIGNATURES = 1_000;
const PASSWORD = 'correct horse';
const CHAIN_ID = 24_822;
const TOKEN = '0x0000000000000000000000000000000000A17001';
const SPENDER = '0x0909090909090909090909090909090909090909';

const wallet = new Wallet(`0x${'07'.repeat(32)}`);
const keystore = wallet.encryptSync(PASSWORD, { scrypt: { N: 131_072, r: 8, p: 1 } });
console.log('ready');

async function seconds(work) {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1_000;
}

async function timesMs(work) {
  const times = [];
  for (let number = 0; number < WARM_UP + SIGNATURES; number += 1) {
    const taken = await seconds(() => work(number));
    if (number >= WARM_UP) times.push(taken * 1_000);
  }
  return times;
}

const unlocks = [];
for (let round = 0; round < UNLOCKS; round += 1) {
  unlocks.push(await seconds(() => Wallet.fromEncryptedJsonSync(keystore, PASSWORD)));
}

const transfer = (number) => ({
  type: 2, chainId: CHAIN_ID, nonce: number, gasLimit: 60_000, to: TOKEN, value: 0, maxFeePerGas: 0, maxPriorityFeePerGas: 0,
  data: `0xa9059cbb${SPENDER.slice(2).padStart(64, '0')}${number.toString(16).padStart(64, '0')}`,
});
const transactions = await timesMs((number) => wallet.signTransaction(transfer(number)));

const domain = { name: 'AITBC', version: '1', chainId: CHAIN_ID, verifyingContract: TOKEN };
const Permit = [
  { name: 'owner', type: 'address' }, { name: 'spender', type: 'address' }, { name: 'value', type: 'uint256' },
  { name: 'nonce', type: 'uint256' }, { name: 'deadline', type: 'uint256' },
];
const permits = await timesMs((number) =>
  wallet.signTypedData(domain, { Permit }, { owner: wallet.address, spender: SPENDER, value: 1, nonce: number, deadline: 9_999_999_999 }));

console.log(JSON.stringify({ unlock_seconds: unlocks, transaction_ms: transactions, permit_ms: permits }));
