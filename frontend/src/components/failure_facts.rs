//! The record of a job that ended without a result: why, whose fault each try was, and whether the hub signed it.

use leptos::prelude::*;
use shared::failure::FailedTry;
use shared::job::request::PaymentMode;

use super::facts::{Fold, InfoRow, Raw};
use super::log_place::LogPlace;
use super::value::{AddressValue, AmountValue, CodeValue, HashValue, Height};
use crate::backend::CheckedFailure;
use crate::text::{common, log as words};

#[component]
pub fn FailureFacts(checked: CheckedFailure) -> impl IntoView {
    let CheckedFailure { view, signature, is_this_hubs } = checked;
    let raw = serde_json::to_string_pretty(&view.signed).unwrap_or_default();
    let (job_id, failure) = (view.signed.failure.job_id, view.signed.failure);
    let first = failure.tries_in_all.saturating_sub(failure.tries.len() as u64);
    let tries = failure.tries.into_iter().zip(first + 1..).map(|(one, number)| view! { <Try one number /> });
    let refund = (failure.payment == PaymentMode::Escrow).then(|| match view.refund {
        Some(refund) => {
            let transaction = refund.transaction;
            view! {
                <InfoRow name=words::REFUND>
                    <AmountValue amount=refund.amount />
                    " "
                    <Height number=transaction.block_number />
                    " "
                    <HashValue
                        hash=transaction.transaction_hash
                        href=format!("/explorer/transactions/{}", transaction.transaction_hash)
                    />
                </InfoRow>
            }
            .into_any()
        }
        None => view! { <InfoRow name=words::REFUND>{words::NO_REFUND}</InfoRow> }.into_any(),
    });
    view! {
        <dl class="info" data-testid="failure">
            <InfoRow name=words::REASON>{words::end(failure.end)} ": " {failure.reason}</InfoRow>
            <InfoRow name=words::STAGE>{words::stage(failure.stage)}</InfoRow>
            {tries.collect_view()}
            {failure
                .max_total
                .map(|amount| view! { <InfoRow name=words::LIMIT><AmountValue amount /></InfoRow> })}
            {refund}
            <InfoRow name=words::SEALED help=words::SEALED_HELP>
                <CodeValue value=failure.prompt_commitment.to_string() what=common::HASH />
            </InfoRow>
            <InfoRow name=words::CHECK>
                <span data-testid="failure-signature">{words::check(&signature, is_this_hubs)}</span>
                " "
                <AddressValue address=failure.hub />
            </InfoRow>
            <InfoRow name=words::HASH help=words::HASH_HELP>
                <HashValue hash=view.signed.failure_hash full=true />
            </InfoRow>
            <LogPlace place=Some(view.log_index) proof=format!("/v1/log/proof/inclusion?failure={job_id}") />
        </dl>
        {(first > 0).then(|| view! { <p class="section-note">{words::left_out(first)}</p> })}
        <Fold title=words::RECORD>
            <Raw text=raw />
        </Fold>
    }
}

#[component]
fn Try(one: FailedTry, number: u64) -> impl IntoView {
    let miner = match one.miner {
        Some(address) => view! { <AddressValue address miner=true /> }.into_any(),
        None => words::UNKNOWN_MINER.into_any(),
    };
    let reason = one.reason.or_else(|| one.reason_commitment.map(|_| words::SEALED_REASON.to_owned()));
    view! {
        <InfoRow name=words::one_try(number)>
            {miner}
            ", "
            {words::blame(one.blame)}
            {reason.map(|reason| format!(": {reason}"))}
        </InfoRow>
    }
}
