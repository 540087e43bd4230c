//! One job: its live part, its request and its receipt.

use leptos::prelude::*;
use leptos_meta::Title;
use shared::api::jobs::JobView;
use shared::api::receipts::ReceiptView;
use shared::id::JobId;
use shared::job::embedding::ValidEmbeddingInput;
use shared::job::image::ValidImageInput;
use shared::job::request::Work;
use shared::job::text::{Ask, ValidTextInput};

use super::load::{load, param};
use crate::backend::{Written, use_backend};
use crate::components::facts::{InfoRow, Section};
use crate::components::receipt_facts::ReceiptFacts;
use crate::components::value::{AddressValue, Age, ModelChip};
use crate::format::{clipped, duration, escaped};
use crate::islands::draft::{Draft, Field};
use crate::islands::job_live::{JobLive, RECEIPT, REQUEST, WRITTEN};
use crate::live_job::LiveJob;
use crate::text::{common, job as words};

const TITLE_CHARS: usize = 60;

/// Characters of the first of the texts that were embedded.
const EMBEDDED_CHARS: usize = 200;

#[component]
pub fn JobPage() -> impl IntoView {
    let backend = use_backend();
    let id = param::<JobId>("id");
    let ask = async move {
        let id = id?;
        let job = backend.job(id).await?;
        let receipt = backend.receipt_of_job(id).await?;
        let written = backend.written(&job).await?;
        Ok((job, receipt, written))
    };
    load(ask, |(job, receipt, written)| {
        let asked = job.clone();
        let over = job.state.is_terminal();
        view! {
            <Title text=escaped(&common::page_title(&clipped(job.work.words(), TITLE_CHARS))) />
            <div class="stack">
                <JobLive job=LiveJob::from(&job) again=again_href(&job)>
                    <div id=WRITTEN>{written.map(|written| view! { <Outcome written /> })}</div>
                    <div id=REQUEST>
                        <Section title=words::REQUEST>
                            <Request job=asked />
                        </Section>
                    </div>
                </JobLive>
                <div id=RECEIPT>
                    <Section title=words::RECEIPT>
                        <Receipt receipt over />
                    </Section>
                </div>
            </div>
        }
    })
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

/// `application/x-www-form-urlencoded` without the plus sign for blanks.
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// What a miner wrote. The stylesheet hides the live text once this is there.
#[component]
fn Outcome(written: Written) -> impl IntoView {
    match written {
        Written::Text(text) => view! {
            <Section title=words::ANSWER>
                <p class="written">{text}</p>
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

/// The receipt, or when it will come.
#[component]
fn Receipt(receipt: Option<ReceiptView>, over: bool) -> impl IntoView {
    match receipt {
        Some(view) => view! { <ReceiptFacts view /> }.into_any(),
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
    let flagged = job.artifacts.iter().any(|artifact| artifact.flagged);
    view! {
        {flagged.then(|| view! { <p class="section-note">{words::FLAGGED}</p> })}
        <dl class="info">
            <InfoRow name=words::MODEL>
                <ModelChip name=job.model />
            </InfoRow>
            {asked}
            <InfoRow name=words::CREATED>
                <Age at=job.created_at_unix_ms />
            </InfoRow>
            <InfoRow name=words::TOOK>{took.unwrap_or_else(|| missing.to_owned())}</InfoRow>
            <InfoRow name=words::MINER>{miner}</InfoRow>
            <InfoRow name=words::CLIENT>{client}</InfoRow>
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
