//! What the rules ask for while they process an input, carried out at once or noted for later.

use std::collections::BTreeSet;

use chain::{CommitCertificate, CommitSignature};
use futures::FutureExt as _;
use malachite_consensus::{
    Effect, Input, LivenessMsg, MisbehaviorEvidence, Resumable as _, Resume, SignedConsensusMsg, VoteExtensionError,
};
use malachite_signing::VerifierExt as _;
use malachite_types::{CertificateError, LinearTimeouts, Round};

use crate::Action;
use crate::blocks::KeptBlocks;
use crate::commits::commit_of;
use crate::context::{ChainContext, SignedVote, ValidatorAddress};
use crate::error::ConsensusError;
use crate::log::{Entry, Log, LogStorage};
use crate::message::Message;
use crate::signing::{SignatureCheck, Signer};
use crate::timers::{Timers, deadline_after};

/// Everything beside the rules' own state that processing an input touches.
#[derive(Debug)]
pub(crate) struct Effects<S> {
    pub(crate) signer: Signer,
    pub(crate) check: SignatureCheck,
    pub(crate) timeouts: LinearTimeouts,
    pub(crate) timers: Timers,
    pub(crate) log: Log<S>,
    pub(crate) blocks: KeptBlocks,
    /// To be returned once the log is synced.
    pub(crate) actions: Vec<Action>,
    /// The height is decided.
    pub(crate) decided: Option<CommitCertificate>,
    /// The round in which this validator is to propose.
    pub(crate) wanted: Option<Round>,
    /// Inputs come from the log, so they are not logged again.
    pub(crate) is_replaying: bool,
    pub(crate) now_ms: u64,
    /// What could not be done; nothing is sent after it.
    pub(crate) failure: Option<ConsensusError>,
}

impl<S: LogStorage> Effects<S> {
    /// Carries out an effect and says how the rules go on.
    pub(crate) fn perform(&mut self, effect: Effect<ChainContext>) -> Result<Resume<ChainContext>, ConsensusError> {
        Ok(match effect {
            Effect::CancelAllTimeouts(resume) => {
                self.timers.clear();
                resume.resume_with(())
            }
            Effect::CancelTimeout(timeout, resume) => {
                self.timers.cancel(timeout);
                resume.resume_with(())
            }
            Effect::ScheduleTimeout(timeout, resume) => {
                self.timers.set(timeout, deadline_after(self.now_ms, &self.timeouts, timeout));
                resume.resume_with(())
            }
            Effect::StartRound(height, round, proposer, role, resume) => {
                tracing::debug!(%height, %round, %proposer, ?role, "round begins");
                self.wanted = None;
                resume.resume_with(())
            }
            Effect::PublishConsensusMsg(message, resume) => {
                self.publish(message);
                resume.resume_with(())
            }
            Effect::PublishLivenessMsg(message, resume) => {
                self.broadcast(match message {
                    LivenessMsg::Vote(vote) => Message::Vote(vote),
                    LivenessMsg::PolkaCertificate(certificate) => Message::Polka(certificate),
                    LivenessMsg::SkipRoundCertificate(certificate) => Message::Round(certificate),
                });
                resume.resume_with(())
            }
            Effect::RepublishVote(vote, resume) => {
                self.broadcast(Message::Vote(vote));
                resume.resume_with(())
            }
            Effect::RepublishRoundCertificate(certificate, resume) => {
                self.broadcast(Message::Round(certificate));
                resume.resume_with(())
            }
            Effect::GetValue(_, round, _, resume) => {
                self.wanted = Some(round);
                resume.resume_with(())
            }
            // A proposal carries its block, and the rules publish the proposal themselves.
            Effect::RestreamProposal(.., resume) => resume.resume_with(()),
            Effect::Decide(certificate, _, resume) => {
                self.decided = Some(chain_certificate(certificate));
                resume.resume_with(())
            }
            Effect::Finalize(certificate, _, evidence, resume) => {
                let height = certificate.height.0;
                self.actions.extend(misbehaviour(height, &evidence));
                resume.resume_with(())
            }
            Effect::SignVote(vote, resume) => {
                let height = vote.height.0;
                resume.resume_with(self.signer.sign_vote(vote).ok_or_else(|| cannot_sign(height))?)
            }
            Effect::SignProposal(proposal, resume) => {
                let height = proposal.height.0;
                resume.resume_with(self.signer.sign_proposal(proposal).ok_or_else(|| cannot_sign(height))?)
            }
            Effect::VerifySignature(signed, signer, resume) => {
                resume.resume_with(self.check.holds(&signed.message, &signed.signature, signer))
            }
            Effect::VerifyCommitCertificate(certificate, members, thresholds, resume) => resume.resume_with(finished(
                self.check.verify_commit_certificate(&ChainContext, &certificate, &members, thresholds).now_or_never(),
            )),
            Effect::VerifyExtendedCommitCertificate(certificate, members, thresholds, policy, resume) => {
                let check = self.check;
                resume.resume_with(finished(
                    check
                        .verify_extended_commit_certificate(&ChainContext, &certificate, &members, thresholds, policy)
                        .now_or_never(),
                ))
            }
            Effect::VerifyPolkaCertificate(certificate, members, thresholds, resume) => resume.resume_with(finished(
                self.check.verify_polka_certificate(&ChainContext, &certificate, &members, thresholds).now_or_never(),
            )),
            Effect::VerifyRoundCertificate(certificate, members, thresholds, resume) => resume.resume_with(finished(
                self.check.verify_round_certificate(&ChainContext, &certificate, &members, thresholds).now_or_never(),
            )),
            Effect::WalAppend(_, input, resume) => {
                if let Err(error) = self.record(&input) {
                    self.failure = Some(error);
                }
                resume.resume_with(())
            }
            // Decided blocks of others are taken by the chain's own import, and votes carry no extensions.
            Effect::CertVerifiedSyncValue(.., resume) => resume.resume_with(()),
            Effect::CertRejectedSyncValue(.., resume) => resume.resume_with(()),
            Effect::ExtendVote(.., resume) => resume.resume_with(None),
            Effect::VerifyVoteExtension(.., resume) => {
                resume.resume_with(Err(VoteExtensionError::InvalidVoteExtension))
            }
        })
    }

    pub(crate) fn broadcast(&mut self, message: Message) {
        if self.failure.is_none() {
            self.actions.push(Action::Broadcast(message));
        }
    }

    fn publish(&mut self, message: SignedConsensusMsg<ChainContext>) {
        match message {
            SignedConsensusMsg::Vote(vote) => self.broadcast(Message::Vote(vote)),
            SignedConsensusMsg::Proposal(proposal) => {
                let Some(kept) = self.blocks.get(proposal.block.0) else { return };
                let block = Box::new(kept.block.clone());
                self.broadcast(Message::Proposal { proposal, block });
            }
        }
    }

    fn record(&mut self, input: &Input<ChainContext>) -> Result<(), ConsensusError> {
        if self.is_replaying {
            return Ok(());
        }
        if let Input::ProposedValue(value, _) = input
            && let Some(kept) = self.blocks.get_mut(value.value.0)
            && !kept.is_logged
        {
            kept.is_logged = true;
            self.log.append(&Entry::encode_block(&kept.block))?;
        }
        if let Some(bytes) = Entry::encode_input(input) {
            self.log.append(&bytes)?;
        }
        Ok(())
    }
}

/// Those who contradicted themselves at a height, each once. Who committed to two blocks was told of when the second commit came.
fn misbehaviour(height: u64, evidence: &MisbehaviorEvidence<ChainContext>) -> Vec<Action> {
    let of_proposals = evidence.proposals.iter().map(|(validator, _)| *validator);
    let is_other =
        |(first, second): &(SignedVote, SignedVote)| commit_of(first).is_none() || commit_of(second).is_none();
    let of_votes =
        evidence.votes.iter().filter(|(_, pairs)| pairs.iter().any(is_other)).map(|(validator, _)| *validator);
    let accused: BTreeSet<ValidatorAddress> = of_proposals.chain(of_votes).collect();
    let tell =
        |validator: ValidatorAddress| Action::Misbehaviour { height, validator: validator.0, contradiction: None };
    accused.into_iter().map(tell).collect()
}

fn cannot_sign(height: u64) -> ConsensusError {
    ConsensusError::Rules { height, reason: "the validator's key cannot sign".to_owned() }
}

/// Checks of signatures wait for nothing, so each is finished when it is first asked.
fn finished(outcome: Option<Result<(), CertificateError<ChainContext>>>) -> Result<(), CertificateError<ChainContext>> {
    outcome.unwrap_or(Err(CertificateError::VerificationError(None)))
}

fn chain_certificate(certificate: malachite_types::CommitCertificate<ChainContext>) -> CommitCertificate {
    let signatures = certificate
        .commit_signatures
        .into_iter()
        .map(|commit| CommitSignature { validator: commit.address.0, signature: commit.signature.into() });
    CommitCertificate {
        height: certificate.height.0,
        round: certificate.round.as_u32().unwrap_or_default(),
        block_hash: certificate.value_id.0,
        signatures: signatures.collect(),
    }
}
