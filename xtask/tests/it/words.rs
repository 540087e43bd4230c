//! Plain words: a newcomer should understand every document and every comment without guessing.

use crate::sources::{Source, below, root};

/// A word or phrase that makes readers guess, and what to say instead.
struct Ban {
    phrase: &'static str,
    instead: &'static str,
}

const fn ban(phrase: &'static str, instead: &'static str) -> Ban {
    Ban { phrase, instead }
}

/// Compared as whole words and in lower case. An underscore ends a word, so names in code count as well.
const BANS: &[Ban] = &[
    ban("bare", "what is missing: without a device, without a copy button, an empty machine"),
    ban("befell", "happened to"),
    ban("by its word", "as it says"),
    ban("company", "what is waited for: other jobs, receipts or transactions of the same batch"),
    ban("hubs of before", "which protocol version, or nothing where no such hub runs"),
    ban("in vain", "without success, or failed"),
    ban("long breath", "takes long"),
    ban("miner's word", "what the miner says"),
    ban("of before", "earlier, or which version"),
    ban("own word", "what it says itself"),
    ban("reunion", "reconnect"),
    ban("spec §", "the rule itself, or a link to a document of this repository"),
    ban("stage-1", "the name of the call: `POST /v1/generate-image` or `GET /v1/health`"),
    ban("strange", "outside the model's subjects"),
    ban("to and fro", "back and forth"),
    ban("whoever", "who it is: the miner, the caller, anybody who"),
    ban("wish", "request, or what the configuration wants"),
    ban("wishes", "requests"),
    ban("workers of before", "which protocol version, or nothing where no such worker runs"),
];

/// What people read: documents and sources.
const READ: &[&str] = &[".md", ".rs", ".ts", ".mjs", ".sol"];

/// The list itself, and the default models, whose cards are written by their training and pinned by hash.
const NOT_READ: [&str; 2] = ["xtask/tests/it/words.rs", "gpu-worker/model/"];

/// The parts of a decision record, in order.
const RECORD_PARTS: [&str; 4] = ["**Status:** ", "## Context", "## Decision", "## Consequences"];

#[test]
fn documents_and_comments_use_plain_words() {
    let sources = below("", READ);
    assert!(sources.len() > 300, "only {} sources were found", sources.len());
    let is_read = |source: &&Source| !NOT_READ.iter().any(|path| source.path.starts_with(path));
    let found: Vec<_> = sources.iter().filter(is_read).flat_map(banned).collect();
    assert!(found.is_empty(), "{} places make a reader guess:\n{}", found.len(), found.join("\n"));
}

#[test]
fn decision_records_have_one_form() {
    let records = below("docs/adr", &[".md"]);
    assert!(records.len() > 20, "only {} decision records were found", records.len());
    let wrong: Vec<_> = records.iter().filter_map(missing_part).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_glossary_is_sorted_and_has_one_sentence_for_each_term() {
    let text = std::fs::read_to_string(root().join("docs/GLOSSARY.md")).unwrap();
    let entries: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("- **")?.split_once("**: ")).collect();
    let bullets = text.lines().filter(|line| line.starts_with('-')).count();
    assert_eq!(entries.len(), bullets, "an entry is `- **term**: one sentence.`");
    assert!(entries.len() > 50, "only {} terms were found", entries.len());
    for pair in entries.windows(2) {
        let [(before, _), (after, _)] = pair else { unreachable!("windows of two") };
        assert!(before.to_lowercase() < after.to_lowercase(), "{after} stands behind {before}");
    }
    for (term, meaning) in entries {
        let is_one_sentence = meaning.ends_with('.') && !meaning.trim_end_matches('.').contains(". ");
        assert!(is_one_sentence, "{term} is not explained in one sentence: {meaning}");
    }
}

#[test]
fn a_ban_finds_whole_words_only() {
    for text in ["Whoever asks", "reunion_by", "(spec §5)", "a report of before;", "is_bare"] {
        assert!(BANS.iter().any(|ban| says(&text.to_lowercase(), ban.phrase)), "{text}");
    }
    for text in ["barely", "a stranger", "accompany", "in its own words", "a specification"] {
        assert!(!BANS.iter().any(|ban| says(text, ban.phrase)), "{text}");
    }
}

fn banned(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let line = line.to_lowercase();
        let bans = BANS.iter().filter(|ban| says(&line, ban.phrase));
        found.extend(
            bans.map(|Ban { phrase, instead }| format!("{}:{}: \"{phrase}\"; say {instead}", source.path, index + 1)),
        );
    }
    found
}

/// Whether `phrase` stands in `text` as whole words. Both are in lower case.
fn says(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(start, _)| {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(start + phrase.len()..).and_then(|after| after.chars().next());
        let begins_a_word = before.is_none_or(|character| !character.is_alphanumeric());
        // A phrase such as "spec §" goes on with a number.
        let ends_a_word = !phrase.ends_with(char::is_alphanumeric) || after.is_none_or(|next| !next.is_alphanumeric());
        begins_a_word && ends_a_word
    })
}

fn missing_part(record: &Source) -> Option<String> {
    let mut rest = record.text.as_str();
    if !rest.starts_with("# ") {
        return Some(format!("{} has no title", record.path));
    }
    for part in RECORD_PARTS {
        let Some((_, behind)) = rest.split_once(&format!("\n{part}")) else {
            return Some(format!("{} has no \"{part}\", or has it in another order", record.path));
        };
        rest = behind;
    }
    None
}
