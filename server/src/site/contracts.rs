//! Contracts whose sources are known, for the pages: their files, and calls by their ABI.

use async_trait::async_trait;
use contract_verifier::{Interface, VerifyError};
use frontend::backend::{Answer, BackendError, ContractBackend};
use node::chain::{Call, ChainError, revert_reason};
use node::{Lane, NodeError};
use serde_json::Value;
use shared::api::contracts::{ContractView, ReadAnswer, SourceFile};
use shared::{Address, Bytes};

use super::backend::{SiteBackend, unavailable};
use crate::verification::{KnownSources, VerificationError};

/// Gas of a call that a page makes. What needs more can be asked of `/rpc`.
const READ_GAS: u64 = 10_000_000;

/// Characters of what a contract says why a call failed.
const REASON_MAX_CHARS: usize = 2_000;

/// Bytes of an answer that are shown where it cannot be taken apart.
const UNDECODED_MAX_BYTES: usize = 4_096;

#[async_trait]
impl ContractBackend for SiteBackend {
    fn compiles_sources(&self) -> bool {
        self.verifications.compiles()
    }

    async fn contract(&self, address: Address) -> Answer<Option<ContractView>> {
        let known = self.verifications.find(address).await.map_err(from_verification)?;
        known.map(view).transpose().map_err(|error| unavailable(&error))
    }

    async fn read_contract(&self, address: Address, function: &str, values: &[String]) -> Answer<ReadAnswer> {
        let interface = self.interface(address).await?;
        let data = match interface.encode(function, values, true) {
            Ok(data) => data,
            Err(error) => return Ok(ReadAnswer::Failed(error.to_string())),
        };
        let call = Call { to: Some(address), gas: Some(READ_GAS), data, ..Call::default() };
        Ok(match self.node.clone().in_lane(Lane::Stranger).call(call).await {
            Ok(outcome) => match interface.decode_output(function, &outcome.output) {
                Some(values) => ReadAnswer::Values(values),
                None => ReadAnswer::Undecoded(outcome.output.slice(..outcome.output.len().min(UNDECODED_MAX_BYTES))),
            },
            Err(NodeError::Chain(ChainError::Reverted { output, .. })) => {
                ReadAnswer::Failed(revert(&interface, &output))
            }
            Err(error) if error.is_callers_fault() || error.is_retryable() => ReadAnswer::Failed(error.to_string()),
            Err(error) => return Err(unavailable(&error)),
        })
    }

    async fn encode_call(&self, address: Address, function: &str, values: &[String]) -> Answer<Result<Bytes, String>> {
        let interface = self.interface(address).await?;
        Ok(interface.encode(function, values, false).map_err(|error| error.to_string()))
    }
}

impl SiteBackend {
    async fn interface(&self, address: Address) -> Answer<Interface> {
        let known = self.verifications.find(address).await.map_err(from_verification)?;
        let known = known.ok_or(BackendError::NotFound)?;
        Interface::parse(&known.abi).map_err(|error| unavailable(&error))
    }
}

/// Why a call failed: the contract's error by name, its reason, or the bytes it gave.
fn revert(interface: &Interface, output: &[u8]) -> String {
    let named = interface.decode_error(output).or_else(|| revert_reason(output));
    let told = named.unwrap_or_else(|| Bytes::copy_from_slice(output).to_string());
    told.chars().take(REASON_MAX_CHARS).collect()
}

fn from_verification(error: VerificationError) -> BackendError {
    unavailable(&error)
}

fn view(known: KnownSources) -> Result<ContractView, VerifyError> {
    let interface = Interface::parse(&known.abi)?;
    let arguments = known.constructor_arguments.as_ref();
    let constructor_arguments = arguments.map(|bytes| interface.constructor_arguments(bytes)).transpose()?;
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    Ok(ContractView {
        address: known.address,
        name: known.name,
        match_kind: known.match_kind,
        compiler_version: known.compiler,
        settings: pretty(&Value::Object(known.input.settings)),
        files: known.input.sources.into_iter().map(|(path, text)| SourceFile { path, text }).collect(),
        abi: known.abi.parse::<Value>().map_or(known.abi, |abi| pretty(&abi)),
        creation_compared: arguments.is_some(),
        constructor_arguments,
        verified_at: known.verified_at,
        functions: interface.functions(),
    })
}
