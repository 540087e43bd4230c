//! What is signed: EIP-712 structs, each in the domain of one chain and, where a contract checks them, of that contract.

use alloy_primitives::{Address, B256, U256, keccak256};

/// Name of the domain of everything that is signed here.
pub const DOMAIN_NAME: &str = "AITBC";

/// Version of the domain, which grows when a struct changes its meaning.
pub const DOMAIN_VERSION: &str = "2";

/// Where a signature counts; elsewhere it is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigningDomain {
    pub chain_id: u64,
    /// The contract that checks the signature; none for what the chain's nodes check themselves.
    pub verifying_contract: Option<Address>,
}

impl SigningDomain {
    /// For what `contract` checks.
    pub const fn of_contract(chain_id: u64, contract: Address) -> Self {
        Self { chain_id, verifying_contract: Some(contract) }
    }

    /// For what every node of the chain checks.
    pub const fn of_chain(chain_id: u64) -> Self {
        Self { chain_id, verifying_contract: None }
    }

    /// `hashStruct(eip712Domain)`. The standard leaves a field that a domain does not use out of its type.
    pub fn separator(&self) -> B256 {
        const OF_CHAIN: &str = "EIP712Domain(string name,string version,uint256 chainId)";
        const OF_CONTRACT: &str = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        let mut fields = vec![keccak256(DOMAIN_NAME), keccak256(DOMAIN_VERSION), U256::from(self.chain_id).into()];
        fields.extend(self.verifying_contract.map(|contract| contract.into_word()));
        hash_struct(if self.verifying_contract.is_some() { OF_CONTRACT } else { OF_CHAIN }, &fields)
    }
}

/// An EIP-712 struct: what an account signs and a contract or another program can check.
pub trait TypedData {
    /// `encodeType` of the standard: the struct's name with its fields and their Solidity types.
    const TYPE: &'static str;

    /// `encodeData` of the standard: one word for each field, in the order of [`Self::TYPE`]. A text or bytes stand as
    /// their keccak256.
    fn encode_data(&self) -> Vec<B256>;

    fn struct_hash(&self) -> B256 {
        hash_struct(Self::TYPE, &self.encode_data())
    }

    /// What is signed: `keccak256(0x19 ‖ 0x01 ‖ domain separator ‖ struct hash)`.
    fn digest(&self, domain: &SigningDomain) -> B256 {
        keccak256([[0x19, 0x01].as_slice(), domain.separator().as_slice(), self.struct_hash().as_slice()].concat())
    }
}

/// keccak256 of the type's hash and the fields' words.
fn hash_struct(encoded_type: &str, fields: &[B256]) -> B256 {
    keccak256([keccak256(encoded_type).as_slice(), fields.concat().as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The standard's own example has other fields, so this one is computed with ethers' `TypedDataEncoder`.
    struct Height(u64);

    impl TypedData for Height {
        const TYPE: &'static str = "Height(uint64 number)";

        fn encode_data(&self) -> Vec<B256> {
            vec![U256::from(self.0).into()]
        }
    }

    #[test]
    fn a_domain_without_a_contract_leaves_the_field_out() {
        let digest = Height(7).digest(&SigningDomain::of_chain(24_822));
        assert_eq!(digest.to_string(), "0xacc1a7ae126aad444fc054e960dcdba3fa2c379539d1258695eece9c288f61d2");
        let contract = Address::repeat_byte(0xab);
        let for_contract = Height(7).digest(&SigningDomain::of_contract(24_822, contract));
        assert_eq!(for_contract.to_string(), "0xd1c3e2826d6cf2c599ea03f89f30d6aece019288279705652a1f07476a1eb36b");
        assert_ne!(Height(7).digest(&SigningDomain::of_contract(24_822, Address::ZERO)), digest);
    }
}
