//! Bodies of requests. They may hold secrets, so an error names the field but never what stood there, and their bytes are wiped.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use custody::asset::Units;
use custody::policy::Policy;
use hub::idempotency;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use shared::Address;
use shared::canonical::canonical_json;
use shared::digest::Sha256Digest;
use zeroize::{Zeroize as _, Zeroizing};

use super::error::DaemonError;
use super::payments::Idempotency;
use crate::cli::wallet::folder::WalletName;

/// Largest body: typed data of the largest size, and what stands around it.
pub(super) const BODY_MAX_BYTES: usize = 512 << 10;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A text that is wiped when dropped and never printed.
pub(super) struct Secret(pub(super) Zeroizing<String>);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WalletName, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

fn some_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<WalletName>, D::Error> {
    name(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    #[serde(deserialize_with = "name")]
    pub(super) wallet: WalletName,
    pub(super) password: Secret,
    /// How many recovery words: 12 or 24.
    pub(super) words: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Import {
    #[serde(deserialize_with = "name")]
    pub(super) wallet: WalletName,
    pub(super) password: Secret,
    /// Recovery words, a private key, or the text of a keystore file.
    pub(super) secret: Secret,
    pub(super) account: Option<u32>,
    pub(super) passphrase: Option<Secret>,
    pub(super) keystore_password: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unlock {
    #[serde(deserialize_with = "name")]
    pub(super) wallet: WalletName,
    pub(super) password: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    /// All where absent.
    #[serde(default, deserialize_with = "some_name")]
    pub(super) wallet: Option<WalletName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetPolicy {
    #[serde(deserialize_with = "name")]
    pub(super) wallet: WalletName,
    pub(super) password: Secret,
    pub(super) policy: Policy,
    pub(super) code: Option<Secret>,
}

/// Sets a second factor up, or takes it away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Factor {
    #[serde(deserialize_with = "name")]
    pub(super) wallet: WalletName,
    pub(super) password: Secret,
    pub(super) code: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirm {
    #[serde(deserialize_with = "name")]
    pub(super) wallet: WalletName,
    pub(super) code: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cancel {
    #[serde(deserialize_with = "name")]
    pub(super) wallet: WalletName,
    /// Of the payment.
    pub(super) idempotency_key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfWallet {
    #[serde(deserialize_with = "name")]
    pub(super) wallet: WalletName,
    pub(super) limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rows {
    pub(super) limit: Option<u32>,
}

/// What stands behind the path's question mark. Nothing secret may stand there.
pub(super) struct InQuery<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for InQuery<T> {
    type Rejection = DaemonError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, DaemonError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(query)| Self(query)).map_err(|error| DaemonError::Form(error.body_text()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transfer {
    /// An address, or the name of a wallet of this machine.
    pub(super) to: String,
    /// In the token's smallest units.
    pub(super) amount: Units,
    /// AIT where absent.
    pub(super) token: Option<Address>,
}

/// What is prepared, sent or signed: a ticket, or exactly one thing of a wallet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default, deserialize_with = "some_name")]
    pub(super) wallet: Option<WalletName>,
    pub(super) ticket: Option<String>,
    pub(super) transfer: Option<Transfer>,
    /// As `eth_sendTransaction` takes it.
    pub(super) transaction: Option<Value>,
    /// A text, or bytes as 0x and hex digits, as `personal_sign` takes it.
    pub(super) message: Option<String>,
    /// As `eth_signTypedData_v4` takes it: an object, or its text.
    pub(super) typed_data: Option<Value>,
    /// Of the second factor.
    pub(super) code: Option<Secret>,
}

/// What [`Asked`] names.
pub(super) enum What {
    Ticket(String),
    Transfer(WalletName, Transfer),
    Transaction(WalletName, String),
    Message(WalletName, String),
    TypedData(WalletName, String),
}

impl Asked {
    pub(super) fn what(self) -> Result<(What, Option<Secret>), DaemonError> {
        let one = || DaemonError::Form(ONE_OF.to_owned());
        let code = self.code;
        let what = (self.ticket, self.transfer, self.transaction, self.message, self.typed_data);
        if let (Some(ticket), None, None, None, None) = what {
            return if self.wallet.is_none() { Ok((What::Ticket(ticket), code)) } else { Err(one()) };
        }
        let wallet = self.wallet.ok_or_else(|| DaemonError::Form("`wallet` is missing".to_owned()))?;
        let what = match what {
            (None, Some(transfer), None, None, None) => What::Transfer(wallet, transfer),
            (None, None, Some(transaction), None, None) => What::Transaction(wallet, text_of(transaction)),
            (None, None, None, Some(message), None) => What::Message(wallet, message),
            (None, None, None, None, Some(data)) => What::TypedData(wallet, text_of(data)),
            _ => return Err(one()),
        };
        Ok((what, code))
    }
}

const ONE_OF: &str =
    "name a `ticket` alone, or a `wallet` and one of `transfer`, `transaction`, `message` and `typed_data`";

fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A JSON body.
pub(super) struct Body<T> {
    pub(super) value: T,
    /// Of what is asked for: the body without its code, which differs when the same request comes again.
    pub(super) request: Sha256Digest,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = DaemonError;

    async fn from_request(request: Request, _: &S) -> Result<Self, DaemonError> {
        check_content_type(request.headers())?;
        let bytes = to_bytes(request.into_body(), BODY_MAX_BYTES).await;
        let mut bytes = Zeroizing::new(bytes.map_err(|_| DaemonError::TooLarge(BODY_MAX_BYTES))?.to_vec());
        let read = read(&bytes);
        bytes.zeroize();
        read
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), DaemonError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("none");
    let is_json = given.split(';').next().is_some_and(|given| given.trim().eq_ignore_ascii_case("application/json"));
    if is_json { Ok(()) } else { Err(DaemonError::Form("send `Content-Type: application/json`".to_owned())) }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<Body<T>, DaemonError> {
    let no_json = || DaemonError::Form("the body is no JSON object".to_owned());
    let tree: Value = serde_json::from_slice(bytes).map_err(|_| no_json())?;
    let mut asked = tree.as_object().ok_or_else(no_json)?.clone();
    asked.remove("code");
    let canonical = canonical_json(&asked).map_err(|error| DaemonError::Form(error.to_string()))?;
    let request = Sha256Digest::of(canonical.as_bytes());
    let value = serde_path_to_error::deserialize(tree).map_err(|error| {
        let path = error.path().to_string();
        // Of serde's own message only what cannot hold a value of the body.
        let reason = error.inner().to_string();
        let known = ["missing field", "unknown field", "a wallet's name", "an asset is", "a sum is"];
        let told = known.iter().any(|begin| reason.starts_with(begin));
        let reason = if told { reason } else { "has another form than expected".to_owned() };
        DaemonError::Form(if path == "." { reason } else { format!("`{path}`: {reason}") })
    })?;
    Ok(Body { value, request })
}

/// The key that a payment needs, so that a request which is sent again pays once.
pub(super) fn idempotency(headers: &HeaderMap, request: Sha256Digest) -> Result<Idempotency, DaemonError> {
    let key = headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).filter(|key| idempotency::is_key(key));
    let missing = || {
        let most = idempotency::KEY_MAX_CHARS;
        DaemonError::Form(format!(
            "send an `Idempotency-Key` of 1 to {most} visible characters, a new one for each payment"
        ))
    };
    key.map(|key| Idempotency { key: key.to_owned(), request }).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        read::<Import>(body.as_bytes()).err().unwrap().to_string()
    }

    #[test]
    fn an_error_names_the_field_and_never_the_secret() {
        let wrong = [
            r#"{"wallet":"main","password":"correct horse","secret":424242}"#,
            r#"{"wallet":"main","password":["correct horse"],"secret":"words"}"#,
            r#"{"wallet":"correct horse","password":"correct horse","secret":"words"}"#,
            r#"{"wallet":"main","password":"correct horse","secret":"words","account":"correct horse"}"#,
            r#"["correct horse"]"#,
            r#"{"wallet":"main","password":"correct horse"#,
        ];
        for body in wrong {
            let told = refused(body);
            assert!(!told.contains("correct horse") && !told.contains("424242"), "{told}");
        }
        assert!(refused(wrong[0]).starts_with("`secret`"), "{}", refused(wrong[0]));
        assert!(refused(r#"{"wallet":"main","password":"x"}"#).contains("missing field `secret`"));
    }

    #[test]
    fn a_request_is_the_same_with_another_code_and_another_order() {
        let of = |text: &str| read::<Asked>(text.as_bytes()).ok().unwrap().request;
        let first = of(r#"{"wallet":"main","message":"a","code":"123456"}"#);
        assert_eq!(of(r#"{"message":"a","wallet":"main","code":"654321"}"#), first);
        assert_ne!(of(r#"{"message":"b","wallet":"main"}"#), first);
    }

    #[test]
    fn exactly_one_thing_is_asked_for() {
        let what = |text: &str| read::<Asked>(text.as_bytes()).and_then(|body| body.value.what());
        assert!(what(r#"{"ticket":"00"}"#).is_ok() && what(r#"{"wallet":"a","message":""}"#).is_ok());
        for wrong in [
            "{}",
            r#"{"message":"a"}"#,
            r#"{"wallet":"a"}"#,
            r#"{"wallet":"a","ticket":"00"}"#,
            r#"{"wallet":"a","message":"a","typed_data":{}}"#,
            r#"{"ticket":"00","message":"a"}"#,
            r#"{"wallet":"a","massage":"a"}"#,
        ] {
            assert!(what(wrong).is_err(), "{wrong}");
        }
    }
}
