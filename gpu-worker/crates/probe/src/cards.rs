//! NVIDIA's driver and cards, as data: what the doctor judges, what devices are reported by, and who uses them.

use std::path::Path;

use super::pci::PciId;

/// PCI's number of NVIDIA.
const VENDOR: &str = "0x10de";

/// PCI's class of display controllers, with and without an output.
const DISPLAY_CLASS: &str = "0x03";

/// The driver that is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// As `580.65.06`.
    pub version: String,
    /// Newest CUDA that it serves, major and minor; absent where it does not tell.
    pub cuda: Option<(u32, u32)>,
    /// In the order of their places on the bus, which is the order of `gpu_devices`.
    pub cards: Vec<Card>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The number by which configurations name it.
    pub index: u32,
    pub name: String,
    pub place: Option<PciId>,
    pub memory_bytes: u64,
    pub memory_free_bytes: u64,
}

/// Why nobody tells of cards.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    #[error("NVIDIA's driver is not installed")]
    Absent,
    #[error("NVIDIA's driver is installed, but its kernel module is not loaded")]
    NotLoaded,
    #[error("NVIDIA's driver was updated, and the kernel still runs the old one")]
    Mismatch,
    #[error("this user may not ask NVIDIA's driver")]
    NotAllowed,
    #[error("NVIDIA's driver does not answer: {0}")]
    Other(String),
}

/// What one process does on a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub pid: u32,
    /// The program's file name, empty where it is unknown.
    pub name: String,
    /// It computes; otherwise it draws on a screen.
    pub computes: bool,
    /// Share of the time in which the card worked for it; absent where the driver does not tell.
    pub busy_percent: Option<u32>,
}

/// A card at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub index: u32,
    pub card: String,
    pub uses: Vec<Use>,
}

impl Driver {
    pub fn card(&self, index: u32) -> Option<&Card> {
        self.cards.iter().find(|card| card.index == index)
    }
}

/// `0: NVIDIA H100 (80.0 GB), 1: …`: what a miner who named another device can choose from.
pub fn list(cards: &[Card]) -> String {
    let gigabytes = |bytes: u64| format!("{}.{}", bytes / 1_000_000_000, bytes / 100_000_000 % 10);
    let cards: Vec<String> = cards
        .iter()
        .map(|card| format!("{}: {} ({} GB)", card.index, card.name, gigabytes(card.memory_bytes)))
        .collect();
    if cards.is_empty() { "none".into() } else { cards.join(", ") }
}

/// NVIDIA's display controllers below `root`, which Linux fills whether or not a driver is there.
pub fn on_bus(root: &Path) -> Vec<PciId> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let is_card = |folder: &Path| {
        let starts = |file: &str, with: &str| {
            std::fs::read_to_string(folder.join(file)).is_ok_and(|text| text.trim().starts_with(with))
        };
        starts("vendor", VENDOR) && starts("class", DISPLAY_CLASS)
    };
    let mut places: Vec<PciId> = entries
        .filter_map(|entry| entry.ok())
        .filter(|entry| is_card(&entry.path()))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    places.sort();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_found_on_the_bus_without_a_driver() {
        let root = tempfile::tempdir().unwrap();
        for (place, vendor, class) in [
            ("0000:41:00.0", "0x10de", "0x030200"),
            ("0000:01:00.0", "0x10de", "0x030000"),
            ("0000:01:00.1", "0x10de", "0x040300"),
            ("0000:00:02.0", "0x8086", "0x030000"),
        ] {
            let folder = root.path().join(place);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("vendor"), format!("{vendor}\n")).unwrap();
            std::fs::write(folder.join("class"), format!("{class}\n")).unwrap();
        }
        let places: Vec<String> = on_bus(root.path()).iter().map(ToString::to_string).collect();
        assert_eq!(places, ["0000:01:00.0", "0000:41:00.0"]);
        assert_eq!(on_bus(Path::new("/nowhere")), []);
    }

    #[test]
    fn a_list_names_what_there_is() {
        assert_eq!(list(&[]), "none");
        let card = |index| Card {
            index,
            name: "H100".into(),
            place: None,
            memory_bytes: 80_059_000_000,
            memory_free_bytes: 0,
        };
        assert_eq!(list(&[card(0), card(1)]), "0: H100 (80.0 GB), 1: H100 (80.0 GB)");
    }
}
