//! How often callers may ask for jobs. One process counts in its memory; hubs that share a database count there.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hub::rate_limit::{Limit, TokenBucket, micros};
use node::CallsRefused;
use shared::time::UnixMillis;
use store::change::TakeCall;
use store::{DatabaseUrl, Store, StoreError};

use crate::error::ApiError;

/// Most buckets in memory.
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
    check_of("new jobs", limits, caller, limit, now).await
}

/// The same for calls of another kind, which the refusal names.
pub(crate) async fn check_of(
    what: &str,
    limits: &dyn RateLimits,
    caller: &str,
    limit: Limit,
    now: UnixMillis,
) -> Result<(), ApiError> {
    match limits.take(caller, limit, now).await? {
        None => Ok(()),
        Some(wait_us) => Err(ApiError::TooManyRequests {
            detail: format!("{what} are limited to {} per minute", limit.calls_per_minute),
            retry_after_seconds: wait_us.div_ceil(SECOND_US),
        }),
    }
}

/// For one process: a restart fills every bucket.
#[derive(Debug, Default)]
struct InMemory(Mutex<Buckets>);

/// The buckets that are not full, at most [`BUCKETS_MAX`].
///
/// Callers without a bucket here have a full one. Beyond the bound the fullest bucket is forgotten, which gives its
/// caller the fewest calls.
#[derive(Debug, Default)]
struct Buckets {
    by_caller: HashMap<Arc<str>, TokenBucket>,
    /// The same by the moment at which they are full.
    by_fullness: BTreeSet<(u64, Arc<str>)>,
}

impl Buckets {
    fn take(&mut self, caller: &str, calls: u32, limit: Limit, now: UnixMillis) -> Result<(), u64> {
        while self.by_fullness.first().is_some_and(|(full_at_us, _)| *full_at_us <= micros(now)) {
            self.forget_fullest();
        }
        let mut bucket = self.by_caller.get(caller).copied().unwrap_or_default();
        let before = bucket.full_at_us();
        bucket.take_some(calls, limit, now)?;
        let caller: Arc<str> = caller.into();
        self.by_fullness.remove(&(before, Arc::clone(&caller)));
        self.by_fullness.insert((bucket.full_at_us(), Arc::clone(&caller)));
        self.by_caller.insert(caller, bucket);
        if self.by_caller.len() > BUCKETS_MAX {
            self.forget_fullest();
        }
        Ok(())
    }

    fn forget_fullest(&mut self) {
        if let Some((_, caller)) = self.by_fullness.pop_first() {
            self.by_caller.remove(&caller);
        }
    }
}

#[cfg(test)]
pub(crate) fn in_memory() -> Arc<dyn RateLimits> {
    Arc::new(InMemory::default())
}

#[async_trait]
impl RateLimits for InMemory {
    async fn take(&self, caller: &str, limit: Limit, now: UnixMillis) -> Result<Option<u64>, StoreError> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(buckets.take(caller, 1, limit, now).err())
    }
}

/// What each network address asks of one kind, counted in memory in any case: these requests are too many for a database.
#[derive(Debug)]
pub struct AddressUnits {
    limit: Limit,
    buckets: Mutex<Buckets>,
}

impl AddressUnits {
    pub(crate) fn new(limit: Limit) -> Self {
        Self { limit, buckets: Mutex::default() }
    }

    /// Takes so many units, or says in how many seconds there are enough.
    pub(crate) fn take(&self, address_class: &str, units: u32, now: UnixMillis) -> Result<(), CallsRefused> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.take(address_class, units, self.limit, now).map_err(|wait_us| CallsRefused {
            per_minute: self.limit.calls_per_minute,
            wait_seconds: wait_us.div_ceil(SECOND_US),
        })
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

    #[test]
    fn buckets_stay_within_their_bound_and_a_flood_of_callers_fills_no_emptied_bucket() {
        let (mut buckets, limit, now) = (Buckets::default(), Limit { calls_per_minute: 2 }, UnixMillis(1_000_000));
        for _ in 0..2 {
            buckets.take("emptied", 1, limit, now).unwrap();
        }
        for stranger in 0..BUCKETS_MAX * 2 {
            buckets.take(&format!("stranger {stranger}"), 1, limit, now).unwrap();
            assert!(buckets.by_caller.len() <= BUCKETS_MAX);
        }
        assert_eq!(buckets.by_caller.len(), buckets.by_fullness.len());
        assert!(buckets.take("emptied", 1, limit, now).is_err(), "a flood of others gave calls back");
        buckets.take("later", 1, limit, now.plus_ms(60_000)).unwrap();
        assert_eq!((buckets.by_caller.len(), buckets.by_fullness.len()), (1, 1), "full buckets are kept");
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
