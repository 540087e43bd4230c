// What traders sign for the exchange, in plain JavaScript, written from docs/EXCHANGE.md and without our Rust code. Like
// receipts.mjs it imports nothing; its domain is that of receipts.mjs, for the address of ExchangeSettlement.

export const orderTypes = {
  Order: [
    { name: "trader", type: "address" },
    { name: "side", type: "string" },
    { name: "base", type: "address" },
    { name: "quote", type: "address" },
    { name: "amount", type: "uint128" },
    { name: "limitPrice", type: "uint128" },
    { name: "timeInForce", type: "string" },
    { name: "trigger", type: "string" },
    { name: "triggerPrice", type: "uint128" },
    { name: "maxFeeBasisPoints", type: "uint16" },
    { name: "expiresAt", type: "uint64" },
    { name: "epoch", type: "uint64" },
    { name: "nonce", type: "uint64" },
  ],
};

export const cancellationTypes = {
  CancelOrders: [
    { name: "trader", type: "address" },
    { name: "fromNonce", type: "uint64" },
    { name: "toNonce", type: "uint64" },
  ],
};

export const reductionTypes = {
  ReduceOrder: [
    { name: "trader", type: "address" },
    { name: "orderNonce", type: "uint64" },
    { name: "amount", type: "uint128" },
  ],
};

export const withdrawalTypes = {
  Withdrawal: [
    { name: "trader", type: "address" },
    { name: "asset", type: "address" },
    { name: "amount", type: "uint128" },
    { name: "expiresAt", type: "uint64" },
    { name: "nonce", type: "uint64" },
  ],
};

export function exchangeOrderMessage(order) {
  return {
    trader: order.trader,
    side: order.side,
    base: order.base,
    quote: order.quote,
    amount: BigInt(order.amount),
    limitPrice: BigInt(order.limit_price),
    timeInForce: order.time_in_force,
    trigger: order.trigger,
    triggerPrice: BigInt(order.trigger_price),
    maxFeeBasisPoints: order.max_fee_basis_points,
    expiresAt: BigInt(order.expires_at),
    epoch: BigInt(order.epoch),
    nonce: BigInt(order.nonce),
  };
}

export function cancellationMessage({ trader, from_nonce, to_nonce }) {
  return { trader, fromNonce: BigInt(from_nonce), toNonce: BigInt(to_nonce) };
}

export function reductionMessage({ trader, order_nonce, amount }) {
  return { trader, orderNonce: BigInt(order_nonce), amount: BigInt(amount) };
}

export function withdrawalMessage({ trader, asset, amount, expires_at, nonce }) {
  return { trader, asset, amount: BigInt(amount), expiresAt: BigInt(expires_at), nonce: BigInt(nonce) };
}

/** Whether the order accepts `quote` for `base`, as the contract compares them. */
export function accepts(order, base, quote) {
  const implied = BigInt(quote) * 10n ** 18n;
  const limit = BigInt(order.limit_price) * BigInt(base);
  return order.side === "buy" ? implied <= limit : implied >= limit;
}
