//! What moves AIT of bounties: each is one transaction of a wallet.

use alloy_sol_types::SolCall;
use anyhow::{Context, Result, ensure};
use clap::Args;
use contracts::ModelBounty::{
    self, ClaimState, Terms, bountiesCall, bountyCountCall, claimOfCall, pledgeWithPermitCall, refundCall, rejectCall,
    settleCall,
};
use serde::Serialize;
use shared::amount::Amount;
use shared::chain::{BOUNTY_ADDRESS, MINTER_ADDRESS};
use shared::digest::Sha256Digest;
use shared::signing::PrivateKey;
use shared::time::SECONDS_PER_DAY;
use shared::typed_data::SigningDomain;
use shared::void::VoidReceipt;
use shared::{Address, B256, Bytes, U256};
use wallet::permit::PermitDomain;

use super::ask_contract;
use crate::cli::client::print_json;
use crate::cli::wallet::folder::WalletName;
use crate::cli::wallet::node::Node;
use crate::cli::wallet::signing::Signing;
use crate::cli::wallet::{ask, contract};
use crate::clock;

/// The longest that a bounty may last; the contract's bound is the same.
const DAYS_MAX: u64 = 366;

#[derive(Debug, Args)]
pub(in crate::cli) struct Pledge {
    /// Wallet whose AIT it is
    wallet: WalletName,
    /// SHA-256 of the model's manifest; of a model that Ollama serves, the digest that Ollama states
    model: Sha256Digest,
    /// How much AIT in all, as 10.5
    amount: Amount,
    /// How many receipts earn an equal part each; each miner earns one
    #[arg(long, default_value_t = 1)]
    receipts: u32,
    /// What must have been minted for the work of a receipt at least, in AIT
    #[arg(long, default_value = "1")]
    min_work: Amount,
    /// Days until what nobody claimed can go back
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=DAYS_MAX))]
    days: u64,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OfBounty {
    /// Wallet that signs
    wallet: WalletName,
    /// Number of the bounty
    id: u64,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OfClaim {
    /// Wallet that signs
    wallet: WalletName,
    /// Number of the bounty
    id: u64,
    /// Address or wallet of the miner that claimed; the wallet itself where absent
    #[arg(long)]
    miner: Option<String>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Reject {
    /// Wallet of an attester; where more than one must sign, the contract refuses
    wallet: WalletName,
    /// Number of the bounty
    id: u64,
    /// Address or wallet of the miner that claimed
    miner: String,
    /// Why, for everybody to read
    reason: String,
    #[command(flatten)]
    signing: Signing,
}

/// What was done, for programs.
#[derive(Debug, Serialize)]
struct Sent {
    transaction_hash: B256,
    block_number: u64,
    /// Of a pledge: the bounty that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    bounty: Option<u64>,
}

/// A transaction in a block.
pub(super) struct Placed {
    transaction_hash: B256,
    block_number: u64,
}

/// Shows what will happen, signs a call of the contract, and waits for its block.
pub(super) fn send(
    wallet: &WalletName,
    signing: &Signing,
    lines: &[(&str, String)],
    question: &str,
    what: &str,
    input: impl FnOnce(&Node, &PrivateKey) -> Result<Bytes>,
) -> Result<Placed> {
    // Goes to stderr, so that stdout has the answer alone.
    for (name, value) in lines {
        eprintln!("{name:<11} {value}");
    }
    let keystore = signing.folder.open(wallet)?;
    ask::confirm(question, signing.yes)?;
    let key = keystore.open(&signing.password.of(&wallet.to_string())?)?;
    let input = input(&signing.node, &key)?;
    let (transaction_hash, block_number) = contract::send(&signing.node, &key, BOUNTY_ADDRESS, input, what)?;
    Ok(Placed { transaction_hash, block_number })
}

/// Says what was sent.
pub(super) fn tell(signing: &Signing, placed: &Placed, bounty: Option<u64>, done: &str) -> Result<()> {
    let Placed { transaction_hash, block_number } = *placed;
    if signing.json {
        return print_json(&Sent { transaction_hash, block_number, bounty });
    }
    println!("{transaction_hash}");
    eprintln!("Done: {done}, in block {block_number}.");
    Ok(())
}

pub(super) fn encoded(call: &impl SolCall) -> Result<Bytes> {
    Ok(call.abi_encode().into())
}

/// The bounty of this number.
pub(super) fn find(node: &Node, id: u64) -> Result<ModelBounty::Bounty> {
    let count = ask_contract(node, &bountyCountCall {})?;
    ensure!(id > 0 && U256::from(id) <= count, "there is no bounty {id}: they are numbered from 1 to {count}");
    let found = ask_contract(node, &bountiesCall { bountyIds: vec![U256::from(id)] })?;
    found.into_iter().next().context("the contract answered no bounty")
}

/// Rewards that nobody claimed and that were not given back.
pub(super) fn free(bounty: &ModelBounty::Bounty) -> u32 {
    let taken = bounty.waiting.saturating_add(bounty.paid).saturating_add(bounty.refunded);
    bounty.terms.receipts.saturating_sub(taken)
}

pub(super) fn pledge(asked: &Pledge) -> Result<()> {
    let Pledge { wallet, model, amount, receipts, min_work, days, signing } = asked;
    let reward = part(*amount, *receipts)?;
    let owner = signing.folder.address(wallet)?;
    let balance = signing.node.balance(owner)?;
    ensure!(*amount <= balance, "the wallet has {balance} AIT, {amount} AIT are asked for");
    let terms = Terms {
        modelDigest: model.0,
        receipts: *receipts,
        reward,
        minWork: min_work.atto(),
        expiresAt: clock::now().seconds().0.saturating_add(days * SECONDS_PER_DAY),
    };
    let lines = [
        ("pledge", format!("{amount} AIT of {owner}")),
        ("model", model.to_string()),
        ("rewards", format!("{receipts} of {} AIT, one for each miner", Amount::from_atto(reward))),
        ("least work", format!("{min_work} AIT of one receipt, begun after this")),
        ("ends", format!("{} (Unix seconds); what nobody claimed can go back then", terms.expiresAt)),
        ("risk", "no audit can tell who has the model while one miner alone serves it".to_owned()),
    ];
    let before = ask_contract(&signing.node, &bountyCountCall {})?;
    let placed = send(wallet, signing, &lines, "Pledge it?", "pledge", |node, key| {
        let domain = PermitDomain::of_ait(node.chain_id()?);
        let permit = contract::permit(node, key, &domain, BOUNTY_ADDRESS, U256::from(amount.atto()))?;
        let contract::SignedPermit { deadline, v, r, s } = permit;
        encoded(&pledgeWithPermitCall { terms: terms.clone(), deadline, v, r, s })
    })?;
    let id = own_bounty(&signing.node, owner, &terms, before)?;
    tell(signing, &placed, Some(id), &format!("it is bounty {id}"))
}

/// The newest bounty since `before` with these terms of this pledger: another pledge may have come in between.
fn own_bounty(node: &Node, owner: Address, terms: &Terms, before: U256) -> Result<u64> {
    let count = u64::try_from(ask_contract(node, &bountyCountCall {})?).unwrap_or(u64::MAX);
    let before = u64::try_from(before).unwrap_or(u64::MAX);
    for id in (before.saturating_add(1)..=count).rev() {
        let bounty = find(node, id)?;
        if bounty.pledger == owner && bounty.terms == *terms {
            return Ok(id);
        }
    }
    Err(anyhow::anyhow!("the pledge is in a block, and the contract lists no bounty of it"))
}

/// The whole in equal parts.
fn part(amount: Amount, receipts: u32) -> Result<u128> {
    ensure!(receipts > 0, "--receipts is at least 1");
    let (whole, parts) = (amount.atto(), u128::from(receipts));
    ensure!(whole % parts == 0, "{amount} AIT cannot be parted into {receipts} equal rewards");
    Ok(whole / parts)
}

pub(super) fn collect(asked: &OfClaim) -> Result<()> {
    let OfClaim { wallet, id, miner, signing } = asked;
    let provider = match miner {
        Some(miner) => signing.folder.resolve(miner)?,
        None => signing.folder.address(wallet)?,
    };
    let bounty = find(&signing.node, *id)?;
    let claim = waiting_claim(&signing.node, *id, provider)?;
    let now = clock::now().seconds().0;
    let due = claim.dueUnix;
    ensure!(due <= now, "the claim is due at {due} (Unix seconds), in {} s", due.saturating_sub(now));
    let lines = [
        ("pays", format!("{} AIT to {provider}", Amount::from_atto(bounty.terms.reward))),
        ("unless", format!("the minter voided the receipt {}", claim.receiptHash)),
    ];
    let call = settleCall { bountyId: U256::from(*id), provider };
    let placed = send(wallet, signing, &lines, "Settle the claim?", "settlement", |_, _| encoded(&call))?;
    let claim = ask_contract(&signing.node, &claimOfCall { bountyId: U256::from(*id), provider })?;
    let done = match claim.state {
        ClaimState::Paid => "the reward is paid",
        _ => "the receipt was voided, and the claim is dropped",
    };
    tell(signing, &placed, None, done)
}

fn waiting_claim(node: &Node, id: u64, provider: Address) -> Result<ModelBounty::Claim> {
    let claim = ask_contract(node, &claimOfCall { bountyId: U256::from(id), provider })?;
    let word = match claim.state {
        ClaimState::Waiting => return Ok(claim),
        ClaimState::Paid => "is paid already",
        ClaimState::Dropped => "was dropped, since its receipt was voided or rejected",
        ClaimState::Absent | ClaimState::__Invalid => "does not exist",
    };
    Err(anyhow::anyhow!("the claim of {provider} on bounty {id} {word}"))
}

pub(super) fn refund(asked: &OfBounty) -> Result<()> {
    let OfBounty { wallet, id, signing } = asked;
    let bounty = find(&signing.node, *id)?;
    let (ends, now, free) = (bounty.terms.expiresAt, clock::now().seconds().0, free(&bounty));
    ensure!(ends < now, "bounty {id} ends at {ends} (Unix seconds): nothing goes back before");
    ensure!(free > 0, "every reward of bounty {id} is claimed, paid or given back");
    let amount = Amount::from_atto(bounty.terms.reward.saturating_mul(u128::from(free)));
    let lines = [("gives back", format!("{amount} AIT to {}", bounty.pledger))];
    let call = refundCall { bountyId: U256::from(*id) };
    let placed = send(wallet, signing, &lines, "Give it back?", "refund", |_, _| encoded(&call))?;
    tell(signing, &placed, None, "what nobody claimed went back")
}

pub(super) fn reject(asked: &Reject) -> Result<()> {
    let Reject { wallet, id, miner, reason, signing } = asked;
    let provider = signing.folder.resolve(miner)?;
    let claim = waiting_claim(&signing.node, *id, provider)?;
    let lines = [
        ("drops", format!("the claim of {provider} on bounty {id}")),
        ("receipt", claim.receiptHash.to_string()),
        ("reason", reason.clone()),
    ];
    let placed = send(wallet, signing, &lines, "Reject the claim?", "rejection", |node, key| {
        let domain = SigningDomain::of_contract(node.chain_id()?, MINTER_ADDRESS);
        let void = VoidReceipt { receipt_hash: claim.receiptHash, reason: reason.clone() };
        let signature = key.sign(&void, &domain)?;
        let bounty_id = U256::from(*id);
        encoded(&rejectCall {
            bountyId: bounty_id,
            provider,
            reason: reason.clone(),
            attesterSignatures: vec![signature],
        })
    })?;
    tell(signing, &placed, None, "the claim is dropped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pledge_is_parted_without_a_rest() {
        assert_eq!(part(Amount::from_ait(10), 4).unwrap(), Amount::from_ait(10).atto() / 4);
        let error = part(Amount::from_ait(10), 3).unwrap_err().to_string();
        assert_eq!(error, "10 AIT cannot be parted into 3 equal rewards");
        assert!(part(Amount::from_ait(10), 0).is_err());
    }
}
