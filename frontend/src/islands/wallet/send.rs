//! AIT is sent: to whom and how much, then the sheet, then what became of it.

use leptos::prelude::*;
use shared::B256;
use shared::amount::Amount;
use wallet::protocol::{AccountView, Outcome, Reply, Request, Sheet, SignKind, WalletView};

use super::balance::{self, BalanceWords, Known};
use super::fields::Problem;
use super::sheet::{SheetDialog, SheetEnd};
use super::store::Wallet;
use crate::components::identicon::Identicon;
use crate::components::notice::Notice;
use crate::components::status::Tone;
use crate::format;
use crate::receiver::{Checked, check};
use crate::text::wallet as words;

#[component]
pub(super) fn Send(wallet: Wallet) -> impl IntoView {
    let sent = RwSignal::new(None::<B256>);
    let shown = Memo::new(move |_| wallet.shown());
    move || match (sent.get(), shown.get()) {
        (Some(hash), _) => view! { <Sent wallet hash sent /> }.into_any(),
        (None, Some((view, account))) => view! { <Form wallet view account sent /> }.into_any(),
        (None, None) => ().into_any(),
    }
}

#[component]
fn Form(wallet: Wallet, view: WalletView, account: AccountView, sent: RwSignal<Option<B256>>) -> impl IntoView {
    let from = account.address;
    let known = balance::watch(wallet, from);
    let (to, amount) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let sheet = RwSignal::new(None::<Sheet>);
    let checked = Memo::new(move |_| to.with(|text| check(text, from)));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Checked::Is { address, .. } = checked.get_untracked() else {
            return wallet.error.set(Some(words::TO_WRONG.to_owned()));
        };
        match amount.with_untracked(|text| text.trim().parse::<Amount>()) {
            Err(error) => wallet.error.set(Some(format!("{error}."))),
            Ok(amount) => {
                let what = SignKind::SendAit { to: address, amount };
                let request = Request::Prepare { from, origin: words::SHEET_OWN.to_owned(), what };
                wallet.ask_then(request, move |reply| {
                    if let Reply::Sheet(shown) = reply {
                        let _ = sheet.try_set(Some(*shown));
                    }
                });
            }
        }
    };
    let done = move |end| {
        if let SheetEnd::Reply(Reply::Sent { hash }) = end {
            sent.set(Some(hash));
        }
    };
    view! {
        <form class="sheet" on:submit=submit>
            <h2>{words::SEND_TITLE}</h2>
            <div class="from-row">
                <Identicon address=from />
                <span>
                    <strong>{view.name} " · " {words::account(account.index)}</strong>
                    " "
                    <code>{format::shortened(&from.to_string())}</code>
                </span>
                <span class="from-balance">
                    <BalanceWords known />
                </span>
            </div>
            <Receiver to checked />
            <AmountField amount known />
            <Problem wallet />
            <div class="actions">
                <button type="submit" class="button" id="wallet-review" disabled=move || wallet.busy.get()>
                    {move || if wallet.busy.get() { words::REVIEWING } else { words::REVIEW }}
                </button>
            </div>
        </form>
        {move || sheet.get().map(|shown| view! { <SheetDialog shown open=sheet on_signed=|_| () on_done=done /> })}
    }
}

#[component]
fn Receiver(to: RwSignal<String>, checked: Memo<Checked>) -> impl IntoView {
    let note = move || match checked.get() {
        Checked::Empty => view! { <span class="field-help">{words::TO_HELP}</span> }.into_any(),
        Checked::Wrong(why) => view! { <span class="field-error">{why}</span> }.into_any(),
        Checked::Is { address, has_checksum } => {
            let note = if has_checksum { words::TO_CHECKED } else { words::TO_UNCHECKED };
            view! {
                <span class="field-help checked">
                    <Identicon address />
                    {note}
                </span>
            }
            .into_any()
        }
    };
    view! {
        <div class="field">
            <label for="wallet-to">{words::TO}</label>
            <input
                id="wallet-to"
                class="mono"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                required
                aria-describedby="wallet-to-note"
                aria-invalid=move || matches!(checked.get(), Checked::Wrong(_)).then_some("true")
                prop:value=move || to.get()
                on:input=move |event| to.set(event_target_value(&event))
            />
            <span id="wallet-to-note" aria-live="polite">{note}</span>
        </div>
    }
}

#[component]
fn AmountField(amount: RwSignal<String>, known: RwSignal<Known>) -> impl IntoView {
    let all = move |_| {
        if let Known::Is(holdings) = known.get_untracked() {
            amount.set(holdings.balance.to_string());
        }
    };
    let is_unknown = move || !matches!(known.get(), Known::Is(_));
    view! {
        <div class="field">
            <div class="field-head">
                <label for="wallet-amount">{words::AMOUNT}</label>
                <button type="button" class="text-button" id="wallet-all" disabled=is_unknown on:click=all>
                    {words::AMOUNT_ALL}
                </button>
            </div>
            <input
                id="wallet-amount"
                inputmode="decimal"
                autocomplete="off"
                required
                prop:value=move || amount.get()
                on:input=move |event| amount.set(event_target_value(&event))
            />
        </div>
    }
}

/// Follows a sent transaction until a block contains it.
#[component]
fn Sent(wallet: Wallet, hash: B256, sent: RwSignal<Option<B256>>) -> impl IntoView {
    let outcome = RwSignal::new(None::<Outcome>);
    Effect::new(move |_| {
        wallet.heads.track();
        if outcome.with_untracked(Option::is_some) {
            return;
        }
        wallet.look(Request::Outcome { hash }, move |answer| {
            if let Ok(Reply::Outcome(found)) = answer {
                let _ = outcome.try_set(found);
            }
        });
    });
    let notice = move || match outcome.get() {
        None => view! { <Notice tone=Tone::Running title=words::SENT_TITLE detail=words::SENT_WAITING /> },
        Some(Outcome { block_number, succeeded: true }) => {
            let detail = words::in_block(&format::grouped(block_number));
            view! { <Notice tone=Tone::Done title=words::SENT_TITLE detail /> }
        }
        Some(Outcome { succeeded: false, .. }) => {
            view! { <Notice tone=Tone::Refused title=words::SENT_FAILED detail=words::SENT_FAILED_DETAIL /> }
        }
    };
    let state = move || outcome.get().map_or("waiting", |outcome| if outcome.succeeded { "done" } else { "failed" });
    view! {
        <div class="stack" id="wallet-sent" data-state=state>
            {notice}
            <div class="actions">
                <a class="button" id="wallet-sent-link" href=format!("/explorer/transactions/{hash}")>{words::SENT_LINK}</a>
                <button type="button" class="button button-quiet" on:click=move |_| sent.set(None)>
                    {words::SEND_MORE}
                </button>
            </div>
        </div>
    }
}
