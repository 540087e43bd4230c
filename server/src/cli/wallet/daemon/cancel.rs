//! A payment that waits is canceled: it is dropped where no node can have it, and otherwise another transaction takes its nonce.
//!
//! Either is in the log before anybody is answered. Which of the payment and its cancellation a block contains decides what
//! became of it, so a cancellation that comes too late is told as the payment that it did not stop.

use custody::asset::Units;
use custody::cancellation;
use custody::event::{Cancellation, Event, Outcome, Payment};
use shared::Address;

use super::error::DaemonError;
use super::log_file::Durable;
use super::payments::PaymentView;
use super::signer::{Signer, State, Unsent};
use crate::cli::wallet::folder::WalletName;
use crate::clock;

impl Signer {
    /// Cancels the payment that a key was used for, and answers what became of it so far. A payment that is canceled already
    /// stays so.
    ///
    /// # Errors
    /// A block contains the payment, or another transaction took its nonce; a wallet that is locked, where something must be
    /// signed.
    pub(super) async fn cancel(&self, name: &WalletName, key: &str) -> Result<PaymentView, DaemonError> {
        let address = self.address(name)?;
        // A nonce that becomes free must not become so while another payment chooses its own.
        let turn = self.paying.lock().await;
        let (leaves, durable) = {
            let mut state = self.state();
            let payment = find(&state, address, name, key)?;
            match payment.outcome {
                Outcome::Waiting if payment.cancellation.is_none() => {
                    self.begin_to_cancel(&mut state, name, &payment)?
                }
                Outcome::Waiting | Outcome::Canceled { .. } => (None, self.log.flush()),
                Outcome::Settled { block_number, .. } => {
                    let detail = format!("the payment is in block {block_number}, and stays there");
                    return Err(DaemonError::Conflict(detail));
                }
                Outcome::Replaced => {
                    let detail = "another transaction took the payment's nonce: it moves nothing".to_owned();
                    return Err(DaemonError::Conflict(detail));
                }
            }
        };
        drop(turn);
        durable.wait().await?;
        if let Some(hash) = leaves {
            self.deliver(hash).await;
        }
        find(&self.state(), address, name, key).map(|payment| PaymentView::from(&payment))
    }

    /// The payment whose cancellation must be sent, where one must.
    fn begin_to_cancel(
        &self,
        state: &mut State,
        name: &WalletName,
        payment: &Payment,
    ) -> Result<(Option<shared::B256>, Durable), DaemonError> {
        let (address, hash) = (payment.from, payment.signed.hash);
        // Without its nonce those behind it would wait for ever.
        let is_last = state.ledger.next_nonce(address, 0) == payment.signed.nonce + 1;
        if is_last && state.unsent.get(&hash) == Some(&Unsent::Waits) {
            state.unsent.remove(&hash);
            let durable = self.record(state, &Event::Canceled { hash, block_number: None })?;
            return Ok((None, durable));
        }
        let (_, key) = self.key(state, name, clock::now())?;
        let failed = |error: &dyn std::fmt::Display| DaemonError::Internal(format!("it cannot be canceled: {error}"));
        let (transaction, _) = cancellation::of(&payment.signed.raw).map_err(|error| failed(&error))?;
        let signed = transaction.sign(&key).map_err(|error| failed(&error))?;
        let fee = Units(transaction.most_fee());
        let cancellation = Cancellation { hash: signed.hash, raw: signed.raw, fee };
        let durable = self.record(state, &Event::Canceling { address, hash, cancellation })?;
        Ok((Some(hash), durable))
    }
}

/// The payment of a wallet under a key.
fn find(state: &State, address: Address, name: &WalletName, key: &str) -> Result<Payment, DaemonError> {
    let payment = state.ledger.payment(key).filter(|payment| payment.from == address);
    let unknown = || DaemonError::NotFound(format!("the wallet {name} has no payment with this Idempotency-Key"));
    payment.cloned().ok_or_else(unknown)
}
