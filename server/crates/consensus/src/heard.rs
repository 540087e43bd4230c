use std::collections::BTreeMap;

use alloy_primitives::Address;
use malachite_types::{NilOrVal, ValidatorSet as _};

use crate::context::{Members, SignedVote, ValidatorAddress};

/// What others have said about the next height: the reasons to begin it, or to let its timers run.
///
/// A vote for nothing is a weak reason, since a validator that was started again may cast it alone. Votes of more than
/// a third of the power are a strong one: at least one honest validator waits for the others.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    latest_round: BTreeMap<Address, u32>,
    names_a_block: bool,
}

impl Heard {
    /// Takes a vote whose signature holds.
    pub(crate) fn vote(&mut self, vote: &SignedVote) {
        let round = vote.round.as_u32().unwrap_or_default();
        let latest = self.latest_round.entry(vote.validator.0).or_default();
        *latest = round.max(*latest);
        self.names_a_block |= matches!(vote.block, NilOrVal::Val(_));
    }

    /// Whether somebody voted for a block, or others with more than a third of the power are in `round` or later.
    pub(crate) fn is_a_reason(&self, members: &Members, own: ValidatorAddress, round: u32) -> bool {
        if self.names_a_block {
            return true;
        }
        let there = self.latest_round.iter().filter(|(address, latest)| **address != own.0 && **latest >= round);
        let power: u64 = there.filter_map(|(address, _)| members.power_of(*address)).sum();
        u128::from(power) * 3 > u128::from(members.total_voting_power())
    }
}
