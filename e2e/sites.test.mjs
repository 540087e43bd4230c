// A chain over more than one machine: a follower in another network namespace, and a node that begins from a snapshot.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Wallet } from 'ethers';
import { CHAIN_ID } from './support/contracts.mjs';
import { end, program } from './support/system.mjs';
import { Validators, aitbc, ask, until } from './support/validators.mjs';

const TRANSACTIONS = 6;
/** Addresses of a network that no machine routes (RFC 5737). */
const VALIDATOR_SITE = '192.0.2.1';
const FOLLOWER_SITE = '192.0.2.2';

let chain;

before(async () => {
  chain = new Validators('sites', 4);
  await Promise.all([2, 3, 4].map((number) => chain.start(number)));
  for (let sent = 0; sent < TRANSACTIONS; sent += 1) await chain.final(await send(2), [2, 3, 4]);
});

after(async () => chain?.stop());

/** Sends a transfer of nothing. */
async function send(key) {
  const raw = await Wallet.createRandom().signTransaction({
    type: 2, chainId: CHAIN_ID, nonce: 0, to: '0x0909090909090909090909090909090909090909', value: 0,
    gasLimit: 21_000, maxFeePerGas: 1, maxPriorityFeePerGas: 1,
  });
  return chain.submit(key, raw);
}

test('a node begins from a snapshot, follows on, and says what it does not keep', async () => {
  const folder = (name) => join(chain.folder, name);
  const genesis = join(chain.validator(2), 'genesis.json');
  const from = ['--from', chain.url(2)];
  await chain.startAs('whole', 'whole', ['node', 'follow', '--data', folder('whole'), '--port', '0', '--genesis', genesis, ...from]);
  await until('it has every block', async () => (await chain.head('whole')).number === (await chain.head(2)).number);
  const file = folder('chain.snapshot');
  const running = aitbc('node', 'export', '--data', folder('whole'), '--snapshot', file);
  assert.match(running.stderr, /a node runs on the data in .*: stop it first/);
  await chain.kill('whole');
  const exported = aitbc('node', 'export', '--data', folder('whole'), '--snapshot', file, '--height', '4', '--json');
  assert.equal(exported.status, 0, exported.stderr);
  const { number, block_hash: hash } = JSON.parse(exported.stdout);
  assert.equal(number, 4);
  assert.match(aitbc('node', 'export', '--data', folder('whole'), '--snapshot', file).stderr, /exists already, and is not replaced/);

  const bytes = readFileSync(file);
  for (const place of [0, 40, Math.floor(bytes.length / 2), bytes.length - 2]) {
    const changed = Buffer.from(bytes);
    changed[place] ^= 1;
    writeFileSync(folder('changed.snapshot'), changed);
    const refused = aitbc('node', 'import', '--data', folder('new'), '--snapshot', folder('changed.snapshot'), '--genesis', genesis);
    assert.notEqual(refused.status, 0, `byte ${place} was changed`);
    assert.match(refused.stderr, /^error: the snapshot /m);
    assert.deepEqual(readdirSync(folder('new')), ['genesis.json'], 'nothing half is left');
  }
  const other = aitbc('node', 'import', '--data', folder('new'), '--snapshot', file, '--block-hash', `0x${'11'.repeat(32)}`);
  assert.match(other.stderr, /the hash of block 4 is 0x.*, and 0x1111.* is expected/);
  const imported = aitbc('node', 'import', '--data', folder('new'), '--snapshot', file, '--block-hash', hash, '--json');
  assert.equal(imported.status, 0, imported.stderr);
  assert.equal(JSON.parse(imported.stdout).block_hash, hash);

  await chain.startAs('new', 'new', ['node', 'follow', '--data', folder('new'), '--port', '0', ...from]);
  await until('it has every block', async () => (await chain.head('new')).number === (await chain.head(2)).number);
  assert.equal((await chain.head('new')).state_root, (await chain.head(2)).state_root);
  const gone = await ask(chain.url('new'), '/rpc/blocks/2');
  assert.deepEqual([gone.status, gone.body.type], [410, '/problems/history-unavailable']);
  const call = async (method, ...params) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    return (await fetch(`${chain.url('new')}/rpc`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json();
  };
  assert.deepEqual((await call('eth_getBlockByNumber', '0x2', false)).error.code, 4444);
  const state = await call('eth_getBalance', chain.genesis.validators[0].address, '0x2');
  assert.equal(state.error.code, -32000);
  assert.match(state.error.message, /^historical state is not available/);
  await chain.kill('new');
  assert.match(aitbc('up', '--data', folder('new'), '--port', '0').stderr, /^error: /m);
});

/** Runs `ip`; what it says where it fails. */
function ip(...argumentList) {
  const { status, stderr, error } = spawnSync('ip', argumentList, { encoding: 'utf8' });
  return status === 0 ? undefined : String(error ?? stderr).trim();
}

/** Two namespaces with a cable between; why they cannot be had. */
function connectSites(sites) {
  for (const { name } of sites) {
    const reason = ip('netns', 'add', name);
    if (reason) return reason;
  }
  const [one, other] = sites;
  const reason = ip('link', 'add', one.name, 'netns', one.name, 'type', 'veth', 'peer', 'name', other.name, 'netns', other.name);
  if (reason) return reason;
  for (const { name, address } of sites) {
    for (const command of [['addr', 'add', `${address}/24`, 'dev', name], ['link', 'set', name, 'up'], ['link', 'set', 'lo', 'up']]) {
      const fault = ip('-n', name, ...command);
      if (fault) return fault;
    }
  }
  return undefined;
}

test('a follower at another site follows over the network and checks everything', async (t) => {
  const sites = [
    { name: `aitbc-a${process.pid}`, address: VALIDATOR_SITE },
    { name: `aitbc-b${process.pid}`, address: FOLLOWER_SITE },
  ];
  t.after(() => sites.forEach(({ name }) => ip('netns', 'del', name)));
  const reason = connectSites(sites);
  if (reason) return t.skip(`network namespaces cannot be made here: ${reason}`);
  const folder = join(chain.folder, 'one');
  assert.equal(aitbc('node', 'init', folder, '--validators', '1', '--first-port', '0').status, 0);
  const validator = join(folder, 'validator-1');
  const within = (site, ...argumentList) => spawnSync('ip', ['netns', 'exec', site.name, program('aitbc'), ...argumentList], { encoding: 'utf8' });
  const running = [];
  const run = (site, name, ...argumentList) => {
    const log = openSync(join(chain.logs, `${name}.log`), 'a');
    // `ip` becomes the program, so that a signal reaches it.
    const child = spawn('ip', ['netns', 'exec', site.name, program('aitbc'), 'node', ...argumentList], { stdio: ['ignore', log, log] });
    child.ended = new Promise((resolve) => child.once('exit', resolve));
    running.push(child);
    return child;
  };
  t.after(async () => {
    for (const child of running) await end(child, 'SIGKILL');
  });
  const port = ['--host', '0.0.0.0', '--port', '8001'];
  const status = (site, address) => {
    const { status: code, stdout } = within(site, 'node', 'status', '--url', `http://${address}:8001`, '--json');
    return code === 0 ? JSON.parse(stdout) : undefined;
  };
  run(sites[0], 'site-a', 'start', '--data', validator, ...port);
  await until('the validator answers at its site', () => status(sites[0], VALIDATOR_SITE));
  assert.equal(status(sites[1], FOLLOWER_SITE), undefined, 'nobody listens at the other site yet');

  const raw = await Wallet.createRandom().signTransaction({
    type: 2, chainId: CHAIN_ID, nonce: 0, to: '0x0909090909090909090909090909090909090909', value: 0,
    gasLimit: 21_000, maxFeePerGas: 1, maxPriorityFeePerGas: 1,
  });
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_sendRawTransaction', params: [raw] });
  const post = `fetch('http://${VALIDATOR_SITE}:8001/rpc', { method: 'POST', headers: { 'content-type': 'application/json' }, body: process.argv[1] }).then((answer) => answer.text()).then(console.log)`;
  // From the follower's site, so that the cable is what carries it.
  const sent = spawnSync('ip', ['netns', 'exec', sites[1].name, process.execPath, '-e', post, body], { encoding: 'utf8' });
  assert.match(sent.stdout, /"result":"0x[0-9a-f]{64}"/, sent.stderr);

  const copy = join(chain.folder, 'copy-of-one');
  const from = ['--from', `http://${VALIDATOR_SITE}:8001`, '--genesis', join(validator, 'genesis.json')];
  run(sites[1], 'site-b', 'follow', '--data', copy, ...from, ...port);
  const followed = await until('the follower has the block', () => {
    const answer = status(sites[1], FOLLOWER_SITE);
    return answer?.head.number === 1 && answer;
  });
  const origin = status(sites[0], VALIDATOR_SITE);
  assert.deepEqual([followed.head.hash, followed.head.state_root], [origin.head.hash, origin.head.state_root]);
  assert.equal(followed.network.fault, null);

  // The cable is cut: the follower keeps what it has, and says that nobody answers.
  assert.equal(ip('-n', sites[0].name, 'link', 'set', sites[0].name, 'down'), undefined);
  const health = `fetch('http://${FOLLOWER_SITE}:8001/health').then(async (answer) => console.log(answer.status, await answer.text()))`;
  await until('it says so', () => {
    const told = spawnSync('ip', ['netns', 'exec', sites[1].name, process.execPath, '-e', health], { encoding: 'utf8' }).stdout;
    return /^503 .*does not answer/s.test(told);
  });
  assert.equal(status(sites[1], FOLLOWER_SITE).head.number, 1);
  assert.ok(existsSync(join(copy, 'genesis.json')));
});
