//! Jobs of the hub, by state, class, client and miner.

use http::StatusCode;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use shared::api::admin::{AdminJob, AdminJobFilter, ClientClass};
use shared::api::page::LIMIT_DEFAULT;
use shared::job::lifecycle::JobState;

use super::{AdminHead, JOBS_PATH};
use crate::backend::use_operator_backend;
use crate::components::notice::{Empty, Notice};
use crate::components::status::{JobPill, Tone};
use crate::components::tables::Table;
use crate::components::value::{AddressValue, Age};
use crate::format::{grouped, shortened};
use crate::pages::load::{Pager, load, query};
use crate::text::{admin as words, job};

/// States that a job may be in.
const STATES: [JobState; 7] = [
    JobState::Queued,
    JobState::Running,
    JobState::Verifying,
    JobState::Completed,
    JobState::Failed,
    JobState::Canceled,
    JobState::Expired,
];

#[component]
pub fn AdminJobsPage() -> impl IntoView {
    let backend = use_operator_backend();
    let filter = AdminJobFilter::read(query);
    let cursor = query("cursor");
    let first = cursor.is_none();
    let response = use_context::<ResponseOptions>();
    let ask = async move {
        let backend = backend?;
        match filter {
            Ok(filter) => {
                let page = backend.jobs(&filter, cursor.as_deref(), LIMIT_DEFAULT).await?;
                Ok(Ok((filter, page)))
            }
            Err(error) => Ok(Err(error)),
        }
    };
    load(ask, move |found| match found {
        Err(error) => {
            if let Some(response) = response {
                response.set_status(StatusCode::BAD_REQUEST);
            }
            view! {
                <AdminHead at=JOBS_PATH fact=words::JOBS_FACT />
                <div class="section">
                    <Notice tone=Tone::Refused title=words::BAD_FILTER_TITLE detail=error.detail />
                    <Filters filter=AdminJobFilter::default() />
                </div>
            }
            .into_any()
        }
        Ok((filter, page)) => {
            let path = path_of(&filter);
            view! {
                <AdminHead at=JOBS_PATH fact=words::JOBS_FACT />
                <div class="section">
                    <Filters filter />
                    <Jobs jobs=page.items />
                    <Pager path next_cursor=page.next_cursor first />
                </div>
            }
            .into_any()
        }
    })
}

fn path_of(filter: &AdminJobFilter) -> String {
    let parts: Vec<String> = filter.parts().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    if parts.is_empty() { JOBS_PATH.to_owned() } else { format!("{JOBS_PATH}?{}", parts.join("&")) }
}

#[component]
fn Filters(filter: AdminJobFilter) -> impl IntoView {
    let states = STATES.map(|state| {
        view! { <option value=state.as_str() selected=filter.state == Some(state)>{job::state(state)}</option> }
    });
    let classes = ClientClass::ALL.map(|class| {
        view! { <option value=class.as_str() selected=filter.class == Some(class)>{words::class(class)}</option> }
    });
    let text = |value: Option<String>| value.unwrap_or_default();
    view! {
        <form class="filters" role="search" aria-label=words::FILTERS method="get" action=JOBS_PATH>
            <div class="filter-row">
                <div class="field">
                    <label for="filter-state">{words::STATE}</label>
                    <select id="filter-state" name="state">
                        <option value="">{words::ANY}</option>
                        {states}
                    </select>
                </div>
                <div class="field">
                    <label for="filter-class">{words::CLASS}</label>
                    <select id="filter-class" name="class">
                        <option value="">{words::ANY}</option>
                        {classes}
                    </select>
                </div>
                <TextField name="id" label=words::JOB value=text(filter.id.map(|id| id.to_string())) />
                <TextField name="client" label=words::CLIENT value=text(filter.client.map(|client| client.to_string())) />
                <TextField name="miner" label=words::MINER value=text(filter.miner.map(|miner| miner.to_string())) />
            </div>
            <div class="actions">
                <button type="submit" class="button button-quiet">
                    {words::SHOW}
                </button>
                <a class="button button-quiet" href=JOBS_PATH>
                    {words::CLEAR}
                </a>
            </div>
        </form>
    }
}

#[component]
fn TextField(name: &'static str, label: &'static str, value: String) -> impl IntoView {
    let id = format!("filter-{name}");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input id=id name=name value=value maxlength="66" autocomplete="off" spellcheck="false" placeholder=words::ANY />
        </div>
    }
}

#[component]
fn Jobs(jobs: Vec<AdminJob>) -> impl IntoView {
    if jobs.is_empty() {
        return view! { <Empty title=words::NO_JOBS_TITLE detail=words::NO_JOBS /> }.into_any();
    }
    let rows = jobs.into_iter().map(|job| view! { <JobRow job /> }).collect_view();
    let columns = vec![
        (words::JOB, None),
        (words::STATE, None),
        (words::CLASS, Some("wide-only desk-only")),
        (words::MODEL, Some("wide-only")),
        (words::MINER, Some("wide-only")),
        (words::ASKED, None),
        (words::FAULTS, Some("number")),
        (words::LAST_FAULT, Some("wide-only grow")),
    ];
    view! { <Table name="admin-jobs" columns rows /> }.into_any()
}

#[component]
fn JobRow(job: AdminJob) -> impl IntoView {
    let id = job.id.to_string();
    let miner = job.miner.map(|address| view! { <AddressValue address miner=true without_copy=true /> });
    view! {
        <tr>
            <td><code title=id.clone()>{shortened(&id)}</code></td>
            <td><JobPill state=job.state /></td>
            <td class="wide-only desk-only">{words::class(job.class)}</td>
            <td class="wide-only">{job.model}</td>
            <td class="wide-only">{miner}</td>
            <td class="quiet"><Age at=job.created_at_unix_ms /></td>
            <td class="number">{grouped(job.faults)}</td>
            <td class="wide-only grow">{job.last_fault.unwrap_or(words::NONE.to_owned())}</td>
        </tr>
    }
}
