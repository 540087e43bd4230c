//! Jobs, capabilities and pictures for this crate's tests.

use shared::Address;
use shared::amount::Amount;
use shared::capability::{Capability, ModelOffer};
use shared::chain;
use shared::device::Engine;
use shared::digest::Sha256Digest;
use shared::job::JobKind;
use shared::job::image::ValidImageInput;
use shared::job::request::{Constraints, Payment, ValidJob, Work};
use shared::job::text::{Ask, ValidTextInput};
use shared::protocol::ReceiptTerms;
use shared::time::UnixSeconds;
use shared::unit::UnitType;

use crate::matching::Candidate;

/// A miner that is free and has no history.
pub(crate) fn candidate(number: u8, capability: &Capability) -> Candidate<'_> {
    Candidate {
        address: Address::repeat_byte(number),
        capability,
        free_slots: 1,
        draining: false,
        leases: 0,
        faults: 0,
        gave_up: false,
        faults_with_task: 0,
    }
}

pub(crate) fn image_job(model: &str) -> ValidJob {
    let input = ValidImageInput {
        prompt: "a lake".into(),
        negative_prompt: String::new(),
        steps: 8,
        guidance: 3.0,
        width: 64,
        height: 64,
        seed: 1,
        count: 1,
        scheduler: None,
        eta: None,
        init_image: None,
        strength: None,
    };
    ValidJob {
        model: model.into(),
        work: Work::Image(input),
        constraints: Constraints::default(),
        payment: Payment::default(),
        ttl_seconds: 900,
    }
}

/// Up to 64 tokens.
pub(crate) fn text_job(model: &str) -> ValidJob {
    let ask = Ask::Prompt("a lake".into());
    let input = ValidTextInput { ask, max_tokens: 64, temperature: 0.0, top_p: 1.0, seed: 1, stop: vec![] };
    ValidJob { work: Work::Text(input), ..image_job(model) }
}

pub(crate) fn offer(model: &str) -> ModelOffer {
    ModelOffer {
        model: model.into(),
        kind: JobKind::Image,
        manifest_sha256: Sha256Digest::of(b"manifest"),
        unit_type: UnitType::MegapixelStep,
        unit_price: Amount::from_ait(1),
        measured_micro_units_per_second: 1_000,
        suggestions: vec![],
        subjects: vec![],
        default_steps: 8,
        default_guidance: 3.0,
        fast: None,
        image_to_image: false,
    }
}

pub(crate) fn capability(model: &str, micro_units_per_second: u64) -> Capability {
    let offer = ModelOffer { measured_micro_units_per_second: micro_units_per_second, ..offer(model) };
    let engine = Engine { name: "tract".into(), version: "0".into(), provider: "CPU".into() };
    Capability { worker_version: "0".into(), engine, devices: vec![], offers: vec![offer], slots: 1, hardware: None }
}

pub(crate) fn terms(job: &ValidJob) -> ReceiptTerms {
    ReceiptTerms {
        client: Address::repeat_byte(0xc1),
        units: job.work.units(),
        unit_type: job.work.unit_type(),
        unit_price: Amount::from_ait(1),
        expires_at: UnixSeconds(3_000_000),
        hub_id: "test-hub".into(),
        chain_id: chain::DEV_CHAIN_ID,
        contract: chain::MINTER_ADDRESS,
    }
}

/// A PNG of a colour gradient.
pub(crate) fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = (0..width * height * 3).map(|index| (index % 251) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}
