//! One job: its live part, its request and its receipt.

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use shared::amount::Amount;
use shared::api::jobs::JobView;
use shared::api::payments::{PaymentView, PlacedTransaction};
use shared::api::receipts::ReceiptView;
use shared::id::JobId;
use shared::job::embedding::ValidEmbeddingInput;
use shared::job::image::ValidImageInput;
use shared::job::lifecycle::JobState;
use shared::job::request::Work;
use shared::job::text::{Ask, ValidTextInput};

use super::document_head::DocumentHead;
use super::load::{load, param};
use crate::backend::{Written, use_backend};
use crate::components::facts::{InfoRow, Section};
use crate::components::failure_facts::FailureFacts;
use crate::components::job_parts::{Parts, Pictures, is_shared};
use crate::components::receipt_facts::ReceiptFacts;
use crate::components::reviews::OwnReviews;
use crate::components::signed_in::SignedIn;
use crate::components::value::{AddressValue, Age, AmountValue, CodeValue, HashValue, Height, ModelChip};
use crate::format::{clipped, duration, percent_encoded};
use crate::islands::draft::{Draft, Field};
use crate::islands::job_live::{JobLive, RECEIPT, REQUEST, WRITTEN};
use crate::live_job::LiveJob;
use crate::pages::pay::pay_href;
use crate::text::{audit as audit_words, common, job as words, log as log_words, pay as pay_words};

const TITLE_CHARS: usize = 60;

/// Characters of the first of the texts that were embedded.
const EMBEDDED_CHARS: usize = 200;

#[component]
pub fn JobPage() -> impl IntoView {
    let backend = use_backend();
    let id = param::<JobId>("id");
    let (is_signed_in, nonce) = (use_context::<SignedIn>().is_some(), use_nonce());
    let ask = async move {
        let id = id?;
        let mut job = backend.job(id).await?;
        let is_anothers = !backend.may_read(&job).await?;
        if is_anothers {
            // What the reader may not read is not named either.
            job.artifacts.clear();
        }
        let receipt = backend.receipt_of_job(id).await?;
        let written = backend.written(&job).await?;
        let place = match &receipt {
            Some(view) => backend.place_of_receipt(view.signed.receipt_hash).await?,
            None => None,
        };
        let is_served = job.state == JobState::Completed;
        let failure = if is_served { None } else { backend.failure_of_job(id).await? };
        let own_reviews = backend.own_reviews(&job).await?;
        Ok((job, is_anothers, receipt.map(|view| (view, place)), written, failure, own_reviews))
    };
    load(ask, move |(job, is_anothers, receipt, written, failure, own_reviews)| {
        let asked = job.clone();
        let picture = picture_path(&job);
        let live = LiveJob { is_anothers, ..LiveJob::from(&job) };
        let shared = is_shared(&job).then(|| job.clone());
        let (is_whole, pictures) = (shared.is_none(), job.clone());
        let over = job.state.is_terminal();
        let payment = job.payment.clone();
        let paid_again = is_signed_in.then(|| paid_again_href(&job)).flatten();
        view! {
            <DocumentHead name=clipped(job.work.words(), TITLE_CHARS) description=Some(words::LINK_DESCRIPTION.to_owned()) picture />
            <div class="stack">
                <JobLive job=live again=again_href(&job)>
                    <div id=WRITTEN>{written.map(|written| view! { <Outcome written /> })}</div>
                    <div id=REQUEST>
                        <Section title=words::REQUEST>
                            <Request job=asked />
                            {paid_again.map(|href| view! { <p><a href=href>{pay_words::AGAIN}</a></p> })}
                        </Section>
                    </div>
                </JobLive>
                <div id=RECEIPT class="stack">
                    <Pictures job=pictures />
                    {shared.map(|job| view! { <Parts job /> })}
                    {payment.map(|payment| view! { <PaymentSection payment /> })}
                    {failure
                        .map(|checked| {
                            view! {
                                <Section title=log_words::FAILURE>
                                    <FailureFacts checked />
                                </Section>
                            }
                        })}
                    {is_whole.then(|| view! {
                        <Section title=words::RECEIPT>
                            <Receipt receipt over />
                        </Section>
                    })}
                </div>
                {own_reviews
                    .map(|reviews| {
                        view! {
                            <OwnReviews reviews />
                            <script type="module" src="/review.js" nonce=nonce></script>
                        }
                    })}
            </div>
        }
    })
}

/// Where the first picture of the job is, if it made one that may be shown.
fn picture_path(job: &JobView) -> Option<String> {
    let artifact = job.artifacts.first()?;
    let is_whole = !artifact.flagged && !job.withheld && artifact.removed_at_unix_ms.is_none();
    let is_shown = matches!(job.work, Work::Image(_)) && is_whole;
    is_shown.then(|| artifact.url.clone())
}

/// The first page with this job's request filled in; it asks for pictures only.
fn again_href(job: &JobView) -> Option<String> {
    let Work::Image(input) = &job.work else { return None };
    let draft = Draft::of_job(input, job.work.is_fast());
    let pairs: Vec<String> = Field::ALL
        .into_iter()
        .map(|field| (field.name(), draft.get(field)))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", percent_encoded(value)))
        .collect();
    Some(format!("/?{}", pairs.join("&")))
}

/// What a miner wrote, without the blanks around it; the file that the receipt names has them. The stylesheet hides the live
/// text once this is there.
#[component]
fn Outcome(written: Written) -> impl IntoView {
    match written {
        Written::Text(text) => view! {
            <Section title=words::ANSWER>
                <p class="written">{text.trim().to_owned()}</p>
            </Section>
        }
        .into_any(),
        Written::Vectors(vectors) => view! {
            <Section title=words::VECTORS>
                <p>{words::vectors(vectors.len(), vectors.first().map_or(0, Vec::len))}</p>
            </Section>
        }
        .into_any(),
    }
}

/// The page that pays for the same picture.
fn paid_again_href(job: &JobView) -> Option<String> {
    let Work::Image(input) = &job.work else { return None };
    Some(pay_href(&Draft::of_job(input, job.work.is_fast())))
}

/// What became of the client's money.
#[component]
fn PaymentSection(payment: PaymentView) -> impl IntoView {
    let amount = |name: &'static str, amount: Option<Amount>| {
        amount.map(|amount| view! { <InfoRow name><AmountValue amount /></InfoRow> })
    };
    let placed = |name: &'static str, placed: Option<PlacedTransaction>| {
        placed.map(|placed| {
            view! {
                <InfoRow name>
                    <Height number=placed.block_number />
                    " "
                    <HashValue hash=placed.transaction_hash href=format!("/explorer/transactions/{}", placed.transaction_hash) />
                </InfoRow>
            }
        })
    };
    view! {
        <Section title=pay_words::PAYMENT>
            <p id="payment-state" data-state=payment.state.as_str()>{pay_words::state(payment.state)}</p>
            <dl class="info">
                {amount(pay_words::MAXIMUM, Some(payment.max_total))}
                {amount(pay_words::PAID, payment.paid)}
                {amount(pay_words::FEE, payment.fee)}
                {amount(pay_words::REFUNDED, payment.refunded)}
                {placed(pay_words::RESERVED_IN, payment.reserve)}
                {placed(pay_words::ENDED_IN, payment.end)}
                {payment.refusal.map(|refusal| view! { <InfoRow name=pay_words::REASON>{refusal}</InfoRow> })}
            </dl>
        </Section>
    }
}

/// The receipt, or when it will come.
#[component]
fn Receipt(receipt: Option<(ReceiptView, Option<u64>)>, over: bool) -> impl IntoView {
    match receipt {
        Some((view, place)) => view! { <ReceiptFacts view place /> }.into_any(),
        None => {
            let note = if over { words::NO_RECEIPT } else { words::RECEIPT_WAITS };
            view! { <p class="section-note">{note}</p> }.into_any()
        }
    }
}

#[component]
fn Request(job: JobView) -> impl IntoView {
    let missing = if job.state.is_terminal() { common::NEVER } else { common::NOT_YET };
    let took = job.finished_at_unix_ms.zip(job.started_at_unix_ms).map(|(end, start)| duration(end.since_ms(start)));
    let miner = match job.miner {
        Some(_) if is_shared(&job) => words::SHARED.into_any(),
        Some(address) => view! { <AddressValue address miner=true /> }.into_any(),
        None => missing.into_any(),
    };
    let client = match job.sponsored {
        true => words::SPONSORED.into_any(),
        false => view! { <AddressValue address=job.client /> }.into_any(),
    };
    let asked = match job.work {
        Work::Image(input) => view! { <ImageRows input /> }.into_any(),
        Work::Text(input) => view! { <TextRows input /> }.into_any(),
        Work::Embedding(input) => view! { <EmbeddingRows input /> }.into_any(),
    };
    let gone = job.artifacts.iter().any(|artifact| artifact.removed_at_unix_ms.is_some());
    let flagged = job.artifacts.iter().any(|artifact| artifact.flagged);
    view! {
        {gone.then(|| view! { <p class="section-note">{words::FILES_GONE}</p> })}
        {job.withheld.then(|| view! { <p class="section-note" data-testid="withheld">{words::WITHHELD}</p> })}
        {flagged.then(|| view! { <p class="section-note">{words::FLAGGED}</p> })}
        <dl class="info">
            <InfoRow name=words::MODEL>
                <ModelChip name=job.model />
            </InfoRow>
            {asked}
            {job
                .unaudited
                .map(|why| {
                    view! {
                        <InfoRow name=audit_words::AUDIT help=audit_words::AUDIT_HELP>
                            <span data-testid="unaudited">{audit_words::unaudited(why)}</span>
                        </InfoRow>
                    }
                })}
            <InfoRow name=words::CREATED>
                <Age at=job.created_at_unix_ms />
            </InfoRow>
            <InfoRow name=words::TOOK>{took.unwrap_or_else(|| missing.to_owned())}</InfoRow>
            <InfoRow name=words::MINER>{miner}</InfoRow>
            <InfoRow name=words::CLIENT>{client}</InfoRow>
            <InfoRow name=words::SALT help=words::SALT_HELP>
                <CodeValue value=job.salt.to_string() what=words::SALT />
            </InfoRow>
        </dl>
    }
}

#[component]
fn ImageRows(input: ValidImageInput) -> impl IntoView {
    let negative = (!input.negative_prompt.is_empty())
        .then(|| view! { <InfoRow name=words::NEGATIVE>{input.negative_prompt}</InfoRow> });
    view! {
        <InfoRow name=words::PROMPT>{input.prompt}</InfoRow>
        {negative}
        <InfoRow name=words::SIZE>{format!("{} × {} px", input.width, input.height)}</InfoRow>
        <InfoRow name=words::STEPS>{format!("{}, guidance {}", input.steps, input.guidance)}</InfoRow>
        <InfoRow name=words::SEED>
            <code>{input.seed.to_string()}</code>
        </InfoRow>
    }
}

#[component]
fn TextRows(input: ValidTextInput) -> impl IntoView {
    let asked = match input.ask {
        Ask::Prompt(prompt) => view! { <InfoRow name=words::PROMPT>{prompt}</InfoRow> }.into_any(),
        Ask::Messages(messages) => messages
            .into_iter()
            .map(|message| view! { <InfoRow name=words::speaker(message.role)>{message.content}</InfoRow> })
            .collect_view()
            .into_any(),
    };
    let stop = (!input.stop.is_empty()).then(|| {
        let stops = input.stop.iter().map(|stop| format!("{stop:?}")).collect::<Vec<_>>().join(", ");
        view! {
            <InfoRow name=words::STOP>
                <code>{stops}</code>
            </InfoRow>
        }
    });
    view! {
        {asked}
        <InfoRow name=words::SAMPLING>{words::sampling(input.max_tokens, input.temperature, input.top_p)}</InfoRow>
        {stop}
        <InfoRow name=words::SEED>
            <code>{input.seed.to_string()}</code>
        </InfoRow>
    }
}

#[component]
fn EmbeddingRows(input: ValidEmbeddingInput) -> impl IntoView {
    let first = clipped(input.words(), EMBEDDED_CHARS);
    view! {
        <InfoRow name=words::INPUTS>{words::texts(input.input.len())} ": " {first}</InfoRow>
    }
}
