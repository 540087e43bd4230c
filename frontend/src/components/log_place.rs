//! Where something stands in the hub's log, and the figures of the log itself.

use leptos::prelude::*;

use super::facts::{InfoRow, Section};
use super::value::{AddressValue, HashValue};
use crate::backend::LogHead;
use crate::format::grouped;
use crate::text::log as words;

#[component]
pub fn LogPlace(
    /// Its index.
    place: Option<u64>,
    /// Address of the proof that it is there.
    proof: String,
) -> impl IntoView {
    let place = match place {
        Some(index) => view! {
            {grouped(index)}
            " "
            <a href=proof rel="external">{words::PROOF}</a>
        }
        .into_any(),
        None => words::NOT_LOGGED.into_any(),
    };
    view! {
        <InfoRow name=words::PLACE help=words::PLACE_HELP>
            <span data-testid="log-place">{place}</span>
        </InfoRow>
    }
}

/// The log of this hub in a few facts.
#[component]
pub fn LogPanel(head: LogHead) -> impl IntoView {
    view! {
        <Section title=words::TITLE>
            <p class="section-note">{words::NOTE}</p>
            <dl class="info" data-testid="log">
                <InfoRow name=words::ENTRIES>{grouped(head.size)}</InfoRow>
                <InfoRow name=words::ROOT help=words::ROOT_HELP>
                    <HashValue hash=head.root full=true />
                </InfoRow>
                <InfoRow name=words::SIGNED_BY>
                    <AddressValue address=head.hub />
                </InfoRow>
                <InfoRow name=words::RECOUNT>
                    <code>{words::RECOUNT_COMMAND}</code>
                </InfoRow>
            </dl>
            <nav class="actions" aria-label=words::TITLE>
                <a class="button button-quiet button-small" href="/v1/log/checkpoint" rel="external">
                    {words::CHECKPOINT}
                </a>
                <a class="button button-quiet button-small" href="/v1/log/entries" rel="external">
                    {words::FIRST_ENTRIES}
                </a>
            </nav>
        </Section>
    }
}
