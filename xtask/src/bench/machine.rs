//! The machine, in words: a figure without it means nothing.

use std::fs;
use std::thread;

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

pub(super) fn describe(workspace: &Workspace) -> Result<String> {
    let cores = thread::available_parallelism()?;
    let processor = proc_value("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let memory = proc_value("/proc/meminfo", "MemTotal").and_then(|value| gibibytes(&value));
    let memory = memory.map_or_else(String::new, |memory| format!(", {memory:.0} GiB of memory"));
    let compiler = command::read(workspace.command("rustc").arg("--version"));
    let compiler = compiler.unwrap_or_else(|_| "no Rust compiler".to_owned());
    Ok(format!("{cores} cores of {processor}{memory}, {}, {compiler}", std::env::consts::OS))
}

fn proc_value(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn gibibytes(kilobytes: &str) -> Option<f64> {
    let number: f64 = kilobytes.strip_suffix("kB")?.trim().parse().ok()?;
    Some(number / 1024.0 / 1024.0)
}
