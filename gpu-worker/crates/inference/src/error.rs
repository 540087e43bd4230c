//! What can go wrong in an inference, and what follows from it: who is to blame, and whether trying again helps.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::digest::Sha256Digest;
use shared::job::lifecycle::Blame;

use crate::files::FileError;
use crate::gpu_fault::{GpuFault, essence};

/// Characters of an outside text (a file's content, a library's message) that an error repeats.
pub const QUOTE_MAX_CHARS: usize = 300;

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

/// Every way in which an inference fails. What follows from a failure depends on this alone, never on its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The engine, its library or its execution provider does not work on this machine.
    Engine,
    /// The file system refused to read or to write.
    Io,
    /// A file of the model is not what its name says.
    Format,
    /// A file of the model is not the one that its manifest pins.
    Integrity,
    /// The model is whole, but cannot be served.
    Model,
    /// The engine failed in the midst of a run.
    Run,
    /// The model computed numbers that are not finite.
    NotFinite,
    /// The model does not take the job's input.
    Input,
    /// The caller's configuration asks for what cannot be.
    Config,
    OllamaUnreachable,
    OllamaBusy,
    OllamaSilent,
    /// What Ollama answered cannot be used.
    OllamaAnswer,
    /// Ollama does not serve the model.
    OllamaModel,
    /// Nobody wants the result any more.
    Canceled,
    /// The job ran past its deadline.
    Deadline,
    /// Memory ran out, the machine's or the GPU's. Some drivers are of no use after that.
    OutOfMemory,
    /// The GPU failed, or is not there any more.
    GpuLost(GpuFault),
    /// The process that computed ended.
    Crashed,
    /// Somebody else ended the process that computed.
    Killed,
    /// The process that computes says nothing any more.
    Hung,
    /// The process that computes loads nothing within its limit.
    SlowToLoad,
}

impl FailureKind {
    /// Who is to blame when this ends a lease.
    pub const fn blame(self) -> Blame {
        match self {
            Self::Input => Blame::Input,
            _ => Blame::Miner,
        }
    }

    /// The same job may succeed when it is tried again unchanged.
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Engine | Self::Io | Self::Run | Self::OutOfMemory | Self::GpuLost(_) => true,
            Self::Crashed | Self::Killed | Self::Hung | Self::SlowToLoad => true,
            Self::OllamaUnreachable | Self::OllamaBusy | Self::OllamaSilent | Self::OllamaAnswer => true,
            // The cause of the delay, such as loading a model, may be over.
            Self::Deadline => true,
            Self::Format | Self::Integrity | Self::Model | Self::OllamaModel | Self::NotFinite => false,
            Self::Input | Self::Config | Self::Canceled => false,
        }
    }

    /// The input may be the cause: the engine failed, numbers were not finite, or the process did not survive this work.
    pub const fn may_come_of_input(self) -> bool {
        matches!(self, Self::Run | Self::NotFinite | Self::OutOfMemory | Self::Crashed | Self::Hung)
    }

    /// The process that computed is gone, or nothing that it does next would succeed.
    pub const fn ends_process(self) -> bool {
        self.spoils_process() || matches!(self, Self::Crashed | Self::Killed | Self::Hung | Self::SlowToLoad)
    }

    /// The process that computes reported it and lives, but nothing that it does next would succeed.
    pub const fn spoils_process(self) -> bool {
        matches!(self, Self::OutOfMemory | Self::GpuLost(_))
    }

    pub const fn is_gpu_lost(self) -> bool {
        matches!(self, Self::GpuLost(_))
    }

    /// A process that fails to start for this will fail again until the device or its driver is back.
    pub const fn is_device_missing(self) -> bool {
        matches!(self, Self::Engine | Self::GpuLost(_))
    }

    /// A short word for logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Io => "io",
            Self::Format => "format",
            Self::Integrity => "integrity",
            Self::Model => "model",
            Self::Run => "run",
            Self::NotFinite => "not_finite",
            Self::Input => "input",
            Self::Config => "config",
            Self::OllamaUnreachable => "ollama_unreachable",
            Self::OllamaBusy => "ollama_busy",
            Self::OllamaSilent => "ollama_silent",
            Self::OllamaAnswer => "ollama_answer",
            Self::OllamaModel => "ollama_model",
            Self::Canceled => "canceled",
            Self::Deadline => "deadline",
            Self::OutOfMemory => "out_of_memory",
            Self::GpuLost(_) => "gpu_lost",
            Self::Crashed => "crashed",
            Self::Killed => "killed",
            Self::Hung => "hung",
            Self::SlowToLoad => "slow_to_load",
        }
    }

    /// What an engine's words mean: memory that ran out, a lost GPU, or else this kind.
    fn of_engine_words(words: &str, otherwise: Self) -> Self {
        if speaks_of_memory(words) {
            return Self::OutOfMemory;
        }
        GpuFault::in_text(words).map_or(otherwise, Self::GpuLost)
    }
}

/// One failure: its kind for programs, its text for people. Crosses the pipe between two processes as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct InferenceError {
    pub kind: FailureKind,
    pub text: String,
}

impl From<FileError> for InferenceError {
    fn from(error: FileError) -> Self {
        Self::new(FailureKind::Io, error)
    }
}

impl InferenceError {
    pub fn new(kind: FailureKind, text: impl Display) -> Self {
        Self { kind, text: text.to_string() }
    }

    /// A file system error that names its path.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let at_path = FileError::at(path);
        move |source| at_path(source).into()
    }

    pub fn format(path: impl Into<PathBuf>, reason: impl Display) -> Self {
        let path = path.into();
        let text = format!("{} is not valid: {}", path.display(), quote(&reason.to_string()));
        Self::new(FailureKind::Format, text)
    }

    pub(crate) fn unlisted(file: impl Display) -> Self {
        Self::new(FailureKind::Integrity, format!("the manifest does not list {file}, so it cannot be trusted"))
    }

    pub(crate) fn hash_mismatch(path: PathBuf, want: Sha256Digest, got: Sha256Digest) -> Self {
        let path = path.display();
        let text = format!(
            "{path} was changed or is damaged: it has sha256 {got}, but its manifest pins {want}; fetch the model again"
        );
        Self::new(FailureKind::Integrity, text)
    }

    pub(crate) fn length_mismatch(path: PathBuf, want: u64, got: u64) -> Self {
        let path = path.display();
        let text = format!(
            "{path} was cut off or changed: it has {got} bytes, but its manifest pins {want}; fetch the model again"
        );
        Self::new(FailureKind::Integrity, text)
    }

    pub(crate) fn external_data(graph: impl Display, location: impl Display, reason: impl Display) -> Self {
        let text = format!("{graph} keeps weights in {:?}: {reason}", location.to_string());
        Self::new(FailureKind::Integrity, text)
    }

    pub fn unsupported(reason: impl Display) -> Self {
        Self::new(FailureKind::Model, format!("the model cannot be served: {reason}"))
    }

    /// A value in one of a model's configuration files. `bound` reads on from the key.
    pub(crate) fn model_key(file: impl Display, key: impl Display, bound: impl Display, value: impl Display) -> Self {
        Self::new(FailureKind::Model, format!("{file}: {key} {bound}, got {value}"))
    }

    pub(crate) fn graph(graph: impl Display, reason: impl Display) -> Self {
        let reason = reason.to_string();
        let kind = FailureKind::of_engine_words(&reason, FailureKind::Model);
        Self::new(kind, format!("{graph} is no graph that this engine runs: {reason}"))
    }

    /// The engine failed in a run of `graph`, and says why.
    pub fn run(graph: impl Display, reason: impl Display) -> Self {
        let reason = reason.to_string();
        let kind = FailureKind::of_engine_words(&reason, FailureKind::Run);
        Self::new(kind, format!("{graph}: the engine failed: {reason}"))
    }

    pub(crate) fn library(path: impl AsRef<std::path::Path>, reason: impl Display) -> Self {
        let path = path.as_ref().display();
        Self::new(FailureKind::Engine, format!("ONNX Runtime's library {path} cannot be used: {reason}"))
    }

    /// An execution provider that does not work here; `mend` says what to do about it.
    pub fn provider(provider: impl Display, reason: impl Display, mend: impl Display) -> Self {
        let reason = reason.to_string();
        let kind = match GpuFault::in_text(&reason) {
            Some(fault) if !speaks_of_memory(&reason) => FailureKind::GpuLost(fault),
            _ => FailureKind::Engine,
        };
        Self::new(kind, format!("the execution provider {provider} cannot be used: {reason}; {mend}"))
    }

    pub(crate) fn not_finite(graph: impl Display, step: u32) -> Self {
        Self::new(FailureKind::NotFinite, format!("{graph} gave numbers that are not finite at step {step}"))
    }

    /// A field of a job's input that the model does not take. `bound` reads on from the field's name.
    pub fn input(field: &str, bound: impl Display, value: impl Display) -> Self {
        Self::new(FailureKind::Input, format!("input.{field} {bound}, got {value}"))
    }

    /// The same failure, of work whose model does other work.
    #[must_use]
    pub fn of_input(self) -> Self {
        let text =
            format!("input is such that this model does not compute it, though it computes others: {}", self.text);
        Self::new(FailureKind::Input, text)
    }

    pub(crate) fn ollama_busy(reason: impl Display) -> Self {
        Self::new(FailureKind::OllamaBusy, format!("Ollama is busy: {reason}"))
    }

    pub(crate) fn ollama_answer(reason: impl Display) -> Self {
        Self::new(FailureKind::OllamaAnswer, format!("Ollama's answer cannot be used: {reason}"))
    }

    pub fn canceled() -> Self {
        Self::new(FailureKind::Canceled, "the job was canceled")
    }

    pub fn past_deadline() -> Self {
        Self::new(FailureKind::Deadline, "the job ran past its deadline")
    }

    pub fn crashed(reason: impl Display) -> Self {
        Self::new(FailureKind::Crashed, format!("the inference process ended: {reason}"))
    }

    /// Like a crash, but by a signal from outside.
    pub fn killed(reason: impl Display) -> Self {
        Self { kind: FailureKind::Killed, ..Self::crashed(reason) }
    }

    pub fn hung(silence: Duration) -> Self {
        let seconds = silence.as_secs();
        Self::new(FailureKind::Hung, format!("the inference process hung: it said nothing for {seconds} s"))
    }

    /// `mend` says what sets the limit.
    pub fn slow_to_load(limit: Duration, mend: &str) -> Self {
        let seconds = limit.as_secs();
        let text = format!("the inference process loaded nothing within {seconds} s; {mend}");
        Self::new(FailureKind::SlowToLoad, text)
    }

    /// A GPU that a text speaks of as lost.
    pub fn gpu_lost_in(text: &str) -> Option<Self> {
        GpuFault::in_text(text).map(|fault| Self::new(FailureKind::GpuLost(fault), quote_engine(text)))
    }

    /// The failure of a process whose memory ran out, or whose GPU `device` is lost, says so; any other is as it was.
    #[must_use]
    pub fn of_process(self, device: &str) -> Self {
        let text = match self.kind {
            FailureKind::OutOfMemory => format!("the inference process ran out of memory: {}", self.text),
            FailureKind::GpuLost(fault) => {
                format!("{device} {}: {}; {}", fault.happened(), quote_engine(&self.text), fault.mend())
            }
            _ => return self,
        };
        Self { text, ..self }
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

pub type Result<T, E = InferenceError> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(reason: &str) -> InferenceError {
        InferenceError::run("unet", reason)
    }

    /// As the worker reads it from the pipe.
    fn crossed(error: &InferenceError) -> InferenceError {
        serde_json::from_str(&serde_json::to_string(error).unwrap()).unwrap()
    }

    #[test]
    fn a_failure_crosses_the_pipe_as_itself() {
        let bound = "is 1 to 255 tokens for this model";
        for error in [
            run("CUDA failure 719: unspecified launch failure"),
            run("the shapes differ"),
            InferenceError::input("prompt", bound, 900),
            InferenceError::canceled(),
        ] {
            assert_eq!(crossed(&error), error);
        }
    }

    #[test]
    fn a_lost_gpu_is_a_kind_of_its_own_that_names_the_card() {
        let error = run("CUDA failure 719: unspecified launch failure");
        assert_eq!(error.kind, FailureKind::GpuLost(GpuFault::Context));
        assert!(error.kind.spoils_process() && error.kind.is_device_missing());
        assert_eq!((error.kind.is_retryable(), error.kind.blame()), (true, Blame::Miner));
        let named = error.of_process("GPU 1 (NVIDIA H100)");
        assert!(named.kind.is_gpu_lost() && named.kind.ends_process());
        let begins = "GPU 1 (NVIDIA H100) failed: CUDA failure 719: unspecified launch failure; where it comes again";
        assert!(named.text.starts_with(begins), "{named}");
    }

    #[test]
    fn a_refused_input_is_no_fault_of_the_miner() {
        let refused = InferenceError::input("prompt", "is 1 to 255 tokens for this model", 900);
        assert_eq!((refused.kind.blame(), refused.kind.is_retryable()), (Blame::Input, false));
        assert!(!refused.kind.ends_process());
        assert_eq!(refused.text, "input.prompt is 1 to 255 tokens for this model, got 900");
        assert_eq!(run("the shapes differ").kind.blame(), Blame::Miner);
    }

    #[test]
    fn a_failure_that_the_input_causes_is_no_fault_of_the_miner_and_a_lost_gpu_never_is_one() {
        let caused = run("indices out of bounds");
        assert!(caused.kind.may_come_of_input());
        let caused = caused.of_input();
        assert_eq!((caused.kind.blame(), caused.kind.is_retryable()), (Blame::Input, false));
        assert!(caused.text.starts_with("input is such") && caused.text.ends_with("indices out of bounds"), "{caused}");
        assert!(!run("CUDA failure 719: unspecified launch failure").kind.may_come_of_input());
        assert!(!FailureKind::Killed.may_come_of_input());
        assert!(!FailureKind::SlowToLoad.may_come_of_input() && !FailureKind::Deadline.may_come_of_input());
    }

    #[test]
    fn a_provider_without_its_card_is_a_lost_gpu_and_one_without_its_library_is_not() {
        let provider = |reason: &str| InferenceError::provider("CUDA", reason, "install the driver");
        let gone = provider("CUDA failure 100: no CUDA-capable device is detected").of_process("GPU 0");
        let begins = "GPU 0 is gone: CUDA failure 100: no CUDA-capable device is detected; look for";
        assert!(gone.text.starts_with(begins), "{gone}");
        let unbuilt = provider("this library was built without it");
        assert_eq!(unbuilt.kind, FailureKind::Engine);
        assert_eq!(unbuilt.clone().of_process("GPU 0"), unbuilt);
    }

    #[test]
    fn a_lack_of_memory_and_other_failures_are_no_lost_gpu() {
        for (reason, kind) in [
            ("CUDA failure 2: out of memory", FailureKind::OutOfMemory),
            ("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED", FailureKind::OutOfMemory),
            ("the shapes differ", FailureKind::Run),
        ] {
            let error = run(reason);
            assert_eq!((error.kind, error.kind.is_gpu_lost()), (kind, false));
            assert_eq!(error.of_process("GPU 0").kind, kind);
        }
    }
}
