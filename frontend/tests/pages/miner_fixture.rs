//! A miner with its hardware report, and why it has no job.

use serde_json::json;
use shared::api::miners::MinerView;
use shared::api::reviews::ReviewView;
use shared::api::why_idle::WhyIdle;
use shared::digest::Sha256Digest;

use super::fixture::{AT, MINER, MODEL};

fn hardware() -> serde_json::Value {
    let rate = json!({"median": 30_000_000, "min": 29_000_000, "max": 31_000_000, "samples": 7});
    let card = json!({"kind": "gpu", "name": "A card", "cores": null, "memory_bytes": 8_589_934_592_u64});
    let processor = json!({"kind": "cpu", "name": "two cores", "cores": 2, "memory_bytes": 4_000_000_000_u64});
    json!({"signature": format!("0x{}", "11".repeat(65)), "report": {
        "miner": MINER, "worker_version": "0.1.0", "method": "aitbc-probe/1", "measured_at_unix_ms": AT * 1000,
        "devices": [
            {"device": processor, "software": false, "interface": "host", "copy_mb_per_second": rate},
            {"device": card, "software": false, "interface": "Vulkan", "pci_bus_id": "0000:01:00.0",
                "fp32_mflop_per_second": rate, "fp32_peak_mflop_per_second": 41_000_000, "notes": ["a remark"],
                "condition": {"temperature_celsius": 61, "throttled_by": ["sw_power_cap"]}},
        ],
        "models": [{"model": MODEL, "manifest_sha256": Sha256Digest::of(b"m"), "threads": 2,
            "engine": {"name": "tract", "version": "0.21", "provider": "CPU"}, "unit_type": "megapixel_step",
            "micro_units_per_second": rate}],
    }})
}

pub(crate) fn why_idle() -> WhyIdle {
    serde_json::from_value(json!({
        "address": MINER, "running": 0, "slots": 1,
        "reasons": [{"reason": "no_jobs", "words": "No job waits for any of its models.", "help": "offer further models"}],
        "models": [{"model": MODEL, "kind": "image", "waiting": 0, "looked_at": 0, "fitting": 0, "removed": [],
            "place": 1, "miners": 1, "unit_type": "megapixel_step", "unit_price": "1000000000000000000",
            "first_up_to": "2000000000000000000", "words": format!("No job waits for `{MODEL}`.")}],
    }))
    .unwrap()
}

/// Of a paid receipt, and of one that was minted for, whose text an operator hid.
pub(crate) fn reviews() -> Vec<ReviewView> {
    let review = |number: u8, stars: u8, paid: &str, said: serde_json::Value| {
        let mut review = json!({
            "receipt_hash": format!("0x{}", format!("{number:02x}").repeat(32)), "job_id": format!("job_{number:032x}"),
            "miner": MINER, "author": format!("0x{}", "a1".repeat(20)), "stars": stars, "paid": paid,
            "created_at_unix_ms": AT * 1000, "editable_until_unix_ms": AT * 1000 + 5,
        });
        review.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        serde_json::from_value(review).unwrap()
    };
    let text = json!({"text": "Sharp, and <b>fast</b> http://x.example", "salt": format!("0x{}", "73".repeat(32))});
    vec![review(7, 4, "2500000000000000000", text), review(8, 1, "0", json!({"hidden_reason": "it insults somebody"}))]
}

pub(crate) fn miner() -> MinerView {
    serde_json::from_value(json!({
        "address": MINER, "online": true,
        "capability": {"worker_version": "0.1.0",
            "engine": {"name": "tract", "version": "0.21", "provider": "CPU"},
            "devices": [{"kind": "cpu", "name": "two cores", "cores": 2, "memory_bytes": 4_000_000_000_u64}],
            "offers": [{"model": MODEL, "kind": "image", "manifest_sha256": Sha256Digest::of(b"m"),
                "unit_type": "megapixel_step", "unit_price": "1000000000000000000",
                "measured_micro_units_per_second": 1_420_000, "suggestions": [], "default_steps": 8,
                "default_guidance": 5.0},
                {"model": "words", "kind": "text", "manifest_sha256": Sha256Digest::of(b"w"), "unit_type": "token",
                "unit_price": "1000000000000000", "measured_micro_units_per_second": 1_557_908_000, "suggestions": [],
                "default_steps": 0, "default_guidance": 0.0}],
            "slots": 1, "hardware": hardware()},
        "first_seen_at_unix_ms": AT * 1000, "last_seen_at_unix_ms": AT * 1000, "jobs_running": 0,
        "jobs_completed": 2, "faults": 0, "reputation_per_mille": 1000,
        "reviews": {"paid": 1, "unpaid": 1, "mean_per_mille": 4_250},
        "audits": {"confirmed": 1, "refuted": 0, "share_per_mille": 450}, "earned": "4194304000000000000", "pending": "0",
        "held": "3000000000000000000",
    }))
    .unwrap()
}
