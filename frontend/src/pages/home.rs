//! The first page: one sentence, a prompt, a picture, its proof, and the network's four figures.

use leptos::prelude::*;
use leptos_meta::Title;

use super::load::{load, query};
use crate::backend::use_backend;
use crate::components::figures::{FIGURES, Figures};
use crate::islands::composer::{Draft, QUICK, Served};
use crate::islands::live_parts::LiveParts;
use crate::islands::studio::{Example, Studio};
use crate::text;

/// Suggestions shown; more would be a menu.
const SUGGESTIONS: usize = 4;

#[component]
pub fn HomePage() -> impl IntoView {
    let backend = use_backend();
    let example = use_context::<Example>();
    let asked = Draft {
        prompt: query("prompt").unwrap_or_default(),
        negative_prompt: query("negative_prompt").unwrap_or_default(),
        steps: query("steps").unwrap_or_default(),
        guidance: query("guidance").unwrap_or_default(),
        width: query("width").unwrap_or_default(),
        height: query("height").unwrap_or_default(),
        seed: query("seed").unwrap_or_default(),
        scheduler: query("scheduler").unwrap_or_default(),
    };
    load(async move { backend.status().await }, move |status| {
        let defaults = Draft::of_model(status.default_steps, status.default_guidance);
        let quick = status
            .default_fast
            .map(|fast| Draft { scheduler: QUICK.to_owned(), ..Draft::of_model(fast.steps, fast.guidance) });
        let offered = quick.as_ref().is_some_and(|quick| quick.scheduler == asked.scheduler);
        let scheduler = if offered { asked.scheduler.clone() } else { String::new() };
        let draft = Draft { scheduler, ..asked }.or(defaults.clone());
        let settings_open = draft.has_settings_beyond(&defaults);
        let served = Served {
            model: status.default_model.clone(),
            suggestions: status.suggestions.iter().take(SUGGESTIONS).cloned().collect(),
            subjects: status.subjects.clone(),
            writes: status.default_text_model.is_some(),
            miners_online: status.miners_online,
            best: defaults,
            quick,
        };
        view! {
            <Title text=text::home::TITLE />
            <div class="home">
                <Studio served draft settings_open example />
                <Figures status />
            </div>
            <LiveParts path="/".to_owned() parts=vec![FIGURES.to_owned()] />
        }
    })
}
