//! The proof line: which steps of a job are proven.

use leptos::prelude::*;

use super::value::Age;
use crate::proof::{Proof, Stop};
use crate::proof_stop::StopState;
use crate::text;

/// The proof line in full.
#[component]
pub fn ProofLine(proof: Proof) -> impl IntoView {
    let stops = proof.stops.into_iter().map(|stop| view! { <ProofStop stop /> }).collect_view();
    view! { <ol class="proof" aria-label=text::proof::LABEL>{stops}</ol> }
}

#[component]
fn ProofStop(stop: Stop) -> impl IntoView {
    let Stop { name, state, fact, at } = stop;
    let shown = fact.map(|fact| view! { <a href=fact.href title=fact.title>{fact.text}</a> });
    view! {
        <li class="stop" data-stop=name.as_str() data-state=state.as_str()>
            <Mark state />
            <span class="stop-name">
                {text::proof::stop(name)}<span class="visually-hidden">{text::proof::state(state)}</span>
            </span>
            <span class="stop-fact">{shown}</span>
            <span class="stop-time">{at.map(|at| view! { <Age at /> })}</span>
        </li>
    }
}

/// The outline of a state, and what is drawn on it with its class: a tick on a disc, a core in a ring, an empty ring, a
/// cross on a square.
const fn shape(state: StopState) -> (&'static str, &'static str, &'static str) {
    const DISC: &str = "M8 0a8 8 0 100 16A8 8 0 008 0z";
    const RING: &str = "M8 0a8 8 0 100 16A8 8 0 008 0zm0 2a6 6 0 110 12A6 6 0 018 2z";
    const THIN_RING: &str = "M8 0a8 8 0 100 16A8 8 0 008 0zm0 1.5a6.5 6.5 0 110 13 6.5 6.5 0 010-13z";
    const SQUARE: &str = "M2.5.5h11a2 2 0 012 2v11a2 2 0 01-2 2h-11a2 2 0 01-2-2v-11a2 2 0 012-2z";
    match state {
        StopState::Done => (DISC, "mark-tick", "M4.6 8.3l2.3 2.3 4.5-4.9"),
        StopState::Running => (RING, "mark-pulse", "M8 4.75a3.25 3.25 0 100 6.5 3.25 3.25 0 000-6.5z"),
        StopState::Waiting => (THIN_RING, "mark-none", ""),
        StopState::Refused => (SQUARE, "mark-tick", "M5 5l6 6M11 5l-6 6"),
    }
}

#[component]
fn Mark(state: StopState) -> impl IntoView {
    let (outline, class, inner) = shape(state);
    view! {
        <svg class="stop-mark" viewBox="0 0 16 16" fill="currentColor" fill-rule="evenodd" aria-hidden="true">
            <path d=outline />
            <path class=class d=inner />
        </svg>
    }
}

/// The proof line in a table's row: five marks, and the same in words for readers.
#[component]
pub fn ProofSmall(proof: Proof) -> impl IntoView {
    let words = proof.sentence();
    let marks = proof
        .stops
        .iter()
        .map(|stop| view! { <span data-state=stop.state.as_str() aria-hidden="true"></span> })
        .collect_view();
    view! {
        <span class="proof-small" role="img" aria-label=words.clone() title=words>
            {marks}
        </span>
    }
}
