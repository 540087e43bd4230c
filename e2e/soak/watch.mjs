// What must hold at every moment of a soak: one block at each height with one state after it, decided by a quorum; no node
// forgets a block that it told of; every transaction is in one block; and the supply is what was minted.

import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { Interface } from 'ethers';
import { MINTER, TOKEN, minterAbi, tokenAbi } from '../support/contracts.mjs';
import { ask } from '../support/validators.mjs';
import { patiently } from './chain.mjs';

const POLL_MS = 250;
/** Most blocks of one request; an answer has a bound in bytes, too. */
const RANGE = 20;
/** The status of a node that has too much to read for others. */
const BUSY = 503;

const token = new Interface(tokenAbi);
const MINTED = new Interface(minterAbi).getEvent('Minted').topicHash;

export class Watch {
  /** By height: hash, state root and what was minted up to it. */
  blocks = [];
  /** The height of the block of each transaction. */
  included = new Map();
  mints = 0;
  /** Up to which height each node was read. */
  #read = new Map();
  #isOver = false;
  #fault;
  #runs = [];

  constructor(chain) {
    this.chain = chain;
  }

  get height() {
    return this.blocks.length - 1;
  }

  /** `failed` hears of the first thing that does not hold. */
  async start(keys, failed) {
    const { body: block } = await ask(this.chain.url(keys[0]), '/rpc/blocks/0');
    this.blocks.push({ hash: block.hash, stateRoot: block.state_root, mintedAtto: 0n });
    const run = (key) => this.#follow(key).catch((error) => {
      this.#fault ??= error;
      failed(error);
    });
    this.#runs = keys.map((key) => run(key));
  }

  async end() {
    this.#isOver = true;
    await Promise.all(this.#runs);
    if (this.#fault) throw this.#fault;
  }

  /** Waits until every one of these nodes was read up to a height. */
  async readUpTo(height, keys) {
    for (const key of keys) {
      await patiently(`node ${key} has block ${height}`, () => {
        if (this.#fault) throw this.#fault;
        return (this.#read.get(key) ?? 0) >= height;
      });
    }
  }

  /** Waits until every transaction that was acknowledged before is in a block; returns how many these are. */
  async settled(acknowledged) {
    const hashes = [...acknowledged];
    for (const hash of hashes) {
      await patiently(`${hash}, which was acknowledged, is in a block`, () => {
        if (this.#fault) throw this.#fault;
        return this.included.has(hash);
      });
    }
    return hashes.length;
  }

  /** On every node the supply is the sum of the mints up to the same block, and the holders have all of it. */
  async assertSupply(keys, holders) {
    const height = this.height;
    await this.readUpTo(height, keys);
    const { mintedAtto } = this.blocks[height];
    for (const key of keys) {
      const read = async (name, argumentList) => {
        const data = token.encodeFunctionData(name, argumentList);
        return BigInt(await this.chain.callUntilAnswered(key, 'eth_call', { to: TOKEN, data }, `0x${height.toString(16)}`));
      };
      assert.equal(await read('totalSupply', []), mintedAtto, `the supply after block ${height} at ${key} is the sum of the mints`);
      let held = 0n;
      for (const holder of holders) held += await read('balanceOf', [holder]);
      assert.equal(held, mintedAtto, `after block ${height} at ${key} the holders have what was minted`);
    }
    return mintedAtto;
  }

  /** Reads one node for as long as the soak lasts, also while it is away. */
  async #follow(key) {
    while (!this.#isOver) {
      if (!this.chain.faulty.has(key) && this.chain.url(key)) await this.#readNew(key);
      await wait(POLL_MS);
    }
  }

  async #readNew(key) {
    const read = this.#read.get(key) ?? 0;
    const head = await this.chain.height(key);
    if (head === undefined) return;
    assert.ok(head >= read, `node ${key} told of block ${read}, and now its last one is ${head}`);
    if (head === read) return;
    const [from, to] = [read + 1, Math.min(head, read + RANGE)];
    const answer = await ask(this.chain.url(key), `/rpc/blocks-range?from=${from}&to=${to}`);
    if (answer === undefined || answer.status === BUSY) return;
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const { blocks } = answer.body;
    assert.equal(blocks.length, to - from + 1, `node ${key} has a block at each height up to its last one`);
    for (const block of blocks) this.#check(key, block);
    this.#read.set(key, to);
  }

  #check(key, block) {
    const { number, hash, state_root: stateRoot } = block;
    const known = this.blocks[number];
    if (known) {
      assert.equal(hash, known.hash, `node ${key} has another block at height ${number}`);
      assert.equal(stateRoot, known.stateRoot, `node ${key} has another state after block ${number}`);
    } else {
      this.#add(block);
    }
  }

  #add({ number, hash, state_root: stateRoot, parent_hash: parent, transactions, certificate }) {
    assert.equal(number, this.blocks.length);
    assert.equal(parent, this.blocks[number - 1].hash, `block ${number} builds on the one before it`);
    this.chain.assertCertificate({ number, hash, certificate });
    let { mintedAtto } = this.blocks[number - 1];
    for (const transaction of transactions) {
      assert.ok(!this.included.has(transaction.hash), `${transaction.hash} is in blocks ${this.included.get(transaction.hash)} and ${number}`);
      assert.equal(transaction.state, 'succeeded', `${transaction.hash}: ${transaction.failure}`);
      this.included.set(transaction.hash, number);
      const mints = transaction.logs.filter(({ address, topics }) => address.toLowerCase() === MINTER.toLowerCase() && topics[0] === MINTED);
      for (const { data } of mints) mintedAtto += BigInt(data);
      this.mints += mints.length;
    }
    this.blocks.push({ hash, stateRoot, mintedAtto });
  }
}
