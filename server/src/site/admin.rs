//! The pages for operators: what they show, and what their forms change.

use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::response::Redirect;
use axum::routing::post;
use frontend::backend::{Answer, BackendError, OperatorBackend};
use serde::Deserialize;
use shared::Address;
use shared::api::admin::{
    AdminHealth, AdminJob, AdminJobFilter, AdminKey, AdminLimits, KeyLimits, OperatorChange, OperatorReason,
};
use shared::api::miners::MinerView;
use shared::api::page::Page;
use shared::field_error::FieldError;
use shared::id::ApiKeyId;

use super::backend::from_api;
use crate::admin::{Admin, Operator};
use crate::app::App;
use crate::error::ApiError;
use crate::http::extract::ApiPath;
use crate::unrouted::method_not_allowed;

/// What the browser sends where the box of a form is marked.
const CONFIRMED: &str = "yes";

/// Characters of a number that cannot be read which an error repeats.
const NUMBER_SHOWN_CHARS: usize = 40;

/// Answers the questions of operators' pages. Who provides it has checked that an operator reads.
#[derive(Clone)]
pub(super) struct SiteAdmin(pub(super) Admin);

#[async_trait]
impl OperatorBackend for SiteAdmin {
    async fn health(&self) -> Answer<AdminHealth> {
        self.0.health().await.map_err(from_api)
    }

    async fn jobs(&self, filter: &AdminJobFilter, cursor: Option<&str>, limit: u32) -> Answer<Page<AdminJob>> {
        self.0.jobs(filter, cursor, limit).await.map_err(from_api)
    }

    async fn miners(&self, paused: bool, cursor: Option<&str>, limit: u32) -> Answer<Page<MinerView>> {
        let page = if paused { self.0.paused_miners(cursor, limit).await } else { self.0.miners(cursor, limit).await };
        page.map_err(from_api)
    }

    async fn miner(&self, address: Address) -> Answer<MinerView> {
        self.0.miner(address).await.map_err(from_api)
    }

    async fn keys(&self, owner: Option<&str>, cursor: Option<&str>, limit: u32) -> Answer<Page<AdminKey>> {
        self.0.keys(owner, cursor, limit).await.map_err(from_api)
    }

    async fn key(&self, id: ApiKeyId) -> Answer<AdminKey> {
        self.0.key(id).await.map_err(|error| from_api(error.into()))?.ok_or(BackendError::NotFound)
    }

    async fn limits(&self) -> Answer<AdminLimits> {
        Ok(self.0.limits())
    }

    async fn changes(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<OperatorChange>> {
        self.0.changes(cursor, limit).await.map_err(from_api)
    }
}

/// What a form for a change holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeForm {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    confirmed: String,
    /// Empty for the server's limit, and in forms that set none.
    #[serde(default)]
    images_per_minute: String,
    #[serde(default)]
    mint_per_day: String,
}

/// What a browser sends of a [`ChangeForm`].
type Sent = Result<Form<ChangeForm>, FormRejection>;

/// A form whose box is marked.
fn confirmed(sent: Sent) -> Result<ChangeForm, ApiError> {
    let Form(form) =
        sent.map_err(|rejection| ApiError::Invalid(vec![FieldError::form("body", &rejection.body_text())]))?;
    if form.confirmed == CONFIRMED {
        return Ok(form);
    }
    let detail = "`confirmed` is not marked, so nothing was done: go back, and mark the box";
    Err(ApiError::Invalid(vec![FieldError::new("confirmed", detail)]))
}

impl ChangeForm {
    fn why(&self) -> OperatorReason {
        OperatorReason { reason: self.reason.clone() }
    }

    fn key_limits(&self) -> Result<KeyLimits, ApiError> {
        Ok(KeyLimits {
            images_per_minute: number("images_per_minute", &self.images_per_minute, "a number of pictures")?,
            mint_per_day: number("mint_per_day", &self.mint_per_day, "a number of AIT, as 2.5")?,
            reason: self.reason.clone(),
        })
    }
}

/// The number in a field that may be empty.
fn number<T: FromStr>(field: &str, text: &str, bound: &str) -> Result<Option<T>, ApiError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let given = || text.chars().take(NUMBER_SHOWN_CHARS).collect::<String>();
    text.parse().map(Some).map_err(|_| ApiError::OutOfBounds(vec![FieldError::bound(field, bound, given())]))
}

/// Where the pages' forms go. Each leads back to the page of what it changed.
pub(super) fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route("/admin/miners/{address}/pause", post(pause))
        .route("/admin/miners/{address}/resume", post(resume))
        .route("/admin/keys/{id}/limits", post(limit))
        .route("/admin/keys/{id}/revoke", post(revoke))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(app))
}

async fn pause(
    Operator(own): Operator,
    State(admin): State<Admin>,
    ApiPath(miner): ApiPath<Address>,
    sent: Sent,
) -> Result<Redirect, ApiError> {
    admin.pause(own.address, miner, &confirmed(sent)?.why()).await?;
    Ok(Redirect::to(&format!("/admin/miners/{miner}")))
}

async fn resume(
    Operator(own): Operator,
    State(admin): State<Admin>,
    ApiPath(miner): ApiPath<Address>,
    sent: Sent,
) -> Result<Redirect, ApiError> {
    admin.resume(own.address, miner, &confirmed(sent)?.why()).await?;
    Ok(Redirect::to(&format!("/admin/miners/{miner}")))
}

async fn limit(
    Operator(own): Operator,
    State(admin): State<Admin>,
    ApiPath(id): ApiPath<ApiKeyId>,
    sent: Sent,
) -> Result<Redirect, ApiError> {
    admin.limit_key(own.address, id, &confirmed(sent)?.key_limits()?).await?;
    Ok(Redirect::to(&format!("/admin/keys/{id}")))
}

/// A wallet's key is gone then, so the list of what was done is shown.
async fn revoke(
    Operator(own): Operator,
    State(admin): State<Admin>,
    ApiPath(id): ApiPath<ApiKeyId>,
    sent: Sent,
) -> Result<Redirect, ApiError> {
    admin.revoke_key(own.address, id, &confirmed(sent)?.why()).await?;
    Ok(Redirect::to("/admin/changes"))
}
