//! Two tabs are two sessions over one stored vault.

use shared::time::UnixMillis;
use shared::{Address, Bytes};
use wallet::keystore::Keystore;
use wallet::protocol::{
    ExportForm, ImportSource, NAME_MAX_CHARS, NewWords, Refusal, Secret, Ticket, VaultState, WalletId, WalletKind,
};
use wallet::rand_core::OsRng;
use wallet::session::{CONFIRMED_WORDS, Change, Session, Signable, Signed};
use wallet::vault::StoredVault;

const PASSWORD: &str = "correct horse";
const KEY: &str = "0x4646464646464646464646464646464646464646464646464646464646464646";

fn secret(text: &str) -> Secret {
    Secret(text.to_owned())
}

fn phrase_source() -> ImportSource {
    ImportSource::Phrase { words: secret(&format!("{}about", "abandon ".repeat(11))) }
}

fn key_source() -> ImportSource {
    ImportSource::Key { key: secret(KEY) }
}

/// Stores as a browser does: only in place of what was read.
#[derive(Default)]
struct Browser(Option<StoredVault>);

impl Browser {
    fn store(&mut self, read: Option<StoredVault>, session: &mut Session, change: Change) -> Result<(), Refusal> {
        if self.0 != read {
            return Err(Refusal::ChangedElsewhere);
        }
        self.0 = change.stored().cloned();
        session.commit(change);
        Ok(())
    }

    fn change(
        &mut self,
        session: &mut Session,
        act: impl FnOnce(&Session, Option<&StoredVault>) -> Result<Change, Refusal>,
    ) {
        let read = self.0.clone();
        session.refresh(read.as_ref());
        let change = act(session, read.as_ref()).unwrap();
        self.store(read, session, change).unwrap();
    }

    fn state(&self, session: &mut Session) -> VaultState {
        session.refresh(self.0.as_ref());
        session.state(self.0.as_ref()).unwrap()
    }
}

fn imported() -> (Browser, Session) {
    let (mut browser, mut session) = (Browser::default(), Session::new());
    let password = secret(PASSWORD);
    browser.change(&mut session, |session, stored| {
        session.import(stored, "First", &phrase_source(), Some(&password), &mut OsRng)
    });
    (browser, session)
}

fn answer(new: &NewWords) -> Vec<(usize, Secret)> {
    new.ask.iter().map(|position| (*position, new.words[position - 1].clone())).collect()
}

#[test]
fn a_short_password_or_a_bad_name_makes_nothing() {
    let mut session = Session::new();
    let mut create = |name, password| session.create(None, name, false, Some(&secret(password)), &mut OsRng);
    assert_eq!(create("Mine", "ten chars"), Err(Refusal::PasswordTooShort));
    let decomposed = "cafe\u{301} cafe\u{301}";
    assert_eq!(create("Mine", decomposed), Err(Refusal::PasswordTooShort), "marks of their own are no characters more");
    for name in ["", "  ", "a\nb", &"x".repeat(NAME_MAX_CHARS + 1)] {
        assert_eq!(create(name, PASSWORD), Err(Refusal::Name), "{name:?}");
    }
    assert!(session.confirm(None, &[], &mut OsRng).unwrap().is_none(), "no words wait");
}

#[test]
fn a_wallet_is_handed_over_only_for_its_words() {
    let mut session = Session::new();
    let new = session.create(None, "Mine", true, Some(&secret(PASSWORD)), &mut OsRng).unwrap();
    assert_eq!((new.words.len(), new.ask.len()), (24, CONFIRMED_WORDS));
    let right = answer(&new);
    let mut wrong = right.clone();
    wrong[1].1 = secret("zebra crossing");
    assert_eq!(session.confirm(None, &wrong, &mut OsRng).unwrap_err(), Refusal::WrongWord { position: right[1].0 });
    assert_eq!(session.confirm(None, &[], &mut OsRng).unwrap_err(), Refusal::WrongWord { position: right[0].0 });
    let written = right.iter().map(|(at, word)| (*at, secret(&format!(" {} ", word.0.to_uppercase()))));
    let change = session.confirm(None, &written.collect::<Vec<_>>(), &mut OsRng).unwrap().unwrap();
    assert_eq!(session.state(None).unwrap(), VaultState::default(), "nothing counts before it is stored");
    drop(change);
    let change = session.confirm(None, &right, &mut OsRng).unwrap().expect("it could not be stored, so it waits on");
    let stored = change.stored().cloned();
    session.commit(change);
    let state = session.state(stored.as_ref()).unwrap();
    assert!(state.unlocked && state.wallets.len() == 1 && state.revision == 1, "{state:?}");
    assert!(session.confirm(stored.as_ref(), &right, &mut OsRng).unwrap().is_none(), "it was handed over");
}

#[test]
fn only_the_password_unlocks_and_a_lock_leaves_nothing_to_sign_with() {
    let (browser, mut session) = imported();
    let stored = browser.0.clone().unwrap();
    let from = session.state(Some(&stored)).unwrap().wallets[0].accounts[0].address;
    let ticket = session.prepare(from, Signable::Message(Bytes::from_static(b"hi"))).unwrap();
    session.lock();
    assert_eq!(session.approve(ticket), Err(Refusal::UnknownTicket));
    assert_eq!(session.prepare(from, Signable::Message(Bytes::new())), Err(Refusal::Locked));
    assert_eq!(session.unlock(&stored, &secret("wrong horse")), Err(Refusal::WrongPassword));
    assert!(!session.state(Some(&stored)).unwrap().unlocked);
    session.unlock(&stored, &secret(PASSWORD)).unwrap();
    assert!(session.state(Some(&stored)).unwrap().unlocked);
}

#[test]
fn a_ticket_counts_once_and_for_its_own_account() {
    let (browser, mut session) = imported();
    let state = session.state(browser.0.as_ref()).unwrap();
    let from = state.wallets[0].accounts[0].address;
    let ticket = session.prepare(from, Signable::Message(Bytes::from_static(b"hi"))).unwrap();
    let Signed::Signature(signature) = session.approve(ticket).unwrap() else { panic!("a message has a signature") };
    assert_eq!(shared::signing::recover_message(b"hi", &signature).unwrap(), from);
    assert_eq!(session.approve(ticket), Err(Refusal::UnknownTicket), "it was used");
    assert_eq!(session.approve(Ticket(0)), Err(Refusal::UnknownTicket), "nobody was given it");
    let closed = session.prepare(from, Signable::Message(Bytes::new())).unwrap();
    session.reject(closed).unwrap();
    assert_eq!(session.approve(closed), Err(Refusal::UnknownTicket), "it was refused");
    let foreign = session.prepare(Address::ZERO, Signable::Message(Bytes::new()));
    assert_eq!(foreign, Err(Refusal::NotHere), "that account is not here");
}

#[test]
fn wallets_and_accounts_are_added_renamed_and_removed() {
    let (mut browser, mut session) = imported();
    browser.change(&mut session, |session, stored| session.import(stored, "A key", &key_source(), None, &mut OsRng));
    browser.change(&mut session, |session, _| session.add_account(WalletId(1), &mut OsRng));
    browser.change(&mut session, |session, _| session.rename(WalletId(1), "Savings", &mut OsRng));
    let state = browser.state(&mut session);
    assert_eq!(
        state.wallets.iter().map(|wallet| wallet.kind).collect::<Vec<_>>(),
        [WalletKind::Phrase, WalletKind::Key]
    );
    assert_eq!(state.wallets[0].name, "Savings");
    // What every wallet derives from these words.
    let known = ["0x9858EfFD232B4033E47d90003D41EC34EcaEda94", "0x6Fac4D18c912343BF86fa7049364Dd4E424Ab9C0"];
    assert_eq!(state.wallets[0].accounts.iter().map(|one| one.address.to_string()).collect::<Vec<_>>(), known);
    let again = session.import(browser.0.as_ref(), "Again", &key_source(), None, &mut OsRng).unwrap_err();
    assert_eq!(again, Refusal::Duplicate { address: state.wallets[1].accounts[0].address });
    assert_eq!(session.add_account(WalletId(2), &mut OsRng).unwrap_err(), Refusal::NotHere, "a key has one account");
    let wrong = session.remove(WalletId(1), &secret("wrong horse"), &mut OsRng).unwrap_err();
    assert_eq!(wrong, Refusal::WrongPassword);
    browser.change(&mut session, |session, _| session.remove(WalletId(1), &secret(PASSWORD), &mut OsRng));
    assert_eq!(browser.state(&mut session).wallets.len(), 1);
    browser.change(&mut session, |session, _| session.remove(WalletId(2), &secret(PASSWORD), &mut OsRng));
    assert_eq!(browser.state(&mut session), VaultState::default());
    assert!(browser.0.is_none() && !session.is_unlocked());
}

#[test]
fn what_leaves_needs_the_password() {
    let (mut browser, mut session) = imported();
    browser.change(&mut session, |session, stored| session.import(stored, "A key", &key_source(), None, &mut OsRng));
    let state = browser.state(&mut session);
    let address = state.wallets[1].accounts[0].address;
    let export = |wallet, form, password| session.export(WalletId(wallet), form, &secret(password), &mut OsRng);
    assert_eq!(export(1, ExportForm::Words, "wrong horse"), Err(Refusal::WrongPassword));
    assert_eq!(export(1, ExportForm::Words, PASSWORD).unwrap().0, format!("{}about", "abandon ".repeat(11)));
    assert_eq!(export(2, ExportForm::Words, PASSWORD), Err(Refusal::NotHere), "a key has no words");
    assert_eq!(export(2, ExportForm::Key { address }, PASSWORD).unwrap().0, KEY);
    assert_eq!(export(1, ExportForm::Key { address }, PASSWORD), Err(Refusal::NotHere), "it is the other wallet's");
    let file = export(2, ExportForm::Keystore { address }, PASSWORD).unwrap().0;
    assert_eq!(Keystore::parse(&file).unwrap().open(PASSWORD).unwrap().address(), address);
}

#[test]
fn a_changed_password_locks_other_tabs_and_the_old_one_opens_nothing() {
    let (mut browser, mut session) = imported();
    let mut other = Session::new();
    other.unlock(browser.0.as_ref().unwrap(), &secret(PASSWORD)).unwrap();
    let (old, new) = (secret(PASSWORD), secret("battery staple"));
    let wrong = session.change_password(&new, &new, &mut OsRng).unwrap_err();
    assert_eq!(wrong, Refusal::WrongPassword);
    browser.change(&mut session, |session, _| session.change_password(&old, &new, &mut OsRng));
    assert!(browser.state(&mut session).unlocked);
    assert!(!browser.state(&mut other).unlocked, "its key opens nothing any more");
    let stored = browser.0.clone().unwrap();
    assert_eq!(other.unlock(&stored, &old), Err(Refusal::WrongPassword));
    other.unlock(&stored, &new).unwrap();
}

#[test]
fn two_tabs_that_change_at_once_end_in_one_state() {
    let (mut browser, mut one) = imported();
    let mut other = Session::new();
    other.unlock(browser.0.as_ref().unwrap(), &secret(PASSWORD)).unwrap();
    let read = browser.0.clone();
    let kept = one.rename(WalletId(1), "Kept", &mut OsRng).unwrap();
    let lost = other.rename(WalletId(1), "Lost", &mut OsRng).unwrap();
    browser.store(read.clone(), &mut one, kept).unwrap();
    assert_eq!(browser.store(read, &mut other, lost).unwrap_err(), Refusal::ChangedElsewhere);
    assert_eq!(browser.state(&mut other).wallets[0].name, "Kept", "it takes over what the first one stored");
    assert!(browser.state(&mut other).unlocked);
    browser.change(&mut other, |session, _| session.rename(WalletId(1), "Later", &mut OsRng));
    assert_eq!(browser.state(&mut one).wallets[0].name, "Later");
}

#[test]
fn two_tabs_that_make_the_first_wallet_lose_no_words() {
    let mut browser = Browser::default();
    let (mut one, mut other) = (Session::new(), Session::new());
    let first = one.create(None, "One", false, Some(&secret(PASSWORD)), &mut OsRng).unwrap();
    let second = other.create(None, "Other", false, Some(&secret("battery staple")), &mut OsRng).unwrap();
    let change = one.confirm(None, &answer(&first), &mut OsRng).unwrap().unwrap();
    browser.store(None, &mut one, change).unwrap();
    let stored = browser.0.clone();
    let refused = other.confirm(stored.as_ref(), &answer(&second), &mut OsRng).unwrap_err();
    assert_eq!(refused, Refusal::ChangedElsewhere, "nothing is replaced");
    other.unlock(stored.as_ref().unwrap(), &secret(PASSWORD)).unwrap();
    let change = other.confirm(stored.as_ref(), &answer(&second), &mut OsRng).unwrap().unwrap();
    browser.store(stored, &mut other, change).unwrap();
    let names: Vec<String> = browser.state(&mut one).wallets.into_iter().map(|wallet| wallet.name).collect();
    assert_eq!(names, ["One", "Other"], "the words that were written down are a wallet too");
}

#[test]
fn one_tab_that_removes_everything_locks_the_other() {
    let (mut browser, mut one) = imported();
    let mut other = Session::new();
    other.unlock(browser.0.as_ref().unwrap(), &secret(PASSWORD)).unwrap();
    browser.change(&mut one, |session, _| session.remove(WalletId(1), &secret(PASSWORD), &mut OsRng));
    assert_eq!(browser.state(&mut other), VaultState::default());
    assert!(!other.is_unlocked());
}

fn minute(minutes: u64) -> UnixMillis {
    UnixMillis(1_800_000_000_000 + minutes * 60_000)
}

#[test]
fn an_unused_wallet_locks_itself() {
    let (mut browser, mut session) = imported();
    session.used(minute(0));
    assert!(!session.expire(UnixMillis(minute(15).0 - 1)));
    session.used(minute(10));
    assert!(!session.expire(minute(15)), "it was used meanwhile");
    browser.change(&mut session, |session, _| session.set_auto_lock(5, &mut OsRng));
    session.used(minute(20));
    assert!(session.expire(minute(25)) && !session.is_unlocked());
    assert!(!session.expire(minute(99)), "it is locked already");
    assert_eq!(session.set_auto_lock(15, &mut OsRng).unwrap_err(), Refusal::Locked);
}

#[test]
fn a_time_that_one_tab_sets_counts_in_the_other_from_its_last_use() {
    let (mut browser, mut one) = imported();
    let mut other = Session::new();
    other.unlock(browser.0.as_ref().unwrap(), &secret(PASSWORD)).unwrap();
    other.used(minute(0));
    browser.change(&mut one, |session, _| session.set_auto_lock(5, &mut OsRng));
    assert!(browser.state(&mut other).unlocked);
    assert!(!other.expire(UnixMillis(minute(5).0 - 1)));
    assert!(other.expire(minute(5)) && !other.is_unlocked());
}

#[test]
fn what_was_kept_unlocks_a_new_session_until_its_time_is_over() {
    let (browser, mut session) = imported();
    let stored = browser.0.clone().unwrap();
    let from = session.state(Some(&stored)).unwrap().wallets[0].accounts[0].address;
    assert_eq!(session.kept(), None, "no time was set, so nothing would end it");
    let now = UnixMillis(1_800_000_000_000);
    session.used(now);
    let kept = session.kept().unwrap();
    let minutes = u64::from(wallet::protocol::AUTO_LOCK_DEFAULT_MINUTES);
    assert_eq!(kept.locks_at, now.plus_ms(minutes * 60_000));
    assert!(!format!("{kept:?}").contains(&serde_json::to_value(&kept).unwrap()["key"].as_str().unwrap()[..8]));
    let mut next = Session::with_first_ticket(77);
    let before_the_end = UnixMillis(kept.locks_at.0 - 1);
    assert!(next.resume(&stored, &kept, before_the_end));
    assert_eq!(next.prepare(from, Signable::Message(Bytes::new())), Ok(Ticket(77)), "no ticket comes again");
    assert!(!next.expire(before_the_end));
    assert!(next.expire(kept.locks_at), "coming back does not lengthen the time");
    assert!(!next.is_unlocked() && next.kept().is_none());
    assert!(!Session::new().resume(&stored, &kept, kept.locks_at), "it is over");
    assert!(!Session::new().resume(&stored, &kept, UnixMillis(now.0 - 1)), "the clock was set back");
}

#[test]
fn what_was_kept_opens_nothing_after_a_lock_or_another_password() {
    let (mut browser, mut session) = imported();
    let now = UnixMillis(1_800_000_000_000);
    session.used(now);
    let kept = session.kept().unwrap();
    session.lock();
    assert_eq!(session.kept(), None);
    let mut other = Session::new();
    other.unlock(browser.0.as_ref().unwrap(), &secret(PASSWORD)).unwrap();
    let (old, new) = (secret(PASSWORD), secret("battery staple"));
    browser.change(&mut other, |session, _| session.change_password(&old, &new, &mut OsRng));
    let stored = browser.0.clone().unwrap();
    assert!(!Session::new().resume(&stored, &kept, now), "the password is another one now");
    let broken = serde_json::to_string(&kept).unwrap().replace("key\":\"", "key\":\"zz");
    let broken: wallet::session::KeptUnlock = serde_json::from_str(&broken).unwrap();
    assert!(!Session::new().resume(&stored, &broken, now));
}
