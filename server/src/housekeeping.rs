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
