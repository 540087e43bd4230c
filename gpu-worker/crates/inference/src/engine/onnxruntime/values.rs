//! Tensors as ONNX Runtime has them.

use std::borrow::Cow;

use half::f16;
use ort::memory::Allocator;
use ort::session::SessionInputValue;
use ort::value::{
    DynTensor, DynValue, Outlet, PrimitiveTensorElementType, Tensor as OrtTensor, TensorElementType, TensorRef,
    ValueType,
};

use super::super::kept::{Kept, KeptValue};
use super::super::port::{Dim, Element, Elements, Input, Port, Tensor, Values};

/// The value to send; what the caller holds in the port's type is not copied.
pub(super) fn value<'a>(input: &Input<'a>) -> Result<SessionInputValue<'a>, String> {
    let elements = match input.values {
        Values::Kept(Kept { value: KeptValue::Onnxruntime(tensor), .. }) => return Ok(tensor.into()),
        Values::Kept(_) => return Err(format!("{} was kept by another engine", input.port.name)),
        Values::Floats(values) => Elements::of_floats(values, input.port.element),
        Values::Tokens(values) => Elements::of_tokens(values, input.port.element),
    };
    let sent = match elements {
        Elements::Float32(values) => send(input.shape, values),
        Elements::Int64(values) => send(input.shape, values),
        Elements::Float16(values) => send(input.shape, Cow::Owned::<[f16]>(values)),
        Elements::Int32(values) => send(input.shape, Cow::Owned::<[i32]>(values)),
        Elements::Bool(values) => send(input.shape, Cow::Owned::<[bool]>(values)),
    };
    sent.map_err(|error| error.to_string())
}

fn send<'a, T>(shape: &[usize], values: Cow<'a, [T]>) -> ort::Result<SessionInputValue<'a>>
where
    T: PrimitiveTensorElementType + Clone + std::fmt::Debug + 'static,
{
    // An empty tensor has no data that could be lent.
    if shape.contains(&0) && values.is_empty() {
        return Ok(OrtTensor::<T>::new(&Allocator::default(), shape.to_vec())?.into());
    }
    Ok(match values {
        Cow::Borrowed(values) => TensorRef::from_array_view((shape.to_vec(), values))?.into(),
        Cow::Owned(values) => OrtTensor::from_array((shape.to_vec(), values))?.into(),
    })
}

/// The value as f32.
pub(super) fn read(value: &DynValue) -> Result<Tensor, String> {
    let ValueType::Tensor { ty, .. } = value.dtype() else {
        return Err(format!("an output is {}, not a tensor", value.dtype()));
    };
    match ty {
        TensorElementType::Float32 => {
            let (shape, values) = value.try_extract_tensor::<f32>().map_err(|error| error.to_string())?;
            Ok(Tensor { shape: sizes(shape), values: values.to_vec() })
        }
        TensorElementType::Float16 => read_as(value, f16::to_f32),
        TensorElementType::Int64 => read_as(value, |value: i64| value as f32),
        TensorElementType::Int32 => read_as(value, |value: i32| value as f32),
        TensorElementType::Bool => read_as(value, |value: bool| f32::from(u8::from(value))),
        other => Err(format!("an output has elements of the type {other}")),
    }
}

fn read_as<T: PrimitiveTensorElementType + Copy>(value: &DynValue, read: fn(T) -> f32) -> Result<Tensor, String> {
    let (shape, values) = value.try_extract_tensor::<T>().map_err(|error| error.to_string())?;
    Ok(Tensor { shape: sizes(shape), values: values.iter().map(|value| read(*value)).collect() })
}

pub(super) fn keep(value: DynValue) -> Result<Kept, String> {
    let tensor: DynTensor = value.downcast().map_err(|error| error.to_string())?;
    Ok(Kept::new(sizes(tensor.shape()), KeptValue::Onnxruntime(tensor)))
}

fn sizes(shape: &[i64]) -> Vec<usize> {
    shape.iter().map(|size| usize::try_from(*size).unwrap_or(0)).collect()
}

pub(super) fn port(outlet: &Outlet) -> Result<Port, String> {
    let ValueType::Tensor { ty, shape, dimension_symbols } = outlet.dtype() else {
        return Err(format!("{} is {}, not a tensor", outlet.name(), outlet.dtype()));
    };
    let element = match ty {
        TensorElementType::Float32 => Element::Float32,
        TensorElementType::Float16 => Element::Float16,
        TensorElementType::Int32 => Element::Int32,
        TensorElementType::Int64 => Element::Int64,
        TensorElementType::Bool => Element::Bool,
        _ => Element::Other,
    };
    let dims = shape.iter().zip(dimension_symbols.iter()).map(|(size, symbol)| match usize::try_from(*size) {
        Ok(size) if size > 0 => Dim::Fixed(size),
        _ => Dim::Free(symbol.to_string()),
    });
    Ok(Port { name: outlet.name().to_owned(), element, dims: dims.collect() })
}
