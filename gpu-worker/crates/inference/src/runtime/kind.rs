//! What kind of model a folder holds, by its files.

use std::path::Path;

use shared::job::JobKind;
use shared::model::ModelFile;

use crate::engine::OnnxFile;
use crate::engine::graph_file::GRAPH_MAX_BYTES;
use crate::error::{InferenceError, Result};

/// Beside the folders of a picture model's networks.
pub const PIPELINE_FILE: &str = "model_index.json";

/// Where exporters put the graph of a language model when it has one.
pub(super) const USUAL_FILES: [&str; 3] = ["model.onnx", "onnx/model.onnx", "decoder_model_merged.onnx"];

/// What every language model reads.
const TOKENS: &str = "input_ids";

/// What only a model that writes takes: keys and values of the tokens before.
const PAST: &str = "past_key_values.";

/// What a model that guesses words or classes gives, and one that gives states does not.
const GUESSES: &str = "logits";

/// Whether the folder has a file that [`told_by`] looks at: whatever else it holds, it may be a model.
pub fn may_tell(root: &Path, graph: Option<&str>) -> bool {
    graph.is_some() || [&[PIPELINE_FILE][..], &USUAL_FILES].concat().iter().any(|file| root.join(file).exists())
}

/// The kind of the model below `root` whose files are `files`, and which is served by `graph`, or else by one of a
/// usual name; `None` where they tell none.
///
/// # Errors
/// A graph that cannot be read or is none.
pub fn told_by(root: &Path, files: &[ModelFile], graph: Option<&str>) -> Result<Option<JobKind>> {
    let listed = |name: &str| files.iter().find(|file| file.path == name);
    if listed(PIPELINE_FILE).is_some() {
        return Ok(Some(JobKind::Image));
    }
    let graph = match graph {
        Some(graph) => listed(graph),
        None => USUAL_FILES.into_iter().find_map(listed),
    };
    let Some(graph) = graph else { return Ok(None) };
    let path = root.join(&graph.path);
    if graph.bytes > GRAPH_MAX_BYTES {
        return Err(InferenceError::format(path, format!("it has {} bytes, more than {GRAPH_MAX_BYTES}", graph.bytes)));
    }
    let bytes = std::fs::read(&path).map_err(InferenceError::io(&path))?;
    let file = OnnxFile::read(&bytes).map_err(|reason| InferenceError::format(&path, reason))?;
    Ok(kind_of(&file))
}

pub(super) fn kind_of(file: &OnnxFile) -> Option<JobKind> {
    let takes = |begins: &str| file.inputs.iter().any(|name| name.starts_with(begins));
    let guesses = file.outputs.iter().any(|name| name == GUESSES);
    match (takes(TOKENS), takes(PAST), guesses) {
        (true, true, true) => Some(JobKind::Text),
        (true, false, false) => Some(JobKind::Embedding),
        _ => None,
    }
}
