//! Bounds of what runs for somebody and leaves no trace: time, and what a record of it takes.

use revm::Inspector;
use revm::bytecode::opcode;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::{Jumps as _, ReturnData as _};
use revm::interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, InstructionResult, Interpreter};

use crate::error::ChainError;

/// Instructions between two looks at whether the time is over.
const STEPS_PER_LOOK: u32 = 1_024;

/// Whether the time of a simulated call is over. It is asked again and again while the call runs.
pub type IsOver<'a> = &'a dyn Fn() -> bool;

/// For calls whose code is known to end soon.
#[must_use]
pub const fn never_over() -> bool {
    false
}

/// What is recorded while something runs, and how much of it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recording {
    pub(crate) max_bytes: usize,
    /// Each instruction is an entry, with or without the stack and the memory of that moment.
    pub(crate) steps: bool,
    pub(crate) stack: bool,
    pub(crate) memory: bool,
    /// A step that reads or writes a slot holds all slots that its contract touched so far.
    pub(crate) storage: bool,
    pub(crate) return_data: bool,
}

/// Ends what runs when its time is over or its record is full: it halts at its next instruction, and so do its callers.
pub(crate) struct Watch<'a> {
    is_over: IsOver<'a>,
    recording: Option<Recording>,
    steps: u32,
    touched_slots: usize,
    recorded_bytes: usize,
    is_stopped: bool,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(is_over: IsOver<'a>) -> Self {
        Self { is_over, recording: None, steps: 0, touched_slots: 0, recorded_bytes: 0, is_stopped: false }
    }

    pub(crate) fn recording(is_over: IsOver<'a>, recording: Recording) -> Self {
        Self { recording: Some(recording), ..Self::new(is_over) }
    }

    /// # Errors
    /// [`ChainError::CallStopped`] or [`ChainError::TraceTooLong`] where it was ended.
    pub(crate) fn check(&self) -> Result<(), ChainError> {
        match self.recording {
            Some(Recording { max_bytes, .. }) if self.recorded_bytes > max_bytes => {
                Err(ChainError::TraceTooLong { max_bytes })
            }
            _ if self.is_stopped => Err(ChainError::CallStopped),
            _ => Ok(()),
        }
    }

    fn look(&mut self) {
        self.is_stopped = self.is_stopped || (self.is_over)();
    }

    fn step_bytes(&mut self, recording: Recording, interpreter: &Interpreter<EthInterpreter>) -> usize {
        if matches!(interpreter.bytecode.opcode(), opcode::SLOAD | opcode::SSTORE) {
            self.touched_slots += 1;
            if recording.storage {
                self.record(SLOT_BYTES * self.touched_slots);
            }
        }
        let part = |is_kept: bool, bytes: usize| if is_kept { bytes } else { 0 };
        ENTRY_BYTES
            + part(recording.stack, 32 * interpreter.stack.len())
            + part(recording.memory, interpreter.memory.len())
            + part(recording.return_data, interpreter.return_data.buffer().len())
    }

    fn record(&mut self, bytes: usize) {
        let Some(recording) = self.recording else { return };
        self.recorded_bytes = self.recorded_bytes.saturating_add(bytes);
        self.is_stopped = self.is_stopped || self.recorded_bytes > recording.max_bytes;
    }
}

/// About what one entry of a trace takes beside its bytes.
const ENTRY_BYTES: usize = 256;

/// About what a slot with its value takes in a map.
const SLOT_BYTES: usize = 128;

impl<CTX> Inspector<CTX, EthInterpreter> for Watch<'_> {
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _: &mut CTX) {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(STEPS_PER_LOOK) {
            self.look();
        }
        if let Some(recording) = self.recording.filter(|recording| recording.steps) {
            let bytes = self.step_bytes(recording, interpreter);
            self.record(bytes);
        }
        if self.is_stopped {
            interpreter.halt(InstructionResult::OutOfGas);
        }
    }

    /// A call may be of a precompiled contract, which takes far longer than an instruction.
    fn call(&mut self, _: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.look();
        self.record(ENTRY_BYTES + inputs.input.len());
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, outcome: &mut CallOutcome) {
        self.record(outcome.output().len());
    }

    fn create(&mut self, _: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.look();
        self.record(ENTRY_BYTES + inputs.init_code().len());
        None
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.record(outcome.output().len());
    }

    fn log(&mut self, _: &mut CTX, log: revm::primitives::Log) {
        self.record(ENTRY_BYTES + log.data.data.len());
    }
}
