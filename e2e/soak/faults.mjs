// The faults of a soak: of one validator, which the others go on without, and now and then of two, without whom no block is
// made and nothing is lost.

import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { FOLLOWER, patiently } from './chain.mjs';

/** One fault in so many is of two validators. */
const TWO_IN = 5;
/** How long a fault lasts. */
const FAULT_MIN_MS = 500;
const FAULT_MAX_MS = 8_000;
/** How long votes that were sent before may still decide a block, and for how long none is made after that. */
const GRACE_MS = 3_000;
const WATCHED_MS = 3_000;
const POLL_MS = 100;

const KINDS = ['kill', 'pause', 'cut'];

export class Faults {
  counts = { kill: 0, pause: 0, cut: 0, two: 0 };
  /** The longest times, in milliseconds, from a transaction to its block without one validator, and from the end of a fault to a network that is whole. */
  longestBlockMs = 0;
  longestRecoveryMs = 0;

  constructor(chain, random, { load, watch, tell }) {
    Object.assign(this, { chain, random, load, watch, tell });
  }

  async next() {
    const isOfTwo = this.random.below(TWO_IN) === 0;
    const victims = this.#draw(isOfTwo ? 2 : 1);
    const kinds = victims.map(() => KINDS[this.random.below(KINDS.length)]);
    // Two that are cut off together reach each other, and are as many as those on the other side.
    if (isOfTwo && kinds.includes('cut')) kinds.fill('cut');
    const lastsMs = FAULT_MIN_MS + this.random.below(FAULT_MAX_MS - FAULT_MIN_MS);
    this.tell(victims.map((victim, index) => `${kinds[index]} ${victim}`).join(' and '));
    if (isOfTwo) await this.#ofTwo(victims, kinds);
    else await this.#ofOne(victims[0], kinds[0], lastsMs);
    await this.#recover();
  }

  async #ofOne(victim, kind, lastsMs) {
    const over = wait(lastsMs);
    await this.#begin([victim], [kind]);
    const started = Date.now();
    const hash = await this.load.probe();
    await this.#included(hash, 'without one validator');
    this.longestBlockMs = Math.max(this.longestBlockMs, Date.now() - started);
    await over;
    await this.#end(victim, kind);
  }

  async #ofTwo(victims, kinds) {
    this.counts.two += 1;
    await this.#begin(victims, kinds);
    await wait(GRACE_MS);
    const stopped = await this.#highest();
    const hash = await this.load.probe();
    const limit = Date.now() + WATCHED_MS;
    while (Date.now() < limit) {
      assert.equal(await this.#highest(), stopped, 'two of four made a block');
      await wait(POLL_MS);
    }
    assert.ok(!this.watch.included.has(hash));
    await this.#end(victims[0], kinds[0]);
    await this.#included(hash, 'after one of two is back');
    await this.#end(victims[1], kinds[1]);
  }

  /** The height of those without a fault. */
  async #highest() {
    const heights = this.chain.soundValidators().map((number) => patiently(`validator ${number} answers`, async () => {
      const height = await this.chain.height(number);
      return height !== undefined && { height };
    }));
    return Math.max(...(await Promise.all(heights)).map(({ height }) => height));
  }

  async #included(hash, when) {
    await patiently(`${hash} is in a block ${when}`, () => this.watch.included.has(hash));
  }

  async #begin(victims, kinds) {
    for (const victim of victims) this.chain.faulty.add(victim);
    for (const [index, victim] of victims.entries()) {
      this.counts[kinds[index]] += 1;
      if (kinds[index] === 'kill') await this.chain.kill(victim);
      if (kinds[index] === 'pause') this.chain.pause(victim);
    }
    const cut = victims.filter((_, index) => kinds[index] === 'cut');
    if (cut.length > 0) this.chain.sites.cut(cut);
  }

  async #end(victim, kind) {
    if (kind === 'kill') await this.chain.start(victim);
    if (kind === 'pause') this.chain.resume(victim);
    if (kind === 'cut') this.chain.sites.connect(victim);
    this.chain.faulty.delete(victim);
  }

  /** The next fault begins where the network is whole again: all are connected and have the same blocks, and nothing is lost. */
  async #recover() {
    const started = Date.now();
    await this.chain.whole();
    await this.watch.readUpTo(this.watch.height, [...this.chain.numbers, FOLLOWER]);
    await this.watch.settled(this.load.acknowledged);
    this.longestRecoveryMs = Math.max(this.longestRecoveryMs, Date.now() - started);
  }

  #draw(count) {
    const left = [...this.chain.numbers];
    return Array.from({ length: count }, () => left.splice(this.random.below(left.length), 1)[0]);
  }
}
