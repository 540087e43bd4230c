//! The same picture on both engines, each in a process of its own.

use crate::support::{ModelCopy, generate, onnxruntime_library, pixels, stderr};

/// Largest difference of a byte between the engines; they round sums in another order.
const TOLERANCE: u8 = 2;

#[test]
fn tract_draws_the_same_bytes_every_time_and_another_picture_for_another_seed() {
    let model = ModelCopy::new();
    let draw = |name: &str, more: &[&str]| {
        let out = model.file(name);
        let output = generate(model.path(), &out, &[&["--engine", "tract"], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        std::fs::read(out).unwrap()
    };
    let first = draw("first.png", &[]);
    let (width, height, _) = pixels(&first);
    assert_eq!((width, height), (512, 512));
    assert_eq!(first, draw("second.png", &["--threads", "1"]));
    assert_ne!(first, draw("third.png", &["--seed", "8"]));
}

#[test]
fn picture_i_of_a_batch_is_that_of_seed_plus_i() {
    let model = ModelCopy::new();
    let small = ["--engine", "tract", "--width", "256", "--height", "256"];
    let draw = |name: &str, more: &[&str]| {
        let output = generate(model.path(), &model.file(name), &[&small, more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
    };
    draw("batch.png", &["--count", "2"]);
    draw("single.png", &["--seed", "8"]);
    let read = |name: &str| std::fs::read(model.file(name)).unwrap();
    assert_eq!(read("batch.2.png"), read("single.png"));
    assert_ne!(read("batch.1.png"), read("single.png"));
}

#[test]
fn both_engines_draw_the_same_picture() {
    let Some(library) = onnxruntime_library() else { return };
    let model = ModelCopy::new();
    let draw = |name: &str, more: &[&str]| {
        let out = model.file(name);
        let output = generate(model.path(), &out, more);
        assert!(output.status.success(), "{}", stderr(&output));
        pixels(&std::fs::read(out).unwrap()).2
    };
    let path = library.to_str().unwrap();
    let runtime = draw("o.png", &["--engine", "onnxruntime", "--onnxruntime-library", path]);
    let tract = draw("t.png", &["--engine", "tract"]);
    let furthest = runtime.iter().zip(&tract).map(|(one, other)| one.abs_diff(*other)).max().unwrap();
    assert!(furthest <= TOLERANCE, "the engines differ by {furthest}");
}
