//! The hub's key, as far as records of failed jobs need it.

use shared::Address;
use shared::failure::{JobFailure, SignedFailure};
use shared::signing::PrivateKey;
use store::change::SealFailure;

/// Signs for one chain.
#[derive(Debug)]
pub struct HubSeal {
    pub key: PrivateKey,
    pub chain_id: u64,
}

impl SealFailure for HubSeal {
    fn hub(&self) -> Address {
        self.key.address()
    }

    fn chain_id(&self) -> u64 {
        self.chain_id
    }

    fn seal(&self, failure: JobFailure) -> Result<SignedFailure, String> {
        SignedFailure::seal(failure, &self.key).map_err(|error| error.to_string())
    }
}
