//! Leases that a miner lost as nobody's fault: it blames the network or the hub, or its connection breaks. Once or twice
//! in a row that is bad luck. A miner that does it again and again, and completes nothing in between, holds up jobs for
//! free; from then on each time counts as a fault of its own.

use std::collections::BTreeMap;

use shared::Address;

/// How often in a row a miner may lose what it holds as nobody's fault.
pub(super) const EXCUSES_IN_A_ROW_MAX: u32 = 2;

/// Miners that are remembered, connected or not.
const MINERS_MAX: usize = 2 * super::MINERS_MAX;

/// How often each miner lost what it held as nobody's fault since it last completed a task. A new session does not begin
/// anew.
#[derive(Debug, Clone, Default)]
pub(super) struct Excuses(BTreeMap<Address, u32>);

impl Excuses {
    /// Counts once more. True where that is too often.
    pub(super) fn count(&mut self, miner: Address, is_connected: impl Fn(&Address) -> bool) -> bool {
        if self.0.len() >= MINERS_MAX && !self.0.contains_key(&miner) {
            self.0.retain(|known, _| is_connected(known));
        }
        let times = self.0.entry(miner).or_default();
        *times = times.saturating_add(1);
        *times > EXCUSES_IN_A_ROW_MAX
    }

    /// The miner completed a task.
    pub(super) fn forget(&mut self, miner: Address) {
        self.0.remove(&miner);
    }
}
