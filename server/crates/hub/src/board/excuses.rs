//! Leases that a miner lost as nobody's fault: it blames the network or the hub, or its connection breaks. Once or twice
//! in a row that is bad luck. A miner that does it again and again, and completes nothing in between, holds up jobs for
//! free; from then on each time counts as a fault of its own.
//!
//! A miner of several hubs declines what crosses its word that a slot is taken. That can happen with each of its slots, so
//! it has an account of its own; what is beyond that is an excuse.

use std::collections::BTreeMap;

use shared::Address;

/// How often in a row a miner may lose what it holds as nobody's fault.
pub(super) const EXCUSES_IN_A_ROW_MAX: u32 = 2;

/// How often in a row a miner with few slots may decline a lease that crossed its word; one with more slots as often as it
/// has slots.
pub(super) const DECLINES_IN_A_ROW_MIN: u32 = 8;

/// Miners that are remembered, connected or not.
const MINERS_MAX: usize = 2 * super::MINERS_MAX;

/// What each miner gave back as nobody's fault since it last completed a task. A new session does not begin anew.
#[derive(Debug, Clone, Default)]
pub(super) struct Excuses(BTreeMap<Address, Account>);

#[derive(Debug, Clone, Default)]
struct Account {
    excuses: u32,
    declines: u32,
}

impl Excuses {
    /// Counts once more. True where that is too often.
    pub(super) fn count(&mut self, miner: Address, is_connected: impl Fn(&Address) -> bool) -> bool {
        let account = self.account(miner, is_connected);
        account.excuses = account.excuses.saturating_add(1);
        account.excuses > EXCUSES_IN_A_ROW_MAX
    }

    /// Counts a declined lease of a miner with so many slots. True where that is not too often.
    pub(super) fn count_decline(
        &mut self,
        miner: Address,
        slots: u32,
        is_connected: impl Fn(&Address) -> bool,
    ) -> bool {
        let account = self.account(miner, is_connected);
        account.declines = account.declines.saturating_add(1);
        account.declines <= slots.max(DECLINES_IN_A_ROW_MIN)
    }

    fn account(&mut self, miner: Address, is_connected: impl Fn(&Address) -> bool) -> &mut Account {
        if self.0.len() >= MINERS_MAX && !self.0.contains_key(&miner) {
            self.0.retain(|known, _| is_connected(known));
        }
        self.0.entry(miner).or_default()
    }

    /// The miner completed a task.
    pub(super) fn forget(&mut self, miner: Address) {
        self.0.remove(&miner);
    }
}
