//! The desk: one thread that owns the book and its journal.
//!
//! ```text
//! requests ─┐
//! blocks ───┴► one group ─► commands ─► book ─► journal (fsync) ─┬► feed, answers
//!                                                               └► orders, trades, candles ─► database
//! ```
//! A group is first carried out in memory, then the journal is written, with what was signed for each order, and then its
//! requests are answered: one call of fsync lies between an order and its answer, and one more where the policy's log has a
//! new decision. New traders and withdrawals, which are few, are stored before the journal has them. What follows from a
//! group is stored behind it, each entry of the journal once, and who reads rows waits a moment until they have what was
//! acknowledged before. After a failure the desk takes nothing more; the next start goes on from the disk.

use std::sync::Arc;

use exchange::journal::Journal;
use exchange::{Command, Event, Exchange, UnixMs};
use node::{Lane, NodeHandle};
use shared::api::exchange::TradeView;
use store::Store;
use store::change::{KeepSigned, RecordEntries};
use tokio::sync::{Notify, broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::compliance::Compliance;
use super::error::{DeskError, ExchangeError};
use super::group::Group;
use super::ledgers::Ledgers;
use super::limits::{
    COMPARE_EVERY, ENTRIES_PER_SNAPSHOT, GROUP_MAX_ENTRIES, GROUP_MAX_REQUESTS, GROUPS_UNRECORDED_MAX,
};
use super::request::{Request, Waiting};
use super::shared_state::SharedState;
use super::views;
use crate::clock;

type Unrecorded = oneshot::Receiver<()>;

pub(super) struct Desk {
    pub(super) exchange: Exchange,
    pub(super) journal: Journal,
    pub(super) ledgers: Ledgers,
    pub(super) group: Group,
    pub(super) store: Store,
    pub(super) node: NodeHandle,
    pub(super) shared: Arc<SharedState>,
    pub(super) is_paused: bool,
    /// The operator's policy, where it has one.
    pub(super) compliance: Option<Compliance>,
    /// The last block whose events the desk has.
    pub(super) height: u64,
    /// The last block that the database knows of.
    pub(super) recorded_height: u64,
    /// Where the last durable group ended.
    pub(super) committed: u64,
    pub(super) snapshot_at: u64,
    /// Where the next comparison with the contract begins.
    pub(super) compared: usize,
    pub(super) unrecorded: Vec<Unrecorded>,
    /// Tells settlement that trades or withdrawals wait.
    pub(super) to_settle: Arc<Notify>,
}

/// What comes to the desk.
pub(super) struct Arriving {
    pub(super) requests: mpsc::Receiver<Request>,
    /// They change nothing.
    pub(super) questions: mpsc::Receiver<Request>,
}

impl Desk {
    /// Takes only orders that the operator's policy allows.
    pub(super) fn under(self, compliance: Option<Compliance>) -> Self {
        Self { compliance, ..self }
    }

    /// Runs until it is told to stop, or cannot go on.
    pub(super) async fn run(mut self, mut arriving: Arriving, stop: CancellationToken) {
        let shared = Arc::clone(&self.shared);
        if let Err(error) = self.serve(&mut arriving, &stop).await {
            shared.fail(error.to_string());
        }
        // From here on, who asks hears why nothing is done.
        arriving.requests.close();
        arriving.questions.close();
        for waiting in std::mem::take(&mut self.group.waiting) {
            waiting.answer(Err(shared.fault().map_or(ExchangeError::Stopping, ExchangeError::Fault)));
        }
    }

    async fn serve(&mut self, arriving: &mut Arriving, stop: &CancellationToken) -> Result<(), DeskError> {
        let Arriving { requests, questions } = arriving;
        let mut blocks = self.node.clone().in_lane(Lane::Settlement).subscribe_blocks();
        self.read_blocks().await?;
        loop {
            if let Some(fault) = self.shared.fault() {
                return Err(DeskError::Inconsistent(fault));
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                block = blocks.recv() => match block {
                    Err(broadcast::error::RecvError::Closed) => break,
                    // What was missed is read from the chain.
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => self.read_blocks().await?,
                },
                request = requests.recv() => match request {
                    Some(request) => self.serve_group(request, requests).await?,
                    None => break,
                },
                // Requests have gone on with them too, each group with some.
                () = std::future::ready(()), if self.exchange.has_reached_stops() => {
                    self.trigger_some()?;
                    self.finish().await?;
                }
                Some(question) = questions.recv() => {
                    self.serve_one(question).await?;
                    self.finish().await?;
                }
                () = self.until_next_expiry() => {
                    self.apply(Command::Advance)?;
                    self.finish().await?;
                }
                () = tokio::time::sleep(COMPARE_EVERY) => self.read_blocks().await?,
            }
        }
        self.finish().await?;
        self.take_snapshot().await
    }

    async fn until_next_expiry(&self) {
        match self.ledgers.next_expiry() {
            Some(at) => {
                let wait = at.0.saturating_sub(clock::now().0);
                tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
            }
            None => std::future::pending().await,
        }
    }

    async fn serve_group(&mut self, first: Request, requests: &mut mpsc::Receiver<Request>) -> Result<(), DeskError> {
        let mut next = Some(first);
        for _ in 0..GROUP_MAX_REQUESTS {
            let Some(request) = next.take() else { break };
            self.serve_one(request).await?;
            if self.exchange.sequence() - self.committed >= GROUP_MAX_ENTRIES {
                break;
            }
            next = requests.try_recv().ok();
        }
        self.trigger_some()?;
        self.finish().await?;
        match next {
            // It was taken out of the queue and belongs to the next group.
            Some(request) => {
                self.serve_one(request).await?;
                self.finish().await
            }
            None => Ok(()),
        }
    }

    /// Goes on with orders that trades have reached, since one command triggers only so many.
    fn trigger_some(&mut self) -> Result<(), DeskError> {
        if self.exchange.has_reached_stops() {
            self.apply(Command::Advance)?;
        }
        Ok(())
    }

    /// Carries out a command; it is not durable yet.
    pub(super) fn apply(&mut self, command: Command) -> Result<Vec<Event>, DeskError> {
        self.apply_because(command, None)
    }

    /// The same; `words` say why an order is cancelled.
    pub(super) fn apply_because(&mut self, command: Command, words: Option<&str>) -> Result<Vec<Event>, DeskError> {
        let at = self.next_entry();
        self.journal.push(at.1, command)?;
        Ok(self.carry_out(at, &command, words))
    }

    /// The same with a note, which is durable with it.
    pub(super) fn apply_noted(
        &mut self,
        at: (u64, UnixMs),
        command: Command,
        note: &[u8],
    ) -> Result<Vec<Event>, DeskError> {
        self.journal.push_noted(at.1, command, note)?;
        Ok(self.carry_out(at, &command, None))
    }

    /// Sequence and time of the next entry of the journal.
    pub(super) fn next_entry(&self) -> (u64, UnixMs) {
        // What the exchange counts with where the clock was set back.
        (self.exchange.sequence(), UnixMs(clock::now().0).max(self.exchange.now()))
    }

    fn carry_out(&mut self, at: (u64, UnixMs), command: &Command, words: Option<&str>) -> Vec<Event> {
        let mut events = Vec::new();
        self.exchange.apply(command, at.1, &mut events);
        self.group.take(&mut self.ledgers, at, &events, words);
        events
    }

    /// Makes the group durable, then public, answers its requests, and hands its rows to the database.
    pub(super) async fn finish(&mut self) -> Result<(), DeskError> {
        let mut group = std::mem::take(&mut self.group);
        let has_work = !(group.trades.is_empty() && group.signed.withdrawals.is_empty());
        let (after, to) = (self.committed, self.exchange.sequence());
        let durable = match self.sync_decisions() {
            Ok(()) if after == to => {
                group.waiting.into_iter().for_each(|waiting| waiting.answer(Ok(())));
                return Ok(());
            }
            Ok(()) => self.make_durable(group.signed).await,
            Err(error) => Err(error),
        };
        if let Err(error) = durable {
            // Nobody knows what is on the disk: nothing is acknowledged.
            let fault = error.to_string();
            self.shared.fail(fault.clone());
            let refused = |waiting: Waiting| waiting.answer(Err(ExchangeError::Fault(fault.clone())));
            group.waiting.into_iter().for_each(refused);
            return Err(error);
        }
        self.committed = to;
        self.shared.acknowledge(to);
        self.publish(to, group.changes, &group.trades);
        self.tell_traders(&group.followed, &group.trades);
        std::mem::take(&mut group.waiting).into_iter().for_each(|waiting| waiting.answer(Ok(())));
        for order in &mut group.placed {
            if let Some(update) = group.updates.remove(&order.id) {
                order.apply(&update);
            }
        }
        let record = RecordEntries {
            after,
            to,
            placed: group.placed,
            orders: group.updates.into_values().collect(),
            trades: group.trades,
            nonces: group.nonces.into_iter().collect(),
        };
        let recorded = self.store.enqueue(record).await?;
        let (shared, to_settle) = (Arc::clone(&self.shared), Arc::clone(&self.to_settle));
        let (done, is_done) = oneshot::channel();
        tokio::spawn(async move {
            match recorded.await {
                Ok(Ok(())) => shared.record(to),
                Ok(Err(error)) => shared.fail(format!("the database: {error}")),
                Err(_) => shared.fail("the database's writer has stopped"),
            }
            if has_work {
                to_settle.notify_one();
            }
            let _ = done.send(());
        });
        self.unrecorded.push(is_done);
        if self.unrecorded.len() >= GROUPS_UNRECORDED_MAX {
            self.wait_until_recorded().await;
        }
        if to - self.snapshot_at >= ENTRIES_PER_SNAPSHOT {
            self.take_snapshot().await?;
        }
        Ok(())
    }

    fn sync_decisions(&mut self) -> Result<(), DeskError> {
        self.compliance.as_mut().map_or(Ok(()), Compliance::sync).map_err(DeskError::DecisionLog)
    }

    async fn make_durable(&mut self, signed: KeepSigned) -> Result<(), DeskError> {
        if !(signed.traders.is_empty() && signed.withdrawals.is_empty()) {
            self.store.write(signed).await?;
        }
        self.journal.commit()?;
        Ok(())
    }

    fn publish(
        &self,
        sequence: u64,
        mut changes: std::collections::BTreeMap<u16, super::feed::MarketChange>,
        trades: &[store::record::exchange::TradeRecord],
    ) {
        for record in trades {
            if let Some(market) = self.ledgers.listing.market(record.market) {
                let view: TradeView = views::trade(market, record);
                changes.entry(record.market).or_default().trades.push(view);
            }
        }
        for (number, change) in changes {
            if let (Some(feed), Some(market)) = (self.shared.feed(number), self.ledgers.listing.market(number)) {
                feed.publish(market, sequence, change);
            }
        }
        let waiting = self.ledgers.trades_waiting() as u64;
        self.shared.change(|state| state.trades_to_settle = waiting);
    }

    /// Shows how far the desk is.
    pub(super) fn show_state(&self) {
        let (height, is_paused) = (self.height, self.is_paused);
        let waiting = self.ledgers.trades_waiting() as u64;
        self.shared.change(|state| {
            (state.height, state.is_paused, state.trades_to_settle) = (height, is_paused, waiting);
        });
    }

    /// Waits until every finished group's rows are stored.
    pub(super) async fn wait_until_recorded(&mut self) {
        for recorded in std::mem::take(&mut self.unrecorded) {
            // An end without an answer is a fault that was noted.
            let _ = recorded.await;
        }
    }

    /// No snapshot is ahead of the database: a replay brings back what the database lacks.
    async fn take_snapshot(&mut self) -> Result<(), DeskError> {
        self.wait_until_recorded().await;
        if self.shared.fault().is_none() && self.exchange.sequence() > self.snapshot_at {
            self.journal.snapshot(&self.exchange)?;
            self.snapshot_at = self.exchange.sequence();
        }
        Ok(())
    }
}
