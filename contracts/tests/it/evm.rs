//! An EVM in memory that starts as a chain does: constructors run at the contracts' final addresses.

use alloy_primitives::{Address, Bytes, Log, TxKind, U256};
use alloy_sol_types::{SolCall, SolError, SolEvent, SolInterface};
use contracts::{
    AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, AIToken, AITokenMinter, Deployment, ExchangeSettlement,
    GenesisParameters, JOB_ESCROW_ADDRESS, JobEscrow, MODEL_BOUNTY_ADDRESS, ModelBounty, STAKING_ADDRESS, Staking,
};
use revm::bytecode::Bytecode;
use revm::context::TxEnv;
use revm::context::result::{ExecutionResult, ResultAndState};
use revm::database::InMemoryDB;
use revm::primitives::hardfork::SpecId;
use revm::state::AccountInfo;
use revm::{Context, DatabaseCommit, ExecuteEvm, MainBuilder, MainContext};

/// 2026-01-01T00:00:00Z.
pub(crate) const GENESIS_UNIX: u64 = 1_767_225_600;
pub(crate) const DEV_CHAIN_ID: u64 = 24_822;
/// EIP-7825.
const TRANSACTION_GAS_CAP: u64 = 1 << 24;

pub(crate) type MinterError = AITokenMinter::AITokenMinterErrors;
pub(crate) type EscrowError = JobEscrow::JobEscrowErrors;
pub(crate) type StakingError = Staking::StakingErrors;
pub(crate) type BountyError = ModelBounty::ModelBountyErrors;
pub(crate) type ExchangeError = ExchangeSettlement::ExchangeSettlementErrors;

#[derive(Clone)]
pub(crate) struct Evm {
    database: InMemoryDB,
    pub(crate) chain_id: u64,
    pub(crate) now_unix: u64,
    /// Of the block in which transactions run.
    pub(crate) height: u64,
}

/// A transaction that succeeded.
#[derive(Debug)]
pub(crate) struct Mined<T> {
    pub(crate) value: T,
    pub(crate) gas: u64,
    pub(crate) logs: Vec<Log>,
}

/// Data of a transaction that reverted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reverted(pub(crate) Bytes);

impl Reverted {
    pub(crate) fn minter(&self) -> MinterError {
        MinterError::abi_decode(&self.0).unwrap_or_else(|error| panic!("no error of the minter in {}: {error}", self.0))
    }

    pub(crate) fn escrow(&self) -> EscrowError {
        EscrowError::abi_decode(&self.0).unwrap_or_else(|error| panic!("no error of the escrow in {}: {error}", self.0))
    }

    pub(crate) fn staking(&self) -> StakingError {
        StakingError::abi_decode(&self.0).unwrap_or_else(|error| panic!("no error of staking in {}: {error}", self.0))
    }

    pub(crate) fn bounty(&self) -> BountyError {
        BountyError::abi_decode(&self.0).unwrap_or_else(|error| panic!("no error of a bounty in {}: {error}", self.0))
    }

    pub(crate) fn exchange(&self) -> ExchangeError {
        ExchangeError::abi_decode(&self.0)
            .unwrap_or_else(|error| panic!("no error of the exchange in {}: {error}", self.0))
    }
}

impl<E: SolError> From<E> for Reverted {
    fn from(error: E) -> Self {
        Self(error.abi_encode().into())
    }
}

impl Evm {
    pub(crate) fn empty(chain_id: u64) -> Self {
        Self { database: InMemoryDB::default(), chain_id, now_unix: GENESIS_UNIX, height: 1 }
    }

    /// Gas that a call takes, also one that is refused.
    pub(crate) fn gas_spent<C: SolCall>(&self, from: Address, to: Address, call: &C) -> u64 {
        self.clone().execute(from, to.into(), call.abi_encode().into()).result.tx_gas_used()
    }

    pub(crate) fn with_genesis(parameters: &GenesisParameters) -> Self {
        let mut evm = Self::empty(DEV_CHAIN_ID);
        for deployment in contracts::genesis_deployments(parameters) {
            evm.construct(&deployment).unwrap();
        }
        evm
    }

    /// Runs creation code as the code of its own final address; what it returns becomes the code.
    pub(crate) fn construct(&mut self, deployment: &Deployment) -> Result<(), Reverted> {
        self.install(deployment.address, deployment.creation_code.clone());
        let code = self.transact(Address::ZERO, deployment.address.into(), Bytes::new())?.value;
        self.install(deployment.address, code);
        Ok(())
    }

    /// Deploys by an ordinary transaction, as on a chain without our genesis; answers the code that was installed.
    pub(crate) fn create(&mut self, from: Address, creation_code: Bytes) -> Result<Bytes, Reverted> {
        self.transact(from, TxKind::Create, creation_code).map(|mined| mined.value)
    }

    /// Sends a transaction and keeps its effects.
    pub(crate) fn send<C: SolCall>(
        &mut self,
        from: Address,
        to: Address,
        call: &C,
    ) -> Result<Mined<C::Return>, Reverted> {
        let Mined { value, gas, logs } = self.transact(from, to.into(), call.abi_encode().into())?;
        let value = C::abi_decode_returns(&value).unwrap();
        Ok(Mined { value, gas, logs })
    }

    /// Sends calldata and keeps its effects; answers the returned data.
    pub(crate) fn send_raw(&mut self, from: Address, to: Address, data: Bytes) -> Result<Bytes, Reverted> {
        self.transact(from, to.into(), data).map(|mined| mined.value)
    }

    pub(crate) fn send_minter<C: SolCall>(&mut self, from: Address, call: &C) -> Result<Mined<C::Return>, Reverted> {
        self.send(from, AI_TOKEN_MINTER_ADDRESS, call)
    }

    pub(crate) fn send_token<C: SolCall>(&mut self, from: Address, call: &C) -> Result<Mined<C::Return>, Reverted> {
        self.send(from, AI_TOKEN_ADDRESS, call)
    }

    pub(crate) fn send_escrow<C: SolCall>(&mut self, from: Address, call: &C) -> Result<Mined<C::Return>, Reverted> {
        self.send(from, JOB_ESCROW_ADDRESS, call)
    }

    pub(crate) fn send_staking<C: SolCall>(&mut self, from: Address, call: &C) -> Result<Mined<C::Return>, Reverted> {
        self.send(from, STAKING_ADDRESS, call)
    }

    pub(crate) fn send_bounty<C: SolCall>(&mut self, from: Address, call: &C) -> Result<Mined<C::Return>, Reverted> {
        self.send(from, MODEL_BOUNTY_ADDRESS, call)
    }

    pub(crate) fn read_bounty<C: SolCall>(&self, call: &C) -> C::Return {
        self.clone().send_bounty(Address::ZERO, call).unwrap().value
    }

    pub(crate) fn read_staking<C: SolCall>(&self, call: &C) -> C::Return {
        self.clone().send_staking(Address::ZERO, call).unwrap().value
    }

    pub(crate) fn read_escrow<C: SolCall>(&self, call: &C) -> C::Return {
        self.clone().send_escrow(Address::ZERO, call).unwrap().value
    }

    pub(crate) fn read_minter<C: SolCall>(&self, call: &C) -> C::Return {
        self.clone().send_minter(Address::ZERO, call).unwrap().value
    }

    pub(crate) fn read_token<C: SolCall>(&self, call: &C) -> C::Return {
        self.clone().send_token(Address::ZERO, call).unwrap().value
    }

    /// What the minter holds for `provider`.
    pub(crate) fn held(&self, provider: Address) -> U256 {
        self.read_minter(&AITokenMinter::heldOfCall { provider })
    }

    pub(crate) fn supply(&self) -> U256 {
        self.read_token(&AIToken::totalSupplyCall {})
    }

    pub(crate) fn balance(&self, account: Address) -> U256 {
        self.read_token(&AIToken::balanceOfCall { account })
    }

    fn install(&mut self, address: Address, code: Bytes) {
        let info = AccountInfo { nonce: 1, ..AccountInfo::from_bytecode(Bytecode::new_legacy(code)) };
        self.database.insert_account_info(address, info);
    }

    fn execute(&mut self, from: Address, to: TxKind, data: Bytes) -> ResultAndState {
        let transaction = TxEnv::builder()
            .caller(from)
            .kind(to)
            .data(data)
            .gas_limit(TRANSACTION_GAS_CAP)
            .gas_price(0)
            .chain_id(Some(self.chain_id))
            .build()
            .unwrap();
        let mut evm = Context::mainnet()
            .with_db(&mut self.database)
            .modify_cfg_chained(|cfg| {
                cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
                cfg.chain_id = self.chain_id;
                cfg.disable_nonce_check = true;
                cfg.disable_eip3607 = true;
            })
            .modify_block_chained(|block| {
                block.number = U256::from(self.height);
                block.timestamp = U256::from(self.now_unix);
                block.gas_limit = TRANSACTION_GAS_CAP;
                block.basefee = 0;
            })
            .build_mainnet();
        evm.transact(transaction).unwrap()
    }

    fn transact(&mut self, from: Address, to: TxKind, data: Bytes) -> Result<Mined<Bytes>, Reverted> {
        let outcome = self.execute(from, to, data);
        match outcome.result {
            ExecutionResult::Success { gas, logs, output, .. } => {
                self.database.commit(outcome.state);
                Ok(Mined { value: output.into_data(), gas: gas.tx_gas_used(), logs })
            }
            ExecutionResult::Revert { output, .. } => Err(Reverted(output)),
            ExecutionResult::Halt { reason, .. } => panic!("the transaction halted: {reason:?}"),
        }
    }
}

/// Events of type `E` that `contract` emitted.
pub(crate) fn events<E: SolEvent>(logs: &[Log], contract: Address) -> Vec<E> {
    let of_contract = logs.iter().filter(|log| log.address == contract);
    of_contract.filter_map(|log| E::decode_log(log).ok()).map(|log| log.data).collect()
}
