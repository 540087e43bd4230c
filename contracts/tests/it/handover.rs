//! One key holds every role at genesis. It can give all of them to another account, such as a contract that several people
//! sign for or one that makes each change wait, and keep none.

use alloy_primitives::{Address, B256, keccak256};
use alloy_sol_types::sol;
use contracts::Staking::ValidatorPower;
use contracts::genesis::test_dollar_listing;
use contracts::{
    AI_TOKEN_MINTER_ADDRESS, BRIDGED_BITCOIN_ADDRESS, BRIDGED_ETHER_ADDRESS, EXCHANGE_SETTLEMENT_ADDRESS,
    ExchangeParameters, JOB_ESCROW_ADDRESS, STAKING_ADDRESS, StakingParameters, exchange_deployments,
    staking_deployment,
};

use crate::evm::Evm;
use crate::receipts::{ADMIN, chain};

sol! {
    function grantRole(bytes32 role, address account);
    function revokeRole(bytes32 role, address account);
    function renounceRole(bytes32 role, address callerConfirmation);
    function hasRole(bytes32 role, address account) returns (bool);
}

const SUCCESSOR: Address = Address::repeat_byte(0x5a);

/// The role that grants and revokes all others.
const DEFAULT_ADMIN_ROLE: B256 = B256::ZERO;

/// Every contract of genesis with roles, and those that its administrator has besides [`DEFAULT_ADMIN_ROLE`].
const HELD: [(Address, &[&str]); 6] = [
    (AI_TOKEN_MINTER_ADDRESS, &["ATTESTER_MANAGER_ROLE", "PAUSER_ROLE", "PARAMETER_SETTER_ROLE"]),
    (JOB_ESCROW_ADDRESS, &["PAUSER_ROLE", "PARAMETER_SETTER_ROLE"]),
    (STAKING_ADDRESS, &["AUTHORITY_ROLE"]),
    (EXCHANGE_SETTLEMENT_ADDRESS, &["LISTER_ROLE", "PAUSER_ROLE", "PARAMETER_SETTER_ROLE"]),
    (BRIDGED_BITCOIN_ADDRESS, &["PAUSER_ROLE"]),
    (BRIDGED_ETHER_ADDRESS, &["PAUSER_ROLE"]),
];

/// Every contract of a development chain.
fn every_contract() -> Evm {
    let mut evm = chain();
    let staking = StakingParameters {
        admin: ADMIN,
        validators: vec![ValidatorPower { validator: ADMIN, power: 1 }],
        unbonding_seconds: 60,
        penalty_recipient: ADMIN,
    };
    let exchange = ExchangeParameters {
        admin: ADMIN,
        settler: ADMIN,
        fee_recipient: ADMIN,
        exit_delay_seconds: 60,
        listings: vec![test_dollar_listing()],
    };
    evm.construct(&staking_deployment(&staking)).unwrap();
    exchange_deployments(&exchange).iter().for_each(|deployment| evm.construct(deployment).unwrap());
    evm
}

fn has(evm: &Evm, contract: Address, role: B256, account: Address) -> bool {
    evm.clone().send(Address::ZERO, contract, &hasRoleCall { role, account }).unwrap().value
}

#[test]
fn the_administrator_gives_every_role_to_another_account_and_keeps_none() {
    for (contract, names) in HELD {
        let mut evm = every_contract();
        let mut roles: Vec<B256> = names.iter().map(keccak256).collect();
        roles.push(DEFAULT_ADMIN_ROLE);
        for role in &roles {
            assert!(has(&evm, contract, *role, ADMIN), "{contract}: the administrator lacks one of {names:?}");
            evm.send(ADMIN, contract, &grantRoleCall { role: *role, account: SUCCESSOR }).unwrap();
        }
        for role in &roles {
            evm.send(ADMIN, contract, &renounceRoleCall { role: *role, callerConfirmation: ADMIN }).unwrap();
        }
        for role in &roles {
            assert!(has(&evm, contract, *role, SUCCESSOR) && !has(&evm, contract, *role, ADMIN), "{contract}");
            let taken_back = evm.send(ADMIN, contract, &grantRoleCall { role: *role, account: ADMIN });
            assert!(taken_back.is_err(), "{contract}: the key of genesis takes a role back");
        }
        evm.send(SUCCESSOR, contract, &revokeRoleCall { role: roles[0], account: SUCCESSOR }).unwrap();
    }
}
