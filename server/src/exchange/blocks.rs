//! What blocks bring: deposits, exits, raised epochs, and what the contract settled. Blocks are final, so nothing is taken
//! back.
//!
//! The contract's balances follow from its events. After them the book's balances are corrected: so a deposit is counted
//! once, however often its block is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::U256;
use alloy_sol_types::SolEventInterface as _;
use contracts::EXCHANGE_SETTLEMENT_ADDRESS;
use contracts::ExchangeSettlement::ExchangeSettlementEvents as Events;
use exchange::{AccountId, Command, MarketId};
use node::ExchangeReader;
use node::chain::{ChainError, LogFilter, PlacedLog, Snapshot};
use shared::Address;
use shared::api::payments::PlacedTransaction;
use store::change::{RecordBlocks, Settled};

use super::desk::Desk;
use super::error::DeskError;
use super::feed::{MarketFeed, Sides};
use super::ledgers::Ledgers;
use super::limits::BLOCKS_PER_STEP;
use super::listing::Listing;

/// What the events of some blocks change beside balances.
#[derive(Default)]
struct Step {
    record: RecordBlocks,
    /// Accounts whose balances changed.
    touched: BTreeSet<AccountId>,
    /// Traders without an account that deposited.
    new: BTreeSet<Address>,
    /// Accounts whose orders are void from now on, because they leave or because of a new epoch.
    void_orders: BTreeSet<AccountId>,
    /// Keys that may not sign for an account any more.
    revoked: BTreeSet<(AccountId, Address)>,
    markets_changed: bool,
}

impl Desk {
    /// Takes in every block up to the head.
    pub(super) async fn read_blocks(&mut self) -> Result<(), DeskError> {
        loop {
            let taken = self.read_some_blocks().await;
            match taken {
                Ok(true) => {}
                Ok(false) => break,
                // Nothing of the step was done: the next block, or the next look, tries again.
                Err(DeskError::Node(error)) if error.is_retryable() => {
                    tracing::warn!(%error, "the exchange does not read the chain now");
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        if let Err(error) = self.compare_some() {
            tracing::warn!(%error, "the book was not compared with the contract");
        }
        Ok(())
    }

    /// Takes in some blocks; false where there are none.
    async fn read_some_blocks(&mut self) -> Result<bool, DeskError> {
        let snapshot = self.node.snapshot()?;
        let head = snapshot.head().number;
        if self.height >= head {
            return Ok(false);
        }
        let (last, logs) = logs_after(&snapshot, self.height)?;
        self.take_logs(&snapshot, last, &logs).await.map_err(half_done)?;
        Ok(true)
    }

    async fn take_logs(&mut self, snapshot: &Snapshot, last: u64, logs: &[PlacedLog]) -> Result<(), DeskError> {
        let reader = ExchangeReader::at(snapshot, last);
        let mut step = Step { record: RecordBlocks { height: last, ..RecordBlocks::default() }, ..Step::default() };
        for placed in logs {
            if let Ok(event) = Events::decode_log(&placed.log) {
                let transaction =
                    PlacedTransaction { transaction_hash: placed.transaction_hash, block_number: placed.place.height };
                self.take_event(&event.data, transaction, &mut step);
            }
        }
        self.height = last;
        if step.markets_changed {
            self.read_markets(&reader)?;
        }
        for trader in std::mem::take(&mut step.new) {
            step.touched.extend(self.admit(&reader, trader)?);
        }
        for account in &step.void_orders {
            let Some(known) = self.ledgers.accounts.get(*account) else { continue };
            let (leaves, epoch) = (known.exit_at.is_some(), known.newest_epoch);
            let words = if leaves { "its trader asked for an exit" } else { "its trader raised the epoch" };
            self.cancel_some(*account, words, |order| leaves || order.record.signed.signed.epoch < epoch)?;
        }
        for (account, delegate) in &step.revoked {
            let words = "its trader revoked the key that signed it";
            self.cancel_some(*account, words, |order| order.record.delegate() == Some(*delegate))?;
        }
        for account in &step.touched {
            self.correct(*account)?;
        }
        self.finish().await?;
        self.show_state();
        let mut ended: BTreeMap<u16, Vec<u64>> = BTreeMap::new();
        for settled in &step.record.settled {
            ended.entry(settled.market).or_default().push(settled.trade);
        }
        // A block without events is known again after a restart.
        if !logs.is_empty() || last - self.recorded_height >= BLOCKS_PER_STEP {
            self.store.write(step.record).await?;
            self.recorded_height = last;
        }
        if self.ledgers.has_work_for_the_chain() {
            self.to_settle.notify_one();
        }
        for (market, numbers) in ended {
            self.tell_ended(market, &numbers).await?;
        }
        Ok(())
    }

    fn take_event(&mut self, event: &Events, placed: PlacedTransaction, step: &mut Step) {
        match event {
            Events::Deposited(event) => {
                if self.move_balance(event.trader, event.asset, |held| held.saturating_add(units(event.amount)), step) {
                    return;
                }
                step.new.insert(event.trader);
            }
            Events::Withdrawn(event) => {
                self.move_balance(event.trader, event.asset, |held| held.saturating_sub(units(event.amount)), step);
                if let Some(account) = self.ledgers.accounts.id_of(event.trader) {
                    self.ledgers.withdrawal_ended(account, event.nonce);
                }
                step.record.paid.push((event.trader, event.nonce, placed));
            }
            Events::Exited(event) => {
                self.move_balance(event.trader, event.asset, |_| 0, step);
            }
            Events::Filled(event) => {
                let Some(market) = self.ledgers.listing.market(event.market).map(|listed| listed.market) else {
                    return;
                };
                let (base, quote) = (units(event.baseAmount), units(event.quoteAmount));
                let (base_in, quote_in) =
                    (base.saturating_sub(units(event.buyerFee)), quote.saturating_sub(units(event.sellerFee)));
                self.move_balance(event.buyer, market.base, |held| held.saturating_add(base_in), step);
                self.move_balance(event.buyer, market.quote, |held| held.saturating_sub(quote), step);
                self.move_balance(event.seller, market.quote, |held| held.saturating_add(quote_in), step);
                self.move_balance(event.seller, market.base, |held| held.saturating_sub(base), step);
                self.ledgers.wait_no_longer(event.market, event.trade);
                step.record.settled.push(Settled { market: event.market, trade: event.trade, placed });
            }
            Events::EpochRaised(event) => {
                self.of_account(event.trader, step, |account| account.newest_epoch = event.epoch);
            }
            Events::DelegateRevoked(event) => {
                let account = self.ledgers.accounts.id_of(event.trader);
                step.revoked.extend(account.map(|account| (account, event.delegate)));
            }
            Events::ExitRequested(event) => {
                let at = u64::try_from(event.exitAt).unwrap_or(u64::MAX);
                self.of_account(event.trader, step, |account| account.exit_at = Some(at));
            }
            Events::ExitCancelled(event) => {
                self.of_account(event.trader, step, |account| account.exit_at = None);
            }
            Events::Paused(_) => self.is_paused = true,
            Events::Unpaused(_) => self.is_paused = false,
            Events::MarketListed(_) | Events::MarketClosed(_) => step.markets_changed = true,
            _ => {}
        }
    }

    /// Changes what the contract holds for a trader; false where the trader has no account.
    fn move_balance(
        &mut self,
        trader: Address,
        asset: Address,
        change: impl FnOnce(u128) -> u128,
        step: &mut Step,
    ) -> bool {
        let Some(id) = self.ledgers.accounts.id_of(trader) else { return false };
        let place = self.ledgers.listing.assets.id_of(asset).map(|asset| usize::from(asset.0));
        let account = self.ledgers.accounts.get_mut(id);
        if let Some(held) = account.zip(place).and_then(|(account, place)| account.in_contract.get_mut(place)) {
            *held = change(*held);
        }
        step.touched.insert(id);
        true
    }

    fn of_account(&mut self, trader: Address, step: &mut Step, change: impl FnOnce(&mut super::accounts::Account)) {
        let Some(id) = self.ledgers.accounts.id_of(trader) else { return };
        if let Some(account) = self.ledgers.accounts.get_mut(id) {
            change(account);
            step.void_orders.insert(id);
        }
    }

    /// Gives a trader an account, once it has deposited enough for an order.
    fn admit(&mut self, reader: &ExchangeReader<'_>, trader: Address) -> Result<Option<AccountId>, DeskError> {
        let listing = Arc::clone(&self.ledgers.listing);
        let mut has_enough = false;
        for token in &listing.tokens {
            has_enough |= reader.balance(trader, token.address)? >= listing.least_amount(token.address);
        }
        if !has_enough {
            return Ok(None);
        }
        let Some(record) = self.ledgers.accounts.admit(trader) else {
            tracing::warn!(%trader, "the exchange has no account left for a trader");
            return Ok(None);
        };
        self.group.signed.traders.push(record);
        let id = AccountId(record.account);
        read_account(&mut self.ledgers, reader, id)?;
        Ok(Some(id))
    }

    /// Opens markets that are new at the contract, and ends the orders of those that were closed.
    pub(super) fn read_markets(&mut self, reader: &ExchangeReader<'_>) -> Result<(), DeskError> {
        let listing = Arc::new(Listing::read(reader, self.ledgers.listing.chain_id)?);
        let mut feeds = Vec::new();
        for listed in &listing.markets {
            let number = listed.market.number;
            match self.exchange.rules(MarketId(number)).copied() {
                Some(rules) if rules == listed.market.rules => {}
                Some(_) => {
                    let what = format!("the book and the contract have other rules of market {}", listed.id);
                    return Err(DeskError::Inconsistent(what));
                }
                None => {
                    self.apply(Command::OpenMarket(listed.market.rules))?;
                }
            }
            while self.ledgers.sides.len() <= usize::from(number) {
                self.ledgers.sides.push(Sides::default());
            }
            let new =
                || Arc::new(MarketFeed::new(self.exchange.sequence(), Sides::default(), Default::default(), (0, 0)));
            feeds.push(self.shared.feed(number).unwrap_or_else(new));
            if !listed.is_open {
                let open: Vec<u64> = self
                    .ledgers
                    .orders
                    .iter()
                    .filter(|(_, order)| order.record.market == number)
                    .map(|(id, _)| *id)
                    .collect();
                for id in open {
                    self.cancel(id, Some("its market was closed"))?;
                }
            }
        }
        self.ledgers.listing = Arc::clone(&listing);
        self.shared.list(listing, feeds);
        Ok(())
    }
}

/// The events of the next blocks, as many blocks as one query answers, and the last of them. Strangers can fill blocks with
/// events; one block alone has few enough.
fn logs_after(snapshot: &Snapshot, height: u64) -> Result<(u64, Vec<PlacedLog>), DeskError> {
    let filter = LogFilter { addresses: [EXCHANGE_SETTLEMENT_ADDRESS].into(), ..LogFilter::default() };
    let mut blocks = BLOCKS_PER_STEP.min(snapshot.head().number - height);
    loop {
        match snapshot.logs(&filter, height + 1, height + blocks) {
            Ok(logs) => return Ok((height + blocks, logs)),
            Err(ChainError::LimitExceeded { .. }) if blocks > 1 => blocks /= 2,
            Err(error) => return Err(node::NodeError::from(error).into()),
        }
    }
}

/// What the contract says of an account.
pub(super) fn read_account(ledgers: &mut Ledgers, reader: &ExchangeReader<'_>, id: AccountId) -> Result<(), DeskError> {
    let listing = Arc::clone(&ledgers.listing);
    let Some(account) = ledgers.accounts.get_mut(id) else { return Ok(()) };
    for (held, token) in account.in_contract.iter_mut().zip(&listing.tokens) {
        *held = reader.balance(account.address, token.address)?;
    }
    account.newest_epoch = reader.newest_epoch(account.address)?;
    account.exit_at = reader.exit_at(account.address)?;
    Ok(())
}

/// A step that failed in its midst cannot be done again here; the next start reads it anew.
fn half_done(error: DeskError) -> DeskError {
    match error {
        DeskError::Node(error) => DeskError::Inconsistent(format!("blocks were taken in by half: {error}")),
        error => error,
    }
}

fn units(amount: U256) -> u128 {
    u128::try_from(amount).unwrap_or(u128::MAX)
}
