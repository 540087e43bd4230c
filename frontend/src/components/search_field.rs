//! The universal search.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::text::common as words;

/// Leads to whatever the text names; it works without script.
#[component]
pub fn SearchField(#[prop(optional)] short: bool, #[prop(into, optional)] value: Option<String>) -> impl IntoView {
    let name = if short { words::SEARCH_SHORT } else { words::SEARCH_LABEL };
    view! {
        <form class="search" role="search" aria-label=name method="get" action="/explorer/search">
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
    }
}
