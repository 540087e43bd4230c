//! The limits of `shared::comparison` against what is measured: the same work on the engines that are here, and the work
//! of miners that cheat. Run with `--nocapture`, each test prints its distances; `docs/AUDITS.md` holds them.

use inference::runtime::{self, Runtime};
use serde_json::{Value, json};
use shared::comparison::{
    PICTURE_OTHER_MIN, PICTURE_SAME_MAX, VECTOR_OTHER_MIN, VECTOR_SAME_MAX, picture_distance, vector_distance,
};
use shared::job::JobKind;

use crate::default_models::model;
use crate::graphs::engines;
use crate::ollama::work;
use crate::support::pixels;
use crate::words::run;

const PROMPTS: [&str; 4] =
    ["a city skyline at night", "a sunset over the sea", "mountains with snow", "a forest in autumn"];

fn runtimes(kind: JobKind) -> Vec<Box<dyn Runtime>> {
    engines().map(|engine| runtime::load(engine, &model(kind)).unwrap()).collect()
}

fn files(model: &mut dyn Runtime, kind: &str, input: Value) -> Vec<u8> {
    run(model, &work(kind, input)).unwrap().0.artifacts.remove(0).bytes
}

/// The smallest and the largest, printed.
fn range(what: &str, distances: &[u64]) -> (u64, u64) {
    let (least, most) = (distances.iter().min().unwrap(), distances.iter().max().unwrap());
    eprintln!("{what}: {least} to {most} in {} comparisons", distances.len());
    (*least, *most)
}

#[test]
fn honest_pictures_lie_below_both_limits_and_dishonest_ones_above() {
    let mut models = runtimes(JobKind::Image);
    let mut draw = |at: usize, prompt: &str, seed: u64, steps: u32| {
        let input = json!({"prompt": prompt, "seed": seed, "steps": steps, "width": 256, "height": 256});
        pixels(&files(models[at].as_mut(), "image", input)).2
    };
    let count = engines().count();
    let (mut honest, mut other_seed, mut fewer_steps, mut other_prompt, mut blank) =
        (vec![], vec![], vec![], vec![], vec![]);
    for (prompt, seed) in PROMPTS.into_iter().zip(1..) {
        let first = draw(0, prompt, seed, 12);
        honest.extend((1..count).map(|at| picture_distance(&first, &draw(at, prompt, seed, 12)).unwrap()));
        assert_eq!(first, draw(0, prompt, seed, 12), "one engine draws the same bytes again");
        let cheap = count - 1;
        other_seed.push(picture_distance(&first, &draw(cheap, prompt, seed + 100, 12)).unwrap());
        fewer_steps.push(picture_distance(&first, &draw(cheap, prompt, seed, 6)).unwrap());
        let next = PROMPTS[(seed as usize) % PROMPTS.len()];
        other_prompt.push(picture_distance(&first, &draw(cheap, next, seed, 12)).unwrap());
        for level in [0, 128, 255] {
            blank.push(picture_distance(&first, &vec![level; first.len()]).unwrap());
        }
    }
    if !honest.is_empty() {
        assert!(range("pictures, another engine", &honest).1 <= PICTURE_SAME_MAX / 4);
    }
    range("pictures, half of the steps", &fewer_steps);
    for (what, distances) in [("another seed", other_seed), ("another prompt", other_prompt), ("blank", blank)] {
        assert!(range(&format!("pictures, {what}"), &distances).0 >= PICTURE_OTHER_MIN, "{what}");
    }
}

#[test]
fn honest_vectors_lie_below_both_limits_and_dishonest_ones_above() {
    let mut models = runtimes(JobKind::Embedding);
    let texts: Vec<String> =
        PROMPTS.iter().map(|prompt| format!("{prompt}, with boats")).chain(PROMPTS.map(String::from)).collect();
    let mut rows = Vec::new();
    for model in &mut models {
        let file = files(model.as_mut(), "embedding", json!({"input": texts}));
        rows.push(serde_json::from_slice::<Vec<Vec<f32>>>(&file).unwrap());
    }
    let honest: Vec<u64> = rows[1..]
        .iter()
        .flat_map(|other| rows[0].iter().zip(other).map(|(one, other)| vector_distance(one, other).unwrap()))
        .collect();
    if !honest.is_empty() {
        assert!(range("vectors, another engine", &honest).1 <= VECTOR_SAME_MAX / 4);
    }
    let pairs = (0..rows[0].len()).flat_map(|one| (0..one).map(move |other| (one, other)));
    let of_others: Vec<u64> =
        pairs.map(|(one, other)| vector_distance(&rows[0][one], &rows[0][other]).unwrap()).collect();
    range("vectors, another text", &of_others);
    // A vector that somebody made up: a row of signs that has nothing to do with the text.
    let made_up = |row: usize, at: usize| if (row * 31 + at * 17) % 7 < 3 { 1.0_f32 } else { -1.0 };
    let random: Vec<u64> = rows[0]
        .iter()
        .enumerate()
        .map(|(row, honest)| {
            let vector: Vec<f32> = (0..honest.len()).map(|at| made_up(row, at)).collect();
            vector_distance(honest, &vector).unwrap()
        })
        .collect();
    assert!(range("vectors, made up", &random).0 >= VECTOR_OTHER_MIN);
}

#[test]
fn honest_texts_are_equal_on_every_engine_and_other_seeds_write_others() {
    let mut models = runtimes(JobKind::Text);
    let mut write = |at: usize, words: &str, temperature: f32, seed: u64| {
        let message = json!({"role": "user", "content": format!("Improve this prompt: {words}")});
        let input = json!({"messages": [message], "max_tokens": 48, "temperature": temperature, "seed": seed});
        files(models[at].as_mut(), "text", input)
    };
    let (mut texts, mut unequal, mut other_seed) = (0, 0, 0);
    for words in PROMPTS {
        for (temperature, seed) in [(0.0, 1), (0.7, 1), (0.7, 2), (1.0, 1), (1.0, 2), (1.0, 3)] {
            let first = write(0, words, temperature, seed);
            assert_eq!(first, write(0, words, temperature, seed), "one engine writes the same again");
            for at in 1..engines().count() {
                texts += 1;
                unequal += u32::from(write(at, words, temperature, seed) != first);
            }
            other_seed += u32::from(temperature > 0.0 && write(0, words, temperature, seed + 100) == first);
        }
    }
    eprintln!("texts, another engine: {unequal} of {texts} differ; another seed: {other_seed} of 20 are equal");
    assert_eq!(unequal, 0);
    assert!(other_seed <= 2, "{other_seed}");
}
