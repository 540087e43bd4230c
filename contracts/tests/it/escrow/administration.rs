//! Roles, the fee and its recipients.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use contracts::JobEscrow::{FeeRecipient, PaymentOrder};
use contracts::genesis::escrow_creation_code;
use contracts::{
    AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, EscrowFee, GenesisParameters, JOB_ESCROW_ADDRESS, JobEscrow,
};

use super::fixture::{accrued, chain, chain_with, order, recipient, refusal, settle, shard, signed};
use crate::evm::{EscrowError, Evm, Reverted, events};
use crate::receipts::{ADMIN, AIT, RELAYER, TREASURY, parameters};

const STRANGER: Address = Address::repeat_byte(0x57);
const STAKERS: Address = Address::repeat_byte(0x91);

fn set_recipients(recipients: Vec<FeeRecipient>) -> JobEscrow::setFeeRecipientsCall {
    JobEscrow::setFeeRecipientsCall { recipients }
}

/// Every administrative call, with the getter of the role that it needs.
fn guarded_calls() -> Vec<(Bytes, Bytes)> {
    let pauser = JobEscrow::PAUSER_ROLECall {}.abi_encode();
    let setter = JobEscrow::PARAMETER_SETTER_ROLECall {}.abi_encode();
    let calls = [
        (JobEscrow::pauseCall {}.abi_encode(), &pauser),
        (JobEscrow::unpauseCall {}.abi_encode(), &pauser),
        (JobEscrow::setFeeCall { feeBasisPoints_: 1 }.abi_encode(), &setter),
        (set_recipients(vec![recipient(STAKERS, 10_000)]).abi_encode(), &setter),
    ];
    calls.into_iter().map(|(call, role)| (call.into(), role.clone().into())).collect()
}

fn role(evm: &Evm, getter: &Bytes) -> B256 {
    B256::from_slice(&evm.clone().send_raw(ADMIN, JOB_ESCROW_ADDRESS, getter.clone()).unwrap())
}

#[test]
fn administration_needs_the_very_role() {
    let evm = chain();
    let roles: Vec<B256> = guarded_calls().iter().map(|(_, getter)| role(&evm, getter)).collect();
    for ((call, _), needed) in guarded_calls().into_iter().zip(&roles) {
        let mut evm = evm.clone();
        for other in roles.iter().filter(|role| *role != needed) {
            evm.send_escrow(ADMIN, &JobEscrow::grantRoleCall { role: *other, account: STRANGER }).unwrap();
        }
        if call[..4] == JobEscrow::unpauseCall::SELECTOR {
            evm.send_escrow(ADMIN, &JobEscrow::pauseCall {}).unwrap();
        }
        let refused = evm.send_raw(STRANGER, JOB_ESCROW_ADDRESS, call.clone()).unwrap_err();
        let expected = JobEscrow::AccessControlUnauthorizedAccount { account: STRANGER, neededRole: *needed };
        assert_eq!(refused, expected.into());

        evm.send_escrow(ADMIN, &JobEscrow::grantRoleCall { role: *needed, account: STRANGER }).unwrap();
        evm.send_raw(STRANGER, JOB_ESCROW_ADDRESS, call).unwrap();
    }
}

#[test]
fn the_fee_has_a_ceiling() {
    let mut evm = chain();
    let too_high = JobEscrow::FeeTooHigh { feeBasisPoints: U256::from(1_001), maximum: U256::from(1_000) };
    let call = JobEscrow::setFeeCall { feeBasisPoints_: 1_001 };
    assert_eq!(refusal(&mut evm, ADMIN, &call), EscrowError::FeeTooHigh(too_high));
    evm.send_escrow(ADMIN, &JobEscrow::setFeeCall { feeBasisPoints_: 1_000 }).unwrap();
    assert_eq!(evm.read_escrow(&JobEscrow::feeBasisPointsCall {}), U256::from(1_000));
}

#[test]
fn recipients_are_few_distinct_and_share_everything() {
    let mut evm = chain();
    let eight: Vec<FeeRecipient> = (1..=8).map(|byte| recipient(Address::repeat_byte(byte), 1_250)).collect();
    let mut nine = eight.clone();
    nine.push(recipient(STAKERS, 1));
    let count = |count: usize| {
        let (count, maximum) = (U256::from(count), U256::from(8));
        EscrowError::FeeRecipientCountOutOfRange(JobEscrow::FeeRecipientCountOutOfRange { count, maximum })
    };
    let order = |previous, account| {
        EscrowError::FeeRecipientsNotAscending(JobEscrow::FeeRecipientsNotAscending { previous, account })
    };
    let parts = |total| EscrowError::FeePartsInvalid(JobEscrow::FeePartsInvalid { total: U256::from(total) });
    let cases = [
        (vec![], count(0)),
        (nine, count(9)),
        (vec![recipient(Address::ZERO, 10_000)], order(Address::ZERO, Address::ZERO)),
        (vec![recipient(STAKERS, 5_000), recipient(STAKERS, 5_000)], order(STAKERS, STAKERS)),
        (vec![recipient(STAKERS, 5_000), recipient(TREASURY, 5_000)], order(STAKERS, TREASURY)),
        (vec![recipient(TREASURY, 0), recipient(STAKERS, 10_000)], parts(0)),
        (vec![recipient(TREASURY, 5_000), recipient(STAKERS, 4_999)], parts(9_999)),
        (vec![recipient(TREASURY, 5_000), recipient(STAKERS, 5_001)], parts(10_001)),
    ];
    for (recipients, expected) in cases {
        assert_eq!(refusal(&mut evm, ADMIN, &set_recipients(recipients)), expected);
    }
    let mined = evm.send_escrow(ADMIN, &set_recipients(eight.clone())).unwrap();
    let expected = JobEscrow::FeeRecipientsChanged { recipients: eight.clone() };
    assert_eq!(events::<JobEscrow::FeeRecipientsChanged>(&mined.logs, JOB_ESCROW_ADDRESS), [expected]);
    assert_eq!(evm.read_escrow(&JobEscrow::feeRecipientsCall {}), eight);
}

#[test]
fn fees_go_to_their_recipients_and_what_does_not_divide_waits() {
    let order = PaymentOrder { tasks: 2, ..order(1) };
    let mut evm = chain_with(&order);
    let thirds = vec![recipient(TREASURY, 3_333), recipient(STAKERS, 6_667)];
    evm.send_escrow(ADMIN, &set_recipients(thirds)).unwrap();
    // 1 000 050 attoAIT, of which the fee is 20 001.
    let receipt = JobEscrow::JobReceipt { unitPrice: U256::from(1_000_050), ..shard(1, 0, 1_000_000) };
    evm.send_escrow(RELAYER, &settle(&signed(receipt))).unwrap();
    assert_eq!(accrued(&evm), U256::from(20_001));
    let mined = evm.send_escrow(RELAYER, &JobEscrow::distributeFeesCall {}).unwrap();
    let paid = |account, amount: u64| JobEscrow::FeePaid { recipient: account, amount: U256::from(amount) };
    assert_eq!(
        events::<JobEscrow::FeePaid>(&mined.logs, JOB_ESCROW_ADDRESS),
        [paid(TREASURY, 6_666), paid(STAKERS, 13_334)]
    );
    assert_eq!((mined.value, accrued(&evm)), (U256::from(20_000), U256::ONE));
    assert_eq!((evm.balance(TREASURY), evm.balance(STAKERS)), (U256::from(6_666), U256::from(13_334)));
    assert_eq!(evm.send_escrow(RELAYER, &JobEscrow::distributeFeesCall {}).unwrap().value, U256::ZERO);
}

#[test]
fn fees_go_to_who_was_recipient_when_they_were_taken() {
    let mut evm = chain_with(&PaymentOrder { tasks: 2, ..order(1) });
    evm.send_escrow(RELAYER, &settle(&signed(shard(1, 0, 1_000_000)))).unwrap();
    evm.send_escrow(ADMIN, &set_recipients(vec![recipient(STAKERS, 10_000)])).unwrap();
    assert_eq!((evm.balance(TREASURY), accrued(&evm)), (U256::from(AIT / 50), U256::ZERO));
    evm.send_escrow(RELAYER, &settle(&signed(shard(1, 1, 2_000_000)))).unwrap();
    evm.send_escrow(RELAYER, &JobEscrow::distributeFeesCall {}).unwrap();
    assert_eq!((evm.balance(TREASURY), evm.balance(STAKERS)), (U256::from(AIT / 50), U256::from(AIT / 25)));
}

#[test]
fn a_deployment_outside_the_bounds_fails() {
    let zero = Reverted::from(JobEscrow::ZeroAddress {});
    let with_admin = |admin| GenesisParameters { admin, ..parameters() };
    let with_fee = |escrow_fee| GenesisParameters { escrow_fee, ..parameters() };
    let (token, minter) = (AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS);
    let too_high = JobEscrow::FeeTooHigh { feeBasisPoints: U256::from(1_001), maximum: U256::from(1_000) };
    let none = JobEscrow::FeeRecipientCountOutOfRange { count: U256::ZERO, maximum: U256::from(8) };
    let cases = [
        (escrow_creation_code(Address::ZERO, minter, &parameters()), zero),
        (escrow_creation_code(token, Address::ZERO, &parameters()), JobEscrow::ZeroAddress {}.into()),
        (escrow_creation_code(token, minter, &with_admin(Address::ZERO)), JobEscrow::ZeroAddress {}.into()),
        (escrow_creation_code(token, minter, &with_fee(EscrowFee::to_one(TREASURY, 1_001))), too_high.into()),
        (
            escrow_creation_code(token, minter, &with_fee(EscrowFee { basis_points: 0, recipients: vec![] })),
            none.into(),
        ),
    ];
    for (creation_code, expected) in cases {
        assert_eq!(chain().create(ADMIN, creation_code).unwrap_err(), expected);
    }
    chain().create(ADMIN, escrow_creation_code(token, minter, &parameters())).unwrap();
}

/// Genesis may list recipients in any order.
#[test]
fn genesis_orders_the_recipients() {
    let either = [(STAKERS, 4_000), (TREASURY, 6_000)]
        .map(|(account, basis_points)| contracts::FeeRecipient { account, basis_points });
    let escrow_fee = EscrowFee { basis_points: 200, recipients: either.to_vec() };
    let evm = Evm::with_genesis(&GenesisParameters { escrow_fee, ..parameters() });
    let expected = [recipient(TREASURY, 6_000), recipient(STAKERS, 4_000)];
    assert_eq!(evm.read_escrow(&JobEscrow::feeRecipientsCall {}), expected);
}
