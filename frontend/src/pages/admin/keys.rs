//! API keys by their owners, and one of them to revoke.

use leptos::prelude::*;
use shared::api::admin::AdminKey;
use shared::api::keys::ApiScope;
use shared::api::page::LIMIT_DEFAULT;
use shared::id::ApiKeyId;

use super::{AdminHead, ChangeForm, KEYS_PATH};
use crate::backend::use_operator_backend;
use crate::components::facts::{InfoRow, Section};
use crate::components::notice::Empty;
use crate::components::status::{StatusPill, Tone};
use crate::components::tables::Table;
use crate::components::value::{AddressValue, Age, AmountValue};
use crate::format::shortened;
use crate::pages::load::{Pager, load, param, query};
use crate::text::admin as words;

#[component]
pub fn KeysPage() -> impl IntoView {
    let backend = use_operator_backend();
    let (owner, cursor) = (query("owner"), query("cursor"));
    let first = cursor.is_none();
    let asked = owner.clone();
    let ask = async move { backend?.keys(asked.as_deref(), cursor.as_deref(), LIMIT_DEFAULT).await };
    load(ask, move |page| {
        // What was asked for was read, so that it holds digits alone.
        let path = owner.as_ref().map_or(KEYS_PATH.to_owned(), |owner| format!("{KEYS_PATH}?owner={}", owner.trim()));
        let shown = if page.items.is_empty() {
            view! {
                <Empty title=words::NO_KEYS_TITLE detail=words::NO_KEYS>
                    <code>{words::MAKE_KEY_COMMAND}</code>
                </Empty>
            }
            .into_any()
        } else {
            view! { <Keys keys=page.items /> }.into_any()
        };
        view! {
            <AdminHead at=KEYS_PATH fact=words::KEYS_FACT />
            <div class="section">
                <form class="filters" role="search" aria-label=words::FILTERS method="get" action=KEYS_PATH>
                    <div class="filter-row">
                        <div class="field">
                            <label for="filter-owner">{words::OWNER_PREFIX}</label>
                            <input id="filter-owner" name="owner" value=owner maxlength="42" autocomplete="off" spellcheck="false" placeholder="0x" />
                        </div>
                        <div class="actions">
                            <button type="submit" class="button button-quiet">
                                {words::SHOW}
                            </button>
                        </div>
                    </div>
                </form>
                {shown}
                <Pager path next_cursor=page.next_cursor first />
            </div>
        }
    })
}

const fn scope(scope: ApiScope) -> &'static str {
    match scope {
        ApiScope::Client => "client",
        ApiScope::Miner => "miner",
        ApiScope::Admin => "admin",
    }
}

fn state(key: &AdminKey) -> (Tone, &'static str) {
    match key.key.revoked_at_unix_ms {
        Some(_) => (Tone::Refused, words::REVOKED),
        None => (Tone::Done, words::VALID),
    }
}

const fn made_by(key: &AdminKey) -> &'static str {
    if key.by_wallet { words::BY_WALLET } else { words::BY_OPERATOR }
}

#[component]
fn Keys(keys: Vec<AdminKey>) -> impl IntoView {
    let rows = keys.into_iter().map(|key| view! { <KeyRow key_view=key /> }).collect_view();
    let columns = vec![
        (words::KEY, None),
        (words::STATE, None),
        (words::OWNER, None),
        (words::SCOPE, Some("wide-only")),
        (words::MADE_BY, Some("wide-only")),
        (words::MADE, Some("wide-only")),
        (words::LABEL, Some("wide-only grow")),
    ];
    view! { <Table name="admin-keys" columns rows /> }
}

#[component]
fn KeyRow(key_view: AdminKey) -> impl IntoView {
    let id = key_view.key.id.to_string();
    let (tone, word) = state(&key_view);
    view! {
        <tr>
            <td>
                <a class="row-link" href=format!("{KEYS_PATH}/{id}") title=id.clone()>
                    <code>{shortened(&id)}</code>
                </a>
            </td>
            <td><StatusPill tone word /></td>
            <td><AddressValue address=key_view.key.address without_copy=true /></td>
            <td class="wide-only">{scope(key_view.key.scope)}</td>
            <td class="wide-only">{made_by(&key_view)}</td>
            <td class="quiet wide-only"><Age at=key_view.key.created_at_unix_ms /></td>
            <td class="wide-only grow">{key_view.key.label}</td>
        </tr>
    }
}

#[component]
pub fn KeyPage() -> impl IntoView {
    let backend = use_operator_backend();
    let id = param::<ApiKeyId>("id");
    load(async move { backend?.key(id?).await }, |found| view! { <Key found /> })
}

#[component]
fn Key(found: AdminKey) -> impl IntoView {
    let (tone, word) = state(&found);
    let made_by = made_by(&found);
    let AdminKey { key, images_per_minute, mint_per_day, by_wallet } = found;
    let id = key.id.to_string();
    let pictures = images_per_minute.map_or(words::OF_SERVER.to_owned(), |limit| limit.to_string());
    let mints = match mint_per_day {
        Some(amount) => view! { <AmountValue amount /> }.into_any(),
        None => view! { {words::OF_SERVER} }.into_any(),
    };
    let title = words::key(&shortened(&id));
    let is_valid = key.revoked_at_unix_ms.is_none();
    let action = format!("{KEYS_PATH}/{id}/limits");
    let limits = (is_valid && !by_wallet).then(|| {
        view! {
            <Section title=words::LIMIT>
                <ChangeForm name="limit" action button=words::LIMIT note=words::LIMIT_NOTE confirm=words::LIMIT_CONFIRM>
                    <div class="field">
                        <label for="limit-pictures">{words::PICTURES}</label>
                        <input
                            id="limit-pictures"
                            name="images_per_minute"
                            type="number"
                            min="1"
                            max=u32::MAX.to_string()
                            value=images_per_minute.map(|limit| limit.to_string())
                            placeholder=words::OF_SERVER
                        />
                    </div>
                    <div class="field">
                        <label for="limit-mints">{words::MINTS}</label>
                        <input
                            id="limit-mints"
                            name="mint_per_day"
                            inputmode="decimal"
                            autocomplete="off"
                            maxlength="40"
                            value=mint_per_day.map(|amount| amount.to_string())
                            placeholder=words::OF_SERVER
                        />
                    </div>
                </ChangeForm>
            </Section>
        }
    });
    let revoke = format!("{KEYS_PATH}/{id}/revoke");
    let form = is_valid.then(|| {
        view! {
            <Section title=words::REVOKE>
                <ChangeForm action=revoke button=words::REVOKE note=words::REVOKE_NOTE confirm=words::REVOKE_CONFIRM />
            </Section>
        }
    });
    view! {
        <AdminHead at=KEYS_PATH name=title fact=words::KEYS_FACT />
        <div class="stack">
            <dl class="info">
                <InfoRow name=words::KEY><code>{id}</code></InfoRow>
                <InfoRow name=words::STATE>
                    <StatusPill tone word />
                </InfoRow>
                <InfoRow name=words::OWNER>
                    <AddressValue address=key.address full=true />
                </InfoRow>
                <InfoRow name=words::SCOPE>{scope(key.scope)}</InfoRow>
                <InfoRow name=words::LABEL>{key.label}</InfoRow>
                <InfoRow name=words::MADE_BY>{made_by}</InfoRow>
                <InfoRow name=words::MADE>
                    <Age at=key.created_at_unix_ms />
                </InfoRow>
                <InfoRow name=words::PICTURES>{pictures}</InfoRow>
                <InfoRow name=words::MINTS>{mints}</InfoRow>
            </dl>
            {limits} {form}
        </div>
    }
}
