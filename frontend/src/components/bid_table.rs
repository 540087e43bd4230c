//! What clients bid for a model, by price.

use leptos::prelude::*;
use shared::api::bids::{BidBook, BidLevel};
use shared::unit::UnitType;

use super::facts::Section;
use super::tables::Table;
use super::value::{UnitPrice, Units};
use crate::format;
use crate::text::bids as words;

/// The bids for a model's work; shown where there are some.
#[component]
pub fn BidSection(book: BidBook) -> impl IntoView {
    let BidBook { unit_type, bids, levels, .. } = book;
    let rows = levels.into_iter().map(|level| view! { <LevelRow level unit_type /> }).collect_view();
    let columns = vec![
        (words::PRICE, Some("grow")),
        (words::PAID, None),
        (words::BIDS, Some("number")),
        (words::WITH_FILTERS, Some("number wide-only")),
        (words::WORK, Some("number wide-only")),
    ];
    view! {
        <Section title=words::TITLE>
            <Table name="bids" columns rows />
            <p class="section-note">{words::note(bids)}</p>
        </Section>
    }
}

#[component]
fn LevelRow(level: BidLevel, unit_type: UnitType) -> impl IntoView {
    view! {
        <tr>
            <td class="grow">
                <UnitPrice price=level.max_unit_price unit_type />
            </td>
            <td>{words::paid(level.payment_mode)}</td>
            <td class="number">{format::grouped(level.bids)}</td>
            <td class="number wide-only">{format::grouped(level.with_filters)}</td>
            <td class="number wide-only">
                <Units units=level.units unit_type />
            </td>
        </tr>
    }
}
