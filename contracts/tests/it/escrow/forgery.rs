//! Nothing moves when an order or a receipt changes after signing, or when another key signs.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolStruct;
use contracts::JobEscrow::{JobReceipt, PaymentOrder, SignedJobReceipt};
use contracts::{AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, JOB_ESCROW_ADDRESS, JobEscrow};
use proptest::prelude::*;

use super::fixture::{
    FUNDS, chain_with, chain_with_deposit, client, free, held, hub, order, other_client, reservation, reserve, settle,
    settle_batch, signed, work,
};
use crate::evm::DEV_CHAIN_ID;
use crate::receipts::{AIT, RELAYER, Signer, domain, is_used, miner};

/// A change of one signed field to anything.
#[derive(Debug, Clone)]
enum Field {
    JobId(u128),
    Party(bool, [u8; 20]),
    Money(bool, u128),
    UnitType(String),
    Tasks(u16),
    Promise(bool, u32),
    ExpiresAt(u64),
}

fn field() -> impl Strategy<Value = Field> {
    prop_oneof![
        any::<u128>().prop_map(Field::JobId),
        any::<(bool, [u8; 20])>().prop_map(|(first, address)| Field::Party(first, address)),
        (any::<bool>(), 0..=FUNDS).prop_map(|(first, atto)| Field::Money(first, atto)),
        "[a-z_]{0,40}".prop_map(Field::UnitType),
        (1..=256u16).prop_map(Field::Tasks),
        any::<(bool, u32)>().prop_map(|(first, seconds)| Field::Promise(first, seconds)),
        any::<u64>().prop_map(Field::ExpiresAt),
    ]
}

fn altered_order(mut order: PaymentOrder, field: &Field) -> PaymentOrder {
    match field {
        Field::JobId(job_id) => order.jobId = job_id.to_be_bytes().into(),
        Field::Party(true, address) => order.client = address.into(),
        Field::Party(false, address) => order.hub = address.into(),
        Field::Money(true, atto) => order.maxTotal = *atto,
        Field::Money(false, atto) => order.maxUnitPrice = *atto,
        Field::UnitType(unit_type) => order.unitType.clone_from(unit_type),
        Field::Tasks(tasks) => order.tasks = *tasks,
        Field::Promise(true, seconds) => order.startWithinSeconds = *seconds,
        Field::Promise(false, seconds) => order.finishWithinSeconds = *seconds,
        Field::ExpiresAt(seconds) => order.expiresAt = *seconds,
    }
    order
}

fn altered_receipt(mut receipt: JobReceipt, field: &Field) -> JobReceipt {
    match field {
        Field::JobId(job_id) => receipt.jobId = job_id.to_be_bytes().into(),
        Field::Party(true, address) => receipt.client = address.into(),
        Field::Party(false, address) => receipt.provider = address.into(),
        Field::Money(true, units) => receipt.units = U256::from(*units),
        Field::Money(false, atto) => receipt.unitPrice = U256::from(*atto),
        Field::UnitType(unit_type) => receipt.unitType.clone_from(unit_type),
        Field::Tasks(tasks) => receipt.taskRole = format!("shard/{tasks}"),
        Field::Promise(_, seconds) => receipt.receiptHash = B256::from(U256::from(*seconds)),
        Field::ExpiresAt(seconds) => receipt.expiresAt = *seconds,
    }
    receipt
}

/// A change of a signature.
#[derive(Debug, Clone)]
enum Spoilt {
    ForChain(u64),
    ForContract(Address),
    ByKey(u64),
    FlippedBit(usize),
    Length(Vec<u8>),
    RecoveryId(u8),
}

fn spoilt() -> impl Strategy<Value = Spoilt> {
    use Spoilt::*;
    prop_oneof![
        any::<u64>().prop_map(ForChain),
        any::<[u8; 20]>().prop_map(|address| ForContract(address.into())),
        Just(ForContract(AI_TOKEN_ADDRESS)),
        Just(ForContract(AI_TOKEN_MINTER_ADDRESS)),
        any::<u64>().prop_map(ByKey),
        (0..65 * 8usize).prop_map(FlippedBit),
        proptest::collection::vec(any::<u8>(), 0..140).prop_map(Length),
        any::<u8>().prop_map(RecoveryId),
    ]
}

/// The signature of `signer` over `data`, spoilt.
fn signature(data: &impl SolStruct, signer: &Signer, spoilt: &Spoilt) -> Bytes {
    let sign = |chain_id, contract, signer: &Signer| signer.sign(data.eip712_signing_hash(&domain(chain_id, contract)));
    let mut bytes = sign(DEV_CHAIN_ID, JOB_ESCROW_ADDRESS, signer).to_vec();
    match spoilt {
        Spoilt::ForChain(chain_id) => return sign(*chain_id, JOB_ESCROW_ADDRESS, signer),
        Spoilt::ForContract(contract) => return sign(DEV_CHAIN_ID, *contract, signer),
        // Seeds of the real signers are small numbers.
        Spoilt::ByKey(seed) => return sign(DEV_CHAIN_ID, JOB_ESCROW_ADDRESS, &Signer::new(1_000 + seed % 1_000)),
        Spoilt::FlippedBit(bit) => bytes[bit / 8] ^= 1 << (bit % 8),
        Spoilt::Length(other) => bytes.clone_from(other),
        Spoilt::RecoveryId(v) => bytes[64] = *v,
    }
    bytes.into()
}

fn forged_receipt(original: &SignedJobReceipt, slot: usize, spoilt: &Spoilt) -> SignedJobReceipt {
    let mut forged = original.clone();
    match slot {
        0 => forged.minerSignature = signature(&original.receipt, &miner(), spoilt),
        _ => forged.attesterSignatures[0] = signature(&original.receipt, &hub(), spoilt),
    }
    forged
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_order_altered_after_signing_reserves_nothing(seed: u64, field in field()) {
        let original = order(seed);
        let altered = altered_order(original.clone(), &field);
        prop_assume!(altered != original);
        let mut evm = chain_with_deposit();
        let call = JobEscrow::reserveCall { order: altered.clone(), ..reserve(&original) };
        for caller in [original.hub, altered.hub] {
            prop_assert!(evm.send_escrow(caller, &call).is_err(), "{field:?} was taken");
        }
        prop_assert_eq!(free(&evm, client().address()), U256::from(FUNDS));
        // The true order is none the worse for it.
        evm.send_escrow(hub().address(), &reserve(&original)).unwrap();
    }

    #[test]
    fn a_forged_signature_reserves_nothing(seed: u64, spoilt in spoilt()) {
        let order = order(seed);
        let call = JobEscrow::reserveCall { clientSignature: signature(&order, &client(), &spoilt), ..reserve(&order) };
        prop_assume!(call != reserve(&order));
        let mut evm = chain_with_deposit();
        prop_assert!(evm.send_escrow(order.hub, &call).is_err(), "{spoilt:?} was taken");
        prop_assert_eq!(free(&evm, client().address()), U256::from(FUNDS));
        evm.send_escrow(order.hub, &reserve(&order)).unwrap();
    }

    #[test]
    fn a_receipt_altered_after_signing_is_paid_nothing(seed: u64, micro_units in 1..10_000_000u64, field in field()) {
        let original = signed(work(seed, micro_units, AIT));
        let forged = SignedJobReceipt { receipt: altered_receipt(original.receipt.clone(), &field), ..original.clone() };
        prop_assume!(forged != original);
        refused_and_harmless(seed, &original, &forged)?;
    }

    #[test]
    fn a_receipt_with_a_forged_signature_is_paid_nothing(
        seed: u64, micro_units in 1..10_000_000u64, slot in 0..2usize, spoilt in spoilt()
    ) {
        let original = signed(work(seed, micro_units, AIT));
        let forged = forged_receipt(&original, slot, &spoilt);
        prop_assume!(forged != original);
        refused_and_harmless(seed, &original, &forged)?;
    }
}

fn refused_and_harmless(
    seed: u64,
    original: &SignedJobReceipt,
    forged: &SignedJobReceipt,
) -> Result<(), TestCaseError> {
    // A second client has an order for the same job, so that a change of the client finds a reservation.
    let mut evm = chain_with(&order(seed));
    super::fixture::allow_and_deposit(&mut evm, &other_client(), FUNDS);
    let other = PaymentOrder { client: other_client().address(), ..order(seed) };
    evm.send_escrow(other.hub, &reserve(&other)).unwrap();
    let before = held(&evm);

    prop_assert!(evm.send_escrow(RELAYER, &settle(forged)).is_err());
    prop_assert!(evm.send_escrow(RELAYER, &settle_batch(std::slice::from_ref(forged))).is_err());
    prop_assert_eq!(held(&evm), before);
    prop_assert!(!is_used(&evm, &forged.receipt));
    prop_assert_eq!(reservation(&evm, &order(seed)).remaining, order(seed).maxTotal);
    evm.send_escrow(RELAYER, &settle(original)).unwrap();
    Ok(())
}
