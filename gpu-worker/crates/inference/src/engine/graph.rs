//! One ONNX graph on the process's engine.

use super::graph_file::GraphFile;
use super::onnxruntime::OrtGraph;
use super::port::{Element, Input, Outputs, Port, Size, Tensor, Wanted};
use super::provider::Provider;
use super::tract::TractGraph;
use super::{Backend, Engine};
use crate::error::{InferenceError, Result, quote, quote_engine};

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
    /// Loads `file`.
    ///
    /// # Errors
    /// What the engine does not run, in its own words.
    pub fn load(engine: &Engine, file: &GraphFile) -> Result<Self> {
        let refused = |reason: String| InferenceError::graph(file.name(), quote_engine(&reason));
        let (loaded, inputs, outputs) = match engine.backend() {
            Backend::Onnxruntime(runtime) => {
                let graph = OrtGraph::load(runtime, file).map_err(refused)?;
                let (inputs, outputs) = (graph.inputs().map_err(refused)?, graph.outputs().map_err(refused)?);
                (Loaded::Onnxruntime(graph), inputs, outputs)
            }
            Backend::Tract => {
                let graph = TractGraph::load(file).map_err(refused)?;
                let (inputs, outputs) = (graph.inputs(), graph.outputs());
                (Loaded::Tract(graph), inputs, outputs)
            }
        };
        let ports = [inputs, outputs].map(|ports| ports.into_iter().map(|port| engine.sized(port)).collect());
        let [inputs, outputs] = ports;
        Ok(Self { name: file.name().into(), loaded, inputs, outputs })
    }

    /// Whether every operator of `file` runs on the GPU; `None` where the engine computes on the processor. Loads the
    /// graph once more.
    pub fn runs_whole(engine: &Engine, file: &GraphFile) -> Option<bool> {
        match engine.backend() {
            Backend::Onnxruntime(runtime) if runtime.provider.provider != Provider::Cpu => {
                Some(OrtGraph::loads_without_processor(runtime, file))
            }
            Backend::Onnxruntime(_) | Backend::Tract => None,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The precision that the graph's float inputs and outputs have: `f16` where one of them does.
    pub fn precision(&self) -> &'static str {
        let is_half = |port: &Port| port.element == Element::Float16;
        if self.inputs.iter().chain(&self.outputs).any(is_half) { "f16" } else { "f32" }
    }

    /// Lets the engine plan for inputs of these shapes before the first run needs it; `shapes` in the order of
    /// [`Self::inputs`].
    pub fn prepare(&mut self, shapes: Vec<Vec<usize>>) -> Result<()> {
        match &mut self.loaded {
            Loaded::Onnxruntime(_) => Ok(()),
            Loaded::Tract(graph) => {
                graph.prepare(shapes).map_err(|reason| InferenceError::graph(self.name.clone(), quote(&reason)))
            }
        }
    }

    /// Lets the engine plan once for all runs whose inputs have these sizes, in the order of [`Self::inputs`], so that it
    /// plans no more as one of them grows.
    ///
    /// # Errors
    /// An engine that cannot plan this graph so. It runs all the same, more slowly.
    pub fn prepare_growing(&mut self, sizes: Vec<Vec<Size>>) -> Result<()> {
        match &mut self.loaded {
            Loaded::Onnxruntime(_) => Ok(()),
            Loaded::Tract(graph) => {
                graph.prepare_growing(sizes).map_err(|reason| InferenceError::graph(self.name.clone(), quote(&reason)))
            }
        }
    }

    /// Every run has this number in the input called `name`, so that the engine may plan with it.
    pub fn settle(&mut self, name: &str, number: i64) {
        match &mut self.loaded {
            Loaded::Onnxruntime(_) => {}
            Loaded::Tract(graph) => graph.settle(name, number),
        }
    }

    /// Runs the graph and returns the output called `output`, as f32.
    pub fn run(&mut self, inputs: &[Input<'_>], output: &str) -> Result<Tensor> {
        let outputs = self.run_all(inputs, &Wanted { read: &[output], keep: &[] })?;
        outputs.read.into_iter().next().ok_or_else(|| self.failed("it gave no output"))
    }

    /// Runs the graph once for several outputs.
    ///
    /// # Errors
    /// An output that the graph does not have, inputs that do not fit it, and whatever the engine reports.
    pub fn run_all(&mut self, inputs: &[Input<'_>], wanted: &Wanted<'_>) -> Result<Outputs> {
        let is_output = |name: &&&str| self.outputs.iter().any(|port| port.name == **name);
        if let Some(missing) = wanted.read.iter().chain(wanted.keep).find(|name| !is_output(name)) {
            return Err(self.failed(&format!("it gives no output called {missing}")));
        }
        let ran = match &mut self.loaded {
            Loaded::Onnxruntime(graph) => graph.run(inputs, wanted),
            Loaded::Tract(graph) => graph.run(inputs, wanted),
        };
        ran.map_err(|reason| self.failed(&reason))
    }

    fn failed(&self, reason: &str) -> InferenceError {
        InferenceError::run(self.name.clone(), quote_engine(reason))
    }
}
