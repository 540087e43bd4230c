//! What a page sees of the wallets, and what it hands over. None of it but the marked secrets is secret.

use serde::{Deserialize, Serialize};
use shared::amount::Amount;
use shared::{Address, B256};

use super::{PasskeyView, Secret};

/// Names a wallet of this browser. A number is never given to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WalletId(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletKind {
    /// Recovery words, which lead to many accounts.
    Phrase,
    /// One private key.
    Key,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    pub address: Address,
    /// Which account of the words, counted from 0; absent for a single key.
    pub index: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletView {
    pub id: WalletId,
    pub name: String,
    pub kind: WalletKind,
    pub accounts: Vec<AccountView>,
}

/// What the browser holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultState {
    /// Counts the changes, so that a page can say which state it means.
    pub revision: u64,
    pub unlocked: bool,
    pub auto_lock_minutes: u32,
    pub wallets: Vec<WalletView>,
    pub passkeys: Vec<PasskeyView>,
}

impl VaultState {
    /// Every account with its wallet, in the order that they are shown.
    pub fn accounts(&self) -> impl Iterator<Item = (&WalletView, &AccountView)> {
        self.wallets.iter().flat_map(|wallet| wallet.accounts.iter().map(move |account| (wallet, account)))
    }
}

/// The recovery words of a new wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewWords {
    pub words: Vec<Secret>,
    /// Positions to ask for, counted from 1.
    pub ask: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportSource {
    Phrase {
        words: Secret,
    },
    Key {
        key: Secret,
    },
    Keystore {
        /// The file's text.
        file: String,
        password: Secret,
    },
}

/// What is shown or saved, behind the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportForm {
    Words,
    Key {
        address: Address,
    },
    /// A keystore file of version 3, encrypted with the wallet's password.
    Keystore {
        address: Address,
    },
}

/// What is to be signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignKind {
    SendAit {
        to: Address,
        amount: Amount,
    },
    /// The parameter of `eth_sendTransaction` as JSON.
    Transaction {
        json: String,
    },
    /// `personal_sign`: a text, or bytes as 0x and hex digits.
    Message {
        text: String,
    },
    /// `eth_signTypedData_v4`.
    TypedData {
        json: String,
    },
}

/// Where a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub block_number: u64,
    pub succeeded: bool,
}

/// AIT that came or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    pub block_number: u64,
    pub log_index: u64,
    pub transaction_hash: B256,
    /// Nobody, address zero, where it was minted.
    pub from: Address,
    pub to: Address,
    pub amount: Amount,
}

/// A QR code as a path of an SVG whose fields have the side 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QrCode {
    /// Fields per side, without the white border.
    pub side: u32,
    pub path: String,
}

/// One thing a receipt must fulfil.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    Hash,
    MinerSignature,
    Attestation,
    Minted,
    /// Block 0 of the receipt's chain names the validators.
    Validators,
    /// More than two thirds of them signed the block.
    Final,
    /// The block has the contract's event about the receipt.
    Event,
}

/// A check with its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: CheckName,
    /// Absent where the answer is not known yet: a receipt that has not minted may still do so.
    pub holds: Option<bool>,
    /// What was computed, or why it fails.
    pub detail: String,
}
