//! Which of the adapters that the graphics interfaces list are devices of their own.
//!
//! The same card appears once per interface. Its PCI place tells, where the driver gives it; else vendor, device and
//! name have to. Two equal cards stay two.

use super::pci::PciId;

/// PCI vendor id under which Mesa lists its software renderers.
const MESA_VENDOR: u32 = 0x1_0005;

/// Names of renderers that compute on the processor, where a driver does not say so itself.
const SOFTWARE_NAMES: [&str; 4] = ["llvmpipe", "softpipe", "swiftshader", "basic render"];

/// A graphics interface; the preferred one is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interface {
    Metal,
    Vulkan,
    Direct3d12,
    OpenGl,
}

impl Interface {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metal => "Metal",
            Self::Vulkan => "Vulkan",
            Self::Direct3d12 => "Direct3D 12",
            Self::OpenGl => "OpenGL",
        }
    }
}

/// An adapter as its driver describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    pub name: String,
    /// PCI's numbers; 0 where unknown.
    pub vendor: u32,
    pub device: u32,
    pub pci: Option<PciId>,
    pub interface: Interface,
    /// The driver says that it computes on the processor.
    pub says_software: bool,
}

impl Adapter {
    /// Computes on the processor, so it is no device of its own.
    pub fn is_software(&self) -> bool {
        let name = self.name.to_lowercase();
        self.says_software || self.vendor == MESA_VENDOR || SOFTWARE_NAMES.iter().any(|known| name.contains(known))
    }

    fn is_same_model(&self, other: &Self) -> bool {
        (self.vendor, self.device) == (other.vendor, other.device) && (self.device != 0 || self.name == other.name)
    }
}

/// Indices of the adapters that stand for a device each, in the order of the list.
pub fn distinct(adapters: &[Adapter]) -> Vec<usize> {
    (0..adapters.len()).filter(|index| !is_repeated(adapters, *index)).collect()
}

/// Whether another entry stands for the same device: in the same PCI place through a preferred interface, or of the same
/// model, where this one's place is unknown and the other interface is preferred or knows places.
fn is_repeated(adapters: &[Adapter], index: usize) -> bool {
    let this = &adapters[index];
    adapters.iter().enumerate().any(|(other_index, other)| {
        let precedes = (other.interface, other_index) < (this.interface, index);
        match (this.pci, other.pci) {
            (Some(place), Some(other_place)) => place == other_place && precedes,
            (None, Some(_)) => this.is_same_model(other) && this.interface != other.interface,
            (None, None) => this.is_same_model(other) && other.interface < this.interface,
            (Some(_), None) => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn card(bus: Option<u8>, interface: Interface) -> Adapter {
        let pci = bus.map(|bus| PciId { domain: 0, bus, device: 0, function: 0 });
        Adapter { name: "A card".into(), vendor: 0x10de, device: 0x2684, pci, interface, says_software: false }
    }

    use Interface::{OpenGl, Vulkan};

    #[test]
    fn one_card_through_two_interfaces_is_one_device() {
        assert_eq!(distinct(&[card(Some(1), OpenGl), card(Some(1), Vulkan)]), [1]);
        assert_eq!(distinct(&[card(None, OpenGl), card(Some(1), Vulkan)]), [1]);
        assert_eq!(distinct(&[card(Some(1), OpenGl), card(None, Vulkan)]), [0]);
        assert_eq!(distinct(&[card(None, Vulkan), card(None, OpenGl)]), [0]);
        assert_eq!(distinct(&[card(Some(1), Vulkan), card(Some(1), Vulkan)]), [0]);
    }

    #[test]
    fn two_equal_cards_are_two_devices() {
        assert_eq!(distinct(&[card(Some(1), Vulkan), card(Some(2), Vulkan)]), [0, 1]);
        assert_eq!(distinct(&[card(None, Vulkan), card(None, Vulkan)]), [0, 1]);
    }

    #[test]
    fn renderers_on_the_processor_are_flagged() {
        let named = |name: &str, vendor| Adapter { name: name.into(), vendor, ..card(None, Vulkan) };
        assert!(named("llvmpipe (LLVM 15.0.6, 256 bits)", MESA_VENDOR).is_software());
        assert!(named("SwiftShader Device", 0x1ae0).is_software());
        assert!(Adapter { says_software: true, ..card(None, Vulkan) }.is_software());
        assert!(!card(Some(1), Vulkan).is_software());
    }

    fn any_adapter() -> impl Strategy<Value = Adapter> {
        let interface = prop::sample::select(vec![Interface::Metal, Vulkan, Interface::Direct3d12, OpenGl]);
        (prop::option::of(0_u8..3), interface, 0_u32..3, any::<bool>()).prop_map(|(bus, interface, device, odd)| {
            let name = if odd { "Another card" } else { "A card" };
            Adapter { name: name.into(), device, ..card(bus, interface) }
        })
    }

    proptest! {
        #[test]
        fn every_place_is_kept_once_and_nothing_is_made_up(adapters in prop::collection::vec(any_adapter(), 0..8)) {
            let kept = distinct(&adapters);
            let mut places: Vec<_> = kept.iter().filter_map(|index| adapters[*index].pci).collect();
            let mut all: Vec<_> = adapters.iter().filter_map(|adapter| adapter.pci).collect();
            places.sort();
            all.sort();
            all.dedup();
            prop_assert_eq!(places, all);
            prop_assert!(kept.is_sorted() && (adapters.is_empty() || !kept.is_empty()));
            let again: Vec<Adapter> = kept.iter().map(|index| adapters[*index].clone()).collect();
            prop_assert_eq!(distinct(&again).len(), again.len());
        }
    }
}
