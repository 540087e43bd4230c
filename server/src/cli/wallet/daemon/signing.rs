//! Whether something may be signed, and its signature. The event stands on the disk before anybody gets the signature.

use std::sync::Arc;

use custody::action::Action;
use custody::event::{CodeUse, Event, Moved, SignedKind};
use custody::refusal::Refusal;
use serde_json::{Value, json};
use shared::signing::{PrivateKey, message_digest};
use shared::{Address, B256, Bytes};
use wallet::session::Signable;
use wallet::transaction::SignedTransaction;

use super::error::DaemonError;
use super::signer::{Signer, State};
use super::tickets::{Prepared, Sheet, Verdict};
use crate::cli::wallet::folder::WalletName;
use crate::clock;

/// What may be signed now, and the code that it took.
pub(super) struct Allowed {
    pub(super) address: Address,
    pub(super) key: Arc<PrivateKey>,
    pub(super) code: Option<CodeUse>,
}

/// What was signed.
enum Signed {
    Signature { digest: B256, signature: Bytes },
    Transaction(SignedTransaction),
}

impl Signer {
    /// Keeps what was prepared, so that exactly it is signed later.
    pub(super) fn show(&self, name: &WalletName, address: Address, prepared: Prepared) -> Result<Sheet, DaemonError> {
        let mut state = self.state();
        let now = clock::now();
        self.key(&mut state, name, now)?;
        let policy = match state.ledger.judge(address, &prepared.action, false, now) {
            Ok(()) => Verdict::Allowed,
            Err(refusal) if refusal.needs_code() => Verdict::CodeNeeded { reason: refusal.to_string() },
            Err(refusal) => Verdict::Refused { reason: refusal.to_string() },
        };
        let (what, risks) = (prepared.what.clone(), prepared.risks.clone());
        let (ticket, expires_at_ms) = state.tickets.add(name.clone(), prepared, now);
        let (wallet, chain_id) = (name.to_string(), self.config.chain_id);
        Ok(Sheet { ticket, expires_at_ms, wallet, from: address, chain_id, what, risks, policy })
    }

    /// Asks the policy, and takes a code where it needs one. What was refused stands in the log.
    pub(super) fn allow(
        &self,
        state: &mut State,
        name: &WalletName,
        action: &Action,
        code: Option<&str>,
    ) -> Result<Allowed, DaemonError> {
        let now = clock::now();
        let (address, key) = self.key(state, name, now)?;
        let refusal = match state.ledger.judge(address, action, false, now) {
            Ok(()) => return Ok(Allowed { address, key, code: None }),
            Err(refusal) => refusal,
        };
        if !refusal.needs_code() {
            return Err(self.refuse(state, address, refusal));
        }
        if state.ledger.second_factor(address).is_none() {
            self.record(state, &Event::Refused { address, reason: refusal.to_string() })?;
            return Err(DaemonError::NoSecondFactor(refusal));
        }
        let Some(code) = code else { return Err(DaemonError::CodeNeeded(refusal)) };
        let used = self.check_code(state, address, &key, code, now)?;
        match state.ledger.judge(address, action, true, now) {
            Ok(()) => Ok(Allowed { address, key, code: Some(used) }),
            Err(refusal) => Err(self.refuse(state, address, refusal)),
        }
    }

    /// Writes down what is not signed, and why.
    pub(super) fn refuse(&self, state: &mut State, address: Address, refusal: Refusal) -> DaemonError {
        match self.record(state, &Event::Refused { address, reason: refusal.to_string() }) {
            Ok(_) => refusal.into(),
            Err(failed) => failed,
        }
    }

    /// Signs, and answers the signature once its event is on the disk. `ticket` is used up by it.
    pub(super) async fn sign(
        &self,
        name: &WalletName,
        prepared: Prepared,
        ticket: Option<&str>,
        code: Option<&str>,
    ) -> Result<Value, DaemonError> {
        let (address, signed, durable) = {
            let mut state = self.state();
            let allowed = self.allow(&mut state, name, &prepared.action, code)?;
            let address = allowed.address;
            if let Signable::Transaction(transaction) = &prepared.signable
                && state.ledger.holds_nonce(address, transaction.nonce)
            {
                return Err(DaemonError::Conflict(format!(
                    "a payment that waits for its block has the nonce {}: another transaction with it would take its place",
                    transaction.nonce
                )));
            }
            if let Some(ticket) = ticket {
                take(&mut state, ticket)?;
            }
            let signed = sign(&prepared.signable, &allowed.key)?;
            let (what, digest) = match (&signed, &prepared.signable) {
                (Signed::Transaction(signed), _) => (SignedKind::Transaction, signed.hash),
                (Signed::Signature { digest, .. }, Signable::TypedData(_)) => (SignedKind::TypedData, *digest),
                (Signed::Signature { digest, .. }, _) => (SignedKind::Message, *digest),
            };
            let moved = Moved::from(&prepared.action);
            let event = Event::Signed { address, what, digest, moved, code: allowed.code };
            (address, signed, self.record(&mut state, &event)?)
        };
        durable.wait().await?;
        Ok(match signed {
            Signed::Signature { signature, .. } => json!({ "address": address, "signature": signature }),
            Signed::Transaction(SignedTransaction { hash, raw }) => {
                json!({ "address": address, "transaction_hash": hash, "raw_transaction": raw })
            }
        })
    }
}

/// Uses a ticket up. Two requests with the same one: the second is refused.
pub(super) fn take(state: &mut State, ticket: &str) -> Result<(), DaemonError> {
    if state.tickets.remove(ticket) {
        return Ok(());
    }
    Err(DaemonError::NotFound("the ticket was used".to_owned()))
}

fn sign(what: &Signable, key: &PrivateKey) -> Result<Signed, DaemonError> {
    let failed = |error: String| DaemonError::Internal(format!("it cannot be signed: {error}"));
    match what {
        Signable::Transaction(transaction) => {
            transaction.sign(key).map(Signed::Transaction).map_err(|error| failed(error.to_string()))
        }
        Signable::Message(bytes) => {
            let digest = message_digest(bytes);
            let signature = key.sign_digest(digest).map_err(|error| failed(error.to_string()))?;
            Ok(Signed::Signature { digest, signature })
        }
        Signable::TypedData(data) => {
            let signature = data.sign(key).map_err(|error| failed(error.to_string()))?;
            Ok(Signed::Signature { digest: data.digest, signature })
        }
    }
}
