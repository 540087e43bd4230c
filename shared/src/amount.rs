//! Money and units of work as integers: AIT in attoAIT (10^-18), work in micro-units (10^-6).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Decimals of AIT, as the ERC-20 contract reports them.
pub const AIT_DECIMALS: usize = 18;

/// AttoAIT in one AIT.
pub const ATTO_PER_AIT: u128 = 10_u128.pow(18);

/// Micro-units in one unit of work.
pub const MICRO_PER_UNIT: u64 = 1_000_000;

/// A sum of AIT in attoAIT. In JSON it is a decimal string, since it outgrows 2^53.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u128);

impl Amount {
    pub const ZERO: Self = Self(0);

    pub const fn from_atto(atto: u128) -> Self {
        Self(atto)
    }

    /// `ait` whole AIT; every `u64` fits.
    pub fn from_ait(ait: u64) -> Self {
        Self(u128::from(ait) * ATTO_PER_AIT)
    }

    pub const fn atto(self) -> u128 {
        self.0
    }

    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// What `units` of work cost at `self` per whole unit: `units_micro × price_atto / 10^6`, rounded down as in
    /// `AITokenMinter`. `None` where the product exceeds 2^128.
    pub fn times(self, units: MicroUnits) -> Option<Self> {
        self.0.checked_mul(u128::from(units.0)).map(|product| Self(product / u128::from(MICRO_PER_UNIT)))
    }

    /// The whole AIT, and the fraction as 18 digits.
    pub fn parts(self) -> (u128, String) {
        (self.0 / ATTO_PER_AIT, format!("{:018}", self.0 % ATTO_PER_AIT))
    }
}

impl fmt::Display for Amount {
    /// The shortest exact decimal in AIT: `0.4`, `12`, `0.000000000000000001`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = self.parts();
        match fraction.trim_end_matches('0') {
            "" => write!(formatter, "{whole}"),
            digits => write!(formatter, "{whole}.{digits}"),
        }
    }
}

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseAmountError {
    #[error("an amount is digits with at most one point, got `{0}`")]
    NotDecimal(String),
    #[error("an amount has at most {AIT_DECIMALS} decimals, got {0}")]
    TooPrecise(usize),
    #[error("an amount is below 2^128 attoAIT, got `{0}`")]
    TooLarge(String),
}

impl FromStr for Amount {
    type Err = ParseAmountError;

    /// Reads a decimal in AIT, as [`fmt::Display`] writes it.
    fn from_str(text: &str) -> Result<Self, ParseAmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) {
            return Err(ParseAmountError::NotDecimal(text.to_owned()));
        }
        if fraction.len() > AIT_DECIMALS {
            return Err(ParseAmountError::TooPrecise(fraction.len()));
        }
        let too_large = || ParseAmountError::TooLarge(text.to_owned());
        format!("{whole}{fraction:0<AIT_DECIMALS$}").parse().map(Self).map_err(|_| too_large())
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decimal_string(deserializer, "an attoAIT amount").map(Self)
    }
}

/// Work in micro-units, so that 2 097 152 is 2.097152 units. In JSON it is a decimal string.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroUnits(pub u64);

impl fmt::Display for MicroUnits {
    /// The shortest exact decimal in whole units.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.0 % MICRO_PER_UNIT);
        match fraction.trim_end_matches('0') {
            "" => write!(formatter, "{}", self.0 / MICRO_PER_UNIT),
            digits => write!(formatter, "{}.{digits}", self.0 / MICRO_PER_UNIT),
        }
    }
}

impl Serialize for MicroUnits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MicroUnits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decimal_string(deserializer, "a number of micro-units").map(Self)
    }
}

/// One value has one text, or a receipt would have several hashes: a sign, a leading zero and blanks are refused.
fn decimal_string<'de, T: FromStr + fmt::Display, D: Deserializer<'de>>(
    deserializer: D,
    what: &str,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.parse::<T>() {
        Ok(value) if value.to_string() == text => Ok(value),
        _ => Err(de::Error::custom(format!("{what} is a decimal string without sign or leading zero, got `{text}`"))),
    }
}

#[cfg(feature = "openapi")]
mod schema {
    use super::{Amount, MicroUnits};
    crate::api::string_schema!(Amount, "attoAIT (10^-18 AIT) as a decimal string", "400000000000000000");
    crate::api::string_schema!(MicroUnits, "micro-units of work as a decimal string", "2097152");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn writes_the_shortest_exact_decimal() {
        assert_eq!(Amount::from_atto(400_000_000_000_000_000).to_string(), "0.4");
        assert_eq!(Amount::from_ait(12).to_string(), "12");
        assert_eq!(Amount::from_atto(1).to_string(), "0.000000000000000001");
        assert_eq!(MicroUnits(2_097_152).to_string(), "2.097152");
    }

    #[test]
    fn refuses_texts_that_are_no_amount() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "0x10", " 1"] {
            assert!(text.parse::<Amount>().is_err(), "{text} was taken");
        }
        assert_eq!("0.0000000000000000001".parse::<Amount>(), Err(ParseAmountError::TooPrecise(19)));
        for json in ["1", "\"01\"", "\"+1\"", "\"-1\"", "\"1.0\"", "\"340282366920938463463374607431768211456\""] {
            assert!(serde_json::from_str::<Amount>(json).is_err(), "{json} was taken");
        }
    }

    proptest! {
        #[test]
        fn text_and_json_round_trip(atto: u128) {
            let amount = Amount::from_atto(atto);
            prop_assert_eq!(amount.to_string().parse::<Amount>(), Ok(amount));
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
        }

        #[test]
        fn a_price_never_rounds_up(price in 0..u128::from(u64::MAX), units: u64) {
            let cost = Amount::from_atto(price).times(MicroUnits(units)).unwrap().atto();
            prop_assert!(cost * 1_000_000 <= price * u128::from(units));
            prop_assert!((cost + 1) * 1_000_000 > price * u128::from(units));
        }
    }
}
