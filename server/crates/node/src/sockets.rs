//! WebSockets of strangers: what they hold in memory has one budget, and a client that does not read is asked for nothing
//! more, and then closed.
//!
//! The server below puts each answer into a queue and reads on. It neither says when an answer has left nor stops reading
//! for a client that takes none. So the connection itself is watched: the code that serves the router wraps it in a [`Metered`],
//! and hands its [`Socket`] to every request of it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep};

/// Largest request, answer and pushed message over a WebSocket, which holds several of them.
pub const MAX_PUSHED_BYTES: u32 = 512 * 1024;

/// Bytes of requests in work and of answers that wait for their clients, of all WebSockets together.
pub const SOCKETS_MAX_BYTES: usize = 64 << 20;

/// Most WebSockets of one caller.
pub const MAX_SOCKETS_PER_CALLER: usize = 32;

/// A message up to this size is counted and never refused: each connection has few of them.
const SMALL_BYTES: usize = 4 << 10;

/// Requests of one WebSocket in work, their bytes, and those of the answers that wait, beyond which no more of it is read.
const CALLS_MAX: usize = 16;
const HELD_BYTES_MAX: usize = 512 << 10;

/// Time that a client has to take what waits for it, and what it must take each second beyond it.
const GRACE: Duration = Duration::from_secs(15);
const READ_BYTES_PER_SECOND: u64 = 128 << 10;

/// What all WebSockets hold.
#[derive(Clone, Debug)]
pub(crate) struct SocketBudget {
    held: Arc<AtomicUsize>,
    callers: Arc<Mutex<HashMap<Arc<str>, usize>>>,
    grace: Duration,
}

impl Default for SocketBudget {
    fn default() -> Self {
        Self { held: Arc::default(), callers: Arc::default(), grace: GRACE }
    }
}

/// One of the places that a caller has for WebSockets, free again when this is dropped.
#[derive(Debug)]
struct Place {
    callers: Arc<Mutex<HashMap<Arc<str>, usize>>>,
    caller: Arc<str>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = callers.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                callers.remove(&self.caller);
            }
        }
    }
}

impl SocketBudget {
    fn place(&self, caller: Arc<str>) -> Result<Place, NoRoom> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = callers.entry(Arc::clone(&caller)).or_default();
        if *count >= MAX_SOCKETS_PER_CALLER {
            return Err(NoRoom);
        }
        *count += 1;
        Ok(Place { callers: Arc::clone(&self.callers), caller })
    }

    /// Counts bytes; false where a large message has no room.
    fn take(&self, bytes: usize) -> bool {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed);
        let has_room = bytes <= SMALL_BYTES || held.saturating_add(bytes) <= SOCKETS_MAX_BYTES;
        if !has_room {
            self.give_back(bytes);
        }
        has_room
    }

    fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// There is no room for a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// One connection, which may become a WebSocket.
#[derive(Clone, Debug, Default)]
pub struct Socket(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// From the moment at which the connection is a WebSocket.
    budget: Option<SocketBudget>,
    place: Option<Place>,
    calls: usize,
    call_bytes: usize,
    unsent_bytes: usize,
    /// The client takes nothing now.
    is_blocked: bool,
    /// Since when it has not taken all, and what it took meanwhile.
    behind: Option<(Instant, u64)>,
    /// The requests that were read last have not had their turn yet.
    must_yield: bool,
    reader: Option<Waker>,
}

impl State {
    fn is_paused(&self) -> bool {
        let is_full = self.call_bytes >= HELD_BYTES_MAX || self.unsent_bytes >= HELD_BYTES_MAX;
        is_full || self.is_blocked || self.calls >= CALLS_MAX
    }

    fn wake_reader(&mut self) {
        if !self.is_paused()
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }

    /// Takes note of bytes that the client's side took.
    fn sent(&mut self, bytes: usize) {
        let counted = bytes.min(self.unsent_bytes);
        self.unsent_bytes -= counted;
        if let Some(budget) = &self.budget {
            budget.give_back(counted);
        }
        self.is_blocked = false;
        match &mut self.behind {
            Some((_, taken)) if self.unsent_bytes > 0 => *taken = taken.saturating_add(bytes as u64),
            _ => self.behind = None,
        }
        self.wake_reader();
    }

    /// The client took nothing; until when it must.
    fn blocked(&mut self) -> Instant {
        self.is_blocked = true;
        let (since, taken) = *self.behind.get_or_insert((Instant::now(), 0));
        let grace = self.budget.as_ref().map_or(GRACE, |budget| budget.grace);
        since + grace + Duration::from_secs(taken / READ_BYTES_PER_SECOND)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.give_back(self.unsent_bytes);
        }
    }
}

impl Socket {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection becomes a WebSocket, of a caller where one is named.
    pub(crate) fn begin(&self, budget: &SocketBudget, caller: Option<Arc<str>>) -> Result<(), NoRoom> {
        let mut state = self.state();
        if state.budget.is_none() {
            state.place = caller.map(|caller| budget.place(caller)).transpose()?;
            state.budget = Some(budget.clone());
        }
        Ok(())
    }

    /// A request of so many bytes is in work until the guard is dropped.
    pub(crate) fn work_on(&self, bytes: usize) -> Result<InWork, NoRoom> {
        let mut state = self.state();
        let has_room = state.budget.as_ref().is_none_or(|budget| budget.take(bytes));
        if !has_room {
            return Err(NoRoom);
        }
        state.calls += 1;
        state.call_bytes += bytes;
        Ok(InWork { socket: self.clone(), bytes })
    }

    /// A message of so many bytes will wait for the client.
    pub(crate) fn send(&self, bytes: usize) -> Result<(), NoRoom> {
        let mut state = self.state();
        let bytes = bytes + frame_bytes(bytes);
        if state.budget.as_ref().is_none_or(|budget| budget.take(bytes)) {
            state.unsent_bytes += bytes;
            Ok(())
        } else {
            Err(NoRoom)
        }
    }
}

/// What a WebSocket's frame takes beside its message (RFC 6455, 5.2).
const fn frame_bytes(message_bytes: usize) -> usize {
    match message_bytes {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct InWork {
    socket: Socket,
    bytes: usize,
}

impl Drop for InWork {
    fn drop(&mut self) {
        let mut state = self.socket.state();
        state.calls -= 1;
        state.call_bytes -= self.bytes;
        if let Some(budget) = &state.budget {
            budget.give_back(self.bytes);
        }
        state.wake_reader();
    }
}

/// A connection whose bytes are counted once it is a WebSocket.
#[derive(Debug)]
pub struct Metered<S> {
    stream: S,
    socket: Socket,
    deadline: Pin<Box<Sleep>>,
}

impl<S> Metered<S> {
    /// Wraps a connection.
    pub fn new(stream: S) -> Self {
        Self { stream, socket: Socket::default(), deadline: Box::pin(tokio::time::sleep(Duration::ZERO)) }
    }

    /// What every request of this connection has among its extensions, as `ConnectInfo<Socket>`.
    pub fn socket(&self) -> Socket {
        self.socket.clone()
    }

    /// Takes note of what a write gave. A client that takes nothing for too long is given up.
    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let mut state = self.socket.state();
        if state.budget.is_none() {
            return written;
        }
        match written {
            Poll::Ready(Ok(bytes)) => {
                state.sent(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let until = state.blocked();
                drop(state);
                if self.deadline.deadline() != until {
                    self.deadline.as_mut().reset(until);
                }
                ready!(self.deadline.as_mut().poll(cx));
                let reason = "the client of a WebSocket took its messages too slowly";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, reason)))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        {
            let mut state = self.socket.state();
            if state.budget.is_some() {
                if state.is_paused() {
                    state.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                if std::mem::take(&mut state.must_yield) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                state.must_yield = true;
            }
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Takes connections and wraps each. Give `into_make_service_with_connect_info::<Socket>()` to `axum::serve` with it.
#[derive(Debug)]
pub struct MeteredListener(pub TcpListener);

impl Listener for MeteredListener {
    type Io = Metered<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        (Metered::new(stream), peer)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, MeteredListener>> for Socket {
    fn connect_info(stream: IncomingStream<'_, MeteredListener>) -> Self {
        stream.io().socket()
    }
}

#[cfg(test)]
mod tests;
