//! "Verify in this browser": the wallet's worker computes hash and signers and asks the chain.

use leptos::prelude::*;
use shared::B256;
use wallet::protocol::{Check, CheckName};

use crate::components::icon::Icon;
use crate::components::notice::Notice;
use crate::components::status::Tone;
use crate::text::receipt as words;

#[island]
pub fn VerifyReceipt(
    /// JSON of the signed receipt, passed on to the worker as it is.
    receipt_json: String,
    /// The transaction that minted or paid it, if one did.
    transaction_hash: Option<B256>,
) -> impl IntoView {
    let checks = RwSignal::new(None::<Vec<Check>>);
    let running = RwSignal::new(false);
    let failure = RwSignal::new(None::<String>);
    let verify = move |_| {
        running.set(true);
        #[cfg(feature = "hydrate")]
        start(receipt_json.clone(), transaction_hash, checks, running, failure);
        #[cfg(not(feature = "hydrate"))]
        let _ = (&receipt_json, transaction_hash);
    };
    let label = move || match (running.get(), checks.with(Option::is_some)) {
        (true, _) => words::VERIFYING,
        (false, true) => words::VERIFY_AGAIN,
        (false, false) => words::VERIFY,
    };
    view! {
        <div class="section">
            <p class="section-note">{words::VERIFY_HELP}</p>
            <div class="actions">
                <button type="button" class="button" id="verify" disabled=move || running.get() on:click=verify>
                    {label}
                </button>
            </div>
            <div aria-live="polite" id="verified">
                {move || checks.get().map(|checks| view! { <Checks checks /> })}
                {move || {
                    failure.get().map(|detail| view! { <Notice tone=Tone::Refused title=words::NOT_VERIFIED detail /> })
                }}
            </div>
        </div>
    }
}

/// The outcome of each check, and of all.
#[component]
pub fn Checks(checks: Vec<Check>) -> impl IntoView {
    let broken = checks.iter().any(|check| check.holds == Some(false));
    let (tone, title) = if broken { (Tone::Refused, words::BROKEN) } else { (Tone::Done, words::HOLDS) };
    let rows = checks.into_iter().map(|check| view! { <CheckRow check /> }).collect_view();
    view! {
        <div class="specimen" data-verdict=tone.as_str()>
            <h3>{title}</h3>
            <ul class="checks">{rows}</ul>
        </div>
    }
}

#[component]
fn CheckRow(check: Check) -> impl IntoView {
    let tone = match check.holds {
        Some(true) => Tone::Done,
        Some(false) => Tone::Refused,
        None => Tone::Waiting,
    };
    let sentence = match (check.name, check.holds) {
        (CheckName::Hash, _) => words::CHECK_HASH,
        (CheckName::MinerSignature, _) => words::CHECK_MINER,
        (CheckName::Attestation, _) => words::CHECK_HUB,
        (CheckName::Minted, None) => words::CHECK_NOT_MINTED,
        (CheckName::Minted, Some(_)) => words::CHECK_MINTED,
        (CheckName::Validators, _) => words::CHECK_VALIDATORS,
        (CheckName::Final, None) => words::CHECK_NOT_FINAL,
        (CheckName::Final, Some(_)) => words::CHECK_FINAL,
        (CheckName::Event, _) => words::CHECK_EVENT,
    };
    let verdict = if check.holds == Some(false) { words::DOES_NOT_HOLD } else { "" };
    view! {
        <li data-holds=check.holds.map(|holds| holds.to_string())>
            <Icon glyph=tone.glyph() />
            <span>
                {sentence}
                {verdict}
            </span>
            <small class="mono">{check.detail}</small>
        </li>
    }
}

#[cfg(feature = "hydrate")]
fn start(
    receipt_json: String,
    transaction_hash: Option<B256>,
    checks: RwSignal<Option<Vec<Check>>>,
    running: RwSignal<bool>,
    failure: RwSignal<Option<String>>,
) {
    use wallet::protocol::{ReceiptReply, ReceiptRequest};

    failure.set(None);
    crate::browser::wallet_client::ask(
        ReceiptRequest::CheckReceipt { receipt_json, transaction_hash },
        move |answer| {
            running.set(false);
            match answer {
                Ok(ReceiptReply::ReceiptChecked { checks: done }) => checks.set(Some(done)),
                Err(error) => failure.set(Some(error.text())),
            }
        },
    );
}
