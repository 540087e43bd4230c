//! The documents: which there are for whom, and each of them.

use http::request::Parts;
use leptos::prelude::*;

use super::document_head::DocumentHead;
use super::load::PageTitle;
use super::missing::MissingPage;
use crate::documents::{self, ApiReference, Document};
use crate::text::docs as words;

#[component]
pub fn DocumentsPage() -> impl IntoView {
    let reference = use_context::<ApiReference>();
    let guides = words::GUIDES.map(|guide| {
        let links = guide.documents.iter().filter_map(|name| entry(&format!("/docs/{name}"), reference.as_ref()));
        view! {
            <section class="guide">
                <h2>{guide.reader}</h2>
                <p class="section-note">{guide.about}</p>
                <ul class="guide-links">{links.collect_view()}</ul>
            </section>
        }
    });
    view! {
        <PageTitle name=words::TITLE fact=words::FACT />
        <div class="stack">
            <div class="guides">{guides}</div>
            <section class="section" id="decisions">
                <h2>{words::DECISIONS}</h2>
                <p class="section-note">{words::DECISIONS_NOTE}</p>
                <ol class="decisions">
                    {documents::decisions()
                        .map(|decision| view! { <li><a href=decision.address.clone()>{decision.title.clone()}</a></li> })
                        .collect_view()}
                </ol>
            </section>
        </div>
    }
}

fn found<'a>(address: &str, reference: Option<&'a ApiReference>) -> Option<&'a Document> {
    let made = reference.map(|reference| &*reference.0).filter(|made| made.address == address);
    documents::find(address).or(made)
}

/// A document of a guide, or a part of one.
fn entry(address: &str, reference: Option<&ApiReference>) -> Option<impl IntoView + use<>> {
    let (name, lead) = match documents::find_part(address) {
        Some((document, part)) => (part.text.clone(), words::part_of(&document.title)),
        None => found(address, reference).map(|document| (document.title.clone(), document.lead.clone()))?,
    };
    let address = address.to_owned();
    Some(view! {
        <li>
            <a href=address>{name}</a>
            <p>{lead}</p>
        </li>
    })
}

#[component]
pub fn DocumentPage() -> impl IntoView {
    let path = use_context::<Parts>().map(|parts| parts.uri.path().to_owned()).unwrap_or_default();
    let reference = use_context::<ApiReference>().filter(|reference| reference.0.address == path);
    match (documents::find(&path), reference) {
        (Some(document), _) => view! { <Shown document=document.clone() /> }.into_any(),
        (None, Some(ApiReference(document))) => view! { <Shown document=(*document).clone() /> }.into_any(),
        (None, None) => view! { <MissingPage /> }.into_any(),
    }
}

#[component]
fn Shown(document: Document) -> impl IntoView {
    let parts =
        document.parts.iter().map(|part| view! { <li><a href=format!("#{}", part.id)>{part.text.clone()}</a></li> });
    view! {
        <DocumentHead name=document.title.clone() description=Some(document.lead.clone()) />
        <div class="document">
            <header class="title">
                <p class="title-kicker">
                    <a href="/docs">{words::TITLE}</a>
                </p>
                <h1>{document.title.clone()}</h1>
            </header>
            {(document.parts.len() > 1)
                .then(|| {
                    view! {
                        <nav class="document-parts" aria-label=words::PARTS>
                            <p>{words::PARTS}</p>
                            <ul>{parts.collect_view()}</ul>
                        </nav>
                    }
                })}
            <article class="document-text" inner_html=document.html.clone() />
        </div>
    }
}
