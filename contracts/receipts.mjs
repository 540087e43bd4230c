// The rules of a job receipt in plain JavaScript, written from docs/protocol/receipt.md and without our Rust code. It
// imports nothing, so that vectors.mjs and the tests in e2e use it with the ethers that each has installed.

export const jobReceiptTypes = {
  JobReceipt: [
    { name: "receiptHash", type: "bytes32" },
    { name: "jobId", type: "bytes16" },
    { name: "taskRole", type: "string" },
    { name: "provider", type: "address" },
    { name: "client", type: "address" },
    { name: "units", type: "uint256" },
    { name: "unitType", type: "string" },
    { name: "unitPrice", type: "uint256" },
    { name: "expiresAt", type: "uint64" },
  ],
};

/** What attesters sign to void a receipt while its amount is held. */
export const voidReceiptTypes = {
  VoidReceipt: [
    { name: "receiptHash", type: "bytes32" },
    { name: "reason", type: "string" },
  ],
};

// RFC 8785 for what receipts hold: strings, safe integers, arrays and objects. JSON.stringify already writes strings
// and numbers as the RFC asks; the keys are sorted by UTF-16 code units, which is JavaScript's own order.
export function canonicalJson(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(",")}}`;
}

/** What is hashed by SHA-256 to commit to a prompt (1), a result (2) or a trace (3): salt, kind, digest; all hex with 0x. */
export function committed(salt, kind, digest) {
  return `${salt}0${kind}${digest.slice(2)}`;
}

/** The EIP-712 domain of the contract that pays. */
export function domainOf(chainId, contract) {
  return { name: "AITBC", version: "2", chainId, verifyingContract: contract };
}

/** What miner and attesters sign of a receipt. */
export function claimOf(receipt, receiptHash) {
  return {
    receiptHash,
    jobId: receipt.job_id.replace("job_", "0x"),
    taskRole: receipt.task_role,
    provider: receipt.provider,
    client: receipt.client,
    units: BigInt(receipt.units),
    unitType: receipt.unit_type,
    unitPrice: BigInt(receipt.unit_price),
    expiresAt: receipt.expires_at,
  };
}
