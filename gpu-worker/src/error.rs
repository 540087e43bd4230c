//! What can go wrong in a miner's worker, and what follows from it: who is blamed, and whether trying again helps.
//!
//! An inference fails with an [`InferenceError`]; the configuration and the connection to the hub have errors of their
//! own. [`WorkerError`] is any of them, for what does several of these things.

use std::path::PathBuf;

use inference::error::{InferenceError, quote};
use inference::files::FileError;
use shared::job::lifecycle::Blame;

/// A file that is not what its name says.
#[derive(Debug, thiserror::Error)]
#[error("{path} is not valid: {reason}")]
pub struct FormatError {
    pub path: PathBuf,
    pub reason: String,
}

impl FormatError {
    pub fn new(path: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self { path: path.into(), reason: quote(&reason.to_string()) }
    }
}

/// `worker.toml`, a file that it names, or the command line asks for what cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("{0}")]
    Refused(String),
}

/// There is no session with the hub.
#[derive(Debug, thiserror::Error)]
pub enum HubLinkError {
    #[error("the hub at {hub} cannot be reached: {reason}")]
    Unreachable { hub: String, reason: String },
    /// Trying again does not help.
    #[error("the hub refused the registration: {0}")]
    Refused(String),
    #[error("the registration cannot be signed: {0}")]
    Signature(String),
    #[error(transparent)]
    Config(#[from] ConfigError),
}

#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error(transparent)]
    Inference(#[from] InferenceError),
    #[error(transparent)]
    Hub(#[from] HubLinkError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("the operating system gives no randomness: {0}")]
    Randomness(String),
    #[error("the receipt cannot be made: {0}")]
    Receipt(String),
    #[error("the trace does not hold: {0}")]
    Trace(String),
    #[error("the hardware report cannot be signed: {0}")]
    Report(String),
}

impl WorkerError {
    /// A file system error that names its path.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let at_path = FileError::at(path);
        move |source| Self::File(at_path(source))
    }

    pub fn format(path: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self::Format(FormatError::new(path, reason))
    }

    pub fn config(reason: impl Into<String>) -> Self {
        Self::Config(ConfigError::Refused(reason.into()))
    }

    /// The blame when this error ends a lease.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Inference(error) => error.kind.blame(),
            Self::Hub(_) => Blame::Network,
            _ => Blame::Miner,
        }
    }

    /// The same job may succeed when this worker tries it again unchanged.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Inference(error) => error.kind.is_retryable(),
            Self::Hub(HubLinkError::Unreachable { .. }) | Self::File(_) => true,
            _ => false,
        }
    }

    /// A short word for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Inference(error) => error.kind.name(),
            Self::Hub(_) => "hub",
            Self::Config(_) => "config",
            Self::File(_) => "io",
            Self::Format(_) => "format",
            Self::Randomness(_) => "randomness",
            Self::Receipt(_) => "receipt",
            Self::Trace(_) => "trace",
            Self::Report(_) => "report",
        }
    }
}

pub type Result<T, E = WorkerError> = std::result::Result<T, E>;
