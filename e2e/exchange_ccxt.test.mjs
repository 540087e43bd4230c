// The library ccxt trades on the exchange, by our class of its base class: markets and prices, orders signed by two traders, their
// trades and balances, in the structures that the library gives to every exchange, and refusals as its errors.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { errors } from 'ccxt';
import { createPublicClient, createWalletClient, defineChain } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { createJob, follow, image } from './support/api.mjs';
import { AitbcExchange } from './support/ccxt_exchange.mjs';
import { CHAIN_ID, EXCHANGE, TEST_DOLLAR, TOKEN, dollarAbi, exchangeAbi, tokenAbi } from './support/contracts.mjs';
import { System } from './support/system.mjs';
import { patient, WAITING } from './support/viem.mjs';

const SYMBOL = 'AIT/tUSD';
const LIMIT_MS = 300_000;

let system;
let seller;
let buyer;

/** A trader of the library with this key, and a wallet that sends its transactions. */
function trader(privateKey) {
  const exchange = new AitbcExchange({ privateKey, timeout: LIMIT_MS });
  exchange.urls.api = system.url;
  const chain = defineChain({
    id: CHAIN_ID,
    name: 'AITBC',
    nativeCurrency: { name: 'gas', symbol: 'GAS', decimals: 18 },
    rpcUrls: { default: { http: [`${system.url}/rpc`] } },
  });
  const wallet = createWalletClient({ account: privateKeyToAccount(privateKey), chain, transport: patient() });
  const reader = createPublicClient({ chain, transport: patient() });
  const call = async (address, abi, functionName, ...args) => {
    const hash = await wallet.writeContract({ address, abi, functionName, args });
    const { status } = await reader.waitForTransactionReceipt({ hash, ...WAITING });
    assert.equal(status, 'success', functionName);
  };
  return { exchange, call };
}

/** Deposits, and waits until the exchange has it. */
async function deposit({ exchange, call }, asset, code, units, amount) {
  await call(asset, tokenAbi, 'approve', EXCHANGE, units);
  await call(EXCHANGE, exchangeAbi, 'deposit', asset, units);
  const limit = Date.now() + LIMIT_MS;
  while ((await exchange.fetchBalance()).free[code] !== amount) {
    assert.ok(Date.now() < limit, `the deposit of ${amount} ${code} does not arrive`);
    await wait(50);
  }
}

/** It has every member of the library's structure, and numbers where those are. */
function assertUnified(structure, whole, ...numbers) {
  for (const name of Object.keys(whole)) assert.ok(name in structure, `${name} is missing: ${JSON.stringify(structure)}`);
  for (const name of numbers) assert.equal(typeof structure[name], 'number', `${name} of ${JSON.stringify(structure)}`);
}

before(async () => {
  // At this price each picture is worth 0.26 AIT.
  system = await System.start('exchange-ccxt', { workers: 0 });
  system.initWorker(1, { pictureUnitPriceAit: '0.5' });
  system.startWorker(1);
  await system.ready(1);
  for (const seed of [1, 2, 3]) {
    const { id } = await createJob(system.url, image('a lighthouse at dusk', { width: 256, height: 256, steps: 8, seed }));
    await follow(system.url, id, { minted: true });
  }
  const key = readFileSync(join(system.data, 'worker-1/keys/dev-miner.key'), 'utf8').trim();
  seller = trader(key.startsWith('0x') ? key : `0x${key}`);
  buyer = trader(generatePrivateKey());
  await deposit(seller, TOKEN, 'AIT', 4n * 10n ** 17n, 0.4);
  await buyer.call(TEST_DOLLAR, dollarAbi, 'faucet');
  await deposit(buyer, TEST_DOLLAR, 'tUSD', 100_000_000n, 100);
});

after(async () => system?.stop());

test('the market and its empty book are in the structures of the library', async () => {
  const { exchange } = buyer;
  const market = (await exchange.loadMarkets())[SYMBOL];
  assertUnified(market, exchange.safeMarketStructure(), 'taker', 'maker');
  assert.deepEqual([market.id, market.base, market.quote, market.type, market.active], ['AIT-tUSD', 'AIT', 'tUSD', 'spot', true]);
  assert.deepEqual([market.precision.amount, market.precision.price, market.limits.cost.min], [0.01, 0.0001, 0.01]);
  assert.deepEqual([market.maker, market.taker], [0.001, 0.002]);
  const book = await exchange.fetchOrderBook(SYMBOL);
  assert.deepEqual([book.symbol, book.bids, book.asks, typeof book.nonce], [SYMBOL, [], [], 'number']);
  assert.equal((await exchange.fetchTicker(SYMBOL)).last, undefined);
  assert.deepEqual(await exchange.fetchTrades(SYMBOL), []);
  await assert.rejects(exchange.fetchTicker('AIT/GOLD'), errors.BadSymbol);
});

test('an order waits, is taken by another, and both traders see the trade', async () => {
  const waiting = await seller.exchange.createOrder(SYMBOL, 'limit', 'sell', 0.3, 0.25);
  assertUnified(waiting, seller.exchange.safeOrder({}), 'timestamp', 'price', 'amount', 'filled', 'remaining');
  assert.deepEqual([waiting.status, waiting.side, waiting.timeInForce, waiting.remaining], ['open', 'sell', 'GTC', 0.3]);
  assert.deepEqual((await seller.exchange.fetchOpenOrders(SYMBOL)).map(({ id }) => id), [waiting.id]);
  assert.deepEqual((await buyer.exchange.fetchOrderBook(SYMBOL, 5)).asks, [[0.25, 0.3]]);

  const taken = await buyer.exchange.createOrder(SYMBOL, 'limit', 'buy', 0.2, 0.25, { timeInForce: 'IOC' });
  assert.deepEqual([taken.status, taken.filled, taken.average, taken.cost], ['closed', 0.2, 0.25, 0.05]);
  assert.deepEqual(taken.fee, { currency: 'AIT', cost: 0.0004 });
  const [fill, ...others] = await buyer.exchange.fetchMyTrades(SYMBOL);
  assertUnified(fill, buyer.exchange.safeTrade({}), 'timestamp', 'price', 'amount', 'cost');
  assert.deepEqual([others.length, fill.order, fill.side, fill.takerOrMaker], [0, taken.id, 'buy', 'taker']);
  const [sold] = await seller.exchange.fetchMyTrades(SYMBOL);
  assert.deepEqual([sold.id, sold.order, sold.side, sold.takerOrMaker], [fill.id, waiting.id, 'sell', 'maker']);
  assert.deepEqual([sold.fee.currency, sold.fee.cost], ['tUSD', 0.00005]);

  const [trade] = await buyer.exchange.fetchTrades(SYMBOL);
  assert.deepEqual([trade.id, trade.price, trade.amount, trade.side], [fill.id, 0.25, 0.2, 'buy']);
  const ticker = await buyer.exchange.fetchTicker(SYMBOL);
  assertUnified(ticker, buyer.exchange.safeTicker({}), 'last', 'ask', 'baseVolume');
  assert.deepEqual([ticker.last, ticker.ask, ticker.bid, ticker.baseVolume], [0.25, 0.25, undefined, 0.2]);
  const candles = await buyer.exchange.fetchOHLCV(SYMBOL, '1m');
  assert.equal(candles.length, 1);
  assert.equal(candles[0][0] % 60_000, 0);
  assert.deepEqual(candles[0].slice(1), [0.25, 0.25, 0.25, 0.25, 0.2]);

  const bought = await buyer.exchange.fetchBalance();
  assert.deepEqual([bought.AIT, bought.free.tUSD], [{ free: 0.1996, used: 0, total: 0.1996 }, 99.95]);
  assert.deepEqual((await seller.exchange.fetchBalance()).AIT, { free: 0.1, used: 0.1, total: 0.2 });
});

test('an order is cancelled once, by a signature', async () => {
  const [open] = await seller.exchange.fetchOpenOrders(SYMBOL);
  const cancelled = await seller.exchange.cancelOrder(open.id, SYMBOL);
  assert.deepEqual([cancelled.id, cancelled.status, cancelled.filled], [open.id, 'canceled', 0.2]);
  await assert.rejects(seller.exchange.cancelOrder(open.id, SYMBOL), errors.OrderNotFound);
  await assert.rejects(seller.exchange.cancelOrder('999999', SYMBOL), errors.OrderNotFound);
  assert.deepEqual(await seller.exchange.fetchOpenOrders(), []);
});

test('an order waits for a price, and what cannot be is an error of the library', async () => {
  const stop = await seller.exchange.createOrder(SYMBOL, 'limit', 'sell', 0.1, 0.2, { stopLossPrice: 0.22, timeInForce: 'IOC' });
  assert.deepEqual([stop.status, stop.triggerPrice, stop.info.trigger.direction], ['open', 0.22, 'AT_OR_BELOW']);
  assert.deepEqual((await buyer.exchange.fetchOrderBook(SYMBOL)).asks, [], 'it is in the book before its trigger');
  await seller.exchange.cancelOrder(stop.id, SYMBOL);

  const resting = await buyer.exchange.createOrder(SYMBOL, 'limit', 'buy', 0.1, 0.2, { postOnly: true });
  assert.deepEqual([resting.timeInForce, resting.postOnly, resting.status], ['PO', true, 'open']);
  const order = (side, amount, price, params) => seller.exchange.createOrder(SYMBOL, 'limit', side, amount, price, params);
  await assert.rejects(order('sell', 0.1, 0.2, { postOnly: true }), errors.OrderImmediatelyFillable);
  await assert.rejects(order('sell', 5, 0.3), errors.InsufficientFunds);
  await assert.rejects(order('sell', 0.01, 0.3), errors.InvalidOrder);
  await assert.rejects(seller.exchange.createOrder(SYMBOL, 'market', 'sell', 0.1), errors.InvalidOrder);
  const elsewhere = new AitbcExchange({ privateKey: generatePrivateKey(), options: { contract: TOKEN } });
  elsewhere.urls.api = system.url;
  await assert.rejects(elsewhere.createOrder(SYMBOL, 'limit', 'buy', 1, 0.2), /not where it should/);
  assert.deepEqual((await seller.exchange.fetchOpenOrders()).length, 0, 'a refused order is open');
});

test('a trading key orders and cancels for its owner, until the owner takes it back', async () => {
  const [owner, key] = [buyer.exchange.trader(), generatePrivateKey()];
  const robot = new AitbcExchange({ privateKey: key, walletAddress: owner });
  robot.urls.api = system.url;
  const order = () => robot.createOrder(SYMBOL, 'limit', 'buy', 0.1, 0.15, { waitSeconds: 600 });
  await assert.rejects(order(), errors.PermissionDenied);
  const { address } = privateKeyToAccount(key);
  const untilTomorrow = BigInt(Math.floor(Date.now() / 1000) + 86_400);
  await buyer.call(EXCHANGE, exchangeAbi, 'addDelegate', address, untilTomorrow);
  const [first, second] = [await order(), await order()];
  assert.equal(first.info.delegate, address.toLowerCase());
  assert.equal((await robot.cancelOrder(first.id, SYMBOL)).status, 'canceled');

  await buyer.call(EXCHANGE, exchangeAbi, 'revokeDelegate', address);
  const limit = Date.now() + LIMIT_MS;
  while ((await robot.fetchOrder(second.id)).status === 'open') {
    assert.ok(Date.now() < limit, 'the order of a revoked key stays in the book');
    await wait(50);
  }
  await assert.rejects(order(), errors.PermissionDenied);
});
