// Repeatable random numbers: the seed is printed, and AITBC_SEED sets it.

import { randomInt } from 'node:crypto';

export class Random {
  #state;

  constructor(seed = Number(process.env.AITBC_SEED ?? randomInt(2 ** 31))) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /** Mulberry32: 32 bits of state are plenty for choosing moments. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(bound) {
    return Math.floor(this.next() * bound);
  }
}
