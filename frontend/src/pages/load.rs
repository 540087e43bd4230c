//! Waits for a page's data, and shows why there is none.

use std::future::Future;
use std::str::FromStr;

use http::StatusCode;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::backend::{Answer, BackendError};
use crate::components::notice::Notice;
use crate::components::status::Tone;
use crate::format;
use crate::pages::missing::Missing;
use crate::text::common as words;

/// Waits for `ask`, then shows the answer or says why there is none, with the HTTP status that fits.
pub(super) fn load<T, V>(
    ask: impl Future<Output = Answer<T>> + Send + 'static,
    show: impl FnOnce(T) -> V + Send + 'static,
) -> impl IntoView
where
    T: Send + 'static,
    V: IntoView + 'static,
{
    let response = use_context::<ResponseOptions>();
    Suspend::new(async move {
        match ask.await {
            Ok(answer) => show(answer).into_any(),
            Err(error) => {
                set_status(response.as_ref(), &error);
                view! { <Failure error /> }.into_any()
            }
        }
    })
}

fn set_status(response: Option<&ResponseOptions>, error: &BackendError) {
    let status = match error {
        BackendError::NotFound => StatusCode::NOT_FOUND,
        BackendError::Invalid(_) => StatusCode::BAD_REQUEST,
        BackendError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    if let Some(response) = response {
        response.set_status(status);
    }
}

#[component]
fn Failure(error: BackendError) -> impl IntoView {
    match error {
        BackendError::NotFound => view! { <Missing /> }.into_any(),
        BackendError::Invalid(detail) => {
            view! { <Notice tone=Tone::Refused title=words::NOT_FOUND_TITLE detail /> }.into_any()
        }
        BackendError::Unavailable(_) => {
            view! { <Notice tone=Tone::Refused title=words::UNAVAILABLE_TITLE detail=words::UNAVAILABLE_KEPT /> }
                .into_any()
        }
    }
}

/// A part of the address as a value; what does not parse names nothing.
pub(super) fn param<T: FromStr>(name: &str) -> Answer<T> {
    use_params_map().read_untracked().get(name).and_then(|text| text.parse().ok()).ok_or(BackendError::NotFound)
}

pub(super) fn query(name: &str) -> Option<String> {
    use_query_map().read_untracked().get(name).filter(|text| !text.is_empty())
}

/// The document's title and the page's head: what it is, and the one fact people came for.
#[component]
pub fn PageTitle(
    #[prop(into)] name: String,
    #[prop(into, optional)] fact: Option<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <Title text=format::escaped(&words::page_title(&name)) />
        <header class="title">
            <div class="title-row">
                <h1>{name}</h1>
                {children.map(|children| children())}
            </div>
            {fact.map(|fact| view! { <p class="title-fact">{fact}</p> })}
        </header>
    }
}

/// The way to older rows, and back to the newest.
#[component]
pub fn Pager(path: &'static str, next_cursor: Option<String>, first: bool) -> impl IntoView {
    view! {
        <nav class="pager">
            {(!first).then(|| view! { <a class="button button-quiet button-small" href=path>{words::NEWEST}</a> })}
            {next_cursor
                .map(|cursor| {
                    view! {
                        <a class="button button-quiet button-small" href=format!("{path}?cursor={cursor}") rel="next">
                            {words::OLDER}
                        </a>
                    }
                })}
        </nav>
    }
}
