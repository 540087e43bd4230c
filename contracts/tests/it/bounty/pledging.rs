//! What a pledge takes, and which it refuses.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use contracts::ModelBounty::{self, ModelBountyErrors as Errors, Terms};
use contracts::genesis::bounty_creation_code;
use contracts::{
    AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, AIToken, Deployment, MODEL_BOUNTY_ADDRESS, genesis_deployments,
};

use super::fixture::{FUNDS, MODEL_DIGEST, REWARD, chain, known, permit, pledge, pledged, pledger, refusal, terms};
use crate::evm::{DEV_CHAIN_ID, Evm, Reverted, events};
use crate::receipts::{AIT, Signer, parameters};
use crate::reentrancy::calling_back;

#[test]
fn a_pledge_takes_all_rewards_and_is_listed() {
    let mut evm = chain();
    let terms = terms(&evm);
    let mined = evm.send_bounty(pledger().address(), &ModelBounty::pledgeCall { terms: terms.clone() }).unwrap();
    assert_eq!((mined.value, pledged(&evm)), (U256::from(1), 2 * REWARD));
    assert_eq!(evm.balance(pledger().address()), U256::from(FUNDS - 2 * REWARD));
    let [event] = events::<ModelBounty::Pledged>(&mined.logs, MODEL_BOUNTY_ADDRESS).try_into().unwrap();
    assert_eq!((event.bountyId, event.pledger, event.modelDigest), (mined.value, pledger().address(), MODEL_DIGEST));
    assert_eq!((event.receipts, event.reward, event.minWork), (terms.receipts, terms.reward, terms.minWork));
    assert_eq!(event.expiresAt, terms.expiresAt);

    let bounty = known(&evm, mined.value);
    assert_eq!((bounty.pledger, bounty.pledgedAt), (pledger().address(), evm.now_unix));
    assert_eq!((bounty.waiting, bounty.paid, bounty.refunded), (0, 0, 0));
    assert_eq!(bounty.terms, terms);
    assert_eq!(pledge(&mut evm, &terms), U256::from(2));
    assert_eq!(evm.read_bounty(&ModelBounty::bountyCountCall {}), U256::from(2));
    let of = |digest| evm.read_bounty(&ModelBounty::bountiesOfCall { modelDigest: digest, before: U256::ZERO });
    assert_eq!(of(MODEL_DIGEST), [U256::from(2), U256::from(1)]);
    assert!(of(B256::repeat_byte(9)).is_empty());
}

#[test]
fn a_permit_pledges_without_an_allowance() {
    let mut evm = chain();
    let terms = terms(&evm);
    let owner = pledger();
    let revoke = AIToken::approveCall { spender: MODEL_BOUNTY_ADDRESS, value: U256::ZERO };
    evm.send_token(owner.address(), &revoke).unwrap();
    assert!(evm.send_bounty(owner.address(), &ModelBounty::pledgeCall { terms: terms.clone() }).is_err());
    // Of another amount, it does not hold.
    let refused = refusal(&mut evm, &owner, &permit(&owner, &terms, REWARD));
    assert!(matches!(refused, Errors::PermitRefused(refused) if refused.pledger == owner.address()));
    evm.send_bounty(owner.address(), &permit(&owner, &terms, 2 * REWARD)).unwrap();
    assert_eq!(pledged(&evm), 2 * REWARD);
}

#[test]
fn a_permit_that_somebody_else_handed_in_pledges_all_the_same() {
    let mut evm = chain();
    let terms = terms(&evm);
    let owner = pledger();
    let ModelBounty::pledgeWithPermitCall { deadline, v, r, s, .. } = permit(&owner, &terms, 2 * REWARD);
    let handed_in = AIToken::permitCall {
        owner: owner.address(),
        spender: MODEL_BOUNTY_ADDRESS,
        value: U256::from(2 * REWARD),
        deadline,
        v,
        r,
        s,
    };
    evm.send_token(Address::repeat_byte(1), &handed_in).unwrap();
    evm.send_bounty(owner.address(), &permit(&owner, &terms, 2 * REWARD)).unwrap();
    assert_eq!(pledged(&evm), 2 * REWARD);
}

#[test]
fn terms_out_of_range_are_refused() {
    let mut evm = chain();
    let (now, usual) = (evm.now_unix, terms(&evm));
    let refused = |evm: &mut Evm, terms: Terms| refusal(evm, &pledger(), &ModelBounty::pledgeCall { terms });
    let count = |receipts: u32| Terms { receipts, ..usual.clone() };
    let error = refused(&mut evm, Terms { modelDigest: B256::ZERO, ..usual.clone() });
    assert!(matches!(error, Errors::ZeroModelDigest(_)));
    for receipts in [0, 1_001] {
        assert!(matches!(refused(&mut evm, count(receipts)), Errors::ReceiptCountOutOfRange(_)), "{receipts}");
    }
    let error = refused(&mut evm, Terms { reward: AIT / 100 - 1, ..usual.clone() });
    assert!(matches!(error, Errors::RewardTooSmall(_)));
    let error = refused(&mut evm, Terms { minWork: AIT / 1_000 - 1, ..usual.clone() });
    assert!(matches!(error, Errors::MinWorkTooSmall(_)));
    for expires_at in [0, now, now + 59, now + 366 * 86_400 + 1, u64::MAX] {
        let error = refused(&mut evm, Terms { expiresAt: expires_at, ..usual.clone() });
        assert!(matches!(error, Errors::ExpiryOutOfRange(_)), "{expires_at}");
    }
    assert_eq!(pledged(&evm), 0);
    for expires_at in [now + 60, now + 366 * 86_400] {
        let least = Terms { reward: AIT / 100, minWork: AIT / 1_000, expiresAt: expires_at, ..count(1_000) };
        pledge(&mut evm, &least);
    }
}

#[test]
fn nothing_is_pledged_without_the_money() {
    let mut evm = chain();
    let terms = Terms { receipts: 1_000, ..terms(&evm) };
    assert!(evm.send_bounty(pledger().address(), &ModelBounty::pledgeCall { terms: terms.clone() }).is_err());
    assert!(evm.send_bounty(Signer::new(9).address(), &ModelBounty::pledgeCall { terms }).is_err());
    assert_eq!(evm.read_bounty(&ModelBounty::bountyCountCall {}), U256::ZERO);
}

#[test]
fn lists_are_bounded() {
    let mut evm = chain();
    let least = Terms { receipts: 1, reward: AIT / 100, ..terms(&evm) };
    for _ in 0..101 {
        pledge(&mut evm, &least);
    }
    let below = |before: u64| {
        evm.read_bounty(&ModelBounty::bountiesOfCall { modelDigest: MODEL_DIGEST, before: U256::from(before) })
    };
    let newest = below(0);
    assert_eq!((newest.len(), newest[0], newest[99]), (100, U256::from(101), U256::from(2)));
    assert_eq!((below(2), below(3)), (vec![U256::from(1)], vec![U256::from(2), U256::from(1)]));
    assert_eq!((below(1), below(1_000)), (vec![], newest.clone()), "ids that nobody has bound the list as well");
    let listed = evm.read_bounty(&ModelBounty::bountiesCall { bountyIds: newest });
    assert_eq!(listed.len(), 100);
    let all = ModelBounty::bountiesCall { bountyIds: (1..=101).map(U256::from).collect() };
    assert!(matches!(refusal(&mut evm, &pledger(), &all), Errors::ListTooLong(_)));
    let unknown = ModelBounty::bountiesCall { bountyIds: vec![U256::from(102)] };
    assert!(matches!(refusal(&mut evm, &pledger(), &unknown), Errors::UnknownBounty(_)));
}

#[test]
fn the_contract_names_token_and_minter_and_neither_is_zero() {
    let evm = chain();
    assert_eq!(evm.read_bounty(&ModelBounty::tokenCall {}), AI_TOKEN_ADDRESS);
    assert_eq!(evm.read_bounty(&ModelBounty::minterCall {}), AI_TOKEN_MINTER_ADDRESS);
    for (token, minter) in [(Address::ZERO, AI_TOKEN_MINTER_ADDRESS), (AI_TOKEN_ADDRESS, Address::ZERO)] {
        let created = Evm::empty(DEV_CHAIN_ID).create(Address::repeat_byte(1), bounty_creation_code(token, minter));
        assert_eq!(created.unwrap_err(), Reverted::from(ModelBounty::ZeroAddress {}));
    }
}

/// The real token makes no calls; this guards later changes.
#[test]
fn a_token_that_calls_back_is_refused() {
    let mut evm = chain();
    let terms = terms(&evm);
    let call = ModelBounty::pledgeCall { terms };
    let token = Address::repeat_byte(0xba);
    let hostile = Deployment {
        contract_name: "hostile token",
        address: token,
        creation_code: calling_back(MODEL_BOUNTY_ADDRESS, &call.abi_encode()),
    };
    let [.., bounty] = genesis_deployments(&parameters());
    let creation_code = bounty_creation_code(token, AI_TOKEN_MINTER_ADDRESS);
    evm.construct(&hostile).unwrap();
    evm.construct(&Deployment { creation_code, ..bounty }).unwrap();
    let error = evm.send_bounty(pledger().address(), &call).unwrap_err();
    assert_eq!(error, Reverted::from(ModelBounty::ReentrancyGuardReentrantCall {}));
}

#[test]
fn the_bounds_of_time_are_those_that_a_hub_counts_with() {
    let evm = chain();
    let longest = evm.read_bounty(&ModelBounty::MAX_BOUNTY_SECONDSCall {});
    assert_eq!(longest, U256::from(contracts::MAX_BOUNTY_SECONDS));
    let held_longest = evm.read_minter(&contracts::AITokenMinter::MAX_HOLD_SECONDSCall {});
    assert_eq!(held_longest, U256::from(contracts::MAX_HOLD_SECONDS));
}
