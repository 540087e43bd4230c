//! Which files the inference process may open, by Landlock. The kernel holds the rule, for root as well.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, PathFd, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::{FileWall, Reach};

/// Libraries and what the kernel tells of the machine. No user's files are here.
const SYSTEM: &[&str] = &[
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/run/opengl-driver",
    "/opt/cuda",
    "/opt/nvidia",
    "/opt/onnxruntime",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/sys",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
];

/// Of other processes nothing is here.
const PROC: &[&str] = &[
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/version",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/vmstat",
    "/proc/sys/vm",
    "/proc/sys/kernel",
];

/// How a name becomes an address.
const NAMES: &[&str] = &["/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf"];

/// What GPU drivers read besides.
const GPU: &[&str] = &["/etc/nvidia", "/etc/OpenCL", "/proc/driver", "/proc/devices", "/proc/modules"];

/// The folder whose nodes are looked through, and how those begin that belong to GPUs.
const DEVICES: &str = "/dev";
const GPU_DEVICES: [&str; 4] = ["nvidia", "dri", "kfd", "dxg"];

/// A name server listens here.
const DNS_PORT: u16 = 53;

/// Leaves this thread, and all that it starts, with the files of `reach`.
pub(super) fn confine(reach: &Reach) -> Result<FileWall, String> {
    restrict(reach).map_err(|error| error.to_string()).map(|status| match status.ruleset {
        RulesetStatus::FullyEnforced => FileWall::Whole,
        RulesetStatus::PartiallyEnforced => FileWall::OlderKernel,
        _ => FileWall::Absent,
    })
}

fn restrict(reach: &Reach) -> Result<RestrictionStatus, RulesetError> {
    let files = AccessFs::from_all(ABI::V5);
    let read: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    let ruleset = Ruleset::default()
        .handle_access(files)?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM.iter().chain(PROC), read))?
        .add_rules(path_beneath_rules(&reach.readable, read))?
        .add_rules(path_beneath_rules(&reach.listable, AccessFs::ReadDir))?
        .add_rules(path_beneath_rules(&reach.writable, writing()))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::ReadFile | AccessFs::WriteFile))?;
    pin(PROC);
    let ruleset = if reach.gpu {
        pin(GPU);
        let devices = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::IoctlDev;
        ruleset.add_rules(path_beneath_rules(GPU, read))?.add_rules(path_beneath_rules(gpu_devices(), devices))?
    } else {
        ruleset
    };
    let ruleset = match reach.ports.as_slice() {
        [] => ruleset,
        ports => ports
            .iter()
            .chain([&DNS_PORT])
            .try_fold(ruleset, |ruleset, port| ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp)))?
            .add_rules(path_beneath_rules(NAMES, read))?,
    };
    ruleset.restrict_self()
}

/// Plain files and folders: no device, socket or link, and nothing that runs.
fn writing() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer
}

fn gpu_devices() -> Vec<std::path::PathBuf> {
    let nodes = std::fs::read_dir(DEVICES).into_iter().flatten().flatten().map(|node| node.path());
    nodes.filter(|path| is_gpu(path)).collect()
}

fn is_gpu(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    GPU_DEVICES.iter().any(|start| name.starts_with(start))
}

/// Keeps these open until the process ends. The kernel makes an entry of `/proc` anew that nobody holds, and the rule
/// would be about the old one.
fn pin(paths: &[&str]) {
    paths.iter().filter_map(|path| PathFd::new(path).ok()).for_each(std::mem::forget);
}
