//! The universal search: whatever the text names is opened.

use leptos::prelude::*;
use shared::api::search::SearchHit;
use shared::id::JobId;
use shared::{Address, B256};

use super::load::{PageTitle, load, query};
use crate::backend::{Answer, Backend, BackendError, use_backend};
use crate::components::notice::Notice;
use crate::components::search_field::SearchField;
use crate::components::status::Tone;
use crate::text::explorer as words;

#[component]
pub fn SearchPage() -> impl IntoView {
    let backend = use_backend();
    let text = query("q").unwrap_or_default().trim().to_owned();
    let asked = text.clone();
    let ask = async move {
        match find(backend.as_ref(), &asked).await? {
            Some(path) => Ok((Some(path), Vec::new())),
            None => Ok((None, backend.search(&asked).await?)),
        }
    };
    load(ask, move |(found, hits)| match found {
        Some(path) => {
            leptos_axum::redirect(&path);
            view! { <a href=path.clone()>{path.clone()}</a> }.into_any()
        }
        None => view! {
            <PageTitle name=words::SEARCH_TITLE />
            <div class="stack">
                <SearchField value=text.clone() />
                {(!hits.is_empty()).then(|| view! { <Hits hits=hits.clone() /> })}
                {(!text.is_empty() && hits.is_empty())
                    .then(|| {
                        view! { <Notice tone=Tone::Plain title=words::FOUND_NOTHING detail=words::not_found(&text) /> }
                    })}
                <p class="section-note">{words::SEARCH_HELP}</p>
            </div>
        }
        .into_any(),
    })
}

/// What the text may name.
#[component]
fn Hits(hits: Vec<SearchHit>) -> impl IntoView {
    let rows = hits.into_iter().map(|SearchHit { kind, name, detail, path }| {
        view! {
            <li>
                <a href=path>
                    <span class="search-kind">{words::search_kind(kind)}</span>
                    <span class="search-name">{name}</span>
                    <span class="search-detail">{detail}</span>
                </a>
            </li>
        }
    });
    view! {
        <ul class="search-hits" data-testid="hits">
            {rows.collect_view()}
        </ul>
    }
}

/// The page of what `text` names, if it exists.
async fn find(backend: &dyn Backend, text: &str) -> Answer<Option<String>> {
    let digits = text.replace(['\u{202f}', ' ', ','], "");
    if let Ok(number) = digits.parse::<u64>() {
        return exists(backend.block(number).await, format!("/explorer/blocks/{number}"));
    }
    if let Ok(id) = text.parse::<JobId>() {
        return exists(backend.job(id).await, format!("/jobs/{id}"));
    }
    if let Ok(address) = text.parse::<Address>() {
        return Ok(Some(format!("/explorer/addresses/{address}")));
    }
    let Ok(hash) = text.parse::<B256>() else { return Ok(None) };
    if let Some(path) = exists(backend.transaction(hash).await, format!("/explorer/transactions/{hash}"))? {
        return Ok(Some(path));
    }
    if let Some(path) = exists(backend.receipt(hash).await, format!("/explorer/receipts/{hash}"))? {
        return Ok(Some(path));
    }
    exists(backend.block_by_hash(hash).await, format!("/explorer/blocks/{hash}"))
}

fn exists<T>(answer: Answer<T>, path: String) -> Answer<Option<String>> {
    match answer {
        Ok(_) => Ok(Some(path)),
        Err(BackendError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
