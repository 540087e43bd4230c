//! Pictures that start from pictures, from outside: what is refused, and in which words.

use crate::support::{ModelCopy, draw_small, pipelines};

#[test]
fn the_start_and_the_strength_decide_what_is_drawn() {
    let model = ModelCopy::tiny("sd15");
    let init = pipelines().join("init.png");
    let init = init.to_str().unwrap();
    let from = |strength: &str| draw_small(&model, &["--init-image", init, "--strength", strength]).unwrap();
    let (weak, strong) = (from("0.25"), from("0.75"));
    assert_ne!(weak, strong);
    assert_ne!(weak, draw_small(&model, &[]).unwrap());
    assert_eq!(weak, from("0.25"));
}

#[test]
fn a_model_without_an_encoder_says_so() {
    let model = ModelCopy::tiny("sd15");
    std::fs::remove_file(model.file("vae_encoder/model.onnx")).unwrap();
    model.pin();
    assert!(draw_small(&model, &[]).is_ok());
    let init = pipelines().join("init.png");
    let error = draw_small(&model, &["--init-image", init.to_str().unwrap()]).unwrap_err();
    assert!(error.contains("input.init_image is for models with a vae_encoder"), "{error}");
}

#[test]
fn bad_starts_are_named() {
    let model = ModelCopy::tiny("sd15");
    let file = model.file("start");
    let path = file.to_str().unwrap();
    std::fs::write(&file, b"GIF89a").unwrap();
    let error = draw_small(&model, &["--init-image", path]).unwrap_err();
    assert!(error.contains("input.init_image") && error.contains("PNG or JPEG"), "{error}");
    std::fs::write(&file, vec![0; (512 << 10) + 1]).unwrap();
    let error = draw_small(&model, &["--init-image", path]).unwrap_err();
    assert!(error.contains("524289 bytes"), "{error}");
    let mut png = std::fs::read(pipelines().join("init.png")).unwrap();
    png.truncate(png.len() / 2);
    std::fs::write(&file, &png).unwrap();
    let error = draw_small(&model, &["--init-image", path]).unwrap_err();
    assert!(error.contains("a whole PNG or JPEG file"), "{error}");
    let init = pipelines().join("init.png");
    let init = init.to_str().unwrap();
    for strength in ["0", "1.5", "0.2", "NaN"] {
        let error = draw_small(&model, &["--init-image", init, "--strength", strength]).unwrap_err();
        assert!(error.contains("input.strength"), "{strength}: {error}");
    }
}
