//! What this machine is, by measuring it.
//!
//! Graphics drivers are foreign code that may crash or hang, so adapters are measured in a process of their own
//! (`PROGRAM probe`), which answers with one line of JSON. `docs/protocol/hardware.md` describes the method.

pub mod adapters;
#[cfg(feature = "graphics")]
mod amd;
pub mod cards;
pub mod facts;
#[cfg(feature = "graphics")]
mod gpu;
pub mod measure;
#[cfg(feature = "graphics")]
mod nvidia;
#[cfg(feature = "graphics")]
pub mod nvml;
#[cfg(not(feature = "graphics"))]
#[path = "nvml_absent.rs"]
pub mod nvml;
pub mod pci;
pub mod processor;
pub mod summary;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use shared::hardware::{MeasuredDevice, NOTE_MAX_CHARS};
use tokio::process::Command;

pub use processor::Processor;

/// Where Linux lists PCI devices.
pub const PCI_DEVICES: &str = "/sys/bus/pci/devices";

/// Time for all adapters together; each takes about five seconds.
const ADAPTERS_LIMIT: Duration = Duration::from_secs(60);

/// How the process is told to measure also renderers on the processor.
pub const SOFTWARE_FLAG: &str = "--software";

/// The processor and every graphics adapter, the processor first. Its notes say why adapters are missing.
pub async fn measure_machine(program: &Path, processor: Processor, software: bool) -> Vec<MeasuredDevice> {
    let mut host = processor::measure_processor(processor);
    let adapters = match adapters_in_child(program, software).await {
        Ok(adapters) => {
            if adapters.is_empty() {
                host.notes.push(note("no graphics adapter was found"));
            }
            adapters
        }
        Err(reason) => {
            host.notes.push(note(&format!("graphics adapters were not measured: {reason}")));
            Vec::new()
        }
    };
    [host].into_iter().chain(adapters).collect()
}

/// Every graphics adapter. Runs in the process that [`measure_machine`] starts.
///
/// # Errors
/// Where this build has no graphics interface.
#[cfg(feature = "graphics")]
pub fn measure_adapters(software: bool) -> Result<Vec<MeasuredDevice>, String> {
    Ok(gpu::measure_adapters(software))
}

#[cfg(not(feature = "graphics"))]
pub fn measure_adapters(_: bool) -> Result<Vec<MeasuredDevice>, String> {
    Err("this build is without the feature `graphics`".into())
}

async fn adapters_in_child(program: &Path, software: bool) -> Result<Vec<MeasuredDevice>, String> {
    let mut command = Command::new(program);
    command.arg("probe").args(software.then_some(SOFTWARE_FLAG));
    command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = tokio::time::timeout(ADAPTERS_LIMIT, command.output()).await;
    let output = output.map_err(|_| format!("it took more than {} s", ADAPTERS_LIMIT.as_secs()))?;
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the process ended with {}: {}", output.status, said.lines().last().unwrap_or_default()));
    }
    // Drivers print to standard output, too; the answer is the last line.
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(said.lines().last().unwrap_or_default()).map_err(|error| error.to_string())
}

/// A remark as a report takes it.
fn note(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ").chars().take(NOTE_MAX_CHARS).collect()
}
