//! What ends without a block: trades and withdrawals that the contract refuses for good.

use shared::Address;
use store::change::EndExchangeRows;

use super::desk::Desk;
use super::error::DeskError;
use super::views;

impl Desk {
    /// The contract refuses a trade for good: both traders get back what they handed over.
    pub(super) async fn void_trade(&mut self, market: u16, trade: u64, reason: String) -> Result<(), DeskError> {
        let change = EndExchangeRows::VoidTrade { market, trade, reason };
        if !self.store.write(change).await? {
            return Ok(());
        }
        let Some(ended) = self.ledgers.wait_no_longer(market, trade) else { return Ok(()) };
        for account in [ended.maker.account, ended.taker.account] {
            self.correct(account)?;
        }
        self.tell_ended(market, &[trade]).await?;
        Ok(())
    }

    /// The contract refuses a withdrawal for good: its amount is back in the book.
    pub(super) async fn refuse_withdrawal(
        &mut self,
        trader: Address,
        nonce: u64,
        reason: String,
    ) -> Result<(), DeskError> {
        let change = EndExchangeRows::RefuseWithdrawal { trader, nonce, reason };
        if self.store.write(change).await?
            && let Some(account) = self.ledgers.accounts.id_of(trader)
        {
            self.ledgers.withdrawal_ended(account, nonce);
            self.correct(account)?;
        }
        Ok(())
    }

    /// Tells a market's readers of trades that ended, as their rows say.
    pub(super) async fn tell_ended(&self, market: u16, numbers: &[u64]) -> Result<(), DeskError> {
        let (Some(feed), Some(listed)) = (self.shared.feed(market), self.ledgers.listing.market(market)) else {
            return Ok(());
        };
        let rows = self.store.list_exchange_trades_by_number(market, numbers).await?;
        self.tell_traders_ended(&rows);
        feed.settled(rows.iter().map(|row| views::trade(listed, row)).collect());
        Ok(())
    }
}
