//! A server in a process of its own, killed at any moment, and what its database may have forgotten afterwards.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Changes a server's database behind its back, as a crash, a restored copy or a disk that fails may.
pub(crate) async fn change_rows(folder: &Path, statements: &[&str]) {
    use sea_orm::{ConnectionTrait, Database};
    let url = format!("sqlite://{}", folder.join("hub.sqlite").display());
    let database = Database::connect(url).await.unwrap();
    for sql in statements {
        database.execute_unprepared(sql).await.unwrap();
    }
    database.close().await.unwrap();
}

/// Starts the victim, which is the named test of this program, kills it after so many acknowledgements, and returns the jobs that
/// it had printed.
pub(crate) fn run_until_killed(test: &str, folder_variable: &str, folder: &Path, lines: u64) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env(folder_variable, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut jobs, mut killed) = (Vec::new(), false);
    while let Some(Ok(line)) = output.next() {
        jobs.extend(line.strip_prefix("acknowledged ").map(str::to_owned));
        if !killed && jobs.len() as u64 > lines {
            child.kill().unwrap();
            killed = true;
        }
    }
    let status = child.wait().unwrap();
    assert!(killed && !status.success(), "the child ended by itself: {status}");
    jobs
}
