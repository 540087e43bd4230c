//! What a trader does without the operator: void its orders, and leave with everything.

use alloy_primitives::U256;
use contracts::ExchangeSettlement;
use contracts::ExchangeSettlement::{ExchangeOrder, Side};

use super::fixture::*;
use crate::evm::{Evm, ExchangeError, GENESIS_UNIX, events};

/// Long enough for orders that outlive a delay.
const LATER: u64 = GENESIS_UNIX + 10 * EXIT_DELAY_SECONDS;

fn lasting(trader: &crate::receipts::Signer, side: Side, epoch: u64) -> ExchangeSettlement::SignedOrder {
    signed(ExchangeOrder { expiresAt: LATER, epoch, ..order(trader, side, 1_000, 1) })
}

fn request_exit(evm: &mut Evm) -> U256 {
    call(evm, alice().address(), &ExchangeSettlement::requestExitCall {}).unwrap().value
}

#[test]
fn cancel_all_voids_older_orders_after_the_delay_and_no_newer_one() {
    let mut evm = chain();
    let (old, ask) = (lasting(&bob(), Side::Buy, 0), lasting(&alice(), Side::Sell, 0));
    let mined = call(&mut evm, bob().address(), &ExchangeSettlement::cancelAllCall {}).unwrap();
    let effective_at = GENESIS_UNIX + EXIT_DELAY_SECONDS;
    let raised =
        ExchangeSettlement::EpochRaised { trader: bob().address(), epoch: 1, effectiveAt: U256::from(effective_at) };
    assert_eq!(events::<ExchangeSettlement::EpochRaised>(&mined.logs, EXCHANGE), [raised]);
    assert_eq!(mined.value, 1);

    // What was matched before still settles.
    evm.now_unix = effective_at - 1;
    settled(&mut evm, 1, &[(&old, &ask, 10, 10)]);
    let newer = lasting(&bob(), Side::Buy, 1);
    settled(&mut evm, 2, &[(&newer, &ask, 10, 10)]);

    evm.now_unix = effective_at;
    let over = ExchangeSettlement::OrderEpochOver { digest: digest(&old.order), epoch: 0, traderEpoch: 1 };
    assert_eq!(refusal(&mut evm, SETTLER, &settle(3, &[(&old, &ask, 10, 10)])), ExchangeError::OrderEpochOver(over));
    settled(&mut evm, 3, &[(&newer, &ask, 10, 10)]);
}

#[test]
fn epochs_are_each_traders_own_and_only_rise() {
    let mut evm = chain();
    let epoch = |evm: &Evm| read(evm, &ExchangeSettlement::epochOfCall { trader: bob().address() });
    let cancel_all = |evm: &mut Evm| call(evm, bob().address(), &ExchangeSettlement::cancelAllCall {}).unwrap().value;
    assert_eq!(cancel_all(&mut evm), 1);
    assert_eq!((epoch(&evm).epoch, epoch(&evm).nextEpoch), (0, 1));
    assert_eq!(cancel_all(&mut evm), 2);
    assert_eq!((epoch(&evm).epoch, epoch(&evm).nextEpoch), (0, 2));
    evm.now_unix += EXIT_DELAY_SECONDS;
    assert_eq!((epoch(&evm).epoch, epoch(&evm).nextEpoch), (2, 2));
    assert_eq!(cancel_all(&mut evm), 3);
    assert_eq!((epoch(&evm).epoch, epoch(&evm).nextEpoch), (2, 3));
    let (bid, ask) = (lasting(&bob(), Side::Buy, 2), lasting(&alice(), Side::Sell, 0));
    settled(&mut evm, 1, &[(&bid, &ask, 10, 10)]);
}

#[test]
fn a_trader_leaves_with_everything_while_the_operator_is_gone() {
    let mut evm = chain();
    let exit = |asset| ExchangeSettlement::exitCall { asset };
    let not_requested = || ExchangeError::ExitNotRequested(ExchangeSettlement::ExitNotRequested {});
    assert_eq!(refusal(&mut evm, alice().address(), &exit(BASE)), not_requested());

    let exit_at = request_exit(&mut evm);
    assert_eq!(exit_at, U256::from(GENESIS_UNIX + EXIT_DELAY_SECONDS));
    evm.now_unix += EXIT_DELAY_SECONDS - 1;
    let early = ExchangeSettlement::TooEarlyToExit { exitAt: exit_at, timestamp: U256::from(evm.now_unix) };
    assert_eq!(refusal(&mut evm, alice().address(), &exit(BASE)), ExchangeError::TooEarlyToExit(early));

    evm.now_unix += 1;
    for asset in [BASE, QUOTE] {
        let mined = call(&mut evm, alice().address(), &exit(asset)).unwrap();
        let left = ExchangeSettlement::Exited { trader: alice().address(), asset, amount: U256::from(FUNDS) };
        assert_eq!(events::<ExchangeSettlement::Exited>(&mined.logs, EXCHANGE), [left]);
        assert_eq!(wallet(&evm, alice().address(), asset), U256::from(FUNDS));
        assert_eq!((balance(&evm, &alice(), asset), held(&evm, asset)), (U256::ZERO, U256::from(2 * FUNDS)));
    }
    // Once more pays nothing more.
    assert_eq!(call(&mut evm, alice().address(), &exit(BASE)).unwrap().value, U256::ZERO);
    assert_eq!(refusal(&mut evm, bob().address(), &exit(BASE)), not_requested());
}

#[test]
fn what_was_matched_settles_until_the_exit_and_nothing_afterwards() {
    let mut evm = chain();
    let exit_at = request_exit(&mut evm);
    let (bid, ask) = (lasting(&bob(), Side::Buy, 0), lasting(&alice(), Side::Sell, 0));
    evm.now_unix += EXIT_DELAY_SECONDS - 1;
    settled(&mut evm, 1, &[(&bid, &ask, 10, 10)]);
    evm.now_unix += 1;
    let exited = || ExchangeSettlement::TraderExited { trader: alice().address(), exitAt: exit_at };
    let late = refusal(&mut evm, SETTLER, &settle(2, &[(&bid, &ask, 10, 10)]));
    assert_eq!(late, ExchangeError::TraderExited(exited()));

    // One who comes back trades again.
    call(&mut evm, alice().address(), &ExchangeSettlement::cancelExitCall {}).unwrap();
    settled(&mut evm, 2, &[(&bid, &ask, 10, 10)]);
    let error = refusal(&mut evm, alice().address(), &ExchangeSettlement::exitCall { asset: BASE });
    assert_eq!(error, ExchangeError::ExitNotRequested(ExchangeSettlement::ExitNotRequested {}));
}

/// Asking again would otherwise move the time, and cancelling nothing would be answered as if it had done something.
#[test]
fn an_exit_is_requested_once_and_cancelled_once() {
    let mut evm = chain();
    let exit_at = request_exit(&mut evm);
    evm.now_unix += 5;
    let again = refusal(&mut evm, alice().address(), &ExchangeSettlement::requestExitCall {});
    let requested = ExchangeSettlement::ExitAlreadyRequested { exitAt: exit_at };
    assert_eq!(again, ExchangeError::ExitAlreadyRequested(requested));
    call(&mut evm, alice().address(), &ExchangeSettlement::cancelExitCall {}).unwrap();
    let nothing = refusal(&mut evm, alice().address(), &ExchangeSettlement::cancelExitCall {});
    assert_eq!(nothing, ExchangeError::ExitNotRequested(ExchangeSettlement::ExitNotRequested {}));
    assert!(request_exit(&mut evm) > exit_at);
}
