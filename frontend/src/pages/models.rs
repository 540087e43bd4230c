//! All known models as rows that people compare.

use leptos::prelude::*;
use shared::api::marketplace::Models;
use shared::job::JobKind;

use super::bounties::BOUNTIES_PATH;
use super::load::{PageTitle, Tabs, load, query};
use crate::backend::use_backend;
use crate::components::marketplace_tables::ModelTable;
use crate::components::notice::Empty;
use crate::marketplace::MODELS_PATH;
use crate::text::{bounties, common, marketplace as words, miner};

#[component]
pub fn ModelsPage() -> impl IntoView {
    let backend = use_backend();
    let kind = kind_asked();
    load(async move { backend.models(kind).await }, move |models| {
        view! {
            <PageTitle name=words::MODELS_TITLE fact=words::MODELS_FACT />
            <div class="section">
                <Tabs tabs=kinds(kind) />
                <List models kind />
            </div>
        }
    })
}

/// The kind that the address names; none where it names no kind that there is.
pub(super) fn kind_asked() -> Option<JobKind> {
    let asked = query("kind")?;
    JobKind::ALL.into_iter().find(|kind| kind.as_str() == asked)
}

fn kinds(shown: Option<JobKind>) -> Vec<(&'static str, String, bool)> {
    let of_kind =
        |kind: JobKind| (words::kind_title(kind), format!("{MODELS_PATH}?kind={}", kind.as_str()), shown == Some(kind));
    let all = (words::ALL_KINDS, MODELS_PATH.to_owned(), shown.is_none());
    std::iter::once(all).chain(JobKind::ALL.map(of_kind)).collect()
}

#[component]
fn List(models: Models, kind: Option<JobKind>) -> impl IntoView {
    if models.items.is_empty() {
        return view! {
            <Empty title=words::NO_MODELS_TITLE detail=words::NO_MODELS>
                <code>{miner::START_COMMAND}</code>
            </Empty>
        }
        .into_any();
    }
    let (shown, all) = (models.items.len(), models.all);
    let csv = match kind {
        Some(kind) => format!("/api/marketplace/csv/models?kind={}", kind.as_str()),
        None => "/api/marketplace/csv/models".to_owned(),
    };
    view! {
        <ModelTable models=models.items />
        {(shown < all).then(|| view! { <p class="section-note">{words::models_shown(shown, all)}</p> })}
        <nav class="pager" aria-label=common::PAGES>
            <a class="button button-quiet button-small" href=csv>
                {common::CSV}
            </a>
            <a class="button button-quiet button-small" href=BOUNTIES_PATH>
                {bounties::ALL_BOUNTIES}
            </a>
        </nav>
    }
    .into_any()
}
