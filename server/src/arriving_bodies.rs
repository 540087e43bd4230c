//! Bodies that come in, at every path: one that comes too slowly is given up, and all together have one budget of memory, so
//! that nobody holds a place and memory by sending a byte now and then. Nobody has more than a share of it, and results of
//! leases have a budget of their own.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, stream};
use shared::id::LeaseId;

use crate::config::BodyPace;
use crate::error::ApiError;
use crate::large_bodies::COUNTED_FROM_BYTES;
use crate::shares::{Share, Shares};

/// The first bytes of a body are not counted: the connections bound them.
const FREE_BYTES: u64 = 16 << 10;

/// Bytes of all bodies that come in. Those beyond [`COUNTED_FROM_BYTES`] of one body have a budget of their own.
const ARRIVING_MAX_BYTES: usize = 64 << 20;

/// Those from one network address.
const ARRIVING_OF_ADDRESS_MAX_BYTES: usize = 8 << 20;

/// Bytes of all results of leases, which others take no room from.
const ARRIVING_RESULTS_MAX_BYTES: usize = 64 << 20;

/// Those from one network address, which may be that of many workers.
const ARRIVING_RESULTS_OF_ADDRESS_MAX_BYTES: usize = 32 << 20;

/// Those of one lease: its result, and the same once more while a connection that broke is not known to be gone.
const ARRIVING_OF_LEASE_MAX_BYTES: usize = 2 << 20;

/// What every body keeps to.
#[derive(Debug, Clone)]
pub(crate) struct BodyBounds {
    pace: BodyPace,
    everybody: Arc<Shares>,
    results: Arc<Shares>,
    leases: Arc<Shares>,
}

impl BodyBounds {
    pub(crate) fn new(pace: BodyPace) -> Self {
        Self {
            pace,
            everybody: Shares::new(ARRIVING_MAX_BYTES, ARRIVING_OF_ADDRESS_MAX_BYTES),
            results: Shares::new(ARRIVING_RESULTS_MAX_BYTES, ARRIVING_RESULTS_OF_ADDRESS_MAX_BYTES),
            leases: Shares::new(ARRIVING_RESULTS_MAX_BYTES, ARRIVING_OF_LEASE_MAX_BYTES),
        }
    }

    /// Nothing yet of the budgets that a body belongs to.
    fn begin(&self, sender: &str, lease: Option<LeaseId>) -> Vec<Share> {
        let of_address = if lease.is_some() { &self.results } else { &self.everybody };
        let of_lease = lease.and_then(|lease| self.leases.take(Some(&lease.to_string()), 0));
        of_address.take(Some(sender), 0).into_iter().chain(of_lease).collect()
    }
}

/// How many of the next bytes of a body count.
fn counted(received: u64, bytes: usize) -> usize {
    let until = received.saturating_add(bytes as u64).min(COUNTED_FROM_BYTES as u64);
    usize::try_from(until.saturating_sub(received.max(FREE_BYTES))).unwrap_or(usize::MAX)
}

/// What the reader of a body hears.
#[derive(Debug, thiserror::Error)]
enum BodyError {
    #[error("the body came too slowly")]
    TooSlow,
    #[error("too many bytes of bodies are coming in")]
    NoRoom,
    #[error(transparent)]
    Broken(axum::Error),
}

/// A body that comes in: what its handler knows of it, and why it was given up, if it was. An extension of the request.
#[derive(Debug, Clone, Default)]
pub struct Arriving(Arc<Marks>);

#[derive(Debug, Default)]
struct Marks {
    lease: OnceLock<LeaseId>,
    given_up: AtomicU8,
}

impl Arriving {
    const TOO_SLOW: u8 = 1;
    const NO_ROOM: u8 = 2;

    /// The body is the result of a lease that was granted, and is read from now on.
    pub(crate) fn is_result_of(&self, lease: LeaseId) {
        let _ = self.0.lease.set(lease);
    }

    /// The hub has no room for the body. Its reader hears only that it ended.
    pub(crate) fn has_no_room(&self) -> bool {
        self.0.given_up.load(Ordering::Relaxed) == Self::NO_ROOM
    }

    fn note(&self, error: &BodyError) {
        match error {
            BodyError::TooSlow => self.0.given_up.store(Self::TOO_SLOW, Ordering::Relaxed),
            BodyError::NoRoom => self.0.given_up.store(Self::NO_ROOM, Ordering::Relaxed),
            BodyError::Broken(_) => {}
        }
    }

    fn refusal(&self, pace: BodyPace) -> Option<ApiError> {
        match self.0.given_up.load(Ordering::Relaxed) {
            Self::TOO_SLOW => Some(ApiError::BodyTooSlow(pace)),
            Self::NO_ROOM => Some(ApiError::Busy(BodyError::NoRoom.to_string())),
            _ => None,
        }
    }
}

/// Lets a request's body come within the bounds, and answers 408 or 503 where it does not.
pub(crate) async fn bound(bounds: BodyBounds, sender: String, mut request: Request, next: Next) -> Response {
    let arriving = Arriving::default();
    request.extensions_mut().insert(arriving.clone());
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (pace, kept) = (bounds.pace, arriving.clone());
    let request = request.map(|body| bounded(body, bounds, sender, kept));
    let response = next.run(request).await;
    arriving.refusal(pace).map_or(response, ApiError::into_response)
}

/// A body as far as it came.
struct Arrived {
    chunks: axum::body::BodyDataStream,
    received: u64,
    waited: Duration,
    /// What its bytes take of the budgets until the body ends.
    room: Option<Vec<Share>>,
}

/// The body, whose sender alone is waited for: the time that its reader takes does not count.
fn bounded(body: Body, bounds: BodyBounds, sender: String, arriving: Arriving) -> Body {
    let begin = Arrived { chunks: body.into_data_stream(), received: 0, waited: Duration::ZERO, room: None };
    let sender: Arc<str> = sender.into();
    Body::from_stream(stream::try_unfold(begin, move |arrived| {
        let (bounds, sender, arriving) = (bounds.clone(), Arc::clone(&sender), arriving.clone());
        async move {
            let begin = || bounds.begin(&sender, arriving.0.lease.get().copied());
            next_chunk(arrived, bounds.pace, begin).await.inspect_err(|error| arriving.note(error))
        }
    }))
}

/// `begin` says which budgets the body belongs to, once its first counted bytes are there.
async fn next_chunk(
    mut arrived: Arrived,
    pace: BodyPace,
    begin: impl FnOnce() -> Vec<Share>,
) -> Result<Option<(Bytes, Arrived)>, BodyError> {
    let began = Instant::now();
    let patience = pace.time_for(arrived.received).saturating_sub(arrived.waited);
    let next = tokio::time::timeout(patience, arrived.chunks.next()).await.map_err(|_| BodyError::TooSlow)?;
    arrived.waited += began.elapsed();
    let Some(chunk) = next.transpose().map_err(BodyError::Broken)? else { return Ok(None) };
    let counted = counted(arrived.received, chunk.len());
    if counted > 0 && !arrived.room.get_or_insert_with(begin).iter_mut().all(|share| share.grow(counted)) {
        return Err(BodyError::NoRoom);
    }
    arrived.received = arrived.received.saturating_add(chunk.len() as u64);
    Ok(Some((chunk, arrived)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: BodyPace = BodyPace { grace: Duration::from_secs(60), bytes_per_second: 1 };

    const EACH: usize = COUNTED_FROM_BYTES - FREE_BYTES as usize;

    fn whole() -> Arrived {
        let chunks = Body::from(vec![7; COUNTED_FROM_BYTES]).into_data_stream();
        Arrived { chunks, received: 0, waited: Duration::ZERO, room: None }
    }

    async fn comes(bounds: &BodyBounds, sender: &str, lease: Option<u128>) -> Result<Arrived, BodyError> {
        let begin = || bounds.begin(sender, lease.map(LeaseId::from_random));
        next_chunk(whole(), PACE, begin).await.map(|next| next.unwrap().1)
    }

    /// As many bodies of one sender as there is room for.
    async fn all_of(bounds: &BodyBounds, sender: &str, lease: Option<u128>) -> Vec<Arrived> {
        let mut coming = Vec::new();
        while let Ok(arrived) = comes(bounds, sender, lease).await {
            coming.push(arrived);
        }
        coming
    }

    #[tokio::test]
    async fn nobody_has_more_than_a_share_and_bodies_give_their_room_back_at_their_end() {
        let bounds = BodyBounds::new(PACE);
        let mut held = vec![all_of(&bounds, "first", None).await];
        assert_eq!(held[0].len(), ARRIVING_OF_ADDRESS_MAX_BYTES / EACH);
        let small = Arrived { chunks: Body::from("{}").into_data_stream(), ..whole() };
        assert!(matches!(next_chunk(small, PACE, Vec::new).await, Ok(Some(_))), "a small body waits for large ones");
        assert!(comes(&bounds, "second", None).await.is_ok(), "another address waits for the first");
        let ended = next_chunk(held[0].pop().unwrap(), PACE, Vec::new).await;
        assert!(matches!(ended, Ok(None)));
        assert!(comes(&bounds, "first", None).await.is_ok(), "a body that ended keeps its room");
        for number in 0..20 {
            held.push(all_of(&bounds, &format!("address {number}"), None).await);
        }
        let last = comes(&bounds, "last", None).await;
        assert!(matches!(last, Err(BodyError::NoRoom)), "all bodies together have no bound");
        drop((held, last));
        assert_eq!(bounds.everybody.in_use(), 0);
    }

    #[tokio::test]
    async fn others_take_no_room_from_results_and_a_lease_takes_none_from_another() {
        let bounds = BodyBounds::new(PACE);
        let mut held = Vec::new();
        for number in 0..20 {
            held.push(all_of(&bounds, &format!("address {number}"), None).await);
        }
        held.push(all_of(&bounds, "miner", Some(1)).await);
        assert_eq!(held.last().unwrap().len(), ARRIVING_OF_LEASE_MAX_BYTES / EACH, "one lease takes all");
        assert!(comes(&bounds, "miner", Some(2)).await.is_ok());
        for lease in 2..100 {
            held.push(all_of(&bounds, "miner", Some(lease)).await);
        }
        assert!(matches!(comes(&bounds, "miner", Some(100)).await, Err(BodyError::NoRoom)));
        assert!(comes(&bounds, "another miner", Some(101)).await.is_ok(), "one address takes all");
        drop(held);
        assert_eq!((bounds.everybody.in_use(), bounds.results.in_use(), bounds.leases.in_use()), (0, 0, 0));
    }

    #[test]
    fn what_has_a_budget_of_its_own_is_not_counted_twice() {
        assert_eq!(counted(COUNTED_FROM_BYTES as u64, 1 << 20), 0);
        assert_eq!(counted(0, 96 << 20), EACH);
        assert_eq!(counted(0, FREE_BYTES as usize), 0);
    }
}
