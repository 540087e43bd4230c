//! Tables of bounties, and of models that nobody serves.

use leptos::prelude::*;
use shared::api::bounties::{BountyState, BountyView, UnservedModel};
use shared::chain::BOUNTY_ADDRESS;

use super::status::{StatusPill, Tone};
use super::tables::Table;
use super::value::{AddressValue, AmountValue};
use crate::format;
use crate::marketplace::MODELS_PATH;
use crate::text::{bounties as words, marketplace};

/// Characters of a model's name in a row.
const NAME_CHARS: usize = 32;

const fn tone(state: BountyState) -> Tone {
    match state {
        BountyState::Open => Tone::Waiting,
        BountyState::Earned => Tone::Done,
        BountyState::Expired => Tone::Plain,
    }
}

#[component]
pub fn BountyTable(bounties: Vec<BountyView>) -> impl IntoView {
    let rows = bounties.into_iter().map(|bounty| view! { <BountyRow bounty /> }).collect_view();
    let columns = vec![
        (words::MODEL, Some("grow")),
        (words::REWARD, Some("number")),
        (words::FREE, Some("number")),
        (words::LEAST_WORK, Some("number wide-only")),
        (words::ENDS, Some("wide-only")),
        (words::PLEDGED_BY, Some("wide-only")),
        (words::STATE, None),
    ];
    view! {
        <div class="two-lines">
            <Table name="bounties" columns rows />
        </div>
    }
}

#[component]
fn BountyRow(bounty: BountyView) -> impl IntoView {
    let digest = bounty.model_sha256.to_string();
    let short = format::shortened(&digest);
    let model = match bounty.model_names.first() {
        Some(name) => view! {
            <a href=format!("{MODELS_PATH}/{}", format::percent_encoded(name))>{format::clipped(name, NAME_CHARS)}</a>
            <small title=digest>
                <code>{short}</code>
            </small>
        }
        .into_any(),
        None => view! { <code title=digest>{short}</code> }.into_any(),
    };
    view! {
        <tr>
            <td class="grow">{model} <small>{format!("{} {}", words::NUMBER, bounty.id)}</small></td>
            <td class="number">
                <AmountValue amount=bounty.reward />
            </td>
            <td class="number">{words::free_of(bounty.rewards_free, bounty.rewards)}</td>
            <td class="number wide-only">
                <AmountValue amount=bounty.min_work />
            </td>
            <td class="wide-only">{format::exact_time(bounty.expires_at_unix_s)}</td>
            <td class="wide-only">
                <AddressValue address=bounty.pledger without_copy=true />
            </td>
            <td>
                <StatusPill tone=tone(bounty.state) word=words::state(bounty.state) />
            </td>
        </tr>
    }
}

/// The contract that holds what is pledged.
#[component]
pub fn BountyContract() -> impl IntoView {
    view! { <AddressValue address=BOUNTY_ADDRESS /> }
}

#[component]
pub fn UnservedTable(models: Vec<UnservedModel>) -> impl IntoView {
    let row = |model: UnservedModel| {
        view! {
            <tr>
                <td class="grow">
                    <code title=model.model.clone()>{format::clipped(&model.model, NAME_CHARS)}</code>
                </td>
                <td>{marketplace::kind_title(model.kind)}</td>
                <td class="number">{format::grouped(model.asked)}</td>
                <td class="wide-only">{format::day(model.last_day_unix_s)}</td>
            </tr>
        }
    };
    let rows = models.into_iter().map(row).collect_view();
    let columns = vec![
        (words::MODEL, Some("grow")),
        (words::KIND, None),
        (words::ASKED, Some("number")),
        (words::LAST_DAY, Some("wide-only")),
    ];
    view! { <Table name="unserved" columns rows /> }
}
