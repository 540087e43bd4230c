//! `aitbc bounty list` and `aitbc bounty show`.

use anyhow::Result;
use clap::{Args, ValueEnum};
use shared::api::bounties::{BountyClaimState, BountyClaimView, BountyDetail, BountyView};
use shared::api::page::Page;
use shared::digest::Sha256Digest;

use crate::cli::client::{Server, print_json};
use crate::cli::table;

/// `aitbc bounty list` shows so many digits of a model's digest in its table.
const DIGEST_SHOWN_CHARS: usize = 16;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StateFilter {
    Open,
    Earned,
    Expired,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only those of this state
    #[arg(long, value_enum)]
    state: Option<StateFilter>,
    /// Only those for this model, by the SHA-256 of its manifest
    #[arg(long)]
    model: Option<Sha256Digest>,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// Number of the bounty
    id: u64,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(super) fn list(list: &List) -> Result<()> {
    let state = list.state.map(|state| match state {
        StateFilter::Open => "state=open",
        StateFilter::Earned => "state=earned",
        StateFilter::Expired => "state=expired",
    });
    let model = list.model.map(|model| format!("model={model}"));
    let query: Vec<String> = state.map(str::to_owned).into_iter().chain(model).collect();
    let found: Vec<BountyView> = list.server.get_all(&format!("/v1/bounties?{}", query.join("&")))?;
    if list.json {
        return print_json(&Page { items: found, next_cursor: None });
    }
    if found.is_empty() {
        println!("No bounty.");
        return Ok(());
    }
    let rows: Vec<[String; 7]> = found.iter().map(row).collect();
    table::print(["BOUNTY", "STATE", "MODEL", "REWARD", "FREE", "MIN WORK", "ENDS (UNIX S)"], &rows);
    Ok(())
}

fn row(bounty: &BountyView) -> [String; 7] {
    [
        bounty.id.to_string(),
        bounty.state.as_str().to_owned(),
        name_of(bounty),
        format!("{} AIT", bounty.reward),
        format!("{} of {}", bounty.rewards_free, bounty.rewards),
        format!("{} AIT", bounty.min_work),
        bounty.expires_at_unix_s.0.to_string(),
    ]
}

fn name_of(bounty: &BountyView) -> String {
    let digest: String = bounty.model_sha256.to_string().chars().take(DIGEST_SHOWN_CHARS).collect();
    match bounty.model_names.first() {
        Some(name) => format!("{name} ({digest}…)"),
        None => format!("{digest}…"),
    }
}

pub(super) fn show(show: &Show) -> Result<()> {
    let detail = detail(&show.server, show.id)?;
    if show.json {
        return print_json(&detail);
    }
    let bounty = &detail.bounty;
    println!("bounty      {}, {}", bounty.id, bounty.state.as_str());
    println!("model       {}", bounty.model_sha256);
    if !bounty.model_names.is_empty() {
        println!("known as    {}", bounty.model_names.join(", "));
    }
    println!("pledged by  {} at {} (Unix seconds)", bounty.pledger, bounty.pledged_at_unix_s.0);
    println!("rewards     {} of {} AIT each", bounty.rewards, bounty.reward);
    println!("free        {}", bounty.rewards_free);
    println!("waiting     {}", bounty.rewards_waiting);
    println!("paid        {}", bounty.rewards_paid);
    println!("given back  {}", bounty.rewards_refunded);
    println!("least work  {} AIT of one receipt", bounty.min_work);
    println!("ends        {} (Unix seconds)", bounty.expires_at_unix_s.0);
    if !detail.claims.is_empty() {
        let rows: Vec<[String; 4]> = detail.claims.iter().map(claim_row).collect();
        table::print(["MINER", "RECEIPT", "DUE (UNIX S)", "STATE"], &rows);
    }
    Ok(())
}

/// A bounty with all of its claims.
pub(super) fn detail(server: &Server, id: u64) -> Result<BountyDetail> {
    let mut detail: BountyDetail = server.get(&format!("/v1/bounties/{id}"))?;
    while let Some(from) = detail.next_from {
        let next: BountyDetail = server.get(&format!("/v1/bounties/{id}?from={from}"))?;
        detail.claims.extend(next.claims);
        detail.next_from = next.next_from.filter(|next| *next > from);
    }
    Ok(detail)
}

fn claim_row(claim: &BountyClaimView) -> [String; 4] {
    let state = match claim.state {
        BountyClaimState::Waiting => "waiting",
        BountyClaimState::Paid => "paid",
        BountyClaimState::Dropped => "dropped",
    };
    [claim.provider.to_string(), claim.receipt_hash.to_string(), claim.due_at_unix_s.0.to_string(), state.to_owned()]
}
