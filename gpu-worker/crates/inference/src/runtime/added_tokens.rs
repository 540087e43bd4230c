//! Tokens that were added to a vocabulary after its training. Exporters list them beside `tokenizer.json`, and some of
//! them stand nowhere else. A tokenizer without them would cut them into pieces that the model knows nothing of.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};
use tokenizers::{AddedToken, Tokenizer};

use super::folder::ModelFolder;
use crate::error::{InferenceError, Result, quote};

/// Names each added token with all that is known of it; of newer exporters.
const CONFIG_FILE: &str = "tokenizer_config.json";

/// Names each added token with its id; of older exporters.
const LIST_FILE: &str = "added_tokens.json";

/// What the entries of [`CONFIG_FILE`] that name special tokens end with.
const SPECIAL_ENDINGS: [&str; 2] = ["_token", "_special_tokens"];

/// Added tokens of a folder. The largest have some thousands.
const ADDED_MAX: usize = 10_000;

#[derive(Debug, Default, Deserialize)]
struct Config {
    #[serde(default)]
    added_tokens_decoder: Option<BTreeMap<u32, Properties>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Properties {
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: Option<bool>,
    #[serde(default)]
    special: bool,
}

impl Properties {
    fn token(self) -> AddedToken {
        let Self { content, single_word, lstrip, rstrip, normalized, special } = self;
        AddedToken::from(content, special)
            .single_word(single_word)
            .lstrip(lstrip)
            .rstrip(rstrip)
            .normalized(normalized.unwrap_or(!special))
    }
}

/// Adds to `tokenizer` what the files in the folder `part` of the model list and its own file leaves out.
///
/// # Errors
/// A token whose id here is not the one that the files give it, and more than `ADDED_MAX` tokens.
pub(super) fn complete(tokenizer: &mut Tokenizer, folder: &ModelFolder, part: &str) -> Result<()> {
    let at = |name: &str| if part.is_empty() { name.to_owned() } else { format!("{part}/{name}") };
    let (config_file, list_file) = (at(CONFIG_FILE), at(LIST_FILE));
    let config: Config = if folder.has(&config_file) { folder.read_json(&config_file)? } else { Config::default() };
    let list: BTreeMap<String, u32> =
        if folder.has(&list_file) { folder.read_json(&list_file)? } else { BTreeMap::new() };
    let special = config.special_tokens();
    let named = config.added_tokens_decoder.unwrap_or_default().into_iter();
    let mut tokens: Vec<(u32, AddedToken, &str)> =
        named.map(|(id, properties)| (id, properties.token(), config_file.as_str())).collect();
    let known: BTreeSet<String> = tokens.iter().map(|(_, token, _)| token.content.clone()).collect();
    tokens.extend(list.into_iter().filter(|(content, _)| !known.contains(content)).map(|(content, id)| {
        let is_special = special.contains(&content);
        (id, AddedToken::from(content, is_special), list_file.as_str())
    }));
    tokens.sort_by_key(|(id, ..)| *id);
    add(tokenizer, &tokens).map_err(|(file, reason)| InferenceError::unsupported(format!("{file} {reason}")))
}

/// Adds the tokens in the order of their ids, as far as they are missing.
fn add<'a>(tokenizer: &mut Tokenizer, tokens: &[(u32, AddedToken, &'a str)]) -> Result<(), (&'a str, String)> {
    if let Some((_, _, file)) = tokens.get(ADDED_MAX) {
        return Err((file, format!("lists {} tokens, more than {ADDED_MAX}", tokens.len())));
    }
    let is_added = |token: &AddedToken| tokenizer.get_added_vocabulary().get_vocab().contains_key(&token.content);
    let missing: Vec<AddedToken> =
        tokens.iter().map(|(_, token, _)| token).filter(|token| !is_added(token)).cloned().collect();
    tokenizer.add_tokens(&missing);
    let other = tokens.iter().find(|(id, token, _)| tokenizer.token_to_id(&token.content) != Some(*id));
    other.map_or(Ok(()), |(id, token, file)| {
        let got = tokenizer.token_to_id(&token.content).map_or_else(|| "none".to_owned(), |id| id.to_string());
        let token = quote(&token.content);
        Err((*file, format!("gives the token {token:?} the id {id}, but by tokenizer.json it has {got}")))
    })
}

impl Config {
    fn special_tokens(&self) -> BTreeSet<String> {
        let is_special = |key: &&String| SPECIAL_ENDINGS.iter().any(|ending| key.ends_with(ending));
        let text = |value: &Value| value.as_str().or_else(|| value.get("content")?.as_str()).map(str::to_owned);
        let values = self.rest.keys().filter(is_special).filter_map(|key| self.rest.get(key));
        values
            .flat_map(|value| match value {
                Value::Array(values) => values.iter().filter_map(text).collect(),
                value => text(value).into_iter().collect::<Vec<_>>(),
            })
            .collect()
    }
}
