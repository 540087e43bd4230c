//! Deposits and signed withdrawals.

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use alloy_sol_types::{SolCall, SolStruct, eip712_domain};
use contracts::ExchangeSettlement::Listing;
use contracts::genesis::exchange_creation_code;
use contracts::{Deployment, ExchangeParameters, ExchangeSettlement, TestDollar};

use super::fixture::*;
use crate::evm::{DEV_CHAIN_ID, Evm, ExchangeError, GENESIS_UNIX, Reverted, events};
use crate::receipts::{ADMIN, Signer};
use crate::reentrancy::calling_back;

fn permit(owner: &Signer, amount: u128, deadline: u64) -> ExchangeSettlement::depositWithPermitCall {
    let (value, deadline) = (U256::from(amount), U256::from(deadline));
    let permit = Permit { owner: owner.address(), spender: EXCHANGE, value, nonce: U256::ZERO, deadline };
    let domain = eip712_domain! {
        name: "Worthless Test Dollar", version: "1", chain_id: DEV_CHAIN_ID, verifying_contract: QUOTE,
    };
    let signature = owner.sign(permit.eip712_signing_hash(&domain));
    ExchangeSettlement::depositWithPermitCall {
        trader: owner.address(),
        asset: QUOTE,
        amount: value,
        deadline,
        v: signature[64],
        r: B256::from_slice(&signature[..32]),
        s: B256::from_slice(&signature[32..64]),
    }
}

/// Alice has [`FUNDS`] of the quote asset in her wallet.
fn with_wallet() -> Evm {
    let mut evm = empty_chain();
    evm.send(alice().address(), QUOTE, &TestDollar::faucetCall {}).unwrap();
    evm
}

#[test]
fn a_deposit_is_credited_to_who_pays_it() {
    let mut evm = with_wallet();
    allow(&mut evm, &alice(), QUOTE, FUNDS);
    let mined = call(&mut evm, alice().address(), &deposit(QUOTE, 400)).unwrap();
    let expected = ExchangeSettlement::Deposited { trader: alice().address(), asset: QUOTE, amount: U256::from(400) };
    assert_eq!(events::<ExchangeSettlement::Deposited>(&mined.logs, EXCHANGE), [expected]);
    assert_eq!(balance(&evm, &alice(), QUOTE), U256::from(400));
    assert_eq!((balance(&evm, &alice(), BASE), balance(&evm, &bob(), QUOTE)), (U256::ZERO, U256::ZERO));
    assert_eq!((held(&evm, QUOTE), wallet(&evm, alice().address(), QUOTE)), (U256::from(400), U256::from(FUNDS - 400)));
}

#[test]
fn a_permit_deposits_for_its_owner_and_not_for_its_sender() {
    let mut evm = with_wallet();
    call(&mut evm, STRANGER, &permit(&alice(), 700, GENESIS_UNIX)).unwrap();
    assert_eq!(balance(&evm, &alice(), QUOTE), U256::from(700));
    // The permit is used, and the allowance with it.
    let again = refusal(&mut evm, STRANGER, &permit(&alice(), 700, GENESIS_UNIX));
    assert!(matches!(again, ExchangeError::PermitRefused(error) if error.trader == alice().address()));
}

#[test]
fn a_permit_that_was_submitted_by_another_before_still_deposits() {
    let mut evm = with_wallet();
    let signed = permit(&alice(), 700, GENESIS_UNIX);
    let first = TestDollar::permitCall {
        owner: signed.trader,
        spender: EXCHANGE,
        value: signed.amount,
        deadline: signed.deadline,
        v: signed.v,
        r: signed.r,
        s: signed.s,
    };
    evm.send(STRANGER, QUOTE, &first).unwrap();
    call(&mut evm, STRANGER, &signed).unwrap();
    assert_eq!(balance(&evm, &alice(), QUOTE), U256::from(700));
}

#[test]
fn a_permit_of_another_moves_nothing() {
    let mut evm = with_wallet();
    let forged =
        ExchangeSettlement::depositWithPermitCall { trader: alice().address(), ..permit(&bob(), 700, GENESIS_UNIX) };
    assert!(matches!(refusal(&mut evm, bob().address(), &forged), ExchangeError::PermitRefused(_)));
}

#[test]
fn only_listed_assets_are_taken() {
    let mut evm = with_wallet();
    let expected = ExchangeSettlement::AssetNotListed { asset: STRANGER };
    assert_eq!(refusal(&mut evm, alice().address(), &deposit(STRANGER, 1)), ExchangeError::AssetNotListed(expected));
}

/// Says 1 to every call: `true` to a transfer, and 1 as its balance before and after.
const NOTHING_ARRIVES: [u8; 8] = hex!("60015f5260205ff3");

/// An exchange whose quote asset is a contract of `runtime`.
fn chain_with_asset(creation_code: Bytes) -> Evm {
    let asset = Address::repeat_byte(0xba);
    let mut evm = Evm::empty(DEV_CHAIN_ID);
    let parameters = ExchangeParameters { listings: vec![Listing { quote: asset, ..listing() }], ..parameters() };
    for (contract_name, address, creation_code) in
        [("asset", asset, creation_code), ("ExchangeSettlement", EXCHANGE, exchange_creation_code(&parameters))]
    {
        evm.construct(&Deployment { contract_name, address, creation_code }).unwrap();
    }
    evm
}

#[test]
fn an_asset_that_keeps_a_part_is_not_credited() {
    let asset = Address::repeat_byte(0xba);
    let mut evm = chain_with_asset(creating(&NOTHING_ARRIVES));
    let error = call(&mut evm, alice().address(), &deposit(asset, 5)).unwrap_err();
    let expected = ExchangeSettlement::DepositNotWhole { asset, amount: U256::from(5), received: U256::ZERO };
    assert_eq!(error, Reverted::from(expected));
}

#[test]
fn an_asset_that_calls_back_is_refused() {
    let asset = Address::repeat_byte(0xba);
    let inner = [
        deposit(asset, 1).abi_encode(),
        ExchangeSettlement::depositWithPermitCall { asset, ..permit(&alice(), 1, GENESIS_UNIX) }.abi_encode(),
        ExchangeSettlement::exitCall { asset }.abi_encode(),
        ExchangeSettlement::collectFeesCall { asset }.abi_encode(),
    ];
    for inner in inner {
        let mut evm = chain_with_asset(calling_back(EXCHANGE, &inner));
        let error = call(&mut evm, alice().address(), &deposit(asset, 1)).unwrap_err();
        assert_eq!(error, Reverted::from(ExchangeSettlement::ReentrancyGuardReentrantCall {}));
    }
}

#[test]
fn a_signed_withdrawal_pays_its_trader_once() {
    let mut evm = chain();
    let out = withdrawal(&alice(), QUOTE, 300, 5);
    let mined = call(&mut evm, SETTLER, &withdraw(&out, &alice())).unwrap();
    let expected =
        ExchangeSettlement::Withdrawn { trader: alice().address(), asset: QUOTE, amount: U256::from(300), nonce: 5 };
    assert_eq!(events::<ExchangeSettlement::Withdrawn>(&mined.logs, EXCHANGE), [expected]);
    assert_eq!(wallet(&evm, alice().address(), QUOTE), U256::from(300));
    assert_eq!(
        (balance(&evm, &alice(), QUOTE), held(&evm, QUOTE)),
        (U256::from(FUNDS - 300), U256::from(3 * FUNDS - 300))
    );

    let used = ExchangeSettlement::NonceAlreadyUsed { trader: alice().address(), nonce: 5 };
    let again = refusal(&mut evm, SETTLER, &withdraw(&out, &alice()));
    assert_eq!(again, ExchangeError::NonceAlreadyUsed(used));
}

#[test]
fn a_withdrawal_needs_its_traders_word_in_time_and_its_cover() {
    let mut evm = chain();
    let out = withdrawal(&alice(), QUOTE, 300, 5);
    assert!(matches!(refusal(&mut evm, SETTLER, &withdraw(&out, &bob())), ExchangeError::InvalidSignature(_)));
    for altered in [
        ExchangeSettlement::Withdrawal { amount: 301, ..out.clone() },
        ExchangeSettlement::Withdrawal { asset: BASE, ..out.clone() },
        ExchangeSettlement::Withdrawal { trader: bob().address(), ..out.clone() },
        ExchangeSettlement::Withdrawal { nonce: 6, ..out.clone() },
        ExchangeSettlement::Withdrawal { expiresAt: EXPIRES_AT + 1, ..out.clone() },
    ] {
        let call = ExchangeSettlement::withdrawCall { withdrawal: altered, ..withdraw(&out, &alice()) };
        assert!(matches!(refusal(&mut evm, SETTLER, &call), ExchangeError::InvalidSignature(_)));
    }
    let more = withdrawal(&alice(), QUOTE, FUNDS + 1, 5);
    let expected = ExchangeSettlement::InsufficientBalance {
        trader: alice().address(),
        asset: QUOTE,
        available: U256::from(FUNDS),
        needed: U256::from(FUNDS + 1),
    };
    assert_eq!(refusal(&mut evm, SETTLER, &withdraw(&more, &alice())), ExchangeError::InsufficientBalance(expected));
    evm.now_unix = EXPIRES_AT + 1;
    let late = ExchangeSettlement::WithdrawalExpired {
        expiresAt: U256::from(EXPIRES_AT),
        timestamp: U256::from(EXPIRES_AT + 1),
    };
    assert_eq!(refusal(&mut evm, SETTLER, &withdraw(&out, &alice())), ExchangeError::WithdrawalExpired(late));
    evm.now_unix = EXPIRES_AT;
    call(&mut evm, SETTLER, &withdraw(&out, &alice())).unwrap();
}

#[test]
fn only_the_operator_sends_a_signed_withdrawal() {
    let mut evm = chain();
    let call = withdraw(&withdrawal(&alice(), QUOTE, 300, 5), &alice());
    for other in [alice().address(), ADMIN, STRANGER] {
        let error = refusal(&mut evm, other, &call);
        assert!(matches!(error, ExchangeError::AccessControlUnauthorizedAccount(error) if error.account == other));
    }
}

#[test]
fn a_pause_stops_deposits_and_settlement_and_no_way_out() {
    let mut evm = chain();
    evm.send(alice().address(), QUOTE, &TestDollar::faucetCall {}).unwrap();
    allow(&mut evm, &alice(), QUOTE, FUNDS);
    call(&mut evm, alice().address(), &ExchangeSettlement::requestExitCall {}).unwrap();
    call(&mut evm, ADMIN, &ExchangeSettlement::pauseCall {}).unwrap();
    let paused = || ExchangeError::EnforcedPause(ExchangeSettlement::EnforcedPause {});
    assert_eq!(refusal(&mut evm, alice().address(), &deposit(QUOTE, 1)), paused());
    assert_eq!(refusal(&mut evm, STRANGER, &permit(&alice(), 1, GENESIS_UNIX)), paused());
    assert_eq!(refused(&mut evm, (&buy(&bob(), 10, 1), &sell(&carol(), 10, 1), 10, 10)), paused());

    call(&mut evm, SETTLER, &withdraw(&withdrawal(&bob(), QUOTE, 300, 5), &bob())).unwrap();
    call(&mut evm, bob().address(), &ExchangeSettlement::requestExitCall {}).unwrap();
    call(&mut evm, carol().address(), &ExchangeSettlement::cancelAllCall {}).unwrap();
    evm.now_unix += EXIT_DELAY_SECONDS;
    call(&mut evm, alice().address(), &ExchangeSettlement::exitCall { asset: BASE }).unwrap();
    call(&mut evm, bob().address(), &ExchangeSettlement::exitCall { asset: QUOTE }).unwrap();
    assert_eq!(wallet(&evm, alice().address(), BASE), U256::from(FUNDS));

    call(&mut evm, ADMIN, &ExchangeSettlement::unpauseCall {}).unwrap();
    call(&mut evm, alice().address(), &deposit(QUOTE, 1)).unwrap();
}
