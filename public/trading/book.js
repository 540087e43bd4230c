// The book of a market as the feed tells it: a snapshot, then what changed. Each message names the one before it and has the
// checksum of the book after it, so that a lost or wrong message is noticed at once.

// As in shared/src/api/exchange.rs.
const CHECKSUM_LEVELS = 25;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

// CRC-32 (IEEE) of a text of digits.
export function crc32(text) {
  let crc = 0xffffffff;
  for (let at = 0; at < text.length; at += 1) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ text.charCodeAt(at)) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}

// Whole numbers as texts without leading zeros: the longer one is the higher one.
function compare(one, other) {
  if (one.length !== other.length) return one.length - other.length;
  return one === other ? 0 : one < other ? -1 : 1;
}

// The levels of one side, the best one first.
class Side {
  #levels;
  #direction;

  // The lowest price is the best of those that sell, the highest of those that buy.
  constructor(levels, direction) {
    this.#direction = direction;
    this.#levels = [...levels];
  }

  best(count) {
    return this.#levels.slice(0, count);
  }

  // Where the price is, or would be.
  #place(price) {
    let [low, high] = [0, this.#levels.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.#levels[middle].limit_price, price) * this.#direction < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // A level takes the place of the one at its price; an amount of 0 removes it.
  set(level) {
    const place = this.#place(level.limit_price);
    const isThere = this.#levels[place]?.limit_price === level.limit_price;
    const kept = level.amount_units === "0" ? [] : [level];
    this.#levels.splice(place, isThere ? 1 : 0, ...kept);
  }
}

export class Book {
  #sequence;
  #asks;
  #bids;

  constructor({ sequence, asks, bids }) {
    this.#sequence = sequence;
    this.#asks = new Side(asks, 1);
    this.#bids = new Side(bids, -1);
  }

  asks(count) {
    return this.#asks.best(count);
  }

  bids(count) {
    return this.#bids.best(count);
  }

  checksum() {
    const levels = [...this.bids(CHECKSUM_LEVELS), ...this.asks(CHECKSUM_LEVELS)];
    return crc32(levels.map((level) => `${level.limit_price}:${level.amount_units}`).join("|"));
  }

  // Takes a delta. False where one is missing before it, or where the book is not what the server has.
  apply({ previous_sequence: previous, sequence, checksum, asks, bids }) {
    if (previous !== this.#sequence) return false;
    this.#sequence = sequence;
    asks.forEach((level) => this.#asks.set(level));
    bids.forEach((level) => this.#bids.set(level));
    return this.checksum() === checksum;
  }
}

// The last trades, the newest first, at most `most`.
export class Trades {
  #trades;
  #most;

  constructor(trades, most) {
    this.#most = most;
    this.#trades = trades.slice(0, most);
  }

  list() {
    return this.#trades;
  }

  // New ones come in order.
  add(trades) {
    this.#trades = [...trades.slice(-this.#most).reverse(), ...this.#trades].slice(0, this.#most);
  }

  // What became of some of them.
  settle(trades) {
    const ended = new Map(trades.map((trade) => [trade.trade, trade]));
    this.#trades = this.#trades.map((trade) => ended.get(trade.trade) ?? trade);
  }
}
