//! The live part of the first page: prompt, picture and proof line.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use shared::job::lifecycle::JobState;

use super::composer::{Composer, NetworkOffer, PromptAdvice, PromptField, Settings};
use super::draft::{Draft, Field};
use super::improver::Improver;
use super::job_watch::JobWatch;
use crate::components::canvas::Canvas;
use crate::components::minted::MintedSentence;
use crate::components::notice::Notice;
use crate::components::proof_line::ProofLine;
use crate::components::status::Tone;
#[cfg(feature = "hydrate")]
use crate::live_job::{LiveEvent, LiveJob};
use crate::text;

/// A picture that the model really drew, shown until the visitor's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    pub url: String,
    pub prompt: String,
    pub seed: u64,
    pub steps: u32,
}

/// Why the last job was not taken, where that is not about a field.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SubmitFailure {
    title: String,
    detail: String,
}

#[island]
pub fn Studio(
    offer: NetworkOffer,
    draft: Draft,
    /// The link that led here changes the settings.
    settings_open: bool,
    example: Option<Example>,
) -> impl IntoView {
    let rendered_prompt = draft.get(Field::Prompt).clone();
    #[cfg(feature = "hydrate")]
    let draft = draft.typed();
    let composer = Composer::new(&draft, rendered_prompt);
    let NetworkOffer { model, suggestions, subjects, has_text_model, miners_online, usual, fast } = offer;
    let improver = has_text_model.then(|| Improver::new(composer));
    let watch = JobWatch::new(None);
    let live = RwSignal::new(false);
    Effect::new(move |_| {
        live.set(true);
        composer.judge_prompt();
    });
    let busy = RwSignal::new(false);
    let submit_failure = RwSignal::new(None::<SubmitFailure>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        #[cfg(feature = "hydrate")]
        submit_job(composer, watch, busy, submit_failure);
    };
    let shown = example.clone();
    let source = Signal::derive(move || match watch.job.with(Option::is_some) {
        true => watch.picture(),
        false => shown.as_ref().map(|example| example.url.clone()),
    });
    let described = example.clone();
    let alternative = Signal::derive(move || match watch.job.with(Option::is_some) {
        true => watch.alternative(),
        false => described.as_ref().map(|example| text::job::alternative(&example.prompt)).unwrap_or_default(),
    });
    view! {
        <div class="home-top">
            <div class="home-words">
                <h1>{text::home::SENTENCE}</h1>
                <form class="composer" method="get" action="/" on:submit=submit>
                    <PromptField composer suggestions improver />
                    <Settings composer usual fast open=settings_open />
                    <Buttons watch live busy miners_online />
                    <PromptAdvice composer model subjects />
                    {move || {
                        submit_failure.get().map(|failure| view! { <Notice tone=Tone::Refused title=failure.title detail=failure.detail /> })
                    }}
                </form>
            </div>
            <Canvas
                id="picture"
                source
                alternative
                word=Signal::derive(move || watch.word())
                progress=Signal::derive(move || watch.progress())
            >
                <Caption watch example />
            </Canvas>
        </div>
        <section class="home-proof" aria-label=text::home::PROOF>
            {move || view! { <ProofLine proof=watch.proof() /> }}
            <div class="outcome" aria-live="polite">
                <Outcome watch />
            </div>
        </section>
    }
}

#[component]
fn Buttons(watch: JobWatch, live: RwSignal<bool>, busy: RwSignal<bool>, miners_online: u32) -> impl IntoView {
    let words = move || match watch.state() {
        None => text::home::DRAW,
        Some(JobState::Queued) => text::home::WAITING,
        Some(state) if !state.is_terminal() => text::home::DRAWING,
        Some(_) => text::home::DRAW_NEXT,
    };
    let cancel = move |_| {
        #[cfg(feature = "hydrate")]
        cancel_job(watch);
    };
    view! {
        <div class="actions">
            <button
                type="submit"
                class="button"
                id="draw"
                disabled=move || !live.get() || busy.get() || watch.is_running()
                data-starting=move || (!live.get()).then_some("")
            >
                {words}
            </button>
            <button type="button" class="button button-quiet" id="cancel" hidden=move || !watch.is_running() on:click=cancel>
                {text::home::CANCEL}
            </button>
            <p class="sponsor">{if miners_online == 0 { text::home::NO_MINER } else { text::home::SPONSORED }}</p>
        </div>
    }
}

/// What the picture shows, and with which seed.
#[component]
fn Caption(watch: JobWatch, example: Option<Example>) -> impl IntoView {
    move || {
        let own = watch.job.with(|job| {
            let input = &job.as_ref()?.input;
            Some((input.prompt.clone(), text::home::example_caption(input.seed?, input.steps?)))
        });
        let (prompt, facts) = match (own, &example) {
            (Some(own), _) => own,
            (None, Some(example)) => (example.prompt.clone(), text::home::example_caption(example.seed, example.steps)),
            (None, None) => (String::new(), String::new()),
        };
        view! {
            {(!prompt.is_empty()).then(|| view! { <q>{prompt}</q> })}
            <span>{facts}</span>
        }
    }
}

/// One line under the proof line: the mint, or the job's state.
#[component]
fn Outcome(watch: JobWatch) -> impl IntoView {
    move || {
        watch.job.with(|job| {
            let job = job.as_ref()?;
            let page = format!("/jobs/{}", job.id);
            let mint = job.mint.clone().map(|mint| view! { <MintedSentence mint /> });
            let sentence = mint.is_none().then(|| text::job::state_sentence(job.state));
            let wallet = job.mint.as_ref().map(|_| view! { <a href="/wallet#new">{text::home::WALLET_OFFER}</a> });
            Some(view! {
                <p class="minted">{mint} {sentence}</p>
                <p class="actions outcome-links">
                    <a href=page>{text::home::JOB_PAGE}</a>
                    {wallet}
                </p>
            })
        })
    }
}

#[cfg(feature = "hydrate")]
fn submit_job(
    composer: Composer,
    watch: JobWatch,
    busy: RwSignal<bool>,
    submit_failure: RwSignal<Option<SubmitFailure>>,
) {
    submit_failure.set(None);
    composer.errors.set(Vec::new());
    let body = match composer.request() {
        Ok(body) => body,
        Err(errors) => return composer.errors.set(errors),
    };
    busy.set(true);
    leptos::task::spawn_local(async move {
        match crate::browser::http::post::<LiveJob>("/v1/jobs", &body).await {
            Ok(job) => {
                crate::browser::own_jobs::remember(job.id);
                watch.follow(job);
                crate::browser::bring_into_view(".home-top .canvas");
            }
            Err(failure) => {
                if failure.errors.is_empty() {
                    submit_failure.set(Some(SubmitFailure { title: failure.title, detail: failure.detail }));
                }
                composer.errors.set(failure.errors);
            }
        }
        busy.set(false);
    });
}

/// Asks the hub to cancel; the stream says when it did.
#[cfg(feature = "hydrate")]
pub(super) fn cancel_job(watch: JobWatch) {
    let Some(id) = watch.job.with_untracked(|job| job.as_ref().map(|job| job.id)) else { return };
    leptos::task::spawn_local(async move {
        let canceled =
            crate::browser::http::post::<LiveJob>(&format!("/v1/jobs/{id}/cancel"), &serde_json::json!({})).await;
        if let Ok(job) = canceled {
            watch.apply(id, LiveEvent::State(Box::new(job)));
        }
    });
}
