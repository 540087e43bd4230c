//! One transaction: its outcome, the receipts it minted, its input and events in words and raw.

use leptos::prelude::*;
use shared::B256;
use shared::amount::Amount;
use shared::api::explorer::{DecodedCall, DecodedValue, LogView, TransactionView};
use shared::api::receipts::ReceiptView;

use super::load::{PageTitle, load, param};
use crate::backend::{Answer, Backend, BackendError, use_backend};
use crate::components::facts::{Fold, InfoRow, Raw, Section};
use crate::components::proof_line::ProofLine;
use crate::components::status::{StatusPill, Tone};
use crate::components::value::{AddressValue, AmountValue, HashValue, Height, Moment, known_name};
use crate::format;
use crate::proof::Proof;
use crate::text::{common, explorer as words};

/// Receipts whose proof line is drawn; a batch may hold many more.
const PROOFS_SHOWN: usize = 8;

#[component]
pub fn TransactionPage() -> impl IntoView {
    let backend = use_backend();
    let hash = param::<B256>("hash");
    let ask = async move {
        let transaction = backend.transaction(hash?).await?;
        let receipts = minted_receipts(backend.as_ref(), &transaction).await?;
        Ok((transaction, receipts))
    };
    load(ask, |(transaction, receipts)| view! { <Transaction transaction receipts /> })
}

/// The receipts that the transaction's `Minted` events name, as far as this hub knows them. A contract that a stranger made can
/// name any receipt, so the events of contracts of block 0 alone count.
async fn minted_receipts(backend: &dyn Backend, transaction: &TransactionView) -> Answer<Vec<ReceiptView>> {
    let hashes = transaction
        .logs
        .iter()
        .filter(|log| known_name(log.address).is_some())
        .filter_map(|log| log.decoded.as_ref())
        .flat_map(|event| &event.arguments)
        .filter(|argument| argument.name == "receiptHash")
        .filter_map(|argument| argument.value.parse::<B256>().ok());
    let mut receipts = Vec::new();
    for hash in hashes.take(PROOFS_SHOWN) {
        match backend.receipt(hash).await {
            Ok(receipt) => receipts.push(receipt),
            Err(BackendError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(receipts)
}

#[component]
fn Transaction(transaction: TransactionView, receipts: Vec<ReceiptView>) -> impl IntoView {
    let raw = serde_json::to_string_pretty(&transaction).unwrap_or_default();
    let summary = transaction.summary.clone();
    let (tone, word) =
        if summary.succeeded { (Tone::Done, words::SUCCEEDED) } else { (Tone::Refused, words::REVERTED) };
    let fact = match (&transaction.failure, summary.minted) {
        (Some(failure), _) => failure.clone(),
        (None, Amount::ZERO) => words::called(&summary.method),
        (None, minted) => words::called_and_minted(&summary.method, &minted.to_string()),
    };
    let proofs = receipts.iter().map(|receipt| view! { <ProofLine proof=Proof::of_receipt(receipt) /> }).collect_view();
    let events = transaction.logs.clone();
    let shown = events.len();
    let is_part = usize::try_from(transaction.log_count).is_ok_and(|count| count > shown);
    let more = is_part.then(|| view! { <p class="section-note">{words::events_of(shown, transaction.log_count)}</p> });
    view! {
        <PageTitle name=words::TRANSACTION fact>
            <StatusPill tone word />
        </PageTitle>
        <div class="stack">
            {(!receipts.is_empty()).then(|| view! { <Section title=words::SETTLES>{proofs}</Section> })}
            <TransactionFacts transaction=transaction.clone() />
            <Section title=words::INPUT>
                <Input transaction />
            </Section>
            <Section title=words::CALLS>
                <p class="section-note">
                    {words::CALLS_HELP} " " <a href=format!("/explorer/transactions/{}/calls", summary.hash)>{words::SHOW_CALLS}</a>
                </p>
            </Section>
            <Section title=words::EVENTS>
                {if events.is_empty() {
                    view! { <p class="section-note">{words::NO_EVENTS}</p> }.into_any()
                } else {
                    let events = events.into_iter().map(|log| view! { <Event log /> }).collect_view();
                    view! { <div class="events" data-testid="events">{events}</div> {more} }.into_any()
                }}
            </Section>
            <Fold title=common::RAW>
                <Raw text=raw />
            </Fold>
        </div>
    }
}

#[component]
fn TransactionFacts(transaction: TransactionView) -> impl IntoView {
    let summary = transaction.summary;
    let to = match summary.to {
        Some(to) => view! { <AddressValue address=to full=true /> }.into_any(),
        None => words::CREATES.into_any(),
    };
    view! {
        <dl class="info">
            <InfoRow name=words::HASH>
                <HashValue hash=summary.hash full=true />
            </InfoRow>
            <InfoRow name=words::BLOCK>
                <Height number=summary.block_number />
                {words::at_index(summary.index)}
            </InfoRow>
            <InfoRow name=words::TIME>
                <Moment at=summary.timestamp />
            </InfoRow>
            <InfoRow name=words::FROM>
                <AddressValue address=summary.from full=true />
            </InfoRow>
            <InfoRow name=words::TO>{to}</InfoRow>
            <InfoRow name=words::MINTED>
                <AmountValue amount=summary.minted />
            </InfoRow>
            <InfoRow name=words::NONCE>{format::grouped(transaction.nonce)}</InfoRow>
            <InfoRow name=words::TYPE>{words::transaction_type(transaction.transaction_type)}</InfoRow>
            <InfoRow name=words::GAS help=words::GAS_FREE>
                {words::of_limit(&format::grouped(transaction.gas_used), &format::grouped(transaction.gas_limit))}
            </InfoRow>
        </dl>
    }
}

#[component]
fn Input(transaction: TransactionView) -> impl IntoView {
    if transaction.input.is_empty() {
        return view! { <p class="section-note">{words::NO_INPUT}</p> }.into_any();
    }
    let decoded = transaction.decoded_input.map(|call| view! { <Decoded call /> });
    view! {
        {decoded}
        <Fold title=words::raw_bytes(transaction.input.len())>
            <Raw text=transaction.input.to_string() />
        </Fold>
    }
    .into_any()
}

#[component]
fn Event(log: LogView) -> impl IntoView {
    let decoded = log.decoded.map(|call| view! { <Decoded call /> });
    let topics = log.topics.iter().map(|topic| format!("{topic}\n")).collect::<String>();
    view! {
        <div class="event">
            <div class="title-row">
                <AddressValue address=log.address />
            </div>
            {decoded}
            <Fold title=common::RAW>
                <Raw text=format!("{topics}{}", log.data) />
            </Fold>
        </div>
    }
}

/// A call or event with its arguments by name.
#[component]
fn Decoded(call: DecodedCall) -> impl IntoView {
    let rows = call
        .arguments
        .into_iter()
        .map(|DecodedValue { name, solidity_type, value }| {
            view! {
                <dt title=solidity_type>{name}</dt>
                <dd>
                    <Value value />
                </dd>
            }
        })
        .collect_view();
    view! {
        <p class="event-name">{call.signature}</p>
        <dl class="event-fields">{rows}</dl>
    }
}

/// An argument; addresses and hashes lead on.
#[component]
fn Value(value: String) -> impl IntoView {
    match value.parse::<shared::Address>() {
        Ok(address) if value.len() == 42 => view! { <AddressValue address full=true /> }.into_any(),
        _ => view! { <code>{value}</code> }.into_any(),
    }
}
