//! `aitbc stake report`: hands contradictions of validators to the contract.

use alloy_sol_types::SolCall as _;
use anyhow::Result;
use clap::Args;
use contracts::Staking::{self, ValidatorState, slashCall, validatorInfoCall};
use node::chain::{Contradiction, SignedCommit};
use serde::Serialize;
use serde_json::json;
use shared::chain::STAKING_ADDRESS;
use shared::{Address, B256};

use super::ask_contract;
use crate::cli::client::print_json;
use crate::cli::wallet::folder::WalletName;
use crate::cli::wallet::node::Node;
use crate::cli::wallet::signing::Signing;
use crate::cli::wallet::{ask, contract};

#[derive(Debug, Args)]
pub(in crate::cli) struct ReportContradictions {
    /// Wallet that signs; anybody may report
    wallet: WalletName,
    #[command(flatten)]
    signing: Signing,
}

/// A report that the contract took, for programs.
#[derive(Debug, Serialize)]
struct Reported {
    validator: Address,
    height: u64,
    transaction_hash: B256,
}

pub(super) fn run(report: &ReportContradictions) -> Result<()> {
    let signing = &report.signing;
    let node = &signing.node;
    let open = open_contradictions(node)?;
    if open.is_empty() {
        eprintln!("This node saw no contradiction that is not settled.");
        return if signing.json { print_json(&json!([])) } else { Ok(()) };
    }
    for found in &open {
        eprintln!("validator  {}, two blocks in round {} of height {}", found.validator, found.round, found.height);
    }
    ask::confirm("Report it?", signing.yes)?;
    let keystore = signing.folder.open(&report.wallet)?;
    let key = keystore.open(&signing.password.of(&report.wallet.to_string())?)?;
    let mut reported = Vec::new();
    for found in open {
        let (validator, height) = (found.validator, found.height);
        let input = slash(found).abi_encode().into();
        let (transaction_hash, _) = contract::send(node, &key, STAKING_ADDRESS, input, "report")?;
        reported.push(Reported { validator, height, transaction_hash });
    }
    if signing.json {
        return print_json(&reported);
    }
    reported.iter().for_each(|report| println!("{}", report.transaction_hash));
    eprintln!("Done: the validator lost a part of its stake and decides no more.");
    Ok(())
}

/// What the node saw and the contract has not settled: one contradiction of each validator, since one settles all before it.
fn open_contradictions(node: &Node) -> Result<Vec<Contradiction>> {
    let seen: Vec<Contradiction> = node.call("aitbc_getContradictions", json!([]))?;
    let mut open: Vec<Contradiction> = Vec::new();
    for found in seen {
        if open.iter().any(|known| known.validator == found.validator) {
            continue;
        }
        let info = ask_contract(node, &validatorInfoCall { validator: found.validator })?;
        let is_liable = matches!(info.state, ValidatorState::Active | ValidatorState::Left);
        if is_liable && found.height >= info.liableFromHeight {
            open.push(found);
        }
    }
    Ok(open)
}

fn slash(found: Contradiction) -> slashCall {
    let commit =
        |signed: SignedCommit| Staking::SignedCommit { blockHash: signed.block_hash, signature: signed.signature };
    slashCall {
        validator: found.validator,
        height: found.height,
        round: found.round,
        first: commit(found.first),
        second: commit(found.second),
    }
}
