//! The offers of connected miners as rows that people compare.

use shared::Address;
use shared::amount::Amount;
use shared::api::marketplace::{OfferView, example_work};
use shared::capability::ModelOffer;
use shared::device::DeviceKind;
use shared::job::JobKind;

use super::{Board, Miner};
use crate::catalog::ModelKey;
use crate::marketplace::{Marketplace, OFFERS_MAX, strongest, with_most_results};
use crate::{matching, speed};

impl Board {
    /// What is for sale now.
    pub fn marketplace(&self) -> Marketplace {
        let miners = self.miners.iter().map(|(address, miner)| (miner.completed(), *address)).collect();
        let rows = with_most_results(miners).into_iter().filter_map(|address| {
            let miner = self.miners.get(&address)?;
            Some(miner.capability.offers.iter().map(move |offer| self.offer_row(address, miner, offer)))
        });
        Marketplace::of(rows.flatten().take(OFFERS_MAX).collect())
    }

    fn offer_row(&self, address: Address, miner: &Miner, offer: &ModelOffer) -> OfferView {
        let model = ModelKey::offered(offer);
        let of_model = self.speeds.of_model(&model);
        let micro_units_per_second = speed::counted(of_model, address, offer);
        let example = example_work(offer.kind, self.example_steps(offer.kind, &offer.model));
        let device = strongest(&miner.capability);
        let slots = miner.slots();
        let takes_new = self.takes_new(address, miner);
        let free = if takes_new { self.free_slots(address, miner) } else { 0 };
        OfferView {
            kind: offer.kind,
            model: model.model,
            manifest_sha256: offer.manifest_sha256,
            miner: address,
            unit_type: offer.unit_type,
            unit_price: offer.unit_price,
            example_price: offer.unit_price.times(example).unwrap_or(Amount::from_atto(u128::MAX)),
            example_ms: matching::expected_ms(example, micro_units_per_second),
            micro_units_per_second,
            is_measured: speed::measured(of_model, address).is_some(),
            device: device.map(|device| device.name.clone()).unwrap_or_default(),
            is_gpu: device.is_some_and(|device| device.kind == DeviceKind::Gpu),
            memory_bytes: device.map_or(0, |device| device.memory_bytes),
            reputation_per_mille: miner.reputation(),
            results: miner.completed(),
            faults: miner.faults,
            slots,
            free,
            is_draining: !takes_new,
        }
    }

    /// Steps of the work by which offers of a model are compared.
    pub fn example_steps(&self, kind: JobKind, model: &str) -> u32 {
        match kind {
            JobKind::Image => self.catalog.picture_defaults(model).map_or(0, |defaults| defaults.steps),
            JobKind::Text | JobKind::Embedding => 0,
        }
    }
}
