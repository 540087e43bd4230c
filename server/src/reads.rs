//! Pages and lists, which take processors and anybody may ask for: how many are made at once, how many wait, and how many
//! one network address gets in a minute. So jobs, results, settlement and status keep their processors.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};
use node::CallsRefused;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::admission::READ_UNITS_PER_ADDRESS;
use crate::clock;
use crate::error::ApiError;
use crate::low_priority::LowPriority;
use crate::rate_limits::AddressUnits;
use crate::shares::{Share, Shares};

/// What a page takes of the units of its reader, and what a list does.
const PAGE_UNITS: u32 = 10;
const LIST_UNITS: u32 = 4;

/// So many of a lane are made at once at least; half as many as there are processors, where that is more.
const AT_ONCE_MIN: usize = 2;

/// So many of a lane are made or wait.
const IN_HAND_MAX: usize = 256;

/// So many of one network address in the usual lane: as many as a browser asks for at once.
const USUAL_OF_ADDRESS_MAX: usize = 6;

/// So many more of one network address in the lane of low priority.
const LOW_OF_ADDRESS_MAX: usize = 26;

/// Nothing waits longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long somebody without units waits for the refusal. At once, refusals would cost the processors more than the pages that
/// are not made.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);

/// So many wait for their refusal; others hear it at once.
const REFUSALS_MAX: usize = 1_024;

/// So many of one network address.
const REFUSALS_OF_ADDRESS_MAX: usize = 64;

/// Who may read now.
#[derive(Debug)]
pub(crate) struct Reads {
    units: AddressUnits,
    usual: Lane,
    /// What one address asks for while it has as much in hand, or is refused as often, as it usually has.
    low: Lane,
    refused: Arc<Shares>,
    low_priority: LowPriority,
    patience: Duration,
    refusal_pause: Duration,
}

/// Those of one priority. Neither lane has room that the other one can take.
#[derive(Debug)]
struct Lane {
    in_hand: Arc<Shares>,
    at_once: Arc<Semaphore>,
    /// One address has one turn at a time, so that nobody waits behind all that another one asks for.
    turns: Mutex<HashMap<Arc<str>, Weak<Semaphore>>>,
}

impl Lane {
    fn new(of_address_max: usize) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            in_hand: Shares::new(IN_HAND_MAX, of_address_max),
            at_once: Arc::new(Semaphore::new(AT_ONCE_MIN.max(processors / 2))),
            turns: Mutex::default(),
        }
    }

    fn enter(&self, address: &str) -> Option<Share> {
        self.in_hand.take(Some(address), 1)
    }

    /// Kept while somebody of the address waits or has a turn.
    fn turns_of(&self, address: &str) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = turns.get(address).and_then(Weak::upgrade) {
            return known;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let new = Arc::new(Semaphore::new(1));
        turns.insert(address.into(), Arc::downgrade(&new));
        new
    }
}

/// A page or a list that is being made.
#[derive(Debug)]
struct Admitted {
    _in_hand: Share,
    _turn: OwnedSemaphorePermit,
    _made: OwnedSemaphorePermit,
    is_low: bool,
}

impl Reads {
    pub(crate) fn new(low_priority: LowPriority) -> Self {
        Self {
            units: AddressUnits::new(READ_UNITS_PER_ADDRESS),
            usual: Lane::new(USUAL_OF_ADDRESS_MAX),
            low: Lane::new(LOW_OF_ADDRESS_MAX),
            refused: Shares::new(REFUSALS_MAX, REFUSALS_OF_ADDRESS_MAX),
            low_priority,
            patience: PATIENCE,
            refusal_pause: REFUSAL_PAUSE,
        }
    }

    /// Waits for a turn, in the order of asking.
    async fn admit(&self, address: &str, units: u32) -> Result<Admitted, ApiError> {
        let busy = || ApiError::Busy("too many pages and lists are asked for at once".to_owned());
        let beside = [&self.usual.in_hand, &self.low.in_hand, &self.refused].map(|shares| shares.taken_by(address));
        let is_low = beside.iter().sum::<usize>() >= USUAL_OF_ADDRESS_MAX;
        let lane = if is_low { &self.low } else { &self.usual };
        let in_hand = lane.enter(address).ok_or_else(busy)?;
        if let Err(refused) = self.units.take(address, units, clock::now()) {
            drop(in_hand);
            self.pause(address).await;
            return Err(over_the_units(refused));
        }
        let waits = async {
            let turn = lane.turns_of(address).acquire_owned().await?;
            Ok::<_, AcquireError>((turn, Arc::clone(&lane.at_once).acquire_owned().await?))
        };
        let waited = tokio::time::timeout(self.patience, waits).await;
        let (turn, made) = waited.map_err(|_| busy())?.map_err(|_| busy())?;
        Ok(Admitted { _in_hand: in_hand, _turn: turn, _made: made, is_low })
    }

    /// Keeps somebody waiting who is refused, where there is room to wait.
    async fn pause(&self, address: &str) {
        if let Some(_waits) = self.refused.take(Some(address), 1) {
            tokio::time::sleep(self.refusal_pause).await;
        }
    }

    /// Makes what was admitted, at its priority.
    async fn make(&self, admitted: Admitted, request: Request, next: Next) -> Response {
        if admitted.is_low { self.low_priority.run(request, next).await } else { next.run(request).await }
    }
}

fn over_the_units(refused: CallsRefused) -> ApiError {
    ApiError::TooManyRequests {
        detail: format!(
            "pages and lists of one network address are limited to {} units per minute; a page takes {PAGE_UNITS}, a list \
             {LIST_UNITS}",
            refused.per_minute
        ),
        retry_after_seconds: refused.wait_seconds,
    }
}

/// Makes a list when it is its turn, or answers 429 or 503.
pub(crate) async fn list(reads: &Reads, address: &str, request: Request, next: Next) -> Result<Response, ApiError> {
    let admitted = reads.admit(address, LIST_UNITS).await?;
    Ok(reads.make(admitted, request, next).await)
}

/// The same for a page, whose refusal is a page, too.
pub(crate) async fn page(reads: &Reads, address: &str, request: Request, next: Next) -> Response {
    match reads.admit(address, PAGE_UNITS).await {
        Ok(admitted) => reads.make(admitted, request, next).await,
        Err(refusal) if reads_html(request.headers()) => page_of(refusal),
        Err(refusal) => refusal.into_response(),
    }
}

/// Programs hear of a refusal as a problem document, people by a page.
pub(crate) fn reads_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// Written without the renderer, which has no room now.
fn page_of(refusal: ApiError) -> Response {
    let detail = refusal.problem().detail;
    let mut response = refusal.into_response();
    let text = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Busy — AITBC</title>\
         <h1>This page has to wait</h1><p>{detail}.</p><p>Load it again in a moment.</p></html>"
    );
    let (page, body) = Html(text).into_response().into_parts();
    response.headers_mut().extend(page.headers);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.map(|_| body)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    fn reads() -> Reads {
        Reads { refusal_pause: Duration::ZERO, ..Reads::new(LowPriority::start().unwrap()) }
    }

    #[tokio::test]
    async fn who_asks_for_much_at_once_takes_neither_turn_nor_room_from_others() {
        let reads = reads();
        let held: Vec<Share> = std::iter::from_fn(|| reads.usual.enter("many")).collect();
        assert_eq!(held.len(), USUAL_OF_ADDRESS_MAX);
        let low = reads.admit("many", 1).await.unwrap();
        assert!(low.is_low);
        assert_eq!(reads.usual.at_once.available_permits(), reads.low.at_once.available_permits() + 1);
        assert!(!reads.admit("few", 1).await.unwrap().is_low);
        drop((held, low));
        assert!(!reads.admit("many", 1).await.unwrap().is_low, "an address has a low priority for ever");
        let refused = reads.refused.take(Some("many"), USUAL_OF_ADDRESS_MAX);
        assert!(reads.admit("many", 1).await.unwrap().is_low, "who is refused again and again is served as all others");
        drop(refused);
        let all: Vec<Share> = (0..).map_while(|number: u32| reads.refused.take(Some(&number.to_string()), 1)).collect();
        assert_eq!(all.len(), REFUSALS_MAX);
        assert!(!reads.admit("few", 1).await.unwrap().is_low, "who waits for a refusal takes the room of others");
    }

    #[tokio::test]
    async fn one_address_waits_for_itself_and_not_without_end() {
        let reads = Reads { patience: Duration::ZERO, ..reads() };
        let first = reads.admit("first", 1).await.unwrap();
        assert!(reads.admit("first", 1).await.is_err(), "one address has two turns at once");
        assert!(reads.admit("second", 1).await.is_ok(), "another address waits behind the first");
        drop(first);
        assert!(reads.admit("first", 1).await.is_ok());
        assert!(reads.usual.turns.lock().unwrap().len() <= 2, "addresses that ask for nothing are kept");

        let reads = self::reads();
        let all = u32::try_from(reads.usual.at_once.available_permits()).unwrap();
        let busy = [&reads.usual, &reads.low].map(|lane| Arc::clone(&lane.at_once).acquire_many_owned(all));
        let busy = futures::future::try_join_all(busy).await.unwrap();
        let waiting = async {
            let asked =
                (0..USUAL_OF_ADDRESS_MAX + LOW_OF_ADDRESS_MAX).map(async |_| reads.admit("first", 1).await.is_ok());
            futures::future::join_all(asked).await
        };
        let beyond = async {
            let refused = reads.admit("first", 1).await;
            assert!(matches!(refused, Err(ApiError::Busy(_))), "an address has a queue without end");
            assert!(reads.usual.enter("second").is_some(), "another address cannot wait");
            drop(busy);
        };
        // All wait for their turn, one after the other, before the last one asks.
        let (asked, ()) = futures::future::join(waiting, beyond).await;
        assert!(asked.into_iter().all(|is_admitted| is_admitted), "who waits does not get a turn");
        assert_eq!(reads.usual.in_hand.in_use() + reads.low.in_hand.in_use(), 0);
    }

    #[tokio::test]
    async fn an_address_has_so_many_units_and_hears_when_there_are_more() {
        let reads = reads();
        let (mut got, mut refusal) = (0, None);
        while refusal.is_none() && got < 100 * READ_UNITS_PER_ADDRESS.calls_per_minute {
            match reads.admit("first", PAGE_UNITS).await {
                Ok(_) => got += 1,
                Err(error) => refusal = Some(error),
            }
        }
        assert!(got >= READ_UNITS_PER_ADDRESS.calls_per_minute / PAGE_UNITS, "{got}");
        let refusal = refusal.expect("an address gets pages without end");
        assert!(reads.admit("second", PAGE_UNITS).await.is_ok());
        let page = page_of(refusal);
        assert_eq!(page.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(page.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let body = axum::body::to_bytes(page.into_body(), 10_000).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("units per minute"));
    }
}
