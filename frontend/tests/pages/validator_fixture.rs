//! Two validators, one of which has stake.

use shared::Address;
use shared::amount::Amount;
use shared::api::explorer::ValidatorView;

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
