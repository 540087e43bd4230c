//! Validators, delegators with AIT, and signed commits.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, SolStruct, eip712_domain, sol};
use contracts::Staking::{SignedCommit, ValidatorInfo, ValidatorPower};
use contracts::{
    AI_TOKEN_ADDRESS, AIToken, AITokenMinter, STAKING_ADDRESS, Staking, StakingParameters, staking_deployment,
};

use crate::evm::{DEV_CHAIN_ID, Evm, StakingError};
use crate::receipts::{self, ADMIN, AIT, RELAYER, Signer, TREASURY, attesters};

sol! {
    /// What a validator signs when it commits to a block.
    struct Commit { uint64 height; uint32 round; bytes32 blockHash; }
    /// ERC-2612.
    struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }
}

/// What each delegator has at first, on its own account.
pub(super) const FUNDS: u128 = 100 * AIT;
pub(super) const UNBONDING_SECONDS: u64 = 7 * 86_400;
pub(super) const BASE_POWER: u64 = 10;
/// The height at which tests send what they send.
pub(super) const HEIGHT: u64 = 1_000;

/// The validators of the first block.
pub(super) fn validators() -> [Signer; 2] {
    [Signer::new(201), Signer::new(202)]
}

pub(super) fn newcomer() -> Signer {
    Signer::new(203)
}

/// The first validator, which owns AIT, and two others who do.
pub(super) fn delegators() -> [Signer; 3] {
    [validators()[0].clone(), Signer::new(301), Signer::new(302)]
}

pub(super) fn parameters() -> StakingParameters {
    let validator = |signer: &Signer| ValidatorPower { validator: signer.address(), power: BASE_POWER };
    StakingParameters {
        admin: ADMIN,
        validators: validators().iter().map(validator).collect(),
        unbonding_seconds: UNBONDING_SECONDS,
        penalty_recipient: TREASURY,
    }
}

/// A chain with two validators, on which each of [`delegators`] has earned [`FUNDS`] and lets the contract take it.
pub(super) fn chain() -> Evm {
    static CHAIN: LazyLock<Evm> = LazyLock::new(|| {
        let mut evm = receipts::chain();
        evm.construct(&staking_deployment(&parameters())).unwrap();
        evm.height = HEIGHT;
        for (seed, delegator) in (0..).zip(delegators()) {
            earn(&mut evm, &delegator, seed);
            let approve = AIToken::approveCall { spender: STAKING_ADDRESS, value: U256::MAX };
            evm.send_token(delegator.address(), &approve).unwrap();
        }
        evm
    });
    CHAIN.clone()
}

/// Mints [`FUNDS`] for `earner` by a receipt that `seed` makes its own.
pub(super) fn earn(evm: &mut Evm, earner: &Signer, seed: u64) {
    let earned = receipts::JobReceipt { provider: earner.address(), ..receipts::receipt(seed, 10_000_000, FUNDS / 10) };
    let digest = receipts::digest(&earned);
    let call = AITokenMinter::mintWithReceiptCall {
        receipt: earned,
        minerSignature: earner.sign(digest),
        attesterSignatures: attesters()[..2].iter().map(|attester| attester.sign(digest)).collect(),
    };
    evm.send_minter(RELAYER, &call).unwrap();
}

pub(super) fn delegate(validator: &Signer, amount: u128) -> Staking::delegateCall {
    Staking::delegateCall { validator: validator.address(), amount: U256::from(amount) }
}

pub(super) fn undelegate(validator: &Signer, amount: u128) -> Staking::undelegateCall {
    Staking::undelegateCall { validator: validator.address(), amount: U256::from(amount) }
}

pub(super) fn permit(owner: &Signer, validator: &Signer, amount: u128, nonce: u64) -> Staking::delegateWithPermitCall {
    let (value, deadline) = (U256::from(amount), U256::MAX);
    let permit = Permit { owner: owner.address(), spender: STAKING_ADDRESS, value, nonce: U256::from(nonce), deadline };
    let domain = eip712_domain! {
        name: "AITBC", version: "1", chain_id: DEV_CHAIN_ID, verifying_contract: AI_TOKEN_ADDRESS,
    };
    let signature = owner.sign(permit.eip712_signing_hash(&domain));
    Staking::delegateWithPermitCall {
        validator: validator.address(),
        amount: value,
        deadline,
        v: signature[64],
        r: B256::from_slice(&signature[..32]),
        s: B256::from_slice(&signature[32..64]),
    }
}

/// The digest of a commit, by alloy's EIP-712 and not by the contract.
pub(super) fn commit_digest(chain_id: u64, height: u64, round: u32, block: u8) -> B256 {
    let domain = eip712_domain! { name: "AITBC", version: "1", chain_id: chain_id, };
    Commit { height, round, blockHash: B256::repeat_byte(block) }.eip712_signing_hash(&domain)
}

pub(super) fn commit(signer: &Signer, height: u64, round: u32, block: u8) -> SignedCommit {
    let signature = signer.sign(commit_digest(DEV_CHAIN_ID, height, round, block));
    SignedCommit { blockHash: B256::repeat_byte(block), signature }
}

/// The proof that `validator` committed to two blocks in round 0 of `height`.
pub(super) fn contradiction(validator: &Signer, height: u64) -> Staking::slashCall {
    Staking::slashCall {
        validator: validator.address(),
        height,
        round: 0,
        first: commit(validator, height, 0, 1),
        second: commit(validator, height, 0, 2),
    }
}

pub(super) fn refusal<C: SolCall>(evm: &mut Evm, from: Address, call: &C) -> StakingError
where
    C::Return: core::fmt::Debug,
{
    evm.send_staking(from, call).unwrap_err().staking()
}

pub(super) fn info(evm: &Evm, validator: &Signer) -> ValidatorInfo {
    evm.read_staking(&Staking::validatorInfoCall { validator: validator.address() })
}

/// What `delegator` has with `validator`, in attoAIT.
pub(super) fn stake(evm: &Evm, validator: &Signer, delegator: &Signer) -> u128 {
    let call = Staking::stakeOfCall { validator: validator.address(), delegator: delegator.address() };
    evm.read_staking(&call).to()
}

/// What `delegator` has earned with `validator` and not claimed, in attoAIT.
pub(super) fn reward(evm: &Evm, validator: &Signer, delegator: &Signer) -> u128 {
    let call = Staking::rewardsOfCall { validator: validator.address(), delegator: delegator.address() };
    evm.read_staking(&call).to()
}

pub(super) fn rewards(evm: &Evm) -> Staking::Rewards {
    evm.read_staking(&Staking::rewardsCall {})
}

/// An account with [`FUNDS`], whose transfers to the contract are fees.
pub(super) fn payer() -> Signer {
    Signer::new(303)
}

/// A chain on which [`payer`] has earned them.
pub(super) fn chain_with_payer() -> Evm {
    let mut evm = chain();
    earn(&mut evm, &payer(), 9);
    evm
}

/// Pays fees as the escrow does: by a plain transfer.
pub(super) fn pay_fee(evm: &mut Evm, amount: u128) {
    let call = AIToken::transferCall { to: STAKING_ADDRESS, value: U256::from(amount) };
    evm.send_token(payer().address(), &call).unwrap();
}

pub(super) fn claim(validator: &Signer) -> Staking::claimRewardsCall {
    Staking::claimRewardsCall { validator: validator.address() }
}

pub(super) fn deciding(evm: &Evm) -> Vec<(Address, u64)> {
    let validators = evm.read_staking(&Staking::validatorsCall {});
    validators.into_iter().map(|validator| (validator.validator, validator.power)).collect()
}

/// What the contract holds, in attoAIT.
pub(super) fn held(evm: &Evm) -> u128 {
    evm.balance(STAKING_ADDRESS).to()
}
