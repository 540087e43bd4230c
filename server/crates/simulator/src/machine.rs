//! Machines, and the keys under which their operators appear.

use hub::board::SessionNumber;
use hub::catalog::ModelKey;
use hub::speed::Measurement;
use shared::Address;
use shared::amount::MicroUnits;
use shared::capability::{Capability, ModelOffer};
use shared::device::Engine;
use shared::digest::Sha256Digest;
use shared::job::JobKind;
use shared::time::UnixMillis;
use shared::unit::UnitType;

use crate::assumptions::{MICRO_UNITS_PER_SECOND, SPEED_SPREAD_PER_MILLE};
use crate::demand::MODEL;
use crate::pictures::CLASSES;
use crate::random::Random;

/// One device, which computes one result after the other.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) is_cheat: bool,
    pub(crate) class: &'static str,
    micro_units_per_second: u64,
    busy_until: UnixMillis,
}

/// What the hub knows as a miner.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) session: SessionNumber,
    pub(crate) machine: usize,
    /// Results of it that held.
    pub(crate) results: u64,
}

impl Machine {
    pub(crate) fn honest(number: u64, random: &mut Random) -> Self {
        let micro_units_per_second = spread(MICRO_UNITS_PER_SECOND, random);
        let class = CLASSES[usize::from(!number.is_multiple_of(2))];
        Self { is_cheat: false, class, micro_units_per_second, busy_until: UnixMillis(0) }
    }

    /// Neither faster nor slower than honest machines are on average.
    pub(crate) const fn of_the_cheat() -> Self {
        let (class, micro_units_per_second) = (CLASSES[0], MICRO_UNITS_PER_SECOND);
        Self { is_cheat: true, class, micro_units_per_second, busy_until: UnixMillis(0) }
    }

    /// What the hub measured at it before the simulation begins.
    pub(crate) fn measurement(&self, miner: Address) -> Measurement {
        let model = ModelKey { kind: JobKind::Image, model: MODEL.into() };
        Measurement { model, miner, units: MicroUnits(self.micro_units_per_second * 1_000), elapsed_ms: 1_000_000 }
    }

    /// How long so much work takes this time, in milliseconds.
    pub(crate) fn work_ms(&self, units: MicroUnits, random: &mut Random) -> u64 {
        spread(units.0 * 1_000 / self.micro_units_per_second.max(1), random)
    }

    /// When so much computing is over that begins now, or after what the machine computes already.
    pub(crate) fn compute(&mut self, work_ms: u64, now: UnixMillis) -> UnixMillis {
        self.busy_until = self.busy_until.max(now).plus_ms(work_ms);
        self.busy_until
    }

    pub(crate) fn capability(&self, unit_price: shared::amount::Amount) -> Capability {
        let offer = ModelOffer {
            model: MODEL.into(),
            kind: JobKind::Image,
            manifest_sha256: Sha256Digest::of(MODEL.as_bytes()),
            unit_type: UnitType::MegapixelStep,
            unit_price,
            measured_micro_units_per_second: self.micro_units_per_second,
            suggestions: vec![],
            subjects: vec![],
            default_steps: 20,
            default_guidance: 3.0,
            fast: None,
            image_to_image: false,
        };
        let engine = Engine { name: self.class.into(), version: "1".into(), provider: "CPU".into() };
        let offers = vec![offer];
        Capability { worker_version: "1".into(), engine, devices: vec![], offers, slots: 1, hardware: None }
    }
}

fn spread(value: u64, random: &mut Random) -> u64 {
    value * random.between((1_000 - SPEED_SPREAD_PER_MILLE, 1_000 + SPEED_SPREAD_PER_MILLE)) / 1_000
}

/// A new key; nobody can tell whose it is.
pub(crate) fn address(number: u64) -> Address {
    let digest = Sha256Digest::of(&[b"miner".as_slice(), &number.to_be_bytes()].concat()).0;
    Address::from_slice(&digest[..20])
}
