//! What a compiler's process may not do. Its thread gives up rights for good before it starts the process, which inherits that:
//! the kernel keeps both rules for every user, root among them.
//!
//! Landlock leaves the system's files and the compiler's own to read, and nothing to write; a filter of system calls leaves no
//! socket. Limits of resources follow once the process is there, before it is given anything to do.

use std::path::PathBuf;
use std::process::Child;

/// Private memory that a compiler may write. A compiler in WebAssembly reserves far more addresses than it uses.
pub(super) const MEMORY_MAX_BYTES: u64 = 2 << 30;

#[cfg(not(target_os = "linux"))]
pub(super) fn confine_thread(_: &[PathBuf]) -> Result<(), String> {
    Err("a compiler is confined by means of Linux, and this is another system".to_owned())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn bound(_: &Child) -> Result<(), String> {
    Ok(())
}

#[cfg(target_os = "linux")]
pub(super) use linux::{bound, confine_thread};

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
        path_beneath_rules,
    };
    use rustix::process::{Pid, Resource, Rlimit, prlimit, setpriority_process};
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

    use super::{Child, MEMORY_MAX_BYTES, PathBuf};

    /// Programs and their libraries. No user's files are here, and nothing of `/proc`: a rule for `/proc/self` would be about
    /// this server's process.
    const SYSTEM: [&str; 9] = [
        "/usr",
        "/bin",
        "/lib",
        "/lib64",
        "/nix/store",
        "/etc/ld.so.cache",
        // Node.js does not start without it.
        "/etc/ssl/openssl.cnf",
        "/dev/urandom",
        "/dev/random",
    ];

    const NULL: &str = "/dev/null";

    /// Processor time, after which the kernel ends a compiler that nobody waits for any more.
    const PROCESSOR_MAX_SECONDS: u64 = 120;

    /// Others come first.
    const NICENESS: i32 = 19;

    /// Calls that reach other machines or other processes.
    const REFUSED: [i64; 8] = [
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_io_uring_setup,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_unshare,
        libc::SYS_bpf,
    ];

    /// Numbers of x32's system calls have this bit.
    const X32_BIT: i64 = 0x4000_0000;

    /// Leaves this thread, and what it starts, with these folders and the system's.
    pub(in crate::verification) fn confine_thread(readable: &[PathBuf]) -> Result<(), String> {
        match restrict(readable).map_err(|error| error.to_string())? {
            RulesetStatus::NotEnforced => {
                tracing::warn!("this kernel has no Landlock: a compiler may read this user's files");
            }
            RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => {}
        }
        let filter = filter()?;
        seccompiler::apply_filter(&filter).map_err(|error| error.to_string())
    }

    fn restrict(readable: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
        let ruleset = Ruleset::default()
            .handle_access(AccessFs::from_all(ABI::V5))?
            .handle_access(AccessNet::from_all(ABI::V4))?
            .scope(Scope::from_all(ABI::V6))?
            .create()?
            .add_rules(path_beneath_rules(SYSTEM, read))?
            .add_rules(path_beneath_rules(readable, read))?
            .add_rules(path_beneath_rules([NULL], AccessFs::ReadFile | AccessFs::WriteFile))?;
        Ok(ruleset.restrict_self()?.ruleset)
    }

    fn filter() -> Result<BpfProgram, String> {
        let machine = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
        let rules: BTreeMap<i64, Vec<_>> =
            REFUSED.into_iter().flat_map(|call| [call, call | X32_BIT]).map(|call| (call, Vec::new())).collect();
        let refused = SeccompAction::Errno(libc::EACCES.unsigned_abs());
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, machine);
        filter.and_then(BpfProgram::try_from).map_err(|error| error.to_string())
    }

    /// Bounds a process that has been given nothing to do yet.
    pub(in crate::verification) fn bound(child: &Child) -> Result<(), String> {
        let process = Some(Pid::from_child(child));
        let limits = [
            (Resource::Data, MEMORY_MAX_BYTES),
            (Resource::Cpu, PROCESSOR_MAX_SECONDS),
            (Resource::Core, 0),
            (Resource::Fsize, 0),
        ];
        for (resource, most) in limits {
            let limit = Rlimit { current: Some(most), maximum: Some(most) };
            prlimit(process, resource, limit).map_err(|error| error.to_string())?;
        }
        setpriority_process(process, NICENESS).map_err(|error| error.to_string())
    }
}
