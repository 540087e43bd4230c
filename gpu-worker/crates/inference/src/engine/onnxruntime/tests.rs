//! Options of a session, on the processor: what differs on a GPU is where the tensors lie.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ort::environment::Environment;
use test_support::{Requirement, require_or_skip};

use super::super::library::{ENVIRONMENT_VARIABLE, Found, Search, find};
use super::super::port::{Dim, Input, Values, Wanted};
use super::super::provider::{Provider, ProviderOptions};
use super::recorded::RECORDED_MAX;
use super::{GraphFile, OrtGraph, OrtRuntime, load_library};

/// One library is loaded per process; where there is none, the test counts as skipped.
#[track_caller]
fn environment() -> Option<Environment> {
    static ENVIRONMENT: OnceLock<Option<Environment>> = OnceLock::new();
    let load = || match find(None, &Search::of_process(None)) {
        Found::Named(path) | Found::Discovered(path) => Some(load_library(&path, 1, false).unwrap()),
        Found::Nothing => None,
    };
    let found = ENVIRONMENT.get_or_init(load).clone();
    let reason = || format!("ONNX Runtime's library was not found; set {ENVIRONMENT_VARIABLE}");
    require_or_skip(Requirement::OnnxRuntime, found.ok_or_else(reason))
}

#[track_caller]
fn runtime() -> Option<OrtRuntime> {
    let provider = ProviderOptions {
        provider: Provider::Cpu,
        device: 0,
        memory_limit_bytes: None,
        tf32: false,
        half_precision: false,
        cuda_graph: false,
        cache: None,
    };
    let (deterministic, dimensions, shrink_memory) = (true, BTreeMap::new(), false);
    Some(OrtRuntime { environment: environment()?, provider, deterministic, dimensions, shrink_memory })
}

fn load(runtime: &OrtRuntime) -> OrtGraph {
    let path = test_support::package_folder().join("tests/vectors/graphs/half.onnx");
    let file = GraphFile::new("half.onnx", std::fs::read(path).unwrap(), None).unwrap();
    OrtGraph::load(runtime, &file).unwrap()
}

/// Values that differ with `seed`, for a batch of samples.
fn run(graph: &mut OrtGraph, batch: usize, seed: usize) -> Vec<f32> {
    let values: Vec<f32> = (0..batch * 100).map(|index| ((index * 37 + seed * 11) % 19) as f32 / 10.0 - 0.9).collect();
    let ports = graph.inputs().unwrap();
    let inputs = [
        Input { port: &ports[0], shape: &[batch, 4, 5, 5], values: Values::Floats(&values) },
        Input { port: &ports[1], shape: &[], values: Values::Floats(&[seed as f32]) },
    ];
    let outputs = graph.run(&inputs, &Wanted { read: &["out_sample"], keep: &[] }).unwrap();
    assert_eq!(outputs.read[0].shape, [batch, 6, 5, 5]);
    outputs.read.into_iter().next().unwrap().values
}

#[test]
fn a_recording_takes_new_values_and_is_kept_per_set_of_shapes() {
    let Some(plain) = runtime() else { return };
    let mut recording = plain.clone();
    recording.provider.cuda_graph = true;
    let (mut plain, mut recording) = (load(&plain), load(&recording));
    for round in 0..3 {
        for batch in 1..=RECORDED_MAX + 1 {
            let seed = round * 10 + batch;
            assert_eq!(run(&mut recording, batch, seed), run(&mut plain, batch, seed), "round {round}, batch {batch}");
        }
    }
    assert_eq!(recording.recorded.len(), RECORDED_MAX, "the last shapes run without a recording");
    assert!(plain.recorded.is_empty());
}

#[test]
fn a_named_dimension_gets_its_size() {
    let Some(mut runtime) = runtime() else { return };
    assert_eq!(load(&runtime).inputs().unwrap()[0].dims[0], Dim::Free("batch".into()));
    runtime.dimensions = BTreeMap::from([("batch".into(), 2)]);
    let mut graph = load(&runtime);
    assert_eq!(graph.inputs().unwrap()[0].fixed(0), Some(2));
    assert_eq!(run(&mut graph, 2, 1).len(), 300);
}

#[test]
fn memory_that_is_given_back_changes_no_result() {
    let Some(plain) = runtime() else { return };
    let sparing = OrtRuntime { shrink_memory: true, ..plain.clone() };
    let (mut plain, mut sparing) = (load(&plain), load(&sparing));
    for seed in 0..3 {
        assert_eq!(run(&mut sparing, 2, seed), run(&mut plain, 2, seed));
    }
}

#[test]
fn the_processor_passes_the_probe_and_a_gpu_that_is_not_there_does_not() {
    let Some(runtime) = runtime() else { return };
    runtime.provider.probe(&runtime.environment).unwrap();
    let absent = ProviderOptions { provider: Provider::Cuda, device: 63, ..runtime.provider };
    assert!(absent.probe(&runtime.environment).is_err());
}
