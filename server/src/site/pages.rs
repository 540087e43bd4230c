//! Renders the pages: one route per page, and the page for addresses where nothing lives.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use frontend::app::{App, ChainLabel, Example, SignedIn, shell};
use frontend::backend::{Backend, OperatorBackend};
use frontend::documents::ApiReference;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list_with_exclusions_and_ssg_and_context};
use shared::Address;

use super::admin::SiteAdmin;
use super::backend::{Reader, SiteBackend};
use super::policy;
use super::viewer::Viewer;
use crate::admin::Operators;
use crate::error::ApiError;
use crate::job_token;
use crate::reads::reads_html;

/// What pages of operators are rendered with besides.
#[derive(Clone)]
pub(super) struct OperatorContext {
    pub(super) operators: Operators,
    pub(super) admin: SiteAdmin,
}

impl OperatorContext {
    /// Pages of any other account find nothing to ask.
    fn provide(&self, account: Address) {
        if self.operators.has(account) {
            let backend: Arc<dyn OperatorBackend> = Arc::new(self.admin.clone());
            provide_context(backend);
        }
    }
}

/// What every page is rendered with.
#[derive(Clone)]
pub(super) struct PageContext {
    pub(super) backend: SiteBackend,
    pub(super) operators: OperatorContext,
    pub(super) chain: ChainLabel,
    /// The picture that the first page shows until the visitor's own.
    pub(super) example: Option<Example>,
    pub(super) reference: ApiReference,
}

impl PageContext {
    fn provide(&self) {
        let reader = use_context::<Parts>().map(|parts| reader_of(&parts)).unwrap_or_default();
        let is_private = reader.is_somebody();
        if let Some(session) = reader.viewer.as_ref().and_then(Viewer::signed_in) {
            provide_context(SignedIn(session.address));
            self.operators.provide(session.address);
        }
        let backend: Arc<dyn Backend> = Arc::new(self.backend.seen_by(reader));
        provide_context(backend);
        provide_context(self.chain);
        if let Some(example) = &self.example {
            provide_context(example.clone());
        }
        provide_context(self.reference.clone());
        insert_headers(is_private);
    }
}

fn reader_of(parts: &Parts) -> Reader {
    Reader { viewer: parts.extensions.get::<Viewer>().cloned(), job_tokens: job_token::hashes_of(&parts.headers) }
}

/// A nonce exists only while a document is rendered, so its policy is made here.
fn insert_headers(is_private: bool) {
    let Some(response) = use_context::<ResponseOptions>() else { return };
    if let Some(policy) = use_nonce().and_then(|nonce| HeaderValue::from_str(&policy::document(&nonce)).ok()) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    let cache = if is_private { policy::PRIVATE } else { policy::REVALIDATE };
    response.insert_header(header::CACHE_CONTROL, cache);
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
