//! Following: taking blocks that others decided.

use crate::application::{Application, ExecutedBlock};
use crate::decided::DecidedBlock;
use crate::error::ChainError;

/// What became of a decided block that was handed over.
#[derive(Clone, Debug)]
pub enum Import {
    /// It is the new head.
    Committed(Box<ExecutedBlock>),
    /// It stands on the chain already.
    Known,
}

/// Takes a decided block: checks its certificate, executes it unless that was done before, and commits it. Blocks come
/// in the order of their heights. Trusts nobody: what a quorum signed must also follow from the rules.
///
/// The certificate is checked first, so that nobody without a quorum costs the node an execution.
///
/// # Errors
/// [`ChainError::NotOnHead`] if blocks before it are missing, [`ChainError::Conflict`] if another block stands at its
/// height, [`ChainError::InvalidCertificate`] and [`ChainError::InvalidBlock`] if it does not hold, or a storage error.
/// After each of them the chain is what it was.
pub fn import(application: &impl Application, decided: DecidedBlock) -> Result<Import, ChainError> {
    let DecidedBlock { block, certificate } = decided;
    let (head, number, given) = (application.head()?, block.header.number, block.header.hash());
    if number <= head.number {
        return match application.block_hash_at(number)? {
            Some(committed) if committed == given => Ok(Import::Known),
            Some(committed) => Err(ChainError::Conflict { number, committed, given }),
            None => Err(ChainError::UnknownBlock(number.to_string())),
        };
    }
    if number != head.number + 1 || block.header.parent_hash != head.hash() {
        return Err(ChainError::NotOnHead { number, parent: block.header.parent_hash, head: head.hash() });
    }
    application.check_certificate(&certificate, number, given)?;
    // A quorum held the block's time against its own clocks, so it is not held against this node's.
    let decided_unix_s = block.header.timestamp;
    application.validate(block, decided_unix_s)?;
    application.commit(&certificate).map(Box::new).map(Import::Committed)
}
