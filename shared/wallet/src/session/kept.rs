//! The unlocked state outside of this memory, for a browser that may end the wallet's program at any moment.
//!
//! Anybody who holds it can open what is stored beside it, until it is over. It belongs into memory that only the wallet's own
//! code reads, never on a disk.

use serde::{Deserialize, Serialize};
use shared::Bytes;
use shared::time::UnixMillis;

use super::{Open, Session};
use crate::protocol::Secret;
use crate::vault::{StoredVault, VaultKey};

/// The vault's key, and when the wallets lock themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptUnlock {
    key: Secret,
    salt: Bytes,
    pub locks_at: UnixMillis,
}

impl Session {
    /// What brings the unlocked state back; `None` while locked.
    pub fn kept(&self) -> Option<KeptUnlock> {
        let (open, locks_at) = (self.open.as_ref()?, self.locks_at()?);
        open.stored.as_ref()?;
        let (key, salt) = open.key.to_kept();
        Some(KeptUnlock { key, salt, locks_at })
    }

    /// Unlocks with what was kept, and says whether it did. The time until the lock goes on as it was.
    ///
    /// It is over once its time has come. A time that lies further ahead than the wallet's own lock allows is not believed,
    /// so a clock that was set back cannot keep the wallet open.
    pub fn resume(&mut self, stored: &StoredVault, kept: &KeptUnlock, now: UnixMillis) -> bool {
        let Some(key) = VaultKey::from_kept(&kept.key, &kept.salt) else { return false };
        let Ok(open) = Open::read(stored, key) else { return false };
        let used_at = UnixMillis(kept.locks_at.0.saturating_sub(open.auto_lock_ms()));
        if now >= kept.locks_at || used_at > now {
            return false;
        }
        self.open = Some(open);
        self.used_at = Some(used_at);
        true
    }
}
