//! A job's page, live: picture or text, proof line, request, receipt.

use leptos::either::Either;
use leptos::prelude::*;
use shared::api::jobs::Explanation;
use shared::job::JobKind;
use shared::job::lifecycle::JobState;

use super::job_watch::JobWatch;
use crate::components::canvas::Canvas;
use crate::components::facts::Section;
use crate::components::minted::MintedSentence;
use crate::components::notice::Notice;
use crate::components::proof_line::ProofLine;
use crate::components::status::{JobPill, Tone};
use crate::components::value::{AddressValue, CopyButton};
use crate::format;
use crate::live_job::LiveJob;
use crate::text;

/// Ids of the parts that the server renders: the written result, the request and the receipt.
pub const WRITTEN: &str = "written";
pub const REQUEST: &str = "request";
pub const RECEIPT: &str = "receipt";

/// The live part of a job's page. Its children stand beside the picture.
#[island]
pub fn JobLive(
    job: LiveJob,
    /// The first page with this request filled in, where it can ask for such work.
    again: Option<String>,
    children: Children,
) -> impl IntoView {
    let watch = JobWatch::new(Some(job.clone()));
    let explanation = RwSignal::new(None::<Explanation>);
    let drawn = job.kind == JobKind::Image;
    #[cfg(feature = "hydrate")]
    start(watch, job.clone(), explanation);
    view! {
        <Title job=job.clone() again watch />
        <div class="stack">
            <section class="section">
                {move || view! { <ProofLine proof=watch.proof() /> }}
                <div class="outcome" aria-live="polite">
                    <Outcome watch />
                </div>
            </section>
            <div class=if drawn { "split" } else { "stack" }>
                {if drawn {
                    Either::Left(view! { <Picture watch /> })
                } else {
                    Either::Right(view! { <p class="written" data-live="" aria-live="off">{move || watch.text.with(|text| text.trim().to_owned())}</p> })
                }}
                <div class="stack">
                    <Why watch explanation />
                    <Faults watch />
                    {children()}
                </div>
            </div>
        </div>
    }
}

#[component]
fn Picture(watch: JobWatch) -> impl IntoView {
    view! {
        <Canvas
            id="picture"
            source=Signal::derive(move || watch.picture())
            alternative=Signal::derive(move || watch.alternative())
            word=Signal::derive(move || watch.word())
            progress=Signal::derive(move || watch.progress())
        >
            <q>{watch.job.with_untracked(|job| job.as_ref().map(|job| job.words().to_owned()))}</q>
        </Canvas>
    }
}

#[component]
fn Title(job: LiveJob, again: Option<String>, watch: JobWatch) -> impl IntoView {
    // Only the job's creator may cancel it. Until the browser says which jobs it made, the button is not shown.
    let is_own = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| is_own.set(crate::browser::own_jobs::list().contains(&job.id)));
    let id = job.id.to_string();
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
                <h1>{format::clipped(job.words(), 90)}</h1>
                {move || watch.state().map(|state| view! { <JobPill state /> })}
            </div>
            <div class="actions">
                <button type="button" class="button button-quiet button-small" id="cancel" hidden=move || !(is_own.get() && watch.is_running()) on:click=cancel>
                    {text::job::CANCEL}
                </button>
                {again.map(|again| {
                    view! {
                        <a class="button button-quiet button-small" id="again" href=again>
                            {text::job::AGAIN}
                        </a>
                    }
                })}
                <button type="button" class="button button-quiet button-small" data-copy="location">
                    {text::job::SHARE}
                </button>
                {move || {
                    watch
                        .job
                        .with(|job| job.as_ref()?.file().map(str::to_owned))
                        .map(|url| view! { <a class="button button-quiet button-small" href=url>{text::job::OPEN}</a> })
                }}
            </div>
        </header>
    }
}

#[component]
fn Outcome(watch: JobWatch) -> impl IntoView {
    move || {
        watch.job.with(|job| {
            let job = job.as_ref()?;
            let mint = job.mint.clone().map(|mint| view! { <MintedSentence mint /> });
            let sentence = mint.is_none().then(|| text::job::state_sentence(job.state));
            Some(view! { <p class="minted">{mint} {sentence}</p> })
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
                        <AddressValue address=miner.miner miner=true without_copy=true />
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

/// Follows the job, refreshes the server's parts when its state changes, and asks why it waits.
#[cfg(feature = "hydrate")]
fn start(watch: JobWatch, job: LiveJob, explanation: RwSignal<Option<Explanation>>) {
    /// A job that is taken at once needs no explanation.
    const EXPLAIN_AFTER_MS: i32 = 1_500;

    let id = job.id;
    Effect::new(move |_| watch.follow(job.clone()));
    Effect::new(move |before: Option<_>| {
        let known = watch.job.with(|job| {
            let job = job.as_ref()?;
            Some((job.state, job.withheld, job.mint.is_some(), job.payment.as_ref().map(|payment| payment.state)))
        });
        if before.is_some_and(|before| before != known) {
            leptos::task::spawn_local(async move {
                crate::browser::fragments::refresh(&format!("/jobs/{id}"), &[WRITTEN, REQUEST, RECEIPT]).await;
            });
        }
        known
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
                explanation.set(crate::browser::http::get(&format!("/v1/jobs/{id}/explain")).await.ok());
            });
        });
    });
}
