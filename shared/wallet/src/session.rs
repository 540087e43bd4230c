//! What a wallet remembers between two requests: words that wait for their confirmation, the unlocked wallets, and what
//! waits for an approval.
//!
//! The caller stores and loads; nothing here does. A change is made on a copy and handed over. It counts from
//! [`Session::commit`] on, which is called once it is stored, and never before.

mod export;
mod kept;
mod passkey;
mod signing;

use k256::elliptic_curve::rand_core::{CryptoRng, RngCore};
use shared::Address;
use shared::signing::PrivateKey;
use shared::time::UnixMillis;

use crate::account::AccountError;
use crate::keystore::{Keystore, KeystoreError};
use crate::mnemonic::{MnemonicPhrase, WordCount};
use crate::normal_form;
use crate::protocol::{
    ACCOUNTS_MAX, AUTO_LOCK_CHOICES_MINUTES, AccountView, ImportSource, NAME_MAX_CHARS, NewWords, PASSWORD_MIN_CHARS,
    Refusal, Secret, VaultState, WALLETS_MAX, WalletId, WalletView,
};
use crate::secret::{OpenSecret, WalletSecret, parse_key};
use crate::vault::{Contents, Opened, PasskeyKey, StoredVault, VaultError, VaultKey};

pub use kept::KeptUnlock;
pub use signing::{Signable, Signed};

const MINUTE_MS: u64 = 60_000;

/// How many words are asked for before a wallet is stored.
pub const CONFIRMED_WORDS: usize = 3;

/// A wallet of words that were made but not confirmed yet.
#[derive(Debug)]
struct Unconfirmed {
    name: String,
    secret: OpenSecret,
    account: AccountView,
    /// Of the first wallet, whose password nothing is stored under yet.
    key: Option<VaultKey>,
    /// Positions of the words that are asked for, counted from 1.
    ask: Vec<usize>,
}

/// The unlocked wallets. Their secrets are wiped when this is dropped.
#[derive(Debug, Clone)]
struct Open {
    key: VaultKey,
    contents: Contents,
    secrets: Vec<(WalletId, OpenSecret)>,
    /// In the order of the contents' passkeys.
    passkeys: Vec<PasskeyKey>,
    /// What all of it was read from. Absent before the first wallet is stored.
    stored: Option<StoredVault>,
}

/// A changed vault that is not stored yet.
#[derive(Debug)]
pub struct Change {
    open: Option<Open>,
    /// What waited for its confirmation is in it.
    confirms: bool,
}

impl Change {
    /// What is to be stored in place of what was loaded; `None` where nothing is left.
    pub fn stored(&self) -> Option<&StoredVault> {
        self.open.as_ref().and_then(|open| open.stored.as_ref())
    }
}

/// Everything that is remembered. `stored` is always what the browser stores now.
#[derive(Debug)]
pub struct Session {
    unconfirmed: Option<Unconfirmed>,
    open: Option<Open>,
    waiting: signing::Waiting,
    /// The salt of a passkey that is being added.
    begun_passkey: Option<passkey::Salt>,
    /// When somebody used the unlocked wallets last.
    used_at: Option<UnixMillis>,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    pub const fn new() -> Self {
        Self::with_first_ticket(1)
    }

    /// A session whose first ticket has this number. Where a session ends without its sheets, as in a browser that ends the
    /// wallet's program, the next one must not give out the same numbers: an older sheet would sign what a newer one shows.
    pub const fn with_first_ticket(number: u32) -> Self {
        let waiting = signing::Waiting::starting_at(number);
        Self { unconfirmed: None, open: None, waiting, begun_passkey: None, used_at: None }
    }

    /// Somebody uses the wallet: the time until it locks itself begins anew.
    pub fn used(&mut self, now: UnixMillis) {
        self.used_at = self.is_unlocked().then_some(now);
    }

    /// By the time that the wallets are set to now, which another tab may have changed since they were used.
    fn locks_at(&self) -> Option<UnixMillis> {
        let (open, used_at) = (self.open.as_ref()?, self.used_at?);
        Some(UnixMillis(used_at.0.saturating_add(open.auto_lock_ms())))
    }

    /// Locks where nobody used the wallet for as long as it was set to, and says whether it did.
    pub fn expire(&mut self, now: UnixMillis) -> bool {
        let is_over = self.locks_at().is_some_and(|at| now >= at);
        if is_over {
            self.lock();
        }
        is_over
    }

    /// Takes over what another tab stored. Where it cannot be read with the key at hand, or is gone, this locks.
    pub fn refresh(&mut self, stored: Option<&StoredVault>) {
        let Some(open) = &self.open else { return };
        if open.stored.as_ref() == stored {
            return;
        }
        let key = open.key.clone();
        let reopened = stored.map(|stored| Open::read(stored, key));
        self.lock();
        if let Some(Ok(reopened)) = reopened {
            self.open = Some(reopened);
        }
    }

    pub fn state(&self, stored: Option<&StoredVault>) -> Result<VaultState, Refusal> {
        let contents = match (&self.open, stored) {
            (Some(open), _) => open.contents.clone(),
            (None, Some(stored)) => stored.contents()?,
            (None, None) => return Ok(VaultState::default()),
        };
        let Contents { revision, auto_lock_minutes, wallets, passkeys, .. } = contents;
        Ok(VaultState { revision, unlocked: self.open.is_some(), auto_lock_minutes, wallets, passkeys })
    }

    pub fn unlock(&mut self, stored: &StoredVault, password: &Secret) -> Result<(), Refusal> {
        self.open = Some(Open::read(stored, stored.key(&password.0)?)?);
        Ok(())
    }

    /// Wipes every key. What waits for an approval is refused.
    pub fn lock(&mut self) {
        self.open = None;
        self.begun_passkey = None;
        self.waiting.clear();
    }

    pub const fn is_unlocked(&self) -> bool {
        self.open.is_some()
    }

    /// `change` is stored: it counts now.
    pub fn commit(&mut self, change: Change) {
        if change.confirms {
            self.unconfirmed = None;
        }
        if change.open.is_none() {
            self.lock();
        }
        self.begun_passkey = None;
        self.open = change.open;
    }

    /// Makes words. They replace others that wait for their confirmation, and nothing that is stored.
    pub fn create(
        &mut self,
        stored: Option<&StoredVault>,
        name: &str,
        long: bool,
        password: Option<&Secret>,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<NewWords, Refusal> {
        let name = checked_name(name)?;
        let key = self.new_key(stored, password, random)?;
        let count = if long { WordCount::TwentyFour } else { WordCount::Twelve };
        let phrase = MnemonicPhrase::generate(count, random)
            .map_err(|error| Refusal::Cryptography { detail: error.to_string() })?;
        let words: Vec<Secret> = phrase.words().map(|word| Secret(word.to_owned())).collect();
        let ask = choose_positions(words.len(), random);
        let (secret, account) = OpenSecret::new(WalletSecret::Phrase(phrase))?;
        self.unconfirmed = Some(Unconfirmed { name, secret, account, key, ask: ask.clone() });
        Ok(NewWords { words, ask })
    }

    /// The new wallet among the others, if `words` are those asked for. `None` where no words wait.
    pub fn confirm(
        &self,
        stored: Option<&StoredVault>,
        words: &[(usize, Secret)],
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Option<Change>, Refusal> {
        let Some(new) = &self.unconfirmed else { return Ok(None) };
        if let Some(position) = new.first_wrong(words) {
            return Err(Refusal::WrongWord { position });
        }
        let mut open = self.base(stored, new.key.clone())?;
        open.add(new.name.clone(), new.secret.clone(), new.account.clone())?;
        Ok(Some(Change { open: Some(open.sealed(random)?), confirms: true }))
    }

    pub fn import(
        &self,
        stored: Option<&StoredVault>,
        name: &str,
        source: &ImportSource,
        password: Option<&Secret>,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Change, Refusal> {
        let name = checked_name(name)?;
        let (secret, account) = OpenSecret::new(read_source(source)?)?;
        let mut open = self.base(stored, self.new_key(stored, password, random)?)?;
        open.add(name, secret, account)?;
        changed(open, random)
    }

    pub fn add_account(&self, wallet: WalletId, random: &mut (impl RngCore + CryptoRng)) -> Result<Change, Refusal> {
        let mut open = self.open()?.clone();
        let (view, secret) = open.find(wallet)?;
        if view.accounts.len() >= ACCOUNTS_MAX {
            return Err(Refusal::TooMany { most: ACCOUNTS_MAX });
        }
        let next = view.accounts.iter().filter_map(|account| account.index).max().map_or(0, |index| index + 1);
        let account = secret.add(next)?.ok_or(Refusal::NotHere)?;
        view.accounts.push(account);
        changed(open, random)
    }

    pub fn rename(
        &self,
        wallet: WalletId,
        name: &str,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Change, Refusal> {
        let name = checked_name(name)?;
        let mut open = self.open()?.clone();
        open.find(wallet)?.0.name = name;
        changed(open, random)
    }

    /// Removes one wallet. With the last one everything goes.
    pub fn remove(
        &self,
        wallet: WalletId,
        password: &Secret,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Change, Refusal> {
        let mut open = self.open()?.clone();
        open.check(password)?;
        open.find(wallet)?;
        open.contents.wallets.retain(|view| view.id != wallet);
        open.secrets.retain(|(id, _)| *id != wallet);
        if open.contents.wallets.is_empty() {
            return Ok(Change { open: None, confirms: false });
        }
        changed(open, random)
    }

    pub fn change_password(
        &self,
        old: &Secret,
        new: &Secret,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Change, Refusal> {
        check_length(new)?;
        let mut open = self.open()?.clone();
        open.check(old)?;
        open.key = VaultKey::new(&new.0, random)?;
        changed(open, random)
    }

    pub fn set_auto_lock(&self, minutes: u32, random: &mut (impl RngCore + CryptoRng)) -> Result<Change, Refusal> {
        if !AUTO_LOCK_CHOICES_MINUTES.contains(&minutes) {
            return Err(Refusal::NotHere);
        }
        let mut open = self.open()?.clone();
        open.contents.auto_lock_minutes = minutes;
        changed(open, random)
    }

    fn open(&self) -> Result<&Open, Refusal> {
        self.open.as_ref().ok_or(Refusal::Locked)
    }

    /// A key for the first wallet's password; `None` where wallets are stored already, which must be unlocked.
    fn new_key(
        &self,
        stored: Option<&StoredVault>,
        password: Option<&Secret>,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Option<VaultKey>, Refusal> {
        match (stored, password) {
            (Some(_), _) => self.open().map(|_| None),
            (None, None) => Err(Refusal::PasswordTooShort),
            (None, Some(password)) => {
                check_length(password)?;
                Ok(Some(VaultKey::new(&password.0, random)?))
            }
        }
    }

    /// The wallets that another one is added to.
    fn base(&self, stored: Option<&StoredVault>, key: Option<VaultKey>) -> Result<Open, Refusal> {
        match (stored, &self.open, key) {
            (Some(_), Some(open), _) => Ok(open.clone()),
            (None, _, Some(key)) => Ok(Open::new(key)),
            // Another tab stored the first wallet, or removed all of them, since this one was begun.
            (Some(_), None, Some(_)) | (None, _, None) => Err(Refusal::ChangedElsewhere),
            (Some(_), None, None) => Err(Refusal::Locked),
        }
    }
}

impl Unconfirmed {
    /// The first asked position at which `words` do not hold the wallet's word.
    fn first_wrong(&self, words: &[(usize, Secret)]) -> Option<usize> {
        let WalletSecret::Phrase(phrase) = &self.secret.secret else { return self.ask.first().copied() };
        let known: Vec<&str> = phrase.words().collect();
        let given =
            |position| words.iter().find(|(at, _)| *at == position).map(|(_, word)| normal_form::phrase(&word.0));
        let is_wrong =
            |position: &usize| given(*position).as_ref().map(|word| word.as_str()) != known.get(position - 1).copied();
        self.ask.iter().copied().find(is_wrong)
    }
}

impl Open {
    fn new(key: VaultKey) -> Self {
        Self { key, contents: Contents::default(), secrets: Vec::new(), passkeys: Vec::new(), stored: None }
    }

    /// Opens what is stored, and checks that its secrets lead to the addresses beside them.
    fn read(stored: &StoredVault, key: VaultKey) -> Result<Self, Refusal> {
        let damaged = |what| Refusal::from(VaultError::Damaged(what));
        let Opened { contents, secrets: mut read, passkeys } = stored.open(&key)?;
        let mut secrets = Vec::with_capacity(read.len());
        for view in &contents.wallets {
            let at = read.iter().position(|(id, _)| *id == view.id).ok_or_else(|| damaged("a wallet has no secret"))?;
            let secret = OpenSecret::of(read.swap_remove(at).1, &view.accounts)?;
            let secret = secret.ok_or_else(|| damaged("a secret leads to another address"))?;
            secrets.push((view.id, secret));
        }
        Ok(Self { key, contents, secrets, passkeys, stored: Some(stored.clone()) })
    }

    fn auto_lock_ms(&self) -> u64 {
        u64::from(self.contents.auto_lock_minutes) * MINUTE_MS
    }

    /// Whether this is the vault's password. It takes as long as unlocking.
    fn check(&self, password: &Secret) -> Result<(), Refusal> {
        let stored = self.stored.as_ref().ok_or(Refusal::NotHere)?;
        stored.open(&stored.key(&password.0)?)?;
        Ok(())
    }

    fn find(&mut self, wallet: WalletId) -> Result<(&mut WalletView, &mut OpenSecret), Refusal> {
        let view = self.contents.wallets.iter_mut().find(|view| view.id == wallet);
        let secret = self.secrets.iter_mut().find(|(id, _)| *id == wallet).map(|(_, secret)| secret);
        view.zip(secret).ok_or(Refusal::NotHere)
    }

    fn key_of(&self, address: Address) -> Option<&PrivateKey> {
        self.secrets.iter().flat_map(|(_, secret)| &secret.keys).find(|key| key.address() == address)
    }

    fn add(&mut self, name: String, secret: OpenSecret, account: AccountView) -> Result<(), Refusal> {
        if self.contents.holds(account.address) {
            return Err(Refusal::Duplicate { address: account.address });
        }
        if self.contents.wallets.len() >= WALLETS_MAX {
            return Err(Refusal::TooMany { most: WALLETS_MAX });
        }
        let id = WalletId(self.contents.next_id);
        self.contents.next_id += 1;
        self.contents.wallets.push(WalletView { id, name, kind: secret.kind(), accounts: vec![account] });
        self.secrets.push((id, secret));
        Ok(())
    }

    /// Writes the next revision.
    fn sealed(mut self, random: &mut (impl RngCore + CryptoRng)) -> Result<Self, Refusal> {
        self.contents.revision += 1;
        let secrets: Vec<(WalletId, &WalletSecret)> =
            self.secrets.iter().map(|(id, open)| (*id, &open.secret)).collect();
        self.stored = Some(StoredVault::seal(&self.contents, &secrets, &self.passkeys, &self.key, random)?);
        Ok(self)
    }
}

fn changed(open: Open, random: &mut (impl RngCore + CryptoRng)) -> Result<Change, Refusal> {
    Ok(Change { open: Some(open.sealed(random)?), confirms: false })
}

fn check_length(password: &Secret) -> Result<(), Refusal> {
    let is_long_enough = normal_form::password_chars(&password.0) >= PASSWORD_MIN_CHARS;
    if is_long_enough { Ok(()) } else { Err(Refusal::PasswordTooShort) }
}

fn checked_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    let fits = (1..=NAME_MAX_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(Refusal::Name) }
}

fn read_source(source: &ImportSource) -> Result<WalletSecret, Refusal> {
    let unreadable = |detail: String| Refusal::Unreadable { detail };
    match source {
        ImportSource::Phrase { words } => {
            MnemonicPhrase::parse(&words.0).map(WalletSecret::Phrase).map_err(|error| unreadable(error.to_string()))
        }
        ImportSource::Key { key } => parse_key(key.0.trim())
            .map(WalletSecret::Key)
            .ok_or_else(|| unreadable("a private key is 64 hex digits, with or without 0x before them".to_owned())),
        ImportSource::Keystore { file, password } => {
            let keystore = Keystore::parse(file).map_err(|error| unreadable(error.to_string()))?;
            match keystore.open(&password.0) {
                Ok(key) => Ok(WalletSecret::Key(key)),
                Err(KeystoreError::WrongPassword) => Err(Refusal::KeystorePassword),
                Err(error) => Err(unreadable(error.to_string())),
            }
        }
    }
}

/// [`CONFIRMED_WORDS`] different positions from 1 to `count`, in order.
fn choose_positions(count: usize, random: &mut impl RngCore) -> Vec<usize> {
    let mut left: Vec<usize> = (1..=count).collect();
    while left.len() > CONFIRMED_WORDS {
        let index = usize::try_from(random.next_u32()).unwrap_or_default() % left.len();
        left.remove(index);
    }
    left
}

impl From<VaultError> for Refusal {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::WrongPassword => Self::WrongPassword,
            VaultError::WrongPasskey => Self::WrongPasskey,
            VaultError::Cipher => Self::Cryptography { detail: error.to_string() },
            VaultError::Version(_) | VaultError::Damaged(_) => Self::UnreadableWallet { detail: error.to_string() },
        }
    }
}

impl From<AccountError> for Refusal {
    fn from(error: AccountError) -> Self {
        Self::Cryptography { detail: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use k256::elliptic_curve::rand_core::OsRng;

    use super::*;

    #[test]
    fn the_asked_positions_differ_and_stand_in_order() {
        for _ in 0..100 {
            let positions = choose_positions(12, &mut OsRng);
            assert_eq!(positions.len(), CONFIRMED_WORDS);
            assert!(positions.windows(2).all(|pair| pair[0] < pair[1]), "{positions:?}");
            assert!(positions.iter().all(|position| (1..=12).contains(position)), "{positions:?}");
        }
    }
}
