//! An EVM in memory with the exchange's contracts.

use alloy_sol_types::SolCall;
use contracts::genesis::{exchange_creation_code, test_dollar_creation_code};
use contracts::{EXCHANGE_SETTLEMENT_ADDRESS, ExchangeParameters};
use revm::bytecode::Bytecode;
use revm::context::TxEnv;
use revm::context::result::ExecutionResult;
use revm::database::InMemoryDB;
use revm::primitives::hardfork::SpecId;
use revm::state::AccountInfo;
use revm::{Context, DatabaseCommit, ExecuteEvm, MainBuilder, MainContext};
use shared::{Address, Bytes, U256};

use crate::setup::{BASE, CHAIN_ID, NOW, QUOTE};

/// EIP-7825.
const TRANSACTION_GAS_CAP: u64 = 1 << 24;

#[derive(Clone)]
pub(crate) struct Evm(InMemoryDB);

impl Evm {
    /// Both assets and the exchange, each at its address.
    pub(crate) fn with_exchange(parameters: &ExchangeParameters) -> Self {
        let mut evm = Self(InMemoryDB::default());
        for (address, creation_code) in [
            (BASE, test_dollar_creation_code()),
            (QUOTE, test_dollar_creation_code()),
            (EXCHANGE_SETTLEMENT_ADDRESS, exchange_creation_code(parameters)),
        ] {
            evm.install(address, creation_code);
            let code = evm.transact(Address::ZERO, address, Bytes::new()).unwrap();
            evm.install(address, code);
        }
        evm
    }

    /// Sends a transaction; a refusal answers the data that it reverted with.
    pub(crate) fn send<C: SolCall>(&mut self, from: Address, to: Address, call: &C) -> Result<C::Return, Bytes> {
        let answer = self.transact(from, to, call.abi_encode().into())?;
        Ok(C::abi_decode_returns(&answer).unwrap())
    }

    pub(crate) fn read<C: SolCall>(&self, call: &C) -> C::Return {
        self.clone().send(Address::ZERO, EXCHANGE_SETTLEMENT_ADDRESS, call).unwrap()
    }

    fn install(&mut self, address: Address, code: Bytes) {
        let info = AccountInfo { nonce: 1, ..AccountInfo::from_bytecode(Bytecode::new_legacy(code)) };
        self.0.insert_account_info(address, info);
    }

    fn transact(&mut self, from: Address, to: Address, data: Bytes) -> Result<Bytes, Bytes> {
        let transaction = TxEnv::builder().caller(from).to(to).data(data);
        let transaction = transaction.gas_limit(TRANSACTION_GAS_CAP).gas_price(0).chain_id(Some(CHAIN_ID));
        let mut evm = Context::mainnet()
            .with_db(&mut self.0)
            .modify_cfg_chained(|cfg| {
                cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
                cfg.chain_id = CHAIN_ID;
                cfg.disable_nonce_check = true;
                cfg.disable_eip3607 = true;
            })
            .modify_block_chained(|block| {
                block.timestamp = U256::from(NOW.0);
                block.gas_limit = TRANSACTION_GAS_CAP;
                block.basefee = 0;
            })
            .build_mainnet();
        let outcome = evm.transact(transaction.build().unwrap()).unwrap();
        match outcome.result {
            ExecutionResult::Success { output, .. } => {
                self.0.commit(outcome.state);
                Ok(output.into_data())
            }
            ExecutionResult::Revert { output, .. } => Err(output),
            ExecutionResult::Halt { reason, .. } => panic!("the transaction halted: {reason:?}"),
        }
    }
}
