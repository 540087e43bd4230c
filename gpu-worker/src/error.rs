//! What can go wrong in a miner, and what follows from it: who is blamed, and whether trying again helps.

use std::path::PathBuf;
use std::time::Duration;

use shared::digest::Sha256Digest;
use shared::job::lifecycle::Blame;

use crate::gpu_fault::{GpuFault, essence};

/// Characters of an outside text (a file's content, a library's message) that an error repeats.
pub const QUOTE_MAX_CHARS: usize = 300;

/// Class of every lack of memory.
const OUT_OF_MEMORY: &str = "out_of_memory";

/// Class of an engine or provider that does not work here.
const ENGINE: &str = "engine";

/// Class of a job's input that the model does not take.
const INPUT: &str = "input";

/// Class of every GPU that fails or disappears.
const GPU_LOST: &str = "gpu_lost";

/// What a GPU is called until [`WorkerError::with_gpu_named`].
const NAMELESS_GPU: &str = "the GPU";

/// How allocators, engines and drivers say that memory ran out, in lower case.
const MEMORY_WORDS: &[&str] = &[
    "memory allocation of",
    "bad_alloc",
    "out of memory",
    "out_of_memory",
    "failed to allocate",
    "cannot allocate memory",
    "cuda_error_memory_allocation",
    "alloc_failed",
    // A thread begins with memory for its stack; without it the system answers "temporarily unavailable".
    "failed to spawn thread",
];

#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("ONNX Runtime's library {path} cannot be used: {reason}")]
    Library { path: PathBuf, reason: String },
    #[error("the execution provider {provider} cannot be used: {reason}; {mend}")]
    Provider { provider: String, reason: String, mend: String },
    #[error("the engine is chosen once per process; it runs {running}, and {wanted} was asked for")]
    EngineChosen { running: String, wanted: String },
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path} is not valid: {reason}")]
    Format { path: PathBuf, reason: String },
    #[error("the manifest does not list {file}, so it cannot be trusted")]
    Unlisted { file: String },
    #[error("{path} has sha256 {got}, but its manifest pins {want}; fetch the model again")]
    HashMismatch { path: PathBuf, want: Sha256Digest, got: Sha256Digest },
    #[error("{path} has {got} bytes, but its manifest pins {want}; fetch the model again")]
    LengthMismatch { path: PathBuf, want: u64, got: u64 },
    #[error("{graph} keeps weights in {location:?}: {reason}")]
    ExternalData { graph: String, location: String, reason: String },
    #[error("the model cannot be served: {0}")]
    Unsupported(String),
    /// A value in one of a model's configuration files. `bound` reads on from the key.
    #[error("{file}: {key} {bound}, got {value}")]
    ModelKey { file: String, key: String, bound: String, value: String },
    #[error("{graph} is no graph that this engine runs: {reason}")]
    Graph { graph: String, reason: String },
    #[error("{graph}: the engine failed: {reason}")]
    Run { graph: String, reason: String },
    #[error("{graph} gave numbers that are not finite at step {step}")]
    NotFinite { graph: String, step: u32 },
    #[error("input.{field} {bound}, got {value}")]
    Input { field: &'static str, bound: String, value: String },
    /// What the rules that hub and worker share refuse, in their words.
    #[error("{0}")]
    InvalidInput(String),
    #[error("the Ollama at {url} cannot be reached: {reason}")]
    OllamaUnreachable { url: String, reason: String },
    #[error("Ollama is busy: {0}")]
    OllamaBusy(String),
    #[error("Ollama was silent for more than {seconds} s")]
    OllamaSilent { seconds: u64 },
    #[error("Ollama's answer cannot be used: {0}")]
    OllamaAnswer(String),
    #[error("Ollama does not serve {model}: {reason}")]
    OllamaModel { model: String, reason: String },
    #[error("the job was canceled")]
    Canceled,
    #[error("the inference process ended: {0}")]
    ChildCrashed(String),
    #[error("the inference process ran out of memory: {0}")]
    ChildOutOfMemory(String),
    #[error("the inference process hung: it said nothing for {} s", .silence.as_secs())]
    ChildHung { silence: Duration },
    #[error(
        "the inference process loaded nothing within {} s; child.load_within_seconds in worker.toml sets the limit",
        .limit.as_secs()
    )]
    ChildSlowToLoad { limit: Duration },
    /// The inference process lives or not; what it computed on is of no use to it any more.
    #[error("{device} {}: {reason}; {}", .fault.happened(), .fault.mend())]
    GpuLost { device: String, fault: GpuFault, reason: String },
    /// What the inference process reported, with its own class.
    #[error("{}", .0.message)]
    Child(crate::child::Failure),
    #[error("the job ran past its deadline")]
    Deadline,
    #[error("{0}")]
    Config(String),
    #[error("the hub at {hub} cannot be reached: {reason}")]
    Hub { hub: String, reason: String },
    #[error("the hub refused the registration: {0}")]
    Refused(String),
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
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    pub fn format(path: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self::Format { path: path.into(), reason: quote(&reason.to_string()) }
    }

    /// Whom the hub should blame when this ends a lease.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Hub { .. } => Blame::Network,
            error if error.class() == INPUT => Blame::Input,
            _ => Blame::Miner,
        }
    }

    /// The same job may succeed when this worker tries it again unchanged.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Child(failure) => failure.retryable,
            // What made it late, such as a model that had to be loaded, may be over.
            Self::Deadline => true,
            Self::OllamaUnreachable { .. }
            | Self::OllamaBusy(_)
            | Self::OllamaSilent { .. }
            | Self::OllamaAnswer(_) => true,
            error if error.ends_process() || error.is_device_missing() => true,
            _ => matches!(self, Self::Hub { .. } | Self::Io { .. } | Self::Run { .. }),
        }
    }

    /// The inference process is gone, or of no use any more.
    pub fn ends_process(&self) -> bool {
        matches!(
            self,
            Self::ChildCrashed(_)
                | Self::ChildOutOfMemory(_)
                | Self::ChildHung { .. }
                | Self::ChildSlowToLoad { .. }
                | Self::GpuLost { .. }
        )
    }

    /// The inference process reported it and lives, but nothing that it does next would succeed.
    pub fn spoils_process(&self) -> bool {
        self.is_out_of_memory() || self.is_gpu_lost()
    }

    /// The GPU failed, or is not there any more.
    pub fn is_gpu_lost(&self) -> bool {
        match self {
            Self::GpuLost { .. } => true,
            Self::Child(failure) => failure.class == GPU_LOST,
            Self::Run { reason, .. } | Self::Graph { reason, .. } | Self::Provider { reason, .. } => {
                !speaks_of_memory(reason) && GpuFault::in_text(reason).is_some()
            }
            _ => false,
        }
    }

    /// A process that fails to start for this will fail again until the device or its driver is back.
    pub fn is_device_missing(&self) -> bool {
        self.is_gpu_lost() || self.class() == ENGINE
    }

    /// The GPU that a text speaks of as lost.
    pub fn gpu_lost_in(text: &str) -> Option<Self> {
        let fault = GpuFault::in_text(text)?;
        Some(Self::GpuLost { device: NAMELESS_GPU.into(), fault, reason: quote_engine(text) })
    }

    /// A failure of the inference process that was its GPU's says so and names the GPU, whatever the engine made of it.
    pub fn with_gpu_named(self, name: &str) -> Self {
        match self {
            Self::GpuLost { fault, reason, .. } => Self::GpuLost { device: name.into(), fault, reason },
            error if error.is_gpu_lost() => {
                let text = error.to_string();
                let fault = GpuFault::in_text(&text).unwrap_or(GpuFault::Gone);
                Self::GpuLost { device: name.into(), fault, reason: quote_engine(&text) }
            }
            error => error,
        }
    }

    /// The engine asked for more memory than there is. Some drivers are of no use after that.
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Self::ChildOutOfMemory(_) => true,
            Self::Child(failure) => failure.class == OUT_OF_MEMORY,
            Self::Run { reason, .. } | Self::Graph { reason, .. } => speaks_of_memory(reason),
            _ => false,
        }
    }

    /// A failure of the inference process that was for want of memory says so, whatever the engine made of it.
    pub fn with_memory_named(self) -> Self {
        match self {
            Self::ChildOutOfMemory(_) => self,
            error if error.is_out_of_memory() => Self::ChildOutOfMemory(error.to_string()),
            error => error,
        }
    }

    /// The same failure for another job of its run.
    pub fn copied(&self) -> Self {
        match self {
            Self::ChildCrashed(reason) => Self::ChildCrashed(reason.clone()),
            Self::ChildOutOfMemory(reason) => Self::ChildOutOfMemory(reason.clone()),
            Self::ChildHung { silence } => Self::ChildHung { silence: *silence },
            Self::ChildSlowToLoad { limit } => Self::ChildSlowToLoad { limit: *limit },
            Self::GpuLost { device, fault, reason } => {
                Self::GpuLost { device: device.clone(), fault: *fault, reason: reason.clone() }
            }
            error => Self::Child(crate::child::Failure::from(error)),
        }
    }

    /// A short word for logs and for the pipe between the two processes.
    pub fn class(&self) -> &str {
        match self {
            error if error.is_out_of_memory() => OUT_OF_MEMORY,
            error if error.is_gpu_lost() => GPU_LOST,
            Self::Child(failure) => &failure.class,
            Self::Library { .. } | Self::Provider { .. } | Self::EngineChosen { .. } => ENGINE,
            Self::Io { .. } => "io",
            Self::Format { .. } => "format",
            Self::Unlisted { .. }
            | Self::HashMismatch { .. }
            | Self::LengthMismatch { .. }
            | Self::ExternalData { .. } => "integrity",
            Self::Unsupported(_) | Self::ModelKey { .. } | Self::Graph { .. } => "model",
            Self::Run { .. } => "run",
            Self::NotFinite { .. } => "not_finite",
            Self::Input { .. } | Self::InvalidInput(_) => INPUT,
            Self::OllamaUnreachable { .. } => "ollama_unreachable",
            Self::OllamaBusy(_) => "ollama_busy",
            Self::OllamaSilent { .. } => "ollama_silent",
            Self::OllamaAnswer(_) => "ollama_answer",
            Self::OllamaModel { .. } => "ollama_model",
            Self::Canceled => "canceled",
            Self::ChildCrashed(_) => "crash",
            Self::ChildOutOfMemory(_) => OUT_OF_MEMORY,
            Self::ChildHung { .. } => "hang",
            Self::ChildSlowToLoad { .. } => "slow_load",
            Self::GpuLost { .. } => GPU_LOST,
            Self::Deadline => "deadline",
            Self::Config(_) => "config",
            Self::Hub { .. } | Self::Refused(_) => "hub",
            Self::Randomness(_) => "randomness",
            Self::Receipt(_) => "receipt",
            Self::Trace(_) => "trace",
            Self::Report(_) => "report",
        }
    }
}

/// The first [`QUOTE_MAX_CHARS`] characters of an outside text, on one line.
pub fn quote(text: &str) -> String {
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(QUOTE_MAX_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// What an engine said, as an error repeats it.
pub fn quote_engine(text: &str) -> String {
    quote(essence(text))
}

/// Whether a text of an engine, a driver or a dying process says that memory ran out.
pub fn speaks_of_memory(text: &str) -> bool {
    let text = text.to_lowercase();
    MEMORY_WORDS.iter().any(|words| text.contains(words))
}

pub type Result<T, E = WorkerError> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::Failure;

    fn run(reason: &str) -> WorkerError {
        WorkerError::Run { graph: "unet".into(), reason: reason.into() }
    }

    #[test]
    fn a_lost_gpu_is_a_class_of_its_own_that_names_the_card_on_either_side_of_the_pipe() {
        let said = run("CUDA failure 719: unspecified launch failure");
        let crossed = WorkerError::from(Failure::from(&said));
        for error in [said, crossed] {
            assert!(error.is_gpu_lost() && error.spoils_process() && !error.is_out_of_memory());
            assert_eq!((error.class(), error.is_retryable(), error.blame()), ("gpu_lost", true, Blame::Miner));
            let named = error.with_gpu_named("GPU 1 (NVIDIA H100)");
            assert_eq!((named.class(), named.is_retryable(), named.ends_process()), ("gpu_lost", true, true));
            let text = named.to_string();
            let begins =
                "GPU 1 (NVIDIA H100) failed: CUDA failure 719: unspecified launch failure; where it comes again";
            assert!(text.starts_with(begins), "{text}");
            assert_eq!(named.copied().to_string(), text);
        }
    }

    #[test]
    fn a_refused_input_is_no_fault_of_the_miner_on_either_side_of_the_pipe() {
        let bound = "is 1 to 255 tokens for this model".to_owned();
        let refused = WorkerError::Input { field: "prompt", bound, value: "900".into() };
        let crossed = WorkerError::from(Failure::from(&refused));
        for error in [refused, crossed] {
            assert_eq!((error.blame(), error.is_retryable()), (Blame::Input, false));
            assert_eq!(error.to_string(), "input.prompt is 1 to 255 tokens for this model, got 900");
        }
        assert_eq!(run("the shapes differ").blame(), Blame::Miner);
    }

    #[test]
    fn a_provider_without_its_card_is_a_lost_gpu_and_one_without_its_library_is_not() {
        let provider = |reason: &str| WorkerError::Provider {
            provider: "CUDA".into(),
            reason: reason.into(),
            mend: "install the driver".into(),
        };
        let gone = provider("CUDA failure 100: no CUDA-capable device is detected").with_gpu_named("GPU 0");
        let text = gone.to_string();
        assert!(
            text.starts_with("GPU 0 is gone: CUDA failure 100: no CUDA-capable device is detected; look for"),
            "{text}"
        );
        assert_eq!(provider("this library was built without it").with_gpu_named("GPU 0").class(), "engine");
    }

    #[test]
    fn a_lack_of_memory_and_other_failures_are_no_lost_gpu() {
        for (reason, class) in [
            ("CUDA failure 2: out of memory", "out_of_memory"),
            ("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED", "out_of_memory"),
            ("the shapes differ", "run"),
        ] {
            let error = run(reason);
            assert_eq!((error.class(), error.is_gpu_lost()), (class, false));
            assert_eq!(error.with_gpu_named("GPU 0").class(), class);
        }
    }
}
