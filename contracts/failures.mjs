// What a hub signs of a job that ended without a result and of its log, in plain JavaScript, written from
// docs/protocol/failure.md and docs/protocol/log.md and without our Rust code. Like receipts.mjs it imports nothing.

export const jobFailureTypes = {
  JobFailure: [
    { name: "failureHash", type: "bytes32" },
    { name: "jobId", type: "bytes16" },
    { name: "client", type: "address" },
    { name: "end", type: "string" },
    { name: "endedAt", type: "uint64" },
  ],
};

export const logCheckpointTypes = {
  LogCheckpoint: [
    { name: "hubId", type: "string" },
    { name: "size", type: "uint64" },
    { name: "root", type: "bytes32" },
    { name: "signedAt", type: "uint64" },
  ],
};

/** The EIP-712 domain of what no contract checks. */
export function domainOfChain(chainId) {
  return { name: "AITBC", version: "2", chainId };
}

/** What the hub signs of a failure. */
export function failureMessage(failure, failureHash) {
  return {
    failureHash,
    jobId: failure.job_id.replace("job_", "0x"),
    client: failure.client,
    end: failure.end,
    endedAt: failure.ended_at,
  };
}

/** What the hub signs of its log. */
export function checkpointMessage({ hub_id: hubId, size, root, signed_at: signedAt }) {
  return { hubId, size, root, signedAt };
}
