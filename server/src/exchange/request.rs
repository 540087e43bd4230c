//! What the desk is asked for. Every answer comes once what it says is on the disk.

use shared::Address;
use shared::api::exchange::{CancelledOrders, ExchangeAccount, OrderView, PlacedOrder, WithdrawalView};
use shared::exchange::{AssetUnits, ExchangeWithdrawal, OrderCancellation, OrderReduction, SignedByTrader};
use tokio::sync::oneshot;

use super::account_feed::AccountFollowing;
use super::error::ExchangeError;
use super::signers::VerifiedOrder;

pub(super) type Reply<T> = oneshot::Sender<Result<T, ExchangeError>>;

/// Signatures were checked before.
pub(super) enum Request {
    Place {
        verified: Box<VerifiedOrder>,
        reply: Reply<PlacedOrder>,
    },
    Cancel {
        signed: OrderCancellation,
        reply: Reply<CancelledOrders>,
    },
    CancelOne {
        id: u64,
        trader: Address,
        reply: Reply<CancelledOrders>,
    },
    /// An order of this trader, by its nonce.
    Reduce {
        signed: OrderReduction,
        reply: Reply<OrderView>,
    },
    /// The same, by the order's id.
    ReduceOne {
        id: u64,
        trader: Address,
        amount: AssetUnits,
        reply: Reply<OrderView>,
    },
    Withdraw {
        signed: Box<SignedByTrader<ExchangeWithdrawal>>,
        reply: Reply<WithdrawalView>,
    },
    Account {
        trader: Address,
        reply: Reply<ExchangeAccount>,
    },
    FollowAccount {
        trader: Address,
        reply: Reply<AccountFollowing>,
    },
    /// The contract refuses a trade for good.
    VoidTrade {
        market: u16,
        trade: u64,
        reason: String,
        reply: Reply<()>,
    },
    /// The contract refuses a withdrawal for good.
    RefuseWithdrawal {
        trader: Address,
        nonce: u64,
        reason: String,
        reply: Reply<()>,
    },
}

/// An answer that waits until its group is durable.
pub(super) struct Waiting(Box<dyn FnOnce(Result<(), ExchangeError>) + Send>);

impl Waiting {
    pub(super) fn new<T: Send + 'static>(reply: Reply<T>, answer: Result<T, ExchangeError>) -> Self {
        Self(Box::new(move |durable| {
            // Who asked may be gone; what was done stands.
            let _ = reply.send(durable.and(answer));
        }))
    }

    pub(super) fn answer(self, durable: Result<(), ExchangeError>) {
        (self.0)(durable);
    }
}
