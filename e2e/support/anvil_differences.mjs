// Where the node answers otherwise than anvil, and why. `geth` is go-ethereum, by which most clients are tried.

/** Names of values that no two chains share: their form is compared, and they are not. */
export const VARIES = new Set([
  'hash', 'parentHash', 'blockHash', 'stateRoot', 'timestamp', 'blockTimestamp', 'miner', 'extraData', 'mixHash', 'size',
  'accountProof',
]);

const difference = (where, reason) => ({ where, reason });

/** `where` is found in a line of the question, the place in its answer, and what is there on both sides. */
export const DIFFERENCES = [
  // The chain.
  difference(/^eth_accounts: /, 'the node holds no keys of clients'),
  difference(/^eth_maxPriorityFeePerGas: result: "0x0" here/, 'gas is free; anvil suggests a tip nevertheless'),
  difference(/^web3_clientVersion: result: "aitbc\//, 'two programs'),
  difference(/^net_peerCount: (result: "0x0" here|error: missing here)/, 'anvil has no such method'),
  difference(/^eth_(protocolVersion|coinbase|hashrate): /, 'about mining and old protocols; geth has them no more'),
  difference(/^eth_config: /, 'for operators who prepare for a fork; this chain has one set of rules from block 0 on'),
  difference(/^eth_feeHistory without percentiles: result.reward: missing here, \[/, 'who asks for none gets no list, as of geth'),
  difference(/^eth_feeHistory (falling|too high|beyond): /, 'percentiles that fall and blocks that are not there yet are refused, as by geth'),

  // Optional parameters.
  difference(/^eth_feeHistory null: /, 'null is no percentile'),
  difference(/^eth_getBlockByNumber without full: /, 'full is optional'),
  difference(/^eth_getBalance without block: /, 'the block is optional'),
  difference(/^eth_getBlockByNumber with a number: /, 'a quantity is hexadecimal text'),
  difference(/^eth_getProof of a short slot: /, 'a slot may be a quantity, as with geth'),

  // Blocks.
  difference(/^eth_getBlockBy\w+ ?[\w ]*: result\.totalDifficulty: missing here/, 'of proof of work; geth leaves it out'),
  difference(/^eth_getBlockByNumber (safe|finalized): /, 'each block is final as soon as it is there; anvil waits for epochs'),
  difference(/^eth_getBlockByNumber pending: /, 'nothing is known of a block before it is decided, so this is the last one'),
  difference(/^eth_getBlockTransactionCountByNumber beyond: /, 'null, as of geth: there is no such block'),
  difference(/^eth_getUncleCountByBlockHash unknown: /, 'null, as of geth: there is no such block'),
  difference(/^eth_getUncleByBlockHashAndIndex unknown: /, 'null, as of geth: there is no such block'),

  // Transactions.
  difference(/: result(\[\])?\.blobGasPrice: missing here/, 'geth gives it for transactions with blobs alone'),
  difference(/: result(\[\])?\.blockTimestamp: missing here, \d+ there/, "anvil's own, and a number where the others are quantities"),
  difference(/^eth_getRawTransactionByBlockNumberAndIndex: /, 'eth_getRawTransactionByHash gives the same'),
  difference(/^eth_sendRawTransaction (again after its block|known already): /, 'already known, as of geth: clients take that for success when they send again'),
  difference(/^eth_sendRawTransaction .*: error.code: -32003 here, -32000 there/, 'EIP-1474 has a code for a transaction that is rejected'),
  difference(/^eth_sendRawTransaction gas above .*: error.phrase: "gas limit" here/, 'which bound it was is said'),
  difference(/^eth_sendRawTransaction (no transaction|empty): error.code: -32000 here/, 'as of geth: these are bytes, but no transaction'),

  // State, calls and logs.
  difference(/: error.code: -32001 here, -32(000|602) there/, 'EIP-1474 has a code for what is not found'),
  difference(/^eth_(call|estimateGas) (halted|that halts): error.code: -32000 here, -32603 there/, 'as of geth: the call halted, and the node did not fail'),
  difference(/^eth_call without gas: error.phrase: "gas limit" here/, 'the message names what is needed and what was given'),
  difference(/^eth_call of who has no value: error.code: -32000 here, -32003 there/, 'as of geth: a call is no transaction that could be rejected'),
  difference(/^eth_estimateGas of who has no value: /, 'insufficient funds, as of geth: the transaction would be refused'),
  difference(/^eth_estimateGas with too little gas: error/, 'as of geth, and the message says that the gas limit is too low'),
  difference(/^eth_call data and input differ: error/, 'refused, as by geth: nobody knows which of them is meant'),
  difference(/^eth_call with another block: /, 'eth_call refuses block overrides; eth_simulateV1 takes them'),
  difference(/^eth_createAccessList that reverts: /, 'the list with the error beside it, as of geth'),
  difference(/^eth_(newFilter|getFilterLogs) of what is to come: /, 'a filter may begin with blocks that are still to come, as of geth; web3.py asks for that'),
  difference(/^eth_(newFilter|getLogs) of a range that falls: /, 'refused, as by geth'),
  difference(/^eth_getLogs beyond: /, 'refused, as by geth: the answer would change with every block'),
  difference(/^eth_new\w*Filter[\w ]*: result: "0x/, 'who knows the id may end the filter, so it is random'),

  // Traces.
  difference(/^debug_trace\w+ .*result\.gas: /, 'the gas limit, as of geth; anvil has taken off what a transaction costs at least'),
  difference(/^debug_traceCall: result\.gas: /, 'the gas limit of a call differs'),
  difference(/^debug_traceTransaction the state before of .*: result\.0x0{40}: missing here/, 'gas is free, so the account of who makes the block is not touched'),
  difference(/^debug_traceTransaction the state before of deploy keeper: result\.0x[0-9a-f]{40}: missing here/, 'what the transaction makes was not there before, as of geth'),
  difference(/^debug_traceTransaction unknown: result: null here/, 'null, as other questions about a transaction that is not there'),
  difference(/^debug_traceTransaction by no tracer: error.code: -32602 here, -32603 there/, 'a parameter that is not valid, and no fault of the node'),

  // Simulations, of which anvil has an early form.
  difference(/^eth_simulateV1 .*number: "0xf" here, "0xe" there/i, 'as execution-apis say: the first simulated block follows the last one'),
  difference(/^eth_simulateV1 .*(transactionsRoot|receiptsRoot|logsBloom): "0x/, 'roots and bloom are those of the contents'),
  difference(/^eth_simulateV1 .*(withdrawalsRoot|blobGasUsed|excessBlobGas|parentBeaconBlockRoot|requestsHash|size|withdrawals|maxUsedGas|blockTimestamp): .* here, missing there/, 'as execution-apis say'),
  difference(/^eth_simulateV1 .*(transactions\[\]|transactionHash): "0x/, 'the hash of a transaction that nobody signed, with the nonce and chain id that it would have'),
  difference(/^eth_simulateV1 .*transactions\[\]\.(chainId|nonce|gas|blockHash|blockNumber|transactionIndex): /, 'as execution-apis say: what was not given is filled in'),
  difference(/^eth_simulateV1 of a revert: result\[\]\.calls\[\]\.error\.(code|message|data): /, 'as execution-apis say: code 3 with the reason'),
  difference(/^eth_simulateV1 (of nothing|with a nonce too low|of a block that is before): /, 'refused, as execution-apis say'),

  // What is pushed.
  difference(/^newHeads: (size|uncles|transactions|withdrawals|totalDifficulty): missing here/, 'a head is a header, as of geth'),

  // Mistakes.
  difference(/^eth_(sendTransaction|sign): error/, 'there is no such method, since the node holds no keys of clients'),
  difference(/^eth_subscribe over HTTP: error.phrase: /, 'the message says that a WebSocket is needed'),
];
