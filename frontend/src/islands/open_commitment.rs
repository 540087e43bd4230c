//! "Open what is sealed": anybody who has prompt and salt checks that they are the receipt's, without asking anybody.

use leptos::prelude::*;
use shared::commitment::Salt;
use shared::digest::{PromptHash, Sha256Digest};

use crate::components::icon::Icon;
use crate::components::status::Tone;
use crate::text::receipt as words;

/// One line of the answer: whether it holds, and the sentence.
type Line = (bool, &'static str);

#[island]
pub fn OpenCommitment(
    /// `prompt_commitment` of the receipt.
    prompt_commitment: String,
    /// `result_commitment` of the receipt.
    result_commitment: String,
) -> impl IntoView {
    let (salt, prompt, result) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let lines = RwSignal::new(Vec::<Line>::new());
    let check = move |_| {
        let sealed = (prompt_commitment.as_str(), result_commitment.as_str());
        lines.set(open(sealed, &salt.get(), &prompt.get(), &result.get()));
    };
    view! {
        <div class="section">
            <p class="section-note">{words::OPEN_HELP}</p>
            <div class="field">
                <label for="open-salt">{words::SALT}</label>
                <input
                    id="open-salt"
                    class="mono"
                    autocomplete="off"
                    spellcheck="false"
                    on:input=move |event| salt.set(event_target_value(&event))
                />
            </div>
            <div class="field">
                <label for="open-prompt">{words::PROMPT}</label>
                <textarea
                    id="open-prompt"
                    rows="3"
                    on:input=move |event| prompt.set(event_target_value(&event))
                ></textarea>
            </div>
            <div class="field">
                <label for="open-result">{words::RESULT_SHA256}</label>
                <input
                    id="open-result"
                    class="mono"
                    autocomplete="off"
                    spellcheck="false"
                    on:input=move |event| result.set(event_target_value(&event))
                />
            </div>
            <div class="actions">
                <button type="button" class="button" id="open-now" on:click=check>
                    {words::OPEN_NOW}
                </button>
            </div>
            <ul class="checks" aria-live="polite" id="opened">
                {move || lines.get().into_iter().map(|line| view! { <OpenedLine line /> }).collect_view()}
            </ul>
        </div>
    }
}

#[component]
fn OpenedLine(line: Line) -> impl IntoView {
    let (holds, sentence) = line;
    let tone = if holds { Tone::Done } else { Tone::Refused };
    view! {
        <li data-holds=holds.to_string()>
            <Icon glyph=tone.glyph() />
            <span>{sentence}</span>
        </li>
    }
}

/// What salt, prompt and the result's SHA-256 say of the two commitments. An empty result is not looked at.
fn open((prompt_commitment, result_commitment): (&str, &str), salt: &str, prompt: &str, result: &str) -> Vec<Line> {
    let Ok(salt) = salt.trim().parse::<Salt>() else { return vec![(false, words::NO_SALT)] };
    let opens = salt.commit_prompt(PromptHash::of(prompt)).to_string() == prompt_commitment;
    let mut lines = vec![(opens, if opens { words::PROMPT_OPENS } else { words::PROMPT_DIFFERS })];
    match result.trim() {
        "" => {}
        text => lines.push(match text.parse::<Sha256Digest>() {
            Err(_) => (false, words::NO_SHA256),
            Ok(digest) if salt.commit_result(digest).to_string() == result_commitment => (true, words::RESULT_OPENS),
            Ok(_) => (false, words::RESULT_DIFFERS),
        }),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_prompt_salt_and_result_open_it() {
        let salt = Salt(shared::B256::repeat_byte(0x73));
        let digest = Sha256Digest::of(b"yes");
        let prompt = salt.commit_prompt(PromptHash::of("a lake")).to_string();
        let result = salt.commit_result(digest).to_string();
        let sealed = (prompt.as_str(), result.as_str());
        let (salt, digest) = (salt.to_string(), digest.to_string());
        let both = [(true, words::PROMPT_OPENS), (true, words::RESULT_OPENS)];
        assert_eq!(open(sealed, &salt, "a lake", &digest), both);
        assert_eq!(open(sealed, &format!(" {salt}\n"), "a lake", ""), both[..1]);
        assert_eq!(open(sealed, &salt, "a sea", ""), [(false, words::PROMPT_DIFFERS)]);
        assert_eq!(open(sealed, &salt.replace("73", "74"), "a lake", ""), [(false, words::PROMPT_DIFFERS)]);
        assert_eq!(open(sealed, "0x12", "a lake", ""), [(false, words::NO_SALT)]);
        assert_eq!(open(sealed, &salt, "a lake", "no")[1], (false, words::NO_SHA256));
        let other = Sha256Digest::of(b"no").to_string();
        assert_eq!(open(sealed, &salt, "a lake", &other)[1], (false, words::RESULT_DIFFERS));
    }
}
