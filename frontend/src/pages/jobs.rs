//! The jobs of this browser. The browser knows which they are and names them; the server shows them, in the order of
//! time or of meaning.

pub mod order;

use leptos::prelude::*;
use shared::api::jobs::JobView;
use shared::id::JobId;
use shared::job::JobKind;

use self::order::{Order, OrderSentence, SearchForm};
use super::load::{PageTitle, Pager, load, query};
use crate::backend::{Answer, BackendError, use_backend};
use crate::components::notice::Empty;
use crate::components::proof_line::ProofSmall;
use crate::components::signed_in::SignedIn;
use crate::components::status::JobPill;
use crate::components::value::Age;
use crate::format::{shortened, signed};
use crate::gallery::{GALLERY, OWN_JOBS, REMEMBERED_MAX};
use crate::islands::own_jobs::OwnJobs;
use crate::live_job::LiveJob;
use crate::meaning::{Rank, best_first};
use crate::proof::Proof;
use crate::text;
use crate::text::job as words;

/// Cards of one page.
const JOBS_PER_PAGE: u32 = 24;

/// A named job; absent where this server does not know it.
type Remembered = (JobId, Option<JobView>);

/// Names the list of this browser where an account is signed in.
const OF_BROWSER: &str = "browser";

#[component]
pub fn JobsPage() -> impl IntoView {
    let is_account = use_context::<SignedIn>().is_some() && query("ids").is_none() && query(OF_BROWSER).is_none();
    if is_account { view! { <AccountJobs /> }.into_any() } else { view! { <BrowserJobs /> }.into_any() }
}

/// The jobs of the account that is signed in.
#[component]
fn AccountJobs() -> impl IntoView {
    let backend = use_backend();
    let cursor = query("cursor");
    let first = cursor.is_none();
    load(async move { backend.own_jobs(cursor.as_deref(), JOBS_PER_PAGE).await }, move |page| {
        let cards = page.items.into_iter().map(|job| view! { <li><Card id=job.id job=Some(job) near=None /></li> });
        let cards: Vec<_> = cards.collect();
        view! {
            <PageTitle name=words::MINE_TITLE fact=words::ACCOUNT_FACT />
            {if cards.is_empty() {
                view! { <NoJobs /> }.into_any()
            } else {
                view! { <ul class="gallery" data-testid="account-jobs">{cards}</ul> }.into_any()
            }}
            <Pager path="/jobs" next_cursor=page.next_cursor first />
            <p class="section-note">
                <a href=format!("/jobs?{OF_BROWSER}=1")>{words::OF_BROWSER}</a>
            </p>
        }
    })
}

#[component]
fn BrowserJobs() -> impl IntoView {
    let backend = use_backend();
    let named = query("ids");
    let known = named.is_some();
    let ids = named.unwrap_or_default();
    let like = query("like");
    let ask = async move {
        let order = Order::of(like.as_deref(), backend.as_ref()).await?;
        let mut jobs: Vec<Remembered> = Vec::new();
        for id in ids.split(',').filter_map(|id| id.parse::<JobId>().ok()).take(REMEMBERED_MAX) {
            jobs.push((id, found(backend.job(id).await)?));
        }
        Ok((jobs, order))
    };
    load(ask, move |(jobs, order)| {
        view! {
            <PageTitle name=words::MINE_TITLE fact=words::MINE_FACT />
            <div id=OWN_JOBS>
                {match (known, jobs.is_empty()) {
                    (false, _) => view! { <p class="section-note">{words::NEEDS_SCRIPT}</p> }.into_any(),
                    (true, true) => view! { <NoJobs /> }.into_any(),
                    (true, false) => view! { <Gallery jobs order /> }.into_any(),
                }}
            </div>
            <OwnJobs />
        }
    })
}

fn found(answer: Answer<JobView>) -> Answer<Option<JobView>> {
    match answer {
        Ok(job) => Ok(Some(job)),
        Err(BackendError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Fewer jobs have one order only.
const SEARCHED_MIN: usize = 2;

#[component]
fn NoJobs() -> impl IntoView {
    view! {
        <Empty title=words::NONE_TITLE detail=words::NONE_DETAIL>
            <a class="button button-quiet" href="/">
                {text::common::HOME}
            </a>
        </Empty>
    }
}

#[component]
fn Gallery(jobs: Vec<Remembered>, order: Order) -> impl IntoView {
    let prompts = jobs.iter().filter(|(_, job)| job.is_some()).count();
    let order = order.that_fits(jobs.iter().filter_map(|(_, job)| Some(job.as_ref()?.work.words())));
    let jobs = best_first(jobs, |(_, job)| job.as_ref().map_or_else(Rank::default, |job| order.rank(job.work.words())));
    let holds_words = jobs.iter().any(|(_, rank)| rank.holds_words);
    let cards =
        jobs.into_iter().map(|((id, job), Rank { near, .. })| view! { <li><Card id job near /></li> }).collect_view();
    view! {
        {(prompts >= SEARCHED_MIN).then(|| view! { <SearchForm query=order.query() /> })}
        <div id=GALLERY>
        <OrderSentence order holds_words />
        <ul class="gallery" data-testid="own-jobs">
            {cards}
        </ul>
        </div>
    }
}

#[component]
fn Card(
    id: JobId,
    job: Option<JobView>,
    /// To what was looked for, where that was measured.
    near: Option<f64>,
) -> impl IntoView {
    let Some(job) = job else {
        return view! {
            <div class="gallery-meta">
                <code>{shortened(&id.to_string())}</code>
                {words::GONE}
            </div>
        }
        .into_any();
    };
    let live = LiveJob::from(&job);
    let picture = live.file().filter(|_| job.work.kind() == JobKind::Image).map(|url| {
        let alternative = words::alternative(job.work.words());
        view! { <img src=url.to_owned() alt=alternative width="512" height="512" loading="lazy" /> }
    });
    let gone = live.is_file_gone().then(|| view! { <span class="canvas-word canvas-gone">{words::FILE_GONE}</span> });
    let without_picture =
        words::kind_of_result(job.work.kind()).map(|name| view! { <span class="canvas-kind">{name}</span> });
    let proof = Proof::of_job(&live);
    view! {
        <a href=format!("/jobs/{id}")>
            <div class="canvas-frame">{picture} {without_picture} {gone} {near.map(|near| view! { <Nearness near /> })}</div>
            <span class="gallery-prompt">{job.work.words().to_owned()}</span>
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

/// A figure in the picture's corner.
#[component]
fn Nearness(near: f64) -> impl IntoView {
    view! {
        <span class="canvas-word" title=words::NEARNESS_TITLE>
            {words::NEARNESS}
            {signed(near)}
        </span>
    }
}
