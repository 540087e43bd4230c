// The few calls that a trader makes of contracts, as their bytes. Functions come as selectors from the page.

const WORD_DIGITS = 64;

export const word = (value) => BigInt(value).toString(16).padStart(WORD_DIGITS, "0");

export const call = (selector, ...values) => selector + values.map(word).join("");

// The words of an answer, as numbers.
export function words(data) {
  const digits = data.slice(2);
  return Array.from({ length: Math.floor(digits.length / WORD_DIGITS) }, (_, at) =>
    BigInt(`0x${digits.slice(at * WORD_DIGITS, (at + 1) * WORD_DIGITS)}`),
  );
}

// A signature as a contract takes it in three parts. Some wallets write 0 and 1 for 27 and 28.
export function signatureParts(signature) {
  const v = parseInt(signature.slice(130), 16);
  return [v < 27 ? v + 27 : v, `0x${signature.slice(2, 66)}`, `0x${signature.slice(66, 130)}`];
}
