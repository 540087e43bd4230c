//! What is signed: the EIP-712 struct `JobReceipt`, and the EIP-191 form that the minter takes as well.

use alloy_primitives::{Address, B256, U256, keccak256};

use crate::amount::{Amount, MicroUnits};
use crate::receipt::UnitType;

/// EIP-712 type of the domain, without the optional salt.
pub const DOMAIN_TYPE: &str = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";

/// EIP-712 type of a claim; `contracts/solidity/libraries` holds the same text.
pub const JOB_RECEIPT_TYPE: &str =
    "JobReceipt(bytes32 receiptHash,address provider,uint256 units,string unitType,uint256 unitPrice)";

pub const DOMAIN_NAME: &str = "AITBC";
pub const DOMAIN_VERSION: &str = "1";

/// Which chain and which minter a signature is for; elsewhere it is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigningDomain {
    pub chain_id: u64,
    pub verifying_contract: Address,
}

impl SigningDomain {
    /// `hashStruct(eip712Domain)`.
    pub fn separator(&self) -> B256 {
        hash_words(&[
            keccak256(DOMAIN_TYPE),
            keccak256(DOMAIN_NAME),
            keccak256(DOMAIN_VERSION),
            U256::from(self.chain_id).into(),
            self.verifying_contract.into_word(),
        ])
    }
}

/// The part of a receipt that miner and hub sign and the minter checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptClaim {
    pub receipt_hash: B256,
    pub provider: Address,
    pub units: MicroUnits,
    pub unit_type: UnitType,
    pub unit_price: Amount,
}

impl ReceiptClaim {
    /// `keccak256(0x19 ‖ 0x01 ‖ domainSeparator ‖ hashStruct(claim))` of EIP-712.
    pub fn digest(&self, domain: &SigningDomain) -> B256 {
        let mut message = [0; 66];
        message[..2].copy_from_slice(&[0x19, 0x01]);
        message[2..34].copy_from_slice(domain.separator().as_slice());
        message[34..].copy_from_slice(self.struct_hash().as_slice());
        keccak256(message)
    }

    fn struct_hash(&self) -> B256 {
        hash_words(&[
            keccak256(JOB_RECEIPT_TYPE),
            self.receipt_hash,
            self.provider.into_word(),
            U256::from(self.units.0).into(),
            keccak256(self.unit_type.as_str()),
            U256::from(self.unit_price.atto()).into(),
        ])
    }

    /// The EIP-191 digest over `keccak256(abi.encode(provider, units, receiptHash))`. It binds neither chain nor
    /// contract, so a minter takes it only where its operator set a price for it.
    pub fn plain_digest(&self) -> B256 {
        let inner = hash_words(&[self.provider.into_word(), U256::from(self.units.0).into(), self.receipt_hash]);
        personal_message_digest(inner.as_slice())
    }
}

/// The EIP-191 digest (version 0x45, `personal_sign`) of a message.
pub fn personal_message_digest(message: &[u8]) -> B256 {
    let mut prefixed = format!("\x19Ethereum Signed Message:\n{}", message.len()).into_bytes();
    prefixed.extend_from_slice(message);
    keccak256(prefixed)
}

/// keccak256 of the ABI encoding of static words.
fn hash_words(words: &[B256]) -> B256 {
    keccak256(words.concat())
}
