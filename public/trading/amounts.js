// Sums and prices of a market, exact: in an asset's smallest units as BigInt, and as people write them.

// A limit price is for so many units of the base asset, as in shared/src/exchange.rs.
export const PRICE_SCALE = 10n ** 18n;
const PRICE_SCALE_DIGITS = 18;

const BASIS_POINTS = 10_000n;

// Between groups of three digits: a narrow no-break space.
const GROUP = "\u202f";

// "12.5" with 6 decimals is 12500000n. Undefined for what is no number, and for digits that the asset does not have.
export function parseUnits(text, decimals) {
  const [, whole, fraction = ""] = /^(\d+)(?:\.(\d*))?$/.exec(text.trim()) ?? [];
  const kept = fraction.replace(/0+$/, "");
  if (whole === undefined || kept.length > decimals) return undefined;
  return BigInt(whole + kept.padEnd(decimals, "0"));
}

// 12500000n with 6 decimals is "12.5": every digit that counts.
export function exact(units, decimals) {
  const digits = units.toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return fraction ? `${whole}.${fraction}` : whole;
}

// The same for reading: 1 234.5. With `places` the fraction has at least so many digits, so that numbers line up.
export const shown = (units, decimals, places = 0) => showText(exact(units, decimals), places);

// The same of a decimal that is a text.
export function showText(decimal, places = 0) {
  const [whole, fraction = ""] = decimal.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, GROUP);
  const padded = fraction.padEnd(places, "0");
  return padded ? `${grouped}.${padded}` : grouped;
}

// Decimals of a limit price as people write it: units of the quote asset for one whole base asset.
export const priceDecimals = (base, quote) => PRICE_SCALE_DIGITS + quote.decimals - base.decimals;

// What `amount` of the base asset comes to at a limit price, where that is a whole number of units.
export function quoteAt(amount, limitPrice) {
  const product = amount * limitPrice;
  return product % PRICE_SCALE === 0n ? product / PRICE_SCALE : undefined;
}

// The most of the base asset that `quote` pays for at a limit price.
export const baseFor = (quote, limitPrice) => (quote * PRICE_SCALE) / limitPrice;

// The fee on what is received, as the contract rounds it: down.
export const feeOf = (received, basisPoints) => (received * BigInt(basisPoints)) / BASIS_POINTS;

// The most whole steps that fit.
export const floorTo = (units, step) => units - (units % step);
