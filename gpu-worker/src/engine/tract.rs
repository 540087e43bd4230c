//! Graphs on tract, the engine written in Rust.
//!
//! tract plans its kernels for known sizes, and reasoning about free ones takes it minutes on a UNet. So a graph is
//! planned once for each set of input shapes that it meets, and the last few plans are kept.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value as TypeValue;
use tract_onnx::pb::{GraphProto, ValueInfoProto};
use tract_onnx::prelude::{
    Datum, Framework, InferenceFact, InferenceModel, InferenceModelExt, IntoRunnable, TValue, Tensor as TractTensor,
    TractResult, TypedFact, TypedOp,
};
use tract_onnx::tract_core::plan::SimplePlan;

use super::port::{Dim, Element, Elements, Input, Port, Tensor};

/// Plans kept per graph; each holds the graph's weights in its own layout.
const PLANS_MAX: usize = 3;

type Plan = Arc<SimplePlan<TypedFact, Box<dyn TypedOp>>>;
type Shapes = Vec<Vec<usize>>;

pub(super) struct TractGraph {
    model: InferenceModel,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// The last used is the last.
    plans: Vec<(Shapes, Plan)>,
}

impl TractGraph {
    pub(super) fn load(model: &[u8]) -> Result<Self, String> {
        guarded(|| {
            let onnx = tract_onnx::onnx();
            let file = onnx.proto_model_for_read(&mut std::io::Cursor::new(model))?;
            let graph = file.graph.clone().unwrap_or_default();
            let model = onnx.parse(&file, None)?.model;
            let inputs = graph.input.iter().filter(|input| !is_weight(&graph, &input.name)).map(port).collect();
            Ok(Self { model, inputs, outputs: graph.output.iter().map(port).collect(), plans: Vec::new() })
        })
    }

    pub(super) fn inputs(&self) -> Vec<Port> {
        self.inputs.clone()
    }

    pub(super) fn outputs(&self) -> Vec<Port> {
        self.outputs.clone()
    }

    /// Plans for inputs of these shapes, in the order of [`Self::inputs`].
    pub(super) fn prepare(&mut self, shapes: Shapes) -> Result<(), String> {
        self.plan(shapes).map(drop)
    }

    pub(super) fn run(&mut self, inputs: &[Input<'_>], output: &str) -> Result<Tensor, String> {
        let index = self.outputs.iter().position(|port| port.name == output);
        let index = index.ok_or_else(|| format!("it gives no output called {output}"))?;
        let ordered = self.inputs.iter().map(|port| inputs.iter().find(|input| input.port.name == port.name));
        let ordered: Option<Vec<&Input<'_>>> = ordered.collect();
        let ordered = ordered.ok_or("it takes more inputs than were given")?;
        let plan = self.plan(ordered.iter().map(|input| input.shape.to_vec()).collect())?;
        guarded(|| {
            let values = ordered.iter().map(|input| tensor(input)).collect::<TractResult<_>>()?;
            let outputs = plan.run(values)?;
            let view = outputs[index].try_as_plain_ram()?;
            Ok(Tensor { shape: outputs[index].shape().to_vec(), values: view.as_slice::<f32>()?.to_vec() })
        })
    }

    fn plan(&mut self, shapes: Shapes) -> Result<Plan, String> {
        let kept = match self.plans.iter().position(|(planned, _)| *planned == shapes) {
            Some(index) => self.plans.remove(index),
            None => {
                let plan = guarded(|| self.plan_for(&shapes))?;
                (shapes, plan)
            }
        };
        if self.plans.len() >= PLANS_MAX {
            self.plans.remove(0);
        }
        let plan = kept.1.clone();
        self.plans.push(kept);
        Ok(plan)
    }

    fn plan_for(&self, shapes: &Shapes) -> TractResult<Plan> {
        let mut model = self.model.clone();
        for (index, (port, shape)) in self.inputs.iter().zip(shapes).enumerate() {
            let element = match port.element {
                Element::Int32 => i32::datum_type(),
                Element::Int64 => i64::datum_type(),
                Element::Float32 | Element::Other => f32::datum_type(),
            };
            model.set_input_fact(index, InferenceFact::dt_shape(element, shape.as_slice()))?;
        }
        // Sizes that the file states for its outputs by free names would contradict the known ones.
        for index in 0..self.outputs.len() {
            model.set_output_fact(index, InferenceFact::default())?;
        }
        model.into_optimized()?.into_runnable()
    }
}

/// tract checks files by assertion in places; a hostile one must not end the process.
fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(|error| format!("{error:#}")),
        Err(_) => Err("the engine gave up on the graph".into()),
    }
}

fn tensor(input: &Input<'_>) -> TractResult<TValue> {
    let tensor = match input.elements() {
        Elements::Float32(values) => TractTensor::from_shape(input.shape, &values)?,
        Elements::Int32(values) => TractTensor::from_shape(input.shape, &values)?,
        Elements::Int64(values) => TractTensor::from_shape(input.shape, &values)?,
    };
    Ok(tensor.into())
}

/// Older exporters list weights among the inputs.
fn is_weight(graph: &GraphProto, name: &str) -> bool {
    graph.initializer.iter().any(|weight| weight.name == name)
}

fn port(info: &ValueInfoProto) -> Port {
    let tensor = info.r#type.as_ref().and_then(|kind| kind.value.as_ref());
    let Some(TypeValue::TensorType(tensor)) = tensor else {
        return Port { name: info.name.clone(), element: Element::Other, dims: Vec::new() };
    };
    let is = |kind: DataType| tensor.elem_type == kind as i32;
    let element = match () {
        () if is(DataType::Float) => Element::Float32,
        () if is(DataType::Int32) => Element::Int32,
        () if is(DataType::Int64) => Element::Int64,
        () => Element::Other,
    };
    let dims = tensor.shape.iter().flat_map(|shape| &shape.dim).map(|dim| match &dim.value {
        Some(DimValue::DimValue(size)) if *size > 0 => Dim::Fixed(usize::try_from(*size).unwrap_or(usize::MAX)),
        Some(DimValue::DimParam(name)) => Dim::Free(name.clone()),
        _ => Dim::Free(String::new()),
    });
    Port { name: info.name.clone(), element, dims: dims.collect() }
}
