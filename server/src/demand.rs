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

    /// Notes that a visitor was refused. The refusal does not wait for it. Who signed in or has a key asks in private, and
    /// the list of these models is public.
    pub(crate) fn note(&self, caller: &Caller, kind: JobKind, model: &str, now: UnixMillis) {
        let Caller::Visitor { address, .. } = caller else { return };
        let day = quota::day(now);
        let counts = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.count(day, asker(address), kind, model)
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

/// Who has a site of IPv6 has 65 536 networks, and counts once.
fn asker(address_class: &str) -> &str {
    quota::site_prefix(address_class).unwrap_or(address_class)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_networks_of_one_site_are_one_asker() {
        let of = |address: &str| asker(&quota::address_class(address.parse().unwrap())).to_owned();
        assert_eq!(of("2001:db8:1:1::1"), of("2001:db8:1:ffff::1"));
        assert_ne!(of("2001:db8:1:1::1"), of("2001:db8:2:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
