//! What a document says of itself: its title, and what a link to it shows elsewhere (Open Graph, ogp.me).

use http::request::Parts;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};

use crate::format::escaped;
use crate::origin::origin;
use crate::text::{common as words, home};

/// The product's sign, for pages that show no picture.
const OWN_PICTURE: &str = "/apple-touch-icon.png";

#[component]
pub fn DocumentHead(
    /// The page's own name, without the product's.
    #[prop(into)]
    name: String,
    /// One sentence. Without one the product's stands.
    #[prop(default = None)]
    description: Option<String>,
    /// Path of a picture on this server.
    #[prop(default = None)]
    picture: Option<String>,
) -> impl IntoView {
    let parts = use_context::<Parts>();
    let origin = parts.as_ref().and_then(|parts| origin(&parts.headers));
    let address = origin.as_ref().zip(parts.as_ref()).map(|(origin, parts)| format!("{origin}{}", parts.uri.path()));
    let card = if picture.is_some() { "summary_large_image" } else { "summary" };
    let picture = picture.unwrap_or_else(|| OWN_PICTURE.to_owned());
    let picture = origin.map(|origin| format!("{origin}{picture}"));
    let description = description.unwrap_or_else(|| home::DESCRIPTION.to_owned());
    let title = if name == home::TITLE { name } else { words::page_title(&name) };
    view! {
        <Title text=escaped(&title) />
        <Meta name="description" content=description.clone() />
        <Meta property="og:site_name" content=words::PRODUCT />
        <Meta property="og:type" content="website" />
        <Meta property="og:title" content=title />
        <Meta property="og:description" content=description />
        <Meta name="twitter:card" content=card />
        {address.map(|address| view! { <Meta property="og:url" content=address /> })}
        {picture.map(|picture| view! { <Meta property="og:image" content=picture /> })}
    }
}
