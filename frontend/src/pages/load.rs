//! Waits for a page's data, and shows why there is none.

use std::future::Future;
use std::str::FromStr;

use http::StatusCode;
use leptos::prelude::*;
use leptos::tachys::reactive_graph::OwnedView;
use leptos_axum::ResponseOptions;
use leptos_router::hooks::{use_params_map, use_query_map};
use shared::api::status::IndexStatus;

use super::document_head::DocumentHead;
use crate::backend::{Answer, BackendError};
use crate::components::notice::Notice;
use crate::components::status::Tone;
use crate::format::grouped;
use crate::pages::missing::{Missing, WaysOn};
use crate::text::{common as words, token};

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
            // Tags for the document's head look for it while they are rendered, which happens on any thread, without an owner.
            Ok(answer) => OwnedView::new(show(answer)).into_any(),
            Err(error) => {
                set_status(response.as_ref(), &error);
                OwnedView::new(view! { <Failure error /> }).into_any()
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
        BackendError::Invalid(detail) => view! { <Refused title=words::INVALID_TITLE detail /> }.into_any(),
        BackendError::Unavailable(_) => {
            view! { <Refused title=words::UNAVAILABLE_TITLE detail=words::UNAVAILABLE_KEPT /> }.into_any()
        }
    }
}

/// What went wrong instead of a page, and ways on.
#[component]
fn Refused(title: &'static str, #[prop(into)] detail: String) -> impl IntoView {
    view! {
        <DocumentHead name=title />
        <div class="page-missing" role="alert">
            <h1>{title}</h1>
            <p class="title-fact">{detail}</p>
            <WaysOn />
        </div>
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
        <DocumentHead name=name.clone() description=fact.clone() />
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
pub fn Pager(
    /// The page itself; it may have a query.
    #[prop(into)]
    path: String,
    next_cursor: Option<String>,
    first: bool,
    /// Words of the way back.
    #[prop(default = words::NEWEST)]
    back: &'static str,
    /// Words of the way on.
    #[prop(default = words::OLDER)]
    on: &'static str,
    /// The same list as CSV.
    #[prop(into, optional)]
    csv: Option<String>,
) -> impl IntoView {
    let join = if path.contains('?') { '&' } else { '?' };
    let next = next_cursor.map(|cursor| format!("{path}{join}cursor={cursor}"));
    view! {
        <nav class="pager" aria-label=words::PAGES>
            {csv.map(|href| view! { <a class="button button-quiet button-small" href=href>{words::CSV}</a> })}
            {(!first).then(|| view! { <a class="button button-quiet button-small" href=path>{back}</a> })}
            {next
                .map(|href| {
                    view! {
                        <a class="button button-quiet button-small" href=href rel="next">
                            {on}
                        </a>
                    }
                })}
        </nav>
    }
}

/// Parts of a page, each with an address of its own: words, address, whether it is shown.
#[component]
pub fn Tabs(tabs: Vec<(&'static str, String, bool)>) -> impl IntoView {
    let links = tabs
        .into_iter()
        .map(|(name, href, shown)| view! { <a href=href aria-current=shown.then_some("page")>{name}</a> })
        .collect_view();
    view! {
        <nav class="tabs" aria-label=token::TABS>
            {links}
        </nav>
    }
}

/// Says where lists from the index lack the newest blocks. The block that was made just now counts as nothing.
#[component]
pub fn IndexNotice(index: IndexStatus) -> impl IntoView {
    let told = match (index.height, index.behind) {
        (_, 0..=1) => None,
        (None, _) => Some((token::BUILDING_TITLE, token::BUILDING.to_owned())),
        (Some(_), behind) => Some((token::BEHIND_TITLE, token::behind(&grouped(behind)))),
    };
    told.map(|(title, detail)| view! { <Notice tone=Tone::Waiting title detail /> })
}
