//! Second factors: who is asked for a code, and that each code counts once.

use shared::Address;
use shared::digest::Sha256Digest;
use shared::id::SessionId;
use shared::time::UnixMillis;
use store::change::{
    BeginSecondFactor, ConfirmSecondFactor, CountCodeTry, GiveCode, OpenSession, Prune, RemoveSecondFactor,
    ResetSecondFactor,
};
use store::record::{CodeTries, SessionRecord, UsedCode};
use store::{Refusal, Store, StoreError};

use super::database::on_both;
use super::fixture::NOW;

const ME: Address = Address::repeat_byte(1);
const OTHER: Address = Address::repeat_byte(2);
const MOST: usize = 3;

fn digest(number: u128) -> Sha256Digest {
    Sha256Digest::of(&number.to_be_bytes())
}

/// Whether the new session awaits a code.
async fn sign_in(store: &Store, number: u128, address: Address) -> bool {
    let created_at = NOW.plus_ms(u64::try_from(number).unwrap());
    let session = SessionRecord {
        id: SessionId::from_random(number),
        address,
        browser: "node".into(),
        awaits_code: false,
        created_at,
        expires_at: created_at.plus_ms(60_000),
    };
    let open = OpenSession { session, secret_sha256: digest(number), nonce: format!("nonce{number}"), most: MOST };
    store.write(open).await.unwrap()
}

fn begin(address: Address) -> BeginSecondFactor {
    BeginSecondFactor { address, sealed_secret: "sealed".into(), at: NOW, most_in_total: 2 }
}

fn confirm(address: Address, session: u128) -> ConfirmSecondFactor {
    ConfirmSecondFactor {
        address,
        begun_at: NOW,
        step: 10,
        recovery: vec![digest(100), digest(101)],
        session: SessionId::from_random(session),
        at: NOW.plus_ms(1),
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
        store.write(begin(OTHER)).await.unwrap();
        let third = store.write(begin(Address::repeat_byte(3))).await;
        assert_eq!(refusal(third), Refusal::TooManySecondFactors { most: 2 });
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
        assert_eq!(refusal(store.write(give(3, UsedCode::Step(11))).await), Refusal::CodeUsed);
        let unknown = UsedCode::Recovery(digest(999));
        assert_eq!(refusal(store.write(give(3, unknown)).await), Refusal::CodeUsed);
        store.write(give(3, UsedCode::Recovery(digest(100)))).await.unwrap();
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
        let early = RemoveSecondFactor { address: ME, used: UsedCode::Step(20), at: NOW };
        assert_eq!(refusal(store.write(early).await), Refusal::CodeUsed, "it was never confirmed");
        store.write(confirm(ME, 1)).await.unwrap();
        sign_in(&store, 2, ME).await;
        let used = RemoveSecondFactor { address: ME, used: UsedCode::Step(10), at: NOW.plus_ms(50) };
        assert_eq!(refusal(store.write(used).await), Refusal::CodeUsed);
        store.write(RemoveSecondFactor { used: UsedCode::Recovery(digest(101)), ..used }).await.unwrap();
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
            messages_before: UnixMillis(0),
        };
        assert_eq!(store.write(prune(NOW)).await.unwrap(), 0);
        assert_eq!(store.write(prune(NOW.plus_ms(1))).await.unwrap(), 1);
        assert_eq!(store.find_second_factor(OTHER).await.unwrap(), None);
        assert!(store.second_factor_view(ME).await.unwrap().is_on(), "a confirmed one is forgotten");
    })
    .await;
}
