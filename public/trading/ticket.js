// An order while it is filled in: what is wrong with it, and what it would do, in the page's words. Nothing here asks
// anybody: market and balances are facts of the page.

import { baseFor, exact, feeOf, floorTo, parseUnits, priceDecimals, quoteAt, shown } from "./amounts.js";

// "{amount} of {symbol}" with what the names stand for.
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// The highest fee that such an order may have to pay, which it must allow.
function feeOfKind({ maker_fee_basis_points: maker, taker_fee_basis_points: taker }, kind) {
  if (kind === "POST_ONLY") return maker;
  return kind === "GTT" ? Math.max(maker, taker) : taker;
}

const refused = (field, problem, values = {}) => ({ field, problem, values });

function readAmount(market, text) {
  const { base } = market;
  const [lot, most] = [BigInt(market.lot_units), BigInt(market.amount_max_units)];
  const amount = parseUnits(text, base.decimals);
  const symbol = base.symbol;
  if (amount === undefined || amount % lot !== 0n) {
    return refused("amount", "offLot", { step: shown(lot, base.decimals), symbol });
  }
  if (amount === 0n) return refused("amount", "nothing", { symbol });
  if (amount > most) return refused("amount", "tooMuch", { most: shown(most, base.decimals), symbol });
  return { amount };
}

function readPrice(market, text, field = "price") {
  const decimals = priceDecimals(market.base, market.quote);
  const [step, most] = [BigInt(market.limit_price_step), BigInt(market.limit_price_max)];
  const price = parseUnits(text, decimals);
  const symbol = market.quote.symbol;
  if (price === undefined || price === 0n || price % step !== 0n) {
    return refused(field, "offTick", { step: shown(step, decimals), symbol });
  }
  return price > most ? refused(field, "tooDear", { most: shown(most, decimals), symbol }) : { price };
}

// What the order waits for: its price in units, 0 where it waits for nothing. `last` is the price of the last trade, undefined
// before the first one: where it reaches the trigger already, the exchange refuses the order.
function readTrigger(market, trigger, text, last) {
  if (trigger === "NONE") return { triggerPrice: 0n };
  const { price, ...problem } = readPrice(market, text, "trigger-price");
  if (price === undefined) return problem;
  const isReached = last !== undefined && (trigger === "AT_OR_ABOVE" ? last >= price : last <= price);
  if (!isReached) return { triggerPrice: price };
  const values = { last: shown(last, priceDecimals(market.base, market.quote)), symbol: market.quote.symbol };
  return refused("trigger-price", "triggerReached", values);
}

// A stop order waits for a worse price, a take-profit order for a better one.
const isStop = (side, trigger) => (side === "buy") === (trigger === "AT_OR_ABOVE");

// What the form says: `{ incomplete }` while a field is empty, `{ field, problem, values }` where one cannot be, and
// otherwise the order's numbers. `balances` is undefined for a visitor, `last` before the first trade.
export function readTicket(market, typed, balances, last) {
  const { side, kind, days, trigger, triggerPrice: triggerText, amount: amountText, price: priceText } = typed;
  const isEmpty = (text) => !text.trim();
  if (isEmpty(amountText) || isEmpty(priceText) || (trigger !== "NONE" && isEmpty(triggerText))) return { incomplete: true };
  const waits = readTrigger(market, trigger, triggerText, last);
  const read = { ...waits, ...readPrice(market, priceText), ...readAmount(market, amountText) };
  if (read.problem) return read;
  const { amount, price, triggerPrice } = read;
  const { base, quote } = market;
  const total = quoteAt(amount, price);
  const least = BigInt(market.notional_min_units);
  if (total < least) {
    return refused("amount", "tooSmall", { least: shown(least, quote.decimals), symbol: quote.symbol });
  }
  const isBuy = side === "buy";
  if (balances) {
    const [asset, needed, has] = isBuy ? [quote, total, balances.quote] : [base, amount, balances.base];
    if (needed > has.free) {
      const values = { has: shown(has.free, asset.decimals), needs: shown(needed, asset.decimals), symbol: asset.symbol };
      return refused("amount", "notEnough", values);
    }
  }
  const feeBasisPoints = feeOfKind(market, kind);
  const fee = feeOf(isBuy ? amount : total, feeBasisPoints);
  return { side, kind, days, trigger, triggerPrice, amount, price, total, fee, feeBasisPoints };
}

// What a whole ticket will do.
export function sentence(market, ticket, balances, words) {
  const { side, kind, trigger, triggerPrice, amount, price, total, fee, feeBasisPoints, days } = ticket;
  const { base, quote } = market;
  const isBuy = side === "buy";
  const paid = isBuy ? base : quote;
  const values = {
    amount: shown(amount, base.decimals),
    base: base.symbol,
    price: shown(price, priceDecimals(base, quote)),
    quote: quote.symbol,
    name: isStop(side, trigger) ? words.stop : words.takeProfit,
    trigger: shown(triggerPrice, priceDecimals(base, quote)),
    total: shown(total, quote.decimals),
    rate: `${feeBasisPoints / 100} %`,
    fee: `${shown(fee, paid.decimals)} ${paid.symbol}`,
    days,
  };
  const waits = trigger !== "NONE";
  const parts = [isBuy ? words.buys : words.sells, words[waits ? `${kind}AfterTrigger` : kind]];
  if (balances) {
    const [more, less] = isBuy ? [amount - fee, total] : [total - fee, amount];
    const [gained, given] = isBuy ? [base, quote] : [quote, base];
    const [had, gave] = isBuy ? [balances.base, balances.quote] : [balances.quote, balances.base];
    values.gained = `${shown(had.free + had.reserved + more, gained.decimals)} ${gained.symbol}`;
    values.left = `${shown(gave.free + gave.reserved - less, given.decimals)} ${given.symbol}`;
    parts.splice(1, 0, words.afterwards);
  }
  if (waits) parts.unshift(words[`trigger${trigger}`]);
  return parts.map((part) => fill(part, values)).join(" ");
}

// What an open order of `has` units trades at most from now on: `{ amount }` in units, or `{ problem, values }`.
export function readReduction(market, text, has) {
  const read = readAmount(market, text);
  if (!read.problem && read.amount < has) return read;
  const { base } = market;
  const step = shown(BigInt(market.lot_units), base.decimals);
  return { problem: "notLess", values: { step, symbol: base.symbol, has: shown(has, base.decimals) } };
}

// The amount that a part of the balance comes to, in whole lots; undefined where there is no price to buy at.
export function shareOfBalance(market, { side, price: priceText }, balances, percent) {
  const part = (units) => (units * BigInt(percent)) / 100n;
  const [lot, most] = [BigInt(market.lot_units), BigInt(market.amount_max_units)];
  let units;
  if (side === "sell") {
    units = part(balances.base.free);
  } else {
    const { price } = readPrice(market, priceText);
    if (!price) return undefined;
    units = baseFor(part(balances.quote.free), price);
  }
  const whole = floorTo(units < most ? units : most, lot);
  return exact(whole, market.base.decimals);
}
