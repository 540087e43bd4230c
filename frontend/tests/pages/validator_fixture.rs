//! Two validators, one of which has stake.

use shared::Address;
use shared::amount::Amount;
use shared::api::explorer::{CertificateView, SignerView, ValidatorView};

pub(crate) fn validators() -> Vec<ValidatorView> {
    let validator = |(byte, base_power, own, delegated): (u8, u64, u64, u64)| ValidatorView {
        address: Address::repeat_byte(byte),
        voting_power: base_power + own + delegated,
        base_power,
        own_stake: Amount::from_ait(own),
        delegated_stake: Amount::from_ait(delegated),
    };
    [(0xc1, 1_000_000, 25, 310), (0xc2, 1_000_000, 0, 0)].map(validator).into()
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
