//! Passkeys that open the wallets beside the password. Adding and removing one takes the password.

use k256::elliptic_curve::rand_core::{CryptoRng, RngCore};
use shared::Bytes;
use shared::time::UnixMillis;

use super::{Change, Open, Session, changed};
use crate::protocol::{CREDENTIAL_ID_MAX_BYTES, PASSKEYS_MAX, PRF_BYTES, PasskeyView, PrfOutput, Refusal, Secret};
use crate::vault::{PasskeyKey, StoredVault, VaultError, VaultKey};

/// As long as the answer to it.
pub(super) type Salt = [u8; PRF_BYTES];

impl Session {
    /// Checks the password, and gives the salt of a new passkey. It counts once, until the next lock or change.
    ///
    /// # Errors
    /// Locked, a wrong password, or [`PASSKEYS_MAX`] are there.
    pub fn begin_passkey(
        &mut self,
        password: &Secret,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Bytes, Refusal> {
        let open = self.open()?;
        open.check(password)?;
        if open.contents.passkeys.len() >= PASSKEYS_MAX {
            return Err(Refusal::TooMany { most: PASSKEYS_MAX });
        }
        let mut salt = [0; PRF_BYTES];
        random.fill_bytes(&mut salt);
        self.begun_passkey = Some(salt);
        Ok(salt.to_vec().into())
    }

    /// Lets the passkey that was begun open the wallets. `output` is what it answered for its salt.
    ///
    /// # Errors
    /// Locked, none was begun, its id is too long, or it is here already.
    pub fn add_passkey(
        &self,
        credential_id: &Bytes,
        output: &PrfOutput,
        now: UnixMillis,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Change, Refusal> {
        let mut open = self.open()?.clone();
        let salt = self.begun_passkey.ok_or(Refusal::NoPasskeyBegun)?;
        if !(1..=CREDENTIAL_ID_MAX_BYTES).contains(&credential_id.len()) {
            let got = credential_id.len();
            let detail = format!("credential_id has 1 to {CREDENTIAL_ID_MAX_BYTES} bytes, got {got}");
            return Err(Refusal::Unreadable { detail });
        }
        if open.contents.passkeys.iter().any(|known| known.credential_id == *credential_id) {
            return Err(Refusal::Unreadable { detail: "credential_id is that of a passkey that is here".to_owned() });
        }
        let (credential_id, salt) = (credential_id.clone(), salt.to_vec().into());
        let passkey = PasskeyView { credential_id, salt, added_at_unix_ms: now };
        open.passkeys.push(PasskeyKey::derive(&passkey, output)?);
        open.contents.passkeys.push(passkey);
        changed(open, random)
    }

    /// Removes a passkey. The wallets get another key, so that it opens nothing that is stored from now on, not even with a copy
    /// of what was stored before.
    ///
    /// # Errors
    /// Locked, a wrong password, or no such passkey.
    pub fn remove_passkey(
        &self,
        credential_id: &Bytes,
        password: &Secret,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Change, Refusal> {
        let mut open = self.open()?.clone();
        open.check(password)?;
        let at = open.contents.passkeys.iter().position(|known| known.credential_id == *credential_id);
        let at = at.ok_or(Refusal::NotHere)?;
        open.contents.passkeys.remove(at);
        open.passkeys.remove(at);
        open.key = VaultKey::new(&password.0, random)?;
        changed(open, random)
    }

    /// # Errors
    /// The passkey is not of these wallets, or answered something else. What is stored is damaged or of another version.
    pub fn unlock_by_passkey(
        &mut self,
        stored: &StoredVault,
        credential_id: &Bytes,
        output: &PrfOutput,
    ) -> Result<(), Refusal> {
        let key = stored.key_by_passkey(credential_id, output)?;
        let opened = Open::read(stored, key).map_err(|refusal| match refusal {
            // No password was given.
            Refusal::WrongPassword => VaultError::WrongPasskey.into(),
            other => other,
        });
        self.open = Some(opened?);
        Ok(())
    }
}
