//! Audits of results as everybody may see them.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

#[cfg(feature = "signing")]
use crate::canonical::{CanonicalError, canonical_json};
use crate::comparison::Comparison;
use crate::digest::Sha256Digest;
use crate::job::task::TaskRole;
use crate::time::UnixMillis;

/// Where an audit stands. A receipt without one was not drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuditState {
    /// It has not ended: other miners are asked, or will be. How they answered so far is told with the end.
    Waiting,
    /// Another miner computed the same.
    Confirmed,
    /// The results say nothing about each other.
    Unclear,
    /// Two results differ, and no third one has decided.
    Disputed,
    /// Two other miners agree against the result.
    Refuted,
    /// A third miner agrees with the result, against the auditor.
    AuditorRefuted,
    /// Result and auditor agree, against the third miner, whose answer was known before it was asked.
    ThirdRefuted,
    /// No other miner has answered in time.
    Unanswered,
}

impl AuditState {
    /// The audited result holds.
    pub const fn is_confirmed(self) -> bool {
        matches!(self, Self::Confirmed | Self::AuditorRefuted | Self::ThirdRefuted)
    }
}

/// Why no result of a job is computed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unaudited {
    /// Its hub audits nothing.
    HubAuditsNothing,
    /// Its client pays, and names the miners that may see it.
    MinersNamed,
    /// Its client pays. An auditor is paid by a mint, and the hub mints for no such client's work with a model that it does
    /// not pin.
    ModelNotPinned,
    /// Its client pays. What may be minted for the client's jobs in a day, their audits included, is used up.
    DayUsedUp,
}

/// What another miner computed, beside the results before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Opinion {
    /// `audit` or `third-opinion`.
    pub role: TaskRole,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub miner: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    pub determinism_class: String,
    /// Absent where the served files are kept no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_served: Option<Comparison>,
    /// Of a third opinion: to the auditor's result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_audit: Option<Comparison>,
}

/// A result that was computed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditView {
    /// The audited receipt.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    pub state: AuditState,
    pub opened_at_unix_ms: UnixMillis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_unix_ms: Option<UnixMillis>,
    /// The auditor's, and that of a third miner where the two differ or the third one was drawn to be looked at. None before
    /// the audit has ended.
    pub opinions: Vec<Opinion>,
    /// Who stands alone against two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub refuted: Option<Address>,
    /// SHA-256 of the RFC 8785 form of `{opinions, provider, receipt_hash}`: what a void on the chain names.
    pub evidence_sha256: Sha256Digest,
}

/// What the evidence of an audit is.
#[cfg(feature = "signing")]
#[derive(Serialize)]
struct Evidence<'a> {
    opinions: &'a [Opinion],
    provider: Address,
    receipt_hash: B256,
}

/// See [`AuditView::evidence_sha256`].
///
/// # Errors
/// None in practice: what is hashed is texts and small whole numbers.
#[cfg(feature = "signing")]
pub fn evidence_sha256(
    receipt_hash: B256,
    provider: Address,
    opinions: &[Opinion],
) -> Result<Sha256Digest, CanonicalError> {
    let json = canonical_json(&Evidence { opinions, provider, receipt_hash })?;
    Ok(Sha256Digest::of(json.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_evidence_is_of_its_canonical_form_and_of_everything_in_it() {
        let opinion = Opinion {
            role: TaskRole::Audit,
            miner: Address::repeat_byte(2),
            receipt_hash: B256::repeat_byte(3),
            determinism_class: "class".into(),
            with_served: Some(Comparison::DIFFERS),
            with_audit: None,
        };
        let of = |opinion: &Opinion| {
            evidence_sha256(B256::repeat_byte(1), Address::repeat_byte(1), std::slice::from_ref(opinion)).unwrap()
        };
        let json = format!(
            "{{\"opinions\":[{{\"determinism_class\":\"class\",\"miner\":\"0x{}\",\"receipt_hash\":\"0x{}\",\"role\":\"audit\",\
             \"with_served\":{{\"agreement\":\"differs\"}}}}],\"provider\":\"0x{}\",\"receipt_hash\":\"0x{}\"}}",
            "02".repeat(20),
            "03".repeat(32),
            "01".repeat(20),
            "01".repeat(32)
        );
        assert_eq!(of(&opinion), Sha256Digest::of(json.as_bytes()));
        let other = Opinion { with_served: Some(Comparison::EQUAL), ..opinion.clone() };
        assert_ne!(of(&opinion), of(&other));
    }
}
