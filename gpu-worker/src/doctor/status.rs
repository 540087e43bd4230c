//! Whether `start` can tell the worker's status: it refuses to run where its address is taken.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use super::Finding;

/// What is at `status.listen`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    Free,
    /// The worker of this data folder runs, and tells its status there or elsewhere.
    Ours,
    Taken,
    /// Others could reach it.
    NotLoopback,
    Refused {
        reason: String,
    },
}

/// Tries the address, and lets it go again. `runs` says that the worker of this data folder answers.
pub fn observe(listen: SocketAddr, runs: bool) -> Listen {
    if runs {
        return Listen::Ours;
    }
    if !listen.ip().is_loopback() {
        return Listen::NotLoopback;
    }
    match TcpListener::bind(listen) {
        Ok(_) => Listen::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse => Listen::Taken,
        Err(error) => Listen::Refused { reason: error.to_string() },
    }
}

pub fn judge(listen: SocketAddr, found: &Listen) -> Finding {
    const WHAT: &str = "status";
    let mend = ["set status.listen in worker.toml to a free port", "or to port 0, which takes one: 127.0.0.1:0"];
    match found {
        Listen::Free if listen.port() == 0 => Finding::ok(WHAT, "it is told at any free port"),
        Listen::Free => Finding::ok(WHAT, format!("{listen} is free")),
        Listen::Ours => Finding::ok(WHAT, "the worker of this folder runs and tells it"),
        Listen::Taken => {
            Finding::fault(WHAT, format!("status.listen {listen} is in use by another program, so `start` ends"), mend)
        }
        Listen::NotLoopback => Finding::fault(WHAT, format!("status.listen is a loopback address, got {listen}"), mend),
        Listen::Refused { reason } => Finding::fault(WHAT, format!("status.listen {listen}: {reason}"), mend),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn an_address_that_another_program_has_is_a_fault_and_the_worker_s_own_is_not() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = taken.local_addr().unwrap();
        let finding = judge(listen, &observe(listen, false));
        assert_eq!(finding.state, State::Fault);
        assert!(
            finding.found.contains("in use by another program") && finding.mend[1].contains("port 0"),
            "{finding:?}"
        );
        assert_eq!(judge(listen, &observe(listen, true)).state, State::Ok);
        // Port 0 is a free one of the system's choice.
        let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
        assert_eq!(judge(free, &observe(free, false)).state, State::Ok);
        let open: SocketAddr = "0.0.0.0:0".parse().unwrap();
        assert_eq!(judge(open, &observe(open, false)).state, State::Fault);
    }
}
