//! A wallet is made, or brought from elsewhere.

use leptos::prelude::*;
use wallet::protocol::{ImportSource, NewWords, Reply, Request, Secret};

use super::fields::{AccountName, PasswordField, Problem, Segments, TextField};
use super::store::{Adding, Wallet};
use super::unlock::Unlock;
use crate::text::wallet as words;

/// Before there is any wallet.
#[component]
pub(super) fn Welcome(wallet: Wallet) -> impl IntoView {
    view! {
        <div class="sheet">
            <div class="sheet-head">
                <h2>{words::WELCOME_TITLE}</h2>
                <p class="section-note">{words::WELCOME}</p>
            </div>
            <Choices wallet />
        </div>
    }
}

#[component]
fn Choices(wallet: Wallet) -> impl IntoView {
    view! {
        <div class="actions">
            <button type="button" class="button" id="wallet-new" on:click=move |_| wallet.step(Some(Adding::Create))>
                {words::MAKE_NEW}
            </button>
            <button type="button" class="button button-quiet" id="wallet-bring" on:click=move |_| wallet.step(Some(Adding::Import))>
                {words::BRING}
            </button>
        </div>
    }
}

#[component]
pub(super) fn Add(wallet: Wallet) -> impl IntoView {
    // Another tab may have stored the first wallet meanwhile: what is made here joins it once it is unlocked.
    let locked = Memo::new(move |_| !wallet.is_empty() && !wallet.is_unlocked());
    let step = move || match wallet.adding.get() {
        Some(Adding::Create) => view! { <Create wallet /> }.into_any(),
        Some(Adding::Import) => view! { <Import wallet /> }.into_any(),
        Some(Adding::Words(new)) => view! { <Words wallet new /> }.into_any(),
        Some(Adding::Confirm(new)) => view! { <Confirm wallet new /> }.into_any(),
        Some(Adding::Choose) | None => view! {
            <div class="sheet">
                <h2>{words::ADD}</h2>
                <Choices wallet />
                <div class="actions">
                    <Cancel wallet />
                </div>
            </div>
        }
        .into_any(),
    };
    view! {
        <div class="stack">
            {move || locked.get().then(|| view! { <Unlock wallet without_problem=true /> })}
            {step}
        </div>
    }
}

#[component]
fn Cancel(wallet: Wallet) -> impl IntoView {
    view! {
        <button type="button" class="button button-quiet" id="wallet-cancel" on:click=move |_| wallet.step(None)>
            {words::CANCEL}
        </button>
    }
}

/// The password that all wallets of this browser share; only the first one chooses it.
#[derive(Clone, Copy)]
struct NewPassword {
    first: RwSignal<String>,
    again: RwSignal<String>,
    is_asked: bool,
}

impl NewPassword {
    fn new(wallet: Wallet) -> Self {
        let is_asked = untrack(|| wallet.is_empty());
        Self { first: RwSignal::new(String::new()), again: RwSignal::new(String::new()), is_asked }
    }

    /// The error is for the reader.
    fn get(self) -> Result<Option<Secret>, &'static str> {
        if !self.is_asked {
            return Ok(None);
        }
        let password = self.first.get_untracked();
        if password == self.again.get_untracked() { Ok(Some(Secret(password))) } else { Err(words::ERROR_DIFFERENT) }
    }
}

#[component]
fn PasswordFields(password: NewPassword) -> impl IntoView {
    password.is_asked.then(|| {
        view! {
            <AccountName />
            <PasswordField id="wallet-password" label=words::PASSWORD value=password.first autocomplete="new-password" help=words::PASSWORD_HELP />
            <PasswordField id="wallet-password-again" label=words::PASSWORD_AGAIN value=password.again autocomplete="new-password" />
        }
    })
}

#[component]
fn Create(wallet: Wallet) -> impl IntoView {
    let name = RwSignal::new(words::NAME_DEFAULT.to_owned());
    let long = RwSignal::new(false);
    let password = NewPassword::new(wallet);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match password.get() {
            Err(error) => wallet.error.set(Some(error.to_owned())),
            Ok(password) => {
                let request = Request::Create { name: name.get_untracked(), long: long.get_untracked(), password };
                wallet.ask_then(request, move |reply| {
                    if let Reply::Words(new) = reply {
                        wallet.adding.set(Some(Adding::Words(new)));
                    }
                });
            }
        }
    };
    view! {
        <form class="sheet" on:submit=submit>
            <div class="sheet-head">
                <h2>{words::CREATE_TITLE}</h2>
                <p class="section-note">{words::CREATE_DETAIL}</p>
            </div>
            <TextField id="wallet-name" label=words::NAME value=name help=words::NAME_HELP />
            <PasswordFields password />
            <label class="check">
                <input type="checkbox" id="wallet-long" on:change=move |event| long.set(event_target_checked(&event)) />
                {words::LONG_WORDS}
            </label>
            <Problem wallet />
            <div class="actions">
                <button type="submit" class="button" id="wallet-create" disabled=move || wallet.busy.get()>
                    {move || if wallet.busy.get() { words::CREATING } else { words::CREATE }}
                </button>
                <Cancel wallet />
            </div>
        </form>
    }
}

#[component]
fn Words(wallet: Wallet, new: NewWords) -> impl IntoView {
    let list = new.words.iter().map(|word| view! { <li>{word.0.clone()}</li> }).collect_view();
    let title = words::words_title(new.words.len());
    let go_on = move |_| wallet.step(Some(Adding::Confirm(new.clone())));
    view! {
        <div class="sheet">
            <div class="sheet-head">
                <h2>{title}</h2>
                <p class="section-note">{words::WORDS_DETAIL}</p>
            </div>
            <ol class="wallet-words" id="wallet-words">
                {list}
            </ol>
            <div class="actions">
                <button type="button" class="button" id="wallet-words-done" on:click=go_on>
                    {words::WORDS_DONE}
                </button>
                <Cancel wallet />
            </div>
        </div>
    }
}

#[component]
fn Confirm(wallet: Wallet, new: NewWords) -> impl IntoView {
    let answers: Vec<(usize, RwSignal<String>)> =
        new.ask.iter().map(|at| (*at, RwSignal::new(String::new()))).collect();
    let fields = answers
        .iter()
        .map(|&(position, value)| {
            let known = new.words.get(position.wrapping_sub(1)).map(|word| word.0.clone()).unwrap_or_default();
            view! { <WordField wallet position value known /> }
        })
        .collect_view();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let words = answers.iter().map(|(position, value)| (*position, Secret(value.get_untracked()))).collect();
        wallet.ask_then(Request::Confirm { words }, move |_| wallet.added());
    };
    let back = move |_| wallet.step(Some(Adding::Words(new.clone())));
    view! {
        <form class="sheet" on:submit=submit>
            <div class="sheet-head">
                <h2>{words::CONFIRM_TITLE}</h2>
                <p class="section-note">{words::CONFIRM_DETAIL}</p>
            </div>
            <div class="word-fields">{fields}</div>
            <Problem wallet />
            <div class="actions">
                <button type="submit" class="button" id="wallet-confirm" disabled=move || wallet.busy.get()>
                    {words::CONFIRM}
                </button>
                <button type="button" class="button button-quiet" id="wallet-words-again" on:click=back>
                    {words::BACK}
                </button>
            </div>
        </form>
    }
}

#[component]
fn WordField(wallet: Wallet, position: usize, value: RwSignal<String>, known: String) -> impl IntoView {
    let id = format!("wallet-word-{position}");
    let is_wrong = move || {
        let differs = value.with(|given| !given.trim().eq_ignore_ascii_case(&known));
        (differs && wallet.error.with(Option::is_some)).then_some("true")
    };
    view! {
        <div class="field">
            <label for=id.clone()>{words::word(position)}</label>
            <input
                id=id
                class="mono"
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Phrase,
    Key,
    File,
}

#[component]
fn Import(wallet: Wallet) -> impl IntoView {
    let kind = RwSignal::new(Kind::Phrase);
    let name = RwSignal::new(words::NAME_DEFAULT.to_owned());
    let (secret, file, file_password) =
        (RwSignal::new(String::new()), RwSignal::new(None::<String>), RwSignal::new(String::new()));
    let password = NewPassword::new(wallet);
    let source = move || -> Result<ImportSource, &'static str> {
        let given = Secret(secret.get_untracked());
        match kind.get_untracked() {
            Kind::Phrase => Ok(ImportSource::Phrase { words: given }),
            Kind::Key => Ok(ImportSource::Key { key: given }),
            Kind::File => {
                let password = Secret(file_password.get_untracked());
                let file = file.get_untracked().ok_or(words::NO_FILE)?;
                Ok(ImportSource::Keystore { file, password })
            }
        }
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match source().and_then(|source| Ok((source, password.get()?))) {
            Err(error) => wallet.error.set(Some(error.to_owned())),
            Ok((source, password)) => {
                let request = Request::Import { name: name.get_untracked(), source, password };
                wallet.ask_then(request, move |_| wallet.added());
            }
        }
    };
    let choices = vec![
        (Kind::Phrase, words::IMPORT_PHRASE, "wallet-import-words"),
        (Kind::Key, words::IMPORT_KEY, "wallet-import-key"),
        (Kind::File, words::IMPORT_FILE, "wallet-import-file"),
    ];
    let given = move || {
        match kind.get() {
        Kind::Phrase => view! { <PhraseField value=secret /> }.into_any(),
        Kind::Key => view! {
            <TextField id="wallet-secret" label=words::IMPORT_KEY value=secret help=words::IMPORT_KEY_HELP mono=true />
        }
        .into_any(),
        Kind::File => view! {
            <FileField file />
            <PasswordField id="wallet-file-password" label=words::IMPORT_FILE_PASSWORD value=file_password autocomplete="off" />
        }
        .into_any(),
    }
    };
    view! {
        <form class="sheet" on:submit=submit>
            <div class="sheet-head">
                <h2>{words::IMPORT_TITLE}</h2>
                <p class="section-note">{words::IMPORT_DETAIL}</p>
            </div>
            <Segments label=words::IMPORT_KIND value=kind choices />
            {given}
            <TextField id="wallet-name" label=words::NAME value=name help=words::NAME_HELP />
            <PasswordFields password />
            <Problem wallet />
            <div class="actions">
                <button type="submit" class="button" id="wallet-import" disabled=move || wallet.busy.get()>
                    {move || if wallet.busy.get() { words::IMPORTING } else { words::IMPORT }}
                </button>
                <Cancel wallet />
            </div>
        </form>
    }
}

#[component]
fn PhraseField(value: RwSignal<String>) -> impl IntoView {
    view! {
        <div class="field">
            <label for="wallet-secret">{words::IMPORT_PHRASE}</label>
            <textarea
                id="wallet-secret"
                class="mono"
                rows="3"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                required
                aria-describedby="wallet-secret-help"
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            ></textarea>
            <span class="field-help" id="wallet-secret-help">{words::IMPORT_PHRASE_HELP}</span>
        </div>
    }
}

#[component]
fn FileField(file: RwSignal<Option<String>>) -> impl IntoView {
    let chosen = move |_| {
        #[cfg(feature = "hydrate")]
        crate::browser::files::read("wallet-file", move |text| drop(file.try_set(text)));
        #[cfg(not(feature = "hydrate"))]
        let _ = file;
    };
    view! {
        <div class="field">
            <label for="wallet-file">{words::IMPORT_FILE}</label>
            <input type="file" id="wallet-file" accept=".json,application/json" aria-describedby="wallet-file-help" on:change=chosen />
            <span class="field-help" id="wallet-file-help">{words::IMPORT_FILE_HELP}</span>
        </div>
    }
}
