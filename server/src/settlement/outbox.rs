//! Brings the outbox's transactions into blocks, whatever they are for.

use std::time::Duration;

use node::chain::IncludedTransaction;
use store::change::{AlignNonce, CountAttempt};
use store::record::OutboxRecord;

use super::{Settlement, SettlementError};

/// If no block has the transaction after this time, the same bytes are submitted again.
const RESUBMIT: Duration = Duration::from_secs(2);

/// How a transaction's way ends.
#[derive(Debug)]
pub(super) enum End {
    /// A block has it.
    Included(Box<IncludedTransaction>),
    /// Another transaction took its nonce, so no block will ever have it.
    Replaced,
}

/// Where the hub has no transaction on its way, its count of nonces goes back to the chain's: on a chain that began
/// anew, every later transaction would wait for ever. Once per start is enough.
pub(super) async fn align_nonce(settlement: &Settlement) -> Result<(), SettlementError> {
    let signer = settlement.hub_key.address();
    let chain_nonce = settlement.node.next_nonce(signer)?;
    Ok(settlement.store.write(AlignNonce { signer, chain_nonce }).await?)
}

/// Sends a stored transaction until its way ends. `None` where the server stops meanwhile.
pub(super) async fn send(settlement: &Settlement, stored: &OutboxRecord) -> Result<Option<End>, SettlementError> {
    loop {
        if let Some(included) = settlement.node.transaction(stored.transaction_hash)? {
            return Ok(Some(End::Included(Box::new(included))));
        }
        if settlement.stop.is_cancelled() {
            return Ok(None);
        }
        if settlement.node.nonce(stored.signer)? > stored.nonce {
            return Ok(Some(End::Replaced));
        }
        let submitted = settlement.node.submit_raw_transaction(&stored.raw_transaction).await;
        let refused = submitted.err().filter(|error| !matches!(error, node::NodeError::AlreadyKnown));
        if let Some(error) = &refused {
            let (kind, transaction) = (stored.payload.kind(), stored.transaction_hash);
            tracing::warn!(kind, %transaction, %error, "a transaction was not taken; it will be sent again");
        }
        let included = tokio::select! {
            () = settlement.stop.cancelled() => return Ok(None),
            included = settlement.node.wait_for_transaction(stored.transaction_hash, RESUBMIT) => included?,
        };
        if included.is_none() {
            let error = refused.map(|error| error.to_string());
            settlement.store.write(CountAttempt { outbox_id: stored.id, error }).await?;
        }
    }
}
