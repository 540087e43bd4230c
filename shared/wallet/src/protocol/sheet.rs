//! What is shown before a signature: who asks, what it does, what it costs, what could go wrong.

use serde::{Deserialize, Serialize};
use shared::Address;
use shared::amount::Amount;

/// Names what was shown. It counts for one signature, and only until the wallet locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(pub u32);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    pub ticket: Ticket,
    /// The account that signs.
    pub from: Address,
    /// Who asks.
    pub origin: String,
    pub chain_id: u64,
    pub what: What,
    pub risks: Vec<SheetRisk>,
}

/// What the signature does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// AIT goes to somebody.
    Transfer {
        to: Address,
        amount: Amount,
        /// What the sender has afterwards.
        balance_after: Amount,
        receiver_after: Amount,
        fee: Fee,
    },
    /// Any other transaction.
    Call {
        /// Absent where it makes a contract.
        to: Option<Address>,
        /// What is known of it, as one sentence.
        words: String,
        /// In the smallest units of the chain's own coin.
        value_wei: String,
        input: String,
        fee: Fee,
    },
    /// A text, with every control character made visible.
    Message {
        text: String,
        /// Where it signs in, if it does.
        sign_in: Option<String>,
    },
    TypedData {
        primary_type: String,
        /// Fields of the domain with their values.
        domain: Vec<(String, String)>,
        tree: Vec<TreeLine>,
    },
}

/// What it costs at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fee {
    Free,
    UpTo { wei: String },
}

/// One line of typed data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeLine {
    pub depth: usize,
    pub name: String,
    pub type_name: String,
    /// Absent for a struct or an array, whose members follow one deeper.
    pub value: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Money may be lost by it.
    Grave,
}

/// What could go wrong, as one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetRisk {
    pub severity: Severity,
    pub text: String,
}
