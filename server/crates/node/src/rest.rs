//! The chain as REST, in plain JSON: numbers as numbers, amounts as decimal strings.

mod body;
mod counted;
mod problem;

use alloy_primitives::Bytes;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use chain::{ChainError, DecidedBlock, IncludedTransaction, Place, ReceivedBlock, SignedTransaction, Snapshot};

use body::{
    AcceptedBody, BalanceBody, BlocksBody, BlocksQuery, DecidedBlocksBody, ImportBody, ImportedBody, MempoolBody,
    NetworkBody, PeerBody, SubmitBody, ValidatorBody,
};
pub use body::{BlockBody, HeadBody, TransactionBody};
pub(crate) use counted::count;
pub(crate) use problem::RestError;

use crate::allowance::Allowance;
use crate::error::NodeError;
use crate::handle::NodeHandle;
use crate::token;

/// Most blocks one range returns.
pub(crate) const MAX_RANGE_BLOCKS: u64 = 100;

/// Most bytes of transactions and events in one answer that lists several.
const MAX_ANSWER_BYTES: usize = 4 << 20;

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
    let height = if let Ok(number) = id.parse::<u64>() {
        Some(number)
    } else {
        let hash = problem::parse("id", &id, "a height or a block hash of 0x and 64 hexadecimal digits")?;
        node.snapshot()?.height_of(hash).map_err(NodeError::from)?
    };
    let block = match height {
        Some(height) => node.query(move |snapshot| read_block(snapshot, height)).await?,
        None => None,
    };
    block.map(Json).ok_or_else(|| RestError::not_found("block", &id))
}

pub(crate) async fn list_blocks(
    State(node): State<NodeHandle>,
    query: Result<Query<BlocksQuery>, QueryRejection>,
) -> Answer<BlocksBody> {
    let Query(query) = query?;
    check_range(query)?;
    let blocks = node
        .query(move |snapshot| {
            let (mut blocks, mut bytes) = (Vec::new(), 0);
            for height in query.from..=query.to.min(snapshot.head().number) {
                let Some(block) = read_block(snapshot, height)? else { continue };
                bytes += block.memory_bytes();
                if bytes > MAX_ANSWER_BYTES {
                    let (limit, given) = (MAX_ANSWER_BYTES as u64, bytes as u64);
                    return Err(ChainError::LimitExceeded { what: "bytes of a range of blocks", limit, given }.into());
                }
                blocks.push(block);
            }
            Ok(blocks)
        })
        .await?;
    Ok(Json(BlocksBody { blocks }))
}

/// Blocks with their certificates as other nodes take them, from `from` on: up to `to`, or as far as one answer goes.
pub(crate) async fn list_decided_blocks(
    State(node): State<NodeHandle>,
    query: Result<Query<BlocksQuery>, QueryRejection>,
) -> Answer<DecidedBlocksBody> {
    let Query(query) = query?;
    check_range(query)?;
    let blocks = node
        .query(move |snapshot| {
            let (mut blocks, mut bytes) = (Vec::new(), 0);
            for height in query.from..=query.to.min(snapshot.head().number) {
                // Nobody decided block 0.
                let (Some(block), Some(certificate)) = (snapshot.block_at(height)?, snapshot.certificate_at(height)?)
                else {
                    continue;
                };
                let encoded = Bytes::from(DecidedBlock::encode(&block, &certificate));
                bytes += encoded.len();
                blocks.push(encoded);
                if bytes >= MAX_ANSWER_BYTES {
                    break;
                }
            }
            Ok(blocks)
        })
        .await?;
    Ok(Json(DecidedBlocksBody { blocks }))
}

/// Takes a block that others decided.
pub(crate) async fn import_block(
    State(node): State<NodeHandle>,
    body: Result<Json<ImportBody>, JsonRejection>,
) -> Result<(StatusCode, Json<ImportedBody>), RestError> {
    let Json(ImportBody { block }) = body?;
    let mut bytes = block.as_ref();
    let received = ReceivedBlock::decode(&mut bytes).map_err(RestError::of_import)?;
    if !bytes.is_empty() {
        let left = format!("{} bytes follow the block", bytes.len());
        return Err(RestError::of_import(ChainError::MalformedBlock(left)));
    }
    let (number, hash) = (received.header().number, received.header().hash());
    let is_new = match node.import(received).await {
        Ok(is_new) => is_new,
        Err(NodeError::Chain(error)) => return Err(RestError::of_import(error)),
        Err(error) => return Err(error.into()),
    };
    let (status, outcome) = if is_new { (StatusCode::CREATED, "imported") } else { (StatusCode::OK, "exists") };
    Ok((status, Json(ImportedBody { outcome, number, hash })))
}

fn check_range(BlocksQuery { from, to }: BlocksQuery) -> Result<(), RestError> {
    if from > to {
        return Err(RestError::out_of_bounds("to", format!("at least `from` ({from})"), to));
    }
    if to - from >= MAX_RANGE_BLOCKS {
        let bound = format!("at most {} (100 blocks)", from.saturating_add(MAX_RANGE_BLOCKS - 1));
        return Err(RestError::out_of_bounds("to", bound, to));
    }
    Ok(())
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
    allowance: Option<Extension<Allowance>>,
    body: Result<Json<SubmitBody>, JsonRejection>,
) -> Result<(StatusCode, Json<AcceptedBody>), RestError> {
    let Json(SubmitBody { raw }) = body?;
    let caller = allowance.map(|Extension(allowance)| allowance.caller());
    let hash = node.submit_of(caller, &raw).await?;
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
    let pool = node.shared.pool();
    let (ready, queued) = pool.content();
    let listed = |list: &[&SignedTransaction]| -> Vec<TransactionBody> {
        let mut bytes = 0;
        let fits = |transaction: &&&SignedTransaction| {
            bytes += transaction.raw().len();
            bytes <= MAX_ANSWER_BYTES
        };
        let first = list.iter().take(body::MAX_LISTED_TRANSACTIONS).take_while(fits);
        first.map(|transaction| TransactionBody::waiting(transaction)).collect()
    };
    Ok(Json(MempoolBody {
        ready_count: ready.len(),
        queued_count: queued.len(),
        ready: listed(&ready),
        queued: listed(&queued),
    }))
}

pub(crate) async fn show_network(State(node): State<NodeHandle>) -> Answer<NetworkBody> {
    let peers = node.peers();
    let shortage = node.quorum_shortage()?.or(node.standstill()?).or_else(|| node.disk_shortage());
    let connected = peers.iter().filter(|peer| peer.is_connected).count();
    Ok(Json(NetworkBody {
        chain_id: node.chain_id(),
        genesis_hash: node.genesis_hash(),
        version: env!("CARGO_PKG_VERSION"),
        peers: connected,
        validators: peers.into_iter().map(PeerBody::from).collect(),
        fault: node.fault().or_else(|| shortage.map(|shortage| shortage.to_string())),
    }))
}

pub(crate) async fn list_validators(State(node): State<NodeHandle>) -> Answer<Vec<ValidatorBody>> {
    let powers = node.validator_powers().await?;
    Ok(Json(powers.into_iter().map(ValidatorBody::from).collect()))
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
