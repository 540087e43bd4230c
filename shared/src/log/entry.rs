//! What stands in the log. A leaf of the tree is the RFC 8785 form of its entry.
//!
//! An entry is public as receipts are: it says who did what and what came of it, and of prompts and results no more than
//! a receipt does.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

#[cfg(feature = "signing")]
use super::tree::leaf_hash;
use crate::amount::{Amount, MicroUnits};
use crate::api::admin::Amnesty;
use crate::api::audits::{AuditState, Opinion};
use crate::api::payments::PlacedTransaction;
#[cfg(feature = "signing")]
use crate::canonical::{CanonicalError, canonical_json};
use crate::commitment::Commitment;
use crate::digest::Sha256Digest;
use crate::failure::SignedFailure;
use crate::field_error::FieldError;
use crate::id::JobId;
use crate::job::task::TaskRole;
use crate::receipt::{Attestation, ReceiptClaim, ReceiptError, SignedReceipt};
use crate::review::Stars;
use crate::time::UnixSeconds;
use crate::typed_data::SigningDomain;
use crate::unit::UnitType;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LogEntry {
    /// A result was accepted and its receipt attested.
    Receipt(LoggedReceipt),
    /// A job ended without a result.
    Failure(SignedFailure),
    /// A fault counts against a miner.
    Fault(LoggedFault),
    /// An audit came to its end.
    Audit(LoggedAudit),
    /// What the minter held of a receipt was burnt.
    Void(LoggedVoid),
    /// A claim on a bounty was dropped, since the receipt that it is for was refuted.
    Rejection(LoggedRejection),
    /// A client has back what was reserved for a job that ended without a result.
    Refund(LoggedRefund),
    /// The hub forgot a miner that never served, and with it what counted against it.
    Forgotten(ForgottenMiner),
    /// An operator of the hub paused a miner, or let it get work again.
    Pause(LoggedPause),
    /// An operator declared that the platform was at fault for a while: faults of that time do not count any more.
    Amnesty(LoggedAmnesty),
    /// A client reviewed the work of a receipt, or changed its review.
    Review(LoggedReview),
    /// An operator of the hub hid the text of a review, or shows it again.
    Hiding(LoggedHiding),
}

/// The word of an entry's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    Receipt,
    Failure,
    Fault,
    Audit,
    Void,
    Rejection,
    Refund,
    Forgotten,
    Pause,
    Amnesty,
    Review,
    Hiding,
}

impl EntryKind {
    pub const ALL: [Self; 12] = [
        Self::Receipt,
        Self::Failure,
        Self::Fault,
        Self::Audit,
        Self::Void,
        Self::Rejection,
        Self::Refund,
        Self::Forgotten,
        Self::Pause,
        Self::Amnesty,
        Self::Review,
        Self::Hiding,
    ];

    /// The text in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Failure => "failure",
            Self::Fault => "fault",
            Self::Audit => "audit",
            Self::Void => "void",
            Self::Rejection => "rejection",
            Self::Refund => "refund",
            Self::Forgotten => "forgotten",
            Self::Pause => "pause",
            Self::Amnesty => "amnesty",
            Self::Review => "review",
            Self::Hiding => "hiding",
        }
    }
}

impl LogEntry {
    pub const fn kind(&self) -> EntryKind {
        match self {
            Self::Receipt(_) => EntryKind::Receipt,
            Self::Failure(_) => EntryKind::Failure,
            Self::Fault(_) => EntryKind::Fault,
            Self::Audit(_) => EntryKind::Audit,
            Self::Void(_) => EntryKind::Void,
            Self::Rejection(_) => EntryKind::Rejection,
            Self::Refund(_) => EntryKind::Refund,
            Self::Forgotten(_) => EntryKind::Forgotten,
            Self::Pause(_) => EntryKind::Pause,
            Self::Amnesty(_) => EntryKind::Amnesty,
            Self::Review(_) => EntryKind::Review,
            Self::Hiding(_) => EntryKind::Hiding,
        }
    }

    /// What the entry is found by: a receipt's hash, a job, a miner, or a span of time. A review is found by its receipt.
    pub fn subject(&self) -> String {
        match self {
            Self::Receipt(receipt) => receipt.receipt_hash.to_string(),
            Self::Failure(signed) => signed.failure.job_id.to_string(),
            Self::Fault(fault) => fault.miner.to_string(),
            Self::Audit(audit) => audit.job_id.to_string(),
            Self::Void(void) => void.receipt_hash.to_string(),
            Self::Rejection(rejection) => rejection.receipt_hash.to_string(),
            Self::Refund(refund) => refund.job_id.to_string(),
            Self::Forgotten(forgotten) => forgotten.miner.to_string(),
            Self::Pause(pause) => pause.miner.to_string(),
            Self::Amnesty(LoggedAmnesty { from, to, .. }) => format!("{}-{}", from.0, to.0),
            Self::Review(review) => review.receipt_hash.to_string(),
            Self::Hiding(hiding) => hiding.receipt_hash.to_string(),
        }
    }

    /// The bytes of the leaf, as a text.
    ///
    /// # Errors
    /// A number that this form cannot carry.
    #[cfg(feature = "signing")]
    pub fn canonical_json(&self) -> Result<String, CanonicalError> {
        canonical_json(self)
    }

    /// The hash of the leaf.
    #[cfg(feature = "signing")]
    pub fn leaf_hash(&self) -> Result<B256, CanonicalError> {
        Ok(leaf_hash(self.canonical_json()?.as_bytes()))
    }
}

/// All of a receipt that was signed. The hash commits to the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoggedReceipt {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    pub job_id: JobId,
    pub task_role: TaskRole,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub client: Address,
    pub units: MicroUnits,
    pub unit_type: UnitType,
    pub unit_price: Amount,
    pub expires_at: UnixSeconds,
    pub chain_id: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub contract: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub miner_signature: Bytes,
    pub attestations: Vec<Attestation>,
    pub attested_at: UnixSeconds,
}

impl LoggedReceipt {
    pub fn new(signed: &SignedReceipt, attested_at: UnixSeconds) -> Self {
        let receipt = &signed.receipt;
        Self {
            receipt_hash: signed.receipt_hash,
            job_id: receipt.job_id,
            task_role: receipt.task_role,
            provider: receipt.provider,
            client: receipt.client,
            units: receipt.units,
            unit_type: receipt.unit_type,
            unit_price: receipt.unit_price,
            expires_at: receipt.expires_at,
            chain_id: receipt.chain_id,
            contract: receipt.contract,
            miner_signature: signed.miner_signature.clone(),
            attestations: signed.attestations.clone(),
            attested_at,
        }
    }

    /// What miner and hub signed.
    pub const fn claim(&self) -> ReceiptClaim {
        ReceiptClaim {
            receipt_hash: self.receipt_hash,
            job_id: self.job_id,
            task_role: self.task_role,
            provider: self.provider,
            client: self.client,
            units: self.units,
            unit_type: self.unit_type,
            unit_price: self.unit_price,
            expires_at: self.expires_at,
        }
    }

    pub const fn domain(&self) -> SigningDomain {
        SigningDomain::of_contract(self.chain_id, self.contract)
    }

    /// AIT that the receipt is worth.
    pub fn amount(&self) -> Result<Amount, ReceiptError> {
        let Self { units, unit_price, .. } = *self;
        unit_price.times(units).ok_or(ReceiptError::Overflow { units, unit_price })
    }

    /// Checks every signature.
    #[cfg(feature = "signing")]
    pub fn verify(&self) -> Result<(), crate::receipt::VerifyError> {
        crate::receipt::verify_claim(&self.claim(), &self.domain(), &self.miner_signature, &self.attestations)
    }
}

/// Why a fault counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FaultCause {
    /// A lease ended without a result by the miner's fault.
    Lease,
    /// The miner refused an input that another one has served, or lost tasks as nobody's fault too often in a row.
    Excuses,
}

/// One more fault of a miner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoggedFault {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub miner: Address,
    pub job_id: JobId,
    pub task_role: TaskRole,
    pub cause: FaultCause,
    /// When it began to count.
    pub at: UnixSeconds,
}

/// How an audit ended. A receipt without one was not drawn, or its audit goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoggedAudit {
    pub job_id: JobId,
    /// The audited receipt.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    pub state: AuditState,
    pub opinions: Vec<Opinion>,
    /// [`crate::api::audits::evidence_sha256`]: what a void on the chain names.
    pub evidence_sha256: Sha256Digest,
    /// The random bits that drew the audit, its miners, and whether the third one was looked at. Nobody else had them before.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub bits: B256,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuted: Option<RefutedMiner>,
    pub ended_at: UnixSeconds,
}

/// Who stands alone against two, and how many faults that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RefutedMiner {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub miner: Address,
    pub faults: u64,
}

/// A receipt whose amount was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoggedVoid {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    pub amount: Amount,
    /// Absent where other attesters than this hub's took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A claim that earns nothing: the attesters refuted its receipt when the minter held nothing of it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoggedRejection {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    /// Number of the bounty.
    pub bounty: u64,
    /// As the chain has it, with the evidence of the audit.
    pub reason: String,
    /// Where the chain has it.
    pub transaction: PlacedTransaction,
}

/// The whole reservation of a job, or what was left of it, is the client's again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoggedRefund {
    pub job_id: JobId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub client: Address,
    pub amount: Amount,
    /// Where the chain has it.
    pub transaction: PlacedTransaction,
}

/// A miner whose account begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ForgottenMiner {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub miner: Address,
}

/// From here on the hub gives a miner nothing new, or gives it work again. It counts neither for nor against the miner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoggedPause {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub miner: Address,
    pub paused: bool,
    /// In the operator's words.
    pub reason: String,
    pub at: UnixSeconds,
}

/// Every `fault` entry before this one whose `at` lies in the span, both ends included, counts against nobody from here on.
/// Faults of a refuted result stay: no fault of the platform makes a result another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoggedAmnesty {
    pub from: UnixSeconds,
    pub to: UnixSeconds,
    /// In the operator's words.
    pub reason: String,
    pub at: UnixSeconds,
}

/// What a client says of the work of a receipt. It takes the place of what an earlier entry has of the same receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoggedReview {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub author: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = u8, minimum = 1, maximum = 5))]
    pub stars: Stars,
    /// [`crate::commitment::Salt::commit_review`]: nothing is ever taken out of the log, so it does not have the text itself.
    /// Absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Commitment>,
    pub at: UnixSeconds,
}

/// From here on the text of a review is hidden, or is not. Its stars count as before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoggedHiding {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    pub hidden: bool,
    /// In the operator's words.
    pub reason: String,
    pub at: UnixSeconds,
}

impl LoggedAmnesty {
    /// # Errors
    /// A span that no operator may declare, as [`Amnesty::check_span`] says at the time of the entry.
    pub fn check_span(&self) -> Result<(), FieldError> {
        let declared = Amnesty { from_unix_s: self.from, to_unix_s: self.to, reason: self.reason.clone() };
        declared.check_span(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amnesty_is_of_a_week_before_its_entry_at_most() {
        let week = crate::api::admin::AMNESTY_MAX_SECONDS;
        let amnesty = |from, to, at| {
            let (from, to, at) = (UnixSeconds(from), UnixSeconds(to), UnixSeconds(at));
            LoggedAmnesty { from, to, reason: "a broken disk".to_owned(), at }.check_span()
        };
        assert_eq!((amnesty(5, 5, 5), amnesty(5, 5 + week, 5 + week)), (Ok(()), Ok(())));
        for (from, to, at) in [(5, 6, 5), (6, 5, 9), (5, 6 + week, 6 + week)] {
            assert!(amnesty(from, to, at).is_err(), "{from} to {to} at {at}");
        }
    }

    #[test]
    fn a_leaf_is_the_canonical_form_of_its_entry_and_is_read_back() {
        let entry = LogEntry::Fault(LoggedFault {
            miner: Address::repeat_byte(2),
            job_id: JobId::from_random(1),
            task_role: TaskRole::Serve,
            cause: FaultCause::Lease,
            at: UnixSeconds(9),
        });
        let json = entry.canonical_json().unwrap();
        let miner = Address::repeat_byte(2).to_string();
        assert_eq!(entry.subject(), miner);
        assert_eq!(
            json,
            format!(
                "{{\"at\":9,\"cause\":\"lease\",\"job_id\":\"{}\",\"kind\":\"fault\",\"miner\":\"{}\",\"task_role\":\"serve\"}}",
                JobId::from_random(1),
                miner.to_lowercase()
            )
        );
        assert_eq!(serde_json::from_str::<LogEntry>(&json).unwrap(), entry);
        assert_eq!(entry.leaf_hash().unwrap(), leaf_hash(json.as_bytes()));
        let with_more = json.replace("\"cause\"", "\"blame\":1,\"cause\"");
        assert!(serde_json::from_str::<LogEntry>(&with_more).is_err());
    }

    #[test]
    fn an_entry_whose_number_would_be_rounded_has_no_leaf() {
        let transaction = PlacedTransaction { transaction_hash: B256::repeat_byte(1), block_number: u64::MAX };
        let (job_id, client, amount) = (JobId::from_random(1), Address::repeat_byte(2), Amount::from_atto(5));
        let error = LogEntry::Refund(LoggedRefund { job_id, client, amount, transaction }).leaf_hash().unwrap_err();
        assert!(error.to_string().starts_with("transaction.block_number is at most"), "{error}");
    }

    #[test]
    fn a_kind_is_called_as_in_json() {
        let entry = LogEntry::Forgotten(ForgottenMiner { miner: Address::ZERO });
        let value = serde_json::to_value(&entry).unwrap();
        assert_eq!(value["kind"], entry.kind().as_str());
        assert_eq!(EntryKind::ALL.map(EntryKind::as_str).len(), 12);
        let (miner, reason) = (Address::ZERO, "a broken card".to_owned());
        let entry = LogEntry::Pause(LoggedPause { miner, paused: true, reason, at: UnixSeconds(9) });
        assert_eq!(serde_json::to_value(&entry).unwrap()["kind"], entry.kind().as_str());
        assert_eq!(serde_json::from_str::<LogEntry>(&entry.canonical_json().unwrap()).unwrap(), entry);
    }

    #[test]
    fn an_entry_of_a_review_has_its_stars_and_not_its_text() {
        let (receipt_hash, author) = (B256::repeat_byte(1), Address::repeat_byte(2));
        let text = crate::commitment::Salt(B256::repeat_byte(3)).commit_review("sharp");
        let stars = Stars::try_from(4).unwrap();
        let review = LoggedReview { receipt_hash, author, stars, text: Some(text), at: UnixSeconds(9) };
        let entry = LogEntry::Review(review.clone());
        let json = entry.canonical_json().unwrap();
        assert!(json.contains("\"stars\":4") && !json.contains("sharp"), "{json}");
        assert_eq!((entry.subject(), entry.kind().as_str()), (receipt_hash.to_string(), "review"));
        assert_eq!(serde_json::from_str::<LogEntry>(&json).unwrap(), entry);
        assert!(serde_json::from_str::<LogEntry>(&json.replace("\"stars\":4", "\"stars\":6")).is_err());
        let hiding =
            LogEntry::Hiding(LoggedHiding { receipt_hash, hidden: true, reason: "abuse".into(), at: review.at });
        assert_eq!(serde_json::to_value(&hiding).unwrap()["kind"], hiding.kind().as_str());
    }
}
