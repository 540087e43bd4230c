//! Sheets of requests that come to the wallet as a provider, on any page of this site: connect, unlock, sign.

use leptos::html::Dialog;
use leptos::prelude::*;
use shared::Address;
use wallet::call_batches::CallLine;
use wallet::protocol::{PasskeyView, Reply, Request, Secret, Sheet, SignKind, VaultState};
use wallet::provider::ProviderError;
use wasm_bindgen::JsValue;

use super::wallet::sheet::{SheetDialog, SheetEnd, show_modal};
use crate::browser::passkeys::{self, Answered};
use crate::browser::provider::{finish, signed};
use crate::browser::wallet_client::{AskError, ask, ask_with, changed};
use crate::components::identicon::Identicon;
use crate::format;
use crate::text::wallet as words;

/// What is shown now.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    Nothing,
    Connect { number: u32, vault: VaultState },
    Unlock { number: u32, from: Address, what: SignKind },
    Sign { number: u32, sheet: Sheet },
    Look { number: u32, calls: Vec<CallLine> },
}

/// One for the whole document. It installs and announces the provider.
#[component]
pub fn Signatures() -> impl IntoView {
    let shown = RwSignal::new(Shown::Nothing);
    crate::browser::provider::start(move |asked| flow::next(shown, asked));
    move || match shown.get() {
        Shown::Nothing => ().into_any(),
        Shown::Connect { number, vault } => view! { <Connect number vault /> }.into_any(),
        Shown::Unlock { number, from, what } => view! { <Unlock shown number from what /> }.into_any(),
        Shown::Sign { number, sheet } => view! { <Sign number sheet /> }.into_any(),
        Shown::Look { number, calls } => view! { <Look number calls /> }.into_any(),
    }
}

/// Refuses, as EIP-1193 wants it for a closed sheet.
fn refuse(number: u32) {
    finish(number, Err(ProviderError::Refused));
}

/// A dialog whose closing refuses.
#[component]
fn Frame(number: u32, title: &'static str, asks: &'static str, children: Children) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    show_modal(dialog);
    let cancel = move |event: leptos::ev::Event| {
        event.prevent_default();
        refuse(number);
    };
    view! {
        <dialog class="sign-sheet" node_ref=dialog aria-labelledby="sheet-title" on:cancel=cancel>
            <div class="form" id="sheet">
                <div class="sheet-head">
                    <h2 id="sheet-title">{title}</h2>
                    <p class="section-note" id="sheet-origin">
                        <strong>{host()}</strong>
                        " "
                        {asks}
                    </p>
                </div>
                {children()}
            </div>
        </dialog>
    }
}

fn host() -> String {
    crate::browser::window().location().host().unwrap_or_default()
}

#[component]
fn Refuse(number: u32) -> impl IntoView {
    view! {
        <button type="button" class="button button-quiet" id="sheet-refuse" on:click=move |_| refuse(number)>
            {words::SHEET_REFUSE}
        </button>
    }
}

#[component]
fn Connect(number: u32, vault: VaultState) -> impl IntoView {
    if vault.wallets.is_empty() {
        return view! {
            <Frame number title=words::SHEET_CONNECT asks=words::SHEET_ASKS_ACCOUNT>
                <p>{words::SHEET_NO_WALLET}</p>
                <div class="actions">
                    <a class="button" href="/wallet">{words::SHEET_OPEN_WALLET}</a>
                    <Refuse number />
                </div>
            </Frame>
        }
        .into_any();
    }
    let first = vault.accounts().next().map(|(_, account)| account.address).unwrap_or_default();
    let chosen = RwSignal::new(first);
    let rows = vault
        .accounts()
        .map(|(wallet, account)| {
            let address = account.address;
            let name = format!("{} · {}", wallet.name, words::account(account.index));
            view! {
                <li>
                    <button type="button" class="account-row" aria-pressed=move || (chosen.get() == address).to_string() on:click=move |_| chosen.set(address)>
                        <Identicon address />
                        <span class="account-row-name">
                            {name}
                            <code>{format::shortened(&address.to_string())}</code>
                        </span>
                    </button>
                </li>
            }
        })
        .collect_view();
    let connect = move |_| finish(number, Ok(JsValue::from_str(&chosen.get_untracked().to_string())));
    view! {
        <Frame number title=words::SHEET_CONNECT asks=words::SHEET_ASKS_ACCOUNT>
            <p class="section-note">{words::SHEET_CONNECT_DETAIL}</p>
            <ul class="account-rows" aria-label=words::SHEET_ACCOUNT>{rows}</ul>
            <div class="actions">
                <button type="button" class="button" id="sheet-connect" on:click=connect>
                    {words::SHEET_CONNECT_NOW}
                </button>
                <Refuse number />
            </div>
        </Frame>
    }
    .into_any()
}

#[component]
fn Unlock(shown: RwSignal<Shown>, number: u32, from: Address, what: SignKind) -> impl IntoView {
    let (password, error, busy) = (RwSignal::new(String::new()), RwSignal::new(None::<String>), RwSignal::new(false));
    let fail = move |text| {
        let _ = busy.try_set(false);
        let _ = error.try_set(Some(text));
    };
    let begin = move || {
        busy.set(true);
        error.set(None);
    };
    let unlocked = move |what| {
        move |answer: Result<Reply, AskError>| match answer {
            Ok(_) => {
                // The page behind the sheet shows the wallet, too.
                changed();
                flow::prepare(shown, number, from, what);
            }
            Err(reason) => fail(reason.text()),
        }
    };
    let for_passkey = what.clone();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        begin();
        let request = Request::Unlock { password: Secret(password.get_untracked()) };
        password.set(String::new());
        ask(request, unlocked(what.clone()));
    };
    let by_passkey = move |known: Vec<PasskeyView>| {
        begin();
        let what = for_passkey.clone();
        passkeys::open(&known, move |answered| match answered {
            Ok(Answered { credential_id, output }) => {
                let request = Request::UnlockByPasskey { credential_id, output: None };
                ask_with(request, Some(output), unlocked(what));
            }
            Err(text) => fail(text),
        });
    };
    view! {
        <Frame number title=words::UNLOCK_TITLE asks=words::SHEET_ASKS>
            <form class="form" on:submit=submit>
                <div class="field">
                    <label for="sheet-password">{words::PASSWORD}</label>
                    <input
                        id="sheet-password"
                        type="password"
                        autocomplete="current-password"
                        required
                        prop:value=move || password.get()
                        on:input=move |event| password.set(event_target_value(&event))
                    />
                </div>
                <p class="field-error" role="alert" id="sheet-error" hidden=move || error.with(Option::is_none)>
                    {move || error.get()}
                </p>
                <div class="actions">
                    <button type="submit" class="button" id="sheet-unlock" disabled=move || busy.get()>
                        {move || if busy.get() { words::UNLOCKING } else { words::UNLOCK }}
                    </button>
                    <ByPasskey busy on_chosen=by_passkey />
                    <Refuse number />
                </div>
            </form>
        </Frame>
    }
}

/// A button where this browser can ask one of the wallet's passkeys.
#[component]
fn ByPasskey(busy: RwSignal<bool>, on_chosen: impl Fn(Vec<PasskeyView>) + Clone + Send + 'static) -> impl IntoView {
    let known = RwSignal::new(Vec::<PasskeyView>::new());
    passkeys::offered(move |is_offered| {
        if is_offered {
            ask(Request::State, move |answer| {
                if let Ok(Reply::State(vault)) = answer {
                    let _ = known.try_set(vault.passkeys);
                }
            });
        }
    });
    move || {
        let on_chosen = on_chosen.clone();
        known.with(|known| !known.is_empty()).then(|| {
            view! {
                <button
                    type="button"
                    class="button button-quiet"
                    id="sheet-unlock-passkey"
                    disabled=move || busy.get()
                    on:click=move |_| on_chosen(known.get_untracked())
                >
                    {words::PASSKEY_UNLOCK}
                </button>
            }
        })
    }
}

#[component]
fn Sign(number: u32, sheet: Sheet) -> impl IntoView {
    let open = RwSignal::new(Some(sheet.clone()));
    let done = move |end: SheetEnd| {
        finish(
            number,
            match end {
                SheetEnd::Reply(Reply::Signed { signature }) => Ok(JsValue::from_str(&signature)),
                SheetEnd::Reply(Reply::Sent { hash }) => Ok(JsValue::from_str(&hash.to_string())),
                SheetEnd::Unclear { hash, detail } => Err(ProviderError::SendUnclear { hash, detail }),
                _ => Err(ProviderError::Refused),
            },
        );
    };
    view! { <SheetDialog shown=sheet open on_signed=move |hash| signed(number, hash) on_done=done /> }
}

/// What became of calls that the page asked for. Nothing is signed here.
#[component]
fn Look(number: u32, calls: Vec<CallLine>) -> impl IntoView {
    let rows = calls
        .into_iter()
        .map(|line| {
            let hash = line.hash.map(|hash| {
                let hash = hash.to_string();
                view! { <code>{format::shortened(&hash)}</code> }
            });
            view! { <li>{words::call_state(line.state)} " " {hash}</li> }
        })
        .collect_view();
    view! {
        <Frame number title=words::CALLS_TITLE asks=words::CALLS_ASKED>
            <ol id="sheet-calls">{rows}</ol>
            <div class="actions">
                <button type="button" class="button" id="sheet-close" on:click=move |_| finish(number, Ok(JsValue::NULL))>
                    {words::CALLS_CLOSE}
                </button>
            </div>
        </Frame>
    }
}

/// From a request to its sheet.
mod flow {
    use leptos::prelude::*;
    use shared::Address;
    use wallet::protocol::{Refusal, Reply, Request, SignKind};
    use wallet::provider::{AskedFor, ProviderError};

    use super::Shown;
    use crate::browser::provider::{Asked, finish};
    use crate::browser::wallet_client::{AskError, ask};

    pub(super) fn next(shown: RwSignal<Shown>, asked: Option<Asked>) {
        match asked {
            None => shown.set(Shown::Nothing),
            Some(Asked { number, what: AskedFor::Connect }) => ask(Request::State, move |answer| match answer {
                Ok(Reply::State(vault)) => shown.set(Shown::Connect { number, vault }),
                Ok(_) => {}
                Err(error) => finish(number, Err(ProviderError::Wallet(error.text()))),
            }),
            Some(Asked { number, what: AskedFor::Sign { from, what } }) => prepare(shown, number, from, what),
            Some(Asked { number, what: AskedFor::Look { calls } }) => shown.set(Shown::Look { number, calls }),
        }
    }

    /// Shows the sheet, or asks for the password first.
    pub(super) fn prepare(shown: RwSignal<Shown>, number: u32, from: Address, what: SignKind) {
        let request = Request::Prepare { from, origin: super::host(), what: what.clone() };
        ask(request, move |answer| match answer {
            Ok(Reply::Sheet(sheet)) => shown.set(Shown::Sign { number, sheet: *sheet }),
            Ok(_) => {}
            Err(AskError::Refused(Refusal::Locked)) => shown.set(Shown::Unlock { number, from, what }),
            Err(error) => finish(number, Err(ProviderError::Wallet(error.text()))),
        });
    }
}
