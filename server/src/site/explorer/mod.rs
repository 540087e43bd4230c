//! The chain as the explorer shows it: blocks, transactions and accounts with calls and events in words.

mod calls;
mod charts;
mod decode;
mod decode_bounty;
mod decode_escrow;
mod decode_exchange;
mod decode_staking;
mod decode_verified;
mod tokens;
mod views;

use contracts::{
    AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, BRIDGED_BITCOIN_ADDRESS, BRIDGED_ETHER_ADDRESS,
    EXCHANGE_SETTLEMENT_ADDRESS, JOB_ESCROW_ADDRESS, MODEL_BOUNTY_ADDRESS, STAKING_ADDRESS, TEST_DOLLAR_ADDRESS,
};
use node::chain::{Place, Snapshot};
use node::{NodeError, NodeHandle, StakeRewards, ValidatorPower};
use shared::api::explorer::{
    AddressView, BlockSummary, BlockView, StakeRewardsView, TransactionSummary, TransactionView, ValidatorView,
    ValidatorsView,
};
use shared::api::page::Page;
use shared::time::UnixSeconds;
use shared::{Address, B256};

pub(super) use calls::calls_of;
pub(super) use charts::ChartFigures;
pub(super) use tokens::Tokens;

use crate::verification::{VerificationError, Verifications};

/// Transactions shown with an account.
const ACCOUNT_TRANSACTIONS: usize = 25;

/// Highest blocks first. A cursor is the height below which the page begins.
pub(super) async fn blocks(
    node: &NodeHandle,
    before: Option<u64>,
    limit: u32,
) -> Result<Page<BlockSummary>, NodeError> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    node.query(move |snapshot| {
        let headers = snapshot.latest_headers(before, wanted)?;
        let next = headers.last().map(|header| header.number).filter(|lowest| *lowest > 0 && headers.len() == wanted);
        let items = headers.iter().map(|header| block_summary(snapshot, header)).collect::<Result<_, _>>()?;
        Ok(Page { items, next_cursor: next.map(|height| height.to_string()) })
    })
    .await
}

fn block_summary(snapshot: &Snapshot, header: &node::chain::SealedHeader) -> Result<BlockSummary, NodeError> {
    let receipts = snapshot.receipts_at(header.number)?;
    Ok(views::block_summary(header, &receipts))
}

/// Who decides the next block, and what stake earns.
pub(super) async fn validators(node: &NodeHandle) -> Result<ValidatorsView, NodeError> {
    let (powers, rewards) = (node.validator_powers().await?, node.stake_rewards().await?);
    Ok(ValidatorsView { validators: powers.into_iter().map(validator).collect(), rewards: rewards.map(stake_rewards) })
}

fn stake_rewards(rewards: StakeRewards) -> StakeRewardsView {
    let StakeRewards { flowing, ends_unix_s, uncollected, earning_stake } = rewards;
    StakeRewardsView { flowing, ends: UnixSeconds(ends_unix_s), uncollected, earning_stake }
}

/// A validator of the next block as the pages show it.
fn validator(power: ValidatorPower) -> ValidatorView {
    let ValidatorPower { address, voting_power, base_power, own_stake, delegated_stake } = power;
    ValidatorView { address, voting_power, base_power, own_stake, delegated_stake }
}

pub(super) async fn block(node: &NodeHandle, number: u64) -> Result<Option<BlockView>, NodeError> {
    node.query(move |snapshot| {
        let Some(block) = snapshot.block_at(number)? else { return Ok(None) };
        let receipts = snapshot.receipts_at(number)?;
        let certificate = match snapshot.certificate_at(number)? {
            Some(certificate) => Some(views::certificate(certificate, &*snapshot.validators_at(number)?)),
            None => None,
        };
        Ok(Some(views::block(&block, &receipts, certificate)))
    })
    .await
}

pub(super) async fn block_by_hash(node: &NodeHandle, hash: B256) -> Result<Option<BlockView>, NodeError> {
    let number = node.query(move |snapshot| Ok(snapshot.height_of(hash)?)).await?;
    match number {
        Some(number) => block(node, number).await,
        None => Ok(None),
    }
}

/// Newest first. A cursor is `height-index` of the last row of the page before.
pub(super) async fn transactions(
    node: &NodeHandle,
    before: Option<Place>,
    limit: u32,
) -> Result<Page<TransactionSummary>, NodeError> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    node.query(move |snapshot| {
        let found = snapshot.latest_transactions(before, wanted)?;
        let last = found.last().map(|included| included.place).filter(|_| found.len() == wanted);
        Ok(Page {
            items: found.iter().map(views::transaction_summary).collect(),
            next_cursor: last.map(|place| format!("{}-{}", place.height, place.index)),
        })
    })
    .await
}

/// Reads a cursor of [`transactions`].
pub(super) fn parse_place(cursor: &str) -> Option<Place> {
    let (height, index) = cursor.split_once('-')?;
    Some(Place { height: height.parse().ok()?, index: index.parse().ok()? })
}

pub(super) async fn transaction(
    node: &NodeHandle,
    verifications: &Verifications,
    hash: B256,
) -> Result<Option<TransactionView>, VerificationError> {
    let Some(included) = node.query(move |snapshot| Ok(snapshot.transaction(hash)?)).await? else { return Ok(None) };
    let interfaces = verifications.interfaces(&views::strangers_contracts(&included)).await?;
    // What strangers wrote can take a while to decode, so a thread does it that may block.
    Ok(Some(node.query(move |_| Ok(views::transaction(&included, &interfaces))).await?))
}

/// Any address is an account; one that nobody used yet is empty.
pub(super) async fn address(node: &NodeHandle, address: Address, is_miner: bool) -> Result<AddressView, NodeError> {
    let (balance, held) = tokio::try_join!(node.token_balance(address), node.held_amount(address))?;
    node.query(move |snapshot| {
        let height = snapshot.head().number;
        let state = snapshot.state_at(height)?;
        let transactions = snapshot.address_transactions(address, None, ACCOUNT_TRANSACTIONS)?;
        Ok(AddressView {
            address,
            balance,
            held,
            nonce: state.account(address)?.map_or(0, |account| account.nonce),
            contract_name: contract_name(address).map(str::to_owned),
            code_bytes: u64::try_from(state.code_at(address)?.len()).unwrap_or(u64::MAX),
            is_miner,
            transactions: transactions.iter().map(|(_, included)| views::transaction_summary(included)).collect(),
        })
    })
    .await
}

/// Transactions that concern an address, newest first. A cursor is that of [`transactions`].
pub(super) async fn transactions_of(
    node: &NodeHandle,
    address: Address,
    before: Option<Place>,
    limit: u32,
) -> Result<Page<TransactionSummary>, NodeError> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    node.query(move |snapshot| {
        let found = snapshot.address_transactions(address, before, wanted)?;
        let last = found.last().map(|(_, included)| included.place).filter(|_| found.len() == wanted);
        Ok(Page {
            items: found.iter().map(|(_, included)| views::transaction_summary(included)).collect(),
            next_cursor: last.map(|place| format!("{}-{}", place.height, place.index)),
        })
    })
    .await
}

/// The contracts of genesis by name.
fn contract_name(address: Address) -> Option<&'static str> {
    match address {
        AI_TOKEN_ADDRESS => Some("AIToken"),
        AI_TOKEN_MINTER_ADDRESS => Some("AITokenMinter"),
        JOB_ESCROW_ADDRESS => Some("JobEscrow"),
        EXCHANGE_SETTLEMENT_ADDRESS => Some("ExchangeSettlement"),
        TEST_DOLLAR_ADDRESS => Some("TestDollar"),
        BRIDGED_BITCOIN_ADDRESS | BRIDGED_ETHER_ADDRESS => Some("BridgedToken"),
        STAKING_ADDRESS => Some("Staking"),
        MODEL_BOUNTY_ADDRESS => Some("ModelBounty"),
        _ => None,
    }
}
