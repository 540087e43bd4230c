//! Calls of contracts with a key of this machine, and the permits that go with deposits (ERC-2612).

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::json;
use shared::signing::PrivateKey;
use shared::time::UnixSeconds;
use shared::{Address, B256, Bytes, U256};
use wallet::permit::{Permit, PermitDomain};
use wallet::token;
use wallet::transaction::Transaction;

use super::ask;
use super::folder::WalletName;
use super::node::{Included, Node};
use super::signing::Signing;
use crate::cli::client::print_json;
use crate::clock;

/// So long a contract may use the permit of a deposit.
const PERMIT_SECONDS: u64 = 600;

/// A permit as a contract takes it.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct SignedPermit {
    pub(in crate::cli) deadline: U256,
    pub(in crate::cli) v: u8,
    pub(in crate::cli) r: B256,
    pub(in crate::cli) s: B256,
}

/// Lets `spender` take `value` of a token once.
pub(in crate::cli) fn permit(
    node: &Node,
    key: &PrivateKey,
    domain: &PermitDomain,
    spender: Address,
    value: U256,
) -> Result<SignedPermit> {
    let owner = key.address();
    let deadline = Permit::deadline_at(UnixSeconds(clock::now().seconds().0 + PERMIT_SECONDS));
    let call = json!([{ "to": domain.token, "data": token::permit_nonce(owner) }, "latest"]);
    let word: Bytes = node.call("eth_call", call)?;
    let nonce = U256::try_from_be_slice(&word).context("the token tells no nonce of permits")?;
    let permit = Permit { owner, spender, value, nonce, deadline };
    let signature = permit.typed_data(domain)?.sign(key)?;
    let [r, s] = [&signature[..32], &signature[32..64]].map(B256::from_slice);
    Ok(SignedPermit { deadline, v: signature[64], r, s })
}

/// Calls a contract and waits for the block: the hash of the transaction, and its block. `what` names it in errors.
pub(in crate::cli) fn send(
    node: &Node,
    key: &PrivateKey,
    to: Address,
    input: Bytes,
    what: &str,
) -> Result<(B256, u64)> {
    let from = key.address();
    let would_fail = || format!("the {what} would fail");
    let transaction = Transaction {
        chain_id: node.chain_id()?,
        nonce: node.next_nonce(from)?,
        gas_limit: node.gas_limit(from, to, &input).with_context(would_fail)?,
        to: Some(to),
        value: U256::ZERO,
        input,
        fees: node.fees()?,
    };
    let signed = transaction.sign(key)?;
    let hash = signed.hash;
    node.send(&signed.raw).with_context(|| format!("the node did not take the {what} {hash}"))?;
    match node.wait_for(hash)? {
        Some(Included { block_number, succeeded: true }) => Ok((hash, block_number)),
        Some(Included { block_number, .. }) => bail!("the {what} {hash} is in block {block_number} but failed"),
        None => bail!("no block has the {what} {hash} yet: look at its transaction before you try again"),
    }
}

/// What was done, for programs.
#[derive(Debug, Serialize)]
struct Sent {
    transaction_hash: B256,
    block_number: u64,
}

/// Shows what will happen, asks, signs a call of a contract with a wallet, and waits for its block.
pub(in crate::cli) fn ask_and_send(
    wallet: &WalletName,
    signing: &Signing,
    to: Address,
    lines: &[(&str, String)],
    question: &str,
    what: &str,
    input: impl FnOnce(&Node, &PrivateKey) -> Result<Bytes>,
) -> Result<()> {
    // Goes to stderr, so that stdout has the answer alone.
    for (name, value) in lines {
        eprintln!("{name:<11} {value}");
    }
    let keystore = signing.folder.open(wallet)?;
    ask::confirm(question, signing.yes)?;
    let key = keystore.open(&signing.password.of(&wallet.to_string())?)?;
    let input = input(&signing.node, &key)?;
    let (transaction_hash, block_number) = send(&signing.node, &key, to, input, what)?;
    if signing.json {
        return print_json(&Sent { transaction_hash, block_number });
    }
    println!("{transaction_hash}");
    eprintln!("Done: it is in block {block_number}.");
    Ok(())
}
