//! Which chain the pages speak of.

use leptos::prelude::*;

use crate::text;

/// The server gives it to every page through context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainLabel {
    pub chain_id: u64,
    /// Keys and chain were made for development.
    pub dev: bool,
}

/// Says that keys and chain were made for development.
#[component]
pub fn DevLabel() -> impl IntoView {
    view! {
        <span class="dev-label" title=text::common::DEV_HELP>
            {text::common::DEV_LABEL}
        </span>
    }
}
