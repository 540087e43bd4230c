//! Messages between a page and the wallet, as JSON texts.
//!
//! Each request travels in an envelope with an id and the version of these messages, and its answer carries the same id.
//! So one wallet serves every part of a page, answers may come in any order, and a page of another version is refused
//! instead of misread.

mod passkey;
mod receipt;
mod sheet;
mod view;

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::amount::Amount;
use shared::{Address, B256, Bytes};

pub use passkey::{CREDENTIAL_ID_MAX_BYTES, PASSKEYS_MAX, PRF_BYTES, PasskeyView, PrfOutput};
pub use receipt::{ReceiptRefusal, ReceiptReply, ReceiptRequest};
pub use sheet::{Fee, Severity, Sheet, SheetRisk, Ticket, TreeLine, What};
pub use view::{
    AccountView, Check, CheckName, ExportForm, ImportSource, NewWords, Outcome, QrCode, SignKind, Transfer, VaultState,
    WalletId, WalletKind, WalletView,
};

/// Version of these messages. It changes with every change of them.
pub const PROTOCOL_VERSION: u32 = 4;

/// Fewest characters of a password.
pub const PASSWORD_MIN_CHARS: usize = 10;

/// Path of the first account, as every Ethereum wallet derives it.
pub const FIRST_ACCOUNT_PATH: &str = "m/44'/60'/0'/0/0";

/// Most wallets in one browser.
pub const WALLETS_MAX: usize = 16;

/// Most accounts of one phrase that are kept.
pub const ACCOUNTS_MAX: usize = 32;

/// Most bytes of a transaction's text, as a page asks for it.
pub const TRANSACTION_TEXT_MAX_BYTES: usize = 300 << 10;

/// Most characters of a wallet's name.
pub const NAME_MAX_CHARS: usize = 40;

/// After so many minutes without a request that needs it, an unlocked wallet locks itself, unless another time is set.
pub const AUTO_LOCK_DEFAULT_MINUTES: u32 = 15;

/// The times that can be set.
pub const AUTO_LOCK_CHOICES_MINUTES: [u32; 4] = [5, 15, 60, 240];

/// Names a request among those that wait for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u32);

/// From the page to the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEnvelope<Q = Request> {
    pub version: u32,
    pub id: RequestId,
    pub request: Q,
}

/// From the wallet to the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletMessage<R = Reply, F = Refusal> {
    /// Posted once, when the wallet listens. A request that was posted before is lost.
    Ready,
    /// The wallet locked itself, or another tab changed what is stored: ask for the state anew.
    Changed,
    Answer {
        id: RequestId,
        answer: Result<R, F>,
    },
}

pub type Answer = Result<Reply, Refusal>;

/// A password, a key or recovery words on their way. They are never printed.
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
    /// Which wallets are there, and are they unlocked?
    State,
    /// Make recovery words. The wallet is stored only once some of them were confirmed.
    Create {
        name: String,
        /// 24 words instead of 12.
        long: bool,
        /// For the first wallet in this browser; the others share its password.
        password: Option<Secret>,
    },
    /// The words at the asked positions, counted from 1. Stores the new wallet.
    Confirm {
        words: Vec<(usize, Secret)>,
    },
    Import {
        name: String,
        source: ImportSource,
        password: Option<Secret>,
    },
    Unlock {
        password: Secret,
    },
    /// Unlock by what one of the passkeys answered.
    UnlockByPasskey {
        credential_id: Bytes,
        /// Travels beside the text; without it the request is refused.
        #[serde(skip)]
        output: Option<PrfOutput>,
    },
    Lock,
    /// The next account of a wallet of recovery words.
    AddAccount {
        wallet: WalletId,
    },
    Rename {
        wallet: WalletId,
        name: String,
    },
    Remove {
        wallet: WalletId,
        password: Secret,
    },
    /// Delete everything that is stored without its password, if it is still what the page showed.
    Forget {
        revision: u64,
    },
    ChangePassword {
        old: Secret,
        new: Secret,
    },
    SetAutoLock {
        minutes: u32,
    },
    /// Ask for the salt of a new passkey. The page then makes the passkey, and hands over what it answered.
    BeginPasskey {
        password: Secret,
    },
    /// The passkey that was begun opens the wallets from now on, beside the password.
    AddPasskey {
        credential_id: Bytes,
        /// As in [`Self::UnlockByPasskey`].
        #[serde(skip)]
        output: Option<PrfOutput>,
    },
    RemovePasskey {
        credential_id: Bytes,
        password: Secret,
    },
    Export {
        wallet: WalletId,
        form: ExportForm,
        password: Secret,
    },
    /// Ask the chain what a signature would do. Nothing is signed.
    Prepare {
        from: Address,
        /// Who asks, as it is shown.
        origin: String,
        what: SignKind,
    },
    /// Sign exactly what was shown with this ticket. A ticket counts once. A transaction is sent by [`Request::Deliver`], so that
    /// the page can keep its hash before.
    Approve {
        ticket: Ticket,
    },
    /// Send the transaction that was signed. It counts once.
    Deliver {
        hash: B256,
    },
    Reject {
        ticket: Ticket,
    },
    /// What became of a transaction.
    Outcome {
        hash: B256,
    },
    /// AIT that came and went, newest first.
    Activity {
        account: Address,
    },
    QrCode {
        text: String,
    },
    /// Compute a receipt's hash, recover its signers, ask the chain whether it minted, and prove that it is final.
    CheckReceipt {
        /// JSON of a [`shared::receipt::SignedReceipt`], which the page passes on as it is.
        receipt_json: String,
        /// The transaction that minted or paid it, if one did.
        transaction_hash: Option<B256>,
    },
}

/// What a request led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    State(VaultState),
    /// The recovery words of a wallet that was just made, and the positions to ask for.
    Words(NewWords),
    Exported {
        secret: Secret,
    },
    /// What the PRF extension of the new passkey is asked with.
    PasskeyBegun {
        salt: Bytes,
    },
    /// What would be signed.
    Sheet(Box<Sheet>),
    Signed {
        signature: String,
    },
    /// A transaction was signed and not sent yet.
    Ready {
        hash: B256,
    },
    Sent {
        hash: B256,
    },
    Rejected,
    Outcome(Option<Outcome>),
    Activity {
        transfers: Vec<Transfer>,
    },
    QrCode(QrCode),
    ReceiptChecked {
        checks: Vec<Check>,
    },
}

/// Why the wallet did not do what was requested. `detail` is for people; no program reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    PasswordTooShort,
    WrongPassword,
    /// The passkey is none of these wallets', or answered something else than when it was added.
    WrongPasskey,
    /// No passkey is being added, or the wallets changed since it was begun.
    NoPasskeyBegun,
    /// The first asked position whose word is not the wallet's, counted from 1.
    WrongWord {
        position: usize,
    },
    /// No new words wait for their confirmation.
    NothingWaits,
    /// Nothing is unlocked.
    Locked,
    /// Another tab changed what is stored at the same moment. Its change stands, and this one was not made.
    ChangedElsewhere,
    /// A wallet with this account is here already.
    Duplicate {
        address: Address,
    },
    TooMany {
        most: usize,
    },
    /// A name has 1 to [`NAME_MAX_CHARS`] characters.
    Name,
    /// The account or wallet is not here, or cannot do this.
    NotHere,
    /// What was given is no recovery words, key or keystore file.
    Unreadable {
        detail: String,
    },
    KeystorePassword,
    /// More AIT than the account has.
    NotEnough {
        balance: Amount,
    },
    /// It would fail, or the money would be lost.
    WouldFail {
        detail: String,
    },
    /// What is to be signed cannot be read, or must not be signed here.
    NotSigned {
        detail: String,
    },
    /// The ticket was used, refused or locked away.
    UnknownTicket,
    /// The node did not answer or refused.
    Node {
        detail: String,
    },
    /// The transaction may or may not have been sent.
    SendUnclear {
        hash: B256,
        detail: String,
    },
    /// A key could not be made, derived or encrypted.
    Cryptography {
        detail: String,
    },
    /// What is stored is damaged or of another version.
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

/// Why a text is not a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeError {
    /// Its id can be read, so it can be refused.
    UnknownRequest(RequestId),
    NotAnEnvelope,
}

impl<Q> RequestEnvelope<Q> {
    pub const fn new(id: RequestId, request: Q) -> Self {
        Self { version: PROTOCOL_VERSION, id, request }
    }
}

impl RequestEnvelope {
    /// Reads what a page posted.
    pub fn parse(text: &str) -> Result<Self, EnvelopeError> {
        #[derive(Deserialize)]
        struct IdOnly {
            id: RequestId,
        }

        match serde_json::from_str::<Self>(text) {
            Ok(envelope) if envelope.version == PROTOCOL_VERSION => Ok(envelope),
            _ => Err(match serde_json::from_str(text) {
                Ok(IdOnly { id }) => EnvelopeError::UnknownRequest(id),
                Err(_) => EnvelopeError::NotAnEnvelope,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuzz_envelopes_of_pages_and_stored_wallets() {
        let unlock = RequestEnvelope::new(RequestId(7), Request::Unlock { password: Secret("é".to_owned()) });
        let contents = r#"{"revision":1,"next_id":2,"auto_lock_minutes":15,"wallets":[],"passkeys":[]}"#;
        let stored = serde_json::json!({"version": 4, "contents": contents, "salt": "0x00", "nonce": "0x0102",
            "ciphertext": "0x", "passkeys": [{"nonce": "0x03", "ciphertext": "0x04"}]});
        let seeds = [serde_json::to_vec(&unlock).unwrap(), stored.to_string().into_bytes()];
        test_support::fuzz("envelopes", &seeds, |input| {
            let Ok(text) = std::str::from_utf8(input) else { return };
            if let Ok(read) = RequestEnvelope::parse(text) {
                assert_eq!(RequestEnvelope::parse(&serde_json::to_string(&read).unwrap()), Ok(read));
            }
            if let Ok(sealed) = serde_json::from_str::<crate::vault::StoredVault>(text) {
                let written = serde_json::to_string(&sealed).unwrap();
                assert_eq!(serde_json::from_str::<crate::vault::StoredVault>(&written).unwrap(), sealed);
            }
        });
    }

    #[test]
    fn an_envelope_survives_its_way_and_shows_no_secret() {
        let envelope =
            RequestEnvelope::new(RequestId(7), Request::Unlock { password: Secret("correct horse".to_owned()) });
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
        assert_eq!(RequestEnvelope::parse(r#"{"version":4,"id":4,"request":"dance"}"#), Err(unknown));
        assert_eq!(RequestEnvelope::parse(r#"{"version":4,"id":4}"#), Err(unknown));
        assert_eq!(RequestEnvelope::parse(r#"{"version":1,"id":4,"request":"state"}"#), Err(unknown));
        assert_eq!(RequestEnvelope::parse(r#"{"id":4,"request":"state"}"#), Err(unknown));
        for text in ["", "{}", "state", r#"{"version":4,"id":-1,"request":"state"}"#, r#"{"request":"state"}"#] {
            assert_eq!(RequestEnvelope::parse(text), Err(EnvelopeError::NotAnEnvelope), "{text}");
        }
    }
}
