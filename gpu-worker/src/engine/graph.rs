//! One ONNX graph on the process's engine.

use super::onnxruntime::OrtGraph;
use super::port::{Input, Port, Tensor};
use super::tract::TractGraph;
use super::{Backend, Engine};
use crate::error::{Result, WorkerError, quote};

/// A loaded graph.
pub struct Graph {
    name: String,
    loaded: Loaded,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
}

enum Loaded {
    Onnxruntime(OrtGraph),
    Tract(TractGraph),
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Graph").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Graph {
    /// Loads the ONNX file whose bytes are `model`; `name` appears in errors.
    pub fn load(engine: &Engine, name: &str, model: &[u8]) -> Result<Self> {
        let refused = |reason: String| WorkerError::Graph { graph: name.into(), reason: quote(&reason) };
        let (loaded, inputs, outputs) = match engine.backend() {
            Backend::Onnxruntime { environment, .. } => {
                let graph = OrtGraph::load(environment, engine.threads(), model).map_err(refused)?;
                let (inputs, outputs) = (graph.inputs().map_err(refused)?, graph.outputs().map_err(refused)?);
                (Loaded::Onnxruntime(graph), inputs, outputs)
            }
            Backend::Tract => {
                let graph = TractGraph::load(model).map_err(refused)?;
                let (inputs, outputs) = (graph.inputs(), graph.outputs());
                (Loaded::Tract(graph), inputs, outputs)
            }
        };
        Ok(Self { name: name.into(), loaded, inputs, outputs })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lets the engine plan for inputs of these shapes before the first run needs it; `shapes` in the order of
    /// [`Self::inputs`].
    pub fn prepare(&mut self, shapes: Vec<Vec<usize>>) -> Result<()> {
        match &mut self.loaded {
            Loaded::Onnxruntime(_) => Ok(()),
            Loaded::Tract(graph) => graph
                .prepare(shapes)
                .map_err(|reason| WorkerError::Graph { graph: self.name.clone(), reason: quote(&reason) }),
        }
    }

    /// Runs the graph and returns the output called `output`.
    pub fn run(&mut self, inputs: &[Input<'_>], output: &str) -> Result<Tensor> {
        let ran = match &mut self.loaded {
            Loaded::Onnxruntime(graph) => graph.run(inputs, output),
            Loaded::Tract(graph) => graph.run(inputs, output),
        };
        ran.map_err(|reason| WorkerError::Run { graph: self.name.clone(), reason: quote(&reason) })
    }
}
