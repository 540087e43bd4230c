//! Amounts and prices as people type and read them. Between both lie integers, so nothing is rounded.

use anyhow::{Result, bail};
use shared::U256;
use shared::exchange::PRICE_SCALE;

/// Digits of [`PRICE_SCALE`].
const PRICE_SCALE_DIGITS: u8 = 18;

/// `12.5` with six decimals is 12 500 000. `what` names it in errors.
pub(super) fn units(text: &str, decimals: u8, what: &str) -> Result<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        bail!("{what} is a number as 1.5, got `{text}`");
    }
    let kept = fraction.trim_end_matches('0');
    let places = usize::from(decimals);
    if kept.len() > places {
        bail!("{what} has at most {decimals} digits behind the point, got `{text}`");
    }
    match format!("{whole}{kept:0<places$}").parse() {
        Ok(units) => Ok(units),
        Err(_) => bail!("{what} is too large: `{text}`"),
    }
}

/// Decimals of a limit price: it counts units of the quote asset for 10^18 units of the base asset.
pub(super) fn price_decimals(base_decimals: u8, quote_decimals: u8) -> Result<u8> {
    match (PRICE_SCALE_DIGITS + quote_decimals).checked_sub(base_decimals) {
        Some(decimals) => Ok(decimals),
        None => bail!("a base asset with {base_decimals} decimals is finer than prices are"),
    }
}

/// 12 500 000 with six decimals is `12.5`.
pub(super) fn decimal(units: U256, decimals: u8) -> String {
    let places = usize::from(decimals);
    let digits = format!("{:0>width$}", units.to_string(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// What `amount` of the base asset comes to at a limit price, where that is a whole number of units.
pub(super) fn quote_at(amount: u128, limit_price: u128) -> Option<U256> {
    let (quote, rest) = (U256::from(amount) * U256::from(limit_price)).div_rem(U256::from(PRICE_SCALE));
    rest.is_zero().then_some(quote)
}

/// `0.1 %` of 1/10 000.
pub(super) fn percent(basis_points: u16) -> String {
    format!("{} %", decimal(U256::from(basis_points), 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_exact_or_refused() {
        assert_eq!(units("12.5", 6, "it").unwrap(), 12_500_000);
        assert_eq!(units("0.000001", 6, "it").unwrap(), 1);
        assert_eq!(units("1.50", 1, "it").unwrap(), 15);
        assert_eq!(units(&u128::MAX.to_string(), 0, "it").unwrap(), u128::MAX);
        for wrong in ["", ".", ".5", "5.", "-1", "1e3", "1,5", "1.0000001", "340282366920938463463374607431768211456"] {
            assert!(units(wrong, 6, "the amount").unwrap_err().to_string().starts_with("the amount"), "{wrong}");
        }
    }

    #[test]
    fn a_price_is_for_one_whole_and_a_cost_is_whole_or_none() {
        assert_eq!([price_decimals(18, 6).unwrap(), price_decimals(6, 6).unwrap()], [6, 18]);
        assert!(price_decimals(25, 6).is_err());
        assert_eq!(quote_at(12_500_000_000_000_000_000, 21_000), Some(U256::from(262_500)));
        assert_eq!(quote_at(1, 1), None);
        assert_eq!(
            [(262_500, 6), (0, 18), (7, 0)].map(|(units, places)| decimal(U256::from(units), places)),
            ["0.2625", "0", "7"]
        );
        assert_eq!([percent(10), percent(125), percent(0)], ["0.1 %", "1.25 %", "0 %"]);
    }
}
