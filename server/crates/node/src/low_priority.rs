//! A low priority, for threads whose work may wait.

/// Nice value of threads whose work may wait: beside one of the usual value they get a tenth of a processor. So they hold no
/// lock for long that others wait for, which threads that run only where no other does would.
#[cfg(target_os = "linux")]
const LOW_NICE: i32 = 10;

/// Gives this thread a low priority, where it has none already. On Linux a nice value is a thread's. Elsewhere it is a
/// process's, and nothing is changed.
pub fn lower_this_thread() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        // None is the calling thread.
        let lowered = getpriority_process(None).and_then(|nice| match nice {
            LOW_NICE.. => Ok(()),
            _ => setpriority_process(None, LOW_NICE),
        });
        if let Err(error) = lowered {
            tracing::warn!(%error, "a thread whose work may wait has the priority of all others");
        }
    }
}
