//! The proof line of a job: prompt → miner → receipt → mint → block, each stop with its state.
//!
//! Pure: made from what the API says, and shown by the component `ProofLine`.

use shared::amount::Amount;
use shared::api::payments::PlacedTransaction;
use shared::api::receipts::{ReceiptView, SettlementState};
use shared::job::lifecycle::JobState;
use shared::time::UnixMillis;

use crate::format::{amount_parts, clipped, grouped, shortened};
use crate::live_job::LiveJob;
use crate::proof_stop::{StopName, StopState};
use crate::text;

const PROMPT_CHARS: usize = 28;

/// What a stop says under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub text: String,
    /// The whole of it, on hover.
    pub title: String,
    pub href: Option<String>,
}

impl Fact {
    fn words(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { title: text.clone(), text, href: None }
    }

    fn link(text: impl Into<String>, title: impl Into<String>, href: String) -> Self {
        Self { text: text.into(), title: title.into(), href: Some(href) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    pub name: StopName,
    pub state: StopState,
    pub fact: Option<Fact>,
    pub at: Option<UnixMillis>,
}

impl Stop {
    fn new(name: StopName, state: StopState, fact: impl Into<Option<Fact>>, at: impl Into<Option<UnixMillis>>) -> Self {
        Self { name, state, fact: fact.into(), at: at.into() }
    }

    fn waiting(name: StopName) -> Self {
        Self::new(name, StopState::Waiting, None, None)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub stops: [Stop; 5],
}

impl Proof {
    /// There is no job yet.
    pub fn empty() -> Self {
        Self {
            stops: StopName::ALL
                .map(|name| Stop { fact: Some(Fact::words(text::proof::meaning(name))), ..Stop::waiting(name) }),
        }
    }

    /// The proof line of a job in its current state.
    pub fn of_job(job: &LiveJob) -> Self {
        let words = job.words();
        let prompt = Fact::link(clipped(words, PROMPT_CHARS), words, format!("/jobs/{}", job.id));
        Self {
            stops: [
                Stop::new(StopName::Prompt, StopState::Done, prompt, job.created_at_unix_ms),
                miner_stop(job),
                receipt_stop(job),
                mint_stop(job),
                block_stop(job),
            ],
        }
    }

    /// The proof line of a receipt.
    pub fn of_receipt(view: &ReceiptView) -> Self {
        let receipt = &view.signed.receipt;
        let job = Fact::link(
            shortened(&receipt.job_id.to_string()),
            receipt.prompt_commitment.to_string(),
            format!("/jobs/{}", receipt.job_id),
        );
        let provider = receipt.provider.to_string();
        let miner = Fact::link(shortened(&provider), &*provider, format!("/miners/{provider}"));
        let hash = view.signed.receipt_hash.to_string();
        let own = Fact::link(shortened(&hash), &*hash, format!("/explorer/receipts/{hash}"));
        let done = StopState::Done;
        let (mint, block) = settlement_stops(view);
        Self {
            stops: [
                Stop::new(StopName::Prompt, done, job, receipt.started_at.millis()),
                Stop::new(StopName::Miner, done, miner, receipt.finished_at.millis()),
                Stop::new(StopName::Receipt, done, own, view.attested_at_unix_ms),
                mint,
                block,
            ],
        }
    }

    /// The same in one sentence, for screen readers.
    pub fn sentence(&self) -> String {
        let parts = self.stops.iter().map(|stop| {
            let fact = stop.fact.as_ref().map(|fact| format!(" {}", fact.text)).unwrap_or_default();
            format!("{}{}{fact}", text::proof::stop(stop.name), text::proof::state(stop.state))
        });
        parts.collect::<Vec<_>>().join("; ")
    }
}

fn miner_stop(job: &LiveJob) -> Stop {
    let stop = |state, fact: Option<Fact>, at: Option<UnixMillis>| Stop::new(StopName::Miner, state, fact, at);
    let who = job.miner.map(|miner| {
        let miner = miner.to_string();
        Fact::link(shortened(&miner), &*miner, format!("/miners/{miner}"))
    });
    match job.state {
        JobState::Queued => {
            let words = job.queue_position.map_or_else(|| text::job::WAITS.to_owned(), text::job::queue_position);
            stop(StopState::Running, Some(Fact::words(words)), None)
        }
        JobState::Running => {
            let fact =
                job.progress.map(|progress| Fact::words(text::job::progress(job.kind, progress.step, progress.steps)));
            stop(StopState::Running, fact.or(who), job.started_at_unix_ms)
        }
        JobState::Verifying | JobState::Completed => {
            stop(StopState::Done, who, job.finished_at_unix_ms.or(job.started_at_unix_ms))
        }
        JobState::Failed | JobState::Canceled | JobState::Expired => {
            stop(StopState::Refused, Some(Fact::words(text::job::state(job.state))), job.finished_at_unix_ms)
        }
    }
}

fn receipt_stop(job: &LiveJob) -> Stop {
    match (job.receipt_hash, job.state) {
        (Some(hash), _) => {
            let hash = hash.to_string();
            let fact = Fact::link(shortened(&hash), &*hash, format!("/explorer/receipts/{hash}"));
            Stop::new(StopName::Receipt, StopState::Done, fact, job.finished_at_unix_ms)
        }
        (None, JobState::Verifying) => {
            Stop::new(StopName::Receipt, StopState::Running, Fact::words(text::job::VERIFIED_NOW), None)
        }
        (None, _) => Stop::waiting(StopName::Receipt),
    }
}

fn mint_stop(job: &LiveJob) -> Stop {
    match (&job.mint, job.receipt_hash) {
        (Some(mint), _) => minted_stop(mint),
        (None, _) if job.settled().is_some() => {
            let paid = job.payment.as_ref().and_then(|payment| payment.paid).unwrap_or_default();
            job.settled().map_or_else(|| Stop::waiting(StopName::Mint), |settled| paid_stop(paid, settled))
        }
        (None, Some(_)) => Stop::new(StopName::Mint, StopState::Running, Fact::words(text::proof::IN_BATCH), None),
        (None, None) => Stop::waiting(StopName::Mint),
    }
}

fn block_stop(job: &LiveJob) -> Stop {
    let minted = job.mint.as_ref().map(|mint| mint.block_number);
    let block = minted.or(job.settled().map(|settled| settled.block_number));
    block.map_or_else(|| Stop::waiting(StopName::Block), in_block_stop)
}

fn minted_stop(mint: &shared::api::jobs::MintView) -> Stop {
    let (transaction_hash, block_number) = (mint.transaction_hash, mint.block_number);
    paid_stop(mint.amount, PlacedTransaction { transaction_hash, block_number })
}

/// The miner has its AIT, minted or from the client's deposit.
fn paid_stop(amount: Amount, placed: PlacedTransaction) -> Stop {
    let (whole, fraction) = amount_parts(amount);
    let fact = Fact::link(
        format!("{whole}{fraction} AIT"),
        format!("{amount} AIT"),
        format!("/explorer/transactions/{}", placed.transaction_hash),
    );
    Stop::new(StopName::Mint, StopState::Done, fact, None)
}

fn in_block_stop(number: u64) -> Stop {
    let fact = Fact::link(grouped(number), text::proof::BLOCK_TITLE, format!("/explorer/blocks/{number}"));
    Stop::new(StopName::Block, StopState::Done, fact, None)
}

fn settlement_stops(view: &ReceiptView) -> (Stop, Stop) {
    let no_block_yet = Stop::waiting(StopName::Block);
    match (&view.mint, view.settlement) {
        (Some(mint), _) => (minted_stop(mint), in_block_stop(mint.block_number)),
        (None, SettlementState::Settled) => view.settled.map_or_else(
            || (Stop::waiting(StopName::Mint), Stop::waiting(StopName::Block)),
            |settled| (paid_stop(view.amount, settled), in_block_stop(settled.block_number)),
        ),
        (None, SettlementState::Refused) => {
            let reason = view.refusal.clone().unwrap_or_else(|| text::receipt::settlement(view.settlement).to_owned());
            (Stop::new(StopName::Mint, StopState::Refused, Fact::words(reason), None), no_block_yet)
        }
        (None, _) => {
            (Stop::new(StopName::Mint, StopState::Running, Fact::words(text::proof::IN_BATCH), None), no_block_yet)
        }
    }
}
