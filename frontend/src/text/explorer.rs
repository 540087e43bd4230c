//! Words of the explorer.

use shared::api::search::SearchKind;

pub const TITLE: &str = "Explorer";
pub const FACT: &str =
    "Every token on this chain comes from a receipt of served work. Search it, open it, recompute it.";
pub const BLOCKS: &str = "Blocks";
pub const TRANSACTIONS: &str = "Transactions";
pub const RECEIPTS: &str = "Recent receipts";
pub const LISTS: &str = "More lists";
pub const ALL_BLOCKS: &str = "All blocks";
pub const ALL_TRANSACTIONS: &str = "All transactions";
pub const ALL_RECEIPTS: &str = "All receipts";
pub const BLOCKS_FACT: &str = "A block is made when a transaction waits, so an idle chain makes none.";
pub const TRANSACTIONS_FACT: &str =
    "Newest first. Each shows what it called, who signed it, and the AIT that it minted.";

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
pub const PRODUCER_HELP: &str = "The validator that proposed the block.";
pub const DECIDED_BY: &str = "Decided by";
pub const DECIDED_BY_HELP: &str = "A block stands once validators with more than two thirds of the voting power have signed it. It is never replaced.";
pub const ALL_OF_THE_BLOCK: &str = "All of them, the last one first";
pub const VALIDATORS: &str = "Validators";
pub const VALIDATORS_FACT: &str = "They decide the next block. The chain’s authority admits them and gives each a base; every whole AIT that is staked with one adds to its power.";
pub const REWARDS: &str = "Rewards";
pub const REWARDS_HELP: &str = "A part of the fee of each paid job goes to those who have staked, evenly over a time, to each by the amount and the time of its stake. What is unbonding, or with a jailed validator, earns nothing.";
pub const FLOWING: &str = "Fees on their way to stake";
pub const FLOWS_UNTIL: &str = "They arrive until";
pub const UNCOLLECTED: &str = "Fees to be collected";
pub const EARNING_STAKE: &str = "Stake that earns";
pub const VALIDATOR: &str = "Validator";
pub const POWER: &str = "Voting power";
pub const BASE_POWER: &str = "Base";
pub const OWN_STAKE: &str = "Own stake";
pub const DELEGATED_STAKE: &str = "Delegated";
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
pub const CALLS: &str = "Calls inside";
pub const CALLS_HELP: &str = "What the contracts called meanwhile is found by running the transaction again.";
pub const SHOW_CALLS: &str = "Show the calls";
pub const CALLS_OF: &str = "Of the transaction";
pub const CALL: &str = "Call";
pub const CALLED: &str = "Called";
pub const OUTCOME: &str = "Outcome";
pub const NO_INPUT: &str = "It carries no input.";
pub const SETTLES: &str = "Receipts it minted";
pub const GAS_FREE: &str = "Gas is free on this chain while it is bootstrapping.";

pub const ACCOUNT: &str = "Account";
pub const CONTRACT: &str = "Contract";
pub const BALANCE: &str = "Balance";
pub const HELD: &str = "Held until due";
pub const HELD_HELP: &str = "What receipts minted for this account and the minter still holds. It is paid when it is due, unless an audit takes it back before.";
pub const SENT: &str = "Transactions sent";
pub const CODE: &str = "Code";
pub const IS_MINER: &str = "Miner";
pub const MINER_PROFILE: &str = "Open the miner’s profile";
pub const NO_ACCOUNT_TRANSACTIONS_TITLE: &str = "No transaction";
pub const NO_ACCOUNT_TRANSACTIONS: &str = "This address has neither sent nor received one.";
pub const ACCOUNT_RECEIPTS: &str = "Receipts";
pub const NO_ACCOUNT_RECEIPTS_TITLE: &str = "No receipt";
pub const NO_ACCOUNT_RECEIPTS: &str = "Receipts of work that this address served are listed here.";

pub const SEARCH_TITLE: &str = "Search";
pub const FOUND_NOTHING: &str = "Nothing found";
pub const SEARCH_HELP: &str = "A block’s height, a hash, an address or a job, each also by its first digits; a model, a token, a graphics card or a document by its name.";

pub const SUGGESTIONS: &str = "Suggestions";
pub const SUGGESTIONS_COUNT: &str = "{} suggestions";

pub const fn search_kind(kind: SearchKind) -> &'static str {
    match kind {
        SearchKind::Block => "Block",
        SearchKind::Transaction => "Transaction",
        SearchKind::Receipt => "Receipt",
        SearchKind::Job => "Job",
        SearchKind::Miner => "Miner",
        SearchKind::Address => "Address",
        SearchKind::Token => "Token",
        SearchKind::Model => "Model",
        SearchKind::Document => "Document",
    }
}

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

/// How many decide the next block, with how much power, and how much of it is needed.
pub fn decided_together(validators: usize, total_power: u64) -> String {
    let (noun, have) = if validators == 1 { ("validator", "has") } else { ("validators", "have") };
    // The least number that is more than two thirds.
    let needed = u128::from(total_power) * 2 / 3 + 1;
    format!(
        "{validators} {noun} {have} the voting power {}. A block needs {} of it.",
        crate::format::grouped(total_power),
        crate::format::grouped(needed)
    )
}

/// Who signed a block: how many of the validators, with how much of the voting power, and in which round.
pub fn decided_by(signers: usize, validators: u32, signed_power: u64, total_power: u64, round: u32) -> String {
    let noun = if validators == 1 { "validator" } else { "validators" };
    let [signed_power, total_power] = [signed_power, total_power].map(crate::format::grouped);
    format!("{signers} of {validators} {noun}, voting power {signed_power} of {total_power}, round {round}")
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

/// Under the transactions of a block with more of them.
pub fn first_of(shown: usize) -> String {
    format!("These are the first {shown}. ")
}

/// Under the events of a transaction with more of them.
/// How many calls a transaction is.
pub fn call_count(count: u64) -> String {
    match count {
        1 => "One call, and none inside it".to_owned(),
        count => format!("{} calls, in the order in which they began", crate::format::grouped(count)),
    }
}

pub fn calls_of(shown: usize, count: u64) -> String {
    format!(
        "These are the first {shown} of {} calls. A node’s debug_traceTransaction has all.",
        crate::format::grouped(count)
    )
}

/// How many calls a call is inside of.
pub fn depth(depth: u32) -> String {
    match depth {
        0 => "the transaction itself".to_owned(),
        1 => "inside the transaction’s call".to_owned(),
        depth => format!("inside {depth} calls"),
    }
}

pub fn wei(value: &str) -> String {
    format!("with {value} wei")
}

pub fn events_of(shown: usize, count: u32) -> String {
    format!(
        "These are the first {shown} of {} events. A node’s eth_getTransactionReceipt has all.",
        crate::format::grouped(count)
    )
}
