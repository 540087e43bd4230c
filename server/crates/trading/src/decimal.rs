//! Integers as people read them.

/// `units` of which a whole has `10^decimals`: the shortest exact form, `0.4` or `12`.
pub fn decimal(units: u128, decimals: u32) -> String {
    let places = decimals as usize;
    let digits = format!("{units:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// A price for 10^18 smallest units of the base asset, as whole quote assets for one whole base asset.
pub fn price_decimal(limit_price: u128, base_decimals: u8, quote_decimals: u8) -> String {
    // 10^18 units are 10^(18 - base) wholes, and the price counts 10^-quote of a whole.
    let places = 18 + i32::from(quote_decimals) - i32::from(base_decimals);
    match u32::try_from(places) {
        Ok(places) => decimal(limit_price, places),
        Err(_) if limit_price == 0 => "0".to_owned(),
        Err(_) => format!("{limit_price}{}", "0".repeat(places.unsigned_abs() as usize)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_exact_form_is_written() {
        assert_eq!(decimal(0, 18), "0");
        assert_eq!(decimal(400, 3), "0.4");
        assert_eq!(decimal(12_000, 3), "12");
        assert_eq!(decimal(12_001, 3), "12.001");
        assert_eq!(decimal(7, 0), "7");
        assert_eq!(decimal(1, 40), format!("0.{}1", "0".repeat(39)));
        assert_eq!(decimal(u128::MAX, 0), u128::MAX.to_string());
    }

    #[test]
    fn a_price_is_for_one_whole() {
        // 1.25 dollars of six decimals for a token of eighteen.
        assert_eq!(price_decimal(1_250_000, 18, 6), "1.25");
        // For a token of six decimals, 10^18 units are 10^12 of it.
        assert_eq!(price_decimal(1_250_000_000_000_000_000, 6, 6), "1.25");
        assert_eq!((price_decimal(3, 30, 6), price_decimal(0, 30, 6)), ("3000000".to_owned(), "0".to_owned()));
    }
}
