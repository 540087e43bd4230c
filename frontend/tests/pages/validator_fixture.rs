//! Two validators, one of which has stake.

use shared::Address;
use shared::amount::Amount;
use shared::api::explorer::{CertificateView, SignerView, StakeRewardsView, ValidatorView, ValidatorsView};
use shared::time::UnixSeconds;

pub(crate) fn validators() -> ValidatorsView {
    let validator = |(byte, base_power, own, delegated): (u8, u64, u64, u64)| ValidatorView {
        address: Address::repeat_byte(byte),
        voting_power: base_power + own + delegated,
        base_power,
        own_stake: Amount::from_ait(own),
        delegated_stake: Amount::from_ait(delegated),
    };
    ValidatorsView {
        validators: [(0xc1, 1_000_000, 25, 310), (0xc2, 1_000_000, 0, 0)].map(validator).into(),
        rewards: Some(StakeRewardsView {
            flowing: Amount::from_ait(4),
            ends: UnixSeconds(1_800_000_000),
            uncollected: Amount::from_ait(7),
            earning_stake: Amount::from_ait(335),
        }),
    }
}

/// Signed by three of four validators, one of which weighs as much as two others.
pub(crate) fn certificate() -> CertificateView {
    let signer = |(byte, voting_power)| SignerView {
        validator: Address::repeat_byte(byte),
        voting_power,
        signature: vec![byte; 65].into(),
    };
    CertificateView {
        round: 1,
        signers: [(0xc1, 2), (0xc2, 1), (0xc4, 1)].map(signer).into(),
        validator_count: 4,
        total_power: 5,
    }
}
