//! AIT that came and went.

use leptos::prelude::*;
use shared::Address;
use wallet::protocol::{Reply, Request, Transfer};

use super::store::Wallet;
use crate::components::notice::{Empty, Notice};
use crate::components::status::Tone;
use crate::components::value::{AddressValue, AmountValue, Height};
use crate::text::wallet as words;

#[component]
pub(super) fn Activity(wallet: Wallet) -> impl IntoView {
    let shown = Memo::new(move |_| wallet.shown().map(|(_, account)| account.address));
    move || shown.get().map(|account| view! { <OfAccount wallet account /> })
}

#[component]
fn OfAccount(wallet: Wallet, account: Address) -> impl IntoView {
    let found = RwSignal::new(None::<Vec<Transfer>>);
    let error = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        wallet.heads.track();
        wallet.look(Request::Activity { account }, move |answer| {
            // The account may have left the page meanwhile.
            match answer {
                Ok(Reply::Activity { transfers }) => {
                    let _ = error.try_set(None);
                    let _ = found.try_set(Some(transfers));
                }
                Ok(_) => {}
                Err(reason) => drop(error.try_set(Some(reason))),
            }
        });
    });
    let rows = move || match found.get() {
        None if error.with(Option::is_some) => ().into_any(),
        None => view! { <p class="section-note">{words::ACTIVITY_ASKED}</p> }.into_any(),
        Some(transfers) if transfers.is_empty() => {
            view! { <Empty title=words::ACTIVITY_EMPTY_TITLE detail=words::ACTIVITY_EMPTY /> }.into_any()
        }
        Some(transfers) => view! { <Rows account transfers /> }.into_any(),
    };
    view! {
        <section class="section">
            <div class="section-head">
                <h2>{words::ACTIVITY_TITLE}</h2>
                <a class="more" href=format!("/explorer/addresses/{account}")>{words::ACTIVITY_ALL}</a>
            </div>
            {move || error.get().map(|detail| view! { <Notice tone=Tone::Refused title=words::ACTIVITY_FAILED detail /> })}
            {rows}
        </section>
    }
}

#[component]
fn Rows(account: Address, transfers: Vec<Transfer>) -> impl IntoView {
    let rows = transfers.into_iter().map(|transfer| view! { <Row account transfer /> }).collect_view();
    view! {
        <div class="table-scroll">
            <table class="data" id="wallet-activity">
                <thead>
                    <tr>
                        <th scope="col">{words::WHAT}</th>
                        <th scope="col" class="grow wide-only">{words::WITH}</th>
                        <th scope="col" class="number">{words::BLOCK}</th>
                        <th scope="col" class="number">{words::AMOUNT}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

#[component]
fn Row(account: Address, transfer: Transfer) -> impl IntoView {
    let went = transfer.from == account;
    let (what, other) = match (went, transfer.from == Address::ZERO) {
        (true, _) => (words::SENT, Some(transfer.to)),
        (false, true) => (words::MINTED, None),
        (false, false) => (words::RECEIVED, Some(transfer.from)),
    };
    let (sign, class) = if went { ("−", "delta-down") } else { ("+", "delta-up") };
    view! {
        <tr>
            <td>
                <a class="row-link" href=format!("/explorer/transactions/{}", transfer.transaction_hash)>{what}</a>
            </td>
            <td class="grow wide-only">{other.map(|address| view! { <AddressValue address without_copy=true /> })}</td>
            <td class="number">
                <Height number=transfer.block_number />
            </td>
            <td class="number">
                <span class=class>{sign}</span>
                <AmountValue amount=transfer.amount />
            </td>
        </tr>
    }
}
