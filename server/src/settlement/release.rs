//! What the minter holds: booked from the chain's log, and released to the miners once it is due.
//!
//! ```text
//! minted ──▶ book_holds: Held in the log of its block ──▶ held ──▶ due ──▶ QueueTransaction: release ──▶ block ──▶ released
//!                                                          ▲                └─ reverted: later ─┐
//!                                                          └────────────────────────────────────┘
//! ```
//! The chain decides what is held. Anybody may release, so a hold that is empty there is closed without a transaction.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::U256;
use alloy_sol_types::{SolCall, SolEvent};
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter};
use node::chain::LogFilter;
use shared::time::UnixSeconds;
use shared::{Address, B256};
use store::change::{BookHolds, BookedHold, CloseRelease, HoldEnd, QueueTransaction};
use store::record::{HoldKey, OutboxPayload, OutboxRecord, OutboxState, ReceiptRecord};

use super::outbox::End;
use super::{Settlement, SettlementError, mint};
use crate::clock;

/// Holds in one release.
const RELEASE_MAX_HOLDS: u64 = 64;

/// Receipts whose holds are looked up at once.
const BOOKED_AT_ONCE: u64 = 128;

/// Gas of a release beside its holds, and for each hold: about twice what the contract's tests measure.
const RELEASE_GAS: u64 = 100_000;
const RELEASE_GAS_PER_HOLD: u64 = 70_000;

/// After a failed release its holds wait so long.
const RELEASE_PAUSE_MS: u64 = 60_000;

impl Settlement {
    /// Looks up which of the minted receipts are held, by any transaction.
    pub(super) async fn book_holds(&self) -> Result<(), SettlementError> {
        loop {
            let receipts = self.store.list_receipts_without_hold(BOOKED_AT_ONCE).await?;
            if receipts.is_empty() || self.stop.is_cancelled() {
                return Ok(());
            }
            // A chain that began anew has none of the blocks beyond its head, and holds nothing from them.
            let head = self.node.head()?.number;
            let blocks: BTreeSet<u64> =
                receipts.iter().filter_map(|receipt| receipt.block_number).filter(|block| *block <= head).collect();
            let mut held = BTreeMap::new();
            for block in blocks {
                held.extend(self.held_in(block).await?);
            }
            let due = |receipt: &ReceiptRecord| held.get(&hold_of(receipt)).copied();
            let booked = receipts.iter().map(|receipt| book(receipt, due(receipt))).collect();
            self.store.write(BookHolds { booked }).await?;
        }
    }

    /// What a block's mints left in hold, by receipt, miner and amount.
    async fn held_in(&self, block: u64) -> Result<BTreeMap<HeldMint, UnixSeconds>, SettlementError> {
        let mut filter = LogFilter::default();
        filter.addresses.insert(AI_TOKEN_MINTER_ADDRESS);
        filter.topics[0].insert(AITokenMinter::Held::SIGNATURE_HASH);
        let logs = self.node.logs(filter, block, block).await?;
        let events = logs.iter().filter_map(|found| AITokenMinter::Held::decode_log(&found.log).ok());
        let held = events.map(|event| {
            let mint = (event.receiptHash, event.provider, event.amount);
            (mint, UnixSeconds(event.dueUnix.saturating_to()))
        });
        Ok(held.collect())
    }

    /// Signs a release of what is due. Returns whether there is one to send.
    pub(super) async fn queue_release(&self) -> Result<bool, SettlementError> {
        let now = clock::now();
        // It would pay what a void takes back.
        if self.store.find_receipt_to_void(now).await?.is_some() {
            return Ok(false);
        }
        let due = self.store.list_due_holds(now, RELEASE_MAX_HOLDS).await?;
        if due.is_empty() || self.stop.is_cancelled() || self.node.is_minter_paused().await? {
            return Ok(false);
        }
        let amounts = self.node.held_amounts(due.iter().map(|hold| (hold.provider, hold.due.0)).collect()).await?;
        let (held, empty): (Vec<_>, Vec<_>) = due.into_iter().zip(amounts).partition(|(_, amount)| amount.atto() > 0);
        let keys = |holds: Vec<(HoldKey, _)>| -> Vec<HoldKey> { holds.into_iter().map(|(hold, _)| hold).collect() };
        let (held, empty) = (keys(held), keys(empty));
        if !empty.is_empty() {
            self.close_emptied(None, empty).await?;
        }
        if held.is_empty() {
            return Ok(false);
        }
        let signer = self.hub_key.address();
        let change = QueueTransaction {
            signer,
            chain_nonce: self.node.next_nonce(signer)?,
            transaction: mint::Unsigned {
                key: self.hub_key.clone(),
                chain_id: self.node.chain_id(),
                to: AI_TOKEN_MINTER_ADDRESS,
                gas_limit: RELEASE_GAS + RELEASE_GAS_PER_HOLD * held.len() as u64,
                input: call_data(&held),
            },
            payload: OutboxPayload::Release { holds: held },
            at: clock::now(),
        };
        self.store.write(change).await?;
        Ok(true)
    }

    /// Records what a release's end means for its holds.
    pub(super) async fn record_release_end(
        &self,
        sent: &OutboxRecord,
        holds: &[HoldKey],
        end: &End,
    ) -> Result<(), SettlementError> {
        let transaction = match end {
            End::Included(included) if included.receipt.success => {
                let block = included.place.height;
                tracing::info!(transaction = %sent.transaction_hash, block, holds = holds.len(), "what was due is paid");
                let closed = (sent.id, OutboxState::Included, Some(block));
                return self.close_emptied(Some(closed), holds.to_vec()).await;
            }
            End::Included(included) => {
                let refusal = mint::refusal(&included.receipt.revert_data);
                tracing::warn!(reason = refusal.reason, "a release was refused");
                (sent.id, OutboxState::Reverted, Some(included.place.height))
            }
            End::Replaced => {
                tracing::warn!(nonce = sent.nonce, "another transaction took the nonce of a release");
                (sent.id, OutboxState::Replaced, None)
            }
        };
        let end = HoldEnd::Again { not_before: clock::now().plus_ms(RELEASE_PAUSE_MS) };
        Ok(self.store.write(CloseRelease { transaction: Some(transaction), holds: holds.to_vec(), end }).await?)
    }

    /// The minter holds nothing there any more: what was not voided is paid.
    async fn close_emptied(
        &self,
        transaction: Option<(i64, OutboxState, Option<u64>)>,
        holds: Vec<HoldKey>,
    ) -> Result<(), SettlementError> {
        let mut receipts = Vec::new();
        for hold in &holds {
            let of_hold = self.store.list_receipts_of_hold(*hold).await?;
            receipts.extend(of_hold.into_iter().map(|receipt| receipt.signed));
        }
        let are_voided = self.node.are_voided(receipts.iter().map(mint::struct_hash).collect()).await?;
        let voided = receipts.iter().zip(are_voided).filter(|(_, is_voided)| *is_voided);
        let end = HoldEnd::Emptied { voided: voided.map(|(signed, _)| signed.receipt_hash).collect() };
        Ok(self.store.write(CloseRelease { transaction, holds, end }).await?)
    }
}

/// What the minter says of a mint that it holds: receipt, miner and attoAIT.
type HeldMint = (B256, Address, U256);

fn hold_of(receipt: &ReceiptRecord) -> HeldMint {
    let signed = &receipt.signed;
    (signed.receipt_hash, signed.receipt.provider, U256::from(receipt.amount.atto()))
}

fn book(receipt: &ReceiptRecord, due: Option<UnixSeconds>) -> BookedHold {
    BookedHold {
        receipt_hash: receipt.signed.receipt_hash,
        provider: receipt.signed.receipt.provider,
        amount: receipt.amount,
        due,
    }
}

/// `release` of these holds.
fn call_data(holds: &[HoldKey]) -> shared::Bytes {
    let hold = |hold: &HoldKey| AITokenMinter::Hold { provider: hold.provider, dueUnix: U256::from(hold.due.0) };
    AITokenMinter::releaseCall { holds: holds.iter().map(hold).collect() }.abi_encode().into()
}
