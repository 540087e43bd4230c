//! What compiling a crate costs, so that the time left is not guessed by the number of crates alone.
//!
//! Only the proportions matter. They are from `cargo build --timings`: take the crates from there again when the estimates are
//! far off.

/// Of a crate that is not in the table.
const USUAL: u32 = 1;

/// Seconds, of the crates that take long.
const COSTLY: &[(&str, u32)] = &[
    ("tract-core", 602),
    ("minify-html-common", 135),
    ("server", 122),
    ("tokenizers", 81),
    ("tract-hir", 78),
    ("frontend", 78),
    ("tract-onnx", 77),
    ("tract-linalg", 68),
    ("gpu-worker", 44),
    ("lightningcss", 42),
    ("tract-nnef", 38),
    ("tract-data", 33),
    ("store", 31),
    ("tract-onnx-opl", 26),
    ("zstd-sys", 20),
    ("wasmparser", 17),
    ("minijinja", 17),
    ("trunk", 16),
    ("web-sys", 14),
    ("tachys", 13),
    ("sea-orm", 13),
    ("ash", 12),
    ("wasm-bindgen-cli-support", 11),
    ("naga", 11),
    ("walrus", 10),
    ("node", 10),
    ("wgpu-core", 9),
    ("syn", 9),
    ("libsqlite3-sys", 9),
    ("chain", 8),
    ("js-sys", 8),
    ("regex-automata", 7),
    ("gimli", 7),
    ("wgpu", 7),
    ("jiff", 7),
    ("shared", 7),
    ("libdeflate-sys", 7),
];

pub(super) fn of(name: &str) -> f64 {
    f64::from(COSTLY.iter().find(|(costly, _)| *costly == name).map_or(USUAL, |(_, cost)| *cost))
}
