//! How a model is used: a form for visitors, and commands for programs.

use http::request::Parts;
use leptos::prelude::*;
use serde_json::json;
use shared::api::marketplace::ModelSummary;
use shared::job::JobKind;
use shared::job::image::PROMPT_MAX_CHARS;

use crate::components::facts::{Raw, Section};
use crate::components::value::CopyButton;
use crate::format::percent_encoded;
use crate::gallery::REMEMBERED_MAX;
use crate::origin::origin;
use crate::pages::pay::PAY_PATH;
use crate::text::{account as account_words, marketplace as words};

/// The prompt of the commands.
const EXAMPLE_PROMPT: &str = "a sunset over the sea";

/// Suggestions under the form.
const SUGGESTIONS: usize = 4;

#[component]
pub fn Try(summary: ModelSummary, suggestions: Vec<String>, is_signed_in: bool) -> impl IntoView {
    let form = if summary.is_pinned {
        view! { <TryForm summary suggestions is_signed_in /> }.into_any()
    } else {
        let pay = (summary.kind == JobKind::Image).then(|| {
            let href = format!("{PAY_PATH}?model={}", percent_encoded(&summary.name));
            view! {
                <div class="actions">
                    <a class="button button-quiet" href=href>
                        {words::PAY_FOR_IT}
                    </a>
                </div>
            }
        });
        view! {
            <p class="section-note">{words::PAID_ONLY}</p>
            {pay}
        }
        .into_any()
    };
    view! {
        <div id="try">
            <Section title=words::TRY>{form}</Section>
        </div>
    }
}

/// `compose.js` sends it.
#[component]
fn TryForm(summary: ModelSummary, suggestions: Vec<String>, is_signed_in: bool) -> impl IntoView {
    let (label, button) = words::prompt_of(summary.kind);
    let facts = json!({
        "kind": summary.kind, "model": summary.name, "jobsMax": REMEMBERED_MAX,
        "words": {"sending": words::SENDING, "failed": account_words::FAILED, "refused": account_words::REFUSED, "offline": account_words::OFFLINE},
    });
    let chips = suggestions
        .into_iter()
        .take(SUGGESTIONS)
        .map(|suggestion| view! { <li><button type="button" class="suggestion" data-suggestion>{suggestion}</button></li> })
        .collect_view();
    let note = if is_signed_in { words::TRY_PRIVATE_NOTE } else { words::TRY_NOTE };
    view! {
        <form class="composer try-form" id="compose" data-facts=facts.to_string()>
            <div class="field">
                <label for="compose-prompt">{label}</label>
                <textarea id="compose-prompt" name="prompt" rows="2" required maxlength=PROMPT_MAX_CHARS.to_string()></textarea>
                <ul class="suggestions">{chips}</ul>
            </div>
            <div class="actions">
                <button type="submit" class="button" id="compose-send">
                    {button}
                </button>
                <p class="sponsor">{note}</p>
            </div>
            <p class="section-note" role="status" id="compose-status"></p>
            <p class="field-error" role="alert" id="compose-error" hidden></p>
            <noscript>
                <p class="section-note">{words::TRY_SCRIPT}</p>
            </noscript>
        </form>
    }
}

#[component]
pub fn Programs(summary: ModelSummary) -> impl IntoView {
    let host = use_context::<Parts>().and_then(|parts| origin(&parts.headers)).unwrap_or_default();
    let note = if summary.is_pinned { words::API_NOTE } else { words::API_PAID_NOTE };
    let commands =
        [(words::API_OWN, own_command(&host, &summary)), (words::API_OPENAI, openai_command(&host, &summary))].map(
            |(title, command)| {
                view! {
                    <div class="command">
                        <h3>{title} <CopyButton value=command.clone() what=words::COMMAND /></h3>
                        <Raw text=command />
                    </div>
                }
            },
        );
    view! {
        <div id="programs">
            <Section title=words::API>
                <p class="section-note">{note}</p>
                {commands}
            </Section>
        </div>
    }
}

/// In single quotes of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn curl(host: &str, path: &str, summary: &ModelSummary, body: &serde_json::Value) -> String {
    let key = if summary.is_pinned { "" } else { " -H 'x-api-key: KEY'" };
    let url = format!("{host}{path}");
    format!("curl -s {url} -H 'content-type: application/json'{key} \\\n  -d {}", quoted(&body.to_string()))
}

fn own_command(host: &str, summary: &ModelSummary) -> String {
    let input = match summary.kind {
        JobKind::Image | JobKind::Text => json!({"prompt": EXAMPLE_PROMPT}),
        JobKind::Embedding => json!({"input": [EXAMPLE_PROMPT]}),
    };
    let body = json!({"kind": summary.kind, "model": summary.name, "input": input});
    curl(host, "/v1/jobs", summary, &body)
}

fn openai_command(host: &str, summary: &ModelSummary) -> String {
    let model = &summary.name;
    let (path, body) = match summary.kind {
        JobKind::Image => ("/v1/images/generations", json!({"model": model, "prompt": EXAMPLE_PROMPT})),
        JobKind::Text => {
            ("/v1/chat/completions", json!({"model": model, "messages": [{"role": "user", "content": EXAMPLE_PROMPT}]}))
        }
        JobKind::Embedding => ("/v1/embeddings", json!({"model": model, "input": EXAMPLE_PROMPT})),
    };
    curl(host, path, summary, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(name: &str, is_pinned: bool) -> ModelSummary {
        ModelSummary {
            kind: JobKind::Text,
            name: name.to_owned(),
            is_pinned,
            is_default: false,
            licence: None,
            example_steps: 0,
            supply: Default::default(),
            served: Default::default(),
        }
    }

    #[test]
    fn a_name_with_quotes_stays_one_word_of_the_command() {
        let command = own_command("http://host", &summary("a'; rm -rf /; '\"", true));
        let (_, body) = command.split_once("-d ").unwrap();
        let unquoted = body.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap().replace(r"'\''", "'");
        let parsed: serde_json::Value = serde_json::from_str(&unquoted).unwrap();
        assert_eq!(parsed["model"], "a'; rm -rf /; '\"");
        assert!(!unquoted.is_empty() && !command.contains("x-api-key"));
    }

    #[test]
    fn a_model_that_nobody_sponsors_is_asked_for_with_a_key() {
        for command in [own_command, openai_command] {
            assert!(command("http://host", &summary("words", false)).contains("x-api-key: KEY"));
        }
    }
}
