//! Whether another node has the same chain as this one, and what it proves where it has not.

use alloy_primitives::B256;
use node::chain::{CertificateError, ChainError, CommitCertificate, Contradiction};
use node::{NodeError, NodeHandle};
use serde::Deserialize;

use super::{Asked, Blocks, FollowError, read_block};

#[derive(Debug, Deserialize)]
struct Block {
    hash: B256,
}

/// Compares the block that a node has at `number` with the one here, at which this node is already.
pub(super) async fn compare(
    node: &NodeHandle,
    asked: &mut Asked<'_>,
    number: u64,
    theirs: B256,
) -> Result<(), FollowError> {
    match own_hash(node, number)? {
        Some(ours) if ours != theirs => {
            look(node, asked, number).await?;
            // It names another head, and has the same blocks.
            Err(FollowError::Unshown { url: asked.url(), number, ours, theirs })
        }
        _ => Ok(()),
    }
}

/// Looks for the first block in which a node has another chain, up to `number`, and says what its certificate proves. This node is
/// handed the block, which it refuses in any case, so that it keeps what proves that validators decided both.
pub(super) async fn look(node: &NodeHandle, asked: &mut Asked<'_>, number: u64) -> Result<(), FollowError> {
    let Some((number, ours, theirs)) = first_other(node, asked, number).await? else { return Ok(()) };
    let url = asked.url();
    let path = format!("/rpc/blocks-range/decided?from={number}&to={number}");
    let Blocks { blocks } = asked.get(path).await?;
    let Some(encoded) = blocks.into_iter().next() else {
        return Err(FollowError::Unshown { url, number, ours, theirs });
    };
    let received = read_block(&url, number, &encoded)?;
    if received.header().number != number || received.header().hash() != theirs {
        return Err(FollowError::Unshown { url, number, ours, theirs });
    }
    let certificate = received.certificate().clone();
    if let Err(error) = node.import(received).await {
        tracing::error!(number, url, %error, "a block of another branch");
    }
    Err(match judge(node, certificate, number, theirs).await? {
        Ok(accused) => FollowError::Fork { url, number, ours, theirs, accused },
        Err(reason) => FollowError::Unproven { url, number, ours, theirs, reason: Box::new(reason) },
    })
}

/// The first height up to `number` at which a node has another block, with both hashes, ours first. Blocks follow from each other,
/// so it is found by halving. None where there is no such height.
async fn first_other(
    node: &NodeHandle,
    asked: &mut Asked<'_>,
    number: u64,
) -> Result<Option<(u64, B256, B256)>, FollowError> {
    let (mut same, mut above, mut found) = (0, number.saturating_add(1), None);
    while above - same > 1 {
        let middle = same + (above - same) / 2;
        let Block { hash: theirs } = asked.get(format!("/rpc/blocks/{middle}")).await?;
        match own_hash(node, middle)? {
            Some(ours) if ours != theirs => {
                above = middle;
                found = Some((middle, ours, theirs));
            }
            _ => same = middle,
        }
    }
    Ok(found)
}

fn own_hash(node: &NodeHandle, number: u64) -> Result<Option<B256>, NodeError> {
    match node.snapshot()?.header_at(number) {
        Ok(header) => Ok(header.map(|header| header.hash())),
        // What was before a snapshot cannot be compared.
        Err(ChainError::BlockUnavailable { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// How many validators contradicted themselves by a certificate of another block than the one here, or why it is none. The block
/// before is the same on both branches, so the same validators decide.
async fn judge(
    node: &NodeHandle,
    certificate: CommitCertificate,
    number: u64,
    theirs: B256,
) -> Result<Result<usize, CertificateError>, NodeError> {
    node.query(move |snapshot| {
        let validators = snapshot.validators_at(number)?;
        if let Err(reason) = certificate.verify(snapshot.chain_id(), number, theirs, &validators) {
            return Ok(Err(reason));
        }
        let Some(decided) = snapshot.certificate_at(number)? else { return Ok(Ok(0)) };
        Ok(Ok(Contradiction::between(&decided, &certificate, snapshot.chain_id()).len()))
    })
    .await
}

#[cfg(test)]
mod tests;
