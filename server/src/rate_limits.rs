//! How often callers may ask for jobs. One process counts in its memory; hubs that share a database count there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hub::rate_limit::{Limit, TokenBucket, micros};
use shared::time::UnixMillis;
use store::change::TakeCall;
use store::{DatabaseUrl, Store, StoreError};

use crate::error::ApiError;

/// Buckets in memory; full ones are dropped when there are more.
const BUCKETS_MAX: usize = 10_000;

const SECOND_US: u64 = 1_000_000;

/// A token bucket for each caller.
#[async_trait]
pub trait RateLimits: Send + Sync {
    /// Takes one call. Where there is none left: in how many microseconds there is one.
    async fn take(&self, caller: &str, limit: Limit, now: UnixMillis) -> Result<Option<u64>, StoreError>;
}

/// The form that fits the database.
pub fn for_database(database: &DatabaseUrl, store: &Store) -> Arc<dyn RateLimits> {
    if database.is_shared() { Arc::new(InDatabase(store.clone())) } else { Arc::new(InMemory::default()) }
}

/// Takes one call, or refuses the request.
pub async fn check(limits: &dyn RateLimits, caller: &str, limit: Limit, now: UnixMillis) -> Result<(), ApiError> {
    match limits.take(caller, limit, now).await? {
        None => Ok(()),
        Some(wait_us) => Err(ApiError::TooManyRequests {
            detail: format!("new jobs are limited to {} per minute", limit.calls_per_minute),
            retry_after_seconds: wait_us.div_ceil(SECOND_US),
        }),
    }
}

/// For one process: a restart fills every bucket.
#[derive(Debug, Default)]
struct InMemory(Mutex<HashMap<String, TokenBucket>>);

#[async_trait]
impl RateLimits for InMemory {
    async fn take(&self, caller: &str, limit: Limit, now: UnixMillis) -> Result<Option<u64>, StoreError> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_, bucket| !bucket.is_full(now));
        }
        Ok(buckets.entry(caller.to_owned()).or_default().take(limit, now).err())
    }
}

/// For hubs that share a database: the same buckets in its rows.
struct InDatabase(Store);

#[async_trait]
impl RateLimits for InDatabase {
    async fn take(&self, caller: &str, limit: Limit, now: UnixMillis) -> Result<Option<u64>, StoreError> {
        let take = TakeCall {
            caller: caller.to_owned(),
            call_us: limit.call_us(),
            bucket_us: limit.bucket_us(),
            now_us: micros(now),
        };
        self.0.write(take).await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use store::StoreOptions;

    use super::*;

    async fn both() -> (tempfile::TempDir, InMemory, InDatabase) {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            database: DatabaseUrl::SqliteFile(folder.path().join("hub.sqlite")),
            artifacts: folder.path().join("artifacts"),
            hub_id: "test-hub".to_owned(),
            max_pages: None,
        };
        let store = Store::open(&options).await.unwrap();
        (folder, InMemory::default(), InDatabase(store))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        /// Whichever form a deployment has, a caller gets the same answers.
        #[test]
        fn both_forms_answer_alike(
            calls_per_minute in 0..40_u32,
            steps in prop::collection::vec((0..3_u8, 0..9_000_u64), 1..60),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (_folder, memory, database) = both().await;
                let limit = Limit { calls_per_minute };
                let mut now = UnixMillis(1_000_000);
                for (caller, step) in steps {
                    now = now.plus_ms(step);
                    let caller = caller.to_string();
                    let expected = memory.take(&caller, limit, now).await.unwrap();
                    assert_eq!(database.take(&caller, limit, now).await.unwrap(), expected, "{caller} at {now:?}");
                }
            });
        }
    }
}
