//! Second factors: who is asked for a code, and that each code counts once.

use std::sync::Arc;

use async_trait::async_trait;
use shared::Address;
use shared::digest::Sha256Digest;
use shared::id::SessionId;
use shared::time::UnixMillis;
use store::change::{
    BeginSecondFactor, Change, ConfirmSecondFactor, CountCodeTry, GiveCode, OpenSession, Prune, RemoveSecondFactor,
    ResetSecondFactor, SecondFactorLimits, SetUpFrom, Transaction,
};
use store::record::{CodeTries, SessionRecord, UsedCode};
use store::{Refusal, Store, StoreError};
use tokio::sync::Notify;

use super::database::on_both;
use super::fixture::NOW;

const ME: Address = Address::repeat_byte(1);
const OTHER: Address = Address::repeat_byte(2);
const MOST: usize = 3;
const LIMITS: SecondFactorLimits = SecondFactorLimits {
    waiting_per_network: 2,
    waiting: 4,
    confirmed_per_network: 2,
    confirmed_per_site: 3,
    confirmed_lately: 5,
    confirmed: 3,
};

fn digest(number: u128) -> Sha256Digest {
    Sha256Digest::of(&number.to_be_bytes())
}

fn from(network: &str) -> SetUpFrom {
    SetUpFrom { network: network.to_owned(), site_prefix: None, since: UnixMillis(0), limits: LIMITS }
}

fn opening(number: u128, address: Address) -> OpenSession {
    let created_at = NOW.plus_ms(u64::try_from(number).unwrap());
    let session = SessionRecord {
        id: SessionId::from_random(number),
        address,
        browser: "node".into(),
        awaits_code: false,
        created_at,
        expires_at: created_at.plus_ms(60_000),
    };
    OpenSession { session, secret_sha256: digest(number), nonce: format!("nonce{number}"), most: MOST }
}

/// Whether the new session awaits a code.
async fn sign_in(store: &Store, number: u128, address: Address) -> bool {
    store.write(opening(number, address)).await.unwrap()
}

fn begin(address: Address) -> BeginSecondFactor {
    let (sealed_secret, over_before) = ("sealed".to_owned(), UnixMillis(0));
    BeginSecondFactor { address, sealed_secret, at: NOW, over_before, from: from("network") }
}

fn confirm(address: Address, session: u128) -> ConfirmSecondFactor {
    ConfirmSecondFactor {
        address,
        begun_at: NOW,
        step: 10,
        recovery: vec![digest(100), digest(101)],
        session: SessionId::from_random(session),
        at: NOW.plus_ms(1),
        from: from("network"),
    }
}

fn give(session: u128, used: UsedCode) -> GiveCode {
    GiveCode { address: ME, used, session: SessionId::from_random(session), at: NOW.plus_ms(100), most: MOST }
}

async fn open_sessions(store: &Store, numbers: &[u128]) -> Vec<Option<bool>> {
    let mut found = Vec::new();
    for number in numbers {
        let session = store.find_session(digest(*number), NOW.plus_ms(200)).await.unwrap();
        found.push(session.map(|session| session.awaits_code));
    }
    found
}

fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Refusal {
    match result {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_second_factor_counts_from_its_first_code_on_and_ends_what_began_without_one() {
    on_both(async |database| {
        let store = database.open().await;
        assert!(!sign_in(&store, 1, ME).await);
        store.write(begin(ME)).await.unwrap();
        assert!(!sign_in(&store, 2, ME).await, "a secret without its first code asks for codes");
        assert!(!sign_in(&store, 3, OTHER).await);
        let stale = ConfirmSecondFactor { begun_at: NOW.plus_ms(5), ..confirm(ME, 2) };
        assert_eq!(refusal(store.write(stale).await), Refusal::NoSecondFactorBegun);
        store.write(confirm(ME, 2)).await.unwrap();
        store.write(confirm(ME, 2)).await.unwrap();
        let another = ConfirmSecondFactor { recovery: vec![digest(200)], ..confirm(ME, 2) };
        assert_eq!(refusal(store.write(another).await), Refusal::NoSecondFactorBegun);
        assert_eq!(open_sessions(&store, &[1, 2, 3]).await, [None, Some(false), Some(false)]);
        assert!(sign_in(&store, 4, ME).await);
        assert!(!sign_in(&store, 5, OTHER).await, "another account is asked");
        assert_eq!(refusal(store.write(begin(ME)).await), Refusal::SecondFactorOn);
        let view = store.second_factor_view(ME).await.unwrap();
        assert_eq!((view.confirmed_at_unix_ms, view.recovery_codes_left), (Some(NOW.plus_ms(1)), 2));
        assert!(!store.second_factor_view(OTHER).await.unwrap().is_on());
    })
    .await;
}

#[tokio::test]
async fn each_code_counts_once_and_what_is_refused_uses_none_up() {
    on_both(async |database| {
        let store = database.open().await;
        sign_in(&store, 1, ME).await;
        store.write(begin(ME)).await.unwrap();
        store.write(confirm(ME, 1)).await.unwrap();
        for number in 2..=4 {
            assert!(sign_in(&store, number, ME).await);
        }
        for step in [9, 10] {
            assert_eq!(refusal(store.write(give(2, UsedCode::Step(step))).await), Refusal::CodeUsed, "{step}");
        }
        assert_eq!(refusal(store.write(give(1, UsedCode::Step(11))).await), Refusal::NoCodeAwaited, "it is whole");
        let of_other = GiveCode { address: OTHER, ..give(2, UsedCode::Step(11)) };
        assert_eq!(refusal(store.write(of_other).await), Refusal::CodeUsed);
        store.write(give(2, UsedCode::Step(11))).await.unwrap();
        store.write(give(2, UsedCode::Step(11))).await.expect("an answer that was lost is given again");
        assert_eq!(refusal(store.write(give(3, UsedCode::Step(11))).await), Refusal::CodeUsed);
        let unknown = UsedCode::Recovery(digest(999));
        assert_eq!(refusal(store.write(give(3, unknown)).await), Refusal::CodeUsed);
        for _ in 0..2 {
            store.write(give(3, UsedCode::Recovery(digest(100)))).await.unwrap();
        }
        assert_eq!(refusal(store.write(give(4, UsedCode::Recovery(digest(100)))).await), Refusal::CodeUsed);
        assert_eq!(store.second_factor_view(ME).await.unwrap().recovery_codes_left, 1);
        assert_eq!(open_sessions(&store, &[1, 2, 3, 4]).await, [Some(false), Some(false), Some(false), Some(true)]);
        let listed = store.list_sessions(ME, NOW.plus_ms(100)).await.unwrap();
        assert_eq!(listed.len(), 3, "one that awaits a code is listed");
        store.write(give(4, UsedCode::Step(12))).await.unwrap();
        assert_eq!(open_sessions(&store, &[1, 4]).await, [None, Some(false)], "the oldest makes room");
    })
    .await;
}

#[tokio::test]
async fn sign_ins_without_a_code_end_no_session_of_the_owner() {
    on_both(async |database| {
        let store = database.open().await;
        sign_in(&store, 1, ME).await;
        store.write(begin(ME)).await.unwrap();
        store.write(confirm(ME, 1)).await.unwrap();
        for number in 2..=6 {
            assert!(sign_in(&store, number, ME).await);
        }
        let found = open_sessions(&store, &[1, 2, 3, 4, 5, 6]).await;
        assert_eq!(found, [Some(false), None, None, Some(true), Some(true), Some(true)]);
    })
    .await;
}

#[tokio::test]
async fn tries_are_counted_one_after_the_other_and_a_right_code_forgets_them() {
    on_both(async |database| {
        let store = database.open().await;
        sign_in(&store, 1, ME).await;
        store.write(begin(ME)).await.unwrap();
        store.write(confirm(ME, 1)).await.unwrap();
        sign_in(&store, 2, ME).await;
        let tries = async || store.find_second_factor(ME).await.unwrap().unwrap().tries;
        let (before, after) = (tries().await, CodeTries { wrong: 3, blocked_until: NOW.plus_ms(9) });
        let count = CountCodeTry { address: ME, before, after };
        assert!(store.write(count).await.unwrap());
        assert!(!store.write(count).await.unwrap(), "two tries at once count as one");
        assert!(!store.write(CountCodeTry { address: OTHER, ..count }).await.unwrap());
        assert_eq!(tries().await, after);
        store.write(give(2, UsedCode::Step(11))).await.unwrap();
        assert_eq!(tries().await, CodeTries::default());
    })
    .await;
}

#[tokio::test]
async fn a_code_turns_it_off_once_and_the_operator_without_one() {
    on_both(async |database| {
        let store = database.open().await;
        sign_in(&store, 1, ME).await;
        store.write(begin(ME)).await.unwrap();
        let session = SessionId::from_random(1);
        let early = RemoveSecondFactor { address: ME, used: UsedCode::Step(20), session, at: NOW };
        assert_eq!(refusal(store.write(early).await), Refusal::CodeUsed, "it was never confirmed");
        store.write(confirm(ME, 1)).await.unwrap();
        sign_in(&store, 2, ME).await;
        let used = RemoveSecondFactor { used: UsedCode::Step(10), at: NOW.plus_ms(50), ..early };
        assert_eq!(refusal(store.write(used).await), Refusal::CodeUsed, "the code that the session gave turns it off");
        assert!(store.second_factor_view(ME).await.unwrap().is_on());
        let remove = RemoveSecondFactor { used: UsedCode::Recovery(digest(101)), ..used };
        store.write(remove).await.unwrap();
        store.write(remove).await.expect("an answer that was lost is given again");
        let of_another = RemoveSecondFactor { session: SessionId::from_random(2), ..remove };
        assert_eq!(refusal(store.write(of_another).await), Refusal::CodeUsed);
        assert_eq!(store.find_second_factor(ME).await.unwrap(), None);
        assert_eq!(open_sessions(&store, &[1, 2]).await, [Some(false), None], "nothing will complete the other one");
        assert!(!sign_in(&store, 3, ME).await);

        store.write(begin(ME)).await.unwrap();
        assert!(store.find_second_factor(ME).await.unwrap().unwrap().recovery.is_empty(), "old codes came back");
        store.write(confirm(ME, 3)).await.unwrap();
        let reset = ResetSecondFactor { address: ME, at: NOW.plus_ms(60) };
        assert!(store.write(reset).await.unwrap());
        assert!(!store.write(reset).await.unwrap());
        assert_eq!(open_sessions(&store, &[1, 3]).await, [None, None]);
        assert!(!sign_in(&store, 4, ME).await);
    })
    .await;
}

#[tokio::test]
async fn a_secret_whose_first_code_never_came_is_forgotten() {
    on_both(async |database| {
        let store = database.open().await;
        sign_in(&store, 1, ME).await;
        store.write(begin(ME)).await.unwrap();
        store.write(confirm(ME, 1)).await.unwrap();
        store.write(begin(OTHER)).await.unwrap();
        let none = UnixMillis(0);
        let prune = |unconfirmed_before| Prune {
            answers_before: none,
            now_us: 0,
            uses_before_day: 0,
            sessions_before: none,
            unconfirmed_before,
            networks_before: none,
            webhooks_before: none,
            messages_before: UnixMillis(0),
        };
        assert_eq!(store.write(prune(NOW)).await.unwrap(), 0);
        assert_eq!(store.write(prune(NOW.plus_ms(1))).await.unwrap(), 1);
        assert_eq!(store.find_second_factor(OTHER).await.unwrap(), None);
        assert!(store.second_factor_view(ME).await.unwrap().is_on(), "a confirmed one is forgotten");
    })
    .await;
}

/// A change whose transaction stays open until it is let go.
struct Held<C> {
    change: C,
    applied: Arc<Notify>,
    released: Arc<Notify>,
}

#[async_trait]
impl<C: Change> Change for Held<C> {
    type Output = C::Output;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<C::Output, StoreError> {
        let output = self.change.apply(transaction).await?;
        self.applied.notify_one();
        self.released.notified().await;
        Ok(output)
    }
}

/// One hub stores a sign-in while another one stores the confirmation. On SQLite one of the two waits for the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_meets_the_confirmation_of_another_hub_awaits_a_code() {
    on_both(async |database| {
        let (first, second) = (database.open_as("first").await, database.open_as("second").await);
        for (offset, account, begins_before) in [(0, ME, true), (10, OTHER, false)] {
            sign_in(&second, offset + 1, account).await;
            let confirm = ConfirmSecondFactor { recovery: vec![digest(100 + offset)], ..confirm(account, offset + 1) };
            if begins_before {
                second.write(begin(account)).await.unwrap();
            }
            if database.url.is_shared() {
                let (applied, released) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
                let change = opening(offset + 2, account);
                let held = Held { change, applied: Arc::clone(&applied), released: Arc::clone(&released) };
                let opened = first.enqueue(held).await.unwrap();
                applied.notified().await;
                if !begins_before {
                    second.write(begin(account)).await.unwrap();
                }
                second.write(confirm).await.unwrap();
                released.notify_one();
                assert!(!opened.await.unwrap().unwrap(), "it began before the confirmation");
            } else {
                second.write(begin(account)).await.unwrap();
                let opened = first.enqueue(opening(offset + 2, account)).await.unwrap();
                second.write(confirm).await.unwrap();
                opened.await.unwrap().unwrap();
            }
            let found = open_sessions(&first, &[offset + 1, offset + 2]).await;
            assert_eq!(found[0], Some(false), "the session that confirmed is whole");
            assert_ne!(found[1], Some(false), "a session does without a code");
            if database.url.is_shared() {
                assert_eq!(found[1], Some(true), "a code completes it");
            }
            assert_eq!(first.list_sessions(account, NOW.plus_ms(100)).await.unwrap().len(), 1);
        }
        if database.url.is_shared() {
            first.write(give(2, UsedCode::Step(11))).await.unwrap();
            assert_eq!(open_sessions(&second, &[2]).await, [Some(false)]);
        }
    })
    .await;
}

/// Accounts cost nothing: who makes many takes the room of no other network address.
#[tokio::test]
async fn nobody_takes_the_room_of_other_network_addresses() {
    on_both(async |database| {
        let store = database.open().await;
        let account = |number: u8| Address::repeat_byte(0x10 + number);
        let begin = |number: u8, network: &str| BeginSecondFactor {
            at: NOW.plus_ms(u64::from(number)),
            from: from(network),
            ..begin(account(number))
        };
        let waiting = async |numbers: &[u8]| {
            let mut waiting = Vec::new();
            for number in numbers {
                waiting.push(store.find_second_factor(account(*number)).await.unwrap().is_some());
            }
            waiting
        };
        store.write(begin(0, "mine")).await.unwrap();
        for number in 1..=3 {
            store.write(begin(number, "theirs")).await.unwrap();
            store.write(begin(number, "theirs")).await.unwrap();
        }
        assert_eq!(
            waiting(&[0, 1, 2, 3]).await,
            [true, false, true, true],
            "the oldest of the same network makes room"
        );
        store.write(begin(4, "third")).await.unwrap();
        store.write(begin(5, "fourth")).await.unwrap();
        assert_eq!(waiting(&[0, 2, 3, 4, 5]).await, [false, true, true, true, true], "of all, the oldest makes room");
        let late = BeginSecondFactor { over_before: NOW.plus_ms(5), ..begin(6, "third") };
        store.write(late).await.unwrap();
        assert_eq!(waiting(&[2, 3, 4, 5, 6]).await, [false, false, false, true, true], "what is over waits no more");

        let confirm = |number: u8, network: &str, at| ConfirmSecondFactor {
            begun_at: NOW.plus_ms(u64::from(number)),
            at,
            recovery: vec![digest(u128::from(number))],
            from: SetUpFrom { since: UnixMillis(at.0 - 50), ..from(network) },
            ..confirm(account(number), 1)
        };
        let now = NOW.plus_ms(100);
        for number in 7..=8 {
            store.write(begin(number, "theirs")).await.unwrap();
            store.write(confirm(number, "theirs", now)).await.unwrap();
            store.write(confirm(number, "theirs", now)).await.unwrap();
        }
        let refused = Refusal::TooManySecondFactorsOfNetwork { most: 2 };
        assert_eq!(refusal(store.write(confirm(5, "theirs", now)).await), refused);
        assert!(!store.second_factor_view(account(5)).await.unwrap().is_on());
        let later = NOW.plus_ms(151);
        store.write(confirm(5, "theirs", later)).await.expect("a day is over");
        let full = BeginSecondFactor { from: from("mine"), ..begin(9, "mine") };
        assert_eq!(refusal(store.write(full).await), Refusal::TooManySecondFactors { most: 3 });
        assert_eq!(waiting(&[9]).await, [false]);

        let none = UnixMillis(0);
        let prune = Prune {
            answers_before: none,
            now_us: 0,
            uses_before_day: 0,
            sessions_before: none,
            unconfirmed_before: none,
            messages_before: none,
            webhooks_before: none,
            networks_before: later,
        };
        store.write(prune).await.unwrap();
        let soon = ConfirmSecondFactor { from: from("theirs"), ..confirm(6, "theirs", later) };
        assert_eq!(
            refusal(store.write(soon).await),
            Refusal::TooManySecondFactors { most: 3 },
            "networks were forgotten"
        );
    })
    .await;
}

/// An IPv6 site has 65 536 networks, each of which is an address of its own.
#[tokio::test]
async fn a_site_of_many_networks_and_a_day_of_all_have_bounds_of_their_own() {
    on_both(async |database| {
        let store = database.open().await;
        let limits = SecondFactorLimits { waiting: 100, confirmed: 100, ..LIMITS };
        let set_up = async |number: u8, network: &str, after_ms: u64| {
            let (address, at) = (Address::repeat_byte(number), NOW.plus_ms(after_ms));
            let site_prefix = network.rfind(':').map(|end| network[..=end].to_owned());
            let since = UnixMillis(at.0 - 50);
            let from = SetUpFrom { network: network.to_owned(), site_prefix, since, limits };
            store.write(BeginSecondFactor { at, from: from.clone(), ..begin(address) }).await?;
            let recovery = vec![digest(u128::from(number))];
            store.write(ConfirmSecondFactor { begun_at: at, at, recovery, from, ..confirm(address, 1) }).await
        };
        for number in 1..=3 {
            set_up(number, &format!("2001:db8:1:{number}"), 100).await.unwrap();
        }
        let of_site = Refusal::TooManySecondFactorsOfSite { most: 3 };
        assert_eq!(refusal(set_up(4, "2001:db8:1:4", 100).await), of_site);
        set_up(5, "2001:db8:10:1", 100).await.expect("another site, whose name begins alike");
        set_up(6, "10.0.0.1", 100).await.unwrap();
        let of_all = Refusal::TooManySecondFactorsLately { most: 5 };
        assert_eq!(refusal(set_up(7, "10.0.0.2", 100).await), of_all);
        assert!(!store.second_factor_view(Address::repeat_byte(7)).await.unwrap().is_on());
        set_up(7, "2001:db8:1:1", 151).await.expect("the time is over");
    })
    .await;
}
