// Checks shared/tests/vectors/payment_order.json with ethers, as vectors.mjs checks the receipts, and with --write makes
// it anew.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TypedDataEncoder, Wallet, keccak256, recoverAddress, toUtf8Bytes } from "ethers";
import { closingMessage, jobQuoteTypes, orderMessage, orderOf, paymentOrderTypes, quoteMessage, reservationClosingTypes } from "./payments.mjs";
import { canonicalJson, domainOf } from "./receipts.mjs";

const path = join(import.meta.dirname, "../shared/tests/vectors/payment_order.json");

const client = new Wallet(`0x${"33".repeat(32)}`);
const hub = new Wallet(`0x${"22".repeat(32)}`);
const ESCROW = "0x0000000000000000000000000000000000a17003";
const OTHER_CONTRACT = `0x${"ab".repeat(20)}`;
const CHAIN_ID = 24_822;
const EXPIRES_AT = 1_800_003_600;
const MAX_ORDER_SECONDS = 90 * 86_400;
const MAX_TASKS = 256;

const picture = {
  job_id: "job_fedcba98765432100123456789abcdef",
  client: client.address.toLowerCase(),
  hub: hub.address.toLowerCase(),
  max_total: "2500000000000000000",
  max_unit_price: "100000000000000000",
  unit_type: "megapixel_step",
  tasks: 1,
  expires_at: EXPIRES_AT,
  chain_id: CHAIN_ID,
  contract: ESCROW,
};

const widest = {
  max_total: String(2n ** 128n - 1n),
  max_unit_price: String(2n ** 128n - 1n),
  tasks: MAX_TASKS,
  start_within_seconds: 2 ** 32 - 1,
  finish_within_seconds: 2 ** 32 - 1,
  // The last second that the token's clock of 48 bits knows.
  expires_at: 2 ** 48 - 1,
  chain_id: 1,
  contract: OTHER_CONTRACT,
};

const orderDigest = (order, chainId = order.chain_id, contract = order.contract) =>
  TypedDataEncoder.hash(domainOf(chainId, contract), paymentOrderTypes, orderMessage(order));

const closingDigest = (closing) =>
  TypedDataEncoder.hash(domainOf(closing.chain_id, closing.contract), reservationClosingTypes, closingMessage(closing));

const quoteDigest = (quote) => TypedDataEncoder.hash(domainOf(quote.chain_id, quote.contract), jobQuoteTypes, quoteMessage(quote));

/** The body of `POST /v1/quotes`, and the same without its payment: what the quote's hash is of. */
const request = {
  kind: "image",
  model: "aitbc-scenes-1",
  input: { prompt: "a lake at \u{1F319} night", steps: 4, width: 256, height: 256, guidance: 2.5 },
  constraints: { max_price: "1000000000000000000" },
  ttl_seconds: 900,
};

function quoted(name, changes, body = request) {
  const quote = {
    job_id: picture.job_id,
    client: picture.client,
    hub: picture.hub,
    request_hash: keccak256(toUtf8Bytes(canonicalJson(body))),
    model: "aitbc-scenes-1",
    unit_type: "megapixel_step",
    units: "262144",
    max_unit_price: "2000000000000000000",
    max_total: "524288000000000000",
    tasks: 1,
    fee_basis_points: 200,
    deadline: EXPIRES_AT + 900,
    expires_at: EXPIRES_AT,
    chain_id: CHAIN_ID,
    contract: ESCROW,
    ...changes,
  };
  const digest = quoteDigest(quote);
  return {
    name,
    request: body,
    quote,
    hub_private_key: hub.privateKey,
    digest,
    signature: hub.signingKey.sign(digest).serialized,
    order_digest: orderDigest(orderOf(quote)),
  };
}

/** An order that reserves until its last second. */
function valid(name, changes) {
  const order = { ...picture, ...changes };
  const digest = orderDigest(order);
  return {
    name,
    order,
    client_private_key: client.privateKey,
    struct_hash: TypedDataEncoder.hashStruct("PaymentOrder", paymentOrderTypes, orderMessage(order)),
    digest,
    signature: client.signingKey.sign(digest).serialized,
  };
}

/** Signed as `made`, then shown to a contract with `shown` altered, at `at`. */
function refused(name, refusal, { made = {}, shown = {}, at = {}, signer = client }) {
  const order = { ...picture, ...made };
  return {
    name,
    refusal,
    order: { ...order, ...shown },
    shown_to: { chain_id: CHAIN_ID, contract: ESCROW, now: EXPIRES_AT, ...at },
    signature: signer.signingKey.sign(orderDigest(order)).serialized,
  };
}

function closing(name, changes) {
  const closing = { client: picture.client, job_id: picture.job_id, reason: "failed", chain_id: CHAIN_ID, contract: ESCROW, ...changes };
  const digest = closingDigest(closing);
  return { name, closing, attester_private_key: hub.privateKey, digest, signature: hub.signingKey.sign(digest).serialized };
}

function computed() {
  const altered = (name, shown) => refused(name, "client_signature", { shown });
  return {
    cases: [
      valid("a plain picture", {}),
      valid("sixteen shards with both promises", { tasks: 16, start_within_seconds: 30, finish_within_seconds: 120 }),
      valid("tokens, to be finished in time", { unit_type: "token", finish_within_seconds: 60 }),
      valid("the widest numbers, another chain and contract", widest),
    ],
    refused: [
      refused("signed for another contract", "client_signature", { made: { contract: OTHER_CONTRACT } }),
      refused("signed for another chain", "client_signature", { made: { chain_id: 1 } }),
      refused("signed by the hub", "client_signature", { signer: hub }),
      altered("signed for another job", { job_id: "job_fedcba98765432100123456789abcdee" }),
      altered("signed by another client", { client: `0x${"c2".repeat(20)}` }),
      altered("signed for another hub", { hub: `0x${"c2".repeat(20)}` }),
      altered("signed for a lower total", { max_total: "2500000000000000001" }),
      altered("signed for a lower price", { max_unit_price: "100000000000000001" }),
      altered("signed for another unit type", { unit_type: "token" }),
      altered("signed for fewer tasks", { tasks: 2 }),
      altered("signed for a promised start", { start_within_seconds: 1 }),
      altered("signed for a promised end", { finish_within_seconds: 1 }),
      altered("signed for an earlier expiry", { expires_at: EXPIRES_AT + 1 }),
      refused("expired by one second", "expiry", { at: { now: EXPIRES_AT + 1 } }),
      refused("too long before its expiry", "expiry", { at: { now: EXPIRES_AT - MAX_ORDER_SECONDS - 1 } }),
    ],
    quotes: [
      quoted("a picture", {}),
      quoted("tokens at the widest numbers, of another chain and contract", {
        model: "m".repeat(100),
        unit_type: "token",
        units: String(2n ** 64n - 1n),
        max_unit_price: String(2n ** 128n - 1n),
        max_total: String(2n ** 128n - 1n),
        tasks: MAX_TASKS,
        fee_basis_points: 1_000,
        chain_id: 1,
        contract: OTHER_CONTRACT,
      }),
    ],
    closings: [
      ...["completed", "cancelled", "failed", "sla_breached"].map((reason) => closing(`closed as ${reason}`, { reason })),
      closing("another chain and contract", { chain_id: 1, contract: OTHER_CONTRACT }),
    ],
  };
}

/** Why the contract that is shown the order refuses it, or null. */
function refusalOf({ order, shown_to: { chain_id: chainId, contract, now }, signature }) {
  if (order.expires_at < now || order.expires_at > now + MAX_ORDER_SECONDS) return "expiry";
  const signer = recoverAddress(orderDigest(order, chainId, contract), signature).toLowerCase();
  return signer === order.client ? null : "client_signature";
}

function* faults(vectors) {
  if (canonicalJson(vectors) !== canonicalJson(computed())) yield "payment_order.json differs from what ethers computes: run with --write to see how";
  for (const vector of vectors.refused) {
    const found = refusalOf(vector);
    if (found !== vector.refusal) yield `"${vector.name}" is refused for ${vector.refusal}, got ${found}`;
  }
  for (const vector of vectors.cases) {
    const { chain_id, contract, expires_at: now } = vector.order;
    const found = refusalOf({ ...vector, shown_to: { chain_id, contract, now } });
    if (found !== null) yield `"${vector.name}" reserves in its last second, got ${found}`;
  }
  for (const { name, quote, signature } of vectors.quotes) {
    if (recoverAddress(quoteDigest(quote), signature) !== hub.address) yield `"${name}" is not signed by ${hub.address}`;
  }
  for (const { name, digest, signature } of vectors.closings) {
    if (recoverAddress(digest, signature) !== hub.address) yield `"${name}" is not signed by ${hub.address}`;
  }
}

if (process.argv.includes("--write")) writeFileSync(path, `${JSON.stringify(computed(), null, 2)}\n`);
const vectors = JSON.parse(readFileSync(path, "utf8"));
for (const fault of faults(vectors)) {
  console.error(fault);
  process.exitCode = 1;
}
console.log(`${vectors.cases.length} valid and ${vectors.refused.length} refused orders, ${vectors.quotes.length} quotes and ${vectors.closings.length} closings checked with ethers`);
