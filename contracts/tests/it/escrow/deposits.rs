//! Money in and out, without any job.

use alloy_primitives::U256;
use alloy_sol_types::SolError;
use contracts::{AI_TOKEN_ADDRESS, AIToken, JOB_ESCROW_ADDRESS, JobEscrow};

use super::fixture::{
    FUNDS, allow_and_deposit, chain, chain_with_deposit, client, free, held, order, other_client, permit, refusal,
    reserve,
};
use crate::evm::{EscrowError, GENESIS_UNIX, Reverted, events};
use crate::receipts::{ADMIN, AIT, RELAYER};

const LATER: u64 = GENESIS_UNIX + 60;

#[test]
fn a_deposit_is_credited_and_comes_back() {
    let mut evm = chain();
    let (account, amount) = (client().address(), U256::from(30 * AIT));
    allow_and_deposit(&mut evm, &client(), 30 * AIT);
    assert_eq!((free(&evm, account), held(&evm)), (amount, amount));
    assert_eq!(evm.balance(account), U256::from(FUNDS) - amount);

    let mined = evm.send_escrow(account, &JobEscrow::withdrawCall { amount }).unwrap();
    assert_eq!(
        events::<JobEscrow::Withdrawn>(&mined.logs, JOB_ESCROW_ADDRESS),
        [JobEscrow::Withdrawn { client: account, amount }]
    );
    assert_eq!((free(&evm, account), held(&evm)), (U256::ZERO, U256::ZERO));
    assert_eq!(evm.balance(account), U256::from(FUNDS));
}

#[test]
fn nobody_withdraws_more_than_is_free() {
    let mut evm = chain_with_deposit();
    allow_and_deposit(&mut evm, &other_client(), FUNDS);
    let ask = |amount: u128| JobEscrow::withdrawCall { amount: U256::from(amount) };
    let short = |account, available: u128, needed: u128| {
        let (available, needed) = (U256::from(available), U256::from(needed));
        EscrowError::InsufficientBalance(JobEscrow::InsufficientBalance { client: account, available, needed })
    };
    let account = client().address();
    assert_eq!(refusal(&mut evm, account, &ask(FUNDS + 1)), short(account, FUNDS, FUNDS + 1));
    assert_eq!(refusal(&mut evm, RELAYER, &ask(1)), short(RELAYER, 0, 1));

    let order = order(1);
    evm.send_escrow(order.hub, &reserve(&order)).unwrap();
    let left = FUNDS - order.maxTotal;
    assert_eq!(refusal(&mut evm, account, &ask(left + 1)), short(account, left, left + 1));
    evm.send_escrow(account, &ask(left)).unwrap();
    assert_eq!(free(&evm, other_client().address()), U256::from(FUNDS));
}

#[test]
fn one_signature_deposits_and_the_client_sends_nothing() {
    let mut evm = chain();
    let mined = evm.send_escrow(RELAYER, &permit(&client(), 5 * AIT, 0, LATER)).unwrap();
    let (account, amount) = (client().address(), U256::from(5 * AIT));
    assert_eq!(
        events::<JobEscrow::Deposited>(&mined.logs, JOB_ESCROW_ADDRESS),
        [JobEscrow::Deposited { client: account, amount }]
    );
    assert_eq!((free(&evm, account), free(&evm, RELAYER)), (amount, U256::ZERO));
    let allowance = AIToken::allowanceCall { owner: account, spender: JOB_ESCROW_ADDRESS };
    assert_eq!(evm.read_token(&allowance), U256::ZERO);
}

#[test]
fn a_permit_deposits_once_and_only_what_it_says() {
    let mut evm = chain();
    evm.send_escrow(RELAYER, &permit(&client(), 5 * AIT, 0, LATER)).unwrap();
    let altered =
        JobEscrow::depositWithPermitCall { amount: U256::from(6 * AIT), ..permit(&client(), 5 * AIT, 1, LATER) };
    let of_another =
        JobEscrow::depositWithPermitCall { client: other_client().address(), ..permit(&client(), AIT, 0, LATER) };
    let expired = permit(&client(), AIT, 1, GENESIS_UNIX - 1);
    for call in [permit(&client(), 5 * AIT, 0, LATER), altered, of_another, expired.clone()] {
        let account = call.client;
        match refusal(&mut evm, RELAYER, &call) {
            EscrowError::PermitRefused(error) => assert_eq!(error.client, account),
            other => panic!("{other:?}"),
        }
    }
    let EscrowError::PermitRefused(error) = refusal(&mut evm, RELAYER, &expired) else { panic!("another error") };
    let reason = AIToken::ERC2612ExpiredSignature { deadline: U256::from(GENESIS_UNIX - 1) };
    assert_eq!(error.reason, reason.abi_encode());
    assert_eq!(free(&evm, client().address()), U256::from(5 * AIT));
}

#[test]
fn a_permit_that_somebody_used_up_first_still_deposits() {
    let mut evm = chain();
    let call = permit(&client(), 5 * AIT, 0, LATER);
    let JobEscrow::depositWithPermitCall { client: owner, amount: value, deadline, v, r, s } = call.clone();
    let stolen = AIToken::permitCall { owner, spender: JOB_ESCROW_ADDRESS, value, deadline, v, r, s };
    evm.send_token(RELAYER, &stolen).unwrap();
    evm.send_escrow(RELAYER, &call).unwrap();
    assert_eq!(free(&evm, owner), value);
}

#[test]
fn a_deposit_needs_the_clients_allowance_and_tokens() {
    let mut evm = chain();
    let deposit = JobEscrow::depositCall { amount: U256::from(FUNDS + 1) };
    let without = evm.send_escrow(client().address(), &deposit).unwrap_err();
    let expected = AIToken::ERC20InsufficientAllowance {
        spender: JOB_ESCROW_ADDRESS,
        allowance: U256::ZERO,
        needed: U256::from(FUNDS + 1),
    };
    assert_eq!(without, expected.into());
    let allow = AIToken::approveCall { spender: JOB_ESCROW_ADDRESS, value: U256::MAX };
    evm.send(client().address(), AI_TOKEN_ADDRESS, &allow).unwrap();
    let without = evm.send_escrow(client().address(), &deposit).unwrap_err();
    let expected = AIToken::ERC20InsufficientBalance {
        sender: client().address(),
        balance: U256::from(FUNDS),
        needed: U256::from(FUNDS + 1),
    };
    assert_eq!(without, expected.into());
    assert_eq!(free(&evm, client().address()), U256::ZERO);
}

#[test]
fn a_pause_stops_deposits_and_no_withdrawal() {
    let mut evm = chain_with_deposit();
    evm.send_escrow(ADMIN, &JobEscrow::pauseCall {}).unwrap();
    let paused = Reverted::from(JobEscrow::EnforcedPause {});
    let deposit = JobEscrow::depositCall { amount: U256::ZERO };
    assert_eq!(evm.send_escrow(client().address(), &deposit).unwrap_err(), paused);
    assert_eq!(evm.send_escrow(RELAYER, &permit(&other_client(), AIT, 0, LATER)).unwrap_err(), paused);
    let withdraw = JobEscrow::withdrawCall { amount: U256::from(FUNDS) };
    evm.send_escrow(client().address(), &withdraw).unwrap();

    evm.send_escrow(ADMIN, &JobEscrow::unpauseCall {}).unwrap();
    allow_and_deposit(&mut evm, &client(), AIT);
    assert_eq!(held(&evm), U256::from(AIT));
}
