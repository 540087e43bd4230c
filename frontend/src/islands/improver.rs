//! Lets a text model write a prompt out: its words stream into the prompt's field, and one press undoes them.

use leptos::prelude::*;
#[cfg(feature = "hydrate")]
use shared::job::lifecycle::JobState;

use super::composer::Composer;
use super::job_watch::JobWatch;
use crate::text::home as words;

/// Longest answer that is requested; the product's own model ends far earlier.
#[cfg(feature = "hydrate")]
const ANSWER_MAX_TOKENS: u32 = 64;

#[derive(Clone, Copy)]
pub struct Improver {
    composer: Composer,
    watch: JobWatch,
    /// What the visitor wrote, while the model's words are in the field.
    own: RwSignal<Option<String>>,
    failed: RwSignal<bool>,
}

impl Improver {
    pub fn new(composer: Composer) -> Self {
        let improver =
            Self { composer, watch: JobWatch::new(None), own: RwSignal::new(None), failed: RwSignal::new(false) };
        #[cfg(feature = "hydrate")]
        Effect::new(move |_| improver.show());
        improver
    }

    pub fn is_writing(self) -> bool {
        self.watch.is_running()
    }

    /// The visitor changed the field: there is nothing to undo any more.
    pub fn typed(self) {
        self.own.set(None);
        self.failed.set(false);
    }

    fn undo(self) {
        if let Some(own) = self.own.get_untracked() {
            self.composer.prompt().set(own);
            self.composer.judge_prompt();
            self.own.set(None);
        }
    }

    /// Shows what has been written so far, or the visitor's own words where the job failed.
    #[cfg(feature = "hydrate")]
    fn show(self) {
        let written = self.watch.text.with(|text| text.trim().to_owned());
        let state = self.watch.state();
        if self.own.with_untracked(Option::is_none) {
            return;
        }
        let ended_badly = state.is_some_and(|state| state.is_terminal() && state != JobState::Completed);
        if ended_badly {
            self.failed.set(true);
            self.undo();
        } else if !written.is_empty() {
            self.composer.prompt().set(written);
            if state.is_some_and(JobState::is_terminal) {
                self.composer.judge_prompt();
            }
        }
    }

    #[cfg(feature = "hydrate")]
    fn ask(self) {
        use shared::job::JobKind;
        use shared::job::request::{CreateJob, TTL_DEFAULT_SECONDS};

        use crate::live_job::LiveJob;

        let own = self.own.get_untracked().unwrap_or_else(|| self.composer.prompt().get_untracked());
        let folded = own.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let request = CreateJob {
            kind: JobKind::Text,
            model: None,
            input: serde_json::json!({
                "messages": [{ "role": "user", "content": words::improve_request(&folded) }],
                "max_tokens": ANSWER_MAX_TOKENS,
                "temperature": 0.7,
                "top_p": 0.9,
            }),
            constraints: Default::default(),
            payment: Default::default(),
            ttl_seconds: TTL_DEFAULT_SECONDS,
        };
        self.failed.set(false);
        leptos::task::spawn_local(async move {
            match crate::browser::http::post::<LiveJob>("/v1/jobs", &request).await {
                Ok(job) => {
                    self.own.set(Some(own));
                    self.watch.follow(job);
                }
                Err(_) => self.failed.set(true),
            }
        });
    }
}

/// The two buttons beside the prompt's label.
#[component]
pub fn ImproveButtons(improver: Improver) -> impl IntoView {
    let empty = move || improver.composer.prompt().with(|prompt| prompt.trim().is_empty());
    let label = move || match (improver.is_writing(), improver.own.with(Option::is_some)) {
        (true, _) => words::IMPROVING,
        (false, true) => words::IMPROVE_AGAIN,
        (false, false) => words::IMPROVE,
    };
    let ask = move |_| {
        #[cfg(feature = "hydrate")]
        improver.ask();
    };
    view! {
        <span class="field-tools">
            <span class="field-error" role="status">
                {move || improver.failed.get().then_some(words::IMPROVE_FAILED)}
            </span>
            <button
                type="button"
                class="text-button"
                id="undo"
                hidden=move || improver.is_writing() || improver.own.with(Option::is_none)
                on:click=move |_| improver.undo()
            >
                {words::IMPROVE_UNDO}
            </button>
            <button type="button" class="text-button" id="improve" disabled=move || empty() || improver.is_writing() on:click=ask>
                {label}
            </button>
        </span>
    }
}
