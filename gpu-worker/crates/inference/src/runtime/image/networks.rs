//! The graphs of a pipeline. Names, element types and ranks are read from the files, since exporters differ: token ids
//! are int32 or int64, the timestep is a scalar or a vector, float or integer.

pub mod autoencoder;
pub mod safety_checker;
pub mod text_encoder;
pub mod unet;

use crate::engine::port::{Port, Tensor};
use crate::engine::{Engine, Graph};
use crate::error::{InferenceError, Result};
use crate::runtime::folder::ModelFolder;

fn load(engine: &Engine, folder: &ModelFolder, part: &str) -> Result<Graph> {
    Graph::load(engine, &folder.graph(&format!("{part}/model.onnx"))?)
}

/// The one input that `fits`.
fn input(graph: &Graph, what: &str, fits: impl Fn(&Port) -> bool) -> Result<Port> {
    let mut fitting = graph.inputs.iter().filter(|port| fits(port));
    match (fitting.next(), fitting.next()) {
        (Some(port), None) => Ok(port.clone()),
        _ => Err(mismatch(graph, &format!("it should have {what}, but it takes {}", names(&graph.inputs)))),
    }
}

/// The picture or latents that a graph takes.
fn grid(graph: &Graph) -> Result<Port> {
    input(graph, "a float input [batch, channels, height, width]", |port| port.is_float() && port.rank() == 4)
}

/// The output called `name`, else the first of that rank.
fn output(graph: &Graph, name: &str, rank: usize) -> Result<String> {
    let fits = |port: &&Port| port.is_float() && port.rank() == rank;
    let named = graph.outputs.iter().find(|port| port.name == name);
    named.filter(fits).or_else(|| graph.outputs.iter().find(fits)).map(|port| port.name.clone()).ok_or_else(|| {
        mismatch(
            graph,
            &format!("it should give a float output of rank {rank}, but it gives {}", names(&graph.outputs)),
        )
    })
}

fn only(graph: &Graph, inputs: usize) -> Result<()> {
    if graph.inputs.len() == inputs {
        return Ok(());
    }
    Err(mismatch(graph, &format!("it should take {inputs} inputs, but it takes {}", names(&graph.inputs))))
}

fn takes_channels(graph: &Graph, port: &Port, channels: usize) -> Result<()> {
    match port.fixed(1) {
        Some(taken) if taken != channels => {
            Err(mismatch(graph, &format!("{} takes {taken} channels, but the latents have {channels}", port.name)))
        }
        _ => Ok(()),
    }
}

/// Checks rank and leading sizes of a result and returns the last size.
fn expect_shape(graph: &Graph, tensor: &Tensor, leading: &[usize], rank: usize) -> Result<usize> {
    match tensor.shape.last() {
        Some(last) if tensor.shape.len() == rank && tensor.shape.starts_with(leading) => Ok(*last),
        _ => Err(misshapen(graph, tensor, &format!("{leading:?} of rank {rank}"))),
    }
}

fn misshapen(graph: &Graph, tensor: &Tensor, wanted: &str) -> InferenceError {
    InferenceError::run(graph.name(), format!("it gave a tensor {:?}, not {wanted}", tensor.shape))
}

/// `step` appears in the error only.
fn expect_finite(graph: &Graph, values: &[f32], step: u32) -> Result<()> {
    match values.iter().all(|value| value.is_finite()) {
        true => Ok(()),
        false => Err(InferenceError::not_finite(graph.name(), step)),
    }
}

fn mismatch(graph: &Graph, reason: &str) -> InferenceError {
    InferenceError::graph(graph.name(), reason)
}

fn names(ports: &[Port]) -> String {
    ports.iter().map(Port::to_string).collect::<Vec<_>>().join(", ")
}
