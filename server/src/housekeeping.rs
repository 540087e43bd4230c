//! What is forgotten by time while the server runs: first answers of idempotency keys, full rate buckets, the quotas of
//! past days, sessions that are over, second factors that were never confirmed, and the files of old results.

use std::time::{Duration, SystemTime};

use shared::Address;
use shared::digest::Sha256Digest;
use shared::time::{MS_PER_DAY, UnixMillis};
use store::artifacts::{SHARDS, YOUNG};
use store::change::{ForgetArtifacts, ForgetMiners, Prune, SeeMiners};
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::Keeping;
use crate::hub::HubHandle;
use crate::sign_in::second_factor::{ENROLMENT_MS, NETWORK_KEPT_MS};

/// How often expired rows are looked for; the first time at the start.
const EVERY: Duration = Duration::from_secs(600);

/// Quotas of days before stay as long as a job of them may still be open, and a little longer for operators.
const USES_KEPT_DAYS: u64 = 7;

/// Messages of webhooks stay so long, whatever became of them.
const MESSAGES_KEPT_MS: u64 = 30 * MS_PER_DAY;

/// A webhook of a wallet goes that has asked for no job for so long.
const WEBHOOKS_UNUSED_MS: u64 = 60 * MS_PER_DAY;

/// How often old files are looked for, and one of the artifact folder's [`SHARDS`] for files that no job names.
const FILES_EVERY: Duration = Duration::from_secs(60);

/// A miner that never served a job is forgotten so long after it was seen.
const UNSERVED_KEPT_MS: u64 = MS_PER_DAY;

/// Miners that never served a job; beyond it those seen the longest ago are forgotten. Each takes up to
/// [`CAPABILITY_MAX_BYTES`](shared::capability_bounds::CAPABILITY_MAX_BYTES) of the disk.
const UNSERVED_MAX: u64 = 4_000;

/// Runs until the server stops.
pub(crate) async fn run(store: Store, hub: HubHandle, keeping: Keeping, stop: CancellationToken) {
    let (mut rows, mut files) = (tokio::time::interval(EVERY), tokio::time::interval(FILES_EVERY));
    let mut shards = (0..SHARDS).cycle();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = rows.tick() => {
                match forget_expired(&store, clock::now()).await {
                    Ok(rows) => tracing::debug!(rows, "expired rows are gone"),
                    Err(error) => tracing::warn!(%error, "expired rows stay until the next time"),
                }
                let connected = hub.board().miners().map(|(address, _)| address).collect();
                if let Err(error) = forget_miners(&store, connected, clock::now()).await {
                    tracing::warn!(%error, "miners without a job stay until the next time");
                }
            }
            _ = files.tick() => {
                if let Err(error) = remove_old_files(&store, keeping, clock::now()).await {
                    tracing::warn!(%error, "old files stay until the next time");
                }
                if let Err(error) = remove_unnamed_files(&store, shards.next().unwrap_or(0)).await {
                    tracing::warn!(%error, "files of no job stay until the next time");
                }
            }
        }
    }
}

/// How many rows are gone.
pub(crate) async fn forget_expired(store: &Store, now: UnixMillis) -> Result<u64, StoreError> {
    let prune = Prune {
        answers_before: UnixMillis(now.0.saturating_sub(hub::idempotency::KEPT_MS)),
        now_us: hub::rate_limit::micros(now),
        uses_before_day: hub::quota::day(now).saturating_sub(USES_KEPT_DAYS),
        sessions_before: now,
        messages_before: UnixMillis(now.0.saturating_sub(MESSAGES_KEPT_MS)),
        webhooks_before: UnixMillis(now.0.saturating_sub(WEBHOOKS_UNUSED_MS)),
        unconfirmed_before: UnixMillis(now.0.saturating_sub(ENROLMENT_MS)),
        networks_before: UnixMillis(now.0.saturating_sub(NETWORK_KEPT_MS)),
    };
    store.write(prune).await
}

/// Forgets miners that never served a job, unless they are connected or have just left.
async fn forget_miners(store: &Store, connected: Vec<Address>, now: UnixMillis) -> Result<(), StoreError> {
    store.write(SeeMiners { addresses: connected, at: now }).await?;
    let seen_before = UnixMillis(now.0.saturating_sub(UNSERVED_KEPT_MS));
    let forget = ForgetMiners { seen_before, unserved_max: UNSERVED_MAX };
    while store.write(forget.clone()).await? > 0 {}
    Ok(())
}

/// Forgets files that are too old or too many, and removes them. How many jobs have lost theirs.
async fn remove_old_files(store: &Store, keeping: Keeping, now: UnixMillis) -> Result<usize, StoreError> {
    let before = |kept: Duration| UnixMillis(now.0.saturating_sub(u64::try_from(kept.as_millis()).unwrap_or(u64::MAX)));
    let forget = ForgetArtifacts {
        at: now,
        sponsored_before: before(keeping.sponsored),
        keyed_before: before(keeping.keyed),
        bytes_max: keeping.bytes_max,
    };
    let mut jobs = 0;
    loop {
        let forgotten = store.write(forget.clone()).await?;
        if forgotten.jobs == 0 {
            break;
        }
        jobs += forgotten.jobs;
        remove_files(store, forgotten.files.into_iter().collect()).await?;
    }
    if jobs > 0 {
        tracing::info!(jobs, "the files of old jobs are removed");
    }
    Ok(jobs)
}

/// Removes files of one shard that no job names: those of results that were never stored, and those that a crash kept
/// from being removed.
async fn remove_unnamed_files(store: &Store, shard: usize) -> Result<(), StoreError> {
    let folder = store.artifacts();
    let listed = tokio::task::spawn_blocking(move || folder.list(shard, old_enough())).await;
    let files = listed.unwrap_or(Err(StoreError::Stopped))?;
    let kept = store.list_kept_files(&files).await?;
    remove_files(store, files.into_iter().filter(|file| !kept.contains(file)).collect()).await
}

async fn remove_files(store: &Store, files: Vec<Sha256Digest>) -> Result<(), StoreError> {
    let folder = store.artifacts();
    let remove = move || files.into_iter().try_for_each(|file| folder.remove(file, old_enough()).map(drop));
    tokio::task::spawn_blocking(remove).await.unwrap_or(Err(StoreError::Stopped))
}

/// Files that were stored after this stay: the row that names them may still be on its way.
fn old_enough() -> SystemTime {
    SystemTime::now().checked_sub(YOUNG).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use shared::id::JobId;
    use shared::job::request::CreateJob as Request;
    use shared::job::task::TaskRole;
    use store::StoreOptions;
    use store::change::CreateJob;
    use store::record::{IdempotencyRecord, NewJob};

    use super::*;

    /// Far more than a deletion takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    async fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            database: store::DatabaseUrl::SqliteFile(folder.path().join("hub.sqlite")),
            artifacts: folder.path().join("artifacts"),
            hub_id: "test-hub".into(),
            max_pages: None,
        };
        let store = Store::open(&options).await.unwrap();
        (folder, store)
    }

    fn answered(number: u128, created_at: UnixMillis) -> CreateJob {
        let request = serde_json::json!({"kind": "image", "input": {"prompt": "a lake"}});
        let job = serde_json::from_value::<Request>(request)
            .unwrap()
            .validate(
                shared::job::request::Drawn { seed: 1, salt: shared::commitment::Salt(shared::B256::ZERO) },
                Some("scenes".to_owned()),
            )
            .unwrap();
        let id = JobId::from_random(number);
        let job = NewJob {
            id,
            client: Address::repeat_byte(1),
            sponsored: true,
            creator_sha256: None,
            job,
            tasks: vec![TaskRole::Serve],
            created_at,
            deadline: created_at.plus_ms(1),
            unaudited: None,
        };
        let first = IdempotencyRecord {
            caller: "caller".into(),
            key: number.to_string(),
            body_sha256: Sha256Digest::of(b""),
            job_id: id,
            answer: "{}".into(),
            created_at,
        };
        CreateJob { job, daily: None, asked_from: None, idempotency: Some(first), payment: None, bid: None }
    }

    #[tokio::test]
    async fn old_first_answers_go_while_the_server_runs() {
        let (_folder, store) = store().await;
        let now = clock::now();
        let old = UnixMillis(now.0 - hub::idempotency::KEPT_MS - 1);
        store.write(answered(1, old)).await.unwrap();
        store.write(answered(2, now)).await.unwrap();
        let stop = CancellationToken::new();
        let identity = ::hub::board::HubIdentity {
            hub_id: "test-hub".into(),
            chain_id: 1,
            minter: shared::chain::MINTER_ADDRESS,
            escrow: shared::chain::ESCROW_ADDRESS,
            attester: shared::Address::ZERO,
        };
        let metrics = std::sync::Arc::new(crate::metrics::Metrics::new());
        let key = shared::signing::PrivateKey::from_bytes(&[7; 32]).unwrap();
        let (hub, _actor) = crate::hub::start(
            store.clone(),
            identity,
            ::hub::pinned::PinnedModels::default(),
            metrics,
            ::hub::audit::Draws { audits: ::hub::audit::Draw::Never, controls: ::hub::audit::Draw::Never },
            crate::hub::HubSeal { key, chain_id: 1 },
            stop.clone(),
        )
        .await
        .unwrap();
        let gone = async { while store.find_first_answer("caller", "1").await.unwrap().is_some() {} };
        tokio::select! {
            () = run(store.clone(), hub, Keeping::default(), stop.clone()) => panic!("nothing stopped it"),
            () = async { tokio::time::timeout(PATIENCE, gone).await.unwrap() } => {}
        }
        stop.cancel();
        assert!(store.find_first_answer("caller", "2").await.unwrap().is_some(), "it still holds");
    }

    /// A file in the folder, as old as 1970.
    fn old_file(folder: &std::path::Path, store: &Store, bytes: &[u8]) -> Sha256Digest {
        let digest = store.artifacts().put(bytes).unwrap();
        let text = digest.to_string();
        let path = folder.join("artifacts").join(&text[..2]).join(&text[2..]);
        std::fs::File::options().write(true).open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        digest
    }

    #[tokio::test]
    async fn files_that_no_job_names_go_unless_they_are_young() {
        let (folder, store) = store().await;
        let (old, young) = (old_file(folder.path(), &store, b"old"), store.artifacts().put(b"young").unwrap());
        for shard in 0..SHARDS {
            remove_unnamed_files(&store, shard).await.unwrap();
        }
        assert!(store.artifacts().get(old).unwrap().is_none());
        assert!(store.artifacts().get(young).unwrap().is_some(), "the row that names it may be on its way");
    }
}
