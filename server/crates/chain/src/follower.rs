//! Following: taking blocks that others decided.

use finality::CommitCertificate;

use crate::application::{Application, ExecutedBlock};
use crate::block::SealedHeader;
use crate::decided::{DecidedBlock, ReceivedBlock};
use crate::error::ChainError;

/// What became of a decided block that was handed over.
#[derive(Clone, Debug)]
pub enum Import {
    /// It is the new head.
    Committed(Box<ExecutedBlock>),
    /// It stands on the chain already.
    Known,
}

/// Where a decided block belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placing {
    /// It comes after the head, and a quorum has signed it.
    Next,
    /// It stands on the chain already.
    Known,
}

/// Says where a decided block belongs, from its header and certificate alone. It executes nothing and looks at no
/// transaction, so that nobody without a quorum costs the node more than the signatures of a certificate.
///
/// # Errors
/// [`ChainError::Orphan`] if blocks before it are missing, [`ChainError::Conflict`] if another block stands at its height,
/// [`ChainError::NotOnHead`] if it follows another block than the head, [`ChainError::InvalidCertificate`], or a storage
/// error.
pub fn place(
    application: &impl Application,
    header: &SealedHeader,
    certificate: &CommitCertificate,
) -> Result<Placing, ChainError> {
    let (head, number, given) = (application.head()?, header.number, header.hash());
    if number <= head.number {
        return match application.block_hash_at(number)? {
            Some(committed) if committed == given => Ok(Placing::Known),
            Some(committed) => Err(ChainError::Conflict { number, committed, given }),
            None => Err(ChainError::UnknownBlock(number.to_string())),
        };
    }
    let next = head.number + 1;
    if number != next {
        return Err(ChainError::Orphan { number, missing: next });
    }
    application.check_certificate(certificate, number, given)?;
    if header.parent_hash != head.hash() {
        return Err(ChainError::NotOnHead { number, parent: header.parent_hash, head: head.hash() });
    }
    Ok(Placing::Next)
}

/// Takes a decided block: checks its certificate, executes it unless that was done before, and commits it. Blocks come
/// in the order of their heights. Trusts nobody: what a quorum signed must also follow from the rules.
///
/// # Errors
/// As [`place`], [`ChainError::InvalidBlock`] if it does not hold, or a storage error. After each of them the chain is what
/// it was.
pub fn import(application: &impl Application, decided: DecidedBlock) -> Result<Import, ChainError> {
    let DecidedBlock { block, certificate } = decided;
    match place(application, &block.header, &certificate)? {
        Placing::Known => Ok(Import::Known),
        Placing::Next => execute_and_commit(application, DecidedBlock { block, certificate }),
    }
}

/// Takes a decided block as it came from outside, as [`import`] does. The signatures of its transactions are looked at only after
/// its certificate was found to hold, so that a block which is not the next one costs next to nothing.
///
/// # Errors
/// As [`import`] and [`ReceivedBlock::check`].
pub fn import_received(
    application: &impl Application,
    received: ReceivedBlock,
    chain_id: u64,
) -> Result<Import, ChainError> {
    match place(application, received.header(), received.certificate())? {
        Placing::Known => Ok(Import::Known),
        Placing::Next => execute_and_commit(application, received.check(chain_id)?),
    }
}

/// Takes the next block, whose certificate was found to hold.
fn execute_and_commit(application: &impl Application, decided: DecidedBlock) -> Result<Import, ChainError> {
    let DecidedBlock { block, certificate } = decided;
    // A quorum held the block's time against its own clocks, so it is not held against this node's.
    let decided_unix_s = block.header.timestamp;
    application.validate(block, decided_unix_s)?;
    application.commit(&certificate).map(Box::new).map(Import::Committed)
}
