//! How the hub is: what waits, and what it stands on.

use leptos::prelude::*;
use shared::api::admin::{AdminHealth, Outbox, OutboxTransaction, QueueState};

use super::{ADMIN_PATH, AdminHead};
use crate::backend::use_operator_backend;
use crate::components::facts::{Figure, InfoRow, Section};
use crate::components::notice::{Empty, Notice};
use crate::components::status::{JobPill, Tone};
use crate::components::stuck::StuckPanel;
use crate::components::tables::Table;
use crate::components::value::{Age, HashValue, Moment};
use crate::format::grouped;
use crate::pages::load::load;
use crate::text::admin as words;

#[component]
pub fn HealthPage() -> impl IntoView {
    let backend = use_operator_backend();
    load(async move { backend?.health().await }, |health| view! { <Health health /> })
}

#[component]
fn Health(health: AdminHealth) -> impl IntoView {
    let audits = words::audits(health.audits.open, health.audits.disputed);
    view! {
        <AdminHead at=ADMIN_PATH fact=words::HEALTH_FACT />
        <div class="stack">
            <dl class="figures">
                <Figure name=words::WAITING>{grouped(health.waiting_tasks)}</Figure>
                <Figure name=words::ONLINE>{grouped(health.miners_online)}</Figure>
                <Figure name=words::PAUSED_MINERS>{grouped(health.miners_paused)}</Figure>
                <Figure name=words::AUDITS note=audits>{grouped(health.audits.open + health.audits.disputed)}</Figure>
            </dl>
            <Queue queue=health.queue.clone() />
            <StuckPanel stuck=health.stuck.clone() />
            <OutboxPart outbox=health.outbox.clone() />
            <Ground health />
        </div>
    }
}

#[component]
fn Queue(queue: Vec<QueueState>) -> impl IntoView {
    let rows = queue
        .into_iter()
        .map(|of| {
            let oldest = match of.oldest_unix_ms {
                Some(at) => view! { <Age at /> }.into_any(),
                None => view! { {words::NONE} }.into_any(),
            };
            view! {
                <tr>
                    <td class="grow"><JobPill state=of.state /></td>
                    <td class="number">{grouped(of.jobs)}</td>
                    <td class="quiet">{oldest}</td>
                </tr>
            }
        })
        .collect_view();
    let columns = vec![(words::STATE, Some("grow")), (words::JOBS, Some("number")), (words::OLDEST, None)];
    view! {
        <Section title=words::QUEUE>
            <div class="narrow">
                <Table name="queue" columns rows />
            </div>
        </Section>
    }
}

#[component]
fn OutboxPart(outbox: Outbox) -> impl IntoView {
    let Outbox { waiting, transactions } = outbox;
    let shown_count = transactions.len();
    let more = (waiting > shown_count as u64)
        .then(|| view! { <p class="section-note">{words::oldest_of(shown_count, waiting)}</p> });
    let shown = if transactions.is_empty() {
        view! { <Empty title=words::OUTBOX_EMPTY_TITLE detail=words::OUTBOX_EMPTY /> }.into_any()
    } else {
        let rows = transactions.into_iter().map(|sent| view! { <OutboxRow sent /> }).collect_view();
        let columns = vec![
            (words::PURPOSE, None),
            (words::TRANSACTION, None),
            (words::SIGNED, Some("wide-only")),
            (words::ATTEMPTS, Some("number")),
            (words::LAST_ERROR, Some("grow")),
        ];
        view! { <Table name="outbox" columns rows /> }.into_any()
    };
    view! {
        <Section title=words::OUTBOX>
            {more}
            {shown}
        </Section>
    }
}

#[component]
fn OutboxRow(sent: OutboxTransaction) -> impl IntoView {
    view! {
        <tr>
            <td>{sent.purpose}</td>
            <td><HashValue hash=sent.transaction_hash without_copy=true /></td>
            <td class="quiet wide-only"><Age at=sent.signed_at_unix_ms /></td>
            <td class="number">{grouped(sent.attempts)}</td>
            <td class="grow">{sent.last_error}</td>
        </tr>
    }
}

#[component]
fn Ground(health: AdminHealth) -> impl IntoView {
    let AdminHealth { disk, database, chain, version, hub_id, started_at_unix_ms, .. } = health;
    let free = disk.free_bytes.map_or(words::UNKNOWN.to_owned(), words::mebibytes);
    let free = words::free(&free, &words::mebibytes(disk.floor_bytes));
    let low = disk.is_low.then(|| view! { <Notice tone=Tone::Refused title=words::DISK detail=words::DISK_LOW /> });
    let fault = chain.fault.map(|detail| view! { <Notice tone=Tone::Refused title=words::CHAIN_FAULT detail /> });
    view! {
        <Section title=words::GROUND>
            {low} {fault}
            <dl class="info">
                <InfoRow name=words::CHAIN_HEAD>
                    {grouped(chain.head_number)} ", " <Age at=chain.head_timestamp.millis() />
                </InfoRow>
                <InfoRow name=words::INDEX>{words::behind(&grouped(chain.index_behind))}</InfoRow>
                <InfoRow name=words::DATABASE>
                    {words::database(&database.kind, &words::mebibytes(database.size_bytes))}
                </InfoRow>
                <InfoRow name=words::DISK>{free}</InfoRow>
                <InfoRow name=words::VERSION>{format!("{hub_id}, {version}")}</InfoRow>
                <InfoRow name=words::SINCE>
                    <Moment at=started_at_unix_ms.seconds() />
                </InfoRow>
            </dl>
        </Section>
    }
}
