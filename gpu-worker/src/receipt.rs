//! The receipt of a finished job, signed by the miner.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use inference::runtime::Output;
use shared::B256;
use shared::digest::Sha256Digest;
use shared::protocol::{Artifact, Assignment, ResultSubmission};
use shared::receipt::{JobReceipt, ReceiptVersion};
use shared::signing::PrivateKey;
use shared::time::UnixMillis;

use crate::error::{Result, WorkerError};

/// What a receipt says beyond the terms of its assignment.
#[derive(Debug, Clone)]
pub struct FinishedWork {
    pub output: Output,
    pub started_at: UnixMillis,
    pub finished_at: UnixMillis,
    /// Equal classes draw equal bits.
    pub determinism_class: String,
    /// Random, so that equal work has distinct receipts.
    pub nonce: B256,
}

/// Builds and signs the receipt and packs it with the artifacts. Also returns the hash that is signed.
pub fn submission(assignment: &Assignment, work: FinishedWork, key: &PrivateKey) -> Result<(B256, ResultSubmission)> {
    let FinishedWork { output, started_at, finished_at, determinism_class, nonce } = work;
    let failed = |error: &dyn std::fmt::Display| WorkerError::Receipt(error.to_string());
    let terms = &assignment.terms;
    let result = Sha256Digest::of_artifacts(output.artifacts.iter().map(|artifact| artifact.bytes.as_slice()));
    let receipt = JobReceipt {
        version: ReceiptVersion,
        job_id: assignment.task.job_id,
        task_role: assignment.task.role,
        provider: key.address(),
        client: terms.client,
        units: assignment.work.units_claimed(output.metering.tokens(), output.bytes()),
        unit_type: assignment.work.unit_type(),
        unit_price: terms.unit_price,
        model: assignment.model.clone(),
        prompt_commitment: assignment.salt.commit_prompt(assignment.work.prompt_hash()),
        result_commitment: assignment.salt.commit_result(result),
        started_at: started_at.seconds(),
        finished_at: finished_at.max(started_at).seconds(),
        expires_at: terms.expires_at,
        nonce,
        hub_id: terms.hub_id.clone(),
        chain_id: terms.chain_id,
        contract: terms.contract,
        determinism_class,
        trace_commitment: output.trace_root.map(|root| assignment.salt.commit_trace(root)),
        shares: Vec::new(),
    };
    let claim = receipt.claim().map_err(|error| failed(&error))?;
    let miner_signature = key.sign(&claim, &receipt.domain()).map_err(|error| failed(&error))?;
    let trace_root = output.trace_root.filter(|_| assignment.task.role.is_audit());
    let flagged = output.flagged;
    let artifacts = (0..).zip(output.artifacts).map(|(number, artifact)| Artifact {
        media_type: artifact.media_type,
        base64: STANDARD.encode(artifact.bytes),
        flagged: flagged.contains(&number),
    });
    let submission = ResultSubmission {
        receipt,
        miner_signature,
        artifacts: artifacts.collect(),
        metering: output.metering,
        trace_root,
    };
    Ok((claim.receipt_hash, submission))
}
