//! One job as it changes: the state that both the first page and the job page show.

use leptos::prelude::*;
use shared::id::JobId;
use shared::job::lifecycle::JobState;

use crate::format;
use crate::live_job::{LiveEvent, LiveJob};
use crate::proof::Proof;
use crate::text;

#[derive(Clone, Copy)]
pub struct JobWatch {
    pub job: RwSignal<Option<LiveJob>>,
    /// The picture so far, as a `data:` URL.
    preview: RwSignal<Option<String>>,
    /// What its miner has written so far.
    pub text: RwSignal<String>,
    #[cfg(feature = "hydrate")]
    stream: StoredValue<Option<crate::browser::job_stream::JobStream>, LocalStorage>,
}

impl JobWatch {
    pub fn new(job: Option<LiveJob>) -> Self {
        Self {
            job: RwSignal::new(job),
            preview: RwSignal::new(None),
            text: RwSignal::new(String::new()),
            #[cfg(feature = "hydrate")]
            stream: StoredValue::new_local(None),
        }
    }

    /// Shows `job` and follows it until nothing happens to it any more.
    #[cfg(feature = "hydrate")]
    pub fn follow(self, job: LiveJob) {
        let id = job.id;
        self.preview.set(None);
        self.text.set(String::new());
        let over = job.is_over();
        self.job.set(Some(job));
        if over {
            return;
        }
        let stream = crate::browser::job_stream::JobStream::open(id, Box::new(move |event| self.apply(id, event)));
        self.stream.set_value(stream);
    }

    /// Takes one event of the stream. An event of a job that is not shown any more is dropped.
    pub fn apply(self, id: JobId, event: LiveEvent) {
        if self.job.with_untracked(|job| job.as_ref().is_none_or(|job| job.id != id)) {
            return;
        }
        let event = match event {
            LiveEvent::Preview { data_url } => return self.preview.set(Some(data_url)),
            LiveEvent::Token { at: 0, text } => return self.text.set(text),
            LiveEvent::Token { text, .. } => return self.text.update(|whole| whole.push_str(&text)),
            event => event,
        };
        self.job.update(|shown| {
            let Some(job) = shown else { return };
            match event {
                LiveEvent::State(now) => job.updated(*now),
                LiveEvent::Queue { position, eta_ms } => (job.queue_position, job.eta_ms) = (Some(position), eta_ms),
                LiveEvent::Progress(progress) => job.progress = Some(progress),
                LiveEvent::Minted(mint) => job.mint = Some(mint),
                LiveEvent::Preview { .. } | LiveEvent::Token { .. } => {}
            }
        });
        #[cfg(feature = "hydrate")]
        if self.job.with_untracked(|job| job.as_ref().is_none_or(LiveJob::is_over)) {
            self.stream.set_value(None);
        }
    }

    pub fn state(self) -> Option<JobState> {
        self.job.with(|job| job.as_ref().map(|job| job.state))
    }

    pub fn is_running(self) -> bool {
        self.state().is_some_and(|state| !state.is_terminal())
    }

    pub fn proof(self) -> Proof {
        self.job.with(|job| job.as_ref().map_or_else(Proof::empty, Proof::of_job))
    }

    /// The picture, else the last preview.
    pub fn picture(self) -> Option<String> {
        let whole = self.job.with(|job| job.as_ref()?.file().map(str::to_owned));
        whole.or_else(|| self.preview.get())
    }

    pub fn alternative(self) -> String {
        self.job.with(|job| job.as_ref().map(|job| text::job::alternative(job.words())).unwrap_or_default())
    }

    /// Done and whole steps while a miner draws.
    pub fn progress(self) -> Option<(u32, u32)> {
        self.job.with(|job| {
            let job = job.as_ref().filter(|job| !job.state.is_terminal())?;
            match job.progress {
                Some(progress) => Some((progress.step, progress.steps)),
                None => job.input.steps.map(|steps| (0, steps)),
            }
        })
    }

    /// The words in the picture's corner until it is complete.
    pub fn word(self) -> Option<String> {
        self.job.with(|job| {
            let job = job.as_ref()?;
            match job.state {
                JobState::Queued => {
                    Some(job.queue_position.map_or_else(|| text::job::WAITS.to_owned(), text::job::queue_position))
                }
                JobState::Running => Some(running_word(job)),
                JobState::Verifying => Some(text::job::VERIFIED_NOW.to_owned()),
                JobState::Completed => job.is_file_gone().then(|| text::job::FILE_GONE.to_owned()),
                ended => Some(text::job::state(ended).to_owned()),
            }
        })
    }
}

fn running_word(job: &LiveJob) -> String {
    let step = job.progress.map_or_else(
        || text::job::state(JobState::Running).to_owned(),
        |progress| text::job::progress(job.kind, progress.step, progress.steps),
    );
    match job.eta_ms {
        Some(eta) if eta >= 1_000 => format!("{step}, {}", text::job::eta(&format::duration(eta))),
        _ => step,
    }
}
