//! What is for sale: models, who offers them, and for how much.

use std::str::FromStr;

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::bids::BidBook;
use crate::amount::{Amount, MICRO_PER_UNIT, MicroUnits};
use crate::digest::Sha256Digest;
use crate::field_error::FieldError;
use crate::job::JobKind;
use crate::job::image::{SIZE_DEFAULT_PX, STEPS_DEFAULT};
use crate::job::request::MODEL_NAME_MAX_CHARS;
use crate::time::{UnixMillis, UnixSeconds};
use crate::unit::UnitType;

/// Characters of a device's name that a filter may ask for.
pub const GPU_FILTER_MAX_CHARS: usize = 100;

/// Most memory that a filter may ask for, in gigabytes.
pub const MEMORY_FILTER_MAX_GB: u32 = 100_000;

/// Tokens of the work by which texts and embeddings are compared.
const EXAMPLE_TOKENS: u64 = 1_000;

/// The work by which offers are compared: one picture of the usual size in as many steps as the model usually takes, or
/// 1 000 tokens.
pub fn example_work(kind: JobKind, steps: u32) -> MicroUnits {
    let pixels = u64::from(SIZE_DEFAULT_PX) * u64::from(SIZE_DEFAULT_PX);
    match kind {
        JobKind::Image if steps == 0 => MicroUnits(pixels * u64::from(STEPS_DEFAULT)),
        JobKind::Image => MicroUnits(pixels * u64::from(steps)),
        JobKind::Text | JobKind::Embedding => MicroUnits(EXAMPLE_TOKENS * MICRO_PER_UNIT),
    }
}

/// A connected miner's offer of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferView {
    pub kind: JobKind,
    pub model: String,
    pub manifest_sha256: Sha256Digest,
    pub miner: Address,
    pub unit_type: UnitType,
    pub unit_price: Amount,
    /// Of the [`example_work`].
    pub example_price: Amount,
    /// How long this miner takes for the same, by the speed that counts for it.
    pub example_ms: u64,
    pub micro_units_per_second: u64,
    /// The hub measured the speed at the miner's results; else the miner states it.
    pub is_measured: bool,
    /// The strongest graphics card, or the first device where there is none.
    pub device: String,
    pub is_gpu: bool,
    pub memory_bytes: u64,
    pub reputation_per_mille: u16,
    /// Verified results, and leases that it failed.
    pub results: u64,
    pub faults: u64,
    /// Jobs that it may have at once, over all its models, and how many more it would take now.
    pub slots: u32,
    pub free: u32,
    /// It finishes what it has and takes nothing new.
    pub is_draining: bool,
}

/// By what offers are ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OfferOrder {
    /// By kind and name, then the cheapest first.
    #[default]
    Model,
    Miner,
    Device,
    Memory,
    Price,
    Time,
    Reputation,
    Results,
    Free,
}

impl OfferOrder {
    pub const ALL: [Self; 9] = [
        Self::Model,
        Self::Miner,
        Self::Device,
        Self::Memory,
        Self::Price,
        Self::Time,
        Self::Reputation,
        Self::Results,
        Self::Free,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Miner => "miner",
            Self::Device => "device",
            Self::Memory => "memory",
            Self::Price => "price",
            Self::Time => "time",
            Self::Reputation => "reputation",
            Self::Results => "results",
            Self::Free => "free",
        }
    }

    /// What people look for stands first: the cheapest and the quickest, but the most memory.
    pub const fn begins_with_most(self) -> bool {
        matches!(self, Self::Memory | Self::Reputation | Self::Results | Self::Free)
    }
}

/// Which offers are asked for, and in which order. It lives in the address of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfferFilter {
    pub kind: Option<JobKind>,
    /// The model's whole name.
    pub model: Option<String>,
    /// Part of a device's name, in any case of letters.
    pub gpu: Option<String>,
    /// Gigabytes of memory of the device, at least.
    pub memory_gb: Option<u32>,
    /// What the [`example_work`] may cost.
    pub price: Option<Amount>,
    /// Percent, at least.
    pub reputation: Option<u8>,
    /// It would take a job now.
    pub free: bool,
    pub order: OfferOrder,
    /// The other way round than the order begins by itself.
    pub reversed: bool,
}

/// The names of a filter's parts in an address.
pub const OFFER_FIELDS: [&str; 8] = ["kind", "model", "gpu", "memory", "price", "reputation", "free", "sort"];

impl OfferFilter {
    /// Reads the parts of an address; those that are absent or empty filter nothing.
    ///
    /// # Errors
    /// A part that cannot be read, with what would be.
    pub fn read(part: impl Fn(&str) -> Option<String>) -> Result<Self, FieldError> {
        let text = |name: &str| part(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let bounded = |name: &str, max: usize| match text(name) {
            Some(long) if long.chars().count() > max => {
                Err(FieldError::bound(name, format!("up to {max} characters"), long.chars().count().to_string()))
            }
            text => Ok(text),
        };
        let (order, reversed) = read_order(text("sort").as_deref())?;
        Ok(Self {
            kind: text("kind").map(|text| read_kind(&text)).transpose()?,
            model: bounded("model", MODEL_NAME_MAX_CHARS)?,
            gpu: bounded("gpu", GPU_FILTER_MAX_CHARS)?,
            memory_gb: number(
                "memory",
                text("memory"),
                MEMORY_FILTER_MAX_GB,
                &format!("whole gigabytes up to {MEMORY_FILTER_MAX_GB}"),
            )?,
            price: match text("price") {
                Some(text) => Some(text.parse().map_err(|_| FieldError::bound("price", "an amount of AIT", text))?),
                None => None,
            },
            reputation: number("reputation", text("reputation"), 100, "whole percent, 0 to 100")?,
            free: match text("free").as_deref() {
                None => false,
                Some("1") => true,
                Some(other) => return Err(FieldError::bound("free", "`1`, or absent", other)),
            },
            order,
            reversed,
        })
    }

    /// The same as parts of an address, without those that are empty.
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        let sort = match (self.order, self.reversed) {
            (OfferOrder::Model, false) => None,
            (order, reversed) => Some(format!("{}{}", if reversed { "-" } else { "" }, order.as_str())),
        };
        let parts = [
            self.kind.map(|kind| kind.as_str().to_owned()),
            self.model.clone(),
            self.gpu.clone(),
            self.memory_gb.map(|memory| memory.to_string()),
            self.price.map(|price| price.to_string()),
            self.reputation.map(|reputation| reputation.to_string()),
            self.free.then(|| "1".to_owned()),
            sort,
        ];
        OFFER_FIELDS.into_iter().zip(parts).filter_map(|(name, part)| Some((name, part?))).collect()
    }

    /// It leaves something off.
    pub fn filters(&self) -> bool {
        let unfiltered = Self { order: self.order, reversed: self.reversed, ..Self::default() };
        *self != unfiltered
    }
}

fn read_kind(text: &str) -> Result<JobKind, FieldError> {
    let known = JobKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    known.ok_or_else(|| FieldError::bound("kind", "`image`, `text` or `embedding`", text))
}

fn read_order(text: Option<&str>) -> Result<(OfferOrder, bool), FieldError> {
    let Some(text) = text else { return Ok((OfferOrder::default(), false)) };
    let (name, reversed) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
    match OfferOrder::ALL.into_iter().find(|order| order.as_str() == name) {
        Some(order) => Ok((order, reversed)),
        None => {
            let names = OfferOrder::ALL.map(|order| format!("`{}`", order.as_str())).join(", ");
            Err(FieldError::bound("sort", format!("one of {names}, with `-` before it for the other way round"), text))
        }
    }
}

fn number<T: FromStr + PartialOrd>(
    name: &str,
    text: Option<String>,
    max: T,
    bound: &str,
) -> Result<Option<T>, FieldError> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<T>() {
        Ok(number) if number <= max => Ok(Some(number)),
        _ => Err(FieldError::bound(name, bound, text)),
    }
}

/// Some offers out of all that fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offers {
    pub items: Vec<OfferView>,
    /// How many fit, and how many there are.
    pub fitting: usize,
    pub all: usize,
    /// Models that are offered, by name.
    pub models: Vec<String>,
}

/// Who serves a model now, and for how much.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supply {
    pub miners: u32,
    /// Jobs that these miners may have at once, and how many more they would take now.
    pub slots: u32,
    pub free: u32,
    /// The lowest price, and that of the middle one.
    pub prices: Option<[Amount; 2]>,
    /// The lowest price of the [`example_work`].
    pub example_price: Option<Amount>,
    /// Of the fastest whose speed the hub measured, or else of the one that states the highest.
    pub micro_units_per_second: Option<u64>,
    pub is_measured: bool,
}

/// How much a model was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ModelUsage {
    /// Jobs that were completed, and those of them that were asked for within the last day.
    pub jobs: u64,
    pub jobs_of_day: u64,
    pub last: Option<UnixMillis>,
}

/// One row of the list of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSummary {
    pub kind: JobKind,
    pub name: String,
    /// This hub's operator pins its manifest, so that jobs without a payment may name it.
    pub is_pinned: bool,
    /// Requests of the kind that name no model get it.
    pub is_default: bool,
    /// SPDX expression, of pinned models.
    pub licence: Option<String>,
    /// Steps of the [`example_work`]; 0 for other kinds than pictures.
    pub example_steps: u32,
    pub supply: Supply,
    pub served: ModelUsage,
}

/// Known models, as many as a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Models {
    pub items: Vec<ModelSummary>,
    pub all: usize,
}

/// What a pinned manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFacts {
    pub version: String,
    pub files: usize,
    pub bytes: u64,
    pub native_size_px: u32,
    pub draws: Vec<String>,
    pub does_not_draw: Vec<String>,
    pub suggestions: Vec<String>,
}

/// A public job that shows what a model does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub job: String,
    pub words: String,
    /// Path of the picture, of picture jobs.
    pub picture: Option<String>,
    pub created_at: UnixMillis,
}

/// A day of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelDay {
    pub day: UnixSeconds,
    /// Completed jobs that were asked for on this day.
    pub jobs: u64,
    /// The mean of the receipts of this day that were looked at.
    pub unit_price: Option<Amount>,
}

/// Everything that is public about a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPage {
    pub summary: ModelSummary,
    /// Other kinds that a model of the same name has.
    pub other_kinds: Vec<JobKind>,
    /// The pinned manifest alone, or each that connected miners offer under this name.
    pub manifests: Vec<Sha256Digest>,
    pub facts: Option<ManifestFacts>,
    /// Cheapest first.
    pub offers: Vec<OfferView>,
    /// What clients bid for it; `None` where nobody does.
    pub bids: Option<BidBook>,
    /// Newest first.
    pub samples: Vec<Sample>,
    /// Oldest first.
    pub days: Vec<ModelDay>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(parts: &[(&str, &str)]) -> Result<OfferFilter, FieldError> {
        OfferFilter::read(|name| parts.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn an_empty_form_filters_nothing_and_has_a_short_address() {
        let empty = read(&OFFER_FIELDS.map(|name| (name, " "))).unwrap();
        assert_eq!(empty, OfferFilter::default());
        assert!(empty.parts().is_empty() && !empty.filters());
        let sorted = read(&[("sort", "-price")]).unwrap();
        assert_eq!((sorted.parts(), sorted.filters()), (vec![("sort", "-price".to_owned())], false));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_bound() {
        let long = "m".repeat(MODEL_NAME_MAX_CHARS + 1);
        for (name, value) in [
            ("kind", "video"),
            ("model", long.as_str()),
            ("memory", "-1"),
            ("memory", "1e3"),
            ("memory", "100001"),
            ("price", "cheap"),
            ("price", "-1"),
            ("reputation", "101"),
            ("free", "yes"),
            ("sort", "beauty"),
            ("sort", "--price"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.field, name);
            assert!(error.bound.is_some(), "{name}={value}: {error:?}");
        }
    }

    #[test]
    fn an_example_is_a_picture_of_the_models_steps_or_a_thousand_tokens() {
        assert_eq!(example_work(JobKind::Image, 4), MicroUnits(512 * 512 * 4));
        assert_eq!(
            example_work(JobKind::Image, 0),
            example_work(JobKind::Image, STEPS_DEFAULT),
            "nobody says how many"
        );
        assert_eq!(example_work(JobKind::Text, 9), MicroUnits(1_000 * MICRO_PER_UNIT));
    }

    proptest! {
        #[test]
        fn a_filter_is_read_from_its_own_address(
            kind in prop::option::of(0..3_usize), model in prop::option::of("[a-z/:. ]{0,9}[a-z]"),
            gpu in prop::option::of("\\PC{0,9}x"), memory_gb in prop::option::of(0..=MEMORY_FILTER_MAX_GB),
            price: Option<u128>, reputation in prop::option::of(0..=100_u8), free: bool, order in 0..9_usize, reversed: bool,
        ) {
            let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned());
            let filter = OfferFilter {
                kind: kind.map(|index| JobKind::ALL[index]), model: trimmed(model), gpu: trimmed(gpu), memory_gb,
                price: price.map(Amount::from_atto), reputation, free, order: OfferOrder::ALL[order], reversed,
            };
            let parts = filter.parts();
            let found = OfferFilter::read(|name| {
                parts.iter().find(|(known, _)| *known == name).map(|(_, part)| part.clone())
            });
            prop_assert_eq!(found, Ok(filter));
        }
    }
}
