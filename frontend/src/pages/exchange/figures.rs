//! The exchange's decimals for reading: whole parts in groups, and as many digits behind the point as the market counts.

use shared::Address;
use shared::api::exchange::{ExchangeAsset, MarketView};

use crate::format::grouped;
use crate::text::common;

/// Digits behind the point.
pub(super) fn places_of(decimal: &str) -> usize {
    decimal.split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

/// A decimal as a whole number of its last place; digits behind that are cut.
pub(super) fn units_of(decimal: &str, places: usize) -> u128 {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(places).collect();
    format!("{whole}{digits}").parse().unwrap_or(u128::MAX)
}

/// `1234.5` with three places as `1 234.500`.
pub(super) fn shown(decimal: &str, places: usize) -> String {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let whole = whole.parse::<u128>().map_or_else(|_| whole.to_owned(), grouped);
    if fraction.is_empty() && places == 0 { whole } else { format!("{whole}.{fraction:0<places$}") }
}

/// The same of a whole number of the last place.
pub(super) fn shown_units(units: u128, places: usize) -> String {
    let digits = format!("{units:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    shown(&if places == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }, places)
}

/// A decimal without the zeros behind `places` digits; no other digit goes.
pub(super) fn cut(decimal: &str, places: usize) -> String {
    let Some((whole, fraction)) = decimal.split_once('.') else { return shown(decimal, places) };
    let kept = fraction.trim_end_matches('0');
    let fraction = format!("{kept:0<places$}");
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// Of a market: how many digits behind the point its prices and amounts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    pub price: usize,
    pub amount: usize,
}

impl Places {
    pub(super) fn of(market: &MarketView) -> Self {
        Self { price: places_of(&market.tick), amount: places_of(&market.lot) }
    }
}

/// A price of the last trade or of the book, or a dash.
pub(super) fn price_or_dash(price: Option<&str>, places: Places) -> String {
    price.map_or_else(|| common::NEVER.to_owned(), |price| shown(price, places.price))
}

/// `+1.25 %` of 1/10 000.
pub(super) fn change(basis_points: i64) -> String {
    let sign = match basis_points {
        0 => "",
        1.. => "+",
        _ => "\u{2212}",
    };
    let size = basis_points.unsigned_abs();
    format!("{sign}{}.{:02} %", size / 100, size % 100)
}

/// How an asset is called.
pub(super) fn symbol_of(assets: &[ExchangeAsset], address: Address) -> String {
    let known = assets.iter().find(|asset| asset.address == address);
    known.map_or_else(|| address.to_string(), |asset| asset.symbol.clone())
}

/// The path of a market.
pub(super) fn market_path(id: &str) -> String {
    format!("/exchange/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_whole_numbers_and_come_back() {
        assert_eq!([places_of("0.001"), places_of("12")], [3, 0]);
        assert_eq!([units_of("0.0215", 6), units_of("3", 2), units_of("1.239", 2)], [21_500, 300, 123]);
        assert_eq!([shown_units(21_500, 6), shown_units(5, 0), shown_units(0, 2)], ["0.021500", "5", "0.00"]);
        assert_eq!([shown("1234.5", 3), shown("7", 0), shown("7", 2)], ["1\u{202f}234.500", "7", "7.00"]);
        assert_eq!(shown("0.123456", 2), "0.123456", "no digit is cut");
        assert_eq!([cut("1.250000", 1), cut("3.000000", 0), cut("3.000000", 2)], ["1.25", "3", "3.00"]);
    }

    #[test]
    fn changes_have_a_sign() {
        assert_eq!([change(125), change(-5), change(0)], ["+1.25 %", "\u{2212}0.05 %", "0.00 %"]);
    }
}
