//! Roles, listings and fees.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use contracts::ExchangeSettlement::Listing;
use contracts::genesis::exchange_creation_code;
use contracts::{Deployment, ExchangeParameters, ExchangeSettlement};

use super::fixture::*;
use crate::evm::{DEV_CHAIN_ID, Evm, ExchangeError, Reverted, events};
use crate::receipts::{ADMIN, TREASURY};

fn list(listing: Listing) -> ExchangeSettlement::listMarketCall {
    ExchangeSettlement::listMarketCall { listing }
}

/// Every administrative call, with the getter of the role that it needs.
fn guarded_calls() -> Vec<(Bytes, Bytes)> {
    let pauser = ExchangeSettlement::PAUSER_ROLECall {}.abi_encode();
    let lister = ExchangeSettlement::LISTER_ROLECall {}.abi_encode();
    let setter = ExchangeSettlement::PARAMETER_SETTER_ROLECall {}.abi_encode();
    let calls = [
        (ExchangeSettlement::pauseCall {}.abi_encode(), &pauser),
        (ExchangeSettlement::unpauseCall {}.abi_encode(), &pauser),
        (list(listing()).abi_encode(), &lister),
        (ExchangeSettlement::closeMarketCall { number: 0 }.abi_encode(), &lister),
        (ExchangeSettlement::setFeeRecipientCall { recipient: STRANGER }.abi_encode(), &setter),
    ];
    calls.into_iter().map(|(call, role)| (call.into(), role.clone().into())).collect()
}

#[test]
fn administration_needs_the_very_role() {
    let evm = empty_chain();
    let role = |getter: &Bytes| B256::from_slice(&evm.clone().send_raw(ADMIN, EXCHANGE, getter.clone()).unwrap());
    let settler = B256::from_slice(&read(&evm, &ExchangeSettlement::SETTLER_ROLECall {})[..]);
    let mut roles: Vec<B256> = guarded_calls().iter().map(|(_, getter)| role(getter)).collect();
    roles.push(settler);
    for ((what, _), needed) in guarded_calls().into_iter().zip(roles.clone()) {
        let mut evm = evm.clone();
        for other in roles.iter().filter(|role| **role != needed) {
            call(&mut evm, ADMIN, &ExchangeSettlement::grantRoleCall { role: *other, account: STRANGER }).unwrap();
        }
        if what[..4] == ExchangeSettlement::unpauseCall::SELECTOR {
            call(&mut evm, ADMIN, &ExchangeSettlement::pauseCall {}).unwrap();
        }
        let refused = evm.send_raw(STRANGER, EXCHANGE, what.clone()).unwrap_err();
        let expected = ExchangeSettlement::AccessControlUnauthorizedAccount { account: STRANGER, neededRole: needed };
        assert_eq!(refused, expected.into());

        call(&mut evm, ADMIN, &ExchangeSettlement::grantRoleCall { role: needed, account: STRANGER }).unwrap();
        evm.send_raw(STRANGER, EXCHANGE, what).unwrap();
    }
}

#[test]
fn the_administrator_is_no_operator() {
    let evm = empty_chain();
    let role = read(&evm, &ExchangeSettlement::SETTLER_ROLECall {});
    let has = |account| read(&evm, &ExchangeSettlement::hasRoleCall { role, account });
    assert_eq!((has(ADMIN), has(SETTLER)), (false, true));
}

#[test]
fn a_market_is_listed_with_its_rules_and_closed_for_good() {
    let mut evm = empty_chain();
    let dear = Listing { takerFeeBasisPoints: 1_000, ..listing() };
    let mined = call(&mut evm, ADMIN, &list(dear.clone())).unwrap();
    assert_eq!(mined.value, 1);
    let listed = ExchangeSettlement::MarketListed { market: 1, listing: dear.clone() };
    assert_eq!(events::<ExchangeSettlement::MarketListed>(&mined.logs, EXCHANGE), [listed]);
    let market = |evm: &Evm| read(evm, &ExchangeSettlement::marketCall { number: 1 });
    assert_eq!((market(&evm).listing, market(&evm).isClosed), (dear, false));
    call(&mut evm, ADMIN, &ExchangeSettlement::closeMarketCall { number: 1 }).unwrap();
    assert!(market(&evm).isClosed);
    assert_eq!(read(&evm, &ExchangeSettlement::marketCountCall {}), 2);
    assert_eq!(read(&evm, &ExchangeSettlement::assetsCall {}), [BASE, QUOTE]);
    let unknown = ExchangeError::UnknownMarket(ExchangeSettlement::UnknownMarket { market: 2 });
    assert_eq!(refusal(&mut evm, ADMIN, &ExchangeSettlement::closeMarketCall { number: 2 }), unknown);
}

#[test]
fn a_closed_market_still_settles_what_was_matched() {
    let mut evm = chain();
    call(&mut evm, ADMIN, &ExchangeSettlement::closeMarketCall { number: 0 }).unwrap();
    settled(&mut evm, 1, &[(&buy(&bob(), 10, 1), &sell(&alice(), 10, 1), 10, 10)]);
}

#[test]
fn rules_out_of_range_are_refused_by_name() {
    let mut evm = empty_chain();
    let out = |field: &str, given: u64, minimum: u64, maximum: u64| {
        ExchangeError::ListingOutOfRange(ExchangeSettlement::ListingOutOfRange {
            field: field.into(),
            given: U256::from(given),
            minimum: U256::from(minimum),
            maximum: U256::from(maximum),
        })
    };
    let step = 1_000_000_000_000_000_000;
    let lots = (1 << 34) - 1;
    let cases = [
        (Listing { baseUnitsPerLot: 0, ..listing() }, out("baseUnitsPerLot", 0, 1, step)),
        (Listing { baseUnitsPerLot: step + 1, ..listing() }, out("baseUnitsPerLot", step + 1, 1, step)),
        (Listing { quoteUnitsPerTick: 0, ..listing() }, out("quoteUnitsPerTick", 0, 1, step)),
        (Listing { makerFeeBasisPoints: 1_001, ..listing() }, out("makerFeeBasisPoints", 1_001, 0, 1_000)),
        (Listing { takerFeeBasisPoints: 1_001, ..listing() }, out("takerFeeBasisPoints", 1_001, 0, 1_000)),
        (Listing { orderLotsMax: 0, ..listing() }, out("orderLotsMax", 0, 1, lots)),
        (Listing { orderLotsMax: lots + 1, ..listing() }, out("orderLotsMax", lots + 1, 1, lots)),
    ];
    for (listing, expected) in cases {
        assert_eq!(refusal(&mut evm, ADMIN, &list(listing)), expected);
    }
    let same = ExchangeError::SameAsset(ExchangeSettlement::SameAsset { asset: BASE });
    assert_eq!(refusal(&mut evm, ADMIN, &list(Listing { quote: BASE, ..listing() })), same);
    let zero = ExchangeError::ZeroAddress(ExchangeSettlement::ZeroAddress {});
    assert_eq!(refusal(&mut evm, ADMIN, &list(Listing { quote: Address::ZERO, ..listing() })), zero);
}

#[test]
fn there_are_few_assets_and_few_markets() {
    let mut evm = empty_chain();
    for byte in 1..=6 {
        call(&mut evm, ADMIN, &list(Listing { base: Address::repeat_byte(byte), ..listing() })).unwrap();
    }
    let ninth = list(Listing { base: Address::repeat_byte(7), ..listing() });
    let assets = ExchangeSettlement::TooManyAssets { maximum: U256::from(8) };
    assert_eq!(refusal(&mut evm, ADMIN, &ninth), ExchangeError::TooManyAssets(assets));
    for _ in 7..64 {
        call(&mut evm, ADMIN, &list(listing())).unwrap();
    }
    let markets = ExchangeSettlement::TooManyMarkets { maximum: U256::from(64) };
    assert_eq!(refusal(&mut evm, ADMIN, &list(listing())), ExchangeError::TooManyMarkets(markets));
}

#[test]
fn fees_go_to_their_recipient_and_leave_every_balance() {
    let mut evm = chain();
    settled(&mut evm, 1, &[(&buy(&bob(), 20_000, 1), &sell(&alice(), 20_000, 1), 20_000, 20_000)]);
    let mined = call(&mut evm, STRANGER, &ExchangeSettlement::collectFeesCall { asset: BASE }).unwrap();
    let paid = ExchangeSettlement::FeesCollected { recipient: TREASURY, asset: BASE, amount: U256::from(20) };
    assert_eq!(events::<ExchangeSettlement::FeesCollected>(&mined.logs, EXCHANGE), [paid]);
    assert_eq!((wallet(&evm, TREASURY, BASE), fees(&evm, BASE)), (U256::from(20), U256::ZERO));
    assert_eq!(held(&evm, BASE), U256::from(3 * FUNDS - 20));
    let again = call(&mut evm, STRANGER, &ExchangeSettlement::collectFeesCall { asset: BASE }).unwrap();
    assert_eq!(again.value, U256::ZERO);

    call(&mut evm, ADMIN, &ExchangeSettlement::setFeeRecipientCall { recipient: STRANGER }).unwrap();
    call(&mut evm, STRANGER, &ExchangeSettlement::collectFeesCall { asset: QUOTE }).unwrap();
    assert_eq!(wallet(&evm, STRANGER, QUOTE), U256::from(50));
    let zero = ExchangeError::ZeroAddress(ExchangeSettlement::ZeroAddress {});
    let nobody = ExchangeSettlement::setFeeRecipientCall { recipient: Address::ZERO };
    assert_eq!(refusal(&mut evm, ADMIN, &nobody), zero);
}

#[test]
fn a_deployment_outside_the_bounds_fails() {
    let with_delay = |exit_delay_seconds| ExchangeParameters { exit_delay_seconds, ..parameters() };
    let out_of_range = |given: u64| {
        Reverted::from(ExchangeSettlement::ExitDelayOutOfRange {
            given: U256::from(given),
            minimum: U256::from(30),
            maximum: U256::from(7 * 86_400),
        })
    };
    let zero = || Reverted::from(ExchangeSettlement::ZeroAddress {});
    let cases = [
        (ExchangeParameters { admin: Address::ZERO, ..parameters() }, zero()),
        (ExchangeParameters { settler: Address::ZERO, ..parameters() }, zero()),
        (ExchangeParameters { fee_recipient: Address::ZERO, ..parameters() }, zero()),
        (with_delay(29), out_of_range(29)),
        (with_delay(7 * 86_400 + 1), out_of_range(7 * 86_400 + 1)),
    ];
    for (parameters, expected) in cases {
        let creation_code = exchange_creation_code(&parameters);
        let deployment = Deployment { contract_name: "ExchangeSettlement", address: EXCHANGE, creation_code };
        assert_eq!(Evm::empty(DEV_CHAIN_ID).construct(&deployment).unwrap_err(), expected);
    }
    for seconds in [30, 7 * 86_400] {
        let evm = deployed(DEV_CHAIN_ID, EXCHANGE, &with_delay(seconds));
        assert_eq!(read(&evm, &ExchangeSettlement::exitDelaySecondsCall {}), U256::from(seconds));
    }
}
