//! Money and units of work as integers: an asset's smallest units (attoAIT, 10^-18 AIT), work in micro-units (10^-6).

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// AttoAIT in one AIT.
pub const ATTO_PER_AIT: u128 = 10_u128.pow(Ait::DECIMALS as u32);

/// Micro-units in one unit of work.
pub const MICRO_PER_UNIT: u64 = 1_000_000;

/// What a sum of money is a sum of.
pub trait Asset: fmt::Debug + Clone + Copy + Default + PartialEq + Eq + PartialOrd + Ord + Hash {
    /// As people write it behind a sum.
    const SYMBOL: &'static str;
    /// Name of the smallest unit, in which sums are counted.
    const SMALLEST_UNIT: &'static str;
    /// Decimals of one whole, as the asset's ERC-20 contract reports them.
    const DECIMALS: usize;
}

/// The token of this chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ait;

impl Asset for Ait {
    const SYMBOL: &'static str = "AIT";
    const SMALLEST_UNIT: &'static str = "attoAIT";
    const DECIMALS: usize = 18;
}

/// A sum of one asset in its smallest units; sums of two assets are two types, so they cannot be added. In JSON it is
/// a decimal string, since it outgrows 2^53.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money<A: Asset>(u128, PhantomData<A>);

/// A sum of AIT in attoAIT.
pub type Amount = Money<Ait>;

impl<A: Asset> Money<A> {
    pub const ZERO: Self = Self::from_smallest(0);

    /// Smallest units in one whole.
    pub const SMALLEST_PER_WHOLE: u128 = 10_u128.pow(A::DECIMALS as u32);

    pub const fn from_smallest(count: u128) -> Self {
        Self(count, PhantomData)
    }

    pub const fn smallest(self) -> u128 {
        self.0
    }

    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self::from_smallest)
    }

    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self::from_smallest)
    }

    /// What `units` of work cost at `self` per whole unit: `units_micro × price / 10^6`, rounded down as in the
    /// contracts. `None` where the product exceeds 2^128.
    pub fn times(self, units: MicroUnits) -> Option<Self> {
        let product = self.0.checked_mul(u128::from(units.0))?;
        Some(Self::from_smallest(product / u128::from(MICRO_PER_UNIT)))
    }

    /// The wholes, and the fraction with as many digits as the asset has decimals.
    pub fn parts(self) -> (u128, String) {
        let (whole, fraction) = (self.0 / Self::SMALLEST_PER_WHOLE, self.0 % Self::SMALLEST_PER_WHOLE);
        (whole, format!("{fraction:0width$}", width = A::DECIMALS))
    }
}

impl Amount {
    pub const fn from_atto(atto: u128) -> Self {
        Self::from_smallest(atto)
    }

    /// `ait` whole AIT; every `u64` fits.
    pub fn from_ait(ait: u64) -> Self {
        Self::from_smallest(u128::from(ait) * ATTO_PER_AIT)
    }

    pub const fn atto(self) -> u128 {
        self.smallest()
    }
}

impl<A: Asset> fmt::Display for Money<A> {
    /// The shortest exact decimal in wholes, without the symbol: `0.4`, `12`, `0.000000000000000001`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = self.parts();
        match fraction.trim_end_matches('0') {
            "" => write!(formatter, "{whole}"),
            digits => write!(formatter, "{whole}.{digits}"),
        }
    }
}

impl<A: Asset> fmt::Debug for Money<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self} {}", A::SYMBOL)
    }
}

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseAmountError {
    #[error("an amount is digits with at most one point, got `{0}`")]
    NotDecimal(String),
    #[error("an amount has at most {most} decimals, got {got}")]
    TooPrecise { most: usize, got: usize },
    #[error("an amount is below 2^128 {unit}, got `{got}`")]
    TooLarge { unit: &'static str, got: String },
}

impl<A: Asset> FromStr for Money<A> {
    type Err = ParseAmountError;

    /// Reads a decimal in wholes, as [`fmt::Display`] writes it.
    fn from_str(text: &str) -> Result<Self, ParseAmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) {
            return Err(ParseAmountError::NotDecimal(text.to_owned()));
        }
        let (most, got) = (A::DECIMALS, fraction.len());
        if got > most {
            return Err(ParseAmountError::TooPrecise { most, got });
        }
        let too_large = |_| ParseAmountError::TooLarge { unit: A::SMALLEST_UNIT, got: text.to_owned() };
        format!("{whole}{fraction:0<most$}").parse().map(Self::from_smallest).map_err(too_large)
    }
}

impl<A: Asset> Serialize for Money<A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, A: Asset> Deserialize<'de> for Money<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decimal_string(deserializer, &format!("an amount in {}", A::SMALLEST_UNIT)).map(Self::from_smallest)
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
pub(crate) fn decimal_string<'de, T: FromStr + fmt::Display, D: Deserializer<'de>>(
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
    crate::openapi::string_schema!(
        Amount,
        "attoAIT (10^-18 AIT) as a decimal string",
        "^[0-9]{1,38}$",
        "400000000000000000"
    );
    crate::openapi::string_schema!(MicroUnits, "micro-units of work as a decimal string", "^[0-9]{1,38}$", "2097152");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A dollar of a test network.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    struct TestDollar;

    impl Asset for TestDollar {
        const SYMBOL: &'static str = "tUSD";
        const SMALLEST_UNIT: &'static str = "micro-tUSD";
        const DECIMALS: usize = 6;
    }

    #[test]
    fn another_asset_has_its_own_decimals_and_symbol() {
        let dollars: Money<TestDollar> = "1.25".parse().unwrap();
        assert_eq!((dollars.smallest(), format!("{dollars:?}")), (1_250_000, "1.25 tUSD".to_owned()));
        assert_eq!(serde_json::to_string(&dollars).unwrap(), "\"1250000\"");
        let too_precise = ParseAmountError::TooPrecise { most: 6, got: 7 };
        assert_eq!("0.0000001".parse::<Money<TestDollar>>(), Err(too_precise));
        let too_large = "340282366920938463463374607431768.211456".parse::<Money<TestDollar>>().unwrap_err();
        assert!(too_large.to_string().contains("2^128 micro-tUSD"), "{too_large}");
    }

    /// The type is a number and nothing else, whatever the asset.
    #[test]
    fn the_asset_costs_nothing() {
        assert_eq!(size_of::<Amount>(), size_of::<u128>());
        assert_eq!(size_of::<Money<TestDollar>>(), size_of::<u128>());
    }

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
        let too_precise = ParseAmountError::TooPrecise { most: 18, got: 19 };
        assert_eq!("0.0000000000000000001".parse::<Amount>(), Err(too_precise));
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
