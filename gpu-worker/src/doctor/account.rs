//! The miner's key: there, the miner's own, private, and a key.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use shared::Address;

use super::Finding;
use crate::error::ConfigError;
use crate::keys;

/// What the key's file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFile {
    Absent,
    NotReadable {
        reason: String,
    },
    /// Another user's, by user id; `owner` reads it, `us` may not.
    Foreign {
        owner: u32,
        us: u32,
    },
    /// Others may read it.
    Open {
        mode: u32,
    },
    NoKey {
        reason: String,
    },
    Good {
        address: Address,
    },
}

/// The user who may read every file.
#[cfg(unix)]
const ROOT: u32 = 0;

/// Looks at the file; nothing of the key itself is kept.
pub fn observe(path: &Path) -> KeyFile {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return KeyFile::Absent,
        Err(error) => return KeyFile::NotReadable { reason: error.to_string() },
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
        if owner != us && us != ROOT {
            return KeyFile::Foreign { owner, us };
        }
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            return KeyFile::Open { mode };
        }
    }
    match keys::load(path) {
        Ok(key) => KeyFile::Good { address: key.address() },
        Err(ConfigError::Format(error)) => KeyFile::NoKey { reason: error.reason },
        Err(ConfigError::File(error)) => KeyFile::NotReadable { reason: error.source.to_string() },
        Err(error) => KeyFile::NotReadable { reason: error.to_string() },
    }
}

/// Where the key should be, and what is there.
pub fn judge(path: &Path, file: &KeyFile) -> Finding {
    let shown = path.display();
    let restore = "restore the file from your backup: without it what it earned is lost";
    match file {
        KeyFile::Good { address } => Finding::ok("key", format!("{address} in {shown}")),
        KeyFile::Absent => {
            Finding::fault("key", format!("{shown} does not exist"), [restore.to_owned(), start_again(path)])
        }
        KeyFile::NotReadable { reason } => {
            Finding::fault("key", format!("{shown} cannot be read: {reason}"), [format!("ls -l {shown}")])
        }
        KeyFile::Foreign { owner, us } => Finding::fault(
            "key",
            format!("{shown} belongs to user {owner}, and the worker runs as user {us}"),
            [format!("sudo chown {us} {shown}"), format!("or run the worker as user {owner}")],
        ),
        KeyFile::Open { mode } => Finding::fault(
            "key",
            format!("{shown} has mode {mode:o}, so others on this machine can read the key"),
            [format!("chmod 600 {shown}")],
        ),
        KeyFile::NoKey { reason } => {
            Finding::fault("key", format!("{shown}: {reason}"), [restore.to_owned(), start_again(path)])
        }
    }
}

/// What to do without a backup. It never overwrites a file.
fn start_again(path: &Path) -> String {
    let aside = PathBuf::from(format!("{}.old", path.display()));
    format!("or begin a new account: move {} to {}, then `gpu-worker init --force`", path.display(), aside.display())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::doctor::State;

    fn fault(path: &Path, file: &KeyFile, words: &str) {
        let finding = judge(path, file);
        assert_eq!(finding.state, State::Fault);
        let text = format!("{} {}", finding.found, finding.mend.join(" "));
        assert!(text.contains(words), "{text} lacks {words}");
    }

    #[test]
    fn a_key_that_is_open_garbled_or_gone_is_a_fault_and_a_good_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("miner.key");
        fault(&path, &observe(&path), "does not exist");
        let key = keys::create_or_load(&path).unwrap();
        assert_eq!(judge(&path, &observe(&path)).state, State::Ok);
        assert!(judge(&path, &observe(&path)).found.contains(&key.address().to_string()));
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        fault(&path, &observe(&path), "mode 640");
        fault(&path, &observe(&path), "chmod 600");
        mode(0o600);
        let secret = std::fs::read_to_string(&path).unwrap();
        for garbage in ["", "0x", "not hex", &secret[..40]] {
            std::fs::write(&path, garbage).unwrap();
            fault(&path, &observe(&path), "64 hex digits");
            assert!(garbage.len() < 4 || !judge(&path, &observe(&path)).found.contains(garbage));
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        fault(&path, &observe(&path), "cannot be read");
    }

    #[test]
    fn another_users_key_is_told_with_both_users() {
        let file = KeyFile::Foreign { owner: 0, us: 1_000 };
        fault(Path::new("/m/miner.key"), &file, "belongs to user 0, and the worker runs as user 1000");
        fault(Path::new("/m/miner.key"), &file, "sudo chown 1000 /m/miner.key");
    }
}
