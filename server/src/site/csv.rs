//! Lists of the explorer as CSV (RFC 4180), `/api/explorer/csv/…`: the newest rows, up to a bound.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use frontend::backend::{Answer, Backend, BackendError, TransfersOf};
use frontend::format::{machine_time, token_amount};
use serde::Deserialize;
use shared::Address;
use shared::api::explorer::ValidatorView;
use shared::api::page::{LIMIT_MAX, Page};
use shared::field_error::FieldError;

use crate::error::ApiError;

/// Rows of one file. `cursor` of the JSON lists leads further.
pub(super) const ROWS_MAX: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    token: Option<Address>,
    account: Option<Address>,
}

pub(super) fn router(backend: Arc<dyn Backend>) -> Router {
    Router::new().route("/api/explorer/csv/{list}", get(csv)).with_state(backend)
}

async fn csv(
    State(backend): State<Arc<dyn Backend>>,
    Path(list): Path<String>,
    query: Result<Query<Whose>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(whose) =
        query.map_err(|rejection| ApiError::Invalid(vec![FieldError::new("query", rejection.body_text())]))?;
    let file = File::of(backend.as_ref(), &list, &whose).await.map_err(|error| no_file(&list, error))?;
    Ok(file.into_response())
}

impl IntoResponse for File {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.csv\"", self.name)),
        ];
        (headers, self.text).into_response()
    }
}

/// Why there is no file.
pub(super) fn no_file(list: &str, error: BackendError) -> ApiError {
    match error {
        BackendError::NotFound => ApiError::NotFound(format!("there is no list {list} of this kind")),
        BackendError::Invalid(detail) => ApiError::Invalid(vec![FieldError::new("query", detail)]),
        BackendError::Unavailable(reason) => ApiError::Unavailable(reason),
    }
}

pub(super) struct File {
    name: &'static str,
    text: String,
}

impl File {
    pub(super) fn new(name: &'static str, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Self {
        let mut text = line(heads.iter().map(|head| (*head).to_owned()));
        rows.for_each(|row| text.push_str(&line(row.into_iter())));
        Self { name, text }
    }

    async fn of(backend: &dyn Backend, list: &str, whose: &Whose) -> Answer<Self> {
        let of = TransfersOf { token: whose.token, account: whose.account };
        let account = whose.account;
        Ok(match list {
            "blocks" => {
                let rows = rows(|cursor, limit| async move { backend.blocks(cursor.as_deref(), limit).await }).await?;
                let heads = ["height", "hash", "time", "transactions", "gas_used", "minted_ait"];
                Self::new(
                    "blocks",
                    &heads,
                    rows.into_iter().map(|row| {
                        vec![
                            row.number.to_string(),
                            row.hash.to_string(),
                            machine_time(row.timestamp),
                            row.transaction_count.to_string(),
                            row.gas_used.to_string(),
                            row.minted.to_string(),
                        ]
                    }),
                )
            }
            "transactions" => {
                let rows = rows(|cursor, limit| async move {
                    match account {
                        Some(account) => backend.transactions_of(account, cursor.as_deref(), limit).await,
                        None => backend.transactions(cursor.as_deref(), limit).await,
                    }
                })
                .await?;
                let heads = ["hash", "height", "index", "time", "from", "to", "succeeded", "method", "minted_ait"];
                Self::new(
                    "transactions",
                    &heads,
                    rows.into_iter().map(|row| {
                        vec![
                            row.hash.to_string(),
                            row.block_number.to_string(),
                            row.index.to_string(),
                            machine_time(row.timestamp),
                            row.from.to_string(),
                            row.to.map(|to| to.to_string()).unwrap_or_default(),
                            row.succeeded.to_string(),
                            row.method,
                            row.minted.to_string(),
                        ]
                    }),
                )
            }
            "receipts" => {
                let rows =
                    rows(|cursor, limit| async move { backend.receipts(account, cursor.as_deref(), limit).await })
                        .await?;
                let heads = [
                    "receipt_hash",
                    "job",
                    "provider",
                    "model",
                    "units",
                    "unit_type",
                    "amount_ait",
                    "attested",
                    "height",
                ];
                Self::new(
                    "receipts",
                    &heads,
                    rows.into_iter().map(|row| {
                        let receipt = row.signed.receipt;
                        let height = row.mint.map(|mint| mint.block_number.to_string()).unwrap_or_default();
                        vec![
                            row.signed.receipt_hash.to_string(),
                            receipt.job_id.to_string(),
                            receipt.provider.to_string(),
                            receipt.model,
                            receipt.units.to_string(),
                            receipt.unit_type.to_string(),
                            row.amount.to_string(),
                            machine_time(row.attested_at_unix_ms.seconds()),
                            height,
                        ]
                    }),
                )
            }
            "transfers" => {
                let rows =
                    rows(|cursor, limit| async move { backend.transfers(of, cursor.as_deref(), limit).await }).await?;
                let heads = [
                    "transaction",
                    "height",
                    "log_index",
                    "time",
                    "from",
                    "to",
                    "token",
                    "symbol",
                    "amount",
                    "smallest_units",
                ];
                Self::new(
                    "transfers",
                    &heads,
                    rows.into_iter().map(|row| {
                        vec![
                            row.transaction_hash.to_string(),
                            row.block_number.to_string(),
                            row.log_index.to_string(),
                            machine_time(row.timestamp),
                            row.from.to_string(),
                            row.to.to_string(),
                            row.token.to_string(),
                            row.symbol.unwrap_or_default(),
                            token_amount(&row.amount, row.decimals).1,
                            row.amount,
                        ]
                    }),
                )
            }
            "tokens" => {
                let rows = rows(|cursor, limit| async move { backend.tokens(cursor.as_deref(), limit).await }).await?;
                let heads = ["token", "name", "symbol", "decimals", "holders", "transfers"];
                Self::new(
                    "tokens",
                    &heads,
                    rows.into_iter().map(|row| {
                        vec![
                            row.address.to_string(),
                            row.name.unwrap_or_default(),
                            row.symbol.unwrap_or_default(),
                            row.decimals.map(|decimals| decimals.to_string()).unwrap_or_default(),
                            row.holders.to_string(),
                            row.transfers.to_string(),
                        ]
                    }),
                )
            }
            "holders" => {
                let token = whose.token.ok_or(BackendError::NotFound)?;
                let decimals = backend.token(token).await?.summary.decimals;
                let rows =
                    rows(|cursor, limit| async move { backend.holders(token, cursor.as_deref(), limit).await }).await?;
                Self::new(
                    "holders",
                    &["account", "balance", "smallest_units"],
                    rows.into_iter()
                        .map(|row| vec![row.account.to_string(), token_amount(&row.balance, decimals).1, row.balance]),
                )
            }
            "holdings" => {
                let account = account.ok_or(BackendError::NotFound)?;
                let rows =
                    rows(|cursor, limit| async move { backend.holdings(account, cursor.as_deref(), limit).await })
                        .await?;
                let heads = ["token", "name", "symbol", "balance", "smallest_units"];
                Self::new(
                    "holdings",
                    &heads,
                    rows.into_iter().map(|row| {
                        vec![
                            row.token.address.to_string(),
                            row.token.name.unwrap_or_default(),
                            row.token.symbol.unwrap_or_default(),
                            token_amount(&row.balance, row.token.decimals).1,
                            row.balance,
                        ]
                    }),
                )
            }
            "validators" => {
                let heads = ["validator", "voting_power", "base_power", "own_stake_ait", "delegated_stake_ait"];
                Self::new("validators", &heads, backend.validators().await?.validators.into_iter().map(validator))
            }
            "supply" => {
                let heads = ["day", "supply_ait", "minted_ait", "transactions"];
                Self::new(
                    "supply",
                    &heads,
                    backend.charts().await?.supply.into_iter().map(|row| {
                        vec![
                            machine_time(row.day),
                            row.supply.to_string(),
                            row.minted.to_string(),
                            row.transactions.to_string(),
                        ]
                    }),
                )
            }
            "jobs" => {
                let rows = backend.charts().await?.jobs.into_iter();
                Self::new(
                    "jobs",
                    &["day", "kind", "jobs"],
                    rows.map(|row| vec![machine_time(row.day), row.kind.as_str().to_owned(), row.jobs.to_string()]),
                )
            }
            "prices" => {
                let rows = backend.charts().await?.prices.into_iter();
                Self::new(
                    "prices",
                    &["day", "unit", "price_ait", "receipts"],
                    rows.map(|row| {
                        vec![
                            machine_time(row.day),
                            row.unit_type.to_string(),
                            row.unit_price.to_string(),
                            row.receipts.to_string(),
                        ]
                    }),
                )
            }
            _ => return Err(BackendError::NotFound),
        })
    }
}

fn validator(row: ValidatorView) -> Vec<String> {
    vec![
        row.address.to_string(),
        row.voting_power.to_string(),
        row.base_power.to_string(),
        row.own_stake.to_string(),
        row.delegated_stake.to_string(),
    ]
}

/// Page after page, up to the bound.
pub(super) async fn rows<T, F>(ask: impl Fn(Option<String>, u32) -> F) -> Answer<Vec<T>>
where
    F: Future<Output = Answer<Page<T>>>,
{
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let page = ask(cursor, LIMIT_MAX).await?;
        rows.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() || rows.len() >= ROWS_MAX {
            rows.truncate(ROWS_MAX);
            return Ok(rows);
        }
    }
}

fn line(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<String> = fields.map(|text| field(&text)).collect();
    fields.join(",") + "\r\n"
}

/// A field that a spreadsheet neither splits nor computes: strangers name their tokens.
fn field(text: &str) -> String {
    let computes = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if computes { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_neither_split_nor_computed() {
        let found =
            ["plain", "a,b", "say \"x\"", "=HYPERLINK(\"http://evil.example\")", "-1+2", "two\nlines"].map(field);
        let expected = [
            "plain",
            "\"a,b\"",
            "\"say \"\"x\"\"\"",
            "\"'=HYPERLINK(\"\"http://evil.example\"\")\"",
            "'-1+2",
            "\"two\nlines\"",
        ];
        assert_eq!(found, expected);
        assert_eq!(line(["a".to_owned(), String::new()].into_iter()), "a,\r\n");
    }

    #[tokio::test]
    async fn a_file_ends_at_its_bound() {
        let endless =
            |_, limit: u32| async move { Ok(Page { items: (0..limit).collect(), next_cursor: Some("1".to_owned()) }) };
        assert_eq!(rows(endless).await.unwrap().len(), ROWS_MAX);
    }
}
