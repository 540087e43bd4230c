// What the exchange promises, on a fresh installation and in one go: two people with two wallets trade, the server dies between
// the match and the block, the trade becomes final, nothing is lost, and then one of them leaves with everything while nobody
// operates the exchange.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createJob, follow, image, rpc } from './support/api.mjs';
import { EXCHANGE, TEST_DOLLAR, TOKEN } from './support/contracts.mjs';
import { System, program } from './support/system.mjs';

/** In seconds. The contract takes 30; two commands have to fit in on a busy machine. */
const EXIT_DELAY = '60';
const LIMIT_MS = 300_000;
const CENT = 10n ** 16n;

const home = mkdtempSync(join(tmpdir(), 'aitbc-e2e-wallets-'));
const seller = { name: 'seller' };
const buyer = { name: 'buyer' };
let system;

/** A command of `aitbc` with the wallets of this test. */
function run(...words) {
  const common = ['--folder', join(home, 'wallets'), '--json'];
  return spawnSync(program('aitbc'), [...words, ...common], { encoding: 'utf8' });
}

/** One that signs, and must succeed; its answer. */
function signed(...words) {
  const { status, stdout, stderr } = run(...words, '--password-file', join(home, 'password'), '--url', system.url, '--yes');
  assert.equal(status, 0, `aitbc ${words.join(' ')}: ${stderr}`);
  return JSON.parse(stdout);
}

function secretFile(name, text) {
  const path = join(home, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

function importWallet(person, key) {
  const file = secretFile(person.name, key.replace('0x', ''));
  const { status, stdout, stderr } = run('wallet', 'import', person.name, '--file', file, '--password-file', join(home, 'password'));
  assert.equal(status, 0, stderr);
  person.address = JSON.parse(stdout).address;
}

async function until(what, holds) {
  const limit = Date.now() + LIMIT_MS;
  for (;;) {
    const found = await holds();
    if (found) return found;
    assert.ok(Date.now() < limit, `not within ${LIMIT_MS / 1000} s: ${what}`);
    await wait(50);
  }
}

const get = async (path) => (await fetch(system.url + path)).json();
const account = ({ address }) => get(`/v1/exchange/accounts/${address}`);

/** A call of a contract that answers one number. */
async function number(to, selector, ...addresses) {
  const data = `0x${selector}${addresses.map((address) => address.slice(2).toLowerCase().padStart(64, '0')).join('')}`;
  return BigInt(await rpc(system.url, 'eth_call', { to, data }, 'latest'));
}

/** What the wallet itself has of an asset. */
const inWallet = (asset, { address }) => number(asset, '70a08231', address);

const units = async (person, symbol, figure) =>
  BigInt((await account(person)).balances.find((balance) => balance.symbol === symbol)[figure]);

before(async () => {
  system = await System.start('exchange-walk', { workers: 0, options: ['--exit-delay-seconds', EXIT_DELAY] });
  // At this price each picture is worth 0.26 AIT.
  system.initWorker(1, { pictureUnitPriceAit: '0.5' });
  system.startWorker(1);
  await system.ready(1);
  for (const seed of [1, 2]) {
    const { id } = await createJob(system.url, image('a lighthouse at dusk', { width: 256, height: 256, steps: 8, seed }));
    await follow(system.url, id, { minted: true });
  }
  secretFile('password', 'correct horse');
  importWallet(seller, readFileSync(join(system.data, 'worker-1/keys/dev-miner.key'), 'utf8').trim());
  importWallet(buyer, randomBytes(32).toString('hex'));
});

after(async () => {
  await system?.stop();
  rmSync(home, { recursive: true, force: true });
});

let bought;

test('two wallets trade, and what the server acknowledged before it died is final when it is back', async () => {
  signed('exchange', 'deposit', 'seller', '0.4', 'AIT');
  signed('exchange', 'faucet', 'buyer', 'tUSD');
  signed('exchange', 'deposit', 'buyer', '100', 'tUSD');
  await until('the book has both deposits', async () =>
    (await units(seller, 'AIT', 'free_units')) === 40n * CENT && (await units(buyer, 'tUSD', 'free_units')) === 100_000_000n);
  const offered = signed('exchange', 'order', 'seller', 'AIT-tUSD', 'sell', '0.3', '0.25');
  const taken = signed('exchange', 'order', 'buyer', 'AIT-tUSD', 'buy', '0.2', '0.25', '--kind', 'ioc');
  // Whether a block has the trade by now or not: it is acknowledged.
  await system.killServer();
  assert.equal(taken.order.state, 'filled');
  assert.equal(taken.fills.length, 1);

  system.startServer();
  await system.ready(1);
  const fills = await until('the trade is final', async () => {
    const { items } = await get(`/v1/exchange/accounts/${buyer.address}/fills`);
    return items[0]?.state === 'final' && items;
  });
  assert.equal(fills.length, 1, 'the trade happened twice');
  const receipt = await rpc(system.url, 'eth_getTransactionReceipt', fills[0].settled_in.transaction_hash);
  assert.equal(receipt.status, '0x1');
  await until('both books are settled', async () =>
    (await account(buyer)).trades_to_settle === 0 && (await account(seller)).trades_to_settle === 0);

  // Nothing is lost: the taker paid 0.2 % of the 0.2 AIT, the maker 0.1 % of the 0.05 tUSD, and the rest still waits.
  bought = 20n * CENT - (20n * CENT * 20n) / 10_000n;
  assert.equal(await units(buyer, 'AIT', 'in_contract_units'), bought);
  assert.equal(await units(buyer, 'tUSD', 'in_contract_units'), 100_000_000n - 50_000n);
  assert.equal(await units(seller, 'tUSD', 'in_contract_units'), 50_000n - 50n);
  assert.equal(await units(seller, 'AIT', 'in_contract_units'), 20n * CENT);
  assert.equal(await units(seller, 'AIT', 'reserved_units'), 10n * CENT);
  const { order } = await get(`/v1/exchange/orders/${offered.order.id}`);
  assert.deepEqual([order.state, order.filled, order.amount], ['open', '0.2', '0.3']);
  const { fault, reconciliation } = await get('/v1/exchange');
  assert.deepEqual([fault ?? null, reconciliation.differing], [null, 0]);
});

test('the buyer leaves with everything while nobody operates the exchange', async () => {
  await system.stopServer();
  system.options.push('--no-exchange');
  system.startServer();
  await system.ready(1);
  assert.equal((await fetch(`${system.url}/v1/exchange`)).status, 404, 'somebody operates it');
  const before = { ait: await inWallet(TOKEN, buyer), dollars: await inWallet(TEST_DOLLAR, buyer) };
  const leave = ['exchange', 'exit', 'buyer', '--password-file', join(home, 'password'), '--url', system.url, '--yes'];
  const asked = run(...leave);
  assert.equal(asked.status, 0, asked.stderr);
  const { step, exit_at: exitAt } = JSON.parse(asked.stdout);
  assert.equal(step, 'requested');
  const early = run(...leave);
  assert.notEqual(early.status, 0, 'it left before its time');
  assert.match(early.stderr, /everything can be taken from \d+ \(Unix seconds\) on/);
  await wait(Number(exitAt) * 1_000 - Date.now());
  const done = run(...leave);
  assert.equal(done.status, 0, done.stderr);
  const left = JSON.parse(done.stdout);
  assert.deepEqual([left.step, left.transactions.length], ['taken', 2]);
  assert.equal((await inWallet(TOKEN, buyer)) - before.ait, bought);
  assert.equal((await inWallet(TEST_DOLLAR, buyer)) - before.dollars, 100_000_000n - 50_000n);
  // The other's money is where it was.
  assert.ok((await inWallet(TOKEN, { address: EXCHANGE })) >= 20n * CENT);
});
