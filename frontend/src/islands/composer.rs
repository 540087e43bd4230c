//! The prompt and its settings as a form. It knows no job; its user gets a request body.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use shared::field_error::FieldError;
use shared::job::JobKind;
use shared::job::image::{
    GUIDANCE_MAX, PROMPT_MAX_CHARS, SIZE_MAX_PX, SIZE_MIN_PX, SIZE_MULTIPLE_PX, STEPS_MAX, STEPS_MIN,
};
use shared::job::request::{CreateJob, TTL_DEFAULT_SECONDS};
use shared::model::names_a_subject;

use super::draft::{Draft, FAST_SCHEDULER, Field, PerField};
use super::improver::{ImproveButtons, Improver};
use crate::components::facts::Fold;
use crate::format;
use crate::text;

/// What the network can do for somebody who fills the form in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkOffer {
    /// The model that draws what this form asks for.
    pub model: String,
    pub suggestions: Vec<String>,
    /// As [`shared::model::ModelManifest::subjects`].
    pub subjects: Vec<String>,
    /// A miner serves a text model, which can improve prompts.
    pub has_text_model: bool,
    pub miners_online: u32,
    /// The fields as the model usually draws.
    pub usual: Draft,
    /// The fields as the model draws in few steps, where it can.
    pub fast: Option<Draft>,
}

/// The form's fields and what the server said about them.
#[derive(Clone, Copy)]
pub struct Composer {
    values: PerField<RwSignal<String>>,
    /// The prompt when it was last judged: not while it is typed, but when that is done.
    judged_prompt: RwSignal<String>,
    pub errors: RwSignal<Vec<FieldError>>,
}

impl Composer {
    /// `rendered_prompt` is what the server wrote into the prompt's field, which may hold something else by now.
    pub fn new(draft: &Draft, rendered_prompt: String) -> Self {
        Self {
            values: PerField::from_fn(|field| RwSignal::new(draft.get(field).clone())),
            judged_prompt: RwSignal::new(rendered_prompt),
            errors: RwSignal::new(Vec::new()),
        }
    }

    pub fn value(self, field: Field) -> RwSignal<String> {
        *self.values.get(field)
    }

    pub fn prompt(self) -> RwSignal<String> {
        self.value(Field::Prompt)
    }

    /// Judges the prompt as it stands.
    pub fn judge_prompt(self) {
        self.judged_prompt.set(self.prompt().get_untracked());
    }

    /// The body of `POST /v1/jobs`, or the fields that hold no number. The server judges the bounds.
    pub fn request(self) -> Result<CreateJob, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut input = serde_json::Map::new();
        for field in Field::ALL {
            let text = self.value(field).get_untracked();
            let (name, text) = (field.name(), text.trim());
            if field.is_number() && !text.is_empty() {
                match serde_json::from_str::<serde_json::Number>(text) {
                    Ok(number) => drop(input.insert(name.into(), number.into())),
                    Err(_) => errors.push(FieldError::bound(format!("input.{name}"), "a number", text)),
                }
            } else if !text.is_empty() || field == Field::Prompt {
                input.insert(name.into(), text.into());
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(CreateJob {
            kind: JobKind::Image,
            model: None,
            input: input.into(),
            constraints: Default::default(),
            payment: Default::default(),
            ttl_seconds: TTL_DEFAULT_SECONDS,
        })
    }

    /// Fills one of the model's settings in.
    fn apply(self, setting: &Draft) {
        for field in [Field::Scheduler, Field::Steps, Field::Guidance] {
            self.value(field).set(setting.get(field).clone());
        }
    }

    fn error_of(self, field: Field) -> Option<String> {
        self.errors.with(|errors| {
            let is_of_field =
                |error: &&FieldError| error.field.strip_prefix("input.").unwrap_or(&error.field) == field.name();
            let error = errors.iter().find(is_of_field)?;
            Some(match (&error.bound, &error.value) {
                (Some(bound), Some(value)) => text::home::bound(bound, value),
                _ => error.detail.clone(),
            })
        })
    }
}

/// The prompt with its suggestions.
#[component]
pub fn PromptField(
    composer: Composer,
    suggestions: Vec<String>,
    /// Where a miner serves a text model.
    improver: Option<Improver>,
) -> impl IntoView {
    let typed = move |words: String| {
        composer.prompt().set(words);
        if let Some(improver) = improver {
            improver.typed();
        }
    };
    let is_writing = move || improver.is_some_and(Improver::is_writing);
    let chips = suggestions
        .into_iter()
        .map(|suggestion| {
            let words = suggestion.clone();
            let take = move |_| {
                typed(words.clone());
                composer.judge_prompt();
            };
            view! {
                <li>
                    <button type="button" class="suggestion" on:click=take>
                        {suggestion}
                    </button>
                </li>
            }
        })
        .collect_view();
    view! {
        <div class="field">
            <div class="field-head">
                <label for="prompt">{text::home::PROMPT}</label>
                {improver.map(|improver| view! { <ImproveButtons improver /> })}
            </div>
            <textarea
                id="prompt"
                name="prompt"
                rows="3"
                required
                maxlength=PROMPT_MAX_CHARS.to_string()
                placeholder=text::home::PROMPT_PLACEHOLDER
                aria-describedby="prompt-error"
                aria-invalid=move || composer.error_of(Field::Prompt).map(|_| "true")
                prop:value=move || composer.prompt().get()
                readonly=is_writing
                on:input=move |event| typed(event_target_value(&event))
                on:change=move |_| composer.judge_prompt()
            >
                {format::escaped(&composer.prompt().get_untracked())}
            </textarea>
            <p class="field-error" id="prompt-error" role="alert">
                {move || composer.error_of(Field::Prompt)}
            </p>
        </div>
        <ul class="suggestions" aria-label=text::home::SUGGESTIONS>
            {chips}
        </ul>
    }
}

/// Warns of a prompt that names nothing the model learned. It stands below the button that draws: the prompt is judged as
/// the button is pressed, which must not move then.
#[component]
pub fn PromptAdvice(composer: Composer, model: String, subjects: Vec<String>) -> impl IntoView {
    let is_unknown = move |prompt: &String| !prompt.trim().is_empty() && !names_a_subject(prompt, &subjects);
    view! {
        <p class="field-help" id="prompt-advice" role="status">
            {move || composer.judged_prompt.with(&is_unknown).then(|| text::home::unknown_subject(&model))}
        </p>
    }
}

/// Size, steps and seed, folded away.
#[component]
pub fn Settings(composer: Composer, usual: Draft, fast: Option<Draft>, open: bool) -> impl IntoView {
    let size = text::home::size(SIZE_MIN_PX, SIZE_MAX_PX, SIZE_MULTIPLE_PX);
    let negative_prompt = composer.value(Field::NegativePrompt);
    view! {
        <Fold title=text::home::SETTINGS open>
            <div class="settings">
                {fast.map(|fast| view! { <Quality composer usual fast /> })}
                <NumberField composer field=Field::Steps label=text::home::STEPS help=format!("{STEPS_MIN} to {STEPS_MAX}") />
                <NumberField composer field=Field::Guidance label=text::home::GUIDANCE help=format!("0 to {GUIDANCE_MAX}") />
                <NumberField composer field=Field::Width label=text::home::WIDTH help=size.clone() />
                <NumberField composer field=Field::Height label=text::home::HEIGHT help=size />
                <NumberField composer field=Field::Seed label=text::home::SEED help=text::home::SEED_HELP.to_owned() />
                <div class="field field-wide">
                    <label for=Field::NegativePrompt.name()>{text::home::NEGATIVE}</label>
                    <input
                        id=Field::NegativePrompt.name()
                        name=Field::NegativePrompt.name()
                        autocomplete="off"
                        maxlength=PROMPT_MAX_CHARS.to_string()
                        value=negative_prompt.get_untracked()
                        prop:value=move || negative_prompt.get()
                        on:input=move |event| negative_prompt.set(event_target_value(&event))
                    />
                </div>
            </div>
        </Fold>
    }
}

/// Which of the model's two settings; the fields beside it follow.
#[component]
fn Quality(composer: Composer, usual: Draft, fast: Draft) -> impl IntoView {
    let words = [text::home::usual(usual.get(Field::Steps)), text::home::fast(fast.get(Field::Steps))];
    let is_fast = composer.value(Field::Scheduler).with_untracked(|scheduler| scheduler == FAST_SCHEDULER);
    let options = words
        .into_iter()
        .zip([("", !is_fast), (FAST_SCHEDULER, is_fast)])
        .map(|(words, (value, selected))| view! { <option value=value selected=selected>{words}</option> })
        .collect_view();
    view! {
        <div class="field">
            <label for=Field::Scheduler.name()>{text::home::QUALITY}</label>
            <select
                id=Field::Scheduler.name()
                name=Field::Scheduler.name()
                on:change=move |event| {
                    composer.apply(if event_target_value(&event).is_empty() { &usual } else { &fast });
                }
            >
                {options}
            </select>
            <span class="field-error">{move || composer.error_of(Field::Scheduler)}</span>
        </div>
    }
}

#[component]
fn NumberField(composer: Composer, field: Field, label: &'static str, help: String) -> impl IntoView {
    let (name, value) = (field.name(), composer.value(field));
    let help_id = format!("{name}-help");
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input
                id=name
                name=name
                inputmode="decimal"
                autocomplete="off"
                aria-describedby=help_id.clone()
                aria-invalid=move || composer.error_of(field).map(|_| "true")
                value=value.get_untracked()
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
            <span
                id=help_id
                class=move || if composer.error_of(field).is_some() { "field-error" } else { "field-help" }
            >
                {move || composer.error_of(field).unwrap_or_else(|| help.clone())}
            </span>
        </div>
    }
}
