//! Bids: which terms a standing request for a job may have, what its price means for the job, and what of all bids is shown to
//! miners.

use std::collections::BTreeMap;

use shared::amount::{Amount, MicroUnits};
use shared::api::bids::{BID_LEVELS_MAX, BID_MAX_SECONDS, BidBook, BidLevel};
use shared::field_error::FieldError;
use shared::job::request::{Constraints, PaidBy, PaymentMode, ValidJob};
use shared::quote::JobQuote;
use shared::time::UnixSeconds;

use crate::catalog::ModelKey;
use crate::price;

/// Bytes of a bid's body: it is kept for days, which a picture to start from would make dear.
pub const BID_BODY_MAX_BYTES: usize = 32 * 1024;

/// Open bids of all wallets of one network address. Wallets cost nothing, so that their own limit alone would hold nobody.
pub const BIDS_PER_NETWORK_MAX: usize = 32;

/// The same of all network addresses of one IPv6 site, which has 65 536 of them.
pub const BIDS_PER_SITE_MAX: usize = 128;

/// Open bids of all clients: 128 MiB of bodies.
pub const BIDS_OPEN_MAX: usize = 4_096;

/// Open bids of all wallets that cost nothing to make: minted, and without a key of the operator. The rest of
/// [`BIDS_OPEN_MAX`] is kept for keys of the operator and for bids that a deposit covers.
pub const BIDS_FREE_MAX: usize = BIDS_OPEN_MAX / 2;

/// A bid whose job could not be submitted although an offer fits is tried again after this; where the refusal names a time,
/// after that, up to the longest pause.
const PAUSE_MS: u64 = 60_000;
const PAUSE_MAX_MS: u64 = 3_600_000;

/// The terms of a bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Of a whole unit.
    pub max_unit_price: Amount,
    /// The last second at which the job may be submitted.
    pub expires_at: UnixSeconds,
}

impl Terms {
    /// Every bound that the terms do not keep for this job at `now`.
    pub fn errors(&self, job: &ValidJob, now: UnixSeconds) -> Vec<FieldError> {
        let mut errors = self.time_errors(now);
        let (price, unit) = (self.max_unit_price, job.work.unit_type());
        let limit = price::max_unit_price(unit);
        if price == Amount::ZERO || price > limit {
            let bound = format!("more than 0 and up to {limit} AIT per {unit}, the hub's limit");
            errors.push(FieldError::bound("max_unit_price", bound, format!("{price} AIT")));
        }
        errors
    }

    /// The same of its time alone, which needs no job.
    pub fn time_errors(&self, now: UnixSeconds) -> Vec<FieldError> {
        let (ends, latest) = (self.expires_at.0, now.0.saturating_add(BID_MAX_SECONDS));
        if ends > now.0 && ends <= latest {
            return vec![];
        }
        let bound = format!("after {} and up to {latest} (Unix seconds)", now.0);
        vec![FieldError::bound("expires_at", bound, ends.to_string())]
    }

    /// Every term in which a quote that comes with a bid differs from it.
    pub fn quote_errors(&self, quote: &JobQuote) -> Vec<FieldError> {
        let (price, ends) = (quote.max_unit_price, quote.expires_at.0);
        let pairs = [
            ("max_unit_price", price == self.max_unit_price, format!("{price} AIT"), self.max_unit_price.to_string()),
            ("expires_at", ends == self.expires_at.0, ends.to_string(), self.expires_at.0.to_string()),
        ];
        let differing = pairs.into_iter().filter(|(_, is_same, ..)| !is_same);
        differing.map(|(field, _, quoted, own)| FieldError::bound(field, format!("{quoted} as quoted"), own)).collect()
    }

    /// The job with the bid's price as its limit. The order of a job that its client pays sets that limit itself.
    pub fn limit(&self, mut job: ValidJob) -> ValidJob {
        if job.payment == PaidBy::Mint {
            let most = self.max_unit_price.times(job.work.units()).unwrap_or(Amount::from_atto(u128::MAX));
            let own = job.constraints.max_price.unwrap_or(most);
            job.constraints.max_price = Some(own.min(most));
        }
        job
    }
}

/// Whether a job asks for more of a miner than its model and a price.
pub fn has_filters(constraints: &Constraints) -> bool {
    let Constraints { max_price: _, miners, min_vram_gb, gpu, min_reputation_per_mille } = constraints;
    !miners.is_empty() || min_vram_gb.is_some() || gpu.is_some() || min_reputation_per_mille.is_some()
}

/// How long a bid rests whose job was refused.
pub fn pause_ms(retry_after_seconds: Option<u64>) -> u64 {
    retry_after_seconds.map_or(PAUSE_MS, |seconds| seconds.saturating_mul(1_000).clamp(PAUSE_MS, PAUSE_MAX_MS))
}

/// What a book needs to know of an open bid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedBid {
    pub model: ModelKey,
    pub max_unit_price: Amount,
    pub payment_mode: PaymentMode,
    pub units: MicroUnits,
    pub has_filters: bool,
}

/// The book of each model and kind, by price.
pub fn books(bids: impl IntoIterator<Item = BookedBid>) -> BTreeMap<ModelKey, BidBook> {
    let mut books: BTreeMap<ModelKey, BTreeMap<(Amount, bool), BidLevel>> = BTreeMap::new();
    for bid in bids {
        let BookedBid { model, max_unit_price, payment_mode, units, has_filters } = bid;
        let levels = books.entry(model).or_default();
        let empty = BidLevel { max_unit_price, payment_mode, bids: 0, with_filters: 0, units: MicroUnits(0) };
        let level = levels.entry((max_unit_price, payment_mode == PaymentMode::Escrow)).or_insert(empty);
        level.bids = level.bids.saturating_add(1);
        level.with_filters = level.with_filters.saturating_add(u32::from(has_filters));
        level.units = MicroUnits(level.units.0.saturating_add(units.0));
    }
    books.into_iter().map(|(key, levels)| (key.clone(), book(key, levels))).collect()
}

fn book(key: ModelKey, levels: BTreeMap<(Amount, bool), BidLevel>) -> BidBook {
    let bids = levels.values().fold(0_u32, |sum, level| sum.saturating_add(level.bids));
    let levels = levels.into_values().rev().take(BID_LEVELS_MAX).collect();
    BidBook { kind: key.kind, model: key.model, unit_type: key.kind.unit_type(), bids, levels }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::job::JobKind;

    use super::*;
    use crate::board::fixtures::{candidate, capability, image_job};
    use crate::matching::consider;

    const NOW: UnixSeconds = UnixSeconds(1_000);

    fn terms(price: u128, seconds_ahead: u64) -> Terms {
        Terms { max_unit_price: Amount::from_atto(price), expires_at: UnixSeconds(NOW.0 + seconds_ahead) }
    }

    fn fields(errors: &[FieldError]) -> Vec<&str> {
        errors.iter().map(|error| error.field.as_str()).collect()
    }

    #[test]
    fn a_bid_has_a_price_within_the_hubs_limit_and_a_week_at_most() {
        let job = image_job("scenes");
        let limit = price::max_unit_price(job.work.unit_type()).atto();
        assert!(terms(1, 1).errors(&job, NOW).is_empty() && terms(limit, BID_MAX_SECONDS).errors(&job, NOW).is_empty());
        assert_eq!(fields(&terms(0, 1).errors(&job, NOW)), ["max_unit_price"]);
        assert_eq!(fields(&terms(limit + 1, 0).errors(&job, NOW)), ["expires_at", "max_unit_price"]);
        assert_eq!(fields(&terms(1, BID_MAX_SECONDS + 1).time_errors(NOW)), ["expires_at"]);
        let past = Terms { expires_at: UnixSeconds(NOW.0 - 1), ..terms(1, 0) };
        assert_eq!(fields(&past.time_errors(NOW)), ["expires_at"]);
    }

    #[test]
    fn the_lower_of_a_bids_price_and_its_jobs_own_limit_holds() {
        let job = image_job("scenes");
        let limited = |own: Option<u128>, price: u128| {
            let mut job = job.clone();
            job.constraints.max_price = own.map(Amount::from_atto);
            terms(price, 1).limit(job).constraints.max_price.unwrap()
        };
        let at_ten = Amount::from_atto(10_u128.pow(15)).times(job.work.units()).unwrap();
        assert_eq!(limited(None, 10_u128.pow(15)), at_ten);
        assert_eq!(limited(Some(5), 10_u128.pow(15)), Amount::from_atto(5));
        assert_eq!(limited(Some(u128::MAX), 10_u128.pow(15)), at_ten);
        let mut paid = job.clone();
        paid.payment = PaidBy::Escrow { max_unit_price: Amount::from_atto(7) };
        assert_eq!(terms(1, 1).limit(paid.clone()), paid, "the order has the price");
    }

    proptest! {
        /// What is minted for a bid is never more than its price for the work.
        #[test]
        fn no_miner_that_asks_for_more_than_the_bid_fits(asked in 0..2_000_000_u128, bid in 1..2_000_000_u128) {
            // In steps in which no total is rounded.
            let step = 1_000_000;
            let job = terms(bid * step, 1).limit(image_job("scenes"));
            let mut offers = capability("scenes", 1_000);
            offers.offers[0].unit_price = Amount::from_atto(asked * step);
            prop_assert_eq!(consider(&job, &candidate(1, &offers)).is_ok(), asked <= bid);
        }
    }

    fn booked(model: &str, price: u128, payment_mode: PaymentMode, has_filters: bool) -> BookedBid {
        let model = ModelKey { kind: JobKind::Image, model: model.to_owned() };
        let max_unit_price = Amount::from_atto(price);
        BookedBid { model, max_unit_price, payment_mode, units: MicroUnits(5), has_filters }
    }

    #[test]
    fn a_book_has_one_level_for_each_price_and_way_of_paying_the_highest_first() {
        use PaymentMode::{Escrow, Mint};
        let bids = [
            booked("a", 3, Mint, false),
            booked("a", 9, Mint, true),
            booked("a", 3, Mint, true),
            booked("a", 3, Escrow, false),
            booked("b", 1, Mint, false),
        ];
        let books: Vec<_> = books(bids).into_values().collect();
        let [a, b] = &books[..] else { panic!("two models") };
        assert_eq!((a.bids, b.bids), (4, 1));
        let levels: Vec<_> = a
            .levels
            .iter()
            .map(|level| (level.max_unit_price.atto(), level.bids, level.with_filters, level.units.0))
            .collect();
        assert_eq!(levels, [(9, 1, 1, 5), (3, 1, 0, 5), (3, 2, 1, 10)]);
    }

    #[test]
    fn a_book_shows_its_highest_levels_and_counts_all() {
        let many = (1..=BID_LEVELS_MAX as u128 + 5).map(|price| booked("a", price, PaymentMode::Mint, false));
        let book = books(many).into_values().next().unwrap();
        assert_eq!((book.bids as usize, book.levels.len()), (BID_LEVELS_MAX + 5, BID_LEVELS_MAX));
        assert_eq!(book.levels[0].max_unit_price.atto(), BID_LEVELS_MAX as u128 + 5);
    }

    #[test]
    fn a_refused_bid_rests_a_minute_to_an_hour() {
        assert_eq!([None, Some(1), Some(600), Some(u64::MAX)].map(pause_ms), [60_000, 60_000, 600_000, 3_600_000]);
    }
}
