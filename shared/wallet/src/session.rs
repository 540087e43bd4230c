//! What a wallet remembers between two requests: a key that waits for its confirmation, and the unlocked one.
//!
//! The caller stores and loads the sealed wallet; nothing here does.

use k256::elliptic_curve::rand_core::{CryptoRng, RngCore};
use shared::Address;

use crate::account::{AccountError, first_account};
use crate::mnemonic::MnemonicPhrase;
use crate::normal_form;
use crate::protocol::{PASSWORD_MIN_CHARS, Refusal, Reply, Secret, WalletState};
use crate::vault::{self, SealedWallet, VaultError};

/// How many words are asked for before a key is stored.
pub const CONFIRMED_WORDS: usize = 3;

/// A key that was made but is not stored yet.
#[derive(Debug)]
pub struct NewWallet {
    phrase: MnemonicPhrase,
    sealed: SealedWallet,
    /// Positions of the words that are asked for, counted from 1.
    ask: Vec<usize>,
}

impl NewWallet {
    /// What is to be stored.
    pub fn sealed(&self) -> &SealedWallet {
        &self.sealed
    }

    /// The first asked position at which `words` do not hold the key's word.
    fn first_wrong(&self, words: &[(usize, Secret)]) -> Option<usize> {
        let known: Vec<&str> = self.phrase.words().collect();
        let given =
            |position| words.iter().find(|(at, _)| *at == position).map(|(_, word)| normal_form::phrase(&word.0));
        let is_wrong =
            |position: &usize| given(*position).as_ref().map(|word| word.as_str()) != known.get(position - 1).copied();
        self.ask.iter().copied().find(is_wrong)
    }
}

#[derive(Debug)]
struct Unlocked {
    address: Address,
    /// Wiped when this is dropped.
    _phrase: MnemonicPhrase,
}

/// One wallet, from its start to its end.
#[derive(Debug, Default)]
pub struct Session {
    unconfirmed: Option<NewWallet>,
    unlocked: Option<Unlocked>,
}

impl Session {
    pub const fn new() -> Self {
        Self { unconfirmed: None, unlocked: None }
    }

    /// `stored` is the sealed wallet, where one is stored.
    pub fn state(&self, stored: Option<&SealedWallet>) -> WalletState {
        match (&self.unlocked, stored) {
            (Some(unlocked), _) => WalletState::Unlocked { address: unlocked.address },
            (None, Some(sealed)) => WalletState::Locked { address: sealed.address },
            (None, None) => WalletState::Empty,
        }
    }

    /// Makes a key and seals it under `password`. It replaces one that waits for its confirmation, and none that is
    /// stored.
    pub fn create(
        &mut self,
        stored: Option<&SealedWallet>,
        password: &Secret,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Reply, Refusal> {
        may_store(stored)?;
        if normal_form::password_chars(&password.0) < PASSWORD_MIN_CHARS {
            return Err(Refusal::PasswordTooShort);
        }
        let phrase =
            MnemonicPhrase::generate(random).map_err(|error| Refusal::Cryptography { detail: error.to_string() })?;
        let address = first_account(&phrase)?.address();
        let (mut salt, mut nonce) = ([0; vault::SALT_BYTES], [0; vault::NONCE_BYTES]);
        random.fill_bytes(&mut salt);
        random.fill_bytes(&mut nonce);
        let sealed = vault::seal(&phrase, address, &password.0, salt, nonce)?;
        let words: Vec<Secret> = phrase.words().map(|word| Secret(word.to_owned())).collect();
        let ask = choose_positions(words.len(), random);
        self.unconfirmed = Some(NewWallet { phrase, sealed, ask: ask.clone() });
        Ok(Reply::Words { words, ask })
    }

    /// Hands the new wallet over for storing, if `words` are those asked for. `None` where no key waits.
    pub fn confirm(&mut self, words: &[(usize, Secret)]) -> Result<Option<NewWallet>, Refusal> {
        match self.unconfirmed.as_ref().and_then(|new| new.first_wrong(words)) {
            Some(position) => Err(Refusal::WrongWord { position }),
            None => Ok(self.unconfirmed.take()),
        }
    }

    /// `new` is stored: it is the unlocked wallet now.
    pub fn stored(&mut self, new: NewWallet) {
        self.unlocked = Some(Unlocked { address: new.sealed.address, _phrase: new.phrase });
    }

    /// `new` could not be stored: it waits for another try, unless a newer key was made meanwhile.
    pub fn not_stored(&mut self, new: NewWallet) {
        self.unconfirmed.get_or_insert(new);
    }

    /// The wallet of `address` is to be removed. Another tab may have stored another one meanwhile, which is not touched.
    pub fn may_remove(stored: Option<&SealedWallet>, address: Address) -> Result<(), Refusal> {
        match stored {
            Some(other) if other.address != address => Err(Refusal::OtherWallet { address: other.address }),
            _ => Ok(()),
        }
    }

    pub fn unlock(&mut self, stored: &SealedWallet, password: &Secret) -> Result<(), Refusal> {
        let phrase = vault::open(stored, &password.0)?;
        self.unlocked = Some(Unlocked { address: stored.address, _phrase: phrase });
        Ok(())
    }

    pub fn lock(&mut self) {
        self.unlocked = None;
    }
}

/// A stored wallet is never replaced: anybody who wants another one removes it first.
pub fn may_store(stored: Option<&SealedWallet>) -> Result<(), Refusal> {
    match stored {
        Some(stored) => Err(Refusal::OtherWallet { address: stored.address }),
        None => Ok(()),
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

    fn secret(text: &str) -> Secret {
        Secret(text.to_owned())
    }

    /// A session with a new key, its words, and the right answer to what is asked.
    fn created() -> (Session, Vec<Secret>, Vec<(usize, Secret)>) {
        let mut session = Session::new();
        let reply = session.create(None, &secret("correct horse"), &mut OsRng).unwrap();
        let Reply::Words { words, ask } = reply else { panic!("{reply:?}") };
        let answer = ask.iter().map(|position| (*position, words[position - 1].clone())).collect();
        (session, words, answer)
    }

    #[test]
    fn a_short_password_makes_no_key() {
        let mut session = Session::new();
        assert_eq!(session.create(None, &secret("ten chars"), &mut OsRng), Err(Refusal::PasswordTooShort));
        let decomposed = secret("cafe\u{301} cafe\u{301}");
        let refused = session.create(None, &decomposed, &mut OsRng);
        assert_eq!(refused, Err(Refusal::PasswordTooShort), "marks of their own are no characters more");
        assert!(session.confirm(&[]).unwrap().is_none(), "no key waits");
    }

    #[test]
    fn a_key_is_handed_over_once_and_only_for_its_words() {
        let (mut session, words, answer) = created();
        assert_eq!(words.len(), 12);
        assert_eq!(answer.len(), CONFIRMED_WORDS);
        let mut wrong = answer.clone();
        wrong[1].1 = secret("zebra crossing");
        assert_eq!(session.confirm(&wrong).unwrap_err(), Refusal::WrongWord { position: answer[1].0 });
        assert_eq!(session.confirm(&[]).unwrap_err(), Refusal::WrongWord { position: answer[0].0 });
        assert_eq!(session.state(None), WalletState::Empty, "nothing is unlocked before it is stored");
        let written = answer.iter().map(|(at, word)| (*at, secret(&format!(" {} ", word.0.to_uppercase())))).collect();
        let written: Vec<(usize, Secret)> = written;
        let new = session.confirm(&written).unwrap().expect("the words were right");
        assert!(session.confirm(&answer).unwrap().is_none(), "it was handed over");
        let sealed = new.sealed().clone();
        session.stored(new);
        assert_eq!(session.state(Some(&sealed)), WalletState::Unlocked { address: sealed.address });
    }

    #[test]
    fn a_key_that_could_not_be_stored_waits_on_and_is_not_unlocked() {
        let (mut session, _, answer) = created();
        let new = session.confirm(&answer).unwrap().unwrap();
        session.not_stored(new);
        assert_eq!(session.state(None), WalletState::Empty);
        assert!(session.confirm(&answer).unwrap().is_some());
    }

    #[test]
    fn a_stored_wallet_is_replaced_by_nothing_and_removed_by_its_own_address_alone() {
        let (mut session, _, answer) = created();
        let sealed = session.confirm(&answer).unwrap().unwrap().sealed().clone();
        let other = Refusal::OtherWallet { address: sealed.address };
        assert_eq!(may_store(Some(&sealed)), Err(other.clone()));
        assert_eq!(may_store(None), Ok(()));
        let made = session.create(Some(&sealed), &secret("correct horse"), &mut OsRng);
        assert_eq!(made, Err(other.clone()), "nobody writes words down for nothing");
        assert_eq!(Session::may_remove(Some(&sealed), Address::ZERO), Err(other));
        assert_eq!(Session::may_remove(Some(&sealed), sealed.address), Ok(()));
        assert_eq!(Session::may_remove(None, sealed.address), Ok(()), "it is gone already");
    }

    #[test]
    fn only_the_password_unlocks_what_was_locked() {
        let (mut session, _, answer) = created();
        let new = session.confirm(&answer).unwrap().unwrap();
        let sealed = new.sealed().clone();
        session.stored(new);
        session.lock();
        let locked = WalletState::Locked { address: sealed.address };
        assert_eq!(session.state(Some(&sealed)), locked);
        assert_eq!(session.unlock(&sealed, &secret("wrong horse")), Err(Refusal::WrongPassword));
        assert_eq!(session.state(Some(&sealed)), locked);
        session.unlock(&sealed, &secret("correct horse")).unwrap();
        assert_eq!(session.state(Some(&sealed)), WalletState::Unlocked { address: sealed.address });
    }

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
