//! Brings the book to what the contract says: corrections of balances, and orders that end because of them.

use exchange::{AccountId, AssetId, Command, Event, Exchange, MarketId, OrderId, OrderRef, Units};
use trading::{Correction, correction};

use super::desk::Desk;
use super::error::DeskError;
use super::group::OpenOrder;

impl Desk {
    /// Cancels an open order; false where it was over. It may be filled by what the book does before the command.
    pub(super) fn cancel(&mut self, id: u64, words: Option<&str>) -> Result<bool, DeskError> {
        let Some(order) = self.ledgers.orders.get(&id) else { return Ok(false) };
        let (market, account) = (MarketId(order.record.market), AccountId(order.record.account));
        let order = OrderRef::Id(OrderId(id));
        let events = self.apply_because(Command::Cancel { market, account, order }, words)?;
        Ok(events.iter().any(|event| matches!(event, Event::Cancelled { order, .. } if order.0 == id)))
    }

    /// Cancels those of an account's orders for which `which` holds.
    pub(super) fn cancel_some(
        &mut self,
        account: AccountId,
        words: &str,
        which: impl Fn(&OpenOrder) -> bool,
    ) -> Result<(), DeskError> {
        let Some(known) = self.ledgers.accounts.get(account) else { return Ok(()) };
        let ids: Vec<u64> = known.orders.iter().copied().collect();
        for id in ids {
            if self.ledgers.orders.get(&id).is_some_and(&which) {
                self.cancel(id, Some(words))?;
            }
        }
        Ok(())
    }

    /// Brings an account's balances to what the contract and what waits for it say.
    pub(super) fn correct(&mut self, id: AccountId) -> Result<(), DeskError> {
        for asset in (0..exchange::limits::ASSETS_MAX as u8).map(AssetId) {
            let place = usize::from(asset.0);
            let Some(account) = self.ledgers.accounts.get(id) else { return Ok(()) };
            let (in_contract, owed) = (account.in_contract[place], account.owed[place]);
            let balance = self.exchange.balance(id, asset);
            let in_book = balance.map_or(0, |balance| balance.free.0 + balance.reserved.0);
            match correction(in_book, in_contract, owed) {
                Correction::Nothing => {}
                Correction::Credit(amount) => {
                    self.apply(Command::Deposit { account: id, asset, amount: Units(amount) })?;
                }
                Correction::Debit(amount) => self.debit(id, asset, amount)?,
            }
        }
        Ok(())
    }

    /// Takes what an account has too much, from its open orders too. What is not there follows once a trade is void.
    fn debit(&mut self, account: AccountId, asset: AssetId, amount: u128) -> Result<(), DeskError> {
        let free = |exchange: &Exchange| exchange.balance(account, asset).map_or(0, |balance| balance.free.0);
        if free(&self.exchange) < amount {
            self.cancel_some(account, "the contract holds less for its trader than before", |_| true)?;
        }
        let amount = amount.min(free(&self.exchange));
        if amount > 0 {
            self.apply(Command::Withdraw { account, asset, amount: Units(amount) })?;
        }
        Ok(())
    }
}
