//! The first page: one sentence, a prompt, a picture, its proof, and four figures of the network.

use leptos::prelude::*;
use leptos_meta::Title;

use super::load::{load, query};
use crate::backend::use_backend;
use crate::components::figures::{FIGURES, Figures};
use crate::islands::composer::NetworkOffer;
use crate::islands::draft::{Draft, FAST_SCHEDULER, Field};
use crate::islands::live_parts::LiveParts;
use crate::islands::studio::{Example, Studio};
use crate::text;

/// How many suggestions are shown.
const SUGGESTIONS: usize = 4;

#[component]
pub fn HomePage() -> impl IntoView {
    let backend = use_backend();
    let example = use_context::<Example>();
    let mut asked = Draft::from_fn(|field| query(field.name()).unwrap_or_default());
    load(async move { backend.status().await }, move |status| {
        let usual = Draft::of_model(status.default_steps, status.default_guidance);
        let fast = status.default_fast.map(|setting| {
            let mut fast = Draft::of_model(setting.steps, setting.guidance);
            fast.set(Field::Scheduler, FAST_SCHEDULER.to_owned());
            fast
        });
        let is_offered = fast.as_ref().is_some_and(|fast| fast.get(Field::Scheduler) == asked.get(Field::Scheduler));
        if !is_offered {
            asked.set(Field::Scheduler, String::new());
        }
        let draft = asked.or(&usual);
        let settings_open = draft.has_settings_beyond(&usual);
        let offer = NetworkOffer {
            model: status.default_model.clone(),
            suggestions: status.suggestions.iter().take(SUGGESTIONS).cloned().collect(),
            subjects: status.subjects.clone(),
            has_text_model: status.default_text_model.is_some(),
            miners_online: status.miners_online,
            usual,
            fast,
        };
        view! {
            <Title text=text::home::TITLE />
            <div class="home">
                <Studio offer draft settings_open example />
                <Figures status />
            </div>
            <LiveParts path="/".to_owned() parts=vec![FIGURES.to_owned()] />
        }
    })
}
