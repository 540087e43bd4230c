//! Jobs, capabilities and pictures for this crate's tests.

use shared::Address;
use shared::amount::Amount;
use shared::capability::{Capability, ModelOffer};
use shared::chain;
use shared::commitment::Salt;
use shared::device::Engine;
use shared::digest::Sha256Digest;
use shared::job::JobKind;
use shared::job::image::{PictureDefaults, ValidImageInput};
use shared::job::request::{Constraints, PaidBy, ValidJob, Work};
use shared::job::text::{Ask, ValidTextInput};
use shared::model::ModelManifest;
use shared::protocol::ReceiptTerms;
use shared::time::UnixSeconds;
use shared::unit::UnitType;

use crate::matching::Candidate;
use crate::pinned::PinnedModel;

/// A miner that is free and has no history.
pub(crate) fn candidate(number: u8, capability: &Capability) -> Candidate<'_> {
    Candidate {
        address: Address::repeat_byte(number),
        capability,
        slots: 1,
        free_slots: 1,
        awaits_audits: false,
        draining: false,
        paused: false,
        micro_units_per_second: capability.offers[0].measured_micro_units_per_second,
        leases: 0,
        faults: 0,
        is_warm: false,
        has_newcomers_turn: false,
        is_too_new: false,
        gave_up: false,
        faults_with_task: 0,
        shards_of_job: 0,
    }
}

pub(crate) const SALT: Salt = Salt(shared::B256::repeat_byte(0x73));

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
        payment: PaidBy::Mint,
        ttl_seconds: 900,
        salt: SALT,
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

/// A picture model with a manifest of its own.
pub(crate) fn pinned_model(name: &str) -> PinnedModel {
    let manifest = ModelManifest {
        name: name.into(),
        version: "1".into(),
        kind: JobKind::Image,
        graph: None,
        licence: "MIT".into(),
        files: vec![],
        draws: vec![],
        does_not_draw: vec![],
        suggestions: vec!["a lake".into()],
        subjects: vec![],
        default_steps: 6,
        default_guidance: 2.0,
        fast: Some(PictureDefaults { steps: 3, guidance: 1.0 }),
        native_size_px: 512,
    };
    PinnedModel { sha256: Sha256Digest::of(name.as_bytes()), manifest }
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
