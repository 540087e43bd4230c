//! Receipts to tokens: attested receipts are minted in batches, each exactly once, across crashes.
//!
//! ```text
//! pending receipts ──▶ simulate ──▶ QueueTransaction: nonce, signature, row ──▶ submit ──▶ block ──▶ RecordMinted
//!                          │            ▲ after a crash the same bytes go out again        └─▶ watchers
//!                          └─ the minter would refuse ──▶ RecordRefused: later, alone, or given up
//! ```
//! Jobs that their clients pay go through the escrow by the same outbox: `escrow` says how.
//!
//! Where the network holds what it mints, `release` books until when and pays it once it is due, by the same outbox.
//! Where a miner is refuted, `void` takes back what is held of it, and `reject` what a bounty owes it, by the same outbox.
//! Fees that came are moved on to those whom they are for, once in a while: `upkeep` says when.
//! Trades of the exchange are settled in batches by the same outbox: `trades` says how.
//!
//! One transaction is on its way at a time, so nonces never have a gap. What waits takes turns by its kind, so that no
//! kind keeps another one waiting, and a fault of one kind holds up that kind alone. The minter's own register of used
//! receipts decides: a receipt that somebody else minted is found in the log and recorded as minted there. What a crash
//! left between the two is compared with the chain at the start and every minute.

mod escrow;
mod mint;
mod outbox;
mod outcome;
mod pay;
mod payments;
mod reconcile;
mod reject;
mod release;
mod reserve;
mod trades;
mod upkeep;
mod void;

use std::sync::Arc;
use std::time::Duration;

use contracts::AI_TOKEN_MINTER_ADDRESS;
use hub::settlement::{BATCH_MAX_RECEIPTS, LINGER_MS, batch_size};
use hub::turns::{Errand, Turns};
use hub::upkeep::UpkeepTerms;
use node::NodeHandle;
use shared::signing::PrivateKey;
use shared::{Address, Bytes};
use store::change::QueueTransaction;
use store::record::{OutboxPayload, ReceiptRecord};
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use self::upkeep::NextLook;
use crate::clock;
use crate::exchange::ExchangeHandle;
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
    #[error("the escrow has a reservation for {job_id}, and the chain's log does not tell of it")]
    NoReservationInLog { job_id: shared::id::JobId },
    #[error("the exchange's trades: {0}")]
    Trades(#[from] trading::BatchError),
    #[error("the hub's key does not sign: {0}")]
    Sign(#[from] shared::signing::SignatureError),
}

/// What a look at one kind of transaction has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// One is signed, or it was recorded that there is none to sign.
    Acted,
    Nothing,
    /// Receipts wait so many milliseconds more for others that share their transaction.
    Lingers {
        ms: u64,
    },
}

impl From<bool> for Look {
    fn from(has_acted: bool) -> Self {
        if has_acted { Self::Acted } else { Self::Nothing }
    }
}

/// What settlement works with.
pub(crate) struct Settlement {
    pub(crate) store: Store,
    pub(crate) hub: HubHandle,
    pub(crate) node: NodeHandle,
    /// Signs the mint transactions.
    pub(crate) hub_key: PrivateKey,
    /// Whose trades are settled, where this server operates one.
    pub(crate) exchange: Option<ExchangeHandle>,
    /// When fees are moved on.
    pub(crate) upkeep: UpkeepTerms,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stop: CancellationToken,
}

impl Settlement {
    /// Runs until the server stops.
    pub(crate) async fn run(self) {
        tokio::join!(self.settle(), self.reconcile_from_time_to_time());
    }

    async fn settle(&self) {
        let receipts = self.hub.receipts();
        let trades = self.exchange.as_ref().map(ExchangeHandle::to_settle).unwrap_or_default();
        let (mut is_aligned, mut turns, mut next_look) = (false, Turns::default(), NextLook::default());
        loop {
            let settled = async {
                if !is_aligned {
                    outbox::align_nonce(self).await?;
                    is_aligned = true;
                }
                self.settle_all(&mut turns, &mut next_look).await
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
                () = trades.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Sends everything that waits, one transaction after another.
    async fn settle_all(&self, turns: &mut Turns, next_look: &mut NextLook) -> Result<(), SettlementError> {
        while !self.stop.is_cancelled() {
            for transaction in self.store.list_open_transactions(self.hub_key.address()).await? {
                let Some(end) = outbox::send(self, &transaction).await? else { return Ok(()) };
                self.record_end(&transaction, &end).await?;
            }
            let mut fault = self.book_holds().await.err();
            match self.sign_next(turns, next_look, &mut fault).await {
                Look::Acted => {}
                Look::Nothing => return fault.map_or(Ok(()), Err),
                Look::Lingers { ms } => {
                    tokio::select! {
                        () = self.stop.cancelled() => return Ok(()),
                        () = tokio::time::sleep(Duration::from_millis(ms)) => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks at one kind after another until one has something to send. A fault of one kind does not hold up the others;
    /// the first is kept.
    async fn sign_next(
        &self,
        turns: &mut Turns,
        next_look: &mut NextLook,
        fault: &mut Option<SettlementError>,
    ) -> Look {
        let mut idle = Look::Nothing;
        for _ in 0..Turns::ROUND {
            if self.stop.is_cancelled() {
                return Look::Nothing;
            }
            let errand = turns.take();
            match self.look_at(errand, next_look).await {
                Ok(Look::Acted) => return Look::Acted,
                Ok(Look::Nothing) => {}
                Ok(lingers) => idle = lingers,
                Err(error) => {
                    tracing::warn!(?errand, %error, "what waits of this kind is looked at again later");
                    fault.get_or_insert(error);
                }
            }
        }
        idle
    }

    async fn look_at(&self, errand: Errand, next_look: &mut NextLook) -> Result<Look, SettlementError> {
        let has_acted = match errand {
            Errand::Void => self.queue_void().await?,
            Errand::Rejection => self.queue_rejection().await?,
            Errand::Release => self.queue_release().await?,
            Errand::Reservation => self.queue_reservation().await?,
            Errand::Payment => self.queue_settlement().await?,
            Errand::Closing => self.queue_closing().await?,
            Errand::Upkeep => self.queue_upkeep(next_look).await?,
            Errand::Trades => self.queue_exchange().await?,
            Errand::Mint => return self.queue_mints().await,
        };
        Ok(has_acted.into())
    }

    /// Signs the next mint. A few receipts wait a moment for more.
    async fn queue_mints(&self) -> Result<Look, SettlementError> {
        let limit = BATCH_MAX_RECEIPTS as u64;
        let now = clock::now();
        let waiting = self.store.list_receipts_to_pay(AI_TOKEN_MINTER_ADDRESS, now, limit).await?;
        let Some(oldest) = waiting.iter().map(|receipt| receipt.attested_at).min() else { return Ok(Look::Nothing) };
        let waited_ms = now.since_ms(oldest);
        if waited_ms < LINGER_MS && waiting.len() < BATCH_MAX_RECEIPTS {
            return Ok(Look::Lingers { ms: LINGER_MS - waited_ms });
        }
        let attempts: Vec<u32> = waiting.iter().map(|receipt| receipt.attempts).collect();
        self.queue_mint(&waiting[..batch_size(&attempts)]).await?;
        Ok(Look::Acted)
    }

    /// Simulates first: a batch that the minter would refuse costs no nonce.
    async fn queue_mint(&self, receipts: &[ReceiptRecord]) -> Result<(), SettlementError> {
        let call = mint::call_data(receipts);
        let gas_limit = match self.estimate_gas(AI_TOKEN_MINTER_ADDRESS, &call, mint::refusal).await? {
            mint::Estimate::Gas(gas_limit) => gas_limit,
            mint::Estimate::Refused(refusal) => return self.record_simulated(receipts, refusal).await,
        };
        let receipts = receipts.iter().map(|receipt| receipt.signed.receipt_hash).collect();
        self.queue(OutboxPayload::Mint { receipts }, AI_TOKEN_MINTER_ADDRESS, call, gas_limit).await?;
        self.metrics.mint_transactions.inc();
        Ok(())
    }

    /// Stores a signed call with the next nonce. It is sent before anything else is queued.
    async fn queue(
        &self,
        payload: OutboxPayload,
        to: Address,
        input: Bytes,
        gas_limit: u64,
    ) -> Result<(), SettlementError> {
        let signer = self.hub_key.address();
        let (key, chain_id) = (self.hub_key.clone(), self.node.chain_id());
        let change = QueueTransaction {
            payload,
            signer,
            chain_nonce: self.node.next_nonce(signer)?,
            transaction: mint::Unsigned { key, chain_id, to, gas_limit, input },
            at: clock::now(),
        };
        self.store.write(change).await?;
        Ok(())
    }
}
