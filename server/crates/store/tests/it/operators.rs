//! What operators do is done once, recorded for ever and told in the log; what they look at is their own hub's.

use shared::amount::Amount;
use shared::api::admin::{AdminJobFilter, ClientClass, OperatorAction, PAUSED_MINERS_MAX};
use shared::api::keys::ApiScope;
use shared::digest::Sha256Digest;
use shared::id::{ApiKeyId, JobId};
use shared::job::lifecycle::JobState;
use shared::log::LogEntry;
use shared::log::entry::{EntryKind, FaultCause, LoggedPause};
use shared::log::ledger::Ledger;
use shared::time::{UnixMillis, UnixSeconds};
use shared::{Address, B256};
use store::change::{
    CountAttempt, CountFault, CreateApiKey, CreateWalletKey, DeclareAmnesty, ForgetMiners, LimitKey, PauseMiner,
    ResumeMiner, RevokeKey, UpsertMiner,
};
use store::record::NewApiKey;
use store::record::operators::OperatorAct;
use store::repository::Keyset;
use store::{Refusal, Store, StoreError};

use super::database::on_both;
use super::fixture::{MINER, NOW, complete, grant, new_job, task};
use super::settlement::{Written, arrival, completed, mint};

const OPERATOR: Address = Address::repeat_byte(0x0b);
const ALL: Keyset = Keyset { before_seq: None, limit: 100 };

fn act(number: u8) -> OperatorAct {
    let reason = format!("reason {number}");
    OperatorAct { id: B256::repeat_byte(number), operator: OPERATOR, at: NOW.plus_ms(number.into()), reason }
}

fn pause(number: u8) -> PauseMiner {
    PauseMiner { miner: MINER, act: act(number) }
}

async fn changes(store: &Store) -> Vec<(OperatorAction, String, String, String)> {
    let rows = store.list_operator_changes(ALL).await.unwrap();
    rows.into_iter().map(|(_, change)| (change.action, change.subject, change.before, change.after)).collect()
}

#[tokio::test]
async fn a_pause_is_stored_once_recorded_for_ever_and_told_in_the_log() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        store.write(pause(1)).await.unwrap();
        store.write(pause(1)).await.unwrap();
        let again = store.write(pause(2)).await.unwrap_err();
        assert!(matches!(again, StoreError::Refused(Refusal::MinerPaused)), "{again}");
        let paused = store.list_paused_miners().await.unwrap();
        assert_eq!((paused.len(), paused[0].0, paused[0].1.reason.as_str()), (1, MINER, "reason 1"));
        let other = database.open_as("other").await;
        assert!(other.list_paused_miners().await.unwrap().is_empty(), "it is another hub's");
        assert!(changes(&other).await.is_empty());
        drop(store);

        let store = database.open().await;
        assert_eq!(store.list_paused_miners().await.unwrap(), paused, "a restart keeps it");
        let resume = |number| ResumeMiner { miner: MINER, act: act(number) };
        store.write(resume(3)).await.unwrap();
        store.write(resume(3)).await.unwrap();
        let again = store.write(resume(4)).await.unwrap_err();
        assert!(matches!(again, StoreError::Refused(Refusal::MinerNotPaused)), "{again}");
        let (paused, works) = ("paused: reason 1".to_owned(), "gets work".to_owned());
        let expected = [
            (OperatorAction::ResumeMiner, MINER.to_string(), paused.clone(), works.clone()),
            (OperatorAction::PauseMiner, MINER.to_string(), works, paused),
        ];
        assert_eq!(changes(&store).await, expected);
        let newest = store.list_operator_changes(Keyset { before_seq: None, limit: 1 }).await.unwrap();
        let (seq, change) = &newest[0];
        assert_eq!(
            (change.operator, change.at_unix_ms, change.reason.as_str()),
            (OPERATOR, NOW.plus_ms(3), "reason 3")
        );
        let older = store.list_operator_changes(Keyset { before_seq: Some(*seq), limit: 9 }).await.unwrap();
        assert_eq!(older.len(), 1);

        let told: Vec<LogEntry> =
            store.list_log(0, 100).await.unwrap().iter().map(|record| record.entry().unwrap()).collect();
        let entry = |number: u8, paused| {
            let (reason, at) = (act(number).reason, act(number).at.seconds());
            LogEntry::Pause(LoggedPause { miner: MINER, paused, reason, at })
        };
        assert_eq!(told, [entry(1, true), entry(3, false)], "what was refused is not told");
        let found = store.find_logged(EntryKind::Pause, &MINER.to_string()).await.unwrap();
        assert!(found.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_paused_miner_is_not_forgotten_and_pauses_have_a_limit() {
    on_both(async |database| {
        let store = database.open().await;
        let address = |number: u16| Address::left_padding_from(&number.to_be_bytes());
        for number in 1..=2 {
            store.write(UpsertMiner { address: address(number), ..arrival() }).await.unwrap();
        }
        let pause = |number: u16| {
            let id = B256::left_padding_from(&number.to_be_bytes());
            PauseMiner { miner: address(number), act: OperatorAct { id, ..act(1) } }
        };
        store.write(pause(1)).await.unwrap();
        let forget = ForgetMiners { seen_before: UnixMillis(u64::MAX >> 1), unserved_max: 0 };
        assert_eq!(store.write(forget).await.unwrap(), 1);
        assert!(store.is_known_miner(address(1)).await.unwrap() && !store.is_known_miner(address(2)).await.unwrap());
        let limit = u16::try_from(PAUSED_MINERS_MAX).unwrap();
        let mut answers = Vec::new();
        for number in 2..=limit {
            answers.push(store.enqueue(pause(number)).await.unwrap());
        }
        for answer in answers {
            answer.await.unwrap().unwrap();
        }
        let refused = store.write(pause(limit + 1)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(Refusal::TooManyPaused { .. })), "{refused}");
    })
    .await;
}

fn key(number: u8, by_wallet: bool) -> NewApiKey {
    NewApiKey {
        id: ApiKeyId::from_random(number.into()),
        secret_sha256: Sha256Digest::of(&[number]),
        label: "a program".into(),
        scope: ApiScope::Client,
        address: Address::repeat_byte(number),
        images_per_minute: Some(3),
        mint_per_day: None,
        by_wallet,
        created_at: NOW,
    }
}

#[tokio::test]
async fn keys_are_found_by_their_owner_and_revoked() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(CreateApiKey(key(0xab, false))).await.unwrap();
        store.write(CreateApiKey(key(0xac, false))).await.unwrap();
        let own = CreateWalletKey { key: key(0xa1, true), most: 9, most_in_total: 9 };
        store.write(own).await.unwrap();
        let owners = async |prefix: &str| -> Vec<Address> {
            let keys = store.list_keys_by_owner(prefix, None, 9).await.unwrap();
            keys.into_iter().map(|key| key.view.address).collect()
        };
        assert_eq!(owners("").await, [0xa1, 0xab, 0xac].map(Address::repeat_byte));
        assert_eq!(owners("0xa").await.len(), 3);
        assert_eq!(owners("0xab").await, [Address::repeat_byte(0xab)]);
        assert!(owners("0xb").await.is_empty());
        let after = store.list_keys_by_owner("", Some(key(0xa1, true).id), 1).await.unwrap();
        assert_eq!(after[0].view.id, key(0xab, false).id);

        let revoke = |number: u8| RevokeKey { id: ApiKeyId::from_random(number.into()), act: act(number) };
        assert!(store.write(revoke(0xab)).await.unwrap() && store.write(revoke(0xab)).await.unwrap());
        assert!(store.write(revoke(0xa1)).await.unwrap());
        assert!(!store.write(revoke(0x77)).await.unwrap(), "there is none");
        let again = RevokeKey { id: key(0xab, false).id, act: act(0x55) };
        assert!(!store.write(again).await.unwrap(), "it is revoked already");
        let found = async |number: u8| store.find_api_key(Sha256Digest::of(&[number])).await.unwrap();
        assert_eq!(found(0xab).await.unwrap().view.revoked_at_unix_ms, Some(act(0xab).at));
        assert!(found(0xa1).await.is_none(), "a wallet's key takes no place any more");
        assert_eq!(found(0xac).await.unwrap().view.revoked_at_unix_ms, None);
        let subjects: Vec<String> = changes(&store).await.into_iter().map(|(_, subject, ..)| subject).collect();
        assert_eq!(subjects, [0xa1, 0xab].map(|number: u8| key(number, false).id.to_string()));
        assert_eq!(store.log_frontier().await.unwrap().size(), 0, "keys are private");
    })
    .await;
}

#[tokio::test]
async fn limits_of_a_key_are_changed_and_those_of_a_wallets_key_are_the_wallets() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(CreateApiKey(key(0xab, false))).await.unwrap();
        store.write(CreateWalletKey { key: key(0xa1, true), most: 9, most_in_total: 9 }).await.unwrap();
        let limit = |number: u8, mint_per_day, act| LimitKey {
            id: key(number, false).id,
            images_per_minute: None,
            mint_per_day,
            act,
        };
        let two = Some(Amount::from_ait(2));
        assert!(store.write(limit(0xab, two, act(1))).await.unwrap());
        assert!(store.write(limit(0xab, two, act(1))).await.unwrap());
        let found = store.find_api_key(Sha256Digest::of(&[0xab])).await.unwrap().unwrap();
        assert_eq!((found.images_per_minute, found.mint_per_day), (None, two));
        let (before, after) =
            ("pictures a minute: 3, mints a day: the server's", "pictures a minute: the server's, mints a day: 2 AIT");
        let recorded = (OperatorAction::LimitKey, key(0xab, false).id.to_string(), before.to_owned(), after.to_owned());
        assert_eq!(changes(&store).await, [recorded]);
        let refused = store.write(limit(0xa1, two, act(2))).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(Refusal::KeyOfWallet)), "{refused}");
        assert!(!store.write(limit(0x77, two, act(3))).await.unwrap(), "there is none");
        let revoke = RevokeKey { id: key(0xab, false).id, act: act(4) };
        assert!(store.write(revoke).await.unwrap());
        assert!(!store.write(limit(0xab, None, act(5))).await.unwrap(), "it is revoked");
    })
    .await;
}

#[tokio::test]
async fn jobs_transactions_and_audits_are_those_of_this_hub() {
    on_both(async |database| {
        let (store, other) = (database.open().await, database.open_as("other").await);
        store.write(arrival()).await.unwrap();
        for number in 1..=3 {
            store.write(new_job(number)).await.unwrap();
        }
        let mut of_account = new_job(4);
        of_account.job.sponsored = false;
        store.write(of_account).await.unwrap();
        other.write(new_job(5)).await.unwrap();
        store.write(grant(2)).await.unwrap();
        store.write(complete(3)).await.unwrap();
        let listed = async |filter: AdminJobFilter| -> Vec<JobId> {
            store.list_jobs_for_operator(&filter, ALL).await.unwrap().into_iter().map(|job| job.id).collect()
        };
        let ids = |numbers: &[u128]| numbers.iter().map(|number| JobId::from_random(*number)).collect::<Vec<_>>();
        let any = AdminJobFilter::default;
        assert_eq!(listed(any()).await, ids(&[4, 3, 2, 1]));
        assert_eq!(listed(AdminJobFilter { class: Some(ClientClass::Account), ..any() }).await, ids(&[4]));
        assert_eq!(listed(AdminJobFilter { class: Some(ClientClass::Visitor), ..any() }).await, ids(&[3, 2, 1]));
        assert!(listed(AdminJobFilter { class: Some(ClientClass::Paying), ..any() }).await.is_empty());
        assert_eq!(listed(AdminJobFilter { miner: Some(MINER), ..any() }).await, ids(&[3, 2]));
        assert_eq!(listed(AdminJobFilter { state: Some(JobState::Running), ..any() }).await, ids(&[2]));
        assert_eq!(listed(AdminJobFilter { id: Some(JobId::from_random(1)), ..any() }).await, ids(&[1]));
        assert!(listed(AdminJobFilter { id: Some(JobId::from_random(5)), ..any() }).await.is_empty());
        assert!(listed(AdminJobFilter { client: Some(OPERATOR), ..any() }).await.is_empty());

        let queue = store.queue_states().await.unwrap();
        let counts: Vec<_> = queue.iter().map(|of| (of.state, of.jobs, of.oldest_unix_ms)).collect();
        let (queued, running) = ((JobState::Queued, 2, Some(NOW)), (JobState::Running, 1, Some(NOW)));
        assert_eq!(counts, [queued, running, (JobState::Verifying, 0, None)]);

        let receipt = completed(&store, 6).await;
        let queued = store.write(mint(vec![receipt.signed.receipt_hash], 4, Written)).await.unwrap();
        store.write(CountAttempt { outbox_id: queued.id, error: Some("the pool is full".into()) }).await.unwrap();
        let outbox = store.waiting_transactions().await.unwrap();
        let shown = &outbox.transactions[0];
        assert_eq!((outbox.waiting, shown.purpose.as_str(), shown.attempts), (1, "mint", 1));
        assert_eq!(shown.last_error.as_deref(), Some("the pool is full"));
        store.write(CountAttempt { outbox_id: queued.id, error: None }).await.unwrap();
        assert_eq!(store.waiting_transactions().await.unwrap().transactions[0].last_error, None);
        assert_eq!(other.waiting_transactions().await.unwrap().waiting, 0);
        let audits = store.waiting_audits().await.unwrap();
        assert_eq!((audits.open, audits.disputed, audits.oldest_unix_ms), (0, 0, None));
        assert!(store.database_health().await.unwrap().size_bytes > 0);
    })
    .await;
}

#[tokio::test]
async fn an_amnesty_strikes_the_faults_of_its_span_once_and_the_log_says_the_same() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        for seconds in [10, 11, 12] {
            let (task, at) = (task(1), UnixSeconds(seconds).millis());
            store.write(CountFault { miner: MINER, task, cause: FaultCause::Lease, at }).await.unwrap();
        }
        let declare =
            |number, from, to| DeclareAmnesty { from: UnixSeconds(from), to: UnixSeconds(to), act: act(number) };
        let struck = store.write(declare(1, 11, 12)).await.unwrap();
        assert_eq!(struck.into_iter().collect::<Vec<_>>(), [(MINER, 2)]);
        for again in [declare(1, 11, 12), declare(2, 11, 12)] {
            assert!(store.write(again).await.unwrap().is_empty(), "nothing is struck twice");
        }
        assert_eq!(store.find_miner(MINER).await.unwrap().unwrap().faults, 1);
        let mut ledger = Ledger::default();
        for record in store.list_log(0, 100).await.unwrap() {
            ledger.count(&record.entry().unwrap()).unwrap();
        }
        assert_eq!((ledger.counts(MINER).faults, ledger.entries_of(EntryKind::Amnesty)), (1, 2));
        let subject = "11 to 12".to_owned();
        let told = "2 faults of 1 miners do not count".to_owned();
        let first = (OperatorAction::DeclareAmnesty, subject, "they count".to_owned(), told);
        assert_eq!(changes(&store).await[1], first);
    })
    .await;
}
