//! Traders that are contracts (ERC-1271): what they say of a withdrawal counts, of an order it does not, and what they try
//! changes nothing.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolValue, sol};
use contracts::ExchangeSettlement::{ExchangeOrder, Side, SignedOrder};
use contracts::{Deployment, ExchangeSettlement, TestDollar, WALLET_GAS};

use super::fixture::*;
use crate::evm::{Evm, ExchangeError, GENESIS_UNIX};
use crate::receipts::Signer;

sol! {
    /// `tests/solidity/TestWallet.sol`.
    #[derive(Debug)]
    enum Habit { Honest, Refuses, BurnsGas, AnswersMuch, CallsBack }
    function execute(address target, bytes data);
    function behave(Habit habit, address target, bytes data);
}

const CREATION_CODE: &[u8] = include_bytes!("../../artifacts/TestWallet.creation.bin");
const WALLET: Address = Address::repeat_byte(0xe1);

fn owner() -> Signer {
    Signer::new(90)
}

/// A chain with a wallet that has deposited [`FUNDS`] of both assets.
fn chain_with_wallet() -> Evm {
    let mut evm = chain();
    let creation_code: Bytes = [CREATION_CODE, &owner().address().abi_encode()].concat().into();
    evm.construct(&Deployment { contract_name: "TestWallet", address: WALLET, creation_code }).unwrap();
    for asset in [BASE, QUOTE] {
        let approve = TestDollar::approveCall { spender: EXCHANGE, value: U256::from(FUNDS) };
        let calls = [
            (asset, TestDollar::faucetCall {}.abi_encode()),
            (asset, approve.abi_encode()),
            (EXCHANGE, deposit(asset, FUNDS).abi_encode()),
        ];
        for (target, data) in calls {
            evm.send(owner().address(), WALLET, &executeCall { target, data: data.into() }).unwrap();
        }
    }
    evm
}

fn behaves(evm: &mut Evm, habit: Habit, data: Vec<u8>) {
    let call = behaveCall { habit, target: EXCHANGE, data: data.into() };
    evm.send(owner().address(), WALLET, &call).unwrap();
}

fn wallet_buys(nonce: u64) -> SignedOrder {
    signed_by(ExchangeOrder { trader: WALLET, nonce, ..order(&bob(), Side::Buy, 1_000, 1) }, &owner())
}

/// The wallet takes 10 out, as its owner signed it.
fn wallet_withdraws(nonce: u64) -> ExchangeSettlement::withdrawCall {
    let out = ExchangeSettlement::Withdrawal { trader: WALLET, ..withdrawal(&bob(), QUOTE, 10, nonce) };
    withdraw(&out, &owner())
}

fn not_the_wallets(error: &ExchangeError) -> bool {
    matches!(error, ExchangeError::InvalidSignature(error) if error.trader == WALLET)
}

fn balance_of_wallet(evm: &Evm, asset: Address) -> U256 {
    read(evm, &ExchangeSettlement::balanceOfCall { trader: WALLET, asset })
}

#[test]
fn a_wallet_withdraws_by_what_its_owner_signed() {
    let mut evm = chain_with_wallet();
    let out = ExchangeSettlement::Withdrawal { trader: WALLET, ..withdrawal(&bob(), QUOTE, 10, 7) };
    let error = refusal(&mut evm, SETTLER, &withdraw(&out, &Signer::new(91)));
    assert!(not_the_wallets(&error), "{error:?}");
    call(&mut evm, SETTLER, &wallet_withdraws(7)).unwrap();
    assert_eq!(wallet(&evm, WALLET, QUOTE), U256::from(10));
    assert_eq!(balance_of_wallet(&evm, QUOTE), U256::from(FUNDS - 10));
}

/// It could say yes before a match and no at its settlement. So its orders count by a key that it names alone.
#[test]
fn a_wallet_is_never_asked_about_an_order() {
    let mut evm = chain_with_wallet();
    let (bid, ask) = (wallet_buys(1), sell(&alice(), 1_000, 1));
    for habit in [Habit::Honest, Habit::BurnsGas] {
        behaves(&mut evm, habit, vec![]);
        let call = settle(1, &[(&bid, &ask, 10, 10)]);
        let error = refusal(&mut evm, SETTLER, &call);
        assert!(not_the_wallets(&error), "{error:?}");
        let spent = evm.gas_spent(SETTLER, EXCHANGE, &call);
        assert!(spent < WALLET_GAS, "{habit:?}: {spent}");
    }
    assert_eq!(balance_of_wallet(&evm, QUOTE), U256::from(FUNDS));
}

#[test]
fn a_wallet_lets_a_key_sign_for_it() {
    let mut evm = chain_with_wallet();
    let robot = Signer::new(70);
    let add = ExchangeSettlement::addDelegateCall { delegate: robot.address(), expiresAt: GENESIS_UNIX + 1_000 };
    let call = executeCall { target: EXCHANGE, data: add.abi_encode().into() };
    evm.send(owner().address(), WALLET, &call).unwrap();
    behaves(&mut evm, Habit::Refuses, vec![]);
    let bid = signed_by(wallet_buys(1).order, &robot);
    settled(&mut evm, 1, &[(&bid, &sell(&alice(), 1_000, 1), 10, 10)]);
}

/// Whatever a wallet does but say yes refuses its own withdrawal.
#[test]
fn a_hostile_wallet_spoils_its_own_withdrawal_alone() {
    let mut evm = chain_with_wallet();
    let leave = ExchangeSettlement::requestExitCall {}.abi_encode();
    let habits =
        [(Habit::Refuses, vec![]), (Habit::BurnsGas, vec![]), (Habit::AnswersMuch, vec![]), (Habit::CallsBack, leave)];
    for (habit, data) in habits {
        behaves(&mut evm, habit, data);
        let error = refusal(&mut evm, SETTLER, &wallet_withdraws(7));
        assert!(not_the_wallets(&error), "{habit:?}: {error:?}");
    }
    assert_eq!(balance_of_wallet(&evm, QUOTE), U256::from(FUNDS));
    let exit_at = read(&evm, &ExchangeSettlement::exitAtOfCall { trader: WALLET });
    assert_eq!(exit_at, U256::ZERO, "it changed something while it was asked");
}

/// A call back that changes nothing is the wallet's own matter.
#[test]
fn a_wallet_may_read_the_exchange_while_it_is_asked() {
    let mut evm = chain_with_wallet();
    behaves(&mut evm, Habit::CallsBack, ExchangeSettlement::pausedCall {}.abi_encode());
    call(&mut evm, SETTLER, &wallet_withdraws(7)).unwrap();
}

#[test]
fn a_wallet_gets_no_more_gas_than_its_bound() {
    let mut evm = chain_with_wallet();
    assert_eq!(read(&evm, &ExchangeSettlement::WALLET_GASCall {}), U256::from(WALLET_GAS));
    behaves(&mut evm, Habit::BurnsGas, vec![]);
    let spent = evm.gas_spent(SETTLER, EXCHANGE, &wallet_withdraws(7));
    assert!((WALLET_GAS..WALLET_GAS + 60_000).contains(&spent), "{spent}");
}

/// An account without code answers nothing, and nothing is no yes.
#[test]
fn an_account_without_code_says_nothing() {
    let mut evm = chain();
    let nobody = ExchangeOrder { trader: Address::repeat_byte(0x77), ..order(&bob(), Side::Buy, 1_000, 0) };
    for signature in [Bytes::new(), Bytes::from(vec![1; 64]), Signer::new(1).sign(B256::ZERO)] {
        let bid = SignedOrder { order: nobody.clone(), signature };
        let error = refused(&mut evm, (&bid, &sell(&alice(), 1_000, 0), 10, 0));
        assert!(matches!(error, ExchangeError::InvalidSignature(_)), "{error:?}");
    }
}
