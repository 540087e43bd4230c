//! The tasks around the worker, and the channels to them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::capability::Capability;
use shared::job::lifecycle::Blame;
use shared::protocol::WorkerMessage;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use super::order::{JobEvent, Order};
use super::runner::Bench;
use super::state::{Effect, Worker};
use super::{Parts, Pauses, pause, pool, sharing_watch};
use crate::hub::link::{self, LeasesHeld, LinkEvent, ToLink};
use crate::hub::results::{self, Delivered};
use crate::outbox::Outbox;

const CHANNEL_MAX: usize = 256;

/// How long the last messages and the closing frame of a session may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

pub(super) struct Tasks {
    outgoing: ToLink,
    orders: mpsc::Sender<Order>,
    pub(super) link: mpsc::Receiver<LinkEvent>,
    pub(super) jobs: mpsc::Receiver<JobEvent>,
    pub(super) delivered: mpsc::Receiver<Delivered>,
    pub(super) pauses: Pauses,
    offered: watch::Sender<Option<Capability>>,
    rest: watch::Sender<bool>,
    session: Option<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
}

impl Tasks {
    pub(super) fn spawn(parts: Parts, outbox: &Outbox, worker: &Arc<Mutex<Worker>>) -> Self {
        let (outgoing, outgoing_receiver) = link::way_to_link(CHANNEL_MAX);
        let (link_sender, link) = mpsc::channel(CHANNEL_MAX);
        let (orders, order_receiver) = mpsc::channel(CHANNEL_MAX);
        let (job_sender, jobs) = mpsc::channel(CHANNEL_MAX);
        let (delivered_sender, delivered) = mpsc::channel(CHANNEL_MAX);
        let (pause_sender, pauses) = watch::channel(None);
        let gpu_use = sharing_watch::watch(parts.gpu_sharing, parts.served);
        let added = Arc::new(Notify::new());
        let worker = Arc::clone(worker);
        let leases: LeasesHeld = Arc::new(move || worker.lock().unwrap_or_else(PoisonError::into_inner).leases());
        let key = parts.identity.key.clone();
        let link::Identity { hub, trust, route, .. } = parts.identity.clone();
        let (rest, rest_receiver) = watch::channel(false);
        let models = Arc::new(parts.models);
        let bench = Bench { outbox: outbox.clone(), key, models, added: added.clone(), rest: rest_receiver };
        let (offered, offered_receiver) = watch::channel(Some(parts.identity.capability.clone()));
        let session = link::keep(parts.identity, offered_receiver, leases, outgoing_receiver, link_sender);
        let session = tokio::spawn(session);
        let others = vec![
            tokio::spawn(pool::run(parts.serving_devices, bench, parts.batching, order_receiver, job_sender)),
            tokio::spawn(results::deliver(outbox.clone(), hub, trust, route, added, delivered_sender)),
            tokio::spawn(pause::watch(parts.data, parts.schedule, gpu_use, pause_sender)),
        ];
        Self { outgoing, orders, link, jobs, delivered, pauses, offered, rest, session: Some(session), others }
    }

    /// The capability of the next registration.
    pub(super) fn offer(&self, capability: Option<Capability>) {
        self.offered.send_replace(capability);
    }

    /// Has the devices rest without a process, or start theirs again.
    pub(super) fn rest(&self, rests: bool) {
        self.rest.send_if_modified(|before| std::mem::replace(before, rests) != rests);
    }

    /// Performs the effects. Gives back the messages for which there was no room, because the hub does not read.
    pub(super) async fn perform(&self, effects: Vec<Effect>) -> Vec<WorkerMessage> {
        let mut unsent = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send(message) => {
                    if let WorkerMessage::Fail { lease_id, blame: Blame::Platform, reason, .. } = &message {
                        tracing::warn!(%lease_id, reason, "a lease is given back unserved");
                    }
                    unsent.extend(self.outgoing.say(message));
                }
                Effect::Rejoin => self.outgoing.rejoin(),
                Effect::Run(order) => drop(self.orders.send(*order).await),
            }
        }
        unsent
    }

    /// Closes the session properly if the worker ended normally, and stops all tasks.
    pub(super) async fn end(self, orderly: bool) {
        let Self { outgoing, orders, session, others, offered, .. } = self;
        drop((outgoing, orders, offered));
        if let Some(session) = session {
            let abort = session.abort_handle();
            if orderly {
                let _ = tokio::time::timeout(CLOSE_LIMIT, session).await;
            }
            abort.abort();
        }
        others.iter().for_each(JoinHandle::abort);
        // An aborted task drops the supervisors, and with them the inference processes, when it is joined.
        for task in others {
            let _ = task.await;
        }
    }
}
