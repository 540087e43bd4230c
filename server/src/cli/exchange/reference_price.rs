//! The price around which the reference market maker quotes. It follows what is traded, each trade by so little that nobody
//! moves it far with a small one. Nothing here asks anybody.

use shared::U256;
use shared::api::exchange::{TradeState, TradeView};

/// Parts of one in a percent's hundredth.
const BASIS_POINTS: u64 = 10_000;

/// How far the price follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Following {
    /// The most that one trade moves it, in 1/10 000 of the price.
    pub(super) step_basis_points: u32,
    /// The furthest that it lies from where it began, in 1/10 000 of that.
    pub(super) range_basis_points: u32,
    /// A trade of less than this moves it by less, in proportion. In smallest units of the base asset.
    pub(super) whole_amount: u128,
}

/// A limit price, and which trades it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReferencePrice {
    start: u128,
    price: u128,
    last_trade: u64,
}

impl ReferencePrice {
    pub(super) const fn new(start: u128) -> Self {
        Self { start, price: start, last_trade: 0 }
    }

    pub(super) const fn price(&self) -> u128 {
        self.price
    }

    /// Takes in trades, the newest first as the exchange lists them. Each counts once, and none that is void when it is first seen.
    pub(super) fn follow(&mut self, following: Following, trades: &[TradeView]) {
        for trade in trades.iter().rev() {
            if trade.trade <= self.last_trade {
                continue;
            }
            self.last_trade = trade.trade;
            if trade.state != TradeState::Void {
                self.move_towards(following, trade.limit_price.0, trade.amount_units.0);
            }
        }
    }

    fn move_towards(&mut self, following: Following, traded: u128, amount: u128) {
        let whole = following.whole_amount.max(1);
        let most = part(self.price, following.step_basis_points, (amount.min(whole), whole));
        let range = part(self.start, following.range_basis_points, (1, 1));
        let moved = if traded >= self.price {
            self.price.saturating_add(most.min(traded - self.price))
        } else {
            self.price - most.min(self.price - traded)
        };
        self.price = moved.clamp(self.start.saturating_sub(range), self.start.saturating_add(range));
    }
}

/// So many 1/10 000 of `price`, and of that the share `of / whole`; rounded down.
fn part(price: u128, basis_points: u32, (of, whole): (u128, u128)) -> u128 {
    let scaled = U256::from(price) * U256::from(basis_points) / U256::from(BASIS_POINTS);
    let share = scaled * U256::from(of) / U256::from(whole);
    u128::try_from(share).unwrap_or(u128::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const FOLLOWING: Following = Following { step_basis_points: 100, range_basis_points: 5_000, whole_amount: 1_000 };

    fn trade(number: u64, price: u128, amount: u128, state: &str) -> TradeView {
        let [limit_price, amount_units] = [price, amount].map(|units| units.to_string());
        serde_json::from_value(json!({
            "trade": number, "market": "AIT-tUSD", "price": limit_price, "limit_price": limit_price, "amount": amount_units,
            "amount_units": amount_units, "quote_amount": "1", "quote_units": "1", "taker_side": "buy",
            "matched_at_unix_ms": 0, "state": state,
        }))
        .unwrap()
    }

    fn after(trades: &[TradeView]) -> u128 {
        let mut reference = ReferencePrice::new(250_000);
        reference.follow(FOLLOWING, trades);
        reference.price()
    }

    #[test]
    fn a_trade_near_the_price_is_followed_and_one_far_away_by_a_step_alone() {
        assert_eq!(after(&[trade(1, 252_500, 1_000, "matched")]), 252_500);
        assert_eq!(after(&[trade(1, 251_000, 1_000, "final")]), 251_000);
        assert_eq!(after(&[trade(1, 90_000_000, 1_000, "matched")]), 252_500);
        assert_eq!(after(&[trade(1, 1, 5_000_000, "matched")]), 247_500, "a large one moves it no further");
        assert_eq!(
            after(&[trade(1, 90_000_000, 1, "matched")]),
            250_002,
            "a small one moves it by a thousandth of that"
        );
        assert_eq!(after(&[trade(1, 90_000_000, 1_000, "void")]), 250_000);
    }

    #[test]
    fn a_trade_counts_once_and_the_oldest_first() {
        let mut reference = ReferencePrice::new(250_000);
        let listed = [trade(2, 250_000, 1_000, "matched"), trade(1, 252_500, 1_000, "matched")];
        reference.follow(FOLLOWING, &listed[1..]);
        reference.follow(FOLLOWING, &listed[1..]);
        assert_eq!(reference.price(), 252_500);
        reference.follow(FOLLOWING, &listed);
        assert_eq!(reference.price(), 250_000);
        reference.follow(FOLLOWING, &listed);
        assert_eq!(reference.price(), 250_000);
    }

    #[test]
    fn many_trades_move_it_to_the_end_of_its_range() {
        let all = |price| (1..=200).rev().map(|number| trade(number, price, 1_000, "matched")).collect::<Vec<_>>();
        assert_eq!((after(&all(90_000_000)), after(&all(1))), (375_000, 125_000));
    }

    proptest! {
        #[test]
        fn no_trade_moves_it_past_its_own_price_or_further_than_a_step(
            start in 1_u128..1 << 90, price in 1_u128..1 << 100, amount in 1_u128..1 << 100, whole_amount in 0_u128..1 << 100,
            step_basis_points in 1_u32..5_000, range_basis_points in 1_u32..9_000,
        ) {
            let mut reference = ReferencePrice::new(start);
            let following = Following { step_basis_points, range_basis_points, whole_amount };
            reference.follow(following, &[trade(1, price, amount, "matched")]);
            let moved = reference.price();
            prop_assert!(moved >= start.min(price) && moved <= start.max(price), "{} of {} to {}", moved, start, price);
            let most = part(start, step_basis_points.min(range_basis_points), (1, 1));
            prop_assert!(moved.abs_diff(start) <= most);
        }
    }
}
