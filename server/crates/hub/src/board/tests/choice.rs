//! The index chooses as a matcher does that looks at every task and every miner.

use proptest::prelude::*;
use shared::amount::{ATTO_PER_AIT, Amount};
use shared::capability::ModelOffer;
use shared::device::{Device, DeviceKind};
use shared::job::image::{PictureDefaults, SchedulerName};
use shared::job::request::{Constraints, Work};

use super::*;
use crate::board::fixtures::offer;

const MODELS: [&str; 3] = ["scenes", "portraits", "maps"];

#[derive(Debug, Clone)]
enum Step {
    Submit { client: u8, model: usize, steps: u32, fast: bool, constraints: Constraints },
    Join(Box<Joining>),
    Leave(u8),
    Drain(u8),
    Received(usize),
    Verified(usize),
    Refuted(usize),
    Failed(usize, Blame, bool),
    Cancel(usize),
    Wait(u64),
}

#[derive(Debug, Clone)]
struct Joining {
    number: u8,
    offers: Vec<ModelOffer>,
    gpu: Option<(usize, u64)>,
    slots: u32,
    leases_ended: u64,
    faults: u64,
}

const CARDS: [&str; 2] = ["NVIDIA GeForce RTX 4090", "AMD Radeon 7900"];

fn any_offer() -> impl Strategy<Value = ModelOffer> {
    let speed = prop_oneof![Just(0), Just(1_000_000), 1..5_000_000_u64, Just(u64::MAX)];
    (0..MODELS.len(), 0..=8_u128, speed, any::<bool>(), any::<bool>()).prop_map(
        |(model, price, speed, fast, picture)| {
            ModelOffer {
                // Up to the limit and a little beyond it.
                unit_price: Amount::from_atto(price * ATTO_PER_AIT * 3 / 10),
                measured_micro_units_per_second: speed,
                fast: fast.then_some(PictureDefaults { steps: 4, guidance: 1.0 }),
                image_to_image: picture,
                ..offer(MODELS[model])
            }
        },
    )
}

fn any_joining() -> impl Strategy<Value = Box<Joining>> {
    let gpu = prop::option::of((0..CARDS.len(), 1..32_u64));
    let history = prop_oneof![Just((0, 0)), Just((1, 0)), Just((2, 0)), Just((100, 0)), Just((100, 40)), Just((3, 2))];
    (0..10_u8, prop::collection::vec(any_offer(), 1..4), gpu, 0..4_u32, history).prop_map(
        |(number, mut offers, gpu, slots, (leases_ended, faults))| {
            offers.sort_by(|one, other| one.model.cmp(&other.model));
            offers.dedup_by(|one, other| one.model == other.model);
            Box::new(Joining { number, offers, gpu, slots, leases_ended, faults })
        },
    )
}

fn any_constraints() -> impl Strategy<Value = Constraints> {
    let price =
        prop::option::weighted(0.3, (0..60_u128).prop_map(|milli| Amount::from_atto(milli * ATTO_PER_AIT / 1_000)));
    let miners =
        prop_oneof![4 => Just(vec![]), 1 => prop::collection::vec((0..10_u8).prop_map(Address::repeat_byte), 1..3)];
    let gpu = prop::option::weighted(0.1, prop_oneof![Just("rtx".to_owned()), Just("radeon 7900".to_owned())]);
    let (vram, reputation) = (prop::option::weighted(0.2, 1..32_u32), prop::option::weighted(0.2, 500..1_000_u16));
    (price, miners, vram, gpu, reputation).prop_map(
        |(max_price, miners, min_vram_gb, gpu, min_reputation_per_mille)| Constraints {
            max_price,
            miners,
            min_vram_gb,
            gpu,
            min_reputation_per_mille,
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let blame = prop_oneof![Just(Blame::Miner), Just(Blame::Network), Just(Blame::Platform), Just(Blame::Input)];
    let plain = Just(Constraints::default());
    let submit =
        (0..4_u8, 0..MODELS.len(), 1..100_u32, prop::bool::weighted(0.1), prop_oneof![plain, any_constraints()]);
    prop_oneof![
        8 => submit.prop_map(|(client, model, steps, fast, constraints)| {
            Step::Submit { client, model, steps, fast, constraints }
        }),
        4 => any_joining().prop_map(Step::Join),
        1 => (0..10_u8).prop_map(Step::Leave),
        1 => (0..10_u8).prop_map(Step::Drain),
        4 => (0..12_usize).prop_map(Step::Received),
        4 => (0..12_usize).prop_map(Step::Verified),
        1 => (0..12_usize).prop_map(Step::Refuted),
        2 => (0..12_usize, blame, any::<bool>()).prop_map(|(index, blame, retryable)| {
            Step::Failed(index, blame, retryable)
        }),
        1 => (0..12_usize).prop_map(Step::Cancel),
        2 => (0..30_000_u64).prop_map(Step::Wait),
    ]
}

struct Stream {
    board: Board,
    now: UnixMillis,
    count: u128,
}

impl Stream {
    fn lease(&self, index: usize, verifying: bool) -> Option<Lease> {
        let mut leases = self.board.leases.values().filter(|lease| self.board.is_verifying(lease.id) == verifying);
        leases.nth(index).cloned()
    }

    fn arrival(&self, joining: Joining) -> Arrival {
        let Joining { number, offers, gpu, slots, leases_ended, faults } = joining;
        let gpu = gpu.map(|(name, gigabytes)| Device {
            kind: DeviceKind::Gpu,
            name: CARDS[name].into(),
            cores: None,
            memory_bytes: gigabytes << 30,
        });
        let plain = arrival(number, u64::try_from(self.count).unwrap(), slots);
        let capability = Capability { offers, devices: gpu.into_iter().collect(), ..plain.capability };
        Arrival { capability, leases_ended, faults, ..plain }
    }

    fn input(&mut self, step: Step) -> Option<Input> {
        self.count += 1;
        Some(match step {
            Step::Submit { client, model, steps, fast, constraints } => {
                let mut request = ValidJob { constraints, ..image_job(MODELS[model]) };
                let Work::Image(input) = &mut request.work else { panic!("a picture") };
                input.steps = steps;
                input.scheduler = fast.then_some(SchedulerName::Fast);
                let (id, seq) = (JobId::from_random(self.count), self.count as i64);
                let client = Address::repeat_byte(0xc0 + client);
                Input::Submit(OpenJob::new(
                    id,
                    seq,
                    client,
                    Arc::new(request),
                    self.now.plus_ms(600_000),
                    TaskCount::ONE,
                ))
            }
            Step::Join(joining) => Input::Join(Box::new(self.arrival(*joining))),
            Step::Leave(number) => {
                let miner = Address::repeat_byte(number);
                Input::Leave { miner, session: self.board.session_of(miner)? }
            }
            Step::Drain(number) => {
                let miner = Address::repeat_byte(number);
                Input::Drain { miner, session: self.board.session_of(miner)? }
            }
            Step::Received(index) => {
                let lease = self.lease(index, false)?;
                Input::ResultReceived { lease_id: lease.id, miner: lease.miner }
            }
            Step::Verified(index) => {
                let lease = self.lease(index, true)?;
                verified(&lease)
            }
            Step::Refuted(index) => {
                Input::ResultRefuted { lease_id: self.lease(index, true)?.id, reason: "blank".into() }
            }
            Step::Failed(index, blame, retryable) => {
                let lease = self.lease(index, false)?;
                Input::Fail { lease_id: lease.id, miner: lease.miner, failure: failure(blame, retryable) }
            }
            Step::Cancel(index) => Input::Cancel { job_id: *self.board.jobs.keys().nth(index)? },
            Step::Wait(milliseconds) => {
                self.now = self.now.plus_ms(milliseconds);
                Input::Tick
            }
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn the_index_chooses_as_one_does_who_looks_at_all(steps in prop::collection::vec(any_step(), 0..150)) {
        let mut stream = Stream { board: board(), now: NOW, count: 0 };
        let mut slow = board();
        slow.looks_at_all = true;
        for step in steps {
            let Some(input) = stream.input(step) else { continue };
            let quick = stream.board.apply(input.clone(), stream.now);
            let all = slow.apply(input, stream.now);
            prop_assert_eq!(format!("{quick:#?}"), format!("{all:#?}"));
            prop_assert_eq!(stream.board.next_task_of_all(stream.now), None, "it fits a free miner and waits");
        }
    }
}
