//! What requests mean on this chain.

use std::collections::{BTreeMap, BTreeSet};

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, TxKind, U256};
use alloy_rpc_types_eth::state::StateOverride;
use alloy_rpc_types_eth::{Filter, FilterBlockOption, TransactionRequest};
use chain::{AccountOverride, Call, ChainError, LogFilter, Snapshot};
use jsonrpsee::core::RpcResult;

use super::error::{invalid_params, limit_exceeded};
use crate::error::NodeError;

/// Most addresses, and most topics at one position, that a log filter names.
pub(crate) const MAX_FILTER_ALTERNATIVES: usize = 1_000;

/// Most accounts, and most slots of one account, that a call overrides.
const MAX_OVERRIDES: usize = 1_000;

/// Most gas of one simulated call, and of all calls of simulated blocks together: a transaction may use less, and a block has
/// more.
pub(crate) const MAX_CALL_GAS: u64 = 30_000_000;

/// The height a tag or number names, `None` above the head. A committed block is final, so `safe` and `finalized`
/// are the head; nothing of a pending block is known before it is committed, so `pending` is the head too.
pub(crate) fn height_of_number(snapshot: &Snapshot, number: BlockNumberOrTag) -> Option<u64> {
    let head = snapshot.head().number;
    match number {
        BlockNumberOrTag::Latest | BlockNumberOrTag::Safe | BlockNumberOrTag::Finalized | BlockNumberOrTag::Pending => {
            Some(head)
        }
        BlockNumberOrTag::Earliest => Some(0),
        BlockNumberOrTag::Number(number) => (number <= head).then_some(number),
    }
}

/// The height a block id names; the head if there is none.
pub(crate) fn height_of(snapshot: &Snapshot, id: Option<BlockId>) -> Result<u64, NodeError> {
    let id = id.unwrap_or(BlockId::Number(BlockNumberOrTag::Latest));
    let height = match id {
        BlockId::Number(number) => height_of_number(snapshot, number),
        BlockId::Hash(hash) => snapshot.height_of(hash.block_hash)?,
    };
    height.ok_or_else(|| NodeError::Chain(ChainError::UnknownBlock(describe(id))))
}

fn describe(id: BlockId) -> String {
    match id {
        BlockId::Number(number) => number.to_string(),
        BlockId::Hash(hash) => hash.block_hash.to_string(),
    }
}

/// A simulated call, with at most [`MAX_CALL_GAS`]. Prices are accepted and ignored: gas is free.
pub(crate) fn call_of(request: TransactionRequest) -> RpcResult<Call> {
    let data = request
        .input
        .try_into_unique_input()
        .map_err(|_| invalid_params("`input` and `data` are both given and differ"))?
        .unwrap_or_default();
    Ok(Call {
        from: request.from.unwrap_or_default(),
        to: match request.to {
            Some(TxKind::Call(to)) => Some(to),
            Some(TxKind::Create) | None => None,
        },
        gas: Some(request.gas.unwrap_or(MAX_CALL_GAS).min(MAX_CALL_GAS)),
        value: request.value.unwrap_or_default(),
        data,
        access_list: request.access_list.unwrap_or_default(),
    })
}

pub(crate) fn overrides_of(given: Option<StateOverride>) -> RpcResult<BTreeMap<Address, AccountOverride>> {
    let given = given.unwrap_or_default();
    if given.len() > MAX_OVERRIDES {
        return Err(limit_exceeded("overridden accounts", MAX_OVERRIDES, given.len()));
    }
    given
        .into_iter()
        .map(|(address, account)| {
            if account.move_precompile_to.is_some() {
                return Err(invalid_params("`movePrecompileToAddress` is not supported"));
            }
            if account.state.is_some() && account.state_diff.is_some() {
                return Err(invalid_params(format!("{address} has both `state` and `stateDiff`")));
            }
            let storage = account.state.map(to_slots).transpose()?;
            let slots = account.state_diff.map(to_slots).transpose()?.unwrap_or_default();
            let (balance, nonce, code) = (account.balance, account.nonce, account.code);
            Ok((address, AccountOverride { balance, nonce, code, storage, slots }))
        })
        .collect()
}

fn to_slots(
    slots: impl IntoIterator<Item = (B256, B256), IntoIter: ExactSizeIterator>,
) -> RpcResult<BTreeMap<U256, U256>> {
    let slots = slots.into_iter();
    if slots.len() > MAX_OVERRIDES {
        return Err(limit_exceeded("overridden slots", MAX_OVERRIDES, slots.len()));
    }
    Ok(slots.map(|(slot, value)| (slot.into(), value.into())).collect())
}

/// The condition of a log filter, without its block range.
pub(crate) fn log_filter_of(filter: &Filter) -> RpcResult<LogFilter> {
    let bounded = |what: &str, given: usize| {
        if given > MAX_FILTER_ALTERNATIVES { Err(limit_exceeded(what, MAX_FILTER_ALTERNATIVES, given)) } else { Ok(()) }
    };
    bounded("addresses of a filter", filter.address.len())?;
    let mut topics: [BTreeSet<B256>; chain::MAX_TOPICS] = Default::default();
    for (wanted, given) in topics.iter_mut().zip(&filter.topics) {
        bounded("topics of a filter", given.len())?;
        wanted.extend(given.iter().copied());
    }
    Ok(LogFilter { addresses: filter.address.iter().copied().collect(), topics })
}

/// The heights a log filter spans, first and last: it may begin and end later than the head, and has no end where none is
/// given, or one that moves with the head.
pub(crate) fn log_range_of(snapshot: &Snapshot, option: &FilterBlockOption) -> RpcResult<(u64, Option<u64>)> {
    let head = snapshot.head().number;
    let (from_block, to_block) = match option {
        FilterBlockOption::AtBlockHash(hash) => {
            let height = height_of(snapshot, Some(BlockId::from(*hash)))?;
            return Ok((height, Some(height)));
        }
        FilterBlockOption::Range { from_block, to_block } => {
            (from_block.unwrap_or_default(), to_block.unwrap_or_default())
        }
    };
    let first = match from_block {
        BlockNumberOrTag::Number(number) => number,
        tag => height_of_number(snapshot, tag).unwrap_or(head),
    };
    let last = match to_block {
        BlockNumberOrTag::Number(number) => Some(number),
        BlockNumberOrTag::Earliest => Some(0),
        _ => None,
    };
    last.map_or(Ok(()), |last| check_rises(first, last))?;
    Ok((first, last))
}

fn check_rises(first: u64, last: u64) -> RpcResult<()> {
    if first > last {
        return Err(invalid_params(format!("`fromBlock` {first} is after `toBlock` {last}")));
    }
    Ok(())
}

/// The same for a query, which is about blocks that there are: a range that ends beyond the head is no valid parameter,
/// since what it would find changes with every block.
pub(crate) fn past_log_range_of(snapshot: &Snapshot, option: &FilterBlockOption) -> RpcResult<(u64, u64)> {
    let (first, last) = log_range_of(snapshot, option)?;
    let head = snapshot.head().number;
    let last = last.unwrap_or(head);
    check_rises(first, last)?;
    if last > head {
        let beyond = "block range extends beyond current head block";
        return Err(invalid_params(format!("{beyond}: `toBlock` is {last}, the head is {head}")));
    }
    Ok((first, last))
}
