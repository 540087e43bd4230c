//! `module=contract`: what is known of the contracts of genesis, and who made others.

use ::contracts::bytecode::{AI_TOKEN_ARTIFACT_JSON, AI_TOKEN_MINTER_ARTIFACT_JSON, JOB_ESCROW_ARTIFACT_JSON};
use ::contracts::sources::SOURCES;
use ::contracts::{AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, JOB_ESCROW_ADDRESS};
use alloy_primitives::Address;
use serde_json::{Map, Value, json};

use super::parameters::Parameters;
use super::{Answer, Refused, Source, found, listed};

/// Contracts of one `getcontractcreation`.
const CONTRACTS_MAX: usize = 5;

const UNVERIFIED: &str = "Contract source code not verified";

pub(super) async fn answer(source: &Source, action: &str, parameters: &Parameters) -> Answer {
    match action {
        "getabi" => {
            let artifact = artifact(parameters.needed("address")?).ok_or(Refused::Absent(UNVERIFIED))?;
            found(artifact["abi"].to_string())
        }
        "getsourcecode" => {
            let artifact = artifact(parameters.needed("address")?).ok_or(Refused::Absent(UNVERIFIED))?;
            found(vec![source_code(&artifact)])
        }
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
        _ => Err(Refused::Action),
    }
}

/// What the compiler gave for a contract of genesis.
fn artifact(address: Address) -> Option<Value> {
    let text = match address {
        AI_TOKEN_ADDRESS => AI_TOKEN_ARTIFACT_JSON,
        AI_TOKEN_MINTER_ADDRESS => AI_TOKEN_MINTER_ARTIFACT_JSON,
        JOB_ESCROW_ADDRESS => JOB_ESCROW_ARTIFACT_JSON,
        _ => return None,
    };
    serde_json::from_str(text).ok()
}

fn source_code(artifact: &Value) -> Value {
    let files: Map<String, Value> =
        SOURCES.iter().map(|(path, text)| ((*path).to_owned(), json!({ "content": text }))).collect();
    let input = json!({ "language": "Solidity", "sources": files, "settings": artifact["settings"] });
    let settings = &artifact["settings"];
    let optimizer = &settings["optimizer"];
    json!({
        // Two braces: several files, as the compiler's standard input.
        "SourceCode": format!("{{{input}}}"),
        "ABI": artifact["abi"].to_string(),
        "ContractName": artifact["contractName"],
        "CompilerVersion": compiler_version(artifact["compiler"].as_str().unwrap_or_default()),
        "OptimizationUsed": if optimizer["enabled"] == true { "1" } else { "0" },
        "Runs": optimizer["runs"].to_string(),
        "EVMVersion": settings["evmVersion"],
        "ConstructorArguments": "",
        "Library": "",
        "LicenseType": "MIT",
        "Proxy": "0",
        "Implementation": "",
    })
}

/// `solc 0.8.37+commit.f401782d.Emscripten.clang` is known to tools as `v0.8.37+commit.f401782d`.
fn compiler_version(compiler: &str) -> String {
    let version = compiler.trim_start_matches("solc ");
    let (number, build) = version.split_once("+commit.").unwrap_or((version, ""));
    match build.split('.').next() {
        Some(commit) if !commit.is_empty() => format!("v{number}+commit.{commit}"),
        _ => format!("v{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_contracts_have_their_sources_and_no_others() {
        for (address, name) in [
            (AI_TOKEN_ADDRESS, "AIToken"),
            (AI_TOKEN_MINTER_ADDRESS, "AITokenMinter"),
            (JOB_ESCROW_ADDRESS, "JobEscrow"),
        ] {
            let told = source_code(&artifact(address).unwrap());
            assert_eq!(told["ContractName"], name);
            let input = told["SourceCode"].as_str().unwrap();
            let input: Value = serde_json::from_str(&input[1..input.len() - 1]).unwrap();
            let text = input["sources"][format!("{name}.sol")]["content"].as_str().unwrap();
            assert!(text.contains(&format!("contract {name}")), "{name}");
            let abi: Value = serde_json::from_str(told["ABI"].as_str().unwrap()).unwrap();
            assert!(abi.as_array().is_some_and(|entries| !entries.is_empty()));
            assert!(told["CompilerVersion"].as_str().is_some_and(|version| version.starts_with("v0.8.")));
        }
        assert_eq!(artifact(Address::ZERO), None);
        assert_eq!(compiler_version("solc 0.8.37+commit.f401782d.Emscripten.clang"), "v0.8.37+commit.f401782d");
    }
}
