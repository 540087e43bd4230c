//! Miners with their faults and earnings, and one of them to pause or resume.

use leptos::prelude::*;
use shared::Address;
use shared::api::miners::{MinerPause, MinerView};
use shared::api::page::LIMIT_DEFAULT;

use super::{AdminHead, ChangeForm, MINERS_PATH};
use crate::backend::use_operator_backend;
use crate::components::facts::{InfoRow, Section};
use crate::components::notice::{Empty, Notice};
use crate::components::status::{StatusPill, Tone};
use crate::components::tables::{Table, miner_state};
use crate::components::value::{AddressValue, Age, AmountValue};
use crate::format::{grouped, shortened};
use crate::pages::load::{Pager, load, param, query};
use crate::text::{admin as words, miner as miner_words};

/// Names the list of those that are paused.
const PAUSED: &str = "paused";

#[component]
pub fn AdminMinersPage() -> impl IntoView {
    let backend = use_operator_backend();
    let (paused, cursor) = (query("list").as_deref() == Some(PAUSED), query("cursor"));
    let first = cursor.is_none();
    let paused_path = format!("{MINERS_PATH}?list={PAUSED}");
    let path = if paused { paused_path.clone() } else { MINERS_PATH.to_owned() };
    let ask = async move { backend?.miners(paused, cursor.as_deref(), LIMIT_DEFAULT).await };
    load(ask, move |page| {
        let (other, way) =
            if paused { (MINERS_PATH.to_owned(), words::SHOW_ALL) } else { (paused_path, words::SHOW_PAUSED) };
        let detail = if paused { words::NO_PAUSED } else { words::NO_MINERS };
        let shown = if page.items.is_empty() {
            view! { <Empty title=words::NO_MINERS_TITLE detail /> }.into_any()
        } else {
            view! { <Miners miners=page.items /> }.into_any()
        };
        view! {
            <AdminHead at=MINERS_PATH fact=words::MINERS_FACT />
            <div class="section">
                <p class="actions">
                    <a class="button button-quiet button-small" href=other>
                        {way}
                    </a>
                </p>
                {shown}
                <Pager path next_cursor=page.next_cursor first />
            </div>
        }
    })
}

#[component]
fn Miners(miners: Vec<MinerView>) -> impl IntoView {
    let rows = miners.into_iter().map(|miner| view! { <MinerRow miner /> }).collect_view();
    let columns = vec![
        (words::MINER, None),
        (words::STATE, None),
        (words::RUNNING, Some("number wide-only")),
        (words::FAULTS, Some("number")),
        (words::EARNED, Some("number wide-only")),
        (words::HELD, Some("number wide-only")),
        (words::WHY, Some("wide-only grow")),
    ];
    view! { <Table name="admin-miners" columns rows /> }
}

#[component]
fn MinerRow(miner: MinerView) -> impl IntoView {
    let whole = miner.address.to_string();
    let (tone, word) = miner_state(&miner);
    view! {
        <tr>
            <td>
                <a class="row-link" href=format!("{MINERS_PATH}/{whole}") title=whole.clone()>
                    <code>{shortened(&whole)}</code>
                </a>
            </td>
            <td><StatusPill tone word /></td>
            <td class="number wide-only">{miner.jobs_running}</td>
            <td class="number">{grouped(miner.faults)}</td>
            <td class="number wide-only"><AmountValue amount=miner.earned /></td>
            <td class="number wide-only"><AmountValue amount=miner.held /></td>
            <td class="wide-only grow">{miner.paused.map_or(words::NONE.to_owned(), |pause| pause.reason)}</td>
        </tr>
    }
}

#[component]
pub fn AdminMinerPage() -> impl IntoView {
    let backend = use_operator_backend();
    let address = param::<Address>("address");
    load(async move { backend?.miner(address?).await }, |miner| view! { <Miner miner /> })
}

#[component]
fn Miner(miner: MinerView) -> impl IntoView {
    let whole = miner.address.to_string();
    let (tone, word) = miner_state(&miner);
    let [pause, resume] = ["pause", "resume"].map(|way| format!("{MINERS_PATH}/{whole}/{way}"));
    let form = match miner.paused.clone() {
        None => view! {
            <Section title=words::PAUSE>
                <ChangeForm action=pause button=words::PAUSE note=words::PAUSE_NOTE confirm=words::PAUSE_CONFIRM />
            </Section>
        }
        .into_any(),
        Some(MinerPause { reason, .. }) => view! {
            <Notice tone=Tone::Waiting title=words::WHY detail=reason />
            <Section title=words::RESUME>
                <ChangeForm action=resume button=words::RESUME note=words::RESUME_NOTE confirm=words::RESUME_CONFIRM />
            </Section>
        }
        .into_any(),
    };
    view! {
        <AdminHead at=MINERS_PATH name=words::miner(&shortened(&whole)) fact=words::MINERS_FACT />
        <div class="stack">
            <dl class="info">
                <InfoRow name=words::MINER>
                    <AddressValue address=miner.address miner=true full=true />
                </InfoRow>
                <InfoRow name=words::STATE>
                    <StatusPill tone word />
                </InfoRow>
                <InfoRow name=words::LAST_SEEN>
                    <Age at=miner.last_seen_at_unix_ms />
                </InfoRow>
                <InfoRow name=words::RUNNING>{miner.jobs_running}</InfoRow>
                <InfoRow name=words::JOBS>{grouped(miner.jobs_completed)}</InfoRow>
                <InfoRow name=words::FAULTS>{grouped(miner.faults)}</InfoRow>
                <InfoRow name=words::REPUTATION>{miner_words::reputation(miner.reputation_per_mille)}</InfoRow>
                <InfoRow name=words::EARNED>
                    <AmountValue amount=miner.earned />
                </InfoRow>
                <InfoRow name=words::HELD>
                    <AmountValue amount=miner.held />
                </InfoRow>
            </dl>
            {form}
        </div>
    }
}
