//! Each kind of thing that did not move on is listed once it has waited, and not before.

use shared::id::JobId;
use shared::time::{UnixMillis, UnixSeconds};
use shared::{Address, B256};
use store::Store;
use store::change::{BookHolds, BookedHold, RecordMinted};

use super::database::on_both;
use super::fixture::{MINER, NOW, grant, new_job};
use super::settlement::{Written, completed, mint, minted};

const LATER: UnixMillis = UnixMillis(NOW.0 + 10_000_000);

async fn counts(store: &Store, before: UnixMillis) -> [usize; 6] {
    [
        store.list_overdue_jobs(before, 9).await.unwrap().len(),
        store.list_overdue_leases(before, 9).await.unwrap().len(),
        store.list_resting_payments(before, 9).await.unwrap().len(),
        store.list_unpaid_receipts(before, 9).await.unwrap().len(),
        store.list_overdue_holds(before, 9).await.unwrap().len(),
        store.list_unplaced_transactions(before, 9).await.unwrap().len(),
    ]
}

#[tokio::test]
async fn a_job_and_its_lease_are_listed_while_they_wait() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(new_job(1)).await.unwrap();
        store.write(grant(1)).await.unwrap();
        assert_eq!(counts(&store, NOW).await, [0; 6], "nothing is late yet");
        assert_eq!(counts(&store, LATER).await, [1, 1, 0, 0, 0, 0]);
        let jobs = store.list_overdue_jobs(LATER, 9).await.unwrap();
        assert_eq!(jobs, [(JobId::from_random(1), NOW.plus_ms(900_000))]);
        assert_eq!(store.list_overdue_leases(LATER, 9).await.unwrap(), [(JobId::from_random(1), NOW.plus_ms(1_000))]);
        store.write(super::fixture::complete(1)).await.unwrap();
        assert_eq!(counts(&store, LATER).await, [0, 0, 0, 1, 0, 0], "only its receipt waits now");
    })
    .await;
}

#[tokio::test]
async fn a_receipt_its_transaction_and_its_hold_are_listed_one_after_the_other() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(super::settlement::arrival()).await.unwrap();
        let receipt = completed(&store, 1).await;
        assert_eq!(counts(&store, NOW).await, [0; 6]);
        let hash = receipt.signed.receipt_hash;
        let sent = store.write(mint(vec![hash], 0, Written)).await.unwrap();
        assert_eq!(counts(&store, LATER).await, [0, 0, 0, 1, 0, 1], "signed, and in no block");
        assert_eq!(store.list_unplaced_transactions(LATER, 9).await.unwrap(), [(sent.transaction_hash, NOW)]);
        let minted = vec![minted(&receipt, sent.transaction_hash, 1)];
        store.write(RecordMinted { outbox_id: sent.id, block_number: 1, minted }).await.unwrap();
        assert_eq!(counts(&store, LATER).await, [0, 0, 0, 0, 1, 0], "nobody has looked up whether it is held");
        let due = UnixSeconds(NOW.0 / 1_000 + 100);
        let booked = vec![BookedHold { receipt_hash: hash, provider: MINER, amount: receipt.amount, due: Some(due) }];
        store.write(BookHolds { booked }).await.unwrap();
        assert_eq!(counts(&store, due.millis()).await, [0; 6], "not due yet");
        assert_eq!(store.list_overdue_holds(LATER, 9).await.unwrap(), [(hash, due.millis())]);
    })
    .await;
}

#[tokio::test]
async fn what_waits_is_bounded() {
    on_both(async |database| {
        let store = database.open().await;
        for number in 1..=3 {
            store.write(new_job(number)).await.unwrap();
        }
        assert_eq!(store.list_overdue_jobs(LATER, 2).await.unwrap().len(), 2);
        assert!(
            store.list_payments_with_ends(&[JobId::from_random(1)]).await.unwrap().is_empty(),
            "nobody pays for it"
        );
    })
    .await;
}

#[tokio::test]
async fn the_beginning_of_a_name_finds_public_jobs_and_receipts() {
    on_both(async |database| {
        let store = database.open().await;
        let receipt = completed(&store, 1).await;
        let mut private = new_job(2);
        private.job.sponsored = false;
        store.write(private).await.unwrap();
        let (id, hash) = (JobId::from_random(1).to_string(), receipt.signed.receipt_hash.to_string());
        for length in [4, 10, id.len()] {
            let jobs = store.list_public_jobs_by_prefix(&id[..length], 9).await.unwrap();
            let ids: Vec<_> = jobs.into_iter().map(|job| job.id.to_string()).collect();
            assert_eq!(ids, [id.as_str()], "{length}");
        }
        let other = JobId::from_random(2).to_string();
        assert!(store.list_public_jobs_by_prefix(&other, 9).await.unwrap().is_empty(), "a private one is not told");
        assert_eq!(store.list_receipts_by_prefix(&hash[..6], 9).await.unwrap(), [receipt.signed.receipt_hash]);
        assert!(store.list_receipts_by_prefix("0xzz", 9).await.unwrap().is_empty());
        let all = (Address::ZERO, Address::repeat_byte(0xff));
        assert!(store.list_accounts_between(all.0, all.1, 9).await.unwrap().is_empty(), "the index is empty");
        assert_ne!(receipt.signed.receipt_hash, B256::ZERO);
    })
    .await;
}
