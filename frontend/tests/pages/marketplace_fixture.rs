//! A pinned picture model with miners, and a text model that a stranger named.

use shared::Address;
use shared::amount::Amount;
use shared::api::bids::BidBook;
use shared::api::bounties::{BountyState, BountyView, UnservedModel};
use shared::api::marketplace::{
    ManifestFacts, ModelDay, ModelPage, ModelSummary, ModelUsage, Models, OfferFilter, OfferView, Offers, Sample,
    Supply,
};
use shared::digest::Sha256Digest;
use shared::id::JobId;
use shared::job::JobKind;
use shared::time::{UnixMillis, UnixSeconds};

const AT: u64 = 1_795_226_000;

pub(crate) const PINNED: &str = "aitbc-scenes-1";

pub(crate) struct Marketplace {
    /// The name of the model without a pin, and of its miner's card.
    pub(crate) unpinned_name: String,
    /// Nobody is connected, and nothing was served.
    pub(crate) empty: bool,
    pub(crate) bounties: Vec<BountyView>,
    /// What was asked for and could not be served.
    pub(crate) unserved: Vec<UnservedModel>,
    pub(crate) bids: Option<BidBook>,
}

impl Default for Marketplace {
    fn default() -> Self {
        let (bounties, unserved) = (Vec::new(), Vec::new());
        Self { unpinned_name: "hf.co/some one:7b".to_owned(), empty: false, bounties, unserved, bids: None }
    }
}

pub(crate) fn offer(miner: u8, kind: JobKind, model: &str) -> OfferView {
    OfferView {
        kind,
        model: model.to_owned(),
        manifest_sha256: Sha256Digest::of(model.as_bytes()),
        miner: Address::repeat_byte(miner),
        unit_type: kind.unit_type(),
        unit_price: Amount::from_ait(1),
        example_price: Amount::from_ait(2),
        example_ms: 1_480,
        micro_units_per_second: 1_420_000,
        is_measured: miner == 1,
        device: "NVIDIA RTX 4090".to_owned(),
        is_gpu: true,
        memory_bytes: 24_000_000_000,
        reputation_per_mille: 987,
        results: 120,
        faults: 1,
        slots: 4,
        free: u32::from(miner == 1),
        is_draining: miner == 3,
    }
}

impl Marketplace {
    /// Those of a state, for any of these manifests.
    pub(crate) fn bounties(&self, state: Option<BountyState>, manifests: Option<&[Sha256Digest]>) -> Vec<BountyView> {
        let of_state = |bounty: &&BountyView| state.is_none_or(|state| state == bounty.state);
        let for_model =
            |bounty: &&BountyView| manifests.is_none_or(|manifests| manifests.contains(&bounty.model_sha256));
        self.bounties.iter().filter(of_state).filter(for_model).cloned().collect()
    }

    fn rows(&self) -> Vec<OfferView> {
        let stranger = OfferView { device: self.unpinned_name.clone(), ..offer(3, JobKind::Text, &self.unpinned_name) };
        let rows = vec![offer(1, JobKind::Image, PINNED), offer(2, JobKind::Image, PINNED), stranger];
        if self.empty { vec![] } else { rows }
    }

    /// The filter itself is tested where it is written; here only the kind counts.
    pub(crate) fn offers(&self, filter: &OfferFilter, limit: usize) -> Offers {
        let rows = self.rows();
        let all = rows.len();
        let mut items: Vec<OfferView> =
            rows.into_iter().filter(|offer| filter.kind.is_none_or(|kind| kind == offer.kind)).collect();
        let fitting = items.len();
        items.truncate(limit);
        Offers { items, fitting, all, models: vec![PINNED.to_owned(), self.unpinned_name.clone()] }
    }

    fn summary(&self, kind: JobKind, name: &str) -> ModelSummary {
        let is_pinned = name == PINNED;
        let served = ModelUsage { jobs: 1_204, jobs_of_day: 12, last: Some(UnixSeconds(AT).millis()) };
        let supply = Supply {
            miners: 2,
            slots: 8,
            free: 1,
            prices: Some([Amount::from_ait(1), Amount::from_ait(3)]),
            example_price: Some(Amount::from_ait(2)),
            micro_units_per_second: Some(1_420_000),
            is_measured: true,
        };
        ModelSummary {
            kind,
            name: name.to_owned(),
            is_pinned,
            is_default: is_pinned,
            licence: is_pinned.then(|| "MIT".to_owned()),
            example_steps: if is_pinned { 8 } else { 0 },
            supply: if self.empty { Supply::default() } else { supply },
            served: if self.empty { ModelUsage::default() } else { served },
        }
    }

    pub(crate) fn models(&self, kind: Option<JobKind>) -> Models {
        let mut items = vec![self.summary(JobKind::Image, PINNED)];
        if !self.empty {
            items.push(self.summary(JobKind::Text, &self.unpinned_name));
        }
        items.retain(|model| kind.is_none_or(|kind| model.kind == kind));
        Models { all: items.len(), items }
    }

    pub(crate) fn model(&self, name: &str, kind: Option<JobKind>) -> Option<ModelPage> {
        let of_name = if name == PINNED { JobKind::Image } else { JobKind::Text };
        if (name != PINNED && name != self.unpinned_name) || kind.is_some_and(|kind| kind != of_name) {
            return None;
        }
        let job = JobId::from_random(1);
        let sample = |number: u64| Sample {
            job: job.to_string(),
            words: format!("a lake, number {number}"),
            picture: (of_name == JobKind::Image).then(|| format!("/v1/jobs/{job}/artifacts/0")),
            created_at: UnixMillis(AT * 1_000),
        };
        let day = |number: u64| ModelDay {
            day: UnixSeconds(AT / 86_400 * 86_400 + 86_400 * number),
            jobs: 3 * number,
            unit_price: (number > 0).then(|| Amount::from_ait(number)),
        };
        let facts = ManifestFacts {
            version: "1.3.0".to_owned(),
            files: 9,
            bytes: 1_200_000,
            native_size_px: 512,
            draws: vec!["lakes".to_owned(), "cities".to_owned()],
            does_not_draw: vec!["hands".to_owned()],
            suggestions: vec!["a lake in winter".to_owned()],
        };
        Some(ModelPage {
            summary: self.summary(of_name, name),
            other_kinds: vec![JobKind::Embedding],
            manifests: vec![Sha256Digest::of(name.as_bytes())],
            facts: (name == PINNED).then_some(facts),
            offers: self.rows().into_iter().filter(|offer| offer.model == name).collect(),
            bids: self.bids.clone().filter(|book| book.model == name),
            samples: if self.empty { vec![] } else { (0..3).map(sample).collect() },
            days: if self.empty { vec![] } else { (0..3).map(day).collect() },
        })
    }
}
