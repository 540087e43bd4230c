//! The wallet page: make, confirm, unlock, lock, remove. The page knows words and passwords only while they are typed.

use leptos::either::EitherOf7;
use leptos::prelude::*;
use shared::Address;
use shared::amount::Amount;
use wallet::protocol::{Reply, Request, Secret, WalletState};

use crate::components::identicon::Identicon;
use crate::components::notice::Notice;
use crate::components::status::{StatusPill, Tone};
use crate::components::value::{AmountValue, CodeValue};
use crate::text::{common, wallet as words};

/// What the page shows of the wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Starting,
    /// The wallet cannot be used, and why.
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "a worker fails in the browser only"))]
    Broken(String),
    At(WalletState),
    /// The words of a new key are on the screen.
    Words {
        words: Vec<Secret>,
        ask: Vec<usize>,
    },
    /// The page asks for some of them.
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
}

impl Wallet {
    fn new() -> Self {
        Self { stage: RwSignal::new(Stage::Starting), error: RwSignal::new(None), busy: RwSignal::new(false) }
    }

    fn ask(self, request: Request) {
        self.error.set(None);
        self.busy.set(true);
        #[cfg(feature = "hydrate")]
        crate::browser::wallet_client::ask(request, move |answer| self.answered(answer));
        #[cfg(not(feature = "hydrate"))]
        drop(request);
    }

    #[cfg(feature = "hydrate")]
    fn answered(self, answer: Result<Reply, crate::browser::wallet_client::AskError>) {
        use crate::browser::wallet_client::AskError;

        self.busy.set(false);
        match answer {
            Ok(reply) => self.show(reply),
            Err(error) if error == AskError::WorkerFailed || self.is_starting() => {
                self.stage.set(Stage::Broken(error.text()));
            }
            Err(error) => self.error.set(Some(error.text())),
        }
    }

    #[cfg(feature = "hydrate")]
    fn is_starting(self) -> bool {
        self.stage.with_untracked(|stage| *stage == Stage::Starting)
    }

    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "replies arrive in the browser only"))]
    fn show(self, reply: Reply) {
        match reply {
            Reply::State { wallet } => self.stage.set(Stage::At(wallet)),
            Reply::Words { words, ask } => self.stage.set(Stage::Words { words, ask }),
            Reply::ReceiptChecked { .. } => {}
        }
    }
}

#[island]
pub fn WalletPanel() -> impl IntoView {
    let wallet = Wallet::new();
    Effect::new(move |_| wallet.ask(Request::State));
    view! {
        <div id="wallet">
            {move || match wallet.stage.get() {
                Stage::Starting => EitherOf7::A(view! { <p class="section-note">{words::STARTING}</p> }),
                Stage::Broken(detail) => {
                    EitherOf7::B(view! { <Notice tone=Tone::Refused title=words::UNAVAILABLE_TITLE detail /> })
                }
                Stage::At(WalletState::Empty) => EitherOf7::C(view! { <Create wallet /> }),
                Stage::At(WalletState::Locked { address }) => EitherOf7::D(view! { <Locked wallet address /> }),
                Stage::At(WalletState::Unlocked { address }) => EitherOf7::E(view! { <Unlocked wallet address /> }),
                Stage::Words { words, ask } => EitherOf7::F(view! { <Words wallet words ask /> }),
                Stage::Confirm { words, ask } => EitherOf7::G(view! { <Confirm wallet words ask /> }),
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
        wallet.ask(Request::Create { password: Secret(password.get_untracked()) });
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
            let known = words.get(position.wrapping_sub(1)).map(|word| word.0.clone()).unwrap_or_default();
            let is_wrong = move || {
                let differs = value.with(|given| !given.trim().eq_ignore_ascii_case(&known));
                (differs && wallet.error.with(Option::is_some)).then_some("true")
            };
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
                        aria-describedby="wallet-error"
                        aria-invalid=is_wrong
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
        wallet.ask(Request::Confirm { words });
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
        wallet.ask(Request::Unlock { password: Secret(password.get_untracked()) });
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
            <Removal wallet address />
        </div>
    }
}

#[component]
fn Unlocked(wallet: Wallet, address: Address) -> impl IntoView {
    view! {
        <div class="stack">
            <Account address tone=Tone::Done word=words::UNLOCKED lock=wallet />
            <Problem wallet />
            <Removal wallet address />
        </div>
    }
}

/// Address and balance; both are public and are shown locked as well.
#[component]
fn Account(
    address: Address,
    tone: Tone,
    word: &'static str,
    /// The unlocked wallet, to lock it from here.
    #[prop(optional)]
    lock: Option<Wallet>,
) -> impl IntoView {
    let balance = RwSignal::new(None::<Amount>);
    let failed = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    start_balance(address, balance, failed);
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
                    {move || balance.get().map(|amount| view! { <AmountValue amount /> })}
                    {move || (balance.get().is_none()).then(|| view! {
                        <span class="section-note">{if failed.get() { words::BALANCE_UNKNOWN } else { words::BALANCE_ASKED }}</span>
                    })}
                </p>
                <div class="actions">
                    {lock.map(|wallet| {
                        view! {
                            <button type="button" class="button button-quiet" id="wallet-lock" on:click=move |_| wallet.ask(Request::Lock)>
                                {words::LOCK}
                            </button>
                        }
                    })}
                    <a class="button button-quiet" href=format!("/explorer/addresses/{address}")>
                        {words::ACTIVITY}
                    </a>
                </div>
            </div>
        </section>
    }
}

#[cfg(feature = "hydrate")]
fn start_balance(address: Address, balance: RwSignal<Option<Amount>>, failed: RwSignal<bool>) {
    /// The one field that is shown of an [`shared::api::explorer::AddressView`].
    #[derive(serde::Deserialize)]
    struct Account {
        balance: Amount,
    }

    let refresh = move || {
        leptos::task::spawn_local(async move {
            match crate::browser::http::get::<Account>(&format!("/api/explorer/addresses/{address}")).await {
                Ok(account) => balance.set(Some(account.balance)),
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
fn Removal(wallet: Wallet, address: Address) -> impl IntoView {
    let asked = RwSignal::new(false);
    view! {
        <div class="actions" hidden=move || asked.get()>
            <button type="button" class="button button-quiet button-small" id="wallet-remove" on:click=move |_| asked.set(true)>
                {words::REMOVE}
            </button>
        </div>
        <div hidden=move || !asked.get()>
            <Notice tone=Tone::Waiting title=words::remove_title(&address.to_string()) detail=words::REMOVE_DETAIL />
            <div class="actions removal">
                <button type="button" class="button button-small" id="wallet-remove-now" on:click=move |_| wallet.ask(Request::Remove { address })>
                    {words::REMOVE_CONFIRM}
                </button>
                <button type="button" class="button button-quiet button-small" on:click=move |_| asked.set(false)>
                    {words::KEEP}
                </button>
            </div>
        </div>
    }
}
