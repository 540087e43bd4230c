//! The forms of parameters and results.

use serde_json::{Map, Value, json};

/// A text that this expression describes.
fn text(title: &str, pattern: &str) -> Value {
    json!({ "title": title, "type": "string", "pattern": pattern })
}

/// An object of which only the meaning is said here.
fn object(title: &str) -> Value {
    json!({ "title": title, "type": "object" })
}

/// All of them by their names.
pub(super) fn all() -> Map<String, Value> {
    let named = [
        ("Any", json!({ "title": "any value" })),
        ("Boolean", json!({ "type": "boolean" })),
        ("Number", json!({ "type": "number" })),
        ("Text", json!({ "type": "string" })),
        ("Address", text("an account", "^0x[0-9a-fA-F]{40}$")),
        ("Hash", text("32 bytes", "^0x[0-9a-fA-F]{64}$")),
        ("Bytes", text("bytes in hexadecimal", "^0x([0-9a-fA-F]{2})*$")),
        ("Quantity", text("a number in hexadecimal without leading zeros", "^0x(0|[1-9a-fA-F][0-9a-fA-F]*)$")),
        (
            "BlockTag",
            text("a height, or a block by its name", "^(0x[0-9a-fA-F]+|earliest|finalized|safe|latest|pending)$"),
        ),
        ("BlockId", block_id()),
        ("Transaction", object("a transaction with its place, if it is in a block")),
        ("TransactionRequest", object("a call or a transaction that is not signed")),
        ("Receipt", object("a transaction's receipt with its logs")),
        ("Block", object("a block with its transactions, or their hashes")),
        ("Header", object("a block's header")),
        ("Filter", object("addresses, topics, and blocks from and to, or one block's hash")),
        ("Log", object("an event with its place")),
        ("FeeHistory", object("fees of blocks, all 0")),
        ("AccountProof", object("an account and slots with Merkle nodes (EIP-1186)")),
        ("AccessList", object("an access list with the gas that is used with it")),
        ("StateOverride", object("accounts that a call sees otherwise")),
        ("BlockOverride", object("what a call sees otherwise of its block")),
        ("Simulation", object("blocks of calls that are simulated one after another")),
        ("SimulatedBlock", object("a simulated block with the results of its calls")),
        ("TraceOptions", object("tracer and its configuration: callTracer, prestateTracer, or none for single steps")),
        ("Trace", object("what the tracer saw")),
        ("PoolStatus", object("how many transactions wait")),
        ("PoolContent", object("waiting transactions by sender and nonce")),
        ("BlockDetails", object("a block without its transactions, with its issuance and fees")),
        ("BlockTransactions", object("a page of a block's transactions with their receipts")),
        ("ContractCreator", object("who made a contract, and by which transaction")),
        ("TransactionTrace", object("one call of a transaction with its depth")),
        ("InternalOperation", object("a transfer or a creation inside a transaction")),
        ("Certificate", object("the signatures by which validators decided a block")),
        ("ReceiptProof", object("a receipt with what proves it from block 0")),
        ("Contradiction", object("two commits of one validator to different blocks of one round")),
        ("Validator", object("a validator with its voting power")),
        ("OpenRpcDocument", object("this document")),
    ];
    named.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn block_id() -> Value {
    json!({
        "title": "a height, a name, or an object with blockHash or blockNumber (EIP-1898)",
        "oneOf": [{ "$ref": "#/components/schemas/BlockTag" }, { "$ref": "#/components/schemas/Hash" }, { "type": "object" }],
    })
}
