//! The jobs that this browser asked for, as a gallery.

use leptos::prelude::*;
use shared::api::jobs::JobView;
use shared::id::JobId;

use super::job_watch::prompt;
use crate::components::notice::Empty;
use crate::components::proof_line::ProofSmall;
use crate::components::status::JobPill;
use crate::components::value::Age;
use crate::proof::Proof;
use crate::text;

/// A remembered job; absent where this server does not know it.
type Remembered = (JobId, Option<JobView>);

#[island]
pub fn OwnJobs() -> impl IntoView {
    let jobs = RwSignal::new(None::<Vec<Remembered>>);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| leptos::task::spawn_local(async move { jobs.set(Some(fetch_all().await)) }));
    let forget = move |_| {
        #[cfg(feature = "hydrate")]
        crate::browser::own_jobs::forget_all();
        jobs.set(Some(Vec::new()));
    };
    move || match jobs.get() {
        None => view! { <p class="section-note">{text::job::NEEDS_SCRIPT}</p> }.into_any(),
        Some(jobs) if jobs.is_empty() => view! {
            <Empty title=text::job::NONE_TITLE detail=text::job::NONE_DETAIL>
                <a class="button button-quiet" href="/">
                    {text::common::HOME}
                </a>
            </Empty>
        }
        .into_any(),
        Some(jobs) => {
            let cards = jobs.into_iter().map(|(id, job)| view! { <li><Card id job /></li> }).collect_view();
            view! {
                <ul class="gallery" data-testid="own-jobs">
                    {cards}
                </ul>
                <p class="actions">
                    <button type="button" class="button button-quiet button-small" on:click=forget>
                        {text::job::FORGET}
                    </button>
                </p>
            }
            .into_any()
        }
    }
}

#[component]
fn Card(id: JobId, job: Option<JobView>) -> impl IntoView {
    let href = format!("/jobs/{id}");
    let Some(job) = job else {
        return view! {
            <div class="gallery-meta">
                <code>{crate::components::format::shortened(&id.to_string())}</code>
                {text::job::GONE}
            </div>
        }
        .into_any();
    };
    let picture = job.artifacts.first().map(|artifact| {
        let alternative = text::job::alternative(prompt(&job));
        view! { <img src=artifact.url.clone() alt=alternative width="512" height="512" loading="lazy" /> }
    });
    let proof = Proof::of_job(&job);
    view! {
        <a href=href>
            <div class="canvas-frame">{picture}</div>
            <span class="gallery-prompt">{prompt(&job).to_owned()}</span>
        </a>
        <div class="gallery-meta">
            {if job.mint.is_some() {
                view! { <ProofSmall proof /> }.into_any()
            } else {
                view! { <JobPill state=job.state /> }.into_any()
            }}
            <Age at=job.created_at_unix_ms />
        </div>
    }
    .into_any()
}

#[cfg(feature = "hydrate")]
async fn fetch_all() -> Vec<Remembered> {
    let mut jobs = Vec::new();
    for id in crate::browser::own_jobs::list() {
        jobs.push((id, crate::browser::http::get(&format!("/v1/jobs/{id}")).await.ok()));
    }
    jobs
}
