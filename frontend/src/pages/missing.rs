//! The page for an address that does not exist.

use http::StatusCode;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use super::document_head::DocumentHead;
use crate::components::search_field::SearchField;
use crate::text::common as words;

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
    view! {
        <DocumentHead name=words::NOT_FOUND_TITLE />
        <div class="page-missing">
            <h1>{words::MISSING_TITLE}</h1>
            <p class="title-fact">{words::MISSING_DETAIL}</p>
            <SearchField />
            <p class="actions">
                <a class="button button-quiet" href="/">
                    {words::HOME}
                </a>
                <a class="button button-quiet" href="/explorer">
                    {words::NAV_EXPLORER}
                </a>
            </p>
        </div>
    }
}
