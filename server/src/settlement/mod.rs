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
use shared::B256;
use store::StoreError;
use store::change::QueueTransaction;
use store::record::{OutboxPayload, ReceiptRecord};

use crate::app::App;
use crate::clock;

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

/// Runs until the server stops.
pub(crate) async fn run(app: Arc<App>) {
    let receipts = app.hub.receipts();
    let mut is_aligned = false;
    loop {
        let settled = async {
            if !is_aligned {
                outbox::align_nonce(&app).await?;
                is_aligned = true;
            }
            settle_all(&app).await
        };
        let pause = match settled.await {
            Ok(()) => POLL,
            Err(error) => {
                tracing::warn!(%error, "settlement pauses");
                PAUSE
            }
        };
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = receipts.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Mints everything that waits, batch by batch.
async fn settle_all(app: &App) -> Result<(), SettlementError> {
    loop {
        for transaction in app.store.list_open_transactions().await? {
            let Some(end) = outbox::send(app, &transaction).await? else { return Ok(()) };
            outcome::record(app, &transaction, &end).await?;
        }
        let waiting = wait_for_batch(app).await?;
        let attempts: Vec<u32> = waiting.iter().map(|receipt| receipt.attempts).collect();
        let size = batch_size(&attempts);
        if size == 0 || app.stop.is_cancelled() {
            return Ok(());
        }
        queue_mint(app, &waiting[..size]).await?;
    }
}

/// Receipts that may be minted now; a few of them wait a moment for more.
async fn wait_for_batch(app: &App) -> Result<Vec<ReceiptRecord>, StoreError> {
    let limit = BATCH_MAX_RECEIPTS as u64;
    let waiting = app.store.list_receipts_to_mint(clock::now(), limit).await?;
    let oldest = waiting.iter().map(|receipt| receipt.attested_at).min();
    let waited = oldest.map_or(LINGER_MS, |attested_at| clock::now().since_ms(attested_at));
    if waited >= LINGER_MS || waiting.len() >= BATCH_MAX_RECEIPTS {
        return Ok(waiting);
    }
    tokio::select! {
        () = app.stop.cancelled() => return Ok(vec![]),
        () = tokio::time::sleep(Duration::from_millis(LINGER_MS - waited)) => {}
    }
    app.store.list_receipts_to_mint(clock::now(), limit).await
}

/// Simulates first: a batch that the minter would refuse costs no nonce.
async fn queue_mint(app: &App, receipts: &[ReceiptRecord]) -> Result<(), SettlementError> {
    let call = mint::call_data(receipts);
    let gas_limit = match mint::estimate_gas(app, &call).await? {
        mint::Estimate::Gas(gas_limit) => gas_limit,
        mint::Estimate::Refused(refusal) => return outcome::record_simulated(app, receipts, refusal).await,
    };
    let signer = app.hub_key.address();
    let change = QueueTransaction {
        payload: OutboxPayload::Mint { receipts: receipts.iter().map(|receipt| receipt.signed.receipt_hash).collect() },
        signer,
        chain_nonce: app.node.next_nonce(signer)?,
        transaction: mint::Unsigned {
            key: app.hub_key.clone(),
            chain_id: app.identity.chain_id,
            gas_limit,
            input: call,
        },
        at: clock::now(),
    };
    app.store.write(change).await?;
    app.metrics.mint_transactions.inc();
    Ok(())
}
