//! `generation_config.json`: how a model's makers have its texts written. What a job says itself (temperature, `top_p`,
//! the longest text) stands before it.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::runtime::folder::ModelFolder;
use crate::runtime::keys::Keys;
use crate::runtime::schema::{Neutral, Schema};

const FILE: &str = "generation_config.json";

/// Tokens of one list. The longest in use have some hundred.
const TOKENS_MAX: usize = 4_096;

const PENALTY_MAX: f64 = 100.0;
const TEMPERATURE_MAX: f64 = 100.0;
const COUNT_MAX: usize = 1 << 20;

const SCHEMA: Schema = Schema {
    done: &[
        "eos_token_id",
        "top_k",
        "min_p",
        "repetition_penalty",
        "suppress_tokens",
        "begin_suppress_tokens",
        "min_new_tokens",
        // Each job says these itself.
        "temperature",
        "top_p",
        "do_sample",
    ],
    descriptive: &[
        "_from_model_config",
        "_commit_hash",
        "_original_object_hash",
        "transformers_version",
        "transformers.js_config",
        "trust_remote_code",
        // Each job says itself how long its text may be.
        "max_length",
        "max_new_tokens",
        // Without a prompt no text begins here, nothing is padded, and no second network decodes.
        "bos_token_id",
        "pad_token_id",
        "decoder_start_token_id",
        // Of several texts at once, of which there is one.
        "early_stopping",
        "length_penalty",
        "renormalize_logits",
        "remove_invalid_values",
        "low_memory",
        // How other programs keep the past, guess ahead and compile.
        "use_cache",
        "cache_implementation",
        "cache_config",
        "max_cache_len",
        "return_legacy_cache",
        "prefill_chunk_size",
        "compile_config",
        "disable_compile",
        "continuous_batching_config",
        "is_assistant",
        "num_assistant_tokens",
        "num_assistant_tokens_schedule",
        "assistant_confidence_threshold",
        "assistant_early_exit",
        "assistant_lookbehind",
        "assistant_ensemble_weight",
        "target_lookbehind",
        "prompt_lookup_num_tokens",
        "max_matching_ngram_size",
        "speculation_type",
        "use_mtp",
        // What other programs hand out beside the text.
        "output_attentions",
        "output_hidden_states",
        "output_scores",
        "output_logits",
        "return_dict_in_generate",
    ],
    descriptive_beginnings: &[],
    descriptive_ends: &[],
    neutral: &[
        ("min_length", Neutral::Number(0.0)),
        ("max_time", Neutral::Absent),
        ("stop_strings", Neutral::Empty),
        ("num_beams", Neutral::Number(1.0)),
        ("num_beam_groups", Neutral::Number(1.0)),
        ("num_return_sequences", Neutral::Number(1.0)),
        ("penalty_alpha", Neutral::Number(0.0)),
        ("dola_layers", Neutral::Absent),
        ("top_h", Neutral::Absent),
        ("typical_p", Neutral::Number(1.0)),
        ("epsilon_cutoff", Neutral::Number(0.0)),
        ("eta_cutoff", Neutral::Number(0.0)),
        ("diversity_penalty", Neutral::Number(0.0)),
        ("encoder_repetition_penalty", Neutral::Number(1.0)),
        ("no_repeat_ngram_size", Neutral::Number(0.0)),
        ("encoder_no_repeat_ngram_size", Neutral::Number(0.0)),
        ("bad_words_ids", Neutral::Empty),
        ("force_words_ids", Neutral::Empty),
        ("constraints", Neutral::Empty),
        ("forced_bos_token_id", Neutral::Absent),
        ("forced_eos_token_id", Neutral::Absent),
        ("forced_decoder_ids", Neutral::Empty),
        ("exponential_decay_length_penalty", Neutral::Absent),
        ("sequence_bias", Neutral::Empty),
        ("token_healing", Neutral::False),
        ("guidance_scale", Neutral::Number(1.0)),
        ("watermarking_config", Neutral::Absent),
        ("generation_kwargs", Neutral::Empty),
    ],
};

/// What the file asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Generation {
    /// Any of them ends a text.
    pub(super) end_tokens: Vec<u32>,
    /// The likeliest that are looked at; 0 for all.
    pub(super) top_k: usize,
    /// A token less likely than this part of the likeliest is not taken.
    pub(super) min_p: f64,
    /// Makes tokens that stand in the text already less likely, above 1.
    repetition_penalty: f32,
    suppressed: Vec<u32>,
    /// Not taken as the first token.
    suppressed_first: Vec<u32>,
    /// Tokens before the first that may end the text.
    min_new_tokens: usize,
}

impl Generation {
    /// `config` stands for a file that is absent, as in older folders, and for the ends of a text that it does not name.
    ///
    /// # Errors
    /// A key that is not known, one that asks for what is not done, and tokens from `vocabulary` on.
    pub(super) fn read(folder: &ModelFolder, config: &Keys, vocabulary: usize) -> Result<Self> {
        let keys = match folder.has(FILE) {
            true => Keys::read(folder, FILE)?,
            false => config.clone().only_those(|key| SCHEMA.knows(key)),
        };
        SCHEMA.check(&keys)?;
        // The job's own stand before these, which must make sense all the same.
        keys.optional_number("temperature", 0.0..=TEMPERATURE_MAX)?;
        keys.optional_number("top_p", 0.0..=1.0)?;
        keys.flag("do_sample", false)?;
        let ids = |keys: &Keys, key| keys.ids(key, vocabulary, TOKENS_MAX);
        let ends = if keys.has("eos_token_id") { &keys } else { config };
        let generation = Self {
            end_tokens: ids(ends, "eos_token_id")?,
            top_k: keys.integer("top_k", 0, 0..=COUNT_MAX)?,
            min_p: keys.number("min_p", 0.0, 0.0..=1.0)?,
            repetition_penalty: keys.number("repetition_penalty", 1.0, 1.0 / PENALTY_MAX..=PENALTY_MAX)? as f32,
            suppressed: ids(&keys, "suppress_tokens")?,
            suppressed_first: ids(&keys, "begin_suppress_tokens")?,
            min_new_tokens: keys.integer("min_new_tokens", 0, 0..=COUNT_MAX)?,
        };
        let never_first = [&generation.suppressed, &generation.suppressed_first, &generation.end_tokens];
        if never_first.into_iter().flatten().collect::<BTreeSet<_>>().len() >= vocabulary {
            return Err(keys.error("suppress_tokens", format!("leaves one of {vocabulary} tokens that begins a text")));
        }
        Ok(generation)
    }
}

/// A model's guesses, as the file has them changed before a token is taken.
#[derive(Debug)]
pub(super) struct Guesses<'a> {
    generation: &'a Generation,
    /// Tokens of the prompt and of the text so far.
    seen: BTreeSet<u32>,
    written: usize,
}

impl<'a> Guesses<'a> {
    pub(super) fn new(generation: &'a Generation, prompt: &[u32]) -> Self {
        Self { generation, seen: prompt.iter().copied().collect(), written: 0 }
    }

    pub(super) fn change(&self, logits: &mut [f32]) {
        let Generation { repetition_penalty: penalty, suppressed, suppressed_first, min_new_tokens, .. } =
            self.generation;
        if *penalty != 1.0 {
            for token in &self.seen {
                let Some(logit) = logits.get_mut(*token as usize) else { continue };
                *logit = if *logit < 0.0 { *logit * penalty } else { *logit / penalty };
            }
        }
        let mut suppress = |tokens: &[u32]| {
            for token in tokens {
                if let Some(logit) = logits.get_mut(*token as usize) {
                    *logit = f32::NEG_INFINITY;
                }
            }
        };
        suppress(suppressed);
        if self.written == 0 {
            suppress(suppressed_first);
        }
        if self.written < *min_new_tokens {
            suppress(&self.generation.end_tokens);
        }
    }

    pub(super) fn took(&mut self, token: u32) {
        self.seen.insert(token);
        self.written += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation() -> Generation {
        Generation {
            end_tokens: vec![0],
            top_k: 0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            suppressed: Vec::new(),
            suppressed_first: Vec::new(),
            min_new_tokens: 0,
        }
    }

    fn changed(guesses: &Guesses<'_>) -> [f32; 4] {
        let mut logits = [1.0, -2.0, 3.0, 0.0];
        guesses.change(&mut logits);
        logits
    }

    #[test]
    fn a_file_that_asks_for_nothing_changes_nothing() {
        assert_eq!(changed(&Guesses::new(&generation(), &[0, 1, 2])), [1.0, -2.0, 3.0, 0.0]);
    }

    #[test]
    fn tokens_of_prompt_and_text_become_less_likely_once_each() {
        let generation = Generation { repetition_penalty: 2.0, ..generation() };
        let mut guesses = Guesses::new(&generation, &[1, 1, 99]);
        assert_eq!(changed(&guesses), [1.0, -4.0, 3.0, 0.0]);
        guesses.took(2);
        guesses.took(2);
        assert_eq!(changed(&guesses), [1.0, -4.0, 1.5, 0.0]);
    }

    #[test]
    fn suppressed_tokens_and_early_ends_are_not_taken() {
        let none = f32::NEG_INFINITY;
        let (suppressed, suppressed_first) = (vec![2, 99], vec![3]);
        let generation = Generation { suppressed, suppressed_first, min_new_tokens: 2, ..generation() };
        let mut guesses = Guesses::new(&generation, &[]);
        assert_eq!(changed(&guesses), [none, -2.0, none, none]);
        guesses.took(1);
        assert_eq!(changed(&guesses), [none, -2.0, none, 0.0]);
        guesses.took(1);
        assert_eq!(changed(&guesses), [1.0, -2.0, none, 0.0]);
    }
}
