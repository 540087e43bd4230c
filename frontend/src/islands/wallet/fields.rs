//! Fields of the wallet's forms.

use leptos::prelude::*;

use super::store::Wallet;
use crate::text::wallet as words;

#[component]
pub(super) fn Problem(wallet: Wallet) -> impl IntoView {
    view! {
        <p class="field-error" role="alert" id="wallet-error" hidden=move || wallet.error.with(Option::is_none)>
            {move || wallet.error.get()}
        </p>
    }
}

/// What a password manager files the password under.
#[component]
pub(super) fn AccountName() -> impl IntoView {
    view! { <input type="text" name="username" autocomplete="username" value=words::ACCOUNT_NAME readonly hidden /> }
}

#[component]
pub(super) fn PasswordField(
    id: &'static str,
    label: &'static str,
    value: RwSignal<String>,
    autocomplete: &'static str,
    #[prop(optional)] help: Option<&'static str>,
) -> impl IntoView {
    let help_id = help.map(|_| format!("{id}-help"));
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input
                id=id
                type="password"
                autocomplete=autocomplete
                required
                aria-describedby=help_id.clone()
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
            {help.map(|help| view! { <span class="field-help" id=help_id>{help}</span> })}
        </div>
    }
}

/// A line of text that no browser corrects, completes or stores.
#[component]
pub(super) fn TextField(
    #[prop(into)] id: String,
    #[prop(into)] label: String,
    value: RwSignal<String>,
    #[prop(optional)] help: Option<&'static str>,
    /// In a fixed pitch.
    #[prop(optional)]
    mono: bool,
) -> impl IntoView {
    let help_id = help.map(|_| format!("{id}-help"));
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                id=id
                class=mono.then_some("mono")
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                required
                aria-describedby=help_id.clone()
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
            {help.map(|help| view! { <span class="field-help" id=help_id>{help}</span> })}
        </div>
    }
}

/// One of a few, as buttons in a row.
#[component]
pub(super) fn Segments<T: Copy + PartialEq + Send + Sync + 'static>(
    label: &'static str,
    value: RwSignal<T>,
    /// Each choice with its word and the id of its button.
    choices: Vec<(T, &'static str, &'static str)>,
) -> impl IntoView {
    let buttons = choices
        .into_iter()
        .map(|(choice, word, id)| {
            view! {
                <button
                    type="button"
                    id=id
                    aria-pressed=move || (value.get() == choice).to_string()
                    on:click=move |_| value.set(choice)
                >
                    {word}
                </button>
            }
        })
        .collect_view();
    view! {
        <div class="segments" role="group" aria-label=label>
            {buttons}
        </div>
    }
}
