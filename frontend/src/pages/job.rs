//! One job.

use leptos::prelude::*;
use leptos_meta::Title;
use shared::id::JobId;

use super::load::{load, param};
use crate::backend::use_backend;
use crate::components::format::{clipped, escaped};
use crate::islands::job_live::JobLive;
use crate::islands::job_watch::prompt;
use crate::text;

const TITLE_CHARS: usize = 60;

#[component]
pub fn JobPage() -> impl IntoView {
    let backend = use_backend();
    let id = param::<JobId>("id");
    let ask = async move {
        let id = id?;
        let job = backend.job(id).await?;
        let receipt = backend.receipt_of_job(id).await?;
        Ok((job, receipt))
    };
    load(ask, |(job, receipt)| {
        view! {
            <Title text=escaped(&text::common::page_title(&clipped(prompt(&job), TITLE_CHARS))) />
            <JobLive job receipt />
        }
    })
}
