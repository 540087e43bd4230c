//! Of a job of several pictures: all of them, and where several miners shared it, who drew which.

use leptos::prelude::*;
use shared::api::jobs::{ArtifactView, JobView, TaskView};
use shared::job::request::Work;

use super::facts::Section;
use super::status::JobPill;
use super::tables::Table;
use super::value::AddressValue;
use crate::format::shortened;
use crate::text::{common, job as words, receipt as receipt_words};

/// Whether several miners share the job.
pub fn is_shared(job: &JobView) -> bool {
    serving(job).any(|task| task.pictures.is_some())
}

fn serving(job: &JobView) -> impl Iterator<Item = &TaskView> {
    job.tasks.iter().filter(|task| !task.role.is_audit())
}

/// The pictures of a job that asks for more than one. A place stays empty until its picture is there.
#[component]
pub fn Pictures(job: JobView) -> impl IntoView {
    let Work::Image(input) = &job.work else { return ().into_any() };
    if input.count < 2 || job.artifacts.is_empty() {
        return ().into_any();
    }
    let places = (0..input.count).map(|place| {
        let file = job.artifacts.iter().find(|file| file.position == place);
        let seed = input.seed.wrapping_add(place.into());
        let frame = match file {
            Some(file) if file.removed_at_unix_ms.is_none() => shown(file, place),
            Some(_) => empty(words::FILE_GONE),
            None if job.state.is_terminal() => empty(words::NOT_DRAWN),
            None => empty(common::NOT_YET),
        };
        view! {
            <div>
                {frame}
                <div class="gallery-meta">
                    <span>{words::picture(place)}</span>
                    <code title=words::SEED>{seed.to_string()}</code>
                </div>
            </div>
        }
        .into_any()
    });
    let places: Vec<AnyView> = places.collect();
    view! {
        <Section title=words::PICTURES>
            <div class="gallery" data-testid="pictures">{places}</div>
        </Section>
    }
    .into_any()
}

fn shown(file: &ArtifactView, place: u32) -> AnyView {
    view! {
        <a href=file.url.clone()>
            <div class="canvas-frame">
                <img src=file.url.clone() alt=words::picture(place) width="512" height="512" loading="lazy" />
            </div>
        </a>
    }
    .into_any()
}

fn empty(word: &'static str) -> AnyView {
    view! {
        <div class="canvas-frame">
            <span class="canvas-word canvas-gone">{word}</span>
        </div>
    }
    .into_any()
}

/// Who draws which pictures, how far that is, and the receipt of each part.
#[component]
pub fn Parts(job: JobView) -> impl IntoView {
    let missing = if job.state.is_terminal() { common::NEVER } else { common::NOT_YET };
    let rows = serving(&job).enumerate().map(|(number, task)| row(number, task, missing)).collect::<Vec<AnyView>>();
    let columns = vec![
        (words::PART, Some("number")),
        (words::PICTURES, None),
        (words::MINER, None),
        (words::STATE, None),
        (receipt_words::TITLE, None),
    ];
    view! {
        <Section title=words::PARTS>
            <p>{words::PARTS_FACT}</p>
            <Table name="parts" columns rows />
        </Section>
    }
}

fn row(number: usize, task: &TaskView, missing: &'static str) -> AnyView {
    let miner = match task.miner {
        Some(address) => view! { <AddressValue address miner=true without_copy=true /> }.into_any(),
        None => view! { <span class="quiet">{missing}</span> }.into_any(),
    };
    let receipt = match task.receipt_hash.map(|hash| hash.to_string()) {
        Some(hash) => {
            let (href, words) = (format!("/explorer/receipts/{hash}"), shortened(&hash));
            view! {
                <a class="row-link" href=href title=hash>
                    <code>{words}</code>
                </a>
            }
            .into_any()
        }
        None => view! { <span class="quiet">{missing}</span> }.into_any(),
    };
    view! {
        <tr>
            <td class="number">{(number + 1).to_string()}</td>
            <td>{task.pictures.map(words::pictures)}</td>
            <td>{miner}</td>
            <td>
                <JobPill state=task.state />
            </td>
            <td>{receipt}</td>
        </tr>
    }
    .into_any()
}
