//! A conversation with a text model. `chat.js` sends each message as a job and shows the answer as it is written; what it says
//! stands in this page.

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use serde_json::json;
use shared::api::marketplace::ModelSummary;
use shared::job::JobKind;
use shared::job::text::{INPUT_MAX_BYTES, MAX_TOKENS_DEFAULT, MAX_TOKENS_MAX, MESSAGES_MAX};

use super::load::{PageTitle, load, query};
use crate::backend::use_backend;
use crate::components::facts::Fold;
use crate::components::notice::Empty;
use crate::components::signed_in::SignedIn;
use crate::gallery::REMEMBERED_MAX;
use crate::text::{account as account_words, chat as words, marketplace, miner};

/// Where text models lead to.
pub const CHAT_PATH: &str = "/chat";

#[component]
pub fn ChatPage() -> impl IntoView {
    let backend = use_backend();
    let asked = query("model");
    let is_signed_in = use_context::<SignedIn>().is_some();
    let nonce = use_nonce();
    load(async move { backend.models(Some(JobKind::Text)).await }, move |models| {
        // Jobs for other models are not sponsored: nobody vouches for what stands behind their names.
        let models: Vec<ModelSummary> = models.items.into_iter().filter(|model| model.is_pinned).collect();
        let body = if models.is_empty() {
            view! {
                <Empty title=words::NO_MODEL_TITLE detail=words::NO_MODEL>
                    <code>{miner::START_COMMAND}</code>
                </Empty>
            }
            .into_any()
        } else {
            view! {
                <Chat models asked is_signed_in />
                <script type="module" src="/chat.js" nonce=nonce></script>
            }
            .into_any()
        };
        view! {
            <PageTitle name=words::TITLE fact=words::FACT />
            {body}
        }
    })
}

#[component]
fn Chat(models: Vec<ModelSummary>, asked: Option<String>, is_signed_in: bool) -> impl IntoView {
    let note = if is_signed_in { marketplace::TRY_PRIVATE_NOTE } else { marketplace::TRY_NOTE };
    view! {
        <div class="chat" id="chat" data-facts=facts()>
            <section class="chat-log" aria-labelledby="chat-log-title">
                <h2 id="chat-log-title" class="visually-hidden">
                    {words::CONVERSATION}
                </h2>
                <div id="chat-empty">
                    <Empty title=words::EMPTY_TITLE detail=words::EMPTY />
                </div>
                <div id="chat-log" role="log" aria-labelledby="chat-log-title">
                    <ol id="chat-turns"></ol>
                </div>
            </section>
            <p class="section-note" role="status" id="chat-status"></p>
            <p class="field-error" role="alert" id="chat-error" hidden></p>
            <noscript>
                <p class="section-note">{words::NEEDS_SCRIPT}</p>
            </noscript>
            <form class="composer" id="chat-form">
                <div class="field">
                    <label for="chat-message">{words::MESSAGE}</label>
                    <textarea id="chat-message" name="message" rows="3" required aria-describedby="chat-message-help"></textarea>
                    <p class="field-help" id="chat-message-help">
                        {words::MESSAGE_HELP}
                    </p>
                </div>
                <div class="actions">
                    <button type="submit" class="button" id="chat-send">
                        {words::SEND}
                    </button>
                    <button type="button" class="button button-quiet" id="chat-stop" hidden>
                        {words::STOP}
                    </button>
                    <button type="button" class="button button-quiet" id="chat-new" hidden>
                        {words::NEW}
                    </button>
                    <p class="sponsor">{note}</p>
                </div>
                <Settings models asked />
            </form>
        </div>
    }
}

#[component]
fn Settings(models: Vec<ModelSummary>, asked: Option<String>) -> impl IntoView {
    let options = models
        .into_iter()
        .map(|model| {
            let is_asked = asked.as_deref() == Some(model.name.as_str());
            let text = match model.supply.miners {
                0 => format!("{} ({})", model.name, words::NOBODY),
                _ => model.name.clone(),
            };
            view! {
                <option value=model.name selected=is_asked>
                    {text}
                </option>
            }
        })
        .collect_view();
    view! {
        <div class="field">
            <label for="chat-model">{words::MODEL}</label>
            <select id="chat-model" name="model">
                {options}
            </select>
        </div>
        <Fold title=words::SETTINGS>
            <div class="field">
                <label for="chat-instructions">{words::INSTRUCTIONS}</label>
                <textarea id="chat-instructions" name="instructions" rows="2" aria-describedby="chat-instructions-help"></textarea>
                <p class="field-help" id="chat-instructions-help">
                    {words::INSTRUCTIONS_HELP}
                </p>
            </div>
            <div class="field">
                <label for="chat-length">{words::LENGTH}</label>
                <input
                    id="chat-length"
                    name="length"
                    type="number"
                    inputmode="numeric"
                    min="1"
                    max=MAX_TOKENS_MAX.to_string()
                    value=MAX_TOKENS_DEFAULT.to_string()
                    required
                />
            </div>
        </Fold>
    }
}

/// Limits and words for the script.
fn facts() -> String {
    json!({
        "messagesMax": MESSAGES_MAX, "bytesMax": INPUT_MAX_BYTES, "jobsMax": REMEMBERED_MAX,
        "words": {
            "you": words::YOU, "job": words::JOB, "queued": words::QUEUED, "waiting": words::WAITING,
            "writing": words::WRITING, "minted": words::MINTED, "served": words::SERVED, "stopped": words::STOPPED,
            "noAnswer": words::FAILED, "expired": words::EXPIRED, "lost": words::LOST, "gone": words::GONE, "forgotten": words::FORGOTTEN,
            "tooLong": words::TOO_LONG,
            "failed": account_words::FAILED, "refused": account_words::REFUSED, "offline": account_words::OFFLINE,
        },
    })
    .to_string()
}
