//! A hub's binding word on a job before it is asked for: what it costs at most, until when it is done, and the order
//! that pays for it.
//!
//! ```text
//! request ─► quote, signed by the hub ─► its order, signed by the client ─► the same request with both ─► job
//! ```
//! A quote is not stored: a client that brings it back within its time shows by the hub's signature what was promised.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::{Deserialize, Serialize};
#[cfg(feature = "signing")]
use serde_json::Value;

use crate::amount::{Amount, MicroUnits};
#[cfg(feature = "signing")]
use crate::canonical::{CanonicalError, canonical_json};
use crate::escrow::{PaymentOrder, TaskCount, job_id_word};
use crate::id::JobId;
#[cfg(feature = "signing")]
use crate::job::request::CreateJob;
use crate::time::{UnixMillis, UnixSeconds};
use crate::typed_data::{SigningDomain, TypedData};
use crate::unit::UnitType;

/// So long a quote binds.
pub const QUOTE_SECONDS: u64 = 300;

/// So long after its quote's end an order can still reserve: a chain that is busy or paused must not void it.
pub const RESERVE_SECONDS: u64 = 3_600;

/// What the hub promises for one request of one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct JobQuote {
    /// The name that the job will have.
    pub job_id: JobId,
    /// Whose deposit pays.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub client: Address,
    /// Who promises, and alone may reserve.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub hub: Address,
    /// [`request_hash`] of what was asked for.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub request_hash: B256,
    /// The model that serves the request.
    pub model: String,
    pub unit_type: UnitType,
    /// The most that a receipt may claim.
    pub units: MicroUnits,
    /// The highest price per whole unit. The miner that serves the job may ask for less.
    pub max_unit_price: Amount,
    /// The most that the job may cost, fee included: `units` at `max_unit_price`.
    pub max_total: Amount,
    pub tasks: TaskCount,
    /// The escrow's fee, in 1/10 000 of what is paid. The miner gets the rest.
    pub fee_basis_points: u16,
    /// By then the job is done or over, if it is submitted in time.
    pub deadline: UnixSeconds,
    /// The last second at which the job can be submitted at these terms.
    pub expires_at: UnixSeconds,
    pub chain_id: u64,
    /// The escrow: the EIP-712 verifying contract.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub contract: Address,
}

impl JobQuote {
    pub const fn domain(&self) -> SigningDomain {
        SigningDomain::of_contract(self.chain_id, self.contract)
    }

    /// What the client signs to take the offer.
    pub const fn order(&self) -> PaymentOrder {
        PaymentOrder {
            job_id: self.job_id,
            client: self.client,
            hub: self.hub,
            max_total: self.max_total,
            max_unit_price: self.max_unit_price,
            unit_type: self.unit_type,
            tasks: self.tasks,
            start_within_seconds: None,
            finish_within_seconds: None,
            expires_at: UnixSeconds(self.expires_at.0.saturating_add(RESERVE_SECONDS)),
            chain_id: self.chain_id,
            contract: self.contract,
        }
    }

    /// Whether the offer still stands.
    pub const fn is_expired(&self, now: UnixSeconds) -> bool {
        now.0 > self.expires_at.0
    }
}

impl TypedData for JobQuote {
    /// `contracts/payments.mjs` holds the same members.
    const TYPE: &'static str = "JobQuote(bytes16 jobId,address client,address hub,bytes32 requestHash,string model,\
        string unitType,uint256 units,uint128 maxUnitPrice,uint128 maxTotal,uint16 tasks,uint16 feeBasisPoints,\
        uint64 deadline,uint64 expiresAt)";

    fn encode_data(&self) -> Vec<B256> {
        vec![
            job_id_word(self.job_id),
            self.client.into_word(),
            self.hub.into_word(),
            self.request_hash,
            keccak256(&self.model),
            keccak256(self.unit_type.as_str()),
            U256::from(self.units.0).into(),
            U256::from(self.max_unit_price.atto()).into(),
            U256::from(self.max_total.atto()).into(),
            U256::from(self.tasks.get()).into(),
            U256::from(self.fee_basis_points).into(),
            U256::from(self.deadline.0).into(),
            U256::from(self.expires_at.0).into(),
        ]
    }
}

/// keccak256 of the request's RFC 8785 JSON without its payment, so that the request of a quote and that of its job
/// have one hash.
///
/// # Errors
/// A number of the request that this form cannot carry.
#[cfg(feature = "signing")]
pub fn request_hash(request: &CreateJob) -> Result<B256, CanonicalError> {
    let mut value = serde_json::to_value(request)?;
    if let Value::Object(fields) = &mut value {
        fields.remove("payment");
    }
    Ok(keccak256(canonical_json(&value)?))
}

/// A quote with its hub's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedQuote {
    pub quote: JobQuote,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}

/// What is wrong with the signature of a quote.
#[cfg(feature = "signing")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteSignatureError {
    #[error("signature: {0}")]
    Signature(#[from] crate::signing::SignatureError),
    #[error("the quote is signed by {signer}, but its hub is {hub}")]
    NotTheHub { signer: Address, hub: Address },
}

#[cfg(feature = "signing")]
impl SignedQuote {
    /// Checks who signed.
    pub fn verify(&self) -> Result<(), QuoteSignatureError> {
        let hub = self.quote.hub;
        let signer = crate::signing::recover(&self.quote, &self.quote.domain(), &self.signature)?;
        if signer == hub { Ok(()) } else { Err(QuoteSignatureError::NotTheHub { signer, hub }) }
    }
}

/// Answer of `POST /v1/quotes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuoteView {
    /// Goes with the request to `POST /v1/jobs`, as `payment.quote`.
    pub quote: SignedQuote,
    /// What the client signs (EIP-712) and sends as `payment.order`.
    pub order: PaymentOrder,
    /// What the client has deposited and not reserved. Where it is less than `max_total`, the difference must be
    /// deposited before the job is submitted.
    pub deposited: Amount,
    /// Connected miners that can serve the job at these terms, now or when they are free.
    pub miners: u32,
    /// How long the work takes at the miner that would get it, by its measured speed. Time in the queue comes on top.
    pub work_ms: u64,
    /// When the quote was made.
    pub quoted_at_unix_ms: UnixMillis,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(body: Value) -> CreateJob {
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn the_payment_and_the_order_of_fields_do_not_change_a_requests_hash() {
        let plain = request(json!({"kind": "image", "input": {"prompt": "a lake", "steps": 4}}));
        let paid = request(json!({
            "payment": {"mode": "escrow", "client": Address::repeat_byte(1)},
            "input": {"steps": 4, "prompt": "a lake"}, "kind": "image",
        }));
        assert_eq!(request_hash(&plain).unwrap(), request_hash(&paid).unwrap());
        for other in [
            json!({"kind": "image", "input": {"prompt": "a lake", "steps": 5}}),
            json!({"kind": "image", "model": "scenes", "input": {"prompt": "a lake", "steps": 4}}),
            json!({"kind": "image", "input": {"prompt": "a lake", "steps": 4}, "ttl_seconds": 901}),
            json!({"kind": "image", "input": {"prompt": "a lake", "steps": 4}, "constraints": {"max_price": "1"}}),
        ] {
            assert_ne!(request_hash(&request(other)).unwrap(), request_hash(&plain).unwrap());
        }
    }
}
