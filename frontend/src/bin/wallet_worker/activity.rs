//! AIT that came to an account and went from it, read backwards from the newest block.

use alloy_primitives::keccak256;
use serde_json::{Value, json};
use shared::amount::Amount;
use shared::chain::TOKEN_ADDRESS;
use shared::{Address, B256};
use wallet::protocol::{Refusal, Transfer};

use super::node::{self, hex_number};

/// Blocks of the first question. Each further one reaches twice as far back.
const FIRST_WINDOW_BLOCKS: u64 = 4_096;

/// Most transfers that are shown.
const TRANSFERS_MAX: usize = 50;

pub(crate) async fn transfers(account: Address) -> Result<Vec<Transfer>, Refusal> {
    let (mut found, mut last, mut window) = (Vec::new(), node::head().await?, FIRST_WINDOW_BLOCKS);
    loop {
        let first = last.saturating_sub(window - 1);
        let mut part = logs(first, last, json!([account.into_word()])).await?;
        part.extend(logs(first, last, json!([null, account.into_word()])).await?);
        part.sort_by_key(|transfer: &Transfer| std::cmp::Reverse((transfer.block_number, transfer.log_index)));
        // A transfer to oneself is found twice.
        part.dedup_by_key(|transfer| (transfer.block_number, transfer.log_index));
        found.extend(part);
        if first == 0 || found.len() >= TRANSFERS_MAX {
            found.truncate(TRANSFERS_MAX);
            return Ok(found);
        }
        (last, window) = (first - 1, window.saturating_mul(2));
    }
}

async fn logs(first: u64, last: u64, mut parties: Value) -> Result<Vec<Transfer>, Refusal> {
    if let Some(topics) = parties.as_array_mut() {
        topics.insert(0, json!(keccak256(b"Transfer(address,address,uint256)")));
    }
    let (from, to) = (format!("{first:#x}"), format!("{last:#x}"));
    let filter = json!([{"address": TOKEN_ADDRESS, "fromBlock": from, "toBlock": to, "topics": parties}]);
    let logs: Vec<Value> = node::call("eth_getLogs", filter).await.map_err(node::refused)?;
    logs.iter().map(transfer).collect()
}

fn transfer(log: &Value) -> Result<Transfer, Refusal> {
    let unreadable = |error: serde_json::Error| node::refused(error.to_string());
    let word = |value: &Value| serde_json::from_value::<B256>(value.clone()).map_err(unreadable);
    Ok(Transfer {
        block_number: hex_number(&log["blockNumber"])?,
        log_index: hex_number(&log["logIndex"])?,
        transaction_hash: word(&log["transactionHash"])?,
        from: Address::from_word(word(&log["topics"][1])?),
        to: Address::from_word(word(&log["topics"][2])?),
        amount: Amount::from_atto(hex_number(&log["data"])?),
    })
}
