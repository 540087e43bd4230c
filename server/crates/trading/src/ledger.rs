//! What the book's balances must be: what the contract holds, once what waits for the chain is counted.
//!
//! ```text
//! contract + what matched trades bring − what they and accepted withdrawals take = free + reserved
//! ```
//! The contract decides. A deposit, an exit and a trade that cannot settle all come to a difference, which the book makes up
//! for by one command.

use exchange::{AccountId, AssetId, Fill, MarketRules, OrderId, Side, Ticks, UnixMs};

use crate::batch::PendingTrade;

/// A trade that the book made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchedTrade {
    pub market: u16,
    /// Its number in the market.
    pub trade: u64,
    /// Position in the journal of the command that led to it.
    pub sequence: u64,
    pub matched_at: UnixMs,
    pub taker_side: Side,
    pub price: Ticks,
    pub lots: exchange::Lots,
    pub maker: TradeParty,
    pub taker: TradeParty,
}

/// One side of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeParty {
    pub order: OrderId,
    pub account: AccountId,
    /// In the asset that it receives.
    pub fee: u128,
}

/// What waits for the chain changes one balance of an account by so much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Owed {
    pub incoming: u128,
    pub outgoing: u128,
}

impl Owed {
    pub const fn is_nothing(self) -> bool {
        self.incoming == 0 && self.outgoing == 0
    }

    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            incoming: self.incoming.saturating_add(other.incoming),
            outgoing: self.outgoing.saturating_add(other.outgoing),
        }
    }

    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            incoming: self.incoming.saturating_sub(other.incoming),
            outgoing: self.outgoing.saturating_sub(other.outgoing),
        }
    }
}

impl MatchedTrade {
    pub fn of_fill(fill: &Fill, sequence: u64, matched_at: UnixMs) -> Self {
        let party = |order, account, fee: exchange::Units| TradeParty { order, account, fee: fee.0 };
        Self {
            market: fill.market.0,
            trade: fill.trade.0,
            sequence,
            matched_at,
            taker_side: fill.taker_side,
            price: fill.price,
            lots: fill.lots,
            maker: party(fill.maker, fill.maker_account, fill.maker_fee),
            taker: party(fill.taker, fill.taker_account, fill.taker_fee),
        }
    }

    pub fn base_amount(&self, rules: &MarketRules) -> u128 {
        rules.base_units(self.lots).0
    }

    pub fn quote_amount(&self, rules: &MarketRules) -> u128 {
        rules.quote_units(self.price, self.lots).0
    }

    /// The trade as a batch takes it.
    pub fn pending(&self, rules: &MarketRules) -> PendingTrade {
        PendingTrade {
            trade: self.trade,
            maker: self.maker.order,
            taker: self.taker.order,
            base_amount: self.base_amount(rules),
            quote_amount: self.quote_amount(rules),
        }
    }

    /// What it changes once it settles.
    pub fn effects(&self, rules: &MarketRules) -> [(AccountId, AssetId, Owed); 4] {
        let (buyer, seller) = match self.taker_side {
            Side::Buy => (self.taker, self.maker),
            Side::Sell => (self.maker, self.taker),
        };
        let (base, quote) = (self.base_amount(rules), self.quote_amount(rules));
        let takes = |amount: u128, fee| Owed { incoming: amount.saturating_sub(fee), outgoing: 0 };
        let gives = |amount| Owed { incoming: 0, outgoing: amount };
        [
            (buyer.account, rules.base, takes(base, buyer.fee)),
            (buyer.account, rules.quote, gives(quote)),
            (seller.account, rules.quote, takes(quote, seller.fee)),
            (seller.account, rules.base, gives(base)),
        ]
    }
}

/// What makes a balance of the book right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    Nothing,
    Credit(u128),
    Debit(u128),
}

/// What a balance lacks, or has too much. Trades that take more than there is cannot settle; until they are void, the
/// balance is nothing.
pub const fn correction(in_book: u128, in_contract: u128, owed: Owed) -> Correction {
    let right = in_contract.saturating_add(owed.incoming).saturating_sub(owed.outgoing);
    if right > in_book {
        Correction::Credit(right - in_book)
    } else if right < in_book {
        Correction::Debit(in_book - right)
    } else {
        Correction::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_chain_knows_and_what_waits_make_the_balance() {
        let owed = |incoming, outgoing| Owed { incoming, outgoing };
        // A deposit, a trade that waits, and an exit that took everything.
        assert_eq!(correction(0, 500, owed(0, 0)), Correction::Credit(500));
        assert_eq!(correction(430, 500, owed(30, 100)), Correction::Nothing);
        assert_eq!(correction(430, 0, owed(0, 0)), Correction::Debit(430));
        // A trade that cannot settle takes more than there is.
        assert_eq!(correction(30, 0, owed(30, 100)), Correction::Debit(30));
    }

    #[test]
    fn what_waits_is_taken_back_as_it_was_added() {
        let (one, two) = (Owed { incoming: 3, outgoing: 0 }, Owed { incoming: 0, outgoing: 7 });
        assert_eq!(one.plus(two).minus(one), two);
        assert!(one.plus(two).minus(two).minus(one).is_nothing());
    }
}
