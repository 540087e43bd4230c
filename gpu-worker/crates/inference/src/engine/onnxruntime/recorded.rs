//! Runs that a GPU replays: the kernels of one set of shapes, recorded as a CUDA graph, on memory that stays in place.

use ort::memory::Allocator;
use ort::session::{IoBinding, RunOptions, Session};
use ort::value::{DynTensor, DynTensorValueType, TensorElementType, ValueType};

use super::super::port::{Input, Outputs, Values};
use super::super::provider::ProviderOptions;
use super::values::{read, value};

/// Sets of shapes that a graph is recorded for; each holds its activations on the device.
pub(super) const RECORDED_MAX: usize = 4;

/// Which recording a run belongs to.
const GRAPH_ID_KEY: &str = "gpu_graph_id";

/// This run is neither recorded nor replayed.
const NO_GRAPH: &str = "-1";

/// Inputs and outputs of one set of shapes, in the provider's memory.
pub(super) struct Recorded {
    inputs: Vec<(String, DynTensor)>,
    outputs: Vec<String>,
    binding: IoBinding,
    options: RunOptions,
}

/// Options of a run beside the recorded ones.
pub(super) fn unrecorded(mut options: RunOptions) -> ort::Result<RunOptions> {
    options.set(GRAPH_ID_KEY, NO_GRAPH)?;
    Ok(options)
}

/// Only values that come from main memory and have elements can be written to a place of their own.
pub(super) fn can_be_recorded(inputs: &[Input<'_>]) -> bool {
    inputs.iter().all(|input| !matches!(input.values, Values::Kept(_)) && !input.shape.contains(&0))
}

impl Recorded {
    /// Makes room for `inputs` and for outputs of the given names and shapes. Recording number `index` of its session.
    pub(super) fn new(
        session: &Session,
        provider: &ProviderOptions,
        index: usize,
        inputs: &[Input<'_>],
        outputs: &[(&str, &[usize])],
        mut options: RunOptions,
    ) -> Result<Self, String> {
        let text = |error: ort::Error| error.to_string();
        // 0 is what a run has that names none.
        options.set(GRAPH_ID_KEY, (index + 1).to_string()).map_err(text)?;
        let allocator = Allocator::new(session, provider.memory().map_err(text)?).map_err(text)?;
        let place = |element, shape: &[usize]| DynTensor::new(&allocator, element, shape.to_vec()).map_err(text);
        let mut binding = session.create_binding().map_err(text)?;
        for (name, shape) in outputs {
            binding.bind_output(*name, place(element_of(session, name)?, shape)?).map_err(text)?;
        }
        let mut held = Vec::with_capacity(inputs.len());
        for input in inputs {
            let name = input.port.name.clone();
            let tensor = place(tensor_of(input, |tensor| *tensor.data_type())?, input.shape)?;
            binding.bind_input(name.as_str(), &tensor).map_err(text)?;
            held.push((name, tensor));
        }
        Ok(Self {
            inputs: held,
            outputs: outputs.iter().map(|(name, _)| (*name).to_owned()).collect(),
            binding,
            options,
        })
    }

    /// Whether this is the recording for inputs of these shapes and these outputs.
    pub(super) fn fits(&self, inputs: &[Input<'_>], outputs: &[&str]) -> bool {
        let alike = |input: &Input<'_>, held: &(String, DynTensor)| {
            let shape = held.1.shape().iter().map(|size| usize::try_from(*size).unwrap_or(0));
            input.port.name == held.0 && shape.eq(input.shape.iter().copied())
        };
        self.outputs == outputs
            && self.inputs.len() == inputs.len()
            && inputs.iter().zip(&self.inputs).all(|(input, held)| alike(input, held))
    }

    pub(super) fn run(&mut self, session: &mut Session, inputs: &[Input<'_>]) -> Result<Outputs, String> {
        let text = |error: ort::Error| error.to_string();
        for (input, (_, held)) in inputs.iter().zip(&mut self.inputs) {
            tensor_of(input, |tensor| tensor.copy_into(held))?.map_err(text)?;
        }
        self.binding.synchronize_inputs().map_err(text)?;
        let outputs = session.run_binding_with_options(&self.binding, &self.options).map_err(text)?;
        let of_device = |name: &String| {
            let value = outputs.get(name).ok_or_else(|| format!("it gave no output called {name}"))?;
            let tensor = value.downcast_ref::<DynTensorValueType>().map_err(text)?;
            match tensor.memory_info().is_cpu_accessible() {
                true => read(value),
                false => read(&tensor.to(ort::memory::AllocationDevice::CPU, 0).map_err(text)?.into_dyn()),
            }
        };
        Ok(Outputs { read: self.outputs.iter().map(of_device).collect::<Result<_, _>>()?, kept: Vec::new() })
    }
}

fn tensor_of<T>(input: &Input<'_>, with: impl FnOnce(&DynTensor) -> T) -> Result<T, String> {
    let value = value(input)?;
    let tensor = value.downcast_ref::<DynTensorValueType>().map_err(|error| error.to_string())?;
    Ok(with(&tensor))
}

fn element_of(session: &Session, output: &str) -> Result<TensorElementType, String> {
    let outlet = session.outputs().iter().find(|outlet| outlet.name() == output);
    match outlet.map(|outlet| outlet.dtype()) {
        Some(ValueType::Tensor { ty, .. }) => Ok(*ty),
        _ => Err(format!("{output} is no tensor")),
    }
}
