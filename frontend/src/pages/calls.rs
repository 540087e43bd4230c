//! What a transaction called: the calls of contracts inside it, in the order in which they began.

use leptos::prelude::*;
use shared::B256;
use shared::api::explorer::{CALLS_SHOWN_MAX, CallView, CallsView};

use super::load::{PageTitle, load, param};
use crate::backend::use_backend;
use crate::components::status::{StatusPill, Tone};
use crate::components::tables::Table;
use crate::components::value::{AddressValue, HashValue};
use crate::format;
use crate::text::explorer as words;

/// Deeper calls are not moved further to the right.
const INDENTED_MAX: u32 = 12;

#[component]
pub fn CallsPage() -> impl IntoView {
    let backend = use_backend();
    let hash = param::<B256>("hash");
    let ask = async move {
        let hash = hash?;
        Ok((hash, backend.calls_of(hash).await?))
    };
    load(ask, |(hash, calls)| view! { <Calls hash calls /> })
}

#[component]
fn Calls(hash: B256, calls: CallsView) -> impl IntoView {
    let CallsView { calls, call_count } = calls;
    let more = (call_count > calls.len() as u64)
        .then(|| view! { <p class="section-note">{words::calls_of(CALLS_SHOWN_MAX, call_count)}</p> });
    let rows = calls.into_iter().map(|call| view! { <CallRow call /> }).collect_view();
    let columns = vec![
        (words::CALL, None),
        (words::CALLED, None),
        (words::METHOD, None),
        (words::GAS, Some("number wide-only")),
        (words::OUTCOME, None),
    ];
    view! {
        <PageTitle name=words::CALLS fact=words::call_count(call_count) />
        <div class="stack">
            <p class="section-note">{words::CALLS_OF} " " <HashValue hash href=format!("/explorer/transactions/{hash}") /></p>
            <div class="cards cards-calls">
                <Table name="calls" columns rows />
            </div>
            {more}
        </div>
    }
}

#[component]
fn CallRow(call: CallView) -> impl IntoView {
    let depth = call.depth.min(INDENTED_MAX).to_string();
    let to = match call.to {
        Some(address) => view! { <AddressValue address /> }.into_any(),
        None => view! { <span class="quiet">"–"</span> }.into_any(),
    };
    let sent = (call.value_wei != "0").then(|| view! { <small class="quiet">{words::wei(&call.value_wei)}</small> });
    let outcome = match call.failure {
        None => view! { <StatusPill tone=Tone::Done word=words::SUCCEEDED /> }.into_any(),
        Some(failure) => {
            view! { <StatusPill tone=Tone::Refused word=words::REVERTED /> <small class="quiet">{failure}</small> }
                .into_any()
        }
    };
    view! {
        <tr data-depth=depth>
            <td>
                <span class="mono" title=words::depth(call.depth)>
                    {call.kind}
                </span>
            </td>
            <td>{to} {sent}</td>
            <td>
                <code>{call.method}</code>
            </td>
            <td class="number wide-only">{format::grouped(call.gas_used)}</td>
            <td>{outcome}</td>
        </tr>
    }
}
