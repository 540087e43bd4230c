use alloy_primitives::{Address, B256, Bytes, U256};
use finality::{ValidatorSet, validators_hash};
use revm::bytecode::Bytecode;
use revm::context::result::{ExecutionResult, Output};
use revm::database::{CacheDB, EmptyDB};
use revm::state::AccountInfo;
use revm::{Context, MainBuilder as _, MainContext as _, SystemCallCommitEvm as _, SystemCallEvm as _};
use shared::chain::STAKING_ADDRESS;

use crate::application::ExecutedBlock;
use crate::block::{Block, HeaderSeed, assemble_header};
use crate::commitment::commit_to;
use crate::error::ChainError;
use crate::executor::BlockContext;
use crate::rules::{DEFAULT_BLOCK_GAS_LIMIT, MAX_CODE_BYTES};
use crate::state::{StateChanges, account_state};
use crate::trie::NodeSource;
use crate::validators;

/// When the development network began: 2026-01-01T00:00:00Z, in unix seconds.
pub const DEV_GENESIS_UNIX_S: u64 = 1_767_225_600;

/// The `miner` of block 0, which nobody proposed.
const NOBODY: Address = Address::ZERO;

/// A contract that exists from block 0 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisContract {
    /// Where it lives.
    pub address: Address,
    /// Creation code followed by the ABI-encoded constructor arguments.
    pub init_code: Bytes,
}

/// What block 0 is made of. The same values give the same block hash on every machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Time of block 0, in unix seconds.
    pub timestamp_unix_s: u64,
    /// Gas all transactions of a block may use together.
    pub block_gas_limit: u64,
    /// Who decides the first block, and all others unless a contract at [`STAKING_ADDRESS`] says
    /// more. The genesis hash commits to them.
    pub validators: ValidatorSet,
    /// Contracts, constructed in this order.
    pub contracts: Vec<GenesisContract>,
}

impl Genesis {
    /// A development network: dev chain id, a fixed time, and the usual gas limit.
    #[must_use]
    pub fn development(validators: ValidatorSet, contracts: Vec<GenesisContract>) -> Self {
        Self {
            chain_id: shared::chain::DEV_CHAIN_ID,
            timestamp_unix_s: DEV_GENESIS_UNIX_S,
            block_gas_limit: DEFAULT_BLOCK_GAS_LIMIT,
            validators,
            contracts,
        }
    }

    /// Hash of block 0, which names the chain.
    ///
    /// # Errors
    /// [`ChainError::GenesisConstructor`] if a contract cannot be constructed.
    pub fn block_hash(&self) -> Result<B256, ChainError> {
        Ok(self.build()?.hash())
    }

    /// Runs the constructors and makes block 0. No account holds anything, and nothing calls a contract but its own
    /// constructor, so a token whose constructor mints nothing has supply 0.
    pub(crate) fn build(&self) -> Result<ExecutedBlock, ChainError> {
        self.block_over(changes_of(&self.construct()?))
    }

    /// The same, where a contract of the validators names those of genesis: else the first change would be one that nobody made.
    pub(crate) fn build_checked(&self) -> Result<ExecutedBlock, ChainError> {
        let mut database = self.construct()?;
        self.check_validators(&mut database)?;
        self.block_over(changes_of(&database))
    }

    fn block_over(&self, changes: StateChanges) -> Result<ExecutedBlock, ChainError> {
        let commitment = commit_to(None, &NoNodes, &changes)?;
        let seed = HeaderSeed {
            parent_hash: B256::ZERO,
            number: 0,
            timestamp_unix_s: self.timestamp_unix_s,
            beneficiary: NOBODY,
            gas_limit: self.block_gas_limit,
        };
        let next_validators = validators_hash(self.chain_id, &self.validators);
        let header = assemble_header(seed, next_validators, commitment.state_root, &[], &[]);
        Ok(ExecutedBlock {
            block: Block { header, transactions: Vec::new() },
            receipts: Vec::new(),
            changes,
            commitment,
            next_validators: Some(self.validators.clone()),
        })
    }

    /// The state after all constructors. A constructor runs as a system call to the contract's own address, whose
    /// code is at that moment the init code; so `address(this)` is the final address and immutables are right. What
    /// it returns becomes the code. Inside a constructor `msg.sender` is the system address `0xff…fe`, which has no
    /// key.
    fn construct(&self) -> Result<CacheDB<EmptyDB>, ChainError> {
        let context = self.context();
        let mut database = CacheDB::new(EmptyDB::new());
        for contract in &self.contracts {
            let code = construct_one(&mut database, context, contract)?;
            install_code(&mut database, contract.address, code);
        }
        Ok(database)
    }

    fn context(&self) -> BlockContext {
        BlockContext {
            chain_id: self.chain_id,
            number: 0,
            timestamp_unix_s: self.timestamp_unix_s,
            beneficiary: NOBODY,
            gas_limit: self.block_gas_limit,
        }
    }

    fn check_validators(&self, database: &mut CacheDB<EmptyDB>) -> Result<(), ChainError> {
        if self.contracts.iter().all(|contract| contract.address != STAKING_ADDRESS) {
            return Ok(());
        }
        let failed = |reason: String| ChainError::GenesisConstructor { address: STAKING_ADDRESS, reason };
        let mut evm = Context::mainnet()
            .with_db(database)
            .with_block(self.context().to_block_env())
            .with_cfg(self.context().to_cfg_env())
            .build_mainnet();
        let asked = evm.system_call(STAKING_ADDRESS, validators::question());
        let named = validators::answer(&asked.map_err(|error| failed(error.to_string()))?.result);
        if named.as_ref() == Some(&self.validators) {
            return Ok(());
        }
        let list = |set: &ValidatorSet| set.iter().map(|member| member.to_string()).collect::<Vec<_>>().join(", ");
        let (named, given) = (named.as_ref().map(list).unwrap_or_default(), list(&self.validators));
        Err(failed(format!("it names the validators [{named}], genesis names [{given}]")))
    }
}

fn construct_one(
    database: &mut CacheDB<EmptyDB>,
    context: BlockContext,
    contract: &GenesisContract,
) -> Result<Bytes, ChainError> {
    let failed = |reason: String| ChainError::GenesisConstructor { address: contract.address, reason };
    install_code(database, contract.address, contract.init_code.clone());
    let mut evm = Context::mainnet()
        .with_db(database)
        .with_block(context.to_block_env())
        .with_cfg(context.to_cfg_env())
        .build_mainnet();
    let result = evm.system_call_commit(contract.address, Bytes::new()).map_err(|error| failed(error.to_string()))?;
    match result {
        ExecutionResult::Success { output: Output::Call(code), .. } if code.is_empty() => {
            Err(failed("it returned no code".to_owned()))
        }
        ExecutionResult::Success { output: Output::Call(code), .. } if code.len() > MAX_CODE_BYTES => {
            Err(failed(format!("its code has {} bytes, the limit is {MAX_CODE_BYTES}", code.len())))
        }
        ExecutionResult::Success { output: Output::Call(code), .. } => Ok(code),
        other => Err(failed(format!("{other:?}"))),
    }
}

/// Sets the code of an account and keeps what else it has; a contract's nonce starts at 1 (EIP-161).
fn install_code(database: &mut CacheDB<EmptyDB>, address: Address, code: Bytes) {
    let nonce = database.cache.accounts.get(&address).map_or(1, |account| account.info.nonce.max(1));
    let info = AccountInfo { nonce, ..AccountInfo::from_bytecode(Bytecode::new_legacy(code)) };
    database.insert_account_info(address, info);
}

/// What the constructors left, without accounts that are empty or were only looked at.
fn changes_of(database: &CacheDB<EmptyDB>) -> StateChanges {
    let mut changes = StateChanges::default();
    for (address, account) in &database.cache.accounts {
        if account.info.is_empty() {
            continue;
        }
        let state = account_state(&account.info);
        if state.has_code()
            && let Some(code) = database.cache.contracts.get(&state.code_hash)
        {
            changes.codes.insert(state.code_hash, code.original_bytes());
        }
        changes.accounts.insert(*address, Some(state));
        let slots: std::collections::BTreeMap<U256, U256> =
            account.storage.iter().filter(|(_, value)| !value.is_zero()).map(|(slot, value)| (*slot, *value)).collect();
        if !slots.is_empty() {
            changes.storage.insert(*address, slots);
        }
    }
    changes
}

struct NoNodes;

impl NodeSource for NoNodes {
    fn node(&self, _key: &[u8]) -> Result<Option<Vec<u8>>, ChainError> {
        Ok(None)
    }
}
