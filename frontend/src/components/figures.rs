//! The strip of four figures.

use leptos::prelude::*;
use shared::api::status::NetworkStatus;

use super::facts::Figure;
use super::value::{Age, AmountValue, Height};
use crate::format;
use crate::text;

/// Id of the strip, by which pages keep it current.
pub const FIGURES: &str = "figures";

/// Supply, jobs, miners, last block.
#[component]
pub fn Figures(status: NetworkStatus) -> impl IntoView {
    let head = status.head_number;
    let at = status.head_timestamp;
    let note = match head {
        0 => text::home::NO_BLOCK_YET.into_any(),
        _ => view! { <Age at=at.millis() /> }.into_any(),
    };
    let miners = match status.miners_online {
        0 => view! {
            {text::home::NO_MINERS_NOTE}
            <code>{text::miner::START_COMMAND}</code>
        }
        .into_any(),
        _ => text::home::MINERS_NOTE.into_any(),
    };
    view! {
        <dl class="figures" id=FIGURES aria-label=text::home::STRIP data-testid="figures">
            <Figure name=text::home::SUPPLY note=text::home::SUPPLY_NOTE>
                <AmountValue amount=status.supply />
            </Figure>
            <Figure name=text::home::JOBS_TODAY note=text::home::queue(status.queue_depth)>
                {format::grouped(status.jobs_today)}
            </Figure>
            <Figure name=text::home::MINERS>
                <a href="/miners">{format::grouped(status.miners_online)}</a>
                <span class="figure-note">{miners}</span>
            </Figure>
            <Figure name=text::home::HEAD>
                <Height number=head />
                <span class="figure-note">{note}</span>
            </Figure>
        </dl>
    }
}
