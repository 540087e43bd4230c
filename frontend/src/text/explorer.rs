//! Words of the explorer.

pub const TITLE: &str = "Explorer";
pub const FACT: &str =
    "Every token on this chain comes from a receipt of served work. Search it, open it, recompute it.";
pub const BLOCKS: &str = "Blocks";
pub const TRANSACTIONS: &str = "Transactions";
pub const RECEIPTS: &str = "Recent receipts";
pub const ALL_BLOCKS: &str = "All blocks";
pub const ALL_RECEIPTS: &str = "All receipts";
pub const BLOCKS_FACT: &str = "A block is made when a transaction waits, so an idle chain makes none.";

pub const BLOCK: &str = "Block";
pub const HEIGHT: &str = "Height";
pub const TIME: &str = "Time";
pub const AGE: &str = "Age";
pub const COUNT: &str = "Transactions";
pub const MINTED: &str = "Minted";
pub const GAS: &str = "Gas used";
pub const HASH: &str = "Hash";
pub const PARENT: &str = "Parent";
pub const STATE_ROOT: &str = "State root";
pub const STATE_ROOT_HELP: &str = "One hash over every balance and every contract’s storage after this block.";
pub const TRANSACTIONS_ROOT: &str = "Transactions root";
pub const RECEIPTS_ROOT: &str = "Receipts root";
pub const PRODUCER: &str = "Producer";
pub const PRODUCER_HELP: &str = "The authority that sealed the block.";
pub const SIZE: &str = "Size";
pub const GENESIS: &str = "Genesis: the contracts, and a supply of 0.";
pub const NO_TRANSACTIONS_TITLE: &str = "No transaction yet";
pub const NO_TRANSACTIONS: &str = "Draw a picture: its receipt is minted by the first one.";
pub const NO_TRANSACTIONS_IN_BLOCK: &str = "This block holds no transaction.";
pub const PREVIOUS_BLOCK: &str = "Previous block";
pub const NEXT_BLOCK: &str = "Next block";

pub const TRANSACTION: &str = "Transaction";
pub const METHOD: &str = "Method";
pub const FROM: &str = "From";
pub const TO: &str = "To";
pub const CREATES: &str = "creates a contract";
pub const SUCCEEDED: &str = "succeeded";
pub const REVERTED: &str = "reverted";
pub const NONCE: &str = "Nonce";
pub const TYPE: &str = "Type";
pub const INPUT: &str = "Input";
pub const EVENTS: &str = "Events";
pub const NO_EVENTS: &str = "It emitted no event.";
pub const NO_INPUT: &str = "It carries no input.";
pub const SETTLES: &str = "Receipts it minted";
pub const GAS_FREE: &str = "Gas is free on this chain while it is bootstrapping.";

pub const ACCOUNT: &str = "Account";
pub const CONTRACT: &str = "Contract";
pub const BALANCE: &str = "Balance";
pub const SENT: &str = "Transactions sent";
pub const CODE: &str = "Code";
pub const IS_MINER: &str = "Miner";
pub const MINER_PROFILE: &str = "Open the miner’s profile";
pub const NO_ACCOUNT_TRANSACTIONS_TITLE: &str = "No transaction";
pub const NO_ACCOUNT_TRANSACTIONS: &str = "This address has neither sent nor received one.";
pub const ACCOUNT_RECEIPTS: &str = "Receipts of this miner";

pub const SEARCH_TITLE: &str = "Search";
pub const FOUND_NOTHING: &str = "Nothing found";
pub const SEARCH_HELP: &str =
    "A block’s height, a 32-byte hash (0x and 64 hex digits), an address (0x and 40), or a job (job_ and 32).";

pub fn block(number: &str) -> String {
    format!("Block {number}")
}

pub fn transactions(count: u32) -> String {
    match count {
        1 => "1 transaction".to_owned(),
        count => format!("{count} transactions"),
    }
}

pub fn not_found(what: &str) -> String {
    format!("“{what}” names nothing on this chain.")
}

pub const fn transaction_type(number: u8) -> &'static str {
    match number {
        0 => "0 · legacy",
        1 => "1 · access list (EIP-2930)",
        2 => "2 · dynamic fee (EIP-1559)",
        _ => "other",
    }
}

pub fn block_fact(count: u32, minted: &str) -> String {
    format!("{}, {minted} AIT minted", transactions(count))
}

pub fn of_limit(used: &str, limit: &str) -> String {
    format!("{used} of {limit}")
}

pub fn called(method: &str) -> String {
    format!("Called {method}.")
}

pub fn called_and_minted(method: &str, minted: &str) -> String {
    format!("Called {method} and minted {minted} AIT.")
}

pub fn at_index(index: u32) -> String {
    format!(", at index {index}")
}

pub fn raw_bytes(count: usize) -> String {
    format!("Raw, {count} bytes")
}

pub const ADDRESS: &str = "Address";
pub const NEWEST_RECEIPT: &str = "Its newest receipt";
