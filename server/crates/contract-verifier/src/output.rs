//! What the compiler answers for one contract.

use std::collections::BTreeMap;
use std::ops::Range;

use alloy_primitives::hex;
use serde::Deserialize;
use serde_json::Value;

use crate::{ContractName, VerifyError};

/// Characters of the compiler's own message that a caller is told.
const MESSAGE_MAX_CHARS: usize = 1_000;

/// A compiled contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    /// Path of the source that holds it.
    pub file: String,
    /// JSON.
    pub abi: String,
    /// Runs once and returns the runtime code; constructor arguments follow it in a transaction.
    pub creation_code: Vec<u8>,
    pub runtime: Runtime,
}

/// Code as it is deployed, but for what the constructor puts into it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runtime {
    pub code: Vec<u8>,
    /// For each immutable variable, where its value stands.
    pub immutables: Vec<Vec<Range<usize>>>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errors: Vec<Message>,
    #[serde(default)]
    contracts: BTreeMap<String, BTreeMap<String, Contract>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    severity: String,
    message: String,
    formatted_message: Option<String>,
}

/// What was not asked for is absent.
#[derive(Deserialize)]
struct Contract {
    #[serde(default)]
    abi: Value,
    #[serde(default)]
    evm: Evm,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Evm {
    #[serde(default)]
    bytecode: Code,
    #[serde(default)]
    deployed_bytecode: Code,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Code {
    #[serde(default)]
    object: String,
    #[serde(default)]
    link_references: BTreeMap<String, BTreeMap<String, Value>>,
    #[serde(default)]
    immutable_references: BTreeMap<String, Vec<Place>>,
}

#[derive(Deserialize)]
struct Place {
    start: usize,
    length: usize,
}

impl Compiled {
    /// Reads the compiler's answer.
    ///
    /// # Errors
    /// What the compiler refused, or that the contract is not in it, or lacks a library.
    pub fn read(answer: &[u8], wanted: &ContractName) -> Result<Self, VerifyError> {
        let answer: Answer = serde_json::from_slice(answer).map_err(|error| VerifyError::Output(error.to_string()))?;
        if let Some(error) = answer.errors.into_iter().find(|message| message.severity == "error") {
            let told = error.formatted_message.unwrap_or(error.message);
            return Err(VerifyError::Refused(told.trim().chars().take(MESSAGE_MAX_CHARS).collect()));
        }
        let fits = |file: &String| wanted.file.as_ref().is_none_or(|wanted| wanted == file);
        let mut found: Vec<(String, Contract)> = answer
            .contracts
            .into_iter()
            .filter(|(file, _)| fits(file))
            .filter_map(|(file, mut contracts)| Some((file, contracts.remove(&wanted.name)?)))
            .collect();
        if found.len() > 1 {
            let files = found.iter().map(|(file, _)| file.as_str()).collect::<Vec<_>>().join(", ");
            return Err(VerifyError::SeveralContracts { name: wanted.name.clone(), files });
        }
        let (file, contract) = found.pop().ok_or_else(|| VerifyError::NoContract(wanted.to_string()))?;
        let Evm { bytecode, deployed_bytecode } = contract.evm;
        let runtime = Runtime { code: code(&deployed_bytecode)?, immutables: immutables(&deployed_bytecode) };
        if runtime.code.is_empty() {
            return Err(VerifyError::NoCode);
        }
        Ok(Self { file, abi: contract.abi.to_string(), creation_code: code(&bytecode)?, runtime })
    }
}

fn code(given: &Code) -> Result<Vec<u8>, VerifyError> {
    let library =
        given.link_references.iter().find_map(|(file, names)| Some(format!("{file}:{}", names.keys().next()?)));
    if let Some(library) = library {
        return Err(VerifyError::Unlinked(library));
    }
    hex::decode(&given.object).map_err(|error| VerifyError::Output(error.to_string()))
}

fn immutables(given: &Code) -> Vec<Vec<Range<usize>>> {
    let range = |place: &Place| place.start..place.start.saturating_add(place.length);
    given.immutable_references.values().map(|places| places.iter().map(range).collect()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contract(runtime: Value) -> Value {
        json!({"abi": [], "evm": {"bytecode": {"object": "6001", "linkReferences": {}}, "deployedBytecode": runtime}})
    }

    fn read(answer: &Value, name: &str) -> Result<Compiled, VerifyError> {
        Compiled::read(answer.to_string().as_bytes(), &name.parse().unwrap())
    }

    #[test]
    fn a_contract_is_found_by_its_name_where_one_source_has_it() {
        let runtime = json!({"object": "60026003", "immutableReferences": {"7": [{"start": 1, "length": 1}]}});
        let answer = json!({
            "errors": [{"severity": "warning", "message": "unused"}],
            "contracts": {"a.sol": {"A": contract(runtime.clone())}, "b.sol": {"B": contract(json!({"object": ""}))}},
        });
        let compiled = read(&answer, "A").unwrap();
        assert_eq!((compiled.file.as_str(), compiled.abi.as_str()), ("a.sol", "[]"));
        assert_eq!(compiled.runtime, Runtime { code: vec![0x60, 2, 0x60, 3], immutables: vec![vec![1..2]] });
        assert_eq!(read(&answer, "b.sol:A"), Err(VerifyError::NoContract("b.sol:A".to_owned())));
        assert_eq!(read(&answer, "B"), Err(VerifyError::NoCode));
        let two = json!({"contracts": {"a.sol": {"A": contract(runtime.clone())}, "b.sol": {"A": contract(runtime)}}});
        assert!(read(&two, "A").unwrap_err().to_string().contains("a.sol, b.sol"));
        assert!(read(&two, "b.sol:A").is_ok());
    }

    #[test]
    fn what_the_compiler_refused_or_left_open_is_told() {
        let refused = json!({"errors": [{"severity": "error", "message": "m", "formattedMessage": format!("  Source \"/etc/passwd\" not found{}", "x".repeat(5_000))}]});
        let told = read(&refused, "A").unwrap_err().to_string();
        assert!(told.contains("not found") && told.len() < 1_200, "{told}");
        let open = json!({"object": "60__$x$__", "linkReferences": {"l.sol": {"Lib": [{"start": 1, "length": 20}]}}});
        let unlinked = read(&json!({"contracts": {"a.sol": {"A": contract(open)}}}), "A").unwrap_err();
        assert_eq!(unlinked, VerifyError::Unlinked("l.sol:Lib".to_owned()));
        for wrong in [&b""[..], b"null", b"{\"contracts\": 1}", b"Killed"] {
            assert!(matches!(Compiled::read(wrong, &"A".parse().unwrap()), Err(VerifyError::Output(_))));
        }
    }
}
