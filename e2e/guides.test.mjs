// The commands of the guides for people, typed at a terminal as the guides have them: a wallet, its daemon, and a paid picture.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Wallet } from 'ethers';
import { createJob, follow, image, rpc } from './support/api.mjs';
import { CHAIN_ID, MINTER } from './support/contracts.mjs';
import { System, root, site } from './support/system.mjs';
import { Terminal } from './support/terminal.mjs';
import { until } from './support/validators.mjs';

const PASSWORD = 'a password for tests';
/** What the guides' commands move and pay together stays below. */
const EARNED_AIT = 12n;
const ATTO = 10n ** 18n;
const PICTURES_MAX = 10;
/** Where a program says that it listens; others stand in what it says, too. */
const URL = /http:\/\/127\.0\.0\.1:(\d+)(?=\/rpc|  |;|\s*\n)/;

let system;
let env;
/** Where the daemon of the guide listens, once it runs. */
let daemonPort;
/** Programs that go on until they are interrupted. */
const running = [];

before(async () => {
  system = await System.start('guides', { workers: 0 });
  system.initWorker(1, { pictureUnitPriceAit: '0.5' });
  system.startWorker(1);
  await system.ready(1);
  const home = join(system.data, 'home');
  mkdirSync(home);
  const programs = [dirname(system.program('aitbc')), process.env.PATH].join(':');
  env = { ...process.env, PATH: programs, HOME: home, AITBC_URL: system.url, AITBC_SITE: site, AITBC_DISK_FLOOR_MIB: '0' };
});

after(async () => {
  for (const terminal of running.reverse()) await terminal.interrupt();
  await system?.stop();
});

/** The commands of the guide's listings, in order, without their remarks. A line that ends in a backslash goes on. */
function commands(guide) {
  const text = readFileSync(join(root, 'docs', guide), 'utf8');
  const listings = [...text.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, listing]) => listing);
  return listings.join('').replaceAll('\\\n', '').split('\n').map((line) => line.replace(/\s+#.*/, '').trim()).filter(Boolean);
}

const adapted = (command) =>
  command.replaceAll('http://127.0.0.1:8000', system.url).replaceAll(':18002', `:${daemonPort}`);

const type = (command) => new Terminal(adapted(command), { cwd: system.data, env });

/** Types a command, answers what it asks, and demands that it succeeds. */
async function done(command, answers = []) {
  const terminal = type(command);
  for (const [question, reply] of answers) await terminal.answer(question, reply);
  assert.equal(await terminal.ended, 0, `${command}\n${terminal.output}`);
  return terminal.output;
}

const YES = [/\[y\/N\] /, 'y'];
const OWN_PASSWORD = [/Password of main: /, PASSWORD];

test('the wallet of the guide is made, gets AIT, and pays through its daemon', async () => {
  const [create, daemon, token, send, cancel, ...rest] = commands('WALLET.md');
  assert.deepEqual(rest, [], 'a command of the guide is not run');
  const words = new Map();
  await done(create, [
    [/New password of main, .*: /, PASSWORD],
    [/The same again: /, PASSWORD],
    [/((?: +\d+\. \w+\r?\n)+)[^]*Type word (\d+) .*: /, ([, shown, asked]) => {
      for (const [, number, word] of shown.matchAll(/(\d+)\. (\w+)/g)) words.set(number, word);
      return words.get(asked);
    }],
  ]);
  assert.equal(words.size, 12);
  await earn();

  const signer = type(`${daemon} --port 0`);
  running.push(signer);
  await signer.answer(...OWN_PASSWORD);
  [, daemonPort] = await signer.sees(URL);
  const receiver = /0x[0-9a-fA-F]{40}/.exec(send)[0];
  const paid = JSON.parse(await done(`${token}; ${send}`));
  assert.match(paid.state, /waiting|settled/, JSON.stringify(paid));
  await until('the receiver has 1.5 AIT', async () => (await balance(receiver)) === (3n * ATTO) / 2n);
  // It is in a block, and what is in a block is not canceled.
  const refused = JSON.parse(await done(`${token}; ${cancel}`));
  assert.equal(await balance(receiver), (3n * ATTO) / 2n, JSON.stringify(refused));
});

test('a picture is quoted, paid from the wallet and verified, and the rest comes back', async () => {
  const [quote, submit, verify, deposit, withdraw, ...rest] = commands('PAYMENTS.md');
  assert.deepEqual(rest, [], 'a command of the guide is not run');
  assert.match(await done(quote), /AIT/);
  const told = await done(submit, [YES, OWN_PASSWORD]);
  assert.equal(readFileSync(join(system.data, 'lake.png')).subarray(1, 4).toString(), 'PNG');
  const [, id] = /\b(job_\w+)/.exec(told);
  const job = await (await fetch(`${system.url}/v1/jobs/${id}`)).json();
  assert.ok(job.receipt_hash, JSON.stringify(job));
  const receipt = await fetch(`${system.url}/v1/receipts/${job.receipt_hash}`);
  writeFileSync(join(system.data, 'receipt.json'), await receipt.text());
  assert.match(await done(verify), /the escrow paid [\s\S]*1 of 1 validators signed the block/);
  await done(deposit, [YES, OWN_PASSWORD]);
  await done(withdraw, [YES, OWN_PASSWORD]);
});

test('four validators of the guide decide blocks, and a fifth node follows them', async () => {
  const listed = commands('NETWORK.md');
  const [init, up, second, third, fourth, status, peers, block, validators, stake] = listed;
  const follow = listed.find((command) => command.startsWith('aitbc node follow'));
  // The system chooses the ports, so that they are free.
  const ports = new Map();
  const own = (command) => command.replaceAll(/\b80\d\d\b/g, (port) => ports.get(port) ?? port);
  const url = (port) => `http://127.0.0.1:${ports.get(port)}`;
  const begin = async (command) => {
    const [option, port] = /--port (\d+)/.exec(command);
    running.push(new Terminal(own(command.replace(option, '--port 0')), { cwd: system.data, env }));
    ports.set(port, (await running.at(-1).sees(URL))[1]);
  };
  const told = async (command) => {
    const terminal = new Terminal(own(command), { cwd: system.data, env: { ...env, AITBC_URL: url('8000') } });
    assert.equal(await terminal.ended, 0, `${command}\n${terminal.output}`);
    return terminal.output;
  };

  await told(`${init} --first-port 0`);
  for (const command of [`${up} --port 8000`, second, third, fourth]) await begin(command);
  const nothing = { type: 2, chainId: CHAIN_ID, nonce: 0, to: MINTER, value: 0, gasLimit: 50_000, maxFeePerGas: 1, maxPriorityFeePerGas: 1 };
  await rpc(url('8003'), 'eth_sendRawTransaction', await Wallet.createRandom().signTransaction(nothing));
  await until('there is a block', async () => (await rpc(url('8003'), 'eth_blockNumber')) !== '0x0');
  assert.match(await told(status), /peers/i);
  assert.match(await told(peers), /127\.0\.0\.1/);
  const { certificate } = JSON.parse(await told(block));
  assert.ok(certificate.signatures.length >= 3, JSON.stringify(certificate));
  const powers = await told(validators);
  assert.equal(new Set(powers.match(/0x[0-9a-fA-F]{40}/g)).size, 4, powers);
  assert.match(await told(stake), /OWN AIT +DELEGATED AIT/);
  await begin(follow);
  await until('the copy has block 1', async () => (await rpc(url('8010'), 'eth_blockNumber').catch(() => '0x0')) !== '0x0');
  const hash = async (of) => (await rpc(of, 'eth_getBlockByNumber', '0x1', false)).hash;
  assert.equal(await hash(url('8010')), await hash(url('8003')));
});

/** The worker earns, and its key sends what it earned to the wallet. */
async function earn() {
  let earned = 0n;
  for (let count = 0; earned < EARNED_AIT * ATTO; count += 1) {
    assert.ok(count < PICTURES_MAX, `${count} pictures earned ${earned}`);
    const { id } = await createJob(system.url, image(`a lake, ${count}`, { width: 512, height: 512, steps: 50 }));
    const { mint } = await follow(system.url, id, { minted: true });
    earned += BigInt(mint.amount);
  }
  const password = join(system.data, 'password');
  writeFileSync(password, `${PASSWORD}\n`, { mode: 0o600 });
  const key = join(system.data, 'worker-1/keys/dev-miner.key');
  await done(`aitbc wallet import miner --file ${key} --password-file ${password}`);
  await done(`aitbc wallet send miner main ${EARNED_AIT - 1n} --password-file ${password} --yes`);
}

async function balance(address) {
  const token = '0x0000000000000000000000000000000000A17001';
  const data = `0x70a08231${address.slice(2).toLowerCase().padStart(64, '0')}`;
  return BigInt(await rpc(system.url, 'eth_call', { to: token, data }, 'latest'));
}
