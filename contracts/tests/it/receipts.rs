//! Signers, receipts and the genesis of the tests.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain, sol};
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter, EscrowFee, GenesisParameters, UnitPriceLimit};
use k256::ecdsa::SigningKey;

use crate::evm::{DEV_CHAIN_ID, Evm, GENESIS_UNIX};

pub(crate) use contracts::AITokenMinter::{JobReceipt, SignedJobReceipt};

pub(crate) const AIT: u128 = 1_000_000_000_000_000_000;
pub(crate) const EPOCH_SECONDS: u64 = 3_600;
pub(crate) const EPOCH_CAP: u128 = 1_000 * AIT;
pub(crate) const MAX_IMAGE_PRICE: u128 = 10 * AIT;
/// Who submits receipts: nobody in particular.
pub(crate) const RELAYER: Address = Address::repeat_byte(0x5e);
pub(crate) const CLIENT: Address = Address::repeat_byte(0xc1);
/// Later than every test's last block.
pub(crate) const EXPIRES_AT: u64 = GENESIS_UNIX + 400 * 86_400;
pub(crate) const ADMIN: Address = Address::repeat_byte(0xad);
pub(crate) const TREASURY: Address = Address::repeat_byte(0x7e);
pub(crate) const FEE_BASIS_POINTS: u16 = 200;

#[derive(Clone, Debug)]
pub(crate) struct Signer(SigningKey);

impl Signer {
    pub(crate) fn new(seed: u64) -> Self {
        Self::of_key(keccak256(seed.to_be_bytes()))
    }

    pub(crate) fn of_key(secret: B256) -> Self {
        Self(SigningKey::from_slice(secret.as_slice()).unwrap())
    }

    pub(crate) fn address(&self) -> Address {
        Address::from_public_key(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, digest: B256) -> Bytes {
        let (signature, recovery_id) = self.0.sign_prehash_recoverable(digest.as_slice()).unwrap();
        let mut bytes = signature.to_bytes().to_vec();
        bytes.push(27 + recovery_id.to_byte());
        bytes.into()
    }
}

pub(crate) fn miner() -> Signer {
    Signer::new(1)
}

/// Three attesters by ascending address.
pub(crate) fn attesters() -> [Signer; 3] {
    let mut signers = [Signer::new(101), Signer::new(102), Signer::new(103)];
    signers.sort_by_key(Signer::address);
    signers
}

pub(crate) fn parameters() -> GenesisParameters {
    GenesisParameters {
        admin: ADMIN,
        attesters: attesters().iter().map(Signer::address).collect(),
        attester_threshold: 2,
        epoch_seconds: EPOCH_SECONDS,
        epoch_cap_atto: EPOCH_CAP,
        provider_epoch_cap_atto: EPOCH_CAP,
        hold_seconds: 0,
        max_unit_prices: vec![UnitPriceLimit { unit_type: "image".into(), max_unit_price_atto: MAX_IMAGE_PRICE }],
        escrow_fee: EscrowFee::to_one(TREASURY, FEE_BASIS_POINTS),
    }
}

/// A chain at block 0 with [`parameters`]: two of three attesters must sign.
pub(crate) fn chain() -> Evm {
    static CHAIN: LazyLock<Evm> = LazyLock::new(|| Evm::with_genesis(&parameters()));
    CHAIN.clone()
}

/// The same, with the first attester alone.
pub(crate) fn single_attester_chain() -> Evm {
    static CHAIN: LazyLock<Evm> = LazyLock::new(|| {
        let attesters = vec![attesters()[0].address()];
        Evm::with_genesis(&GenesisParameters { attesters, attester_threshold: 1, ..parameters() })
    });
    CHAIN.clone()
}

/// A receipt of `micro_units` images at `unit_price_atto` each; `seed` makes its hash.
pub(crate) fn receipt(seed: u64, micro_units: u64, unit_price_atto: u128) -> JobReceipt {
    JobReceipt {
        receiptHash: keccak256([b"receipt".as_slice(), &seed.to_be_bytes()].concat()),
        jobId: FixedBytes::from(u128::from(seed).to_be_bytes()),
        taskRole: "serve".into(),
        provider: miner().address(),
        client: CLIENT,
        units: U256::from(micro_units),
        unitType: "image".into(),
        unitPrice: U256::from(unit_price_atto),
        expiresAt: EXPIRES_AT,
    }
}

pub(crate) fn domain(chain_id: u64, minter: Address) -> Eip712Domain {
    eip712_domain! { name: "AITBC", version: "2", chain_id: chain_id, verifying_contract: minter, }
}

/// The digest for the test chain's minter, by alloy's EIP-712 and not by the contract.
pub(crate) fn digest(receipt: &JobReceipt) -> B256 {
    receipt.eip712_signing_hash(&domain(DEV_CHAIN_ID, AI_TOKEN_MINTER_ADDRESS))
}

/// `receipt` signed by the miner and by `attesters` in their order, over `digest`.
pub(crate) fn signed_over(receipt: JobReceipt, digest: B256, attesters: &[Signer]) -> SignedJobReceipt {
    SignedJobReceipt {
        minerSignature: miner().sign(digest),
        attesterSignatures: attesters.iter().map(|attester| attester.sign(digest)).collect(),
        receipt,
    }
}

/// `receipt` of `provider`, signed by it and by the first two attesters.
pub(crate) fn signed_by(provider: &Signer, receipt: JobReceipt) -> SignedJobReceipt {
    let receipt = JobReceipt { provider: provider.address(), ..receipt };
    let digest = digest(&receipt);
    SignedJobReceipt { minerSignature: provider.sign(digest), ..signed_over(receipt, digest, &attesters()[..2]) }
}

/// `receipt` signed by the miner and the first two attesters.
pub(crate) fn signed(receipt: JobReceipt) -> SignedJobReceipt {
    let digest = digest(&receipt);
    signed_over(receipt, digest, &attesters()[..2])
}

pub(crate) fn mint(signed: &SignedJobReceipt) -> AITokenMinter::mintWithReceiptCall {
    let SignedJobReceipt { receipt, minerSignature, attesterSignatures } = signed.clone();
    AITokenMinter::mintWithReceiptCall { receipt, minerSignature, attesterSignatures }
}

pub(crate) fn mint_batch(receipts: &[SignedJobReceipt]) -> AITokenMinter::mintBatchCall {
    AITokenMinter::mintBatchCall { receipts: receipts.to_vec() }
}

/// Voids `receipt`, whose amount is held until `due_unix`, signed by the first two attesters.
pub(crate) fn void(receipt: &JobReceipt, due_unix: u64, reason: &str) -> AITokenMinter::voidReceiptCall {
    let digest = void_digest(receipt.receiptHash, reason);
    AITokenMinter::voidReceiptCall {
        receipt: receipt.clone(),
        dueUnix: U256::from(due_unix),
        reason: reason.to_owned(),
        attesterSignatures: attesters()[..2].iter().map(|attester| attester.sign(digest)).collect(),
    }
}

sol! {
    /// What attesters sign to void a receipt.
    struct VoidReceipt { bytes32 receiptHash; string reason; }
}

/// The digest of a void for the test chain's minter, by alloy's EIP-712 and not by the contract.
pub(crate) fn void_digest(receipt_hash: B256, reason: &str) -> B256 {
    let void = VoidReceipt { receiptHash: receipt_hash, reason: reason.to_owned() };
    void.eip712_signing_hash(&domain(DEV_CHAIN_ID, AI_TOKEN_MINTER_ADDRESS))
}

pub(crate) fn release(provider: Address, due_unix: u64) -> AITokenMinter::releaseCall {
    AITokenMinter::releaseCall { holds: vec![AITokenMinter::Hold { provider, dueUnix: U256::from(due_unix) }] }
}

/// Whether the register has this receipt of the minter's bindings, or of the escrow's, by what alloy hashes.
pub(crate) fn is_used(evm: &Evm, receipt: &impl SolStruct) -> bool {
    evm.read_minter(&AITokenMinter::usedReceiptCall { structHash: receipt.eip712_hash_struct() })
}
