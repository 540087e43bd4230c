//! Reviews: one for each receipt, by its client, counted in the miner's account as in the log, and hidden by operators.

use shared::amount::Amount;
use shared::api::admin::OperatorAction;
use shared::chain::ESCROW_ADDRESS;
use shared::commitment::Salt;
use shared::log::LogEntry;
use shared::log::entry::EntryKind;
use shared::log::ledger::Ledger;
use shared::review::{REVIEW_EDITABLE_MS, REVIEW_VERSIONS_MAX, ReviewRefusal, ReviewTally, Stars};
use shared::time::UnixMillis;
use shared::{Address, B256};
use store::change::{CompleteTask, CreateJob, HideReview, WriteReview};
use store::record::operators::OperatorAct;
use store::repository::Keyset;
use store::{Refusal, Store, StoreError};

use super::database::on_both;
use super::fixture::{MINER, NOW, complete, new_job};
use super::log::checked;
use super::settlement::arrival;

/// The client of the fixture's jobs.
const CLIENT: Address = Address::repeat_byte(1);
const ALL: Keyset = Keyset { before_seq: None, limit: 100 };

/// A job of an account, served under a receipt of this contract.
async fn serve(store: &Store, number: u128, paid: bool) -> B256 {
    let mut job = new_job(number);
    (job.job.sponsored, job.job.creator_sha256) = (false, None);
    store.write(job).await.unwrap();
    let completed = if paid { paid_from_escrow(complete(number)) } else { complete(number) };
    let hash = completed.receipt.signed.receipt_hash;
    store.write(completed).await.unwrap();
    hash
}

fn paid_from_escrow(mut completed: CompleteTask) -> CompleteTask {
    let signed = &mut completed.receipt.signed;
    signed.receipt.contract = ESCROW_ADDRESS;
    signed.receipt_hash = signed.receipt.hash().unwrap();
    completed
}

fn review(receipt_hash: B256, stars: u8, text: &str) -> WriteReview {
    WriteReview {
        receipt_hash,
        author: CLIENT,
        stars: Stars::try_from(stars).unwrap(),
        text: (!text.is_empty()).then(|| text.to_owned()),
        salt: Salt(B256::repeat_byte(stars)),
        at: NOW,
    }
}

fn hide(receipt_hash: B256, hidden: bool, number: u8) -> HideReview {
    let (operator, reason) = (Address::repeat_byte(0x0b), format!("reason {number}"));
    let act = OperatorAct { id: B256::repeat_byte(number), operator, at: NOW.plus_ms(5_000), reason };
    HideReview { receipt_hash, hidden, act }
}

async fn tally(store: &Store) -> ReviewTally {
    store.find_miner(MINER).await.unwrap().unwrap().reviews
}

/// Counts the log again.
async fn counted(store: &Store) -> (Ledger, Vec<LogEntry>) {
    let (mut ledger, entries) = (Ledger::default(), checked(store).await);
    entries.iter().try_for_each(|entry| ledger.count(entry)).unwrap();
    (ledger, entries)
}

async fn refusal(store: &Store, review: WriteReview) -> Refusal {
    match store.write(review).await {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("it was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_receipt_has_one_review_which_counts_in_the_account_as_in_the_log() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let (paid, minted) = (serve(&store, 1, true).await, serve(&store, 2, false).await);
        let (first, is_new) = store.write(review(paid, 5, "sharp")).await.unwrap();
        assert!(is_new);
        assert_eq!((first.view.author, first.view.miner), (CLIENT, MINER));
        let worth = paid_from_escrow(complete(1)).receipt.amount;
        assert_eq!((first.view.paid, first.view.edited_at_unix_ms), (worth, None));
        // A connection that breaks during `COMMIT` brings the same change again.
        let (again, is_new) = store.write(review(paid, 5, "sharp")).await.unwrap();
        assert_eq!((&again, is_new), (&first, false));
        let (unpaid, _) = store.write(review(minted, 1, "")).await.unwrap();
        assert_eq!((unpaid.view.paid, unpaid.view.text, unpaid.view.salt), (Amount::ZERO, None, None));
        assert_eq!(tally(&store).await.mean_per_mille(), Some(5_000), "unpaid work counts for nothing");

        let later = WriteReview { at: NOW.plus_ms(1_000), ..review(paid, 2, "it was upside down") };
        let (changed, is_new) = store.write(later).await.unwrap();
        assert!(!is_new);
        assert_eq!((changed.seq, changed.view.stars.get()), (first.seq, 2));
        assert_eq!(changed.view.edited_at_unix_ms, Some(NOW.plus_ms(1_000)));
        let counts = tally(&store).await;
        assert_eq!((counts.paid, counts.unpaid, counts.mean_per_mille()), (1, 1, Some(2_000)));

        let (ledger, entries) = counted(&store).await;
        assert_eq!(ledger.counts(MINER).reviews, counts);
        assert_eq!(ledger.entries_of(EntryKind::Review), 3, "what says nothing new is no entry");
        let last = ledger.review(paid).unwrap();
        assert_eq!(last.text, Some(changed.view.salt.unwrap().commit_review("it was upside down")));
        let told = serde_json::to_string(&entries).unwrap();
        assert!(!told.contains("upside down"), "the log has the text for ever");

        let listed = store.list_reviews(MINER, ALL).await.unwrap();
        assert_eq!(listed.iter().map(|row| row.view.receipt_hash).collect::<Vec<_>>(), [minted, paid]);
        let older = Keyset { before_seq: Some(listed[0].seq), limit: 1 };
        assert_eq!(store.list_reviews(MINER, older).await.unwrap(), std::slice::from_ref(&changed));
        assert!(store.list_reviews(CLIENT, ALL).await.unwrap().is_empty());
        assert_eq!(store.list_reviews_of_receipts(&[paid]).await.unwrap(), [changed]);
    })
    .await;
}

#[tokio::test]
async fn nobody_but_the_client_with_an_account_may_review_and_nothing_is_left_of_a_try() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let own = serve(&store, 1, true).await;
        let another = WriteReview { author: Address::repeat_byte(7), ..review(own, 1, "bad") };
        assert_eq!(refusal(&store, another).await, Refusal::Review(ReviewRefusal::OfAnother { client: CLIENT }));
        let of_miner = WriteReview { author: MINER, ..review(own, 5, "best") };
        assert_eq!(refusal(&store, of_miner).await, Refusal::Review(ReviewRefusal::OfAnother { client: CLIENT }));

        // A miner that asked itself.
        let self_dealing =
            CreateJob { job: store::record::NewJob { sponsored: false, ..new_job(2).job }, ..new_job(2) };
        store.write(self_dealing).await.unwrap();
        let mut completed = paid_from_escrow(complete(2));
        completed.receipt.signed.receipt.client = MINER;
        completed.receipt.signed.receipt_hash = completed.receipt.signed.receipt.hash().unwrap();
        let hash = completed.receipt.signed.receipt_hash;
        store.write(completed).await.unwrap();
        let of_itself = WriteReview { author: MINER, ..review(hash, 5, "best") };
        assert_eq!(refusal(&store, of_itself).await, Refusal::Review(ReviewRefusal::OwnWork));

        // A visitor's job, in the name of the hub.
        store.write(new_job(3)).await.unwrap();
        store.write(complete(3)).await.unwrap();
        let visitors = complete(3).receipt.signed.receipt_hash;
        assert_eq!(refusal(&store, review(visitors, 5, "")).await, Refusal::ReviewOfVisitorsJob);

        let elsewhere = database.open_as("other").await;
        assert_eq!(refusal(&elsewhere, review(own, 5, "")).await, Refusal::ReceiptOfAnotherHub);
        assert_eq!(tally(&store).await, ReviewTally::default());
        assert!(store.list_reviews(MINER, ALL).await.unwrap().is_empty());
        assert_eq!(counted(&store).await.0.entries_of(EntryKind::Review), 0);
    })
    .await;
}

#[tokio::test]
async fn a_review_is_changed_some_times_within_a_week_and_not_after() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let (one, other) = (serve(&store, 1, true).await, serve(&store, 2, true).await);
        let version = |number: u32| format!("version {number}");
        for number in 1..=REVIEW_VERSIONS_MAX {
            store.write(review(one, 3, &version(number))).await.unwrap();
        }
        let often = refusal(&store, review(one, 3, "once more")).await;
        assert_eq!(often, Refusal::ReviewChangedOften { most: REVIEW_VERSIONS_MAX });
        // What it says already is no change.
        store.write(review(one, 3, &version(REVIEW_VERSIONS_MAX))).await.unwrap();

        store.write(review(other, 5, "good")).await.unwrap();
        let at = |at: UnixMillis| WriteReview { at, ..review(other, 4, "good") };
        assert_eq!(refusal(&store, at(NOW.plus_ms(REVIEW_EDITABLE_MS + 1))).await, Refusal::ReviewFinal);
        store.write(at(NOW.plus_ms(REVIEW_EDITABLE_MS))).await.unwrap();
        assert_eq!(counted(&store).await.0.counts(MINER).reviews, tally(&store).await);
    })
    .await;
}

#[tokio::test]
async fn an_operator_hides_a_text_and_not_its_stars_and_shows_it_again() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let (one, silent) = (serve(&store, 1, true).await, serve(&store, 2, true).await);
        store.write(review(one, 1, "an insult")).await.unwrap();
        store.write(review(silent, 2, "")).await.unwrap();
        let before = tally(&store).await;
        assert_eq!(store.write(hide(B256::repeat_byte(9), true, 1)).await.unwrap(), None);
        let hidden = store.write(hide(one, true, 2)).await.unwrap().unwrap().view;
        assert_eq!((hidden.text, hidden.salt, hidden.hidden_reason.as_deref()), (None, None, Some("reason 2")));
        assert_eq!(
            store.write(hide(one, true, 2)).await.unwrap().unwrap().view.hidden_reason.as_deref(),
            Some("reason 2")
        );
        assert_eq!(tally(&store).await, before, "the stars count as before");
        for (change, expected) in [
            (hide(one, true, 3), Refusal::ReviewHidden),
            (hide(silent, true, 4), Refusal::ReviewWithoutText),
            (hide(silent, false, 5), Refusal::ReviewWithoutText),
        ] {
            let refused = store.write(change).await;
            assert!(matches!(refused, Err(StoreError::Refused(got)) if got == expected), "{refused:?}");
        }
        assert_eq!(refusal(&store, review(one, 1, "another insult")).await, Refusal::ReviewHidden);
        let elsewhere = database.open_as("other").await;
        let refused = elsewhere.write(hide(one, false, 6)).await;
        assert!(matches!(refused, Err(StoreError::Refused(Refusal::ReceiptOfAnotherHub))), "{refused:?}");

        let shown = store.write(hide(one, false, 7)).await.unwrap().unwrap().view;
        assert_eq!((shown.text.as_deref(), shown.hidden_reason), (Some("an insult"), None));
        let changes = store.list_operator_changes(ALL).await.unwrap();
        let told: Vec<_> = changes.iter().map(|(_, change)| (change.action, change.after.as_str())).collect();
        let expected = [
            (OperatorAction::ShowReview, "its text is shown"),
            (OperatorAction::HideReview, "its text is hidden: reason 2"),
        ];
        assert_eq!(told, expected);
        let (ledger, _) = counted(&store).await;
        assert_eq!((ledger.entries_of(EntryKind::Hiding), ledger.counts(MINER).reviews), (2, before));
    })
    .await;
}
