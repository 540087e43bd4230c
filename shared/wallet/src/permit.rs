//! Permits after EIP-2612: an owner lets a spender take tokens by a signature instead of a transaction.

use serde_json::json;
use shared::time::UnixSeconds;
use shared::{Address, U256};

use crate::typed_data::{Atom, TypedData, TypedDataError};

const PRIMARY_TYPE: &str = "Permit";

/// Which token the permit is for, as its EIP-712 domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermitDomain {
    pub name: String,
    pub version: String,
    pub chain_id: u64,
    pub token: Address,
}

impl PermitDomain {
    /// Of AIT on this chain.
    pub fn of_ait(chain_id: u64) -> Self {
        Self { name: "AITBC".to_owned(), version: "1".to_owned(), chain_id, token: shared::chain::TOKEN_ADDRESS }
    }
}

/// What the owner allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    pub owner: Address,
    pub spender: Address,
    pub value: U256,
    /// The token's next nonce of the owner, so that a permit counts once.
    pub nonce: U256,
    /// From the second after this one the permit is void.
    pub deadline: U256,
}

impl Permit {
    pub fn deadline_at(deadline: UnixSeconds) -> U256 {
        U256::from(deadline.0)
    }

    /// What is shown and signed.
    pub fn typed_data(&self, domain: &PermitDomain) -> Result<TypedData, TypedDataError> {
        let member = |name, type_name| json!({ "name": name, "type": type_name });
        let members = [
            member("owner", "address"),
            member("spender", "address"),
            member("value", "uint256"),
            member("nonce", "uint256"),
            member("deadline", "uint256"),
        ];
        let text = json!({
            "types": { PRIMARY_TYPE: members },
            "primaryType": PRIMARY_TYPE,
            "domain": {
                "name": domain.name,
                "version": domain.version,
                "chainId": domain.chain_id.to_string(),
                "verifyingContract": domain.token,
            },
            "message": {
                "owner": self.owner,
                "spender": self.spender,
                "value": self.value.to_string(),
                "nonce": self.nonce.to_string(),
                "deadline": self.deadline.to_string(),
            },
        });
        TypedData::parse(&text.to_string())
    }

    /// The permit in typed data that somebody else made, so that it can be told from harmless data.
    pub fn of(data: &TypedData) -> Option<Self> {
        if data.primary_type != PRIMARY_TYPE {
            return None;
        }
        let address = |name| match data.message.member(name) {
            Some(Atom::Address(address)) => Some(*address),
            _ => None,
        };
        let number = |name| match data.message.member(name) {
            Some(Atom::Uint(number)) => Some(*number),
            _ => None,
        };
        Some(Self {
            owner: address("owner")?,
            spender: address("spender")?,
            value: number("value")?,
            nonce: number("nonce")?,
            deadline: number("deadline")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_is_recognised_in_its_typed_data() {
        let permit = Permit {
            owner: Address::repeat_byte(1),
            spender: Address::repeat_byte(2),
            value: U256::MAX,
            nonce: U256::ZERO,
            deadline: Permit::deadline_at(UnixSeconds(1_800_000_000)),
        };
        let data = permit.typed_data(&PermitDomain::of_ait(shared::chain::DEV_CHAIN_ID)).unwrap();
        assert_eq!(Permit::of(&data), Some(permit));
        assert_eq!(data.domain.verifying_contract, Some(shared::chain::TOKEN_ADDRESS));
        let other = TypedData { primary_type: "Mail".to_owned(), ..data };
        assert_eq!(Permit::of(&other), None);
    }
}
