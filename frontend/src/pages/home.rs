//! The first page: one sentence, a prompt, a picture, its proof, and four figures of the network.

use leptos::prelude::*;

use super::document_head::DocumentHead;
use super::load::{load, query};
use crate::backend::use_backend;
use crate::components::figures::{FIGURES, Figures};
use crate::components::notice::NotCurrent;
use crate::components::signed_in::SignedIn;
use crate::islands::composer::NetworkOffer;
use crate::islands::draft::{Draft, FAST_SCHEDULER, Field};
use crate::islands::live_parts::LiveParts;
use crate::islands::studio::{Example, Studio};
use crate::pages::pay::PAY_PATH;
use crate::text;

/// How many suggestions are shown.
const SUGGESTIONS: usize = 4;

#[component]
pub fn HomePage() -> impl IntoView {
    let backend = use_backend();
    let example = use_context::<Example>();
    let signed_in = use_context::<SignedIn>().is_some();
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
        let picture = example.as_ref().map(|example| example.url.clone());
        view! {
            <DocumentHead name=text::home::TITLE picture />
            <div class="home">
                {signed_in.then(SignedInNote)}
                <Studio offer draft settings_open example />
                <NotCurrent />
                <Figures status />
            </div>
            <LiveParts path="/".to_owned() parts=vec![FIGURES.to_owned()] />
        }
    })
}

/// What is different for an account: its jobs are private, and it can pay for them.
#[component]
fn SignedInNote() -> impl IntoView {
    view! {
        <p class="section-note" id="signed-in-note">
            {text::pay::HOME_NOTE} " " <a href=PAY_PATH>{text::pay::INSTEAD}</a>
        </p>
    }
}
