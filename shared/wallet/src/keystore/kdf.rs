//! From a password to a key: scrypt or PBKDF2, each within bounds.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::KeystoreError;
use super::file::Hex;

/// Bytes that are derived: half for the cipher, half for the check of the password.
pub(super) const DERIVED_BYTES: usize = 32;

/// Most memory that a file may ask scrypt for, `128 × r × (n + p)`: that of geth's own files and a little more.
pub const MEMORY_MAX_BYTES: u64 = 260 << 20;

/// Most work that a file may ask scrypt for, `n × r × p`: four times that of geth's own files.
pub const WORK_MAX: u64 = 1 << 23;

/// Most iterations that a file may ask PBKDF2 for: 16 times those of geth's own files.
pub const ITERATIONS_MAX: u64 = 1 << 22;

const SALT_MAX_BYTES: usize = 128;

/// log2 of scrypt's n in files that are written here; with r = 8 it takes 128 MiB.
const WRITTEN_LOG_N: u8 = 17;
const WRITTEN_R: u32 = 8;
const WRITTEN_P: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kdf", content = "kdfparams", rename_all = "lowercase")]
pub(super) enum Kdf {
    Scrypt { dklen: u64, n: u64, p: u64, r: u64, salt: Hex },
    Pbkdf2 { c: u64, dklen: u64, prf: Prf, salt: Hex },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Prf {
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
}

impl Kdf {
    /// What new files are written with.
    pub(super) fn new(salt: [u8; 32]) -> Self {
        Self::Scrypt {
            dklen: DERIVED_BYTES as u64,
            n: 1 << WRITTEN_LOG_N,
            p: WRITTEN_P.into(),
            r: WRITTEN_R.into(),
            salt: Hex(salt.to_vec()),
        }
    }

    pub(super) fn check(&self) -> Result<(), KeystoreError> {
        let (Self::Scrypt { dklen, salt, .. } | Self::Pbkdf2 { dklen, salt, .. }) = self;
        if *dklen != DERIVED_BYTES as u64 {
            return Err(KeystoreError::Parameter { field: "dklen", rule: "32", got: *dklen });
        }
        bound("the length of the salt", SALT_MAX_BYTES as u64, salt.0.len() as u64)?;
        match self {
            Self::Scrypt { n, p, r, .. } => check_scrypt(*n, *r, *p),
            Self::Pbkdf2 { c, .. } => {
                at_least_one("c", *c)?;
                bound("c", ITERATIONS_MAX, *c)
            }
        }
    }

    /// Fails for what [`Self::check`] refuses.
    pub(super) fn derive(&self, password: &str) -> Result<Zeroizing<[u8; DERIVED_BYTES]>, KeystoreError> {
        self.check()?;
        let mut derived = Zeroizing::new([0; DERIVED_BYTES]);
        match self {
            Self::Scrypt { n, p, r, salt, .. } => {
                let parameter = |got: u64| KeystoreError::Parameter { field: "n", rule: "allowed by r and p", got };
                let (r, p) = (small(*r)?, small(*p)?);
                let log_n = u8::try_from(n.ilog2()).map_err(|_| parameter(*n))?;
                let params = scrypt::Params::new(log_n, r, p).map_err(|_| parameter(*n))?;
                scrypt::scrypt(password.as_bytes(), &salt.0, &params, derived.as_mut_slice())
                    .map_err(|_| parameter(*n))?;
            }
            Self::Pbkdf2 { c, salt, .. } => pbkdf2::pbkdf2_hmac::<pbkdf2::sha2::Sha256>(
                password.as_bytes(),
                &salt.0,
                small(*c)?,
                derived.as_mut_slice(),
            ),
        }
        Ok(derived)
    }
}

fn check_scrypt(n: u64, r: u64, p: u64) -> Result<(), KeystoreError> {
    if n < 2 || !n.is_power_of_two() {
        return Err(KeystoreError::Parameter { field: "n", rule: "a power of two from 2", got: n });
    }
    at_least_one("r", r)?;
    at_least_one("p", p)?;
    let memory_bytes = n.saturating_add(p).saturating_mul(r).saturating_mul(128);
    bound("memory in bytes (128 × r × (n + p))", MEMORY_MAX_BYTES, memory_bytes)?;
    bound("work (n × r × p)", WORK_MAX, n.saturating_mul(r).saturating_mul(p))
}

fn at_least_one(field: &'static str, got: u64) -> Result<(), KeystoreError> {
    if got == 0 { Err(KeystoreError::Parameter { field, rule: "at least 1", got }) } else { Ok(()) }
}

fn bound(what: &'static str, most: u64, got: u64) -> Result<(), KeystoreError> {
    if got > most { Err(KeystoreError::TooCostly { what, most, got }) } else { Ok(()) }
}

/// Every number within the bounds fits.
fn small(number: u64) -> Result<u32, KeystoreError> {
    u32::try_from(number).map_err(|_| KeystoreError::TooCostly { what: "a number", most: u32::MAX.into(), got: number })
}
