//! Whatever a hub assigns: it is refused with the name of the field that is out of bounds, or taken, and nothing panics.

use std::time::Instant;

use gpu_worker::hub::HubNumber;
use gpu_worker::hub::clock::HubClock;
use gpu_worker::hub::session::{HubIdentity, Session};
use gpu_worker::worker::state::{Effect, Worker};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::job::lifecycle::Blame;
use shared::job::request::Work;
use shared::protocol::{Assignment, HubMessage, WorkerMessage};

use crate::hub_double::{ESCROW, MINTER, assignment};
use crate::worker_state::offer;

fn answer(assignment: Assignment) -> Vec<Effect> {
    let now = Instant::now();
    let mut worker = Worker::new(HubNumber(0), &[offer()], 1, Vec::new());
    let hub = HubIdentity { hub_id: "double".into(), chain_id: 7, minter: MINTER, escrow: ESCROW };
    worker.connected(Session { hub, clock: HubClock::new(inference::clock::now(), now), slots_told: 1 });
    worker.hub_message(HubMessage::Assign(Box::new(assignment)), now)
}

/// An assignment whose field of the work has this value, with the units that its hub would count.
fn with(field: &str, value: &Value) -> Option<Assignment> {
    let mut assignment = assignment(1, 2);
    let mut work = serde_json::to_value(&assignment.work).unwrap();
    work["input"][field] = value.clone();
    assignment.work = serde_json::from_value(work).ok()?;
    let Work::Image(input) = &assignment.work else { return None };
    let edges = u64::from(input.width).wrapping_mul(input.height.into());
    let steps = u64::from(input.steps_walked()).wrapping_mul(input.count.into());
    assignment.terms.units.0 = edges.wrapping_mul(steps);
    Some(assignment)
}

#[test]
fn work_out_of_its_bounds_is_refused_with_its_name_before_anything_computes_with_it() {
    let lies = [
        ("width", json!(0)),
        ("height", json!(0)),
        ("width", json!(u32::MAX)),
        ("height", json!(63)),
        ("steps", json!(0)),
        ("steps", json!(u32::MAX)),
        ("count", json!(0)),
        ("count", json!(u32::MAX)),
        ("prompt", json!("x".repeat(100_000))),
        ("guidance", json!(1e30)),
    ];
    for (field, value) in lies {
        let effects = answer(with(field, &value).unwrap());
        let [Effect::Send(WorkerMessage::Fail { blame, reason, .. })] = &effects[..] else {
            panic!("{field} {value} was answered by {effects:?}")
        };
        assert_eq!(*blame, Blame::Platform);
        let named = format!("out of bounds: `input.{field}` is ");
        assert!(reason.contains(&named), "{field}: {reason}");
    }
    let honest = answer(with("width", &json!(256)).unwrap());
    assert!(matches!(honest[..], [Effect::Send(WorkerMessage::Accept { .. }), Effect::Run(_)]));
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u32>().prop_map(Value::from),
        prop::sample::select(vec![0_u32, 1, 8, 64, 1_024, u32::MAX]).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e6_f32..1e6).prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(Value::Null),
    ]
}

proptest! {
    #[test]
    fn any_assignment_is_refused_or_taken_and_nothing_panics(
        field in prop::sample::select(vec![
            "prompt", "negative_prompt", "steps", "guidance", "width", "height", "seed", "count", "scheduler", "eta",
            "strength",
        ]),
        value in any_value(), units in any::<Option<u64>>(), price: u128, expires: u64, deadline in any::<Option<u64>>(),
    ) {
        // What is no message is refused by its parser.
        let Some(mut job) = with(field, &value) else { return Ok(()) };
        job.terms.units.0 = units.unwrap_or(job.terms.units.0);
        job.terms.unit_price = shared::amount::Amount::from_atto(price);
        job.terms.expires_at.0 = expires;
        job.deadline_unix_ms.0 = deadline.unwrap_or(job.deadline_unix_ms.0);
        let is_within = job.broken_bounds().is_empty();
        let effects = answer(job);
        match &effects[..] {
            [Effect::Send(WorkerMessage::Fail { reason, .. })] => prop_assert!(!reason.is_empty()),
            [Effect::Send(WorkerMessage::Accept { .. }), Effect::Run(_)] => prop_assert!(is_within),
            other => prop_assert!(false, "answered by {other:?}"),
        }
    }
}
