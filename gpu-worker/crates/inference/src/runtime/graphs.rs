//! Which graph of a language model's folder is served. Exporters leave several beside each other, one for each precision.

use std::path::Path;

use super::folder::is_plain;
use super::kind::kind_of;
use crate::engine::OnnxFile;
use crate::engine::graph_file::GRAPH_MAX_BYTES;
use crate::error::{InferenceError, Result};

/// Folders of the model's in which graphs lie.
const FOLDERS: [&str; 2] = ["", "onnx/"];

/// A graph that holds these two, and the two, which do half of the work each.
const MERGED: &str = "decoder_model_merged.onnx";
const HALVES: [&str; 2] = ["decoder_model.onnx", "decoder_with_past_model.onnx"];

/// Graphs that are looked into.
const GRAPHS_MAX: usize = 64;

const GRAPH_ENDING: &str = ".onnx";

/// The graph of the language model at `root`: the one called `named`, or the only one; `None` where the folder holds
/// none that is known for one.
///
/// # Errors
/// A name that the folder does not have, and several graphs of which none is named.
pub fn choose(root: &Path, named: Option<&str>) -> Result<Option<String>> {
    if let Some(named) = named {
        let is_there = is_plain(named) && named.ends_with(GRAPH_ENDING) && root.join(named).is_file();
        return match is_there {
            true => Ok(Some(named.to_owned())),
            false => Err(unsupported(root, &format!("no graph called {named}; it has {}", list(&served(root)?)))),
        };
    }
    let mut graphs = served(root)?;
    match graphs.len() {
        0 | 1 => Ok(graphs.pop()),
        _ => Err(unsupported(root, &format!("several graphs; name one of {} as its --graph", list(&graphs)))),
    }
}

fn unsupported(root: &Path, holds: &str) -> InferenceError {
    InferenceError::unsupported(format!("{} holds {holds}", root.display()))
}

fn list(graphs: &[String]) -> String {
    if graphs.is_empty() { "none".into() } else { graphs.join(", ") }
}

/// The graphs that a language model is served by, sorted.
fn served(root: &Path) -> Result<Vec<String>> {
    let mut graphs = Vec::new();
    for folder in FOLDERS {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        for entry in entries {
            let name = entry.map_err(InferenceError::io(root))?.file_name();
            let Some(name) = name.to_str().filter(|name| name.ends_with(GRAPH_ENDING)) else { continue };
            graphs.push(format!("{folder}{name}"));
        }
    }
    if graphs.len() > GRAPHS_MAX {
        return Err(unsupported(root, &format!("{} graphs, more than {GRAPHS_MAX}", graphs.len())));
    }
    let has_merged = graphs.iter().any(|graph| file_name(graph) == MERGED);
    graphs.retain(|graph| !(has_merged && HALVES.contains(&file_name(graph))));
    graphs.retain(|graph| is_served(&root.join(graph)));
    graphs.sort();
    Ok(graphs)
}

fn file_name(graph: &str) -> &str {
    graph.rsplit('/').next().unwrap_or(graph)
}

/// Whether its inputs and outputs are those of a language model. Who loads one that is no graph is told so.
fn is_served(path: &Path) -> bool {
    let is_short = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= GRAPH_MAX_BYTES);
    let bytes = if is_short { std::fs::read(path).ok() } else { None };
    bytes.and_then(|bytes| OnnxFile::read(&bytes).ok()).is_some_and(|file| kind_of(&file).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(name: &str) -> std::path::PathBuf {
        test_support::package_folder().join("tests/vectors/words").join(name).join("model.onnx")
    }

    fn folder(graphs: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for graph in graphs {
            let path = folder.path().join(graph);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::copy(words("writer"), path).unwrap();
        }
        std::fs::write(folder.path().join("notes.onnx"), "no graph").unwrap();
        folder
    }

    #[test]
    fn the_only_graph_is_taken_whatever_it_is_called() {
        let choice = |graphs: &[&str]| choose(folder(graphs).path(), None).unwrap();
        assert_eq!(choice(&["onnx/model_fp16.onnx"]).as_deref(), Some("onnx/model_fp16.onnx"));
        assert_eq!(choice(&["model.onnx", "unet/model.onnx"]).as_deref(), Some("model.onnx"));
        let merged = ["decoder_model.onnx", "decoder_with_past_model.onnx", "decoder_model_merged.onnx"];
        assert_eq!(choice(&merged).as_deref(), Some(MERGED));
        assert_eq!(choice(&[]), None);
    }

    #[test]
    fn of_several_graphs_one_is_named_and_the_refusal_lists_them() {
        let folder = folder(&["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_quantized.onnx"]);
        let error = choose(folder.path(), None).unwrap_err();
        assert_eq!(error.kind.name(), "model");
        let names = "onnx/model.onnx, onnx/model_fp16.onnx, onnx/model_quantized.onnx";
        assert!(error.to_string().contains(names) && error.to_string().contains("--graph"), "{error}");
        let named = |name: &str| choose(folder.path(), Some(name));
        assert_eq!(named("onnx/model_fp16.onnx").unwrap().as_deref(), Some("onnx/model_fp16.onnx"));
        for name in ["onnx/model_q4.onnx", "../onnx/model.onnx", "onnx", "onnx/../onnx/model.onnx"] {
            let told = named(name).unwrap_err().to_string();
            assert!(told.contains(name) && told.contains(names), "{told}");
        }
    }
}
