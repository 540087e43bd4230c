//! The part of the fees that flows to stake: nobody keeps it from flowing for longer than what was collected before.

use alloy_primitives::U256;
use contracts::JobEscrow::{self, PaymentOrder};
use contracts::Staking::{self, ValidatorPower};
use contracts::{
    AI_TOKEN_ADDRESS, AIToken, JOB_ESCROW_ADDRESS, STAKING_ADDRESS, StakingParameters, staking_deployment,
};

use super::fixture::{MAX_TOTAL, accrued, chain_with, order, other_client, recipient, settle, shard, signed};
use crate::evm::Evm;
use crate::receipts::{ADMIN, AIT, RELAYER, Signer, TREASURY};

const UNBONDING_SECONDS: u64 = 7 * 86_400;
/// Of each payment of [`AIT`]: a fiftieth is the fee, and half of it is for stake.
const FOR_STAKE: u128 = AIT / 100;

/// A chain on which half of the fees is for stake, the other client has staked, and the client has ordered two tasks.
fn chain() -> (Evm, PaymentOrder) {
    let order = PaymentOrder { tasks: 2, maxTotal: MAX_TOTAL, ..order(1) };
    let mut evm = chain_with(&order);
    let validator = Signer::new(201).address();
    let parameters = StakingParameters {
        admin: ADMIN,
        validators: vec![ValidatorPower { validator, power: 1 }],
        unbonding_seconds: UNBONDING_SECONDS,
        penalty_recipient: TREASURY,
    };
    evm.construct(&staking_deployment(&parameters)).unwrap();
    let mut recipients = vec![recipient(STAKING_ADDRESS, 5_000), recipient(TREASURY, 5_000)];
    recipients.sort_by_key(|recipient| recipient.account);
    evm.send_escrow(ADMIN, &JobEscrow::setFeeRecipientsCall { recipients }).unwrap();
    let amount = U256::from(10 * AIT);
    let staker = other_client().address();
    evm.send_token(staker, &AIToken::approveCall { spender: STAKING_ADDRESS, value: amount }).unwrap();
    evm.send_staking(staker, &Staking::delegateCall { validator, amount }).unwrap();
    (evm, order)
}

#[test]
fn genesis_lets_staking_know_the_escrow() {
    let (evm, _) = chain();
    assert_eq!(evm.read_staking(&Staking::escrowCall {}), JOB_ESCROW_ADDRESS);
    assert_eq!(evm.read_staking(&Staking::tokenCall {}), AI_TOKEN_ADDRESS);
}

/// The attack: one attoAIT is sent and collected in the second in which something may be collected again.
#[test]
fn who_collects_one_atto_collects_what_the_escrow_owes_as_well() {
    let (mut evm, order) = chain();
    evm.send_escrow(RELAYER, &settle(&signed(shard(1, 0, 1_000_000)))).unwrap();
    let value = U256::ONE;
    evm.send_token(other_client().address(), &AIToken::transferCall { to: STAKING_ADDRESS, value }).unwrap();
    let treasury = evm.balance(TREASURY);
    let collected = evm.send_staking(RELAYER, &Staking::collectRewardsCall {}).unwrap().value;
    assert_eq!(collected, U256::from(FOR_STAKE + 1));
    assert_eq!((accrued(&evm), evm.balance(TREASURY)), (U256::ZERO, treasury + U256::from(FOR_STAKE)));

    // What comes while it flows waits for its end, and no longer.
    evm.send_escrow(order.hub, &settle(&signed(shard(1, 1, 1_000_000)))).unwrap();
    evm.now_unix += UNBONDING_SECONDS - 1;
    assert!(evm.send_staking(RELAYER, &Staking::collectRewardsCall {}).is_err());
    assert_eq!(accrued(&evm), U256::from(2 * FOR_STAKE));
    evm.now_unix += 1;
    assert_eq!(evm.send_staking(RELAYER, &Staking::collectRewardsCall {}).unwrap().value, U256::from(FOR_STAKE));
}
