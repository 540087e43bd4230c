//! Connections to the other validators: one to each, kept up, with bounded queues.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use alloy_primitives::Address;
use consensus::{Event, Message};

use super::channel::{Channel, Opener, Sealer};
use super::handshake::{HandshakeError, Identity, shake_hands};
use super::strangers::{Hurried, Strangers};
use crate::error::NodeError;
use crate::handle::Shared;
use crate::intake::ToProducer;
use crate::validator_network::{Peer, ValidatorNetwork};

/// Most messages that wait for one peer. More are dropped: what matters is said again.
const MAX_QUEUED_MESSAGES: usize = 1_024;
/// How long a side has to say all that shows who it is; and how long it has to be reached.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer says something every ten seconds, so one that is silent for longer is gone.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(35);
/// How long a peer has to take what is sent.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before a peer is called again: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// How often a refused caller is written to the log at most.
const REFUSAL_LOG_INTERVAL: Duration = Duration::from_secs(10);
/// How often a waiting thread looks whether the node stops.
const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// One open connection.
struct Link {
    number: usize,
    stream: TcpStream,
    queue: SyncSender<Arc<Vec<u8>>>,
}

/// A connection of which it is known who is at the other end.
struct Greeted {
    peer: Address,
    stream: TcpStream,
    channel: Channel,
}

struct Inner {
    identity: Identity,
    shared: Arc<Shared>,
    peers: BTreeMap<Address, String>,
    links: Mutex<BTreeMap<Address, Link>>,
    producer: SyncSender<ToProducer>,
    stops: AtomicBool,
    strangers: Strangers,
    /// When a refused connection was last written to the log.
    logged_refusal: Mutex<Option<Instant>>,
    next_link: AtomicUsize,
}

/// The connections of a validator. Dropping them ends all.
pub(crate) struct Connections {
    inner: Arc<Inner>,
    threads: Vec<JoinHandle<()>>,
}

/// The way to send through the connections.
#[derive(Clone)]
pub(crate) struct Sender(Arc<Inner>);

impl Connections {
    /// Listens, and calls the peers whose address is higher than this validator's own; the others call.
    pub(crate) fn open(
        identity: Identity,
        shared: Arc<Shared>,
        network: &ValidatorNetwork,
        producer: SyncSender<ToProducer>,
    ) -> Result<Self, NodeError> {
        let listener = TcpListener::bind(network.listen)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|error| NodeError::Listen { address: network.listen, reason: error.to_string() })?;
        let own = identity.key.address();
        shared.peers.name(own, network.peers.iter().map(|peer| peer.address));
        let inner = Arc::new(Inner {
            identity,
            shared,
            peers: network.peers.iter().map(|Peer { address, endpoint }| (*address, endpoint.clone())).collect(),
            links: Mutex::default(),
            producer,
            stops: AtomicBool::new(false),
            strangers: Strangers::default(),
            logged_refusal: Mutex::default(),
            next_link: AtomicUsize::new(0),
        });
        let mut connections = Self { inner: Arc::clone(&inner), threads: Vec::new() };
        let accepting = Arc::clone(&inner);
        connections.spawn("validator-listener", move || accepting.accept(&listener))?;
        for address in inner.peers.keys().copied().filter(|address| *address > own) {
            let calling = Arc::clone(&inner);
            connections.spawn("validator-caller", move || calling.keep_calling(address))?;
        }
        Ok(connections)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), NodeError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        self.threads.push(thread.map_err(|error| NodeError::Thread(error.to_string()))?);
        Ok(())
    }

    /// The way to send.
    pub(crate) fn sender(&self) -> Sender {
        Sender(Arc::clone(&self.inner))
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.inner.stops.store(true, Ordering::Relaxed);
        for link in self.inner.links().values() {
            // An error says that it has ended already.
            let _ = link.stream.shutdown(Shutdown::Both);
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the validators' connections panicked");
            }
        }
        // An error says that the producer has ended before.
        let _ = self.inner.producer.send(ToProducer::Stop);
    }
}

impl Sender {
    pub(crate) fn broadcast(&self, message: &Message) {
        let bytes = Arc::new(message.encode());
        for link in self.0.links().values() {
            link.send(&bytes);
        }
    }

    pub(crate) fn send(&self, to: Address, message: &Message) {
        if let Some(link) = self.0.links().get(&to) {
            link.send(&Arc::new(message.encode()));
        }
    }
}

impl Link {
    fn send(&self, bytes: &Arc<Vec<u8>>) {
        if self.queue.try_send(Arc::clone(bytes)).is_err() {
            tracing::debug!("a message to a slow peer is dropped");
        }
    }
}

impl Inner {
    fn links(&self) -> MutexGuard<'_, BTreeMap<Address, Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_stopped(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }

    fn pause(&self, pause: Duration) {
        let mut left = pause;
        while !left.is_zero() && !self.has_stopped() {
            let part = left.min(STOP_INTERVAL);
            std::thread::sleep(part);
            left -= part;
        }
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        while !self.has_stopped() {
            match listener.accept() {
                Ok((stream, from)) => self.take_caller(stream, from),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(STOP_INTERVAL),
                Err(error) => {
                    tracing::warn!(%error, "no connection could be taken");
                    self.pause(FIRST_PAUSE);
                }
            }
        }
    }

    fn take_caller(self: &Arc<Self>, stream: TcpStream, from: SocketAddr) {
        let Some(place) = self.strangers.take_place(from.ip()) else { return };
        let inner = Arc::clone(self);
        let spawned = std::thread::Builder::new().name("validator-peer".to_owned()).spawn(move || {
            let greeted = stream.set_nonblocking(false).map_err(HandshakeError::from);
            let greeted = greeted.and_then(|()| inner.greet(stream, None));
            drop(place);
            match greeted {
                Ok(greeted) => inner.serve(greeted),
                Err(error) => inner.log_refusal(&error, from),
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for a connection");
        }
    }

    /// Says why a caller was refused, seldom enough that strangers cannot fill the log.
    fn log_refusal(&self, error: &HandshakeError, from: SocketAddr) {
        let mut logged = self.logged_refusal.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|at| at.elapsed() >= REFUSAL_LOG_INTERVAL) {
            *logged = Some(Instant::now());
            tracing::warn!(%error, %from, "a connection to the validators' port was refused");
        }
    }

    fn keep_calling(self: &Arc<Self>, peer: Address) {
        let mut pause = FIRST_PAUSE;
        let mut told = None;
        while !self.has_stopped() {
            match self.call(peer) {
                Ok(greeted) => {
                    (pause, told) = (FIRST_PAUSE, None);
                    self.serve(greeted);
                }
                Err(error) => {
                    let reason = error.to_string();
                    // The same reason is told once, and not every few seconds.
                    if told.as_ref() != Some(&reason) {
                        let endpoint = self.peers.get(&peer).map(String::as_str);
                        tracing::warn!(reason, %peer, endpoint, "validator not reached, it is called again");
                        told = Some(reason);
                    }
                }
            }
            self.pause(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn call(&self, peer: Address) -> Result<Greeted, HandshakeError> {
        let endpoint = self.peers.get(&peer).ok_or(HandshakeError::Stranger(peer))?;
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in endpoint.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, HANDSHAKE_TIMEOUT) {
                Ok(stream) => return self.greet(stream, Some(peer)),
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }

    fn greet(&self, stream: TcpStream, expected: Option<Address>) -> Result<Greeted, HandshakeError> {
        stream.set_nodelay(true)?;
        let is_peer = |address: Address| match expected {
            Some(expected) => address == expected,
            None => self.peers.contains_key(&address),
        };
        let mut hurried = Hurried::new(&stream, Instant::now() + HANDSHAKE_TIMEOUT);
        let (peer, channel) = shake_hands(&mut hurried, &self.identity, is_peer)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        stream.set_read_timeout(Some(SILENCE_TIMEOUT))?;
        Ok(Greeted { peer, stream, channel })
    }

    /// Reads what a peer sends until the connection ends. A later connection of the same peer takes its place.
    fn serve(self: &Arc<Self>, greeted: Greeted) {
        let Greeted { peer, stream, channel: Channel { sealer, opener } } = greeted;
        let number = self.next_link.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = self.link(peer, number, &stream, sealer) {
            tracing::warn!(%error, %peer, "connection could not be kept");
            return;
        }
        tracing::info!(%peer, "validator connected");
        let ended = self.read_all(peer, stream, opener);
        let mut links = self.links();
        if links.get(&peer).is_some_and(|link| link.number == number) {
            links.remove(&peer);
            self.shared.peers.set_connected(peer, false);
        }
        drop(links);
        tracing::info!(%peer, reason = %ended, "validator disconnected");
    }

    fn link(self: &Arc<Self>, peer: Address, number: usize, stream: &TcpStream, sealer: Sealer) -> io::Result<()> {
        let (queue, queued) = sync_channel(MAX_QUEUED_MESSAGES);
        let writing = stream.try_clone()?;
        let write = move || write_all(writing, sealer, &queued);
        std::thread::Builder::new().name("validator-writer".to_owned()).spawn(write)?;
        let link = Link { number, stream: stream.try_clone()?, queue };
        let mut links = self.links();
        self.shared.peers.set_connected(peer, true);
        if let Some(earlier) = links.insert(peer, link) {
            // An error says that it has ended already.
            let _ = earlier.stream.shutdown(Shutdown::Both);
        }
        drop(links);
        if self.has_stopped() {
            stream.shutdown(Shutdown::Both)?;
        }
        Ok(())
    }

    fn read_all(&self, peer: Address, mut stream: TcpStream, mut opener: Opener) -> String {
        if self.tell(Event::Connected(peer)).is_err() {
            return "the node stops".to_owned();
        }
        loop {
            let message = match opener.read(&mut stream) {
                Ok(bytes) => Message::decode(&bytes, self.identity.chain_id),
                Err(error) => return error.to_string(),
            };
            match message {
                Ok(message) => {
                    if self.tell(Event::Message { from: peer, message: Box::new(message) }).is_err() {
                        return "the node stops".to_owned();
                    }
                }
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Waits where the producer is behind, and so makes the peer wait.
    fn tell(&self, event: Event) -> Result<(), ()> {
        self.producer.send(ToProducer::Validators(event)).map_err(|_| ())
    }
}

/// Ends when the link is dropped or the peer takes nothing more.
fn write_all(mut stream: TcpStream, mut sealer: Sealer, queued: &Receiver<Arc<Vec<u8>>>) {
    while let Ok(bytes) = queued.recv() {
        let written = sealer.seal(&bytes).and_then(|sealed| stream.write_all(&sealed));
        if let Err(error) = written {
            tracing::debug!(%error, "peer takes nothing more");
            // The reading side ends with it.
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}
