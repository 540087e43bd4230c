//! What the files of a sentence-transformer folder say beside its network: the modules in their order, the longest
//! text, and the prompt that goes before each text.

use std::collections::BTreeMap;

use serde::Deserialize;
use tokenizers::Tokenizer;

use super::pooling::{Pooling, PoolingConfig};
use super::read_or_default;
use crate::error::{InferenceError, Result, quote};
use crate::runtime::folder::ModelFolder;
use crate::runtime::tokenizer_json;

const MODULES_FILE: &str = "modules.json";
const PROMPTS_FILE: &str = "config_sentence_transformers.json";

/// Where a folder without `modules.json` configures the pooling.
const POOLING_FOLDER: &str = "1_Pooling";

/// The module's file; older exporters named it after the network.
const TRANSFORMER_FILES: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// Modules of other packages are code of their own, whatever they are called.
const KNOWN_PACKAGE: &str = "sentence_transformers.";

/// What the folder says.
#[derive(Debug)]
pub(super) struct Sentence {
    pub(super) pooling: Pooling,
    pub(super) max_seq_length: Option<f64>,
    /// Goes before each text; mostly empty.
    pub(super) prompt: String,
}

/// One entry of `modules.json`.
#[derive(Debug, Deserialize)]
struct Module {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Default, Deserialize)]
struct TransformerConfig {
    #[serde(default)]
    max_seq_length: Option<f64>,
    #[serde(default)]
    do_lower_case: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
struct Prompts {
    #[serde(default)]
    prompts: Option<BTreeMap<String, String>>,
    #[serde(default)]
    default_prompt_name: Option<String>,
}

impl Sentence {
    /// # Errors
    /// A module, a way of pooling or a prompt that is not known, and lower case that the tokenizer does not make.
    pub(super) fn read(folder: &ModelFolder, tokenizer: &Tokenizer) -> Result<Self> {
        let pooling = pooling_config(folder)?;
        let file = TRANSFORMER_FILES.into_iter().find(|file| folder.has(file)).unwrap_or(TRANSFORMER_FILES[0]);
        let transformer: TransformerConfig = read_or_default(folder, file)?;
        if transformer.do_lower_case == Some(true) && !tokenizer_json::makes_lower_case(tokenizer) {
            let reason = format!("{file} sets do_lower_case, but its tokenizer.json does not make letters small");
            return Err(InferenceError::unsupported(reason));
        }
        let prompts: Prompts = read_or_default(folder, PROMPTS_FILE)?;
        let prompt = prompts.default_prompt()?;
        if !prompt.is_empty() && !pooling.includes_prompt() {
            return Err(InferenceError::unsupported("its pooling leaves the prompt out (include_prompt is false)"));
        }
        Ok(Self { pooling: pooling.pooling()?, max_seq_length: transformer.max_seq_length, prompt })
    }
}

impl Prompts {
    fn default_prompt(self) -> Result<String> {
        let Some(name) = self.default_prompt_name else { return Ok(String::new()) };
        self.prompts.unwrap_or_default().remove(&name).ok_or_else(|| {
            let name = quote(&name);
            InferenceError::unsupported(format!(
                "{PROMPTS_FILE} has no prompt called {name:?}, its default_prompt_name"
            ))
        })
    }
}

fn pooling_config(folder: &ModelFolder) -> Result<PoolingConfig> {
    if !folder.has(MODULES_FILE) {
        return read_or_default(folder, &format!("{POOLING_FOLDER}/config.json"));
    }
    let modules: Vec<Module> = folder.read_json(MODULES_FILE)?;
    let path = pooling_folder(&modules)?;
    folder.read_json(&if path.is_empty() { "config.json".into() } else { format!("{path}/config.json") })
}

/// The folder of the pooling module, after checking that the modules are those that are served.
fn pooling_folder(modules: &[Module]) -> Result<&str> {
    let refused = |reason: String| Err(InferenceError::unsupported(format!("{MODULES_FILE} {reason}")));
    let names: Vec<&str> = modules.iter().map(Module::name).collect();
    if let Some(module) = modules.iter().find(|module| !module.is_known()) {
        let kind = quote(&module.kind);
        return refused(format!("names {kind}; known are Transformer, Pooling and Normalize of sentence-transformers"));
    }
    match (&names[..], modules) {
        (["Transformer", "Pooling", rest @ ..], [transformer, pooling, ..])
            if rest.iter().all(|name| *name == "Normalize") =>
        {
            if !transformer.path.is_empty() {
                let path = quote(&transformer.path);
                return refused(format!("keeps its Transformer in {path}; its files belong into the folder itself"));
            }
            Ok(pooling.path.trim_end_matches('/'))
        }
        _ => {
            let names = quote(&names.join(", "));
            refused(format!("should name a Transformer, a Pooling and perhaps Normalize, in this order, got {names}"))
        }
    }
}

impl Module {
    /// The class without its package.
    fn name(&self) -> &str {
        self.kind.rsplit('.').next().unwrap_or_default()
    }

    fn is_known(&self) -> bool {
        self.kind.starts_with(KNOWN_PACKAGE) && ["Transformer", "Pooling", "Normalize"].contains(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(kinds: &[(&str, &str)]) -> Vec<Module> {
        kinds.iter().map(|(kind, path)| Module { path: (*path).into(), kind: (*kind).into() }).collect()
    }

    const TRANSFORMER: (&str, &str) = ("sentence_transformers.models.Transformer", "");
    const POOLING: (&str, &str) = ("sentence_transformers.models.Pooling", "1_Pooling");
    const NORMALIZE: (&str, &str) = ("sentence_transformers.models.Normalize", "2_Normalize");

    #[test]
    fn the_pooling_is_where_the_modules_name_it() {
        assert_eq!(pooling_folder(&modules(&[TRANSFORMER, POOLING])).unwrap(), "1_Pooling");
        let newer = [
            ("sentence_transformers.base.modules.transformer.Transformer", ""),
            ("sentence_transformers.sentence_transformer.modules.pooling.Pooling", "pool/"),
            NORMALIZE,
        ];
        assert_eq!(pooling_folder(&modules(&newer)).unwrap(), "pool");
    }

    #[test]
    fn modules_that_are_not_served_are_refused_by_their_name() {
        let dense = ("sentence_transformers.models.Dense", "2_Dense");
        let own = ("custom_st.Transformer", "");
        for (kinds, word) in [
            (vec![TRANSFORMER, POOLING, dense], "models.Dense"),
            (vec![own, POOLING], "custom_st.Transformer"),
            (vec![TRANSFORMER], "got Transformer"),
            (vec![TRANSFORMER, NORMALIZE, POOLING], "in this order"),
            (vec![TRANSFORMER, POOLING, POOLING], "in this order"),
            (vec![("sentence_transformers.models.Transformer", "0_Transformer"), POOLING], "in 0_Transformer"),
            (vec![], "in this order"),
        ] {
            let error = pooling_folder(&modules(&kinds)).unwrap_err();
            assert_eq!(error.kind.name(), "model");
            assert!(error.to_string().contains(word), "{error} lacks {word}");
        }
    }

    #[test]
    fn the_default_prompt_is_the_one_that_is_named() {
        let prompt = |json: &str| serde_json::from_str::<Prompts>(json).unwrap().default_prompt();
        let both = r#"{"prompts": {"query": "query: ", "passage": "passage: "}"#;
        assert_eq!(prompt(&format!(r#"{both}, "default_prompt_name": "query"}}"#)).unwrap(), "query: ");
        assert_eq!(prompt(&format!(r#"{both}, "default_prompt_name": null}}"#)).unwrap(), "");
        assert_eq!(prompt(&format!("{both}}}")).unwrap(), "");
        assert_eq!(prompt(r#"{"prompts": null}"#).unwrap(), "");
        let error = prompt(&format!(r#"{both}, "default_prompt_name": "other"}}"#)).unwrap_err();
        assert!(error.to_string().contains("no prompt called \"other\""), "{error}");
    }
}
