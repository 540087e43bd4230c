//! A receipt's fields, each explained in words, and its signatures.

use leptos::prelude::*;
use shared::amount::Amount;
use shared::api::receipts::ReceiptView;
use shared::receipt::{Attestation, JobReceipt, ReceiptVersion};
use shared::typed_data::{DOMAIN_NAME, DOMAIN_VERSION};

use super::facts::InfoRow;
use super::log_place::LogPlace;
use super::status::SettlementPill;
use super::value::{AddressValue, CodeValue, HashValue, ModelChip, Moment, Units};
use crate::format::{exact_time, grouped};
use crate::text::{audit as audit_words, common, receipt as words};

/// What the receipt states.
#[component]
pub fn ReceiptFacts(
    view: ReceiptView,
    /// Where it stands in the hub's log.
    place: Option<u64>,
) -> impl IntoView {
    let hash = view.signed.receipt_hash;
    let receipt = view.signed.receipt;
    let audited = audit_words::sentence(view.audit.as_ref(), view.unaudited);
    view! {
        <dl class="info">
            <InfoRow name=words::HASH help=words::HASH_HELP>
                <HashValue hash full=true href=format!("/explorer/receipts/{hash}") />
            </InfoRow>
            <InfoRow name=words::SETTLEMENT>
                <SettlementPill state=view.settlement />
            </InfoRow>
            <InfoRow name=words::AMOUNT help=words::AMOUNT_HELP>
                <ExactAmount amount=view.amount />
            </InfoRow>
            {view
                .hold
                .map(|hold| {
                    view! {
                        <InfoRow name=words::HOLD help=words::HOLD_HELP>
                            <span data-testid="hold">{words::hold(hold.state, &exact_time(hold.due_at))}</span>
                        </InfoRow>
                    }
                })}
            <InfoRow name=audit_words::AUDIT help=audit_words::AUDIT_HELP>
                <span data-testid="audit">{audited}</span>
            </InfoRow>
            {view
                .audit
                .filter(|audit| !audit.opinions.is_empty())
                .map(|audit| {
                    view! {
                        <InfoRow name=audit_words::EVIDENCE help=audit_words::EVIDENCE_HELP>
                            <CodeValue value=audit.evidence_sha256.to_string() what=audit_words::EVIDENCE />
                        </InfoRow>
                    }
                })}
            {view
                .void_reason
                .map(|reason| {
                    view! {
                        <InfoRow name=audit_words::VOID help=audit_words::VOID_HELP>
                            <span data-testid="void">{reason}</span>
                        </InfoRow>
                    }
                })}
            <LogPlace place proof=format!("/v1/log/proof/inclusion?receipt={hash}") />
            <Work receipt=receipt.clone() />
            <Origin receipt />
        </dl>
    }
}

/// AIT with every digit, since this is what the chain mints.
#[component]
fn ExactAmount(amount: Amount) -> impl IntoView {
    let (whole, fraction) = amount.parts();
    let fraction = fraction.trim_end_matches('0');
    view! {
        <span class="amount">
            <span class="amount-whole">{grouped(whole)}</span>
            {(!fraction.is_empty()).then(|| view! { <span class="amount-fraction">{format!(".{fraction}")}</span> })}
            <span class="amount-unit">"AIT"</span>
        </span>
    }
}

#[component]
fn Work(receipt: JobReceipt) -> impl IntoView {
    view! {
        <InfoRow name=words::UNITS help=words::units_help(receipt.unit_type)>
            <Units units=receipt.units unit_type=receipt.unit_type />
        </InfoRow>
        <InfoRow name=words::UNIT_PRICE help=words::UNIT_PRICE_HELP>
            <ExactAmount amount=receipt.unit_price />
            " / "
            {common::unit_singular(receipt.unit_type)}
        </InfoRow>
        <InfoRow name=words::PROVIDER help=words::PROVIDER_HELP>
            <AddressValue address=receipt.provider miner=true full=true />
        </InfoRow>
        <InfoRow name=words::CLIENT help=words::CLIENT_HELP>
            <AddressValue address=receipt.client full=true />
        </InfoRow>
        <InfoRow name=words::JOB help=words::JOB_HELP>
            <a href=format!("/jobs/{}", receipt.job_id)>
                <code>{receipt.job_id.to_string()}</code>
            </a>
        </InfoRow>
        <InfoRow name=words::TASK help=words::TASK_HELP>
            {words::task_role(receipt.task_role)}
        </InfoRow>
        <InfoRow name=words::MODEL help=words::MODEL_HELP>
            <ModelChip name=receipt.model />
        </InfoRow>
    }
}

#[component]
fn Origin(receipt: JobReceipt) -> impl IntoView {
    let (artifact, artifact_help) = words::artifact(receipt.unit_type);
    view! {
        <InfoRow name=words::PROMPT_COMMITMENT help=words::PROMPT_COMMITMENT_HELP>
            <CodeValue value=receipt.prompt_commitment.to_string() what=common::HASH />
        </InfoRow>
        <InfoRow name=artifact help=artifact_help>
            <CodeValue value=receipt.result_commitment.to_string() what=common::HASH />
        </InfoRow>
        <InfoRow name=words::STARTED>
            <Moment at=receipt.started_at />
        </InfoRow>
        <InfoRow name=words::FINISHED help=words::TIMES_HELP>
            <Moment at=receipt.finished_at />
        </InfoRow>
        <InfoRow name=words::EXPIRES help=words::EXPIRES_HELP>
            {exact_time(receipt.expires_at)}
        </InfoRow>
        <InfoRow name=words::DETERMINISM help=words::DETERMINISM_HELP>
            <code>{receipt.determinism_class}</code>
        </InfoRow>
        {receipt
            .trace_commitment
            .map(|commitment| {
                view! {
                    <InfoRow name=words::TRACE help=words::TRACE_HELP>
                        <HashValue hash=commitment.0 full=true />
                    </InfoRow>
                }
            })}
        <InfoRow name=words::NONCE help=words::NONCE_HELP>
            <HashValue hash=receipt.nonce full=true />
        </InfoRow>
        <InfoRow name=words::HUB help=words::HUB_HELP>
            <code>{receipt.hub_id}</code>
        </InfoRow>
        <InfoRow name=words::CHAIN help=words::CHAIN_HELP>
            {receipt.chain_id.to_string()}
        </InfoRow>
        <InfoRow name=words::CONTRACT help=words::CONTRACT_HELP>
            <AddressValue address=receipt.contract full=true />
        </InfoRow>
        <InfoRow name=words::VERSION help=words::VERSION_HELP>
            {ReceiptVersion::NUMBER.to_string()}
        </InfoRow>
    }
}

/// Who signed it, and what exactly was signed.
#[component]
pub fn ReceiptSignatures(view: ReceiptView) -> impl IntoView {
    let signed = view.signed;
    let attestations =
        signed.attestations.into_iter().map(|attestation| view! { <AttestationRow attestation /> }).collect_view();
    view! {
        <dl class="info">
            <InfoRow name=words::MINER_SIGNATURE help=words::MINER_SIGNATURE_HELP>
                <CodeValue value=signed.miner_signature.to_string() what=common::SIGNATURE />
            </InfoRow>
            {attestations}
            <InfoRow name=words::DOMAIN>
                <code>{format!("{DOMAIN_NAME} / {DOMAIN_VERSION} / {}", signed.receipt.chain_id)}</code>
            </InfoRow>
        </dl>
    }
}

#[component]
fn AttestationRow(attestation: Attestation) -> impl IntoView {
    view! {
        <InfoRow name=words::ATTESTATION help=words::ATTESTATION_HELP>
            <AddressValue address=attestation.attester full=true />
            <CodeValue value=attestation.signature.to_string() what=common::SIGNATURE />
        </InfoRow>
    }
}
