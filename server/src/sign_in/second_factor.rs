//! The second factor of an account: an authenticator app, asked for after the wallet has signed in.
//!
//! The rules are those of the wallet daemon ([`custody`]). Here are the rows, the hub's seal around the secret, and what a
//! right code does.

use std::sync::Arc;

use custody::attempts::Attempts;
use custody::event::CodeUse;
use custody::recovery::{self, RecoveryHash};
use custody::sealed::{Sealed, SealedError, SealingKey};
use custody::second_factor::{Given, Refused, check_recovery, check_totp};
use custody::totp::{CodeError, TotpSecret};
use hub::quota;
use shared::Address;
use shared::api::second_factor::{CODE_MAX_CHARS, NewSecondFactor, RecoveryCodes, SecondFactorView};
use shared::api::sessions::SESSIONS_PER_WALLET_MAX;
use shared::field_error::FieldError;
use shared::signing::PrivateKey;
use shared::time::UnixMillis;
use store::change::{
    BeginSecondFactor, ConfirmSecondFactor, CountCodeTry, GiveCode, RemoveSecondFactor, SecondFactorLimits, SetUpFrom,
};
use store::record::{CodeTries, SecondFactorRecord, SessionRecord, UsedCode};
use store::{Refusal, Store, StoreError};
use wallet::qr_code;
use wallet::rand_core::OsRng;
use zeroize::Zeroizing;

use crate::clock;
use crate::error::ApiError;

/// How long a new secret waits for its first code.
pub const ENROLMENT_MS: u64 = 900_000;

/// Second factors of all accounts, each a few rows. One network address confirms some each day, and what waits for its first
/// code is gone after [`ENROLMENT_MS`], so that nobody takes the room of others. An IPv6 site has 65 536 network addresses, so it
/// has a bound of its own; and all of them together fill the room in a hundred days, not in one.
const LIMITS: SecondFactorLimits = SecondFactorLimits {
    waiting_per_network: 32,
    waiting: 100_000,
    confirmed_per_network: 50,
    confirmed_per_site: 200,
    confirmed_lately: 10_000,
    confirmed: 1_000_000,
};

/// For so long a second factor counts for the network address that confirmed it.
pub const NETWORK_KEPT_MS: u64 = 86_400_000;

/// What an authenticator app shows beside the account.
const ISSUER: &str = "AITBC";

const PURPOSE: &str = "aitbc hub, second factor of a sign-in";

/// Sets up, checks and removes second factors.
#[derive(Clone)]
pub struct SecondFactors {
    pub(crate) store: Store,
    pub(crate) seal: SecondFactorSeal,
}

/// Encrypts the secrets at rest, so that the database alone makes no code.
#[derive(Clone)]
pub(crate) struct SecondFactorSeal(Arc<SealingKey>);

impl SecondFactorSeal {
    /// The key follows from the hub's own. A hub with another one opens no secret; recovery codes count there as well.
    pub(crate) fn of_hub(key: &PrivateKey) -> Result<Self, SealedError> {
        SealingKey::derive(Zeroizing::new(key.to_bytes()).as_slice(), PURPOSE).map(|key| Self(Arc::new(key)))
    }

    fn seal(&self, secret: &TotpSecret, account: Address) -> Result<String, ApiError> {
        let sealed = self.0.seal(secret.as_bytes(), account.as_slice(), &mut OsRng).map_err(broken)?;
        serde_json::to_string(&sealed).map_err(broken)
    }

    fn open(&self, record: &SecondFactorRecord) -> Result<TotpSecret, ApiError> {
        let sealed: Sealed = serde_json::from_str(&record.sealed_secret).map_err(broken)?;
        let bytes = self.0.open(&sealed, record.address.as_slice()).map_err(broken)?;
        TotpSecret::from_bytes(&bytes).ok_or_else(|| broken(SealedError::Damaged))
    }
}

fn set_up_from(network: String, now: UnixMillis) -> SetUpFrom {
    let site_prefix = quota::site_prefix(&network).map(str::to_owned);
    SetUpFrom { network, site_prefix, since: UnixMillis(now.0.saturating_sub(NETWORK_KEPT_MS)), limits: LIMITS }
}

fn broken(error: impl std::fmt::Display) -> ApiError {
    ApiError::Internal(format!("a second factor cannot be used: {error}"))
}

impl SecondFactors {
    pub(crate) async fn view(&self, account: Address) -> Result<SecondFactorView, ApiError> {
        Ok(self.store.second_factor_view(account).await?)
    }

    /// Makes a secret and shows it. It counts from its first code on.
    ///
    /// `network` is the class of the network address that asks.
    pub(crate) async fn begin(&self, account: Address, network: String) -> Result<NewSecondFactor, ApiError> {
        let (secret, at) = (TotpSecret::generate(&mut OsRng), clock::now());
        let uri = secret.uri(ISSUER, &account.to_string());
        let qr_svg = qr_code::of(&uri).map_err(broken)?.svg();
        let sealed_secret = self.seal.seal(&secret, account)?;
        let over_before = UnixMillis(at.0.saturating_sub(ENROLMENT_MS));
        let begin =
            BeginSecondFactor { address: account, sealed_secret, at, over_before, from: set_up_from(network, at) };
        self.store.write(begin).await?;
        Ok(NewSecondFactor {
            secret: secret.base32().to_string(),
            uri: uri.to_string(),
            qr_svg,
            expires_at_unix_ms: at.plus_ms(ENROLMENT_MS),
        })
    }

    /// Takes the first code, and shows the recovery codes this once. Who set the secret up has seen it, so wrong codes say
    /// nothing here.
    pub(crate) async fn confirm(
        &self,
        session: &SessionRecord,
        code: &str,
        network: String,
    ) -> Result<RecoveryCodes, ApiError> {
        let (account, now) = (session.address, clock::now());
        let waits =
            |record: &SecondFactorRecord| record.confirmed_at.is_none() && now.since_ms(record.begun_at) < ENROLMENT_MS;
        let found = self.store.find_second_factor(account).await?.filter(waits);
        let record = found.ok_or(StoreError::Refused(Refusal::NoSecondFactorBegun))?;
        let checked = self.seal.open(&record)?.check(code.trim(), now.seconds(), None);
        let step = checked.map_err(|error| refused(error.into()))?;
        let codes = recovery::generate(&mut OsRng);
        let confirm = ConfirmSecondFactor {
            address: account,
            begun_at: record.begun_at,
            step,
            recovery: codes.iter().map(|code| RecoveryHash::of(code).digest()).collect(),
            session: session.id,
            at: now,
            from: set_up_from(network, now),
        };
        self.store.write(confirm).await?;
        Ok(RecoveryCodes { recovery_codes: codes.iter().map(|code| code.to_string()).collect() })
    }

    /// Completes a session with a code.
    pub(crate) async fn complete(&self, session: SessionRecord, code: &str) -> Result<SessionRecord, ApiError> {
        if !session.awaits_code {
            return Err(StoreError::Refused(Refusal::NoCodeAwaited).into());
        }
        let (at, used) = self.check(session.address, code).await?;
        let SessionRecord { address, id, .. } = session;
        self.store.write(GiveCode { address, used, session: id, at, most: SESSIONS_PER_WALLET_MAX }).await?;
        Ok(SessionRecord { awaits_code: false, ..session })
    }

    /// Takes the second factor away with a code.
    pub(crate) async fn remove(&self, session: &SessionRecord, code: &str) -> Result<(), ApiError> {
        let (at, used) = self.check(session.address, code).await?;
        let remove = RemoveSecondFactor { address: session.address, used, session: session.id, at };
        Ok(self.store.write(remove).await?)
    }

    /// Whether a code counts now. What it is for uses it up.
    async fn check(&self, account: Address, code: &str) -> Result<(UnixMillis, UsedCode), ApiError> {
        let is_on = |record: &SecondFactorRecord| record.confirmed_at.is_some();
        let none = || ApiError::Conflict("this account has no second factor".to_owned());
        let record = self.store.find_second_factor(account).await?.filter(is_on).ok_or_else(none)?;
        let now = clock::now();
        let used = match Given::read(code) {
            // It has 80 random bits, so nobody waits for having tried some: the owner gets in while somebody else guesses.
            Given::Recovery(hash) => {
                let unused: Vec<RecoveryHash> = record.recovery.iter().copied().map(RecoveryHash::from).collect();
                check_recovery(hash, &unused)
            }
            Given::Totp(code) => {
                let secret = self.seal.open(&record)?;
                check_form(code)?;
                self.count_try(&record, now).await?;
                check_totp(&secret, code, now.seconds(), record.last_used_step)
            }
        };
        Ok((now, used_code(used.map_err(refused)?)))
    }

    /// Counts a code as wrong before it is looked at; a right one takes that back. So many codes at once are as many tries.
    async fn count_try(&self, record: &SecondFactorRecord, now: UnixMillis) -> Result<(), ApiError> {
        let mut attempts = Attempts::stored(record.tries.wrong, record.tries.blocked_until);
        attempts.check(now).map_err(|blocked| ApiError::TooManyRequests {
            detail: format!("{} codes of this account were wrong one after another", blocked.wrong),
            retry_after_seconds: blocked.wait_ms.div_ceil(1_000),
        })?;
        attempts.was_wrong(now);
        let after = CodeTries { wrong: attempts.wrong(), blocked_until: attempts.blocked_until() };
        let count = CountCodeTry { address: record.address, before: record.tries, after };
        if self.store.write(count).await? {
            return Ok(());
        }
        let detail = "codes of one account are taken one after the other".to_owned();
        Err(ApiError::TooManyRequests { detail, retry_after_seconds: 1 })
    }
}

/// A text that is no code is no guess.
fn check_form(code: &str) -> Result<(), ApiError> {
    let is_code = code.len() == custody::totp::DIGITS && code.bytes().all(|digit| digit.is_ascii_digit());
    if is_code { Ok(()) } else { Err(refused(CodeError::Form.into())) }
}

/// The bound of what a body may bring.
pub(crate) fn check_length(code: &str) -> Result<(), ApiError> {
    let chars = code.chars().count();
    if chars <= CODE_MAX_CHARS {
        return Ok(());
    }
    let bound = format!("up to {CODE_MAX_CHARS} characters");
    Err(ApiError::OutOfBounds(vec![FieldError::bound("code", bound, format!("{chars} characters"))]))
}

fn refused(refused: Refused) -> ApiError {
    match refused {
        Refused::Code(CodeError::Form) => {
            ApiError::Invalid(vec![FieldError::new("code", format!("`code`: {refused}"))])
        }
        refused => ApiError::WrongCode(refused),
    }
}

fn used_code(used: CodeUse) -> UsedCode {
    match used {
        CodeUse::Totp { step } => UsedCode::Step(step),
        CodeUse::Recovery { hash } => UsedCode::Recovery(hash.digest()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_for_its_account_under_its_hubs_key_alone() {
        let key = |number: u8| PrivateKey::from_bytes(&[number; 32]).unwrap();
        let (seal, secret) = (SecondFactorSeal::of_hub(&key(1)).unwrap(), TotpSecret::generate(&mut OsRng));
        let record = |address, sealed_secret| SecondFactorRecord {
            address,
            sealed_secret,
            begun_at: UnixMillis(0),
            confirmed_at: None,
            last_used_step: None,
            tries: CodeTries::default(),
            recovery: vec![],
        };
        let (me, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let sealed = seal.seal(&secret, me).unwrap();
        assert!(!sealed.contains(&hex::encode(secret.as_bytes())), "the secret is stored as it is");
        assert_eq!(seal.open(&record(me, sealed.clone())).unwrap().as_bytes(), secret.as_bytes());
        assert!(seal.open(&record(other, sealed.clone())).is_err(), "one account's secret serves another");
        assert!(SecondFactorSeal::of_hub(&key(2)).unwrap().open(&record(me, sealed)).is_err());
        assert!(seal.open(&record(me, "{}".to_owned())).is_err());
    }
}
