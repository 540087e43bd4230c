//! One request at the desk: what is checked before the book sees it, and what it leads to.

use exchange::{AccountId, Command, Event, OrderId, Reason, Ticks, Units};
use node::ExchangeReader;
use shared::Address;
use shared::api::exchange::{
    CancelledOrders, ExchangeAccount, ExchangeBalance, ExitState, FILLS_ANSWERED_MAX, PlacedOrder, WithdrawalState,
    WithdrawalView,
};
use shared::exchange::{AssetUnits, ExchangeOrder, ExchangeWithdrawal, OrderCancellation, SignedByTrader};
use shared::time::{UnixMillis, UnixSeconds};
use store::record::exchange::{OrderRecord, WithdrawalRecord};
use trading::{Intake, ORDER_SECONDS_MAX, OrderRefused, SETTLEMENT_SECONDS, decimal};

use super::desk::Desk;
use super::error::{DeskError, ExchangeError};
use super::ledgers::WaitingWithdrawal;
use super::limits::{BEHIND, DELEGATE_NONCE_STEP, NONCE_MAX, OPEN_ORDERS_PER_TRADER, WITHDRAWALS_WAITING_PER_TRADER};
use super::listing::ListedMarket;
use super::request::{Request, Waiting};
use super::signed_orders::{note_of, record_of};
use super::signers::{VerifiedOrder, check_delegation};
use super::views;
use crate::clock;

/// Why a request is not done.
pub(super) enum Stopped {
    /// Its answer.
    Refused(ExchangeError),
    /// It ends the desk.
    Fault(DeskError),
}

impl From<ExchangeError> for Stopped {
    fn from(error: ExchangeError) -> Self {
        Self::Refused(error)
    }
}

impl From<OrderRefused> for Stopped {
    fn from(error: OrderRefused) -> Self {
        Self::Refused(error.into())
    }
}

/// A refusal is an answer; a fault goes on.
fn answer<T>(done: Result<T, Stopped>) -> Result<Result<T, ExchangeError>, DeskError> {
    match done {
        Ok(value) => Ok(Ok(value)),
        Err(Stopped::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stopped::Fault(fault)) => Err(fault),
    }
}

impl Desk {
    pub(super) async fn serve_one(&mut self, request: Request) -> Result<(), DeskError> {
        let waiting = match request {
            Request::Place { verified, reply } => Waiting::new(reply, answer(self.place(*verified))?),
            Request::Cancel { signed, reply } => Waiting::new(reply, answer(self.cancel_range(&signed))?),
            Request::CancelOne { id, trader, reply } => Waiting::new(reply, answer(self.cancel_one(id, trader))?),
            Request::Reduce { signed, reply } => Waiting::new(reply, answer(self.reduce(&signed))?),
            Request::ReduceOne { id, trader, amount, reply } => {
                Waiting::new(reply, answer(self.reduce_one(id, trader, amount))?)
            }
            Request::Withdraw { signed, reply } => Waiting::new(reply, answer(self.withdraw(*signed))?),
            Request::Account { trader, reply } => Waiting::new(reply, Ok(self.account(trader))),
            Request::FollowAccount { trader, reply } => Waiting::new(reply, Ok(self.follow_account(trader))),
            Request::VoidTrade { market, trade, reason, reply } => {
                Waiting::new(reply, Ok(self.void_trade(market, trade, reason).await?))
            }
            Request::RefuseWithdrawal { trader, nonce, reason, reply } => {
                Waiting::new(reply, Ok(self.refuse_withdrawal(trader, nonce, reason).await?))
            }
        };
        self.group.waiting.push(waiting);
        Ok(())
    }

    fn place(&mut self, verified: VerifiedOrder) -> Result<PlacedOrder, Stopped> {
        let (order, now) = (&verified.signed.signed, clock::now());
        let listing = std::sync::Arc::clone(&self.ledgers.listing);
        let (base, quote) = (order.base, order.quote);
        let market = listing.of_pair(base, quote).ok_or(ExchangeError::NoMarket { base, quote })?;
        self.check_open(market, now)?;
        let account = self.check_trader(order.trader, order.nonce)?;
        let known = self.ledgers.accounts.get(account).ok_or(ExchangeError::NoAccount(order.trader))?;
        self.check_signer(order, verified.signer, known.last_nonce, now.seconds())?;
        if known.orders.len() >= OPEN_ORDERS_PER_TRADER {
            return Err(ExchangeError::TooManyOrders.into());
        }
        if let Some(compliance) = &mut self.compliance {
            compliance.check(order.trader, market, now)?;
        }
        let intake = Intake {
            market: &market.market,
            chain_id: listing.chain_id,
            contract: listing.contract,
            newest_epoch: known.newest_epoch,
            now: now.seconds(),
        };
        let id = OrderId(self.exchange.last_order().0 + 1);
        let new = intake.new_order(order, id, account)?;
        let rules = &market.market.rules;
        let (asset, needed) = rules.given(new.side, new.price, new.lots);
        let free = self.exchange.balance(account, asset).map_or(0, |balance| balance.free.0);
        if free < needed.0 {
            // Known before the journal has it: strangers fill no disk with orders that they cannot cover.
            return Err(too_little(&self.ledgers.listing, asset, needed.0, free).into());
        }
        let at = self.next_entry();
        let note = note_of(&verified).map_err(Stopped::Fault)?;
        let nonce = order.nonce;
        let record = record_of(at, market.number(), &new, verified);
        let traded_before = self.group.trades.len();
        self.ledgers.remember_order(record.clone(), false);
        let command = Command::Place { market: market.number(), order: new };
        let events = self.apply_noted(at, command, &note).map_err(Stopped::Fault)?;
        if let Some(reason) = rejection(&events) {
            self.ledgers.forget_order(id.0);
            return Err(refusal(market, reason).into());
        }
        self.take_nonce(account, nonce);
        self.group.placed.push(record.clone());
        Ok(self.placed(market, record, traded_before))
    }

    /// What became of an order at once.
    fn placed(&self, market: &ListedMarket, placed: OrderRecord, traded_before: usize) -> PlacedOrder {
        let mut record = placed;
        if let Some(update) = self.group.updates.get(&record.id) {
            record.apply(update);
        }
        let trades = self.group.trades.get(traded_before..).unwrap_or_default().iter();
        let fills = trades.filter_map(|trade| views::fill_of_order(market, trade, record.id));
        PlacedOrder { fills: fills.take(FILLS_ANSWERED_MAX).collect(), order: views::order(market, &record) }
    }

    fn check_open(&self, market: &ListedMarket, now: UnixMillis) -> Result<(), ExchangeError> {
        if !market.is_open {
            return Err(ExchangeError::MarketClosed(market.id.clone()));
        }
        if self.is_paused {
            return Err(ExchangeError::Paused);
        }
        let waited = self.ledgers.oldest_trade_at().map_or(0, |at| now.0.saturating_sub(at.0));
        if u128::from(waited) > BEHIND.as_millis() {
            return Err(ExchangeError::Behind { seconds: waited / 1_000 });
        }
        match self.node.disk_shortage() {
            Some(shortage) => Err(ExchangeError::Fault(shortage.to_string())),
            None => Ok(()),
        }
    }

    /// The account of a trader that may sign something with this nonce now.
    fn check_trader(&self, trader: Address, nonce: u64) -> Result<AccountId, ExchangeError> {
        let account = self.ledgers.accounts.of(trader).ok_or(ExchangeError::NoAccount(trader))?;
        if account.exit_at.is_some() {
            return Err(ExchangeError::Leaving);
        }
        if nonce <= account.last_nonce || nonce > NONCE_MAX {
            return Err(ExchangeError::Nonce { given: nonce, last: account.last_nonce });
        }
        Ok(account.id)
    }

    /// A delegate's key may sign for the trader still; the trader's own always may.
    fn check_signer(
        &self,
        order: &ExchangeOrder,
        signer: Address,
        last_nonce: u64,
        now: UnixSeconds,
    ) -> Result<(), ExchangeError> {
        if signer == order.trader {
            return Ok(());
        }
        if order.nonce.saturating_sub(last_nonce) > DELEGATE_NONCE_STEP {
            return Err(ExchangeError::DelegateNonce { given: order.nonce, last: last_nonce });
        }
        let snapshot = self.node.snapshot().map_err(ExchangeError::of_node)?;
        let reader = ExchangeReader::at(&snapshot, self.height);
        check_delegation(&reader, (order.trader, signer), order.expires_at, now)
    }

    fn take_nonce(&mut self, account: AccountId, nonce: u64) {
        if let Some(known) = self.ledgers.accounts.get_mut(account) {
            known.last_nonce = nonce;
            self.group.nonces.insert(account.0, nonce);
        }
    }

    fn cancel_range(&mut self, signed: &OrderCancellation) -> Result<CancelledOrders, Stopped> {
        self.check_place(signed.chain_id, signed.contract)?;
        let account = self.ledgers.accounts.of(signed.trader).ok_or(ExchangeError::NoAccount(signed.trader))?;
        let (from, to, last) = (signed.from_nonce, signed.to_nonce, account.last_nonce);
        if from > to || to > last {
            // A cancellation of orders to come could be shown again later, by anybody who has seen it.
            return Err(ExchangeError::CancelRange { from, to, last }.into());
        }
        let is_meant = |id: &&u64| {
            let nonce = self.ledgers.orders.get(id).map(|order| order.record.signed.signed.nonce);
            nonce.is_some_and(|nonce| (from..=to).contains(&nonce))
        };
        let meant: Vec<u64> = account.orders.iter().filter(is_meant).copied().collect();
        let mut order_ids = Vec::with_capacity(meant.len());
        for id in meant {
            if self.cancel(id, None).map_err(Stopped::Fault)? {
                order_ids.push(id);
            }
        }
        Ok(CancelledOrders { order_ids })
    }

    fn cancel_one(&mut self, id: u64, trader: Address) -> Result<CancelledOrders, Stopped> {
        let order = self.ledgers.orders.get(&id).ok_or(ExchangeError::UnknownOrder(id))?;
        if order.record.signed.signed.trader != trader {
            return Err(ExchangeError::OrderOfAnother(id).into());
        }
        if !self.cancel(id, None).map_err(Stopped::Fault)? {
            return Err(ExchangeError::UnknownOrder(id).into());
        }
        Ok(CancelledOrders { order_ids: vec![id] })
    }

    pub(super) fn check_place(&self, chain_id: u64, contract: Address) -> Result<(), ExchangeError> {
        let listing = &self.ledgers.listing;
        if (chain_id, contract) == (listing.chain_id, listing.contract) {
            return Ok(());
        }
        Err(ExchangeError::Elsewhere { chain_id: listing.chain_id, contract: listing.contract })
    }

    fn withdraw(&mut self, signed: SignedByTrader<ExchangeWithdrawal>) -> Result<WithdrawalView, Stopped> {
        let (wanted, now) = (&signed.signed, clock::now());
        self.check_place(wanted.chain_id, wanted.contract)?;
        let account = self.check_trader(wanted.trader, wanted.nonce)?;
        let asset = self.ledgers.listing.assets.id_of(wanted.asset).ok_or(ExchangeError::UnknownAsset(wanted.asset))?;
        check_expiry(wanted.expires_at, now.seconds())?;
        let waiting = self.ledgers.accounts.get(account).map_or(0, |known| known.withdrawals_waiting);
        if waiting >= WITHDRAWALS_WAITING_PER_TRADER {
            return Err(ExchangeError::TooManyWithdrawals.into());
        }
        let amount = wanted.amount.0;
        if amount == 0 {
            return Err(ExchangeError::Nothing.into());
        }
        let free = self.exchange.balance(account, asset).map_or(0, |balance| balance.free.0);
        if free < amount {
            return Err(too_little(&self.ledgers.listing, asset, amount, free).into());
        }
        self.check_nonce_unused(wanted.trader, wanted.nonce)?;
        let record = WithdrawalRecord {
            account: account.0,
            sequence: self.exchange.sequence(),
            state: WithdrawalState::Accepted,
            requested_at: now,
            paid_in: None,
            reason: None,
            signed: signed.clone(),
        };
        let events = self.apply(Command::Withdraw { account, asset, amount: Units(amount) }).map_err(Stopped::Fault)?;
        if let Some(reason) = rejection(&events) {
            return Err(ExchangeError::Book(reason).into());
        }
        self.ledgers.wait_for_withdrawal(account, wanted.nonce, WaitingWithdrawal { asset, amount });
        self.take_nonce(account, wanted.nonce);
        let view = views::withdrawal(&self.ledgers.listing, &record);
        self.group.signed.withdrawals.push(record);
        Ok(view)
    }

    /// A nonce that the contract has seen says that the withdrawal is paid. So none is taken whose nonce was used otherwise.
    fn check_nonce_unused(&self, trader: Address, nonce: u64) -> Result<(), ExchangeError> {
        let snapshot = self.node.snapshot().map_err(ExchangeError::of_node)?;
        let reader = ExchangeReader::at(&snapshot, self.height);
        if reader.is_nonce_used(trader, nonce).map_err(ExchangeError::of_node)? {
            return Err(ExchangeError::NonceUsed(nonce));
        }
        Ok(())
    }

    fn account(&self, trader: Address) -> ExchangeAccount {
        let (listing, account) = (&self.ledgers.listing, self.ledgers.accounts.of(trader));
        let balances = listing.tokens.iter().zip(0_u8..).map(|(token, place)| {
            let asset = exchange::AssetId(place);
            let balance = account.and_then(|account| self.exchange.balance(account.id, asset));
            let in_contract = account.map_or(0, |account| account.in_contract[usize::from(place)]);
            let text = |units| decimal(units, u32::from(token.decimals));
            let (free, reserved) = balance.map_or((0, 0), |balance| (balance.free.0, balance.reserved.0));
            ExchangeBalance {
                asset: token.address,
                symbol: token.symbol.clone(),
                in_contract: text(in_contract),
                in_contract_units: AssetUnits(in_contract),
                reserved: text(reserved),
                reserved_units: AssetUnits(reserved),
                free: text(free),
                free_units: AssetUnits(free),
            }
        });
        let exit_at = account.and_then(|account| account.exit_at).map(UnixSeconds);
        let is_ready = exit_at.is_some_and(|at| clock::now().seconds() >= at);
        ExchangeAccount {
            trader,
            balances: balances.collect(),
            newest_epoch: account.map_or(0, |account| account.newest_epoch),
            next_nonce: account.map_or(0, |account| account.last_nonce) + 1,
            exit: match (exit_at, is_ready) {
                (None, _) => ExitState::None,
                (Some(_), false) => ExitState::Requested,
                (Some(_), true) => ExitState::Ready,
            },
            exit_at,
            open_orders: account.map_or(0, |account| u32::try_from(account.orders.len()).unwrap_or(u32::MAX)),
            trades_to_settle: account.map_or(0, |account| self.ledgers.trades_waiting_of(account.id)),
            block_number: self.height,
        }
    }
}

pub(super) fn rejection(events: &[Event]) -> Option<Reason> {
    events.iter().find_map(|event| match event {
        Event::Rejected { reason, .. } => Some(*reason),
        _ => None,
    })
}

/// Prices in words for a trader, where the book says them in ticks.
fn refusal(market: &ListedMarket, reason: Reason) -> ExchangeError {
    match reason {
        Reason::WouldTriggerAtOnce { trigger, traded } => {
            ExchangeError::TriggerReached { trigger: market.price(Ticks(trigger)), traded: market.price(Ticks(traded)) }
        }
        other => ExchangeError::Book(other),
    }
}

fn too_little(listing: &super::listing::Listing, asset: exchange::AssetId, needed: u128, free: u128) -> ExchangeError {
    let token = listing.tokens.get(usize::from(asset.0));
    let decimals = token.map_or(0, |token| u32::from(token.decimals));
    ExchangeError::TooLittle {
        symbol: token.map(|token| token.symbol.clone()).unwrap_or_default(),
        needed: decimal(needed, decimals),
        free: decimal(free, decimals),
    }
}

fn check_expiry(given: UnixSeconds, now: UnixSeconds) -> Result<(), ExchangeError> {
    let (earliest, latest) = (now.0 + SETTLEMENT_SECONDS + 1, now.0 + ORDER_SECONDS_MAX);
    if (earliest..=latest).contains(&given.0) {
        return Ok(());
    }
    Err(ExchangeError::Expiry { given: given.0, earliest, latest })
}
