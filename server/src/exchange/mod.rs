//! The exchange's operator: takes signed orders, matches them, and has the contract settle what was matched.
//!
//! ```text
//! http ─► ExchangeHandle ─► Desk (one thread: book, journal) ─► rows ─► crate::settlement ─► contract
//!                              ▲                                                              │
//!                              └──────────── blocks: deposits, exits, settled trades ◄────────┘
//! ```
//! Rules are in the crates `exchange` (the book) and `trading` (between orders, book and contract). Here is what they need of
//! the world: a thread, files, the database and the chain.

mod access;
mod account_feed;
mod accounts;
mod blocks;
mod compare;
mod compliance;
mod correct;
mod desk;
mod ended;
mod error;
mod feed;
mod group;
mod ledgers;
mod limits;
mod listing;
mod reduce;
mod request;
mod serve_request;
mod shared_state;
mod signed_orders;
mod signers;
mod start;
pub(crate) mod views;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use account_feed::AccountFollowing;

pub use access::ExchangeAccess;
pub(crate) use access::{READERS_MAX, READERS_PER_ADDRESS_MAX, reader_places};
pub use compliance::ComplianceError;
pub use error::{DeskError, ExchangeError};
pub(crate) use feed::MarketFeed;
pub use limits::{NONCE_MAX, OPEN_ORDERS_PER_TRADER};
pub(crate) use listing::{ListedMarket, Listing};
pub(crate) use shared_state::DeskState;
pub(crate) use signers::VerifiedOrder;

use node::NodeHandle;
use shared::Address;
use shared::api::exchange::{CancelledOrders, ExchangeAccount, OrderView, PlacedOrder, WithdrawalView};
use shared::exchange::{AssetUnits, ExchangeWithdrawal, OrderCancellation, OrderReduction, SignedByTrader};
use store::Store;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use compliance::Compliance;
use desk::{Arriving, Desk};
use limits::{QUESTIONS_WAITING_MAX, REQUESTS_WAITING_MAX};
use request::{Reply, Request};
use shared_state::SharedState;

/// The exchange for everybody else in this process. Clones speak to the same desk.
#[derive(Clone)]
pub struct ExchangeHandle {
    requests: mpsc::Sender<Request>,
    questions: mpsc::Sender<Request>,
    shared: Arc<SharedState>,
    to_settle: Arc<Notify>,
}

/// The desk's thread.
pub(crate) struct RunningDesk {
    thread: JoinHandle<()>,
    stop: CancellationToken,
}

impl RunningDesk {
    /// Lets the desk finish what it has taken, and waits for it.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let _ = tokio::task::spawn_blocking(move || self.thread.join()).await;
    }
}

/// The folder of the journal in a data folder.
fn journal_in(data: &Path) -> PathBuf {
    data.join("exchange")
}

/// Opens the exchange of this chain and starts its desk; nothing where the chain has none. `policy` is the file that says
/// whose orders are taken, absent where everybody's are.
pub(crate) async fn start(
    data: &Path,
    policy: Option<&Path>,
    store: Store,
    node: NodeHandle,
) -> Result<Option<(ExchangeHandle, RunningDesk)>, DeskError> {
    let compliance = policy.map(|policy| Compliance::open(policy, data)).transpose()?;
    let Some(desk) = Desk::open(&journal_in(data), store, node).await? else { return Ok(None) };
    let desk = desk.under(compliance);
    let (sender, requests) = mpsc::channel(REQUESTS_WAITING_MAX);
    let (asking, questions) = mpsc::channel(QUESTIONS_WAITING_MAX);
    let stop = CancellationToken::new();
    let handle = ExchangeHandle {
        requests: sender,
        questions: asking,
        shared: Arc::clone(&desk.shared),
        to_settle: Arc::clone(&desk.to_settle),
    };
    let (runtime, stopping) = (tokio::runtime::Handle::current(), stop.clone());
    let guard = PanicGuard(Arc::clone(&desk.shared));
    let thread = std::thread::Builder::new().name("exchange".to_owned()).spawn(move || {
        let _guard = guard;
        runtime.block_on(desk.run(Arriving { requests, questions }, stopping));
    });
    let thread = thread.map_err(DeskError::Thread)?;
    Ok(Some((handle, RunningDesk { thread, stop })))
}

/// A sum that does not fit ends the desk; then nobody may believe that it goes on.
struct PanicGuard(Arc<SharedState>);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("the desk failed; what it acknowledged is on the disk, and the next start goes on from there");
        }
    }
}

impl ExchangeHandle {
    pub(crate) fn listing(&self) -> Arc<Listing> {
        self.shared.listing()
    }

    pub(crate) fn feed(&self, market: &ListedMarket) -> Option<Arc<MarketFeed>> {
        self.shared.feed(market.market.number)
    }

    pub(crate) fn state(&self) -> DeskState {
        self.shared.state()
    }

    /// Why nothing is taken now, if nothing is.
    pub fn fault(&self) -> Option<String> {
        self.shared.fault()
    }

    /// Waits until the database has everything that was acknowledged until now, so that who was answered reads it there, and
    /// says whether it has that in time.
    pub(crate) async fn caught_up(&self, patience: Duration) -> bool {
        self.shared.caught_up(patience).await
    }

    /// Wakes settlement when trades or withdrawals wait.
    pub(crate) fn to_settle(&self) -> Arc<Notify> {
        Arc::clone(&self.to_settle)
    }

    /// Places an order whose signature was checked. The answer comes once it is on the disk.
    pub(crate) async fn place(&self, verified: VerifiedOrder) -> Result<PlacedOrder, ExchangeError> {
        self.ask(|reply| Request::Place { verified: Box::new(verified), reply }).await
    }

    /// Cancels a trader's open orders, by a cancellation whose signature was checked.
    pub(crate) async fn cancel(&self, signed: OrderCancellation) -> Result<CancelledOrders, ExchangeError> {
        self.ask(|reply| Request::Cancel { signed, reply }).await
    }

    /// Cancels an open order of this trader.
    pub(crate) async fn cancel_one(&self, id: u64, trader: Address) -> Result<CancelledOrders, ExchangeError> {
        self.ask(|reply| Request::CancelOne { id, trader, reply }).await
    }

    /// Makes an open order smaller, by a reduction whose signature was checked.
    pub(crate) async fn reduce(&self, signed: OrderReduction) -> Result<OrderView, ExchangeError> {
        self.ask(|reply| Request::Reduce { signed, reply }).await
    }

    /// Makes an open order of this trader smaller.
    pub(crate) async fn reduce_one(
        &self,
        id: u64,
        trader: Address,
        amount: AssetUnits,
    ) -> Result<OrderView, ExchangeError> {
        self.ask(|reply| Request::ReduceOne { id, trader, amount, reply }).await
    }

    /// Takes a withdrawal whose signature was checked.
    pub(crate) async fn withdraw(
        &self,
        signed: SignedByTrader<ExchangeWithdrawal>,
    ) -> Result<WithdrawalView, ExchangeError> {
        self.ask(|reply| Request::Withdraw { signed: Box::new(signed), reply }).await
    }

    pub(crate) async fn account(&self, trader: Address) -> Result<ExchangeAccount, ExchangeError> {
        self.ask_at(&self.questions, |reply| Request::Account { trader, reply }).await
    }

    /// A trader's open orders, and every message about its orders and trades from then on. The rows may have less than the
    /// snapshot until they caught up.
    pub(crate) async fn follow_account(&self, trader: Address) -> Result<AccountFollowing, ExchangeError> {
        self.ask_at(&self.questions, |reply| Request::FollowAccount { trader, reply }).await
    }

    /// The contract refuses a trade for good.
    pub(crate) async fn void_trade(&self, market: u16, trade: u64, reason: String) -> Result<(), ExchangeError> {
        self.ask(|reply| Request::VoidTrade { market, trade, reason, reply }).await
    }

    /// The contract refuses a withdrawal for good.
    pub(crate) async fn refuse_withdrawal(
        &self,
        trader: Address,
        nonce: u64,
        reason: String,
    ) -> Result<(), ExchangeError> {
        self.ask(|reply| Request::RefuseWithdrawal { trader, nonce, reason, reply }).await
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, ExchangeError> {
        self.ask_at(&self.requests, request).await
    }

    async fn ask_at<T>(
        &self,
        queue: &mpsc::Sender<Request>,
        request: impl FnOnce(Reply<T>) -> Request,
    ) -> Result<T, ExchangeError> {
        let (reply, answer) = oneshot::channel();
        queue.try_send(request(reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ExchangeError::Busy,
            mpsc::error::TrySendError::Closed(_) => self.gone(),
        })?;
        answer.await.unwrap_or_else(|_| Err(self.gone()))
    }

    fn gone(&self) -> ExchangeError {
        self.fault().map_or(ExchangeError::Stopping, ExchangeError::Fault)
    }
}
