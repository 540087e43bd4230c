//! `tokenizer.json`, bounded and checked before the tokenizer is built from it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use tokenizers::{NormalizedString, Normalizer, Tokenizer};

use crate::error::{InferenceError, Result, quote};

/// Largest file. The largest vocabularies in use take some 35 MB.
pub const TOKENIZER_MAX_BYTES: usize = 64 << 20;

/// Entries of a vocabulary, and merges. The largest in use have some 260 000.
pub const VOCABULARY_MAX: u64 = 1_000_000;

/// Builds the tokenizer of the file whose bytes are `json`, without the padding and truncation that it may ask for:
/// runtimes know the sizes of their graphs. `path` appears in errors.
///
/// # Errors
/// A file or a vocabulary beyond the bounds, ids beyond the vocabulary, merges of unknown tokens, and what is no
/// tokenizer.
pub fn parse(path: &Path, json: &[u8]) -> Result<Tokenizer> {
    let invalid = |reason: &dyn fmt::Display| InferenceError::format(path, quote(&reason.to_string()));
    if json.len() > TOKENIZER_MAX_BYTES {
        return Err(invalid(&format!("it has {} bytes, more than {TOKENIZER_MAX_BYTES}", json.len())));
    }
    let outline: Outline = serde_json::from_slice(json).map_err(|error| invalid(&error))?;
    outline.check().map_err(|reason| invalid(&reason))?;
    // The crate trusts its files in places.
    let parsed = catch_unwind(|| Tokenizer::from_bytes(json));
    let mut tokenizer = match parsed {
        Ok(parsed) => parsed.map_err(|error| invalid(&error))?,
        Err(_) => return Err(invalid(&"the tokenizer cannot be built from it")),
    };
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|error| invalid(&error))?;
    Ok(tokenizer)
}

/// The ids of `text`, with the beginning and end that the file asks for where `framed`.
///
/// # Errors
/// Text that the tokenizer does not read; `field` names it.
pub fn encode(tokenizer: &Tokenizer, field: &'static str, text: &str, framed: bool) -> Result<Vec<u32>> {
    let unread =
        |reason: String| InferenceError::input(field, "is text that the model's tokenizer reads", quote(&reason));
    match catch_unwind(AssertUnwindSafe(|| tokenizer.encode_fast(text, framed))) {
        Ok(encoding) => Ok(encoding.map_err(|error| unread(error.to_string()))?.get_ids().to_vec()),
        Err(_) => Err(unread("the tokenizer gave up on it".into())),
    }
}

/// Letters of several scripts, all of them large.
const LARGE_LETTERS: &str = "ABCXYZ ÀÉÖ ΔΩ ЖЯ";

/// Whether the tokenizer itself makes letters small before it looks for tokens.
pub fn makes_lower_case(tokenizer: &Tokenizer) -> bool {
    let large = normalized(tokenizer, LARGE_LETTERS);
    large.is_some() && large == normalized(tokenizer, &LARGE_LETTERS.to_lowercase())
}

/// The text in which the tokenizer looks for tokens; `None` where it changes no text.
pub fn normalized(tokenizer: &Tokenizer, text: &str) -> Option<String> {
    let mut normalized = NormalizedString::from(text);
    let normalizer = tokenizer.get_normalizer()?;
    catch_unwind(AssertUnwindSafe(|| normalizer.normalize(&mut normalized))).ok()?.ok()?;
    Some(normalized.get().to_owned())
}

/// The parts of the file that have a size.
#[derive(Debug, Deserialize)]
struct Outline {
    model: Model,
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
}

#[derive(Debug, Deserialize)]
struct AddedToken {
    #[serde(default)]
    id: u64,
}

#[derive(Debug, Deserialize)]
struct Model {
    #[serde(default)]
    vocab: Counted,
    #[serde(default)]
    merges: Counted,
}

/// A map or list that was counted and not kept.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counted {
    entries: u64,
    /// Largest whole number among the values of a map.
    largest: u64,
}

impl Outline {
    fn check(&self) -> std::result::Result<(), String> {
        let Model { vocab, merges } = self.model;
        let sizes = [("vocabulary", vocab.entries), ("list of merges", merges.entries)];
        if let Some((what, entries)) = sizes.into_iter().find(|(_, entries)| *entries > VOCABULARY_MAX) {
            return Err(format!("its {what} has {entries} entries, more than {VOCABULARY_MAX}"));
        }
        let added = self.added_tokens.iter().map(|token| token.id).max().unwrap_or(0);
        match vocab.largest.max(added) {
            id if id > VOCABULARY_MAX => Err(format!("a token has the id {id}, more than {VOCABULARY_MAX}")),
            _ => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Counting;

        impl<'de> Visitor<'de> for Counting {
            type Value = Counted;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map or a list")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Counted, A::Error> {
                let mut counted = Counted::default();
                while let Some((_, id)) = map.next_entry::<IgnoredAny, u64>()? {
                    counted.entries += 1;
                    counted.largest = counted.largest.max(id);
                }
                Ok(counted)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Counted, A::Error> {
                let mut counted = Counted::default();
                while list.next_element::<IgnoredAny>()?.is_some() {
                    counted.entries += 1;
                }
                Ok(counted)
            }

            fn visit_unit<E>(self) -> std::result::Result<Counted, E> {
                Ok(Counted::default())
            }
        }
        deserializer.deserialize_any(Counting)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn file() -> Value {
        json!({
            "version": "1.0", "truncation": {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0},
            "padding": null, "added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
            "decoder": null,
            "model": {"type": "BPE", "dropout": null, "unk_token": "?", "continuing_subword_prefix": "",
                "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": {"?": 0, "a": 1, "b": 2, "ab": 3}, "merges": ["a b"]},
        })
    }

    fn parse(file: &Value) -> Result<Tokenizer> {
        super::parse(Path::new("tokenizer.json"), file.to_string().as_bytes())
    }

    fn refused(file: &Value, word: &str) {
        let error = parse(file).unwrap_err();
        assert_eq!(error.kind.name(), "format");
        let text = error.to_string();
        assert!(text.contains("tokenizer.json") && text.contains(word), "{text} lacks {word}");
    }

    fn changed(change: impl FnOnce(&mut Value)) -> Value {
        let mut file = file();
        change(&mut file);
        file
    }

    #[test]
    fn a_sound_file_is_read_and_its_own_truncation_left_out() {
        let tokenizer = parse(&file()).unwrap();
        assert_eq!(encode(&tokenizer, "prompt", "abab", false).unwrap(), [3, 3]);
    }

    #[test]
    fn a_tokenizer_makes_letters_small_where_its_normalizer_does() {
        let makes = |normalizer| makes_lower_case(&parse(&changed(|file| file["normalizer"] = normalizer)).unwrap());
        assert!(makes(json!({"type": "Lowercase"})));
        assert!(makes(json!({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]})));
        assert!(!makes(json!({"type": "NFC"})) && !makes(Value::Null));
    }

    #[test]
    fn fuzz_tokenizers_of_model_folders() {
        let lower = changed(|file| file["normalizer"] = json!({"type": "Lowercase"}));
        let split = changed(|file| {
            file["pre_tokenizer"] =
                json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
            file["decoder"] =
                json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true});
        });
        let seeds = [file(), lower, split].map(|file| file.to_string().into_bytes());
        test_support::fuzz("tokenizers", &seeds, |input| match super::parse(Path::new("t"), input) {
            Ok(tokenizer) => {
                let read = encode(&tokenizer, "prompt", "abab é漢\u{0}\u{202e}<|a|>", true);
                assert!(read.err().is_none_or(|error| error.kind.name() == "input"));
                makes_lower_case(&tokenizer);
            }
            Err(error) => assert_eq!(error.kind.name(), "format", "{error}"),
        });
    }

    #[test]
    fn merges_of_unknown_tokens_are_refused() {
        refused(&changed(|file| file["model"]["merges"] = json!(["a c"])), "c");
        refused(&changed(|file| file["model"]["merges"] = json!(["b a"])), "ba");
        refused(&changed(|file| file["model"]["merges"] = json!(["abc"])), "erge");
        refused(&changed(|file| file["model"]["merges"] = json!(["a b", 7])), "");
    }

    #[test]
    fn sizes_end_somewhere() {
        let many: serde_json::Map<String, Value> = (0..=VOCABULARY_MAX).map(|id| (id.to_string(), id.into())).collect();
        refused(&changed(|file| file["model"]["vocab"] = many.into()), "vocabulary has 1000001 entries");
        refused(&changed(|file| file["model"]["vocab"]["a"] = 4_000_000_000_u64.into()), "id 4000000000");
        let added = json!([{"id": u64::MAX, "content": "x", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}]);
        refused(&changed(|file| file["added_tokens"] = added), "id 18446744073709551615");
        let error = super::parse(Path::new("tokenizer.json"), &vec![b' '; TOKENIZER_MAX_BYTES + 1]).unwrap_err();
        assert!(error.to_string().contains("67108865 bytes"), "{error}");
    }

    #[test]
    fn what_is_no_tokenizer_is_refused() {
        refused(&json!(null), "");
        refused(&json!({}), "model");
        refused(&json!([]), "");
        refused(&changed(|file| file["model"]["vocab"]["a"] = (-1).into()), "-1");
        refused(&changed(|file| file["model"]["vocab"] = "none".into()), "a map or a list");
        refused(&changed(|file| file["model"]["type"] = "Oracle".into()), "");
        refused(&changed(|file| file["pre_tokenizer"] = json!({"type": "Split", "pattern": {"Regex": "("}})), "");
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        assert!(super::parse(Path::new("t"), deep.as_bytes()).is_err());
        let whole = file().to_string();
        for length in 0..whole.len() {
            assert!(super::parse(Path::new("t"), &whole.as_bytes()[..length]).is_err(), "{length} bytes were taken");
        }
    }
}
