//! The plans of one graph: few, made for sizes that are known or that grow.

use std::sync::Arc;

use tract_onnx::prelude::{TypedFact, TypedOp};
use tract_onnx::tract_core::plan::SimplePlan;

use crate::engine::port::Size;

/// Plans for known sizes; each holds the graph's weights in its own layout.
const EXACT_MAX: usize = 3;

pub(super) type Plan = Arc<SimplePlan<TypedFact, Box<dyn TypedOp>>>;
pub(super) type Shapes = Vec<Vec<usize>>;
pub(super) type Sizes = Vec<Vec<Size>>;

#[derive(Default)]
pub(super) struct Plans {
    /// The last used is the last.
    exact: Vec<(Shapes, Plan)>,
    /// Asked for by name, so none makes way for another.
    growing: Vec<(Sizes, Plan)>,
}

impl Plans {
    /// The plan for sizes that grow, where one fits.
    pub(super) fn growing(&self, shapes: &Shapes) -> Option<Plan> {
        self.growing.iter().find(|(sizes, _)| Size::fit(sizes, shapes)).map(|(_, plan)| plan.clone())
    }

    pub(super) fn add_growing(&mut self, sizes: Sizes, plan: Plan) {
        self.growing.push((sizes, plan));
    }

    /// Forgets the plan for sizes that grow that these shapes would take.
    pub(super) fn forget_growing(&mut self, shapes: &Shapes) {
        self.growing.retain(|(sizes, _)| !Size::fit(sizes, shapes));
    }

    /// The plan for exactly these shapes, made by `make` where there is none yet.
    pub(super) fn exact(
        &mut self,
        shapes: Shapes,
        make: impl FnOnce(&Shapes) -> Result<Plan, String>,
    ) -> Result<Plan, String> {
        let used = match self.exact.iter().position(|(planned, _)| *planned == shapes) {
            Some(index) => self.exact.remove(index),
            None => {
                let plan = make(&shapes)?;
                (shapes, plan)
            }
        };
        if self.exact.len() >= EXACT_MAX {
            self.exact.remove(0);
        }
        let plan = used.1.clone();
        self.exact.push(used);
        Ok(plan)
    }
}
