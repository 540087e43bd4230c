//! `aitbc receipts` and `aitbc receipt verify`. Records of failed jobs are verified by `failure.rs`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use alloy_primitives::FixedBytes;
use alloy_sol_types::{SolCall, SolEvent, SolValue as _};
use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use contracts::{AITokenMinter, JobEscrow};
use frontend::text::audit as audit_words;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::Bytes;
use shared::amount::Amount;
use shared::api::audits::{AuditView, Unaudited};
use shared::api::jobs::MintView;
use shared::api::page::Page;
use shared::api::payments::PlacedTransaction;
use shared::api::receipts::ReceiptView;
use shared::chain::ESCROW_ADDRESS;
use shared::commitment::Salt;
use shared::digest::{PromptHash, Sha256Digest};
use shared::id::JobId;
use shared::receipt::SignedReceipt;
use shared::{Address, B256, U256};
use wallet::receipt_check::{ReceiptProof, check_proof, is_known_contract};

use super::client::{Server, print_json};
use super::rpc::call;
use super::{failure, table};
use crate::clock;

/// Longest file that is read; a receipt has about 2 KiB.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// Longest prompt or result file that is opened.
const OPENED_MAX_BYTES: u64 = 64 << 20;

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
    /// Checks hash and signatures of a receipt or of a failed job's record, and with --rpc what the chain has of it
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// JSON of a receipt, as `GET /v1/receipts/{hash}` gives it, or of `GET /v1/jobs/{id}/failure`
    file: PathBuf,
    /// The job's salt: opens what the receipt commits to, with --prompt-file and --result
    #[arg(long)]
    salt: Option<Salt>,
    /// File with the prompt in UTF-8; of a conversation or of texts to embed, their canonical JSON
    #[arg(long, requires = "salt")]
    prompt_file: Option<PathBuf>,
    /// A file of the result; repeat it in their order
    #[arg(long, requires = "salt")]
    result: Vec<PathBuf>,
    /// JSON-RPC address of a node
    #[arg(long)]
    rpc: Option<String>,
    /// Hash of the chain's block 0: what the node proves must be about this chain
    #[arg(long, requires = "rpc")]
    genesis: Option<B256>,
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
    let found: Vec<ReceiptView> = receipts.server.get_all(&format!("/v1/receipts?{}", query.join("&")))?;
    if receipts.json {
        return print_json(&Page { items: found, next_cursor: None });
    }
    let rows: Vec<[String; 6]> = found
        .into_iter()
        .map(|receipt| {
            let block = {
                let block = receipt.mint.as_ref().map(|mint| mint.block_number);
                let block = block.or(receipt.settled.map(|settled| settled.block_number));
                block.map_or("-".to_owned(), |block| block.to_string())
            };
            let state = format!("{:?}", receipt.settlement).to_lowercase();
            let audit =
                receipt.audit.as_ref().map_or("-".to_owned(), |audit| format!("{:?}", audit.state).to_lowercase());
            let provider = receipt.signed.receipt.provider.to_string();
            [receipt.signed.receipt_hash.to_string(), provider, format!("{} AIT", receipt.amount), state, block, audit]
        })
        .collect();
    table::print(["RECEIPT", "PROVIDER", "AMOUNT", "STATE", "BLOCK", "AUDIT"], &rows);
    Ok(())
}

pub(super) fn run(receipt: Receipt) -> Result<()> {
    let Receipt::Verify(verify) = receipt;
    let value = read_json(&verify.file)?;
    if value.get(failure::FIELD).is_some() {
        ensure!(verify.salt.is_none(), "--salt opens a receipt, and {} is no receipt", verify.file.display());
        return failure::verify(value, &verify.file, verify.rpc.as_deref(), verify.json);
    }
    let (signed, unsigned) = read(value, &verify.file)?;
    signed.verify().with_context(|| format!("{} does not hold", verify.file.display()))?;
    unsigned.check(&signed)?;
    let opened = verify.open(&signed)?;
    let contract = signed.receipt.contract;
    ensure!(
        verify.rpc.is_none() || is_known_contract(contract),
        "the receipt names {contract}, which is neither the minter nor the escrow: nobody but its author says that it pays"
    );
    let mint = verify.rpc.as_deref().map(|rpc| find_mint(rpc, &signed)).transpose()?;
    if let Some(mint) = &mint {
        unsigned.check_mint(mint)?;
    }
    let finality = match (&verify.rpc, &mint) {
        (Some(rpc), Some(mint)) => Some(verify.prove(rpc, &signed, mint)?),
        _ => None,
    };
    if verify.json {
        let attesters: Vec<Address> = signed.attestations.iter().map(|attestation| attestation.attester).collect();
        let found = |is_settled: bool| {
            let mint = mint.as_ref().filter(|mint| mint.paid.is_some() == is_settled)?;
            Some(json!({ "transaction_hash": mint.transaction_hash, "block_number": mint.block_number }))
        };
        return print_json(&json!({
            "valid": true,
            "receipt_hash": signed.receipt_hash,
            "provider": signed.receipt.provider,
            "attesters": attesters,
            "amount": signed.receipt.amount()?,
            "opened": opened,
            "audit": unsigned.audit,
            "mint": found(false),
            "settled": found(true),
            "final": finality.as_ref().map(|proved| json!({
                "genesis_hash": proved.genesis_hash, "signers": proved.signers, "validators": proved.validators,
            })),
        }));
    }
    println!("hash        {} is the hash of this receipt", signed.receipt_hash);
    println!("miner       {} signed it", signed.receipt.provider);
    for attestation in &signed.attestations {
        println!("attester    {} signed it", attestation.attester);
    }
    let (contract, expires_at) = (signed.receipt.contract, signed.receipt.expires_at);
    println!("contract    {contract} pays it, until {} (Unix seconds)", expires_at.0);
    println!("audit       {} (as the file says)", audit_words::sentence(unsigned.audit.as_ref(), unsigned.unaudited));
    for what in opened {
        println!("{what:<11} is the one that the receipt commits to");
    }
    match mint {
        Some(Mint { transaction_hash, block_number, paid: Some((paid, fee)) }) => {
            println!(
                "chain       the escrow paid {paid} AIT and took a fee of {fee} AIT in block {block_number}, transaction \
                 {transaction_hash}"
            );
        }
        Some(Mint { transaction_hash, block_number, paid: None }) => {
            let amount = signed.receipt.amount()?;
            println!("chain       minted {amount} AIT in block {block_number}, transaction {transaction_hash}");
        }
        None => println!("chain       not asked; name a node with --rpc to check the mint and the attester"),
    }
    if let Some(Finality { genesis_hash, signers, validators }) = finality {
        println!(
            "final       {signers} of {validators} validators signed the block; the chain's block 0 is {genesis_hash}"
        );
    }
    Ok(())
}

/// Who shows that a block cannot be replaced.
struct Finality {
    genesis_hash: B256,
    signers: usize,
    validators: usize,
}

impl Verify {
    /// Follows the proof from block 0 to the event that paid the receipt. The node is not believed.
    fn prove(&self, rpc: &str, signed: &SignedReceipt, mint: &Mint) -> Result<Finality> {
        let transaction = mint.transaction_hash;
        let proof: Option<ReceiptProof> = call(rpc, "aitbc_getReceiptProof", json!([transaction]))?;
        let proof = proof.with_context(|| format!("the node has no proof of transaction {transaction}"))?;
        let chain = proof.chain().context("the node's proof does not hold")?;
        let asked = self.genesis.unwrap_or(chain.genesis_hash);
        ensure!(asked == chain.genesis_hash, "block 0 of the node's chain is {}, not {asked}", chain.genesis_hash);
        if let Some(broken) = check_proof(signed, &proof).into_iter().find(|check| check.holds != Some(true)) {
            bail!("the node's proof does not hold: {}", broken.detail);
        }
        let block = proof.block(&chain).context("the node's proof does not hold")?;
        let (signers, validators) = (block.signers, block.validators.iter().len());
        Ok(Finality { genesis_hash: chain.genesis_hash, signers, validators })
    }

    /// Names what the salt opens.
    ///
    /// # Errors
    /// A prompt or a result that is not the receipt's.
    fn open(&self, signed: &SignedReceipt) -> Result<Vec<&'static str>> {
        let Some(salt) = self.salt else { return Ok(vec![]) };
        let mut opened = Vec::new();
        if let Some(path) = &self.prompt_file {
            let bytes = read_bytes(path, OPENED_MAX_BYTES)?;
            let prompt = String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", path.display()))?;
            let computed = salt.commit_prompt(PromptHash::of(&prompt));
            let stated = signed.receipt.prompt_commitment;
            ensure!(computed == stated, "{} with this salt is not the prompt of the receipt", path.display());
            opened.push("prompt");
        }
        if !self.result.is_empty() {
            let files: Vec<Vec<u8>> =
                self.result.iter().map(|path| read_bytes(path, OPENED_MAX_BYTES)).collect::<Result<_>>()?;
            let computed = salt.commit_result(Sha256Digest::of_artifacts(files.iter().map(Vec::as_slice)));
            let stated = signed.receipt.result_commitment;
            ensure!(computed == stated, "the files of --result with this salt are not the result of the receipt");
            opened.push("result");
        }
        Ok(opened)
    }
}

/// Where the chain has a receipt's mint, or its payment from escrow.
struct Mint {
    transaction_hash: B256,
    block_number: u64,
    /// What the escrow paid the miner, and its fee; absent for a mint.
    paid: Option<(Amount, Amount)>,
}

/// What the API's view says beside the signed receipt. Nobody signed it, so it is compared with what was signed.
#[derive(Debug, Deserialize)]
struct UnsignedFields {
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default)]
    mint: Option<MintView>,
    #[serde(default)]
    settled: Option<PlacedTransaction>,
    /// Says the hub alone.
    #[serde(default)]
    audit: Option<AuditView>,
    #[serde(default)]
    unaudited: Option<Unaudited>,
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
        let minted = self.mint.as_ref().map(|mint| (mint.transaction_hash, mint.block_number));
        let settled = self.settled.map(|settled| (settled.transaction_hash, settled.block_number));
        let Mint { transaction_hash, block_number, paid } = found;
        let (claimed, other) = if paid.is_some() { (settled, minted) } else { (minted, settled) };
        ensure!(other.is_none(), "the file names a mint and a payment from escrow, and the chain has one of them");
        let Some(claimed) = claimed else { return Ok(()) };
        ensure!(
            claimed == (*transaction_hash, *block_number),
            "the chain paid it in block {block_number}, transaction {transaction_hash}, but the file says block {}, \
             transaction {}",
            claimed.1,
            claimed.0,
        );
        Ok(())
    }
}

fn read_bytes(path: &Path, max: u64) -> Result<Vec<u8>> {
    let name = path.display();
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    file.take(max + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    ensure!(bytes.len() as u64 <= max, "{name} has more than {max} bytes");
    Ok(bytes)
}

fn read_json(path: &Path) -> Result<Value> {
    let bytes = read_bytes(path, FILE_MAX_BYTES)?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is not JSON", path.display()))
}

fn read(value: Value, path: &Path) -> Result<(SignedReceipt, UnsignedFields)> {
    let name = path.display();
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
    if signed.receipt.contract == ESCROW_ADDRESS {
        return find_settlement(rpc, signed);
    }
    let used = AITokenMinter::usedReceiptCall { structHash: signed.receipt.struct_hash()? }.abi_encode();
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
    let provider = signed.receipt.provider.into_word();
    let topics = json!([AITokenMinter::Minted::SIGNATURE_HASH, provider, signed.receipt_hash]);
    let filter = json!([{ "address": contract, "fromBlock": "0x0", "toBlock": "latest", "topics": topics }]);
    let logs: Vec<Value> = call(rpc, "eth_getLogs", filter)?;
    // Nothing binds a receipt's hash to its other terms, so others may have minted something with the same hash.
    let amount = Bytes::from(U256::from(signed.receipt.amount()?.atto()).abi_encode());
    let log = logs.iter().find(|log| log["data"] == json!(amount));
    let log = log.context("the minter used the receipt, but its log has no mint of its amount for its miner")?;
    let (transaction_hash, block_number) = place(log)?;
    Ok(Mint { transaction_hash, block_number, paid: None })
}

/// The receipt's payment from escrow, which checked the client's order before it.
fn find_settlement(rpc: &str, signed: &SignedReceipt) -> Result<Mint> {
    let (contract, hash) = (signed.receipt.contract, signed.receipt_hash);
    let (provider, client) = (signed.receipt.provider.into_word(), signed.receipt.client.into_word());
    let topics = json!([JobEscrow::Settled::SIGNATURE_HASH, hash, provider, client]);
    let filter = json!([{ "address": contract, "fromBlock": "0x0", "toBlock": "latest", "topics": topics }]);
    let logs: Vec<Value> = call(rpc, "eth_getLogs", filter)?;
    for log in &logs {
        if let Some((paid, fee)) = payment(log, signed)? {
            let (transaction_hash, block_number) = place(log)?;
            return Ok(Mint { transaction_hash, block_number, paid: Some((paid, fee)) });
        }
    }
    bail!("signatures hold, but the escrow at {contract} has not paid {hash}")
}

/// What the miner and the recipients of the fee got; nothing where the event is of another job or amount than the receipt's.
fn payment(log: &Value, signed: &SignedReceipt) -> Result<Option<(Amount, Amount)>> {
    let data: Bytes = serde_json::from_value(log["data"].clone())?;
    let (job_id, paid, fee) =
        <(FixedBytes<16>, U256, U256)>::abi_decode(&data).context("the escrow's event cannot be read")?;
    let amount = |value: U256| u128::try_from(value).map(Amount::from_atto).context("the payment is above every sum");
    let (paid, fee) = (amount(paid)?, amount(fee)?);
    let is_own =
        job_id == signed.receipt.claim()?.job_id_bytes() && paid.checked_add(fee) == Some(signed.receipt.amount()?);
    Ok(is_own.then_some((paid, fee)))
}

pub(super) fn place(log: &Value) -> Result<(B256, u64)> {
    let transaction_hash = serde_json::from_value(log["transactionHash"].clone())?;
    let block =
        log["blockNumber"].as_str().and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    Ok((transaction_hash, block.context("the log names no block")?))
}
