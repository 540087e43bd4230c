//! The wallet page: make, confirm, unlock, lock, remove. The page knows words and passwords only while they are typed.

use leptos::prelude::*;
use shared::Address;
use shared::api::explorer::AddressView;

use crate::components::identicon::Identicon;
use crate::components::notice::Notice;
use crate::components::status::{StatusPill, Tone};
use crate::components::value::{AmountValue, CodeValue};
use crate::text::{common, wallet as words};
use crate::wallet::protocol::{Reply, Request, Secret, WalletState};

/// Where the page stands with its worker.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Starting,
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "a worker fails in the browser only"))]
    Broken,
    At(WalletState),
    /// The words of a new key are on the screen.
    Words {
        words: Vec<Secret>,
        ask: Vec<usize>,
    },
    /// Some of them are asked for.
    Confirm {
        words: Vec<Secret>,
        ask: Vec<usize>,
    },
}

#[derive(Clone, Copy)]
struct Wallet {
    stage: RwSignal<Stage>,
    error: RwSignal<Option<String>>,
    busy: RwSignal<bool>,
    #[cfg(feature = "hydrate")]
    client: StoredValue<Option<crate::browser::wallet_client::WalletClient>, LocalStorage>,
}

impl Wallet {
    fn new() -> Self {
        Self {
            stage: RwSignal::new(Stage::Starting),
            error: RwSignal::new(None),
            busy: RwSignal::new(false),
            #[cfg(feature = "hydrate")]
            client: StoredValue::new_local(None),
        }
    }

    fn ask(self, request: &Request) {
        self.error.set(None);
        self.busy.set(true);
        #[cfg(feature = "hydrate")]
        self.client.with_value(|client| {
            if let Some(client) = client {
                client.post(request);
            }
        });
        #[cfg(not(feature = "hydrate"))]
        let _ = request;
    }

    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "replies arrive in the browser only"))]
    fn take(self, reply: Reply) {
        self.busy.set(false);
        match reply {
            Reply::Ready => self.ask(&Request::State),
            Reply::State { wallet } => self.stage.set(Stage::At(wallet)),
            Reply::Words { words, ask } => self.stage.set(Stage::Words { words, ask }),
            Reply::Refused { reason } => self.error.set(Some(words::refusal(&reason))),
            Reply::Verified { .. } => {}
        }
    }
}

#[island]
pub fn WalletPanel() -> impl IntoView {
    let wallet = Wallet::new();
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        use crate::browser::wallet_client::WalletClient;
        let failed = move || wallet.stage.set(Stage::Broken);
        wallet.client.set_value(WalletClient::start(move |reply| wallet.take(reply), failed));
    });
    view! {
        <div id="wallet">
            {move || match wallet.stage.get() {
                Stage::Starting => view! { <p class="section-note">{words::STARTING}</p> }.into_any(),
                Stage::Broken => {
                    view! { <Notice tone=Tone::Refused title=common::UNAVAILABLE_TITLE detail=words::ERROR_WORKER /> }.into_any()
                }
                Stage::At(WalletState::Empty) => view! { <Create wallet /> }.into_any(),
                Stage::At(WalletState::Locked { address }) => view! { <Locked wallet address /> }.into_any(),
                Stage::At(WalletState::Unlocked { address }) => view! { <Unlocked wallet address /> }.into_any(),
                Stage::Words { words, ask } => view! { <Words wallet words ask /> }.into_any(),
                Stage::Confirm { words, ask } => view! { <Confirm wallet words ask /> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn Problem(wallet: Wallet) -> impl IntoView {
    view! {
        <p class="field-error" role="alert" id="wallet-error">
            {move || wallet.error.get()}
        </p>
    }
}

/// What a password manager files the password under.
#[component]
fn AccountName() -> impl IntoView {
    view! { <input type="text" name="username" autocomplete="username" value=words::ACCOUNT_NAME readonly hidden /> }
}

#[component]
fn PasswordField(
    id: &'static str,
    label: &'static str,
    value: RwSignal<String>,
    autocomplete: &'static str,
    #[prop(optional)] help: Option<&'static str>,
) -> impl IntoView {
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input
                id=id
                type="password"
                autocomplete=autocomplete
                required
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
            {help.map(|help| view! { <span class="field-help">{help}</span> })}
        </div>
    }
}

#[component]
fn Create(wallet: Wallet) -> impl IntoView {
    let (password, again) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if password.get_untracked() != again.get_untracked() {
            return wallet.error.set(Some(words::ERROR_DIFFERENT.to_owned()));
        }
        wallet.ask(&Request::Create { password: Secret(password.get_untracked()) });
    };
    view! {
        <form class="sheet" on:submit=submit>
            <AccountName />
            <div class="sheet-head">
                <h2>{words::CREATE_TITLE}</h2>
                <p class="section-note">{words::CREATE_DETAIL}</p>
            </div>
            <PasswordField id="wallet-password" label=words::PASSWORD value=password autocomplete="new-password" help=words::PASSWORD_HELP />
            <PasswordField id="wallet-password-again" label=words::PASSWORD_AGAIN value=again autocomplete="new-password" />
            <Problem wallet />
            <div class="actions">
                <button type="submit" class="button" id="wallet-create" disabled=move || wallet.busy.get()>
                    {move || if wallet.busy.get() { words::CREATING } else { words::CREATE }}
                </button>
            </div>
        </form>
    }
}

#[component]
fn Words(wallet: Wallet, words: Vec<Secret>, ask: Vec<usize>) -> impl IntoView {
    let list = words.iter().map(|word| view! { <li>{word.0.clone()}</li> }).collect_view();
    let go_on = move |_| wallet.stage.set(Stage::Confirm { words: words.clone(), ask: ask.clone() });
    view! {
        <div class="sheet">
            <div class="sheet-head">
                <h2>{words::WORDS_TITLE}</h2>
                <p class="section-note">{words::WORDS_DETAIL}</p>
            </div>
            <ol class="wallet-words" id="wallet-words">
                {list}
            </ol>
            <div class="actions">
                <button type="button" class="button" id="wallet-words-done" on:click=go_on>
                    {words::WORDS_DONE}
                </button>
            </div>
        </div>
    }
}

#[component]
fn Confirm(wallet: Wallet, words: Vec<Secret>, ask: Vec<usize>) -> impl IntoView {
    let answers: Vec<(usize, RwSignal<String>)> = ask.iter().map(|at| (*at, RwSignal::new(String::new()))).collect();
    let fields = answers
        .iter()
        .map(|&(position, value)| {
            let id = format!("wallet-word-{position}");
            view! {
                <div class="field">
                    <label for=id.clone()>{words::word(position)}</label>
                    <input
                        id=id
                        data-word=position.to_string()
                        autocomplete="off"
                        autocapitalize="none"
                        spellcheck="false"
                        required
                        prop:value=move || value.get()
                        on:input=move |event| value.set(event_target_value(&event))
                    />
                </div>
            }
        })
        .collect_view();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let words = answers.iter().map(|(position, value)| (*position, Secret(value.get_untracked()))).collect();
        wallet.ask(&Request::Confirm { words });
    };
    let back = move |_| wallet.stage.set(Stage::Words { words: words.clone(), ask: ask.clone() });
    view! {
        <form class="sheet" on:submit=submit>
            <h2>{words::CONFIRM_TITLE}</h2>
            <div class="settings">{fields}</div>
            <Problem wallet />
            <div class="actions">
                <button type="submit" class="button" id="wallet-confirm" disabled=move || wallet.busy.get()>
                    {words::CONFIRM}
                </button>
                <button type="button" class="button button-quiet" on:click=back>
                    {words::BACK}
                </button>
            </div>
        </form>
    }
}

#[component]
fn Locked(wallet: Wallet, address: Address) -> impl IntoView {
    let password = RwSignal::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        wallet.ask(&Request::Unlock { password: Secret(password.get_untracked()) });
        password.set(String::new());
    };
    view! {
        <div class="stack">
            <Account address tone=Tone::Plain word=words::LOCKED />
            <form class="sheet" on:submit=submit>
                <AccountName />
                <h2>{words::UNLOCK_TITLE}</h2>
                <PasswordField id="wallet-unlock-password" label=words::PASSWORD value=password autocomplete="current-password" />
                <Problem wallet />
                <div class="actions">
                    <button type="submit" class="button" id="wallet-unlock" disabled=move || wallet.busy.get()>
                        {move || if wallet.busy.get() { words::UNLOCKING } else { words::UNLOCK }}
                    </button>
                </div>
            </form>
            <Removal wallet />
        </div>
    }
}

#[component]
fn Unlocked(wallet: Wallet, address: Address) -> impl IntoView {
    view! {
        <div class="stack">
            <Account address tone=Tone::Done word=words::UNLOCKED>
                <button type="button" class="button button-quiet" id="wallet-lock" on:click=move |_| wallet.ask(&Request::Lock)>
                    {words::LOCK}
                </button>
            </Account>
            <Removal wallet />
        </div>
    }
}

/// Address and balance; both are public and are shown locked as well.
#[component]
fn Account(
    address: Address,
    tone: Tone,
    word: &'static str,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let account = RwSignal::new(None::<AddressView>);
    let failed = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    start_balance(address, account, failed);
    view! {
        <section class="sheet">
            <div class="title-row">
                <Identicon address large=true />
                <div class="sheet-head">
                    <StatusPill tone word />
                    <span id="wallet-address">
                        <CodeValue value=address.to_string() what=common::ADDRESS />
                    </span>
                </div>
            </div>
            <div class="section">
                <h2>{words::BALANCE}</h2>
                <p class="balance" id="wallet-balance" aria-live="polite">
                    {move || match (account.get(), failed.get()) {
                        (Some(account), _) => view! { <AmountValue amount=account.balance /> }.into_any(),
                        (None, true) => view! { <span class="section-note">{words::BALANCE_UNKNOWN}</span> }.into_any(),
                        (None, false) => view! { <span class="skeleton">"0 AIT"</span> }.into_any(),
                    }}
                </p>
                <div class="actions">
                    {children.map(|children| children())}
                    <a class="button button-quiet" href=format!("/explorer/addresses/{address}")>
                        {words::ACTIVITY}
                    </a>
                </div>
            </div>
        </section>
    }
}

#[cfg(feature = "hydrate")]
fn start_balance(address: Address, account: RwSignal<Option<AddressView>>, failed: RwSignal<bool>) {
    let refresh = move || {
        leptos::task::spawn_local(async move {
            match crate::browser::http::get::<AddressView>(&format!("/api/explorer/addresses/{address}")).await {
                Ok(view) => account.set(Some(view)),
                Err(_) => failed.set(true),
            }
        });
    };
    Effect::new(move |_| {
        refresh();
        crate::browser::heads::watch(refresh);
    });
}

#[component]
fn Removal(wallet: Wallet) -> impl IntoView {
    let asked = RwSignal::new(false);
    view! {
        <div class="actions" hidden=move || asked.get()>
            <button type="button" class="button button-quiet button-small" id="wallet-remove" on:click=move |_| asked.set(true)>
                {words::REMOVE}
            </button>
        </div>
        <div hidden=move || !asked.get()>
            <Notice tone=Tone::Waiting title=words::REMOVE detail=words::REMOVE_DETAIL>
                <button type="button" class="button button-small" id="wallet-remove-now" on:click=move |_| wallet.ask(&Request::Remove)>
                    {words::REMOVE_CONFIRM}
                </button>
                <button type="button" class="button button-quiet button-small" on:click=move |_| asked.set(false)>
                    {words::KEEP}
                </button>
            </Notice>
        </div>
    }
}
