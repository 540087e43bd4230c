//! What the minter holds: booked once, in one release at a time, and closed once.

use shared::B256;
use shared::amount::Amount;
use shared::api::receipts::HoldState;
use shared::time::{UnixMillis, UnixSeconds};
use store::change::{BookHolds, BookedHold, CloseRelease, HoldEnd, QueueTransaction, RecordMinted};
use store::record::{HoldKey, OutboxPayload, OutboxState, ReceiptRecord};
use store::{Refusal, Store, StoreError};

use super::database::on_both;
use super::fixture::{MINER, NOW};
use super::settlement::{SIGNER, Written, arrival, completed, minted};

const DUE: UnixSeconds = UnixSeconds(5_000);
const HOLD: HoldKey = HoldKey { provider: MINER, due: DUE };

fn later(ms: u64) -> UnixMillis {
    UnixMillis(DUE.0 * 1_000 + ms)
}

fn release(holds: Vec<HoldKey>) -> QueueTransaction<Written> {
    let payload = OutboxPayload::Release { holds };
    QueueTransaction { payload, signer: SIGNER, chain_nonce: 0, transaction: Written, at: NOW }
}

fn book(receipt: &ReceiptRecord, due: Option<UnixSeconds>) -> BookHolds {
    let receipt_hash = receipt.signed.receipt_hash;
    BookHolds { booked: vec![BookedHold { receipt_hash, provider: MINER, amount: receipt.amount, due }] }
}

/// A minted receipt of which nobody looked up the hold.
async fn minted_receipt(store: &Store, number: u128) -> ReceiptRecord {
    let receipt = completed(store, number).await;
    let minted = vec![minted(&receipt, B256::ZERO, 1)];
    store.write(RecordMinted { outbox_id: 0, block_number: 1, minted }).await.unwrap();
    receipt
}

/// What the miner earned, and what of it is held.
async fn sums(store: &Store) -> (Amount, Amount) {
    let miner = store.find_miner(MINER).await.unwrap().unwrap();
    (miner.earned, miner.held)
}

async fn state(store: &Store, receipt: &ReceiptRecord) -> Option<HoldState> {
    store.find_receipt(receipt.signed.receipt_hash).await.unwrap().unwrap().hold
}

#[tokio::test]
async fn a_hold_is_booked_once_and_released_by_one_transaction_at_a_time() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let pending = completed(&store, 9).await;
        let receipt = minted_receipt(&store, 1).await;
        let unknown = store.list_receipts_without_hold(10).await.unwrap();
        assert_eq!(unknown.len(), 1, "a receipt without a mint has no hold to look up");
        for _ in 0..2 {
            store.write(book(&receipt, Some(DUE))).await.unwrap();
        }
        assert_eq!(sums(&store).await, (receipt.amount, receipt.amount));
        assert!(store.list_receipts_without_hold(10).await.unwrap().is_empty());
        assert!(store.list_due_holds(UnixMillis(DUE.0 * 1_000 - 1), 10).await.unwrap().is_empty());
        assert_eq!(store.list_due_holds(later(0), 10).await.unwrap(), [HOLD]);

        let queued = store.write(release(vec![HOLD])).await.unwrap();
        assert!(store.list_due_holds(later(0), 10).await.unwrap().is_empty());
        let again = store.write(release(vec![HOLD])).await;
        assert!(matches!(again, Err(StoreError::Refused(Refusal::HoldTaken { .. }))), "{again:?}");
        drop(store);

        // A crash later the same transaction is on its way.
        let store = database.open().await;
        assert_eq!(store.list_open_transactions(SIGNER).await.unwrap(), std::slice::from_ref(&queued));
        let transaction = Some((queued.id, OutboxState::Included, Some(7)));
        let change = CloseRelease { transaction, holds: vec![HOLD], end: HoldEnd::Emptied { voided: vec![] } };
        for _ in 0..2 {
            store.write(change.clone()).await.unwrap();
        }
        assert_eq!(sums(&store).await, (receipt.amount, Amount::ZERO));
        assert_eq!(state(&store, &receipt).await, Some(HoldState::Released));
        assert_eq!(state(&store, &pending).await, None);
        assert!(store.list_due_holds(later(0), 10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_failed_release_waits_before_the_next_and_one_that_is_recorded_twice_changes_nothing() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let receipt = minted_receipt(&store, 1).await;
        store.write(book(&receipt, Some(DUE))).await.unwrap();
        let queued = store.write(release(vec![HOLD])).await.unwrap();
        let transaction = Some((queued.id, OutboxState::Reverted, Some(7)));
        let end = HoldEnd::Again { not_before: later(60_000) };
        let failed = CloseRelease { transaction, holds: vec![HOLD], end };
        store.write(failed.clone()).await.unwrap();
        assert!(store.list_due_holds(later(59_999), 10).await.unwrap().is_empty());
        assert_eq!(store.list_due_holds(later(60_000), 10).await.unwrap(), [HOLD]);

        store.write(release(vec![HOLD])).await.unwrap();
        store.write(failed).await.unwrap();
        assert_eq!(state(&store, &receipt).await, Some(HoldState::Releasing), "the second release is on its way");
        assert_eq!(sums(&store).await, (receipt.amount, receipt.amount));
    })
    .await;
}

#[tokio::test]
async fn what_was_paid_at_once_is_never_held_and_what_was_voided_is_not_earned() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let at_once = minted_receipt(&store, 1).await;
        store.write(book(&at_once, None)).await.unwrap();
        assert_eq!(
            (sums(&store).await, state(&store, &at_once).await),
            ((at_once.amount, Amount::ZERO), Some(HoldState::Paid))
        );

        let (good, bad) = (minted_receipt(&store, 2).await, minted_receipt(&store, 3).await);
        for receipt in [&good, &bad] {
            store.write(book(receipt, Some(DUE))).await.unwrap();
        }
        // Somebody else released it: no transaction of this hub.
        let end = HoldEnd::Emptied { voided: vec![bad.signed.receipt_hash] };
        store.write(CloseRelease { transaction: None, holds: vec![HOLD], end }).await.unwrap();
        assert_eq!(state(&store, &good).await, Some(HoldState::Released));
        assert_eq!(state(&store, &bad).await, Some(HoldState::Voided));
        let earned = at_once.amount.checked_add(good.amount).unwrap();
        assert_eq!(sums(&store).await, (earned, Amount::ZERO));
        assert_eq!(state(&store, &at_once).await, Some(HoldState::Paid));
    })
    .await;
}
