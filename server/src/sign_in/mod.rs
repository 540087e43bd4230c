//! Signing in with a wallet (EIP-4361): from a nonce to a session.

pub mod browser;
pub mod nonce;
pub mod second_factor;

use alloy_primitives::{B256, Bytes};
use alloy_sol_types::{SolCall, sol};
use axum::http::HeaderMap;
use node::NodeHandle;
use node::chain::Call;
use shared::Address;
use shared::api::sessions::{SESSIONS_PER_WALLET_MAX, SIGNATURE_MAX_BYTES, SessionView, SignIn, SignInNonce};
use shared::field_error::FieldError;
use shared::id::SessionId;
use shared::signing::{message_digest, recover_message};
use shared::time::UnixMillis;
use store::Store;
use store::change::OpenSession;
use store::record::SessionRecord;
use wallet::sign_in::{Expected, SignInMessage};

use self::nonce::{NONCE_MS, NonceKey};
use crate::clock;
use crate::error::ApiError;
use crate::origins::{Origin, OwnOrigins};
use crate::session_cookie::SessionSecret;

/// How long a session counts.
pub const SESSION_SECONDS: u64 = 86_400;

/// What a message says that is made here.
const STATEMENT: &str = "Sign in to AITBC for 24 hours. Jobs and API keys that you make then belong to this account. This costs nothing \
                         and moves no AIT.";

/// Gas of the question to a contract whether a signature is its own; wallets of several owners take a tenth of it.
const CONTRACT_CHECK_GAS: u64 = 1_000_000;

sol! {
    /// ERC-1271.
    function isValidSignature(bytes32 digest, bytes signature) returns (bytes4 magic);
}

/// Signs wallets in.
#[derive(Clone)]
pub struct SignIns {
    pub(crate) store: Store,
    /// In the lane of strangers: who signs in by a contract lets this server compute.
    pub(crate) node: NodeHandle,
    pub(crate) nonces: NonceKey,
    pub(crate) origins: OwnOrigins,
}

/// A session that has begun, and may await a code, with the secret for its browser.
pub(crate) struct Opened {
    pub(crate) session: SessionRecord,
    pub(crate) secret: SessionSecret,
}

impl SignIns {
    /// A nonce for an account, and a message with it for the site that the request asked.
    ///
    /// # Errors
    /// A name of this server that its operator has not named.
    pub(crate) fn give_nonce(&self, address: Address, headers: &HeaderMap) -> Result<SignInNonce, ApiError> {
        let (now, origin) = (clock::now(), self.origins.of(headers)?);
        let nonce = self.nonces.give_out(address, clock::random_bytes(), now);
        let (chain_id, expires_at) = (self.node.chain_id(), now.plus_ms(NONCE_MS));
        let message = SignInMessage {
            scheme: None,
            domain: origin.domain.clone(),
            address,
            statement: Some(STATEMENT.to_owned()),
            uri: origin.to_string(),
            chain_id,
            nonce: nonce.clone(),
            issued_at: now,
            expires_at: Some(expires_at),
            not_before: None,
            request_id: None,
            resources: vec![],
        };
        message.check_form().map_err(|error| ApiError::Internal(error.to_string()))?;
        Ok(SignInNonce { nonce, chain_id, message: message.to_string(), expires_at_unix_ms: expires_at })
    }

    /// Begins a session for who signed a message.
    ///
    /// # Errors
    /// A message that is for another site or chain, out of its time or of another signer, and a nonce that is not ours,
    /// is over or was used.
    pub(crate) async fn open(&self, asked: &SignIn, headers: &HeaderMap, browser: String) -> Result<Opened, ApiError> {
        let now = clock::now();
        let message = SignInMessage::parse(&asked.message).map_err(|error| refused("message", error))?;
        let origin = self.origins.with_domain(&message.domain, headers)?;
        check_place(&message, &origin, self.node.chain_id(), now)?;
        self.nonces.check(&message.nonce, message.address, now).map_err(|error| refused("message", error))?;
        self.check_signer(message.address, asked).await?;
        let secret = SessionSecret::random();
        let session = SessionRecord {
            id: SessionId::from_random(clock::random_u128()),
            address: message.address,
            browser,
            awaits_code: false,
            created_at: now,
            expires_at: now.plus_ms(SESSION_SECONDS * 1_000),
        };
        let open = OpenSession {
            session: session.clone(),
            secret_sha256: secret.sha256(),
            nonce: message.nonce,
            most: SESSIONS_PER_WALLET_MAX,
        };
        let awaits_code = self.store.write(open).await?;
        Ok(Opened { session: SessionRecord { awaits_code, ..session }, secret })
    }

    async fn check_signer(&self, account: Address, asked: &SignIn) -> Result<(), ApiError> {
        let (message, signature) = (asked.message.as_bytes(), &asked.signature);
        if signature.len() > SIGNATURE_MAX_BYTES {
            let bound = format!("up to {SIGNATURE_MAX_BYTES} bytes");
            let error = FieldError::bound("signature", bound, format!("{} bytes", signature.len()));
            return Err(ApiError::OutOfBounds(vec![error]));
        }
        let signer = recover_message(message, signature);
        if signer == Ok(account) {
            return Ok(());
        }
        if !self.node.code(account)?.is_empty() {
            return self.check_contract(account, message_digest(message), signature.clone()).await;
        }
        Err(match signer {
            Ok(signer) => refused("signature", format!("{signer} has signed, and the message signs {account} in")),
            Err(error) => refused("signature", error),
        })
    }

    /// Asks a contract whether the signature counts for it.
    async fn check_contract(&self, account: Address, digest: B256, signature: Bytes) -> Result<(), ApiError> {
        let ask = isValidSignatureCall { digest, signature };
        let call = Call {
            from: Address::ZERO,
            to: Some(account),
            gas: Some(CONTRACT_CHECK_GAS),
            value: alloy_primitives::U256::ZERO,
            data: ask.abi_encode().into(),
            access_list: Default::default(),
        };
        let denied = || refused("signature", format!("the contract {account} does not take it for its own (ERC-1271)"));
        let answer = match self.node.call(call).await {
            Ok(outcome) => outcome.output,
            Err(error) if error.is_callers_fault() => return Err(denied()),
            Err(error) => return Err(error.into()),
        };
        let magic = isValidSignatureCall::abi_decode_returns(&answer);
        if magic.is_ok_and(|magic| magic.0 == isValidSignatureCall::SELECTOR) { Ok(()) } else { Err(denied()) }
    }
}

fn check_place(message: &SignInMessage, origin: &Origin, chain_id: u64, now: UnixMillis) -> Result<(), ApiError> {
    let expected = Expected { domain: &origin.domain, chain_id, nonce: None };
    message.check(expected, now).map_err(|error| refused("message", error))?;
    if message.scheme.as_ref().is_some_and(|scheme| *scheme != origin.scheme) || !origin.has(&message.uri) {
        return Err(refused("message", format!("the message leads to {}, but {origin} asks", message.uri)));
    }
    Ok(())
}

fn refused(field: &str, reason: impl std::fmt::Display) -> ApiError {
    ApiError::Invalid(vec![FieldError::new(field, format!("`{field}`: {reason}"))])
}

/// A session as its wallet sees it.
pub(crate) fn session_view(session: SessionRecord, current: Option<SessionId>) -> SessionView {
    SessionView {
        is_current: current == Some(session.id),
        id: session.id,
        address: session.address,
        browser: session.browser,
        awaits_code: session.awaits_code,
        created_at_unix_ms: session.created_at,
        expires_at_unix_ms: session.expires_at,
    }
}
