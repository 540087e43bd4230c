//! NVIDIA's card, driver, CUDA version and memory, against what the library and the models want.

use gpu_probe::cards::{Card, Driver, DriverError, list};
use gpu_probe::pci::PciId;

use super::Finding;
use super::disk::size;
use super::library::CudaPart;

/// Oldest driver for each major version of CUDA, whatever its minor version: NVIDIA, "CUDA Compatibility", section
/// "Minor Version Compatibility", table 1.
const DRIVER_MIN: [(u32, u32); 3] = [(13, 580), (12, 525), (11, 450)];

/// Room beside the weights for the driver's context, the engine's workspace and a picture's activations: an estimate,
/// since it depends on the engine's choice of kernels.
const BESIDE_WEIGHTS_BYTES: u64 = 1 << 30;

/// Whether the configuration wants a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpuDemand {
    /// `engine.provider` is the processor, or the engine has no other.
    Processor,
    /// A GPU where there is one.
    Auto,
    Gpu,
}

/// All observations about NVIDIA's driver, cards and libraries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nvidia {
    pub gpu_demand: GpuDemand,
    /// Indices of the devices that the configuration names.
    pub devices: Vec<u32>,
    /// Cards on the PCI bus, which needs no driver.
    pub places: Vec<PciId>,
    pub driver: Result<Driver, DriverError>,
    pub library: CudaPart,
    /// Bytes of the largest model.
    pub model_bytes: u64,
}

/// `driver`, `cuda` and `vram`; `driver` alone where there is nothing to say of the others.
pub fn judge(nvidia: &Nvidia) -> Vec<Finding> {
    if nvidia.gpu_demand == GpuDemand::Processor {
        return vec![Finding::ok("driver", "not needed: the configuration computes on the processor")];
    }
    let driver = match &nvidia.driver {
        Ok(driver) if !driver.cards.is_empty() => driver,
        Ok(driver) => return vec![no_card(nvidia, Some(driver))],
        Err(DriverError::Absent) if nvidia.places.is_empty() => return vec![no_card(nvidia, None)],
        Err(error) => return vec![broken_driver(nvidia, error)],
    };
    let found = format!("NVIDIA {}: {}", driver.version, list(&driver.cards));
    let mut findings = vec![Finding::ok("driver", found), cuda(nvidia, driver)];
    findings.extend(memory(nvidia, driver));
    findings
}

fn no_card(nvidia: &Nvidia, driver: Option<&Driver>) -> Finding {
    let found = match driver {
        Some(driver) => format!("NVIDIA's driver {} is loaded, but it sees no card", driver.version),
        None => "no NVIDIA card is in this machine".to_owned(),
    };
    match nvidia.gpu_demand {
        GpuDemand::Gpu => Finding::fault(
            "driver",
            format!("{found}, and the configuration wants one"),
            [
                "check that the card sits in its slot and has power: lspci | grep -i nvidia",
                "or compute on the processor: engine.provider = \"cpu\", and no mining.gpu_devices",
            ],
        ),
        _ => Finding::ok("driver", format!("{found}: the processor computes")),
    }
}

fn broken_driver(nvidia: &Nvidia, error: &DriverError) -> Finding {
    let newest = DRIVER_MIN[0].1;
    let place = nvidia.places.first().map(|place| format!(" (card at PCI {place})")).unwrap_or_default();
    let mend = match error {
        DriverError::Absent => format!(
            "install NVIDIA's driver {newest} or newer (Ubuntu: sudo ubuntu-drivers install; Debian: sudo apt install \
             nvidia-driver), then restart the machine"
        ),
        DriverError::NotLoaded => "sudo modprobe nvidia; with Secure Boot its module must be signed".to_owned(),
        DriverError::Mismatch => "restart the machine".to_owned(),
        DriverError::NotAllowed => "sudo usermod -aG video,render \"$USER\", then log in again".to_owned(),
        DriverError::Other(_) => "run nvidia-smi, and restart the machine where it fails, too".to_owned(),
    };
    let without = "or compute on the processor: engine.provider = \"cpu\" in worker.toml".to_owned();
    Finding::fault("driver", format!("{error}{place}"), [mend, without])
}

fn cuda(nvidia: &Nvidia, driver: &Driver) -> Finding {
    let fetch = "cargo xtask engine cuda";
    let (major, missing) = match &nvidia.library {
        CudaPart::Absent => {
            let found = "ONNX Runtime's build here computes on the processor only, so the card stands idle";
            return match nvidia.gpu_demand {
                GpuDemand::Gpu => Finding::fault("cuda", found, [fetch]),
                _ => Finding::warn("cuda", found, [fetch]),
            };
        }
        CudaPart::Broken(error) => {
            return Finding::fault("cuda", format!("ONNX Runtime's CUDA part is broken: {error}"), [fetch]);
        }
        CudaPart::Whole { major, missing } => (*major, missing),
    };
    let Some(major) = major else {
        return Finding::ok("cuda", "ONNX Runtime's CUDA part does not say which CUDA it wants");
    };
    if !serves(driver, major) {
        let served = driver.cuda.map(|(major, minor)| format!(", which serves CUDA up to {major}.{minor}"));
        let found =
            format!("ONNX Runtime wants CUDA {major}, the driver is {}{}", driver.version, served.unwrap_or_default());
        let update = match driver_min(major) {
            Some(min) => format!("update NVIDIA's driver to {min} or newer, then restart the machine"),
            None => "update NVIDIA's driver, then restart the machine".to_owned(),
        };
        let without = "or compute on the processor: engine.provider = \"cpu\" in worker.toml".to_owned();
        return Finding::fault("cuda", found, [update, without]);
    }
    if !missing.is_empty() {
        return Finding::fault(
            "cuda",
            format!("ONNX Runtime's CUDA part needs libraries that are not found: {}", missing.join(", ")),
            [
                format!("install CUDA {major} and its cuDNN from NVIDIA, then `sudo ldconfig`"),
                "or name their folder in LD_LIBRARY_PATH".to_owned(),
            ],
        );
    }
    let served = driver.cuda.map(|(major, minor)| format!(", the driver serves up to {major}.{minor}"));
    Finding::ok("cuda", format!("ONNX Runtime wants CUDA {major}{}", served.unwrap_or_default()))
}

/// Within a major version every minor one serves; the driver says which it is, or its own version does.
fn serves(driver: &Driver, major: u32) -> bool {
    match driver.cuda {
        Some((served, _)) => served >= major,
        None => {
            let version: Option<u32> = driver.version.split('.').next().and_then(|part| part.parse().ok());
            version.zip(driver_min(major)).is_none_or(|(version, min)| version >= min)
        }
    }
}

fn driver_min(cuda_major: u32) -> Option<u32> {
    DRIVER_MIN.iter().find(|(major, _)| *major == cuda_major).map(|(_, driver)| *driver)
}

fn memory(nvidia: &Nvidia, driver: &Driver) -> Vec<Finding> {
    nvidia
        .devices
        .iter()
        .map(|index| match driver.card(*index) {
            Some(card) => memory_of(card, nvidia.model_bytes),
            None => Finding::fault(
                "vram",
                format!("the configuration names GPU {index}; there are {}", list(&driver.cards)),
                ["correct mining.gpu_devices, or engine.device, in worker.toml"],
            ),
        })
        .collect()
}

fn memory_of(card: &Card, model_bytes: u64) -> Finding {
    let wanted = model_bytes.saturating_add(BESIDE_WEIGHTS_BYTES);
    let has = format!(
        "GPU {} has {} free of {}, and the largest model takes about {}",
        card.index,
        size(card.memory_free_bytes),
        size(card.memory_bytes),
        size(wanted)
    );
    if card.memory_bytes < wanted {
        let mend =
            ["offer a smaller model: gpu-worker models add FOLDER", "or compute on another card or the processor"];
        return Finding::fault("vram", has, mend);
    }
    if card.memory_free_bytes < wanted {
        return Finding::warn("vram", has, ["end what else uses the card: nvidia-smi lists it"]);
    }
    Finding::ok("vram", has)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;
    use crate::doctor::elf::ElfError;

    const GIB: u64 = 1 << 30;

    fn card(index: u32) -> Card {
        let place = Some(PciId { domain: 0, bus: 1, device: 0, function: 0 });
        Card { index, name: "H100".into(), place, memory_bytes: 80 * GIB, memory_free_bytes: 79 * GIB }
    }

    /// A machine on which all is well.
    fn healthy() -> Nvidia {
        Nvidia {
            gpu_demand: GpuDemand::Auto,
            devices: vec![0],
            places: vec![PciId { domain: 0, bus: 1, device: 0, function: 0 }],
            driver: Ok(Driver { version: "580.65.06".into(), cuda: Some((13, 0)), cards: vec![card(0)] }),
            library: CudaPart::Whole { major: Some(13), missing: vec![] },
            model_bytes: 4 * GIB,
        }
    }

    fn driver(change: impl FnOnce(&mut Driver)) -> Nvidia {
        let mut nvidia = healthy();
        change(nvidia.driver.as_mut().unwrap());
        nvidia
    }

    fn fault(nvidia: &Nvidia, what: &str, words: &str) {
        let findings = judge(nvidia);
        let faults: Vec<_> = findings.iter().filter(|finding| finding.state == State::Fault).collect();
        let [fault] = faults[..] else { panic!("one fault, got {findings:?}") };
        let text = format!("{}: {} {}", fault.what, fault.found, fault.mend.join(" "));
        assert!(fault.what == what && text.contains(words), "{text} lacks {words}");
        assert!(!fault.mend.is_empty());
    }

    #[test]
    fn a_healthy_card_and_a_machine_without_one_have_no_fault() {
        assert!(judge(&healthy()).iter().all(|finding| finding.state == State::Ok), "{:?}", judge(&healthy()));
        assert_eq!(judge(&healthy()).len(), 3);
        let none = Nvidia { places: vec![], driver: Err(DriverError::Absent), ..healthy() };
        assert_eq!(judge(&none).iter().map(|finding| finding.state).collect::<Vec<_>>(), [State::Ok]);
        let opted_out = Nvidia { gpu_demand: GpuDemand::Processor, driver: Err(DriverError::NotLoaded), ..healthy() };
        assert_eq!(judge(&opted_out)[0].state, State::Ok);
    }

    #[test]
    fn a_card_without_a_working_driver_says_what_to_install_or_restart() {
        let broken = |error| Nvidia { driver: Err(error), ..healthy() };
        fault(&broken(DriverError::Absent), "driver", "not installed (card at PCI 0000:01:00.0)");
        fault(&broken(DriverError::Absent), "driver", "driver 580 or newer");
        fault(&broken(DriverError::NotLoaded), "driver", "modprobe nvidia");
        fault(&broken(DriverError::Mismatch), "driver", "restart the machine");
        fault(&broken(DriverError::NotAllowed), "driver", "usermod");
        fault(&broken(DriverError::Other("unknown".into())), "driver", "nvidia-smi");
        let absent = Nvidia { gpu_demand: GpuDemand::Gpu, places: vec![], ..broken(DriverError::Absent) };
        fault(&absent, "driver", "no NVIDIA card is in this machine, and the configuration wants one");
        fault(
            &Nvidia { gpu_demand: GpuDemand::Gpu, ..driver(|driver| driver.cards.clear()) },
            "driver",
            "sees no card",
        );
    }

    #[test]
    fn a_driver_older_than_the_librarys_cuda_is_a_fault() {
        let old = driver(|driver| (driver.version, driver.cuda) = ("535.104.05".into(), Some((12, 2))));
        fault(&old, "cuda", "wants CUDA 13, the driver is 535.104.05, which serves CUDA up to 12.2");
        fault(&old, "cuda", "to 580 or newer");
        let for_12 = Nvidia { library: CudaPart::Whole { major: Some(12), missing: vec![] }, ..old };
        assert!(judge(&for_12).iter().all(|finding| finding.state == State::Ok));
        // A driver that does not tell its CUDA is known by its own version.
        for (version, major, serves_it) in [
            ("579.9", 13, false),
            ("580.1", 13, true),
            ("525.60.13", 12, true),
            ("524.9", 12, false),
            ("455.1", 11, true),
        ] {
            let known = Driver { version: version.into(), cuda: None, cards: vec![] };
            assert_eq!(serves(&known, major), serves_it, "{version} for CUDA {major}");
        }
    }

    #[test]
    fn a_library_that_lacks_cuda_or_what_it_needs_is_told() {
        let with = |library| Nvidia { library, ..healthy() };
        assert_eq!(judge(&with(CudaPart::Absent))[1].state, State::Warn);
        fault(&Nvidia { gpu_demand: GpuDemand::Gpu, ..with(CudaPart::Absent) }, "cuda", "cargo xtask engine cuda");
        fault(&with(CudaPart::Broken(ElfError::NotElf)), "cuda", "broken");
        let missing = vec!["libcudnn.so.9".to_owned()];
        fault(&with(CudaPart::Whole { major: Some(13), missing }), "cuda", "libcudnn.so.9");
    }

    #[test]
    fn a_model_that_does_not_fit_and_a_card_that_is_not_there_are_faults() {
        fault(&Nvidia { model_bytes: 80 * GIB, ..healthy() }, "vram", "free of 85.8 GB");
        let used = driver(|driver| driver.cards[0].memory_free_bytes = GIB);
        assert_eq!(judge(&used)[2].state, State::Warn);
        fault(&Nvidia { devices: vec![0, 3], ..healthy() }, "vram", "names GPU 3; there are 0: H100");
    }
}
