//! Keystore files: those of other programs open, ours hold, and none costs more than its bounds.

use proptest::prelude::*;
use serde_json::{Value, json};
use shared::signing::PrivateKey;
use wallet::keystore::{FILE_MAX_BYTES, ITERATIONS_MAX, Keystore, KeystoreError, MEMORY_MAX_BYTES, WORK_MAX};
use wallet::rand_core::OsRng;

use crate::clients::Clients;

/// The two files of Ethereum's own tests (`KeyStoreTests/basic_tests.json`).
fn published() -> [Value; 2] {
    let pbkdf2 = json!({
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
            "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
            "kdf": "pbkdf2",
            "kdfparams": {
                "c": 262144, "dklen": 32, "prf": "hmac-sha256",
                "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
            },
            "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3,
    });
    let scrypt = json!({
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
            "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32, "n": 262144, "r": 1, "p": 8,
                "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
            },
            "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3,
    });
    [pbkdf2, scrypt]
}

fn parse(file: &Value) -> Result<Keystore, KeystoreError> {
    Keystore::parse(&file.to_string())
}

#[test]
fn published_files_open_with_their_password_alone() {
    for file in published() {
        let keystore = parse(&file).unwrap();
        assert_eq!(keystore.address(), None);
        let key = keystore.open("testpassword").unwrap();
        let expected = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
        assert_eq!(hex::encode(key.to_bytes()), expected);
        assert_eq!(keystore.open("testpassworD").unwrap_err(), KeystoreError::WrongPassword);
    }
}

#[test]
fn a_file_of_ethers_opens_however_its_password_is_typed() {
    let Clients { keystore: file, address, .. } = Clients::read();
    let keystore = parse(&file.json).unwrap();
    assert_eq!(keystore.address(), Some(address));
    assert_eq!(file.password, "caf\u{e9} au lait");
    for typed in [file.password.as_str(), "cafe\u{301} au lait"] {
        assert_eq!(keystore.open(typed).unwrap().address(), address);
    }
    assert!(file.json["Crypto"].is_object(), "ethers writes a capital, the other files have none");
    let mut moved = file.json;
    moved["address"] = json!("0x".to_owned() + &"99".repeat(20));
    let refused = parse(&moved).unwrap().open(&file.password).unwrap_err();
    assert!(matches!(refused, KeystoreError::OtherAddress { holds, .. } if holds == address), "{refused}");
}

#[test]
fn our_file_holds_the_key_and_shows_nothing_of_it() {
    let key = PrivateKey::from_bytes(&[7; 32]).unwrap();
    let keystore = Keystore::seal(&key, "correct horse", &mut OsRng).unwrap();
    let text = keystore.to_json().unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    assert!(file["crypto"]["kdfparams"]["n"].as_u64().unwrap() >= 1 << 17, "{text}");
    assert_eq!(file["crypto"]["kdf"], "scrypt");
    assert!(!text.contains(&"07".repeat(32)) && !format!("{keystore:?}").contains(&"07".repeat(32)));
    let read = Keystore::parse(&text).unwrap();
    assert_eq!(read, keystore);
    assert_eq!(read.open("correct horse").unwrap().to_bytes(), [7; 32]);
    assert_eq!(read.open("wrong horse").unwrap_err(), KeystoreError::WrongPassword);
    let again = Keystore::seal(&key, "correct horse", &mut OsRng).unwrap();
    assert_ne!(again, keystore, "salt and iv are fresh each time");
}

#[test]
fn a_file_that_costs_too_much_is_refused_by_name_before_it_costs_anything() {
    let [pbkdf2, scrypt] = published();
    let refused = |file: &Value, changes: &[(&str, u64)]| {
        let mut file = file.clone();
        for (name, value) in changes {
            file["crypto"]["kdfparams"][*name] = json!(value);
        }
        parse(&file).unwrap_err()
    };
    let memory = refused(&scrypt, &[("n", 1 << 30)]);
    assert!(matches!(memory, KeystoreError::TooCostly { most: MEMORY_MAX_BYTES, .. }), "{memory}");
    assert!(memory.to_string().contains("memory"), "{memory}");
    let wide = refused(&scrypt, &[("n", 2), ("r", u64::MAX), ("p", 1)]);
    assert!(matches!(wide, KeystoreError::TooCostly { .. }), "{wide}");
    let parallel = refused(&scrypt, &[("n", 2), ("r", 1), ("p", 1 << 31)]);
    assert!(matches!(parallel, KeystoreError::TooCostly { most: MEMORY_MAX_BYTES, .. }), "{parallel}");
    let long = refused(&scrypt, &[("r", 1), ("p", 1 << 10)]);
    assert!(matches!(long, KeystoreError::TooCostly { most: WORK_MAX, got: 268_435_456, .. }), "{long}");
    let iterations = refused(&pbkdf2, &[("c", ITERATIONS_MAX + 1)]);
    assert!(matches!(iterations, KeystoreError::TooCostly { what: "c", most: ITERATIONS_MAX, .. }), "{iterations}");
    for changes in [[("n", 0)], [("n", 1)], [("n", 3)], [("r", 0)], [("p", 0)], [("dklen", 16)], [("dklen", 1 << 40)]] {
        let error = refused(&scrypt, &changes);
        assert!(matches!(error, KeystoreError::Parameter { field, .. } if field == changes[0].0), "{error}");
    }
    let none = refused(&pbkdf2, &[("c", 0)]);
    assert!(matches!(none, KeystoreError::Parameter { field: "c", .. }), "{none}");
    assert!(matches!(Keystore::parse(&" ".repeat(FILE_MAX_BYTES + 1)), Err(KeystoreError::TooLong(_))));
}

#[test]
fn anything_else_is_refused_with_what_is_wrong() {
    let [_, scrypt] = published();
    let refused = |pointer: &str, value: Value| {
        let mut file = scrypt.clone();
        *file.pointer_mut(pointer).unwrap() = value;
        parse(&file).unwrap_err().to_string()
    };
    assert!(refused("/version", json!(4)).contains("got 4"));
    assert!(refused("/crypto/cipher", json!("aes-256-cbc")).contains("aes-256-cbc"));
    assert!(refused("/crypto/kdf", json!("argon2")).contains("argon2"));
    assert!(refused("/crypto/mac", json!("00")).contains("crypto.mac has 32 bytes, got 1"));
    assert!(refused("/crypto/cipherparams/iv", json!("zz")).contains("no keystore"));
    let short = refused("/crypto/ciphertext", json!("00"));
    assert!(short.contains("crypto.ciphertext has 32 bytes, got 1"), "{short}");
    let long = refused("/crypto/kdfparams/salt", json!("00".repeat(200)));
    assert!(long.contains("up to 128, got 200"), "{long}");
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        prop_assert!(Keystore::parse(&text).is_err());
    }
}
