//! What the files of a sentence-transformer folder say beside its network: the modules in their order, the longest
//! text, and the prompt that goes before each text.

use std::collections::BTreeMap;

use serde::Deserialize;
use shared::job::embedding;
use tokenizers::Tokenizer;

use super::pooling::{Pooling, PoolingConfig};
use super::read_or_default;
use crate::error::{InferenceError, Result, quote};
use crate::runtime::folder::ModelFolder;
use crate::runtime::keys::Keys;
use crate::runtime::schema::{Neutral, Schema};
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

/// `truncate_dim` at most.
const DIMENSIONS_MAX: usize = embedding::DIMENSIONS_MAX;

/// How two vectors are compared is for who gets them.
const SIMILARITIES: [&str; 7] = ["cosine", "dot", "euclidean", "manhattan", "cos_sim", "dot_score", "max_sim"];

const PROMPTS: Schema = Schema {
    done: &["prompts", "default_prompt_name", "truncate_dim"],
    descriptive: &["__version__"],
    descriptive_beginnings: &[],
    descriptive_ends: &[],
    neutral: &[
        ("model_type", Neutral::Words(&["SentenceTransformer"])),
        ("similarity_fn_name", Neutral::Words(&SIMILARITIES)),
    ],
};

const TRANSFORMER: Schema = Schema {
    done: &["max_seq_length", "do_lower_case", "modality_config"],
    descriptive: &["unpad_inputs", "tokenizer_name_or_path"],
    descriptive_beginnings: &[],
    descriptive_ends: &[],
    neutral: &[
        ("transformer_task", Neutral::Words(&["feature-extraction"])),
        ("module_output_name", Neutral::Words(&[TOKEN_STATES])),
        ("processing_kwargs", Neutral::Empty),
        ("model_args", Neutral::Empty),
        ("model_kwargs", Neutral::Empty),
        ("tokenizer_args", Neutral::Empty),
        ("processor_kwargs", Neutral::Empty),
        ("config_args", Neutral::Empty),
        ("config_kwargs", Neutral::Empty),
        ("query_length", Neutral::Absent),
        ("document_length", Neutral::Absent),
        ("query_expansion", Neutral::Absent),
    ],
};

const POOLING: Schema = Schema {
    done: &["include_prompt"],
    descriptive: &["word_embedding_dimension", "embedding_dimension"],
    // Modes are done or refused where they are read.
    descriptive_beginnings: &["pooling_mode"],
    descriptive_ends: &[],
    neutral: &[],
};

const NORMALIZE: Schema = Schema {
    done: &[],
    descriptive: &[],
    descriptive_beginnings: &[],
    descriptive_ends: &[],
    neutral: &[
        ("module_input_name", Neutral::Words(&[TEXT_VECTOR])),
        ("module_output_name", Neutral::Words(&[TEXT_VECTOR])),
    ],
};

/// What modules hand on to each other.
const TOKEN_STATES: &str = "token_embeddings";
const TEXT_VECTOR: &str = "sentence_embedding";

/// How a network reads a text, and which of its outputs holds the states.
const FORWARD: &str = "forward";
const STATES: &str = "last_hidden_state";

/// Modules of other packages are code of their own, whatever they are called.
const KNOWN_PACKAGE: &str = "sentence_transformers.";

/// What the folder says.
#[derive(Debug)]
pub(super) struct Sentence {
    pub(super) pooling: Pooling,
    pub(super) max_seq_length: Option<f64>,
    /// Goes before each text; mostly empty.
    pub(super) prompt: String,
    /// Numbers of a vector, where its end is left out.
    pub(super) dimensions_max: Option<usize>,
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
        check_transformer(&Keys::read_if_listed(folder, file)?)?;
        if transformer.do_lower_case == Some(true) && !tokenizer_json::makes_lower_case(tokenizer) {
            let reason = format!("{file} sets do_lower_case, but its tokenizer.json does not make letters small");
            return Err(InferenceError::unsupported(reason));
        }
        let prompts: Prompts = read_or_default(folder, PROMPTS_FILE)?;
        let prompt_keys = Keys::read_if_listed(folder, PROMPTS_FILE)?;
        PROMPTS.check(&prompt_keys)?;
        let dimensions_max = match prompt_keys.integer("truncate_dim", 0, 1..=DIMENSIONS_MAX)? {
            0 => None,
            dimensions => Some(dimensions),
        };
        let prompt = prompts.default_prompt()?;
        if !prompt.is_empty() && !pooling.includes_prompt() {
            return Err(InferenceError::unsupported("its pooling leaves the prompt out (include_prompt is false)"));
        }
        Ok(Self { pooling: pooling.pooling()?, max_seq_length: transformer.max_seq_length, prompt, dimensions_max })
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
        let file = format!("{POOLING_FOLDER}/config.json");
        POOLING.check(&Keys::read_if_listed(folder, &file)?)?;
        return read_or_default(folder, &file);
    }
    let modules: Vec<Module> = folder.read_json(MODULES_FILE)?;
    let path = pooling_folder(&modules)?;
    for normalize in modules.iter().skip(2) {
        NORMALIZE.check(&Keys::read_if_listed(folder, &normalize.config_file())?)?;
    }
    let file = if path.is_empty() { "config.json".into() } else { format!("{path}/config.json") };
    if !path.is_empty() {
        POOLING.check(&Keys::read_if_listed(folder, &file)?)?;
    }
    folder.read_json(&file)
}

/// The states of a text's tokens are what is pooled, whatever else the network reads and gives.
fn check_transformer(keys: &Keys) -> Result<()> {
    TRANSFORMER.check(keys)?;
    let Some(config) = keys.get("modality_config") else { return Ok(()) };
    let told = |key: &str| config.get("text").and_then(|text| text.get(key)).and_then(|value| value.as_str());
    match (told("method"), told("method_output_name")) {
        (Some(FORWARD), Some(STATES) | None) => Ok(()),
        _ => Err(keys.error("modality_config", format!("reads text by {FORWARD} and takes {STATES}"))),
    }
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

    fn config_file(&self) -> String {
        format!("{}/config.json", self.path.trim_end_matches('/'))
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
