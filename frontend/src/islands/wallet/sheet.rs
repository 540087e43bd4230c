//! The sheet before a signature: who asks, what it does, what it costs, what could go wrong. Closing it refuses.

use leptos::html::Dialog;
use leptos::prelude::*;
use shared::B256;
use shared::amount::Amount;
use wallet::protocol::{Fee, Refusal, Reply, Request, Severity, Sheet, SheetRisk, TreeLine, What};

use crate::components::facts::InfoRow;
use crate::components::icon::Icon;
use crate::components::status::Tone;
use crate::components::value::AddressValue;
use crate::format;
use crate::text::wallet as words;

/// What became of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SheetEnd {
    /// Of the signature, or [`Reply::Rejected`].
    Reply(Reply),
    /// The transaction was signed, and may or may not have been sent.
    Unclear { hash: B256, detail: String },
}

/// Shows `shown` until it is signed or refused.
#[component]
pub fn SheetDialog(
    shown: Sheet,
    /// Emptied once the sheet is done.
    open: RwSignal<Option<Sheet>>,
    /// Gets the hash of a transaction before it is sent.
    on_signed: impl Fn(B256) + Copy + 'static,
    on_done: impl Fn(SheetEnd) + Copy + 'static,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    let (busy, error) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let unclear = RwSignal::new(None::<(B256, String)>);
    let ticket = shown.ticket;
    show_modal(dialog);
    let end = move |end| {
        open.set(None);
        on_done(end);
    };
    let fail = move |text| {
        busy.set(false);
        error.set(Some(text));
    };
    let refuse = move || {
        if busy.get_untracked() {
            return;
        }
        if let Some((hash, detail)) = unclear.get_untracked() {
            return end(SheetEnd::Unclear { hash, detail });
        }
        tell(Request::Reject { ticket }, |_| ());
        end(SheetEnd::Reply(Reply::Rejected));
    };
    let sign = move |_| {
        busy.set(true);
        error.set(None);
        tell(Request::Approve { ticket }, move |answer| match answer {
            Ok(Reply::Ready { hash }) => {
                on_signed(hash);
                deliver(hash, move |answer| match answer {
                    Ok(reply) => end(SheetEnd::Reply(reply)),
                    Err(refusal) => {
                        let text = words::refusal(&refusal);
                        if let Refusal::SendUnclear { hash, .. } = refusal {
                            unclear.set(Some((hash, text.clone())));
                        }
                        fail(text);
                    }
                });
            }
            Ok(reply) => end(SheetEnd::Reply(reply)),
            Err(reason) => fail(reason),
        });
    };
    let approve = match &shown.what {
        What::Transfer { amount, .. } => words::send_now(&amount.to_string()),
        _ => words::SHEET_SIGN.to_owned(),
    };
    let cancel = move |event: leptos::ev::Event| {
        event.prevent_default();
        refuse();
    };
    view! {
        <dialog class="sign-sheet" node_ref=dialog aria-labelledby="sheet-title" on:cancel=cancel>
            <div class="form" id="sheet">
                <Head sheet=shown.clone() />
                <Body sheet=shown.clone() />
                <Risks what=shown.what.clone() risks=shown.risks />
                <p class="field-error" role="alert" id="sheet-error" hidden=move || error.with(Option::is_none)>
                    {move || error.get()}
                </p>
                <div class="actions">
                    <button type="button" class="button" id="sheet-sign" disabled=move || busy.get() || error.with(Option::is_some) on:click=sign>
                        {move || if busy.get() { words::SHEET_SIGNING.to_owned() } else { approve.clone() }}
                    </button>
                    <button type="button" class="button button-quiet" id="sheet-refuse" disabled=move || busy.get() on:click=move |_| refuse()>
                        {move || if unclear.with(Option::is_some) { words::CALLS_CLOSE } else { words::SHEET_REFUSE }}
                    </button>
                </div>
            </div>
        </dialog>
    }
}

/// Opens a dialog as soon as it is on the page.
pub(crate) fn show_modal(dialog: NodeRef<Dialog>) {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            // It fails only for a dialog that is open or off the page.
            let _ = dialog.show_modal();
        }
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = dialog;
}

fn tell(request: Request, on_answer: impl FnOnce(Result<Reply, String>) + 'static) {
    #[cfg(feature = "hydrate")]
    crate::browser::wallet_client::ask(request, move |answer| on_answer(answer.map_err(|error| error.text())));
    #[cfg(not(feature = "hydrate"))]
    drop((request, on_answer));
}

/// Sends what was signed. Where no answer comes, it may have been sent.
fn deliver(hash: B256, on_answer: impl FnOnce(Result<Reply, Refusal>) + 'static) {
    #[cfg(feature = "hydrate")]
    {
        use crate::browser::wallet_client::{AskError, ask};

        ask(Request::Deliver { hash }, move |answer| {
            on_answer(answer.map_err(|error| match error {
                AskError::Refused(refusal) => refusal,
                other => Refusal::SendUnclear { hash, detail: other.text().trim_end_matches('.').to_owned() },
            }));
        });
    }
    #[cfg(not(feature = "hydrate"))]
    drop((hash, on_answer));
}

#[component]
fn Head(sheet: Sheet) -> impl IntoView {
    let title = match &sheet.what {
        What::Transfer { .. } => words::SHEET_TRANSFER,
        What::Call { .. } => words::SHEET_CALL,
        What::Message { sign_in: Some(_), .. } => words::SHEET_SIGN_IN,
        What::Message { .. } => words::SHEET_MESSAGE,
        What::TypedData { .. } => words::SHEET_TYPED,
    };
    let asks = (sheet.origin != words::SHEET_OWN).then(|| {
        view! {
            <p class="section-note" id="sheet-origin">
                <strong>{sheet.origin}</strong>
                " "
                {words::SHEET_ASKS}
            </p>
        }
    });
    view! {
        <div class="sheet-head">
            <h2 id="sheet-title">{title}</h2>
            {asks}
        </div>
    }
}

#[component]
fn Body(sheet: Sheet) -> impl IntoView {
    let from = view! {
        <InfoRow name=words::FROM>
            <AddressValue address=sheet.from without_copy=true />
        </InfoRow>
    };
    let chain = view! { <InfoRow name=words::SHEET_CHAIN>{sheet.chain_id.to_string()}</InfoRow> };
    match sheet.what {
        What::Transfer { to, amount, balance_after, receiver_after, fee } => view! {
            <p class="sheet-amount">
                <Exactly amount />
            </p>
            <dl class="info">
                {from}
                <InfoRow name=words::TO>
                    <AddressValue address=to full=true without_copy=true />
                </InfoRow>
                <InfoRow name=words::SHEET_YOU_AFTER>
                    <span id="sheet-after">
                        <Exactly amount=balance_after />
                    </span>
                </InfoRow>
                <InfoRow name=words::SHEET_THEY_AFTER>
                    <Exactly amount=receiver_after />
                </InfoRow>
                <InfoRow name=words::SHEET_FEE>{fee_words(&fee)}</InfoRow>
                {chain}
            </dl>
        }
        .into_any(),
        What::Call { to: _, words: does, value_wei, input, fee } => view! {
            <dl class="info">
                {from}
                <InfoRow name=words::SHEET_DOES>{does}</InfoRow>
                {(value_wei != "0").then(|| view! { <InfoRow name=words::SHEET_VALUE>{words::up_to(&value_wei)}</InfoRow> })}
                <InfoRow name=words::SHEET_FEE>{fee_words(&fee)}</InfoRow>
                <InfoRow name=words::SHEET_DATA>
                    <code>{input}</code>
                </InfoRow>
                {chain}
            </dl>
        }
        .into_any(),
        What::Message { text, sign_in } => view! {
            {sign_in.map(|domain| view! { <p id="sheet-sign-in">{words::sign_in(&domain)}</p> })}
            <pre class="raw" id="sheet-message" tabindex="0">{text}</pre>
            <dl class="info">{from}</dl>
        }
        .into_any(),
        What::TypedData { primary_type, domain, tree } => {
            let domain = domain
                .into_iter()
                .map(|(name, value)| view! { <InfoRow name><code>{value}</code></InfoRow> })
                .collect_view();
            view! {
                <Tree tree />
                <dl class="info">
                    {from}
                    <InfoRow name=words::SHEET_TYPE><code>{primary_type}</code></InfoRow>
                    {domain}
                </dl>
            }
            .into_any()
        }
    }
}

/// An amount with all its digits: nobody signs for a sum that is shown shorter than it is.
#[component]
fn Exactly(amount: Amount) -> impl IntoView {
    let (whole, fraction) = amount.parts();
    let fraction = fraction.trim_end_matches('0');
    let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
    view! {
        <span class="amount" title=format!("{amount} AIT")>
            <span class="amount-whole">{format::grouped(whole)}</span>
            <span class="amount-fraction">{fraction}</span>
            <span class="amount-unit">"AIT"</span>
        </span>
    }
}

/// Typed data, each member under its struct.
#[component]
fn Tree(tree: Vec<TreeLine>) -> impl IntoView {
    let lines = tree
        .into_iter()
        .map(|line| {
            // A style sheet has a class for each depth that a reader can still follow.
            let class = format!("tree-line tree-{}", line.depth.min(8));
            let value = line.value.map(|value| view! { <code class="tree-value">{value}</code> });
            view! {
                <li class=class>
                    <span class="tree-name">{line.name}</span>
                    <small>{line.type_name}</small>
                    {value}
                </li>
            }
        })
        .collect_view();
    view! { <ul class="tree" id="sheet-tree" tabindex="0">{lines}</ul> }
}

#[component]
fn Risks(what: What, risks: Vec<SheetRisk>) -> impl IntoView {
    let usual = match what {
        What::Transfer { .. } => words::SHEET_NO_RISKS,
        What::Call { .. } => words::SHEET_NO_RISKS_CALL,
        What::Message { .. } | What::TypedData { .. } => words::SHEET_NO_RISKS_MESSAGE,
    };
    let usual = SheetRisk { severity: Severity::Note, text: usual.to_owned() };
    let rows = risks
        .into_iter()
        .chain([usual])
        .map(|risk| {
            let (tone, name) = match risk.severity {
                Severity::Grave => (Tone::Refused, "grave"),
                Severity::Note => (Tone::Plain, "note"),
            };
            view! {
                <li data-severity=name>
                    <Icon glyph=tone.glyph() />
                    <span>{risk.text}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="section">
            <h3>{words::SHEET_RISKS}</h3>
            <ul class="risks" id="sheet-risks">{rows}</ul>
        </section>
    }
}

fn fee_words(fee: &Fee) -> String {
    match fee {
        Fee::Free => words::SHEET_FREE.to_owned(),
        Fee::UpTo { wei } => words::up_to(wei),
    }
}
