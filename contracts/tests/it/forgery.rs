//! No mint without a valid receipt: nothing moves when a field changes after signing, or when another key signs.

use std::slice::from_ref;

use alloy_primitives::{Address, B256, Bytes, U256, b256};
use alloy_sol_types::SolStruct;
use contracts::{AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS};
use proptest::prelude::*;

use crate::evm::DEV_CHAIN_ID;
use crate::receipts::{
    AIT, RELAYER, SignedJobReceipt, Signer, attesters, chain, digest, domain, is_used, mint, mint_batch, receipt,
    signed, signed_over,
};

/// Order of secp256k1.
const CURVE_ORDER: B256 = b256!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");

/// Which of the three signatures of a receipt is spoilt: the miner's or an attester's.
#[derive(Debug, Clone, Copy)]
enum Slot {
    Miner,
    Attester(usize),
}

#[derive(Debug, Clone)]
enum Forgery {
    ReceiptHash(B256),
    JobId(u128),
    TaskRole(String),
    Provider(Address),
    Client(Address),
    Units(u64),
    UnitPrice(u128),
    UnitType(String),
    ExpiresAt(u64),
    SignedForChain(u64),
    SignedForContract(Address),
    SignedBy(Slot, u64),
    FlippedBit(Slot, usize),
    OtherLength(Slot, Vec<u8>),
    Malleated(Slot),
    RecoveryId(Slot, u8),
    AttestationRepeated,
    AttestationsSwapped,
    AttestationMissing,
}

fn slot() -> impl Strategy<Value = Slot> {
    prop_oneof![Just(Slot::Miner), Just(Slot::Attester(0)), Just(Slot::Attester(1))]
}

fn forgery() -> impl Strategy<Value = Forgery> {
    use Forgery::*;
    prop_oneof![
        any::<[u8; 32]>().prop_map(|hash| ReceiptHash(hash.into())),
        any::<u128>().prop_map(JobId),
        "(serve|audit|shard/[0-9]{1,5})?".prop_map(TaskRole),
        any::<[u8; 20]>().prop_map(|address| Provider(address.into())),
        any::<[u8; 20]>().prop_map(|address| Client(address.into())),
        any::<u64>().prop_map(Units),
        (0..=10 * AIT).prop_map(UnitPrice),
        "[a-z_]{0,40}".prop_map(UnitType),
        any::<u64>().prop_map(ExpiresAt),
        any::<u64>().prop_map(SignedForChain),
        any::<[u8; 20]>().prop_map(|address| SignedForContract(address.into())),
        Just(SignedForContract(AI_TOKEN_ADDRESS)),
        (slot(), any::<u64>()).prop_map(|(slot, seed)| SignedBy(slot, seed)),
        (slot(), 0..65 * 8usize).prop_map(|(slot, bit)| FlippedBit(slot, bit)),
        (slot(), proptest::collection::vec(any::<u8>(), 0..140)).prop_map(|(slot, bytes)| OtherLength(slot, bytes)),
        slot().prop_map(Malleated),
        (slot(), any::<u8>()).prop_map(|(slot, v)| RecoveryId(slot, v)),
        Just(AttestationRepeated),
        Just(AttestationsSwapped),
        Just(AttestationMissing),
    ]
}

fn signature(signed: &mut SignedJobReceipt, slot: Slot) -> &mut Bytes {
    match slot {
        Slot::Miner => &mut signed.minerSignature,
        Slot::Attester(index) => &mut signed.attesterSignatures[index],
    }
}

/// The other signature of the same key over the same digest: n − s with the other parity. EIP-2 forbids it.
fn malleate(signature: &[u8]) -> Bytes {
    let s = U256::from_be_slice(&signature[32..64]);
    let mirrored: U256 = U256::from_be_bytes(CURVE_ORDER.0) - s;
    let parity = 27 + 28 - signature[64];
    [&signature[..32], &mirrored.to_be_bytes::<32>(), &[parity]].concat().into()
}

fn forged(original: SignedJobReceipt, forgery: &Forgery) -> SignedJobReceipt {
    let mut forged = original.clone();
    let over = |chain_id, minter| {
        let digest = original.receipt.eip712_signing_hash(&domain(chain_id, minter));
        signed_over(original.receipt.clone(), digest, &attesters()[..2])
    };
    match forgery {
        Forgery::ReceiptHash(hash) => forged.receipt.receiptHash = *hash,
        Forgery::JobId(job_id) => forged.receipt.jobId = job_id.to_be_bytes().into(),
        Forgery::TaskRole(role) => forged.receipt.taskRole.clone_from(role),
        Forgery::Client(client) => forged.receipt.client = *client,
        Forgery::ExpiresAt(seconds) => forged.receipt.expiresAt = *seconds,
        Forgery::Provider(provider) => forged.receipt.provider = *provider,
        Forgery::Units(units) => forged.receipt.units = U256::from(*units),
        Forgery::UnitPrice(price) => forged.receipt.unitPrice = U256::from(*price),
        Forgery::UnitType(unit_type) => forged.receipt.unitType.clone_from(unit_type),
        Forgery::SignedForChain(chain_id) => forged = over(*chain_id, AI_TOKEN_MINTER_ADDRESS),
        Forgery::SignedForContract(contract) => forged = over(DEV_CHAIN_ID, *contract),
        Forgery::SignedBy(slot, seed) => {
            // Seeds of the real signers are small numbers.
            *signature(&mut forged, *slot) = Signer::new(1_000 + seed % 1_000).sign(digest(&original.receipt));
        }
        Forgery::FlippedBit(slot, bit) => {
            let mut bytes = signature(&mut forged, *slot).to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            *signature(&mut forged, *slot) = bytes.into();
        }
        Forgery::OtherLength(slot, bytes) => *signature(&mut forged, *slot) = bytes.clone().into(),
        Forgery::Malleated(slot) => {
            let mirrored = malleate(signature(&mut forged, *slot));
            *signature(&mut forged, *slot) = mirrored;
        }
        Forgery::RecoveryId(slot, v) => {
            let mut bytes = signature(&mut forged, *slot).to_vec();
            bytes[64] = *v;
            *signature(&mut forged, *slot) = bytes.into();
        }
        Forgery::AttestationRepeated => forged.attesterSignatures[1] = forged.attesterSignatures[0].clone(),
        Forgery::AttestationsSwapped => forged.attesterSignatures.swap(0, 1),
        Forgery::AttestationMissing => forged.attesterSignatures.truncate(1),
    }
    forged
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_forged_receipt_mints_nothing(seed: u64, micro_units in 1..100_000_000u64, forgery in forgery()) {
        let mut evm = chain();
        let original = signed(receipt(seed, micro_units, AIT));
        let forged = forged(original.clone(), &forgery);
        prop_assume!(forged != original);

        let single = evm.send_minter(RELAYER, &mint(&forged));
        prop_assert!(single.is_err(), "single mint took {forgery:?}");
        let batch = evm.send_minter(RELAYER, &mint_batch(from_ref(&forged)));
        prop_assert!(batch.is_err(), "batch took {forgery:?}");
        prop_assert_eq!(evm.supply(), U256::ZERO);
        prop_assert!(!is_used(&evm, &forged.receipt));

        // The true receipt is none the worse for it.
        evm.send_minter(RELAYER, &mint(&original)).unwrap();
        prop_assert_eq!(evm.supply(), original.receipt.units * original.receipt.unitPrice / U256::from(1_000_000));
    }
}
