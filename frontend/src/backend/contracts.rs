//! What pages ask about contracts whose sources are known.

use async_trait::async_trait;
use shared::api::contracts::{ContractView, ReadAnswer};
use shared::{Address, Bytes};

use super::Answer;

/// Sources of contracts, and calls by their ABI.
#[async_trait]
pub trait ContractBackend: Send + Sync + 'static {
    /// Whether this server compiles sources that are sent to it.
    fn compiles_sources(&self) -> bool;
    /// `None` where no sources are known for the code at the address.
    async fn contract(&self, address: Address) -> Answer<Option<ContractView>>;
    /// Calls a function that only reads, by its signature, with a text for each of its values.
    async fn read_contract(&self, address: Address, function: &str, values: &[String]) -> Answer<ReadAnswer>;
    /// What a wallet sends to call a function that changes something; or why the values do not fit it.
    async fn encode_call(&self, address: Address, function: &str, values: &[String]) -> Answer<Result<Bytes, String>>;
}
