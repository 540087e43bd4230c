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
use crate::islands::verify_receipt::VerifyReceipt;
use crate::proof::Proof;
use crate::text::{common, receipt as words};

#[component]
pub fn ReceiptPage() -> impl IntoView {
    let backend = use_backend();
    let hash = param::<B256>("hash");
    load(async move { backend.receipt(hash?).await }, |view| view! { <Receipt view /> })
}

#[component]
fn Receipt(view: ReceiptView) -> impl IntoView {
    let raw = serde_json::to_string_pretty(&view.signed).unwrap_or_default();
    let proof = Proof::of_receipt(&view);
    let (amount, settlement) = (view.amount, view.settlement);
    let receipt_json = serde_json::to_string(&view.signed).unwrap_or_default();
    let facts = view! { <ReceiptFacts view=view.clone() /> };
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
                <VerifyReceipt receipt_json />
            </Section>
            <Section title=words::FIELDS>
                {facts}
            </Section>
            <Section title=words::SIGNATURES>
                <ReceiptSignatures view />
            </Section>
            <Fold title=common::RAW>
                <Raw text=raw />
            </Fold>
        </div>
    }
}
