//! What crosses the network in JSON, from strangers: messages of sessions, jobs, receipts and reports.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::B256;
use shared::commitment::Salt;
use shared::hardware::SignedHardwareReport;
use shared::job::init_image::{Header, InitImage};
use shared::job::request::{CreateJob, Drawn};
use shared::log::{LogEntry, SignedCheckpoint};
use shared::model::ModelManifest;
use shared::protocol::{HubMessage, WorkerMessage};
use shared::receipt::SignedReceipt;
use test_support::fuzz;

fn texts(seeds: &[Value]) -> Vec<Vec<u8>> {
    seeds.iter().map(|seed| seed.to_string().into_bytes()).collect()
}

/// What is taken is written again and read as the same.
fn reads_as_it_writes<T: DeserializeOwned + Serialize + PartialEq + Debug>(input: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(input).ok()?;
    let written = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<T>(&written).unwrap(), read, "{written}");
    Some(read)
}

/// Every text of the vectors' cases, whatever it is called there.
fn receipts() -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/job_receipt.json")).unwrap();
    vectors["cases"].as_array().unwrap().iter().map(|case| case["receipt"].clone()).collect()
}

fn report() -> Value {
    let device = json!({"kind": "cpu", "name": "a processor", "cores": 8, "memory_bytes": 1 << 30});
    let rate = json!({"median": 5, "min": 4, "max": 6, "runs": 3});
    let measured = json!({"device": device, "software": false, "interface": "host", "fp32_mflop_per_second": rate});
    json!({"report": {"miner": format!("0x{}", "33".repeat(20)), "worker_version": "1", "method": "2",
        "measured_at_unix_ms": 7, "devices": [measured], "models": []}, "signature": format!("0x{}", "44".repeat(65))})
}

fn capability() -> Value {
    let engine = json!({"name": "tract", "version": "1", "provider": "CPU"});
    let device = json!({"kind": "cpu", "name": "a processor", "cores": 8, "memory_bytes": 1 << 30});
    let offer = json!({"model": "scenes", "kind": "image", "manifest_sha256": "aa".repeat(32),
        "unit_type": "megapixel_step", "unit_price": "100", "measured_micro_units_per_second": 9,
        "suggestions": ["a city"], "default_steps": 8, "default_guidance": 3.0, "fast": {"steps": 4, "guidance": 1.0}});
    json!({"worker_version": "1", "engine": engine, "devices": [device], "offers": [offer], "slots": 1})
}

const LEASE: &str = "lease_0123456789abcdef0123456789abcdef";

#[test]
fn fuzz_messages_between_hub_and_worker() {
    let worker = texts(&[
        json!({"type": "accept", "lease_id": LEASE}),
        json!({"type": "progress", "lease_id": LEASE, "step": 1, "steps": 20,
            "preview": {"media_type": "image/png", "base64": "aGVsbG8="}, "piece": {"at": 0, "text": "a 漢"}}),
        json!({"type": "fail", "lease_id": LEASE, "blame": "input", "reason": "too long", "retryable": false}),
        json!({"type": "heartbeat", "leases": [LEASE, LEASE]}),
        json!({"type": "drain"}),
        json!({"type": "slots", "slots": 3}),
        json!({"type": "decline", "lease_id": LEASE}),
        json!({"type": "register", "protocol_version": 9, "address": "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a",
            "capability": capability(), "dialed": "hub.example:443", "slots": 2, "leases": [LEASE], "signature": "0x00"}),
    ]);
    worker.iter().for_each(|seed| assert!(serde_json::from_slice::<WorkerMessage>(seed).is_ok()));
    fuzz("worker messages", &worker, |input| drop(reads_as_it_writes::<WorkerMessage>(input)));
    let hub = texts(&[
        json!({"type": "welcome", "heartbeat_seconds": 15}),
        json!({"type": "refused", "reason": "no", "retryable": true}),
        json!({"type": "cancel", "lease_id": LEASE, "reason": "gone"}),
        json!({"type": "watched", "lease_id": LEASE, "watched": true}),
        json!({"type": "notice", "text": "a sentence"}),
    ]);
    fuzz("hub messages", &hub, |input| drop(reads_as_it_writes::<HubMessage>(input)));
}

#[test]
fn fuzz_jobs() {
    let seeds = texts(&[
        json!({"kind": "image", "input": {"prompt": "a city", "steps": 8, "guidance": 3.0, "width": 512, "height": 512,
            "seed": 7, "count": 2, "scheduler": "ddim", "eta": 0.5, "negative_prompt": "rain"}}),
        json!({"kind": "image", "input": {"prompt": "a city", "init_image": "iVBORw0KGgo=", "strength": 0.35}}),
        json!({"kind": "text", "input": {"prompt": "Once", "max_tokens": 64, "temperature": 0.7, "top_p": 0.9,
            "stop": ["\n"]}, "model": "aitbc-words-1"}),
        json!({"kind": "text", "input": {"messages": [{"role": "user", "content": "Hi"}]}}),
        json!({"kind": "embedding", "input": {"input": ["a harbour", "at night"]}}),
    ]);
    fuzz("jobs", &seeds, |input| {
        let Ok(job) = serde_json::from_slice::<CreateJob>(input) else { return };
        // What a miner computes with is within all bounds: no count, size or number of it is beyond what a hub agrees to.
        let Ok(valid) = job.validate(Drawn { seed: 7, salt: Salt(B256::repeat_byte(7)) }, Some("default".into()))
        else {
            return;
        };
        assert!(valid.work.units().0 > 0, "work of nothing");
        let written = serde_json::to_string(&valid.work).unwrap();
        assert_eq!(serde_json::from_str::<shared::job::request::Work>(&written).unwrap(), valid.work, "{written}");
    });
}

#[test]
fn fuzz_receipts() {
    let plain = texts(&receipts());
    fuzz("receipts", &plain, |input| {
        let Some(receipt) = reads_as_it_writes::<shared::receipt::JobReceipt>(input) else { return };
        // The canonical form is one form: what it says is what was read.
        let Ok(canonical) = receipt.canonical_json() else { return };
        let again: shared::receipt::JobReceipt = serde_json::from_str(&canonical).unwrap();
        assert_eq!((again.canonical_json().unwrap(), again.hash().unwrap()), (canonical, receipt.hash().unwrap()));
        drop(receipt.claim());
    });
    let signed = receipts().into_iter().map(|receipt| {
        json!({"receipt": receipt, "receipt_hash": format!("0x{}", "11".repeat(32)),
            "miner_signature": format!("0x{}", "22".repeat(65)),
            "attestations": [{"attester": format!("0x{}", "33".repeat(20)), "signature": format!("0x{}", "44".repeat(65))}]})
    });
    fuzz("signed receipts", &texts(&signed.collect::<Vec<_>>()), |input| {
        let Some(signed) = reads_as_it_writes::<SignedReceipt>(input) else { return };
        assert!(signed.verify().is_err(), "nobody signed it");
    });
}

#[test]
fn fuzz_manifests_and_reports() {
    let manifest = json!({
        "name": "scenes", "version": "1", "kind": "image", "licence": "MIT", "graph": "onnx/model.onnx",
        "files": [{"path": "a", "sha256": "aa".repeat(32), "bytes": 7}], "default_steps": 8, "default_guidance": 3.0,
        "fast": {"steps": 4, "guidance": 1.0}, "native_size_px": 512,
    });
    fuzz("manifests", &texts(&[manifest]), |input| drop(reads_as_it_writes::<ModelManifest>(input)));
    fuzz("hardware reports", &texts(&[report()]), |input| drop(reads_as_it_writes::<SignedHardwareReport>(input)));
}

#[test]
fn fuzz_headers_of_pictures() {
    let png = [
        &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..],
        &64_u32.to_be_bytes(),
        &64_u32.to_be_bytes(),
        b"\x08\x02\0\0\0\0\0\0\0",
    ];
    let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x11\x08\0\x40\0\x40\x03\x01\x22\0\x02\x11\x01\x03\x11\x01";
    fuzz("headers of pictures", &[png.concat(), jpeg.to_vec()], |input| {
        if let Ok(header) = Header::read(input) {
            assert!((1..=4096).contains(&header.width_px) && (1..=4096).contains(&header.height_px), "{header:?}");
        }
        drop(std::str::from_utf8(input).map(InitImage::parse));
    });
}

#[test]
fn fuzz_the_log() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/job_failure.json")).unwrap();
    let entry = |case: &Value| {
        json!({"kind": "failure", "failure": case["failure"], "failure_hash": case["failure_hash"],
            "hub_signature": case["hub_signature"]})
    };
    let mut entries: Vec<Value> = vectors["cases"].as_array().unwrap().iter().map(entry).collect();
    let (hash, miner) = (format!("0x{}", "0a".repeat(32)), format!("0x{}", "33".repeat(20)));
    let job = "job_fedcba98765432100123456789abcdef";
    entries.push(json!({"kind": "fault", "miner": miner, "job_id": job, "task_role": "serve", "cause": "lease",
        "at": 9}));
    entries.push(json!({"kind": "amnesty", "from": 7, "to": 8, "reason": "a broken disk", "at": 9}));
    entries.push(json!({"kind": "void", "receipt_hash": hash, "provider": miner, "amount": "5", "reason": "refuted"}));
    entries
        .push(json!({"kind": "rejection", "receipt_hash": hash, "provider": miner, "bounty": 4, "reason": "refuted",
        "transaction": {"transaction_hash": hash, "block_number": 7}}));
    entries.push(json!({"kind": "refund", "job_id": job, "client": miner, "amount": "5",
        "transaction": {"transaction_hash": hash, "block_number": 7}}));
    entries.push(json!({"kind": "audit", "job_id": job, "receipt_hash": hash, "provider": miner, "state": "refuted",
        "opinions": [], "bits": hash, "evidence_sha256": "aa".repeat(32), "refuted": {"miner": miner, "faults": 10}, "ended_at": 9}));
    let seeds = texts(&entries);
    seeds.iter().for_each(|seed| assert!(serde_json::from_slice::<LogEntry>(seed).is_ok()));
    fuzz("entries of the log", &seeds, |input| {
        let Some(entry) = reads_as_it_writes::<LogEntry>(input) else { return };
        // What has a leaf is read back from it.
        if let Ok(canonical) = entry.canonical_json() {
            assert_eq!(reads_as_it_writes::<LogEntry>(canonical.as_bytes()), Some(entry));
        }
    });
    let checkpoint =
        |case: &Value| json!({"checkpoint": case["checkpoint"], "hub": miner, "signature": case["signature"]});
    let seeds: Vec<Value> = vectors["checkpoints"].as_array().unwrap().iter().map(checkpoint).collect();
    fuzz("checkpoints", &texts(&seeds), |input| {
        reads_as_it_writes::<SignedCheckpoint>(input).map(|signed| signed.verify().is_ok());
    });
}
