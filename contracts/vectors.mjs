// Checks shared/tests/vectors with ethers: a second language and a second implementation of every rule of a receipt.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { AbiCoder, TypedDataEncoder, Wallet, getBytes, hashMessage, id, keccak256, recoverAddress } from "ethers";

const directory = join(import.meta.dirname, "../shared/tests/vectors");
const MICRO_UNITS_PER_UNIT = 1_000_000n;

const types = {
  JobReceipt: [
    { name: "receiptHash", type: "bytes32" },
    { name: "provider", type: "address" },
    { name: "units", type: "uint256" },
    { name: "unitType", type: "string" },
    { name: "unitPrice", type: "uint256" },
  ],
};

// RFC 8785 for what receipts hold: strings, safe integers, arrays and objects. JSON.stringify already writes strings
// and numbers as the RFC asks; the keys are sorted by UTF-16 code units, which is JavaScript's own order.
function canonicalJson(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(",")}}`;
}

function recoveredSigner(digest, signature) {
  try {
    return recoverAddress(digest, signature).toLowerCase();
  } catch (error) {
    return `nobody (${error.message})`;
  }
}

function digests({ receipt, receipt_hash, chain_id, minter }) {
  const domain = { name: "AITBC", version: "1", chainId: chain_id, verifyingContract: minter };
  const struct = {
    receiptHash: receipt_hash,
    provider: receipt.provider,
    units: BigInt(receipt.units),
    unitType: receipt.unit_type,
    unitPrice: BigInt(receipt.unit_price),
  };
  const plain = AbiCoder.defaultAbiCoder().encode(
    ["address", "uint256", "bytes32"],
    [receipt.provider, BigInt(receipt.units), receipt_hash],
  );
  return { typed: TypedDataEncoder.hash(domain, types, struct), plain: hashMessage(getBytes(keccak256(plain))) };
}

// What must hold of a case: pairs of what ethers computes and what the file says.
function claims(vector) {
  const { typed, plain } = digests(vector);
  const miner = new Wallet(vector.miner_private_key);
  const attester = new Wallet(vector.attester_private_key);
  return {
    canonical: [canonicalJson(vector.receipt), vector.canonical],
    receipt_hash: [id(vector.canonical), vector.receipt_hash],
    provider: [miner.address.toLowerCase(), vector.provider.toLowerCase()],
    "receipt.provider": [vector.receipt.provider.toLowerCase(), vector.provider.toLowerCase()],
    "receipt.chain_id": [vector.receipt.chain_id, vector.chain_id],
    digest: [typed, vector.digest],
    eip191_digest: [plain, vector.eip191_digest],
    "signer of miner_signature": [recoveredSigner(typed, vector.miner_signature), miner.address.toLowerCase()],
    "signer of attester_signature": [recoveredSigner(typed, vector.attester_signature), attester.address.toLowerCase()],
    "signer of eip191_signature": [recoveredSigner(plain, vector.eip191_signature), attester.address.toLowerCase()],
    // Both sides sign deterministically (RFC 6979), so the bytes agree too.
    miner_signature: [miner.signingKey.sign(typed).serialized, vector.miner_signature],
    attester_signature: [attester.signingKey.sign(typed).serialized, vector.attester_signature],
    eip191_signature: [attester.signingKey.sign(plain).serialized, vector.eip191_signature],
  };
}

// A vector must be void elsewhere and for other terms, else the comparison above would prove little.
function tampered(vector) {
  const more = { ...vector.receipt, units: String(BigInt(vector.receipt.units) + MICRO_UNITS_PER_UNIT) };
  return [
    { ...vector, chain_id: vector.chain_id + 1 },
    { ...vector, minter: vector.provider },
    { ...vector, receipt_hash: id("another receipt") },
    { ...vector, receipt: more },
  ];
}

function faults(vector) {
  const unequal = Object.entries(claims(vector)).filter(([, [computed, given]]) => computed !== given);
  const messages = unequal.map(([what, [computed, given]]) => `${what}: computed ${computed}, the file says ${given}`);
  const stillValid = tampered(vector).filter((changed) => digests(changed).typed === vector.digest);
  return stillValid.length === 0 ? messages : [...messages, "a changed receipt has the same digest"];
}

const files = readdirSync(directory).filter((name) => name.startsWith("job_receipt") && name.endsWith(".json"));
if (files.length === 0) throw new Error(`no job_receipt*.json in ${directory}`);
let checked = 0;
for (const file of files) {
  const { cases } = JSON.parse(readFileSync(join(directory, file), "utf8"));
  if (!cases?.length) throw new Error(`${file} has no cases`);
  for (const vector of cases) {
    checked += 1;
    for (const message of faults(vector)) {
      console.error(`${file}, "${vector.name}": ${message}`);
      process.exitCode = 1;
    }
  }
}
console.log(`${checked} receipt vectors checked with ethers`);
