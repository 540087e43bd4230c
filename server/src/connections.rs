//! Takes connections and serves them: how many there may be, and how long one may take to send the head of a request.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hub::quota::address_class;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use node::Metered;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::util::MapRequest;

use crate::config::ConnectionLimits;
use crate::low_priority::OneOfMany;
use crate::shares::{Share, Shares};
use crate::unread_answers::ConnectionEnd;

/// How often an HTTP/2 client is asked for a sign of life, and how long it may take to give one.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(20);

/// So many connections of one network address are served beside all others. A browser opens six to one host; what is read over
/// the next ones of the address has a low priority.
const USUAL_OF_ADDRESS: usize = 24;

/// A request's head: its line and its headers. A longer one is answered 431.
const HEAD_MAX_BYTES: usize = 64 << 10;

/// The same as HTTP/2 counts it.
const HEAD_MAX_LISTED_BYTES: u32 = 64 << 10;

/// Most requests at once on one HTTP/2 connection. A page with its files asks for fewer.
const HTTP2_STREAMS_MAX: u32 = 32;

/// Pause where the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Lets this process have as many files and sockets open as the system ever permits it: a shell's usual 1024 are fewer than
/// the connections that are served. The low number is kept by systems for programs of another kind, which use `select`.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::warn!(%error, files = ?limit.current, "the limit of open files stays as it is");
    }
}

/// Serves until `stop` is canceled, then finishes the requests in flight. Dropping it ends all connections.
pub(crate) async fn serve(listener: TcpListener, router: Router, places: Places, stop: CancellationToken) {
    raise_open_files();
    let head_deadline = places.head_deadline;
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => match places.take(peer.ip()) {
                Some(Place { share, one_of_many }) => {
                    let stream = Metered::new(Placed { stream, _place: share });
                    let came = Came { peer, one_of_many };
                    open.spawn(serve_one(stream, came, router.clone(), head_deadline, stop.clone()));
                }
                None => tracing::debug!(%peer, "a connection over the bound was closed"),
            },
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "a connection cannot be taken");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// Where a connection comes from.
#[derive(Clone, Copy)]
struct Came {
    peer: SocketAddr,
    one_of_many: Option<OneOfMany>,
}

/// Serves one connection until it ends, or becomes a WebSocket, which keeps its place.
async fn serve_one(
    stream: Metered<Placed>,
    came: Came,
    router: Router,
    head_deadline: Duration,
    stop: CancellationToken,
) {
    let Came { peer, one_of_many } = came;
    let socket = stream.socket();
    let began = Arc::new(AtomicBool::new(false));
    let begins = Arc::clone(&began);
    let end = ConnectionEnd::default();
    let ended_by = end.clone();
    let service = MapRequest::new(router, move |mut request: Request<Incoming>| {
        begins.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(ConnectInfo(socket.clone()));
        request.extensions_mut().insert(ended_by.clone());
        if let Some(one_of_many) = one_of_many {
            request.extensions_mut().insert(one_of_many);
        }
        request
    });
    let builder = builder(head_deadline);
    let served = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
    let (mut served, mut deadline) = (pin!(served), pin!(tokio::time::sleep(head_deadline)));
    let (mut is_first, mut is_stopping) = (true, false);
    loop {
        tokio::select! {
            // A head that came in time counts, also where this task runs late.
            biased;
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, error, "a connection ended early");
                }
                return;
            }
            () = end.0.cancelled() => {
                tracing::debug!(%peer, "a connection over which an answer was not read was closed");
                return;
            }
            // The builder's own deadline begins only after it knows the version of HTTP.
            () = deadline.as_mut(), if is_first => {
                is_first = false;
                if !began.load(Ordering::Relaxed) {
                    return;
                }
            }
            () = stop.cancelled(), if !is_stopping => {
                is_stopping = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}

fn builder(head_deadline: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_deadline).max_buf_size(HEAD_MAX_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .keep_alive_timeout(HTTP2_PING_TIMEOUT)
        .max_header_list_size(HEAD_MAX_LISTED_BYTES)
        .max_concurrent_streams(HTTP2_STREAMS_MAX);
    builder
}

/// A place for one connection.
struct Place {
    share: Share,
    one_of_many: Option<OneOfMany>,
}

/// The places for connections.
#[derive(Debug)]
pub(crate) struct Places {
    head_deadline: Duration,
    /// Behind a proxy all connections have its address.
    behind_proxy: bool,
    places: Arc<Shares>,
}

impl Places {
    pub(crate) fn new(limits: ConnectionLimits, behind_proxy: bool) -> Self {
        let places = Shares::new(limits.in_total, limits.per_address.max(1));
        Self { head_deadline: limits.head_deadline, behind_proxy, places }
    }

    /// A place for one more connection, if there is one.
    fn take(&self, address: IpAddr) -> Option<Place> {
        let class = (!self.behind_proxy).then(|| address_class(address));
        let share = self.places.take(class.as_deref(), 1)?;
        let is_one_of_many = class.is_some_and(|class| self.places.taken_by(&class) > USUAL_OF_ADDRESS);
        Some(Place { share, one_of_many: is_one_of_many.then_some(OneOfMany) })
    }
}

/// A connection with its place, which a WebSocket takes along.
struct Placed {
    stream: TcpStream,
    _place: Share,
}

impl AsyncRead for Placed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Placed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn places(in_total: usize, per_address: usize, behind_proxy: bool) -> Places {
        let limits = ConnectionLimits { in_total, per_address, ..ConnectionLimits::default() };
        Places::new(limits, behind_proxy)
    }

    #[test]
    fn one_address_and_one_network_of_ipv6_have_their_share_and_no_more() {
        let places = places(100, 2, false);
        let take = |address: &str| places.take(address.parse().unwrap());
        let held = [take("192.0.2.1"), take("::ffff:192.0.2.1"), take("2001:db8::1"), take("2001:db8::2:0:0:1")];
        assert!(held.iter().all(Option::is_some));
        assert!(take("192.0.2.1").is_none() && take("2001:db8::3").is_none());
        let others = [take("192.0.2.2"), take("2001:db8:0:1::1")];
        assert!(others.iter().all(Option::is_some), "another address waits for the first");
        drop(held);
        assert!(take("192.0.2.1").is_some() && take("2001:db8::3").is_some());
        drop(others);
        assert_eq!(places.places.in_use(), 0, "places are left behind");
    }

    #[test]
    fn connections_beyond_the_usual_ones_of_an_address_are_known_as_such() {
        let places = places(100, 50, false);
        let take = |last: u8| places.take(IpAddr::from([192, 0, 2, last])).unwrap();
        let held: Vec<Place> = (0..2 * USUAL_OF_ADDRESS).map(|_| take(1)).collect();
        let known: Vec<bool> = held.iter().map(|place| place.one_of_many.is_some()).collect();
        assert_eq!(known, [vec![false; USUAL_OF_ADDRESS], vec![true; USUAL_OF_ADDRESS]].concat());
        assert!(take(2).one_of_many.is_none(), "another address waits for the first");
        drop(held);
        assert!(take(1).one_of_many.is_none(), "an address has a low priority for ever");
    }

    #[test]
    fn behind_a_proxy_only_the_total_counts() {
        let places = places(3, 1, true);
        let proxy = IpAddr::from([127, 0, 0, 1]);
        let held: Vec<Place> = std::iter::from_fn(|| places.take(proxy)).take(10).collect();
        assert_eq!(held.len(), 3);
        drop(held);
        assert!(places.take(proxy).is_some());
    }
}
