// The exchange page's scripts without a browser: what they have signed, what they say of an order, and the book they keep.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashTypedData } from 'viem';
import { call, signatureParts, words as wordsOf } from '../public/trading/abi.js';
import { exact, parseUnits, shown } from '../public/trading/amounts.js';
import { Book, crc32, Trades } from '../public/trading/book.js';
import { readReduction, readTicket, sentence, shareOfBalance } from '../public/trading/ticket.js';
import { cancellationTypedData, orderTypedData, withdrawalTypedData } from '../public/trading/typed_data.js';

const path = join(import.meta.dirname, '../shared/tests/vectors/exchange_order.json');
const vectors = JSON.parse(readFileSync(path, 'utf8'));

test('a wallet is asked to sign what the vectors hold', () => {
  assert.ok(vectors.orders.length >= 6 && vectors.withdrawals.length > 0 && vectors.cancellations.length > 0);
  for (const { name, digest, order } of vectors.orders) assert.equal(hashTypedData(orderTypedData(order)), digest, name);
  for (const { name, digest, withdrawal } of vectors.withdrawals) {
    assert.equal(hashTypedData(withdrawalTypedData(withdrawal)), digest, name);
  }
  for (const { name, digest, cancellation } of vectors.cancellations) {
    assert.equal(hashTypedData(cancellationTypedData(cancellation)), digest, name);
  }
  const altered = vectors.refused.filter(({ order, refusal, digest }) => order && digest && refusal === 'signature');
  for (const { name, order, shown_to, digest } of altered) {
    assert.notEqual(hashTypedData(orderTypedData({ ...order, ...shown_to })), digest, name);
  }
});

test('decimals are exact both ways, and what is no number of an asset is none', () => {
  assert.equal(parseUnits('12.5', 6), 12_500_000n);
  assert.equal(parseUnits(' 0.000001 ', 6), 1n);
  assert.equal(parseUnits('340282366920938463463374607431768211455', 0), 2n ** 128n - 1n);
  assert.equal(parseUnits('1.50', 1), 15n, 'a zero at the end is no digit');
  for (const wrong of ['', '.', '.5', '1,5', '-1', '1e3', '0x10', '1.0000001', '1 000']) {
    assert.equal(parseUnits(wrong, 6), undefined, wrong);
  }
  assert.equal(exact(12_500_000n, 6), '12.5');
  assert.equal(exact(1n, 18), '0.000000000000000001');
  assert.equal(shown(1_234_500_000n, 6, 2), '1\u202f234.50');
  assert.equal(shown(123n, 0), '123');
});

const market = {
  base: { symbol: 'AIT', decimals: 18 },
  quote: { symbol: 'tUSD', decimals: 6 },
  lot_units: `${10n ** 15n}`,
  limit_price_step: '1000',
  limit_price_max: '4000000000',
  amount_max_units: `${10n ** 21n}`,
  notional_min_units: '10000',
  maker_fee_basis_points: 5,
  taker_fee_basis_points: 10,
};
const AIT = 10n ** 18n;
const balances = { base: { free: 100n * AIT, reserved: 0n }, quote: { free: 50_000_000n, reserved: 1_000_000n } };
const ticket = (changes) => ({
  side: 'buy', kind: 'GTT', days: '7 days', trigger: 'NONE', triggerPrice: '', amount: '12.5', price: '0.021', ...changes,
});
const words = {
  buys: '+{amount} {base} @{price} {quote} ={total} fee {rate} {fee}', sells: '-{amount} {base} @{price} ={total} fee {fee}',
  afterwards: 'then {gained}, {left}', GTT: '{days}', POST_ONLY: 'waits', IOC: 'now', FOK: 'all',
  GTTAfterTrigger: 'rest of {days}', IOCAfterTrigger: 'then now',
  triggerAT_OR_ABOVE: '{name} >={trigger} {quote} {days}:', triggerAT_OR_BELOW: '{name} <={trigger} {quote} {days}:', stop: 'stop', takeProfit: 'profit',
};

test('an order says what it will cost, bring, and leave', () => {
  const said = (changes, has) => sentence(market, readTicket(market, ticket(changes), has), has, words);
  assert.equal(said({}, balances), '+12.5 AIT @0.021 tUSD =0.2625 fee 0.1 % 0.0125 AIT then 112.4875 AIT, 50.7375 tUSD 7 days');
  assert.equal(said({ side: 'sell', kind: 'IOC' }, balances), '-12.5 AIT @0.021 =0.2625 fee 0.000262 tUSD then 51.262238 tUSD, 87.5 AIT now');
  assert.equal(said({ kind: 'POST_ONLY' }, undefined), '+12.5 AIT @0.021 tUSD =0.2625 fee 0.05 % 0.00625 AIT waits');
});

test('what the exchange would refuse is said before anybody signs', () => {
  const problem = (changes, has = balances) => {
    const read = readTicket(market, ticket(changes), has);
    return [read.field, read.problem];
  };
  assert.deepEqual(problem({ amount: '12.5001' }), ['amount', 'offLot']);
  assert.deepEqual(problem({ amount: 'ten' }), ['amount', 'offLot']);
  assert.deepEqual(problem({ amount: '0' }), ['amount', 'nothing']);
  assert.deepEqual(problem({ amount: '1000.001' }), ['amount', 'tooMuch']);
  assert.deepEqual(problem({ price: '0.0215' }), ['price', 'offTick']);
  assert.deepEqual(problem({ price: '0' }), ['price', 'offTick']);
  assert.deepEqual(problem({ price: '4000.001' }), ['price', 'tooDear']);
  assert.deepEqual(problem({ amount: '0.001' }), ['amount', 'tooSmall']);
  assert.deepEqual(problem({ price: '5' }), ['amount', 'notEnough']);
  assert.deepEqual(problem({ side: 'sell', amount: '100.001' }), ['amount', 'notEnough']);
  assert.deepEqual(problem({ price: '5' }, null), [undefined, undefined], 'a visitor has no balance to exceed');
  assert.deepEqual(readTicket(market, ticket({ price: ' ' }), balances), { incomplete: true });
});

test('an order with a trigger says first what it waits for, and that it would not wait', () => {
  const waiting = (changes) => ticket({ side: 'sell', kind: 'IOC', trigger: 'AT_OR_BELOW', triggerPrice: '0.022', ...changes });
  const said = (changes) => sentence(market, readTicket(market, waiting(changes), undefined, 23_000n), undefined, words);
  assert.equal(said({}), 'stop <=0.022 tUSD 7 days: -12.5 AIT @0.021 =0.2625 fee 0.000262 tUSD then now');
  const stopLimit = said({ kind: 'GTT' });
  assert.match(stopLimit, / fee 0\.000262 tUSD rest of 7 days$/);
  assert.equal(stopLimit.match(/(?<!of )7 days/g).length, 1, 'its days count once');
  assert.match(said({ trigger: 'AT_OR_ABOVE', triggerPrice: '0.024' }), /^profit >=0\.024 /);
  assert.match(said({ side: 'buy' }), /^profit <=/);
  assert.match(said({ side: 'buy', trigger: 'AT_OR_ABOVE', triggerPrice: '0.024' }), /^stop >=/);
  const read = (changes, last) => readTicket(market, waiting(changes), balances, last);
  const { trigger, triggerPrice, price } = read({}, 23_000n);
  assert.deepEqual([trigger, triggerPrice, price], ['AT_OR_BELOW', 22_000n, 21_000n]);
  assert.equal(read({}, undefined).problem, undefined, 'nobody traded yet');
  for (const last of [22_000n, 21_000n]) {
    const { field, problem, values } = read({}, last);
    assert.deepEqual([field, problem], ['trigger-price', 'triggerReached']);
    assert.deepEqual(values, { last: last === 22_000n ? '0.022' : '0.021', symbol: 'tUSD' });
  }
  assert.equal(read({ trigger: 'AT_OR_ABOVE' }, 22_000n).problem, 'triggerReached');
  assert.deepEqual([read({ triggerPrice: '0.0215' }).field, read({ triggerPrice: '0' }).problem], ['trigger-price', 'offTick']);
  assert.deepEqual(read({ triggerPrice: ' ' }), { incomplete: true });
});

test('an order is made smaller in whole lots, and never larger', () => {
  const has = 10n * AIT;
  assert.deepEqual(readReduction(market, '9.999', has), { amount: 9_999n * 10n ** 15n });
  for (const wrong of ['10', '11', '0', '1.0001', 'x', '']) assert.equal(readReduction(market, wrong, has).problem, 'notLess', wrong);
  assert.deepEqual(readReduction(market, '10', has).values, { step: '0.001', symbol: 'AIT', has: '10' });
});

test('a part of the balance is a whole number of lots, and is paid for', () => {
  assert.equal(shareOfBalance(market, ticket({ side: 'sell' }), balances, 25), '25');
  const bought = shareOfBalance(market, ticket({ price: '0.7' }), balances, 100);
  assert.equal(bought, '71.428');
  assert.equal(readTicket(market, ticket({ price: '0.7', amount: bought }), balances).problem, undefined);
  assert.equal(shareOfBalance(market, ticket({ price: '' }), balances, 100), undefined);
  const rich = { ...balances, base: { free: 10n ** 24n, reserved: 0n } };
  assert.equal(shareOfBalance(market, ticket({ side: 'sell' }), rich, 100), '1000', 'one order has at most so many');
});

const level = (price, amount) => ({ limit_price: `${price}`, amount_units: `${amount}`, price: `${price}`, amount: `${amount}` });
const told = (levels) => crc32(levels.map(({ limit_price: price, amount_units: amount }) => `${price}:${amount}`).join('|'));
const prices = (levels) => levels.map(({ limit_price: price }) => price);

test('the book follows its deltas, and notices what is missing or wrong', () => {
  assert.equal(crc32('123456789'), 0xcbf43926);
  assert.equal(crc32(''), 0);
  const start = { sequence: 4, bids: [level(100, 5), level(99, 1)], asks: [level(101, 2), level(1000, 3)] };
  const delta = {
    previous_sequence: 4,
    sequence: 9,
    bids: [level(100, 0), level(98, 7)],
    asks: [level(999, 1), level(101, 4)],
    checksum: told([level(99, 1), level(98, 7), level(101, 4), level(999, 1), level(1000, 3)]),
  };
  const book = new Book(start);
  assert.equal(book.checksum(), told([...start.bids, ...start.asks]));
  assert.equal(book.apply(delta), true);
  assert.deepEqual(prices(book.bids(10)), ['99', '98']);
  assert.deepEqual(prices(book.asks(10)), ['101', '999', '1000'], 'prices are compared as numbers');
  assert.equal(book.asks(1)[0].amount_units, '4');
  assert.equal(book.apply({ ...delta, sequence: 10 }), false, 'a message before it is missing');
  assert.equal(new Book(start).apply({ ...delta, checksum: delta.checksum ^ 1 }), false, 'the book is another one');
  const many = new Book({ sequence: 0, bids: [], asks: Array.from({ length: 40 }, (_, at) => level(at + 1, 1)) });
  assert.equal(many.checksum(), told(many.asks(25)), 'the best 25 levels count');
});

test('a thousand deltas on full sides double no level and lose none', () => {
  const asks = Array.from({ length: 1_000 }, (_, at) => level(10_000 + at, 1));
  const bids = Array.from({ length: 1_000 }, (_, at) => level(9_999 - at, 1));
  const book = new Book({ sequence: 0, asks, bids });
  for (let sequence = 1; sequence <= 1_000; sequence += 1) {
    const changed = level(10_000 + ((sequence * 7) % 1_000), sequence);
    book.apply({ previous_sequence: sequence - 1, sequence, checksum: 0, asks: [changed], bids: [] });
  }
  assert.equal(book.asks(2_000).length, 1_000);
  assert.equal(new Set(prices(book.asks(2_000))).size, 1_000);
});

test('the newest trade stands first, and its end is known', () => {
  const trade = (number, state = 'matched') => ({ trade: number, state });
  const trades = new Trades([trade(2), trade(1)], 3);
  trades.add([trade(3), trade(4)]);
  assert.deepEqual(trades.list().map(({ trade: number }) => number), [4, 3, 2]);
  trades.settle([trade(3, 'final'), trade(99, 'final')]);
  assert.deepEqual(trades.list().map(({ state }) => state), ['matched', 'final', 'matched']);
});

test('a call of a contract is its selector and whole words', () => {
  const data = call('0x70a08231', '0x00000000000000000000000000000000000000ff', 7n);
  assert.equal(data, `0x70a08231${'0'.repeat(62)}ff${'0'.repeat(63)}7`);
  assert.deepEqual(wordsOf(`0x${data.slice(10)}`), [255n, 7n]);
  const signature = `0x${'11'.repeat(32)}${'22'.repeat(32)}`;
  assert.deepEqual(signatureParts(`${signature}01`), [28, `0x${'11'.repeat(32)}`, `0x${'22'.repeat(32)}`]);
  assert.equal(signatureParts(`${signature}1b`)[0], 27);
});
