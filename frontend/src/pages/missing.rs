//! The page for an address that does not exist.

use http::StatusCode;
use http::request::Parts;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use super::document_head::DocumentHead;
use crate::components::search_field::SearchField;
use crate::text::common as words;

/// Where the pages of jobs are.
const JOB_PATHS: &str = "/jobs/";

/// The page for addresses that no route answers.
#[component]
pub fn MissingPage() -> impl IntoView {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::NOT_FOUND);
    }
    view! { <Missing /> }
}

/// The same inside a page whose subject does not exist.
#[component]
pub fn Missing() -> impl IntoView {
    let is_job = use_context::<Parts>().is_some_and(|parts| parts.uri.path().starts_with(JOB_PATHS));
    // Receipts are public and name jobs that are not.
    let (title, detail) = match is_job {
        true => (words::MISSING_JOB_TITLE, words::MISSING_JOB_DETAIL),
        false => (words::MISSING_TITLE, words::MISSING_DETAIL),
    };
    view! {
        <DocumentHead name=words::NOT_FOUND_TITLE />
        <div class="page-missing">
            <h1>{title}</h1>
            <p class="title-fact">{detail}</p>
            <SearchField />
            <WaysOn />
        </div>
    }
}

/// Where to go from a page that shows nothing.
#[component]
pub fn WaysOn() -> impl IntoView {
    view! {
        <p class="actions">
            <a class="button button-quiet" href="/">
                {words::HOME}
            </a>
            <a class="button button-quiet" href="/explorer">
                {words::NAV_EXPLORER}
            </a>
        </p>
    }
}
