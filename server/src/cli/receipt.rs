//! `aitbc receipts` and `aitbc receipt verify`: the auditor's tools.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use alloy_sol_types::{SolCall, SolEvent};
use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::{Args, Subcommand};
use contracts::AITokenMinter;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::Bytes;
use shared::amount::Amount;
use shared::api::jobs::MintView;
use shared::api::page::Page;
use shared::api::receipts::ReceiptView;
use shared::id::JobId;
use shared::receipt::SignedReceipt;
use shared::{Address, B256};

use super::client::{Server, print_json};
use super::table;
use crate::clock;

/// Longest file that is read; a receipt has about 2 KiB.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// Fields of a signed receipt; the API's view of one has more.
const SIGNED_FIELDS: [&str; 4] = ["receipt", "receipt_hash", "miner_signature", "attestations"];

#[derive(Debug, Args)]
pub(super) struct Receipts {
    /// Only the receipt of this job
    #[arg(long)]
    job_id: Option<JobId>,
    /// Only receipts of this miner
    #[arg(long)]
    provider: Option<Address>,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Receipt {
    /// Checks hash and signatures of a receipt, and with --rpc its mint on the chain
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// JSON of a receipt, as `GET /v1/receipts/{hash}` gives it
    file: PathBuf,
    /// JSON-RPC address of a node
    #[arg(long)]
    rpc: Option<String>,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(super) fn list(receipts: &Receipts) -> Result<()> {
    let filters = [
        receipts.job_id.map(|id| format!("job_id={id}")),
        receipts.provider.map(|provider| format!("provider={provider}")),
    ];
    let query: Vec<String> = filters.into_iter().flatten().collect();
    let page: Page<ReceiptView> = receipts.server.get(&format!("/v1/receipts?{}", query.join("&")))?;
    if receipts.json {
        return print_json(&page);
    }
    let rows: Vec<[String; 5]> = page
        .items
        .into_iter()
        .map(|receipt| {
            let block = receipt.mint.as_ref().map_or("-".to_owned(), |mint| mint.block_number.to_string());
            let state = format!("{:?}", receipt.settlement).to_lowercase();
            let provider = receipt.signed.receipt.provider.to_string();
            [receipt.signed.receipt_hash.to_string(), provider, format!("{} AIT", receipt.amount), state, block]
        })
        .collect();
    table::print(["RECEIPT", "PROVIDER", "AMOUNT", "STATE", "BLOCK"], &rows);
    Ok(())
}

pub(super) fn run(receipt: Receipt) -> Result<()> {
    let Receipt::Verify(verify) = receipt;
    let (signed, unsigned) = read(&verify.file)?;
    signed.verify().with_context(|| format!("{} does not hold", verify.file.display()))?;
    unsigned.check(&signed)?;
    let mint = verify.rpc.as_deref().map(|rpc| find_mint(rpc, &signed)).transpose()?;
    if let Some(mint) = &mint {
        unsigned.check_mint(mint)?;
    }
    if verify.json {
        let attesters: Vec<Address> = signed.attestations.iter().map(|attestation| attestation.attester).collect();
        return print_json(&json!({
            "valid": true,
            "receipt_hash": signed.receipt_hash,
            "provider": signed.receipt.provider,
            "attesters": attesters,
            "amount": signed.receipt.amount()?,
            "mint": mint.map(|mint| json!({ "transaction_hash": mint.transaction_hash, "block_number": mint.block_number })),
        }));
    }
    println!("hash        {} is the hash of this receipt", signed.receipt_hash);
    println!("miner       {} signed it", signed.receipt.provider);
    for attestation in &signed.attestations {
        println!("attester    {} signed it", attestation.attester);
    }
    let (contract, expires_at) = (signed.receipt.contract, signed.receipt.expires_at);
    println!("contract    {contract} pays it, until {} (Unix seconds)", expires_at.0);
    match mint {
        Some(Mint { transaction_hash, block_number }) => {
            let amount = signed.receipt.amount()?;
            println!("chain       minted {amount} AIT in block {block_number}, transaction {transaction_hash}");
        }
        None => println!("chain       not asked; name a node with --rpc to check the mint and the attester"),
    }
    Ok(())
}

/// Where the chain has a receipt's mint.
struct Mint {
    transaction_hash: B256,
    block_number: u64,
}

/// What the API's view says beside the signed receipt. Nobody signed it, so it is compared with what was signed.
#[derive(Debug, Deserialize)]
struct UnsignedFields {
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default)]
    mint: Option<MintView>,
}

impl UnsignedFields {
    /// Compares with what the miner signed.
    fn check(&self, signed: &SignedReceipt) -> Result<()> {
        let (amount, provider) = (signed.receipt.amount()?, signed.receipt.provider);
        for claimed in self.amount.iter().chain(self.mint.as_ref().map(|mint| &mint.amount)) {
            ensure!(*claimed == amount, "the receipt is for {amount} AIT, but the file says {claimed} AIT beside it");
        }
        if let Some(mint) = &self.mint {
            let claimed = mint.provider;
            ensure!(claimed == provider, "the receipt is {provider}'s, but the file names {claimed} in `mint`");
        }
        Ok(())
    }

    /// Compares with what the chain has.
    fn check_mint(&self, found: &Mint) -> Result<()> {
        let Some(claimed) = &self.mint else { return Ok(()) };
        let Mint { transaction_hash, block_number } = found;
        ensure!(
            (claimed.transaction_hash, claimed.block_number) == (*transaction_hash, *block_number),
            "the chain minted it in block {block_number}, transaction {transaction_hash}, but the file says block {}, \
             transaction {}",
            claimed.block_number,
            claimed.transaction_hash,
        );
        Ok(())
    }
}

fn read(path: &Path) -> Result<(SignedReceipt, UnsignedFields)> {
    let name = path.display();
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    ensure!(bytes.len() as u64 <= FILE_MAX_BYTES, "{name} is no receipt: it has more than {FILE_MAX_BYTES} bytes");
    let value: Value = serde_json::from_slice(&bytes).with_context(|| format!("{name} is not JSON"))?;
    let signed = SIGNED_FIELDS.into_iter().map(|field| (field.to_owned(), value[field].clone())).collect();
    let signed =
        serde_json::from_value(Value::Object(signed)).with_context(|| format!("{name} is not a signed receipt"))?;
    let unsigned = serde_json::from_value(value);
    Ok((signed, unsigned.with_context(|| format!("`amount` or `mint` in {name} cannot be read"))?))
}

/// The receipt's mint; the minter checked attesters, price and cap before it.
fn find_mint(rpc: &str, signed: &SignedReceipt) -> Result<Mint> {
    let chain_id: String = call(rpc, "eth_chainId", json!([]))?;
    if chain_id != format!("{:#x}", signed.receipt.chain_id) {
        bail!("the receipt is for chain {}, but {rpc} serves chain {chain_id}", signed.receipt.chain_id);
    }
    let used = AITokenMinter::usedReceiptCall { receiptHash: signed.receipt_hash }.abi_encode();
    let contract = signed.receipt.contract;
    let request = json!([{ "to": contract, "data": Bytes::from(used) }, "latest"]);
    let answer: Bytes = call(rpc, "eth_call", request)?;
    if !AITokenMinter::usedReceiptCall::abi_decode_returns(&answer).unwrap_or(false) {
        let (hash, expires_at) = (signed.receipt_hash, signed.receipt.expires_at);
        ensure!(
            !signed.receipt.is_expired(clock::now().seconds()),
            "signatures hold, but {contract} never minted {hash}, and it expired at {} (Unix seconds)",
            expires_at.0
        );
        bail!("signatures hold, but the minter at {contract} has not minted {hash}");
    }
    let topics = json!([AITokenMinter::Minted::SIGNATURE_HASH, null, signed.receipt_hash]);
    let filter = json!([{ "address": contract, "fromBlock": "0x0", "toBlock": "latest", "topics": topics }]);
    let logs: Vec<Value> = call(rpc, "eth_getLogs", filter)?;
    let log = logs.first().context("the minter used the receipt, but its log has no mint")?;
    let transaction_hash = serde_json::from_value(log["transactionHash"].clone())?;
    let block =
        log["blockNumber"].as_str().and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    Ok(Mint { transaction_hash, block_number: block.context("the log names no block")? })
}

fn call<T: serde::de::DeserializeOwned>(rpc: &str, method: &str, params: Value) -> Result<T> {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let mut response = ureq::post(rpc).send_json(request).map_err(|error| match error {
        ureq::Error::StatusCode(status) => anyhow!("{}: it answered with status {status}", no_rpc(rpc)),
        error => anyhow!(error).context(format!("no answer from {rpc}")),
    })?;
    let mut answer: Value = response.body_mut().read_json().with_context(|| no_rpc(rpc))?;
    match answer["error"]["message"].as_str() {
        Some(message) => bail!("{rpc} answered {method} with: {message}"),
        None => Ok(serde_json::from_value(answer["result"].take())?),
    }
}

fn no_rpc(rpc: &str) -> String {
    format!("{rpc} speaks no JSON-RPC, which an `aitbc` does at the path /rpc")
}
