//! Which walls stand around the inference process on this machine.

use super::Finding;
use crate::child::sandbox::{Confinement, FileWall};

/// `sandbox`: a machine with fewer walls serves, and its miner knows.
pub fn judge(confinement: &Confinement) -> Finding {
    let Confinement { files, system_calls } = confinement;
    let calls = if *system_calls { "listed system calls only" } else { "any system call" };
    match files {
        FileWall::Whole if *system_calls => {
            Finding::ok("sandbox", format!("the inference process has its models, its cache, and {calls}"))
        }
        FileWall::Whole | FileWall::OlderKernel => Finding::warn(
            "sandbox",
            format!(
                "the inference process has its models, its cache, and {calls}; this kernel keeps part of the rules"
            ),
            ["Linux 6.12 or newer keeps them all"],
        ),
        FileWall::Absent => Finding::warn(
            "sandbox",
            format!("the inference process may read this user's files, the key among them, and has {calls}"),
            [
                "enable Landlock: Linux 5.13 or newer, with `landlock` in the kernel's list lsm=",
                "or serve only models from people whom you trust, and keep little on this key",
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_missing_wall_is_told_with_what_to_do() {
        let judged = |files, system_calls| judge(&Confinement { files, system_calls });
        assert_eq!(judged(FileWall::Whole, true).state, State::Ok);
        for (files, system_calls, words) in [
            (FileWall::Absent, true, "the key among them"),
            (FileWall::OlderKernel, true, "part of the rules"),
            (FileWall::Whole, false, "any system call"),
            (FileWall::Absent, false, "any system call"),
        ] {
            let finding = judged(files, system_calls);
            assert!(finding.state == State::Warn && finding.found.contains(words), "{finding:?}");
            assert!(!finding.mend.is_empty());
        }
    }
}
