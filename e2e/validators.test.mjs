// Four validators in processes of their own: one is killed under load, then two, and a fifth node follows and checks all.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Wallet } from 'ethers';
import { createJob, follow, image } from './support/api.mjs';
import { CHAIN_ID, MINTER } from './support/contracts.mjs';
import { Random } from './support/random.mjs';
import { end, models, program, start } from './support/system.mjs';
import { Validators, aitbc, ask, until } from './support/validators.mjs';

const COUNT = 4;
const SENDERS = 4;
const KILLS = 4;
/** Acknowledged transactions between two kills. */
const BETWEEN_KILLS_MAX = 40;
/** How long two of four are watched for a block that must not come. */
const WATCHED_MS = 3_000;

const random = new Random();
let chain;

before(async () => {
  console.log(`validators: AITBC_SEED=${random.seed}`);
  chain = new Validators('validators', COUNT);
  await Promise.all(chain.numbers.map((number) => chain.start(number)));
});

after(async () => chain?.stop());

/** A signed transfer of nothing. */
async function ping(wallet, nonce) {
  return wallet.signTransaction({
    type: 2, chainId: CHAIN_ID, nonce, to: '0x0909090909090909090909090909090909090909', value: 0,
    gasLimit: 21_000, maxFeePerGas: 1, maxPriorityFeePerGas: 1,
  });
}

/** Sends until told to stop, each transaction again until a living validator has acknowledged it. */
async function keepSending(acknowledged, isOver) {
  const wallet = Wallet.createRandom();
  for (let nonce = 0; !isOver(); nonce += 1) {
    const raw = await ping(wallet, nonce);
    for (;;) {
      const living = chain.running();
      const key = living[random.below(living.length)];
      try {
        acknowledged.push(await chain.submit(key, raw));
        break;
      } catch (error) {
        // The answer of one that was killed may be lost: the transaction is known then.
        if (/already known|nonce too low/i.test(error.message)) break;
        await wait(20);
      }
    }
  }
}

test(`${KILLS} kills under load: what was acknowledged is final everywhere, in the same blocks`, async (t) => {
  const acknowledged = [];
  let isOver = false;
  const senders = Array.from({ length: SENDERS }, () => keepSending(acknowledged, () => isOver));
  for (let kill = 0; kill < KILLS; kill += 1) {
    const victim = chain.numbers[random.below(COUNT)];
    const more = async (count) => {
      const wanted = acknowledged.length + count;
      await until(`${count} more acknowledged transactions`, () => acknowledged.length >= wanted);
    };
    await more(1 + random.below(BETWEEN_KILLS_MAX));
    await chain.kill(victim);
    // The others go on without it.
    await more(1 + random.below(BETWEEN_KILLS_MAX));
    // An earlier sender may have its next transaction at the killed one alone: what follows waits until that is back.
    await chain.final(await chain.submit(chain.running()[0], await ping(Wallet.createRandom(), 0)));
    await chain.start(victim);
  }
  isOver = true;
  await Promise.all(senders);
  for (const hash of acknowledged) await chain.final(hash);
  const heights = await until('all have the same head', async () => {
    const heads = await Promise.all(chain.numbers.map((number) => chain.head(number)));
    return heads.every((head) => head.hash === heads[0].hash) && heads;
  });
  const height = await chain.assertSameChain(chain.numbers);
  t.diagnostic(`${acknowledged.length} transactions in ${height} blocks, state root ${heights[0].state_root}`);
  assert.ok(height > KILLS && acknowledged.length > KILLS);
});

test('two of four make no block, and go on as soon as a third is back', async () => {
  const [first, second, third, fourth] = chain.numbers;
  await chain.kill(third);
  await chain.kill(fourth);
  await until('both see that two are gone', async () => {
    const answers = await Promise.all([first, second].map((key) => ask(chain.url(key), '/rpc/net_info')));
    return answers.every((answer) => answer?.body.peers === 1);
  });
  const { body: network } = await ask(chain.url(first), '/rpc/net_info');
  assert.equal(network.fault, 'validators with voting power 2000000 of 4000000 are connected, more than two thirds are needed to make blocks');
  const health = (key) => ask(chain.url(key), '/health');
  for (const key of [first, second]) assert.equal((await health(key)).status, 200, 'nothing waits');
  const before = await chain.head(first);
  const hash = await chain.submit(first, await ping(Wallet.createRandom(), 0));
  await until('the other has it too', async () => (await ask(chain.url(second), `/rpc/tx/${hash}`)).status === 200);
  for (const key of [first, second]) {
    const { status, body } = await health(key);
    assert.deepEqual([status, body.detail], [503, `the node makes no blocks: ${network.fault}`]);
  }
  const watched = Date.now() + WATCHED_MS;
  while (Date.now() < watched) {
    for (const key of [first, second]) assert.deepEqual(await chain.head(key), before, 'two of four made a block');
    await wait(50);
  }
  await chain.start(third);
  await chain.final(hash, [first, second, third]);
  await chain.start(fourth);
  await chain.final(hash, chain.numbers);
  await chain.assertSameChain(chain.numbers);
  await until('nothing is wrong any more', async () => (await ask(chain.url(first), '/rpc/net_info'))?.body.fault === null);
  for (const key of chain.numbers) await until(`${key} is well`, async () => (await health(key))?.status === 200);
});

test('the hub among the four shows who decided a block', async () => {
  const { number } = await chain.head(1);
  const { certificate } = await chain.block(1, number);
  const page = await (await fetch(`${chain.url(1)}/explorer/blocks/${number}`)).text();
  assert.match(page, new RegExp(`${certificate.signatures.length} of ${COUNT} validators`));
  for (const { validator } of certificate.signatures) {
    assert.match(page, new RegExp(`/explorer/addresses/${validator}`, 'i'), `${validator} signed and is not shown`);
  }
});

test('a job is minted in a block that the four decide, and the command line shows it', async (t) => {
  const url = chain.url(1);
  const worker = ['--data', join(chain.folder, 'worker')];
  const made = spawnSync(program('gpu-worker'), [...worker, 'init', '--hub', url, '--model', models], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  const working = start('gpu-worker', [...worker, 'start', '--hub', url], join(chain.logs, 'worker.log'));
  t.after(() => end(working, 'SIGTERM'));
  await until('the worker is online', async () => (await ask(url, '/v1/health'))?.body.miners_online === 1);
  const { id } = await createJob(url, image('a lake'));
  const { mint } = await follow(url, id, { minted: true });
  await chain.final(mint.transaction_hash, chain.numbers);
  for (const number of chain.numbers) chain.assertCertificate(await chain.block(number, mint.block_number));

  const shows = (...argumentList) => {
    const { status, stdout, stderr } = aitbc('chain', ...argumentList, '--url', chain.url(3));
    assert.equal(status, 0, stderr);
    return stdout;
  };
  const { producer } = await chain.block(3, mint.block_number);
  assert.match(shows('block', String(mint.block_number)), new RegExp(`decided by +[34] in round[^]*${mint.transaction_hash}`));
  assert.match(shows('tx', mint.transaction_hash), new RegExp(`state +succeeded[^]*block +${mint.block_number}`));
  assert.match(shows('account', mint.provider), /balance +[1-9.]+ AIT|balance +0\.0*[1-9]\d* AIT/);
  assert.match(shows('logs', '--address', MINTER), new RegExp(mint.transaction_hash));
  assert.match(shows('validators'), new RegExp(producer, 'i'));
  assert.equal(JSON.parse(shows('head', '--json')).number, (await chain.head(3)).number);
  assert.match(aitbc('chain', 'block', '99999999', '--url', url).stderr, /^error: no block 99999999 is known$/m);
});

test('a fifth node follows, checks everything, and takes no transactions', async () => {
  const from = ['--from', 'http://127.0.0.1:1', '--from', chain.url(2)];
  await startFollower('fifth', from);
  const head = await chain.head(1);
  await until('it has every block', async () => (await chain.head('fifth')).number >= head.number);
  await chain.assertSameChain(['fifth', 1]);
  await assert.rejects(chain.submit('fifth', await ping(Wallet.createRandom(), 0)), /send them to a validator/);

  const hash = await chain.submit(3, await ping(Wallet.createRandom(), 0));
  await chain.final(hash, ['fifth']);
  await chain.kill('fifth');
  await chain.startAs('fifth', 'fifth', ['node', 'follow', '--data', join(chain.folder, 'fifth'), '--port', '0', ...from]);
  assert.ok((await chain.head('fifth')).number > head.number, 'a start begins where the last one ended');
  await until('it is well', async () => (await ask(chain.url('fifth'), '/health'))?.status === 200);
});

/** Starts a follower with a new folder. */
async function startFollower(name, from, genesis = join(chain.validator(1), 'genesis.json')) {
  const data = ['--data', join(chain.folder, name), '--port', '0', '--genesis', genesis];
  await chain.startAs(name, name, ['node', 'follow', ...data, ...from]);
}

test('a node that lies is not followed, and the follower says why', async (t) => {
  const { body: head } = await ask(chain.url(1), '/rpc/head');
  const { body: range } = await ask(chain.url(1), `/rpc/blocks-range/decided?from=1&to=${Math.min(head.number, 100)}`);
  // The last byte belongs to a signature.
  const forged = range.blocks.with(1, `${range.blocks[1].slice(0, -2)}${range.blocks[1].endsWith('1b') ? '1c' : '1b'}`);
  const lies = { '/rpc/head': head, '/rpc/blocks-range/decided': { blocks: forged } };
  const liar = createServer((request, response) => {
    const path = new URL(request.url, 'http://liar').pathname;
    const from = Number(new URL(request.url, 'http://liar').searchParams.get('from') ?? 1);
    const answer = path === '/rpc/head' ? lies[path] : { blocks: forged.slice(from - 1) };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  t.after(() => liar.close());
  await new Promise((resolve) => liar.once('listening', resolve));
  await startFollower('misled', ['--from', `http://127.0.0.1:${liar.address().port}`]);
  const { body: problem } = await until('it says what it refuses', async () => {
    const answer = await ask(chain.url('misled'), '/health');
    return answer?.status === 503 && answer;
  });
  assert.match(problem.detail, /block 2 of http.* is refused: certificate of block 2 is invalid: the signature of 0x/);
  assert.equal((await chain.head('misled')).number, 1, 'what held was taken, and nothing else');
  await chain.kill('misled');
});

test('a node of another chain is neither followed nor spoken with', async () => {
  const other = join(chain.folder, 'other');
  assert.equal(aitbc('node', 'init', other, '--validators', '4', '--first-port', '0').status, 0);
  await startFollower('stranger', ['--from', chain.url(1)], join(other, 'validator-1/genesis.json'));
  const { body: problem } = await until('it says why', async () => {
    const answer = await ask(chain.url('stranger'), '/health');
    return answer?.status === 503 && answer;
  });
  assert.match(problem.detail, /serves the chain with genesis 0x[0-9a-f]{64}, and this node keeps the one with genesis 0x/);
  await chain.kill('stranger');

  // A validator of the other chain calls the validators of this one.
  const folder = join(other, 'validator-1');
  const peers = JSON.parse(readFileSync(join(folder, 'peers.json'), 'utf8'));
  const ours = JSON.parse(readFileSync(join(chain.validator(1), 'peers.json'), 'utf8'));
  const own = JSON.parse(aitbc('node', 'keys', '--data', folder, '--json').stdout).address;
  peers.validators.forEach((peer, index) => {
    if (peer.address !== own) peer.endpoint = ours.validators[index].endpoint;
  });
  writeFileSync(join(folder, 'peers.json'), JSON.stringify(peers));
  await chain.startAs('foreign', 'foreign', ['node', 'start', '--data', folder, '--port', '0']);
  const status = aitbc('node', 'status', '--url', chain.url('foreign'));
  assert.match(status.stdout, /peers +0 of 3 validators connected/);
  await chain.kill('foreign');
});

test('garbage on the ports of validators stops nobody', async () => {
  const { validators } = JSON.parse(readFileSync(join(chain.validator(1), 'peers.json'), 'utf8'));
  for (const { endpoint } of validators) {
    const [host, port] = endpoint.split(':');
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', Buffer.alloc(10_000, 0xff), Buffer.alloc(93)]) {
      await new Promise((resolve) => {
        const socket = connect(Number(port), host, () => socket.end(bytes));
        socket.on('error', resolve).on('close', resolve).resume();
      });
    }
  }
  const hash = await chain.submit(4, await ping(Wallet.createRandom(), 0));
  await chain.final(hash, chain.numbers);
  const peers = await until('all are connected', () => {
    const listed = JSON.parse(aitbc('node', 'peers', '--url', chain.url(2), '--data', chain.validator(2), '--json').stdout);
    return listed.every(({ connected }) => connected) && listed;
  });
  assert.equal(peers.length, COUNT - 1);
  for (const peer of peers) assert.ok(peer.connected && peer.endpoint && peer.voting_power === 1_000_000, JSON.stringify(peer));
});

test('mistakes are told in one line, and nothing is lost by them', async () => {
  const folder = chain.validator(2);
  const refuses = (argumentList, pattern) => {
    const { status, stdout, stderr } = aitbc(...argumentList);
    assert.notEqual(status, 0, argumentList.join(' '));
    assert.equal(stdout, '');
    const lines = stderr.trimEnd().split('\n').filter((line) => line.startsWith('error: '));
    assert.equal(lines.length, 1, stderr);
    assert.match(stderr, pattern);
  };
  refuses(['node', 'init', chain.folder, '--validators', '4'], /holds something already, and nothing in it was changed/);
  refuses(['node', 'init', join(chain.folder, 'x'), '--validators', '0'], /--validators is 1 to 128, got 0/);
  refuses(['node', 'init', join(chain.folder, 'x'), '--validators', '2', '--first-port', '65535'], /the last port would be 65536/);
  refuses(['node', 'start', '--data', join(chain.folder, 'nowhere')], /holds no genesis\.json/);
  refuses(['node', 'start', '--data', folder, '--port', '0'], /another server runs on the data in/);
  refuses(['node', 'keys', '--data', folder, '--new'], /exists already, and is not replaced/);
  refuses(['node', 'start', '--data', folder, '--port', new URL(chain.url(3)).port], /is in use: stop the other program/);
  refuses(['node', 'follow', '--data', join(chain.folder, 'y'), '--from', chain.url(1)], /give the chain's with --genesis/);
  refuses(['node', 'status', '--url', 'http://127.0.0.1:1'], /is the server running there\?/);

  const copy = join(chain.folder, 'copy');
  assert.equal(aitbc('node', 'init', copy, '--validators', '2', '--first-port', '0').status, 0);
  const second = ['node', 'start', '--data', join(copy, 'validator-2'), '--port', '0'];
  const genesis = join(copy, 'validator-2/genesis.json');
  const text = readFileSync(genesis, 'utf8');
  writeFileSync(genesis, text.replace('"voting_power": 1000000', '"voting_power": 9'));
  refuses(second, /was changed: it says that block 0 has the hash 0x/);
  writeFileSync(genesis, text);
  refuses(['up', '--data', join(copy, 'validator-2'), '--port', '0'], /is no attester of this chain/);
  writeFileSync(join(copy, 'validator-2/peers.json'), '{"validators": []}');
  refuses(second, /has the address 0x[0-9a-fA-F]{40}, which .*peers\.json does not name/);
});
