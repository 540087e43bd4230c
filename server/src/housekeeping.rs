//! What is forgotten by time while the server runs: first answers of idempotency keys, and full rate buckets.

use std::time::Duration;

use shared::time::UnixMillis;
use store::change::Prune;
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::clock;

/// How often expired rows are looked for; the first time at the start.
const EVERY: Duration = Duration::from_secs(600);

/// Runs until the server stops.
pub(crate) async fn run(store: Store, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match forget_expired(&store, clock::now()).await {
            Ok(rows) => tracing::debug!(rows, "expired rows are gone"),
            Err(error) => tracing::warn!(%error, "expired rows stay until the next time"),
        }
    }
}

/// How many rows are gone.
pub(crate) async fn forget_expired(store: &Store, now: UnixMillis) -> Result<u64, StoreError> {
    let prune = Prune {
        answers_before: UnixMillis(now.0.saturating_sub(hub::idempotency::KEPT_MS)),
        now_us: hub::rate_limit::micros(now),
    };
    store.write(prune).await
}

#[cfg(test)]
mod tests {
    use shared::Address;
    use shared::digest::Sha256Digest;
    use shared::id::JobId;
    use shared::job::request::CreateJob as Request;
    use shared::job::task::TaskRole;
    use store::StoreOptions;
    use store::change::CreateJob;
    use store::record::{IdempotencyRecord, NewJob};

    use super::*;

    /// Far more than a deletion takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn answered(number: u128, created_at: UnixMillis) -> CreateJob {
        let request = serde_json::json!({"kind": "image", "input": {"prompt": "a lake"}});
        let job = serde_json::from_value::<Request>(request).unwrap().validate(1, Some("scenes".to_owned())).unwrap();
        let id = JobId::from_random(number);
        let job = NewJob {
            id,
            client: Address::repeat_byte(1),
            sponsored: true,
            job,
            tasks: vec![TaskRole::Serve],
            created_at,
            deadline: created_at.plus_ms(1),
        };
        let first = IdempotencyRecord {
            caller: "caller".into(),
            key: number.to_string(),
            body_sha256: Sha256Digest::of(b""),
            job_id: id,
            answer: "{}".into(),
            created_at,
        };
        CreateJob { job, sponsored: None, idempotency: Some(first) }
    }

    #[tokio::test]
    async fn old_first_answers_go_while_the_server_runs() {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            database: store::DatabaseUrl::SqliteFile(folder.path().join("hub.sqlite")),
            artifacts: folder.path().join("artifacts"),
            hub_id: "test-hub".into(),
            max_pages: None,
        };
        let store = Store::open(&options).await.unwrap();
        let now = clock::now();
        let old = UnixMillis(now.0 - hub::idempotency::KEPT_MS - 1);
        store.write(answered(1, old)).await.unwrap();
        store.write(answered(2, now)).await.unwrap();
        let gone = async { while store.find_first_answer("caller", "1").await.unwrap().is_some() {} };
        tokio::select! {
            () = run(store.clone(), CancellationToken::new()) => panic!("nothing stopped it"),
            () = async { tokio::time::timeout(PATIENCE, gone).await.unwrap() } => {}
        }
        assert!(store.find_first_answer("caller", "2").await.unwrap().is_some(), "it still holds");
    }
}
