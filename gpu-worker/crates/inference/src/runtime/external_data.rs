//! Weights beside an ONNX file. A graph names them by paths of its own, so a path is followed only inside the folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::folder::is_plain;
use crate::engine::{ExternalTensor, GraphFile};
use crate::error::{InferenceError, Result};

/// The locations that `graph` names, each once, after checking that they lie in `folder` and hold what it takes from
/// them.
///
/// # Errors
/// A path that is absolute, has `..` or is not in its shortest form, or leaves the folder through a link, and a range
/// beyond the end of the file.
pub(super) fn check(graph: &GraphFile, folder: &Path) -> Result<BTreeSet<String>> {
    // Each location is looked up once, however many tensors lie there.
    let mut lengths: BTreeMap<&str, u64> = BTreeMap::new();
    for tensor in &graph.onnx().external {
        let location = tensor.location.as_str();
        let refused = |reason: String| InferenceError::external_data(graph.name(), location, reason);
        let bytes = match lengths.get(location) {
            Some(bytes) => *bytes,
            None => length_inside(folder, location).map_err(refused)?,
        };
        lengths.insert(location, bytes);
        fits(tensor, bytes).map_err(refused)?;
    }
    Ok(lengths.into_keys().map(str::to_owned).collect())
}

/// Length of the file at `location`.
fn length_inside(folder: &Path, location: &str) -> std::result::Result<u64, String> {
    if !is_plain(location) {
        return Err("the path is not one inside the folder in its shortest form".into());
    }
    let real = |path: &Path| std::fs::canonicalize(path).map_err(|error| error.to_string());
    let (folder, file) = (real(folder)?, real(&folder.join(location))?);
    if !file.starts_with(&folder) {
        return Err("a link leads out of the folder".into());
    }
    match std::fs::metadata(&file) {
        Ok(found) if found.is_file() => Ok(found.len()),
        Ok(_) => Err("it is no file".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn fits(tensor: &ExternalTensor, bytes: u64) -> std::result::Result<(), String> {
    let length = tensor.length.unwrap_or(0);
    match tensor.offset.checked_add(length) {
        Some(end) if end <= bytes => Ok(()),
        _ => Err(format!("{} takes {length} bytes from {}, but the file has {bytes}", tensor.tensor, tensor.offset)),
    }
}
