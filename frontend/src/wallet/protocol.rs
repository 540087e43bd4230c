//! Messages between the page and the wallet's worker: one request, one reply, as JSON texts.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::Address;

/// Fewest characters of a password.
pub const PASSWORD_MIN_CHARS: usize = 10;

/// A password or recovery word on its way to the worker. It is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// From the page to the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Is there a wallet?
    State,
    /// Make a key. It is stored only once its words were confirmed.
    Create {
        password: Secret,
    },
    /// The words at the asked positions, counted from 1.
    Confirm {
        words: Vec<(usize, Secret)>,
    },
    Unlock {
        password: Secret,
    },
    Lock,
    /// Delete the stored key.
    Remove,
    /// Compute a receipt's hash and recover its signers; ask the chain whether it was used. The page passes the JSON of
    /// a [`shared::receipt::SignedReceipt`] on as it is.
    Verify {
        receipt_json: String,
    },
}

/// From the worker to the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Posted once, when the worker listens.
    Ready,
    State {
        wallet: WalletState,
    },
    /// The recovery words of a key that was just made, and the positions to ask for, counted from 1.
    Words {
        words: Vec<Secret>,
        ask: Vec<usize>,
    },
    Verified {
        checks: Vec<Check>,
    },
    Refused {
        reason: Refusal,
    },
}

/// What the worker holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletState {
    Empty,
    Locked { address: Address },
    Unlocked { address: Address },
}

/// Why the worker did not do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    ShortPassword,
    WrongPassword,
    /// The first asked position whose word is not the key's, counted from 1.
    WrongWord {
        position: usize,
    },
    /// What shall be verified is no receipt, and why.
    NoReceipt {
        detail: String,
    },
    /// The browser's storage or randomness failed, in its own words.
    Browser {
        detail: String,
    },
}

/// One thing a receipt must fulfil.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    Hash,
    MinerSignature,
    Attestation,
    Minted,
}

/// A check with its outcome; `holds` is absent where there is nothing to hold yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: CheckName,
    pub holds: Option<bool>,
    /// What was computed, or why it fails.
    pub detail: String,
}
