// Checks shared/tests/vectors/job_receipt.json with ethers, and the payment orders by payment_vectors.mjs. With --write
// it makes the files anew, which is a change of format: the vectors come from here and never from our own Rust code, so
// that the two check each other.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TypedDataEncoder, Wallet, id, recoverAddress, sha256, toUtf8Bytes } from "ethers";
import "./exchange_vectors.mjs";
import "./failure_vectors.mjs";
import "./payment_vectors.mjs";
import { canonicalJson, claimOf, committed, domainOf, jobReceiptTypes, voidReceiptTypes } from "./receipts.mjs";

const path = join(import.meta.dirname, "../shared/tests/vectors/job_receipt.json");

const miner = new Wallet(`0x${"11".repeat(32)}`);
const attester = new Wallet(`0x${"22".repeat(32)}`);
const MINTER = "0x0000000000000000000000000000000000a17002";
const OTHER_CONTRACT = `0x${"ab".repeat(20)}`;
const SALT = `0x${"5a".repeat(32)}`;
const CHAIN_ID = 24_822;
const FINISHED_AT = 1_800_000_001;
const EXPIRES_AT = FINISHED_AT + 30 * 86_400;

const picture = {
  version: 3,
  job_id: "job_fedcba98765432100123456789abcdef",
  task_role: "serve",
  provider: miner.address.toLowerCase(),
  client: `0x${"c1".repeat(20)}`,
  units: "2097152",
  unit_type: "megapixel_step",
  unit_price: "100000000000000000",
  model: "aitbc-scenes-1",
  prompt_commitment: commitmentTo(1, digestOf("a city skyline at night")),
  result_commitment: commitmentTo(2, digestOf("picture")),
  started_at: FINISHED_AT - 1,
  finished_at: FINISHED_AT,
  expires_at: EXPIRES_AT,
  nonce: `0x${"4e".repeat(32)}`,
  hub_id: "dev-hub",
  chain_id: CHAIN_ID,
  contract: MINTER,
  determinism_class: "scenes-1/onnxruntime-1.31.1/cpu/x86-64-v3/fp32",
};

const widest = {
  units: String(2n ** 64n - 1n),
  unit_price: String(2n ** 64n - 1n),
  task_role: "shard/65535",
  model: 'naïve "scenes" \u{1f303}\u2028\t\u0001',
  // The last second that the token's clock of 48 bits knows.
  expires_at: 2 ** 48 - 1,
  chain_id: 1,
  contract: OTHER_CONTRACT,
};

const freeAudit = {
  task_role: "audit",
  unit_price: "0",
  unit_type: "token",
  trace_commitment: commitmentTo(3, `0x${"7a".repeat(32)}`),
  shares: [{ provider: picture.provider, units: picture.units }],
};

function digestOf(text) {
  return sha256(toUtf8Bytes(text));
}

function commitmentTo(kind, digest) {
  return sha256(committed(SALT, kind, digest));
}

/** What salt and content make of a commitment. */
function sealed(name, kind, content) {
  return { name, kind, salt: SALT, content, commitment: commitmentTo(kind, digestOf(content)) };
}

const receiptHash = (receipt) => id(canonicalJson(receipt));

function digest(receipt, hash, chainId, contract) {
  return TypedDataEncoder.hash(domainOf(chainId, contract), jobReceiptTypes, claimOf(receipt, hash));
}

// Both sides sign deterministically (RFC 6979), so the bytes of a signature are part of the vector.
const signatures = (digest) => ({
  miner_signature: miner.signingKey.sign(digest).serialized,
  attester_signature: attester.signingKey.sign(digest).serialized,
});

/** A receipt that its contract pays until its last second. */
function payable(name, changes) {
  const receipt = { ...picture, ...changes };
  const hash = receiptHash(receipt);
  const signed = digest(receipt, hash, receipt.chain_id, receipt.contract);
  return {
    name,
    receipt,
    canonical: canonicalJson(receipt),
    receipt_hash: hash,
    miner_private_key: miner.privateKey,
    attester_private_key: attester.privateKey,
    provider: miner.address.toLowerCase(),
    attester: attester.address.toLowerCase(),
    digest: signed,
    ...signatures(signed),
  };
}

/** Signed as `made`, then shown to a contract with `shown` altered, at `at`. */
function refused(name, refusal, { made = {}, shown = {}, at = {} }) {
  const receipt = { ...picture, ...made };
  const hash = receiptHash(receipt);
  return {
    name,
    refusal,
    receipt: { ...receipt, ...shown },
    receipt_hash: hash,
    shown_to: { chain_id: CHAIN_ID, contract: MINTER, now: FINISHED_AT, ...at },
    attester: attester.address.toLowerCase(),
    ...signatures(digest(receipt, hash, receipt.chain_id, receipt.contract)),
  };
}

/** The attester's word that a receipt is to be voided. */
function voided(name, reason, receipt) {
  const hash = receiptHash(receipt);
  const { chain_id, contract } = receipt;
  const digest = TypedDataEncoder.hash(domainOf(chain_id, contract), voidReceiptTypes, { receiptHash: hash, reason });
  return {
    name,
    receipt_hash: hash,
    reason,
    chain_id,
    contract,
    attester_private_key: attester.privateKey,
    digest,
    attester_signature: attester.signingKey.sign(digest).serialized,
  };
}

function computed() {
  const altered = (name, shown) => refused(name, "miner_signature", { shown });
  return {
    cases: [
      payable("a plain picture", {}),
      payable("the widest numbers and awkward text, another chain and contract", widest),
      payable("a free audit with shares and a trace", freeAudit),
    ],
    refused: [
      refused("signed for another contract", "miner_signature", { made: { contract: OTHER_CONTRACT } }),
      refused("signed for another chain", "miner_signature", { made: { chain_id: 1 } }),
      altered("signed for another job", { job_id: "job_fedcba98765432100123456789abcdee" }),
      altered("signed for another role", { task_role: "audit" }),
      altered("signed by another provider", { provider: attester.address.toLowerCase() }),
      altered("signed for another client", { client: `0x${"c2".repeat(20)}` }),
      altered("signed for other units", { units: "2097153" }),
      altered("signed for another unit type", { unit_type: "token" }),
      altered("signed for another price", { unit_price: "100000000000000001" }),
      altered("signed for an earlier expiry", { expires_at: EXPIRES_AT + 1 }),
      refused("expired by one second", "expired", { at: { now: EXPIRES_AT + 1 } }),
    ],
    commitments: [
      sealed("a prompt", 1, "a city skyline at night"),
      sealed("a conversation", 1, canonicalJson([{ role: "user", content: "é\n\"" }])),
      sealed("texts to embed", 1, canonicalJson(["ab", "c"])),
      sealed("a short answer", 2, "yes"),
    ],
    voids: [
      voided("a plain picture", "the picture is blank", picture),
      voided("awkward text, another chain and contract", 'naïve "reason" \u{1f303}\u2028\t', { ...picture, ...widest }),
      voided("no reason", "", picture),
    ],
  };
}

/** Why the contract that is shown the receipt refuses it, or null. */
function refusalOf({ receipt, receipt_hash: hash, shown_to: { chain_id: chainId, contract, now }, miner_signature: signature }) {
  if (now > receipt.expires_at) return "expired";
  const signer = recoverAddress(digest(receipt, hash, chainId, contract), signature).toLowerCase();
  return signer === receipt.provider ? null : "miner_signature";
}

function* faults(vectors) {
  const expected = computed();
  if (canonicalJson(vectors) !== canonicalJson(expected)) yield "the file differs from what ethers computes: run with --write to see how";
  for (const vector of vectors.refused) {
    const found = refusalOf(vector);
    if (found !== vector.refusal) yield `"${vector.name}" is refused for ${vector.refusal}, got ${found}`;
  }
  for (const vector of vectors.cases) {
    const { chain_id, contract, expires_at: now } = vector.receipt;
    const found = refusalOf({ ...vector, shown_to: { chain_id, contract, now } });
    if (found !== null) yield `"${vector.name}" is paid in its last second, got ${found}`;
    if (recoverAddress(vector.digest, vector.attester_signature).toLowerCase() !== vector.attester) {
      yield `"${vector.name}" is not attested by ${vector.attester}`;
    }
  }
}

if (process.argv.includes("--write")) writeFileSync(path, `${JSON.stringify(computed(), null, 2)}\n`);
const vectors = JSON.parse(readFileSync(path, "utf8"));
for (const fault of faults(vectors)) {
  console.error(fault);
  process.exitCode = 1;
}
console.log(`${vectors.cases.length} payable and ${vectors.refused.length} refused receipts checked with ethers`);
