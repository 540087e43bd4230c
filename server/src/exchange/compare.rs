//! The reconciler: compares accounts with the contract, some after each block, all of them in turn.

use exchange::AccountId;
use exchange::limits::ASSETS_MAX;
use node::ExchangeReader;
use shared::api::exchange::Reconciliation;
use trading::{Correction, correction};

use super::desk::Desk;
use super::error::DeskError;
use super::limits::COMPARED_AT_ONCE;
use crate::clock;

impl Desk {
    /// Compares the next accounts: what the desk thinks that the contract holds with what it holds, and the book with
    /// both once what waits is counted.
    pub(super) fn compare_some(&mut self) -> Result<(), DeskError> {
        let accounts = self.ledgers.accounts.len();
        let snapshot = self.node.snapshot()?;
        if accounts == 0 || snapshot.head().number != self.height {
            return Ok(());
        }
        let reader = ExchangeReader::at(&snapshot, self.height);
        let (mut differing, mut difference) = (0, None);
        let some = COMPARED_AT_ONCE.min(accounts);
        for step in 0..some {
            let id = AccountId(u32::try_from((self.compared + step) % accounts).unwrap_or(0));
            if let Some(found) = self.difference_of(&reader, id)? {
                differing += 1;
                difference = difference.or(Some(found));
            }
        }
        self.compared = (self.compared + some) % accounts;
        if let Some(difference) = &difference {
            tracing::error!(difference, "the book and the contract of the exchange differ");
        }
        let block_number = Some(self.height);
        let accounts = u32::try_from(some).unwrap_or(u32::MAX);
        self.shared.change(|state| {
            state.reconciliation = Reconciliation { block_number, accounts, differing, difference };
        });
        Ok(())
    }

    fn difference_of(&self, reader: &ExchangeReader<'_>, id: AccountId) -> Result<Option<String>, DeskError> {
        let Some(account) = self.ledgers.accounts.get(id) else { return Ok(None) };
        for (token, place) in self.ledgers.listing.tokens.iter().zip(0..ASSETS_MAX) {
            let (trader, symbol) = (account.address, &token.symbol);
            let (expected, held) = (account.in_contract[place], reader.balance(trader, token.address)?);
            if expected != held {
                let what = format!("{trader} has {held} units of {symbol} in the contract; the desk counts {expected}");
                return Ok(Some(what));
            }
            let asset = exchange::AssetId(u8::try_from(place).unwrap_or(u8::MAX));
            let balance = self.exchange.balance(id, asset);
            let in_book = balance.map_or(0, |balance| balance.free.0 + balance.reserved.0);
            if correction(in_book, held, account.owed[place]) != Correction::Nothing {
                let owed = account.owed[place];
                let what = format!(
                    "{trader} has {in_book} units of {symbol} in the book; the contract holds {held}, and {} come and {} \
                     go with what waits",
                    owed.incoming, owed.outgoing
                );
                return Ok(Some(what));
            }
        }
        Ok(None)
    }

    /// Forgets orders that left the book without a trade long ago.
    pub(super) async fn forget_old_orders(&self) -> Result<(), DeskError> {
        let kept = u64::try_from(super::limits::UNFILLED_ORDERS_KEPT.as_millis()).unwrap_or(u64::MAX);
        let before = shared::time::UnixMillis(clock::now().0.saturating_sub(kept));
        self.store.write(store::change::ForgetOrders { before }).await?;
        Ok(())
    }
}
