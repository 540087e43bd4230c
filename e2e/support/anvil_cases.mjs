// What the node and anvil are both given and asked.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AbiCoder, Interface, concat, encodeRlp, getCreateAddress, id, keccak256, toBeArray, toBeHex, zeroPadValue } from 'ethers';
import { CHAIN_ID } from './contracts.mjs';
import { root } from './system.mjs';

const UNKNOWN_HASH = `0x${'12'.repeat(32)}`;
const NOBODY = '0x0909090909090909090909090909090909090909';
const FAR = '0xffffff';
const GAS = 1_000_000;
const dollar = JSON.parse(readFileSync(join(root, 'contracts/artifacts/TestDollar.json'), 'utf8'));
const dollarCode = `0x${readFileSync(join(root, 'contracts/artifacts/TestDollar.creation.bin')).toString('hex')}`;
const token = new Interface(dollar.abi);
const call = (name, ...argumentList) => token.encodeFunctionData(name, argumentList);
const abi = AbiCoder.defaultAbiCoder();

/** Small contracts in the bytes of the EVM, by what they do with what they are called with. */
const CODE = {
  // Copies it to memory and reverts with it.
  reverter: '365f5f37365ffd',
  // Keeps the first word in slot 0, and logs all of it under that word as topic.
  keeper: '365f5f375f355f555f35365fa100',
  // Calls the address in the first word with the rest, and returns what that returns.
  caller: '6020360360205f375f5f602036035f5f5f355af1503d5f5f3e3d5ff3',
  // An opcode that there is not.
  halter: 'fe',
};

/** Code that deploys this code. */
function deploying(code) {
  const length = code.length / 2;
  assert.ok(length < 256);
  const size = length.toString(16).padStart(2, '0');
  return `0x60${size}600a5f3960${size}5ff3${code}`;
}

const reason = (text) => concat(['0x08c379a0', abi.encode(['string'], [text])]);
const panic = (code) => concat(['0x4e487b71', abi.encode(['uint256'], [code])]);
const word = (number) => toBeHex(number, 32);

/** The next transaction of somebody new, which has one log. */
export function logged(wallet, known) {
  return signed(wallet, { nonce: 0, to: known.keeper, data: word(11) });
}

/** Does the same on both sides, and returns what is known of it afterwards. */
export async function prepare(side, [owner, other, waiting], included) {
  let nonce = 0;
  const known = { owner: owner.address, other: other.address, waiting: waiting.address, receipts: {} };
  const send = async (name, fields) => {
    const raw = await signed(owner, { nonce, ...fields });
    nonce += 1;
    known.sent ??= raw;
    const { result, error } = await side.ask('eth_sendRawTransaction', raw);
    assert.ok(result, `${side.name} refused ${name}: ${JSON.stringify(error)}`);
    const { transactionHash, blockNumber, status } = await included(result);
    known.receipts[name] = { hash: transactionHash, block: blockNumber, status };
  };
  const deploy = async (name, data) => {
    known[name] = getCreateAddress({ from: owner.address, nonce });
    await send(`deploy ${name}`, { data });
  };
  await send('transfer', { to: NOBODY, gasLimit: 21_000 });
  await deploy('dollar', dollarCode);
  for (const [name, code] of Object.entries(CODE)) await deploy(name, deploying(code));
  await send('faucet', { to: known.dollar, data: call('faucet') });
  await send('token transfer', { to: known.dollar, data: call('transfer', other.address, 5n), type: 0, gasPrice: 0 });
  await send('with access list', { to: known.keeper, data: word(7), type: 1, gasPrice: 0, accessList: [{ address: known.keeper, storageKeys: [word(0)] }] });
  await send('reverted', { to: known.dollar, data: call('transfer', NOBODY, 10n ** 30n) });
  await send('reverted with a reason', { to: known.reverter, data: reason('no') });
  await send('halted', { to: known.halter, gasLimit: 100_000 });
  await send('inner call', { to: known.caller, data: concat([zeroPadValue(known.keeper, 32), word(9)]) });
  await send('inner revert', { to: known.caller, data: concat([zeroPadValue(known.reverter, 32), reason('inner')]) });
  // Two transactions that wait, since the one before them is missing.
  known.raw = await signed(waiting, { nonce: 2, to: NOBODY, gasLimit: 21_000 });
  for (const raw of [known.raw, await signed(waiting, { nonce: 3, to: NOBODY, gasLimit: 21_000, type: 0, gasPrice: 0 })]) {
    const { result } = await side.ask('eth_sendRawTransaction', raw);
    known.queued ??= result;
  }
  known.next = nonce;
  known.refused = {
    'nonce too low': await signed(owner, { nonce: 0, to: NOBODY, gasLimit: 30_000, data: '0x12' }),
    'another chain': await owner.signTransaction({ type: 2, chainId: 1, nonce, to: NOBODY, gasLimit: 21_000, maxFeePerGas: 0, maxPriorityFeePerGas: 0 }),
    'underpriced replacement': await signed(waiting, { nonce: 2, to: owner.address, gasLimit: 21_000 }),
    'too little gas': await signed(owner, { nonce, to: NOBODY, gasLimit: 20_999 }),
    'gas above the cap of a transaction': await signed(owner, { nonce, to: NOBODY, gasLimit: 2 ** 24 + 1 }),
    'gas above a block': await signed(owner, { nonce, to: NOBODY, gasLimit: 200_000_000 }),
    'more value than there is': await signed(owner, { nonce, to: NOBODY, gasLimit: 21_000, value: 1 }),
    'a tip above the fee': tipAboveFee(owner, nonce),
    'init code too large': await signed(owner, { nonce, data: `0x${'00'.repeat(49_153)}`, gasLimit: 16_000_000 }),
  };
  return known;
}

/** A transaction that offers nothing for gas. */
function signed(wallet, fields) {
  const fee = fields.type === undefined ? { type: 2, maxFeePerGas: 0, maxPriorityFeePerGas: 0 } : {};
  return wallet.signTransaction({ chainId: CHAIN_ID, gasLimit: GAS, value: 0, ...fee, ...fields });
}

/** A transfer whose tip is more than its whole fee, which libraries refuse to sign. */
function tipAboveFee({ signingKey }, nonce) {
  const fields = [CHAIN_ID, nonce, 1, 0, 21_000].map((number) => toBeArray(number));
  const rest = [NOBODY, '0x', '0x', []];
  const { yParity, r, s } = signingKey.sign(keccak256(concat(['0x02', encodeRlp([...fields, ...rest])])));
  const signature = [yParity, r, s].map((number) => toBeArray(number));
  return concat(['0x02', encodeRlp([...fields, ...rest, ...signature])]);
}

const of = (name, method, params = [], remember) => ({ name: `${method} ${name}`.trim(), method, params, remember });
const blockOf = ({ receipts }, name) => receipts[name].block;
const hashOf = ({ receipts }, name) => receipts[name].hash;

const SENT = ['transfer', 'deploy dollar', 'faucet', 'token transfer', 'with access list', 'reverted', 'halted', 'inner call'];
const TRANSFER = id('Transfer(address,address,uint256)');

const chain = [
  of('', 'eth_chainId'), of('', 'eth_blockNumber'), of('', 'eth_syncing'), of('', 'eth_accounts'), of('', 'eth_gasPrice'),
  of('', 'eth_maxPriorityFeePerGas'), of('', 'eth_blobBaseFee'), of('', 'net_version'), of('', 'net_listening'), of('', 'net_peerCount'),
  of('', 'web3_clientVersion'), of('', 'web3_sha3', ['0x68656c6c6f']), of('', 'eth_protocolVersion'), of('', 'eth_coinbase'),
  of('', 'eth_mining'), of('', 'eth_hashrate'), of('', 'eth_config'),
  of('of two', 'eth_feeHistory', ['0x2', 'latest', [25, 75]]), of('without percentiles', 'eth_feeHistory', ['0x2', 'latest', []]),
  of('null', 'eth_feeHistory', ['0x1', 'latest', null]), of('of a number', 'eth_feeHistory', [2, 'latest', [50]]),
  of('falling', 'eth_feeHistory', ['0x2', 'latest', [75, 25]]), of('too high', 'eth_feeHistory', ['0x2', 'latest', [101]]),
  of('beyond', 'eth_feeHistory', ['0x2', FAR, []]),
];

const blocks = [
  of('hashes', 'eth_getBlockByNumber', (known) => [blockOf(known, 'faucet'), false]),
  of('full', 'eth_getBlockByNumber', (known) => [blockOf(known, 'faucet'), true]),
  of('without full', 'eth_getBlockByNumber', (known) => [blockOf(known, 'faucet')]),
  ...['latest', 'safe', 'finalized', 'earliest', 'pending'].map((tag) => of(tag, 'eth_getBlockByNumber', [tag, false])),
  of('beyond', 'eth_getBlockByNumber', [FAR, false]), of('of no tag', 'eth_getBlockByNumber', ['newest', false]),
  of('of zeros', 'eth_getBlockByNumber', ['0x00', false]),
  of('unknown', 'eth_getBlockByHash', [UNKNOWN_HASH, false]), of('short', 'eth_getBlockByHash', ['0x12', false]),
  of('by number', 'eth_getBlockReceipts', (known) => [blockOf(known, 'faucet')]), of('beyond', 'eth_getBlockReceipts', [FAR]),
  of('unknown', 'eth_getBlockReceipts', [UNKNOWN_HASH]),
  of('', 'eth_getBlockTransactionCountByNumber', (known) => [blockOf(known, 'faucet')]), of('beyond', 'eth_getBlockTransactionCountByNumber', [FAR]),
  of('unknown', 'eth_getBlockTransactionCountByHash', [UNKNOWN_HASH]),
  of('', 'eth_getUncleCountByBlockNumber', ['latest']), of('unknown', 'eth_getUncleCountByBlockHash', [UNKNOWN_HASH]),
  of('', 'eth_getUncleByBlockNumberAndIndex', ['latest', '0x0']), of('unknown', 'eth_getUncleByBlockHashAndIndex', [UNKNOWN_HASH, '0x0']),
  of('to go on with', 'eth_getBlockByNumber', (known) => [blockOf(known, 'faucet'), false], (memory, block) => (memory.hash = block.hash)),
  of('', 'eth_getBlockByHash', (_, { hash }) => [hash, true]), of('', 'eth_getBlockTransactionCountByHash', (_, { hash }) => [hash]),
  of('', 'eth_getUncleCountByBlockHash', (_, { hash }) => [hash]), of('by hash', 'eth_getBlockReceipts', (_, { hash }) => [hash]),
  of('by object', 'eth_getBlockReceipts', (_, { hash }) => [{ blockHash: hash }]),
  of('', 'eth_getTransactionByBlockHashAndIndex', (_, { hash }) => [hash, '0x0']),
  of('by hash', 'eth_getBalance', (known, { hash }) => [known.owner, { blockHash: hash }]),
  of('by canonical hash', 'eth_call', (known, { hash }) => [{ to: known.dollar, data: call('totalSupply') }, { blockHash: hash, requireCanonical: true }]),
  of('by hash', 'eth_getLogs', (_, { hash }) => [{ blockHash: hash }]),
  of('by an unknown hash', 'eth_getLogs', [{ blockHash: UNKNOWN_HASH }]),
];

const transactions = [
  ...SENT.flatMap((name) => [
    of(name, 'eth_getTransactionByHash', (known) => [hashOf(known, name)]),
    of(name, 'eth_getTransactionReceipt', (known) => [hashOf(known, name)]),
    of(name, 'eth_getRawTransactionByHash', (known) => [hashOf(known, name)]),
  ]),
  of('again after its block', 'eth_sendRawTransaction', (known) => [known.sent]),
  of('unknown', 'eth_getTransactionByHash', [UNKNOWN_HASH]), of('unknown', 'eth_getTransactionReceipt', [UNKNOWN_HASH]),
  of('of a waiting one', 'eth_getTransactionByHash', (known) => [known.queued]), of('of a waiting one', 'eth_getTransactionReceipt', (known) => [known.queued]),
  of('', 'eth_getTransactionByBlockNumberAndIndex', (known) => [blockOf(known, 'faucet'), '0x0']),
  of('beyond', 'eth_getTransactionByBlockNumberAndIndex', (known) => [blockOf(known, 'faucet'), '0x5']),
  of('', 'eth_getRawTransactionByBlockNumberAndIndex', (known) => [blockOf(known, 'faucet'), '0x0']),
  of('', 'eth_getTransactionBySenderAndNonce', (known) => [known.owner, '0x0']), of('that is not used', 'eth_getTransactionBySenderAndNonce', (known) => [known.owner, '0x99']),
  ...['nonce too low', 'another chain', 'underpriced replacement', 'too little gas', 'gas above the cap of a transaction', 'gas above a block', 'more value than there is', 'a tip above the fee', 'init code too large']
    .map((name) => of(name, 'eth_sendRawTransaction', (known) => [known.refused[name]])),
  of('known already', 'eth_sendRawTransaction', (known) => [known.raw]),
  of('no transaction', 'eth_sendRawTransaction', ['0xdeadbeef']), of('empty', 'eth_sendRawTransaction', ['0x']),
  of('no hexadecimal', 'eth_sendRawTransaction', ['hello']),
  of('', 'txpool_status'), of('', 'txpool_content'),
];

const state = [
  of('', 'eth_getBalance', (known) => [known.owner, 'latest']), of('without block', 'eth_getBalance', (known) => [known.owner]),
  of('beyond', 'eth_getBalance', (known) => [known.owner, FAR]), of('short', 'eth_getBalance', ['0x12', 'latest']),
  of('latest', 'eth_getTransactionCount', (known) => [known.owner, 'latest']), of('pending', 'eth_getTransactionCount', (known) => [known.owner, 'pending']),
  of('earliest', 'eth_getTransactionCount', (known) => [known.owner, 'earliest']), of('earlier', 'eth_getTransactionCount', (known) => [known.owner, blockOf(known, 'faucet')]),
  of('of who has gaps', 'eth_getTransactionCount', (known) => [known.waiting, 'pending']),
  of('', 'eth_getCode', (known) => [known.keeper, 'latest']), of('of nobody', 'eth_getCode', [NOBODY, 'latest']),
  of('', 'eth_getStorageAt', (known) => [known.keeper, '0x0', 'latest']), of('by a word', 'eth_getStorageAt', (known) => [known.keeper, word(0), 'latest']),
  of('empty', 'eth_getStorageAt', (known) => [known.keeper, '0x5', 'latest']),
  of('', 'eth_getProof', (known) => [known.keeper, [word(0), word(1)], 'latest']), of('of a short slot', 'eth_getProof', (known) => [known.keeper, ['0x0'], 'latest']), of('of nobody', 'eth_getProof', [NOBODY, [], 'latest']),
];

const calls = [
  of('', 'eth_call', (known) => [{ to: known.dollar, data: call('balanceOf', known.owner) }, 'latest']),
  of('by input', 'eth_call', (known) => [{ to: known.dollar, input: call('totalSupply') }, 'latest']),
  of('without block', 'eth_call', (known) => [{ to: known.dollar, data: call('totalSupply') }]),
  of('earlier', 'eth_call', (known) => [{ to: known.dollar, data: call('totalSupply') }, blockOf(known, 'deploy dollar')]),
  of('beyond', 'eth_call', (known) => [{ to: known.dollar, data: call('totalSupply') }, FAR]),
  of('of nobody', 'eth_call', [{ to: NOBODY, data: '0x1234' }, 'latest']),
  of('that creates', 'eth_call', [{ data: deploying(CODE.keeper) }, 'latest']),
  of('with all fields', 'eth_call', (known) => [{ from: known.owner, to: known.dollar, data: call('totalSupply'), gas: '0x100000', value: '0x0', nonce: '0x0', maxFeePerGas: '0x0', maxPriorityFeePerGas: '0x0', accessList: [], type: '0x2', chainId: '0x60f6' }, 'latest']),
  of('reverted with a custom error', 'eth_call', (known) => [{ from: known.other, to: known.dollar, data: call('transfer', NOBODY, 10n ** 30n) }, 'latest']),
  of('reverted with a reason', 'eth_call', (known) => [{ to: known.reverter, data: reason('too late') }, 'latest']),
  of('panicked', 'eth_call', (known) => [{ to: known.reverter, data: panic(0x11) }, 'latest']),
  of('reverted without data', 'eth_call', (known) => [{ to: known.reverter }, 'latest']),
  of('halted', 'eth_call', (known) => [{ to: known.halter }, 'latest']),
  of('without gas', 'eth_call', (known) => [{ to: known.dollar, data: call('totalSupply'), gas: '0x5208' }, 'latest']),
  of('of who has no value', 'eth_call', (known) => [{ from: known.owner, to: NOBODY, value: '0x1' }, 'latest']),
  of('with a balance', 'eth_call', (known) => [{ from: known.owner, to: NOBODY, value: '0x1' }, 'latest', { [known.owner]: { balance: '0x10' } }]),
  of('with code', 'eth_call', (known) => [{ to: NOBODY, data: reason('given') }, 'latest', { [NOBODY]: { code: `0x${CODE.reverter}` } }]),
  of('with a slot', 'eth_call', (known) => [{ to: known.dollar, data: call('totalSupply') }, 'latest', { [known.dollar]: { stateDiff: { [word(2)]: word(1) } } }]),
  of('with all slots', 'eth_call', (known) => [{ to: known.dollar, data: call('totalSupply') }, 'latest', { [known.dollar]: { state: {} } }]),
  of('with another block', 'eth_call', (known) => [{ to: known.dollar, data: call('totalSupply') }, 'latest', {}, { time: '0x70000000' }]),
  of('data and input differ', 'eth_call', (known) => [{ to: known.dollar, data: '0x12', input: '0x34' }, 'latest']),
  of('both prices', 'eth_call', (known) => [{ to: known.dollar, data: call('totalSupply'), gasPrice: '0x0', maxFeePerGas: '0x0' }, 'latest']),
  of('of a transfer', 'eth_estimateGas', (known) => [{ from: known.owner, to: NOBODY }]),
  of('of a call', 'eth_estimateGas', (known) => [{ from: known.owner, to: known.dollar, data: call('transfer', NOBODY, 1n) }]),
  of('of a creation', 'eth_estimateGas', (known) => [{ from: known.owner, data: dollarCode }, 'latest']),
  of('that reverts', 'eth_estimateGas', (known) => [{ from: known.other, to: known.dollar, data: call('transfer', NOBODY, 10n ** 30n) }]),
  of('that reverts with a reason', 'eth_estimateGas', (known) => [{ to: known.reverter, data: reason('too late') }, 'latest']),
  of('that halts', 'eth_estimateGas', (known) => [{ to: known.halter }]),
  of('of who has no value', 'eth_estimateGas', (known) => [{ from: known.owner, to: NOBODY, value: '0x1' }]),
  of('with too little gas', 'eth_estimateGas', (known) => [{ from: known.owner, to: known.dollar, data: call('transfer', NOBODY, 1n), gas: '0x5300' }]),
  of('', 'eth_createAccessList', (known) => [{ from: known.owner, to: known.dollar, data: call('transfer', NOBODY, 1n) }, 'latest']),
  of('that reverts', 'eth_createAccessList', (known) => [{ to: known.reverter, data: reason('no') }, 'latest']),
];

const logs = [
  of('of all', 'eth_getLogs', [{ fromBlock: '0x1', toBlock: 'latest' }]),
  of('of a contract', 'eth_getLogs', (known) => [{ address: known.dollar, topics: [TRANSFER], fromBlock: 'earliest', toBlock: 'latest' }]),
  of('of several', 'eth_getLogs', (known) => [{ address: [known.dollar, known.keeper], topics: [[TRANSFER, word(7)]], fromBlock: '0x0' }]),
  of('to somebody', 'eth_getLogs', (known) => [{ topics: [null, null, zeroPadValue(known.other, 32)], fromBlock: '0x0', toBlock: 'latest' }]),
  of('of the head', 'eth_getLogs', [{}]), of('of a range that falls', 'eth_getLogs', [{ fromBlock: '0x3', toBlock: '0x2' }]),
  of('beyond', 'eth_getLogs', [{ fromBlock: '0x0', toBlock: FAR }]),
  of('of a range and a hash', 'eth_getLogs', [{ fromBlock: '0x0', blockHash: UNKNOWN_HASH }]),
  of('of logs', 'eth_newFilter', [{ fromBlock: '0x0' }], (memory, filter) => (memory.logs = filter)),
  of('of what is to come', 'eth_newFilter', [{ fromBlock: '0xff' }], (memory, filter) => (memory.later = filter)),
  of('of what is past', 'eth_newFilter', [{ fromBlock: '0x0', toBlock: '0x9' }], (memory, filter) => (memory.past = filter)),
  of('of a range that falls', 'eth_newFilter', [{ fromBlock: '0x3', toBlock: '0x2' }]),
  of('of what is to come', 'eth_getFilterLogs', (_, { later }) => [later]), of('of what is past', 'eth_getFilterLogs', (_, { past }) => [past]),
  of('', 'eth_newBlockFilter', [], (memory, filter) => (memory.blocks = filter)),
  of('', 'eth_newPendingTransactionFilter', [], (memory, filter) => (memory.pending = filter)),
  of('of blocks', 'eth_getFilterChanges', (_, { blocks: filter }) => [filter]), of('of transactions', 'eth_getFilterChanges', (_, { pending }) => [pending]),
  of('', 'eth_getFilterLogs', (_, { logs: filter }) => [filter]), of('of blocks', 'eth_getFilterLogs', (_, { blocks: filter }) => [filter]),
  of('', 'eth_uninstallFilter', (_, { blocks: filter }) => [filter]), of('again', 'eth_uninstallFilter', (_, { blocks: filter }) => [filter]),
  of('that is gone', 'eth_getFilterChanges', (_, { blocks: filter }) => [filter]), of('that is gone', 'eth_getFilterLogs', ['0x1']),
];

const TRACERS = [
  ['steps', { disableStorage: false, enableMemory: true }], ['calls', { tracer: 'callTracer' }], ['calls with logs', { tracer: 'callTracer', tracerConfig: { withLog: true } }],
  ['the top call', { tracer: 'callTracer', tracerConfig: { onlyTopCall: true } }], ['the state before', { tracer: 'prestateTracer' }],
  ['the state changed', { tracer: 'prestateTracer', tracerConfig: { diffMode: true } }], ['selectors', { tracer: '4byteTracer' }], ['nothing', { tracer: 'noopTracer' }],
];

const traces = [
  ...['faucet', 'reverted with a reason', 'halted', 'inner call', 'inner revert', 'deploy keeper'].flatMap((name) =>
    TRACERS.map(([what, options]) => of(`${what} of ${name}`, 'debug_traceTransaction', (known) => [hashOf(known, name), options]))),
  of('unknown', 'debug_traceTransaction', [UNKNOWN_HASH, { tracer: 'callTracer' }]),
  of('by no tracer', 'debug_traceTransaction', (known) => [hashOf(known, 'faucet'), { tracer: 'noSuchTracer' }]),
  of('', 'debug_traceCall', (known) => [{ from: known.owner, to: known.dollar, data: call('transfer', NOBODY, 1n) }, 'latest', { tracer: 'callTracer' }]),
  of('that reverts', 'debug_traceCall', (known) => [{ to: known.reverter, data: reason('no') }, 'latest', { tracer: 'callTracer' }]),
  of('by number', 'debug_traceBlockByNumber', (known) => [blockOf(known, 'faucet'), { tracer: 'callTracer' }]),
  of('', 'debug_getRawTransaction', (known) => [hashOf(known, 'faucet')]),
];

const simulations = [
  of('of a call', 'eth_simulateV1', (known) => [{ blockStateCalls: [{ calls: [{ from: known.owner, to: known.dollar, data: call('transfer', known.other, 1n) }] }] }, 'latest']),
  of('of a revert', 'eth_simulateV1', (known) => [{ blockStateCalls: [{ calls: [{ to: known.reverter, data: reason('no') }] }] }, 'latest']),
  of('with transfers and whole transactions', 'eth_simulateV1', (known) => [
    { traceTransfers: true, returnFullTransactions: true, blockStateCalls: [{ stateOverrides: { [known.owner]: { balance: '0x10' } }, calls: [{ from: known.owner, to: NOBODY, value: '0x1' }] }] }, 'latest',
  ]),
  of('of nothing', 'eth_simulateV1', [{ blockStateCalls: [] }, 'latest']),
  of('with a nonce too low', 'eth_simulateV1', (known) => [{ validation: true, blockStateCalls: [{ calls: [{ from: known.owner, to: NOBODY, nonce: '0x0' }] }] }, 'latest']),
  of('of a block that is before', 'eth_simulateV1', [{ blockStateCalls: [{ blockOverrides: { number: '0x1' }, calls: [] }] }, 'latest']),
];

const mistakes = [
  of('', 'eth_noSuchMethod'), of('', 'eth_sendTransaction', (known) => [{ from: known.owner, to: NOBODY }]), of('', 'eth_sign', (known) => [known.owner, '0x12']),
  of('without parameters', 'eth_getBalance'), of('without parameters', 'eth_getTransactionByHash'), of('with a number', 'eth_getBlockByNumber', [1, false]),
  of('over HTTP', 'eth_subscribe', ['newHeads']),
];

export const CASES = [...chain, ...blocks, ...transactions, ...state, ...calls, ...logs, ...traces, ...simulations, ...mistakes];
