//! Graphs on tract, the engine written in Rust.
//!
//! tract plans its kernels for known sizes, and reasoning about free ones takes it minutes on a UNet. So a graph is
//! planned once for each set of input shapes that it meets, and the last few plans are kept. A decoder meets a new shape
//! with every token: it asks for a plan in which one size stays free ([`TractGraph::prepare_growing`]).

mod plans;

use half::f16;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tract_onnx::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value as TypeValue;
use tract_onnx::pb::{GraphProto, ValueInfoProto};
use tract_onnx::prelude::{
    Datum, DatumType, Framework, InferenceFact, InferenceModel, InferenceModelExt, IntoArcTensor, IntoRunnable, TDim,
    TValue, Tensor as TractTensor, TractResult,
};
use tract_onnx::tract_core::internal::bail;

use self::plans::{Plan, Plans, Shapes, Sizes};
use super::graph_file::{GraphFile, list};
use super::kept::{Kept, KeptValue};
use super::onnx_file::OnnxFile;
use super::port::{Dim, Element, Elements, Input, Outputs, Port, Size, Tensor, Values, Wanted};

/// The size that a plan leaves free.
const GROWING: &str = "growing";

pub(super) struct TractGraph {
    model: InferenceModel,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    plans: Plans,
    /// Inputs that have the same number in every run, by their names.
    settled: BTreeMap<String, i64>,
}

impl TractGraph {
    pub(super) fn load(file: &GraphFile) -> Result<Self, String> {
        let folder = file.folder().map(|folder| folder.to_str().ok_or("its folder's path is not UTF-8")).transpose()?;
        let onnx = tract_onnx::onnx();
        check_operators(&onnx, file.onnx())?;
        guarded(|| {
            let proto = onnx.proto_model_for_read(&mut std::io::Cursor::new(file.bytes()))?;
            let model = onnx.parse(&proto, folder)?.model;
            let graph = proto.graph.unwrap_or_default();
            let inputs = graph.input.iter().filter(|input| !is_weight(&graph, &input.name)).map(port).collect();
            Ok(Self {
                model,
                inputs,
                outputs: graph.output.iter().map(port).collect(),
                plans: Plans::default(),
                settled: BTreeMap::new(),
            })
        })
    }

    pub(super) fn inputs(&self) -> Vec<Port> {
        self.inputs.clone()
    }

    pub(super) fn outputs(&self) -> Vec<Port> {
        self.outputs.clone()
    }

    /// Has every plan from now on count on one number in the input called `name`. Where a size depends on it, tract can
    /// plan only so.
    pub(super) fn settle(&mut self, name: &str, number: i64) {
        self.settled.insert(name.to_owned(), number);
        self.plans = Plans::default();
    }

    /// Plans for inputs of these shapes, in the order of [`Self::inputs`].
    pub(super) fn prepare(&mut self, shapes: Shapes) -> Result<(), String> {
        self.exact_plan(shapes).map(drop)
    }

    /// Plans for inputs of these sizes, in the order of [`Self::inputs`].
    ///
    /// # Errors
    /// A graph that tract cannot reason about while a size is free. It still runs, with a plan for each shape.
    pub(super) fn prepare_growing(&mut self, sizes: Sizes) -> Result<(), String> {
        let symbol = TDim::from(self.model.symbols.sym(GROWING));
        let dim = |size: &Size| match size {
            Size::Known(known) => TDim::from(*known),
            Size::Growing(more) => symbol.clone() + *more,
        };
        let dims: Vec<Vec<TDim>> = sizes.iter().map(|sizes| sizes.iter().map(dim).collect()).collect();
        let plan = guarded(|| plan(&self.model, &self.inputs, &self.settled, self.outputs.len(), dims))?;
        self.plans.add_growing(sizes, plan);
        Ok(())
    }

    pub(super) fn run(&mut self, inputs: &[Input<'_>], wanted: &Wanted<'_>) -> Result<Outputs, String> {
        let index = |name: &&str| {
            let index = self.outputs.iter().position(|port| port.name == *name);
            index.ok_or_else(|| format!("it gives no output called {name}"))
        };
        let read = wanted.read.iter().map(index).collect::<Result<Vec<_>, _>>()?;
        let keep = wanted.keep.iter().map(index).collect::<Result<Vec<_>, _>>()?;
        let ordered = self.inputs.iter().map(|port| inputs.iter().find(|input| input.port.name == port.name));
        let ordered: Option<Vec<&Input<'_>>> = ordered.collect();
        let ordered = ordered.ok_or("it takes more inputs than were given")?;
        let run = |plan: &Plan| {
            guarded(|| {
                let values = ordered.iter().map(|input| value(input)).collect::<TractResult<_>>()?;
                let outputs = plan.run(values)?;
                let floats = |index: &usize| floats(&outputs[*index]);
                let kept = |index: &usize| kept(&outputs[*index]);
                Ok(Outputs {
                    read: read.iter().map(floats).collect::<TractResult<_>>()?,
                    kept: keep.iter().map(kept).collect(),
                })
            })
        };
        let shapes: Shapes = ordered.iter().map(|input| input.shape.to_vec()).collect();
        if let Some(plan) = self.plans.growing(&shapes) {
            match run(&plan) {
                Ok(outputs) => return Ok(outputs),
                // Some operators find out only as they run that a size was free when they were planned.
                Err(_) => self.plans.forget_growing(&shapes),
            }
        }
        run(&self.exact_plan(shapes)?)
    }

    fn exact_plan(&mut self, shapes: Shapes) -> Result<Plan, String> {
        let (model, inputs, settled, outputs) = (&self.model, &self.inputs, &self.settled, self.outputs.len());
        self.plans.exact(shapes, |shapes| {
            let dims = |shape: &Vec<usize>| shape.iter().map(|size| TDim::from(*size)).collect();
            guarded(|| plan(model, inputs, settled, outputs, shapes.iter().map(dims).collect()))
        })
    }
}

/// A plan for inputs of these sizes, in the order of `inputs`.
fn plan(
    model: &InferenceModel,
    inputs: &[Port],
    settled: &BTreeMap<String, i64>,
    outputs: usize,
    dims: Vec<Vec<TDim>>,
) -> TractResult<Plan> {
    let mut model = model.clone();
    for (index, (port, dims)) in inputs.iter().zip(dims).enumerate() {
        let element = match port.element {
            Element::Int32 => i32::datum_type(),
            Element::Int64 => i64::datum_type(),
            Element::Float16 => f16::datum_type(),
            Element::Bool => bool::datum_type(),
            Element::Float32 | Element::Other => f32::datum_type(),
        };
        let fact = match settled.get(&port.name) {
            Some(number) => constant(*number, dims.len(), element)?.into(),
            None => InferenceFact::dt_shape(element, dims),
        };
        model.set_input_fact(index, fact)?;
    }
    // Sizes that the file states for its outputs by free names would contradict the known ones.
    for index in 0..outputs {
        model.set_output_fact(index, InferenceFact::default())?;
    }
    model.into_optimized()?.into_runnable()
}

/// One number as a tensor of so many dimensions.
fn constant(number: i64, rank: usize, element: DatumType) -> TractResult<TractTensor> {
    let tensor = TractTensor::from_shape(&vec![1; rank], &[number])?;
    Ok(tensor.cast_to_dt(element)?.into_owned())
}

/// tract checks files by assertion in places; a hostile one must not end the process.
fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(|error| format!("{error:#}")),
        Err(panic) => Err(format!("the engine gave up on the graph: {}", words(panic.as_ref()))),
    }
}

/// What a panic says.
fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why")
}

/// tract looks an operator up by its name alone, so what it lacks is found before it loads anything.
fn check_operators(onnx: &Onnx, file: &OnnxFile) -> Result<(), String> {
    let lacks = |name: &str| !onnx.op_register.0.contains_key(name);
    let missing = file.operators.iter().filter(|(_, name)| lacks(name));
    match list(missing.map(|(domain, name)| if domain.is_empty() { name.clone() } else { format!("{domain}.{name}") }))
    {
        None => Ok(()),
        Some(missing) => Err(format!("tract lacks the operators {missing}, which ONNX Runtime has")),
    }
}

fn value(input: &Input<'_>) -> TractResult<TValue> {
    let elements = match input.values {
        Values::Kept(Kept { value: KeptValue::Tract(tensor), .. }) => return Ok(TValue::from_const(tensor.clone())),
        Values::Kept(_) => bail!("{} was kept by another engine", input.port.name),
        Values::Floats(values) => Elements::of_floats(values, input.port.element),
        Values::Tokens(values) => Elements::of_tokens(values, input.port.element),
    };
    let tensor = match elements {
        Elements::Float32(values) => TractTensor::from_shape(input.shape, &values)?,
        Elements::Float16(values) => TractTensor::from_shape(input.shape, &values)?,
        Elements::Int32(values) => TractTensor::from_shape(input.shape, &values)?,
        Elements::Int64(values) => TractTensor::from_shape(input.shape, &values)?,
        Elements::Bool(values) => TractTensor::from_shape(input.shape, &values)?,
    };
    Ok(tensor.into())
}

fn floats(value: &TValue) -> TractResult<Tensor> {
    let floats = value.cast_to::<f32>()?;
    Ok(Tensor { shape: floats.shape().to_vec(), values: floats.try_as_plain_ram()?.as_slice::<f32>()?.to_vec() })
}

fn kept(value: &TValue) -> Kept {
    Kept::new(value.shape().to_vec(), KeptValue::Tract(value.clone().into_arc_tensor()))
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
        () if is(DataType::Float16) => Element::Float16,
        () if is(DataType::Bool) => Element::Bool,
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
