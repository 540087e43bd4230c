//! Counts every minute what should have moved on by itself and did not: [`hub::stuck`] has the rule, store and chain have
//! the facts. It changes nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use alloy_sol_types::SolEvent as _;
use contracts::{JOB_ESCROW_ADDRESS, JobEscrow};
use hub::stuck::{ReservedJob, Waiting, count};
use node::chain::{ChainError, LogFilter, PlacedLog};
use node::{NodeError, NodeHandle};
use shared::api::stuck::{StuckKind, StuckView};
use shared::id::JobId;
use shared::time::{UnixMillis, UnixSeconds};
use shared::{Address, B256};
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::metrics::Metrics;

/// How often it is counted; the first time at the start.
const EVERY: Duration = Duration::from_secs(60);

/// Things of one kind that are looked at, the oldest ones.
const LOOKED_AT_MAX: usize = 1_000;

/// Blocks whose events are read at once.
const BLOCKS_AT_ONCE: u64 = 5_000;

/// Open reservations that are kept in memory.
const RESERVATIONS_MAX: usize = 100_000;

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// The escrow's open reservations of one hub, as the chain's events tell of them.
#[derive(Debug, Default)]
struct OpenReservations {
    next_block: u64,
    open: BTreeMap<(Address, JobId), UnixMillis>,
    /// Some did not fit.
    is_more: bool,
}

fn escrow_event(event: B256) -> LogFilter {
    let mut filter = LogFilter::default();
    filter.addresses.insert(JOB_ESCROW_ADDRESS);
    filter.topics[0].insert(event);
    filter
}

impl OpenReservations {
    fn apply(&mut self, found: &PlacedLog) {
        if let Ok(event) = JobEscrow::Reserved::decode_log(&found.log) {
            if self.open.len() >= RESERVATIONS_MAX {
                self.is_more = true;
                return;
            }
            let since = UnixSeconds(found.block_timestamp_unix_s).millis();
            self.open.insert((event.client, job_id(event.jobId)), since);
        } else if let Ok(event) = JobEscrow::ReservationClosed::decode_log(&found.log) {
            self.open.remove(&(event.client, job_id(event.jobId)));
        }
    }
}

fn job_id(bytes: alloy_primitives::FixedBytes<16>) -> JobId {
    JobId::from_random(u128::from_be_bytes(bytes.0))
}

struct Shared {
    store: Store,
    node: NodeHandle,
    /// Whose reservations they are.
    hub: Address,
    metrics: Arc<Metrics>,
    latest: RwLock<StuckView>,
    reservations: tokio::sync::Mutex<OpenReservations>,
}

/// Counts what is stuck, and keeps the last count.
#[derive(Clone)]
pub struct Stuck(Arc<Shared>);

impl Stuck {
    pub(crate) fn new(store: Store, node: NodeHandle, hub: Address, metrics: Arc<Metrics>) -> Self {
        // Every kind has its row from the first answer on.
        let unknown = StuckView { counted_at_unix_ms: None, ..count(&[], &[], UnixMillis(0)) };
        let (latest, reservations) = (RwLock::new(unknown), tokio::sync::Mutex::default());
        Self(Arc::new(Shared { store, node, hub, metrics, latest, reservations }))
    }

    /// The last count.
    pub fn latest(&self) -> StuckView {
        self.0.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs until the server stops.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match self.count(clock::now()).await {
                Ok(view) if view.total > 0 => tracing::warn!(stuck = view.total, "something did not move on by itself"),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "what is stuck was not counted; it is tried again in a minute"),
            }
        }
    }

    /// Counts as of `now`, and keeps the answer.
    ///
    /// # Errors
    /// The store's or the node's. The last count stays.
    pub async fn count(&self, now: UnixMillis) -> Result<StuckView, CountError> {
        let (mut waiting, mut more) = (Vec::new(), Vec::new());
        let read_to = match self.look_at_chain(now, &mut waiting, &mut more).await {
            Ok(read_to) => read_to,
            // What the hub itself has is counted all the same.
            Err(error) => {
                tracing::warn!(%error, "the escrow's events could not be read");
                more.push(StuckKind::Reservation);
                self.latest().chain_read_to
            }
        };
        self.look_at_work(now, &mut waiting, &mut more).await?;
        self.look_at_money(now, &mut waiting, &mut more).await?;
        let view = StuckView { chain_read_to: read_to, ..count(&waiting, &more, now) };
        for of_kind in &view.counts {
            self.0.metrics.set_stuck(of_kind.kind, of_kind.count);
        }
        *self.0.latest.write().unwrap_or_else(PoisonError::into_inner) = view.clone();
        Ok(view)
    }

    /// What the chain has set aside, and what the store has of its jobs. Answers up to which block it was read.
    async fn look_at_chain(
        &self,
        now: UnixMillis,
        waiting: &mut Vec<(String, Waiting)>,
        more: &mut Vec<StuckKind>,
    ) -> Result<Option<u64>, CountError> {
        let mut reservations = self.0.reservations.lock().await;
        self.follow(&mut reservations).await?;
        let before = before(now, StuckKind::Reservation);
        let mut old: Vec<_> =
            reservations.open.iter().filter(|(_, since)| **since < before).map(|(key, since)| (*since, *key)).collect();
        old.sort_unstable();
        if reservations.is_more || old.len() > LOOKED_AT_MAX {
            more.push(StuckKind::Reservation);
        }
        old.truncate(LOOKED_AT_MAX);
        let jobs: Vec<JobId> = old.iter().map(|(_, (_, job_id))| *job_id).collect();
        let known = self.0.store.list_payments_with_ends(&jobs).await?;
        for (since, (_, job_id)) in old {
            let job = match known.get(&job_id) {
                None => ReservedJob::Unknown,
                Some((payment, _)) if payment.state.is_final() => ReservedJob::Settled(payment.changed_at),
                Some(_) => ReservedJob::Moving,
            };
            waiting.push((job_id.to_string(), Waiting::Reserved { since, job }));
        }
        Ok(reservations.next_block.checked_sub(1))
    }

    /// Reads the escrow's events of the blocks since the last time.
    async fn follow(&self, reservations: &mut OpenReservations) -> Result<(), NodeError> {
        let head = self.0.node.head()?.number;
        if reservations.next_block > head + 1 {
            // A chain that began anew.
            *reservations = OpenReservations::default();
        }
        // A reservation of another hub is that hub's to move on. A closing names none, and closes what is known or nothing.
        let mut reserved = escrow_event(JobEscrow::Reserved::SIGNATURE_HASH);
        reserved.topics[3].insert(self.0.hub.into_word());
        let closed = escrow_event(JobEscrow::ReservationClosed::SIGNATURE_HASH);
        let mut blocks = BLOCKS_AT_ONCE;
        while reservations.next_block <= head {
            let (first, last) = (reservations.next_block, head.min(reservations.next_block + blocks - 1));
            let read = async {
                let reserved = self.0.node.logs(reserved.clone(), first, last).await?;
                Ok::<_, NodeError>([reserved, self.0.node.logs(closed.clone(), first, last).await?])
            };
            match read.await {
                Ok(found) => found.iter().flatten().for_each(|found| reservations.apply(found)),
                // Strangers can fill blocks with events of reservations that are their own: fewer blocks are asked for.
                Err(NodeError::Chain(ChainError::LimitExceeded { .. })) if blocks > 1 => {
                    blocks /= 2;
                    continue;
                }
                Err(NodeError::Chain(ChainError::LimitExceeded { .. })) => reservations.is_more = true,
                Err(error) => return Err(error),
            }
            reservations.next_block = last + 1;
        }
        Ok(())
    }

    /// Jobs and leases past their time.
    async fn look_at_work(
        &self,
        now: UnixMillis,
        waiting: &mut Vec<(String, Waiting)>,
        more: &mut Vec<StuckKind>,
    ) -> Result<(), StoreError> {
        let store = &self.0.store;
        let jobs = store.list_overdue_jobs(before(now, StuckKind::Job), LOOKED_AT_MAX as u64).await?;
        note_more(more, StuckKind::Job, jobs.len());
        waiting.extend(jobs.into_iter().map(|(id, deadline)| (id.to_string(), Waiting::Job { deadline })));
        let leases = store.list_overdue_leases(before(now, StuckKind::Lease), LOOKED_AT_MAX as u64).await?;
        note_more(more, StuckKind::Lease, leases.len());
        waiting.extend(leases.into_iter().map(|(id, deadline)| (id.to_string(), Waiting::Lease { deadline })));
        Ok(())
    }

    /// Payments, receipts, holds and transactions that did not move.
    async fn look_at_money(
        &self,
        now: UnixMillis,
        waiting: &mut Vec<(String, Waiting)>,
        more: &mut Vec<StuckKind>,
    ) -> Result<(), StoreError> {
        let store = &self.0.store;
        let payments = store.list_resting_payments(before(now, StuckKind::Reservation), LOOKED_AT_MAX as u64).await?;
        note_more(more, StuckKind::Reservation, payments.len());
        waiting.extend(payments.into_iter().map(|(payment, job_over)| {
            let name = payment.signed.order.job_id.to_string();
            (name, Waiting::Payment { state: payment.state, since: payment.changed_at, job_over })
        }));
        let receipts = store.list_unpaid_receipts(before(now, StuckKind::Receipt), LOOKED_AT_MAX as u64).await?;
        note_more(more, StuckKind::Receipt, receipts.len());
        waiting.extend(receipts.into_iter().map(|record| {
            let expires_at = record.signed.receipt.expires_at;
            let receipt = Waiting::Receipt { attested_at: record.attested_at, expires_at };
            (record.signed.receipt_hash.to_string(), receipt)
        }));
        let holds = store.list_overdue_holds(before(now, StuckKind::Hold), LOOKED_AT_MAX as u64).await?;
        note_more(more, StuckKind::Hold, holds.len());
        waiting.extend(holds.into_iter().map(|(hash, due)| (hash.to_string(), Waiting::Hold { due })));
        let signed =
            store.list_unplaced_transactions(before(now, StuckKind::Transaction), LOOKED_AT_MAX as u64).await?;
        note_more(more, StuckKind::Transaction, signed.len());
        waiting
            .extend(signed.into_iter().map(|(hash, signed_at)| (hash.to_string(), Waiting::Transaction { signed_at })));
        Ok(())
    }
}

/// What waits since before this moment is stuck.
fn before(now: UnixMillis, kind: StuckKind) -> UnixMillis {
    UnixMillis(now.0.saturating_sub(kind.limit_ms()))
}

fn note_more(more: &mut Vec<StuckKind>, kind: StuckKind, found: usize) {
    if found >= LOOKED_AT_MAX {
        more.push(kind);
    }
}
