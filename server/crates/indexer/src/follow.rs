//! Follows the chain: step by step, until the index has its head.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use alloy_sol_types::SolCall;
use contracts::AIToken;
use node::chain::{Call, ChainError, Snapshot};
use node::{Lane, NodeError, NodeHandle};
use store::change::{ClearIndex, IndexBlocks, NameToken};
use store::record::index::{IndexPosition, IndexedBlock, TOKEN_NAME_MAX_CHARS, TOKEN_SYMBOL_MAX_CHARS};
use store::{Refusal, Store, StoreError};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::error::IndexError;
use crate::{decode, token_text};

/// Blocks of one step, and transactions after which a step takes no further block: the hub's own changes wait for one.
pub const BLOCKS_PER_STEP: usize = 256;
pub const TRANSACTIONS_PER_STEP: usize = 500;

/// Tokens that are asked for their names between two looks at the chain.
const TOKENS_PER_LOOK: u64 = 8;

/// Gas with which a token is asked for its name.
const TOKEN_CALL_GAS: u64 = 200_000;

/// How often the position is looked at without a new block: it may have been cleared meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long a failed step waits for its next try.
const RETRY: Duration = Duration::from_secs(1);

/// Fills the index from the node's blocks.
#[derive(Clone)]
pub struct Indexer {
    node: NodeHandle,
    store: Store,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The index has the head, or more of the chain than this node.
    UpToDate,
    /// So many blocks are new in it.
    Indexed { blocks: usize },
    /// It belonged to another chain and is empty now.
    Cleared,
    /// Another process moved it meanwhile.
    Moved,
}

/// What the chain has for an index at some position.
enum Next {
    Nothing,
    Blocks(Vec<IndexedBlock>),
    /// Another block is there: the chain was reset, or is another one.
    OtherChain,
    /// This is the head, and the position is above it.
    Above {
        head: u64,
        hash: B256,
    },
}

impl Indexer {
    pub fn new(node: NodeHandle, store: Store) -> Self {
        Self { node, store }
    }

    /// Follows the chain until it is told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut blocks = self.node.subscribe_blocks();
        while !stop.is_cancelled() {
            let pause = match self.step().await {
                Ok(Step::UpToDate) => LOOK_EVERY,
                Ok(Step::Indexed { .. } | Step::Moved) => continue,
                // Two chains over one database would empty it in turns: not faster than this.
                Ok(Step::Cleared) => {
                    tracing::warn!("the index belonged to another chain and is filled again");
                    RETRY
                }
                Err(error) => {
                    tracing::warn!(%error, "the index stays behind until the next try");
                    RETRY
                }
            };
            if let Err(error) = self.name_tokens().await {
                tracing::debug!(%error, "tokens stay without a name until the next try");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                block = blocks.recv() => if matches!(block, Err(broadcast::error::RecvError::Closed)) { return },
            }
        }
    }

    /// Indexes the next blocks, if there are any.
    ///
    /// # Errors
    /// What keeps it from that; the next try begins at the same place.
    pub async fn step(&self) -> Result<Step, IndexError> {
        let after = self.store.index_position().await?;
        let next = self.node.query(move |snapshot| next(snapshot, after)).await?;
        let blocks = match next {
            Next::Nothing => return Ok(Step::UpToDate),
            Next::Above { head, hash } if self.is_behind_another(head, hash).await? => return Ok(Step::UpToDate),
            Next::OtherChain | Next::Above { .. } => {
                self.store.write(ClearIndex).await?;
                return Ok(Step::Cleared);
            }
            Next::Blocks(blocks) => blocks,
        };
        let count = blocks.len();
        match self.store.write(IndexBlocks { after, blocks }).await {
            Ok(()) => Ok(Step::Indexed { blocks: count }),
            Err(StoreError::Refused(Refusal::IndexMoved)) => Ok(Step::Moved),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether an index above the head has blocks of this chain that another process indexed, and this node has yet to get. A
    /// node that decides alone is the first to have each.
    async fn is_behind_another(&self, head: u64, hash: B256) -> Result<bool, IndexError> {
        if self.node.decides_alone() {
            return Ok(false);
        }
        // None where another process has emptied the index meanwhile: nothing is left to clear.
        Ok(self.store.indexed_block_hash(head).await?.is_none_or(|indexed| indexed == hash))
    }

    /// Asks some new tokens for their names, once each. A contract that does not answer stays without.
    ///
    /// # Errors
    /// Where the node is busy or the store fails.
    pub async fn name_tokens(&self) -> Result<(), IndexError> {
        for address in self.store.list_unasked_tokens(TOKENS_PER_LOOK).await? {
            let name = self.ask(address, AIToken::nameCall {}).await?;
            let symbol = self.ask(address, AIToken::symbolCall {}).await?;
            let decimals = self.ask(address, AIToken::decimalsCall {}).await?;
            let named = NameToken {
                address,
                name: name.and_then(|returned| token_text::text(&returned, TOKEN_NAME_MAX_CHARS)),
                symbol: symbol.and_then(|returned| token_text::text(&returned, TOKEN_SYMBOL_MAX_CHARS)),
                decimals: decimals.and_then(|returned| token_text::decimals(&returned)),
            };
            self.store.write(named).await?;
        }
        Ok(())
    }

    /// What a contract of anybody's returns: within a stranger's time, and little gas.
    async fn ask(&self, token: Address, question: impl SolCall) -> Result<Option<Vec<u8>>, NodeError> {
        let data = question.abi_encode().into();
        let call = Call { to: Some(token), gas: Some(TOKEN_CALL_GAS), data, ..Call::default() };
        match self.node.clone().in_lane(Lane::Stranger).call(call).await {
            Ok(outcome) => Ok(Some(outcome.output.to_vec())),
            Err(
                NodeError::Chain(
                    ChainError::Reverted { .. }
                    | ChainError::Halted { .. }
                    | ChainError::InvalidCall(_)
                    | ChainError::CallStopped,
                )
                | NodeError::CallTime { .. },
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn next(snapshot: &Snapshot, after: Option<IndexPosition>) -> Result<Next, NodeError> {
    let mut height = 0;
    if let Some(IndexPosition { height: last, hash }) = after {
        match snapshot.header_at(last)? {
            Some(header) if header.hash() == hash => height = last + 1,
            Some(_) => return Ok(Next::OtherChain),
            None => {
                let head = snapshot.head();
                return Ok(Next::Above { head: head.number, hash: head.hash() });
            }
        }
    }
    let (mut blocks, mut transactions) = (Vec::new(), 0);
    while blocks.len() < BLOCKS_PER_STEP && transactions < TRANSACTIONS_PER_STEP {
        let Some(block) = snapshot.block_at(height)? else { break };
        let indexed = decode::block(&block, &snapshot.receipts_at(height)?);
        transactions += indexed.transactions.len();
        blocks.push(indexed);
        height += 1;
    }
    Ok(if blocks.is_empty() { Next::Nothing } else { Next::Blocks(blocks) })
}
