//! Receipts to tokens: attested receipts are minted in batches, each exactly once, across crashes.
//!
//! ```text
//! pending receipts ──▶ simulate ──▶ QueueTransaction: nonce, signature, row ──▶ submit ──▶ block ──▶ RecordMinted
//!                          │            ▲ after a crash the same bytes go out again        └─▶ watchers
//!                          └─ the minter would refuse ──▶ RecordRefused: later, alone, or given up
//! ```
//! One transaction is on its way at a time, so nonces never have a gap. The minter's own register of used receipts
//! decides: a receipt that somebody else minted is found in the log and recorded as minted there.

mod mint;
mod outbox;
mod outcome;

use std::sync::Arc;
use std::time::Duration;

use hub::settlement::{BATCH_MAX_RECEIPTS, LINGER_MS, batch_size};
use node::NodeHandle;
use shared::B256;
use shared::signing::PrivateKey;
use store::change::QueueTransaction;
use store::record::{OutboxPayload, ReceiptRecord};
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::hub::HubHandle;
use crate::metrics::Metrics;

/// How often receipts are looked for whose delay is over.
const POLL: Duration = Duration::from_secs(1);

/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
enum SettlementError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Node(#[from] node::NodeError),
    #[error(
        "the minter skipped the receipt {receipt_hash} as minted before, and the chain's log has no mint of it up to \
         block {head}"
    )]
    NoMintInLog { receipt_hash: B256, head: u64 },
}

/// What settlement works with.
pub(crate) struct Settlement {
    pub(crate) store: Store,
    pub(crate) hub: HubHandle,
    pub(crate) node: NodeHandle,
    /// Signs the mint transactions.
    pub(crate) hub_key: PrivateKey,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stop: CancellationToken,
}

impl Settlement {
    /// Runs until the server stops.
    pub(crate) async fn run(self) {
        let receipts = self.hub.receipts();
        let mut is_aligned = false;
        loop {
            let settled = async {
                if !is_aligned {
                    outbox::align_nonce(&self).await?;
                    is_aligned = true;
                }
                self.settle_all().await
            };
            let pause = match settled.await {
                Ok(()) => POLL,
                Err(error) => {
                    tracing::warn!(%error, "settlement pauses");
                    PAUSE
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = receipts.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Mints everything that waits, batch by batch.
    async fn settle_all(&self) -> Result<(), SettlementError> {
        loop {
            for transaction in self.store.list_open_transactions(self.hub_key.address()).await? {
                let Some(end) = outbox::send(self, &transaction).await? else { return Ok(()) };
                self.record_end(&transaction, &end).await?;
            }
            let waiting = self.wait_for_batch().await?;
            let attempts: Vec<u32> = waiting.iter().map(|receipt| receipt.attempts).collect();
            let size = batch_size(&attempts);
            if size == 0 || self.stop.is_cancelled() {
                return Ok(());
            }
            self.queue_mint(&waiting[..size]).await?;
        }
    }

    /// Receipts that may be minted now; a few of them wait a moment for more.
    async fn wait_for_batch(&self) -> Result<Vec<ReceiptRecord>, StoreError> {
        let limit = BATCH_MAX_RECEIPTS as u64;
        let waiting = self.store.list_receipts_to_mint(clock::now(), limit).await?;
        let oldest = waiting.iter().map(|receipt| receipt.attested_at).min();
        let waited = oldest.map_or(LINGER_MS, |attested_at| clock::now().since_ms(attested_at));
        if waited >= LINGER_MS || waiting.len() >= BATCH_MAX_RECEIPTS {
            return Ok(waiting);
        }
        tokio::select! {
            () = self.stop.cancelled() => return Ok(vec![]),
            () = tokio::time::sleep(Duration::from_millis(LINGER_MS - waited)) => {}
        }
        self.store.list_receipts_to_mint(clock::now(), limit).await
    }

    /// Simulates first: a batch that the minter would refuse costs no nonce.
    async fn queue_mint(&self, receipts: &[ReceiptRecord]) -> Result<(), SettlementError> {
        let call = mint::call_data(receipts);
        let gas_limit = match self.estimate_gas(&call).await? {
            mint::Estimate::Gas(gas_limit) => gas_limit,
            mint::Estimate::Refused(refusal) => return self.record_simulated(receipts, refusal).await,
        };
        let signer = self.hub_key.address();
        let change = QueueTransaction {
            payload: OutboxPayload::Mint {
                receipts: receipts.iter().map(|receipt| receipt.signed.receipt_hash).collect(),
            },
            signer,
            chain_nonce: self.node.next_nonce(signer)?,
            transaction: mint::Unsigned {
                key: self.hub_key.clone(),
                chain_id: self.node.chain_id(),
                gas_limit,
                input: call,
            },
            at: clock::now(),
        };
        self.store.write(change).await?;
        self.metrics.mint_transactions.inc();
        Ok(())
    }
}
