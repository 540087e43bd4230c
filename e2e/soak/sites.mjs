// Where the processes of a soak run, and how the network between them is cut: each in a network namespace of its own where
// the machine allows that, otherwise all at 127.0.0.1 with a proxy between every two validators. Either way what is cut off
// hears nothing: no connection is refused or reset.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { freePort } from '../support/system.mjs';

/** A network that no machine routes (RFC 5737); the last number of an address is that of its site. */
const NETWORK = '192.0.2';
/** Of the program that watches. */
const WATCHER = 254;
const RPC_PORT = 8001;
const VALIDATOR_PORT = 26_601;

/** Runs `ip`; what it says where it fails. */
function ip(...argumentList) {
  const { status, stderr, error } = spawnSync('ip', argumentList, { encoding: 'utf8' });
  return status === 0 ? undefined : String(error ?? stderr).trim();
}

/** The first of these commands of `ip` that fails says why. */
function ipAll(commands) {
  for (const command of commands) {
    const reason = ip(...command);
    if (reason) return `ip ${command.join(' ')}: ${reason}`;
  }
  return undefined;
}

const namespaceOf = (name, site) => `${name}-${site}`;

/** A namespace for each site and one for who watches, which has the two bridges that join them. Returns why there are none. */
export function makeNamespaces(name, sites) {
  const watcher = namespaceOf(name, 'watcher');
  const within = (...command) => ['-n', watcher, ...command];
  const commands = [
    ['netns', 'add', watcher],
    within('link', 'set', 'lo', 'up'),
    ...['near', 'far'].flatMap((bridge) => [within('link', 'add', bridge, 'type', 'bridge'), within('link', 'set', bridge, 'up')]),
    within('addr', 'add', `${NETWORK}.${WATCHER}/24`, 'dev', 'near'),
  ];
  for (const site of sites) {
    const namespace = namespaceOf(name, site);
    commands.push(
      ['netns', 'add', namespace],
      ['link', 'add', `site-${site}`, 'netns', watcher, 'type', 'veth', 'peer', 'name', 'cable', 'netns', namespace],
      within('link', 'set', `site-${site}`, 'master', 'near'),
      within('link', 'set', `site-${site}`, 'up'),
      ['-n', namespace, 'addr', 'add', `${NETWORK}.${site}/24`, 'dev', 'cable'],
      ['-n', namespace, 'link', 'set', 'cable', 'up'],
      ['-n', namespace, 'link', 'set', 'lo', 'up'],
    );
  }
  return ipAll(commands);
}

export function removeNamespaces(name, sites) {
  for (const site of ['watcher', ...sites]) ip('netns', 'del', namespaceOf(name, site));
}

/** The words before a program that shall run where the others are watched from. */
export const inWatcher = (name) => ['ip', 'netns', 'exec', namespaceOf(name, 'watcher')];

/** Sites that are network namespaces. Made in the namespace of who watches. */
export class Namespaces {
  what = 'network namespaces';

  constructor(name) {
    this.name = name;
  }

  /** The words before a program that runs at a site. */
  prefix(site) {
    return ['ip', 'netns', 'exec', namespaceOf(this.name, site)];
  }

  /** Where a program at a site listens for requests. */
  listen(site) {
    return ['--host', `${NETWORK}.${site}`, '--port', String(RPC_PORT)];
  }

  /** Where the validator at a site calls and is called, by site; it listens at its own entry. */
  async endpoints(_, endpoints) {
    return new Map([...endpoints.keys()].map((site) => [site, `${NETWORK}.${site}:${VALIDATOR_PORT}`]));
  }

  /** These reach each other and nobody else, until each is connected again. */
  cut(sites) {
    for (const site of sites) this.#join(site, 'far');
  }

  connect(site) {
    this.#join(site, 'near');
  }

  #join(site, bridge) {
    assert.equal(ip('link', 'set', `site-${site}`, 'master', bridge), undefined);
  }

  async close() {}
}

/** Sites that are ports of this machine, with a proxy for each validator and each that it calls. Requests are never cut. */
export class Proxies {
  what = 'proxies at 127.0.0.1';
  #ports = new Map();
  #far = new Set();
  #proxies = [];

  /** A site keeps its port when its program starts again: the follower knows the others by it. */
  static async make(sites) {
    const proxies = new Proxies();
    for (const site of sites) proxies.#ports.set(site, await freePort());
    return proxies;
  }

  prefix() {
    return [];
  }

  listen(site) {
    return ['--port', String(this.#ports.get(site))];
  }

  async endpoints(site, endpoints) {
    const called = new Map();
    for (const [other, endpoint] of endpoints) {
      called.set(other, other === site ? endpoint : await this.#proxy(site, other, endpoint));
    }
    return called;
  }

  cut(sites) {
    for (const site of sites) this.#far.add(site);
    this.#apply();
  }

  connect(site) {
    this.#far.delete(site);
    this.#apply();
  }

  async close() {
    for (const { server, calls } of this.#proxies) {
      server.close();
      for (const call of calls) call.end();
    }
  }

  #isCut({ from, to }) {
    return this.#far.has(from) !== this.#far.has(to);
  }

  #apply() {
    for (const proxy of this.#proxies) {
      for (const call of proxy.calls) call.pass(!this.#isCut(proxy));
    }
  }

  /** The endpoint at which `from` reaches `to`. */
  async #proxy(from, to, endpoint) {
    const proxy = { from, to, calls: new Set() };
    proxy.server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (caller) => {
      const call = new Call(caller, endpoint, () => proxy.calls.delete(call));
      proxy.calls.add(call);
      call.pass(!this.#isCut(proxy));
    }).listen(0, '127.0.0.1');
    this.#proxies.push(proxy);
    await new Promise((resolve) => proxy.server.once('listening', resolve));
    return `127.0.0.1:${proxy.server.address().port}`;
  }
}

/** A connection through a proxy. While nothing passes, neither side learns that the other one ended. */
class Call {
  #passes = false;
  #isOver = false;

  constructor(caller, endpoint, ended) {
    this.caller = caller;
    this.endpoint = endpoint;
    this.ended = ended;
    this.#watch(caller);
  }

  pass(passes) {
    if (passes === this.#passes) return;
    this.#passes = passes;
    if (!passes) {
      this.caller.unpipe().pause();
      this.callee?.unpipe().pause();
    } else if (this.#isOver) {
      this.end();
    } else {
      this.callee ??= this.#call();
      this.caller.pipe(this.callee);
      this.callee.pipe(this.caller);
    }
  }

  end() {
    this.caller.destroy();
    this.callee?.destroy();
    this.ended();
  }

  #call() {
    const [host, port] = this.endpoint.split(':');
    const callee = connect({ port: Number(port), host, allowHalfOpen: true });
    this.#watch(callee);
    return callee;
  }

  #watch(socket) {
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isOver = true;
      if (this.#passes) this.end();
    });
  }
}
