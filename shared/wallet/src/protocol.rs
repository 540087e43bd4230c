//! Messages between a page and the wallet, as JSON texts.
//!
//! Each request travels in an envelope with an id, and its answer carries the same id. So one wallet serves every part
//! of a page, and answers may come in any order.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::Address;

/// Fewest characters of a password.
pub const PASSWORD_MIN_CHARS: usize = 10;

/// Path of the first account, as every Ethereum wallet derives it.
pub const FIRST_ACCOUNT_PATH: &str = "m/44'/60'/0'/0/0";

/// Names a request among those that wait for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u32);

/// From the page to the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEnvelope {
    pub id: RequestId,
    pub request: Request,
}

/// From the wallet to the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletMessage {
    /// Posted once, when the wallet listens. A request that was posted before is lost.
    Ready,
    Answer {
        id: RequestId,
        answer: Answer,
    },
}

pub type Answer = Result<Reply, Refusal>;

/// A password or recovery word on its way to the wallet. It is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Is there a wallet, and is it unlocked?
    State,
    /// Make a key. It is stored only once its words were confirmed.
    Create {
        password: Secret,
    },
    /// The words at the asked positions, counted from 1. Stores the key, and never in place of another one.
    Confirm {
        words: Vec<(usize, Secret)>,
    },
    Unlock {
        password: Secret,
    },
    Lock,
    /// Delete the stored key of this address, and of no other.
    Remove {
        address: Address,
    },
    /// Compute a receipt's hash, recover its signers, and ask the chain whether it minted.
    CheckReceipt {
        /// JSON of a [`shared::receipt::SignedReceipt`], which the page passes on as it is.
        receipt_json: String,
    },
}

/// What a request led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    State {
        wallet: WalletState,
    },
    /// The recovery words of a key that was just made, and the positions to ask for, counted from 1.
    Words {
        words: Vec<Secret>,
        ask: Vec<usize>,
    },
    ReceiptChecked {
        checks: Vec<Check>,
    },
}

/// What the wallet holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletState {
    Empty,
    Locked { address: Address },
    Unlocked { address: Address },
}

/// Why the wallet did not do what was requested. `detail` is for people; no program reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    PasswordTooShort,
    WrongPassword,
    /// The first asked position whose word is not the key's, counted from 1.
    WrongWord {
        position: usize,
    },
    /// Another wallet than the page knows of is stored, by another tab. It is unchanged.
    OtherWallet {
        address: Address,
    },
    /// A key could not be made, derived or encrypted.
    Cryptography {
        detail: String,
    },
    /// The stored wallet is damaged or of another version.
    UnreadableWallet {
        detail: String,
    },
    /// The browser could not read or write its storage.
    Storage {
        detail: String,
    },
    /// What shall be checked is not a receipt.
    NotAReceipt {
        detail: String,
    },
    /// The page's code is of another version than the wallet's.
    UnknownRequest,
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

/// A check with its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: CheckName,
    /// Absent where the answer is not known yet: a receipt that has not minted may still do so.
    pub holds: Option<bool>,
    /// What was computed, or why it fails.
    pub detail: String,
}

/// Why a text is not a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeError {
    /// Its id can be read, so it can be refused.
    UnknownRequest(RequestId),
    NotAnEnvelope,
}

impl RequestEnvelope {
    /// Reads what a page posted.
    pub fn parse(text: &str) -> Result<Self, EnvelopeError> {
        #[derive(Deserialize)]
        struct IdOnly {
            id: RequestId,
        }

        serde_json::from_str(text).map_err(|_| match serde_json::from_str(text) {
            Ok(IdOnly { id }) => EnvelopeError::UnknownRequest(id),
            Err(_) => EnvelopeError::NotAnEnvelope,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_survives_its_way_and_shows_no_secret() {
        let request = Request::Unlock { password: Secret("correct horse".to_owned()) };
        let envelope = RequestEnvelope { id: RequestId(7), request };
        let text = serde_json::to_string(&envelope).unwrap();
        assert_eq!(RequestEnvelope::parse(&text), Ok(envelope.clone()));
        assert!(!format!("{envelope:?}").contains("horse"));
        let answer = WalletMessage::Answer { id: envelope.id, answer: Err(Refusal::WrongWord { position: 3 }) };
        let read: WalletMessage = serde_json::from_str(&serde_json::to_string(&answer).unwrap()).unwrap();
        assert_eq!(read, answer);
    }

    #[test]
    fn an_unknown_request_keeps_its_id_and_anything_else_has_none() {
        let unknown = EnvelopeError::UnknownRequest(RequestId(4));
        assert_eq!(RequestEnvelope::parse(r#"{"id":4,"request":"dance"}"#), Err(unknown));
        assert_eq!(RequestEnvelope::parse(r#"{"id":4}"#), Err(unknown));
        for text in ["", "{}", "state", r#"{"id":-1,"request":"state"}"#, r#"{"request":"state"}"#] {
            assert_eq!(RequestEnvelope::parse(text), Err(EnvelopeError::NotAnEnvelope), "{text}");
        }
    }
}
