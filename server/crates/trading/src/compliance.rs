//! Whose orders an operator takes: a policy per jurisdiction, as a file says it.
//!
//! It decides about new orders and about nothing else. Cancelling, withdrawing and leaving are never asked about, so no policy
//! keeps what a trader owns.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use shared::Address;

/// Longest name of a policy's state.
const VERSION_MAX_CHARS: usize = 64;

/// Longest reason that a trader is told.
const REASON_MAX_CHARS: usize = 200;

/// Why a policy does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("the policy cannot be read as JSON: {0}")]
    Json(String),
    #[error("version: it is 1 to {VERSION_MAX_CHARS} characters, got {0}")]
    Version(usize),
    #[error("{field}: a reason is 1 to {REASON_MAX_CHARS} characters, got {given}")]
    Reason { field: String, given: usize },
    #[error("{field}: `markets` names no market, so it allows none: say `refuse` and the reason")]
    NoMarket { field: String },
}

/// A country by ISO 3166-1 (`CH`), or a part of one by ISO 3166-2 (`US-NY`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Jurisdiction(String);

impl Jurisdiction {
    /// The country that a part belongs to.
    fn country(&self) -> Option<Self> {
        self.0.split_once('-').map(|(country, _)| Self(country.to_owned()))
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Not a name of a jurisdiction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a jurisdiction is a code of ISO 3166, `CH` or `US-NY`")]
pub struct JurisdictionError;

impl TryFrom<String> for Jurisdiction {
    type Error = JurisdictionError;

    fn try_from(text: String) -> Result<Self, JurisdictionError> {
        let (country, part) =
            text.split_once('-').map_or((text.as_str(), None), |(country, part)| (country, Some(part)));
        let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_part = |part: &str| {
            (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        if is_country && part.is_none_or(is_part) { Ok(Self(text)) } else { Err(JurisdictionError) }
    }
}

/// What an operator decided for traders of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "orders", rename_all = "snake_case", deny_unknown_fields)]
enum Rule {
    Allow {
        /// Names of markets; absent for all.
        markets: Option<BTreeSet<String>>,
    },
    Refuse {
        /// What the trader is told.
        reason: String,
    },
}

/// A policy, whole and within its bounds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompliancePolicy {
    /// How the operator names this state of the policy. Each decision has it.
    version: String,
    /// For traders whose jurisdiction the operator does not know.
    unknown: Rule,
    /// For jurisdictions without a rule of their own.
    others: Rule,
    #[serde(default)]
    jurisdictions: BTreeMap<Jurisdiction, Rule>,
    /// What the operator knows of traders.
    #[serde(default)]
    traders: BTreeMap<Address, Jurisdiction>,
}

/// What the policy says of a trader in a market. The same question gets the same answer until the policy changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    pub policy: String,
    pub trader: Address,
    pub market: String,
    /// Absent where the operator does not know it.
    pub jurisdiction: Option<Jurisdiction>,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Whether orders are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "orders", rename_all = "snake_case")]
pub enum Outcome {
    Allowed,
    Refused { reason: String },
}

impl CompliancePolicy {
    /// Reads a policy.
    ///
    /// # Errors
    /// A text that is no policy, and one with an empty or overlong member.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = serde_json::from_str(text).map_err(|error| PolicyError::Json(error.to_string()))?;
        let chars = policy.version.chars().count();
        if !(1..=VERSION_MAX_CHARS).contains(&chars) {
            return Err(PolicyError::Version(chars));
        }
        policy.unknown.check("unknown")?;
        policy.others.check("others")?;
        for (jurisdiction, rule) in &policy.jurisdictions {
            rule.check(&format!("jurisdictions.{jurisdiction}"))?;
        }
        Ok(policy)
    }

    /// Decides about new orders of a trader in a market. A part of a country without a rule has its country's.
    pub fn decide(&self, trader: Address, market: &str) -> Decision {
        let jurisdiction = self.traders.get(&trader).cloned();
        let outcome = self.rule_of(jurisdiction.as_ref()).outcome(market);
        Decision { policy: self.version.clone(), trader, market: market.to_owned(), jurisdiction, outcome }
    }

    fn rule_of(&self, jurisdiction: Option<&Jurisdiction>) -> &Rule {
        let Some(jurisdiction) = jurisdiction else { return &self.unknown };
        let own = self.jurisdictions.get(jurisdiction);
        let of_country = || self.jurisdictions.get(&jurisdiction.country()?);
        own.or_else(of_country).unwrap_or(&self.others)
    }
}

impl Rule {
    fn check(&self, field: &str) -> Result<(), PolicyError> {
        match self {
            Self::Allow { markets } if markets.as_ref().is_some_and(BTreeSet::is_empty) => {
                Err(PolicyError::NoMarket { field: field.to_owned() })
            }
            Self::Allow { .. } => Ok(()),
            Self::Refuse { reason } => match reason.chars().count() {
                1..=REASON_MAX_CHARS => Ok(()),
                given => Err(PolicyError::Reason { field: field.to_owned(), given }),
            },
        }
    }

    fn outcome(&self, market: &str) -> Outcome {
        match self {
            Self::Refuse { reason } => Outcome::Refused { reason: reason.clone() },
            Self::Allow { markets: Some(markets) } if !markets.contains(market) => {
                Outcome::Refused { reason: "this market is not offered there".to_owned() }
            }
            Self::Allow { .. } => Outcome::Allowed,
        }
    }
}
