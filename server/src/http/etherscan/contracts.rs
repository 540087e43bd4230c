//! `module=contract`: sources and ABI of contracts, and who made them. `verification` takes sources.

use alloy_primitives::hex;
use serde_json::{Value, json};
use shared::Address;
use shared::api::contracts::MatchKind;

use super::parameters::Parameters;
use super::verification::RUNS_DEFAULT;
use super::{Answer, Refused, Source, found, listed, verification};
use crate::verification::KnownSources;

/// Contracts of one `getcontractcreation`.
const CONTRACTS_MAX: usize = 5;

const UNVERIFIED: &str = "Contract source code not verified";

pub(super) async fn answer(source: &Source, action: &str, parameters: &Parameters) -> Answer {
    match action {
        "getabi" => found(known(source, parameters).await?.abi),
        "getsourcecode" => found(vec![source_code(&known(source, parameters).await?)]),
        "getcontractcreation" => {
            let mut rows = Vec::new();
            for address in parameters.addresses("contractaddresses", CONTRACTS_MAX)? {
                let made = source.store.find_contract(address).await?;
                rows.extend(made.map(|made| {
                    json!({
                        "contractAddress": address,
                        "contractCreator": made.creator,
                        "txHash": made.transaction_hash,
                        "blockNumber": made.block_number.to_string(),
                        "timestamp": made.at.0.to_string(),
                    })
                }));
            }
            listed("contracts", rows)
        }
        verification::SUBMIT => verification::submit(source, parameters).await,
        "checkverifystatus" => verification::status(source, parameters),
        _ => Err(Refused::Action),
    }
}

async fn known(source: &Source, parameters: &Parameters) -> Result<KnownSources, Refused> {
    let address: Address = parameters.needed("address")?;
    let known = source.verifications.find(address).await.map_err(verification::refused)?;
    known.ok_or(Refused::Absent(UNVERIFIED))
}

fn source_code(known: &KnownSources) -> Value {
    let settings = &known.input.settings;
    let optimizer = settings.get("optimizer").cloned().unwrap_or_default();
    json!({
        // Two braces: several files, as the compiler's standard input.
        "SourceCode": format!("{{{}}}", known.input.to_standard_json()),
        "ABI": known.abi,
        "ContractName": known.name,
        "ContractFileName": known.source_file,
        "CompilerVersion": format!("v{}", known.compiler),
        "CompilerType": "Solc-Json",
        "OptimizationUsed": if optimizer["enabled"] == true { "1" } else { "0" },
        "Runs": optimizer["runs"].as_u64().unwrap_or(RUNS_DEFAULT.into()).to_string(),
        "EVMVersion": settings.get("evmVersion").and_then(Value::as_str).unwrap_or("Default"),
        "ConstructorArguments": known.constructor_arguments.as_ref().map(hex::encode).unwrap_or_default(),
        "Library": "",
        "LicenseType": "",
        "Proxy": "0",
        "Implementation": "",
        "MatchKind": match known.match_kind {
            MatchKind::Full => "full",
            MatchKind::Partial => "partial",
            MatchKind::Genesis => "genesis",
        },
    })
}
