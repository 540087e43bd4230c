//! Answers that clients have not read yet: what they take of memory has one budget for all paths, nobody has more than a
//! share of it, and who takes nothing of an answer for a while loses its connection. So nobody fills the memory by asking
//! for much and reading nothing.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;
use crate::shares::{Share, Shares};

/// Answers up to this size are neither counted nor compressed.
pub(crate) const SMALL_BYTES: u16 = 4 << 10;

/// What all answers that are being read take.
const UNREAD_MAX_BYTES: usize = 96 << 20;

/// What those to one network address take.
const UNREAD_OF_ADDRESS_MAX_BYTES: usize = 24 << 20;

/// What an answer of no known size takes: it is written piece by piece.
const STREAM_BYTES: usize = 64 << 10;

/// The same for a page, whose state is kept until its last piece is written.
const PAGE_BYTES: usize = 512 << 10;

/// What an encoder that compresses an answer takes.
const ENCODER_BYTES: usize = 512 << 10;

/// What is handed to the connection at once.
const PIECE_BYTES: usize = 16 << 10;

/// In this time a client takes the next piece.
const PATIENCE: Duration = Duration::from_secs(30);

/// The budget.
#[derive(Debug, Clone)]
pub(crate) struct UnreadAnswers {
    shares: Arc<Shares>,
    patience: Duration,
}

impl Default for UnreadAnswers {
    fn default() -> Self {
        Self { shares: Shares::new(UNREAD_MAX_BYTES, UNREAD_OF_ADDRESS_MAX_BYTES), patience: PATIENCE }
    }
}

/// Ends the connection that a request came over. An extension of the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionEnd(pub(crate) CancellationToken);

impl UnreadAnswers {
    /// Passes a request on, and sends its answer within the budget.
    pub(crate) async fn bound(&self, reader: &str, request: Request, next: Next) -> Response {
        let end = request.extensions().get::<ConnectionEnd>().cloned().unwrap_or_default();
        let may_compress = request.headers().contains_key(header::ACCEPT_ENCODING);
        self.send(next.run(request).await, reader, may_compress, end)
    }

    fn send(&self, response: Response, reader: &str, may_compress: bool, end: ConnectionEnd) -> Response {
        let bytes = taken_by(&response, may_compress);
        if bytes == 0 {
            return response;
        }
        let Some(share) = self.shares.take(Some(reader), bytes) else {
            let why = "answers that were not read yet take all the memory for them: read them, and ask again";
            return ApiError::Busy(why.to_owned()).into_response();
        };
        let reading = Arc::new(Mutex::new(Reading { since: Some(Instant::now()) }));
        tokio::spawn(end_where_nothing_is_read(Arc::downgrade(&reading), self.patience, end));
        response.map(|inner| Body::new(Counted { inner, rest: Bytes::new(), reading, _share: share }))
    }
}

/// The memory that an answer takes until it is read; 0 where that is little.
fn taken_by(response: &Response, may_compress: bool) -> usize {
    let body = response.body();
    if response.status() == StatusCode::SWITCHING_PROTOCOLS || body.is_end_stream() {
        return 0;
    }
    let media_type = media_type(response.headers());
    let bytes = match body.size_hint().exact() {
        Some(bytes) if bytes <= u64::from(SMALL_BYTES) => return 0,
        Some(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
        None if media_type.starts_with("text/html") => PAGE_BYTES,
        None => STREAM_BYTES,
    };
    let is_text = !media_type.starts_with("image/") && !media_type.starts_with("text/event-stream");
    let is_compressed = may_compress && is_text && !response.headers().contains_key(header::CONTENT_ENCODING);
    bytes.saturating_add(if is_compressed { ENCODER_BYTES } else { 0 })
}

fn media_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Since when a piece waits for the client; `None` while the client waits for a piece.
#[derive(Debug)]
struct Reading {
    since: Option<Instant>,
}

async fn end_where_nothing_is_read(reading: Weak<Mutex<Reading>>, patience: Duration, end: ConnectionEnd) {
    let mut look_at = Instant::now() + patience;
    loop {
        tokio::time::sleep_until(look_at).await;
        let Some(reading) = reading.upgrade() else { return };
        let since = reading.lock().unwrap_or_else(PoisonError::into_inner).since;
        let now = Instant::now();
        if since.is_some_and(|since| since + patience <= now) {
            end.0.cancel();
            return;
        }
        look_at = since.unwrap_or(now) + patience;
    }
}

/// An answer in small pieces, with its share of the budget until the connection lets go of it.
struct Counted {
    inner: Body,
    /// What is left of the last piece that the answer gave.
    rest: Bytes,
    reading: Arc<Mutex<Reading>>,
    _share: Share,
}

impl Counted {
    fn next_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        while self.rest.is_empty() {
            match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => self.rest = bytes,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
        }
        let piece = self.rest.split_to(PIECE_BYTES.min(self.rest.len()));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let next = self.next_frame(cx);
        let since = next.is_ready().then(Instant::now);
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).since = since;
        next
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, mut hint) = (self.rest.len() as u64, self.inner.size_hint());
        let upper = hint.upper().map(|upper| upper.saturating_add(rest));
        hint.set_lower(hint.lower().saturating_add(rest).min(upper.unwrap_or(u64::MAX)));
        if let Some(upper) = upper {
            hint.set_upper(upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    fn answer(answers: &UnreadAnswers, reader: &str, bytes: usize) -> Response {
        answers.send(Response::new(Body::from(vec![7; bytes])), reader, false, ConnectionEnd::default())
    }

    #[tokio::test]
    async fn an_answer_keeps_its_size_and_bytes_and_gives_its_room_back_when_it_was_read() {
        let answers = UnreadAnswers::default();
        let answer = answer(&answers, "reader", 3 * PIECE_BYTES + 1);
        assert_eq!(answer.body().size_hint().exact(), Some(3 * PIECE_BYTES as u64 + 1));
        let mut pieces = answer.into_body().into_data_stream();
        let mut read = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.unwrap();
            assert!(piece.len() <= PIECE_BYTES, "all is handed out at once");
            read.extend_from_slice(&piece);
        }
        assert!(read == vec![7; 3 * PIECE_BYTES + 1]);
        drop(pieces);
        assert_eq!(answers.shares.in_use(), 0);
    }

    #[tokio::test]
    async fn nobody_has_more_than_a_share_and_small_answers_always_come() {
        let answers = UnreadAnswers::default();
        let mut held = Vec::new();
        for reader in 0..UNREAD_MAX_BYTES / UNREAD_OF_ADDRESS_MAX_BYTES {
            let reader = reader.to_string();
            for _ in 0..UNREAD_OF_ADDRESS_MAX_BYTES >> 20 {
                let answer = answer(&answers, &reader, 1 << 20);
                assert_eq!(answer.status(), StatusCode::OK);
                held.push(answer);
            }
            let refused = answer(&answers, &reader, usize::from(SMALL_BYTES) + 1);
            assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE, "one address takes more than its share");
            assert!(refused.headers().contains_key(header::RETRY_AFTER));
        }
        assert_eq!(answer(&answers, "late", 1 << 20).status(), StatusCode::SERVICE_UNAVAILABLE, "all have no bound");
        assert_eq!(answer(&answers, "late", usize::from(SMALL_BYTES)).status(), StatusCode::OK);
        drop(held);
        assert_eq!(answer(&answers, "late", 1 << 20).status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_stream_counts_and_so_does_what_compresses_it() {
        let stream = || Body::from_stream(futures::stream::pending::<Result<Bytes, axum::Error>>());
        assert_eq!(taken_by(&Response::new(stream()), false), STREAM_BYTES);
        assert_eq!(taken_by(&Response::new(stream()), true), STREAM_BYTES + ENCODER_BYTES);
        let mut page = Response::new(stream());
        page.headers_mut().insert(header::CONTENT_TYPE, "text/html; charset=utf-8".parse().unwrap());
        assert_eq!(taken_by(&page, false), PAGE_BYTES);
        page.headers_mut().insert(header::CONTENT_TYPE, "text/event-stream".parse().unwrap());
        assert_eq!(taken_by(&page, true), STREAM_BYTES);
        assert_eq!(taken_by(&Response::new(Body::empty()), true), 0);
    }

    #[tokio::test]
    async fn who_reads_nothing_loses_the_connection_and_who_waits_for_more_does_not() {
        let answers = UnreadAnswers { patience: Duration::ZERO, ..UnreadAnswers::default() };
        let end = ConnectionEnd::default();
        let quiet = Body::from_stream(futures::stream::pending::<Result<Bytes, axum::Error>>());
        let mut quiet = answers.send(Response::new(quiet), "reader", false, end.clone()).into_body().into_data_stream();
        assert!(futures::poll!(quiet.next()).is_pending());
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!end.0.is_cancelled(), "an event that does not happen is no fault of the reader");

        let unread = answers.send(Response::new(Body::from(vec![7; 5_000])), "reader", false, end.clone());
        tokio::time::timeout(PATIENCE, end.0.cancelled()).await.expect("an answer that nobody reads is kept");
        drop((quiet, unread));
        assert_eq!(answers.shares.in_use(), 0);
    }
}
