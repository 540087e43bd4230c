//! What the desk remembers beside the book: accounts, open orders with what was signed, and what waits for the chain.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use exchange::{AccountId, AssetId, UnixMs};
use shared::exchange::{TimeInForce, Trigger};
use store::record::exchange::OrderRecord;
use trading::{MatchedTrade, Owed, SETTLEMENT_SECONDS};

use super::account_feed::AccountFeeds;
use super::accounts::Accounts;
use super::feed::Sides;
use super::group::OpenOrder;
use super::listing::Listing;

/// A withdrawal that no block has.
#[derive(Debug, Clone, Copy)]
pub(super) struct WaitingWithdrawal {
    pub(super) asset: AssetId,
    pub(super) amount: u128,
}

pub(super) struct Ledgers {
    pub(super) listing: std::sync::Arc<Listing>,
    /// Shows of which traders somebody wants to hear.
    pub(super) account_feeds: AccountFeeds,
    pub(super) accounts: Accounts,
    /// By id.
    pub(super) orders: HashMap<u64, OpenOrder>,
    /// When orders leave the book by themselves.
    expiries: BTreeSet<(u64, u64)>,
    /// Matched, and no block has them: by the entry of the journal, the market and the number.
    trades: BTreeMap<(u64, u16, u64), MatchedTrade>,
    sequence_of: HashMap<(u16, u64), u64>,
    pub(super) withdrawals: BTreeMap<(AccountId, u64), WaitingWithdrawal>,
    /// Open lots by price, by market.
    pub(super) sides: Vec<Sides>,
}

impl Ledgers {
    pub(super) fn new(listing: std::sync::Arc<Listing>) -> Self {
        let sides = listing.markets.iter().map(|_| Sides::default()).collect();
        Self {
            listing,
            account_feeds: AccountFeeds::default(),
            accounts: Accounts::default(),
            orders: HashMap::new(),
            expiries: BTreeSet::new(),
            trades: BTreeMap::new(),
            sequence_of: HashMap::new(),
            withdrawals: BTreeMap::new(),
            sides,
        }
    }

    /// Remembers an order from before the book has it.
    pub(super) fn remember_order(&mut self, record: OrderRecord, has_rested: bool) {
        let signed = &record.signed.signed;
        let stays = signed.trigger != Trigger::None
            || matches!(signed.time_in_force, TimeInForce::GoodTilTime | TimeInForce::PostOnly);
        let leaves_at = signed.expires_at.0.saturating_sub(SETTLEMENT_SECONDS).saturating_mul(1_000);
        if let Some(account) = self.accounts.get_mut(AccountId(record.account)) {
            account.orders.insert(record.id);
        }
        if stays {
            self.expiries.insert((leaves_at, record.id));
        }
        let (id, side) = (record.id, signed.side);
        self.orders.insert(id, OpenOrder { record, side, has_rested, leaves_at: UnixMs(leaves_at) });
    }

    pub(super) fn forget_order(&mut self, id: u64) -> Option<OpenOrder> {
        let order = self.orders.remove(&id)?;
        self.expiries.remove(&(order.leaves_at.0, id));
        if let Some(account) = self.accounts.get_mut(AccountId(order.record.account)) {
            account.orders.remove(&id);
        }
        Some(order)
    }

    /// When the next order leaves the book by itself.
    pub(super) fn next_expiry(&self) -> Option<UnixMs> {
        self.expiries.first().map(|(at, _)| UnixMs(*at))
    }

    /// A trade waits for the chain.
    pub(super) fn wait_for(&mut self, trade: MatchedTrade) {
        self.owe(&trade, Accounts::owe);
        self.sequence_of.insert((trade.market, trade.trade), trade.sequence);
        self.trades.insert((trade.sequence, trade.market, trade.trade), trade);
    }

    /// A trade is final or void; nothing where it did not wait.
    pub(super) fn wait_no_longer(&mut self, market: u16, trade: u64) -> Option<MatchedTrade> {
        let sequence = self.sequence_of.remove(&(market, trade))?;
        let trade = self.trades.remove(&(sequence, market, trade))?;
        self.owe(&trade, Accounts::no_longer_owe);
        Some(trade)
    }

    fn owe(&mut self, trade: &MatchedTrade, change: fn(&mut Accounts, AccountId, AssetId, Owed)) {
        let Some(rules) = self.listing.market(trade.market).map(|listed| listed.market.rules) else { return };
        for (account, asset, owed) in trade.effects(&rules) {
            change(&mut self.accounts, account, asset, owed);
        }
    }

    pub(super) fn trades_waiting(&self) -> usize {
        self.trades.len()
    }

    pub(super) fn has_work_for_the_chain(&self) -> bool {
        !(self.trades.is_empty() && self.withdrawals.is_empty())
    }

    /// Since when the oldest trade waits.
    pub(super) fn oldest_trade_at(&self) -> Option<UnixMs> {
        self.trades.first_key_value().map(|(_, trade)| trade.matched_at)
    }

    pub(super) fn trades_waiting_of(&self, account: AccountId) -> u64 {
        let is_of = |trade: &&MatchedTrade| trade.maker.account == account || trade.taker.account == account;
        self.trades.values().filter(is_of).count() as u64
    }

    /// A withdrawal waits for the chain.
    pub(super) fn wait_for_withdrawal(&mut self, account: AccountId, nonce: u64, waiting: WaitingWithdrawal) {
        let owed = Owed { incoming: 0, outgoing: waiting.amount };
        self.accounts.owe(account, waiting.asset, owed);
        if let Some(account) = self.accounts.get_mut(account) {
            account.withdrawals_waiting += 1;
        }
        self.withdrawals.insert((account, nonce), waiting);
    }

    /// A withdrawal is paid or refused.
    pub(super) fn withdrawal_ended(&mut self, account: AccountId, nonce: u64) {
        let Some(waiting) = self.withdrawals.remove(&(account, nonce)) else { return };
        let owed = Owed { incoming: 0, outgoing: waiting.amount };
        self.accounts.no_longer_owe(account, waiting.asset, owed);
        if let Some(account) = self.accounts.get_mut(account) {
            account.withdrawals_waiting = account.withdrawals_waiting.saturating_sub(1);
        }
    }
}
