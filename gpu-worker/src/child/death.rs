//! Why an inference process ended, from its exit status and its output.

use inference::error::{FailureKind, InferenceError, speaks_of_memory};

/// `SIGKILL`, which the kernel sends when the machine has no memory left, and people too.
const KILL: i32 = 9;

/// What is known of a process that ended.
#[derive(Debug, Clone, Copy)]
pub struct Remains<'a> {
    /// Exit code or signal, in words.
    pub status: &'a str,
    pub signal: Option<i32>,
    /// The end of what it wrote on standard error.
    pub last_words: &'a str,
    /// The kernel ended some process for its memory while this one ran.
    pub kernel_took_memory: bool,
}

impl Remains<'_> {
    pub fn cause(&self) -> InferenceError {
        let killed_for_memory = self.signal == Some(KILL) && self.kernel_took_memory;
        if killed_for_memory || speaks_of_memory(self.last_words) {
            return InferenceError::new(FailureKind::OutOfMemory, self.status);
        }
        let ended = || match self.signal {
            Some(KILL) => InferenceError::killed(self.status),
            _ => InferenceError::crashed(self.status),
        };
        InferenceError::gpu_lost_in(self.last_words).unwrap_or_else(ended)
    }
}

/// How many processes the kernel has ended for their memory since the machine started; 0 where it does not tell.
pub fn kernel_memory_kills() -> u64 {
    let counters = std::fs::read_to_string("/proc/vmstat").unwrap_or_default();
    counters.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use inference::gpu_fault::GpuFault;

    use super::*;

    fn kind(signal: i32, last_words: &str, kernel_took_memory: bool) -> FailureKind {
        let remains = Remains { status: "gone", signal: Some(signal), last_words, kernel_took_memory };
        remains.cause().kind
    }

    #[test]
    fn a_lack_of_memory_and_a_lost_gpu_are_told_from_other_ends() {
        assert_eq!(kind(9, "", false), FailureKind::Killed);
        assert_eq!(kind(9, "", true), FailureKind::OutOfMemory);
        assert_eq!(kind(6, "memory allocation of 805306368 bytes failed", false), FailureKind::OutOfMemory);
        assert_eq!(
            kind(6, "terminate called after throwing an instance of 'std::bad_alloc'", false),
            FailureKind::OutOfMemory
        );
        assert_eq!(
            kind(6, "failed to spawn thread: Os { code: 11, kind: WouldBlock }", false),
            FailureKind::OutOfMemory
        );
        assert_eq!(kind(11, "", true), FailureKind::Crashed);
        let thrown = "terminate called after throwing an instance of 'onnxruntime::OnnxRuntimeException'\n  what():  \
                      cuda_call.cc:97 bool onnxruntime::CudaCall CUDA failure 719: unspecified launch failure ; GPU=0 ; \
                      hostname=my-desktop ; expr=cudaEventDestroy(read_event_);";
        assert_eq!(kind(6, thrown, false), FailureKind::GpuLost(GpuFault::Context));
        let thrown = thrown.replace("719: unspecified launch failure", "2: out of memory");
        assert_eq!(kind(6, &thrown, false), FailureKind::OutOfMemory);
        assert_eq!(kind(6, "panicked at index out of bounds", false), FailureKind::Crashed);
    }
}
