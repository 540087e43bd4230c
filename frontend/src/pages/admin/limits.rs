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
                        <td class="wrapped">
                            {limit.meaning}
                            <small>
                                <code>{limit.flag}</code>
                            </small>
                        </td>
                        <td class="number">{limit.value}</td>
                    </tr>
                }
            })
            .collect_view();
        let columns = vec![(words::LIMITED, None), (words::VALUE, Some("number"))];
        view! {
            <AdminHead at=LIMITS_PATH fact=words::LIMITS_FACT />
            <div class="section two-lines narrow">
                <Table name="limits" columns rows />
            </div>
        }
    })
}
