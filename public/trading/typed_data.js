// What a trader signs for the exchange, as a wallet takes it (EIP-712). docs/EXCHANGE.md says what each field means, and
// shared/tests/vectors/exchange_order.json holds what must come out.

const ORDER = [
  ["address", "trader"],
  ["string", "side"],
  ["address", "base"],
  ["address", "quote"],
  ["uint128", "amount"],
  ["uint128", "limitPrice"],
  ["string", "timeInForce"],
  ["string", "trigger"],
  ["uint128", "triggerPrice"],
  ["uint16", "maxFeeBasisPoints"],
  ["uint64", "expiresAt"],
  ["uint64", "epoch"],
  ["uint64", "nonce"],
];

const CANCELLATION = [
  ["address", "trader"],
  ["uint64", "fromNonce"],
  ["uint64", "toNonce"],
];

const WITHDRAWAL = [
  ["address", "trader"],
  ["address", "asset"],
  ["uint128", "amount"],
  ["uint64", "expiresAt"],
  ["uint64", "nonce"],
];

const PERMIT = [
  ["address", "owner"],
  ["address", "spender"],
  ["uint256", "value"],
  ["uint256", "nonce"],
  ["uint256", "deadline"],
];

const DOMAIN = [
  ["string", "name"],
  ["string", "version"],
  ["uint256", "chainId"],
  ["address", "verifyingContract"],
];

const members = (list) => list.map(([type, name]) => ({ name, type }));

function typedData(primaryType, list, domain, message) {
  const types = { EIP712Domain: members(DOMAIN), [primaryType]: members(list) };
  return { types, primaryType, domain, message };
}

// Of everything that counts for the contract that settles.
const ofExchange = ({ chain_id: chainId, contract: verifyingContract }) => ({
  name: "AITBC",
  version: "2",
  chainId,
  verifyingContract,
});

export function orderTypedData(order) {
  const message = {
    trader: order.trader,
    side: order.side,
    base: order.base,
    quote: order.quote,
    amount: order.amount,
    limitPrice: order.limit_price,
    timeInForce: order.time_in_force,
    trigger: order.trigger,
    triggerPrice: order.trigger_price,
    maxFeeBasisPoints: order.max_fee_basis_points,
    expiresAt: order.expires_at,
    epoch: order.epoch,
    nonce: order.nonce,
  };
  return typedData("Order", ORDER, ofExchange(order), message);
}

export function cancellationTypedData(cancellation) {
  const { trader, from_nonce: fromNonce, to_nonce: toNonce } = cancellation;
  return typedData("CancelOrders", CANCELLATION, ofExchange(cancellation), { trader, fromNonce, toNonce });
}

export function withdrawalTypedData(withdrawal) {
  const { trader, asset, amount, expires_at: expiresAt, nonce } = withdrawal;
  return typedData("Withdrawal", WITHDRAWAL, ofExchange(withdrawal), { trader, asset, amount, expiresAt, nonce });
}

// A permit of a token (EIP-2612). `domain` is the token's own.
export function permitTypedData(domain, permit) {
  return typedData("Permit", PERMIT, domain, permit);
}
