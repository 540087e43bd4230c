//! A job's page, live: picture, proof line, request, receipt.

use leptos::prelude::*;
use shared::api::jobs::{Explanation, JobView};
use shared::api::receipts::ReceiptView;
use shared::job::lifecycle::JobState;
use shared::job::request::Work;

use super::job_watch::{JobWatch, prompt};
use crate::components::canvas::Canvas;
use crate::components::facts::{InfoRow, Section};
use crate::components::format;
use crate::components::minted::MintedSentence;
use crate::components::notice::Notice;
use crate::components::proof_line::ProofLine;
use crate::components::receipt_facts::ReceiptFacts;
use crate::components::status::{JobPill, Tone};
use crate::components::value::{AddressValue, Age, CopyButton, ModelChip};
use crate::text;

#[island]
pub fn JobLive(job: JobView, receipt: Option<ReceiptView>) -> impl IntoView {
    let watch = JobWatch::new(Some(job.clone()));
    let receipt = RwSignal::new(receipt);
    let explanation = RwSignal::new(None::<Explanation>);
    #[cfg(feature = "hydrate")]
    start(watch, job.clone(), receipt, explanation);
    let title = prompt(&job).to_owned();
    view! {
        <Title job=job.clone() watch />
        <div class="stack">
            <section class="section">
                {move || view! { <ProofLine proof=watch.proof() /> }}
                <div class="outcome" aria-live="polite">
                    <Outcome watch />
                </div>
            </section>
            <div class="split">
                <Canvas
                    id="picture"
                    source=Signal::derive(move || watch.picture())
                    alternative=Signal::derive(move || watch.alternative())
                    word=Signal::derive(move || watch.word())
                    progress=Signal::derive(move || watch.progress())
                >
                    <q>{title}</q>
                </Canvas>
                <div class="stack">
                    <Why watch explanation />
                    <Faults watch />
                    <Section title=text::job::REQUEST>
                        <Request job watch />
                    </Section>
                </div>
            </div>
            <Section title=text::job::RECEIPT>
                {move || match receipt.get() {
                    Some(view) => view! { <ReceiptFacts view /> }.into_any(),
                    None if watch.is_running() => view! { <p class="section-note">{text::job::RECEIPT_WAITS}</p> }.into_any(),
                    None => view! { <p class="section-note">{text::job::NO_RECEIPT}</p> }.into_any(),
                }}
            </Section>
        </div>
    }
}

#[component]
fn Title(job: JobView, watch: JobWatch) -> impl IntoView {
    let id = job.id.to_string();
    let again = again_href(&job);
    let cancel = move |_| {
        #[cfg(feature = "hydrate")]
        super::studio::cancel_job(watch);
    };
    view! {
        <header class="title">
            <p class="title-kicker">
                {text::job::TITLE} " " <code>{id.clone()}</code> " " <CopyButton value=id what=text::common::IDENTIFIER />
            </p>
            <div class="title-row">
                <h1>{format::clipped(prompt(&job), 90)}</h1>
                {move || watch.state().map(|state| view! { <JobPill state /> })}
            </div>
            <div class="actions">
                <button type="button" class="button button-quiet button-small" id="cancel" hidden=move || !watch.is_running() on:click=cancel>
                    {text::job::CANCEL}
                </button>
                <a class="button button-quiet button-small" id="again" href=again>
                    {text::job::AGAIN}
                </a>
                <button type="button" class="button button-quiet button-small" data-copy="location">
                    {text::job::SHARE}
                </button>
                {move || {
                    watch
                        .job
                        .with(|job| job.as_ref()?.artifacts.first().map(|artifact| artifact.url.clone()))
                        .map(|url| view! { <a class="button button-quiet button-small" href=url>{text::job::PICTURE}</a> })
                }}
            </div>
        </header>
    }
}

/// The first page with this job's request filled in.
fn again_href(job: &JobView) -> String {
    let Work::Image(input) = &job.work;
    let fields = [
        ("prompt", input.prompt.clone()),
        ("negative_prompt", input.negative_prompt.clone()),
        ("steps", input.steps.to_string()),
        ("guidance", input.guidance.to_string()),
        ("width", input.width.to_string()),
        ("height", input.height.to_string()),
        ("seed", input.seed.to_string()),
    ];
    let pairs: Vec<String> = fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", percent_encoded(&value)))
        .collect();
    format!("/?{}", pairs.join("&"))
}

/// `application/x-www-form-urlencoded` without the plus sign for blanks.
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[component]
fn Outcome(watch: JobWatch) -> impl IntoView {
    move || {
        watch.job.with(|job| {
            let job = job.as_ref()?;
            Some(match &job.mint {
                Some(mint) => view! { <p class="minted"><MintedSentence mint=mint.clone() /></p> }.into_any(),
                None => view! { <p class="minted">{text::job::state_sentence(job.state)}</p> }.into_any(),
            })
        })
    }
}

/// Why a waiting job waits: which filter removed which miner.
#[component]
fn Why(watch: JobWatch, explanation: RwSignal<Option<Explanation>>) -> impl IntoView {
    move || {
        let explanation = explanation.get().filter(|_| watch.state() == Some(JobState::Queued))?;
        let miners = explanation
            .miners
            .into_iter()
            .map(|miner| {
                view! {
                    <li>
                        <AddressValue address=miner.miner miner=true bare=true />
                        " "
                        {miner.reason}
                    </li>
                }
            })
            .collect_view();
        Some(view! {
            <Section title=text::job::WHY>
                <Notice tone=Tone::Waiting title=text::job::WAITS_TITLE detail=explanation.summary />
                <ul class="timeline">{miners}</ul>
            </Section>
        })
    }
}

#[component]
fn Faults(watch: JobWatch) -> impl IntoView {
    move || {
        let faults = watch.job.with(|job| job.as_ref().map(|job| job.faults.clone()).unwrap_or_default());
        (!faults.is_empty()).then(|| {
            let rows = faults
                .into_iter()
                .map(|fault| view! { <li>{fault.reason} " " <span class="quiet">"("{text::job::blame(fault.blame)}")"</span></li> })
                .collect_view();
            view! {
                <Section title=text::job::FAULTS>
                    <ol class="timeline">{rows}</ol>
                </Section>
            }
        })
    }
}

#[component]
fn Request(job: JobView, watch: JobWatch) -> impl IntoView {
    let Work::Image(input) = job.work.clone();
    let sponsored = job.sponsored;
    let took = move || {
        watch.job.with(|job| {
            let job = job.as_ref()?;
            Some(format::duration(job.finished_at_unix_ms?.since_ms(job.started_at_unix_ms?)))
        })
    };
    view! {
        <dl class="info">
            <InfoRow name=text::job::PROMPT>{input.prompt}</InfoRow>
            {(!input.negative_prompt.is_empty())
                .then(|| view! { <InfoRow name=text::job::NEGATIVE>{input.negative_prompt}</InfoRow> })}
            <InfoRow name=text::job::MODEL>
                <ModelChip name=job.model />
            </InfoRow>
            <InfoRow name=text::job::SIZE>{format!("{} × {} px", input.width, input.height)}</InfoRow>
            <InfoRow name=text::job::STEPS>{format!("{}, guidance {}", input.steps, input.guidance)}</InfoRow>
            <InfoRow name=text::job::SEED>
                <code>{input.seed.to_string()}</code>
            </InfoRow>
            <InfoRow name=text::job::CREATED>
                <Age at=job.created_at_unix_ms />
            </InfoRow>
            <InfoRow name=text::job::TOOK>
                {move || took().unwrap_or_else(|| text::common::NOT_YET.to_owned())}
            </InfoRow>
            <InfoRow name=text::job::MINER>
                {move || match watch.job.with(|job| job.as_ref()?.miner) {
                    Some(address) => view! { <AddressValue address miner=true /> }.into_any(),
                    None => text::common::NOT_YET.into_any(),
                }}
            </InfoRow>
            <InfoRow name=text::job::CLIENT>
                {if sponsored {
                    text::job::SPONSORED.into_any()
                } else {
                    view! { <AddressValue address=job.client /> }.into_any()
                }}
            </InfoRow>
        </dl>
    }
}

/// Follows the job, fetches its receipt when there is one, and asks why while it waits.
#[cfg(feature = "hydrate")]
fn start(
    watch: JobWatch,
    job: JobView,
    receipt: RwSignal<Option<ReceiptView>>,
    explanation: RwSignal<Option<Explanation>>,
) {
    use crate::browser::http;
    /// A job that is taken at once needs no explanation.
    const EXPLAIN_AFTER_MS: i32 = 1_500;

    let id = job.id;
    Effect::new(move |_| watch.follow(job.clone()));
    Effect::new(move |_| {
        let known = watch.job.with(|job| job.as_ref().map(|job| (job.receipt_hash.is_some(), job.mint.is_some())));
        let Some((true, minted)) = known else { return };
        if receipt.with_untracked(|receipt| receipt.as_ref().is_some_and(|receipt| receipt.mint.is_some() || !minted)) {
            return;
        }
        leptos::task::spawn_local(async move {
            if let Ok(view) = http::get(&format!("/v1/jobs/{id}/receipt")).await {
                receipt.set(Some(view));
            }
        });
    });
    Effect::new(move |_| {
        if watch.state() != Some(JobState::Queued) {
            return;
        }
        crate::browser::after(EXPLAIN_AFTER_MS, move || {
            if watch.job.with_untracked(|job| job.as_ref().is_none_or(|job| job.state != JobState::Queued)) {
                return;
            }
            leptos::task::spawn_local(async move {
                explanation.set(http::get(&format!("/v1/jobs/{id}/explain")).await.ok());
            });
        });
    });
}
