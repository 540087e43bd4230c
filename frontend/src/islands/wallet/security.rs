//! Backup, password, lock, name and removal, and what protects the wallet in plain words.

use leptos::prelude::*;
use wallet::protocol::{
    AUTO_LOCK_CHOICES_MINUTES, AccountView, ExportForm, Reply, Request, Secret, WalletId, WalletKind, WalletView,
};

use super::fields::{AccountName, PasswordField, Problem, Segments, TextField};
use super::passkeys::Passkeys;
use super::store::Wallet;
use crate::components::notice::Notice;
use crate::components::status::Tone;
use crate::text::wallet as words;

#[component]
pub(super) fn Security(wallet: Wallet) -> impl IntoView {
    let shown = Memo::new(move |_| wallet.shown().map(|(view, account)| (view.id, view.kind, account)));
    let parts = move || {
        shown.get().map(|(id, kind, account)| {
            view! {
                <Backup wallet id kind account />
                <Manage wallet id />
            }
        })
    };
    let facts = words::FACTS.map(|fact| view! { <li>{fact}</li> });
    view! {
        <div class="stack">
            <Problem wallet />
            {parts}
            <PasswordAndLock wallet />
            <Passkeys wallet />
            <section class="section">
                <h2>{words::FACTS_TITLE}</h2>
                <ul class="wallet-facts">{facts}</ul>
            </section>
        </div>
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Words,
    Key,
    Keystore,
}

#[component]
fn Backup(wallet: Wallet, id: WalletId, kind: WalletKind, account: AccountView) -> impl IntoView {
    let address = account.address;
    let first = if kind == WalletKind::Phrase { Form::Words } else { Form::Key };
    let (form, password) = (RwSignal::new(first), RwSignal::new(String::new()));
    let (shown, saved) = (RwSignal::new(None::<Secret>), RwSignal::new(false));
    let mut choices = vec![
        (Form::Key, words::SHOW_KEY, "wallet-export-key"),
        (Form::Keystore, words::SAVE_KEYSTORE, "wallet-export-keystore"),
    ];
    if kind == WalletKind::Phrase {
        choices.insert(0, (Form::Words, words::SHOW_WORDS, "wallet-export-words"));
    }
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let wanted = form.get_untracked();
        let form = match wanted {
            Form::Words => ExportForm::Words,
            Form::Key => ExportForm::Key { address },
            Form::Keystore => ExportForm::Keystore { address },
        };
        let given = Secret(password.get_untracked());
        password.set(String::new());
        saved.set(false);
        shown.set(None);
        wallet.ask_then(Request::Export { wallet: id, form, password: given }, move |reply| {
            let Reply::Exported { secret } = reply else { return };
            if wanted == Form::Keystore {
                save_keystore(&secret, address);
                let _ = saved.try_set(true);
            } else {
                let _ = shown.try_set(Some(secret));
            }
        });
    };
    let button = move || match (wallet.busy.get(), form.get()) {
        (true, _) => words::OPENING,
        (false, Form::Keystore) => words::SAVE,
        (false, _) => words::REVEAL,
    };
    view! {
        <section class="sheet">
            <div class="sheet-head">
                <h2>{words::BACKUP_TITLE}</h2>
                <p class="section-note">{words::BACKUP_DETAIL}</p>
            </div>
            <Segments label=words::BACKUP_TITLE value=form choices />
            <form class="form" on:submit=submit>
                <AccountName />
                <PasswordField id="wallet-export-password" label=words::PASSWORD value=password autocomplete="current-password" />
                <div class="actions">
                    <button type="submit" class="button" id="wallet-export" disabled=move || wallet.busy.get()>
                        {button}
                    </button>
                </div>
            </form>
            {move || shown.get().map(|secret| view! { <Shown secret shown /> })}
            {move || saved.get().then(|| view! { <Notice tone=Tone::Done title=words::SAVE_KEYSTORE detail=words::KEYSTORE_SAVED /> })}
        </section>
    }
}

/// A secret on the screen, until it is hidden or the page goes on.
#[component]
fn Shown(secret: Secret, shown: RwSignal<Option<Secret>>) -> impl IntoView {
    let parts: Vec<String> = secret.0.split(' ').map(str::to_owned).collect();
    let text = if parts.len() > 1 {
        let list = parts.into_iter().map(|word| view! { <li>{word}</li> }).collect_view();
        view! { <ol class="wallet-words" id="wallet-exported">{list}</ol> }.into_any()
    } else {
        view! { <pre class="raw" id="wallet-exported" tabindex="0">{secret.0}</pre> }.into_any()
    };
    view! {
        <Notice tone=Tone::Waiting title=words::SHOWN_TITLE detail=words::SHOWN_DETAIL />
        {text}
        <div class="actions">
            <button type="button" class="button button-quiet button-small" on:click=move |_| shown.set(None)>
                {words::HIDE}
            </button>
        </div>
    }
}

fn save_keystore(secret: &Secret, address: shared::Address) {
    #[cfg(feature = "hydrate")]
    crate::browser::files::save(&format!("{address}.json"), &secret.0);
    #[cfg(not(feature = "hydrate"))]
    let _ = (secret, address);
}

#[component]
fn PasswordAndLock(wallet: Wallet) -> impl IntoView {
    let (old, new, again) = (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let changed = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        changed.set(false);
        if new.get_untracked() != again.get_untracked() {
            return wallet.error.set(Some(words::ERROR_DIFFERENT.to_owned()));
        }
        let request = Request::ChangePassword { old: Secret(old.get_untracked()), new: Secret(new.get_untracked()) };
        wallet.ask_then(request, move |_| {
            for field in [old, new, again] {
                let _ = field.try_set(String::new());
            }
            let _ = changed.try_set(true);
        });
    };
    let minutes = Memo::new(move |_| wallet.vault.with(|vault| vault.auto_lock_minutes));
    let choices = AUTO_LOCK_CHOICES_MINUTES.map(|choice| {
        view! {
            <option value=choice.to_string() selected=move || minutes.get() == choice>
                {words::minutes(choice)}
            </option>
        }
    });
    let set = move |event| {
        if let Ok(minutes) = event_target_value(&event).parse() {
            wallet.ask(Request::SetAutoLock { minutes });
        }
    };
    view! {
        <section class="sheet">
            <h2>{words::PASSWORD_TITLE}</h2>
            <form class="form" on:submit=submit>
                <AccountName />
                <PasswordField id="wallet-old" label=words::PASSWORD_OLD value=old autocomplete="current-password" />
                <PasswordField id="wallet-new-password" label=words::PASSWORD_NEW value=new autocomplete="new-password" help=words::PASSWORD_HELP />
                <PasswordField id="wallet-new-again" label=words::PASSWORD_AGAIN value=again autocomplete="new-password" />
                <div class="actions">
                    <button type="submit" class="button button-quiet" id="wallet-change-password" disabled=move || wallet.busy.get()>
                        {words::PASSWORD_CHANGE}
                    </button>
                </div>
            </form>
            {move || changed.get().then(|| view! { <Notice tone=Tone::Done title=words::PASSWORD_TITLE detail=words::PASSWORD_CHANGED /> })}
            <div class="field">
                <label for="wallet-auto-lock">{words::AUTO_LOCK}</label>
                <select id="wallet-auto-lock" on:change=set>
                    {choices}
                </select>
                <span class="field-help">{words::AUTO_LOCK_HELP}</span>
            </div>
        </section>
    }
}

#[component]
fn Manage(wallet: Wallet, id: WalletId) -> impl IntoView {
    let view = move || wallet.vault.with(|vault| vault.wallets.iter().find(|view| view.id == id).cloned());
    let known = untrack(view).map(|WalletView { name, .. }| name).unwrap_or_default();
    let name = RwSignal::new(known.clone());
    let rename = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        wallet.ask(Request::Rename { wallet: id, name: name.get_untracked() });
    };
    let asked = RwSignal::new(false);
    view! {
        <section class="sheet">
            <h2>{words::WALLETS_TITLE}</h2>
            <form class="form" on:submit=rename>
                <TextField id="wallet-rename" label=words::NAME value=name help=words::NAME_HELP />
                <div class="actions">
                    <button type="submit" class="button button-quiet" id="wallet-rename-now" disabled=move || wallet.busy.get()>
                        {words::RENAME}
                    </button>
                    <button type="button" class="button button-quiet" id="wallet-remove" hidden=move || asked.get() on:click=move |_| asked.set(true)>
                        {words::REMOVE}
                    </button>
                </div>
            </form>
            {move || asked.get().then(|| view! { <Removal wallet id name=known.clone() asked /> })}
        </section>
    }
}

#[component]
fn Removal(wallet: Wallet, id: WalletId, name: String, asked: RwSignal<bool>) -> impl IntoView {
    let password = RwSignal::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let given = Secret(password.get_untracked());
        password.set(String::new());
        wallet.ask(Request::Remove { wallet: id, password: given });
    };
    view! {
        <form class="form" id="wallet-removal" on:submit=submit>
            <Notice tone=Tone::Waiting title=words::remove_title(&name) detail=words::REMOVE_DETAIL />
            <AccountName />
            <PasswordField id="wallet-remove-password" label=words::PASSWORD value=password autocomplete="current-password" />
            <div class="actions">
                <button type="submit" class="button button-loss" id="wallet-remove-now" disabled=move || wallet.busy.get()>
                    {words::REMOVE_NOW}
                </button>
                <button type="button" class="button button-quiet" on:click=move |_| asked.set(false)>
                    {words::KEEP}
                </button>
            </div>
        </form>
    }
}
