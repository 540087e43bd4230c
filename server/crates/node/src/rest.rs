//! The chain as REST, in plain JSON: numbers as numbers, amounts as decimal strings.

mod body;
mod problem;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use chain::{IncludedTransaction, Place, Snapshot, Validator};

use body::{AcceptedBody, BalanceBody, BlocksBody, BlocksQuery, MempoolBody, NetworkBody, SubmitBody, ValidatorBody};
pub use body::{BlockBody, HeadBody, TransactionBody};
use problem::RestError;

use crate::error::NodeError;
use crate::handle::NodeHandle;
use crate::token;

/// Most blocks one range returns.
pub(crate) const MAX_RANGE_BLOCKS: u64 = 100;

type Answer<T> = Result<Json<T>, RestError>;

pub(crate) async fn show_head(State(node): State<NodeHandle>) -> Answer<HeadBody> {
    let snapshot = node.snapshot()?;
    let head = snapshot.head();
    let transactions = snapshot.transaction_total(head.number).map_err(NodeError::from)?;
    Ok(Json(HeadBody {
        chain_id: node.chain_id(),
        genesis_hash: node.genesis_hash(),
        number: head.number,
        hash: head.hash(),
        parent_hash: head.parent_hash,
        state_root: head.state_root,
        timestamp_unix_s: head.timestamp,
        transaction_count_total: transactions,
    }))
}

pub(crate) async fn show_block(
    State(node): State<NodeHandle>,
    id: Result<Path<String>, PathRejection>,
) -> Answer<BlockBody> {
    let Path(id) = id?;
    let snapshot = node.snapshot()?;
    let height = if let Ok(number) = id.parse::<u64>() {
        Some(number)
    } else {
        let hash = problem::parse("id", &id, "a height or a block hash of 0x and 64 hexadecimal digits")?;
        snapshot.height_of(hash).map_err(NodeError::from)?
    };
    let block = match height {
        Some(height) => read_block(&snapshot, height)?,
        None => None,
    };
    block.map(Json).ok_or_else(|| RestError::not_found("block", &id))
}

pub(crate) async fn list_blocks(
    State(node): State<NodeHandle>,
    query: Result<Query<BlocksQuery>, QueryRejection>,
) -> Answer<BlocksBody> {
    let Query(BlocksQuery { from, to }) = query?;
    if from > to {
        return Err(RestError::out_of_bounds("to", format!("at least `from` ({from})"), to));
    }
    if to - from >= MAX_RANGE_BLOCKS {
        let bound = format!("at most {} (100 blocks)", from.saturating_add(MAX_RANGE_BLOCKS - 1));
        return Err(RestError::out_of_bounds("to", bound, to));
    }
    let blocks = node
        .query(move |snapshot| {
            let last = to.min(snapshot.head().number);
            (from..=last).filter_map(|height| read_block(snapshot, height).transpose()).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(Json(BlocksBody { blocks }))
}

pub(crate) async fn show_transaction(
    State(node): State<NodeHandle>,
    hash: Result<Path<String>, PathRejection>,
) -> Answer<TransactionBody> {
    let Path(text) = hash?;
    let hash = problem::parse("hash", &text, "0x and 64 hexadecimal digits")?;
    let waiting = node.pending_transaction(hash);
    match node.transaction(hash)? {
        Some(included) => Ok(Json(TransactionBody::included(&included))),
        None => waiting
            .map(|transaction| Json(TransactionBody::waiting(&transaction)))
            .ok_or_else(|| RestError::not_found("transaction", &text)),
    }
}

pub(crate) async fn create_transaction(
    State(node): State<NodeHandle>,
    body: Result<Json<SubmitBody>, JsonRejection>,
) -> Result<(StatusCode, Json<AcceptedBody>), RestError> {
    let Json(SubmitBody { raw }) = body?;
    let hash = node.submit_raw_transaction(&raw).await?;
    Ok((StatusCode::ACCEPTED, Json(AcceptedBody { hash })))
}

pub(crate) async fn show_balance(
    State(node): State<NodeHandle>,
    address: Result<Path<String>, PathRejection>,
) -> Answer<BalanceBody> {
    let Path(text) = address?;
    let address = problem::parse("address", &text, "0x and 40 hexadecimal digits")?;
    let body = node
        .query(move |snapshot| {
            let height = snapshot.head().number;
            let account = snapshot.state_at(height)?.account(address)?;
            Ok(BalanceBody {
                address,
                ait: token::token_balance_at(snapshot, height, address)?,
                native_wei: account.map(|account| account.balance).unwrap_or_default().to_string(),
                nonce: account.map_or(0, |account| account.nonce),
                block_number: height,
            })
        })
        .await?;
    Ok(Json(body))
}

pub(crate) async fn show_mempool(State(node): State<NodeHandle>) -> Answer<MempoolBody> {
    let content = node.pool_content();
    Ok(Json(MempoolBody {
        ready_count: content.ready.len(),
        queued_count: content.queued.len(),
        ready: content.ready.iter().take(body::MAX_LISTED_TRANSACTIONS).map(TransactionBody::waiting).collect(),
        queued: content.queued.iter().take(body::MAX_LISTED_TRANSACTIONS).map(TransactionBody::waiting).collect(),
    }))
}

pub(crate) async fn show_network(State(node): State<NodeHandle>) -> Answer<NetworkBody> {
    Ok(Json(NetworkBody {
        chain_id: node.chain_id(),
        genesis_hash: node.genesis_hash(),
        version: env!("CARGO_PKG_VERSION"),
        peers: 0,
        fault: node.fault(),
    }))
}

pub(crate) async fn list_validators(State(node): State<NodeHandle>) -> Answer<Vec<ValidatorBody>> {
    let validators = node.validators()?;
    let members = validators.iter();
    Ok(Json(members.map(|Validator { address, voting_power }| ValidatorBody { address, voting_power }).collect()))
}

fn read_block(snapshot: &Snapshot, height: u64) -> Result<Option<BlockBody>, NodeError> {
    let Some(block) = snapshot.block_at(height)? else { return Ok(None) };
    let receipts = snapshot.receipts_at(height)?;
    let certificate = snapshot.certificate_at(height)?;
    let transactions = (0u32..)
        .zip(block.transactions.iter().zip(receipts))
        .map(|(index, (transaction, receipt))| {
            TransactionBody::included(&IncludedTransaction {
                place: Place { height, index },
                block_hash: block.header.hash(),
                block_timestamp_unix_s: block.header.timestamp,
                transaction: transaction.clone(),
                receipt,
            })
        })
        .collect();
    Ok(Some(BlockBody::new(&block, transactions, certificate)))
}
