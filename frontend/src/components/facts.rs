//! Facts in rows, titles, sections and raw text.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};

/// One fact: its name, its value, and a sentence that explains it.
#[component]
pub fn InfoRow(
    #[prop(into)] name: String,
    #[prop(into, optional)] help: Option<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd>{children()}</dd>
            {help.map(|help| view! { <dd class="info-help">{help}</dd> })}
        </div>
    }
}

/// A sentence of the API as a page shows it: names and commands stand between grave accents in it, and are code here.
#[component]
pub fn WithCode(#[prop(into)] text: String) -> impl IntoView {
    let parts = text.split('`').enumerate().map(|(position, part)| match position % 2 {
        0 => part.to_owned().into_any(),
        _ => view! { <code>{part.to_owned()}</code> }.into_any(),
    });
    parts.collect_view()
}

/// One figure of a strip.
#[component]
pub fn Figure(
    #[prop(into)] name: String,
    #[prop(into, optional)] note: Option<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd>{children()}</dd>
            {note.map(|note| view! { <dd class="figure-note">{note}</dd> })}
        </div>
    }
}

/// A part of a page under a heading.
#[component]
pub fn Section<C>(
    #[prop(into)] title: String,
    /// Address and text of the link in its heading.
    #[prop(optional)]
    more: Option<(&'static str, &'static str)>,
    children: TypedChildren<C>,
) -> impl IntoView
where
    C: IntoView + 'static,
{
    view! {
        <section class="section">
            <div class="section-head">
                <h2>{title}</h2>
                {more.map(|(href, words)| view! { <a class="more" href=href>{words}</a> })}
            </div>
            {children.into_inner()()}
        </section>
    }
}

/// A part that is folded until the visitor opens it.
#[component]
pub fn Fold<C>(#[prop(into)] title: String, #[prop(optional)] open: bool, children: TypedChildren<C>) -> impl IntoView
where
    C: IntoView + 'static,
{
    view! {
        <details class="fold" open=open>
            <summary>
                <Icon glyph=Glyph::Chevron />
                {title}
            </summary>
            {children.into_inner()()}
        </details>
    }
}

/// Raw data, as it is.
#[component]
pub fn Raw(#[prop(into)] text: String) -> impl IntoView {
    view! { <pre class="raw" tabindex="0">{text}</pre> }
}
