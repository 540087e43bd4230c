//! Broken models, libraries and inputs: a clear word, an exit code, no picture, no panic.

use std::path::Path;

use crate::support::{ModelCopy, generate, stderr};

/// Runs on tract and expects an error that holds each of `words`.
fn check(model: &ModelCopy, more: &[&str], words: &[&str]) {
    let out = model.file("out.png");
    let output = generate(model.path(), &out, &[&["--engine", "tract"], more].concat());
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(words.iter().all(|word| text.contains(word)), "{text} lacks one of {words:?}");
    assert!(text.lines().last().unwrap().starts_with("gpu-worker: "), "{text}");
    assert!(!out.exists());
}

#[test]
fn a_file_that_differs_from_its_manifest_is_refused() {
    let model = ModelCopy::new();
    let file = model.file("unet/model.onnx");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    check(&model, &[], &["unet/model.onnx", "sha256", "manifest pins"]);
    bytes.truncate(1000);
    std::fs::write(&file, &bytes).unwrap();
    check(&model, &[], &["unet/model.onnx", "1000 bytes"]);
    std::fs::remove_file(&file).unwrap();
    check(&model, &[], &["unet/model.onnx", "No such file"]);
}

#[test]
fn a_graph_that_is_pinned_but_broken_is_refused() {
    let model = ModelCopy::new();
    let file = model.file("unet/model.onnx");
    let bytes = std::fs::read(&file).unwrap();
    for broken in [&b""[..], b"this is no protobuf", &bytes[..bytes.len() / 2]] {
        std::fs::write(&file, broken).unwrap();
        model.pin();
        check(&model, &[], &["unet/model.onnx is no graph"]);
    }
}

#[test]
fn a_graph_with_other_tensors_is_refused() {
    let model = ModelCopy::new();
    std::fs::copy(model.file("text_encoder/model.onnx"), model.file("unet/model.onnx")).unwrap();
    model.pin();
    check(&model, &[], &["unet/model.onnx", "should have a float input", "input_ids"]);
}

#[test]
fn manifests_that_lie_are_refused() {
    let model = ModelCopy::new();
    let manifest = model.file("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("unet/model.onnx", "../unet/model.onnx")).unwrap();
    check(&model, &[], &["manifest.json", "leads out of the folder"]);
    std::fs::write(&manifest, text.replace("unet/model.onnx", "unet/other.onnx")).unwrap();
    check(&model, &[], &["does not list unet/model.onnx"]);
    std::fs::write(&manifest, "{").unwrap();
    check(&model, &[], &["manifest.json is not valid"]);
    std::fs::remove_file(&manifest).unwrap();
    check(&model, &[], &["manifest.json", "No such file"]);
}

#[test]
fn configurations_that_would_draw_wrongly_are_refused() {
    let model = ModelCopy::new();
    model.edit("scheduler/scheduler_config.json", |config| config["_class_name"] = "HeunDiscreteScheduler".into());
    check(&model, &[], &["HeunDiscreteScheduler"]);
    let model = ModelCopy::new();
    model.edit("model_index.json", |index| index["text_encoder_2"] = serde_json::json!(["a", "b"]));
    check(&model, &[], &["text_encoder_2"]);
    let model = ModelCopy::new();
    model.edit("vae_decoder/config.json", |config| config["scaling_factor"] = 0.into());
    check(&model, &[], &["scaling_factor is a number above 0"]);
    let model = ModelCopy::new();
    model.edit("vae_decoder/config.json", |config| config["latent_channels"] = 8.into());
    check(&model, &[], &["takes 4 channels, but the latents have 8"]);
}

#[test]
fn numbers_that_are_not_finite_are_no_picture() {
    let model = ModelCopy::new();
    for file in ["vae_decoder/config.json", "vae_encoder/config.json"] {
        model.edit(file, |config| config["scaling_factor"] = serde_json::json!(1e-40));
    }
    check(&model, &[], &["vae_decoder/model.onnx", "not finite"]);
}

#[test]
fn inputs_out_of_bounds_are_named() {
    let model = ModelCopy::new();
    check(&model, &["--width", "500"], &["input.width", "multiples of 8", "500"]);
    check(&model, &["--guidance", "99"], &["input.guidance", "99"]);
}

#[test]
fn a_library_that_was_named_must_load() {
    let model = ModelCopy::new();
    let rubbish = model.file("rubbish.so");
    std::fs::write(&rubbish, b"not a library").unwrap();
    for (path, word) in [(Path::new("/nowhere/libonnxruntime.so"), "no such file"), (&rubbish, "rubbish.so")] {
        let out = model.file("out.png");
        let output = generate(model.path(), &out, &["--onnxruntime-library", path.to_str().unwrap()]);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("ONNX Runtime's library") && text.contains(word), "{text}");
        assert!(!out.exists());
    }
}

#[test]
fn a_provider_that_the_library_lacks_is_an_error_where_it_was_named_and_a_note_otherwise() {
    let Some(library) = crate::support::onnxruntime_library() else { return };
    let model = ModelCopy::new();
    let out = model.file("out.png");
    let small = ["--width", "64", "--height", "64", "--onnxruntime-library", library.to_str().unwrap()];
    for (provider, name) in [("cuda", "CUDA"), ("tensorrt", "TensorRT")] {
        let output = generate(model.path(), &out, &[&small[..], &["--provider", provider]].concat());
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(&format!("the execution provider {name} cannot be used")), "{text}");
        assert!(text.contains("cargo xtask engine cuda") && text.contains("engine.provider = "), "{text}");
        assert!(!out.exists());
    }
    let output = generate(model.path(), &out, &small);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(told.contains("runs on the processor") && told.contains("CUDA"), "{told}");
    assert!(told.contains(" on CPU, "), "{told}");
}
