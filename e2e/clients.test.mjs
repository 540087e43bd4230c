// Existing clients work unchanged: viem, ethers and Foundry's cast, over HTTP and WebSocket.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { join } from 'node:path';
import { Contract, JsonRpcProvider, Wallet, WebSocketProvider } from 'ethers';
import { InvalidParamsRpcError, createPublicClient, createWalletClient, defineChain, parseAbiItem, webSocket } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { post, rpc } from './support/api.mjs';
import { CHAIN_ID, MINTER, TOKEN, minterAbi, tokenAbi } from './support/contracts.mjs';
import { System, root } from './support/system.mjs';
import { patient, WAITING } from './support/viem.mjs';

const SPENDER = '0x00000000000000000000000000000000000000aa';

let system;
let endpoint;
let viem;

before(async () => {
  system = await System.start('clients', { workers: 0 });
  endpoint = `${system.url}/rpc`;
  const chain = defineChain({
    id: CHAIN_ID,
    name: 'AITBC',
    nativeCurrency: { name: 'gas', symbol: 'GAS', decimals: 18 },
    rpcUrls: { default: { http: [endpoint], webSocket: [endpoint.replace('http', 'ws')] } },
  });
  viem = { chain, public: createPublicClient({ chain, transport: patient() }) };
});

after(async () => system?.stop());

test('viem reads the chain', async () => {
  assert.equal(await viem.public.getChainId(), CHAIN_ID);
  const block = await viem.public.getBlock({ blockTag: 'latest' });
  assert.equal(block.number, await viem.public.getBlockNumber());
  assert.match(block.stateRoot, /^0x[0-9a-f]{64}$/);
  assert.equal(await viem.public.getGasPrice(), 0n);
  assert.equal(await viem.public.getBalance({ address: SPENDER }), 0n);
  const read = (functionName) => viem.public.readContract({ address: TOKEN, abi: tokenAbi, functionName });
  assert.equal(await read('symbol'), 'AIT');
  assert.equal(await read('decimals'), 18);
  assert.equal(await read('totalSupply'), 0n);
  assert.ok((await read('name')).length > 0);
});

test('viem sends a signed transaction that costs nothing and finds its event', async () => {
  const account = privateKeyToAccount(generatePrivateKey());
  const wallet = createWalletClient({ account, chain: viem.chain, transport: patient() });
  const hash = await wallet.writeContract({ address: TOKEN, abi: tokenAbi, functionName: 'approve', args: [SPENDER, 7n] });
  const receipt = await viem.public.waitForTransactionReceipt({ hash, ...WAITING });
  assert.equal(receipt.status, 'success');
  assert.equal(receipt.effectiveGasPrice, 0n);
  const logs = await viem.public.getLogs({
    address: TOKEN,
    event: parseAbiItem('event Approval(address indexed owner, address indexed spender, uint256 value)'),
    args: { owner: account.address },
    fromBlock: 0n,
  });
  assert.deepEqual(logs.map((log) => [log.transactionHash, log.args.value]), [[hash, 7n]]);
  assert.equal(await viem.public.getTransactionCount({ address: account.address }), 1);
  const transaction = await viem.public.getTransaction({ hash });
  assert.equal(transaction.from.toLowerCase(), account.address.toLowerCase());
});

test('viem hears of a new block over WebSocket', async () => {
  const transport = webSocket();
  const client = createPublicClient({ chain: viem.chain, transport });
  const heard = new Promise((resolve, reject) => {
    client.watchBlocks({ onBlock: resolve, onError: reject });
  });
  // The subscription is only known to stand once the server answered; transactions go on until a head arrives.
  const account = privateKeyToAccount(generatePrivateKey());
  const wallet = createWalletClient({ account, chain: viem.chain, transport: patient() });
  let head;
  heard.then((block) => (head = block));
  for (let value = 1n; head === undefined && value < 50n; value += 1n) {
    const hash = await wallet.writeContract({ address: TOKEN, abi: tokenAbi, functionName: 'approve', args: [SPENDER, value] });
    await viem.public.waitForTransactionReceipt({ hash, ...WAITING });
  }
  const block = await heard;
  assert.ok(block.number > 0n);
  (await client.transport.getRpcClient()).close();
});

test('viem polls filters, and is told of a range beyond the head', async () => {
  const [arrivals, blocks] = [await viem.public.createPendingTransactionFilter(), await viem.public.createBlockFilter()];
  const account = privateKeyToAccount(generatePrivateKey());
  const wallet = createWalletClient({ account, chain: viem.chain, transport: patient() });
  const hash = await wallet.writeContract({ address: TOKEN, abi: tokenAbi, functionName: 'approve', args: [SPENDER, 8n] });
  const receipt = await viem.public.waitForTransactionReceipt({ hash, ...WAITING });
  assert.ok((await viem.public.getFilterChanges({ filter: arrivals })).includes(hash));
  assert.ok((await viem.public.getFilterChanges({ filter: blocks })).includes(receipt.blockHash));
  assert.deepEqual(await viem.public.getFilterChanges({ filter: arrivals }), []);
  const head = await viem.public.getBlockNumber();
  await assert.rejects(viem.public.getLogs({ fromBlock: 0n, toBlock: head + 1_000n }), InvalidParamsRpcError);
});

test('ethers reads, sends and is refused as by any other chain', async () => {
  const provider = new JsonRpcProvider(endpoint, CHAIN_ID, { staticNetwork: true, pollingInterval: 50, cacheTimeout: -1 });
  try {
    assert.equal((await provider.getNetwork()).chainId, BigInt(CHAIN_ID));
    const token = new Contract(TOKEN, tokenAbi, Wallet.createRandom().connect(provider));
    assert.equal(await token.symbol(), 'AIT');
    const receipt = await included(provider, await token.approve(SPENDER, 3n));
    assert.equal(receipt.status, 1);
    assert.equal(receipt.logs.length, 1);
    await assert.rejects(token.transfer.staticCall(SPENDER, 1n), /ERC20InsufficientBalance/);
    assert.equal((await provider.getBlock(receipt.blockNumber)).hash, receipt.blockHash);
  } finally {
    provider.destroy();
  }
});

test('nobody mints without the role: the token refuses, the minter refuses an invented receipt', async () => {
  const provider = new JsonRpcProvider(endpoint, CHAIN_ID, { staticNetwork: true, cacheTimeout: -1 });
  try {
    const thief = Wallet.createRandom().connect(provider);
    const token = new Contract(TOKEN, tokenAbi, thief);
    const mint = token.interface.fragments.find((fragment) => fragment.type === 'function' && fragment.name === 'mint');
    await assert.rejects(token.getFunction(mint.format('sighash')).staticCall(thief.address, 10n ** 18n));
    const minter = new Contract(MINTER, minterAbi, thief);
    const claim = {
      receiptHash: `0x${'11'.repeat(32)}`, jobId: `0x${'33'.repeat(16)}`, taskRole: 'serve', provider: thief.address, client: thief.address,
      units: 1_000_000n, unitType: 'megapixel_step', unitPrice: 10n ** 18n, expiresAt: 2n ** 64n - 1n,
    };
    const signature = `0x${'22'.repeat(64)}1b`;
    await assert.rejects(minter.mintWithReceipt.staticCall(claim, signature, [signature]), /InvalidMinerSignature/);
    await assert.rejects(minter.mintWithReceipt.staticCall({ ...claim, expiresAt: 1n }, signature, [signature]), /ReceiptExpired/);
    assert.equal(await token.totalSupply(), 0n);
  } finally {
    provider.destroy();
  }
});

test('ethers subscribes to logs over WebSocket', async () => {
  const provider = new WebSocketProvider(endpoint.replace('http', 'ws'), CHAIN_ID);
  try {
    const http = new JsonRpcProvider(endpoint, CHAIN_ID, { staticNetwork: true, pollingInterval: 20, cacheTimeout: -1 });
    const owner = Wallet.createRandom().connect(http);
    const heard = new Promise((resolve) => {
      provider.on({ address: TOKEN }, (log) => resolve(log));
    });
    let log;
    heard.then((value) => (log = value));
    for (let value = 1n; log === undefined && value < 50n; value += 1n) {
      await included(http, await new Contract(TOKEN, tokenAbi, owner).approve(SPENDER, value));
    }
    assert.equal((await heard).address.toLowerCase(), TOKEN.toLowerCase());
    http.destroy();
  } finally {
    await provider.destroy();
  }
});

test('cast reads and sends', async () => {
  const key = generatePrivateKey();
  assert.equal(cast('chain-id'), String(CHAIN_ID));
  assert.equal(cast('call', TOKEN, 'symbol()(string)'), '"AIT"');
  assert.equal(cast('call', TOKEN, 'totalSupply()(uint256)'), '0');
  const sent = JSON.parse(cast('send', TOKEN, 'approve(address,uint256)', SPENDER, '9', '--private-key', key, '--json'));
  assert.equal(sent.status, '0x1');
  assert.equal(sent.logs.length, 1);
  const owner = privateKeyToAccount(key).address;
  assert.equal(cast('call', TOKEN, 'allowance(address,address)(uint256)', owner, SPENDER), '9');
  assert.equal(cast('nonce', owner), '1');
  assert.match(cast('block', 'latest'), /stateRoot/);
});

test('JSON-RPC refuses with the codes of its specification', async () => {
  const ask = async (body) => (await post(endpoint, body)).json();
  assert.equal((await ask('{"jsonrpc":')).error.code, -32700);
  assert.equal((await ask({ jsonrpc: '2.0', id: 1 })).error.code, -32600);
  assert.equal((await ask({ jsonrpc: '2.0', id: 1, method: 'eth_noSuchMethod', params: [] })).error.code, -32601);
  assert.equal((await ask({ jsonrpc: '2.0', id: 1, method: 'eth_getBalance', params: ['0x12', 'latest'] })).error.code, -32602);
  const batch = await ask([1, 2].map((id) => ({ jsonrpc: '2.0', id, method: 'eth_chainId', params: [] })));
  assert.deepEqual(batch.map((one) => one.result), ['0x60f6', '0x60f6']);
  assert.equal((await ask({ jsonrpc: '2.0', id: null, method: 'eth_chainId', params: [] })).result, '0x60f6');
  for (const id of [-1, 1.5, undefined]) {
    const { error } = await ask({ jsonrpc: '2.0', id, method: 'eth_sendRawTransaction', params: ['0x'] });
    assert.equal(error.code, -32600, String(id));
  }
  const subscribed = await ask({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] });
  assert.match(subscribed.error.message, /WebSocket/);
  await assert.rejects(rpc(system.url, 'eth_sendRawTransaction', '0xdeadbeef'));
});

test('the chain as REST agrees with JSON-RPC', async () => {
  const head = await (await fetch(`${endpoint}/head`)).json();
  assert.equal(BigInt(head.number), BigInt(await rpc(system.url, 'eth_blockNumber')));
  const block = await fetch(`${endpoint}/blocks/0`);
  assert.equal(block.status, 200);
  assert.equal((await fetch(`${endpoint}/blocks/999999999`)).status, 404);
});

/** ethers' own `wait` looks again only when a further block comes, and here blocks come on demand. */
async function included(provider, { hash }) {
  for (;;) {
    const receipt = await provider.getTransactionReceipt(hash);
    if (receipt) return receipt;
    await setTimeout(10);
  }
}

function cast(command, ...rest) {
  const outcome = spawnSync(join(root, 'e2e/node_modules/.bin/cast'), [command, '--rpc-url', endpoint, ...rest], {
    encoding: 'utf8',
  });
  assert.equal(outcome.status, 0, `cast ${command}: ${outcome.stderr}`);
  return outcome.stdout.trim();
}
