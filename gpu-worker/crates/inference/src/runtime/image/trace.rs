//! The leaves of a job's commitment to its steps, gathered while it is drawn.

use shared::B256;
use shared::trace::{TraceShape, leaf, root};

/// Leaves per picture, in the order of steps. Only hashes are kept: the latents of a step are found again by drawing
/// anew, which gives equal bits on the machine that drew.
#[derive(Debug)]
pub(super) struct Trace {
    shape: TraceShape,
    leaves: Vec<Vec<B256>>,
}

impl Trace {
    pub(super) fn new(shape: TraceShape) -> Self {
        Self { shape, leaves: vec![Vec::new(); shape.pictures as usize] }
    }

    /// Adds `picture`'s latents after its next step, the first time those that it starts from.
    pub(super) fn add(&mut self, picture: u32, step: u32, latents: &[f32]) {
        if let Some(leaves) = self.leaves.get_mut(picture as usize) {
            leaves.push(leaf(picture, step, latents));
        }
    }

    /// None where the job has more steps than a trace holds.
    pub(super) fn root(&self) -> Option<B256> {
        root(self.shape, &self.leaves.concat())
    }
}
