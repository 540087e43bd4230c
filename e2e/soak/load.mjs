// What the validators of a soak are given to do: senders whose transactions follow each other, and receipts that mint.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Interface, Wallet, hexlify, keccak256, randomBytes } from 'ethers';
import { domainOf, jobReceiptTypes } from '../../contracts/receipts.mjs';
import { CHAIN_ID, MINTER, TOKEN, minterAbi, tokenAbi } from '../support/contracts.mjs';
import { Refused, patiently } from './chain.mjs';

const SENDERS = 6;
/** Most milliseconds between two transactions of a sender, and of the one that mints. */
const PAUSE_MAX_MS = 300;
const MINT_PAUSE_MAX_MS = 1_000;
/** How long a sender waits before it asks again, of another validator if there is one. */
const AGAIN_MS = 50;
/** More than these transactions need, and little enough for the gas that strangers get. */
const TRANSFER_GAS = 21_000;
const TOKEN_GAS = 80_000;
const MINT_GAS = 400_000;

/** What a receipt may pay at most, so that a long soak stays below the caps of an epoch. */
const UNIT_PRICE_MAX_ATTO = 10 ** 15;
/** An earlier request arrived whose answer did not. Who says so has the transaction, or its block. */
const ARRIVED = /already known|nonce too low/i;

const token = new Interface(tokenAbi);
const minter = new Interface(minterAbi);

const callToken = (name, argumentList) => ({ to: TOKEN, data: token.encodeFunctionData(name, argumentList), gasLimit: TOKEN_GAS });

export class Load {
  /** Hashes of transactions that a validator says it has. */
  acknowledged = new Set();
  /** What the receipts of acknowledged transactions pay together. */
  mintedAtto = 0n;
  mints = 0;
  /** How often a sender asked again because it was refused or not answered. */
  repeats = 0;
  #isOver = false;
  #runs = [];

  constructor(chain, random) {
    this.chain = chain;
    this.random = random;
    this.wallets = Array.from({ length: SENDERS }, () => Wallet.createRandom());
    this.nonces = new Map();
    this.attester = new Wallet(readFileSync(join(chain.validator(1), 'keys/hub-dev.key'), 'utf8').trim());
  }

  /** `failed` hears of what a sender could not do. */
  start(failed) {
    this.#runs = [
      ...this.wallets.map((wallet) => this.#repeat(PAUSE_MAX_MS, () => this.#sendOne(wallet))),
      this.#repeat(MINT_PAUSE_MAX_MS, () => this.mint(this.#any(this.wallets))),
    ];
    for (const run of this.#runs) run.catch(failed);
  }

  async end() {
    this.#isOver = true;
    await Promise.all(this.#runs);
  }

  /** Sends one more transaction by somebody new. */
  async probe() {
    return this.#send(Wallet.createRandom(), callToken('approve', [MINTER, 1n]));
  }

  async #repeat(pauseMaxMs, act) {
    while (!this.#isOver) {
      await act();
      await wait(this.random.below(pauseMaxMs));
    }
  }

  async #sendOne(wallet) {
    const other = this.#any(this.wallets).address;
    const payloads = [
      { to: other, data: '0x', gasLimit: TRANSFER_GAS },
      callToken('approve', [other, BigInt(this.random.below(1_000))]),
      // Nothing, since its sender may have nothing.
      callToken('transfer', [other, 0n]),
    ];
    await this.#send(wallet, this.#any(payloads));
  }

  /** Signs a receipt as a miner and attests it, as a hub does; the minter checks both. */
  async mint(miner) {
    const claim = {
      receiptHash: hexlify(randomBytes(32)), jobId: hexlify(randomBytes(16)), taskRole: 'serve', provider: miner.address,
      client: this.attester.address, units: 1_000_000n, unitType: 'megapixel_step',
      unitPrice: BigInt(1 + this.random.below(UNIT_PRICE_MAX_ATTO)), expiresAt: BigInt(Math.floor(Date.now() / 1_000) + 86_400),
    };
    const sign = (wallet) => wallet.signTypedData(domainOf(CHAIN_ID, MINTER), jobReceiptTypes, claim);
    const data = minter.encodeFunctionData('mintWithReceipt', [claim, await sign(miner), [await sign(this.attester)]]);
    await this.#send(this.attester, { to: MINTER, data, gasLimit: MINT_GAS });
    this.mintedAtto += claim.unitPrice;
    this.mints += 1;
  }

  /** Sends a transaction again until a validator has it; returns its hash. */
  async #send(wallet, call) {
    const nonce = this.nonces.get(wallet.address) ?? 0;
    const raw = await wallet.signTransaction({
      type: 2, chainId: CHAIN_ID, nonce, ...call, value: 0, maxFeePerGas: 1, maxPriorityFeePerGas: 1,
    });
    this.nonces.set(wallet.address, nonce + 1);
    const answers = { last: undefined };
    await patiently(`a validator takes a transaction of ${wallet.address}`, () => this.#offer(raw, answers)).catch((error) => {
      throw new Error(`${error.message}; the last answer: ${answers.last}`);
    });
    const hash = keccak256(raw);
    this.acknowledged.add(hash);
    return hash;
  }

  /** Whether a validator says that it has the transaction. */
  async #offer(raw, answers) {
    try {
      await this.chain.call(this.#any(this.chain.soundValidators()), 'eth_sendRawTransaction', raw);
      return true;
    } catch (error) {
      if (error instanceof Refused && ARRIVED.test(error.message)) return true;
      this.repeats += 1;
      answers.last = error.message;
      await wait(AGAIN_MS);
      return false;
    }
  }

  #any(list) {
    return list[this.random.below(list.length)];
  }
}
