//! The marketplace's lists as CSV (RFC 4180), `/api/marketplace/csv/…`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use frontend::backend::{Answer, Backend, BackendError};
use frontend::format::machine_time;
use shared::amount::{Amount, MicroUnits};
use shared::api::bounties::BountyView;
use shared::api::marketplace::{ModelDay, ModelSummary, OFFER_FIELDS, OfferFilter, OfferView};
use shared::api::miners::MinerView;
use shared::field_error::FieldError;

use super::csv::{File, ROWS_MAX, no_file, rows};
use crate::error::ApiError;

pub(super) fn router(backend: Arc<dyn Backend>) -> Router {
    Router::new().route("/api/marketplace/csv/{list}", get(csv)).with_state(backend)
}

type Parts = BTreeMap<String, String>;

async fn csv(
    State(backend): State<Arc<dyn Backend>>,
    Path(list): Path<String>,
    parts: Result<Query<Parts>, QueryRejection>,
) -> Result<File, ApiError> {
    let invalid = |detail: String| ApiError::Invalid(vec![FieldError::new("query", detail)]);
    let Query(parts) = parts.map_err(|rejection| invalid(rejection.body_text()))?;
    if let Some(unknown) = parts.keys().find(|name| !OFFER_FIELDS.contains(&name.as_str())) {
        return Err(invalid(format!("`{unknown}` is no filter; there are {}", OFFER_FIELDS.join(", "))));
    }
    let filter = OfferFilter::read(|name| parts.get(name).cloned()).map_err(|error| ApiError::Invalid(vec![error]))?;
    file(backend.as_ref(), &list, &filter).await.map_err(|error| no_file(&list, error))
}

async fn file(backend: &dyn Backend, list: &str, filter: &OfferFilter) -> Answer<File> {
    Ok(match list {
        "offers" => {
            let rows = backend.offers(filter, ROWS_MAX).await?.items;
            let heads = [
                "kind",
                "model",
                "manifest_sha256",
                "miner",
                "device",
                "gpu",
                "memory_bytes",
                "unit",
                "unit_price_ait",
                "example_ait",
                "example_ms",
                "units_per_second",
                "speed_measured_by_hub",
                "reputation_per_mille",
                "results",
                "faults",
                "slots",
                "free",
            ];
            File::new("offers", &heads, rows.into_iter().map(offer))
        }
        "models" => {
            let rows = backend.models(filter.kind).await?.items;
            let heads = [
                "kind",
                "model",
                "pinned",
                "licence",
                "miners",
                "slots",
                "free",
                "unit",
                "lowest_ait",
                "median_ait",
                "example_ait",
                "units_per_second",
                "jobs",
                "jobs_last_day",
                "last_served",
            ];
            File::new("models", &heads, rows.into_iter().map(model))
        }
        "miners" => {
            let rows = rows(|cursor, limit| async move { backend.miners(cursor.as_deref(), limit).await }).await?;
            let heads = [
                "miner",
                "online",
                "paused",
                "results",
                "faults",
                "reputation_per_mille",
                "earned_ait",
                "waiting_ait",
                "held_ait",
                "last_seen",
            ];
            File::new("miners", &heads, rows.into_iter().map(miner))
        }
        "bounties" => {
            let rows = rows(|cursor, limit| async move { backend.bounties(None, cursor.as_deref(), limit).await });
            let heads = [
                "bounty",
                "state",
                "model_sha256",
                "pledger",
                "pledged",
                "expires",
                "reward_ait",
                "least_work_ait",
                "rewards",
                "free",
                "waiting",
                "paid",
                "refunded",
            ];
            File::new("bounties", &heads, rows.await?.into_iter().map(bounty))
        }
        "days" => {
            let name = filter
                .model
                .as_deref()
                .ok_or_else(|| BackendError::Invalid("`model` names the model whose days are asked for".to_owned()))?;
            let rows = backend.model(name, filter.kind).await?.days;
            File::new("days", &["day", "jobs", "unit_price_ait"], rows.into_iter().map(day))
        }
        _ => return Err(BackendError::NotFound),
    })
}

fn text(amount: Option<Amount>) -> String {
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

fn offer(row: OfferView) -> Vec<String> {
    vec![
        row.kind.as_str().to_owned(),
        row.model,
        row.manifest_sha256.to_string(),
        row.miner.to_string(),
        row.device,
        row.is_gpu.to_string(),
        row.memory_bytes.to_string(),
        row.unit_type.to_string(),
        row.unit_price.to_string(),
        row.example_price.to_string(),
        row.example_ms.to_string(),
        MicroUnits(row.micro_units_per_second).to_string(),
        row.is_measured.to_string(),
        row.reputation_per_mille.to_string(),
        row.results.to_string(),
        row.faults.to_string(),
        row.slots.to_string(),
        row.free.to_string(),
    ]
}

fn model(row: ModelSummary) -> Vec<String> {
    let [lowest, median] = row.supply.prices.map_or([None, None], |prices| prices.map(Some));
    vec![
        row.kind.as_str().to_owned(),
        row.name,
        row.is_pinned.to_string(),
        row.licence.unwrap_or_default(),
        row.supply.miners.to_string(),
        row.supply.slots.to_string(),
        row.supply.free.to_string(),
        row.kind.unit_type().to_string(),
        text(lowest),
        text(median),
        text(row.supply.example_price),
        row.supply.micro_units_per_second.map(|speed| MicroUnits(speed).to_string()).unwrap_or_default(),
        row.served.jobs.to_string(),
        row.served.jobs_of_day.to_string(),
        row.served.last.map(|at| machine_time(at.seconds())).unwrap_or_default(),
    ]
}

fn miner(row: MinerView) -> Vec<String> {
    vec![
        row.address.to_string(),
        row.online.to_string(),
        row.paused.is_some().to_string(),
        row.jobs_completed.to_string(),
        row.faults.to_string(),
        row.reputation_per_mille.to_string(),
        row.earned.to_string(),
        row.pending.to_string(),
        row.held.to_string(),
        machine_time(row.last_seen_at_unix_ms.seconds()),
    ]
}

fn bounty(row: BountyView) -> Vec<String> {
    vec![
        row.id.to_string(),
        row.state.as_str().to_owned(),
        row.model_sha256.to_string(),
        row.pledger.to_string(),
        machine_time(row.pledged_at_unix_s),
        machine_time(row.expires_at_unix_s),
        row.reward.to_string(),
        row.min_work.to_string(),
        row.rewards.to_string(),
        row.rewards_free.to_string(),
        row.rewards_waiting.to_string(),
        row.rewards_paid.to_string(),
        row.rewards_refunded.to_string(),
    ]
}

fn day(row: ModelDay) -> Vec<String> {
    let date = machine_time(row.day).split('T').next().unwrap_or_default().to_owned();
    vec![date, row.jobs.to_string(), text(row.unit_price)]
}
