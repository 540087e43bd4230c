//! The tasks around the worker, and the channels to them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use shared::capability::Capability;
use shared::job::lifecycle::Blame;
use shared::protocol::WorkerMessage;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};

use super::hubs::{Hubs, Routed};
use super::order::{Order, PoolEvent};
use super::runner::Bench;
use super::state::{Effect, Worker};
use super::{Parts, Pauses, pause, pool, sharing_watch};
use crate::hub::HubNumber;
use crate::hub::link::{self, Holding, Identity, LinkEvent, TellHolding, ToLink};
use crate::hub::results::{self, Delivered, Recipient};
use crate::outbox::Outbox;

const CHANNEL_MAX: usize = 256;

/// How long the last messages and the closing frame of a session may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

pub(super) struct Tasks {
    /// The ways to the hubs, in their order.
    links: Vec<ToLink>,
    orders: mpsc::Sender<Order>,
    pub(super) link: mpsc::Receiver<(HubNumber, LinkEvent)>,
    pub(super) jobs: mpsc::Receiver<PoolEvent>,
    pub(super) delivered: mpsc::Receiver<Delivered>,
    pub(super) pauses: Pauses,
    offered: watch::Sender<Option<Capability>>,
    rest: watch::Sender<bool>,
    sessions: Vec<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
}

impl Tasks {
    /// `outboxes` are those of the hubs, in their order.
    pub(super) fn spawn(parts: Parts, outboxes: Vec<Outbox>, hubs: &Arc<Mutex<Hubs>>) -> Self {
        let (link_sender, link) = mpsc::channel(CHANNEL_MAX);
        let (orders, order_receiver) = mpsc::channel(CHANNEL_MAX);
        let (job_sender, jobs) = mpsc::channel(CHANNEL_MAX);
        let (delivered_sender, delivered) = mpsc::channel(CHANNEL_MAX);
        let (pause_sender, pauses) = watch::channel(None);
        let gpu_use = sharing_watch::watch(parts.gpu_sharing, parts.serving);
        let (offered, offered_receiver) = watch::channel(Some(parts.capability));
        let (mut links, mut sessions, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (identity, outbox) in parts.hubs.into_iter().zip(outboxes.iter().cloned()) {
            let Identity { number, hub, trust, route, .. } = identity.clone();
            let recipient = Recipient { number, url: hub, trust, route };
            others.push(tokio::spawn(results::deliver(outbox, recipient, delivered_sender.clone())));
            let (outgoing, outgoing_receiver) = link::way_to_link(CHANNEL_MAX);
            let holding = holding_of(number, Arc::clone(hubs));
            let session =
                link::keep(identity, offered_receiver.clone(), holding, outgoing_receiver, link_sender.clone());
            sessions.push(tokio::spawn(session));
            links.push(outgoing);
        }
        let (rest, rest_receiver) = watch::channel(false);
        let bench =
            Bench { outboxes: outboxes.into(), key: parts.key, models: Arc::new(parts.models), rest: rest_receiver };
        others.push(tokio::spawn(pool::run(parts.serving_devices, bench, parts.batching, order_receiver, job_sender)));
        others.push(tokio::spawn(pause::watch(parts.data, parts.schedule, gpu_use, pause_sender)));
        Self { links, orders, link, jobs, delivered, pauses, offered, rest, sessions, others }
    }

    /// The capability of the next registration.
    pub(super) fn offer(&self, capability: Option<Capability>) {
        self.offered.send_replace(capability);
    }

    /// Has the devices rest without a process, or start theirs again.
    pub(super) fn rest(&self, rests: bool) {
        self.rest.send_if_modified(|before| std::mem::replace(before, rests) != rests);
    }

    /// Performs the effects. Gives back the messages for which there was no room, because their hub does not read.
    pub(super) async fn perform(&self, effects: Vec<Routed>) -> Vec<(HubNumber, WorkerMessage)> {
        let mut unsent = Vec::new();
        for (hub, effect) in effects {
            let Some(link) = self.links.get(hub.0) else { continue };
            match effect {
                Effect::Send(message) => {
                    log_given_back(&message);
                    unsent.extend(link.say(message).map(|message| (hub, message)));
                }
                Effect::Rejoin => link.rejoin(),
                Effect::Run(order) => drop(self.orders.send(*order).await),
            }
        }
        unsent
    }

    /// Closes the sessions properly if the worker ended normally, and stops all tasks.
    pub(super) async fn end(self, orderly: bool) {
        let Self { links, orders, sessions, others, offered, .. } = self;
        drop((links, orders, offered));
        let aborts: Vec<_> = sessions.iter().map(JoinHandle::abort_handle).collect();
        if orderly {
            let _ = tokio::time::timeout(CLOSE_LIMIT, join_all(sessions)).await;
        }
        aborts.iter().for_each(AbortHandle::abort);
        others.iter().for_each(JoinHandle::abort);
        // An aborted task drops the supervisors, and with them the inference processes, when it is joined.
        for task in others {
            let _ = task.await;
        }
    }
}

fn holding_of(hub: HubNumber, hubs: Arc<Mutex<Hubs>>) -> TellHolding {
    Arc::new(move || {
        let hubs = hubs.lock().unwrap_or_else(PoisonError::into_inner);
        let holding = |worker: &Worker| Holding {
            leases: worker.leases(),
            slots: u32::try_from(worker.slots_lent()).unwrap_or(u32::MAX),
        };
        hubs.of(hub).map(holding).unwrap_or_default()
    })
}

fn log_given_back(message: &WorkerMessage) {
    match message {
        WorkerMessage::Fail { lease_id, blame: Blame::Platform, reason, .. } => {
            tracing::warn!(%lease_id, reason, "a lease is given back unserved");
        }
        WorkerMessage::Decline { lease_id } => {
            tracing::info!(%lease_id, "a lease is declined: a job of another hub has the slot");
        }
        _ => {}
    }
}
