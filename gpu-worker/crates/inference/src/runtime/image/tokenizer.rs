//! CLIP's byte-pair tokenizer, read from the model's folder.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokenizers::Tokenizer;

use crate::error::{InferenceError, Result};
use crate::runtime::folder::ModelFolder;
use crate::runtime::{added_tokens, tokenizer_config, tokenizer_json};

/// Longest context that a text encoder of this family has; larger values in files mean "unlimited".
const CONTEXT_MAX_TOKENS: usize = 512;
const CONTEXT_DEFAULT_TOKENS: usize = 77;

/// `'s` and its kin, runs of letters, single digits, and runs of other signs (CLIP's own pattern).
const WORD_PATTERN: &str = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

#[derive(Debug)]
pub struct ClipTokenizer {
    tokenizer: Tokenizer,
    begin: i64,
    end: i64,
    pad: i64,
    context_tokens: usize,
}

/// The fields of `tokenizer_config.json` and `special_tokens_map.json` that matter.
#[derive(Debug, Default, Deserialize)]
struct TokenNames {
    #[serde(default)]
    bos_token: Option<TokenName>,
    #[serde(default)]
    eos_token: Option<TokenName>,
    #[serde(default)]
    pad_token: Option<TokenName>,
    #[serde(default)]
    unk_token: Option<TokenName>,
    /// A float since transformers writes 1e30 for "unlimited".
    #[serde(default)]
    model_max_length: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum TokenName {
    Plain(String),
    Added { content: String },
}

impl TokenName {
    fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Added { content: text } => text,
        }
    }
}

impl ClipTokenizer {
    /// Reads the tokenizer in the folder `part`. `context_tokens` is the length that the text encoder fixes, where it
    /// fixes one.
    pub fn load(folder: &ModelFolder, part: &str, context_tokens: Option<usize>) -> Result<Self> {
        let names = TokenNames::read(folder, part)?;
        let invalid = |reason: String| InferenceError::format(folder.root().join(part), reason);
        let whole = format!("{part}/tokenizer.json");
        let json = match folder.has(&whole) {
            true => folder.read(&whole)?,
            false => from_vocabulary(folder, part, &names)?,
        };
        let mut tokenizer = tokenizer_json::parse(&folder.root().join(&whole), &json)?;
        added_tokens::complete(&mut tokenizer, folder, part)?;
        tokenizer_config::check_of_pictures(folder, part, &tokenizer)?;
        let id = |name: Option<&TokenName>, what: &str| {
            let name = name.ok_or_else(|| invalid(format!("no {what} is named")))?.text();
            tokenizer.token_to_id(name).map(i64::from).ok_or_else(|| invalid(format!("{what} {name} has no id")))
        };
        let begin = id(names.bos_token.as_ref(), "bos_token")?;
        let end = id(names.eos_token.as_ref(), "eos_token")?;
        let pad = id(names.pad_token.as_ref().or(names.eos_token.as_ref()), "pad_token")?;
        let context_tokens = context_tokens.unwrap_or_else(|| names.context_tokens());
        Ok(Self { tokenizer, begin, end, pad, context_tokens })
    }

    pub fn context_tokens(&self) -> usize {
        self.context_tokens
    }

    /// Begin, the prompt's tokens as far as they fit, end, padding: always [`Self::context_tokens`] ids.
    pub fn encode(&self, prompt: &str) -> Result<Vec<i64>> {
        let ids = tokenizer_json::encode(&self.tokenizer, "prompt", prompt, false)?;
        let room = self.context_tokens.saturating_sub(2);
        let words = ids.iter().take(room).map(|id| i64::from(*id));
        let mut ids: Vec<i64> = std::iter::once(self.begin).chain(words).chain([self.end]).collect();
        ids.resize(self.context_tokens, self.pad);
        Ok(ids)
    }
}

impl TokenNames {
    /// `special_tokens_map.json` fills what `tokenizer_config.json` leaves out.
    fn read(folder: &ModelFolder, part: &str) -> Result<Self> {
        let read = |name: &str| {
            let file = format!("{part}/{name}");
            if folder.has(&file) { folder.read_json(&file) } else { Ok(Self::default()) }
        };
        let config: Self = read("tokenizer_config.json")?;
        let map: Self = read("special_tokens_map.json")?;
        Ok(Self {
            bos_token: config.bos_token.or(map.bos_token),
            eos_token: config.eos_token.or(map.eos_token),
            pad_token: config.pad_token.or(map.pad_token),
            unk_token: config.unk_token.or(map.unk_token),
            model_max_length: config.model_max_length,
        })
    }

    fn context_tokens(&self) -> usize {
        match self.model_max_length {
            Some(length) if (3.0..=CONTEXT_MAX_TOKENS as f64).contains(&length) => length as usize,
            _ => CONTEXT_DEFAULT_TOKENS,
        }
    }
}

/// The `tokenizer.json` that belongs to a slow tokenizer's `vocab.json`, `merges.txt` and `added_tokens.json`.
fn from_vocabulary(folder: &ModelFolder, part: &str, names: &TokenNames) -> Result<Vec<u8>> {
    let mut vocabulary: Map<String, Value> = folder.read_json(&format!("{part}/vocab.json"))?;
    let added_file = format!("{part}/added_tokens.json");
    let added: BTreeMap<String, u64> =
        if folder.has(&added_file) { folder.read_json(&added_file)? } else { BTreeMap::new() };
    add_tokens(&mut vocabulary, &added)
        .map_err(|reason| InferenceError::format(folder.root().join(&added_file), reason))?;
    let merges_file = format!("{part}/merges.txt");
    let merges = String::from_utf8(folder.read(&merges_file)?)
        .map_err(|error| InferenceError::format(folder.root().join(&merges_file), error))?;
    let pairs: Vec<&str> =
        merges.lines().filter(|line| !line.starts_with("#version") && !line.trim().is_empty()).collect();
    let special = [&names.bos_token, &names.eos_token, &names.pad_token, &names.unk_token];
    let special: BTreeSet<&str> = special.into_iter().flatten().map(TokenName::text).collect();
    let whole: BTreeSet<&str> = special.iter().copied().chain(added.keys().map(String::as_str)).collect();
    // No normalizer changes these, and no pair is merged into them.
    let whole: Vec<Value> = whole
        .into_iter()
        .filter_map(|content| Some((content, vocabulary.get(content)?.as_u64()?)))
        .map(|(content, id)| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": special.contains(content)})
        })
        .collect();
    let unknown = names.unk_token.as_ref().or(names.eos_token.as_ref()).map(TokenName::text);
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": whole,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Lowercase"},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": WORD_PATTERN}, "behavior": "Removed", "invert": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        ]},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": unknown,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>",
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": false,
            "vocab": vocabulary,
            "merges": pairs,
        },
    });
    Ok(tokenizer.to_string().into_bytes())
}

/// Gives each added token its own id in the vocabulary, which it may be part of already.
fn add_tokens(vocabulary: &mut Map<String, Value>, added: &BTreeMap<String, u64>) -> std::result::Result<(), String> {
    let mut taken: BTreeMap<u64, String> =
        vocabulary.iter().filter_map(|(token, id)| Some((id.as_u64()?, token.clone()))).collect();
    for (token, id) in added {
        match vocabulary.get(token).map(Value::as_u64) {
            Some(known) if known == Some(*id) => continue,
            Some(known) => {
                let known = known.map_or_else(|| "none".into(), |known| known.to_string());
                return Err(format!("{token} has the id {id}, but {known} in vocab.json"));
            }
            None => {}
        }
        if let Some(other) = taken.insert(*id, token.clone()) {
            return Err(format!("{token} has the id {id}, which is that of {other}"));
        }
        vocabulary.insert(token.clone(), (*id).into());
    }
    Ok(())
}
