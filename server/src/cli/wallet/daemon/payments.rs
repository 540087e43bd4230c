//! Payments: each is signed once for its key, stands in the log before it leaves, and is sent until a block contains it.
//!
//! ```text
//! request ─▶ policy ─▶ nonce, signature ─▶ log on the disk ─▶ node ─▶ block ─▶ log: settled
//!                                            └─ the daemon ended here: the next start sends it
//! ```
//! A payment that waits can be canceled ([`super::cancel`]). From then on its cancellation is sent instead.

use custody::event::{Event, Moved, Outcome, Payment, SignedPayment};
use serde::Serialize;
use serde_json::json;
use shared::digest::Sha256Digest;
use shared::time::UnixMillis;
use shared::{Address, B256, Bytes};
use wallet::session::Signable;

use super::error::DaemonError;
use super::plan::{Signing, of_node};
use super::signer::{Signer, Unsent, blocking};
use super::signing::take;
use super::tickets::Prepared;
use crate::cli::wallet::folder::WalletName;
use crate::cli::wallet::node::Node;

/// A payment as answers show it.
#[derive(Debug, Serialize)]
pub(super) struct PaymentView {
    idempotency_key: String,
    transaction_hash: B256,
    from: Address,
    nonce: u64,
    signed_at_ms: UnixMillis,
    #[serde(flatten)]
    moved: Moved,
    #[serde(flatten)]
    state: StateView,
}

#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum StateView {
    /// No block contains it yet. The daemon sends it until one does.
    Waiting,
    /// It is in this block.
    Settled { block_number: u64 },
    /// It is in this block, and moved nothing.
    Failed { block_number: u64 },
    /// Another transaction took its nonce: it moved nothing, and never will.
    Replaced,
    /// Its cancellation waits for a block. The payment may still come before it.
    Canceling { cancellation_hash: B256 },
    /// It moved nothing, and never will. This block contains its cancellation; without one it never left.
    Canceled {
        #[serde(skip_serializing_if = "Option::is_none")]
        block_number: Option<u64>,
    },
}

impl From<&Payment> for PaymentView {
    fn from(payment: &Payment) -> Self {
        let signed = &payment.signed;
        Self {
            idempotency_key: signed.key.clone(),
            transaction_hash: signed.hash,
            from: payment.from,
            nonce: signed.nonce,
            signed_at_ms: payment.at,
            moved: signed.moved.clone(),
            state: match payment.outcome {
                Outcome::Waiting => match &payment.cancellation {
                    Some(cancellation) => StateView::Canceling { cancellation_hash: cancellation.hash },
                    None => StateView::Waiting,
                },
                Outcome::Settled { block_number, succeeded: true } => StateView::Settled { block_number },
                Outcome::Settled { block_number, succeeded: false } => StateView::Failed { block_number },
                Outcome::Replaced => StateView::Replaced,
                Outcome::Canceled { block_number } => StateView::Canceled { block_number },
            },
        }
    }
}

/// The key of a request, and the hash of what it asks for.
#[derive(Debug, Clone)]
pub(super) struct Idempotency {
    pub(super) key: String,
    pub(super) request: Sha256Digest,
}

/// What the node says of a payment that waits.
enum Found {
    Included { block_number: u64, succeeded: bool },
    Canceled { block_number: u64 },
    Known,
    NonceTaken,
    Unknown,
}

impl Signer {
    /// The payment that this key was used for. Another request under the same key is refused.
    pub(super) async fn paid(&self, idempotency: &Idempotency) -> Result<Option<PaymentView>, DaemonError> {
        let (view, durable) = {
            let state = self.state();
            let Some(payment) = state.ledger.payment(&idempotency.key) else { return Ok(None) };
            if payment.signed.request != idempotency.request {
                let detail = format!("the Idempotency-Key `{}` was used with another body", idempotency.key);
                return Err(DaemonError::Conflict(detail));
            }
            (PaymentView::from(payment), self.log.flush())
        };
        durable.wait().await?;
        Ok(Some(view))
    }

    /// Signs a payment and sends it. The answer comes after it is on the disk, whether the node has it or not.
    pub(super) async fn pay(
        &self,
        name: &WalletName,
        prepared: Prepared,
        ticket: Option<&str>,
        code: Option<&str>,
        idempotency: Idempotency,
    ) -> Result<PaymentView, DaemonError> {
        let Signable::Transaction(transaction) = prepared.signable else {
            return Err(DaemonError::Form("only transfers and transactions are sent: use /v1/wallet/sign".to_owned()));
        };
        if prepared.has_nonce {
            return Err(DaemonError::Form(
                "a payment takes its nonce by itself: leave `transaction.nonce` out".to_owned(),
            ));
        }
        // One payment after another chooses its nonce: the log's before the node is asked counts, since a payment that waited
        // then may be settled when the answer comes.
        let turn = self.paying.lock().await;
        // Another request with the same key may have come first.
        if let Some(paid) = self.paid(&idempotency).await? {
            return Ok(paid);
        }
        let address = self.address(name)?;
        let own_nonce = self.state().ledger.next_nonce(address, 0);
        let node = self.config.node.clone();
        let node_nonce = blocking(move || node.next_nonce(address)).await?.map_err(of_node)?;
        let (hash, durable) = {
            let mut state = self.state();
            if !state.ledger.has_room() {
                return Err(DaemonError::Busy("too many payments wait for a block"));
            }
            let allowed = self.allow(&mut state, name, &prepared.action, code)?;
            if let Some(ticket) = ticket {
                take(&mut state, ticket)?;
            }
            let nonce = state.ledger.next_nonce(address, node_nonce.max(own_nonce));
            let transaction = wallet::transaction::Transaction { nonce, ..transaction };
            let signed = transaction.sign(&allowed.key);
            let signed = signed.map_err(|error| DaemonError::Internal(format!("it cannot be signed: {error}")))?;
            let payment = SignedPayment {
                key: idempotency.key.clone(),
                request: idempotency.request,
                nonce,
                hash: signed.hash,
                raw: signed.raw.clone(),
                moved: Moved::from(&prepared.action),
            };
            let event = Event::Payment { address, payment, code: allowed.code };
            let durable = self.record(&mut state, &event)?;
            state.unsent.insert(signed.hash, Unsent::Waits);
            (signed.hash, durable)
        };
        drop(turn);
        durable.wait().await?;
        self.deliver(hash).await;
        let paid = self.paid(&idempotency).await?;
        paid.ok_or_else(|| DaemonError::Internal("a payment was forgotten at once".to_owned()))
    }

    /// Sends a payment that waits, or its cancellation. A node that does not take it now is asked again later.
    pub(super) async fn deliver(&self, hash: B256) {
        let Some((raw, mut leaving)) = self.leaves(hash) else { return };
        // Its cancellation may have been recorded a moment ago, and nothing leaves before it is on the disk.
        if self.log.flush().wait().await.is_err() {
            return;
        }
        let node = self.config.node.clone();
        let sent = blocking(move || node.send(&raw)).await;
        leaving.never_left = matches!(&sent, Ok(Err(error)) if was_refused(error));
        drop(leaving);
        match sent {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(error = format!("{error:#}"), "the node did not take a payment yet"),
            Err(error) => tracing::warn!(%error, "a payment was not sent yet"),
        }
    }

    /// What of a payment is sent now: nothing where it is over, or where somebody is sending it for the first time.
    fn leaves(&self, hash: B256) -> Option<(Bytes, Leaving<'_>)> {
        let mut state = self.state();
        let payment = state.ledger.waiting_with(hash)?;
        let raw = payment.cancellation.as_ref().map_or(&payment.signed.raw, |cancellation| &cancellation.raw).clone();
        match state.unsent.get_mut(&hash) {
            Some(Unsent::Leaves) => return None,
            Some(unsent) => *unsent = Unsent::Leaves,
            None => {}
        }
        Some((raw, Leaving { signer: self, hash, never_left: false }))
    }

    /// Looks after all payments that wait: which are in a block, and which the node must be sent again.
    pub(super) async fn settle(&self) -> Result<(), DaemonError> {
        let waiting: Vec<B256> = self.state().ledger.waiting().map(|payment| payment.signed.hash).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        // The last of them may not be on the disk yet, and nothing leaves before it is.
        self.log.flush().wait().await?;
        let (node, chain_id) = (self.config.node.clone(), self.config.chain_id);
        blocking(move || Signing { node: &node, chain_id, account: Address::ZERO }.check_chain()).await??;
        for hash in waiting {
            // As it is now: it may have ended or been canceled while others were looked after.
            let Some(looked_at) = self.state().ledger.waiting_with(hash).cloned() else { continue };
            let node = self.config.node.clone();
            let found = blocking(move || find(&node, &looked_at)).await?.map_err(of_node)?;
            match found {
                Found::Included { block_number, succeeded } => {
                    self.end_payment(hash, &Event::Settled { hash, block_number, succeeded })?;
                }
                Found::Canceled { block_number } => {
                    self.end_payment(hash, &Event::Canceled { hash, block_number: Some(block_number) })?;
                }
                Found::NonceTaken => self.end_payment(hash, &Event::Replaced { hash })?,
                Found::Unknown => self.deliver(hash).await,
                Found::Known => {}
            }
        }
        Ok(())
    }

    /// It may have ended while the node was asked.
    fn end_payment(&self, hash: B256, event: &Event) -> Result<(), DaemonError> {
        let mut state = self.state();
        if state.ledger.waiting_with(hash).is_none() {
            return Ok(());
        }
        state.unsent.remove(&hash);
        self.record(&mut state, event).map(drop)
    }
}

/// Nothing listened there, so nothing was sent.
fn was_refused(error: &anyhow::Error) -> bool {
    let refused = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
    matches!(error.downcast_ref::<ureq::Error>(), Some(ureq::Error::Io(error)) if refused(error))
}

/// A payment that is being sent. Also who goes away meanwhile leaves behind that a node may have it.
struct Leaving<'a> {
    signer: &'a Signer,
    hash: B256,
    /// No byte of it reached a node.
    never_left: bool,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut state = self.signer.state();
        if !self.never_left {
            state.unsent.remove(&self.hash);
        } else if let Some(unsent) = state.unsent.get_mut(&self.hash) {
            *unsent = Unsent::Waits;
        }
    }
}

fn find(node: &Node, payment: &Payment) -> anyhow::Result<Found> {
    let hash = payment.signed.hash;
    let cancellation = payment.cancellation.as_ref().map(|cancellation| cancellation.hash);
    // The nonce first: a block that comes between the two questions must not look like another transaction's.
    let next: u64 = node.number("eth_getTransactionCount", json!([payment.from, "latest"]))?;
    if let Some(included) = node.included(hash)? {
        let (block_number, succeeded) = (included.block_number, included.succeeded);
        return Ok(Found::Included { block_number, succeeded });
    }
    if let Some(canceled) = cancellation.map(|hash| node.included(hash)).transpose()?.flatten() {
        return Ok(Found::Canceled { block_number: canceled.block_number });
    }
    if next > payment.signed.nonce {
        return Ok(Found::NonceTaken);
    }
    Ok(if node.knows(cancellation.unwrap_or(hash))? { Found::Known } else { Found::Unknown })
}
