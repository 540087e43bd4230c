//! The second factor of a wallet: set up, checked and taken away. Its secret opens with the wallet's own key only.

use custody::event::{CodeUse, Event, SecondFactor};
use custody::recovery::{self, RecoveryHash};
use custody::sealed::{SealedError, SealingKey};
use custody::second_factor::{Given, Refused, check_recovery, check_totp};
use custody::totp::{CodeError, TotpSecret};
use shared::Address;
use shared::signing::PrivateKey;
use shared::time::UnixMillis;
use wallet::rand_core::OsRng;
use zeroize::Zeroizing;

use super::error::DaemonError;
use super::signer::{Signer, State};
use crate::cli::wallet::folder::WalletName;
use crate::clock;

const PURPOSE: &str = "aitbc wallet daemon, second factor";

/// What an authenticator app shows beside the code.
const ISSUER: &str = "AITBC wallet daemon";

/// A secret that was shown and waits for the first code.
pub(super) struct Enrolment {
    secret: TotpSecret,
}

/// What is shown once.
pub(super) struct Shown {
    pub(super) secret: Zeroizing<String>,
    pub(super) uri: Zeroizing<String>,
}

impl Signer {
    /// Makes a secret and shows it. It counts from the first code on.
    pub(super) async fn enrol(
        &self,
        name: &WalletName,
        password: Zeroizing<String>,
        code: Option<&str>,
    ) -> Result<Shown, DaemonError> {
        let (address, key) = self.open_keystore(name, password).await?;
        let secret = TotpSecret::generate(&mut OsRng);
        let shown = Shown { secret: secret.base32(), uri: secret.uri(ISSUER, &name.to_string()) };
        let mut state = self.state();
        self.key(&mut state, name, clock::now())?;
        // A new app takes the place of the old one only for somebody who has the old one.
        if state.ledger.second_factor(address).is_some() {
            let code = self.needed_code(&mut state, address, &key, code)?;
            self.record(&mut state, &Event::CodeUsed { address, code })?;
        }
        state.enrolments.insert(address, Enrolment { secret });
        Ok(shown)
    }

    /// Takes the first code, and shows the recovery codes this once.
    pub(super) async fn confirm(&self, name: &WalletName, code: &str) -> Result<Vec<Zeroizing<String>>, DaemonError> {
        let codes = recovery::generate(&mut OsRng);
        let durable = {
            let mut state = self.state();
            let now = clock::now();
            let (address, key) = self.key(&mut state, name, now)?;
            let nothing = || DaemonError::Conflict(format!("no second factor of {name} waits for its first code"));
            let secret = state.enrolments.get(&address).ok_or_else(nothing)?.secret.clone();
            state.ledger.codes(address).check(now)?;
            let checked = secret.check(code.trim(), now.seconds(), None);
            let last_used = checked.map_err(|error| self.wrong_code(&mut state, address, error.into()))?;
            let sealed =
                sealing_key(&key).and_then(|sealing| sealing.seal(secret.as_bytes(), address.as_slice(), &mut OsRng));
            let secret = sealed.map_err(broken)?;
            let recovery = codes.iter().map(|code| RecoveryHash::of(code)).collect();
            let factor = SecondFactor { secret, recovery, last_used };
            state.enrolments.remove(&address);
            self.record(&mut state, &Event::SecondFactorSet { address, factor })?
        };
        durable.wait().await?;
        Ok(codes)
    }

    pub(super) async fn remove_factor(
        &self,
        name: &WalletName,
        password: Zeroizing<String>,
        code: Option<&str>,
    ) -> Result<(), DaemonError> {
        let (address, key) = self.open_keystore(name, password).await?;
        let durable = {
            let mut state = self.state();
            let code = self.needed_code(&mut state, address, &key, code)?;
            self.record(&mut state, &Event::SecondFactorRemoved { address, code })?
        };
        durable.wait().await
    }

    /// A code where the wallet has a second factor, and none where it has none.
    pub(super) fn code_of_owner(
        &self,
        state: &mut State,
        address: Address,
        key: &PrivateKey,
        code: Option<&str>,
    ) -> Result<Option<CodeUse>, DaemonError> {
        match state.ledger.second_factor(address) {
            Some(_) => self.needed_code(state, address, key, code).map(Some),
            None => Ok(None),
        }
    }

    fn needed_code(
        &self,
        state: &mut State,
        address: Address,
        key: &PrivateKey,
        code: Option<&str>,
    ) -> Result<CodeUse, DaemonError> {
        let missing = || DaemonError::Conflict("a code of the second factor is needed: send it with `code`".to_owned());
        self.check_code(state, address, key, code.ok_or_else(missing)?, clock::now())
    }

    /// Whether a code counts now: one of the app, or a recovery code. Wrong ones are counted.
    pub(super) fn check_code(
        &self,
        state: &mut State,
        address: Address,
        key: &PrivateKey,
        code: &str,
        now: UnixMillis,
    ) -> Result<CodeUse, DaemonError> {
        let none = || DaemonError::Conflict("this wallet has no second factor".to_owned());
        let factor = state.ledger.second_factor(address).cloned().ok_or_else(none)?;
        state.ledger.codes(address).check(now)?;
        let used = match Given::read(code) {
            Given::Recovery(hash) => check_recovery(hash, &factor.recovery),
            Given::Totp(code) => {
                let opened = sealing_key(key).and_then(|sealing| sealing.open(&factor.secret, address.as_slice()));
                let opened = opened.map_err(broken)?;
                let secret = TotpSecret::from_bytes(&opened).ok_or_else(|| broken(SealedError::Damaged))?;
                check_totp(&secret, code, now.seconds(), Some(factor.last_used))
            }
        };
        used.map_err(|refused| self.wrong_code(state, address, refused))
    }

    /// Counts a code that could have been a guess.
    fn wrong_code(&self, state: &mut State, address: Address, refused: Refused) -> DaemonError {
        if refused == Refused::Code(CodeError::Form) {
            return refused.into();
        }
        match self.record(state, &Event::CodeRefused { address }) {
            Ok(_) => refused.into(),
            Err(failed) => failed,
        }
    }
}

fn sealing_key(key: &PrivateKey) -> Result<SealingKey, SealedError> {
    SealingKey::derive(Zeroizing::new(key.to_bytes()).as_slice(), PURPOSE)
}

fn broken(error: SealedError) -> DaemonError {
    DaemonError::Internal(format!("the second factor cannot be used: {error}"))
}
