//! Where this worker keeps the manifests of models whose folders nothing can be written to.

use std::path::Path;

use inference::runtime::manifests::Manifests;

/// The folder for them in the worker's own.
const FOLDER: &str = "manifests";

/// Those of the worker whose data folder is `data`.
pub fn of_worker(data: &Path) -> Manifests {
    Manifests::apart_in(data.join(FOLDER))
}
