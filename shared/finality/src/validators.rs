//! Who decides blocks, and with how much weight.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use serde::{Deserialize, Serialize};

/// Most validators of one set. It bounds the signatures of a certificate.
pub const MAX_VALIDATORS: usize = 128;

/// One who takes part in deciding blocks. In JSON its names and numbers are as in [`crate::CommitCertificate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Validator {
    /// The address of its key.
    pub address: Address,
    /// Its weight; at least 1.
    #[serde(with = "alloy_serde::quantity")]
    pub voting_power: u64,
}

impl core::fmt::Display for Validator {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{} with power {}", self.address, self.voting_power)
    }
}

/// Those who decide one block. No address occurs twice, each has power, and the total fits a `u64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorSet {
    power_by_address: BTreeMap<Address, u64>,
    total_power: u64,
}

/// Why validators make no set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorSetError {
    /// There is nobody in it.
    #[error("a validator set needs at least one validator")]
    Empty,
    /// There are too many.
    #[error("a validator set has at most {MAX_VALIDATORS} validators, got {0}")]
    TooMany(usize),
    /// An address occurs twice.
    #[error("validator {0} occurs twice")]
    Repeated(Address),
    /// A validator without weight.
    #[error("validator {0} has voting power 0, at least 1 is needed")]
    NoPower(Address),
    /// The sum is no `u64`.
    #[error("the voting power of all validators together is above {}", u64::MAX)]
    TotalPower,
}

impl ValidatorSet {
    /// Checks the bounds of a set.
    ///
    /// # Errors
    /// [`ValidatorSetError`] naming the bound that does not hold.
    pub fn new(validators: impl IntoIterator<Item = Validator>) -> Result<Self, ValidatorSetError> {
        let (mut power_by_address, mut total_power) = (BTreeMap::new(), 0u64);
        for Validator { address, voting_power } in validators {
            if voting_power == 0 {
                return Err(ValidatorSetError::NoPower(address));
            }
            if power_by_address.insert(address, voting_power).is_some() {
                return Err(ValidatorSetError::Repeated(address));
            }
            total_power = total_power.checked_add(voting_power).ok_or(ValidatorSetError::TotalPower)?;
        }
        match power_by_address.len() {
            0 => Err(ValidatorSetError::Empty),
            count if count > MAX_VALIDATORS => Err(ValidatorSetError::TooMany(count)),
            _ => Ok(Self { power_by_address, total_power }),
        }
    }

    /// One validator with all power.
    #[must_use]
    pub fn single(address: Address) -> Self {
        Self { power_by_address: BTreeMap::from([(address, 1)]), total_power: 1 }
    }

    /// The validators, by address.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Validator> + '_ {
        self.power_by_address.iter().map(|(&address, &voting_power)| Validator { address, voting_power })
    }

    /// The weight of `address`; `None` if it is no validator.
    #[must_use]
    pub fn power_of(&self, address: Address) -> Option<u64> {
        self.power_by_address.get(&address).copied()
    }

    /// The weight of all together.
    #[must_use]
    pub fn total_power(&self) -> u64 {
        self.total_power
    }

    /// Whether `power` decides: it is more than two thirds of the total.
    #[must_use]
    pub fn is_quorum(&self, power: u64) -> bool {
        3 * u128::from(power) > 2 * u128::from(self.total_power)
    }
}
