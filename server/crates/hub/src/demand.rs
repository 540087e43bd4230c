//! What a job demands of a miner, and what a miner has: in a form that sums up many of either, so that an index passes
//! over those that cannot fit. It says no only where [`matching::fits`](crate::matching::fits) says no. The rule itself
//! stands there.

use shared::Address;
use shared::amount::{Amount, MICRO_PER_UNIT};
use shared::capability::{Capability, ModelOffer};
use shared::device::{Device, DeviceKind};
use shared::digest::Sha256Digest;
use shared::job::request::ValidJob;

/// Bytes of a gigabyte, as graphics cards are sold.
pub(crate) const GIGABYTE: u64 = 1 << 30;

/// What a job demands. Of several jobs: what each of them demands at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Demand {
    image_to_image: bool,
    fast: bool,
    unit_price_max: Amount,
    gpu_memory_bytes: u64,
    /// A bit for each word of the card's name.
    gpu_words: u64,
    reputation_per_mille: u16,
    /// A bit for each miner that it names; all where it names none.
    miners: u64,
}

/// What a miner has. Of several miners: what one of them at least has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Supply {
    image_to_image: bool,
    fast: bool,
    unit_price: Amount,
    gpu_memory_bytes: u64,
    gpu_words: u64,
    reputation_per_mille: u16,
    miner: u64,
}

/// The graphics cards of a miner, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cards {
    memory_bytes: u64,
    words: u64,
}

impl Cards {
    pub(crate) fn of(capability: &Capability) -> Self {
        Self {
            memory_bytes: gpus(capability).map(|gpu| gpu.memory_bytes).max().unwrap_or_default(),
            words: gpus(capability).fold(0, |bits, gpu| bits | bits_of_words(&gpu.name)),
        }
    }
}

impl Demand {
    pub(crate) fn of(job: &ValidJob) -> Self {
        let constraints = &job.constraints;
        let named = constraints.miners.iter().fold(0, |bits, miner| bits | bit_of_miner(*miner));
        let of_whole = constraints.max_price.map(|limit| unit_price_max(limit, job.work.units().0));
        let limits = of_whole.into_iter().chain(job.payment.max_unit_price());
        Self {
            image_to_image: job.work.starts_from_picture(),
            fast: job.work.is_fast(),
            unit_price_max: limits.min().unwrap_or(Amount::from_atto(u128::MAX)),
            gpu_memory_bytes: u64::from(constraints.min_vram_gb.unwrap_or_default()).saturating_mul(GIGABYTE),
            gpu_words: constraints.gpu.as_deref().map_or(0, bits_of_words),
            reputation_per_mille: constraints.min_reputation_per_mille.unwrap_or_default(),
            miners: if constraints.miners.is_empty() { u64::MAX } else { named },
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.image_to_image &= other.image_to_image;
        self.fast &= other.fast;
        self.unit_price_max = self.unit_price_max.max(other.unit_price_max);
        self.gpu_memory_bytes = self.gpu_memory_bytes.min(other.gpu_memory_bytes);
        self.gpu_words &= other.gpu_words;
        self.reputation_per_mille = self.reputation_per_mille.min(other.reputation_per_mille);
        self.miners |= other.miners;
    }

    /// False where none of the miners fits any of the jobs.
    pub(crate) fn may_be_met_by(&self, supply: &Supply) -> bool {
        (supply.image_to_image || !self.image_to_image)
            && (supply.fast || !self.fast)
            && supply.unit_price <= self.unit_price_max
            && supply.gpu_memory_bytes >= self.gpu_memory_bytes
            && self.gpu_words & !supply.gpu_words == 0
            && supply.reputation_per_mille >= self.reputation_per_mille
            && self.miners & supply.miner != 0
    }
}

impl Supply {
    pub(crate) fn of(miner: Address, cards: Cards, offer: &ModelOffer, reputation_per_mille: u16) -> Self {
        Self {
            image_to_image: offer.image_to_image,
            fast: offer.fast.is_some(),
            unit_price: offer.unit_price,
            gpu_memory_bytes: cards.memory_bytes,
            gpu_words: cards.words,
            reputation_per_mille,
            miner: bit_of_miner(miner),
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.image_to_image |= other.image_to_image;
        self.fast |= other.fast;
        self.unit_price = self.unit_price.min(other.unit_price);
        self.gpu_memory_bytes = self.gpu_memory_bytes.max(other.gpu_memory_bytes);
        self.gpu_words |= other.gpu_words;
        self.reputation_per_mille = self.reputation_per_mille.max(other.reputation_per_mille);
        self.miner |= other.miner;
    }
}

pub(crate) fn gpus(capability: &Capability) -> impl Iterator<Item = &Device> {
    capability.devices.iter().filter(|device| device.kind == DeviceKind::Gpu)
}

/// Whether each word of `wanted` is one of the name's, in capitals or not.
pub(crate) fn has_words(name: &str, wanted: &str) -> bool {
    words(wanted).all(|wanted| words(name).any(|word| word == wanted))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn bits_of_words(text: &str) -> u64 {
    words(text).fold(0, |bits, word| bits | bit_of(Sha256Digest::of(word.as_bytes()).0[0]))
}

/// Miners draw their keys at random.
fn bit_of_miner(miner: Address) -> u64 {
    bit_of(miner.0[19])
}

const fn bit_of(byte: u8) -> u64 {
    1 << (byte % 64)
}

/// No unit price above it keeps the limit of so much work: `price × units / 10⁶`, rounded down, is above the limit then.
fn unit_price_max(limit: Amount, units: u64) -> Amount {
    let beyond = limit.atto().saturating_add(1).checked_mul(u128::from(MICRO_PER_UNIT));
    Amount::from_atto(beyond.map_or(u128::MAX, |beyond| beyond / u128::from(units.max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_named_by_any_of_its_words() {
        let name = "NVIDIA GeForce RTX 4090";
        for wanted in ["rtx 4090", "4090", "GeForce", "RTX-4090", ""] {
            assert!(has_words(name, wanted), "{wanted}");
            assert_eq!(bits_of_words(wanted) & !bits_of_words(name), 0, "{wanted}");
        }
        for wanted in ["rtx 409", "rtx 5090", "radeon"] {
            assert!(!has_words(name, wanted), "{wanted}");
        }
    }

    #[test]
    fn a_price_above_the_one_of_the_limit_does_not_keep_it() {
        for (limit, units) in [(1_000_u128, 1_u64), (0, 5), (7, 3_000_000), (u128::MAX, 1)] {
            let (limit, units) = (Amount::from_atto(limit), shared::amount::MicroUnits(units));
            let most = unit_price_max(limit, units.0);
            let above = Amount::from_atto(most.atto().saturating_add(1));
            assert!(above == most || above.times(units).is_none_or(|price| price > limit), "{limit} {units:?}");
        }
    }
}
