//! The order of the gallery: by time, or by what an embedding job measured.

use leptos::prelude::*;
use shared::id::JobId;
use shared::job::image::PROMPT_MAX_CHARS;
use shared::job::lifecycle::JobState;
use shared::job::request::Work;

use crate::backend::{Answer, Backend, BackendError, Written};
use crate::gallery::{SEARCH, SEARCH_FIELD, SEARCH_STATUS};
use crate::meaning::{self, Rank};
use crate::text::job as words;

/// What was looked for, and how near each text is to it.
pub struct Meaning {
    job: JobId,
    model: String,
    pub(super) query: String,
    near: Vec<(String, f64)>,
}

impl Meaning {
    pub(super) fn of(&self, prompt: &str) -> Option<f64> {
        self.near.iter().find(|(text, _)| text == prompt).map(|(_, near)| *near)
    }
}

/// The order that the address asks for, or why it cannot be given.
pub enum Order {
    ByTime,
    ByMeaning(Meaning),
    /// By time instead, with the reason.
    Unmeasured(&'static str),
}

impl Order {
    /// The order that the embedding job `like` gives. Where there is no measure the page says so; it is not an error.
    pub(super) async fn of(like: Option<&str>, backend: &dyn Backend) -> Answer<Self> {
        let Some(like) = like else { return Ok(Self::ByTime) };
        let Ok(id) = like.parse::<JobId>() else { return Ok(Self::Unmeasured(words::SEARCH_UNKNOWN)) };
        let job = match backend.job(id).await {
            Ok(job) => job,
            Err(BackendError::NotFound) => return Ok(Self::Unmeasured(words::SEARCH_UNKNOWN)),
            Err(error) => return Err(error),
        };
        let Work::Embedding(input) = &job.work else { return Ok(Self::Unmeasured(words::SEARCH_OF_OTHER_KIND)) };
        match job.state {
            JobState::Completed => {}
            state if state.is_terminal() => return Ok(Self::Unmeasured(words::SEARCH_FAILED)),
            _ => return Ok(Self::Unmeasured(words::SEARCH_NOT_YET)),
        }
        if !backend.may_read(&job).await? {
            return Ok(Self::Unmeasured(words::SEARCH_WITHHELD));
        }
        let Some(Written::Vectors(vectors)) = backend.written(&job).await? else {
            return Ok(Self::Unmeasured(words::SEARCH_UNKNOWN));
        };
        let near = meaning::measured(&input.input, &vectors);
        Ok(Self::ByMeaning(Meaning {
            near: near.into_iter().map(|(text, near)| (text.to_owned(), near)).collect(),
            query: input.words().to_owned(),
            model: job.model,
            job: id,
        }))
    }

    /// The same, unless it was measured for none of these prompts.
    pub(super) fn that_fits<'a>(self, mut prompts: impl Iterator<Item = &'a str>) -> Self {
        match self {
            Self::ByMeaning(meaning) if !prompts.any(|prompt| meaning.of(prompt).is_some()) => {
                Self::Unmeasured(words::SEARCH_OF_OTHER_PROMPTS)
            }
            fits => fits,
        }
    }

    pub(super) fn query(&self) -> Option<String> {
        if let Self::ByMeaning(meaning) = self { Some(meaning.query.clone()) } else { None }
    }

    /// Equal for all prompts where nothing was measured.
    pub(super) fn rank(&self, prompt: &str) -> Rank {
        let Self::ByMeaning(meaning) = self else { return Rank::default() };
        Rank { holds_words: meaning::holds_the_words(&meaning.query, prompt), near: meaning.of(prompt) }
    }
}

/// Where to ask for an order by meaning. The page's script listens to it and says under it how far it is.
#[component]
pub fn SearchForm(
    /// What the gallery is ordered by already.
    query: Option<String>,
) -> impl IntoView {
    view! {
        <form id=SEARCH class="field meaning-search" role="search" aria-label=words::SEARCH>
            <label for=SEARCH_FIELD>{words::SEARCH}</label>
            <div class="field-row">
                <input
                    id=SEARCH_FIELD
                    value=query
                    required
                    maxlength=PROMPT_MAX_CHARS.to_string()
                    autocomplete="off"
                    enterkeyhint="search"
                    placeholder=words::SEARCH_EXAMPLE
                    aria-describedby=SEARCH_STATUS
                />
                <button type="submit" class="button button-quiet">
                    {words::SEARCH_DO}
                </button>
            </div>
            <p id=SEARCH_STATUS class="field-help" role="status">
                {words::SEARCH_HELP}
            </p>
        </form>
    }
}

/// The order in words, above the gallery, with the job that is its proof; nothing where it is the usual one.
#[component]
pub fn OrderSentence(
    order: Order,
    /// Some prompts hold the words that were looked for.
    holds_words: bool,
) -> impl IntoView {
    let is_ordered = matches!(order, Order::ByMeaning(_));
    let sentence = match order {
        Order::ByTime => return None,
        Order::ByMeaning(Meaning { job, model, query, .. }) => view! {
            {if holds_words { words::WITH_WORDS } else { words::NEAREST_TO }}
            <q>{query}</q>
            {if holds_words { words::THEN_BY_MEANING } else { words::BY_MEANING }}
            <a href=format!("/jobs/{job}")>{words::measured_by(&model)}</a>
            "."
        }
        .into_any(),
        Order::Unmeasured(why) => why.into_any(),
    };
    Some(view! {
        <p class="gallery-order">
            <span>{sentence}</span>
            {is_ordered.then(|| view! { <a href="/jobs">{words::NEWEST_FIRST}</a> })}
        </p>
    })
}
