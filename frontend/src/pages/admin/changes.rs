//! What operators did.

use leptos::prelude::*;
use shared::api::admin::OperatorChange;
use shared::api::page::LIMIT_DEFAULT;

use super::{AdminHead, CHANGES_PATH};
use crate::backend::use_operator_backend;
use crate::components::notice::Empty;
use crate::components::tables::Table;
use crate::components::value::{AddressValue, Age};
use crate::format::shortened;
use crate::pages::load::{Pager, load, query};
use crate::text::admin as words;

#[component]
pub fn ChangesPage() -> impl IntoView {
    let backend = use_operator_backend();
    let cursor = query("cursor");
    let first = cursor.is_none();
    load(async move { backend?.changes(cursor.as_deref(), LIMIT_DEFAULT).await }, move |page| {
        let shown = if page.items.is_empty() {
            view! { <Empty title=words::NO_CHANGES_TITLE detail=words::NO_CHANGES /> }.into_any()
        } else {
            view! { <Changes changes=page.items /> }.into_any()
        };
        view! {
            <AdminHead at=CHANGES_PATH fact=words::CHANGES_FACT />
            <div class="section">
                {shown}
                <Pager path=CHANGES_PATH next_cursor=page.next_cursor first />
            </div>
        }
    })
}

#[component]
fn Changes(changes: Vec<OperatorChange>) -> impl IntoView {
    let rows = changes
        .into_iter()
        .map(|change| {
            view! {
                <tr>
                    <td class="quiet"><Age at=change.at_unix_ms /></td>
                    <td><AddressValue address=change.operator without_copy=true /></td>
                    <td>{words::action(change.action)}</td>
                    <td><code title=change.subject.clone()>{shortened(&change.subject)}</code></td>
                    <td class="grow">{change.reason}</td>
                    <td class="wide-only">{change.before}</td>
                    <td class="wide-only">{change.after}</td>
                </tr>
            }
        })
        .collect_view();
    let columns = vec![
        (words::WHEN, None),
        (words::OPERATOR, None),
        (words::WHAT, None),
        (words::OF, None),
        (words::REASON, Some("grow")),
        (words::BEFORE, Some("wide-only")),
        (words::AFTER, Some("wide-only")),
    ];
    view! {
        <div class="cards cards-changes">
            <Table name="changes" columns rows />
        </div>
    }
}
