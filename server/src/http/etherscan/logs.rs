//! `module=logs`: events by contract and topics, from the chain's own index of them.

use std::collections::BTreeSet;

use alloy_primitives::B256;
use node::chain::{LogFilter, MAX_TOPICS, PlacedLog};
use serde_json::{Value, json};

use super::parameters::{Parameters, beyond};
use super::{Answer, Refused, Source, listed};

pub(super) async fn answer(source: &Source, action: &str, parameters: &Parameters) -> Answer {
    if action != "getlogs" {
        return Err(Refused::Action);
    }
    let filter = filter(parameters)?;
    let (first, last) = (parameters.height("fromBlock", 0)?, parameters.height("toBlock", u64::MAX)?);
    let (skipped, rows) = parameters.window()?;
    let logs = source.node.query(move |snapshot| Ok(snapshot.logs(&filter, first, last)?)).await?;
    let page = beyond(skipped, &logs);
    listed("records", page.take(usize::try_from(rows).unwrap_or(usize::MAX)).map(row).collect())
}

/// Conditions that all hold at once. Etherscan can also join topics by `or`; that is refused, not misread.
fn filter(parameters: &Parameters) -> Result<LogFilter, Refused> {
    let mut filter =
        LogFilter { addresses: parameters.optional("address")?.into_iter().collect(), ..LogFilter::default() };
    for (position, wanted) in filter.topics.iter_mut().enumerate() {
        let topic: Option<B256> = parameters.optional(&format!("topic{position}"))?;
        *wanted = topic.into_iter().collect::<BTreeSet<_>>();
    }
    for one in 0..MAX_TOPICS {
        for other in one + 1..MAX_TOPICS {
            let name = format!("topic{one}_{other}_opr");
            if !matches!(parameters.word(&name).to_ascii_lowercase().as_str(), "" | "and") {
                return Err(Refused::Parameter(format!("Error! {name} can only be and: ask once for each topic")));
            }
        }
    }
    let narrows = !filter.addresses.is_empty() || filter.topics.iter().any(|wanted| !wanted.is_empty());
    if narrows { Ok(filter) } else { Err(Refused::Parameter("Error! Missing address or topic".to_owned())) }
}

fn row(log: &PlacedLog) -> Value {
    json!({
        "address": log.log.address,
        "topics": log.log.topics(),
        "data": log.log.data.data,
        "blockNumber": format!("{:#x}", log.place.height),
        "blockHash": log.block_hash,
        "timeStamp": format!("{:#x}", log.block_timestamp_unix_s),
        "gasPrice": "0x0",
        "logIndex": format!("{:#x}", log.log_index),
        "transactionHash": log.transaction_hash,
        "transactionIndex": format!("{:#x}", log.place.index),
    })
}
