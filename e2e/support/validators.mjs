// A chain of several validators, each a process of its own. The first serves hub and pages, too.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { getAddress, verifyTypedData } from 'ethers';
import { rpc } from './api.mjs';
import { end, program, results, site, start } from './system.mjs';

const LIMIT_MS = 300_000;
const POLL_MS = 25;

/** What a validator signs when it commits to a block. */
const COMMIT = {
  Commit: [
    { name: 'height', type: 'uint64' },
    { name: 'round', type: 'uint32' },
    { name: 'blockHash', type: 'bytes32' },
  ],
};

/** Waits until something holds; says what did not. */
export async function until(what, holds, limitMs = LIMIT_MS) {
  const limit = Date.now() + limitMs;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > limit) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
    await wait(POLL_MS);
  }
}

/** One command of `aitbc`, whatever comes of it. */
export function aitbc(...argumentList) {
  const { status, stdout, stderr } = spawnSync(program('aitbc'), argumentList, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** The answer of a REST path; undefined while nobody answers. */
export async function ask(url, path) {
  try {
    for (;;) {
      const answer = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(60_000) });
      // A node gives one address so many reads a minute, and these tests ask from one.
      if (answer.status !== 429) return { status: answer.status, body: await answer.json() };
      await wait(1_000 * Number(answer.headers.get('retry-after') ?? 1));
    }
  } catch {
    return undefined;
  }
}

export class Validators {
  /** Makes the files; nothing runs yet. */
  constructor(name, count) {
    this.folder = join(mkdtempSync(join(tmpdir(), `aitbc-e2e-${name}-`)), 'chain');
    this.logs = join(results, 'logs', name);
    rmSync(this.logs, { recursive: true, force: true });
    mkdirSync(this.logs, { recursive: true });
    const made = aitbc('node', 'init', this.folder, '--validators', String(count), '--first-port', '0');
    assert.equal(made.status, 0, made.stderr);
    this.genesis = JSON.parse(readFileSync(join(this.validator(1), 'genesis.json'), 'utf8'));
    this.powers = new Map(this.genesis.validators.map(({ address, voting_power }) => [getAddress(address), voting_power]));
    this.numbers = Array.from({ length: count }, (_, index) => index + 1);
    this.urls = new Map();
    this.processes = new Map();
  }

  validator(number) {
    return join(this.folder, `validator-${number}`);
  }

  /** Starts a validator at a port that the system chooses, and waits until it says where it listens. */
  async start(number) {
    const data = ['--data', this.validator(number), '--port', '0'];
    const isHub = number === 1;
    const role = isHub ? ['up', ...data, '--site', site, '--audits', 'never', '--no-market-maker'] : ['node', 'start', ...data];
    await this.startAs(`validator-${number}`, number, role);
  }

  /** Starts any process of `aitbc` that says at which URL it listens, with `prefix` before its name. */
  async startAs(name, key, argumentList, prefix) {
    const log = join(this.logs, `${name}.log`);
    const child = start('aitbc', argumentList, log, prefix);
    this.processes.set(key, child);
    this.urls.set(key, await new Promise((resolve, reject) => {
      let said = '';
      child.stdout.on('data', (part) => {
        said += part;
        const url = said.match(/http:\/\/\d+\.\d+\.\d+\.\d+:\d+(?=\/rpc|  )/g)?.at(-1);
        if (url && said.includes('\n')) resolve(url);
      });
      child.ended.then((how) => reject(new Error(`${name} ended with ${how}: ${readFileSync(log, 'utf8').slice(-2_000)}`)));
    }));
  }

  /** Ends a process without any chance to tidy up. */
  async kill(key) {
    await end(this.processes.get(key), 'SIGKILL');
    this.processes.delete(key);
    this.urls.delete(key);
  }

  /** Keys of the processes that run. */
  running() {
    return [...this.processes.keys()];
  }

  url(key) {
    return this.urls.get(key);
  }

  async head(key) {
    return (await ask(this.url(key), '/rpc/head')).body;
  }

  async block(key, height) {
    return (await ask(this.url(key), `/rpc/blocks/${height}`)).body;
  }

  /** Waits until these have a transaction in a block. */
  async final(hash, keys = this.running()) {
    for (const key of keys) {
      await until(`${key} has ${hash} in a block`, async () => {
        const answer = await ask(this.url(key), `/rpc/tx/${hash}`);
        return answer?.status === 200 && answer.body.state !== 'waiting';
      });
    }
  }

  /** Every block is the same on all of them, and signed by more than two thirds of the voting power. */
  async assertSameChain(keys) {
    const { number: height } = await this.head(keys[0]);
    for (let number = 1; number <= height; number += 1) {
      const [first, ...others] = await Promise.all(keys.map((key) => this.block(key, number)));
      for (const other of others) {
        assert.equal(other.hash, first.hash, `two blocks at height ${number}`);
        assert.equal(other.state_root, first.state_root, `two states after block ${number}`);
      }
      for (const block of [first, ...others]) this.assertCertificate(block);
    }
    return height;
  }

  /** Checked by a library that knows nothing of this chain. Nodes may have different signatures for one block. */
  assertCertificate({ number, hash, certificate }) {
    const domain = { name: 'AITBC', version: '1', chainId: this.genesis.chain_id };
    const commit = { height: number, round: certificate.round, blockHash: hash };
    const signers = certificate.signatures.map(({ validator, signature }) => {
      const signer = verifyTypedData(domain, COMMIT, commit, signature);
      assert.equal(signer, getAddress(validator), `a forged signature under block ${number}`);
      return signer;
    });
    assert.equal(new Set(signers).size, signers.length, `a validator signed block ${number} twice`);
    const total = [...this.powers.values()].reduce((sum, power) => sum + power, 0);
    const signed = signers.reduce((sum, signer) => sum + (this.powers.get(signer) ?? 0), 0);
    assert.ok(3 * signed > 2 * total, `block ${number} has the power ${signed} of ${total}`);
  }

  async submit(key, raw) {
    return rpc(this.url(key), 'eth_sendRawTransaction', raw);
  }

  async stop() {
    const ends = [];
    for (const child of this.processes.values()) ends.push(await end(child, 'SIGTERM'));
    rmSync(join(this.folder, '..'), { recursive: true, force: true });
    assert.deepEqual(ends.filter((how) => how !== 0), [], 'a process did not end on SIGTERM');
  }
}
