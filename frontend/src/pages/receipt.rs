//! One receipt: every field explained, both signatures, and the check in the reader's own browser.

use leptos::prelude::*;
use shared::B256;
use shared::api::receipts::ReceiptView;

use super::load::{PageTitle, load, param};
use crate::backend::use_backend;
use crate::components::facts::{Fold, Raw, Section};
use crate::components::notice::Notice;
use crate::components::proof_line::ProofLine;
use crate::components::receipt_facts::{ReceiptFacts, ReceiptSignatures};
use crate::components::status::{SettlementPill, Tone};
use crate::components::value::AmountValue;
use crate::islands::open_commitment::OpenCommitment;
use crate::islands::verify_receipt::VerifyReceipt;
use crate::proof::Proof;
use crate::text::{common, receipt as words};

#[component]
pub fn ReceiptPage() -> impl IntoView {
    let backend = use_backend();
    let hash = param::<B256>("hash");
    let ask = async move {
        let view = backend.receipt(hash?).await?;
        let place = backend.place_of_receipt(view.signed.receipt_hash).await?;
        Ok((view, place))
    };
    load(ask, |(view, place)| view! { <Receipt view place /> })
}

#[component]
fn Receipt(view: ReceiptView, place: Option<u64>) -> impl IntoView {
    let raw = serde_json::to_string_pretty(&view.signed).unwrap_or_default();
    let proof = Proof::of_receipt(&view);
    let (amount, settlement) = (view.amount, view.settlement);
    let receipt_json = serde_json::to_string(&view.signed).unwrap_or_default();
    let transaction_hash =
        view.mint.as_ref().map(|mint| mint.transaction_hash).or(view.settled.map(|settled| settled.transaction_hash));
    let sealed = &view.signed.receipt;
    let (prompt_commitment, result_commitment) =
        (sealed.prompt_commitment.to_string(), sealed.result_commitment.to_string());
    let facts = view! { <ReceiptFacts view=view.clone() place /> };
    let refusal =
        view.refusal.clone().map(|detail| view! { <Notice tone=Tone::Refused title=words::REFUSED_TITLE detail /> });
    view! {
        <PageTitle name=words::TITLE>
            <span class="title-fact">
                <AmountValue amount />
            </span>
            <SettlementPill state=settlement />
        </PageTitle>
        <div class="stack">
            <ProofLine proof />
            {refusal}
            <Section title=words::VERIFY>
                <VerifyReceipt receipt_json transaction_hash />
            </Section>
            <Section title=words::FIELDS>
                {facts}
            </Section>
            <Section title=words::SIGNATURES>
                <ReceiptSignatures view />
            </Section>
            <div class="narrow">
                <Section title=words::OPEN>
                    <OpenCommitment prompt_commitment result_commitment />
                </Section>
            </div>
            <Fold title=common::RAW>
                <Raw text=raw />
            </Fold>
        </div>
    }
}
