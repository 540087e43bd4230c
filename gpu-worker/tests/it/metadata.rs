//! What a model's own files ask for is done, or the folder refused by file, key and value; what exporters write passes.

use std::process::Command;

use serde_json::{Value, json};

use crate::graphs::quickest;
use crate::ollama::work;
use crate::support::{ModelCopy, PROGRAM, draw_small, stderr};
use crate::words::{greedy, load, run, text};

const GENERATION: &str = "generation_config.json";
const TOKENIZER: &str = "tokenizer_config.json";
const INDEX: &str = "model_index.json";

/// A copy of the writer or the embedder, with `keys` put into `file`.
fn words_with(name: &str, file: &str, keys: &Value) -> ModelCopy {
    let model = ModelCopy::words(name, if name == "writer" { "text" } else { "embedding" });
    put(&model, file, keys);
    model
}

fn put(model: &ModelCopy, file: &str, keys: &Value) {
    if !model.file(file).exists() {
        std::fs::write(model.file(file), "{}").unwrap();
    }
    model.edit(file, |config| config.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone()));
}

/// `keys` in `file` are refused by the name of the first of them.
fn refused(name: &str, file: &str, keys: &Value) {
    let error = load(quickest(), &words_with(name, file, keys)).err().unwrap_or_else(|| panic!("{keys} was taken"));
    let key = keys.as_object().unwrap().keys().next().unwrap();
    assert_eq!(error.kind.name(), "model", "{error}");
    assert!(error.to_string().starts_with(&format!("{file}: {key} ")), "{keys}: {error}");
}

fn taken(name: &str, file: &str, keys: &Value) {
    if let Err(error) = load(quickest(), &words_with(name, file, keys)) {
        panic!("{keys}: {error}");
    }
}

/// What the writer writes with these keys.
fn written(keys: &Value, input: Value) -> String {
    let mut model = load(quickest(), &words_with("writer", GENERATION, keys)).unwrap();
    text(&run(model.as_mut(), &work("text", input)).unwrap().0)
}

#[test]
fn ways_of_writing_that_are_not_done_are_refused_by_name() {
    for keys in [
        json!({"no_repeat_ngram_size": 3}),
        json!({"num_beams": 4}),
        json!({"forced_bos_token_id": 5}),
        json!({"forced_eos_token_id": 1}),
        json!({"bad_words_ids": [[1]]}),
        json!({"typical_p": 0.5}),
        json!({"epsilon_cutoff": 0.01}),
        json!({"guidance_scale": 3.0}),
        json!({"encoder_repetition_penalty": 2.0}),
        json!({"watermarking_config": {"bias": 2}}),
        json!({"penalty_alpha": 0.6}),
        json!({"sequence_bias": [[[1], 2.0]]}),
        json!({"stop_strings": ["."]}),
        json!({"top_h": 0.3}),
        json!({"min_length": 9}),
        json!({"wizard_setting": 3}),
        // Done, but not at these values.
        json!({"eos_token_id": 99_999_999}),
        json!({"eos_token_id": [1, 99_999_999]}),
        json!({"eos_token_id": -1}),
        json!({"suppress_tokens": [99_999_999]}),
        json!({"begin_suppress_tokens": "all"}),
        json!({"repetition_penalty": 0}),
        json!({"temperature": -1}),
        json!({"top_p": 2}),
        json!({"top_k": -4}),
        json!({"min_p": 1.5}),
    ] {
        refused("writer", GENERATION, &keys);
    }
    // Older folders say it in the network's own file.
    let model = ModelCopy::words("writer", "text");
    std::fs::remove_file(model.file(GENERATION)).unwrap();
    put(&model, "config.json", &json!({"num_beams": 4, "n_layer": 2}));
    let error = load(quickest(), &model).err().unwrap().to_string();
    assert!(error.starts_with("config.json: num_beams is 1 or absent"), "{error}");
}

#[test]
fn what_exporters_write_of_generation_passes() {
    for keys in [
        json!({"_from_model_config": true, "bos_token_id": 0, "eos_token_id": 1, "transformers_version": "4.57.1"}),
        json!({"do_sample": true, "temperature": 0.7, "top_p": 0.8, "top_k": 20, "repetition_penalty": 1.05,
            "pad_token_id": 0, "eos_token_id": [1, 0], "transformers_version": "5.23.0"}),
        json!({"do_sample": false, "max_length": 96, "max_new_tokens": null, "num_beams": 1, "use_cache": true,
            "guidance_scale": 1, "typical_p": 1.0, "no_repeat_ngram_size": 0, "suppress_tokens": null,
            "cache_implementation": "hybrid", "output_scores": false, "num_return_sequences": 1.0}),
    ] {
        taken("writer", GENERATION, &keys);
    }
}

#[test]
fn penalties_and_suppressed_tokens_change_what_is_written() {
    let input = |count: u32| json!({"prompt": "a city", "max_tokens": count, "temperature": 0.0, "seed": 1});
    let plain = written(&json!({}), input(12));
    // Below 1, what stands in the text already becomes likelier.
    assert_ne!(written(&json!({"repetition_penalty": 0.02}), input(12)), plain);
    assert_eq!(written(&json!({"repetition_penalty": 1.0, "top_k": 5, "min_p": 0.1}), input(12)), plain);
    let hot = json!({"prompt": "a city", "max_tokens": 12, "temperature": 2.0, "seed": 3});
    assert_ne!(written(&json!({}), hot.clone()), plain);
    assert_eq!(written(&json!({"top_k": 1}), hot.clone()), plain, "one token is left to choose from");
    assert_eq!(written(&json!({"min_p": 1.0}), hot), plain);
    // A text that ends at once, unless its end comes too early.
    let all: Vec<u32> = (0..8).collect();
    let ends = |least: u32| written(&json!({"eos_token_id": all, "min_new_tokens": least}), input(12));
    let without = written(&json!({"suppress_tokens": all}), input(12));
    assert_eq!(ends(12), without);
    assert_eq!(written(&json!({"suppress_tokens": all, "min_new_tokens": 12}), input(12)), without);
}

#[test]
fn a_network_that_is_not_what_its_graph_shows_is_refused_by_name() {
    for name in ["writer", "embedder"] {
        for keys in [
            json!({"quantization_config": {"quant_method": "awq", "bits": 4}}),
            json!({"compression_config": {"format": "pack"}}),
            json!({"rope_scaling": {"type": "spiral", "factor": 4}}),
            json!({"rope_parameters": {"rope_type": "longrope"}}),
            json!({"is_encoder_decoder": true}),
        ] {
            refused(name, "config.json", &keys);
        }
        taken(name, "config.json", &json!({"rope_scaling": {"type": "yarn", "factor": 4}, "sliding_window": null}));
    }
    let ends = words_with("writer", GENERATION, &json!({"eos_token_id": null}));
    put(&ends, "config.json", &json!({"eos_token_id": 99_999_999}));
    let error = load(quickest(), &ends).err().unwrap().to_string();
    assert!(error.starts_with("config.json: eos_token_id is a token below"), "{error}");
    // Beyond the length of its training, a graph has other angles than the file asks for.
    let long = json!({"rope_scaling": {"type": "longrope"}, "original_max_position_embeddings": 20});
    let mut model = load(quickest(), &words_with("writer", "config.json", &long)).unwrap();
    let error = run(model.as_mut(), &greedy(&"long ".repeat(200), 3)).unwrap_err();
    assert!(error.to_string().contains("is 1 to 19 tokens"), "{error}");
}

#[test]
fn a_tokenizer_must_do_what_its_configuration_says() {
    for name in ["writer", "embedder"] {
        for keys in [
            json!({"tokenizer_class": "WizardTokenizer"}),
            json!({"auto_map": {"AutoTokenizer": ["code.Wizard", null]}}),
            json!({"do_lower_case": true}),
            json!({"split_special_tokens": true}),
            json!({"wizard": 1}),
        ] {
            refused(name, TOKENIZER, &keys);
        }
        taken(
            name,
            TOKENIZER,
            &json!({"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1e30, "padding_side": "left",
            "clean_up_tokenization_spaces": true, "unk_token": null, "added_tokens_decoder": {}, "errors": "replace",
            "add_prefix_space": false, "extra_special_tokens": {}, "chat_template": null, "truncation_side": "right"}),
        );
    }
    // The writer's begins each text, the embedder's ends it as well.
    for (name, begins, ends) in [("writer", true, false), ("embedder", true, true)] {
        taken(name, TOKENIZER, &json!({"add_bos_token": begins, "add_eos_token": ends}));
        refused(name, TOKENIZER, &json!({"add_bos_token": !begins}));
        refused(name, TOKENIZER, &json!({"add_eos_token": !ends}));
    }
    refused("embedder", TOKENIZER, &json!({"truncation_side": "left"}));
    // A prompt that is too long is refused, so nothing is cut.
    taken("writer", TOKENIZER, &json!({"truncation_side": "left"}));
}

#[test]
fn the_files_of_a_sentence_model_are_read_completely() {
    let (prompts, transformer) = ("config_sentence_transformers.json", "sentence_bert_config.json");
    for (file, keys) in [
        (prompts, json!({"wizard": 1})),
        (prompts, json!({"truncate_dim": 0})),
        (prompts, json!({"truncate_dim": "half"})),
        (prompts, json!({"model_type": "SparseEncoder"})),
        (prompts, json!({"similarity_fn_name": "luck"})),
        (transformer, json!({"model_args": {"x": 1}})),
        (transformer, json!({"transformer_task": "fill-mask"})),
        (transformer, json!({"modality_config": {"text": {"method": "forward", "method_output_name": "logits"}}})),
        (transformer, json!({"wizard": 1})),
        ("1_Pooling/config.json", json!({"wizard": 1})),
    ] {
        refused("embedder", file, &keys);
    }
    let versions = json!({"sentence_transformers": "6.2.0", "transformers": "5.23.0", "pytorch": "2.15.0"});
    taken(
        "embedder",
        prompts,
        &json!({"model_type": "SentenceTransformer", "__version__": versions, "prompts": {"query": "", "document": ""},
        "default_prompt_name": null, "similarity_fn_name": "dot", "truncate_dim": null}),
    );
    let states = json!({"text": {"method": "forward", "method_output_name": "last_hidden_state"}});
    taken(
        "embedder",
        transformer,
        &json!({"transformer_task": "feature-extraction", "module_output_name": "token_embeddings",
        "modality_config": states, "processing_kwargs": {}, "unpad_inputs": null}),
    );
    taken("embedder", "1_Pooling/config.json", &json!({"embedding_dimension": 32, "include_prompt": true}));
}

#[test]
fn a_vector_that_is_cut_has_length_one_again() {
    let vector = |keys: Value| -> Vec<f32> {
        let model = words_with("embedder", "config_sentence_transformers.json", &keys);
        let input = work("embedding", json!({"input": ["a harbour at night"]}));
        let output = run(load(quickest(), &model).unwrap().as_mut(), &input).unwrap().0;
        serde_json::from_slice::<Vec<Vec<f32>>>(&output.artifacts[0].bytes).unwrap().remove(0)
    };
    let (whole, cut) = (vector(json!({})), vector(json!({"truncate_dim": 8})));
    let length = whole[..8].iter().map(|number| number * number).sum::<f32>().sqrt();
    assert_eq!(cut.len(), 8);
    for (number, of_whole) in cut.iter().zip(&whole) {
        assert!((number - of_whole / length).abs() < 1e-6, "{cut:?}");
    }
    assert_eq!(vector(json!({"truncate_dim": 4_096})), whole);
}

/// The command says of a picture model with `keys` in `file` that it is not drawn with, and why.
fn draws_not(file: &str, keys: &Value, words: &str) {
    let model = ModelCopy::tiny("sd15");
    put(&model, file, keys);
    let told = draw_small(&model, &[]).expect_err("it draws nothing");
    assert!(told.contains(&format!("gpu-worker: {file}: ")) && told.contains(words), "{keys}: {told}");
}

#[test]
fn a_pipeline_that_is_not_drawn_here_is_refused_by_name() {
    let class = "StableDiffusionSafetyChecker";
    for (file, keys, words) in [
        (INDEX, json!({"_class_name": "WizardPipeline"}), "_class_name is StableDiffusionPipeline or"),
        (INDEX, json!({"_class_name": "StableDiffusionInpaintPipeline"}), "StableDiffusionInpaintPipeline"),
        (INDEX, json!({"safety_checker": ["x", class]}), "safety_checker comes with safety_checker/model.onnx"),
        (INDEX, json!({"image_encoder": ["transformers", "C"]}), "image_encoder is no key that is known here"),
        (INDEX, json!({"requires_aesthetics_score": true}), "requires_aesthetics_score is false or absent"),
        (INDEX, json!({"wizard": ["a", "b"]}), "wizard is no key"),
        (INDEX, json!({"force_zeros_for_empty_prompt": 1}), "force_zeros_for_empty_prompt is true or false"),
        ("vae_decoder/config.json", json!({"latents_mean": [1, 2, 3, 4]}), "latents_mean comes with latents_std"),
        (
            "vae_encoder/config.json",
            json!({"scaling_factor": 0.5}),
            "scaling_factor is that of vae_decoder/config.json",
        ),
        ("unet/config.json", json!({"quantization_config": {"bits": 4}}), "quantization_config is absent"),
        ("tokenizer/tokenizer_config.json", json!({"tokenizer_class": "T5Tokenizer"}), "is CLIPTokenizer"),
        ("tokenizer/tokenizer_config.json", json!({"padding_side": "left"}), "padding_side is right"),
        ("tokenizer/tokenizer_config.json", json!({"do_lower_case": false}), "do_lower_case is true or absent"),
    ] {
        draws_not(file, &keys, words);
    }
    let model = ModelCopy::tiny("sd15");
    put(
        &model,
        INDEX,
        &json!({"_diffusers_version": "0.42.1", "_name_or_path": "someone/model", "feature_extractor": [null, null],
        "image_encoder": [null, null], "requires_safety_checker": true, "vae": ["diffusers", "AutoencoderKL"]}),
    );
    put(
        &model,
        "tokenizer/tokenizer_config.json",
        &json!({"add_prefix_space": false, "do_lower_case": true,
        "errors": "replace", "added_tokens_decoder": {}, "clean_up_tokenization_spaces": true}),
    );
    assert_eq!(draw_small(&model, &[]).unwrap(), draw_small(&ModelCopy::tiny("sd15"), &[]).unwrap());
}

#[test]
fn a_checker_whose_preprocessing_is_another_is_refused() {
    let model = ModelCopy::tiny("checked");
    put(&model, INDEX, &json!({"safety_checker": ["diffusers", "Part"]}));
    for keys in [json!({"do_normalize": false}), json!({"resample": 2}), json!({"wizard": 1})] {
        put(&model, "feature_extractor/preprocessor_config.json", &keys);
        let told = draw_small(&model, &[]).expect_err("it draws nothing");
        let key = keys.as_object().unwrap().keys().next().unwrap();
        assert!(told.contains(&format!("feature_extractor/preprocessor_config.json: {key} is")), "{told}");
        model.edit("feature_extractor/preprocessor_config.json", |config| {
            config.as_object_mut().unwrap().remove(key);
        });
    }
    draw_small(&model, &[]).unwrap();
}

#[test]
fn means_and_deviations_of_latents_change_the_colours() {
    let model = ModelCopy::tiny("sd15");
    let plain = draw_small(&model, &[]).unwrap();
    let spread = |mean: [f32; 4], deviation: [f32; 4]| {
        for file in ["vae_decoder/config.json", "vae_encoder/config.json"] {
            put(&model, file, &json!({"latents_mean": mean, "latents_std": deviation}));
        }
        draw_small(&model, &[]).unwrap()
    };
    assert_eq!(spread([0.0; 4], [1.0; 4]), plain);
    assert_ne!(spread([1.0, 2.0, 3.0, 4.0], [2.0; 4]), plain);
}

#[cfg(unix)]
#[test]
fn add_refuses_a_pipe_by_name_and_reads_no_file_of_a_folder_that_is_no_model() {
    let data = tempfile::tempdir().unwrap();
    let add = |model: &ModelCopy| {
        let add = ["models", "add", model.path().to_str().unwrap()];
        let output = Command::new(PROGRAM).arg("--data").arg(data.path()).args(add).output().unwrap();
        assert!(!output.status.success());
        stderr(&output)
    };
    let pipe = |model: &ModelCopy, name: &str| {
        assert!(Command::new("mkfifo").arg(model.file(name)).status().unwrap().success());
    };
    let model = ModelCopy::words("writer", "text");
    std::fs::remove_file(model.file("manifest.json")).unwrap();
    pipe(&model, "notes.txt");
    assert!(add(&model).contains("notes.txt is not valid: it is no file, but a folder, a pipe"), "{}", add(&model));
    assert!(!model.file("manifest.json").exists());
    std::fs::remove_file(model.file("notes.txt")).unwrap();
    pipe(&model, "manifest.json");
    assert!(add(&model).contains("manifest.json is not valid: it is no file"), "{}", add(&model));
    // Nothing there tells a model, so the pipe is not even found.
    let other = ModelCopy::empty();
    pipe(&other, "notes.txt");
    assert!(add(&other).contains("name its --kind"), "{}", add(&other));
}
