// Checks shared/tests/vectors/exchange_order.json with ethers, as payment_vectors.mjs checks the payment orders, and with
// --write makes it anew.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TypedDataEncoder, Wallet, recoverAddress } from "ethers";
import {
  accepts,
  cancellationMessage,
  cancellationTypes,
  exchangeOrderMessage,
  orderTypes,
  reductionMessage,
  reductionTypes,
  withdrawalMessage,
  withdrawalTypes,
} from "./exchange_orders.mjs";
import { canonicalJson, domainOf } from "./receipts.mjs";

const path = join(import.meta.dirname, "../shared/tests/vectors/exchange_order.json");

const trader = new Wallet(`0x${"33".repeat(32)}`);
const stranger = new Wallet(`0x${"44".repeat(32)}`);
const EXCHANGE = "0x0000000000000000000000000000000000a17004";
const AIT = "0x0000000000000000000000000000000000a17001";
const TEST_DOLLAR = "0x0000000000000000000000000000000000a17005";
const OTHER = `0x${"ab".repeat(20)}`;
const CHAIN_ID = 24_822;
const EXPIRES_AT = 1_800_003_600;

/** 100 AIT at 0.25 tUSD each. */
const plain = {
  trader: trader.address.toLowerCase(),
  side: "buy",
  base: AIT,
  quote: TEST_DOLLAR,
  amount: "100000000000000000000",
  limit_price: "250000",
  time_in_force: "GTT",
  trigger: "NONE",
  trigger_price: "0",
  max_fee_basis_points: 20,
  expires_at: EXPIRES_AT,
  epoch: 0,
  nonce: 1,
  chain_id: CHAIN_ID,
  contract: EXCHANGE,
};

const widest = {
  amount: String(2n ** 128n - 1n),
  limit_price: String(2n ** 128n - 1n),
  trigger: "AT_OR_ABOVE",
  trigger_price: String(2n ** 128n - 1n),
  max_fee_basis_points: 65_535,
  // The largest whole number that JSON carries exactly everywhere.
  expires_at: Number.MAX_SAFE_INTEGER,
  epoch: Number.MAX_SAFE_INTEGER,
  nonce: Number.MAX_SAFE_INTEGER,
  chain_id: 1,
  contract: OTHER,
};

const digestOf = (types, message, { chain_id, contract }) => TypedDataEncoder.hash(domainOf(chain_id, contract), types, message);
const orderDigest = (order, shown = order) => digestOf(orderTypes, exchangeOrderMessage(order), shown);

function signed(kind, name, content, types, message) {
  const digest = digestOf(types, message, content);
  return { name, [kind]: content, trader_private_key: trader.privateKey, digest, signature: trader.signingKey.sign(digest).serialized };
}

const order = (name, changes) => {
  const content = { ...plain, ...changes };
  return signed("order", name, content, orderTypes, exchangeOrderMessage(content));
};

/** Signed as `made`, then shown to a contract with `shown` altered, at `at`. */
function refused(name, refusal, { made = {}, shown = {}, at = {}, signer = trader }) {
  const content = { ...plain, ...made };
  return {
    name,
    refusal,
    order: { ...content, ...shown },
    shown_to: { chain_id: CHAIN_ID, contract: EXCHANGE, now: EXPIRES_AT, ...at },
    signature: signer.signingKey.sign(orderDigest(content)).serialized,
  };
}

/** A trade that the order's price allows, or does not. */
const price = (side, base, quote, allowed) => ({ side, limit_price: plain.limit_price, base: String(base), quote: String(quote), allowed });

function computed() {
  const altered = (name, shown) => refused(name, "signature", { shown });
  const cancellation = { trader: plain.trader, from_nonce: 3, to_nonce: 9, chain_id: CHAIN_ID, contract: EXCHANGE };
  const reduction = { trader: plain.trader, order_nonce: 1, amount: "50000000000000000000", chain_id: CHAIN_ID, contract: EXCHANGE };
  const withdrawal = { trader: plain.trader, asset: TEST_DOLLAR, amount: "2500000", expires_at: EXPIRES_AT, nonce: 10, chain_id: CHAIN_ID, contract: EXCHANGE };
  const AIT_WHOLE = 10n ** 18n;
  return {
    orders: [
      order("buys and stays", {}),
      order("sells and stays", { side: "sell", nonce: 2 }),
      order("sells at once", { side: "sell", time_in_force: "IOC", nonce: 3 }),
      order("buys all or nothing", { time_in_force: "FOK", nonce: 4 }),
      order("never takes", { time_in_force: "POST_ONLY", epoch: 1, nonce: 5 }),
      order("sells at once, once the price has fallen", { side: "sell", time_in_force: "IOC", trigger: "AT_OR_BELOW", trigger_price: "240000", nonce: 6 }),
      order("buys and stays, once the price has risen", { trigger: "AT_OR_ABOVE", trigger_price: "260000", nonce: 7 }),
      order("the widest numbers, another chain and contract", widest),
    ],
    refused: [
      refused("signed for another contract", "signature", { made: { contract: OTHER } }),
      refused("signed for another chain", "signature", { made: { chain_id: 1 } }),
      refused("signed by another", "signature", { signer: stranger }),
      altered("shown as of another trader", { trader: stranger.address.toLowerCase() }),
      altered("shown as one that sells", { side: "sell" }),
      altered("shown for a higher amount", { amount: "100000000000000000001" }),
      altered("shown at a higher price", { limit_price: "250001" }),
      altered("shown as one that takes at once", { time_in_force: "IOC" }),
      altered("shown with a trigger", { trigger: "AT_OR_ABOVE", trigger_price: "250000" }),
      altered("shown with a trigger price alone", { trigger_price: "1" }),
      refused("shown without its trigger", "signature", { made: { trigger: "AT_OR_BELOW", trigger_price: "240000" }, shown: { trigger: "NONE", trigger_price: "0" } }),
      refused("shown with a trigger that is reached earlier", "signature", { made: { trigger: "AT_OR_BELOW", trigger_price: "240000" }, shown: { trigger_price: "245000" } }),
      refused("shown with a trigger in the other direction", "signature", { made: { trigger: "AT_OR_BELOW", trigger_price: "240000" }, shown: { trigger: "AT_OR_ABOVE" } }),
      altered("shown with a higher fee", { max_fee_basis_points: 21 }),
      altered("shown with a later expiry", { expires_at: EXPIRES_AT + 1 }),
      altered("shown with a later epoch", { epoch: 1 }),
      altered("shown with another nonce", { nonce: 2 }),
      refused("signed for another base asset", "signature", { made: { base: OTHER }, shown: { base: AIT } }),
      refused("signed for another quote asset", "signature", { made: { quote: OTHER }, shown: { quote: TEST_DOLLAR } }),
      refused("expired by one second", "expiry", { at: { now: EXPIRES_AT + 1 } }),
    ],
    prices: [
      price("buy", AIT_WHOLE, 250_000n, true),
      price("buy", AIT_WHOLE, 250_001n, false),
      price("sell", AIT_WHOLE, 250_000n, true),
      price("sell", AIT_WHOLE, 249_999n, false),
      // 3 units of the base asset are worth less than one of the quote asset: only nothing is cheap enough, and only one
      // is dear enough.
      price("buy", 3n, 0n, true),
      price("buy", 3n, 1n, false),
      price("sell", 3n, 1n, true),
      price("sell", 3n, 0n, false),
      price("buy", 2n ** 128n - 1n, 2n ** 128n - 1n, false),
      price("sell", 2n ** 128n - 1n, 2n ** 128n - 1n, true),
    ],
    cancellations: [
      signed("cancellation", "several orders", cancellation, cancellationTypes, cancellationMessage(cancellation)),
    ],
    reductions: [
      signed("reduction", "half of the first order", reduction, reductionTypes, reductionMessage(reduction)),
    ],
    withdrawals: [
      signed("withdrawal", "two and a half test dollars", withdrawal, withdrawalTypes, withdrawalMessage(withdrawal)),
    ],
  };
}

/** Why the contract that is shown the order refuses it, or null. */
function refusalOf({ order, shown_to, signature }) {
  if (order.expires_at < shown_to.now) return "expiry";
  return recoverAddress(orderDigest(order, shown_to), signature).toLowerCase() === order.trader ? null : "signature";
}

function* faults(vectors) {
  if (canonicalJson(vectors) !== canonicalJson(computed())) yield "exchange_order.json differs from what ethers computes: run with --write to see how";
  for (const vector of vectors.refused) {
    const found = refusalOf(vector);
    if (found !== vector.refusal) yield `"${vector.name}" is refused for ${vector.refusal}, got ${found}`;
  }
  for (const vector of vectors.orders) {
    const { chain_id, contract, expires_at: now } = vector.order;
    const found = refusalOf({ ...vector, shown_to: { chain_id, contract, now } });
    if (found !== null) yield `"${vector.name}" settles in its last second, got ${found}`;
  }
  for (const { side, limit_price, base, quote, allowed } of vectors.prices) {
    if (accepts({ side, limit_price }, base, quote) !== allowed) yield `${side} ${base} for ${quote} is ${allowed ? "" : "not "}allowed at ${limit_price}`;
  }
  for (const { name, digest, signature } of [...vectors.cancellations, ...vectors.reductions, ...vectors.withdrawals]) {
    if (recoverAddress(digest, signature) !== trader.address) yield `"${name}" is not signed by ${trader.address}`;
  }
}

if (process.argv.includes("--write")) writeFileSync(path, `${JSON.stringify(computed(), null, 2)}\n`);
const vectors = JSON.parse(readFileSync(path, "utf8"));
for (const fault of faults(vectors)) {
  console.error(fault);
  process.exitCode = 1;
}
console.log(`${vectors.orders.length} valid and ${vectors.refused.length} refused orders of the exchange and ${vectors.prices.length} prices checked with ethers`);
