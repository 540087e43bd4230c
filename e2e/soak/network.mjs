// Four validators and a follower as processes, under load, with faults by a seed. Ends with an error at the first thing that
// does not hold, and otherwise with one line of figures.
// Use: node e2e/soak/network.mjs [--minutes N] [--seed S] [--proxies]; AITBC_BINARIES names the folder of the programs, and
// --proxies asks for them also where network namespaces can be had.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Random } from '../support/random.mjs';
import { FOLLOWER, SITES, SoakChain } from './chain.mjs';
import { Faults } from './faults.mjs';
import { Load } from './load.mjs';
import { Namespaces, Proxies, inWatcher, makeNamespaces, removeNamespaces } from './sites.mjs';
import { Watch } from './watch.mjs';

const MINUTES_DEFAULT = '10';
const SEED_MAX = 2 ** 31;
/** Names the network namespaces to the same program that runs inside of one. */
const NAMESPACES_VARIABLE = 'AITBC_SOAK_NAMESPACES';
/** How many events are shown where something does not hold. */
const EVENTS_SHOWN = 30;

const { minutes, random, proxies } = read();
const inside = process.env[NAMESPACES_VARIABLE];
const code = inside ? await run(new Namespaces(inside)) : ((await runInNamespaces()) ?? (await run(await Proxies.make(SITES))));
// Requests to nodes that were ended may still wait.
process.exit(code);

function read() {
  const options = { minutes: { type: 'string', default: MINUTES_DEFAULT }, seed: { type: 'string' }, proxies: { type: 'boolean' } };
  try {
    const { values } = parseArgs({ options });
    const minutes = Number(values.minutes);
    if (!(minutes > 0)) throw new Error(`--minutes is more than 0, got ${values.minutes}`);
    const random = new Random(values.seed === undefined ? undefined : Number(values.seed));
    if (!Number.isInteger(random.seed) || random.seed < 0 || random.seed >= SEED_MAX) {
      throw new Error(`--seed is a whole number from 0 to ${SEED_MAX - 1}, got ${values.seed ?? process.env.AITBC_SEED}`);
    }
    return { minutes, random, proxies: values.proxies };
  } catch (error) {
    console.error(`error: ${error.message}`);
    return process.exit(2);
  }
}

/** Runs this program where it sees all sites; the exit code, or nothing where namespaces cannot be had. */
async function runInNamespaces() {
  if (proxies) return undefined;
  const name = `aitbc-soak-${process.pid}`;
  const reason = makeNamespaces(name, SITES);
  try {
    if (reason) {
      console.log(`no network namespaces here, so proxies stand between the validators: ${reason}`);
      return undefined;
    }
    const [command, ...prefix] = inWatcher(name);
    const words = [...prefix, process.execPath, fileURLToPath(import.meta.url), '--minutes', String(minutes), '--seed', String(random.seed)];
    const child = spawn(command, words, { env: { ...process.env, [NAMESPACES_VARIABLE]: name }, stdio: 'inherit' });
    // The terminal sends an interrupt to both; this one waits for the other.
    process.on('SIGINT', () => {}).on('SIGTERM', () => child.kill('SIGTERM'));
    return await new Promise((resolve, reject) => child.once('exit', (code) => resolve(code ?? 1)).once('error', reject));
  } finally {
    removeNamespaces(name, SITES);
  }
}

/** Returns the exit code. */
async function run(sites) {
  console.log(`network soak: --seed ${random.seed}, ${minutes} min, over ${sites.what}`);
  const chain = new SoakChain(sites);
  const events = [];
  const started = Date.now();
  const tell = (event) => events.push(`${((Date.now() - started) / 1_000).toFixed(1)} s: ${event}`);
  try {
    const figures = await soak(chain, tell);
    await chain.stop();
    console.log(`network soak passed: --seed ${random.seed}, ${figures}`);
    return 0;
  } catch (error) {
    console.error(error);
    console.error(`the last events:\n  ${events.slice(-EVENTS_SHOWN).join('\n  ')}`);
    console.error(`network soak FAILED: --seed ${random.seed}; data in ${chain.folder}, logs in ${chain.logs}`);
    await chain.abandon();
    return 1;
  }
}

async function soak(chain, tell) {
  const interrupted = new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => reject(new Error(`ended by ${signal}`)));
  });
  interrupted.catch(() => {});
  const [load, watch] = [new Load(chain, new Random(random.seed)), new Watch(chain)];
  const faults = new Faults(chain, random, { load, watch, tell });
  await chain.startAll();
  let failed;
  const broken = new Promise((_, reject) => (failed = reject));
  const work = faultsUntil(Date.now() + minutes * 60_000, { chain, load, watch, faults, failed });
  try {
    return await Promise.race([work, broken, interrupted]);
  } finally {
    work.catch(() => {});
    broken.catch(() => {});
  }
}

async function faultsUntil(end, { chain, load, watch, faults, failed }) {
  const started = Date.now();
  const all = [...chain.numbers, FOLLOWER];
  await chain.whole();
  await watch.start(all, failed);
  load.start(failed);
  const holders = load.wallets.map(({ address }) => address);
  do {
    await faults.next();
    await watch.assertSupply(all, holders);
  } while (Date.now() < end);
  await load.end();
  const acknowledged = await watch.settled(load.acknowledged);
  await watch.readUpTo(watch.height, all);
  const supply = await watch.assertSupply(all, holders);
  await watch.end();
  assert.equal(load.mintedAtto, supply, 'every receipt of the load was minted');
  return figuresOf({ started, acknowledged, supply, load, watch, faults });
}

function figuresOf({ started, acknowledged, supply, load, watch, faults }) {
  const { kill, pause, cut, two } = faults.counts;
  const { stateRoot } = watch.blocks[watch.height];
  const seconds = (ms) => `${(ms / 1_000).toFixed(1)} s`;
  return [
    `${((Date.now() - started) / 60_000).toFixed(1)} min`,
    `${acknowledged} transactions acknowledged and none lost`, `${watch.included.size} in ${watch.height} blocks`,
    `${load.repeats} sent again`,
    `${kill} kills, ${pause} pauses, ${cut} cuts, ${two} times two at once`,
    `a block without one validator after ${seconds(faults.longestBlockMs)} at most`,
    `whole again after ${seconds(faults.longestRecoveryMs)} at most`,
    `supply ${supply} attoAIT = the sum of ${watch.mints} mints`, `state root ${stateRoot}`,
  ].join(', ');
}
