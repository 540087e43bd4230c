//! The files that git knows or would add, with their text.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

pub(crate) struct Source {
    /// Relative to the root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Text files below `folder` whose names end in one of `endings`.
pub(crate) fn below(folder: &str, endings: &[&str]) -> Vec<Source> {
    let output = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "--"])
        .arg(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    let paths = String::from_utf8(output.stdout).unwrap();
    let wanted = paths.lines().filter(|path| endings.iter().any(|ending| path.ends_with(ending)));
    // A file that was removed but is not committed yet is still listed.
    wanted.filter_map(|path| Some(Source { path: path.to_owned(), text: fs::read_to_string(root().join(path)).ok()? })).collect()
}

/// The part before the unit tests, which may use what production code may not.
pub(crate) fn production_part(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}
