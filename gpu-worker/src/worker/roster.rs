//! The devices of a worker: which of them serve now, and the capability that follows. Pure.

use std::collections::BTreeMap;

use shared::capability::Capability;
use shared::device::{Device, Engine};

use super::monitor::LostDevice;
use crate::child::place::Place;

/// What a device does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duty {
    Serving,
    /// The worker pauses, and the device has no process, so that others have its memory.
    Resting,
    /// Its GPU is lost, or its process does not start.
    Lost {
        reason: String,
    },
}

impl Duty {
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}

/// A device as the roster knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// What people call it.
    pub name: String,
    /// What runs its models.
    pub engine: Engine,
    /// What its models were loaded on.
    pub devices: BTreeMap<Place, Device>,
    /// Jobs of a model that share a run at most, by the names of the models that it serves.
    pub models: BTreeMap<String, usize>,
}

#[derive(Debug)]
pub struct Roster {
    /// What the worker offers with all its devices.
    whole: Capability,
    members: Vec<(Member, Duty)>,
    batch_jobs_max: usize,
}

/// Jobs that devices with these models run at once.
pub fn slots<'a>(
    devices_models: impl IntoIterator<Item = &'a BTreeMap<String, usize>>,
    batch_jobs_max: usize,
) -> usize {
    let most =
        |models: &BTreeMap<String, usize>| models.values().copied().max().unwrap_or(1).min(batch_jobs_max).max(1);
    devices_models.into_iter().map(most).sum()
}

/// What these compute on, each place once.
pub fn devices<'a>(members: impl IntoIterator<Item = &'a Member>) -> Vec<Device> {
    let distinct: BTreeMap<Place, Device> = members.into_iter().flat_map(|member| member.devices.clone()).collect();
    distinct.into_values().collect()
}

impl Roster {
    /// All of them serve.
    pub fn new(whole: Capability, members: Vec<Member>, batch_jobs_max: usize) -> Self {
        let members = members.into_iter().map(|member| (member, Duty::Serving)).collect();
        Self { whole, members, batch_jobs_max }
    }

    /// Notes what a device does now. Names it where that is new.
    pub fn note(&mut self, device_number: usize, duty: Duty) -> Option<String> {
        let (member, before) = self.members.get_mut(device_number)?;
        let is_new = *before != duty;
        *before = duty;
        is_new.then(|| member.name.clone())
    }

    /// What the hub is told: nothing where no device is left, since a miner without one has nothing to offer.
    pub fn capability(&self) -> Option<Capability> {
        let serving: Vec<&Member> =
            self.members.iter().filter(|(_, duty)| !duty.is_lost()).map(|(member, _)| member).collect();
        let first = serving.first()?;
        let is_served = |model: &str| serving.iter().any(|member| member.models.contains_key(model));
        let slots = slots(serving.iter().map(|member| &member.models), self.batch_jobs_max);
        Some(Capability {
            engine: first.engine.clone(),
            devices: devices(serving.iter().copied()),
            offers: self.whole.offers.iter().filter(|offer| is_served(&offer.model)).cloned().collect(),
            slots: u32::try_from(slots).unwrap_or(u32::MAX),
            ..self.whole.clone()
        })
    }

    pub fn is_any_resting(&self) -> bool {
        self.members.iter().any(|(_, duty)| *duty == Duty::Resting)
    }

    /// The devices that are lost, and why.
    pub fn lost(&self) -> Vec<LostDevice> {
        let lost = |(member, duty): &(Member, Duty)| match duty {
            Duty::Lost { reason } => Some(LostDevice { device: member.name.clone(), reason: reason.clone() }),
            Duty::Serving | Duty::Resting => None,
        };
        self.members.iter().filter_map(lost).collect()
    }
}

#[cfg(test)]
mod tests {
    use shared::capability::ModelOffer;
    use shared::device::DeviceKind;
    use shared::digest::Sha256Digest;
    use shared::job::JobKind;
    use shared::unit::UnitType;

    use super::*;

    const LOST: &str = "GPU 0 (A card) is gone";

    fn engine(provider: &str) -> Engine {
        Engine { name: "onnxruntime".into(), version: "1".into(), provider: provider.into() }
    }

    fn offer(model: &str) -> ModelOffer {
        ModelOffer {
            model: model.into(),
            kind: JobKind::Image,
            manifest_sha256: Sha256Digest::of(b"manifest"),
            unit_type: UnitType::MegapixelStep,
            unit_price: "0.25".parse().unwrap(),
            measured_micro_units_per_second: 1,
            suggestions: Vec::new(),
            subjects: Vec::new(),
            default_steps: 2,
            default_guidance: 3.0,
            fast: None,
            image_to_image: false,
        }
    }

    fn member(place: Place, provider: &str, models: &[(&str, usize)]) -> Member {
        let (kind, cores) = match place {
            Place::Processor { .. } => (DeviceKind::Cpu, Some(2)),
            Place::Gpu { .. } | Place::OtherGpu => (DeviceKind::Gpu, None),
        };
        let device = Device { kind, name: "A card".into(), cores, memory_bytes: 1 };
        Member {
            name: format!("{place:?}"),
            engine: engine(provider),
            devices: BTreeMap::from([(place, device)]),
            models: models.iter().map(|(model, batch_max)| ((*model).to_owned(), *batch_max)).collect(),
        }
    }

    /// Two cards of a kind with a picture model, and the processor with a text model.
    fn roster() -> Roster {
        let members = vec![
            member(Place::Gpu { index: 0 }, "CUDA", &[("picture", 4)]),
            member(Place::Gpu { index: 1 }, "CUDA", &[("picture", 4)]),
            member(Place::Processor { threads: 2 }, "CPU", &[("text", 1)]),
        ];
        let whole = Capability {
            worker_version: "1".into(),
            engine: engine("CUDA"),
            devices: devices(&members),
            offers: vec![offer("picture"), offer("text")],
            slots: 5,
            hardware: None,
        };
        Roster::new(whole, members, 2)
    }

    fn lose(roster: &mut Roster, device_number: usize) -> Option<String> {
        roster.note(device_number, Duty::Lost { reason: LOST.into() })
    }

    #[test]
    fn with_all_its_devices_it_is_what_it_registered_with() {
        let roster = roster();
        let whole = roster.capability().unwrap();
        assert_eq!((whole, roster.lost()), (roster.whole.clone(), vec![]));
    }

    #[test]
    fn what_is_lost_is_claimed_no_more_until_it_is_back() {
        let mut roster = roster();
        let told = |roster: &Roster| {
            let capability = roster.capability().unwrap();
            assert_eq!(capability.check_devices(), Ok(()));
            let offers: Vec<String> = capability.offers.into_iter().map(|offer| offer.model).collect();
            (capability.devices.len(), offers.join(" "), capability.slots, capability.engine.provider)
        };
        assert_eq!(told(&roster), (3, "picture text".into(), 5, "CUDA".into()));
        assert_eq!(lose(&mut roster, 0).as_deref(), Some("Gpu { index: 0 }"));
        assert_eq!(lose(&mut roster, 0), None, "that is no news");
        assert_eq!(told(&roster), (2, "picture text".into(), 3, "CUDA".into()));
        lose(&mut roster, 1);
        assert_eq!(told(&roster), (1, "text".into(), 1, "CPU".into()));
        assert_eq!(roster.lost().len(), 2);
        lose(&mut roster, 2);
        assert_eq!(roster.capability(), None);
        assert!(roster.note(1, Duty::Serving).is_some());
        assert_eq!(told(&roster), (1, "picture".into(), 2, "CUDA".into()));
        assert_eq!(roster.note(7, Duty::Serving), None);
    }

    #[test]
    fn a_device_that_rests_is_still_offered() {
        let mut roster = roster();
        roster.note(0, Duty::Resting);
        assert!(roster.is_any_resting());
        assert_eq!((roster.capability(), roster.lost()), (Some(roster.whole.clone()), vec![]));
        lose(&mut roster, 0);
        assert!(!roster.is_any_resting());
    }
}
