//! A Python with the packages that training the default models needs; nothing that ships needs one.

use std::env;

use crate::command;
use crate::workspace::Workspace;

/// Names another interpreter than `python3`, such as one of a virtual environment.
const VARIABLE: &str = "AITBC_PYTHON";
const PACKAGES: &str = "import numpy, onnx, onnxruntime, PIL, torch";

pub(crate) fn find(workspace: &Workspace) -> Option<String> {
    let python = env::var(VARIABLE).unwrap_or_else(|_| "python3".to_owned());
    command::read(workspace.command(&python).args(["-c", PACKAGES])).is_ok().then_some(python)
}
