//! Measures the board alone, without a database or a connection: what a match costs, and that it costs the same however
//! many miners are connected and however many tasks wait. Prints one line of JSON: `[{name, value, unit, bar, holds}]`.
//!
//! One match is the input that ends a task (`ResultReceived`, `ResultVerified`): it frees a miner, chooses the next task
//! for it among all that wait and grants it. The board's own bookkeeping and the memory of the effects are part of it.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a program that measures")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use hub::audit::Draw;
use hub::board::{Arrival, Board, Effect, HubIdentity, Input, Lease, OpenJob, SessionNumber, VerifiedResult};
use hub::pinned::PinnedModels;
use serde_json::{Value, json};
use shared::amount::{ATTO_PER_AIT, Amount};
use shared::capability::{Capability, ModelOffer};
use shared::commitment::Salt;
use shared::device::{Device, DeviceKind, Engine};
use shared::digest::Sha256Digest;
use shared::escrow::TaskCount;
use shared::id::{JobId, LeaseId};
use shared::job::JobKind;
use shared::job::image::ValidImageInput;
use shared::job::request::{Constraints, PaidBy, ValidJob, Work};
use shared::time::UnixMillis;
use shared::unit::UnitType;
use shared::{Address, B256};

/// Models of the fleet; each miner serves three of them.
const MODELS: u64 = 20;
const MATCHES: usize = 20_000;
const CLIENTS: u64 = 200;

const MATCH_BAR_US: f64 = 20.0;
/// From the smallest to the largest: what caches of the processor cost is allowed, a look at each is not.
const FLAT_BAR: f64 = 3.0;
const FAIR_BAR: f64 = 1.2;

fn main() {
    let mut figures = Vec::new();
    let base = matches(10_000, 100_000);
    figures.push(at_most("match among 10 000 miners, 100 000 queued, mean", base.mean_us, "us", MATCH_BAR_US));
    figures.push(told("the same, p99", base.p99_us, "us"));
    let small = matches(10_000, 1_000);
    let large = matches(10_000, 1_000_000);
    figures.push(told("match among 10 000 miners, 1 000 queued, mean", small.mean_us, "us"));
    figures.push(told("match among 10 000 miners, 1 000 000 queued, mean", large.mean_us, "us"));
    figures.push(at_most("match, 1 000 000 queued against 1 000", large.mean_us / small.mean_us, "x", FLAT_BAR));
    let few = matches(100, 100_000);
    figures.push(at_most("match, 10 000 miners against 100", base.mean_us / few.mean_us, "x", FLAT_BAR));
    let idle = submissions();
    figures.push(at_most("submit to one of 10 000 free miners, mean", idle.mean_us, "us", MATCH_BAR_US));
    figures.push(told("the same, p99", idle.p99_us, "us"));
    figures.push(at_most("others' p99 beside a client with 90 % of the load", fairness(), "x", FAIR_BAR));
    println!("{}", Value::Array(figures));
}

fn told(name: &str, value: f64, unit: &str) -> Value {
    json!({"name": name, "value": value, "unit": unit, "bar": null, "holds": null})
}

fn at_most(name: &str, value: f64, unit: &str, bar: f64) -> Value {
    json!({"name": name, "value": value, "unit": unit, "bar": bar, "holds": value <= bar})
}

struct Times {
    mean_us: f64,
    p99_us: f64,
}

impl Times {
    fn of(what: &str, mut each_us: Vec<f64>) -> Self {
        each_us.sort_by(f64::total_cmp);
        let mean_us = each_us.iter().sum::<f64>() / each_us.len() as f64;
        let p99_us = each_us[(each_us.len() - 1) * 99 / 100];
        eprintln!("{what}: mean {mean_us:.2} us, p50 {:.2} us, p99 {p99_us:.2} us", each_us[each_us.len() / 2]);
        Self { mean_us, p99_us }
    }
}

/// Random numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn model(number: u64) -> String {
    format!("model-{}", number % MODELS)
}

fn address(number: u64) -> Address {
    let digest = Sha256Digest::of(&number.to_be_bytes()).0;
    Address::from_slice(&digest[..20])
}

/// Prices, speeds, cards and histories differ, as those of strangers do.
fn arrival(number: u64, random: &mut Random, slots: u32) -> Arrival {
    let offer = |other: u64, random: &mut Random| ModelOffer {
        model: model(number + other * 7),
        kind: JobKind::Image,
        manifest_sha256: Sha256Digest::of(b"manifest"),
        unit_type: UnitType::MegapixelStep,
        unit_price: Amount::from_atto(u128::from(random.below(2_000)) * ATTO_PER_AIT / 1_000),
        measured_micro_units_per_second: 1_000_000 + random.below(20_000_000),
        suggestions: vec![],
        subjects: vec![],
        default_steps: 8,
        default_guidance: 3.0,
        fast: None,
        image_to_image: random.below(2) == 0,
    };
    let offers = (0..3).map(|other| offer(other, random)).collect();
    let engine = Engine { name: "onnxruntime".into(), version: "1".into(), provider: "CUDA".into() };
    let memory_bytes = (4 + 4 * random.below(20)) << 30;
    let gpu =
        Device { kind: DeviceKind::Gpu, name: format!("RTX {}090", 2 + random.below(4)), cores: None, memory_bytes };
    let devices = vec![gpu];
    let capability = Capability { worker_version: "1".into(), engine, devices, offers, slots, hardware: None };
    let (leases_ended, faults) = (100 + random.below(1_000), random.below(20));
    Arrival {
        address: address(number),
        session: SessionNumber(number),
        capability,
        slots_lent: slots,
        leases: vec![],
        leases_ended,
        faults,
    }
}

fn request(number: u64, random: &mut Random) -> ValidJob {
    let input = ValidImageInput {
        prompt: "a lake".into(),
        negative_prompt: String::new(),
        steps: 8,
        guidance: 3.0,
        width: 512,
        height: 512,
        seed: 1,
        count: 1,
        scheduler: None,
        eta: None,
        init_image: None,
        strength: None,
    };
    // Every fourth job asks for something that not every miner has.
    let constraints = match number % 4 {
        0 => {
            Constraints { min_vram_gb: Some(8 + 8 * u32::try_from(random.below(4)).unwrap()), ..Constraints::default() }
        }
        _ => Constraints::default(),
    };
    ValidJob {
        model: model(number),
        work: Work::Image(input),
        constraints,
        payment: PaidBy::Mint,
        ttl_seconds: 86_400,
        salt: Salt(B256::ZERO),
    }
}

fn job(number: u64, client: u64, random: &mut Random) -> OpenJob {
    let (seq, request) = (i64::try_from(number).unwrap(), Arc::new(request(number, random)));
    OpenJob::new(
        JobId::from_random(number.into()),
        seq,
        address(1_000_000 + client),
        request,
        UnixMillis(u64::MAX),
        TaskCount::ONE,
    )
}

const NOW: UnixMillis = UnixMillis(1_000);

fn board() -> Board {
    let identity = HubIdentity {
        hub_id: "bench".into(),
        chain_id: 1,
        minter: Address::ZERO,
        escrow: Address::ZERO,
        attester: Address::ZERO,
    };
    Board::new(identity, [7; 32], PinnedModels::default(), []).with_audits(Draw::Never)
}

fn granted(effects: &[Effect]) -> impl Iterator<Item = Lease> {
    effects.iter().filter_map(|effect| match effect {
        Effect::Grant { lease, .. } => Some(lease.clone()),
        _ => None,
    })
}

fn finish(board: &mut Board, lease: &Lease, now: UnixMillis) -> Vec<Effect> {
    let _ = board.apply(Input::ResultReceived { lease_id: lease.id, miner: lease.miner }, now).unwrap();
    board
        .apply(
            Input::ResultVerified(VerifiedResult {
                lease_id: lease.id,
                units: lease.terms.units,
                bits: [0xff; 32],
                compared: None,
            }),
            now,
        )
        .unwrap()
}

/// All miners are busy, so many tasks wait, and one task after the other ends.
fn matches(miners: u64, queued: u64) -> Times {
    let (mut board, mut random, mut running) = (board(), Random(1), VecDeque::new());
    for number in 0..miners {
        let _ = board.apply(Input::Join(Box::new(arrival(number, &mut random, 1))), NOW).unwrap();
    }
    let mut number = 0;
    while board.queue_depth() < usize::try_from(queued).unwrap() {
        let client = random.below(CLIENTS);
        let effects = board.apply(Input::Submit(job(number, client, &mut random)), NOW).unwrap();
        running.extend(granted(&effects));
        number += 1;
    }
    let mut each = Vec::new();
    let mut now = NOW;
    for _ in 0..MATCHES {
        let Some(lease) = running.pop_front() else { break };
        now = now.plus_ms(100 + random.below(1_000));
        let began = Instant::now();
        let effects = finish(&mut board, &lease, now);
        each.push(began.elapsed().as_secs_f64() * 1e6);
        running.extend(granted(&effects));
        // The queue stays as long as it is.
        let next = job(number, random.below(CLIENTS), &mut random);
        running.extend(granted(&board.apply(Input::Submit(next), now).unwrap()));
        number += 1;
    }
    Times::of(&format!("{miners} miners, {queued} queued, {} running", running.len()), each)
}

/// All miners are free, and jobs come.
fn submissions() -> Times {
    let (mut board, mut random) = (board(), Random(1));
    for number in 0..10_000 {
        let _ = board.apply(Input::Join(Box::new(arrival(number, &mut random, 1))), NOW).unwrap();
    }
    let mut each = Vec::new();
    for number in 0..MATCHES as u64 {
        let next = job(number, random.below(CLIENTS), &mut random);
        let began = Instant::now();
        let effects = board.apply(Input::Submit(next), NOW).unwrap();
        each.push(began.elapsed().as_secs_f64() * 1e6);
        for lease in granted(&effects) {
            let _ = finish(&mut board, &lease, NOW);
        }
    }
    Times::of("10 000 free miners, submit", each)
}

/// Fifty miners with one slot, and nine clients that ask for a tenth of what the fleet does. The 99th percentile of their
/// waits where a tenth client asks for nine times as much as they do together and keeps a queue, against the same where it
/// does not exist. Time is the board's: a task takes 0.5 to 1.5 s.
fn fairness() -> f64 {
    let alone = p99_of_others(false);
    let beside = p99_of_others(true);
    eprintln!("others' p99: alone {alone} ms, beside {beside} ms");
    beside / alone
}

fn p99_of_others(is_crowded: bool) -> f64 {
    const MINERS: u64 = 50;
    const TASK_MS: u64 = 1_000;
    const STEP_MS: u64 = 10;
    let (mut board, mut random) = (board(), Random(3));
    for number in 0..MINERS {
        let _ = board.apply(Input::Join(Box::new(arrival(20 * number, &mut random, 1))), NOW).unwrap();
    }
    let mut running: BTreeMap<(UnixMillis, LeaseId), Lease> = BTreeMap::new();
    let mut submitted = BTreeMap::new();
    let mut latencies = Vec::new();
    let mut number = 0_u32;
    for step in 0..20_000_u64 {
        let now = NOW.plus_ms(step * STEP_MS);
        let mut effects = Vec::new();
        while running.first_key_value().is_some_and(|((until, _), _)| *until <= now) {
            let (_, lease) = running.pop_first().unwrap();
            effects.extend(finish(&mut board, &lease, now));
            if let Some(at) = submitted.remove(&lease.task.job_id) {
                latencies.push(now.since_ms(at) as f64);
            }
        }
        // The others: one job each 200 ms, a tenth of what 50 miners do in that time. The large one: nine each 200 ms, and
        // 1000 at the beginning.
        let mut clients = Vec::new();
        if step % 20 == 0 {
            clients.push(1 + random.below(9));
            if is_crowded {
                clients.extend(std::iter::repeat_n(0, 9));
            }
        }
        if is_crowded && step == 0 {
            clients.extend(std::iter::repeat_n(0, 1_000));
        }
        for client in clients {
            let mut plain = job(0, client, &mut random);
            let request =
                ValidJob { model: model(0), constraints: Constraints::default(), ..(**plain.request()).clone() };
            let id = JobId::from_random(u128::from(number) + 1);
            plain = OpenJob::new(
                id,
                number.into(),
                address(1_000_000 + client),
                Arc::new(request),
                UnixMillis(u64::MAX),
                TaskCount::ONE,
            );
            number += 1;
            if client > 0 {
                submitted.insert(id, now);
            }
            effects.extend(board.apply(Input::Submit(plain), now).unwrap());
        }
        for number in 0..MINERS {
            let _ = board.apply(Input::Heard { miner: address(20 * number), session: SessionNumber(20 * number) }, now);
        }
        for lease in granted(&effects) {
            running.insert((now.plus_ms(TASK_MS / 2 + random.below(TASK_MS)), lease.id), lease);
        }
    }
    latencies.sort_by(f64::total_cmp);
    latencies[(latencies.len() - 1) * 99 / 100]
}
