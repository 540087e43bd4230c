// What clients and attesters sign for the escrow, in plain JavaScript, written from docs/protocol/escrow.md and without
// our Rust code. Like receipts.mjs it imports nothing; its domain is that of receipts.mjs, for the escrow's address.

export const paymentOrderTypes = {
  PaymentOrder: [
    { name: "jobId", type: "bytes16" },
    { name: "client", type: "address" },
    { name: "hub", type: "address" },
    { name: "maxTotal", type: "uint128" },
    { name: "maxUnitPrice", type: "uint128" },
    { name: "unitType", type: "string" },
    { name: "tasks", type: "uint16" },
    { name: "startWithinSeconds", type: "uint32" },
    { name: "finishWithinSeconds", type: "uint32" },
    { name: "expiresAt", type: "uint64" },
  ],
};

export const reservationClosingTypes = {
  ReservationClosing: [
    { name: "client", type: "address" },
    { name: "jobId", type: "bytes16" },
    { name: "reason", type: "uint8" },
  ],
};

export const jobQuoteTypes = {
  JobQuote: [
    { name: "jobId", type: "bytes16" },
    { name: "client", type: "address" },
    { name: "hub", type: "address" },
    { name: "requestHash", type: "bytes32" },
    { name: "model", type: "string" },
    { name: "unitType", type: "string" },
    { name: "units", type: "uint256" },
    { name: "maxUnitPrice", type: "uint128" },
    { name: "maxTotal", type: "uint128" },
    { name: "tasks", type: "uint16" },
    { name: "feeBasisPoints", type: "uint16" },
    { name: "deadline", type: "uint64" },
    { name: "expiresAt", type: "uint64" },
  ],
};

/** The reasons that attesters sign, by their names in JSON. */
export const closeReasons = { completed: 0, cancelled: 1, failed: 2, sla_breached: 3 };

const jobIdBytes = (jobId) => jobId.replace("job_", "0x");

/** What the client signs of an order. A promise that is left out is signed as 0. */
export function orderMessage(order) {
  return {
    jobId: jobIdBytes(order.job_id),
    client: order.client,
    hub: order.hub,
    maxTotal: BigInt(order.max_total),
    maxUnitPrice: BigInt(order.max_unit_price),
    unitType: order.unit_type,
    tasks: order.tasks,
    startWithinSeconds: order.start_within_seconds ?? 0,
    finishWithinSeconds: order.finish_within_seconds ?? 0,
    expiresAt: order.expires_at,
  };
}

/** What a hub signs of a quote. */
export function quoteMessage(quote) {
  return {
    jobId: jobIdBytes(quote.job_id),
    client: quote.client,
    hub: quote.hub,
    requestHash: quote.request_hash,
    model: quote.model,
    unitType: quote.unit_type,
    units: BigInt(quote.units),
    maxUnitPrice: BigInt(quote.max_unit_price),
    maxTotal: BigInt(quote.max_total),
    tasks: quote.tasks,
    feeBasisPoints: quote.fee_basis_points,
    deadline: quote.deadline,
    expiresAt: quote.expires_at,
  };
}

/** The order that a client signs to take a quote: it reserves for an hour after the quote's end. */
export function orderOf(quote) {
  const { job_id, client, hub, max_total, max_unit_price, unit_type, tasks, chain_id, contract } = quote;
  return { job_id, client, hub, max_total, max_unit_price, unit_type, tasks, expires_at: quote.expires_at + 3_600, chain_id, contract };
}

/** What attesters sign to close a reservation. */
export function closingMessage({ client, job_id: jobId, reason }) {
  return { client, jobId: jobIdBytes(jobId), reason: closeReasons[reason] };
}
