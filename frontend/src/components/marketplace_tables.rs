//! Tables of models and of offers. A cell has two lines: the figure, and under it what it is of.

use leptos::prelude::*;
use shared::api::marketplace::{ModelSummary, OfferFilter, OfferOrder, OfferView, Supply};

use super::identicon::Identicon;
use super::status::{StatusPill, Tone};
use super::tables::Table;
use super::value::{Age, AmountValue};
use crate::format;
use crate::marketplace::{OFFERS_PATH, model_path, offers_query};
use crate::text::{marketplace as words, miner};

#[component]
pub fn ModelTable(models: Vec<ModelSummary>) -> impl IntoView {
    let rows = models.into_iter().map(|model| view! { <ModelRow model /> }).collect_view();
    let columns = vec![
        (words::MODEL, None),
        (words::SERVED_BY, None),
        (words::UNIT_PRICE, Some("number wide-only")),
        (words::EXAMPLE, Some("number")),
        (words::SPEED, Some("wide-only")),
        (words::JOBS, Some("number wide-only")),
        (words::LAST, Some("wide-only")),
    ];
    view! {
        <div class="two-lines">
            <Table name="models" columns rows />
        </div>
    }
}

#[component]
fn ModelRow(model: ModelSummary) -> impl IntoView {
    let ModelSummary { kind, name, is_pinned, licence, example_steps, supply, served, .. } = model;
    let about = licence.filter(|_| is_pinned).unwrap_or_else(|| words::NOT_PINNED.to_owned());
    let unit_type = kind.unit_type();
    let (price, under) = match supply.prices {
        Some([lowest, median]) => (
            view! { <AmountValue amount=lowest /> }.into_any(),
            words::median(&median.to_string(), unit_type, lowest == median),
        ),
        None => (view! { <span class="quiet">{words::NO_PRICE}</span> }.into_any(), words::per(unit_type)),
    };
    let example = match supply.example_price {
        Some(amount) => view! { <AmountValue amount /> }.into_any(),
        None => view! { <span class="quiet">{words::NO_PRICE}</span> }.into_any(),
    };
    let last = match served.last {
        Some(at) => view! { <Age at /> }.into_any(),
        None => view! { <span class="quiet">{words::NEVER}</span> }.into_any(),
    };
    view! {
        <tr>
            <td>
                <a class="row-link" href=model_path(kind, &name)>
                    {format::clipped(&name, NAME_CHARS)}
                </a>
                <small>{format!("{}, {about}", words::kind_title(kind))}</small>
            </td>
            <td>
                <ServedBy supply=supply.clone() />
            </td>
            <td class="number wide-only">{price} <small>{under}</small></td>
            <td class="number">{example} <small>{words::example(kind, example_steps)}</small></td>
            <td class="wide-only">
                <Speed supply kind />
            </td>
            <td class="number wide-only">
                {words::in_a_day(served.jobs_of_day)} <small>{words::in_all(served.jobs)}</small>
            </td>
            <td class="wide-only">{last}</td>
        </tr>
    }
}

/// Characters of a model's name in a row; its page has the whole.
const NAME_CHARS: usize = 32;

#[component]
fn ServedBy(supply: Supply) -> impl IntoView {
    match supply.miners {
        0 => view! { <span class="quiet">{words::NOBODY}</span> }.into_any(),
        miners => view! {
            {words::miners(miners)}
            <small>{words::places(supply.free, supply.slots)}</small>
        }
        .into_any(),
    }
}

#[component]
fn Speed(supply: Supply, kind: shared::job::JobKind) -> impl IntoView {
    supply.micro_units_per_second.map(|speed| {
        let from = if supply.is_measured { words::MEASURED } else { words::STATED };
        view! {
            {miner::speed(speed, kind.unit_type())}
            <small>{from}</small>
        }
    })
}

/// A column of the offers: its words, its classes, and by what it orders them.
type OfferColumn = (&'static str, &'static str, OfferOrder);

const COLUMNS: [OfferColumn; 9] = [
    (words::MODEL, "", OfferOrder::Model),
    (words::MINER, "", OfferOrder::Miner),
    (words::DEVICE, "offer-device", OfferOrder::Device),
    (words::MEMORY, "number wide-only", OfferOrder::Memory),
    (words::PRICE, "number", OfferOrder::Price),
    (words::TIME, "number", OfferOrder::Time),
    (words::REPUTATION, "number wide-only", OfferOrder::Reputation),
    (words::RESULTS, "number wide-only", OfferOrder::Results),
    (words::FREE, "number", OfferOrder::Free),
];

/// Offers in rows. With `filter` each column leads to the list in its own order; on a narrow page a row becomes a card.
#[component]
pub fn OfferTable(offers: Vec<OfferView>, #[prop(optional)] filter: Option<OfferFilter>) -> impl IntoView {
    let heads = COLUMNS.map(|(name, class, order)| match &filter {
        Some(filter) => view! { <SortHead name class order filter=filter.clone() /> }.into_any(),
        None => view! { <th scope="col" class=class>{name}</th> }.into_any(),
    });
    let rows = offers.into_iter().map(|offer| view! { <OfferRow offer /> }).collect_view();
    view! {
        <div class="table-scroll two-lines offers">
            <table class="data" data-testid="offers">
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

#[component]
fn SortHead(name: &'static str, class: &'static str, order: OfferOrder, filter: OfferFilter) -> impl IntoView {
    let is_current = filter.order == order;
    let is_descending = order.begins_with_most() != filter.reversed;
    let direction = if is_descending { "descending" } else { "ascending" };
    let next = OfferFilter { order, reversed: is_current && !filter.reversed, ..filter };
    let mark = is_current.then_some(if is_descending { "↓" } else { "↑" });
    view! {
        <th scope="col" class=class aria-sort=is_current.then_some(direction)>
            <a href=format!("{OFFERS_PATH}{}", offers_query(&next)) title=words::sort_by(name)>
                {name}
                {mark.map(|mark| view! { <span aria-hidden="true">{mark}</span> })}
            </a>
        </th>
    }
}

#[component]
fn OfferRow(offer: OfferView) -> impl IntoView {
    let address = offer.miner.to_string();
    let memory = (offer.memory_bytes > 0).then(|| format::bytes(offer.memory_bytes));
    let from = if offer.is_measured { words::MEASURED } else { words::STATED };
    let speed = miner::speed(offer.micro_units_per_second, offer.unit_type);
    let faults = words::results(offer.results, offer.faults);
    let free = match (offer.is_draining, offer.free) {
        (true, _) => view! { <StatusPill tone=Tone::Plain word=words::DRAINING /> }.into_any(),
        (false, 0) => view! { <StatusPill tone=Tone::Running word=words::places_short(0, offer.slots) /> }.into_any(),
        (false, free) => {
            view! { <StatusPill tone=Tone::Done word=words::places_short(free, offer.slots) /> }.into_any()
        }
    };
    view! {
        <tr>
            <td>
                <a class="offer-model" href=model_path(offer.kind, &offer.model)>
                    {format::clipped(&offer.model, NAME_CHARS)}
                </a>
                <small>{words::kind_title(offer.kind)}</small>
            </td>
            <td>
                <a class="row-link value" href=format!("/miners/{address}") title=address.clone()>
                    <Identicon address=offer.miner />
                    <code>{format::shortened(&address)}</code>
                </a>
            </td>
            <td class="offer-device" title=offer.device.clone()>
                {format::clipped(&offer.device, NAME_CHARS)}
            </td>
            <td class="number wide-only">{memory}</td>
            <td class="number">
                <AmountValue amount=offer.example_price />
                <small>
                    <AmountValue amount=offer.unit_price />
                    " "
                    {words::per(offer.unit_type)}
                </small>
            </td>
            <td class="number">{format::duration(offer.example_ms)} <small title=from>{speed}</small></td>
            <td class="number wide-only" title=faults.clone()>
                {words::reputation(offer.reputation_per_mille)}
            </td>
            <td class="number wide-only" title=faults>
                {format::grouped(offer.results)}
            </td>
            <td class="number">{free}</td>
        </tr>
    }
}
