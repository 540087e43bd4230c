use std::path::Path;

use alloy_primitives::{B256, Bytes};
use node::chain::{Genesis, GenesisContract, Validator, ValidatorSet};
use serde::{Deserialize, Serialize};
use shared::Address;

use super::{NetworkFileError, read, write_new};

/// What block 0 is made of, in the folder of each node.
pub(crate) const GENESIS_FILE: &str = "genesis.json";

/// Block 0, as the nodes of a chain share it. Whatever is decided at its beginning stands in its contracts' code, so that
/// the hash of block 0 covers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedGenesis {
    pub(crate) genesis: Genesis,
}

/// The file. It holds the contracts' code, so that programs of different versions make the same block 0.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GenesisForm {
    chain_id: u64,
    timestamp_unix_s: u64,
    block_gas_limit: u64,
    validators: Vec<ValidatorForm>,
    contracts: Vec<ContractForm>,
    /// Hash of block 0, which the values above give.
    hash: B256,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidatorForm {
    address: Address,
    voting_power: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContractForm {
    address: Address,
    init_code: Bytes,
}

impl SharedGenesis {
    /// Reads the file and checks that its values give the hash that it states; `None` where there is no such file.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, NetworkFileError> {
        let Some(text) = read(path)? else { return Ok(None) };
        let form = |reason: String| NetworkFileError::Form { path: path.to_owned(), reason };
        let file: GenesisForm = serde_json::from_str(&text).map_err(|error| form(error.to_string()))?;
        let stated = file.hash;
        let shared = Self::of(file).map_err(form)?;
        let computed = shared.genesis.block_hash().map_err(|error| form(error.to_string()))?;
        if computed != stated {
            return Err(NetworkFileError::OtherHash { path: path.to_owned(), stated, computed });
        }
        Ok(Some(shared))
    }

    fn of(file: GenesisForm) -> Result<Self, String> {
        let validators = file
            .validators
            .into_iter()
            .map(|validator| Validator { address: validator.address, voting_power: validator.voting_power });
        let contracts = file
            .contracts
            .into_iter()
            .map(|contract| GenesisContract { address: contract.address, init_code: contract.init_code });
        let genesis = Genesis {
            chain_id: file.chain_id,
            timestamp_unix_s: file.timestamp_unix_s,
            block_gas_limit: file.block_gas_limit,
            validators: ValidatorSet::new(validators).map_err(|error| error.to_string())?,
            contracts: contracts.collect(),
        };
        Ok(Self { genesis })
    }

    /// Writes the file, where there is none.
    pub(crate) fn write_new(&self, path: &Path) -> Result<(), NetworkFileError> {
        let form = |reason: String| NetworkFileError::Form { path: path.to_owned(), reason };
        let Genesis { chain_id, timestamp_unix_s, block_gas_limit, validators, contracts } = &self.genesis;
        let validators = validators
            .iter()
            .map(|validator| ValidatorForm { address: validator.address, voting_power: validator.voting_power });
        let contracts = contracts
            .iter()
            .map(|contract| ContractForm { address: contract.address, init_code: contract.init_code.clone() });
        let file = GenesisForm {
            chain_id: *chain_id,
            timestamp_unix_s: *timestamp_unix_s,
            block_gas_limit: *block_gas_limit,
            validators: validators.collect(),
            contracts: contracts.collect(),
            hash: self.genesis.block_hash().map_err(|error| form(error.to_string()))?,
        };
        let text = serde_json::to_string_pretty(&file).map_err(|error| form(error.to_string()))?;
        write_new(path, &(text + "\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{GenesisTerms, new_genesis};

    fn shared_genesis() -> SharedGenesis {
        let terms = GenesisTerms {
            admin: Address::repeat_byte(1),
            attesters: vec![Address::repeat_byte(2)],
            hold_seconds: 7,
            unbonding_seconds: 60,
        };
        let members =
            [3, 4].map(|byte| Validator { address: Address::repeat_byte(byte), voting_power: u64::from(byte) });
        new_genesis(5, ValidatorSet::new(members).unwrap(), &terms)
    }

    #[test]
    fn what_was_written_is_read_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(GENESIS_FILE);
        assert_eq!(SharedGenesis::read(&path).unwrap(), None);
        let written = shared_genesis();
        written.write_new(&path).unwrap();
        assert_eq!(SharedGenesis::read(&path).unwrap().unwrap(), written);
        assert!(written.write_new(&path).is_err());
    }

    #[test]
    fn a_changed_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(GENESIS_FILE);
        shared_genesis().write_new(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = [
            (r#""voting_power": 3"#, r#""voting_power": 5"#),
            (r#""chain_id": "#, r#""chain_id": 1"#),
            ("\"timestamp_unix_s\": 1", "\"timestamp_unix_s\": 2"),
        ];
        for (from, to) in changed {
            assert!(text.contains(from), "{from}");
            std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
            assert!(matches!(SharedGenesis::read(&path), Err(NetworkFileError::OtherHash { .. })), "{to}");
        }
        // What the hash of block 0 does not cover is no part of the file.
        let unhashed = text.replacen("\"contracts\"", "\"attesters\": [],\n  \"contracts\"", 1);
        for broken in
            ["", "{}", "[]", &unhashed, &text.replacen("0x0303", "0x03", 1), &text.replacen("hash", "more", 1)]
        {
            std::fs::write(&path, broken).unwrap();
            assert!(matches!(SharedGenesis::read(&path), Err(NetworkFileError::Form { .. })), "{broken:.40}");
        }
    }
}
