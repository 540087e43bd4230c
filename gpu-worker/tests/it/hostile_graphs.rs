//! Graphs that are broken, hostile or foreign: an error with a class, no panic, and nothing read outside the folder.

use std::path::Path;

use inference::engine::port::{Input, Values};
use inference::engine::{Engine, Graph, GraphFile};
use inference::error::{InferenceError, Result};
use inference::runtime::folder::ModelFolder;
use serde_json::json;
use shared::digest::Sha256Digest;
use tempfile::TempDir;

use crate::graphs::{engines, onnxruntime, tract, vectors};
use crate::onnx::{FLOAT, Message, external, graph, graph_of, model, sound, tensor};

/// What a graph can be to blame for.
const CLASSES: [&str; 3] = ["model", "run", "out_of_memory"];

/// Mutations of a file that each engine is shown.
const MUTATIONS: u64 = 400;

fn load(engine: &Engine, bytes: Vec<u8>) -> Result<Graph> {
    Graph::load(engine, &GraphFile::new("test.onnx", bytes, None)?)
}

/// Expects a refusal before any engine sees the file.
fn refused(bytes: Vec<u8>, words: &[&str]) {
    let error = GraphFile::new("test.onnx", bytes, None).unwrap_err();
    let text = error.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text} lacks one of {words:?}");
    assert_eq!(error.kind.name(), "model", "{text}");
}

#[test]
fn a_sound_graph_is_loaded() {
    for engine in engines() {
        load(engine, sound()).unwrap();
    }
}

#[test]
fn truncated_files_are_refused() {
    let whole = sound();
    for length in 0..whole.len() {
        let file = GraphFile::new("test.onnx", whole[..length].to_vec(), None);
        let Ok(file) = file else { continue };
        // What still parses has lost something that an engine needs.
        for engine in engines() {
            assert!(Graph::load(engine, &file).is_err(), "{} took the first {length} bytes", engine.name());
        }
    }
}

#[test]
fn files_with_wrong_bytes_end_in_a_graph_or_an_error() {
    let files = ["decoder.onnx", "half.onnx"].map(|name| std::fs::read(vectors().join(name)).unwrap());
    for seed in 0..MUTATIONS {
        let mut state = seed;
        let mut next = || {
            // Knuth's multiplier (MMIX): enough to pick places and values.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        let mut bytes = files[next() % files.len()].clone();
        for _ in 0..=next() % 4 {
            let place = next() % bytes.len();
            bytes[place] = next() as u8;
        }
        eprintln!("seed {seed}");
        for engine in engines() {
            if let Err(error) = load(engine, bytes.clone()) {
                assert!(CLASSES.contains(&error.kind.name()), "seed {seed}: {error}");
            }
        }
    }
}

#[test]
fn rubbish_is_refused() {
    refused(Vec::new(), &["no graph"]);
    refused(b"this is no protobuf".to_vec(), &["test.onnx is no graph"]);
    refused(vec![0xff; 4096], &["test.onnx is no graph"]);
    refused(Message::default().number(1, 8).0, &["holds no graph"]);
    let twice = Message(sound()).message(7, Message::default()).0;
    refused(twice, &["graph twice"]);
}

#[test]
fn operators_and_sets_that_no_engine_has_are_named() {
    let weight = || tensor(FLOAT, &[2]).bytes(9, [0; 8]);
    refused(model(99, graph("", "Add", weight())), &["operator set 99", "7 to 26"]);
    refused(model(5, graph("", "Add", weight())), &["operator set 5"]);
    refused(Message::default().message(7, graph("", "Add", weight())).0, &["no version of ONNX's operator set"]);
    refused(model(17, graph("ai.secret", "Add", weight())), &["no engine", "ai.secret.Add"]);
    for engine in engines() {
        let error = load(engine, model(17, graph("", "Inexistent", weight()))).unwrap_err();
        assert!(error.to_string().contains("Inexistent"), "{}: {error}", engine.name());
    }
}

#[test]
fn an_operator_of_onnx_runtime_alone_is_named_on_tract() {
    let weight = tensor(FLOAT, &[2]).bytes(9, [0; 8]);
    let bytes = model(17, graph("com.microsoft", "FusedMatMul", weight));
    let error = load(tract(), bytes.clone()).unwrap_err().to_string();
    assert!(error.contains("com.microsoft.FusedMatMul") && error.contains("ONNX Runtime has"), "{error}");
    if let Some(engine) = onnxruntime() {
        load(engine, bytes).unwrap();
    }
}

#[test]
fn tensors_whose_shape_no_memory_holds_are_refused() {
    let add = |weight| model(17, graph("", "Add", weight));
    refused(add(tensor(FLOAT, &[1 << 40, 1 << 40])), &["no memory holds"]);
    refused(add(tensor(FLOAT, &[u64::MAX])), &["no memory holds"]);
    refused(add(tensor(FLOAT, &[1 << 40])), &["fewer are stored"]);
    refused(add(tensor(FLOAT, &[1 << 40]).bytes(9, [0; 8])), &["8 are stored"]);
    refused(add(tensor(FLOAT, &[2]).bytes(9, [0; 7])), &["takes 8 bytes, but 7"]);
    refused(add(tensor(4711, &[2]).bytes(9, [0; 8])), &["unknown type 4711"]);
    refused(add((0..40).fold(tensor(FLOAT, &[]), |tensor, _| tensor.number(1, 1))), &["more than 32 axes"]);
}

#[test]
fn a_shape_that_is_computed_and_that_no_memory_holds_ends_no_process() {
    const INT64: u64 = 7;
    for size in [1_u64 << 44, 1 << 61] {
        let node = Message::default().bytes(1, "w").bytes(2, "y").bytes(4, "ConstantOfShape");
        let graph = graph_of(node).message(5, tensor(INT64, &[1]).bytes(9, size.to_le_bytes()));
        let file = GraphFile::new("test.onnx", model(17, graph), None).unwrap();
        for engine in engines() {
            let ran = Graph::load(engine, &file).and_then(|mut graph| {
                let port = graph.inputs[0].clone();
                graph.run(&[Input { port: &port, shape: &[2], values: Values::Floats(&[1.0, 2.0]) }], "y")
            });
            // tract cuts sizes to 32 bits; runtimes compare the shapes of what they get.
            match ran {
                Ok(tensor) => assert_eq!(tensor.shape, [0], "{}", engine.name()),
                Err(error) => assert!(CLASSES.contains(&error.kind.name()), "{}: {error}", engine.name()),
            }
        }
    }
}

#[test]
fn graphs_within_graphs_end_somewhere() {
    let mut inner = graph_of(Message::default().bytes(1, "x").bytes(2, "y").bytes(4, "Neg"));
    for _ in 0..40 {
        let attribute = Message::default().bytes(1, "then_branch").message(6, inner).number(20, 5);
        let node = Message::default().bytes(1, "x").bytes(2, "y").bytes(4, "If").message(5, attribute);
        inner = graph_of(node);
    }
    refused(model(17, inner), &["nested more than"]);
}

/// A model folder with `graph.onnx`, which keeps its weight elsewhere, and `weights.pb` of 8 bytes.
struct Folder(TempDir);

impl Folder {
    fn with(weight: Message) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("model")).unwrap();
        let folder = Self(folder);
        folder.write("graph.onnx", &model(17, graph("", "Add", weight)));
        let weights: Vec<u8> = [1.5_f32, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        folder.write("weights.pb", &weights);
        folder.pin(&["graph.onnx", "weights.pb"]);
        folder
    }

    /// The weight is at `location`, with all further `entries`.
    fn at(location: &str, entries: &[(&str, &str)]) -> Self {
        Self::with(external(tensor(FLOAT, &[2]), &[&[("location", location)], entries].concat()))
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("model")
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).unwrap();
    }

    fn pin(&self, files: &[&str]) {
        let file = |path: &&str| {
            let bytes = std::fs::read(self.path().join(path)).unwrap();
            json!({"path": path, "sha256": Sha256Digest::of(&bytes), "bytes": bytes.len()})
        };
        let files: Vec<_> = files.iter().map(file).collect();
        let manifest = json!({
            "name": "test", "version": "1", "kind": "image", "licence": "MIT", "files": files, "draws": [],
            "does_not_draw": [], "suggestions": [], "default_steps": 1, "default_guidance": 1.0, "native_size_px": 64,
        });
        self.write("manifest.json", manifest.to_string().as_bytes());
    }

    fn graph(&self) -> Result<GraphFile> {
        ModelFolder::open(&self.path()).unwrap().graph("graph.onnx")
    }

    fn refused(&self, words: &[&str]) -> InferenceError {
        let error = self.graph().unwrap_err();
        let text = error.to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text} lacks one of {words:?}");
        assert_eq!(error.kind.name(), "integrity", "{text}");
        error
    }
}

fn add_one_and_two(engine: &Engine, file: &GraphFile) -> Vec<f32> {
    let mut graph = Graph::load(engine, file).unwrap_or_else(|error| panic!("{}: {error}", engine.name()));
    let port = graph.inputs[0].clone();
    let input = Input { port: &port, shape: &[2], values: Values::Floats(&[1.0, 2.0]) };
    graph.run(&[input], "y").unwrap().values
}

#[test]
fn weights_beside_the_graph_are_found_in_its_folder() {
    for entries in [&[][..], &[("offset", "0"), ("length", "8")]] {
        let file = Folder::at("weights.pb", entries);
        let graph = file.graph().unwrap();
        for engine in engines() {
            assert_eq!(add_one_and_two(engine, &graph), [2.5, 0.0], "{}", engine.name());
        }
    }
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    let secret = tempfile::tempdir().unwrap();
    std::fs::write(secret.path().join("key"), [7; 8]).unwrap();
    let absolute = secret.path().join("key");
    let inside = ["./weights.pb", ".//weights.pb", "a//weights.pb", "a/./weights.pb", "weights.pb/"];
    for location in
        [absolute.to_str().unwrap(), "../key", "a/../../key", "", "C:\\key", "a\\b"].into_iter().chain(inside)
    {
        Folder::at(location, &[]).refused(&["graph.onnx keeps weights in", "not one inside the folder"]);
    }
    Folder::at("absent.pb", &[]).refused(&["absent.pb", "No such file"]);
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_folder_are_refused() {
    use std::os::unix::fs::symlink;
    let folder = Folder::at("link.pb", &[]);
    std::fs::write(folder.0.path().join("key"), [7; 8]).unwrap();
    symlink("../key", folder.path().join("link.pb")).unwrap();
    folder.pin(&["graph.onnx", "link.pb"]);
    folder.refused(&["link.pb", "leads out of the folder"]);
    let folder = Folder::at("outside/key", &[]);
    std::fs::write(folder.0.path().join("key"), [7; 8]).unwrap();
    symlink(folder.0.path(), folder.path().join("outside")).unwrap();
    folder.refused(&["outside/key", "leads out of the folder"]);
    let folder = Folder::at("inside.pb", &[]);
    symlink("weights.pb", folder.path().join("inside.pb")).unwrap();
    folder.pin(&["graph.onnx", "inside.pb"]);
    assert!(folder.graph().is_ok(), "a link inside the folder is no harm");
}

#[test]
fn ranges_beyond_the_file_are_refused() {
    for (offset, length) in [("8", "8"), ("1", "8"), ("18446744073709551615", "8")] {
        let folder = Folder::at("weights.pb", &[("offset", offset), ("length", length)]);
        folder.refused(&["weights.pb", "takes 8 bytes from", "but the file has 8"]);
    }
    let wide = external(tensor(FLOAT, &[1 << 20]), &[("location", "weights.pb")]);
    Folder::with(wide).refused(&["takes 4194304 bytes"]);
    let lying = [("location", "weights.pb"), ("length", "4")];
    let error = Folder::with(external(tensor(FLOAT, &[2]), &lying)).graph().unwrap_err();
    assert!(error.to_string().contains("takes 8 bytes, but 4 are stored"), "{error}");
    for (key, value) in [("offset", "-1"), ("length", "eight"), ("location", "other.pb")] {
        let error = Folder::at("weights.pb", &[(key, value)]).graph().unwrap_err();
        assert_eq!(error.kind.name(), "model", "{error}");
    }
}

#[test]
fn every_tensor_of_every_file_is_compared_with_its_file() {
    let weight = |location: &str, offset: &str| {
        external(tensor(FLOAT, &[2]), &[("location", location), ("offset", offset), ("length", "8")])
    };
    let folder = Folder::at("weights.pb", &[]);
    folder.write("more.pb", &[0; 16]);
    let with = |last: Message| {
        let all = (0..500).map(|number| weight(["weights.pb", "more.pb"][number % 2], "0")).chain([last]);
        let whole = all.fold(graph("", "Add", weight("weights.pb", "0")), |graph, tensor| graph.message(5, tensor));
        folder.write("graph.onnx", &model(17, whole));
        folder.pin(&["graph.onnx", "weights.pb", "more.pb"]);
    };
    with(weight("more.pb", "8"));
    assert!(folder.graph().is_ok());
    with(weight("more.pb", "16"));
    folder.refused(&["more.pb", "takes 8 bytes from 16", "but the file has 16"]);
    with(weight("weights.pb", "8"));
    folder.refused(&["weights.pb", "takes 8 bytes from 8", "but the file has 8"]);
}

#[test]
fn weights_are_pinned_like_every_file() {
    let folder = Folder::at("weights.pb", &[]);
    folder.write("weights.pb", &[1; 8]);
    folder.refused(&["weights.pb", "sha256", "manifest pins"]);
    folder.write("weights.pb", &[1; 9]);
    folder.refused(&["weights.pb", "9 bytes"]);
    folder.pin(&["graph.onnx"]);
    folder.refused(&["does not list weights.pb"]);
}

#[test]
fn weights_in_attributes_and_inner_graphs_are_found_as_well() {
    let hidden = external(tensor(FLOAT, &[2]), &[("location", "../key")]);
    let value = Message::default().bytes(1, "value").message(5, hidden.clone()).number(20, 4);
    let constant = Message::default().bytes(2, "w").bytes(4, "Constant").message(5, value);
    let inner = Message::default().message(1, constant.clone()).bytes(2, "inner");
    let branch = Message::default().bytes(1, "then_branch").message(6, inner).number(20, 5);
    let of_branch = Message::default().bytes(1, "x").bytes(2, "y").bytes(4, "If").message(5, branch);
    let folder = Folder::at("weights.pb", &[]);
    for node in [constant, of_branch] {
        folder.write("graph.onnx", &model(17, graph_of(node)));
        folder.pin(&["graph.onnx", "weights.pb"]);
        folder.refused(&["../key", "not one inside the folder"]);
    }
}

#[test]
fn a_graph_without_a_folder_has_no_weights_elsewhere() {
    let weight = external(tensor(FLOAT, &[2]), &[("location", "weights.pb")]);
    refused(model(17, graph("", "Add", weight)), &["weights.pb", "without a folder"]);
    assert!(!Path::new("weights.pb").exists());
}
