//! Renders the pages: one route per page, and the page for addresses where nothing lives.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse;
use frontend::app::{App, ChainLabel, Example, shell};
use frontend::backend::Backend;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list_with_exclusions_and_ssg_and_context};

use super::policy;
use crate::error::ApiError;

/// What every page is rendered with.
#[derive(Clone)]
pub(super) struct PageContext {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) chain: ChainLabel,
    /// The picture that the first page shows until the visitor's own.
    pub(super) example: Option<Example>,
}

impl PageContext {
    fn provide(&self) {
        provide_context(Arc::clone(&self.backend));
        provide_context(self.chain);
        if let Some(example) = &self.example {
            provide_context(example.clone());
        }
        insert_headers();
    }
}

/// A nonce exists only while a document is rendered, so its policy is made here.
fn insert_headers() {
    let Some(response) = use_context::<ResponseOptions>() else { return };
    if let Some(policy) = use_nonce().and_then(|nonce| HeaderValue::from_str(&policy::document(&nonce)).ok()) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    response.insert_header(header::CACHE_CONTROL, policy::REVALIDATE);
}

/// The pages as routes. Whatever no route of the server answers becomes the page for missing addresses, or a problem
/// document for who reads no HTML.
pub(super) fn router(site_root: &str, context: &PageContext) -> Router {
    let options = LeptosOptions::builder().output_name("frontend").site_root(site_root).site_pkg_dir("pkg").build();
    let provide = {
        let context = context.clone();
        move || context.provide()
    };
    let document = {
        let options = options.clone();
        move || shell(options.clone())
    };
    let (routes, _) = generate_route_list_with_exclusions_and_ssg_and_context(App, None, provide.clone());
    let missing = leptos_axum::render_app_async_with_context(provide.clone(), document.clone());
    Router::new()
        .leptos_routes_with_context(&options, routes, provide, document)
        .fallback(move |request: Request| async move {
            if reads_html(request.headers()) {
                missing(request).await
            } else {
                ApiError::NotFound(format!("there is nothing at {}", request.uri().path())).into_response()
            }
        })
        .with_state(options)
}

/// Programs hear of a missing address as a problem document, people by a page.
fn reads_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}
