//! Which orders the reference market maker has in the book: so many on each side of a price, each further away than the one
//! before. Nothing here asks anybody.

use shared::U256;
use shared::api::exchange::{MarketView, OrderView};
use shared::exchange::{PRICE_SCALE, Side};

/// Parts of one in a percent's hundredth.
const BASIS_POINTS: u128 = 10_000;

/// How it quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    /// Orders of each side.
    pub(super) levels: u32,
    /// Between the best order of each side, in 1/10 000 of the price.
    pub(super) spread_basis_points: u32,
    /// From one order of a side to the next, in 1/10 000 of the price.
    pub(super) gap_basis_points: u32,
    /// Of each order, in smallest units of the base asset.
    pub(super) amount: u128,
    /// It buys no more once it would have more of the base asset than this.
    pub(super) base_max: u128,
    /// The most of the quote asset that its orders hold.
    pub(super) quote_max: u128,
}

/// What its orders in this market may hold, in smallest units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Funds {
    pub(super) base: u128,
    pub(super) quote: u128,
    /// What it has of the base asset, that in orders of other markets included.
    pub(super) base_in_all: u128,
}

/// What the open orders of this market hold of base and quote asset. Orders of other markets hold something of them too,
/// which is not this market's to spend.
pub(super) fn held_here(market: &MarketView, open: &[OrderView]) -> (u128, u128) {
    let mut held = (0_u128, 0_u128);
    for order in open.iter().filter(|order| order.market == market.id) {
        let rest = order.amount_units.0.saturating_sub(order.filled_units.0);
        match order.side {
            Side::Sell => held.0 = held.0.saturating_add(rest),
            Side::Buy => held.1 = held.1.saturating_add(cost(rest, order.limit_price.0)),
        }
    }
    held
}

/// What an amount costs at a limit price.
fn cost(amount: u128, limit_price: u128) -> u128 {
    u128::try_from(U256::from(amount) * U256::from(limit_price) / U256::from(PRICE_SCALE)).unwrap_or(u128::MAX)
}

/// One order of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Quote {
    pub(super) is_buy: bool,
    pub(super) limit_price: u128,
    pub(super) amount: u128,
}

impl Quote {
    pub(super) const fn side(self) -> Side {
        if self.is_buy { Side::Buy } else { Side::Sell }
    }
}

/// The orders around `price`, as far as the funds reach. Prices are whole steps: those that buy lie below the price, those that
/// sell above, so no two of them meet.
pub(super) fn quotes(market: &MarketView, settings: Settings, funds: Funds, price: u128) -> Vec<Quote> {
    let step = market.limit_price_step.0.max(1);
    let lot = market.lot_units.0.max(1);
    let amount = settings.amount.min(market.amount_max_units.0) / lot * lot;
    let mut left = Funds { quote: funds.quote.min(settings.quote_max), ..funds };
    let mut room = settings.base_max.saturating_sub(funds.base_in_all);
    let mut quotes = Vec::new();
    for level in 1..=u128::from(settings.levels) {
        let halves = u128::from(settings.spread_basis_points) + 2 * u128::from(settings.gap_basis_points) * (level - 1);
        // At least one step for each level.
        let away = (price.saturating_mul(halves) / (2 * BASIS_POINTS)).max(step * level);
        let below = price.saturating_sub(away) / step * step;
        let above = price.saturating_add(away).div_ceil(step).saturating_mul(step);
        if let Some(cost) = worth(market, amount, below).filter(|cost| *cost <= left.quote && amount <= room) {
            left.quote -= cost;
            room -= amount;
            quotes.push(Quote { is_buy: true, limit_price: below, amount });
        }
        if worth(market, amount, above).is_some() && amount <= left.base {
            left.base -= amount;
            quotes.push(Quote { is_buy: false, limit_price: above, amount });
        }
    }
    quotes.sort();
    quotes
}

/// What a side's orders hold at most of the quote asset, were all of them to buy at `price`.
pub(super) fn quote_wanted(settings: Settings, price: u128) -> u128 {
    let cost = U256::from(settings.amount) * U256::from(settings.levels) * U256::from(price) / U256::from(PRICE_SCALE);
    u128::try_from(cost).unwrap_or(u128::MAX).min(settings.quote_max)
}

/// What has to happen so that the open orders are the wanted ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Orders that stay.
    pub(super) kept: usize,
    /// Nonces of orders that are not wanted, were filled in part, or expire soon.
    pub(super) stale: Vec<u64>,
    pub(super) missing: Vec<Quote>,
}

/// Compares the open orders of this market with the wanted ones. Those that expire by `expires_by` are replaced too.
pub(super) fn difference(market: &MarketView, open: &[OrderView], wanted: Vec<Quote>, expires_by: u64) -> Difference {
    let mut difference = Difference { missing: wanted, ..Difference::default() };
    for order in open.iter().filter(|order| order.market == market.id) {
        let is = Quote {
            is_buy: order.side == Side::Buy,
            limit_price: order.limit_price.0,
            amount: order.amount_units.0.saturating_sub(order.filled_units.0),
        };
        let stays = order.expires_at.0 > expires_by;
        match difference.missing.iter().position(|quote| stays && *quote == is) {
            Some(place) => {
                difference.missing.remove(place);
                difference.kept += 1;
            }
            None => difference.stale.push(order.nonce),
        }
    }
    difference
}

/// Ranges of nonces, from and to, that hold every one of `stale` and no other open order of the wallet. `open` are its orders
/// in all markets, since a cancellation reaches all of them.
pub(super) fn ranges(open: &[OrderView], stale: &[u64]) -> Vec<(u64, u64)> {
    let mut nonces: Vec<(u64, bool)> = open.iter().map(|order| (order.nonce, stale.contains(&order.nonce))).collect();
    nonces.sort_unstable();
    let runs = nonces.chunk_by(|(_, left_is_stale), (_, right_is_stale)| left_is_stale == right_is_stale);
    let stale = runs.filter(|run| run[0].1);
    stale.map(|run| (run[0].0, run[run.len() - 1].0)).collect()
}

/// What an order is worth in the quote asset; nothing where the market would not take it.
fn worth(market: &MarketView, amount: u128, limit_price: u128) -> Option<u128> {
    if amount == 0 || limit_price == 0 || limit_price > market.limit_price_max.0 {
        return None;
    }
    let cost = U256::from(amount) * U256::from(limit_price) / U256::from(PRICE_SCALE);
    u128::try_from(cost).ok().filter(|cost| *cost >= market.notional_min_units.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const AIT: u128 = 1_000_000_000_000_000_000;

    fn market() -> MarketView {
        let asset = |symbol: &str, decimals: u8| {
            json!({"address": shared::Address::ZERO, "symbol": symbol, "name": symbol, "decimals": decimals,
                "is_worthless": true, "has_faucet": true, "is_bridged": false})
        };
        serde_json::from_value(json!({
            "id": "AIT-tUSD", "number": 0, "base": asset("AIT", 18), "quote": asset("tUSD", 6), "lot": "0.01",
            "lot_units": "10000000000000000", "tick": "0.0001", "limit_price_step": "100", "limit_price_max": "429496729500",
            "amount_max": "10000000", "amount_max_units": "10000000000000000000000000", "notional_min": "0.01",
            "notional_min_units": "10000", "maker_fee_basis_points": 10, "taker_fee_basis_points": 20, "is_open": true,
            "last_trade": 0, "last_settled_trade": 0,
        }))
        .unwrap()
    }

    fn settings(levels: u32, spread_basis_points: u32, gap_basis_points: u32, amount: u128) -> Settings {
        let (base_max, quote_max) = (u128::MAX, u128::MAX);
        Settings { levels, spread_basis_points, gap_basis_points, amount, base_max, quote_max }
    }

    fn funds(base: u128, quote: u128) -> Funds {
        Funds { base, quote, base_in_all: base }
    }

    #[test]
    fn orders_stand_on_both_sides_as_far_as_the_funds_reach() {
        let settings = settings(3, 200, 100, 10 * AIT);
        let all = quotes(&market(), settings, funds(100 * AIT, 1_000_000_000), 250_000);
        let prices: Vec<_> = all.iter().map(|quote| (quote.is_buy, quote.limit_price)).collect();
        let expected =
            [(false, 252_500), (false, 255_000), (false, 257_500), (true, 242_500), (true, 245_000), (true, 247_500)];
        assert_eq!(prices, expected);
        let poor = quotes(&market(), settings, funds(15 * AIT, 2_475_000), 250_000);
        let prices: Vec<_> = poor.iter().map(|quote| (quote.is_buy, quote.limit_price)).collect();
        assert_eq!(prices, [(false, 252_500), (true, 247_500)], "the nearest ones come first");
        assert!(quotes(&market(), settings, Funds::default(), 250_000).is_empty());
    }

    #[test]
    fn it_buys_no_more_than_it_may_have_and_spends_no_more_than_it_may() {
        let rich = funds(85 * AIT, 1_000_000_000);
        let full = Settings { base_max: 100 * AIT, ..settings(3, 200, 100, 10 * AIT) };
        let buys = |settings, funds| quotes(&market(), settings, funds, 250_000).iter().filter(|it| it.is_buy).count();
        assert_eq!((buys(full, rich), buys(full, funds(95 * AIT, 1_000_000_000))), (1, 0));
        let thrifty = Settings { quote_max: 5_000_000, ..settings(3, 200, 100, 10 * AIT) };
        assert_eq!((buys(thrifty, rich), quote_wanted(thrifty, 250_000)), (2, 5_000_000));
        assert_eq!(quote_wanted(full, 250_000), 7_500_000);
    }

    #[test]
    fn what_orders_of_another_market_hold_is_not_spent_twice() {
        let selling = |market| OrderView { side: Side::Sell, ..order(market, 1, "250000", "40", 50) };
        let buying = |market| {
            let amount_units = shared::exchange::AssetUnits(4 * AIT);
            OrderView { amount_units, ..order(market, 2, "250000", "0", 50) }
        };
        let open = [selling("AIT-tUSD"), selling("AIT-GOLD"), buying("AIT-tUSD"), buying("AIT-GOLD")];
        assert_eq!(held_here(&market(), &open), (60, 1_000_000));
        assert_eq!(held_here(&market(), &open[1..2]), (0, 0));
        // What lies in another market still counts as had.
        let full = Settings { base_max: 100 * AIT, ..settings(3, 200, 100, 10 * AIT) };
        let elsewhere = Funds { base_in_all: 95 * AIT, ..funds(10 * AIT, 1_000_000_000) };
        let quoted = quotes(&market(), full, elsewhere, 250_000);
        assert_eq!(quoted.iter().map(|quote| quote.is_buy).collect::<Vec<_>>(), [false]);
    }

    fn order(market: &str, nonce: u64, price: &str, filled: &str, expires_at: u64) -> OrderView {
        serde_json::from_value(json!({
            "id": nonce, "market": market, "trader": shared::Address::ZERO, "nonce": nonce, "epoch": 0,
            "side": "buy", "time_in_force": "POST_ONLY", "price": price, "limit_price": price, "amount": "1",
            "amount_units": "100", "filled": filled, "filled_units": filled, "state": "open",
            "expires_at": expires_at, "placed_at_unix_ms": 0, "changed_at_unix_ms": 0,
        }))
        .unwrap()
    }

    #[test]
    fn an_order_stays_while_it_is_whole_wanted_and_lasts() {
        let here = |nonce, price, filled, expires_at| order("AIT-tUSD", nonce, price, filled, expires_at);
        let quote = |limit_price| Quote { is_buy: true, limit_price, amount: 100 };
        let elsewhere = order("AIT-GOLD", 5, "8", "0", 50);
        let open =
            [here(1, "7", "0", 50), here(2, "8", "1", 50), here(3, "9", "0", 20), here(4, "7", "0", 50), elsewhere];
        let found = difference(&market(), &open, vec![quote(7), quote(8), quote(9)], 20);
        let expected = Difference { kept: 1, stale: vec![2, 3, 4], missing: vec![quote(8), quote(9)] };
        assert_eq!(found, expected, "an order in another market is none of its own");
    }

    #[test]
    fn a_range_ends_what_is_stale_and_no_other_order_of_the_wallet() {
        let here =
            |nonces: &[u64]| nonces.iter().map(|nonce| order("AIT-tUSD", *nonce, "7", "0", 50)).collect::<Vec<_>>();
        assert_eq!(ranges(&here(&[9, 8, 5, 4, 3, 2]), &[9, 2, 3, 5]), [(2, 3), (5, 5), (9, 9)]);
        assert_eq!(ranges(&here(&[7, 3]), &[7, 3]), [(3, 7)]);
        assert!(ranges(&here(&[1]), &[]).is_empty());
        let elsewhere = [here(&[6, 2]), vec![order("AIT-GOLD", 4, "7", "0", 50)]].concat();
        assert_eq!(ranges(&elsewhere, &[2, 6]), [(2, 2), (6, 6)], "one range would end the order between them");
    }

    proptest! {
        #[test]
        fn no_order_meets_another_or_exceeds_what_there_is(
            levels in 1_u32..8, spread in 0_u32..5_000, gap in 0_u32..3_000, lots in 0_u128..10_000,
            price in 1_u128..400_000_000, base_max in 0_u128..2_000 * AIT,
            base in 0_u128..1_000 * AIT, quote in 0_u128..u128::from(u64::MAX),
        ) {
            let market = market();
            let settings = Settings { base_max, ..settings(levels, spread, gap, lots * market.lot_units.0) };
            let all = quotes(&market, settings, funds(base, quote), price);
            let (buys, sells): (Vec<Quote>, Vec<Quote>) = all.iter().partition(|quote| quote.is_buy);
            prop_assert!(buys.iter().all(|buy| buy.limit_price < price));
            prop_assert!(sells.iter().all(|sell| sell.limit_price > price));
            prop_assert!(all.iter().all(|quote| quote.limit_price.is_multiple_of(market.limit_price_step.0)));
            let cost: u128 = buys.iter().map(|buy| worth(&market, buy.amount, buy.limit_price).unwrap()).sum();
            prop_assert!(cost <= quote && sells.iter().map(|sell| sell.amount).sum::<u128>() <= base);
            prop_assert!(buys.iter().map(|buy| buy.amount).sum::<u128>() <= base_max.saturating_sub(base));
        }
    }
}
