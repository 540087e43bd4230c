//! Receipts to tokens: attested receipts are minted in batches, each exactly once, across crashes.
//!
//! ```text
//! pending receipts ──▶ simulate ──▶ sign ──▶ StoreBatch (raw bytes, on the disk) ──▶ submit ──▶ block ──▶ RecordMined
//!                          │                     ▲ after a crash the same bytes go out again        └─▶ watchers
//!                          └─ the minter would refuse ──▶ RecordReverted: later, alone, or given up
//! ```
//! One batch is on its way at a time, so nonces never gap. The minter's own register of used receipts is the last word:
//! a receipt that somebody else minted is found in the log and recorded as minted there.

mod mint;
mod outcome;

use std::sync::Arc;
use std::time::Duration;

use hub::settlement::{BATCH_MAX_RECEIPTS, LINGER_MS, batch_size};
use store::StoreError;
use store::change::StoreBatch;
use store::record::{BatchRecord, ReceiptRecord};

use crate::app::App;
use crate::clock;

/// How often receipts are looked for whose delay is over.
const POLL: Duration = Duration::from_secs(1);

/// After so long without a block the same bytes are submitted again.
const RESUBMIT: Duration = Duration::from_secs(2);

/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
enum SettlementError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Node(#[from] node::NodeError),
    #[error("the mint transaction cannot be signed: {0}")]
    Sign(String),
}

/// Runs until the server stops.
pub(crate) async fn run(app: Arc<App>) {
    let receipts = app.hub.receipts();
    loop {
        let pause = match settle_all(&app).await {
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
        for batch in app.store.list_open_batches().await? {
            if !finish(app, &batch).await? {
                return Ok(());
            }
        }
        let waiting = wait_for_company(app).await?;
        let attempts: Vec<u32> = waiting.iter().map(|receipt| receipt.attempts).collect();
        let size = batch_size(&attempts);
        if size == 0 || app.stop.is_cancelled() {
            return Ok(());
        }
        sign_and_store(app, &waiting[..size]).await?;
    }
}

/// Receipts that may be minted now; a few of them wait a moment for more.
async fn wait_for_company(app: &App) -> Result<Vec<ReceiptRecord>, StoreError> {
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
async fn sign_and_store(app: &App, receipts: &[ReceiptRecord]) -> Result<(), SettlementError> {
    let call = mint::call_data(receipts);
    let gas_limit = match mint::estimate_gas(app, &call).await? {
        mint::Estimate::Gas(gas_limit) => gas_limit,
        mint::Estimate::Refused(refusal) => return outcome::record_simulated(app, receipts, refusal).await,
    };
    let nonce = app.node.next_nonce(app.hub_key.address())?;
    let signed = mint::sign(&app.hub_key, app.identity.chain_id, nonce, gas_limit, call)?;
    let change = StoreBatch {
        nonce,
        transaction_hash: signed.hash,
        raw_transaction: signed.raw,
        receipts: receipts.iter().map(|receipt| receipt.signed.receipt_hash).collect(),
        at: clock::now(),
    };
    app.store.write(change).await?;
    app.metrics.mint_transactions.inc();
    Ok(())
}

/// Brings a stored batch into a block and records what came of it. `false` where the server stops meanwhile.
async fn finish(app: &App, batch: &BatchRecord) -> Result<bool, SettlementError> {
    loop {
        if let Some(included) = app.node.transaction(batch.transaction_hash)? {
            outcome::record_included(app, batch, &included).await?;
            return Ok(true);
        }
        if app.stop.is_cancelled() {
            return Ok(false);
        }
        if app.node.nonce(app.hub_key.address())? > batch.nonce {
            outcome::record_replaced(app, batch).await?;
            return Ok(true);
        }
        let submitted = app.node.submit_raw_transaction(&batch.raw_transaction).await;
        if let Err(error) = submitted
            && !matches!(error, node::NodeError::AlreadyKnown)
        {
            let transaction = batch.transaction_hash;
            tracing::warn!(%transaction, %error, "a mint was not taken; it will be sent again");
        }
        tokio::select! {
            () = app.stop.cancelled() => return Ok(false),
            included = app.node.wait_for_transaction(batch.transaction_hash, RESUBMIT) => { included?; }
        }
    }
}
