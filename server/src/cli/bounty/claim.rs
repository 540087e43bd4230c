//! `aitbc bounty claim`: the wallet's own receipt against a bounty. What the contract would refuse is said here first.

use alloy_sol_types::SolCall as _;
use anyhow::{Result, ensure};
use clap::Args;
use contracts::ModelBounty::{self, Bounty, bountyOfReceiptCall, claimCall, claimOfCall};
use shared::amount::Amount;
use shared::api::receipts::ReceiptView;
use shared::chain::MINTER_ADDRESS;
use shared::digest::Sha256Digest;
use shared::receipt::{JobReceipt, ReceiptClaim, SignedReceipt};
use shared::{Address, B256, Bytes, U256};

use super::act::{find, free, send, tell};
use super::ask_contract;
use crate::cli::client::Server;
use crate::cli::wallet::folder::WalletName;
use crate::cli::wallet::signing::Signing;
use crate::clock;

#[derive(Debug, Args)]
pub(in crate::cli) struct Claim {
    /// Wallet of the miner that served the receipt
    wallet: WalletName,
    /// Number of the bounty
    id: u64,
    /// Hash of the receipt
    receipt: B256,
    #[command(flatten)]
    signing: Signing,
}

pub(super) fn claim(asked: &Claim) -> Result<()> {
    let Claim { wallet, id, receipt, signing } = asked;
    let provider = signing.folder.address(wallet)?;
    let bounty = find(&signing.node, *id)?;
    let found: ReceiptView = Server::at(signing.node.url()).get(&format!("/v1/receipts/{receipt}"))?;
    let SignedReceipt { receipt: document, receipt_hash, .. } = found.signed;
    // The server that was asked could name another receipt than it answers.
    ensure!(
        document.hash()? == *receipt && receipt_hash == *receipt,
        "the server answered another receipt than {receipt}"
    );
    check(*id, &bounty, &document, provider, clock::now().seconds().0)?;
    let own = ask_contract(&signing.node, &claimOfCall { bountyId: U256::from(*id), provider })?;
    ensure!(
        own.receiptHash.is_zero(),
        "{provider} has claimed from bounty {id} before: a miner earns one reward of it"
    );
    let claimed_from = ask_contract(&signing.node, &bountyOfReceiptCall { receiptHash: *receipt })?;
    ensure!(
        claimed_from.is_zero(),
        "a reward of bounty {claimed_from} was claimed for this receipt before: a receipt earns one"
    );

    let lines = [
        ("claims", format!("{} AIT of bounty {id} for {provider}", Amount::from_atto(bounty.terms.reward))),
        ("receipt", receipt.to_string()),
        ("model", document.model.clone()),
        ("paid", "after the time for which the network holds what it mints, by `aitbc bounty collect`".to_owned()),
    ];
    let signed_terms = terms_of(&document.claim()?);
    let document = Bytes::from(document.canonical_json()?.into_bytes());
    let call = claimCall { bountyId: U256::from(*id), receipt: signed_terms, document };
    let placed = send(wallet, signing, &lines, "Claim it?", "claim", |_, _| Ok(call.abi_encode().into()))?;
    let own = ask_contract(&signing.node, &claimOfCall { bountyId: U256::from(*id), provider })?;
    tell(signing, &placed, None, &format!("it is due at {} (Unix seconds)", own.dueUnix))
}

/// What of the receipt was signed, as the contract takes it.
fn terms_of(claim: &ReceiptClaim) -> ModelBounty::JobReceipt {
    ModelBounty::JobReceipt {
        receiptHash: claim.receipt_hash,
        jobId: claim.job_id_bytes(),
        taskRole: claim.task_role.to_string(),
        provider: claim.provider,
        client: claim.client,
        units: U256::from(claim.units.0),
        unitType: claim.unit_type.as_str().to_owned(),
        unitPrice: U256::from(claim.unit_price.atto()),
        expiresAt: claim.expires_at.0,
    }
}

/// What the contract would refuse of the receipt.
fn check(id: u64, bounty: &Bounty, receipt: &JobReceipt, provider: Address, now_unix_s: u64) -> Result<()> {
    let terms = &bounty.terms;
    ensure!(now_unix_s <= terms.expiresAt, "bounty {id} ended at {} (Unix seconds)", terms.expiresAt);
    ensure!(free(bounty) > 0, "every reward of bounty {id} is claimed or paid");
    ensure!(bounty.pledger != provider, "{provider} pledged bounty {id}, and earns nothing of it");
    ensure!(receipt.provider == provider, "the receipt is of {}, and the wallet is {provider}", receipt.provider);
    ensure!(
        receipt.contract == MINTER_ADDRESS,
        "the receipt is paid by {}, and only what the minter {MINTER_ADDRESS} pays earns a bounty",
        receipt.contract
    );
    ensure!(
        !receipt.task_role.is_audit(),
        "the receipt is for an audit, and only work that a client asked for earns a bounty"
    );
    let wanted = Sha256Digest(terms.modelDigest);
    let begins = format!("{}@{wanted}/", receipt.model);
    ensure!(
        receipt.determinism_class.starts_with(&begins),
        "bounty {id} is for the model {wanted}, and the receipt is for `{}`",
        receipt.determinism_class
    );
    let (began, pledged) = (receipt.started_at.0, bounty.pledgedAt);
    ensure!(began >= pledged, "the work began at {began}, before the pledge at {pledged} (Unix seconds)");
    let (worth, least) = (receipt.amount()?, Amount::from_atto(terms.minWork));
    ensure!(worth >= least, "the receipt is worth {worth} AIT, and bounty {id} asks for {least} AIT at least");
    Ok(())
}
