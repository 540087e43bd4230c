//! `tokenizer_config.json`. What a tokenizer does stands in `tokenizer.json`; where this file says otherwise, other
//! programs do as this file says, so the two must agree.

use serde_json::Value;
use tokenizers::Tokenizer;

use super::folder::ModelFolder;
use super::keys::Keys;
use super::schema::{Neutral, Schema};
use super::tokenizer_classes::TOKENIZER_CLASSES;
use super::tokenizer_json;
use crate::error::Result;

const FILE: &str = "tokenizer_config.json";

/// What pictures' prompts are read with.
const CLIP_CLASSES: [&str; 3] = ["CLIPTokenizer", "PreTrainedTokenizer", "TokenizersBackend"];

/// What the names of the quicker half of the classes end with.
const FAST: &str = "Fast";

/// A text whose tokens show what a tokenizer puts around them.
const PROBE: &str = "a";

/// What happens to a text that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Never,
    AtTheEnd,
}

const DONE: &[&str] = &[
    "add_bos_token",
    "add_eos_token",
    "added_tokens_decoder",
    "additional_special_tokens",
    "extra_special_tokens",
    "model_specific_special_tokens",
    "model_max_length",
    "chat_template",
    "tokenizer_class",
    "do_lower_case",
    "strip_accents",
    "tokenize_chinese_chars",
    "truncation_side",
    "padding_side",
];

const DESCRIPTIVE: &[&str] = &[
    // Names and versions.
    "name_or_path",
    "_name_or_path",
    "_commit_hash",
    "transformers_version",
    "tokenizer_file",
    "vocab_file",
    "merges_file",
    "special_tokens_map_file",
    "full_tokenizer_file",
    "monolingual_vocab_file",
    "spm_file",
    "processor_class",
    "model_type",
    "model_input_names",
    "vocab_size",
    "vocab_type",
    "backend",
    // How somebody loaded or called it once.
    "use_fast",
    "from_slow",
    "is_local",
    "local_files_only",
    "trust_remote_code",
    "cache_dir",
    "revision",
    "subfolder",
    "device_map",
    "max_length",
    "stride",
    "truncation_strategy",
    "pad_to_multiple_of",
    "padding",
    "return_token_type_ids",
    "return_attention_mask",
    // Held by tokenizer.json.
    "add_prefix_space",
    "trim_offsets",
    "errors",
    "legacy",
    "legacy_behaviour",
    "keep_accents",
    "remove_space",
    "wordpieces_prefix",
    "max_input_chars_per_word",
    "split_by_punct",
    "extra_ids",
    "offset",
    "suffix_first",
    "unk_id",
    "_spm_precompiled_charsmap",
    // Of a whole text once it is there; one that is written token by token is left as it is.
    "clean_up_tokenization_spaces",
    "spaces_between_special_tokens",
    // For conversations with other programs' tools.
    "use_default_system_prompt",
    "response_schema",
    "response_template",
    "chat_control_tokens",
];

const SCHEMA: Schema = Schema {
    done: DONE,
    descriptive: DESCRIPTIVE,
    descriptive_beginnings: &[],
    // `bos_token` and its like, and their ids.
    descriptive_ends: &["_token", "_token_id", "_token_type_id"],
    neutral: &[
        ("auto_map", Neutral::Absent),
        ("do_basic_tokenize", Neutral::True),
        ("add_special_tokens", Neutral::True),
        ("split_special_tokens", Neutral::False),
        ("normalization", Neutral::False),
        ("never_split", Neutral::Empty),
        ("sp_model_kwargs", Neutral::Empty),
        ("init_inputs", Neutral::Empty),
        ("fast_tokenizer_files", Neutral::Empty),
    ],
};

/// Checks the file of a language model, where there is one.
///
/// # Errors
/// A key that is not known, one that asks for what is not done, and one that `tokenizer` does otherwise.
pub(super) fn check(folder: &ModelFolder, tokenizer: &Tokenizer, cut: Cut) -> Result<()> {
    let keys = Keys::read_if_listed(folder, FILE)?;
    check_class(&keys, &TOKENIZER_CLASSES, "a class of transformers")?;
    if cut == Cut::AtTheEnd {
        refuse_left(&keys, "truncation_side", "a text that is too long is cut at its end")?;
    }
    let (begins, ends) = frame(tokenizer)?;
    agrees(&keys, "add_bos_token", begins)?;
    agrees(&keys, "add_eos_token", ends)?;
    check_letters(&keys, tokenizer)?;
    SCHEMA.check(&keys)
}

/// Checks the file in the folder `part` of a picture model. Its prompts are framed, cut at the end and padded there by
/// the pipeline itself.
///
/// # Errors
/// As [`check`].
pub(super) fn check_of_pictures(folder: &ModelFolder, part: &str, tokenizer: &Tokenizer) -> Result<()> {
    let keys = Keys::read_if_listed(folder, &format!("{part}/{FILE}"))?;
    check_class(&keys, &CLIP_CLASSES, "CLIPTokenizer")?;
    refuse_left(&keys, "truncation_side", "a prompt that is too long is cut at its end")?;
    refuse_left(&keys, "padding_side", "a prompt is padded at its end")?;
    agrees(&keys, "add_bos_token", true)?;
    agrees(&keys, "add_eos_token", true)?;
    check_letters(&keys, tokenizer)?;
    SCHEMA.check(&keys)
}

fn check_class(keys: &Keys, classes: &[&str], known: &str) -> Result<()> {
    let Some(class) = keys.get("tokenizer_class") else { return Ok(()) };
    let is_known = |name: &str| classes.contains(&name.strip_suffix(FAST).unwrap_or(name));
    match class.as_str().is_some_and(is_known) {
        true => Ok(()),
        false => Err(keys.error("tokenizer_class", format!("is {known}, or absent"))),
    }
}

fn refuse_left(keys: &Keys, key: &str, reason: &str) -> Result<()> {
    match keys.get(key).and_then(Value::as_str) {
        None | Some("right") => Ok(()),
        Some(_) => Err(keys.error(key, format!("is right or absent, since {reason}"))),
    }
}

/// Whether the tokenizer puts tokens before and after a text.
fn frame(tokenizer: &Tokenizer) -> Result<(bool, bool)> {
    let plain = tokenizer_json::encode(tokenizer, "prompt", PROBE, false)?;
    let framed = tokenizer_json::encode(tokenizer, "prompt", PROBE, true)?;
    let text = framed.windows(plain.len().max(1)).position(|tokens| tokens == plain);
    // Where the text itself vanishes, what stands around it is all there is.
    Ok(text.map_or((!framed.is_empty(), !framed.is_empty()), |begin| (begin > 0, begin + plain.len() < framed.len())))
}

/// What the tokenizer makes of letters.
fn check_letters(keys: &Keys, tokenizer: &Tokenizer) -> Result<()> {
    let makes = |text: &str, made: &str| tokenizer_json::normalized(tokenizer, text).as_deref() == Some(made);
    agrees(keys, "do_lower_case", tokenizer_json::makes_lower_case(tokenizer))?;
    agrees(keys, "strip_accents", makes("é", "e"))?;
    agrees(keys, "tokenize_chinese_chars", makes("漢", " 漢 "))
}

/// Where the file says it, the tokenizer does it, and the other way round.
fn agrees(keys: &Keys, key: &str, is_done: bool) -> Result<()> {
    match keys.flag(key, is_done)? == is_done {
        true => Ok(()),
        false => Err(keys.error(key, format!("is {is_done} or absent, as tokenizer.json has it"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys(file: Value) -> Keys {
        Keys::parse(FILE, &file.to_string()).unwrap()
    }

    /// Reads letters, and puts these tokens around a text.
    fn tokenizer(frame: Value, normalizer: Value) -> Tokenizer {
        let special = |id: u32, content: &str| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true})
        };
        let file = json!({
            "version": "1.0", "truncation": null, "padding": null, "normalizer": normalizer, "pre_tokenizer": null,
            "added_tokens": [special(1, "<s>"), special(2, "</s>")], "decoder": null,
            "post_processor": {"type": "TemplateProcessing", "single": frame, "pair": frame,
                "special_tokens": {
                    "<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]},
                    "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}},
            "model": {"type": "BPE", "dropout": null, "unk_token": "a", "continuing_subword_prefix": "",
                "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": {"a": 0, "<s>": 1, "</s>": 2}, "merges": []},
        });
        tokenizer_json::parse(std::path::Path::new("t"), file.to_string().as_bytes()).unwrap()
    }

    fn text() -> Value {
        json!({"Sequence": {"id": "A", "type_id": 0}})
    }

    fn token(name: &str) -> Value {
        json!({"SpecialToken": {"id": name, "type_id": 0}})
    }

    #[test]
    fn what_stands_around_a_text_is_seen() {
        let framed = |frame| super::frame(&tokenizer(frame, Value::Null)).unwrap();
        assert_eq!(framed(json!([text()])), (false, false));
        assert_eq!(framed(json!([token("<s>"), text()])), (true, false));
        assert_eq!(framed(json!([text(), token("</s>")])), (false, true));
        assert_eq!(framed(json!([token("<s>"), text(), token("</s>")])), (true, true));
    }

    #[test]
    fn a_file_must_say_of_letters_what_the_tokenizer_does() {
        let bert = json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true});
        let (small, plain) = (tokenizer(json!([text()]), bert), tokenizer(json!([text()]), Value::Null));
        let told = json!({"do_lower_case": true, "strip_accents": true, "tokenize_chinese_chars": true});
        check_letters(&keys(told.clone()), &small).unwrap();
        check_letters(&keys(json!({"strip_accents": null})), &small).unwrap();
        check_letters(&keys(json!({"do_lower_case": false})), &plain).unwrap();
        for key in ["do_lower_case", "strip_accents", "tokenize_chinese_chars"] {
            for (value, tokenizer) in [(true, &plain), (false, &small)] {
                let error = check_letters(&keys(json!({key: value})), tokenizer).unwrap_err().to_string();
                assert!(error.contains(&format!("{FILE}: {key} is {}", !value)), "{error}");
            }
        }
    }

    #[test]
    fn classes_are_known_with_and_without_fast() {
        let check = |class: &str| check_class(&keys(json!({"tokenizer_class": class})), &TOKENIZER_CLASSES, "known");
        for class in
            ["BertTokenizer", "LlamaTokenizerFast", "Qwen2Tokenizer", "PreTrainedTokenizerFast", "GPT2Tokenizer"]
        {
            check(class).unwrap();
        }
        for class in ["WizardTokenizer", "Fast", ""] {
            assert!(check(class).unwrap_err().to_string().contains("tokenizer_class is known"), "{class}");
        }
        assert!(TOKENIZER_CLASSES.is_sorted());
    }
}
