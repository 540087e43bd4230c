//! What the inference process may not do. It reads models and prompts from unknown people. A fault in an engine's
//! parser must give no access to the network or to the worker, which holds the key, and memory is bounded.
//!
//! On Linux a seccomp filter refuses every socket outside the machine's own (`AF_UNIX`, which GPU drivers use for their
//! daemons), `io_uring`, whose rings open sockets past such a filter, and reading other processes. Elsewhere only the
//! resource limits hold. Files are not restricted: drivers and engines read and cache in too many places.

use inference::error::{InferenceError, Result};

/// How much sooner than others the kernel ends this process where the machine runs out of memory; 1000 is the most.
#[cfg(target_os = "linux")]
const OUT_OF_MEMORY_SCORE: &str = "500";

/// Takes the rights away from this thread and all that it starts. Call it before any other thread runs.
///
/// # Errors
/// A kernel that enforces no filter: a process that should have no network does not start with one.
pub fn enter(network: bool, memory_max_bytes: Option<u64>) -> Result<()> {
    limit_resources(memory_max_bytes).map_err(|error| refused("resource limits", &error.to_string()))?;
    if network { Ok(()) } else { deny_network() }
}

/// No core dump, which would hold prompts, and a bound on the private memory that the process may write.
#[cfg(unix)]
fn limit_resources(memory_max_bytes: Option<u64>) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    if let Some(bytes) = memory_max_bytes {
        // The address space is no measure: a GPU's driver reserves far more of it than there is memory.
        let most = getrlimit(Resource::Data).maximum.map_or(bytes, |most| most.min(bytes));
        setrlimit(Resource::Data, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", OUT_OF_MEMORY_SCORE) {
        tracing::debug!(%error, "the kernel is not told which process to end first when memory runs out");
    }
    Ok(())
}

#[cfg(not(unix))]
fn limit_resources(_: Option<u64>) -> std::io::Result<()> {
    Ok(())
}

/// Leaves the calling thread, and the threads and processes that it starts, without network.
#[cfg(target_os = "linux")]
pub fn deny_network() -> Result<()> {
    filter::program()
        .and_then(|program| seccompiler::apply_filter(&program).map_err(|error| error.to_string()))
        .map_err(|reason| refused("the filter against network access", &reason))
}

#[cfg(not(target_os = "linux"))]
pub fn deny_network() -> Result<()> {
    Ok(())
}

fn refused(what: &str, reason: &str) -> InferenceError {
    InferenceError::unsupported(format!("this system does not enforce {what} for the inference process: {reason}"))
}

#[cfg(target_os = "linux")]
mod filter {
    use std::collections::BTreeMap;

    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };

    /// A program for the kernel: what it names fails with `EACCES`, everything else goes on.
    pub(super) fn program() -> Result<BpfProgram, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let (local, refusal) = (libc::AF_UNIX.unsigned_abs().into(), libc::EACCES.unsigned_abs());
        let elsewhere = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, local)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map_err(|error| text(&error))?;
        let always = Vec::new;
        let rules = BTreeMap::from([
            (libc::SYS_socket, vec![elsewhere]),
            (libc::SYS_io_uring_setup, always()),
            (libc::SYS_ptrace, always()),
            (libc::SYS_process_vm_readv, always()),
            (libc::SYS_process_vm_writev, always()),
        ]);
        let machine = std::env::consts::ARCH.try_into().map_err(|error| text(&error))?;
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(refusal), machine)
            .and_then(BpfProgram::try_from)
            .map_err(|error| text(&error))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::ErrorKind;
    use std::net::{Ipv6Addr, TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn a_thread_without_network_opens_no_socket_and_others_still_do() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let inside = std::thread::spawn(move || {
            deny_network().unwrap();
            for refused in [
                TcpStream::connect(address).map(drop),
                TcpListener::bind("127.0.0.1:0").map(drop),
                UdpSocket::bind("127.0.0.1:0").map(drop),
                UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).map(drop),
            ] {
                assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermissionDenied);
            }
            let heir = std::thread::spawn(move || TcpStream::connect(address).map(drop));
            assert_eq!(heir.join().unwrap().unwrap_err().kind(), ErrorKind::PermissionDenied);
            UnixDatagram::unbound().unwrap();
            std::fs::read_to_string("/proc/self/status").unwrap();
        });
        inside.join().unwrap();
        TcpStream::connect(address).unwrap();
    }
}
