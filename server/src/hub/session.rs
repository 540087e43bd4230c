//! The WebSocket session of one worker.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::extract::ws::{Message, WebSocket};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hub::board::{Arrival, Failure, HubIdentity, SessionNumber};
use hub::lease::HEARTBEAT_SECONDS;
use hub::pinned::PinnedModels;
use shared::Address;
use shared::capability::Capability;
use shared::id::LeaseId;
use shared::protocol::{
    Challenge, HubMessage, PIECE_MAX_BYTES, PREVIEW_MAX_BYTES, PROTOCOL_VERSION, Preview, REASON_MAX_CHARS,
    Registration, WorkerMessage,
};
use shared::time::UnixMillis;
use shared::{B256, signing};
use store::Store;
use store::change::UpsertMiner;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::actor::ToSession;
use super::handle::{HubError, HubHandle};
use super::reached_at::ReachedAt;
use crate::clock;
use crate::metrics::Metrics;

/// Time to answer the challenge.
const REGISTRATION_TIME: Duration = Duration::from_secs(10);

/// Messages that wait for a slow worker; one that falls further behind is disconnected.
const OUTBOX_MAX_MESSAGES: usize = 256;

/// Leases that one message may list.
const LEASES_MAX: usize = 1_024;

/// Why a session ends.
#[derive(Debug, thiserror::Error)]
enum SessionEnd {
    #[error("the connection was closed")]
    Closed,
    #[error("the connection failed: {0}")]
    Connection(#[from] axum::Error),
    #[error("{reason}")]
    Refused { reason: String, retryable: bool },
    #[error("the hub is stopping")]
    Stopping,
}

impl SessionEnd {
    fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into(), retryable: false }
    }
}

/// Counts miners that the hub does not know.
#[async_trait]
pub trait NewMiners: Send + Sync {
    /// Counts one of this class of network addresses.
    ///
    /// # Errors
    /// In words, where there are too many.
    async fn count(&self, address_class: &str) -> Result<(), String>;
}

/// Runs the sessions of workers.
#[derive(Clone)]
pub struct SessionHost {
    pub(crate) new_miners: Arc<dyn NewMiners>,
    pub(crate) hub: HubHandle,
    pub(crate) store: Store,
    /// What workers sign to register.
    pub(crate) identity: HubIdentity,
    /// Host and port of where the operator says that this hub is, for pages and for workers.
    pub(crate) named: Arc<[String]>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl SessionHost {
    /// Runs a worker's session until either side ends it.
    pub async fn run(self, address_class: String, reached_at: ReachedAt, mut socket: WebSocket) {
        let end = match self.serve(&address_class, &reached_at, &mut socket).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        let (reason, retryable) = match &end {
            SessionEnd::Closed | SessionEnd::Connection(_) => (None, true),
            SessionEnd::Refused { reason, retryable } => (Some(reason.clone()), *retryable),
            SessionEnd::Stopping => (Some("the hub is stopping".to_owned()), true),
        };
        tracing::debug!(reason = %end, "a worker's session ended");
        if let Some(reason) = reason {
            let _ = send(&mut socket, &HubMessage::Refused { reason, retryable }).await;
            let _ = socket.send(Message::Close(None)).await;
        }
    }

    async fn serve(
        &self,
        address_class: &str,
        reached_at: &ReachedAt,
        socket: &mut WebSocket,
    ) -> Result<std::convert::Infallible, SessionEnd> {
        let challenge = Challenge {
            protocol_version: PROTOCOL_VERSION,
            hub_id: self.identity.hub_id.clone(),
            chain_id: self.identity.chain_id,
            minter: self.identity.minter,
            escrow: self.identity.escrow,
            nonce: B256::from(clock::random_bytes()),
            server_time_unix_ms: clock::now(),
        };
        send(socket, &HubMessage::Challenge(challenge.clone())).await?;
        let registration = tokio::select! {
            message = tokio::time::timeout(REGISTRATION_TIME, receive(socket)) => match message {
                Ok(Ok(WorkerMessage::Register(registration))) => *registration,
                Ok(Ok(_)) => return Err(SessionEnd::refused("the first message is `register`")),
                Ok(Err(end)) => return Err(end),
                Err(_) => return Err(SessionEnd::refused("no registration within 10 seconds")),
            },
            () = self.stop.cancelled() => return Err(SessionEnd::Stopping),
        };
        check_registration(&challenge, &registration, clock::now()).map_err(SessionEnd::refused)?;
        // The operator may name the address later, so the worker may come again.
        let elsewhere = |reason| SessionEnd::Refused { reason, retryable: true };
        reached_at.check(&registration.dialed).map_err(elsewhere)?;
        self.admit(address_class, registration.address).await?;
        let (sender, mut outbox) = mpsc::channel(OUTBOX_MAX_MESSAGES);
        let session = self.hub.open_session(sender);
        let miner = registration.address;
        let end = match self.enter(socket, session, registration).await {
            Ok(()) => self.exchange(socket, session, miner, &mut outbox).await,
            Err(end) => end,
        };
        self.hub.close_session(session);
        // A server that stops keeps its leases: after the restart their miners bring the results.
        if !self.stop.is_cancelled() {
            self.hub.leave(miner, session).await;
        }
        Err(end)
    }

    /// Counts a miner that this hub does not know before anything of it is kept.
    async fn admit(&self, address_class: &str, miner: Address) -> Result<(), SessionEnd> {
        let counted = match self.store.is_known_miner(miner).await {
            Ok(true) => Ok(()),
            Ok(false) => self.new_miners.count(address_class).await,
            Err(error) => Err(error.to_string()),
        };
        counted.map_err(|reason| SessionEnd::Refused { reason, retryable: true })
    }

    async fn enter(
        &self,
        socket: &mut WebSocket,
        session: SessionNumber,
        registration: Registration,
    ) -> Result<(), SessionEnd> {
        let Registration { address, mut capability, slots: slots_lent, leases, .. } = registration;
        let foreign = take_foreign_offers(self.hub.board().catalog().pinned(), &mut capability);
        let failed = |error: store::StoreError| SessionEnd::Refused { reason: error.to_string(), retryable: true };
        let seen = UpsertMiner { address, capability: capability.clone(), seen_at: clock::now() };
        self.store.write(seen).await.map_err(failed)?;
        // The board matches jobs by offers. The hardware report is for people, and the store holds it.
        capability.hardware = None;
        let comes_back = !leases.is_empty();
        let unchanged = self.hub.histories.read().await;
        let history = self.store.find_miner(address).await.map_err(failed)?;
        let (completed, faults) = history.map_or((0, 0), |miner| (miner.jobs_completed, miner.faults));
        let leases_ended = completed + faults;
        let arrival = Arrival { address, session, capability, slots_lent, leases, leases_ended, faults };
        let joined = self.hub.join(arrival).await;
        drop(unchanged);
        joined.map_err(|error| SessionEnd::Refused { reason: error.to_string(), retryable: true })?;
        // A welcomed worker can get jobs at once. Messages that the board sends meanwhile wait in the session's queue.
        send(socket, &HubMessage::Welcome { heartbeat_seconds: HEARTBEAT_SECONDS }).await?;
        tracing::info!(miner = %address, session = session.0, "a miner registered");
        for text in foreign {
            tracing::warn!(miner = %address, "{text}");
            send(socket, &HubMessage::Notice { text }).await?;
        }
        if comes_back {
            self.hub.tell_watched(address);
        }
        Ok(())
    }

    async fn exchange(
        &self,
        socket: &mut WebSocket,
        session: SessionNumber,
        miner: Address,
        outbox: &mut mpsc::Receiver<ToSession>,
    ) -> SessionEnd {
        let mut offered = Offered::default();
        loop {
            let step = tokio::select! {
                outgoing = outbox.recv() => match outgoing {
                    Some(ToSession::Send(message)) => {
                        offered.note(&message);
                        send(socket, &message).await
                    }
                    Some(ToSession::Close { reason }) => Err(SessionEnd::Refused { reason, retryable: true }),
                    None => Err(SessionEnd::Closed),
                },
                incoming = receive(socket) => match incoming {
                    Ok(message) => {
                        if let WorkerMessage::Accept { lease_id } = &message
                            && let Some(elapsed) = offered.accepted(*lease_id)
                        {
                            self.metrics.accept_seconds.observe(elapsed.as_secs_f64());
                        }
                        self.handle(socket, session, miner, message).await
                    }
                    Err(end) => Err(end),
                },
                () = self.stop.cancelled() => Err(SessionEnd::Stopping),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn handle(
        &self,
        socket: &mut WebSocket,
        session: SessionNumber,
        miner: Address,
        message: WorkerMessage,
    ) -> Result<(), SessionEnd> {
        let result = match message {
            WorkerMessage::Register(_) => return Err(SessionEnd::refused("the session is registered already")),
            WorkerMessage::Accept { .. } => self.hub.heard(miner, session).await,
            WorkerMessage::Progress(progress) => {
                self.hub.heard(miner, session).await.map_err(|_| SessionEnd::Stopping)?;
                let data_url = progress.preview.as_ref().map(preview_url).transpose().map_err(SessionEnd::refused)?;
                let piece_bytes = progress.piece.as_ref().map_or(0, |piece| piece.text.len());
                if piece_bytes > PIECE_MAX_BYTES {
                    return Err(SessionEnd::refused(format!(
                        "piece is up to {PIECE_MAX_BYTES} bytes, got {piece_bytes}"
                    )));
                }
                self.hub.progress(miner, progress, data_url).await
            }
            WorkerMessage::Fail { lease_id, blame, reason, retryable } => {
                let reason = reason.chars().take(REASON_MAX_CHARS).collect();
                self.hub.fail(lease_id, miner, Failure { blame, retryable, reason }).await
            }
            WorkerMessage::Slots { slots } => self.hub.lend_slots(miner, session, slots).await,
            WorkerMessage::Decline { lease_id } => self.hub.decline(lease_id, miner).await,
            WorkerMessage::Heartbeat { leases } if leases.len() > LEASES_MAX => {
                return Err(SessionEnd::refused(format!(
                    "heartbeat.leases has up to {LEASES_MAX}, got {}",
                    leases.len()
                )));
            }
            WorkerMessage::Heartbeat { leases } => {
                self.hub.heard(miner, session).await.map_err(|_| SessionEnd::Stopping)?;
                self.hub.heartbeat(miner, leases).await
            }
            WorkerMessage::Drain => self.hub.drain(miner, session).await,
        };
        match result {
            Ok(()) => Ok(()),
            Err(HubError::Stopping) => Err(SessionEnd::Stopping),
            // A message may cross the end of its lease on the way. That is no fault.
            Err(HubError::Board(error)) => send(socket, &HubMessage::Notice { text: error.to_string() }).await,
        }
    }
}

/// Assignments of one session that its worker has not answered, with the moments of their push.
#[derive(Debug, Default)]
struct Offered(HashMap<LeaseId, Instant>);

impl Offered {
    fn note(&mut self, message: &HubMessage) {
        match message {
            // A worker holds no more than this at once. One that accepts nothing is not worth a larger memory.
            HubMessage::Assign(_) if self.0.len() >= LEASES_MAX => {}
            HubMessage::Assign(assignment) => {
                self.0.insert(assignment.lease_id, Instant::now());
            }
            HubMessage::Cancel { lease_id, .. } => {
                self.0.remove(lease_id);
            }
            _ => {}
        }
    }

    /// How long the worker took, where it says so for the first time.
    fn accepted(&mut self, lease_id: LeaseId) -> Option<Duration> {
        self.0.remove(&lease_id).map(|at| at.elapsed())
    }
}

/// Takes out the offers that have the name or the manifest of a pinned model and not both, and says so of each. They are neither stored nor shown.
fn take_foreign_offers(pinned: &PinnedModels, capability: &mut Capability) -> Vec<String> {
    let mut foreign = Vec::new();
    capability.offers.retain(|offer| match pinned.check(offer) {
        Ok(()) => true,
        Err(error) => {
            foreign.push(error.to_string());
            false
        }
    });
    foreign
}

fn check_registration(challenge: &Challenge, registration: &Registration, now: UnixMillis) -> Result<(), String> {
    let Registration { protocol_version, address, capability, dialed, slots, leases, signature } = registration;
    if *protocol_version != PROTOCOL_VERSION {
        return Err(format!("protocol_version is {PROTOCOL_VERSION}, got {protocol_version}: update the worker"));
    }
    let message = challenge.registration_message(*address, dialed);
    let signer =
        signing::recover_message(message.as_bytes(), signature).map_err(|error| format!("signature: {error}"))?;
    if signer != *address {
        return Err(format!("the registration of {address} is signed by {signer}"));
    }
    if leases.len() > LEASES_MAX {
        return Err(format!("leases has up to {LEASES_MAX}, got {}", leases.len()));
    }
    if *slots > capability.slots {
        return Err(format!("slots is up to capability.slots, {}, got {slots}", capability.slots));
    }
    capability.check_bounds().map_err(|error| error.detail)?;
    capability.check_offers().map_err(|error| format!("capability: {error}"))?;
    hub::price::check_all(capability).map_err(|error| format!("capability: {error}"))?;
    capability.check_devices().map_err(|error| format!("capability: {error}"))?;
    let Some(hardware) = &capability.hardware else { return Ok(()) };
    hardware.check(*address, now).map_err(|error| format!("capability.hardware: {error}"))
}

/// A preview comes from an unknown miner and goes into a page. Only a picture's media type and valid base64 pass.
fn preview_url(preview: &Preview) -> Result<Arc<str>, String> {
    let Preview { media_type, base64 } = preview;
    if !["image/png", "image/jpeg", "image/webp"].contains(&media_type.as_str()) {
        return Err("preview.media_type is image/png, image/jpeg or image/webp".to_owned());
    }
    let bytes = STANDARD.decode(base64).map_err(|error| format!("preview.base64: {error}"))?;
    if bytes.len() > PREVIEW_MAX_BYTES {
        return Err(format!("preview is up to {PREVIEW_MAX_BYTES} bytes, got {}", bytes.len()));
    }
    Ok(format!("data:{media_type};base64,{base64}").into())
}

async fn send(socket: &mut WebSocket, message: &HubMessage) -> Result<(), SessionEnd> {
    let text = serde_json::to_string(message).map_err(|error| SessionEnd::refused(error.to_string()))?;
    Ok(socket.send(Message::Text(text.into())).await?)
}

async fn receive(socket: &mut WebSocket) -> Result<WorkerMessage, SessionEnd> {
    loop {
        match socket.recv().await.ok_or(SessionEnd::Closed)?? {
            Message::Text(text) => {
                return serde_json::from_str(&text)
                    .map_err(|error| SessionEnd::refused(format!("a message cannot be read: {error}")));
            }
            Message::Binary(_) => return Err(SessionEnd::refused("messages are JSON in text frames")),
            Message::Close(_) => return Err(SessionEnd::Closed),
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}
