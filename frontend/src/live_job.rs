//! A job as the islands know it: what changes while the page is open, and what names it.
//!
//! It reads the API's [`JobView`](shared::api::jobs::JobView) without what only the server's part of a page shows, such
//! as the typed requests of every kind: the browser's bundle carries no reader for those.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use shared::api::jobs::{MintView, StepProgress};
use shared::api::payments::{PaymentState, PaymentView, PlacedTransaction};
use shared::id::JobId;
use shared::job::JobKind;
use shared::job::lifecycle::{Blame, JobState};
use shared::time::UnixMillis;

/// Field names are those of `JobView`, but for `words` and `is_anothers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveJob {
    pub id: JobId,
    pub state: JobState,
    pub kind: JobKind,
    /// What a person would call the job by. Jobs from the API have no such field; for them it is the prompt.
    #[serde(default)]
    pub words: String,
    pub input: LiveInput,
    pub created_at_unix_ms: UnixMillis,
    pub started_at_unix_ms: Option<UnixMillis>,
    pub finished_at_unix_ms: Option<UnixMillis>,
    pub queue_position: Option<u32>,
    pub eta_ms: Option<u64>,
    pub progress: Option<StepProgress>,
    pub miner: Option<Address>,
    pub faults: Vec<LiveFault>,
    pub artifacts: Vec<LiveArtifact>,
    /// They are its creator's alone for now.
    pub withheld: bool,
    /// The page was rendered for somebody else. Jobs from the API have no such field.
    #[serde(default)]
    pub is_anothers: bool,
    pub receipt_hash: Option<B256>,
    pub mint: Option<MintView>,
    /// Where the client pays from escrow.
    #[serde(default)]
    pub payment: Option<PaymentView>,
}

/// What some kinds of request have and the page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveInput {
    #[serde(default)]
    pub prompt: String,
    pub seed: Option<u64>,
    pub steps: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveFault {
    pub blame: Blame,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveArtifact {
    pub url: String,
    /// Since when the hub does not keep the file any more.
    #[serde(default)]
    pub removed_at_unix_ms: Option<UnixMillis>,
}

impl LiveJob {
    /// Where the escrow paid the miner.
    pub fn settled(&self) -> Option<PlacedTransaction> {
        let payment = self.payment.as_ref().filter(|payment| payment.state == PaymentState::Settled)?;
        payment.end
    }

    pub fn words(&self) -> &str {
        if self.words.is_empty() { &self.input.prompt } else { &self.words }
    }

    /// Address of the first result file, while the hub keeps it and the reader may read it.
    pub fn file(&self) -> Option<&str> {
        let first = self.artifacts.first().filter(|_| !(self.withheld && self.is_anothers))?;
        first.removed_at_unix_ms.is_none().then_some(first.url.as_str())
    }

    /// Nothing is left to tell: the job ended without a result, or its receipt was paid. A text that is withheld is not in the
    /// page, and only the job's stream tells it to its creator.
    #[cfg(any(feature = "hydrate", test))]
    pub fn is_over(&self) -> bool {
        let is_paid = match &self.payment {
            Some(payment) => payment.state.is_final(),
            None => self.state != JobState::Completed || self.mint.is_some(),
        };
        self.state.is_terminal() && is_paid && !self.withheld
    }

    /// There was a result, and the hub does not keep its files any more.
    pub fn is_file_gone(&self) -> bool {
        self.artifacts.first().is_some_and(|first| first.removed_at_unix_ms.is_some())
    }

    /// Takes over the job's present state.
    pub fn updated(&mut self, now: Self) {
        let words = std::mem::take(&mut self.words);
        *self = Self { words, is_anothers: self.is_anothers, ..now };
    }
}

#[cfg(feature = "ssr")]
impl From<&shared::api::jobs::JobView> for LiveJob {
    fn from(job: &shared::api::jobs::JobView) -> Self {
        use shared::job::request::Work;
        use shared::job::text::Ask;

        let input = match &job.work {
            Work::Image(input) => {
                LiveInput { prompt: input.prompt.clone(), seed: Some(input.seed), steps: Some(input.steps) }
            }
            Work::Text(input) => {
                let prompt = if let Ask::Prompt(prompt) = &input.ask { prompt.clone() } else { String::new() };
                LiveInput { prompt, seed: Some(input.seed), steps: None }
            }
            Work::Embedding(_) => LiveInput::default(),
        };
        let faults = job.faults.iter().map(|fault| LiveFault { blame: fault.blame, reason: fault.reason.clone() });
        let artifacts = job.artifacts.iter().map(|artifact| LiveArtifact {
            url: artifact.url.clone(),
            removed_at_unix_ms: artifact.removed_at_unix_ms,
        });
        Self {
            id: job.id,
            state: job.state,
            kind: job.work.kind(),
            words: job.work.words().to_owned(),
            input,
            created_at_unix_ms: job.created_at_unix_ms,
            started_at_unix_ms: job.started_at_unix_ms,
            finished_at_unix_ms: job.finished_at_unix_ms,
            queue_position: job.queue_position,
            eta_ms: job.eta_ms,
            progress: job.progress,
            miner: job.miner,
            faults: faults.collect(),
            artifacts: artifacts.collect(),
            withheld: job.withheld,
            is_anothers: false,
            receipt_hash: job.receipt_hash,
            mint: job.mint.clone(),
            payment: job.payment.clone(),
        }
    }
}

/// One event of a job's stream, named as [`JobEventView`](shared::api::jobs::JobEventView) names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveEvent {
    State(Box<LiveJob>),
    Queue {
        position: u32,
        eta_ms: Option<u64>,
    },
    Progress(StepProgress),
    /// More of the text; at 0 it begins anew.
    Token {
        at: usize,
        text: String,
    },
    /// The picture so far, as a `data:` URL.
    Preview {
        data_url: String,
    },
    Minted(MintView),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_followed_until_it_is_paid_and_its_result_is_everybodys() {
        let job = |state: &str, withheld: bool, is_minted: bool| -> LiveJob {
            let mint = is_minted.then(|| {
                serde_json::json!({
                    "amount": "1", "provider": Address::ZERO, "transaction_hash": B256::ZERO, "block_number": 7,
                })
            });
            serde_json::from_value(serde_json::json!({
                "id": JobId::from_random(1), "state": state, "kind": "text", "input": {"prompt": "a lake"},
                "created_at_unix_ms": 1, "faults": [], "artifacts": [], "withheld": withheld, "mint": mint,
            }))
            .unwrap()
        };
        let mut shown = LiveJob { is_anothers: true, ..job("RUNNING", true, false) };
        let file = |url: &str| LiveArtifact { url: url.to_owned(), removed_at_unix_ms: None };
        let done = |withheld| LiveJob { artifacts: vec![file("/0")], ..job("COMPLETED", withheld, true) };
        shown.updated(done(true));
        assert_eq!((shown.file(), done(true).file()), (None, Some("/0")), "only its creator may read it");
        shown.updated(done(false));
        assert_eq!(shown.file(), Some("/0"), "now everybody may");
        assert!(job("COMPLETED", false, true).is_over() && job("FAILED", false, false).is_over());
        assert!(!job("COMPLETED", true, true).is_over(), "its creator reads the text from the stream");
        assert!(!job("COMPLETED", false, false).is_over() && !job("RUNNING", true, false).is_over());
    }
}
