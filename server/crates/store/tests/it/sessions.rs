//! Sessions of wallets, and the keys that wallets make.

use shared::Address;
use shared::amount::Amount;
use shared::api::keys::ApiScope;
use shared::digest::Sha256Digest;
use shared::id::{ApiKeyId, SessionId};
use shared::time::UnixMillis;
use store::change::{CreateWalletKey, EndSession, EndSessions, OpenSession, Prune, RemoveWalletKey};
use store::record::{NewApiKey, SessionRecord};
use store::{Refusal, Store, StoreError};

use super::database::on_both;
use super::fixture::NOW;

const ME: Address = Address::repeat_byte(1);
const OTHER: Address = Address::repeat_byte(2);
const LIFE_MS: u64 = 1_000;

fn secret(number: u128) -> Sha256Digest {
    Sha256Digest::of(&number.to_be_bytes())
}

fn open(number: u128, address: Address) -> OpenSession {
    let created_at = NOW.plus_ms(u64::try_from(number).unwrap());
    let session = SessionRecord {
        id: SessionId::from_random(number),
        address,
        browser: "Firefox on Linux".into(),
        awaits_code: false,
        created_at,
        expires_at: created_at.plus_ms(LIFE_MS),
    };
    OpenSession { session, secret_sha256: secret(number), nonce: format!("nonce{number}"), most: 3 }
}

async fn open_ids(store: &Store, address: Address, now: UnixMillis) -> Vec<SessionId> {
    store.list_sessions(address, now).await.unwrap().into_iter().map(|session| session.id).collect()
}

fn ids(numbers: &[u128]) -> Vec<SessionId> {
    numbers.iter().copied().map(SessionId::from_random).collect()
}

#[tokio::test]
async fn a_nonce_counts_once_and_the_oldest_sessions_make_room() {
    on_both(async |database| {
        let store = database.open().await;
        for number in 1..=5 {
            store.write(open(number, ME)).await.unwrap();
        }
        store.write(open(6, OTHER)).await.unwrap();
        let now = NOW.plus_ms(10);
        assert_eq!(open_ids(&store, ME, now).await, ids(&[5, 4, 3]));
        assert_eq!(open_ids(&store, OTHER, now).await, ids(&[6]));
        assert_eq!(store.find_session(secret(1), now).await.unwrap(), None, "it made room");
        assert_eq!(store.find_session(secret(5), now).await.unwrap(), Some(open(5, ME).session));
        store.write(open(5, ME)).await.unwrap();
        let again = OpenSession { nonce: "nonce1".into(), ..open(7, ME) };
        let refused = store.write(again).await;
        assert!(matches!(refused, Err(StoreError::Refused(Refusal::NonceUsed))), "{refused:?}");
        assert_eq!(open_ids(&store, ME, now).await, ids(&[5, 4, 3]), "a refused session ended another one");
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_by_its_wallet_alone_or_by_time_and_its_nonce_stays_used() {
    on_both(async |database| {
        let store = database.open().await;
        for number in 1..=3 {
            store.write(open(number, ME)).await.unwrap();
        }
        let (now, id) = (NOW.plus_ms(10), SessionId::from_random(1));
        assert!(!store.write(EndSession { id, address: OTHER, at: now }).await.unwrap());
        assert!(store.write(EndSession { id, address: ME, at: now }).await.unwrap());
        assert!(!store.write(EndSession { id, address: ME, at: now }).await.unwrap(), "it is over");
        assert_eq!(store.find_session(secret(1), now).await.unwrap(), None);
        let replayed = OpenSession { nonce: "nonce1".into(), ..open(8, ME) };
        assert!(store.write(replayed).await.is_err(), "an ended session gave its nonce back");
        assert_eq!(store.write(EndSessions { address: OTHER, at: now }).await.unwrap(), 0);
        assert_eq!(store.write(EndSessions { address: ME, at: now }).await.unwrap(), 2);
        store.write(open(4, ME)).await.unwrap();
        let (last, over) = (NOW.plus_ms(4 + LIFE_MS - 1), NOW.plus_ms(4 + LIFE_MS));
        assert!(store.find_session(secret(4), last).await.unwrap().is_some());
        assert_eq!(store.find_session(secret(4), over).await.unwrap(), None);
        let none = UnixMillis(0);
        let prune = |sessions_before| Prune {
            answers_before: none,
            now_us: 0,
            uses_before_day: 0,
            sessions_before,
            messages_before: none,
            unconfirmed_before: none,
            networks_before: none,
            webhooks_before: none,
        };
        assert_eq!(store.write(prune(NOW)).await.unwrap(), 0);
        assert_eq!(store.write(prune(over.plus_ms(1))).await.unwrap(), 4);
    })
    .await;
}

fn wallet_key(number: u128, address: Address) -> CreateWalletKey {
    let key = NewApiKey {
        id: ApiKeyId::from_random(number),
        secret_sha256: secret(number),
        label: number.to_string(),
        scope: ApiScope::Client,
        address,
        images_per_minute: None,
        mint_per_day: Some(Amount::from_ait(1)),
        by_wallet: true,
        created_at: NOW.plus_ms(u64::try_from(number).unwrap()),
    };
    CreateWalletKey { key, most: 2, most_in_total: 3 }
}

#[tokio::test]
async fn a_wallet_has_few_keys_sees_its_own_and_revokes_its_own() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(wallet_key(1, ME)).await.unwrap();
        store.write(wallet_key(2, ME)).await.unwrap();
        let third = store.write(wallet_key(3, ME)).await;
        assert!(matches!(third, Err(StoreError::Refused(Refusal::TooManyKeys { most: 2 }))), "{third:?}");
        store.write(wallet_key(4, OTHER)).await.unwrap();
        let full = store.write(wallet_key(5, OTHER)).await;
        assert!(matches!(full, Err(StoreError::Refused(Refusal::TooManyKeysInTotal { most: 3 }))), "{full:?}");
        let labels = async |address| {
            let keys = store.list_wallet_keys(address).await.unwrap();
            keys.into_iter().map(|key| key.view.label).collect::<Vec<_>>()
        };
        assert_eq!(labels(ME).await, ["2", "1"]);
        let id = ApiKeyId::from_random(1);
        assert!(!store.write(RemoveWalletKey { id, address: OTHER, at: NOW }).await.unwrap());
        assert!(store.write(RemoveWalletKey { id, address: ME, at: NOW }).await.unwrap());
        assert_eq!(store.find_api_key(secret(1)).await.unwrap(), None);
        assert_eq!((labels(ME).await, labels(OTHER).await), (vec!["2".to_owned()], vec!["4".to_owned()]));
    })
    .await;
}
