//! A runtime of its own at a low priority, for what may wait: what strangers ask the node, and what somebody asks for
//! while much of the same network address is in work. Where the processors are busy, jobs, settlement and everybody
//! else's pages come first.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::body::{Frame, SizeHint};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::error::ApiError;

/// Threads that may wait for the disk at once.
const BLOCKING_THREADS_MAX: usize = 16;

/// Frames of an answer that are made before their reader takes one.
const FRAMES_AHEAD: usize = 2;

/// The request came over one of more connections than one network address has usually. An extension of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneOfMany;

/// The runtime. It ends with the last clone of this, without waiting for its tasks.
#[derive(Debug, Clone)]
pub(crate) struct LowPriority(Arc<Owned>);

#[derive(Debug)]
struct Owned {
    handle: Handle,
    /// Only taken where this is dropped.
    runtime: Option<Runtime>,
}

impl Drop for Owned {
    fn drop(&mut self) {
        // A task of another runtime may be the last to let go, and must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl LowPriority {
    /// Starts as many threads as there are processors.
    ///
    /// # Errors
    /// The system has no threads to give.
    pub(crate) fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.thread_name("low-priority").max_blocking_threads(BLOCKING_THREADS_MAX);
        let runtime = builder.on_thread_start(node::lower_this_thread).enable_all().build()?;
        Ok(Self(Arc::new(Owned { handle: runtime.handle().clone(), runtime: Some(runtime) })))
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.0.handle
    }

    /// Runs a request there, and what makes its answer. Both end where the client goes away.
    pub(crate) async fn run(&self, request: Request, next: Next) -> Response {
        let running = self.handle().spawn(async move { carried(next.run(request).await) });
        match AbortOnDropHandle::new(running).await {
            Ok(response) => response,
            Err(error) => ApiError::Internal(error.to_string()).into_response(),
        }
    }
}

/// An answer whose body is made here, and handed over piece by piece. What is complete stays as it is.
fn carried(response: Response) -> Response {
    let is_complete = response.body().size_hint().exact().is_some();
    if is_complete || response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return response;
    }
    response.map(|body| {
        let size = body.size_hint();
        let (frames, carried) = mpsc::channel(FRAMES_AHEAD);
        tokio::spawn(carry(body, frames));
        Body::new(Carried { frames: carried, size, is_over: false })
    })
}

/// The next piece of a body, or its end.
type Piece = Option<Result<Frame<Bytes>, axum::Error>>;

/// Ends with the body, or when nobody takes it any more.
async fn carry(mut body: Body, frames: mpsc::Sender<Piece>) {
    loop {
        let next = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
        let next = tokio::select! {
            next = next => next,
            () = frames.closed() => return,
        };
        let is_end = next.is_none();
        if frames.send(next).await.is_err() || is_end {
            return;
        }
    }
}

/// The pieces of an answer that is made on another thread.
struct Carried {
    frames: mpsc::Receiver<Piece>,
    size: SizeHint,
    /// The end was seen, or was told to be missing.
    is_over: bool,
}

impl HttpBody for Carried {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let next = match ready!(self.frames.poll_recv(cx)) {
            Some(next) => next,
            None if self.is_over => None,
            // Its maker panicked or was stopped: its reader must not take the part for the whole.
            None => {
                self.is_over = true;
                return Poll::Ready(Some(Err(axum::Error::new("the answer was cut off"))));
            }
        };
        self.is_over |= next.is_none();
        Poll::Ready(next)
    }

    fn size_hint(&self) -> SizeHint {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::to_bytes;
    use axum::extract::State;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use futures::{StreamExt as _, stream};
    use tower::ServiceExt as _;

    use super::*;

    /// This thread's nice value. Elsewhere it is the process's.
    fn nice() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    /// The nice value and the thread's name.
    fn this_thread() -> String {
        format!("{} {}", nice(), std::thread::current().name().unwrap_or_default())
    }

    async fn panics() {
        panic!("on purpose");
    }

    async fn at_low_priority(State(low): State<LowPriority>, request: Request, next: Next) -> Response {
        low.run(request, next).await
    }

    #[tokio::test]
    async fn handler_and_answer_are_made_by_threads_of_low_priority_and_others_keep_theirs() {
        let before = nice();
        let low = LowPriority::start().unwrap();
        let streamed = || async {
            let handler = this_thread();
            let pieces = stream::once(async move { Ok::<_, io::Error>(format!("{handler}, {}", this_thread())) });
            Body::from_stream(pieces)
        };
        let router = Router::new()
            .route("/", get(streamed))
            .route("/panic", get(panics))
            .layer(from_fn_with_state(low.clone(), at_low_priority));
        let ask = |path: &str| router.clone().oneshot(axum::http::Request::get(path).body(Body::empty()).unwrap());
        let answer = ask("/").await.unwrap();
        let body = to_bytes(answer.into_body(), 1_000).await.unwrap();
        #[cfg(target_os = "linux")]
        {
            let low_nice = before.max(10);
            assert_eq!(body, format!("{low_nice} low-priority, {low_nice} low-priority"));
        }
        #[cfg(not(target_os = "linux"))]
        assert!(String::from_utf8_lossy(&body).contains("low-priority"));
        assert_eq!(nice(), before, "this thread lost its priority");
        assert_eq!(ask("/panic").await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(ask("/").await.unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_ends() {
        let low = LowPriority::start().unwrap();
        let (held, mut dropped) = mpsc::channel::<()>(1);
        let endless = stream::unfold(held, |held| async move { Some((Ok::<_, io::Error>("more"), held)) });
        let body = low.handle().spawn(async move { carried(Response::new(Body::from_stream(endless))) }).await.unwrap();
        let mut pieces = body.into_body().into_data_stream();
        assert_eq!(pieces.next().await.unwrap().unwrap(), "more");
        drop(pieces);
        assert_eq!(dropped.recv().await, None, "it is made for ever");
    }

    #[tokio::test]
    async fn an_answer_whose_maker_panics_ends_with_an_error_and_a_whole_one_does_not() {
        let low = LowPriority::start().unwrap();
        let read = async |body: Body| {
            let carried = low.handle().spawn(async move { carried(Response::new(body)) }).await.unwrap();
            let pieces = carried.into_body().into_data_stream();
            pieces.map(|piece| piece.is_ok()).collect::<Vec<bool>>().await
        };
        let whole = stream::once(async { Ok::<_, io::Error>("all") });
        assert_eq!(read(Body::from_stream(whole)).await, [true]);
        let cut = stream::once(async { Ok::<_, io::Error>("some") });
        let cut = cut.chain(stream::poll_fn(|_| panic!("on purpose")));
        assert_eq!(read(Body::from_stream(cut)).await, [true, false]);
    }
}
