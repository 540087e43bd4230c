//! Keys that sign orders for a trader: until when they count, and what they may not do.

use alloy_primitives::{Address, U256};
use contracts::ExchangeSettlement;
use contracts::ExchangeSettlement::{Delegation, ExchangeOrder, Side, SignedOrder};

use super::fixture::*;
use crate::evm::{Evm, ExchangeError, GENESIS_UNIX, Mined, events};
use crate::receipts::Signer;

const DAY: u64 = 86_400;
const DELEGATES_MAX: u64 = 16;

fn robot() -> Signer {
    Signer::new(70)
}

fn add(
    evm: &mut Evm,
    trader: &Signer,
    delegate: Address,
    expires_at: u64,
) -> Mined<ExchangeSettlement::addDelegateReturn> {
    call(evm, trader.address(), &adding(delegate, expires_at)).unwrap()
}

fn adding(delegate: Address, expires_at: u64) -> ExchangeSettlement::addDelegateCall {
    ExchangeSettlement::addDelegateCall { delegate, expiresAt: expires_at }
}

fn revoking(delegate: Address) -> ExchangeSettlement::revokeDelegateCall {
    ExchangeSettlement::revokeDelegateCall { delegate }
}

fn revoke(evm: &mut Evm, trader: &Signer, delegate: Address) -> Mined<u64> {
    call(evm, trader.address(), &revoking(delegate)).unwrap()
}

fn delegations(evm: &Evm, trader: &Signer) -> Vec<Delegation> {
    read(evm, &ExchangeSettlement::delegationsOfCall { trader: trader.address() })
}

/// An order of Bob's that outlives every delegation here, signed by `signer`.
fn lasting(signer: &Signer, nonce: u64) -> SignedOrder {
    signed_by(
        ExchangeOrder { expiresAt: GENESIS_UNIX + 400 * DAY, nonce, ..order(&bob(), Side::Buy, 1_000, 1) },
        signer,
    )
}

fn ask() -> SignedOrder {
    signed(ExchangeOrder { expiresAt: GENESIS_UNIX + 400 * DAY, ..order(&alice(), Side::Sell, 1_000, 1) })
}

fn over(order: &SignedOrder, expires_at: u64, now: u64) -> ExchangeError {
    ExchangeError::DelegationOver(ExchangeSettlement::DelegationOver {
        digest: digest(&order.order),
        delegate: robot().address(),
        expiresAt: U256::from(expires_at),
        timestamp: U256::from(now),
    })
}

#[test]
fn a_delegate_trades_for_its_trader_until_the_last_second() {
    let mut evm = chain();
    let (bid, ask) = (lasting(&robot(), 1), ask());
    let forged = ExchangeSettlement::InvalidSignature { digest: digest(&bid.order), trader: bob().address() };
    assert_eq!(refused(&mut evm, (&bid, &ask, 10, 10)), ExchangeError::InvalidSignature(forged));

    let expires_at = GENESIS_UNIX + DAY;
    let mined = add(&mut evm, &bob(), robot().address(), expires_at);
    let (trader, delegate) = (bob().address(), robot().address());
    let added = ExchangeSettlement::DelegateAdded { trader, delegate, expiresAt: U256::from(expires_at) };
    assert_eq!(events::<ExchangeSettlement::DelegateAdded>(&mined.logs, EXCHANGE), [added]);
    settled(&mut evm, 1, &[(&bid, &ask, 10, 10)]);
    evm.now_unix = expires_at;
    settled(&mut evm, 2, &[(&bid, &ask, 10, 10)]);
    evm.now_unix = expires_at + 1;
    let late = settle(3, &[(&bid, &ask, 10, 10)]);
    assert_eq!(refusal(&mut evm, SETTLER, &late), over(&bid, expires_at, expires_at + 1));
    // The money was its trader's, and so is what came of it.
    assert_eq!(balance(&evm, &bob(), QUOTE), U256::from(FUNDS - 20));
    assert_eq!(balance(&evm, &robot(), BASE), U256::ZERO);
    // Longer again.
    add(&mut evm, &bob(), delegate, expires_at + DAY);
    settled(&mut evm, 3, &[(&bid, &ask, 10, 10)]);
}

#[test]
fn a_revoked_delegate_settles_what_was_matched_and_nothing_after_the_delay() {
    let mut evm = chain();
    let (bid, ask) = (lasting(&robot(), 1), ask());
    add(&mut evm, &bob(), robot().address(), GENESIS_UNIX + 30 * DAY);
    evm.now_unix += 5;
    let mined = revoke(&mut evm, &bob(), robot().address());
    let over_at = evm.now_unix + EXIT_DELAY_SECONDS;
    assert_eq!(mined.value, over_at);
    let revoked = ExchangeSettlement::DelegateRevoked {
        trader: bob().address(),
        delegate: robot().address(),
        expiresAt: U256::from(over_at),
    };
    assert_eq!(events::<ExchangeSettlement::DelegateRevoked>(&mined.logs, EXCHANGE), [revoked]);
    let known = Delegation { delegate: robot().address(), expiresAt: over_at, isRevoked: true };
    assert_eq!(delegations(&evm, &bob()), [known]);
    evm.now_unix = over_at;
    settled(&mut evm, 1, &[(&bid, &ask, 10, 10)]);
    evm.now_unix = over_at + 1;
    assert_eq!(refusal(&mut evm, SETTLER, &settle(2, &[(&bid, &ask, 10, 10)])), over(&bid, over_at, over_at + 1));
    // The trader itself goes on.
    settled(&mut evm, 2, &[(&lasting(&bob(), 2), &ask, 10, 10)]);
}

/// A trader that could move the end nearer would choose which of its trades settle.
#[test]
fn no_call_brings_the_end_nearer_than_the_delay() {
    let mut evm = chain();
    let delegate = robot().address();
    let expires_at = GENESIS_UNIX + 30 * DAY;
    add(&mut evm, &bob(), delegate, expires_at);
    let shorter = |minimum: u64, maximum: u64, given: u64| {
        ExchangeError::DelegationOutOfRange(ExchangeSettlement::DelegationOutOfRange {
            given: U256::from(given),
            minimum: U256::from(minimum),
            maximum: U256::from(maximum),
        })
    };
    let (latest, given) = (GENESIS_UNIX + 365 * DAY, expires_at - 1);
    assert_eq!(refusal(&mut evm, bob().address(), &adding(delegate, given)), shorter(expires_at, latest, given));
    assert_eq!(
        refusal(&mut evm, bob().address(), &adding(delegate, latest + 1)),
        shorter(expires_at, latest, latest + 1)
    );
    let over_at = revoke(&mut evm, &bob(), delegate).value;
    evm.now_unix += 7;
    assert_eq!(revoke(&mut evm, &bob(), delegate).value, over_at, "a second call changes nothing");
    // What ends sooner by itself is not made longer.
    let soon = Address::repeat_byte(0x11);
    let until = evm.now_unix + 9;
    add(&mut evm, &bob(), soon, until);
    assert_eq!(revoke(&mut evm, &bob(), soon).value, evm.now_unix + 9);
    let (given, minimum) = (evm.now_unix, evm.now_unix + 1);
    let error = refusal(&mut evm, bob().address(), &adding(Address::repeat_byte(0x12), given));
    assert_eq!(error, shorter(minimum, latest + 7, given));
}

#[test]
fn a_delegate_withdraws_nothing_and_lets_nobody_else_sign() {
    let mut evm = chain();
    add(&mut evm, &bob(), robot().address(), GENESIS_UNIX + DAY);
    let out = withdraw(&withdrawal(&bob(), QUOTE, 10, 5), &robot());
    let error = refusal(&mut evm, SETTLER, &out);
    assert!(matches!(error, ExchangeError::InvalidSignature(error) if error.trader == bob().address()));

    // What it calls, it calls for itself.
    let friend = Signer::new(71);
    add(&mut evm, &robot(), friend.address(), GENESIS_UNIX + DAY);
    call(&mut evm, robot().address(), &ExchangeSettlement::requestExitCall {}).unwrap();
    call(&mut evm, robot().address(), &ExchangeSettlement::cancelAllCall {}).unwrap();
    let error = refused(&mut evm, (&lasting(&friend, 1), &ask(), 10, 10));
    assert!(matches!(error, ExchangeError::InvalidSignature(error) if error.trader == bob().address()));
    assert_eq!(read(&evm, &ExchangeSettlement::exitAtOfCall { trader: bob().address() }), U256::ZERO);
    assert_eq!(read(&evm, &ExchangeSettlement::epochOfCall { trader: bob().address() }).nextEpoch, 0);
    // Nor does a delegate of Bob's sign for Alice.
    let other = signed_by(order(&alice(), Side::Sell, 1_000, 1), &robot());
    let error = refused(&mut evm, (&lasting(&robot(), 1), &other, 10, 10));
    assert!(matches!(error, ExchangeError::InvalidSignature(error) if error.trader == alice().address()));
}

#[test]
fn a_delegates_order_obeys_its_traders_epoch_and_exit() {
    let mut evm = chain();
    add(&mut evm, &bob(), robot().address(), GENESIS_UNIX + DAY);
    let (bid, ask) = (lasting(&robot(), 1), ask());
    call(&mut evm, bob().address(), &ExchangeSettlement::cancelAllCall {}).unwrap();
    evm.now_unix += EXIT_DELAY_SECONDS;
    assert!(matches!(refused(&mut evm, (&bid, &ask, 10, 10)), ExchangeError::OrderEpochOver(_)));
    call(&mut evm, bob().address(), &ExchangeSettlement::requestExitCall {}).unwrap();
    evm.now_unix += EXIT_DELAY_SECONDS;
    let newer = signed_by(ExchangeOrder { epoch: 1, ..bid.order.clone() }, &robot());
    assert!(matches!(refused(&mut evm, (&newer, &ask, 10, 10)), ExchangeError::TraderExited(_)));
}

#[test]
fn a_trader_has_few_delegates_and_expired_ones_make_room() {
    let mut evm = chain();
    let key = |number: u64| Signer::new(200 + number).address();
    for number in 0..DELEGATES_MAX {
        add(&mut evm, &bob(), key(number), GENESIS_UNIX + DAY + number % 2);
    }
    let many = ExchangeSettlement::TooManyDelegates { maximum: U256::from(DELEGATES_MAX) };
    let one_more = adding(key(DELEGATES_MAX), GENESIS_UNIX + 2 * DAY);
    assert_eq!(refusal(&mut evm, bob().address(), &one_more), ExchangeError::TooManyDelegates(many));
    // One that is known takes no room, and another trader has its own.
    add(&mut evm, &bob(), key(3), GENESIS_UNIX + 3 * DAY);
    add(&mut evm, &alice(), key(DELEGATES_MAX), GENESIS_UNIX + DAY);
    evm.now_unix = GENESIS_UNIX + DAY + 1;
    call(&mut evm, bob().address(), &one_more).unwrap();
    let left: Vec<Address> = delegations(&evm, &bob()).iter().map(|delegation| delegation.delegate).collect();
    assert_eq!(left.len() as u64, DELEGATES_MAX / 2 + 1, "those that expired are gone");
    assert!(left.contains(&key(3)) && left.contains(&key(DELEGATES_MAX)) && !left.contains(&key(0)));
    let gone = read(&evm, &ExchangeSettlement::delegationOfCall { trader: bob().address(), delegate: key(0) });
    assert_eq!(gone, Delegation { delegate: key(0), expiresAt: 0, isRevoked: false });
}

#[test]
fn nobody_delegates_to_nobody_or_to_itself() {
    let mut evm = chain();
    let expires_at = GENESIS_UNIX + DAY;
    let nobody = refusal(&mut evm, bob().address(), &adding(Address::ZERO, expires_at));
    assert_eq!(nobody, ExchangeError::ZeroAddress(ExchangeSettlement::ZeroAddress {}));
    let itself = refusal(&mut evm, bob().address(), &adding(bob().address(), expires_at));
    let expected = ExchangeSettlement::DelegateIsTrader { delegate: bob().address() };
    assert_eq!(itself, ExchangeError::DelegateIsTrader(expected));
    let unknown = refusal(&mut evm, bob().address(), &revoking(robot().address()));
    let (trader, delegate) = (bob().address(), robot().address());
    assert_eq!(unknown, ExchangeError::NotADelegate(ExchangeSettlement::NotADelegate { trader, delegate }));
}
