//! Large answers that clients have not read yet: they share one budget of bytes and have a deadline, so that nobody fills
//! the memory by asking for much and reading slowly.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy_primitives::bytes::Bytes;
use axum::Json;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::rpc;

/// Answers up to this size are not counted.
const SMALL_BYTES: u64 = 64 << 10;

/// Most bytes of larger answers that are on their way.
pub const MAX_LARGE_ANSWER_BYTES: usize = 64 << 20;

/// What is handed to the connection at once.
const PIECE_BYTES: usize = 64 << 10;

/// Time to read any answer, and what a client must read each second beyond it.
const GRACE: Duration = Duration::from_secs(15);
const READ_BYTES_PER_SECOND: u64 = 128 << 10;

/// The budget.
#[derive(Clone, Debug)]
pub(crate) struct LargeAnswers {
    room: Arc<Semaphore>,
    grace: Duration,
}

impl Default for LargeAnswers {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(MAX_LARGE_ANSWER_BYTES)), grace: GRACE }
    }
}

/// The rest of an answer with its share of the budget. It is gone when all was read, or when the time is over.
type Rest = Arc<Mutex<Option<(Bytes, OwnedSemaphorePermit)>>>;

impl LargeAnswers {
    /// Passes a request on, and sends its answer within the budget.
    pub(crate) async fn bound(self, request: Request, next: Next) -> Response {
        let response = next.run(request).await;
        match response.body().size_hint().exact() {
            Some(bytes) if bytes > SMALL_BYTES => self.send(response, bytes).await,
            _ => response,
        }
    }

    async fn send(self, response: Response, bytes: u64) -> Response {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Ok(permit) = self.room.try_acquire_many_owned(permits) else { return too_many() };
        let (parts, body) = response.into_parts();
        let Ok(whole) = axum::body::to_bytes(body, usize::MAX).await else { return too_many() };
        let rest: Rest = Arc::new(Mutex::new(Some((whole, permit))));
        let late = Arc::downgrade(&rest);
        tokio::spawn(async move {
            tokio::time::sleep(self.grace + Duration::from_secs(bytes / READ_BYTES_PER_SECOND)).await;
            if let Some(rest) = late.upgrade() {
                rest.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
        });
        let pieces = futures::stream::unfold(bytes, move |unread| {
            let piece = (unread > 0).then(|| next_piece(&rest));
            async move {
                let piece = piece?;
                let left = piece.as_ref().map_or(0, |piece| unread - piece.len() as u64);
                Some((piece, left))
            }
        });
        // The encoder of compressed answers asks once more after the end.
        Response::from_parts(parts, Body::from_stream(pieces.fuse()))
    }
}

fn next_piece(rest: &Rest) -> Result<Bytes, io::Error> {
    let mut rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((bytes, _)) = rest.as_mut() else {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "the answer was read too slowly"));
    };
    let piece = bytes.split_to(PIECE_BYTES.min(bytes.len()));
    if bytes.is_empty() {
        rest.take();
    }
    Ok(piece)
}

fn too_many() -> Response {
    let what = "bytes of large answers on their way, try again later or ask for less";
    (StatusCode::TOO_MANY_REQUESTS, Json(rpc::no_room(what, MAX_LARGE_ANSWER_BYTES))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(answers: &LargeAnswers, bytes: usize) -> Response {
        answers.clone().send(Response::new(Body::from(vec![7; bytes])), bytes as u64).await
    }

    #[tokio::test]
    async fn an_answer_that_was_read_to_its_end_may_be_asked_again() {
        let answers = LargeAnswers::default();
        let mut pieces = answer(&answers, 3 * PIECE_BYTES).await.into_body().into_data_stream();
        let mut read = Vec::new();
        while let Some(piece) = pieces.next().await {
            read.extend_from_slice(&piece.unwrap());
        }
        assert!(read == vec![7; 3 * PIECE_BYTES] && pieces.next().await.is_none());
        assert_eq!(answers.room.available_permits(), MAX_LARGE_ANSWER_BYTES, "what was read has its room still");
    }

    #[tokio::test]
    async fn large_answers_share_one_room_and_give_it_back() {
        let (answers, bytes) = (LargeAnswers::default(), 16 << 20);
        let mut held = Vec::new();
        for _ in 0..MAX_LARGE_ANSWER_BYTES / bytes {
            let answer = answer(&answers, bytes).await;
            assert_eq!(answer.status(), StatusCode::OK);
            held.push(answer);
        }
        let refused = answer(&answers, SMALL_BYTES as usize + 1).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        let why = axum::body::to_bytes(refused.into_body(), 4_096).await.unwrap();
        assert!(String::from_utf8_lossy(&why).contains("-32005"), "{why:?}");
        held.pop();
        assert_eq!(answer(&answers, bytes).await.status(), StatusCode::OK, "an answer nobody waits for keeps its room");
    }

    #[tokio::test]
    async fn an_answer_that_is_not_read_in_time_ends_and_gives_its_room_back() {
        let answers = LargeAnswers { grace: Duration::ZERO, ..LargeAnswers::default() };
        let mut pieces = answer(&answers, PIECE_BYTES + 1).await.into_body().into_data_stream();
        assert!(answers.room.available_permits() < MAX_LARGE_ANSWER_BYTES);
        let over = async {
            while answers.room.available_permits() < MAX_LARGE_ANSWER_BYTES {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(GRACE, over).await.expect("the time of an answer ends");
        let late = pieces.next().await.unwrap().unwrap_err();
        assert!(late.to_string().contains("too slowly"), "{late}");
    }
}
