//! Which system calls the inference process may make. Everything that is not listed fails with `EACCES`, x32's numbers
//! among it, because they are other numbers.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::Reach;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Outcome<T> = Result<T, String>;

/// A new namespace of any kind. A thread needs none.
const NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;

const THREAD: u64 = libc::CLONE_THREAD as u64;

/// The kind of a socket without its flags.
const SOCKET_KIND_MASK: u64 = 0xf;

/// Names of threads and of memory, and what a process may learn of itself.
const PRCTL_OPTIONS: [i32; 6] = [
    libc::PR_SET_NAME,
    libc::PR_GET_NAME,
    libc::PR_SET_VMA,
    libc::PR_GET_DUMPABLE,
    libc::PR_CAPBSET_READ,
    libc::PR_GET_NO_NEW_PRIVS,
];

const FILES: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_lseek,
    libc::SYS_fcntl,
    libc::SYS_flock,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_readahead,
    libc::SYS_copy_file_range,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_readlinkat,
    libc::SYS_mkdirat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    libc::SYS_fchmod,
    libc::SYS_umask,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_ioctl,
    libc::SYS_memfd_create,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
];

const MEMORY_AND_THREADS: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_msync,
    libc::SYS_mincore,
    libc::SYS_mlock,
    libc::SYS_mlock2,
    libc::SYS_munlock,
    libc::SYS_membarrier,
    libc::SYS_get_mempolicy,
    libc::SYS_set_mempolicy,
    libc::SYS_mbind,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_sigpending,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_getpriority,
    libc::SYS_setpriority,
    libc::SYS_getcpu,
];

const TIME_AND_FACTS: &[i64] = &[
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_timer_create,
    libc::SYS_timer_settime,
    libc::SYS_timer_delete,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_getrandom,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrusage,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getgroups,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_capget,
];

/// Older forms of the calls above, which only this processor has.
#[cfg(target_arch = "x86_64")]
const OLDER: &[i64] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_mkdir,
    libc::SYS_rename,
    libc::SYS_unlink,
    libc::SYS_rmdir,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_time,
    libc::SYS_getrlimit,
    libc::SYS_getpgrp,
    libc::SYS_arch_prctl,
];

#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[i64] = &[];

/// What is done with a socket that is open.
const SOCKETS: &[i64] = &[
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
];

/// What CUDA does besides to hand memory to its own threads and processes. It listens on sockets of its own, and
/// connects to none.
const GPU: &[i64] = &[
    libc::SYS_socketpair,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept4,
    libc::SYS_move_pages,
    libc::SYS_mlockall,
    libc::SYS_munlockall,
];

/// The filters for this thread and all that it starts, in the order in which they are to be applied.
pub(super) fn filters(reach: &Reach) -> Outcome<[BpfProgram; 2]> {
    // glibc starts threads by the older call where this one does not exist. What the newer one asks for lies in memory,
    // where no filter can read it.
    let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let not_there = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let refused = SeccompAction::Errno(libc::EACCES.unsigned_abs());
    Ok([program(absent, SeccompAction::Allow, not_there)?, program(allowed(reach)?, refused, SeccompAction::Allow)?])
}

fn program(rules: Rules, otherwise: SeccompAction, named: SeccompAction) -> Outcome<BpfProgram> {
    let machine = std::env::consts::ARCH.try_into().map_err(text)?;
    SeccompFilter::new(rules, otherwise, named, machine).and_then(BpfProgram::try_from).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn allowed(reach: &Reach) -> Outcome<Rules> {
    let always = [FILES, MEMORY_AND_THREADS, TIME_AND_FACTS, OLDER].concat();
    let mut rules: Rules = always.into_iter().map(|call| (call, Vec::new())).collect();
    let us = u64::from(std::process::id());
    rules.insert(libc::SYS_clone, vec![rule([masked(0, THREAD | NAMESPACES, THREAD)?])?]);
    // The first filter answers this one, and it answers more strictly.
    rules.insert(libc::SYS_clone3, Vec::new());
    // Its own signals: an abort is one.
    rules.insert(libc::SYS_tgkill, vec![rule([equal(0, us)?])?]);
    rules.insert(libc::SYS_prlimit64, vec![rule([equal(0, 0)?])?, rule([equal(0, us)?])?]);
    let options = PRCTL_OPTIONS.map(|option| rule([equal(0, u64::from(option.unsigned_abs()))?]));
    rules.insert(libc::SYS_prctl, options.into_iter().collect::<Outcome<_>>()?);
    if reach.is_online() {
        rules.extend(SOCKETS.iter().map(|call| (*call, Vec::new())));
        rules.insert(libc::SYS_connect, Vec::new());
        let families = [libc::AF_INET, libc::AF_INET6].map(family);
        rules.insert(libc::SYS_socket, families.into_iter().collect::<Outcome<_>>()?);
    } else if reach.gpu {
        rules.extend(SOCKETS.iter().chain(GPU).map(|call| (*call, Vec::new())));
        // A datagram could go to any program without a connection.
        let kinds = [libc::SOCK_STREAM, libc::SOCK_SEQPACKET].map(local_socket);
        rules.insert(libc::SYS_socket, kinds.into_iter().collect::<Outcome<_>>()?);
    }
    Ok(rules)
}

fn family(family: i32) -> Outcome<SeccompRule> {
    rule([equal(0, u64::from(family.unsigned_abs()))?])
}

fn local_socket(kind: i32) -> Outcome<SeccompRule> {
    let local = equal(0, u64::from(libc::AF_UNIX.unsigned_abs()))?;
    rule([local, masked(1, SOCKET_KIND_MASK, u64::from(kind.unsigned_abs()))?])
}

fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> Outcome<SeccompRule> {
    SeccompRule::new(conditions.into()).map_err(text)
}

fn equal(argument: u8, value: u64) -> Outcome<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value).map_err(text)
}

fn masked(argument: u8, mask: u64, value: u64) -> Outcome<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value).map_err(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of x32's system calls have this bit.
    const X32_BIT: i64 = 0x4000_0000;

    #[test]
    fn no_list_holds_a_call_that_leaves_the_process_or_one_of_x32() {
        let online = Reach { ports: vec![11_434], ..Reach::default() };
        let on_gpu = Reach { gpu: true, ..Reach::default() };
        for reach in [Reach::default(), online, on_gpu] {
            let rules = allowed(&reach).unwrap();
            assert!(rules.keys().all(|call| *call < X32_BIT));
            for call in [
                libc::SYS_execve,
                libc::SYS_execveat,
                libc::SYS_ptrace,
                libc::SYS_process_vm_readv,
                libc::SYS_process_vm_writev,
                libc::SYS_pidfd_getfd,
                libc::SYS_io_uring_setup,
                libc::SYS_kill,
                libc::SYS_unshare,
                libc::SYS_setns,
                libc::SYS_mount,
                libc::SYS_chroot,
                libc::SYS_bpf,
                libc::SYS_keyctl,
                libc::SYS_userfaultfd,
                libc::SYS_perf_event_open,
            ] {
                assert!(!rules.contains_key(&call), "{call}");
            }
            assert_eq!(rules.contains_key(&libc::SYS_connect), reach.is_online());
            filters(&reach).unwrap();
        }
        assert!(!allowed(&Reach::default()).unwrap().contains_key(&libc::SYS_socket));
    }
}
