// A real installation in a folder of its own: the server, which is node, hub and web in one, and its workers.
// The binaries and the browser bundles are those that cargo and trunk built.

import { spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const results = join(root, 'e2e/test-results');

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'aitbc');
const binaries = process.env.AITBC_BINARIES ?? join(process.env.CARGO_TARGET_DIR ?? join(cache, 'target'), 'debug');
export const site = process.env.AITBC_SITE ?? join(root, 'target/site');
export const models = join(root, 'gpu-worker/model');

const READY_LIMIT_MS = 300_000;
const STOP_LIMIT_MS = 120_000;
const POLL_MS = 25;

export class System {
  #server;
  #workers = new Map();

  constructor(name, port, options = [], { marketMaker = false } = {}) {
    // Most tests count to the last coin, and an audit mints more by chance.
    this.options = options.includes('--audits') ? options : ['--audits', 'never', ...options];
    // They count orders and blocks too.
    if (!marketMaker) this.options = ['--no-market-maker', ...this.options];
    this.data = mkdtempSync(join(tmpdir(), `aitbc-e2e-${name}-`));
    this.logs = join(results, 'logs', name);
    rmSync(this.logs, { recursive: true, force: true });
    mkdirSync(this.logs, { recursive: true });
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /**
   * Starts a new installation and waits until `workers` miners are online; `options` go to `aitbc up`, which quotes on the
   * exchange only where `marketMaker` says so.
   */
  static async start(name, { workers = 1, options, marketMaker } = {}) {
    const system = new System(name, await freePort(), options, { marketMaker });
    system.startServer();
    await system.#until('the server answers', () => system.minersOnline() !== undefined);
    for (let number = 1; number <= workers; number += 1) {
      system.initWorker(number);
      system.startWorker(number);
    }
    await system.ready(workers);
    return system;
  }

  startServer() {
    this.#server = this.#spawn('server', 'aitbc', [
      'up', '--data', this.data, '--port', String(this.port), '--site', site, ...this.options,
    ]);
  }

  /** The price is that of a picture's unit, in AIT; without one the worker asks what follows from what it measured. */
  initWorker(number, { pictureUnitPriceAit } = {}) {
    const outcome = spawnSync(this.program('gpu-worker'), [
      '--data', this.#workerFolder(number), 'init', '--hub', this.url, '--model', models,
    ]);
    if (outcome.status !== 0) throw new Error(`gpu-worker init: ${outcome.error ?? outcome.stderr}`);
    if (pictureUnitPriceAit) {
      const file = join(this.#workerFolder(number), 'worker.toml');
      const asked = readFileSync(file, 'utf8');
      const priced = asked.replace(/(\/picture"\nunit_price_ait = ").*(?=")/, `$1${pictureUnitPriceAit}`);
      if (!priced.includes(`"${pictureUnitPriceAit}"`)) throw new Error(`${file} names no price of a picture`);
      writeFileSync(file, priced);
    }
  }

  startWorker(number) {
    this.#workers.set(number, this.#spawn(`worker-${number}`, 'gpu-worker', [
      '--data', this.#workerFolder(number), 'start', '--hub', this.url,
    ]));
  }

  /** Ends without any chance to tidy up. */
  async killServer() {
    await end(this.#server, 'SIGKILL');
  }

  /** Ends in order, and may start again. */
  async stopServer() {
    const ended = await end(this.#server, 'SIGTERM');
    if (ended === 'killed') throw new Error('the server did not end on SIGTERM');
  }

  async killWorker(number) {
    await end(this.#workers.get(number), 'SIGKILL');
  }

  async ready(workers) {
    await this.#until(`${workers} miner(s) online`, async () => (await this.minersOnline()) >= workers);
  }

  /** Undefined while the server does not answer. */
  async minersOnline() {
    try {
      const answer = await fetch(`${this.url}/v1/health`, { signal: AbortSignal.timeout(5_000) });
      return (await answer.json()).miners_online;
    } catch {
      return undefined;
    }
  }

  /** Ends all processes in order and removes the data. Fails where one of them had to be killed. */
  async stop() {
    const processes = [...this.#workers.values(), this.#server];
    const ends = [];
    for (const process of processes) ends.push(await end(process, 'SIGTERM'));
    rmSync(this.data, { recursive: true, force: true });
    const unclean = ends.filter((ended) => ended === 'killed').length;
    if (unclean > 0) throw new Error(`${unclean} process(es) did not end on SIGTERM`);
  }

  log(name) {
    return readFileSync(join(this.logs, `${name}.log`), 'utf8');
  }

  program(name) {
    return program(name);
  }

  /** One command of `aitbc` against this installation; returns its standard output. */
  command(...argumentList) {
    const outcome = spawnSync(this.program('aitbc'), argumentList, { encoding: 'utf8' });
    if (outcome.status !== 0) throw new Error(`aitbc ${argumentList.join(' ')}: ${outcome.error ?? outcome.stderr}`);
    return outcome.stdout;
  }

  /** The secret of a new API key that may ask for many pictures. */
  clientKey() {
    const limits = ['--images-per-minute', '100000'];
    return JSON.parse(this.command('keys', 'api', 'create', '--data', this.data, '--json', ...limits)).secret;
  }

  #workerFolder(number) {
    return join(this.data, `worker-${number}`);
  }

  #spawn(name, program, argumentList) {
    return start(program, argumentList, join(this.logs, `${name}.log`));
  }

  async #until(what, holds) {
    const limit = Date.now() + READY_LIMIT_MS;
    while (!(await holds())) {
      if (this.#server.exitCode !== null) throw new Error(`the server ended before ${what}:\n${this.log('server').slice(-2_000)}`);
      if (Date.now() > limit) throw new Error(`not within ${READY_LIMIT_MS / 1000} s: ${what}; logs in ${this.logs}`);
      await wait(POLL_MS);
    }
  }
}

/** A program that cargo built. */
export function program(name) {
  return join(binaries, name);
}

/** Starts a program whose output goes to a log; `prefix` are the words before it, such as those of `ip netns exec`. */
export function start(name, argumentList, logFile, prefix = []) {
  const log = createWriteStream(logFile, { flags: 'a' });
  // How full the disk of the tests' machine is must decide nothing.
  const env = { ...process.env, AITBC_DISK_FLOOR_MIB: '0' };
  const [command, ...words] = [...prefix, program(name), ...argumentList];
  const child = spawn(command, words, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  child.ended = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code));
    child.once('error', (error) => resolve(String(error)));
  });
  return child;
}

export async function end(process, signal) {
  if (process.exitCode !== null || process.signalCode !== null) return process.ended;
  process.kill(signal);
  const late = Symbol('late');
  const ended = await Promise.race([process.ended, wait(STOP_LIMIT_MS, late, { ref: false })]);
  if (ended !== late) return ended;
  process.kill('SIGKILL');
  await process.ended;
  return 'killed';
}

/**
 * A port of this machine that nobody has now. The system gives out those from 32768 on: one of them could be somebody else's by
 * the time that it is used, or while a server starts again.
 */
export async function freePort() {
  for (;;) {
    const port = randomInt(16_384, 32_768);
    const listener = createServer();
    const isFree = await new Promise((resolve) => listener.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)));
    if (!isFree) continue;
    await new Promise((resolve) => listener.close(resolve));
    return port;
  }
}
