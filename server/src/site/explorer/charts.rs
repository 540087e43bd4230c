//! The figures of the explorer's charts: from the index, from jobs and from receipts. Kept for a moment, since they
//! change slowly and count many rows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use shared::amount::Amount;
use shared::api::tokens::{Charts, JobsOfDay, PriceOfDay, SupplyOfDay};
use shared::time::{SECONDS_PER_DAY, UnixMillis, UnixSeconds};
use shared::unit::UnitType;
use store::record::ReceiptRecord;
use store::record::index::DayRow;
use store::repository::{Keyset, ReceiptFilter};
use store::{Store, StoreError};

/// Days that a chart shows.
const DAYS: u64 = 30;

/// Days whose sums are added up: a hundred years.
const DAYS_MAX: u64 = 36_500;

/// Receipts over which a price is the mean.
const RECEIPTS: u64 = 500;

/// How long an answer counts.
const KEPT_MS: u64 = 10_000;

/// The last answer, and when it was made.
#[derive(Clone, Default)]
pub(in crate::site) struct ChartFigures(Arc<Mutex<Option<(UnixMillis, Charts)>>>);

impl ChartFigures {
    pub(in crate::site) async fn read(&self, store: &Store, now: UnixMillis) -> Result<Charts, StoreError> {
        if let Some((at, charts)) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner)
            && now.since_ms(*at) < KEPT_MS
        {
            return Ok(charts.clone());
        }
        let today = now.seconds().0 / SECONDS_PER_DAY;
        let jobs = store.count_jobs_by_day(today.saturating_sub(DAYS - 1)).await?;
        let newest = Keyset { before_seq: None, limit: RECEIPTS };
        let charts = Charts {
            supply: supply(&store.list_days(DAYS_MAX).await?),
            jobs: jobs.into_iter().map(|(number, kind, jobs)| JobsOfDay { day: day(number), kind, jobs }).collect(),
            prices: prices(&store.list_receipts(&ReceiptFilter::default(), newest).await?),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, charts.clone()));
        Ok(charts)
    }
}

fn day(number: u64) -> UnixSeconds {
    UnixSeconds(number.saturating_mul(SECONDS_PER_DAY))
}

fn plus(sum: Amount, more: Amount) -> Amount {
    Amount::from_atto(sum.atto().saturating_add(more.atto()))
}

/// Sums from the first day on; the newest days of them.
fn supply(days: &[DayRow]) -> Vec<SupplyOfDay> {
    let (mut minted, mut issued, mut burnt) = (Amount::ZERO, Amount::ZERO, Amount::ZERO);
    let mut sums: Vec<SupplyOfDay> = Vec::new();
    for row in days {
        (minted, issued, burnt) = (plus(minted, row.minted), plus(issued, row.issued), plus(burnt, row.burnt));
        let supply = Amount::from_atto(issued.atto().saturating_sub(burnt.atto()));
        sums.push(SupplyOfDay { day: day(row.day), transactions: row.transactions, minted, supply });
    }
    let shown = usize::try_from(DAYS).unwrap_or(usize::MAX);
    sums.split_off(sums.len().saturating_sub(shown))
}

/// The mean price of each day and unit.
fn prices(receipts: &[ReceiptRecord]) -> Vec<PriceOfDay> {
    let mut sums: BTreeMap<(u64, UnitType), (u128, u32)> = BTreeMap::new();
    for record in receipts {
        let receipt = &record.signed.receipt;
        let key = (record.attested_at.seconds().0 / SECONDS_PER_DAY, receipt.unit_type);
        let (sum, count) = sums.entry(key).or_default();
        *sum = sum.saturating_add(receipt.unit_price.atto());
        *count += 1;
    }
    let price = |((number, unit_type), (sum, receipts)): ((u64, UnitType), (u128, u32))| PriceOfDay {
        day: day(number),
        unit_type,
        unit_price: Amount::from_atto(sum / u128::from(receipts.max(1))),
        receipts,
    };
    sums.into_iter().map(price).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: u64, minted: u64, issued: u64, burnt: u64) -> DayRow {
        let ait = |amount: u64| Amount::from_ait(amount);
        DayRow { day, transactions: 1, minted: ait(minted), issued: ait(issued), burnt: ait(burnt) }
    }

    #[test]
    fn supply_and_mints_are_sums_from_the_beginning_whatever_is_shown() {
        let days: Vec<DayRow> = (0..40).map(|day| row(day, 2, 2, u64::from(day == 39))).collect();
        let shown = supply(&days);
        assert_eq!(shown.len(), 30);
        assert_eq!((shown[0].day, shown[0].minted), (UnixSeconds(10 * 86_400), Amount::from_ait(22)));
        assert_eq!((shown[29].minted, shown[29].supply), (Amount::from_ait(80), Amount::from_ait(79)));
        assert!(supply(&[]).is_empty());
    }
}
