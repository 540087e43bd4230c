//! `aitbc stake status`: validators with their stake, those that left with what is still staked there, and what somebody has
//! staked.

use std::collections::BTreeSet;

use alloy_sol_types::SolEvent as _;
use anyhow::Result;
use clap::Args;
use contracts::Staking::{
    ValidatorInfo, ValidatorLeft, ValidatorState, rewardsOfCall, stakeOfCall, unbondingsOfCall, validatorInfoCall,
    validatorInfosCall,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::amount::Amount;
use shared::chain::STAKING_ADDRESS;
use shared::{Address, B256};

use super::act::in_ait;
use super::ask_contract;
use crate::cli::client::print_json;
use crate::cli::table;
use crate::cli::wallet::folder::Folder;
use crate::cli::wallet::node::Node;

#[derive(Debug, Args)]
pub(in crate::cli) struct Status {
    /// Wallet or address whose stake is shown; all validators where absent, and those that left where stake is left with them
    who: Option<String>,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    node: Node,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct ValidatorRow {
    validator: Address,
    state: &'static str,
    /// In the next block; 0 unless it is active.
    voting_power: u64,
    base_power: u64,
    own_stake: Amount,
    delegated_stake: Amount,
    unbonding_stake: Amount,
}

#[derive(Debug, Serialize)]
struct StakeRow {
    validator: Address,
    state: &'static str,
    stake: Amount,
    /// Earned of the fees and not claimed.
    reward: Amount,
}

#[derive(Debug, Serialize)]
struct UnbondingRow {
    validator: Address,
    amount: Amount,
    due_unix_s: u64,
}

#[derive(Debug, Serialize)]
struct Staked {
    address: Address,
    stakes: Vec<StakeRow>,
    unbonding: Vec<UnbondingRow>,
}

pub(super) fn run(status: &Status) -> Result<()> {
    let mut infos = ask_contract(&status.node, &validatorInfosCall {})?;
    infos.extend(left(&status.node, &infos)?);
    match &status.who {
        Some(who) => of_account(status, status.folder.resolve(who)?, &infos),
        None => of_validators(status, &infos),
    }
}

/// An event of the contract, as `eth_getLogs` shows it.
#[derive(Debug, Deserialize)]
struct Event {
    topics: Vec<B256>,
}

/// Validators that left and are not among `listed`, which the contract lists. What is staked with them is still there.
fn left(node: &Node, listed: &[ValidatorInfo]) -> Result<Vec<ValidatorInfo>> {
    let filter = json!({
        "fromBlock": "earliest", "address": STAKING_ADDRESS, "topics": [ValidatorLeft::SIGNATURE_HASH],
    });
    let events: Vec<Event> = node.call("eth_getLogs", json!([filter]))?;
    let named: BTreeSet<Address> =
        events.iter().filter_map(|event| event.topics.get(1)).map(|topic| Address::from_word(*topic)).collect();
    let is_listed = |validator: &Address| listed.iter().any(|info| info.validator == *validator);
    let unlisted = named.into_iter().filter(|validator| !is_listed(validator));
    unlisted.map(|validator| ask_contract(node, &validatorInfoCall { validator })).collect()
}

fn word(state: ValidatorState) -> &'static str {
    match state {
        ValidatorState::Active => "active",
        ValidatorState::Jailed => "jailed",
        ValidatorState::Left => "left",
        ValidatorState::Absent | ValidatorState::__Invalid => "unknown",
    }
}

fn of_validators(status: &Status, infos: &[ValidatorInfo]) -> Result<()> {
    let row = |info: &ValidatorInfo| ValidatorRow {
        validator: info.validator,
        state: word(info.state),
        voting_power: info.power,
        base_power: info.basePower,
        own_stake: in_ait(info.ownStake),
        delegated_stake: in_ait(info.delegatedStake),
        unbonding_stake: in_ait(info.unbondingStake),
    };
    let has_stake = |info: &&ValidatorInfo| {
        [info.ownStake, info.delegatedStake, info.unbondingStake].iter().any(|stake| !stake.is_zero())
    };
    let shown = infos.iter().filter(|info| info.state != ValidatorState::Left || has_stake(info));
    let rows: Vec<ValidatorRow> = shown.map(row).collect();
    if status.json {
        return print_json(&rows);
    }
    let cells = |row: &ValidatorRow| {
        [
            row.validator.to_string(),
            row.state.to_owned(),
            row.voting_power.to_string(),
            row.base_power.to_string(),
            row.own_stake.to_string(),
            row.delegated_stake.to_string(),
            row.unbonding_stake.to_string(),
        ]
    };
    let rows: Vec<[String; 7]> = rows.iter().map(cells).collect();
    table::print(["VALIDATOR", "STATE", "POWER", "BASE", "OWN AIT", "DELEGATED AIT", "UNBONDING AIT"], &rows);
    Ok(())
}

fn of_account(status: &Status, address: Address, infos: &[ValidatorInfo]) -> Result<()> {
    let mut stakes = Vec::new();
    for info in infos {
        let stake = ask_contract(&status.node, &stakeOfCall { validator: info.validator, delegator: address })?;
        let reward = ask_contract(&status.node, &rewardsOfCall { validator: info.validator, delegator: address })?;
        if !stake.is_zero() || !reward.is_zero() {
            let (stake, reward) = (in_ait(stake), in_ait(reward));
            stakes.push(StakeRow { validator: info.validator, state: word(info.state), stake, reward });
        }
    }
    let waiting = ask_contract(&status.node, &unbondingsOfCall { delegator: address })?;
    let unbonding = waiting.into_iter().map(|entry| UnbondingRow {
        validator: entry.validator,
        amount: in_ait(entry.amount),
        due_unix_s: entry.dueUnix,
    });
    let staked = Staked { address, stakes, unbonding: unbonding.collect() };
    if status.json {
        return print_json(&staked);
    }
    if staked.stakes.is_empty() && staked.unbonding.is_empty() {
        println!("{address} has staked nothing.");
    }
    let cells = |row: &StakeRow| {
        [row.validator.to_string(), row.state.to_owned(), row.stake.to_string(), row.reward.to_string()]
    };
    let rows: Vec<[String; 4]> = staked.stakes.iter().map(cells).collect();
    print_where_any(["VALIDATOR", "STATE", "STAKED AIT", "EARNED AIT"], &rows);
    let rows = staked
        .unbonding
        .iter()
        .map(|row| [row.validator.to_string(), row.amount.to_string(), row.due_unix_s.to_string()]);
    print_where_any(["UNDELEGATED FROM", "AIT", "DUE (UNIX SECONDS)"], &rows.collect::<Vec<_>>());
    Ok(())
}

fn print_where_any<const COLUMNS: usize>(headings: [&str; COLUMNS], rows: &[[String; COLUMNS]]) {
    if !rows.is_empty() {
        table::print(headings, rows);
    }
}
