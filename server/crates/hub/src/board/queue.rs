//! Waiting tasks, by arrival and by the model that they need.

use std::collections::{BTreeMap, BTreeSet};

use shared::job::request::ValidJob;
use shared::job::task::{Task, TaskRole};

use crate::catalog::ModelKey;

/// Arrival of the job, then the task within it.
pub(super) type Place = (i64, TaskRole);

/// See the [module](self). Both maps hold the same tasks.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    by_arrival: BTreeMap<Place, Task>,
    by_model: BTreeMap<ModelKey, BTreeSet<Place>>,
}

impl Queue {
    pub(super) fn insert(&mut self, seq: i64, task: Task, request: &ValidJob) {
        let place = (seq, task.role);
        self.by_arrival.insert(place, task);
        self.by_model.entry(ModelKey::of(request)).or_default().insert(place);
    }

    pub(super) fn remove(&mut self, seq: i64, task: Task, request: &ValidJob) {
        let (place, model) = ((seq, task.role), ModelKey::of(request));
        self.by_arrival.remove(&place);
        if let Some(places) = self.by_model.get_mut(&model) {
            places.remove(&place);
            if places.is_empty() {
                self.by_model.remove(&model);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_arrival.len()
    }

    /// Tasks of jobs that arrived before.
    pub(super) fn count_before(&self, seq: i64) -> usize {
        self.by_arrival.range(..(seq, TaskRole::Serve)).count()
    }

    /// Models that some task waits for.
    pub(super) fn models(&self) -> impl Iterator<Item = &ModelKey> {
        self.by_model.keys()
    }

    /// The first task that waits for a model, behind `after` if given.
    pub(super) fn first_of(&self, model: &ModelKey, after: Option<Place>) -> Option<(Place, Task)> {
        let places = self.by_model.get(model)?;
        let place = match after {
            Some(place) => places.range((std::ops::Bound::Excluded(place), std::ops::Bound::Unbounded)).next(),
            None => places.first(),
        };
        place.and_then(|place| Some((*place, *self.by_arrival.get(place)?)))
    }

    #[cfg(test)]
    pub(super) fn holds(&self, seq: i64, task: Task) -> bool {
        self.by_arrival.get(&(seq, task.role)) == Some(&task)
    }
}
