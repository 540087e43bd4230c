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
}

impl GasMeter {
    /// Whether `sender` may ask for `gas` more.
    pub(crate) fn allows(&self, sender: Address, gas: u64, limit: u64, now_unix_ms: u64) -> bool {
        let used = match self.windows.get(&sender) {
            Some(window) if is_current(*window, now_unix_ms) => window.gas,
            _ => 0,
        };
        used.saturating_add(gas) <= limit
    }

    pub(crate) fn record(&mut self, sender: Address, gas: u64, now_unix_ms: u64) {
        let window = self.windows.entry(sender).or_insert(Window { start_unix_ms: now_unix_ms, gas: 0 });
        if !is_current(*window, now_unix_ms) {
            *window = Window { start_unix_ms: now_unix_ms, gas: 0 };
        }
        window.gas = window.gas.saturating_add(gas);
    }

    pub(crate) fn forget_past(&mut self, now_unix_ms: u64) {
        self.windows.retain(|_, window| is_current(*window, now_unix_ms));
    }
}

fn is_current(window: Window, now_unix_ms: u64) -> bool {
    now_unix_ms.saturating_sub(window.start_unix_ms) < MINUTE_MS
}
