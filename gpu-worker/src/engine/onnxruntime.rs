//! Graphs on ONNX Runtime's library, through `ort`.

use std::path::Path;

use ort::environment::Environment;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};
use ort::value::{Outlet, Tensor as OrtTensor, TensorElementType, ValueType};

use super::port::{Dim, Element, Elements, Input, Port, Tensor};

/// A loaded session. Running takes `&mut self`: sessions are not safe to run from two threads.
pub(super) struct OrtGraph {
    session: Session,
}

/// Loads the library for this process. Later calls of `ort` use it.
pub(super) fn load_library(library: &Path) -> Result<Environment, String> {
    if !library.is_file() {
        return Err("there is no such file".into());
    }
    let builder = ort::init_from(library).map_err(|error| error.to_string())?;
    builder.with_telemetry(false).build().map_err(|error| error.to_string())
}

impl OrtGraph {
    pub(super) fn load(environment: &Environment, threads: usize, model: &[u8]) -> Result<Self, String> {
        let text = |error: ort::Error<SessionBuilder>| error.to_string();
        let mut builder = Session::builder(environment).map_err(|error| error.to_string())?;
        builder = builder.with_optimization_level(GraphOptimizationLevel::Level3).map_err(text)?;
        builder = builder.with_intra_threads(threads).map_err(text)?;
        // Threads that wait by spinning would take the cores from the processes beside this one.
        builder = builder.with_intra_op_spinning(false).map_err(text)?;
        let session = builder.commit_from_memory(model).map_err(|error| error.to_string())?;
        Ok(Self { session })
    }

    pub(super) fn inputs(&self) -> Result<Vec<Port>, String> {
        self.session.inputs().iter().map(port).collect()
    }

    pub(super) fn outputs(&self) -> Result<Vec<Port>, String> {
        self.session.outputs().iter().map(port).collect()
    }

    pub(super) fn run(&mut self, inputs: &[Input<'_>], output: &str) -> Result<Tensor, String> {
        let text = |error: ort::Error| error.to_string();
        let values = inputs.iter().map(|input| Ok((input.port.name.as_str(), value(input)?)));
        let values = values.collect::<ort::Result<Vec<_>>>().map_err(text)?;
        let outputs = self.session.run(values).map_err(text)?;
        let value = outputs.get(output).ok_or_else(|| format!("it gave no output called {output}"))?;
        let (shape, values) = value.try_extract_tensor::<f32>().map_err(text)?;
        let shape = shape.iter().map(|size| usize::try_from(*size).unwrap_or(0)).collect();
        Ok(Tensor { shape, values: values.to_vec() })
    }
}

fn value(input: &Input<'_>) -> ort::Result<SessionInputValue<'static>> {
    let shape = input.shape.to_vec();
    Ok(match input.elements() {
        Elements::Float32(values) => OrtTensor::from_array((shape, values))?.into(),
        Elements::Int32(values) => OrtTensor::from_array((shape, values))?.into(),
        Elements::Int64(values) => OrtTensor::from_array((shape, values))?.into(),
    })
}

fn port(outlet: &Outlet) -> Result<Port, String> {
    let ValueType::Tensor { ty, shape, dimension_symbols } = outlet.dtype() else {
        return Err(format!("{} is {}, not a tensor", outlet.name(), outlet.dtype()));
    };
    let element = match ty {
        TensorElementType::Float32 => Element::Float32,
        TensorElementType::Int32 => Element::Int32,
        TensorElementType::Int64 => Element::Int64,
        _ => Element::Other,
    };
    let dims = shape.iter().zip(dimension_symbols.iter()).map(|(size, symbol)| match usize::try_from(*size) {
        Ok(size) if size > 0 => Dim::Fixed(size),
        _ => Dim::Free(symbol.to_string()),
    });
    Ok(Port { name: outlet.name().to_owned(), element, dims: dims.collect() })
}
