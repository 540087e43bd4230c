//! AIT as a token: only the minter makes it, permits move it, votes count by the clock.

use alloy_primitives::{Address, B256, U256, aliases::U48};
use alloy_sol_types::{SolStruct, eip712_domain, sol};
use contracts::{AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, AIToken, genesis::token_creation_code};
use contracts::{Deployment, GenesisParameters};

use crate::evm::{DEV_CHAIN_ID, Evm, GENESIS_UNIX};
use crate::receipts::{ADMIN, AIT, RELAYER, Signer, chain, miner, mint, parameters, receipt, signed};

sol! {
    /// ERC-2612.
    struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }
}

fn chain_with_balance() -> Evm {
    let mut evm = chain();
    evm.send_minter(RELAYER, &mint(&signed(receipt(1, 5_000_000, AIT)))).unwrap();
    evm
}

fn permit_call(owner: &Signer, chain_id: u64, nonce: u64, deadline: u64) -> AIToken::permitCall {
    let (value, deadline) = (U256::from(2 * AIT), U256::from(deadline));
    let permit = Permit { owner: owner.address(), spender: RELAYER, value, nonce: U256::from(nonce), deadline };
    let domain = eip712_domain! {
        name: "AITBC", version: "1", chain_id: chain_id, verifying_contract: AI_TOKEN_ADDRESS,
    };
    let signature = owner.sign(permit.eip712_signing_hash(&domain));
    AIToken::permitCall {
        owner: miner().address(),
        spender: RELAYER,
        value,
        deadline,
        v: signature[64],
        r: B256::from_slice(&signature[..32]),
        s: B256::from_slice(&signature[32..64]),
    }
}

#[test]
fn the_token_presents_itself() {
    let evm = chain();
    assert_eq!(evm.read_token(&AIToken::nameCall {}), "AITBC");
    assert_eq!(evm.read_token(&AIToken::symbolCall {}), "AIT");
    assert_eq!(evm.read_token(&AIToken::decimalsCall {}), 18);
    let domain = evm.read_token(&AIToken::eip712DomainCall {});
    assert_eq!((domain.name.as_str(), domain.version.as_str()), ("AITBC", "1"));
    assert_eq!(domain.verifyingContract, AI_TOKEN_ADDRESS);
}

#[test]
fn nobody_but_the_minter_mints() {
    let mut evm = chain();
    let call = AIToken::mintCall { account: RELAYER, amount: U256::from(1) };
    for caller in [RELAYER, ADMIN, miner().address(), AI_TOKEN_ADDRESS] {
        let error = evm.send_token(caller, &call).unwrap_err();
        assert_eq!(error, AIToken::NotMinter { caller, minter: AI_TOKEN_MINTER_ADDRESS }.into());
    }
    assert_eq!(evm.supply(), U256::ZERO);
    evm.send_token(AI_TOKEN_MINTER_ADDRESS, &call).unwrap();
    assert_eq!(evm.supply(), U256::from(1));
}

#[test]
fn nobody_but_the_minter_burns_and_it_burns_only_its_own() {
    let mut evm = chain_with_balance();
    let call = AIToken::burnCall { amount: U256::from(1) };
    for caller in [RELAYER, ADMIN, miner().address(), AI_TOKEN_ADDRESS] {
        let error = evm.send_token(caller, &call).unwrap_err();
        assert_eq!(error, AIToken::NotMinter { caller, minter: AI_TOKEN_MINTER_ADDRESS }.into());
    }
    let error = evm.send_token(AI_TOKEN_MINTER_ADDRESS, &call).unwrap_err();
    let expected = AIToken::ERC20InsufficientBalance {
        sender: AI_TOKEN_MINTER_ADDRESS,
        balance: U256::ZERO,
        needed: U256::from(1),
    };
    assert_eq!(error, expected.into());
    assert_eq!(evm.balance(miner().address()), evm.supply());
}

#[test]
fn a_token_needs_a_minter() {
    let deployment = Deployment {
        contract_name: "AIToken",
        address: AI_TOKEN_ADDRESS,
        creation_code: token_creation_code(Address::ZERO),
    };
    let error = Evm::empty(DEV_CHAIN_ID).construct(&deployment).unwrap_err();
    assert_eq!(error, AIToken::ZeroMinter {}.into());
}

#[test]
fn a_permit_allows_spending_once() {
    let mut evm = chain_with_balance();
    let permit = permit_call(&miner(), DEV_CHAIN_ID, 0, GENESIS_UNIX + 60);
    evm.send_token(RELAYER, &permit).unwrap();
    let transfer = AIToken::transferFromCall { from: miner().address(), to: ADMIN, value: U256::from(2 * AIT) };
    evm.send_token(RELAYER, &transfer).unwrap();
    assert_eq!(evm.balance(ADMIN), U256::from(2 * AIT));
    assert_eq!(evm.read_token(&AIToken::noncesCall { owner: miner().address() }), U256::from(1));

    assert!(evm.send_token(RELAYER, &permit).is_err());
    assert!(evm.send_token(RELAYER, &transfer).is_err());
    assert_eq!(evm.balance(ADMIN), U256::from(2 * AIT));
}

#[test]
fn a_permit_of_another_signer_chain_or_time_is_refused() {
    let evm = chain_with_balance();
    let refused = [
        permit_call(&Signer::new(9), DEV_CHAIN_ID, 0, GENESIS_UNIX + 60),
        permit_call(&miner(), DEV_CHAIN_ID + 1, 0, GENESIS_UNIX + 60),
        permit_call(&miner(), DEV_CHAIN_ID, 1, GENESIS_UNIX + 60),
        permit_call(&miner(), DEV_CHAIN_ID, 0, GENESIS_UNIX - 1),
    ];
    for permit in refused {
        let mut evm = evm.clone();
        evm.send_token(RELAYER, &permit).unwrap_err();
        let allowance = AIToken::allowanceCall { owner: miner().address(), spender: RELAYER };
        assert_eq!(evm.read_token(&allowance), U256::ZERO);
    }
}

#[test]
fn votes_follow_the_balance_on_a_clock_of_unix_seconds() {
    let mut evm = chain_with_balance();
    let owner = miner().address();
    assert_eq!(evm.read_token(&AIToken::CLOCK_MODECall {}), "mode=timestamp");
    assert_eq!(evm.read_token(&AIToken::clockCall {}), U48::from(GENESIS_UNIX));
    assert_eq!(evm.read_token(&AIToken::getVotesCall { account: owner }), U256::ZERO);

    evm.send_token(owner, &AIToken::delegateCall { delegatee: owner }).unwrap();
    evm.now_unix += 100;
    evm.send_token(owner, &AIToken::transferCall { to: ADMIN, value: U256::from(AIT) }).unwrap();
    evm.now_unix += 1;
    assert_eq!(evm.read_token(&AIToken::getVotesCall { account: owner }), U256::from(4 * AIT));
    let timepoint = U256::from(GENESIS_UNIX + 99);
    assert_eq!(evm.read_token(&AIToken::getPastVotesCall { account: owner, timepoint }), U256::from(5 * AIT));
    assert_eq!(evm.read_token(&AIToken::getPastTotalSupplyCall { timepoint }), U256::from(5 * AIT));
    let future = AIToken::getPastVotesCall { account: owner, timepoint: U256::from(evm.now_unix) };
    assert!(evm.send_token(RELAYER, &future).is_err());
}

#[test]
fn a_first_mint_to_a_delegator_counts_as_votes() {
    let mut evm = Evm::with_genesis(&GenesisParameters { epoch_cap_atto: 7 * AIT, ..parameters() });
    let owner = miner().address();
    evm.send_token(owner, &AIToken::delegateCall { delegatee: ADMIN }).unwrap();
    evm.send_minter(RELAYER, &mint(&signed(receipt(1, 7_000_000, AIT)))).unwrap();
    assert_eq!(evm.read_token(&AIToken::getVotesCall { account: ADMIN }), U256::from(7 * AIT));
}
