//! `aitbc receipt verify` for the record of a job that ended without a result.

use std::path::Path;

use alloy_primitives::FixedBytes;
use alloy_sol_types::{SolEvent, SolValue as _};
use anyhow::{Context, Result, bail, ensure};
use contracts::JobEscrow;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::amount::Amount;
use shared::api::log::RefundView;
use shared::chain::ESCROW_ADDRESS;
use shared::failure::{FailedTry, SignedFailure};
use shared::job::lifecycle::Blame;
use shared::job::request::PaymentMode;
use shared::{B256, Bytes, U256};

use super::client::print_json;
use super::receipt::place;
use super::rpc::call;

/// The field that tells a failure from a receipt.
pub(super) const FIELD: &str = "failure";

/// Fields of a signed failure; the API's view of one has more.
const SIGNED_FIELDS: [&str; 3] = ["failure", "failure_hash", "hub_signature"];

/// What the API's view says beside the record. Nobody signed it, so it is compared with the chain.
#[derive(Debug, Deserialize)]
struct UnsignedFields {
    #[serde(default)]
    refund: Option<RefundView>,
}

/// Where the chain has what went back to the client.
struct Refund {
    amount: Amount,
    transaction_hash: B256,
    block_number: u64,
}

pub(super) fn verify(value: Value, file: &Path, rpc: Option<&str>, as_json: bool) -> Result<()> {
    let name = file.display();
    let signed = SIGNED_FIELDS.into_iter().map(|field| (field.to_owned(), value[field].clone())).collect();
    let signed: SignedFailure =
        serde_json::from_value(Value::Object(signed)).with_context(|| format!("{name} is not a signed failure"))?;
    let unsigned: UnsignedFields =
        serde_json::from_value(value).with_context(|| format!("`refund` in {name} cannot be read"))?;
    signed.verify().with_context(|| format!("{name} does not hold"))?;
    let refund = rpc.map(|rpc| find_refund(rpc, &signed)).transpose()?;
    if let Some(found) = &refund {
        compare(found.as_ref(), unsigned.refund.as_ref())?;
    }
    let failure = &signed.failure;
    if as_json {
        let refund = refund.flatten().map(|refund| {
            json!({
                "amount": refund.amount, "transaction_hash": refund.transaction_hash,
                "block_number": refund.block_number,
            })
        });
        return print_json(&json!({
            "valid": true, "failure_hash": signed.failure_hash, "hub": failure.hub, "job_id": failure.job_id,
            "end": failure.end, "stage": failure.stage, "reason": failure.reason, "refund": refund,
        }));
    }
    println!("hash        {} is the hash of this record", signed.failure_hash);
    println!("hub         {} signed it", failure.hub);
    println!("job         {} {}: {}", failure.job_id, failure.end.as_str(), failure.reason);
    for one in &failure.tries {
        println!("try         {}", words(one));
    }
    let left_out = failure.tries_in_all.saturating_sub(failure.tries.len() as u64);
    if left_out > 0 {
        println!("tries       {left_out} more came before these");
    }
    match refund {
        Some(Some(Refund { amount, transaction_hash, block_number })) => {
            println!("chain       {amount} AIT went back in block {block_number}, transaction {transaction_hash}");
        }
        Some(None) => println!("chain       nothing was reserved for it, or nothing went back yet"),
        None => println!("chain       not asked; name a node with --rpc to look for a refund"),
    }
    Ok(())
}

fn words(one: &FailedTry) -> String {
    let miner = one.miner.map_or("a miner that is not known".to_owned(), |miner| miner.to_string());
    let fault = match one.blame {
        None => "it worked when the job ended",
        Some(Blame::Miner) => "its own fault",
        Some(Blame::Network) => "the fault of the network",
        Some(Blame::Platform) => "the fault of the hub",
        Some(Blame::Input) => "the fault of the input, as it says",
    };
    let reason = match (&one.reason, one.reason_commitment) {
        (Some(reason), _) => format!(": {reason}"),
        (None, Some(sealed)) => format!(": sealed as {sealed}"),
        (None, None) => String::new(),
    };
    format!("{miner}, {fault}{reason}")
}

/// The escrow's event of the job's reservation, if it was closed.
fn find_refund(rpc: &str, signed: &SignedFailure) -> Result<Option<Refund>> {
    let failure = &signed.failure;
    let chain_id: String = call(rpc, "eth_chainId", json!([]))?;
    if chain_id != format!("{:#x}", failure.chain_id) {
        bail!("the record is of chain {}, but {rpc} serves chain {chain_id}", failure.chain_id);
    }
    if failure.payment == PaymentMode::Mint {
        return Ok(None);
    }
    let job = B256::right_padding_from(FixedBytes::<16>::from(failure.job_id.to_be_bytes()).as_slice());
    let topics = json!([JobEscrow::ReservationClosed::SIGNATURE_HASH, failure.client.into_word(), job]);
    let filter = json!([{ "address": ESCROW_ADDRESS, "fromBlock": "0x0", "toBlock": "latest", "topics": topics }]);
    let logs: Vec<Value> = call(rpc, "eth_getLogs", filter)?;
    let Some(log) = logs.first() else { return Ok(None) };
    let (transaction_hash, block_number) = place(log)?;
    let data: Bytes = serde_json::from_value(log["data"].clone())?;
    let (_, refund) = <(U256, U256)>::abi_decode(&data).context("the escrow's event cannot be read")?;
    let amount = u128::try_from(refund).map(Amount::from_atto).context("the refund is above every sum")?;
    Ok(Some(Refund { amount, transaction_hash, block_number }))
}

fn compare(found: Option<&Refund>, stated: Option<&RefundView>) -> Result<()> {
    let Some(stated) = stated else { return Ok(()) };
    let Some(found) = found else { bail!("the file names a refund, and the chain has none") };
    let placed = (stated.transaction.transaction_hash, stated.transaction.block_number);
    ensure!(
        stated.amount == found.amount && placed == (found.transaction_hash, found.block_number),
        "the chain gave {} AIT back in block {}, transaction {}, but the file says {} AIT in block {}, transaction {}",
        found.amount,
        found.block_number,
        found.transaction_hash,
        stated.amount,
        placed.1,
        placed.0,
    );
    Ok(())
}
