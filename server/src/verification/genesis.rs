//! The contracts of block 0, whose sources this program has.

use std::ops::Range;

use alloy_primitives::hex;
use contract_verifier::{CompilerInput, CompilerVersion, Runtime, VerifyError, compare_runtime};
use contracts::sources::{SOURCES, SOURCES_FOLDER};
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::Address;
use shared::api::contracts::MatchKind;

use super::KnownSources;

/// What `contracts/compile.mjs` writes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    contract_name: String,
    compiler: String,
    settings: Map<String, Value>,
    /// By their path.
    source_hashes: Map<String, Value>,
    abi: Value,
    deployed_bytecode: String,
    immutables: Vec<Vec<Place>>,
}

#[derive(Deserialize)]
struct Place {
    start: usize,
    length: usize,
}

/// The sources of a contract of block 0, if this chain's code there is the one that they become: a chain may have been made by
/// another version of this program.
pub(super) fn known(address: Address, artifact: &str, code: &[u8]) -> Result<Option<KnownSources>, VerifyError> {
    let artifact: Artifact = serde_json::from_str(artifact).map_err(|error| VerifyError::Output(error.to_string()))?;
    let compiled = hex::decode(&artifact.deployed_bytecode).map_err(|error| VerifyError::Output(error.to_string()))?;
    let range = |place: &Place| place.start..place.start + place.length;
    let immutables: Vec<Vec<Range<usize>>> =
        artifact.immutables.iter().map(|places| places.iter().map(range).collect()).collect();
    if compare_runtime(&Runtime { code: compiled, immutables }, code, address).is_err() {
        return Ok(None);
    }
    let sources = SOURCES
        .iter()
        .map(|(path, text)| (format!("{SOURCES_FOLDER}{path}"), (*text).to_owned()))
        .filter(|(path, _)| artifact.source_hashes.contains_key(path))
        .collect();
    let compiler: CompilerVersion = artifact.compiler.trim_start_matches("solc ").parse()?;
    Ok(Some(KnownSources {
        address,
        source_file: format!("{SOURCES_FOLDER}{}.sol", artifact.contract_name),
        name: artifact.contract_name,
        compiler: compiler.to_string(),
        match_kind: MatchKind::Genesis,
        input: CompilerInput { sources, settings: artifact.settings },
        abi: artifact.abi.to_string(),
        constructor_arguments: None,
        verified_at: None,
    }))
}

#[cfg(test)]
mod tests {
    use contracts::sources::artifact_json;
    use contracts::{
        AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, BRIDGED_ETHER_ADDRESS, EXCHANGE_SETTLEMENT_ADDRESS,
        JOB_ESCROW_ADDRESS, MODEL_BOUNTY_ADDRESS, STAKING_ADDRESS, TEST_DOLLAR_ADDRESS,
    };

    use super::*;

    #[test]
    fn every_contract_of_genesis_has_all_its_own_sources() {
        for (address, name) in [
            (AI_TOKEN_ADDRESS, "AIToken"),
            (AI_TOKEN_MINTER_ADDRESS, "AITokenMinter"),
            (JOB_ESCROW_ADDRESS, "JobEscrow"),
            (EXCHANGE_SETTLEMENT_ADDRESS, "ExchangeSettlement"),
            (TEST_DOLLAR_ADDRESS, "TestDollar"),
            (STAKING_ADDRESS, "Staking"),
            (BRIDGED_ETHER_ADDRESS, "BridgedToken"),
            (MODEL_BOUNTY_ADDRESS, "ModelBounty"),
        ] {
            let text = artifact_json(address).unwrap();
            let artifact: Artifact = serde_json::from_str(text).unwrap();
            let mut code = hex::decode(&artifact.deployed_bytecode).unwrap();
            for place in artifact.immutables.iter().flatten() {
                code[place.start..place.start + place.length].fill(7);
            }
            let found = known(address, text, &code).unwrap().unwrap();
            assert_eq!((found.name.as_str(), found.match_kind), (name, MatchKind::Genesis));
            assert_eq!(found.input.sources.len(), artifact.source_hashes.len(), "{name} lacks sources");
            assert!(found.input.sources[&found.source_file].contains(&format!("contract {name}")));
            // Another code at the address has no sources here.
            let last = code.len() - 1;
            code[last] ^= 1;
            assert!(known(address, text, &code).unwrap().is_none());
        }
        assert_eq!(artifact_json(Address::ZERO), None);
    }
}
