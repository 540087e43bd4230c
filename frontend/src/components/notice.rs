//! Boxed messages, and placeholders for empty lists.

use leptos::prelude::*;

use super::icon::Icon;
use super::status::Tone;

/// A boxed message.
#[component]
pub fn Notice(tone: Tone, #[prop(into)] title: String, #[prop(into)] detail: String) -> impl IntoView {
    let role = if tone == Tone::Refused { "alert" } else { "status" };
    view! {
        <div class="notice" data-tone=tone.as_str() role=role>
            <Icon glyph=tone.glyph() />
            <p class="notice-title">{title}</p>
            <p>{detail}</p>
        </div>
    }
}

/// A place where nothing is yet: what will be here, and how to make it appear.
#[component]
pub fn Empty(
    #[prop(into)] title: String,
    #[prop(into)] detail: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <strong>{title}</strong>
            <p>{detail}</p>
            {children.map(|children| view! { <div class="actions">{children()}</div> })}
        </div>
    }
}

/// Id of the line which says that live parts are out of date.
pub const NOT_CURRENT: &str = "not-current";

/// The place of that line. It is empty while the server answers, and in a browser without script.
#[component]
pub fn NotCurrent() -> impl IntoView {
    view! { <p class="section-note" id=NOT_CURRENT role="status"></p> }
}
