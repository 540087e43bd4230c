//! What a limit is a limit of, and how much of it: counted in the smallest units.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use shared::chain::TOKEN_ADDRESS;
use shared::{Address, U256};

/// In JSON `AIT`, `coin`, or the address of another token's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asset {
    /// The chain's own coin, which gas is paid with.
    Coin,
    Token(Address),
}

const COIN: &str = "coin";
const AIT: &str = "AIT";

impl Asset {
    pub const AIT: Self = Self::Token(TOKEN_ADDRESS);
}

impl fmt::Display for Asset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coin => formatter.write_str(COIN),
            Self::Token(TOKEN_ADDRESS) => formatter.write_str(AIT),
            Self::Token(token) => write!(formatter, "{token}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an asset is {AIT}, {COIN} or the address of a token, got `{0}`")]
pub struct ParseAssetError(String);

impl FromStr for Asset {
    type Err = ParseAssetError;

    fn from_str(text: &str) -> Result<Self, ParseAssetError> {
        match text {
            COIN => Ok(Self::Coin),
            AIT => Ok(Self::AIT),
            other => other.parse().map(Self::Token).map_err(|_| ParseAssetError(other.chars().take(80).collect())),
        }
    }
}

impl Serialize for Asset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Asset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// So many smallest units of some asset. In JSON a decimal string, since it outgrows 2^53.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(pub U256);

impl Units {
    pub const ZERO: Self = Self(U256::ZERO);

    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl fmt::Display for Units {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_decimal = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        let number = is_decimal.then(|| U256::from_str_radix(&text, 10).ok()).flatten();
        number.map(Self).ok_or_else(|| de::Error::custom("a sum is its smallest units as decimal digits"))
    }
}

/// How much of which asset.
pub type Sums = BTreeMap<Asset, Units>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_and_a_sum_survive_their_way_through_json() {
        let other = Asset::Token(Address::repeat_byte(7));
        let sums =
            Sums::from([(Asset::Coin, Units(U256::from(5))), (Asset::AIT, Units(U256::MAX)), (other, Units::ZERO)]);
        let text = serde_json::to_string(&sums).unwrap();
        assert!(text.contains(r#""AIT":"1157920892"#) && text.contains(r#""coin":"5""#), "{text}");
        assert_eq!(serde_json::from_str::<Sums>(&text).unwrap(), sums);
        for wrong in [r#""""#, r#""-1""#, r#""0x5""#, r#""1.5""#, "5"] {
            assert!(serde_json::from_str::<Units>(wrong).is_err(), "{wrong}");
        }
        assert!("ait".parse::<Asset>().is_err() && "0x12".parse::<Asset>().is_err());
    }
}
