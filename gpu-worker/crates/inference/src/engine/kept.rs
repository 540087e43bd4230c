//! A tensor that stays with the engine between two runs.

use std::sync::Arc;

use ort::value::DynTensor;
use tract_onnx::prelude::Tensor as TractTensor;

/// An output of one run that is an input of the next, such as a decoder's keys and values. It is neither copied nor
/// converted, and on a GPU it does not leave the device.
pub struct Kept {
    shape: Vec<usize>,
    pub(super) value: KeptValue,
}

pub(super) enum KeptValue {
    Onnxruntime(DynTensor),
    Tract(Arc<TractTensor>),
}

impl Kept {
    pub(super) fn new(shape: Vec<usize>, value: KeptValue) -> Self {
        Self { shape, value }
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kept").field("shape", &self.shape).finish_non_exhaustive()
    }
}
