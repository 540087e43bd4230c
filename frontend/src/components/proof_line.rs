//! The product's sign: what is proven about a piece of work, stop by stop.

use leptos::prelude::*;

use super::value::Age;
use crate::proof::{Proof, Stop, StopState};
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
    let shown = fact.map(|fact| match fact.href {
        Some(href) => view! { <a href=href title=fact.title>{fact.text}</a> }.into_any(),
        None => view! { <span title=fact.title>{fact.text}</span> }.into_any(),
    });
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

/// The shape of a state: a tick on a disc, a ring with a core, an empty ring, a cross on a square.
#[component]
fn Mark(state: StopState) -> impl IntoView {
    let shape = match state {
        StopState::Done => view! {
            <circle cx="8" cy="8" r="8" fill="currentColor" />
            <path class="mark-tick" d="M4.6 8.3l2.3 2.3 4.5-4.9" />
        }
        .into_any(),
        StopState::Running => view! {
            <circle cx="8" cy="8" r="7" fill="none" stroke="currentColor" stroke-width="2" />
            <circle class="mark-pulse" cx="8" cy="8" r="3.25" fill="currentColor" />
        }
        .into_any(),
        StopState::Waiting => {
            view! { <circle cx="8" cy="8" r="7.25" fill="none" stroke="currentColor" stroke-width="1.5" /> }.into_any()
        }
        StopState::Refused => view! {
            <rect x="0.5" y="0.5" width="15" height="15" rx="2" fill="currentColor" />
            <path class="mark-tick" d="M5 5l6 6M11 5l-6 6" />
        }
        .into_any(),
    };
    view! {
        <svg class="stop-mark" viewBox="0 0 16 16" aria-hidden="true">
            {shape}
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
