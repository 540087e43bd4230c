//! The thread that makes blocks: intake, proposer and committer take turns on it.
//!
//! Between proposing and committing stands the decision. Today it is the signature of one validator with more than two
//! thirds of the voting power; a consensus engine of several validators takes the place of [`Producer::make_block`].

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use chain::{ChainError, ValidatorKey};

use crate::committer::Committer;
use crate::config::BlockTiming;
use crate::decided_file::DecidedFile;
use crate::handle::Shared;
use crate::intake::{Intake, Submission, Wake};
use crate::proposer::Proposer;

pub(crate) struct Producer {
    shared: Arc<Shared>,
    key: ValidatorKey,
    retry_after_failure: Duration,
    intake: Intake,
    proposer: Proposer,
    committer: Committer,
}

impl Producer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        key: ValidatorKey,
        timing: BlockTiming,
        submissions: mpsc::Receiver<Submission>,
        file: DecidedFile,
    ) -> Self {
        Self {
            intake: Intake::new(Arc::clone(&shared), submissions),
            proposer: Proposer::new(Arc::clone(&shared), key.address(), timing.batching_window),
            committer: Committer::new(Arc::clone(&shared), file),
            retry_after_failure: timing.retry_after_failure,
            key,
            shared,
        }
    }

    pub(crate) fn run(mut self) {
        loop {
            let expiry = self.intake.next_expiry();
            let deadline = self.proposer.due().map_or(expiry, |due| due.min(expiry));
            match self.intake.wait_until(deadline) {
                Wake::Arrivals => self.proposer.notice_arrivals(),
                Wake::Deadline => {}
                Wake::Closed => break,
            }
            if self.proposer.due().is_some_and(|due| due <= Instant::now()) {
                let outcome = self.make_block();
                self.report(outcome.err());
            }
            self.intake.expire();
        }
        tracing::info!("block producer stopped");
    }

    /// Proposes a block, decides it and commits it; or commits the block that was decided before, if that failed.
    fn make_block(&mut self) -> Result<(), ChainError> {
        if !self.committer.has_decided() {
            let Some(executed) = self.proposer.propose()? else { return Ok(()) };
            let height = executed.block().header.number;
            let certificate = self.key.decide_alone(self.shared.chain.chain_id(), height, executed.hash())?;
            self.committer.decide(&executed, certificate);
        }
        self.committer.commit()
    }

    /// Tells health checks what keeps blocks from being made, and when to try next.
    fn report(&mut self, fault: Option<ChainError>) {
        let pause = match &fault {
            None => Duration::ZERO,
            Some(error) => {
                tracing::error!(%error, "block could not be made");
                self.retry_after_failure
            }
        };
        self.shared.set_fault(fault.map(|error| error.to_string()));
        self.proposer.schedule_next(pause);
    }
}
