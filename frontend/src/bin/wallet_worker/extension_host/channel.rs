//! What the extension's pages and the sites are told. No message says what changed: who may know asks.

/// The pages show that the wallet is locked.
pub(crate) fn tell_lock() {
    tell_changed();
}

pub(crate) fn tell_changed() {
    if let Ok(host) = super::host() {
        host.changed();
    }
}

/// One program serves every page, so nobody else has to know.
pub(crate) const fn tell_used() {}
