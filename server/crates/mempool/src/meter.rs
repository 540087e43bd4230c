use std::collections::BTreeMap;

use alloy_primitives::Address;

const MINUTE_MS: u64 = 60_000;

/// Gas asked for by each sender in its current minute, which begins with its first transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct GasMeter {
    windows: BTreeMap<Address, Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    start_unix_ms: u64,
    gas: u64,
    /// What its sender has staked, where that was looked up within this minute.
    staked_ait: Option<u64>,
}

impl GasMeter {
    /// Gas that the sender has asked for.
    pub(crate) fn used(&self, sender: Address, now_unix_ms: u64) -> u64 {
        self.current(sender, now_unix_ms).map_or(0, |window| window.gas)
    }

    /// The sender's stake as far as it was looked up; 0 where it was not.
    pub(crate) fn staked_ait(&self, sender: Address, now_unix_ms: u64) -> u64 {
        self.current(sender, now_unix_ms).and_then(|window| window.staked_ait).unwrap_or(0)
    }

    /// Whether the sender's minute has begun and nobody has looked up its stake in it.
    pub(crate) fn lacks_stake(&self, sender: Address, now_unix_ms: u64) -> bool {
        self.current(sender, now_unix_ms).is_some_and(|window| window.staked_ait.is_none())
    }

    /// Remembers the sender's stake for the rest of its minute.
    pub(crate) fn tell_stake(&mut self, sender: Address, staked_ait: u64, now_unix_ms: u64) {
        let window = self.windows.get_mut(&sender).filter(|window| is_current(**window, now_unix_ms));
        if let Some(window) = window {
            window.staked_ait = Some(staked_ait);
        }
    }

    pub(crate) fn record(&mut self, sender: Address, gas: u64, now_unix_ms: u64) {
        let fresh = Window { start_unix_ms: now_unix_ms, gas: 0, staked_ait: None };
        let window = self.windows.entry(sender).or_insert(fresh);
        if !is_current(*window, now_unix_ms) {
            *window = fresh;
        }
        window.gas = window.gas.saturating_add(gas);
    }

    pub(crate) fn forget_past(&mut self, now_unix_ms: u64) {
        self.windows.retain(|_, window| is_current(*window, now_unix_ms));
    }

    fn current(&self, sender: Address, now_unix_ms: u64) -> Option<&Window> {
        self.windows.get(&sender).filter(|window| is_current(**window, now_unix_ms))
    }
}

fn is_current(window: Window, now_unix_ms: u64) -> bool {
    now_unix_ms.saturating_sub(window.start_unix_ms) < MINUTE_MS
}
