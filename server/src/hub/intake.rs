//! Takes a miner's result: checks it, attests its receipt and stores both.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hub::board::{BoardError, Lease};
use hub::plan;
use hub::receipt_check::{self, Agreed, Forgery, Mismatch};
use hub::verification::{self, File, Refutation, Submitted};
use shared::Address;
use shared::commitment::Salt;
use shared::digest::Sha256Digest;
use shared::id::LeaseId;
use shared::job::request::ValidJob;
use shared::job::task::{Part, Task};
use shared::protocol::{ARTIFACT_MAX_BYTES, Metering, ResultAccepted, ResultSubmission};
use shared::receipt::{Attestation, ReceiptError, SignedReceipt};
use shared::signing::{PrivateKey, SignatureError};
use store::record::{ArtifactRecord, NewReceipt};
use store::{ArtifactFolder, Store, StoreError};
use tokio::task::JoinError;
use tokio_util::task::TaskTracker;

use super::actor::AttestedResult;
use super::audited::Earlier;
use super::handle::{HubError, HubHandle};
use crate::clock;

/// Why a result is not taken.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    #[error("no lease {0} is known")]
    UnknownLease(LeaseId),
    #[error("the lease {0} has ended without a result")]
    LeaseEnded(LeaseId),
    #[error("the end of the lease {0} is being stored; the same result, sent again, is answered then")]
    BeingStored(LeaseId),
    #[error("the result of {0}, with which this one is compared, is being stored: send the same result again")]
    EarlierBeingStored(Task),
    /// The board does not take the result, and says why.
    #[error(transparent)]
    Board(BoardError),
    #[error(transparent)]
    Forged(#[from] Forgery),
    #[error("artifacts[{index}].base64: {reason}")]
    Base64 { index: usize, reason: String },
    #[error("the job's receipt is {stored}, and this is another one")]
    OtherReceipt { stored: shared::B256 },
    #[error(transparent)]
    Terms(#[from] Mismatch),
    #[error(transparent)]
    Refuted(#[from] Refutation),
    #[error("the receipt has no price: {0}")]
    Price(#[from] ReceiptError),
    #[error("the hub's key does not sign: {0}")]
    Attest(#[from] SignatureError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the model of {0} is not known while it is not connected: connect, and send the result again")]
    NotConnected(Address),
    /// A fault of the hub's own code. Its text, which may repeat a prompt, stays where the panic was reported.
    #[error("the hub panicked while it checked the result; its miner sends it again")]
    Panicked,
    #[error("the hub is stopping")]
    Stopping,
}

impl IntakeError {
    /// The miner signed and sent something invalid.
    const fn blames_the_miner(&self) -> bool {
        matches!(self, Self::Base64 { .. } | Self::Terms(_) | Self::Refuted(_) | Self::Price(_))
    }
}

impl From<HubError> for IntakeError {
    fn from(error: HubError) -> Self {
        match error {
            HubError::Board(BoardError::LeaseEnded(lease_id)) => Self::LeaseEnded(lease_id),
            HubError::Board(error) => Self::Board(error),
            HubError::Stopping => Self::Stopping,
        }
    }
}

impl From<JoinError> for IntakeError {
    fn from(error: JoinError) -> Self {
        if error.is_panic() { Self::Panicked } else { Self::Stopping }
    }
}

/// A lease that has not ended, with its job.
#[derive(Clone)]
struct Held {
    lease: Lease,
    job: Arc<ValidJob>,
    /// Of the model with which the lease was granted; absent where the hub started since, nothing is pinned and the miner is not
    /// connected.
    manifest_sha256: Option<Sha256Digest>,
    /// With what the receipt of the lease's task commits.
    salt: Salt,
    /// What the lease's task makes of the job.
    part: Part,
    /// What clients were shown of a text.
    streamed: String,
}

/// Takes results in.
#[derive(Clone)]
pub struct Intake {
    pub(crate) hub: HubHandle,
    pub(crate) store: Store,
    /// Attests receipts.
    pub(crate) hub_key: PrivateKey,
    pub(crate) tasks: TaskTracker,
}

impl Intake {
    /// Whether a lease of this name was granted, which tells before a result's body is read whether it can count.
    pub async fn check_known(&self, lease_id: LeaseId) -> Result<(), IntakeError> {
        if self.find_held(lease_id).is_some() || self.hub.is_being_stored(lease_id) {
            return Ok(());
        }
        self.store.find_lease(lease_id).await?.map(drop).ok_or(IntakeError::UnknownLease(lease_id))
    }

    /// Takes a result: checks who signed it, then what it is, attests it and stores everything in one transaction. A
    /// repetition gets the first answer.
    ///
    /// It runs to its end even if the miner closes the connection meanwhile. Otherwise the job could stay between two
    /// states.
    pub async fn accept_result(
        self,
        lease_id: LeaseId,
        submission: ResultSubmission,
    ) -> Result<ResultAccepted, IntakeError> {
        let tasks = self.tasks.clone();
        let accepting = tasks.spawn(async move { self.accept(lease_id, submission).await });
        accepting.await?
    }

    /// The hub could not take a lease's result now, as it said to its miner.
    pub async fn turned_away(&self, lease_id: LeaseId) {
        // A hub that stops remembers no fault.
        let _ = self.hub.result_turned_away(lease_id).await;
    }

    async fn accept(&self, lease_id: LeaseId, submission: ResultSubmission) -> Result<ResultAccepted, IntakeError> {
        let Some(held) = self.find_held(lease_id) else { return self.repeat(lease_id, &submission).await };
        let lease = &held.lease;
        receipt_check::check_signature(&submission.receipt, &submission.miner_signature, &lease.terms, lease.miner)?;
        match self.hub.result_received(lease_id, lease.miner).await {
            // The lease ended since it was found.
            Err(HubError::Board(BoardError::LeaseEnded(_))) => return self.repeat(lease_id, &submission).await,
            received => received?,
        }
        let attested = match self.check_and_attest(&held, submission).await {
            Ok(attested) => attested,
            Err(error) => {
                if error.blames_the_miner() {
                    self.hub.result_refuted(lease_id, error.to_string()).await?;
                } else {
                    tracing::warn!(task = %lease.task, %error, "a result was not checked; its miner will send it again");
                    self.hub.result_unchecked(lease_id).await?;
                }
                return Err(error);
            }
        };
        let (receipt_hash, metering) = (attested.receipt.signed.receipt_hash, attested.metering);
        self.hub.result_verified(lease_id, attested).await?;
        log_job(&held, &metering, receipt_hash);
        Ok(ResultAccepted { job_id: lease.task.job_id, receipt_hash })
    }

    fn find_held(&self, lease_id: LeaseId) -> Option<Held> {
        let board = self.hub.board();
        let lease = board.lease(lease_id)?.clone();
        let job = board.job(lease.task.job_id)?;
        let (part, salt) = (job.part(lease.task.role), board.task_salt(lease.task)?);
        // What was streamed is the served text; nobody was shown that of an audit.
        let streamed = if lease.task.role.is_audit() { String::new() } else { job.text().to_owned() };
        let job = Arc::clone(job.request());
        let manifest_sha256 = board.manifest_of(&lease);
        Some(Held { lease, job, manifest_sha256, salt, part, streamed })
    }

    /// The lease has ended. Where this very result ended it, the answer is the same as then.
    async fn repeat(&self, lease_id: LeaseId, submission: &ResultSubmission) -> Result<ResultAccepted, IntakeError> {
        if self.hub.is_being_stored(lease_id) {
            return Err(IntakeError::BeingStored(lease_id));
        }
        let lease = self.store.find_lease(lease_id).await?.ok_or(IntakeError::UnknownLease(lease_id))?;
        receipt_check::check_signature(&submission.receipt, &submission.miner_signature, &lease.terms, lease.miner)?;
        let stored = self.store.find_receipt_of_task(lease.task).await?.ok_or(IntakeError::LeaseEnded(lease_id))?;
        let receipt_hash = submission.receipt.hash()?;
        if stored.signed.receipt_hash != receipt_hash {
            return Err(IntakeError::OtherReceipt { stored: stored.signed.receipt_hash });
        }
        Ok(ResultAccepted { job_id: lease.task.job_id, receipt_hash })
    }

    async fn check_and_attest(&self, held: &Held, submission: ResultSubmission) -> Result<AttestedResult, IntakeError> {
        let earlier = Earlier::read(&self.hub, &self.store, held.lease.task).await?;
        let checked = Checked { held: held.clone(), earlier, artifacts: self.store.artifacts() };
        // Hashing, decoding and fsync take milliseconds, which other requests must not wait for.
        let worked = tokio::task::spawn_blocking(move || checked.verify_and_keep(submission)).await;
        let (submission, artifacts, compared) = worked??;
        let signed = attest(&self.hub_key, submission.receipt, submission.miner_signature)?;
        let receipt = NewReceipt { amount: signed.receipt.amount()?, signed, attested_at: clock::now() };
        Ok(AttestedResult { metering: submission.metering, artifacts, receipt, compared })
    }
}

/// What the blocking part of the intake answers: the result, its files, and how it stands to those before it.
type Verified = (ResultSubmission, Vec<ArtifactRecord>, Option<hub::audit::Compared>);

/// Arguments of the blocking part of the intake.
struct Checked {
    held: Held,
    /// For an audit.
    earlier: Option<Earlier>,
    artifacts: Arc<ArtifactFolder>,
}

impl Checked {
    fn verify_and_keep(&self, submission: ResultSubmission) -> Result<Verified, IntakeError> {
        let now = clock::now();
        let Held { lease, job, manifest_sha256, salt, part, streamed } = &self.held;
        let work = plan::work_of(&job.work, *part);
        let Lease { task, miner, terms, granted_at, .. } = lease;
        let manifest_sha256 = manifest_sha256.ok_or(IntakeError::NotConnected(*miner))?;
        let (salt, granted_at) = (*salt, *granted_at);
        let agreed = Agreed { task: *task, miner: *miner, job, salt, terms, manifest_sha256, granted_at };
        receipt_check::check_terms(&submission.receipt, &agreed, now)?;
        submission.receipt.amount()?;
        let bytes = decode(&submission)?;
        let files: Vec<File<'_>> = submission
            .artifacts
            .iter()
            .zip(&bytes)
            .map(|(artifact, bytes)| File { media_type: &artifact.media_type, bytes, flagged: artifact.flagged })
            .collect();
        let submitted = Submitted {
            files: &files,
            result_commitment: submission.receipt.result_commitment,
            salt,
            units: submission.receipt.units,
            metering: &submission.metering,
            streamed,
        };
        verification::check(&work, &submitted, granted_at, now)?;
        let compared = match &self.earlier {
            Some(earlier) => earlier.compare(work.kind(), job.salt, &submission, &bytes, &self.artifacts)?,
            None => None,
        };
        // Of audits, only what disagrees is kept: it is evidence, and a third result is compared with it.
        let confirms = compared.is_some_and(|compared| compared.with_served.agreement.agrees());
        if task.role.is_audit() && confirms {
            return Ok((submission, vec![], compared));
        }
        let mut records = Vec::with_capacity(files.len());
        for ((file, artifact), position) in files.iter().zip(&submission.artifacts).zip(part.first..) {
            let sha256 = self.artifacts.put(file.bytes)?;
            let (media_type, bytes, flagged) = (file.media_type.to_owned(), file.bytes.len() as u64, artifact.flagged);
            records.push(ArtifactRecord { position, sha256, media_type, bytes, flagged, removed_at: None });
        }
        Ok((submission, records, compared))
    }
}

fn decode(submission: &ResultSubmission) -> Result<Vec<Vec<u8>>, IntakeError> {
    let decode_one = |(index, artifact): (usize, &shared::protocol::Artifact)| {
        if artifact.base64.len() / 4 * 3 > ARTIFACT_MAX_BYTES + 3 {
            let (max, got) = (ARTIFACT_MAX_BYTES, artifact.base64.len() / 4 * 3);
            return Err(Refutation::TooLarge { index, max, got }.into());
        }
        let decoded = STANDARD.decode(&artifact.base64);
        decoded.map_err(|error| IntakeError::Base64 { index, reason: error.to_string() })
    };
    submission.artifacts.iter().enumerate().map(decode_one).collect()
}

/// Signs what the miner signed. [`receipt_check::check_terms`] found every field to be the lease's, so the domain is, too.
fn attest(
    key: &PrivateKey,
    receipt: shared::receipt::JobReceipt,
    miner_signature: shared::Bytes,
) -> Result<SignedReceipt, IntakeError> {
    let claim = receipt.claim()?;
    let signature = key.sign(&claim, &receipt.domain())?;
    Ok(SignedReceipt {
        receipt_hash: claim.receipt_hash,
        receipt,
        miner_signature,
        attestations: vec![Attestation { attester: key.address(), signature }],
    })
}

/// The job log: one line per served task, with the commitment to the prompt and never the prompt.
fn log_job(held: &Held, metering: &Metering, receipt_hash: shared::B256) {
    tracing::info!(
        task = %held.lease.task,
        job_id = %held.lease.task.job_id,
        miner = %held.lease.miner,
        model = held.job.model,
        prompt_commitment = %held.salt.commit_prompt(held.job.work.prompt_hash()),
        duration_ms = metering.duration_ms,
        gpu_ms = metering.gpu_ms,
        tokens = metering.tokens_read.saturating_add(metering.tokens_written),
        %receipt_hash,
        "a job was served",
    );
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::error::ApiError;

    #[tokio::test]
    async fn a_panic_is_a_failure_of_the_server_and_an_end_is_none() {
        let panicking: JoinHandle<()> = tokio::spawn(async { panic!("a check with a fault") });
        let error = IntakeError::from(panicking.await.unwrap_err());
        assert!(matches!(error, IntakeError::Panicked) && !error.blames_the_miner(), "{error}");
        assert_eq!(ApiError::from(error).status(), StatusCode::INTERNAL_SERVER_ERROR);
        let ended = tokio::spawn(std::future::pending::<()>());
        ended.abort();
        assert!(matches!(IntakeError::from(ended.await.unwrap_err()), IntakeError::Stopping));
    }
}
