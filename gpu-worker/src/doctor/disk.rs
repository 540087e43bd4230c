//! Room for results, and the right to write them.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::Finding;

/// The outbox needs room for results while the hub is away; with less, finished work may be lost.
const FREE_MIN_BYTES: u64 = 512 << 20;

/// Below this a week of logs or another model fills the disk.
const FREE_COMFORT_BYTES: u64 = 2 << 30;

/// What is written to try the disk.
const TRIAL_BYTES: usize = 64 << 10;

/// The data folder's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The data folder, or the nearest folder above it that exists.
    pub folder: PathBuf,
    /// Room and files that are left for this user, or why nobody knows.
    pub left: Result<Left, String>,
    /// Whether a file could be written and made durable.
    pub trial: Result<(), (ErrorKind, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    pub bytes: u64,
    /// Inodes; absent where the file system does not count them.
    pub files: Option<u64>,
}

/// Looks at the disk, and writes a small file and removes it.
pub fn observe(data: &Path) -> Disk {
    let absolute = std::path::absolute(data).unwrap_or_else(|_| data.to_path_buf());
    let exists = absolute.ancestors().find(|folder| folder.is_dir());
    let folder = exists.unwrap_or(&absolute).to_path_buf();
    let left = rustix::fs::statvfs(&folder).map_err(|error| error.to_string()).map(|stat| Left {
        bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        files: (stat.f_files > 0).then_some(stat.f_favail),
    });
    let trial = trial(&folder).map_err(|error| (error.kind(), error.to_string()));
    Disk { folder, left, trial }
}

fn trial(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
    let written = file.write_all(&[0; TRIAL_BYTES]).and_then(|()| file.sync_all());
    std::fs::remove_file(&path)?;
    written
}

pub fn judge(disk: &Disk) -> Finding {
    let Disk { folder, left, trial } = disk;
    let shown = folder.display();
    let room = || [format!("make room on the disk of {shown}"), "or use another folder: --data FOLDER".to_owned()];
    if let Err((kind, reason)) = trial {
        let found = format!("{shown} cannot be written: {reason}");
        return match kind {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Finding::fault("disk", found, room()),
            ErrorKind::ReadOnlyFilesystem => {
                Finding::fault("disk", found, ["use a folder on a disk that can be written: --data FOLDER"])
            }
            _ => Finding::fault(
                "disk",
                found,
                [format!("sudo chown -R \"$USER\" {shown}"), "or use another folder: --data FOLDER".to_owned()],
            ),
        };
    }
    let left = match left {
        Ok(left) => left,
        Err(reason) => return Finding::warn("disk", format!("{shown} does not tell its room: {reason}"), room()),
    };
    let free = format!("{} free in {shown}", size(left.bytes));
    if left.files == Some(0) {
        return Finding::fault("disk", format!("{free}, but no file can be added: it has no inode left"), room());
    }
    match left.bytes {
        bytes if bytes < FREE_MIN_BYTES => {
            Finding::fault("disk", format!("{free}, fewer than {}", size(FREE_MIN_BYTES)), room())
        }
        bytes if bytes < FREE_COMFORT_BYTES => {
            Finding::warn("disk", format!("{free}, fewer than {}", size(FREE_COMFORT_BYTES)), room())
        }
        _ => Finding::ok("disk", free),
    }
}

/// Decimal bytes, as makers of disks count.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn disk(bytes: u64) -> Disk {
        Disk { folder: "/d".into(), left: Ok(Left { bytes, files: Some(9) }), trial: Ok(()) }
    }

    #[test]
    fn little_room_is_a_warning_and_less_a_fault() {
        for (bytes, state) in
            [(FREE_MIN_BYTES - 1, State::Fault), (FREE_MIN_BYTES, State::Warn), (FREE_COMFORT_BYTES, State::Ok)]
        {
            let finding = judge(&disk(bytes));
            assert_eq!(finding.state, state, "{finding:?}");
            assert_eq!(finding.mend.is_empty(), state == State::Ok);
        }
        assert_eq!(judge(&disk(25_300_000_000)).found, "25.3 GB free in /d");
        let no_inode = Disk { left: Ok(Left { bytes: 1 << 40, files: Some(0) }), ..disk(0) };
        assert!(judge(&no_inode).found.contains("inode"));
        let uncounted = Disk { left: Ok(Left { bytes: 1 << 40, files: None }), ..disk(0) };
        assert_eq!(judge(&uncounted).state, State::Ok);
    }

    #[test]
    fn a_disk_that_takes_no_file_says_why_and_what_to_do() {
        for (kind, words) in [
            (ErrorKind::StorageFull, "make room"),
            (ErrorKind::ReadOnlyFilesystem, "can be written"),
            (ErrorKind::PermissionDenied, "chown"),
        ] {
            let finding = judge(&Disk { trial: Err((kind, kind.to_string())), ..disk(1 << 40) });
            assert_eq!(finding.state, State::Fault);
            assert!(finding.mend.concat().contains(words), "{finding:?}");
            assert!(finding.found.contains(&kind.to_string()), "{finding:?}");
        }
    }

    #[test]
    fn the_trial_leaves_nothing_behind_and_needs_no_data_folder_yet() {
        let folder = tempfile::tempdir().unwrap();
        let seen = observe(&folder.path().join("not/yet/there"));
        assert_eq!((seen.folder.as_path(), &seen.trial), (folder.path(), &Ok(())));
        assert!(seen.left.is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
