//! Which models were asked for and could not be served: what a miner may want to install.

use std::sync::{Arc, Mutex, PoisonError};

use hub::board::Board;
use hub::catalog::ModelKey;
use hub::quota;
use hub::unserved::{AskedToday, MODELS_PER_DAY};
use shared::api::bounties::{DEMAND_DAYS, UNSERVED_LISTED_MAX, UnservedModel};
use shared::job::JobKind;
use shared::time::{SECONDS_PER_DAY, UnixMillis, UnixSeconds};
use store::change::CountUnserved;
use store::{Store, StoreError};
use tokio_util::task::TaskTracker;

use crate::auth::Caller;

/// Counts refusals, and lists what was refused most.
#[derive(Clone)]
pub(crate) struct Demand {
    store: Store,
    tasks: TaskTracker,
    /// A restart forgets who asked, so that an asker may count twice on that day.
    asked: Arc<Mutex<AskedToday>>,
}

impl Demand {
    pub(crate) fn new(store: Store, tasks: TaskTracker) -> Self {
        Self { store, tasks, asked: Arc::default() }
    }

    /// Notes that the caller was refused. The refusal does not wait for it.
    pub(crate) fn note(&self, caller: &Caller, kind: JobKind, model: &str, now: UnixMillis) {
        let day = quota::day(now);
        let counts = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.count(day, &caller.rate_name(), kind, model)
        };
        if !counts {
            return;
        }
        let change = CountUnserved {
            day,
            kind,
            model: model.to_owned(),
            models_max: MODELS_PER_DAY,
            forget_before_day: first_day(day),
        };
        let store = self.store.clone();
        self.tasks.spawn(async move {
            if let Err(error) = store.write(change).await {
                tracing::warn!(%error, "a request that could not be served was not counted");
            }
        });
    }

    /// The first day that counts, and the models of all days since.
    pub(crate) async fn unserved(&self, now: UnixMillis) -> Result<(UnixSeconds, Vec<UnservedModel>), StoreError> {
        let first = first_day(quota::day(now));
        let rows = self.store.list_unserved_models(first, UNSERVED_LISTED_MAX as u64).await?;
        let models = rows.into_iter().map(|row| UnservedModel {
            kind: row.kind,
            model: row.model,
            asked: row.asked,
            last_day_unix_s: of_day(row.last_day),
        });
        Ok((of_day(first), models.collect()))
    }
}

fn first_day(today: u64) -> u64 {
    today.saturating_sub(DEMAND_DAYS - 1)
}

fn of_day(day: u64) -> UnixSeconds {
    UnixSeconds(day.saturating_mul(SECONDS_PER_DAY))
}

/// Whether a connected miner serves a model of this name.
pub(crate) fn is_served(board: &Board, kind: JobKind, model: &str) -> bool {
    let key = ModelKey { kind, model: model.to_owned() };
    board.catalog().miners_of(&key).next().is_some()
}
