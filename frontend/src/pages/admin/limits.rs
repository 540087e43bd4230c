//! The limits that the server was started with.

use leptos::prelude::*;
use shared::api::admin::AdminLimits;

use super::{AdminHead, LIMITS_PATH};
use crate::backend::use_operator_backend;
use crate::components::tables::Table;
use crate::pages::load::load;
use crate::text::admin as words;

#[component]
pub fn LimitsPage() -> impl IntoView {
    let backend = use_operator_backend();
    load(async move { backend?.limits().await }, |AdminLimits { limits }| {
        let rows = limits
            .into_iter()
            .map(|limit| {
                view! {
                    <tr>
                        <td><code>{limit.flag}</code></td>
                        <td class="number">{limit.value}</td>
                        <td class="grow">{limit.meaning}</td>
                    </tr>
                }
            })
            .collect_view();
        let columns = vec![(words::FLAG, None), (words::VALUE, Some("number")), (words::LIMITED, Some("grow"))];
        view! {
            <AdminHead at=LIMITS_PATH fact=words::LIMITS_FACT />
            <div class="section">
                <Table name="limits" columns rows />
            </div>
        }
    })
}
