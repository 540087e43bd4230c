//! Signing in with a wallet, what acts for an account (sessions and API keys), and its second factor. The page is complete without script;
//! `account.js` talks to the wallet and to the API.

mod second_factor;

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use shared::Address;
use shared::api::keys::{ApiKeyView, KEYS_PER_WALLET_MAX, LABEL_MAX_CHARS};
use shared::api::sessions::SessionView;

use self::second_factor::{CodePart, SecondFactorPart};
use super::admin::ADMIN_PATH;
use super::load::{PageTitle, load};
use crate::backend::{Account, AccountView, use_backend, use_operator_backend};
use crate::components::facts::{InfoRow, Section};
use crate::components::notice::{Empty, Notice};
use crate::components::status::Tone;
use crate::components::tables::Table;
use crate::components::value::{AddressValue, Age};
use crate::text::account as words;

#[component]
pub fn AccountPage() -> impl IntoView {
    let backend = use_backend();
    let ask = async move { backend.account().await };
    let nonce = use_nonce();
    load(ask, move |account| {
        let part = match account {
            None => view! { <SignInPart /> }.into_any(),
            Some(Account::AwaitsCode { address, session }) => view! { <CodePart address session /> }.into_any(),
            Some(Account::SignedIn(account)) => view! { <AccountPart account /> }.into_any(),
        };
        view! {
            // The script finds its words here: they are in one place, and it is in no language.
            <div
                class="stack narrow"
                id="account"
                data-looking=words::LOOKING
                data-asking=words::ASKING
                data-signing-in=words::SIGNING_IN
                data-nobody=words::NOBODY
                data-failed=words::FAILED
                data-refused=words::REFUSED
                data-offline=words::OFFLINE
            >
                {part}
            </div>
            <script type="module" src="/account.js" nonce=nonce></script>
        }
    })
}

/// What the script says, and what went wrong.
#[component]
fn Told() -> impl IntoView {
    view! {
        <p class="section-note" role="status" id="account-status"></p>
        <p class="field-error" role="alert" id="account-error" hidden></p>
    }
}

#[component]
fn SignInPart() -> impl IntoView {
    let means = words::MEANS.map(|sentence| view! { <li>{sentence}</li> });
    view! {
        <PageTitle name=words::SIGN_IN_TITLE fact=words::SIGN_IN_FACT />
        <div class="actions">
            <button type="button" class="button" id="sign-in">
                {words::SIGN_IN_NOW}
            </button>
        </div>
        <section class="section" id="wallet-choice" hidden>
            <h2>{words::CHOOSE}</h2>
            <div class="actions" id="wallets"></div>
        </section>
        <Told />
        <noscript>
            <p class="section-note">{words::NEEDS_SCRIPT}</p>
        </noscript>
        <Section title=words::MEANS_TITLE>
            <ul class="prose">{means}</ul>
            <p>
                {words::NO_WALLET} " " <a href="/wallet">{words::MAKE_WALLET}</a>
            </p>
        </Section>
    }
}

#[component]
fn AccountPart(account: AccountView) -> impl IntoView {
    let AccountView { address, sessions, keys, second_factor } = account;
    view! {
        <PageTitle name=words::TITLE fact=words::FACT />
        <Told />
        <Owner address sessions=sessions.clone() />
        <SessionsPart sessions />
        <SecondFactorPart factor=second_factor />
        <KeysPart keys />
    }
}

#[component]
fn Owner(address: Address, sessions: Vec<SessionView>) -> impl IntoView {
    let operates = use_operator_backend().is_ok();
    let own = sessions.into_iter().find(|session| session.is_current).map(|session| session.id.to_string());
    view! {
        <section class="section">
            <dl class="info">
                <InfoRow name=words::ADDRESS>
                    <AddressValue address full=true />
                </InfoRow>
            </dl>
            <div class="actions">
                <button type="button" class="button button-quiet" id="sign-out" data-session=own>
                    {words::SIGN_OUT}
                </button>
                <a class="button button-quiet" href="/jobs">{words::JOBS}</a>
                {operates.then(|| view! { <a class="button button-quiet" href=ADMIN_PATH>{words::OPERATE}</a> })}
            </div>
        </section>
    }
}

#[component]
fn SessionsPart(sessions: Vec<SessionView>) -> impl IntoView {
    let rows = sessions
        .into_iter()
        .map(|session| {
            let current = session.is_current.then(|| view! { " " <span class="pill">{words::THIS_ONE}</span> });
            let label = words::end(&session.browser);
            view! {
                <tr>
                    <td class="grow">{session.browser} {current}</td>
                    <td><Age at=session.created_at_unix_ms /></td>
                    <td>
                        <button type="button" class="button button-quiet button-small" data-session=session.id.to_string() aria-label=label>
                            {words::END}
                        </button>
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Section title=words::SESSIONS>
            <p class="section-note">{words::SESSIONS_NOTE}</p>
            <Table name="sessions" columns=vec![(words::BROWSER, Some("grow")), (words::SINCE, None), (words::ACTION, None)] rows />
            <div class="actions">
                <button type="button" class="button button-quiet button-small" id="end-all">
                    {words::END_ALL}
                </button>
            </div>
        </Section>
    }
}

#[component]
fn KeysPart(keys: Vec<ApiKeyView>) -> impl IntoView {
    let is_full = keys.len() >= KEYS_PER_WALLET_MAX;
    view! {
        <Section title=words::KEYS>
            <p class="section-note">{words::KEYS_NOTE}</p>
            {if keys.is_empty() {
                view! { <Empty title=words::NO_KEYS_TITLE detail=words::NO_KEYS /> }.into_any()
            } else {
                view! { <KeyTable keys /> }.into_any()
            }}
            <div id="secret" class="form" hidden>
                <Notice tone=Tone::Waiting title=words::SECRET_TITLE detail=words::SECRET_DETAIL />
                <pre class="raw" id="secret-text" tabindex="0"></pre>
                <div class="actions">
                    <button type="button" class="button" id="secret-done">
                        {words::SECRET_DONE}
                    </button>
                </div>
            </div>
            <form class="form" id="make-key">
                <div class="field">
                    <label for="key-label">{words::LABEL}</label>
                    <input id="key-label" name="label" maxlength=LABEL_MAX_CHARS.to_string() autocomplete="off" required />
                    <span class="field-help">{words::LABEL_HELP}</span>
                </div>
                <div class="actions">
                    <button type="submit" class="button button-quiet" disabled=is_full>
                        {words::MAKE_KEY}
                    </button>
                </div>
            </form>
        </Section>
    }
}

#[component]
fn KeyTable(keys: Vec<ApiKeyView>) -> impl IntoView {
    let rows = keys
        .into_iter()
        .map(|key| {
            let label = if key.label.is_empty() { words::NO_LABEL.to_owned() } else { key.label };
            let revoke = words::revoke(&label);
            view! {
                <tr>
                    <td class="grow">{label}</td>
                    <td><Age at=key.created_at_unix_ms /></td>
                    <td>
                        <button type="button" class="button button-quiet button-small" data-key=key.id.to_string() aria-label=revoke>
                            {words::REVOKE}
                        </button>
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! { <Table name="keys" columns=vec![(words::KEY, Some("grow")), (words::MADE, None), (words::ACTION, None)] rows /> }
}
