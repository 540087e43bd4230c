//! The WebSocket session: connects, proves the account, and passes messages until it breaks; then reconnects after a
//! delay.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, SinkExt, StreamExt};
use inference::error::quote;
use shared::capability::Capability;
use shared::id::LeaseId;
use shared::protocol::{Challenge, FRAME_MAX_BYTES, HubMessage, PROTOCOL_VERSION, Registration, WorkerMessage};
use shared::signing::PrivateKey;
use tokio::net::TcpStream;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::backoff::{Backoff, jitter};
use super::clock::HubClock;
use super::known::KnownHubs;
use super::route::Route;
use super::session::{HubIdentity, Session};
use super::trust::Trust;
use super::{HubNumber, HubUrl};
use crate::error::HubLinkError;

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long connecting, and each answer during registration, may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// A hub that says nothing for so many heartbeats is gone.
const SILENT_HEARTBEATS: u32 = 4;

const HEARTBEAT_MIN: Duration = Duration::from_millis(100);
const HEARTBEAT_MAX: Duration = Duration::from_secs(300);

/// Why there is no session with a hub that is there.
const NOTHING_TO_OFFER: &str = "no device is left to serve with";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Who registers, and where.
#[derive(Debug, Clone)]
pub struct Identity {
    pub number: HubNumber,
    pub hub: HubUrl,
    pub trust: Trust,
    pub route: Route,
    pub key: PrivateKey,
    /// Which hub each of this worker's is.
    pub known: KnownHubs,
}

/// Events of the link, for the worker.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkEvent {
    /// Registered.
    Up {
        session: Session,
        /// What the worker said of itself.
        registered: Box<Capability>,
    },
    Message(HubMessage),
    /// The session is up and a heartbeat is due.
    HeartbeatDue,
    /// The hub was told that this lease failed, or that it is declined.
    FailureSaid {
        lease_id: LeaseId,
    },
    Down {
        reason: String,
    },
    /// The hub refused this worker permanently.
    Refused {
        reason: String,
    },
}

/// The way of one link's events to the worker, which has the links of several hubs.
#[derive(Debug)]
struct ToWorker {
    hub: HubNumber,
    events: mpsc::Sender<(HubNumber, LinkEvent)>,
}

impl ToWorker {
    /// # Errors
    /// The worker is gone.
    async fn send(&self, event: LinkEvent) -> Result<(), WorkerGone> {
        self.events.send((self.hub, event)).await.map_err(|_| WorkerGone)
    }
}

/// Nobody hears the link any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WorkerGone;

/// The worker's end of the way to the link.
#[derive(Debug, Clone)]
pub struct ToLink {
    messages: mpsc::Sender<WorkerMessage>,
    rejoin: Arc<Notify>,
}

/// The link's end.
#[derive(Debug)]
pub struct FromWorker {
    messages: mpsc::Receiver<WorkerMessage>,
    /// Holds the request to register anew until the link answers it, however many messages wait.
    rejoin: Arc<Notify>,
}

/// A way from worker to link on which so many messages wait at most.
pub fn way_to_link(messages_max: usize) -> (ToLink, FromWorker) {
    let (sender, receiver) = mpsc::channel(messages_max);
    let rejoin = Arc::new(Notify::new());
    (ToLink { messages: sender, rejoin: rejoin.clone() }, FromWorker { messages: receiver, rejoin })
}

impl ToLink {
    /// Gives the message back where too many wait, because the hub does not read.
    pub fn say(&self, message: WorkerMessage) -> Option<WorkerMessage> {
        self.messages.try_send(message).err().map(TrySendError::into_inner)
    }

    /// Register anew at once, which ends this session. Without an offer, end the session and wait.
    pub fn rejoin(&self) {
        self.rejoin.notify_one();
    }
}

impl FromWorker {
    /// Forgets what was meant for a session that is over.
    fn forget(&mut self) {
        while self.messages.try_recv().is_ok() {}
        let _ = self.rejoin.notified().now_or_never();
    }
}

/// Why a session ended.
enum SessionEnd {
    /// The worker ended, or the hub refused it permanently.
    Done,
    /// The hub closes this one when it takes the next.
    Rejoin(Box<Socket>),
    Broken(String),
}

/// What a registration says of the worker beside its devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding {
    /// Leases that the worker still works on.
    pub leases: Vec<LeaseId>,
    /// Slots that the hub may fill now, with those that these leases fill.
    pub slots: u32,
}

/// Tells what the worker holds of the hub.
pub type TellHolding = Arc<dyn Fn() -> Holding + Send + Sync>;

/// What the worker offers now; nothing where no device is left to serve with.
pub type Offered = watch::Receiver<Option<Capability>>;

/// Keeps a session up, while there is something to offer, until the worker goes away or is refused.
pub async fn keep(
    identity: Identity,
    mut offered: Offered,
    holding: TellHolding,
    mut outgoing: FromWorker,
    events: mpsc::Sender<(HubNumber, LinkEvent)>,
) {
    let events = ToWorker { hub: identity.number, events };
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    let mut replaced: Option<Box<Socket>> = None;
    loop {
        if offered.borrow().is_none() {
            if let Some(mut socket) = replaced.take() {
                let _ = socket.as_mut().close(None).await;
            }
            let reason = NOTHING_TO_OFFER.to_owned();
            if events.send(LinkEvent::Down { reason }).await.is_err() {
                return;
            }
        }
        let Some(capability) = something(&mut offered, &mut outgoing).await else { return };
        let registered = register(&identity, &capability, &holding).await;
        if let Some(socket) = replaced.take() {
            tokio::spawn(see_off(*socket));
        }
        let reason = match registered {
            Ok(Registered { socket, heartbeat, session }) => {
                let began = Instant::now();
                if let Err(error) = identity.known.remember(identity.number, &session.hub) {
                    tracing::warn!(hub = identity.hub.as_str(), %error, "who this hub is cannot be kept over a restart");
                }
                // Messages for the broken session must not go to this one.
                outgoing.forget();
                let up = LinkEvent::Up { session, registered: Box::new(capability) };
                if events.send(up).await.is_err() {
                    return;
                }
                match pump(socket, heartbeat, &mut outgoing, &events).await {
                    SessionEnd::Broken(reason) => {
                        // Two workers with one key end each other's sessions; without a pause they would do nothing else.
                        if began.elapsed() > LONGEST_WAIT {
                            backoff.reset();
                        }
                        reason
                    }
                    SessionEnd::Rejoin(socket) => {
                        replaced = Some(socket);
                        continue;
                    }
                    SessionEnd::Done => return,
                }
            }
            Err(HubLinkError::Refused(reason)) => {
                let _ = events.send(LinkEvent::Refused { reason }).await;
                return;
            }
            Err(error) => error.to_string(),
        };
        if events.send(LinkEvent::Down { reason }).await.is_err() {
            return;
        }
        tokio::time::sleep(backoff.after_failure(jitter())).await;
    }
}

/// Waits until there is something to offer. Nothing where the worker is gone.
async fn something(offered: &mut Offered, outgoing: &mut FromWorker) -> Option<Capability> {
    loop {
        if let Some(capability) = offered.borrow_and_update().clone() {
            return Some(capability);
        }
        tokio::select! {
            changed = offered.changed() => changed.ok()?,
            // Without a session, nothing is sent.
            message = outgoing.messages.recv() => drop(message?),
        }
    }
}

/// Waits until the hub closes a replaced session. If the worker closed it, the hub could take that for the end of the
/// miner's only session and end its leases.
async fn see_off(mut socket: Socket) {
    let _ = timeout(HANDSHAKE_LIMIT, async { while let Some(Ok(_)) = socket.next().await {} }).await;
}

/// The hub's challenge, which every connection gets: its identity and its time.
///
/// # Errors
/// A hub that is away, and one that begins otherwise.
pub async fn greeting(hub: &HubUrl, trust: &Trust, route: &Route) -> Result<Challenge, HubLinkError> {
    let (mut socket, challenge) = open(hub, trust, route).await?;
    let _ = socket.close(None).await;
    Ok(challenge)
}

async fn open(hub: &HubUrl, trust: &Trust, route: &Route) -> Result<(Socket, Challenge), HubLinkError> {
    let limits =
        WebSocketConfig::default().max_message_size(Some(FRAME_MAX_BYTES)).max_frame_size(Some(FRAME_MAX_BYTES));
    let connector = trust.session()?;
    let connect = async {
        let stream = route.connect(hub).await?;
        let opened = client_async_tls_with_config(hub.session(), stream, Some(limits), connector).await;
        opened.map_err(|error| error.to_string())
    };
    let (mut socket, _) = timeout(HANDSHAKE_LIMIT, connect)
        .await
        .map_err(|_| hub.unreachable("it does not answer"))?
        .map_err(|error| hub.unreachable(error))?;
    match receive(&mut socket, hub).await? {
        HubMessage::Challenge(challenge) => Ok((socket, challenge)),
        HubMessage::Refused { reason, retryable } => Err(refusal(hub, reason, retryable)),
        other => Err(hub.unreachable(format_args!("it began with {}", kind(&other)))),
    }
}

/// A session that a hub opened.
struct Registered {
    socket: Socket,
    heartbeat: Duration,
    session: Session,
}

/// Challenge, signed registration, welcome.
async fn register(
    identity: &Identity,
    capability: &Capability,
    holding: &TellHolding,
) -> Result<Registered, HubLinkError> {
    let hub = &identity.hub;
    let (mut socket, challenge) = open(hub, &identity.trust, &identity.route).await?;
    let clock = HubClock::new(challenge.server_time_unix_ms, std::time::Instant::now());
    let known = identity.known.check(identity.number, &HubIdentity::from(&challenge));
    known.map_err(|reason| hub.unreachable(reason))?;
    if challenge.protocol_version != PROTOCOL_VERSION {
        return Err(HubLinkError::Refused(format!(
            "it speaks version {} of the protocol, this worker {PROTOCOL_VERSION}; update the older one",
            challenge.protocol_version
        )));
    }
    let registration = registration(identity, capability.clone(), &challenge, holding())?;
    let slots_told = registration.slots;
    send(&mut socket, &WorkerMessage::Register(Box::new(registration)))
        .await
        .map_err(|error| hub.unreachable(error))?;
    match receive(&mut socket, hub).await? {
        HubMessage::Welcome { heartbeat_seconds } => {
            let heartbeat = Duration::from_secs(heartbeat_seconds).clamp(HEARTBEAT_MIN, HEARTBEAT_MAX);
            let session = Session { hub: HubIdentity::from(&challenge), clock, slots_told };
            Ok(Registered { socket, heartbeat, session })
        }
        HubMessage::Refused { reason, retryable } => Err(refusal(hub, reason, retryable)),
        other => Err(hub.unreachable(format_args!("it answered the registration with {}", kind(&other)))),
    }
}

fn registration(
    identity: &Identity,
    capability: Capability,
    challenge: &Challenge,
    Holding { leases, slots }: Holding,
) -> Result<Registration, HubLinkError> {
    let (address, dialed) = (identity.key.address(), identity.hub.dialed());
    let message = challenge.registration_message(address, &dialed);
    let signature =
        identity.key.sign_message(message.as_bytes()).map_err(|error| HubLinkError::Signature(error.to_string()))?;
    let protocol_version = PROTOCOL_VERSION;
    // The worker may have lost a device since it said what it offers.
    let slots = slots.min(capability.slots);
    Ok(Registration { protocol_version, address, capability, dialed, slots, leases, signature })
}

fn refusal(hub: &HubUrl, reason: String, retryable: bool) -> HubLinkError {
    if retryable { hub.unreachable(reason) } else { HubLinkError::Refused(quote(&reason)) }
}

/// Passes messages both ways until the session is over.
async fn pump(mut socket: Socket, heartbeat: Duration, outgoing: &mut FromWorker, events: &ToWorker) -> SessionEnd {
    let silence = heartbeat * SILENT_HEARTBEATS;
    let mut ping = tokio::time::interval(heartbeat);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard_at = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = outgoing.rejoin.notified() => {
                // What was said before comes first.
                while let Ok(message) = outgoing.messages.try_recv() {
                    if let Err(error) = say(&mut socket, message, events).await {
                        return SessionEnd::Broken(error);
                    }
                }
                return SessionEnd::Rejoin(Box::new(socket));
            }
            // Its answer tells that the hub is there, also when it has nothing to say.
            _ = ping.tick() => {
                if let Err(error) = socket.send(Message::Ping(Vec::new().into())).await {
                    return SessionEnd::Broken(error.to_string());
                }
                if events.send(LinkEvent::HeartbeatDue).await.is_err() {
                    return SessionEnd::Done;
                }
            }
            frame = socket.next() => {
                heard_at = Instant::now();
                match frame {
                    None => return SessionEnd::Broken("the hub closed the session".into()),
                    Some(Err(error)) => return SessionEnd::Broken(error.to_string()),
                    Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                        Ok(HubMessage::Refused { reason, retryable: false }) => {
                            let _ = events.send(LinkEvent::Refused { reason }).await;
                            return SessionEnd::Done;
                        }
                        Ok(HubMessage::Refused { reason, retryable: true }) => return SessionEnd::Broken(quote(&reason)),
                        Ok(message) => {
                            if events.send(LinkEvent::Message(message)).await.is_err() {
                                return SessionEnd::Done;
                            }
                        }
                        Err(error) => {
                            let error = quote(&error.to_string());
                            return SessionEnd::Broken(format!("the hub sent no message: {error}"));
                        }
                    },
                    Some(Ok(_)) => {}
                }
            }
            () = sleep_until(heard_at + silence) => {
                return SessionEnd::Broken(format!("the hub said nothing for {} s", silence.as_secs()));
            }
            message = outgoing.messages.recv() => match message {
                Some(message) => if let Err(error) = say(&mut socket, message, events).await {
                    return SessionEnd::Broken(error);
                },
                None => {
                    let _ = socket.close(None).await;
                    return SessionEnd::Done;
                }
            },
        }
    }
}

/// Sends a message, and tells the worker that the end of a lease was said.
async fn say(socket: &mut Socket, message: WorkerMessage, events: &ToWorker) -> Result<(), String> {
    send(socket, &message).await?;
    if let WorkerMessage::Fail { lease_id, .. } | WorkerMessage::Decline { lease_id } = message {
        // A worker that is gone needs no news.
        let _ = events.send(LinkEvent::FailureSaid { lease_id }).await;
    }
    Ok(())
}

async fn send(socket: &mut Socket, message: &WorkerMessage) -> std::result::Result<(), String> {
    let text = serde_json::to_string(message).map_err(|error| error.to_string())?;
    socket.send(Message::Text(text.into())).await.map_err(|error| error.to_string())
}

/// The next message during registration.
async fn receive(socket: &mut Socket, hub: &HubUrl) -> Result<HubMessage, HubLinkError> {
    loop {
        let frame = timeout(HANDSHAKE_LIMIT, socket.next()).await.map_err(|_| hub.unreachable("it does not answer"))?;
        match frame {
            Some(Ok(Message::Text(text))) => {
                return serde_json::from_str(&text).map_err(|error| hub.unreachable(error));
            }
            Some(Ok(Message::Close(_))) | None => return Err(hub.unreachable("it closed the session")),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(hub.unreachable(error)),
        }
    }
}

fn kind(message: &HubMessage) -> &'static str {
    match message {
        HubMessage::Challenge(_) => "challenge",
        HubMessage::Welcome { .. } => "welcome",
        HubMessage::Refused { .. } => "refused",
        HubMessage::Assign(_) => "assign",
        HubMessage::Cancel { .. } => "cancel",
        HubMessage::Watched { .. } => "watched",
        HubMessage::Notice { .. } => "notice",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_to_register_anew_is_kept_while_no_message_fits_and_is_answered_once() {
        let (to_link, mut from_worker) = way_to_link(1);
        assert_eq!(to_link.say(WorkerMessage::Drain), None);
        assert_eq!(to_link.say(WorkerMessage::Drain), Some(WorkerMessage::Drain));
        to_link.rejoin();
        assert_eq!(from_worker.rejoin.notified().now_or_never(), Some(()));
        assert_eq!(from_worker.rejoin.notified().now_or_never(), None);
        to_link.rejoin();
        from_worker.forget();
        assert_eq!(from_worker.rejoin.notified().now_or_never(), None);
        assert!(from_worker.messages.try_recv().is_err());
    }
}
