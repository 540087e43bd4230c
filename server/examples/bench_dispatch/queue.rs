//! A job queue that others use, over the same PostgreSQL.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

/// Jobs that are added, taken and done in a second, by the program of a queue.
pub(crate) async fn jobs_per_second(script: &Path, database_url: &str) -> f64 {
    let mut command = Command::new("node");
    command.arg(script).env("DATABASE_URL", database_url).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{} failed: {said}", script.display());
    let told: Value = serde_json::from_str(said.lines().last().unwrap_or_default()).unwrap();
    told["jobs_per_second"].as_f64().expect("it tells jobs_per_second")
}
