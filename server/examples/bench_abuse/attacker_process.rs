//! The attacker, in a process of its own.

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::server_process::cpu_seconds_of;

pub(crate) struct Attacker(Child);

impl Attacker {
    pub(crate) fn start(server: SocketAddr) -> Self {
        let mut attacker = Command::new(std::env::current_exe().unwrap());
        attacker.args(["--attack", &server.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        Self(attacker.kill_on_drop(true).spawn().unwrap())
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        cpu_seconds_of(self.0.id().expect("the attacker runs"))
    }

    /// It ends with its input, and tells what it did.
    pub(crate) async fn end(mut self) -> String {
        drop(self.0.stdin.take());
        let told = self.0.wait_with_output().await.unwrap();
        String::from_utf8_lossy(&told.stdout).trim().to_owned()
    }
}
