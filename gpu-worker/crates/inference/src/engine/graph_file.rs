//! An ONNX file that was looked through before an engine sees it.

use std::path::{Path, PathBuf};

use super::onnx_file::OnnxFile;
use crate::error::{InferenceError, Result, quote};

/// Largest ONNX file, without what it keeps elsewhere: Protocol Buffers know no longer message.
pub const GRAPH_MAX_BYTES: u64 = (1 << 31) - 1;

/// Operator sets of ONNX's own domain that an engine here runs.
pub const OPERATOR_SETS: std::ops::RangeInclusive<u64> = 7..=26;

/// Domains of operators beyond ONNX's own that an engine here runs.
const KNOWN_DOMAINS: [&str; 5] = ["", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"];

/// Operators that an error names.
const NAMED_OPERATORS_MAX: usize = 3;

/// The bytes of an ONNX file, with what they say of themselves and the folder that external data lie in.
#[derive(Debug, Clone)]
pub struct GraphFile {
    name: String,
    bytes: Vec<u8>,
    folder: Option<PathBuf>,
    onnx: OnnxFile,
}

impl GraphFile {
    /// Looks through `bytes`. `folder` is where external data lie; the caller has checked it. `name` appears in errors.
    ///
    /// # Errors
    /// What is no sound ONNX file, and operators or operator sets that no engine here has.
    pub fn new(name: &str, bytes: Vec<u8>, folder: Option<&Path>) -> Result<Self> {
        let refused = |reason: String| InferenceError::graph(name, quote(&reason));
        let onnx = OnnxFile::read(&bytes).map_err(refused)?;
        check_operators(&onnx).map_err(refused)?;
        if let Some(tensor) = onnx.external.first().filter(|_| folder.is_none()) {
            let location = &tensor.location;
            return Err(refused(format!("it keeps weights in {location}, but it comes without a folder")));
        }
        Ok(Self { name: name.into(), bytes, folder: folder.map(Path::to_path_buf), onnx })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where external data lie; `None` where there are none to look for.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref().filter(|_| !self.onnx.external.is_empty())
    }

    /// What the file says of itself.
    pub fn onnx(&self) -> &OnnxFile {
        &self.onnx
    }
}

fn check_operators(onnx: &OnnxFile) -> std::result::Result<(), String> {
    let version = onnx.operator_sets.get("").ok_or("it names no version of ONNX's operator set")?;
    if !OPERATOR_SETS.contains(version) {
        let (first, last) = (OPERATOR_SETS.start(), OPERATOR_SETS.end());
        return Err(format!("it needs operator set {version}; sets {first} to {last} are supported"));
    }
    let unknown = |domain: &str| !KNOWN_DOMAINS.contains(&domain);
    let foreign = onnx.operators.iter().filter(|operator| unknown(&operator.0) && !onnx.functions.contains(*operator));
    match list(foreign.map(|(domain, name)| format!("{domain}.{name}"))) {
        None => Ok(()),
        Some(operators) => Err(format!("no engine has the operators {operators}")),
    }
}

/// The first few of them, and how many more there are.
pub(super) fn list(names: impl Iterator<Item = String>) -> Option<String> {
    let names: Vec<String> = names.collect();
    let shown = names.iter().take(NAMED_OPERATORS_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => None,
        count if count <= NAMED_OPERATORS_MAX => Some(shown),
        count => Some(format!("{shown} and {} more", count - NAMED_OPERATORS_MAX)),
    }
}
