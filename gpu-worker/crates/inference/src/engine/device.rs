//! The GPU that a provider computes on, as far as rounding depends on it.

use std::path::Path;
use std::process::{Command, Stdio};

/// Where NVIDIA's driver describes its devices on Linux.
const DRIVER_FOLDER: &str = "/proc/driver/nvidia/gpus";

/// `sm_90` for compute capability 9.0 as the driver's own tool says; where that tool is missing, the card's name.
///
/// # Errors
/// A device that the driver does not know: results could not be compared with anybody's.
pub(super) fn architecture(device: u32) -> Result<String, String> {
    let arguments = ["--query-gpu=compute_cap", "--format=csv,noheader", &format!("--id={device}")];
    let answer = Command::new("nvidia-smi").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let told = answer.ok().filter(|answer| answer.status.success());
    let capability = told.and_then(|answer| compute_capability(&String::from_utf8_lossy(&answer.stdout)));
    let name = || card_name(Path::new(DRIVER_FOLDER), device);
    capability.or_else(name).ok_or_else(|| format!("NVIDIA's driver tells nothing of device {device}"))
}

/// `9.0` becomes `sm_90`.
fn compute_capability(answer: &str) -> Option<String> {
    let (major, minor) = answer.trim().split_once('.')?;
    let number = |text: &str| text.parse::<u8>().ok();
    Some(format!("sm_{}{}", number(major)?, number(minor)?))
}

/// Folders are named by bus address, which is the order of devices that `CUDA_DEVICE_ORDER=PCI_BUS_ID` has.
fn card_name(folder: &Path, device: u32) -> Option<String> {
    let mut cards: Vec<_> = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    cards.sort();
    let card = cards.get(usize::try_from(device).ok()?)?;
    let text = std::fs::read_to_string(card.join("information")).ok()?;
    let model = text.lines().find_map(|line| line.strip_prefix("Model:"))?.trim();
    let plain = model.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    Some(plain.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_names_the_architecture() {
        assert_eq!(compute_capability("9.0\n").as_deref(), Some("sm_90"));
        assert_eq!(compute_capability("12.0").as_deref(), Some("sm_120"));
        for text in ["", "[N/A]", "9", "a.b", "No devices were found"] {
            assert_eq!(compute_capability(text), None, "{text}");
        }
    }

    #[test]
    fn a_card_without_the_drivers_tool_is_known_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for (bus, model) in [("0000:41:00.0", "NVIDIA H100"), ("0000:01:00.0", "NVIDIA A10")] {
            std::fs::create_dir(folder.path().join(bus)).unwrap();
            let text = format!("Model: \t\t {model}\nIRQ:   \t\t 42\n");
            std::fs::write(folder.path().join(bus).join("information"), text).unwrap();
        }
        assert_eq!(card_name(folder.path(), 1).as_deref(), Some("nvidia-h100"));
        assert_eq!(card_name(folder.path(), 2), None);
        assert_eq!(card_name(Path::new("/nowhere"), 0), None);
    }
}
