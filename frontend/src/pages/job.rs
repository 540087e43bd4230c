//! One job: its live part, what was asked for, and its receipt.

use leptos::prelude::*;
use leptos_meta::Title;
use shared::api::jobs::JobView;
use shared::api::receipts::ReceiptView;
use shared::id::JobId;
use shared::job::request::Work;

use super::load::{load, param};
use crate::backend::use_backend;
use crate::components::facts::{InfoRow, Section};
use crate::components::format::{clipped, duration, escaped};
use crate::components::receipt_facts::ReceiptFacts;
use crate::components::value::{AddressValue, Age, ModelChip};
use crate::islands::job_live::{JobLive, RECEIPT, REQUEST};
use crate::islands::job_watch::prompt;
use crate::text::{common, job as words};

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
        let asked = job.clone();
        let over = job.state.is_terminal();
        view! {
            <Title text=escaped(&common::page_title(&clipped(prompt(&job), TITLE_CHARS))) />
            <div class="stack">
                <JobLive job>
                    <div id=REQUEST>
                        <Section title=words::REQUEST>
                            <Request job=asked />
                        </Section>
                    </div>
                </JobLive>
                <div id=RECEIPT>
                    <Section title=words::RECEIPT>
                        <Receipt receipt over />
                    </Section>
                </div>
            </div>
        }
    })
}

/// The receipt, or when it will come.
#[component]
fn Receipt(receipt: Option<ReceiptView>, over: bool) -> impl IntoView {
    match receipt {
        Some(view) => view! { <ReceiptFacts view /> }.into_any(),
        None => {
            let note = if over { words::NO_RECEIPT } else { words::RECEIPT_WAITS };
            view! { <p class="section-note">{note}</p> }.into_any()
        }
    }
}

#[component]
fn Request(job: JobView) -> impl IntoView {
    let took = job.finished_at_unix_ms.zip(job.started_at_unix_ms).map(|(end, start)| duration(end.since_ms(start)));
    let Work::Image(input) = job.work;
    let miner = match job.miner {
        Some(address) => view! { <AddressValue address miner=true /> }.into_any(),
        None => common::NOT_YET.into_any(),
    };
    let client = match job.sponsored {
        true => words::SPONSORED.into_any(),
        false => view! { <AddressValue address=job.client /> }.into_any(),
    };
    let negative = (!input.negative_prompt.is_empty())
        .then(|| view! { <InfoRow name=words::NEGATIVE>{input.negative_prompt}</InfoRow> });
    view! {
        <dl class="info">
            <InfoRow name=words::PROMPT>{input.prompt}</InfoRow>
            {negative}
            <InfoRow name=words::MODEL>
                <ModelChip name=job.model />
            </InfoRow>
            <InfoRow name=words::SIZE>{format!("{} × {} px", input.width, input.height)}</InfoRow>
            <InfoRow name=words::STEPS>{format!("{}, guidance {}", input.steps, input.guidance)}</InfoRow>
            <InfoRow name=words::SEED>
                <code>{input.seed.to_string()}</code>
            </InfoRow>
            <InfoRow name=words::CREATED>
                <Age at=job.created_at_unix_ms />
            </InfoRow>
            <InfoRow name=words::TOOK>{took.unwrap_or_else(|| common::NOT_YET.to_owned())}</InfoRow>
            <InfoRow name=words::MINER>{miner}</InfoRow>
            <InfoRow name=words::CLIENT>{client}</InfoRow>
        </dl>
    }
}
