use alloy_primitives::{Address, B256, Log, LogData, U256, address, b256};
use revm::Inspector;
use revm::context_interface::{ContextTr, JournalTr as _};
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, CreateScheme};

/// Whose logs transfers of the chain's own coin seem to be, as execution-apis say it.
pub(crate) const TRANSFER_EMITTER: Address = address!("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");

/// `Transfer(address,address,uint256)`.
const TRANSFER_TOPIC: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// The logs of one call, and among them one for each transfer of the chain's own coin. What is reverted leaves none.
#[derive(Debug, Default)]
pub(crate) struct TransferLogs {
    logs: Vec<Log>,
    /// How many logs there were when each call that still runs began.
    began: Vec<usize>,
}

impl TransferLogs {
    /// The logs in their order.
    pub(crate) fn into_logs(self) -> Vec<Log> {
        self.logs
    }

    fn transfer(&mut self, from: Address, to: Address, value: U256) {
        if value.is_zero() {
            return;
        }
        let topics = vec![TRANSFER_TOPIC, from.into_word(), to.into_word()];
        let data = LogData::new_unchecked(topics, value.to_be_bytes_vec().into());
        self.logs.push(Log { address: TRANSFER_EMITTER, data });
    }

    fn end(&mut self, is_ok: bool) {
        let began = self.began.pop().unwrap_or_default();
        if !is_ok {
            self.logs.truncate(began);
        }
    }
}

impl<CTX: ContextTr> Inspector<CTX, EthInterpreter> for TransferLogs {
    fn call(&mut self, _: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.began.push(self.logs.len());
        if let Some(value) = inputs.transfer_value() {
            self.transfer(inputs.transfer_from(), inputs.transfer_to(), value);
        }
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, outcome: &mut CallOutcome) {
        self.end(outcome.instruction_result().is_ok());
    }

    fn create(&mut self, context: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.began.push(self.logs.len());
        let nonce = match inputs.scheme() {
            CreateScheme::Create => context.journal_mut().load_account(inputs.caller()).ok()?.data.info.nonce,
            CreateScheme::Create2 { .. } | CreateScheme::Custom { .. } => 0,
        };
        self.transfer(inputs.caller(), inputs.created_address(nonce), inputs.value());
        None
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.end(outcome.instruction_result().is_ok());
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        self.transfer(contract, target, value);
    }

    fn log(&mut self, _: &mut CTX, log: Log) {
        self.logs.push(log);
    }
}
