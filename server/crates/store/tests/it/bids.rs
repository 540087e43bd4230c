//! Bids: filled once, also where two hubs race for one, and gone with what they asked for.

use shared::Address;
use shared::amount::Amount;
use shared::api::bids::{BidState, BidView, CreateBid as Asked};
use shared::digest::Sha256Digest;
use shared::id::{ApiKeyId, BidId, JobId};
use shared::job::JobKind;
use shared::job::request::PaymentMode;
use shared::time::UnixMillis;
use store::change::{CancelBid, CreateBid, CreateJob, ExpireBids, FilledBid, PostponeBid, RevokeApiKey};
use store::record::IdempotencyRecord;
use store::record::bids::BidRecord;
use store::{Refusal, Store, StoreError};

use super::database::on_both;
use super::fixture::{NOW, new_job, valid_job};

/// The client of the fixture's jobs.
const ME: Address = Address::repeat_byte(1);
const OTHER: Address = Address::repeat_byte(2);

fn id(number: u128) -> BidId {
    BidId::from_random(number)
}

fn asked() -> Asked {
    let body = serde_json::json!({
        "job": {"kind": "image", "model": "scenes", "input": {"prompt": "a secret lake"}},
        "max_unit_price": "7", "expires_at": NOW.seconds().0 + 60,
    });
    serde_json::from_value(body).unwrap()
}

fn bid(number: u128, client: Address, price: u128) -> CreateBid {
    let job = valid_job();
    let view = BidView {
        id: id(number),
        job_id: JobId::from_random(number),
        state: BidState::Open,
        kind: JobKind::Image,
        model: job.model.clone(),
        unit_type: job.work.unit_type(),
        units: job.work.units(),
        max_unit_price: Amount::from_atto(price),
        payment_mode: PaymentMode::Mint,
        refusal: None,
        created_at_unix_ms: NOW.plus_ms(u64::try_from(number).unwrap()),
        expires_at_unix_ms: NOW.plus_ms(60_000),
        ended_at_unix_ms: None,
    };
    let network = Some("10.0.0.1".to_owned());
    let bid = BidRecord { view, client, made_with: None, network, has_filters: false, asked: Some(asked()) };
    let (idempotency, site_prefix) = (None, None);
    let [most, most_of_network, most_of_site, most_free, most_in_total] = [2, 3, 3, 100, 4];
    CreateBid { bid, idempotency, site_prefix, most, most_of_network, most_of_site, most_free, most_in_total }
}

/// The job that a bid of this number becomes.
fn fills(number: u128) -> CreateJob {
    CreateJob { bid: Some(FilledBid { id: id(number) }), ..new_job(number) }
}

/// Leaves a bid for which there is room.
async fn keep(store: &Store, bid: CreateBid) {
    assert_eq!(store.write(bid).await.unwrap(), None);
}

async fn state(store: &Store, number: u128) -> BidState {
    store.find_bid(id(number)).await.unwrap().unwrap().view.state
}

async fn waiting(store: &Store) -> Vec<BidId> {
    store.list_waiting_bids(NOW).await.unwrap().into_iter().map(|bid| bid.id).collect()
}

#[tokio::test]
async fn a_bid_is_filled_with_its_job_or_not_at_all() {
    on_both(async |database| {
        let store = database.open().await;
        keep(&store, bid(1, ME, 7)).await;
        keep(&store, bid(1, ME, 7)).await;
        assert_eq!(store.find_bid(id(1)).await.unwrap().unwrap(), bid(1, ME, 7).bid);
        let seq = store.write(fills(1)).await.unwrap();
        assert_eq!(store.write(fills(1)).await.unwrap(), seq, "the same change again");
        let filled = store.find_bid(id(1)).await.unwrap().unwrap();
        assert_eq!((filled.view.state, filled.view.ended_at_unix_ms), (BidState::Filled, Some(NOW)));
        assert_eq!((filled.asked, filled.network), (None, None), "the prompt is the job's alone");
        assert!(waiting(&store).await.is_empty() && store.list_booked_bids(NOW).await.unwrap().is_empty());

        // What its client took back stays so, and no job is stored.
        keep(&store, bid(2, ME, 7)).await;
        let cancel = |client| CancelBid { id: id(2), client, refusal: None, at: NOW };
        assert!(!store.write(cancel(OTHER)).await.unwrap(), "another's");
        assert!(store.write(cancel(ME)).await.unwrap());
        assert!(!store.write(cancel(ME)).await.unwrap());
        let late = store.write(fills(2)).await;
        assert!(matches!(late, Err(StoreError::Refused(Refusal::BidOver { .. }))), "{late:?}");
        assert!(store.find_job(JobId::from_random(2)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn the_highest_price_comes_first_then_the_earliest() {
    on_both(async |database| {
        let store = database.open().await;
        // As texts the prices would stand the other way.
        for (number, client, price) in [(1, ME, 9), (2, ME, 10), (3, OTHER, 10)] {
            keep(&store, bid(number, client, price)).await;
        }
        assert_eq!(waiting(&store).await, [id(2), id(3), id(1)]);
        let not_before = NOW.plus_ms(1);
        store.write(PostponeBid { id: id(3), refusal: Some("no deposit".into()), not_before }).await.unwrap();
        assert_eq!(waiting(&store).await, [id(2), id(1)]);
        assert_eq!(store.list_waiting_bids(not_before).await.unwrap().len(), 3);
        let booked = store.list_booked_bids(NOW).await.unwrap();
        assert_eq!(booked.len(), 2, "what was refused is in no book");
        store.write(PostponeBid { id: id(3), refusal: None, not_before }).await.unwrap();
        assert_eq!(store.list_booked_bids(NOW).await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_client_a_network_and_all_together_have_so_many_open_bids() {
    on_both(async |database| {
        let store = database.open().await;
        keep(&store, bid(1, ME, 1)).await;
        keep(&store, bid(2, ME, 1)).await;
        let third = store.write(bid(3, ME, 1)).await;
        assert!(matches!(third, Ok(Some(Refusal::TooManyBids { most: 2 }))), "{third:?}");
        keep(&store, bid(4, OTHER, 1)).await;
        let of_network = store.write(bid(5, OTHER, 1)).await;
        assert!(matches!(of_network, Ok(Some(Refusal::TooManyBidsOfNetwork { most: 3 }))), "{of_network:?}");
        let elsewhere = |number| {
            let mut create = bid(number, Address::repeat_byte(u8::try_from(number).unwrap()), 1);
            create.bid.network = None;
            create
        };
        keep(&store, elsewhere(6)).await;
        let fifth = store.write(elsewhere(7)).await;
        assert!(matches!(fifth, Ok(Some(Refusal::TooManyBidsInTotal { most: 4 }))), "{fifth:?}");
        store.write(fills(1)).await.unwrap();
        keep(&store, elsewhere(7)).await;
    })
    .await;
}

#[tokio::test]
async fn a_bid_ends_by_time_and_with_its_key() {
    on_both(async |database| {
        let store = database.open().await;
        let key = ApiKeyId::from_random(9);
        let mut with_key = bid(1, ME, 1);
        with_key.bid.made_with = Some(key);
        keep(&store, with_key).await;
        keep(&store, bid(2, ME, 1)).await;
        store.write(RevokeApiKey { id: key, at: NOW }).await.unwrap();
        let of_key = store.find_bid(id(1)).await.unwrap().unwrap().view;
        assert!(of_key.state == BidState::Canceled && of_key.refusal.is_some_and(|why| why.contains("revoked")));

        let end = NOW.plus_ms(60_000);
        let expire = |at, forget_before| ExpireBids { at, forget_before };
        assert_eq!(store.write(expire(end, UnixMillis(0))).await.unwrap(), 0, "its last moment counts");
        assert_eq!(store.write(expire(end.plus_ms(1), UnixMillis(0))).await.unwrap(), 1);
        assert_eq!(state(&store, 2).await, BidState::Expired);
        assert!(store.list_bids(ME).await.unwrap().len() == 2 && store.list_bids(OTHER).await.unwrap().is_empty());
        store.write(expire(end.plus_ms(2), end)).await.unwrap();
        let kept: Vec<BidId> = store.list_bids(ME).await.unwrap().into_iter().map(|bid| bid.id).collect();
        assert_eq!(kept, [id(2)], "what ended long ago is forgotten");
    })
    .await;
}

/// Two hubs over one database see the same bid, and an offer fits it at both.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hubs_that_race_for_a_bid_one_has_its_job() {
    on_both(async |database| {
        let (first, second) = tokio::join!(database.open_as("first"), database.open_as("second"));
        for number in 1..=20 {
            let mut create = bid(number, ME, 1);
            (create.most, create.most_of_network, create.most_in_total) = (100, 100, 100);
            keep(&first, create).await;
        }
        assert_eq!(waiting(&second).await.len(), 20, "what is minted is any hub's");
        for number in 1..=20 {
            // Each hub draws a salt of its own, as it does for every job.
            let mut others = fills(number);
            others.job.job.salt = shared::commitment::Salt(shared::B256::repeat_byte(0x74));
            let (one, other) = tokio::join!(first.write(fills(number)), second.write(others));
            assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
            let lost = one.err().or(other.err()).unwrap();
            assert!(
                matches!(lost, StoreError::Duplicate(_) | StoreError::Refused(Refusal::BidOver { .. })),
                "{lost:?}"
            );
        }
        let jobs = [first.list_open_jobs().await.unwrap(), second.list_open_jobs().await.unwrap()].concat();
        assert_eq!(jobs.len(), 20);
    })
    .await;
}

#[tokio::test]
async fn a_bid_whose_first_answer_is_kept_already_is_not_stored() {
    on_both(async |database| {
        let store = database.open().await;
        let with_key = |number| {
            let first = IdempotencyRecord {
                caller: "key_1".into(),
                key: "abc".into(),
                body_sha256: Sha256Digest::of(b"{}"),
                job_id: JobId::from_random(number),
                answer: "{}".into(),
                created_at: NOW,
            };
            CreateBid { idempotency: Some(first), ..bid(number, ME, 1) }
        };
        keep(&store, with_key(1)).await;
        // As after a connection that broke during `COMMIT`.
        keep(&store, with_key(1)).await;
        assert_eq!(store.find_first_answer("key_1", "abc").await.unwrap(), with_key(1).idempotency);
        let again = store.write(with_key(2)).await;
        assert!(matches!(again, Err(StoreError::Duplicate(_))), "{again:?}");
        assert_eq!(store.find_bid(id(2)).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn bids_that_cost_nothing_leave_room_for_others_and_a_site_has_its_share() {
    on_both(async |database| {
        let store = database.open().await;
        let from = |number: u128, network: &str| {
            let mut create = bid(number, Address::repeat_byte(u8::try_from(number).unwrap()), 1);
            create.bid.network = Some(network.to_owned());
            create.site_prefix = network.rfind(':').map(|_| "2001:db8:1:".to_owned());
            (create.most_of_site, create.most_free, create.most_in_total) = (2, 3, 5);
            create
        };
        keep(&store, from(1, "2001:db8:1:1::/64")).await;
        keep(&store, from(2, "2001:db8:1:2::/64")).await;
        let of_site = store.write(from(3, "2001:db8:1:3::/64")).await;
        assert!(matches!(of_site, Ok(Some(Refusal::TooManyBidsOfSite { most: 2 }))), "{of_site:?}");
        keep(&store, from(4, "10.0.0.4")).await;
        let free = store.write(from(5, "10.0.0.5")).await;
        assert!(matches!(free, Ok(Some(Refusal::TooManyFreeBids { most: 3 }))), "{free:?}");
        let mut with_key = from(6, "10.0.0.6");
        with_key.bid.network = None;
        keep(&store, with_key).await;
        let mut paid = from(7, "10.0.0.7");
        paid.bid.view.payment_mode = PaymentMode::Escrow;
        keep(&store, paid).await;
    })
    .await;
}

#[tokio::test]
async fn a_bid_that_its_client_pays_is_the_hubs_that_its_order_names() {
    on_both(async |database| {
        let (first, second) = (database.open_as("first").await, database.open_as("second").await);
        let mut paid = bid(1, ME, 1);
        paid.bid.view.payment_mode = PaymentMode::Escrow;
        keep(&first, paid).await;
        assert_eq!(waiting(&first).await, [id(1)]);
        assert!(waiting(&second).await.is_empty());
        assert_eq!(second.list_booked_bids(NOW).await.unwrap().len(), 1, "the book is of all hubs");
    })
    .await;
}
