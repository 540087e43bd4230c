//! Artifacts, sources and bindings belong together.

use std::collections::BTreeSet;

use alloy_primitives::{hex, keccak256};
use alloy_sol_types::{SolEventInterface, SolInterface};
use contracts::{
    AIToken, AITokenMinter, BridgedToken, ExchangeSettlement, JobEscrow, ModelBounty, Staking, TestDollar, bytecode,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

struct Artifact {
    json: Value,
}

impl Artifact {
    fn token() -> Self {
        Self { json: serde_json::from_str(bytecode::AI_TOKEN_ARTIFACT_JSON).unwrap() }
    }

    fn minter() -> Self {
        Self { json: serde_json::from_str(bytecode::AI_TOKEN_MINTER_ARTIFACT_JSON).unwrap() }
    }

    fn escrow() -> Self {
        Self { json: serde_json::from_str(bytecode::JOB_ESCROW_ARTIFACT_JSON).unwrap() }
    }

    fn exchange() -> Self {
        Self { json: serde_json::from_str(bytecode::EXCHANGE_SETTLEMENT_ARTIFACT_JSON).unwrap() }
    }

    fn staking() -> Self {
        Self { json: serde_json::from_str(bytecode::STAKING_ARTIFACT_JSON).unwrap() }
    }

    fn bounty() -> Self {
        Self { json: serde_json::from_str(bytecode::MODEL_BOUNTY_ARTIFACT_JSON).unwrap() }
    }

    fn test_dollar() -> Self {
        Self { json: serde_json::from_str(bytecode::TEST_DOLLAR_ARTIFACT_JSON).unwrap() }
    }

    fn bridged_token() -> Self {
        Self { json: serde_json::from_str(bytecode::BRIDGED_TOKEN_ARTIFACT_JSON).unwrap() }
    }

    /// For tests only.
    fn test_wallet() -> Self {
        Self { json: serde_json::from_str(include_str!("../artifacts/TestWallet.json")).unwrap() }
    }

    /// Canonical signatures of the ABI's entries of one kind, such as `mint(address,uint256)`.
    fn signatures(&self, kind: &str) -> Vec<String> {
        let entries = self.json["abi"].as_array().unwrap().iter().filter(|entry| entry["type"] == kind);
        entries.map(|entry| format!("{}{}", entry["name"].as_str().unwrap(), tuple(&entry["inputs"]))).collect()
    }

    fn selectors(&self, kind: &str) -> BTreeSet<[u8; 4]> {
        self.signatures(kind).iter().map(|signature| keccak256(signature)[..4].try_into().unwrap()).collect()
    }

    fn topics(&self) -> BTreeSet<[u8; 32]> {
        self.signatures("event").iter().map(|signature| keccak256(signature).0).collect()
    }
}

fn tuple(components: &Value) -> String {
    let types: Vec<String> = components.as_array().unwrap().iter().map(canonical_type).collect();
    format!("({})", types.join(","))
}

fn canonical_type(parameter: &Value) -> String {
    let name = parameter["type"].as_str().unwrap();
    match name.strip_prefix("tuple") {
        Some(array_suffix) => format!("{}{array_suffix}", tuple(&parameter["components"])),
        None => name.to_owned(),
    }
}

fn selectors_of<I: SolInterface>() -> BTreeSet<[u8; 4]> {
    I::selectors().collect()
}

#[test]
fn token_bindings_name_the_whole_abi() {
    let artifact = Artifact::token();
    assert_eq!(selectors_of::<AIToken::AITokenCalls>(), artifact.selectors("function"));
    assert_eq!(selectors_of::<AIToken::AITokenErrors>(), artifact.selectors("error"));
    let topics: BTreeSet<[u8; 32]> = AIToken::AITokenEvents::SELECTORS.iter().copied().collect();
    assert_eq!(topics, artifact.topics());
    assert_eq!(AIToken::AITokenEvents::COUNT, topics.len());
}

#[test]
fn minter_bindings_name_the_whole_abi() {
    let artifact = Artifact::minter();
    assert_eq!(selectors_of::<AITokenMinter::AITokenMinterCalls>(), artifact.selectors("function"));
    assert_eq!(selectors_of::<AITokenMinter::AITokenMinterErrors>(), artifact.selectors("error"));
    let topics: BTreeSet<[u8; 32]> = AITokenMinter::AITokenMinterEvents::SELECTORS.iter().copied().collect();
    assert_eq!(topics, artifact.topics());
}

#[test]
fn escrow_bindings_name_the_whole_abi() {
    let artifact = Artifact::escrow();
    assert_eq!(selectors_of::<JobEscrow::JobEscrowCalls>(), artifact.selectors("function"));
    assert_eq!(selectors_of::<JobEscrow::JobEscrowErrors>(), artifact.selectors("error"));
    let topics: BTreeSet<[u8; 32]> = JobEscrow::JobEscrowEvents::SELECTORS.iter().copied().collect();
    assert_eq!(topics, artifact.topics());
}

#[test]
fn exchange_bindings_name_the_whole_abi() {
    let artifact = Artifact::exchange();
    assert_eq!(selectors_of::<ExchangeSettlement::ExchangeSettlementCalls>(), artifact.selectors("function"));
    assert_eq!(selectors_of::<ExchangeSettlement::ExchangeSettlementErrors>(), artifact.selectors("error"));
    let topics: BTreeSet<[u8; 32]> = ExchangeSettlement::ExchangeSettlementEvents::SELECTORS.iter().copied().collect();
    assert_eq!(topics, artifact.topics());
}

#[test]
fn staking_bindings_name_the_whole_abi() {
    let artifact = Artifact::staking();
    assert_eq!(selectors_of::<Staking::StakingCalls>(), artifact.selectors("function"));
    assert_eq!(selectors_of::<Staking::StakingErrors>(), artifact.selectors("error"));
    let topics: BTreeSet<[u8; 32]> = Staking::StakingEvents::SELECTORS.iter().copied().collect();
    assert_eq!(topics, artifact.topics());
}

#[test]
fn bounty_bindings_name_the_whole_abi() {
    let artifact = Artifact::bounty();
    assert_eq!(selectors_of::<ModelBounty::ModelBountyCalls>(), artifact.selectors("function"));
    assert_eq!(selectors_of::<ModelBounty::ModelBountyErrors>(), artifact.selectors("error"));
    let topics: BTreeSet<[u8; 32]> = ModelBounty::ModelBountyEvents::SELECTORS.iter().copied().collect();
    assert_eq!(topics, artifact.topics());
}

#[test]
fn test_dollar_bindings_name_the_whole_abi() {
    let artifact = Artifact::test_dollar();
    assert_eq!(selectors_of::<TestDollar::TestDollarCalls>(), artifact.selectors("function"));
    assert_eq!(selectors_of::<TestDollar::TestDollarErrors>(), artifact.selectors("error"));
    let topics: BTreeSet<[u8; 32]> = TestDollar::TestDollarEvents::SELECTORS.iter().copied().collect();
    assert_eq!(topics, artifact.topics());
}

#[test]
fn bridged_token_bindings_name_the_whole_abi() {
    let artifact = Artifact::bridged_token();
    assert_eq!(selectors_of::<BridgedToken::BridgedTokenCalls>(), artifact.selectors("function"));
    assert_eq!(selectors_of::<BridgedToken::BridgedTokenErrors>(), artifact.selectors("error"));
    let topics: BTreeSet<[u8; 32]> = BridgedToken::BridgedTokenEvents::SELECTORS.iter().copied().collect();
    assert_eq!(topics, artifact.topics());
}

#[test]
fn creation_code_is_the_compilers() {
    let cases = [
        (Artifact::token(), bytecode::AI_TOKEN_CREATION_CODE),
        (Artifact::minter(), bytecode::AI_TOKEN_MINTER_CREATION_CODE),
        (Artifact::escrow(), bytecode::JOB_ESCROW_CREATION_CODE),
        (Artifact::exchange(), bytecode::EXCHANGE_SETTLEMENT_CREATION_CODE),
        (Artifact::staking(), bytecode::STAKING_CREATION_CODE),
        (Artifact::bounty(), bytecode::MODEL_BOUNTY_CREATION_CODE),
        (Artifact::test_dollar(), bytecode::TEST_DOLLAR_CREATION_CODE),
        (Artifact::bridged_token(), bytecode::BRIDGED_TOKEN_CREATION_CODE),
    ];
    for (artifact, creation_code) in cases {
        assert_eq!(artifact.json["bytecode"].as_str().unwrap(), hex::encode_prefixed(creation_code));
    }
}

#[test]
fn artifacts_were_compiled_from_the_sources_beside_them() {
    let contracts = [Artifact::token(), Artifact::minter(), Artifact::escrow(), Artifact::bounty()];
    let others = [Artifact::exchange(), Artifact::staking(), Artifact::test_dollar(), Artifact::test_wallet()];
    for artifact in contracts.into_iter().chain(others).chain([Artifact::bridged_token()]) {
        let hashes = artifact.json["sourceHashes"].as_object().unwrap();
        assert!(!hashes.is_empty());
        for (source, expected) in hashes {
            let content = std::fs::read(test_support::package_folder().join(source)).unwrap();
            let actual = format!("sha256:{}", hex::encode(Sha256::digest(content)));
            assert_eq!(expected, &actual, "{source} changed: run `npm run compile` in contracts/");
        }
    }
}
