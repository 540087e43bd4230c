// Checks shared/tests/vectors/job_failure.json with ethers, as vectors.mjs checks the receipts, and with --write makes it
// anew.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TypedDataEncoder, Wallet, keccak256, recoverAddress, sha256, toUtf8Bytes } from "ethers";
import { checkpointMessage, domainOfChain, failureMessage, jobFailureTypes, logCheckpointTypes } from "./failures.mjs";
import { canonicalJson, committed } from "./receipts.mjs";

const path = join(import.meta.dirname, "../shared/tests/vectors/job_failure.json");

const hub = new Wallet(`0x${"22".repeat(32)}`);
const CHAIN_ID = 24_822;
const SALT = `0x${"73".repeat(32)}`;

const failed = {
  version: 1,
  job_id: "job_fedcba98765432100123456789abcdef",
  client: hub.address.toLowerCase(),
  hub: hub.address.toLowerCase(),
  hub_id: "hub-1",
  chain_id: CHAIN_ID,
  work: "image",
  model: "aitbc-scenes-1",
  prompt_commitment: `0x${"0a".repeat(32)}`,
  units_max: "262144",
  unit_type: "megapixel_step",
  payment: "mint",
  end: "failed",
  stage: "verification",
  reason: "3 tries failed",
  tries: [
    { task_role: "serve", miner: `0x${"c1".repeat(20)}`, blame: "miner", reason: "out of memory \u{1F4A5}", granted_at: 1_800_000_000, ended_at: 1_800_000_010 },
    { task_role: "serve", blame: "network", reason: "the connection was lost" },
  ],
  tries_in_all: 3,
  created_at: 1_799_999_999,
  ended_at: 1_800_000_030,
};

/** A private job that its client paid and canceled while a miner worked on it. */
const canceled = {
  ...failed,
  client: `0x${"c2".repeat(20)}`,
  work: "text",
  unit_type: "token",
  payment: "escrow",
  max_total: "2500000000000000000",
  max_unit_price: "100000000000000000",
  order_digest: `0x${"0d".repeat(32)}`,
  end: "canceled",
  stage: "work",
  reason: "the client canceled it",
  tries: [
    {
      task_role: "serve",
      miner: `0x${"c1".repeat(20)}`,
      blame: "miner",
      reason_commitment: sha256(committed(SALT, 4, sha256(toUtf8Bytes("no room for: a secret prompt")))),
      granted_at: 1_800_000_000,
      ended_at: 1_800_000_010,
    },
    { task_role: "serve", miner: `0x${"c3".repeat(20)}`, granted_at: 1_800_000_011, ended_at: 1_800_000_030 },
  ],
  tries_in_all: 2,
};

const waited = { ...failed, end: "expired", stage: "queue", reason: "no miner could serve it before its deadline", tries: [], tries_in_all: 0, max_total: "7" };

const digestOf = (failure, hash, chainId = failure.chain_id) =>
  TypedDataEncoder.hash(domainOfChain(chainId), jobFailureTypes, failureMessage(failure, hash));

const checkpointDigest = (checkpoint) =>
  TypedDataEncoder.hash(domainOfChain(checkpoint.chain_id), logCheckpointTypes, checkpointMessage(checkpoint));

function signed(name, failure) {
  const canonical = canonicalJson(failure);
  const failureHash = keccak256(toUtf8Bytes(canonical));
  const digest = digestOf(failure, failureHash);
  return { name, failure, canonical, failure_hash: failureHash, hub_private_key: hub.privateKey, digest, hub_signature: hub.signingKey.sign(digest).serialized };
}

/** Signed as `made`, then shown with `shown` altered. The hash is that of what is shown, where `hashed` says so. */
function refused(name, shown, { hashed = true, signer = hub, chainId = CHAIN_ID } = {}) {
  const made = keccak256(toUtf8Bytes(canonicalJson(failed)));
  const failure = { ...failed, ...shown };
  const failureHash = hashed ? keccak256(toUtf8Bytes(canonicalJson(failure))) : made;
  return { name, failure, failure_hash: failureHash, hub_signature: signer.signingKey.sign(digestOf(failed, made, chainId)).serialized };
}

function checkpoint(name, changes) {
  const checkpoint = { hub_id: "hub-1", chain_id: CHAIN_ID, size: 7, root: `0x${"0e".repeat(32)}`, signed_at: 1_800_000_000, ...changes };
  const digest = checkpointDigest(checkpoint);
  return { name, checkpoint, hub_private_key: hub.privateKey, digest, signature: hub.signingKey.sign(digest).serialized };
}

function computed() {
  return {
    cases: [signed("three tries of a public job", failed), signed("a private job that was paid and canceled", canceled), signed("nobody took it", waited)],
    refused: [
      refused("another reason", { reason: "it was the client's fault" }),
      refused("another reason under the old hash", { reason: "it was the client's fault" }, { hashed: false }),
      refused("a try left out", { tries: failed.tries.slice(1) }),
      refused("another end", { end: "canceled" }),
      refused("another client", { client: `0x${"c2".repeat(20)}` }),
      refused("another hub", { hub: `0x${"c2".repeat(20)}` }),
      refused("signed for another chain", {}, { chainId: 1 }),
      refused("signed by somebody else", {}, { signer: new Wallet(`0x${"33".repeat(32)}`) }),
    ],
    checkpoints: [checkpoint("a log", {}), checkpoint("an empty log of another hub and chain", { hub_id: "h", chain_id: 1, size: 0 })],
  };
}

/** Whether the hash is the record's and the signature its hub's. */
function holds({ failure, failure_hash: failureHash, hub_signature: signature }) {
  if (keccak256(toUtf8Bytes(canonicalJson(failure))) !== failureHash) return false;
  return recoverAddress(digestOf(failure, failureHash), signature).toLowerCase() === failure.hub;
}

function* faults(vectors) {
  if (canonicalJson(vectors) !== canonicalJson(computed())) yield "job_failure.json differs from what ethers computes: run with --write to see how";
  for (const vector of vectors.cases) if (!holds(vector)) yield `"${vector.name}" does not hold`;
  for (const vector of vectors.refused) if (holds(vector)) yield `"${vector.name}" holds`;
  for (const { name, checkpoint, signature } of vectors.checkpoints) {
    if (recoverAddress(checkpointDigest(checkpoint), signature) !== hub.address) yield `"${name}" is not signed by ${hub.address}`;
  }
}

if (process.argv.includes("--write")) writeFileSync(path, `${JSON.stringify(computed(), null, 2)}\n`);
const vectors = JSON.parse(readFileSync(path, "utf8"));
for (const fault of faults(vectors)) {
  console.error(fault);
  process.exitCode = 1;
}
console.log(`${vectors.cases.length} valid and ${vectors.refused.length} refused failures and ${vectors.checkpoints.length} checkpoints checked with ethers`);
