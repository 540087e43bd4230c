//! Messages to sign in with: those of viem are read and made byte for byte, and none counts where it should not.

use proptest::prelude::*;
use shared::time::UnixMillis;
use wallet::sign_in::{Expected, MESSAGE_MAX_BYTES, SignInError, SignInMessage};

use crate::clients::Clients;

/// 2026-11-29T08:45:43.123Z, when the vectors were issued.
const ISSUED_AT: UnixMillis = UnixMillis(1_795_941_943_123);

#[test]
fn messages_of_viem_are_read_and_made_again() {
    let clients = Clients::read();
    let short = SignInMessage::parse(&clients.sign_in.short).unwrap();
    assert_eq!(short.to_string(), clients.sign_in.short);
    assert_eq!((short.address, short.issued_at), (clients.address, ISSUED_AT));
    assert_eq!((short.statement, short.expires_at, short.resources.len()), (None, None, 0));
    let full = SignInMessage::parse(&clients.sign_in.full).unwrap();
    assert_eq!(full.to_string(), clients.sign_in.full);
    assert_eq!(full.scheme.as_deref(), Some("https"));
    assert_eq!(full.statement.as_deref(), Some("I accept the terms."));
    assert_eq!(full.request_id.as_deref(), Some("request-7"));
    assert_eq!(full.resources.len(), 2);
}

#[test]
fn a_message_counts_at_its_site_on_its_chain_in_its_time_with_its_nonce() {
    let message = SignInMessage::parse(&Clients::read().sign_in.full).unwrap();
    let right = Expected { domain: "localhost:8000", chain_id: 24_822, nonce: Some("abcdef0123456789") };
    assert_eq!(message.check(right, ISSUED_AT), Ok(()));
    assert_eq!(message.check(Expected { nonce: None, ..right }, ISSUED_AT), Ok(()));
    let other = message.check(Expected { domain: "localhost:8001", ..right }, ISSUED_AT);
    assert!(matches!(other, Err(SignInError::OtherDomain { .. })), "{other:?}");
    let chain = message.check(Expected { chain_id: 1, ..right }, ISSUED_AT);
    assert_eq!(chain, Err(SignInError::OtherChain { expected: 1, got: 24_822 }));
    let nonce = message.check(Expected { nonce: Some("abcdef0123456780"), ..right }, ISSUED_AT);
    assert_eq!(nonce, Err(SignInError::OtherNonce));
    let (expires_at, not_before) = (message.expires_at.unwrap(), message.not_before.unwrap());
    assert_eq!(message.check(right, expires_at), Err(SignInError::Expired));
    assert_eq!(message.check(right, UnixMillis(expires_at.0 - 1)), Ok(()));
    assert_eq!(message.check(right, UnixMillis(not_before.0 - 1)), Err(SignInError::NotYet));
}

#[test]
fn a_text_that_two_readers_could_understand_differently_is_refused() {
    let Clients { sign_in, .. } = Clients::read();
    let changed = |from: &str, to: &str| {
        assert!(sign_in.full.contains(from), "{from}");
        SignInMessage::parse(&sign_in.full.replacen(from, to, 1)).unwrap_err()
    };
    let lower = Clients::read().address.to_string();
    for (from, to) in [
        (lower.as_str(), lower.to_lowercase().as_str()),
        ("Version: 1", "Version: 2"),
        ("Chain ID: 24822", "Chain ID: 024822"),
        ("Chain ID: 24822\n", ""),
        ("Nonce: abcdef0123456789", "Nonce: short"),
        ("Nonce: abcdef0123456789", "Nonce: abcdef01 23456789"),
        ("localhost:8000 wants", "evil/localhost:8000 wants"),
        (" wants you", "  wants you"),
        ("I accept the terms.", "I accept the terms.\nURI: http://evil"),
        ("I accept the terms.", "I accept\u{202e} the terms."),
        ("Expiration Time: 2026", "Expiration Time: tomorrow 2026"),
        ("Resources:", "Resources: "),
        ("- https://example.org/a", "https://example.org/a"),
        ("URI: http", "Uri: http"),
    ] {
        let error = changed(from, to);
        assert!(!error.to_string().is_empty(), "{from}");
    }
    let trailing = format!("{}\n", sign_in.full);
    assert!(SignInMessage::parse(&trailing).is_err(), "a line behind the last one");
    let long = format!("{}{}", sign_in.full, "a".repeat(MESSAGE_MAX_BYTES));
    assert!(matches!(SignInMessage::parse(&long), Err(SignInError::TooLong(_))));
}

#[test]
fn no_field_of_a_made_message_can_pretend_to_be_another() {
    let sound = SignInMessage::parse(&Clients::read().sign_in.full).unwrap();
    assert_eq!(sound.check_form(), Ok(()));
    let injected = "abcdef01\nIssued At: 2026-01-01T00:00:00Z".to_owned();
    for message in [
        SignInMessage { nonce: injected.clone(), ..sound.clone() },
        SignInMessage { domain: injected.clone(), ..sound.clone() },
        SignInMessage { uri: format!("https://a\n{injected}"), ..sound.clone() },
        SignInMessage { statement: Some(injected.clone()), ..sound.clone() },
        SignInMessage { request_id: Some(injected.clone()), ..sound.clone() },
        SignInMessage { resources: vec![injected.clone()], ..sound.clone() },
        SignInMessage { scheme: Some("java script".to_owned()), ..sound.clone() },
    ] {
        assert!(matches!(message.check_form(), Err(SignInError::Field { .. })), "{message:?}");
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_read_says_the_same_again(cut in 0_usize..900, by in "\\PC{0,8}") {
        let text = Clients::read().sign_in.full;
        let cut = cut.min(text.len());
        prop_assume!(text.is_char_boundary(cut));
        let changed = format!("{}{by}{}", &text[..cut], &text[cut..]);
        if let Ok(message) = SignInMessage::parse(&changed) {
            prop_assert_eq!(SignInMessage::parse(&message.to_string()), Ok(message));
        }
    }
}
