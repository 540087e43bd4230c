//! The memory of AMD's cards, as their Linux driver tells it.

use std::path::Path;

use super::pci::PciId;

/// Bytes of a card's own memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) total_bytes: u64,
    pub(super) free_bytes: u64,
}

/// The memory of the card at a place below `root`; `None` where no `amdgpu` tells it.
pub(super) fn memory(root: &Path, place: PciId) -> Option<Memory> {
    let read = |name: &str| -> Option<u64> {
        std::fs::read_to_string(root.join(place.to_string()).join(name)).ok()?.trim().parse().ok()
    };
    let total_bytes = read("mem_info_vram_total")?;
    Some(Memory { total_bytes, free_bytes: total_bytes.saturating_sub(read("mem_info_vram_used").unwrap_or(0)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_amdgpu_writes_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let place: PciId = "0000:03:00.0".parse().unwrap();
        assert_eq!(memory(root.path(), place), None);
        let folder = root.path().join(place.to_string());
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("mem_info_vram_total"), "17163091968\n").unwrap();
        std::fs::write(folder.join("mem_info_vram_used"), "1073741824\n").unwrap();
        let memory_there = Memory { total_bytes: 17_163_091_968, free_bytes: 16_089_350_144 };
        assert_eq!(memory(root.path(), place), Some(memory_there));
        std::fs::write(folder.join("mem_info_vram_total"), "much\n").unwrap();
        assert_eq!(memory(root.path(), place), None);
    }
}
