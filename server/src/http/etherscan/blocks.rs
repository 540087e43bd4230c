//! `module=block` and `module=transaction`.

use serde_json::json;
use shared::B256;
use shared::time::UnixSeconds;

use super::parameters::Parameters;
use super::{Answer, Refused, Source, found};

pub(super) async fn answer(source: &Source, action: &str, parameters: &Parameters) -> Answer {
    match action {
        "getblocknobytime" => {
            let at = UnixSeconds(parameters.needed("timestamp")?);
            let before = match parameters.word("closest") {
                "before" => true,
                "after" => false,
                other => return Err(Refused::Parameter(format!("Error! closest is before or after, got {other}"))),
            };
            match source.store.block_by_time(at, before).await? {
                Some(number) => found(number.to_string()),
                None => Err(Refused::Absent("Error! No closest block found")),
            }
        }
        "eth_block_number" => found(format!("{:#x}", source.node.head()?.number)),
        _ => Err(Refused::Action),
    }
}

pub(super) async fn transaction(source: &Source, action: &str, parameters: &Parameters) -> Answer {
    let known = matches!(action, "gettxreceiptstatus" | "getstatus" | "gettxinfo");
    if !known {
        return Err(Refused::Action);
    }
    let hash: B256 = parameters.needed("txhash")?;
    let Some(included) = source.node.query(move |snapshot| Ok(snapshot.transaction(hash)?)).await? else {
        return Err(Refused::Absent("Error! No such transaction on the chain"));
    };
    let succeeded = included.receipt.success;
    let reason = || node::chain::revert_reason(&included.receipt.revert_data).unwrap_or_default();
    match action {
        "gettxreceiptstatus" => found(json!({ "status": if succeeded { "1" } else { "0" } })),
        "getstatus" => found(json!({
            "isError": if succeeded { "0" } else { "1" },
            "errDescription": if succeeded { String::new() } else { reason() },
        })),
        _ => found(json!({
            "hash": hash,
            "blockNumber": included.place.height.to_string(),
            "timeStamp": included.block_timestamp_unix_s.to_string(),
            "from": included.transaction.sender(),
            "to": included.transaction.to(),
            "value": included.transaction.value().to_string(),
            "input": included.transaction.input(),
            "gasLimit": included.transaction.gas_limit().to_string(),
            "gasUsed": included.receipt.gas_used.to_string(),
            "success": succeeded,
            "revertReason": if succeeded { String::new() } else { reason() },
        })),
    }
}
