//! Passkeys beside the password, and the vector of what a browser stores, which `e2e/support/vault_vectors.mjs` makes.

use serde::Deserialize;
use shared::time::UnixMillis;
use shared::{Address, Bytes};
use wallet::protocol::{
    CREDENTIAL_ID_MAX_BYTES, ExportForm, ImportSource, PASSKEYS_MAX, PRF_BYTES, PrfOutput, Refusal, Secret, WalletId,
};
use wallet::rand_core::OsRng;
use wallet::session::{Change, Session, Signable};
use wallet::vault::StoredVault;

const PASSWORD: &str = "correct horse";
const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn secret(text: &str) -> Secret {
    Secret(text.to_owned())
}

fn output(byte: u8) -> PrfOutput {
    PrfOutput::filled_by(|bytes| bytes.fill(byte))
}

fn id(number: u8) -> Bytes {
    vec![number; 20].into()
}

/// What is stored now.
struct Browser(StoredVault);

impl Browser {
    fn take(&mut self, session: &mut Session, change: Result<Change, Refusal>) {
        let change = change.unwrap();
        self.0 = change.stored().unwrap().clone();
        session.commit(change);
    }

    /// Passkey `number` answers the byte `number`.
    fn add(&mut self, session: &mut Session, number: u8) {
        session.begin_passkey(&secret(PASSWORD), &mut OsRng).unwrap();
        let change = session.add_passkey(&id(number), &output(number), NOW, &mut OsRng);
        self.take(session, change);
    }

    fn opens(&self, number: u8, answered: u8) -> Result<(), Refusal> {
        Session::new().unlock_by_passkey(&self.0, &id(number), &output(answered))
    }
}

fn with_wallet() -> (Browser, Session) {
    let mut session = Session::new();
    let source = ImportSource::Phrase { words: secret(&format!("{}about", "abandon ".repeat(11))) };
    let change = session.import(None, "First", &source, Some(&secret(PASSWORD)), &mut OsRng).unwrap();
    let browser = Browser(change.stored().unwrap().clone());
    session.commit(change);
    (browser, session)
}

#[test]
fn a_passkey_opens_what_the_password_opens_and_no_other_one_does() {
    let (mut browser, mut session) = with_wallet();
    assert_eq!(browser.opens(1, 1), Err(Refusal::WrongPasskey), "none was added");
    browser.add(&mut session, 1);
    let state = session.state(Some(&browser.0)).unwrap();
    assert_eq!((state.passkeys[0].added_at_unix_ms, &state.passkeys[0].credential_id), (NOW, &id(1)));
    let mut other = Session::new();
    other.unlock_by_passkey(&browser.0, &id(1), &output(1)).unwrap();
    let from = state.wallets[0].accounts[0].address;
    let ticket = other.prepare(from, Signable::Message(Bytes::from_static(b"hi"))).unwrap();
    other.approve(ticket).unwrap();
    assert_eq!(other.state(Some(&browser.0)).unwrap(), state);
    assert_eq!(browser.opens(1, 2), Err(Refusal::WrongPasskey), "it answers otherwise, as at another site");
    assert_eq!(browser.opens(2, 1), Err(Refusal::WrongPasskey), "nobody added that one");
    Session::new().unlock(&browser.0, &secret(PASSWORD)).unwrap();
    let export = other.export(WalletId(1), ExportForm::Words, &secret("wrong horse"), &mut OsRng);
    assert_eq!(export, Err(Refusal::WrongPassword), "what leaves needs the password");
}

#[test]
fn adding_one_takes_the_password_and_counts_once() {
    let (mut browser, mut session) = with_wallet();
    let add = |session: &Session| session.add_passkey(&id(1), &output(1), NOW, &mut OsRng).map(drop);
    assert_eq!(add(&session), Err(Refusal::NoPasskeyBegun));
    let wrong = session.begin_passkey(&secret("wrong horse"), &mut OsRng);
    assert_eq!(wrong, Err(Refusal::WrongPassword));
    assert_eq!(add(&session), Err(Refusal::NoPasskeyBegun), "a wrong password began one");
    let salts = [0; 2].map(|_| session.begin_passkey(&secret(PASSWORD), &mut OsRng).unwrap());
    assert!(salts[0] != salts[1] && salts[0].len() == PRF_BYTES, "{salts:?}");
    for length in [0, CREDENTIAL_ID_MAX_BYTES + 1] {
        let refused = session.add_passkey(&vec![1; length].into(), &output(1), NOW, &mut OsRng).unwrap_err();
        assert!(matches!(refused, Refusal::Unreadable { .. }), "{refused:?}");
    }
    session.lock();
    session.unlock(&browser.0, &secret(PASSWORD)).unwrap();
    assert_eq!(add(&session), Err(Refusal::NoPasskeyBegun), "it was begun before the lock");
    browser.add(&mut session, 1);
    assert_eq!(add(&session), Err(Refusal::NoPasskeyBegun), "it was added");
    session.begin_passkey(&secret(PASSWORD), &mut OsRng).unwrap();
    assert!(matches!(add(&session), Err(Refusal::Unreadable { .. })), "the same passkey is here already");
    for number in 2..=u8::try_from(PASSKEYS_MAX).unwrap() {
        browser.add(&mut session, number);
    }
    let more = session.begin_passkey(&secret(PASSWORD), &mut OsRng);
    assert_eq!(more, Err(Refusal::TooMany { most: PASSKEYS_MAX }));
    session.lock();
    assert_eq!(session.begin_passkey(&secret(PASSWORD), &mut OsRng), Err(Refusal::Locked));
    assert_eq!(add(&session), Err(Refusal::Locked));
}

#[test]
fn a_new_password_keeps_passkeys_and_every_change_does() {
    let (mut browser, mut session) = with_wallet();
    browser.add(&mut session, 1);
    browser.add(&mut session, 2);
    let before = Browser(browser.0.clone());
    let new = secret("battery staple");
    let change = session.change_password(&secret(PASSWORD), &new, &mut OsRng);
    browser.take(&mut session, change);
    let change = session.rename(WalletId(1), "Savings", &mut OsRng);
    browser.take(&mut session, change);
    for number in [1, 2] {
        browser.opens(number, number).unwrap();
        before.opens(number, number).unwrap();
    }
    assert_eq!(Session::new().unlock(&browser.0, &secret(PASSWORD)), Err(Refusal::WrongPassword));
    // What a passkey opened is stored so that the password still opens it.
    let mut by_passkey = Session::new();
    by_passkey.unlock_by_passkey(&browser.0, &id(2), &output(2)).unwrap();
    let change = by_passkey.rename(WalletId(1), "Later", &mut OsRng);
    browser.take(&mut by_passkey, change);
    Session::new().unlock(&browser.0, &new).unwrap();
    browser.opens(1, 1).unwrap();
}

#[test]
fn a_removed_passkey_opens_nothing_that_is_stored_later() {
    let (mut browser, mut session) = with_wallet();
    browser.add(&mut session, 1);
    browser.add(&mut session, 2);
    let before = browser.0.clone();
    let mut tab = Session::new();
    tab.unlock_by_passkey(&before, &id(1), &output(1)).unwrap();
    assert_eq!(session.remove_passkey(&id(1), &secret("wrong horse"), &mut OsRng).unwrap_err(), Refusal::WrongPassword);
    assert_eq!(session.remove_passkey(&id(3), &secret(PASSWORD), &mut OsRng).unwrap_err(), Refusal::NotHere);
    let change = session.remove_passkey(&id(1), &secret(PASSWORD), &mut OsRng);
    browser.take(&mut session, change);
    assert_eq!(session.state(Some(&browser.0)).unwrap().passkeys.len(), 1);
    assert_eq!(browser.opens(1, 1), Err(Refusal::WrongPasskey));
    browser.opens(2, 2).unwrap();
    Session::new().unlock(&browser.0, &secret(PASSWORD)).unwrap();
    tab.refresh(Some(&browser.0));
    assert!(!tab.is_unlocked(), "the key that the passkey led to still opens what is stored");
    // Somebody puts the old part for the passkey beside what is stored now.
    let (mut now, old) = (json(&browser.0), json(&before));
    now["passkeys"] = old["passkeys"].clone();
    let mixed = Browser(serde_json::from_value(now).unwrap());
    assert_eq!(mixed.opens(1, 1), Err(Refusal::WrongPasskey));
    let mut now = json(&browser.0);
    now["contents"] = old["contents"].clone();
    now["passkeys"] = old["passkeys"].clone();
    let mixed = Browser(serde_json::from_value(now).unwrap());
    assert_eq!(mixed.opens(1, 1), Err(Refusal::WrongPasskey), "the names beside it are authenticated");
    let change = session.remove(WalletId(1), &secret(PASSWORD), &mut OsRng).unwrap();
    assert!(change.stored().is_none(), "with the last wallet the passkeys go");
}

fn json(stored: &StoredVault) -> serde_json::Value {
    serde_json::to_value(stored).unwrap()
}

#[derive(Deserialize)]
struct Vector {
    password: String,
    address: Address,
    passkeys: Vec<Answered>,
    stored: StoredVault,
}

#[derive(Deserialize)]
struct Answered {
    credential_id: Bytes,
    output: Bytes,
}

#[test]
fn what_a_browser_stores_is_what_other_ciphers_make() {
    let vector: Vector = serde_json::from_str(include_str!("../vectors/vault.json")).unwrap();
    let mut session = Session::new();
    session.unlock(&vector.stored, &Secret(vector.password)).unwrap();
    let state = session.state(Some(&vector.stored)).unwrap();
    assert_eq!((state.revision, state.wallets[0].accounts[0].address), (7, vector.address));
    assert_eq!(state.passkeys.len(), vector.passkeys.len());
    for passkey in &vector.passkeys {
        let mut session = Session::new();
        let mut opened = |output| session.unlock_by_passkey(&vector.stored, &passkey.credential_id, &output);
        assert_eq!(opened(output(0)), Err(Refusal::WrongPasskey));
        opened(PrfOutput::filled_by(|bytes| bytes.copy_from_slice(&passkey.output))).unwrap();
        session.check_account(vector.address).unwrap();
    }
}
