//! Deciding nothing.

use chain::{DecidedBlock, Import, import};

use crate::error::ConsensusError;
use crate::{Action, Consensus, Event, Host, Now};

/// A node that takes blocks which others decided, and has no part in deciding.
#[derive(Debug)]
pub struct Follower<H> {
    host: H,
}

impl<H: Host> Follower<H> {
    /// A follower on this chain.
    #[must_use]
    pub fn new(host: H) -> Self {
        Self { host }
    }
}

impl<H: Host> Consensus for Follower<H> {
    type Host = H;

    fn handle(&mut self, _event: Event, _now: Now) -> Result<Vec<Action>, ConsensusError> {
        Ok(Vec::new())
    }

    fn import(&mut self, decided: DecidedBlock, _now: Now) -> Result<(bool, Vec<Action>), ConsensusError> {
        match import(self.host.application(), decided)? {
            Import::Known => Ok((false, Vec::new())),
            Import::Committed(executed) => {
                self.host.committed(*executed);
                Ok((true, Vec::new()))
            }
        }
    }

    fn deadline_ms(&self) -> Option<u64> {
        None
    }

    fn fault(&self) -> Option<&str> {
        None
    }

    fn host_mut(&mut self) -> &mut H {
        &mut self.host
    }
}
