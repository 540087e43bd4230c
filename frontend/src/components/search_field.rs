//! The universal search.

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use shared::api::search::SearchKind;

use super::icon::{Glyph, Icon};
use crate::text::{common as words, explorer};

/// The page of the search, which has its field.
pub const SEARCH_PATH: &str = "/explorer/search";

/// The kinds as the API's answers name them.
const KINDS: [(&str, SearchKind); 9] = [
    ("block", SearchKind::Block),
    ("transaction", SearchKind::Transaction),
    ("receipt", SearchKind::Receipt),
    ("job", SearchKind::Job),
    ("miner", SearchKind::Miner),
    ("address", SearchKind::Address),
    ("token", SearchKind::Token),
    ("model", SearchKind::Model),
    ("document", SearchKind::Document),
];

/// Leads to whatever the text names; it works without script.
#[component]
pub fn SearchField(#[prop(optional)] short: bool, #[prop(into, optional)] value: Option<String>) -> impl IntoView {
    let name = if short { words::SEARCH_SHORT } else { words::SEARCH_LABEL };
    let kinds: serde_json::Map<String, serde_json::Value> =
        KINDS.into_iter().map(|(key, kind)| (key.to_owned(), explorer::search_kind(kind).into())).collect();
    let facts = serde_json::json!({
        "kinds": kinds, "label": explorer::SUGGESTIONS, "count": explorer::SUGGESTIONS_COUNT,
    });
    view! {
        <form class="search" role="search" aria-label=name method="get" action=SEARCH_PATH data-words=facts.to_string()>
            <Icon glyph=Glyph::Search />
            <input
                type="search"
                name="q"
                value=value
                required
                maxlength="100"
                autocomplete="off"
                spellcheck="false"
                placeholder=name
                aria-label=words::SEARCH_LABEL
            />
            <kbd aria-hidden="true">"/"</kbd>
        </form>
        <script type="module" src="/search.js" nonce=use_nonce()></script>
    }
}
