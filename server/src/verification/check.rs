//! One verification: compile, compare with the chain, keep.

use std::time::Duration;

use alloy_primitives::keccak256;
use contract_verifier::{Compiled, Interface, VerifyError, compare_creation, compare_runtime};
use shared::api::contracts::MatchKind;
use shared::{Address, Bytes};
use store::change::KeepVerifiedContract;
use store::record::contracts::VerifiedContract;

use super::{Inner, Request, SOURCES_MAX_BYTES, VerificationError};
use crate::clock;

/// How long the index may take to reach what was the head.
const INDEX_PATIENCE: Duration = Duration::from_secs(30);
const INDEX_POLL: Duration = Duration::from_millis(100);

impl Inner {
    pub(super) async fn check(&self, request: &Request) -> Result<MatchKind, VerificationError> {
        let compiled = self.compile(request).await?;
        let address = request.address;
        let deployed = self.code_at(address).await?;
        let match_kind = compare_runtime(&compiled.runtime, &deployed, address)?;
        let arguments = match self.creation_input(address).await? {
            Some(input) => {
                let creation = compare_creation(&compiled, &deployed, &input)?;
                creation.check_stated(&request.stated_arguments)?;
                Interface::parse(&compiled.abi)?.constructor_arguments(&creation.constructor_arguments)?;
                Some(Bytes::from(creation.constructor_arguments))
            }
            None => None,
        };
        let input = serde_json::to_string(&request.input).map_err(|error| VerifyError::NotJson(error.to_string()))?;
        let contract = VerifiedContract {
            address,
            code_hash: keccak256(&deployed),
            name: request.contract.name.clone(),
            source_file: compiled.file,
            compiler: request.compiler.to_string(),
            match_kind,
            input,
            abi: compiled.abi,
            constructor_arguments: arguments,
            verified_at: clock::now(),
        };
        let kept = self.store.write(KeepVerifiedContract { contract, bytes_max: SOURCES_MAX_BYTES }).await?;
        kept.map_or(Ok(match_kind), |refusal| Err(VerificationError::Refused(refusal)))
    }

    async fn compile(&self, request: &Request) -> Result<Compiled, VerificationError> {
        let compiler = self.compilers.find(&request.compiler)?;
        // Never closed.
        let _turn = self.turn.acquire().await.ok();
        let answer = compiler.compile(request.input.for_compiler(&request.contract)).await?;
        Ok(Compiled::read(&answer, &request.contract)?)
    }

    /// What the transaction ran that made the contract; `None` where a contract made it.
    async fn creation_input(&self, address: Address) -> Result<Option<Bytes>, VerificationError> {
        self.await_index().await?;
        let Some(made) = self.store.find_contract(address).await? else { return Ok(None) };
        let included = self.node.query(move |snapshot| Ok(snapshot.transaction(made.transaction_hash)?)).await?;
        let is_creation = |input: &Bytes| !input.is_empty();
        Ok(included
            .filter(|included| included.transaction.to().is_none())
            .map(|included| included.transaction.input().clone())
            .filter(is_creation))
    }

    /// The index knows who made a contract only once it has the contract's block.
    async fn await_index(&self) -> Result<(), VerificationError> {
        let head = self.node.query(|snapshot| Ok(snapshot.head().number)).await?;
        let reached = async {
            loop {
                let position = self.store.index_position().await?;
                if position.is_some_and(|position| position.height >= head) {
                    return Ok::<(), VerificationError>(());
                }
                tokio::time::sleep(INDEX_POLL).await;
            }
        };
        tokio::time::timeout(INDEX_PATIENCE, reached).await.map_err(|_| VerificationError::IndexBehind)?
    }
}
