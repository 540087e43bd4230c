// The processes of a soak: four validators and a follower, each at a site of its own.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Validators, ask, until } from '../support/validators.mjs';

export const VALIDATORS = 4;
export const FOLLOWER = VALIDATORS + 1;
export const SITES = Array.from({ length: FOLLOWER }, (_, index) => index + 1);

/** More than come while what is read at one height is asked for at all nodes. */
const KEPT_STATES = ['--kept-states', '5000'];
/** After this long without an answer a request counts as lost; whether it arrived is not known. */
const REQUEST_LIMIT_MS = 5_000;

/** A soak may have a busy machine; how long it waited is among its figures. */
const PATIENCE_MS = 600_000;

/** Waits as `until` does, and longer. */
export const patiently = (what, holds) => until(what, holds, PATIENCE_MS);

/** A request was refused, with the code of JSON-RPC. */
export class Refused extends Error {
  constructor(method, { code, message }) {
    super(`${method}: ${message} (${code})`);
    this.code = code;
  }
}

export class SoakChain extends Validators {
  /** Sites that do not answer now, because of a fault that was made. */
  faulty = new Set();
  #paused = new Set();

  constructor(sites) {
    super('soak-network', VALIDATORS);
    this.sites = sites;
  }

  async startAll() {
    await this.#connectSites();
    await Promise.all(this.numbers.map((number) => this.start(number)));
    await this.startFollower();
  }

  async start(number) {
    const place = ['--data', this.validator(number), ...this.sites.listen(number)];
    await this.startAs(`validator-${number}`, number, ['node', 'start', ...place, ...KEPT_STATES], this.sites.prefix(number));
  }

  async startFollower() {
    const genesis = ['--genesis', join(this.validator(1), 'genesis.json')];
    const from = this.numbers.flatMap((number) => ['--from', this.url(number)]);
    const place = ['--data', join(this.folder, 'follower'), ...this.sites.listen(FOLLOWER)];
    await this.startAs('follower', FOLLOWER, ['node', 'follow', ...place, ...KEPT_STATES, ...genesis, ...from], this.sites.prefix(FOLLOWER));
  }

  /** Stops a process where it is, with its connections open. */
  pause(number) {
    this.processes.get(number).kill('SIGSTOP');
    this.#paused.add(number);
  }

  resume(number) {
    this.processes.get(number)?.kill('SIGCONT');
    this.#paused.delete(number);
  }

  /** Those that no fault keeps from answering. */
  sound() {
    return this.running().filter((key) => !this.faulty.has(key));
  }

  soundValidators() {
    return this.numbers.filter((number) => this.processes.has(number) && !this.faulty.has(number));
  }

  /** The answer of JSON-RPC; fails with [`Refused`] where it is refused, and otherwise where no answer comes in time. */
  async call(key, method, ...params) {
    const answer = await fetch(`${this.url(key)}/rpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    });
    const { result, error } = await answer.json();
    if (error) throw new Refused(method, error);
    return result;
  }

  /** The same, asked again for as long as no answer comes. */
  async callUntilAnswered(key, method, ...params) {
    return patiently(`${key} answers ${method}`, async () => {
      try {
        return { result: await this.call(key, method, ...params) };
      } catch (error) {
        if (error instanceof Refused) throw error;
        await wait(50);
        return undefined;
      }
    }).then(({ result }) => result);
  }

  /** The height of a node; undefined while it does not answer. */
  async height(key) {
    const answer = await ask(this.url(key), '/rpc/head');
    return answer?.status === 200 ? answer.body.number : undefined;
  }

  /** Waits until all validators are connected with each other and no node finds fault. */
  async whole() {
    for (const number of this.numbers) {
      await patiently(`validator ${number} is connected with the others`, async () => {
        const answer = await ask(this.url(number), '/rpc/net_info');
        return answer?.status === 200 && answer.body.peers === VALIDATORS - 1 && answer.body.fault === null;
      });
    }
    await patiently('the follower finds no fault', async () => (await ask(this.url(FOLLOWER), '/health'))?.status === 200);
  }

  async stop() {
    for (const number of this.#paused) this.resume(number);
    await super.stop();
    await this.sites.close();
  }

  /** Ends everything at once, and keeps the data. */
  async abandon() {
    await Promise.all(this.running().map((key) => this.kill(key)));
    await this.sites.close();
  }

  /** Writes who is called where: each validator has its own file, since each may call another proxy. */
  async #connectSites() {
    const file = (number) => join(this.validator(number), 'peers.json');
    const { validators } = JSON.parse(readFileSync(file(1), 'utf8'));
    const made = new Map(validators.map(({ endpoint }, index) => [index + 1, endpoint]));
    for (const number of this.numbers) {
      const endpoints = await this.sites.endpoints(number, made);
      const peers = validators.map(({ address }, index) => ({ address, endpoint: endpoints.get(index + 1) }));
      writeFileSync(file(number), JSON.stringify({ validators: peers }));
    }
  }
}
