//! Roles, pause, attesters and parameters.

use std::slice::from_ref;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter, GenesisParameters, genesis_deployments};

use crate::evm::{DEV_CHAIN_ID, Evm, GENESIS_UNIX, MinterError, Reverted, events};
use crate::receipts::{
    ADMIN, AIT, EPOCH_CAP, EPOCH_SECONDS, RELAYER, Signer, attesters, chain, mint, mint_batch, parameters, receipt,
    release, signed,
};

const STRANGER: Address = Address::repeat_byte(0x57);

/// Every administrative call, with the getter of the role that it needs.
fn guarded_calls() -> Vec<(Bytes, Bytes)> {
    let manager = AITokenMinter::ATTESTER_MANAGER_ROLECall {}.abi_encode();
    let pauser = AITokenMinter::PAUSER_ROLECall {}.abi_encode();
    let setter = AITokenMinter::PARAMETER_SETTER_ROLECall {}.abi_encode();
    let calls = [
        (AITokenMinter::pauseCall {}.abi_encode(), &pauser),
        (AITokenMinter::addAttesterCall { attester: STRANGER }.abi_encode(), &manager),
        (AITokenMinter::removeAttesterCall { attester: attesters()[0].address() }.abi_encode(), &manager),
        (AITokenMinter::setAttesterThresholdCall { threshold: 1 }.abi_encode(), &manager),
        (AITokenMinter::setEpochSecondsCall { epochSeconds_: 60 }.abi_encode(), &setter),
        (AITokenMinter::setEpochCapCall { epochCap_: u128::MAX }.abi_encode(), &setter),
        (AITokenMinter::setProviderEpochCapCall { providerEpochCap_: u128::MAX }.abi_encode(), &setter),
        (AITokenMinter::setHoldSecondsCall { holdSeconds_: 0 }.abi_encode(), &setter),
        (
            AITokenMinter::setMaxUnitPriceCall { unitType: "image".into(), maxUnitPrice_: U256::MAX }.abi_encode(),
            &setter,
        ),
    ];
    calls.into_iter().map(|(call, role)| (call.into(), role.clone().into())).collect()
}

fn role(evm: &Evm, getter: &Bytes) -> B256 {
    B256::from_slice(&evm.clone().send_raw(ADMIN, AI_TOKEN_MINTER_ADDRESS, getter.clone()).unwrap())
}

#[test]
fn administration_needs_the_very_role() {
    let evm = chain();
    let roles: Vec<B256> = guarded_calls().iter().map(|(_, getter)| role(&evm, getter)).collect();
    for ((call, _), needed) in guarded_calls().into_iter().zip(&roles) {
        let mut evm = evm.clone();
        for other in roles.iter().filter(|role| *role != needed) {
            evm.send_minter(ADMIN, &AITokenMinter::grantRoleCall { role: *other, account: STRANGER }).unwrap();
        }
        let refused = evm.send_raw(STRANGER, AI_TOKEN_MINTER_ADDRESS, call.clone()).unwrap_err();
        let expected = AITokenMinter::AccessControlUnauthorizedAccount { account: STRANGER, neededRole: *needed };
        assert_eq!(refused, expected.into());

        evm.send_minter(ADMIN, &AITokenMinter::grantRoleCall { role: *needed, account: STRANGER }).unwrap();
        evm.send_raw(STRANGER, AI_TOKEN_MINTER_ADDRESS, call).unwrap();
    }
}

#[test]
fn only_the_administrator_grants_roles() {
    let mut evm = chain();
    let pauser = evm.read_minter(&AITokenMinter::PAUSER_ROLECall {});
    evm.send_minter(ADMIN, &AITokenMinter::grantRoleCall { role: pauser, account: STRANGER }).unwrap();
    let grant = AITokenMinter::grantRoleCall { role: pauser, account: RELAYER };
    let error = evm.send_minter(STRANGER, &grant).unwrap_err();
    let expected = AITokenMinter::AccessControlUnauthorizedAccount { account: STRANGER, neededRole: B256::ZERO };
    assert_eq!(error, expected.into());

    evm.send_minter(ADMIN, &AITokenMinter::revokeRoleCall { role: pauser, account: STRANGER }).unwrap();
    assert!(evm.send_minter(STRANGER, &AITokenMinter::pauseCall {}).is_err());
}

#[test]
fn pause_stops_every_form_of_minting_until_unpause() {
    let mut evm = chain();
    let signed = signed(receipt(1, 1_000_000, AIT));
    evm.send_minter(ADMIN, &AITokenMinter::pauseCall {}).unwrap();
    let paused = Reverted::from(AITokenMinter::EnforcedPause {});
    assert_eq!(evm.send_minter(RELAYER, &mint(&signed)).unwrap_err(), paused);
    assert_eq!(evm.send_minter(RELAYER, &mint_batch(from_ref(&signed))).unwrap_err(), paused);
    assert_eq!(evm.send_minter(RELAYER, &release(RELAYER, 0)).unwrap_err(), paused);
    assert!(evm.send_minter(STRANGER, &AITokenMinter::unpauseCall {}).is_err());

    evm.send_minter(ADMIN, &AITokenMinter::unpauseCall {}).unwrap();
    evm.send_minter(RELAYER, &mint(&signed)).unwrap();
}

#[test]
fn a_removed_attester_no_longer_counts() {
    let mut evm = chain();
    let [first, _, third] = attesters();
    let signed = signed(receipt(1, 1_000_000, AIT));
    let mined = evm.send_minter(ADMIN, &AITokenMinter::removeAttesterCall { attester: first.address() }).unwrap();
    let removed = events::<AITokenMinter::AttesterRemoved>(&mined.logs, AI_TOKEN_MINTER_ADDRESS);
    assert_eq!(removed, [AITokenMinter::AttesterRemoved { attester: first.address() }]);
    assert!(!evm.read_minter(&AITokenMinter::isAttesterCall { account: first.address() }));

    let expected =
        AITokenMinter::InvalidAttesterSignature { receiptHash: signed.receipt.receiptHash, recovered: first.address() };
    assert_eq!(evm.send_minter(RELAYER, &mint(&signed)).unwrap_err(), expected.into());

    // Two are left and two are needed.
    let error = evm.send_minter(ADMIN, &AITokenMinter::removeAttesterCall { attester: third.address() }).unwrap_err();
    let expected =
        AITokenMinter::AttesterThresholdOutOfRange { threshold: U256::from(2), attesterCount: U256::from(1) };
    assert_eq!(error, expected.into());
    assert!(evm.read_minter(&AITokenMinter::isAttesterCall { account: third.address() }));
}

#[test]
fn the_attester_set_has_bounds() {
    let mut evm = chain();
    let known = attesters()[0].address();
    let add = |attester| AITokenMinter::addAttesterCall { attester };
    assert_eq!(evm.send_minter(ADMIN, &add(Address::ZERO)).unwrap_err(), AITokenMinter::ZeroAddress {}.into());
    let error = evm.send_minter(ADMIN, &add(known)).unwrap_err();
    assert_eq!(error, AITokenMinter::AttesterAlreadyAdded { attester: known }.into());
    let error = evm.send_minter(ADMIN, &AITokenMinter::removeAttesterCall { attester: STRANGER }).unwrap_err();
    assert_eq!(error, AITokenMinter::UnknownAttester { attester: STRANGER }.into());

    let maximum = evm.read_minter(&AITokenMinter::MAX_ATTESTERSCall {});
    for seed in 3..maximum.to::<u64>() {
        evm.send_minter(ADMIN, &add(Signer::new(1_000 + seed).address())).unwrap();
    }
    let error = evm.send_minter(ADMIN, &add(STRANGER)).unwrap_err();
    assert_eq!(error, AITokenMinter::TooManyAttesters { maximum }.into());
    assert_eq!(U256::from(evm.read_minter(&AITokenMinter::attestersCall {}).len()), maximum);

    for threshold in [0, 33] {
        let error = evm.send_minter(ADMIN, &AITokenMinter::setAttesterThresholdCall { threshold }).unwrap_err();
        let threshold = U256::from(threshold);
        assert_eq!(error, AITokenMinter::AttesterThresholdOutOfRange { threshold, attesterCount: maximum }.into());
    }
}

#[test]
fn the_epoch_length_has_bounds_and_keeps_what_was_minted() {
    let mut evm = chain();
    for seconds in [59, 366 * 86_400 + 1] {
        let error = evm.send_minter(ADMIN, &AITokenMinter::setEpochSecondsCall { epochSeconds_: seconds }).unwrap_err();
        assert!(matches!(error.minter(), MinterError::EpochLengthOutOfRange(_)), "{error:?}");
    }
    evm.now_unix = GENESIS_UNIX + EPOCH_SECONDS + 10;
    evm.send_minter(RELAYER, &mint(&signed(receipt(1, 1_000_000, AIT)))).unwrap();
    evm.send_minter(ADMIN, &AITokenMinter::setEpochSecondsCall { epochSeconds_: 100 }).unwrap();

    let epoch = evm.read_minter(&AITokenMinter::currentEpochCall {});
    assert_eq!(epoch.startUnix, U256::from(GENESIS_UNIX + EPOCH_SECONDS));
    assert_eq!(epoch.endUnix, U256::from(GENESIS_UNIX + EPOCH_SECONDS + 100));
    assert_eq!(epoch.minted, U256::from(AIT));
    assert_eq!(epoch.remaining, U256::from(EPOCH_CAP - AIT));
}

#[test]
fn a_cap_below_what_was_minted_stops_the_epoch() {
    let mut evm = chain();
    evm.send_minter(RELAYER, &mint(&signed(receipt(1, 2_000_000, AIT)))).unwrap();
    evm.send_minter(ADMIN, &AITokenMinter::setEpochCapCall { epochCap_: AIT }).unwrap();
    assert_eq!(evm.read_minter(&AITokenMinter::currentEpochCall {}).remaining, U256::ZERO);
    let error = evm.send_minter(RELAYER, &mint(&signed(receipt(2, 1, AIT)))).unwrap_err();
    assert!(matches!(error.minter(), MinterError::EpochCapExceeded(_)), "{error:?}");
}

#[test]
fn constructors_refuse_what_setters_refuse() {
    let known = attesters()[0].address();
    let wrong = [
        GenesisParameters { admin: Address::ZERO, ..parameters() },
        GenesisParameters { attesters: vec![], ..parameters() },
        GenesisParameters { attesters: vec![known, known], ..parameters() },
        GenesisParameters { attesters: vec![known, Address::ZERO], ..parameters() },
        GenesisParameters { attester_threshold: 0, ..parameters() },
        GenesisParameters { attester_threshold: 4, ..parameters() },
        GenesisParameters { epoch_seconds: 59, ..parameters() },
        GenesisParameters { hold_seconds: 30 * 86_400 + 1, ..parameters() },
    ];
    for parameters in wrong {
        let [_, minter, _, _] = genesis_deployments(&parameters);
        let error = Evm::empty(DEV_CHAIN_ID).construct(&minter).unwrap_err();
        error.minter();
    }
}
