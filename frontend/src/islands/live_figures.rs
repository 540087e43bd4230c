//! The strip of four figures, kept current by new blocks and by asking again.

use leptos::prelude::*;
use shared::api::status::NetworkStatus;

use crate::components::facts::Figure;
use crate::components::format;
use crate::components::value::{Age, AmountValue, Height};
use crate::text;

/// Supply, jobs, miners, last block.
#[component]
pub fn Figures(status: NetworkStatus) -> impl IntoView {
    let head = status.head_number;
    let at = status.head_timestamp;
    let note = match head {
        0 => text::home::NO_BLOCK_YET.into_any(),
        _ => view! { <Age at=at.millis() /> }.into_any(),
    };
    view! {
        <dl class="figures" aria-label=text::home::STRIP data-testid="figures">
            <Figure name=text::home::SUPPLY note=text::home::SUPPLY_NOTE>
                <AmountValue amount=status.supply />
            </Figure>
            <Figure name=text::home::JOBS_TODAY note=text::home::queue(status.queue_depth)>
                {format::grouped(status.jobs_today)}
            </Figure>
            <Figure name=text::home::MINERS>
                <a href="/miners">{format::grouped(status.miners_online)}</a>
                <span class="figure-note">{text::home::miners_note(status.miners_online)}</span>
            </Figure>
            <Figure name=text::home::HEAD>
                <Height number=head />
                <span class="figure-note">{note}</span>
            </Figure>
        </dl>
    }
}

#[island]
pub fn LiveFigures(status: NetworkStatus) -> impl IntoView {
    let status = RwSignal::new(status);
    #[cfg(feature = "hydrate")]
    start(status);
    view! { {move || view! { <Figures status=status.get() /> }} }
}

#[cfg(feature = "hydrate")]
fn start(status: RwSignal<NetworkStatus>) {
    /// Jobs and miners change without a block.
    const REFRESH_MS: i32 = 5_000;

    let refresh = move || {
        leptos::task::spawn_local(async move {
            if let Ok(now) = crate::browser::http::get::<NetworkStatus>("/v1/status").await
                && status.with_untracked(|shown| *shown != now)
            {
                status.set(now);
            }
        });
    };
    Effect::new(move |_| {
        crate::browser::heads::watch(refresh);
        crate::browser::every(REFRESH_MS, refresh);
    });
}
