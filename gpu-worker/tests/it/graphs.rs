//! Graphs on every engine that is here, against what Python's ONNX Runtime answered; see `vectors/graphs.py`.

use std::path::PathBuf;
use std::sync::OnceLock;

use inference::engine::library::Search;
use inference::engine::port::{Element, Input, Outputs, Port, Size, Values, Wanted};
use inference::engine::provider::ProviderChoice;
use inference::engine::{Engine, EngineChoice, EngineConfig, Graph, GraphFile, Kept};
use serde_json::Value;

use crate::support::{onnxruntime_library, onnxruntime_library_if_found};

/// Rounding of f16, twice in each of the graph's layers.
const HALF_TOLERANCE: f32 = 0.02;
const TOLERANCE: f32 = 1e-4;

pub(crate) fn tract() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| open(EngineChoice::Tract, None))
}

/// ONNX Runtime on the processor; where its library is not found, the test counts as skipped.
#[track_caller]
pub(crate) fn onnxruntime() -> Option<&'static Engine> {
    onnxruntime_library().map(onnxruntime_of)
}

/// One library is loaded per process.
fn onnxruntime_of(library: PathBuf) -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| open(EngineChoice::Onnxruntime, Some(library)))
}

/// Both engines. A test that goes through them counts as skipped where it ran on tract only.
pub(crate) fn engines() -> impl Iterator<Item = &'static Engine> {
    std::iter::once_with(tract).chain(std::iter::once_with(onnxruntime).flatten())
}

/// The quicker engine of those that are here, for a test that needs only one.
pub(crate) fn quickest() -> &'static Engine {
    onnxruntime_library_if_found().map_or_else(tract, onnxruntime_of)
}

fn open(name: EngineChoice, onnxruntime_library: Option<PathBuf>) -> Engine {
    let provider = ProviderChoice::Cpu;
    let config = EngineConfig { name, onnxruntime_library, provider, threads: Some(1), ..EngineConfig::default() };
    Engine::open(&config, &Search::default()).unwrap()
}

pub(crate) fn vectors() -> PathBuf {
    test_support::package_folder().join("crates/inference/tests/vectors/graphs")
}

fn load(engine: &Engine, name: &str) -> Graph {
    let bytes = std::fs::read(vectors().join(name)).unwrap();
    let file = GraphFile::new(name, bytes, Some(&vectors())).unwrap();
    Graph::load(engine, &file).unwrap_or_else(|error| panic!("{}: {error}", engine.name()))
}

fn expected(of: &str) -> Value {
    let text = std::fs::read(vectors().join("expected.json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()[of].take()
}

fn floats(value: &Value) -> Vec<f32> {
    serde_json::from_value(value.clone()).unwrap()
}

fn port(graph: &Graph, name: &str) -> Port {
    graph.inputs.iter().find(|port| port.name == name).unwrap().clone()
}

fn assert_near(engine: &Engine, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len());
    let furthest = got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
    assert!(furthest <= tolerance, "{} is {furthest} away", engine.name());
}

#[test]
fn float16_graphs_take_and_give_f32() {
    let expected = expected("half");
    for engine in engines() {
        let mut graph = load(engine, "half.onnx");
        let (sample, timestep) = (port(&graph, "sample"), port(&graph, "timestep"));
        assert_eq!((sample.element, timestep.element), (Element::Float16, Element::Int64));
        assert!(sample.is_float() && graph.outputs[0].is_float());
        assert_eq!(graph.precision(), "f16");
        let values = floats(&expected["sample"]);
        let inputs = [
            Input { port: &sample, shape: &[1, 4, 5, 5], values: Values::Floats(&values) },
            Input { port: &timestep, shape: &[], values: Values::Floats(&[3.0]) },
        ];
        let answer = graph.run(&inputs, "out_sample").unwrap();
        assert_eq!(answer.shape, [1, 6, 5, 5]);
        assert_near(engine, &answer.values, &floats(&expected["out_sample"]), HALF_TOLERANCE);
    }
}

/// One step of the decoder: one token and what earlier steps kept.
fn step(graph: &mut Graph, token: i64, past: Option<&[Kept]>) -> Outputs {
    let ports = ["input_ids", "attended", "past_key_values.0.key", "past_key_values.0.value"];
    let [ids, attended, key, value] = ports.map(|name| port(graph, name));
    assert!(ids.is_integer() && attended.is_flag());
    let empty = (&[1, 2, 0, 4][..], Values::Floats(&[]));
    let of = |kept: &'_ Kept| -> Vec<usize> { kept.shape().to_vec() };
    let shapes = past.map(|past| [of(&past[0]), of(&past[1])]);
    let (past_key, past_value) = match (past, &shapes) {
        (Some(past), Some(shapes)) => {
            ((&shapes[0][..], Values::Kept(&past[0])), (&shapes[1][..], Values::Kept(&past[1])))
        }
        _ => (empty, empty),
    };
    let total = past_key.0[2] + 1;
    let inputs = [
        Input { port: &ids, shape: &[1, 1], values: Values::Tokens(&[token]) },
        Input { port: &attended, shape: &[1, total], values: Values::Tokens(&vec![1; total]) },
        Input { port: &key, shape: past_key.0, values: past_key.1 },
        Input { port: &value, shape: past_value.0, values: past_value.1 },
    ];
    graph.run_all(&inputs, &Wanted { read: &["logits"], keep: &["present.0.key", "present.0.value"] }).unwrap()
}

/// One token after a past that grows, for a graph with so many heads.
fn steps(graph: &Graph, heads: usize) -> Vec<Vec<Size>> {
    let sizes = graph.inputs.iter().map(|port| match port.name.as_str() {
        "input_ids" => vec![Size::Known(1), Size::Known(1)],
        "attended" => vec![Size::Known(1), Size::Growing(1)],
        _ => vec![Size::Known(1), Size::Known(heads), Size::Growing(0), Size::Known(4)],
    });
    sizes.collect()
}

#[test]
fn a_plan_that_the_engine_cannot_make_is_an_error_and_the_graph_runs_all_the_same() {
    let mut graph = load(tract(), "decoder.onnx");
    let sizes = steps(&graph, 3);
    assert_eq!(graph.prepare_growing(sizes).unwrap_err().kind.name(), "model");
    assert_eq!(step(&mut graph, 3, None).read[0].shape, [1, 1, 7]);
}

#[test]
fn a_decoder_goes_on_from_what_the_engine_kept_planned_once_or_for_each_length() {
    let expected = expected("decoder");
    let ids: Vec<i64> = serde_json::from_value(expected["ids"].clone()).unwrap();
    for (engine, once) in engines().flat_map(|engine| [(engine, true), (engine, false)]) {
        let mut graph = load(engine, "decoder.onnx");
        if once {
            let sizes = steps(&graph, 2);
            graph.prepare_growing(sizes).unwrap();
        }
        let mut kept: Option<Vec<Kept>> = None;
        for (index, token) in ids.iter().enumerate() {
            let outputs = step(&mut graph, *token, kept.as_deref());
            assert_eq!(outputs.read[0].shape, [1, 1, 7]);
            assert_near(engine, &outputs.read[0].values, &floats(&expected["logits"][index]), TOLERANCE);
            assert_eq!(outputs.kept[0].shape(), [1, 2, index + 1, 4]);
            kept = Some(outputs.kept);
        }
        let key = port(&graph, "past_key_values.0.key");
        assert_eq!(key.element, Element::Float32);
    }
}

#[test]
fn what_one_engine_kept_is_nothing_to_another() {
    let Some(other) = onnxruntime() else { return };
    let kept = step(&mut load(tract(), "decoder.onnx"), 3, None).kept;
    let mut graph = load(other, "decoder.onnx");
    let key = port(&graph, "past_key_values.0.key");
    let input = Input { port: &key, shape: kept[0].shape(), values: Values::Kept(&kept[0]) };
    let error = graph.run(&[input], "logits").unwrap_err().to_string();
    assert!(error.contains("was kept by another engine"), "{error}");
}

#[test]
fn an_output_that_is_not_there_and_inputs_that_do_not_fit_are_named() {
    let expected = expected("half");
    let values = floats(&expected["sample"]);
    for engine in engines() {
        let mut graph = load(engine, "half.onnx");
        let (sample, timestep) = (port(&graph, "sample"), port(&graph, "timestep"));
        let time = Input { port: &timestep, shape: &[], values: Values::Floats(&[3.0]) };
        let fitting = Input { port: &sample, shape: &[1, 4, 5, 5], values: Values::Floats(&values) };
        let error = graph.run(&[fitting, time], "samples").unwrap_err();
        assert!(error.to_string().contains("no output called samples"), "{error}");
        assert_eq!(error.kind.name(), "run");
        let too_many = Input { shape: &[1, 5, 5, 5], ..fitting };
        assert_eq!(graph.run(&[too_many, time], "out_sample").unwrap_err().kind.name(), "run");
        assert_eq!(graph.run(&[fitting], "out_sample").unwrap_err().kind.name(), "run");
        assert!(graph.run(&[fitting, time], "out_sample").is_ok(), "a failed run spoiled the graph");
    }
}

#[test]
fn the_engine_says_what_it_is() {
    for engine in engines() {
        let report = engine.report();
        assert_eq!((report.name.as_str(), report.provider.as_str()), (engine.name(), "CPU"));
        let class = engine.determinism_class("f16");
        assert!(class.starts_with(&format!("{}-{}/CPU/", report.name, report.version)), "{class}");
        assert!(class.ends_with("/f16"), "{class}");
    }
}
