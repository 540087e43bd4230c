//! The prompt and its settings as a form. It knows no job; whoever uses it gets a request body.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use shared::api::problem::FieldError;
use shared::job::JobKind;
use shared::job::image::{
    GUIDANCE_MAX, PROMPT_MAX_CHARS, SIZE_DEFAULT_PX, SIZE_MAX_PX, SIZE_MIN_PX, SIZE_MULTIPLE_PX, STEPS_MAX, STEPS_MIN,
    SchedulerName,
};
use shared::job::request::CreateJob;
use shared::model::names_a_subject;

use super::improver::{ImproveButtons, Improver};
use crate::components::facts::Fold;
use crate::components::format;
use crate::text;

/// What the fields hold when the page opens, as texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    pub prompt: String,
    pub negative_prompt: String,
    pub steps: String,
    pub guidance: String,
    pub width: String,
    pub height: String,
    pub seed: String,
    /// [`QUICK`], or empty for the usual setting.
    pub scheduler: String,
}

/// The scheduler of a model's setting for few steps.
pub const QUICK: &str = SchedulerName::Fast.name();

impl Draft {
    /// Empty but for the model's own defaults.
    pub fn of_model(steps: u32, guidance: f32) -> Self {
        Self {
            steps: steps.to_string(),
            guidance: guidance.to_string(),
            width: SIZE_DEFAULT_PX.to_string(),
            height: SIZE_DEFAULT_PX.to_string(),
            ..Self::default()
        }
    }

    /// What was asked for, and `defaults` where nothing was.
    pub fn or(self, defaults: Self) -> Self {
        let either = |asked: String, default: String| if asked.is_empty() { default } else { asked };
        Self {
            prompt: either(self.prompt, defaults.prompt),
            negative_prompt: either(self.negative_prompt, defaults.negative_prompt),
            steps: either(self.steps, defaults.steps),
            guidance: either(self.guidance, defaults.guidance),
            width: either(self.width, defaults.width),
            height: either(self.height, defaults.height),
            seed: either(self.seed, defaults.seed),
            scheduler: either(self.scheduler, defaults.scheduler),
        }
    }

    /// With what was typed into the rendered form before the page became live.
    #[cfg(feature = "hydrate")]
    pub fn typed(self) -> Self {
        use crate::browser::value_of;
        let kept = |id: &str, rendered: String| value_of(id).unwrap_or(rendered);
        Self {
            prompt: kept("prompt", self.prompt),
            negative_prompt: kept("negative_prompt", self.negative_prompt),
            steps: kept("steps", self.steps),
            guidance: kept("guidance", self.guidance),
            width: kept("width", self.width),
            height: kept("height", self.height),
            seed: kept("seed", self.seed),
            scheduler: kept("scheduler", self.scheduler),
        }
    }

    /// Any setting that the folded part holds differs from `defaults`.
    pub fn has_settings_beyond(&self, defaults: &Self) -> bool {
        Self { prompt: String::new(), ..self.clone() } != Self { prompt: String::new(), ..defaults.clone() }
    }
}

/// What the network offers to whoever fills the form in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// Draws what is asked for here.
    pub model: String,
    pub suggestions: Vec<String>,
    /// As [`shared::model::ModelManifest::subjects`].
    pub subjects: Vec<String>,
    /// A miner serves a model of texts, which can write prompts out.
    pub writes: bool,
    pub miners_online: u32,
    /// The fields as the model usually draws.
    pub best: Draft,
    /// The fields as the model draws in few steps, where it can.
    pub quick: Option<Draft>,
}

/// The form's fields and what the server said about them.
#[derive(Clone, Copy)]
pub struct Composer {
    pub prompt: RwSignal<String>,
    negative_prompt: RwSignal<String>,
    steps: RwSignal<String>,
    guidance: RwSignal<String>,
    width: RwSignal<String>,
    height: RwSignal<String>,
    seed: RwSignal<String>,
    scheduler: RwSignal<String>,
    /// The prompt when it was last judged: once it stands, not while it is typed.
    considered: RwSignal<String>,
    pub errors: RwSignal<Vec<FieldError>>,
}

impl Composer {
    /// `rendered` is the prompt that the server wrote into the field, which may hold something else by now.
    pub fn new(draft: Draft, rendered: String) -> Self {
        Self {
            prompt: RwSignal::new(draft.prompt),
            negative_prompt: RwSignal::new(draft.negative_prompt),
            steps: RwSignal::new(draft.steps),
            guidance: RwSignal::new(draft.guidance),
            width: RwSignal::new(draft.width),
            height: RwSignal::new(draft.height),
            seed: RwSignal::new(draft.seed),
            scheduler: RwSignal::new(draft.scheduler),
            considered: RwSignal::new(rendered),
            errors: RwSignal::new(Vec::new()),
        }
    }

    /// Has the prompt judged as it stands.
    pub fn consider(self) {
        self.considered.set(self.prompt.get_untracked());
    }

    /// The body of `POST /v1/jobs`, or the fields that hold no number. Bounds are the server's to judge.
    pub fn request(self) -> Result<CreateJob, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut input = serde_json::Map::new();
        input.insert("prompt".into(), self.prompt.get_untracked().trim().into());
        input.insert("negative_prompt".into(), self.negative_prompt.get_untracked().trim().into());
        let scheduler = self.scheduler.get_untracked();
        if !scheduler.is_empty() {
            input.insert("scheduler".into(), scheduler.into());
        }
        let numbers = [
            ("steps", self.steps),
            ("guidance", self.guidance),
            ("width", self.width),
            ("height", self.height),
            ("seed", self.seed),
        ];
        for (name, signal) in numbers {
            let text = signal.get_untracked();
            match text.trim() {
                "" => {}
                number => match serde_json::from_str::<serde_json::Number>(number) {
                    Ok(number) => drop(input.insert(name.into(), number.into())),
                    Err(_) => errors.push(FieldError::bound(format!("input.{name}"), "a number", number)),
                },
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
            ttl_seconds: shared::job::request::TTL_DEFAULT_SECONDS,
        })
    }

    /// Goes over to one of the model's settings.
    fn take(self, setting: &Draft) {
        self.scheduler.set(setting.scheduler.clone());
        self.steps.set(setting.steps.clone());
        self.guidance.set(setting.guidance.clone());
    }

    fn error_of(self, name: &'static str) -> Option<String> {
        self.errors.with(|errors| {
            let field =
                errors.iter().find(|error| error.field.strip_prefix("input.").unwrap_or(&error.field) == name)?;
            Some(match (&field.bound, &field.value) {
                (Some(bound), Some(value)) => text::home::bound(bound, value),
                _ => field.detail.clone(),
            })
        })
    }
}

/// The prompt with its suggestions.
#[component]
pub fn PromptField(
    composer: Composer,
    suggestions: Vec<String>,
    /// Where a miner serves a model of texts.
    improver: Option<Improver>,
) -> impl IntoView {
    let typed = move |words: String| {
        composer.prompt.set(words);
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
                composer.consider();
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
                aria-invalid=move || composer.error_of("prompt").map(|_| "true")
                prop:value=move || composer.prompt.get()
                readonly=is_writing
                on:input=move |event| typed(event_target_value(&event))
                on:change=move |_| composer.consider()
            >
                {format::escaped(&composer.prompt.get_untracked())}
            </textarea>
            <p class="field-error" id="prompt-error" role="alert">
                {move || composer.error_of("prompt")}
            </p>
        </div>
        <ul class="suggestions" aria-label=text::home::SUGGESTIONS>
            {chips}
        </ul>
    }
}

/// Says of a prompt outside the model's world what will come of it. It stands below the button that draws: the prompt is
/// judged as the button is pressed, which must not move away then.
#[component]
pub fn Strange(composer: Composer, model: String, subjects: Vec<String>) -> impl IntoView {
    let is_strange = move |prompt: &String| !prompt.trim().is_empty() && !names_a_subject(prompt, &subjects);
    view! {
        <p class="field-help" id="strange" role="status">
            {move || composer.considered.with(&is_strange).then(|| text::home::strange(&model))}
        </p>
    }
}

/// Size, steps and seed, folded away.
#[component]
pub fn Settings(composer: Composer, best: Draft, quick: Option<Draft>, open: bool) -> impl IntoView {
    let size = format!("{SIZE_MIN_PX}…{SIZE_MAX_PX}, × {SIZE_MULTIPLE_PX}");
    view! {
        <Fold title=text::home::SETTINGS open>
            <div class="settings">
                {quick.map(|quick| view! { <Quality composer best quick /> })}
                <NumberField composer name="steps" label=text::home::STEPS value=composer.steps help=format!("{STEPS_MIN}…{STEPS_MAX}") />
                <NumberField composer name="guidance" label=text::home::GUIDANCE value=composer.guidance help=format!("0…{GUIDANCE_MAX}") />
                <NumberField composer name="width" label=text::home::WIDTH value=composer.width help=size.clone() />
                <NumberField composer name="height" label=text::home::HEIGHT value=composer.height help=size />
                <NumberField composer name="seed" label=text::home::SEED value=composer.seed help=text::home::SEED_HELP.to_owned() />
                <div class="field field-wide">
                    <label for="negative_prompt">{text::home::NEGATIVE}</label>
                    <input
                        id="negative_prompt"
                        name="negative_prompt"
                        autocomplete="off"
                        maxlength=PROMPT_MAX_CHARS.to_string()
                        value=composer.negative_prompt.get_untracked()
                        prop:value=move || composer.negative_prompt.get()
                        on:input=move |event| composer.negative_prompt.set(event_target_value(&event))
                    />
                </div>
            </div>
        </Fold>
    }
}

/// Which of the model's two settings; the fields beside it follow.
#[component]
fn Quality(composer: Composer, best: Draft, quick: Draft) -> impl IntoView {
    let words = [text::home::best(&best.steps), text::home::quick(&quick.steps)];
    let is_quick = composer.scheduler.with_untracked(|scheduler| *scheduler == quick.scheduler);
    let options = words
        .into_iter()
        .zip([("", !is_quick), (QUICK, is_quick)])
        .map(|(words, (value, selected))| view! { <option value=value selected=selected>{words}</option> })
        .collect_view();
    view! {
        <div class="field">
            <label for="scheduler">{text::home::QUALITY}</label>
            <select
                id="scheduler"
                name="scheduler"
                on:change=move |event| {
                    composer.take(if event_target_value(&event).is_empty() { &best } else { &quick });
                }
            >
                {options}
            </select>
            <span class="field-error">{move || composer.error_of("scheduler")}</span>
        </div>
    }
}

#[component]
fn NumberField(
    composer: Composer,
    name: &'static str,
    label: &'static str,
    value: RwSignal<String>,
    help: String,
) -> impl IntoView {
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
                aria-invalid=move || composer.error_of(name).map(|_| "true")
                value=value.get_untracked()
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
            <span
                id=help_id
                class=move || if composer.error_of(name).is_some() { "field-error" } else { "field-help" }
            >
                {move || composer.error_of(name).unwrap_or_else(|| help.clone())}
            </span>
        </div>
    }
}
