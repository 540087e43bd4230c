//! What the pages of the market show: what the board offers now, and what the store says was served. Both are kept for a
//! moment, since each looks at many rows.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use hub::bids::{self, BookedBid};
use hub::board::Board;
use hub::catalog::ModelKey;
use hub::marketplace::Marketplace;
use hub::pinned::PinnedModel;
use shared::Address;
use shared::amount::Amount;
use shared::api::bids::BidBook;
use shared::api::bounties::MODEL_NAMES_MAX;
use shared::api::marketplace::{
    ManifestFacts, ModelDay, ModelPage, ModelSummary, ModelUsage, Models, OfferFilter, OfferOrder, OfferView, Offers,
    Sample,
};
use shared::digest::Sha256Digest;
use shared::job::JobKind;
use shared::job::request::Work;
use shared::time::{MS_PER_DAY, SECONDS_PER_DAY, UnixMillis, UnixSeconds};
use store::record::{ArtifactRecord, JobRecord, ReceiptRecord, ServedJobs};
use store::repository::{BookedRow, ModelName};
use store::{Store, StoreError};
use tokio::sync::Mutex;

use crate::hub::HubHandle;

/// Models that a list shows.
const MODELS_SHOWN_MAX: usize = 500;

/// Offers that one model's page shows.
const OFFERS_OF_MODEL_MAX: usize = 100;

/// Models that the filter's field suggests.
const NAMES_MAX: usize = 200;

/// Manifests that a page names of a model without a pin.
const MANIFESTS_MAX: usize = 10;

/// Samples of a page, and the jobs among which they are looked for: some have no file any more.
const SAMPLES_MAX: usize = 8;
const SAMPLES_LOOKED_AT: u64 = 40;

/// Characters of a sample's words.
const SAMPLE_CHARS: usize = 200;

/// Days of a page's charts, and the jobs whose receipts make its prices.
const DAYS: u64 = 30;
const PRICED_JOBS: u64 = 300;

/// How long the rows of the board count, and the sums of the store.
const ROWS_KEPT_MS: u64 = 1_000;
const SERVED_KEPT_MS: u64 = 30_000;

type ServedByModel = BTreeMap<ModelName, ServedJobs>;

/// A value that is made again where it is too old. Who asks while it is made waits for it, so that it is made once.
struct Kept<T>(Mutex<Option<(UnixMillis, Arc<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Kept<T> {
    async fn get<E>(
        &self,
        now: UnixMillis,
        kept_ms: u64,
        make: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        let mut kept = self.0.lock().await;
        if let Some((at, value)) = &*kept
            && now.since_ms(*at) < kept_ms
        {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(make.await?);
        *kept = Some((now, Arc::clone(&value)));
        Ok(value)
    }
}

#[derive(Default)]
struct KeptFigures {
    market: Kept<Marketplace>,
    served: Kept<ServedByModel>,
    bids: Kept<BTreeMap<ModelKey, BidBook>>,
}

/// Reads board and store for the pages of the market.
#[derive(Clone)]
pub(crate) struct MarketplaceFigures {
    store: Store,
    hub: HubHandle,
    kept: Arc<KeptFigures>,
}

fn booked(row: BookedRow) -> BookedBid {
    let BookedRow { kind, model, units, max_unit_price, payment_mode, has_filters } = row;
    BookedBid { model: ModelKey { kind, model }, max_unit_price, payment_mode, units, has_filters }
}

impl MarketplaceFigures {
    pub(crate) fn new(store: Store, hub: HubHandle) -> Self {
        Self { store, hub, kept: Arc::default() }
    }

    async fn marketplace(&self, now: UnixMillis) -> Result<Arc<Marketplace>, StoreError> {
        self.kept.market.get(now, ROWS_KEPT_MS, async { Ok(self.hub.board().marketplace()) }).await
    }

    async fn served(&self, now: UnixMillis) -> Result<Arc<ServedByModel>, StoreError> {
        let since = UnixMillis(now.0.saturating_sub(MS_PER_DAY));
        self.kept.served.get(now, SERVED_KEPT_MS, self.store.count_served_jobs(since)).await
    }

    /// What is bid for the models of this name, one book for each kind of work.
    pub(crate) async fn bids(&self, model: &str, now: UnixMillis) -> Result<Vec<BidBook>, StoreError> {
        let books = async {
            let rows = self.store.list_booked_bids(now).await?;
            Ok::<_, StoreError>(bids::books(rows.into_iter().map(booked)))
        };
        let books = self.kept.bids.get(now, ROWS_KEPT_MS, books).await?;
        let keys = JobKind::ALL.map(|kind| ModelKey { kind, model: model.to_owned() });
        Ok(keys.iter().filter_map(|key| books.get(key).cloned()).collect())
    }

    /// Offers that fit, in the order that is asked for.
    pub(crate) async fn offers(
        &self,
        filter: &OfferFilter,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Offers, StoreError> {
        let market = self.marketplace(now).await?;
        let (items, fitting) = market.select(filter, limit);
        let models = market.models.keys().take(NAMES_MAX).map(|key| key.model.clone()).collect();
        Ok(Offers { items, fitting, all: market.offers.len(), models })
    }

    /// Pinned models and those that connected miners offer: the pinned ones first, then those that were asked for most.
    pub(crate) async fn models(&self, kind: Option<JobKind>, now: UnixMillis) -> Result<Models, StoreError> {
        let (market, served) = (self.marketplace(now).await?, self.served(now).await?);
        let board = self.hub.board();
        let pinned = board.catalog().pinned().iter().map(key_of);
        let keys: BTreeSet<ModelKey> = market.models.keys().cloned().chain(pinned).collect();
        let of_kind = keys.into_iter().filter(|key| kind.is_none_or(|kind| key.kind == kind));
        let mut items: Vec<ModelSummary> = of_kind.map(|key| summary(&board, &market, &served, key)).collect();
        let all = items.len();
        items.sort_by_key(|model| {
            let ModelUsage { jobs, .. } = model.served;
            (!model.is_pinned, Reverse((jobs, model.supply.miners)), model.kind, model.name.clone())
        });
        items.truncate(MODELS_SHOWN_MAX);
        Ok(Models { items, all })
    }

    /// A model that is pinned, or that a miner offers or offered. The first of its kinds where none is named.
    pub(crate) async fn model(
        &self,
        name: &str,
        kind: Option<JobKind>,
        now: UnixMillis,
    ) -> Result<Option<ModelPage>, StoreError> {
        let (market, served) = (self.marketplace(now).await?, self.served(now).await?);
        let Some(page) = self.known(name, kind, &market, &served) else { return Ok(None) };
        let model = (page.summary.kind, page.summary.name.clone());
        let today = now.seconds().0 / SECONDS_PER_DAY;
        let jobs = self.store.count_served_jobs_by_day(&model, today.saturating_sub(DAYS - 1)).await?;
        let receipts = self.store.list_receipts_of_model(&model, PRICED_JOBS).await?;
        let public = self.store.list_public_jobs_of_model(&model, SAMPLES_LOOKED_AT).await?;
        let ids: Vec<_> = public.iter().map(|job| job.id).collect();
        let mut artifacts = self.store.list_artifacts_of_jobs(&ids).await?;
        let sample = |job: JobRecord| sample(&artifacts.remove(&job.id).unwrap_or_default(), &job);
        let is_shown = |job: &JobRecord| !self.hub.board().withholds(job.id);
        let samples = public.into_iter().filter(is_shown).filter_map(sample).take(SAMPLES_MAX).collect();
        let books = self.bids(&page.summary.name, now).await?;
        let bids = books.into_iter().find(|book| book.kind == page.summary.kind);
        Ok(Some(ModelPage { bids, samples, days: days(today, &jobs, &receipts), ..page }))
    }

    /// What board and catalog say of a model.
    fn known(
        &self,
        name: &str,
        kind: Option<JobKind>,
        market: &Marketplace,
        served: &ServedByModel,
    ) -> Option<ModelPage> {
        let board = self.hub.board();
        let catalog = board.catalog();
        let is_known =
            |kind: &JobKind| catalog.pinned().find(*kind, name).is_some() || catalog.lead_of(*kind, name).is_some();
        let mut kinds: Vec<JobKind> = JobKind::ALL.into_iter().filter(is_known).collect();
        let shown = kinds.iter().position(|known| kind.is_none_or(|kind| kind == *known))?;
        let kind = kinds.remove(shown);
        let key = ModelKey { kind, model: name.to_owned() };
        let filter = OfferFilter {
            kind: Some(kind),
            model: Some(name.to_owned()),
            order: OfferOrder::Price,
            ..OfferFilter::default()
        };
        let (offers, _) = market.select(&filter, OFFERS_OF_MODEL_MAX);
        let pinned = catalog.pinned().find(kind, name);
        let mut manifests: Vec<_> = match pinned {
            Some(pinned) => vec![pinned.sha256],
            None if offers.is_empty() => {
                catalog.lead_of(kind, name).map(|lead| lead.manifest_sha256).into_iter().collect()
            }
            None => offers.iter().map(|offer| offer.manifest_sha256).collect(),
        };
        manifests.sort_unstable();
        manifests.dedup();
        manifests.truncate(MANIFESTS_MAX);
        Some(ModelPage {
            summary: summary(&board, market, served, key),
            other_kinds: kinds,
            manifests,
            facts: pinned.map(facts),
            offers,
            bids: None,
            samples: vec![],
            days: vec![],
        })
    }

    /// Under which names this hub pins these manifests, or connected miners offer them: a few names of each.
    pub(crate) async fn names_of(
        &self,
        manifests: &BTreeSet<Sha256Digest>,
        now: UnixMillis,
    ) -> Result<BTreeMap<Sha256Digest, Vec<String>>, StoreError> {
        let market = self.marketplace(now).await?;
        let board = self.hub.board();
        let pinned = board.catalog().pinned().iter().map(|pinned| (pinned.sha256, &pinned.manifest.name));
        let offered = market.offers.iter().map(|offer| (offer.manifest_sha256, &offer.model));
        let mut names: BTreeMap<Sha256Digest, Vec<String>> = BTreeMap::new();
        for (manifest, name) in pinned.chain(offered).filter(|(manifest, _)| manifests.contains(manifest)) {
            let known = names.entry(manifest).or_default();
            if known.len() < MODEL_NAMES_MAX && !known.contains(name) {
                known.push(name.clone());
            }
        }
        Ok(names)
    }

    /// Known models whose name holds a text, in any case of letters: at most `limit`, the pinned ones first.
    pub(crate) async fn find_models(
        &self,
        text: &str,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Vec<(JobKind, String)>, StoreError> {
        let (market, text) = (self.marketplace(now).await?, text.to_lowercase());
        let board = self.hub.board();
        let pinned: Vec<ModelKey> = board.catalog().pinned().iter().map(key_of).collect();
        let served = market.models.keys().filter(|key| !pinned.contains(key));
        let found = pinned.iter().chain(served).filter(|key| key.model.to_lowercase().contains(&text));
        Ok(found.take(limit).map(|key| (key.kind, key.model.clone())).collect())
    }
}

impl MarketplaceFigures {
    /// Connected miners with an address from `first` to `last`, each with its device.
    pub(crate) async fn miners_between(
        &self,
        first: Address,
        last: Address,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Vec<(Address, String)>, StoreError> {
        let market = self.marketplace(now).await?;
        Ok(distinct(&market, limit, |offer| (first..=last).contains(&offer.miner)))
    }

    /// Connected miners whose device's name holds a text in lower case, each with its device.
    pub(crate) async fn miners_with(
        &self,
        text: &str,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Vec<(Address, String)>, StoreError> {
        let market = self.marketplace(now).await?;
        Ok(distinct(&market, limit, |offer| offer.device.to_lowercase().contains(text)))
    }
}

fn distinct(market: &Marketplace, limit: usize, fits: impl Fn(&OfferView) -> bool) -> Vec<(Address, String)> {
    let mut found: Vec<(Address, String)> = Vec::new();
    for offer in market.offers.iter().filter(|offer| fits(offer)) {
        if found.len() >= limit {
            break;
        }
        if !found.iter().any(|(miner, _)| *miner == offer.miner) {
            found.push((offer.miner, offer.device.clone()));
        }
    }
    found
}

fn key_of(pinned: &PinnedModel) -> ModelKey {
    ModelKey { kind: pinned.manifest.kind, model: pinned.manifest.name.clone() }
}

fn summary(board: &Board, market: &Marketplace, served: &ServedByModel, key: ModelKey) -> ModelSummary {
    let catalog = board.catalog();
    let pinned = catalog.pinned().find(key.kind, &key.model);
    let supply = market.models.get(&key).cloned().unwrap_or_default();
    let default = catalog.pinned().default_of(key.kind).map(|pinned| pinned.manifest.name.as_str());
    let example_steps = board.example_steps(key.kind, &key.model);
    let ModelKey { kind, model: name } = key;
    let is_default = default == Some(name.as_str());
    let counted = served.get(&(kind, name.clone())).copied().unwrap_or_default();
    ModelSummary {
        kind,
        is_pinned: pinned.is_some(),
        is_default,
        licence: pinned.map(|pinned| pinned.manifest.licence.clone()),
        example_steps,
        supply,
        served: ModelUsage { jobs: counted.all, jobs_of_day: counted.new, last: counted.last },
        name,
    }
}

fn facts(pinned: &PinnedModel) -> ManifestFacts {
    let manifest = &pinned.manifest;
    ManifestFacts {
        version: manifest.version.clone(),
        files: manifest.files.len(),
        bytes: manifest.files.iter().map(|file| file.bytes).sum(),
        native_size_px: manifest.native_size_px,
        draws: manifest.draws.clone(),
        does_not_draw: manifest.does_not_draw.clone(),
        suggestions: manifest.suggestions.clone(),
    }
}

/// `None` where nothing is left to show.
fn sample(artifacts: &[ArtifactRecord], job: &JobRecord) -> Option<Sample> {
    let kept = artifacts.iter().position(|artifact| artifact.removed_at.is_none() && !artifact.flagged)?;
    let picture = matches!(job.job.work, Work::Image(_)).then(|| format!("/v1/jobs/{}/artifacts/{kept}", job.id));
    Some(Sample {
        job: job.id.to_string(),
        words: job.job.work.words().chars().take(SAMPLE_CHARS).collect(),
        picture,
        created_at: job.created_at,
    })
}

/// Every day from the first one with a job or a price on.
fn days(today: u64, jobs: &[(u64, u64)], receipts: &[ReceiptRecord]) -> Vec<ModelDay> {
    let first = today.saturating_sub(DAYS - 1);
    let mut paid: BTreeMap<u64, (u128, u128)> = BTreeMap::new();
    for record in receipts {
        let (sum, count) = paid.entry(record.attested_at.seconds().0 / SECONDS_PER_DAY).or_default();
        *sum = sum.saturating_add(record.signed.receipt.unit_price.atto());
        *count += 1;
    }
    let begins = jobs.iter().map(|(day, _)| *day).chain(paid.keys().copied()).filter(|day| *day >= first).min();
    let Some(begins) = begins else { return vec![] };
    let day = |number: u64| ModelDay {
        day: UnixSeconds(number.saturating_mul(SECONDS_PER_DAY)),
        jobs: jobs.iter().find(|(day, _)| *day == number).map_or(0, |(_, jobs)| *jobs),
        unit_price: paid.get(&number).map(|(sum, count)| Amount::from_atto(sum / (*count).max(1))),
    };
    (begins..=today.max(begins)).map(day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_begins_with_the_first_day_and_has_no_gap() {
        assert!(days(100, &[], &[]).is_empty());
        assert!(days(100, &[(70, 5)], &[]).is_empty(), "before the first day that is shown");
        let shown = days(100, &[(98, 2), (100, 1)], &[]);
        let jobs: Vec<_> = shown.iter().map(|day| (day.day.0 / SECONDS_PER_DAY, day.jobs)).collect();
        assert_eq!(jobs, [(98, 2), (99, 0), (100, 1)]);
        assert!(shown.iter().all(|day| day.unit_price.is_none()));
    }

    #[tokio::test]
    async fn a_figure_is_made_once_until_it_is_old() {
        let (kept, made) = (Kept::default(), std::sync::atomic::AtomicU64::new(0));
        let ask = |now| {
            let make = async { Ok::<_, ()>(made.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) };
            kept.get(UnixMillis(now), 1_000, make)
        };
        let mut seen = Vec::new();
        for now in [5_000, 5_999, 6_000, 6_001] {
            seen.push(*ask(now).await.unwrap());
        }
        assert_eq!(seen, [0, 0, 1, 1]);
    }
}
