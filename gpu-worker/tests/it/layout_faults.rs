//! Folders that lack a part, hold parts that do not belong together, or draw what is no picture.

use crate::support::{ModelCopy, engine_arguments, generate, stderr};

/// Expects an error that holds each of `words`, on every engine.
fn check(model: &ModelCopy, words: &[&str]) {
    for engine in engine_arguments() {
        let out = model.file("out.png");
        let small = ["--width", "64", "--height", "64"];
        let arguments: Vec<&str> = engine.iter().map(String::as_str).chain(small).collect();
        let output = generate(model.path(), &out, &arguments);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(words.iter().all(|word| text.contains(word)), "{text} lacks one of {words:?}");
        assert!(text.lines().last().unwrap().starts_with("gpu-worker: "), "{text}");
        assert!(!out.exists());
    }
}

fn take(from: &ModelCopy, to: &ModelCopy, file: &str) {
    std::fs::copy(from.file(file), to.file(file)).unwrap();
    to.pin();
}

#[test]
fn a_missing_part_is_named() {
    for part in ["tokenizer", "text_encoder", "unet", "vae_decoder", "scheduler"] {
        let model = ModelCopy::tiny("sd15");
        model.edit("model_index.json", |index| index[part] = serde_json::json!([null, null]));
        check(&model, &["model_index.json names no", part]);
    }
    for file in ["unet/model.onnx", "text_encoder/model.onnx", "vae_decoder/config.json", "tokenizer/merges.txt"] {
        let model = ModelCopy::tiny("sd15");
        std::fs::remove_file(model.file(file)).unwrap();
        model.pin();
        check(&model, &["does not list", file]);
    }
}

#[test]
fn half_of_a_second_pair_is_refused() {
    for (part, other) in [("tokenizer_2", "text_encoder_2"), ("text_encoder_2", "tokenizer_2")] {
        let model = ModelCopy::tiny("sdxl");
        model.edit("model_index.json", |index| index[part] = serde_json::json!([null, null]));
        check(&model, &[&format!("names a {other}, but no {part}")]);
    }
}

#[test]
fn parts_of_different_models_do_not_go_together() {
    let (plain, large) = (ModelCopy::tiny("sd15"), ModelCopy::tiny("sdxl"));
    take(&large, &plain, "unet/model.onnx");
    check(&plain, &["its unet takes text_embeds, but it has no text_encoder_2"]);
    let (plain, large) = (ModelCopy::tiny("sd15"), ModelCopy::tiny("sdxl"));
    take(&plain, &large, "unet/model.onnx");
    check(&large, &["its unet takes no text_embeds"]);
    let large = ModelCopy::tiny("sdxl");
    take(&plain, &large, "text_encoder/model.onnx");
    check(&large, &["text_encoder/model.onnx", "hidden_states.0"]);
    let foreign = ModelCopy::tiny("sd15");
    let (own, text) = (ModelCopy::new(), "text_encoder/model.onnx");
    take(&own, &foreign, text);
    check(&foreign, &["unet/model.onnx", "of width 128"]);
}

#[test]
fn numbers_that_are_not_finite_and_answers_of_another_shape_are_no_picture() {
    check(&ModelCopy::tiny("not_finite"), &["unet/model.onnx gave numbers that are not finite at step 1"]);
    check(&ModelCopy::tiny("misshapen"), &["unet/model.onnx", "it gave a tensor [2, 8, 8, 8]"]);
}

#[test]
fn a_preprocessor_that_makes_no_sense_is_refused() {
    let checked = |change: fn(&mut serde_json::Value)| {
        let model = ModelCopy::tiny("checked");
        model.edit("model_index.json", |index| index["safety_checker"] = serde_json::json!(["diffusers", "Part"]));
        model.edit("feature_extractor/preprocessor_config.json", change);
        model
    };
    check(&checked(|config| config["crop_size"] = 100_000.into()), &["preprocessor_config.json", "crop_size"]);
    check(&checked(|config| config["image_std"] = serde_json::json!([1, 0, 1])), &["image_std"]);
}
