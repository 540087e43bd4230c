//! Which sources a contract was compiled from. Anybody may send sources; a compiler of the operator's compiles them, and they
//! are kept where the result is the chain's code.
//!
//! One compiler runs at a time, confined as `compiler` says. What waits is bounded for everybody and for one network address.

mod check;
mod compiler;
mod genesis;
mod sandbox;
mod states;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::keccak256;
use contract_verifier::{CompilerInput, CompilerVersion, ContractName, Interface, VerifyError};
use node::chain::Snapshot;
use node::{NodeError, NodeHandle};
use shared::api::contracts::MatchKind;
use shared::time::UnixMillis;
use shared::{Address, Bytes};
use store::record::contracts::VerifiedAbi;
use store::{Refusal, Store, StoreError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::compiler::{CompilerError, Compilers};
use self::states::States;
pub(crate) use self::states::{State, VerificationId};
use crate::shares::{Share, Shares};

/// Verifications that wait or run, of everybody and of one network address.
const WAITING_MAX: usize = 16;
const WAITING_OF_ADDRESS_MAX: usize = 3;

/// Contracts whose ABI is read at once, and the longest ABI that is read so.
const INTERFACES_MAX: usize = 20;
const INTERFACE_MAX_BYTES: usize = 256 << 10;

/// What all kept sources take together.
const SOURCES_MAX_BYTES: u64 = 1 << 30;

/// Why a contract is not verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerificationError {
    #[error("this server compiles no sources: its operator named no compiler with --solc")]
    NoCompiler,
    #[error("this server has no compiler {wanted}; it has {installed}")]
    OtherCompiler { wanted: CompilerVersion, installed: String },
    #[error("Unable to locate ContractCode at {0}")]
    NoCode(Address),
    #[error(
        "{WAITING_MAX} verifications may wait, {WAITING_OF_ADDRESS_MAX} of them of one network address: try again when one \
         is over"
    )]
    TooMany,
    #[error("the index of the chain has not reached the newest block yet: try again later")]
    IndexBehind,
    #[error("{0}")]
    Refused(Refusal),
    #[error(transparent)]
    Sources(#[from] VerifyError),
    #[error(transparent)]
    Compiler(#[from] CompilerError),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl VerificationError {
    /// What a stranger is told; a fault of the server itself is for its log.
    fn told(&self) -> String {
        match self {
            Self::Node(error) if error.is_callers_fault() => error.to_string(),
            Self::Node(_) | Self::Store(_) => {
                tracing::error!(error = %self, "a contract could not be verified");
                "the server could not answer; try again later".to_owned()
            }
            other => other.to_string(),
        }
    }
}

/// Sources that somebody says a contract was compiled from.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) address: Address,
    pub(crate) contract: ContractName,
    pub(crate) input: CompilerInput,
    pub(crate) compiler: CompilerVersion,
    /// Hex; empty where the caller does not say.
    pub(crate) stated_arguments: String,
}

/// Sources that a contract was compiled from.
#[derive(Debug, Clone)]
pub(crate) struct KnownSources {
    pub(crate) address: Address,
    pub(crate) name: String,
    pub(crate) source_file: String,
    /// Number and commit.
    pub(crate) compiler: String,
    pub(crate) match_kind: MatchKind,
    pub(crate) input: CompilerInput,
    /// JSON.
    pub(crate) abi: String,
    /// Where the transaction is known that made the contract.
    pub(crate) constructor_arguments: Option<Bytes>,
    pub(crate) verified_at: Option<UnixMillis>,
}

/// Takes verifications, and knows what they showed.
#[derive(Clone)]
pub(crate) struct Verifications(Arc<Inner>);

struct Inner {
    store: Store,
    node: NodeHandle,
    compilers: Compilers,
    places: Arc<Shares>,
    /// One compiler at a time.
    turn: Semaphore,
    states: Mutex<States>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Verifications {
    pub(crate) fn new(
        store: Store,
        node: NodeHandle,
        compilers: Compilers,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            node,
            compilers,
            places: Shares::new(WAITING_MAX, WAITING_OF_ADDRESS_MAX),
            turn: Semaphore::new(1),
            states: Mutex::default(),
            tasks,
            stop,
        }))
    }

    /// Takes a verification, which goes on after this returns.
    ///
    /// # Errors
    /// What can be said before anything is compiled.
    pub(crate) async fn submit(&self, request: Request, of: &str) -> Result<VerificationId, VerificationError> {
        let inner = &self.0;
        inner.compilers.find(&request.compiler)?;
        if inner.code_at(request.address).await?.is_empty() {
            return Err(VerificationError::NoCode(request.address));
        }
        let known = self.find(request.address).await?;
        if known.is_some_and(|known| known.match_kind != MatchKind::Partial) {
            return Err(VerificationError::Refused(Refusal::ContractVerified));
        }
        let place = inner.places.take(Some(of), 1).ok_or(VerificationError::TooMany)?;
        let id = VerificationId::random();
        inner.set(id, State::Pending);
        let (task, stop) = (Arc::clone(inner), inner.stop.clone());
        inner.tasks.spawn(async move {
            tokio::select! {
                () = task.verify(id, &request, place) => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(id)
    }

    /// Whether anything can be compiled here.
    pub(crate) fn compiles(&self) -> bool {
        !self.0.compilers.is_empty()
    }

    /// How far a verification is. Old ones are forgotten.
    pub(crate) fn state(&self, id: VerificationId) -> Option<State> {
        self.0.states.lock().unwrap_or_else(PoisonError::into_inner).get(id)
    }

    /// The sources of a contract, where they are known to be those of the code that it has now.
    pub(crate) async fn find(&self, address: Address) -> Result<Option<KnownSources>, VerificationError> {
        let inner = &self.0;
        let code = inner.code_at(address).await?;
        if code.is_empty() {
            return Ok(None);
        }
        if let Some(artifact) = contracts::sources::artifact_json(address) {
            return Ok(genesis::known(address, artifact, &code)?);
        }
        let kept = inner.store.find_verified_contract(address).await?;
        let Some(kept) = kept.filter(|kept| kept.code_hash == keccak256(&code)) else { return Ok(None) };
        let input = serde_json::from_str(&kept.input).map_err(|error| VerifyError::Output(error.to_string()))?;
        Ok(Some(KnownSources {
            address,
            name: kept.name,
            source_file: kept.source_file,
            compiler: kept.compiler,
            match_kind: kept.match_kind,
            input,
            abi: kept.abi,
            constructor_arguments: kept.constructor_arguments,
            verified_at: Some(kept.verified_at),
        }))
    }

    /// How these contracts are called and what they announce, where their sources are known to be those of the code that they
    /// have now. Contracts of block 0 are none of them, and of many addresses the first [`INTERFACES_MAX`] count.
    pub(crate) async fn interfaces(&self, of: &[Address]) -> Result<BTreeMap<Address, Interface>, VerificationError> {
        let mut kept = self.0.store.list_verified_abis(of.get(..INTERFACES_MAX).unwrap_or(of)).await?;
        kept.retain(|kept| kept.abi.len() <= INTERFACE_MAX_BYTES);
        if kept.is_empty() {
            return Ok(BTreeMap::new());
        }
        Ok(self.0.node.query(move |snapshot| interfaces_of_code(snapshot, &kept)).await?)
    }
}

/// The ABIs that are for the code which the chain has now.
fn interfaces_of_code(snapshot: &Snapshot, kept: &[VerifiedAbi]) -> Result<BTreeMap<Address, Interface>, NodeError> {
    let state = snapshot.state_at(snapshot.head().number)?;
    let mut found = BTreeMap::new();
    for kept in kept {
        let is_its_code = state.account(kept.address)?.is_some_and(|account| account.code_hash == kept.code_hash);
        if let Some(interface) = is_its_code.then(|| Interface::parse(&kept.abi).ok()).flatten() {
            found.insert(kept.address, interface);
        }
    }
    Ok(found)
}

impl Inner {
    async fn verify(&self, id: VerificationId, request: &Request, place: Share) {
        let outcome = self.check(request).await;
        drop(place);
        self.set(
            id,
            match outcome {
                Ok(kind) => State::Verified(kind),
                Err(error) => State::Failed(error.told()),
            },
        );
    }

    fn set(&self, id: VerificationId, state: State) {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).set(id, state);
    }

    /// The code that an account has at the head.
    async fn code_at(&self, address: Address) -> Result<Bytes, NodeError> {
        self.node.query(move |snapshot| Ok(snapshot.state_at(snapshot.head().number)?.code_at(address)?)).await
    }
}
