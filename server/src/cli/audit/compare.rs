//! What the hub says, beside what follows from its log and the chain.
//!
//! The hub goes on while it is read. So each of its numbers must lie between what followed when the reading began and what
//! follows now; of a hub at rest the two are one number.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use anyhow::Result;
use hub::reputation;
use shared::amount::Amount;
use shared::api::audits::AuditState;
use shared::api::miners::MinerView;
use shared::api::page::{LIMIT_MAX, Page};
use shared::api::receipts::{HoldState, ReceiptView, SettlementState};
use shared::api::reviews::ReviewView;
use shared::api::status::NetworkStatus;
use shared::log::entry::LoggedReview;
use shared::log::ledger::{Ledger, MinerCounts, MinerSums, Paid, PaidThrough};
use shared::{Address, B256};

use super::chain::PaidReceipts;
use super::source::receipt;
use super::{Difference, within};
use crate::cli::client::Server;

/// Rows of one list that are read.
const ROWS_MAX: usize = 20_000_000;

/// What the hub says.
pub(super) struct Figures {
    supply: Amount,
    miners: BTreeMap<Address, MinerView>,
    receipts: BTreeMap<B256, Said>,
    reviews: Vec<ReviewView>,
}

/// What the hub says of a receipt, and what is wrong with it in itself.
struct Said {
    provider: Address,
    amount: Amount,
    settlement: SettlementState,
    placed: Option<(B256, u64)>,
    is_voided: bool,
    audit: Option<(AuditState, Option<Address>)>,
    fault: Option<String>,
}

impl Figures {
    pub(super) fn read(server: &Server) -> Result<Self> {
        let mut read =
            Self { supply: Amount::ZERO, miners: BTreeMap::new(), receipts: BTreeMap::new(), reviews: Vec::new() };
        each(server, "/v1/receipts", "receipts", |view: ReceiptView| {
            read.receipts.insert(view.signed.receipt_hash, Said::of(&view));
        })?;
        each(server, "/v1/miners", "miners", |view: MinerView| drop(read.miners.insert(view.address, view)))?;
        let reviewed = read.miners.values().filter(|view| view.reviews.paid.max(view.reviews.unpaid) > 0);
        for miner in reviewed.map(|view| view.address).collect::<Vec<_>>() {
            let path = format!("/v1/miners/{miner}/reviews");
            each(server, &path, "reviews", |view: ReviewView| read.reviews.push(view))?;
        }
        read.supply = server.get_patiently::<NetworkStatus>("/v1/status")?.supply;
        Ok(read)
    }
}

fn each<T: serde::de::DeserializeOwned>(
    server: &Server,
    path: &str,
    what: &str,
    mut take: impl FnMut(T),
) -> Result<()> {
    let (mut rows, mut cursor) = (0, None::<String>);
    loop {
        let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page: Page<T> = server.get_patiently(&format!("{path}?limit={LIMIT_MAX}{from}"))?;
        rows += page.items.len();
        within(rows, ROWS_MAX, what)?;
        page.items.into_iter().for_each(&mut take);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

impl Said {
    fn of(view: &ReceiptView) -> Self {
        let minted = view.mint.as_ref().map(|mint| (mint.transaction_hash, mint.block_number));
        let settled = view.settled.map(|settled| (settled.transaction_hash, settled.block_number));
        Self {
            provider: view.signed.receipt.provider,
            amount: view.amount,
            settlement: view.settlement,
            placed: minted.or(settled),
            is_voided: view.hold.is_some_and(|hold| hold.state == HoldState::Voided),
            audit: view.audit.as_ref().map(|audit| (audit.state, audit.refuted)),
            fault: view.signed.verify().err().map(|error| error.to_string()),
        }
    }
}

/// One look at the hub.
pub(super) struct Comparison<'a> {
    /// Read after what the hub says.
    pub(super) ledger: &'a Ledger,
    /// Entries that were read before it, and what they count.
    pub(super) begun_at: u64,
    pub(super) begun_counts: &'a BTreeMap<Address, MinerCounts>,
    pub(super) begun_with: &'a PaidReceipts,
    pub(super) now: &'a PaidReceipts,
    pub(super) said: &'a Figures,
}

impl Comparison<'_> {
    /// Asks the server again where a list left somebody out, since lists move while they are read.
    pub(super) fn differences(&self, server: &Server) -> Result<Vec<Difference>> {
        let mut found = Vec::new();
        self.receipts(&mut found);
        self.miners(server, &mut found)?;
        found.extend(self.said.reviews.iter().filter_map(|said| review(said, self.ledger.review(said.receipt_hash))));
        let supplies = (self.begun_with.supply, self.now.supply);
        found.extend(outside("supply", "AIT", supplies, self.said.supply));
        Ok(found)
    }

    /// What an audit of one hub's log cannot decide.
    pub(super) fn notes(&self) -> BTreeSet<String> {
        let unknown = self.now.paid.keys().filter(|hash| self.ledger.receipt(**hash).is_none()).count();
        let note = format!(
            "{unknown} receipts that the chain paid are not in this log: they are another hub's, or this hub hides them"
        );
        (unknown > 0).then_some(note).into_iter().collect()
    }

    fn receipts(&self, found: &mut Vec<Difference>) {
        for (hash, line) in self.ledger.receipts() {
            match self.said.receipts.get(&hash) {
                Some(said) => found.extend(self.receipt(hash, said, (line.provider, line.amount))),
                None if line.index < self.begun_at => {
                    found.push(Difference::new(receipt(hash), "it is in the log, and the hub does not list it"));
                }
                None => {}
            }
        }
        let unlogged = self.said.receipts.keys().filter(|hash| self.ledger.receipt(**hash).is_none());
        found
            .extend(unlogged.map(|hash| Difference::new(receipt(*hash), "the hub lists it, and it is not in the log")));
    }

    fn receipt(&self, hash: B256, said: &Said, (provider, amount): (Address, Amount)) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut differs = |what: &str, detail: String| {
            found.push(Difference::new(format!("{} ({what})", receipt(hash)), detail));
        };
        if let Some(fault) = &said.fault {
            differs("signatures", format!("the hub lists a receipt that does not hold: {fault}"));
        }
        if said.provider != provider {
            differs("miner", format!("it is {provider}'s in the log, and the hub says {}", said.provider));
        }
        if said.amount != amount {
            differs("amount", format!("it is worth {amount} AIT in the log, and the hub says {} AIT", said.amount));
        }
        let (before, now) = (self.begun_with.paid.get(&hash), self.now.paid.get(&hash));
        if let Some(detail) = payment(said, before, now) {
            differs("payment", detail);
        }
        let at_provider = self.now.providers.get(&hash).copied().unwrap_or(provider);
        if at_provider != provider {
            differs("payment", format!("it is {provider}'s in the log, and the chain paid {at_provider}"));
        }
        if let Some(logged) = self.ledger.audit(hash)
            && said.audit != Some(logged)
        {
            let said = said.audit.map_or("nothing".to_owned(), |(state, refuted)| ended(state, refuted));
            differs("audit", format!("in the log its audit is {}, and the hub says {said}", ended(logged.0, logged.1)));
        }
        found
    }

    fn miners(&self, server: &Server, found: &mut Vec<Difference>) -> Result<()> {
        let sums = Sums::of(self);
        let listed = self.said.miners.keys().copied();
        let all: BTreeSet<Address> = listed.chain(self.ledger.miners()).collect();
        for address in all {
            let counts = self.ledger.counts(address);
            let view = match self.said.miners.get(&address) {
                Some(view) => view.clone(),
                None if counts == MinerCounts::default() => continue,
                None => match server.get_patiently::<MinerView>(&format!("/v1/miners/{address}")) {
                    Ok(view) => view,
                    Err(error) => {
                        let detail = format!("it has an account in the log, and the hub has none: {error:#}");
                        found.push(Difference::new(format!("miner {address}"), detail));
                        continue;
                    }
                },
            };
            found.extend(self.miner(&view, counts, &sums));
        }
        Ok(())
    }

    fn miner(&self, view: &MinerView, now: MinerCounts, sums: &Sums) -> Vec<Difference> {
        let address = view.address;
        let before = self.begun_counts.get(&address).copied().unwrap_or_default();
        let count = |what: &str, before: u64, now: u64, said: u64| {
            outside(&format!("miner {address} ({what})"), "", (before, now), said)
        };
        let reputation = reputation::per_mille(view.jobs_completed, view.faults);
        let (least, most) = sums.within(address);
        let sum = |what: &str, bounds: (Amount, Amount), said: Amount| {
            outside(&format!("miner {address} ({what})"), "AIT", bounds, said)
        };
        [
            count("jobs completed", before.jobs_completed, now.jobs_completed, view.jobs_completed),
            count("faults", before.faults, now.faults, view.faults),
            count("audits confirmed", before.audits_confirmed, now.audits_confirmed, view.audits.confirmed),
            count("audits refuted", before.audits_refuted, now.audits_refuted, view.audits.refuted),
            count("paid reviews", before.reviews.paid, now.reviews.paid, view.reviews.paid),
            count("unpaid reviews", before.reviews.unpaid, now.reviews.unpaid, view.reviews.unpaid),
            count("mean of reviews", mean(before), mean(now), view.reviews.mean_per_mille.unwrap_or_default().into()),
            count("reputation", reputation.into(), reputation.into(), view.reputation_per_mille.into()),
            sum("earned", (least.earned, most.earned), view.earned),
            sum("pending", (least.pending, most.pending), view.pending),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What is wrong with a review that the hub lists.
fn review(said: &ReviewView, logged: Option<&LoggedReview>) -> Option<Difference> {
    let differs = |detail: &str| Some(Difference::new(format!("{} (review)", receipt(said.receipt_hash)), detail));
    let Some(logged) = logged else { return differs("the hub lists a review of it, and there is none in the log") };
    if (said.author, said.stars) != (logged.author, logged.stars) {
        return differs("the hub lists other stars, or another author, than the log has");
    }
    // Of a hidden text nobody outside can tell whether it is the one that the log has.
    let is_hidden = said.hidden_reason.is_some();
    let text = said.text.as_ref().zip(said.salt).map(|(text, salt)| salt.commit_review(text));
    let holds = if is_hidden { text.is_none() && logged.text.is_some() } else { text == logged.text };
    if holds { None } else { differs("the hub lists another text than the log commits to") }
}

/// The mean of the reviews in thousandths of a star, 0 where there is none.
fn mean(counts: MinerCounts) -> u64 {
    counts.reviews.mean_per_mille().unwrap_or_default().into()
}

/// Each miner's sums, the least and the most that the hub may say.
///
/// A receipt is earned at the least where the chain had paid it when the reading began and has not taken it back since.
/// It is pending at the most where it had not been paid then.
struct Sums {
    least_earned: BTreeMap<Address, MinerSums>,
    most_earned: BTreeMap<Address, MinerSums>,
    least_pending: BTreeMap<Address, MinerSums>,
    most_pending: BTreeMap<Address, MinerSums>,
}

impl Sums {
    fn of(comparison: &Comparison<'_>) -> Self {
        let Comparison { ledger, begun_at, begun_with, now, .. } = comparison;
        let is_voided = |paid: &BTreeMap<B256, Paid>, hash: &B256| {
            paid.get(hash).is_some_and(|paid| paid.by == PaidThrough::VoidedMint)
        };
        let kept = begun_with.paid.iter().filter(|(hash, _)| !is_voided(&now.paid, hash));
        let kept: BTreeMap<B256, Paid> = kept.map(|(hash, paid)| (*hash, *paid)).collect();
        // A void that came meanwhile may not have reached the hub's sums.
        let standing = now.paid.iter().map(|(hash, paid)| match paid.by {
            PaidThrough::VoidedMint if !is_voided(&begun_with.paid, hash) => {
                (*hash, Paid { by: PaidThrough::Mint, ..*paid })
            }
            _ => (*hash, *paid),
        });
        let standing: BTreeMap<B256, Paid> = standing.collect();
        Self {
            least_earned: ledger.sums(&kept, ledger.size()),
            most_earned: ledger.sums(&standing, ledger.size()),
            least_pending: ledger.sums(&now.paid, *begun_at),
            most_pending: ledger.sums(&begun_with.paid, ledger.size()),
        }
    }

    fn within(&self, address: Address) -> (MinerSums, MinerSums) {
        let of = |sums: &BTreeMap<Address, MinerSums>| sums.get(&address).copied().unwrap_or_default();
        let least = MinerSums { earned: of(&self.least_earned).earned, pending: of(&self.least_pending).pending };
        let most = MinerSums { earned: of(&self.most_earned).earned, pending: of(&self.most_pending).pending };
        (least, most)
    }
}

/// What is wrong with how the hub says that a receipt was paid.
fn payment(said: &Said, before: Option<&Paid>, now: Option<&Paid>) -> Option<String> {
    let is_paid = matches!(said.settlement, SettlementState::Minted | SettlementState::Settled);
    let words = |paid: &Paid| {
        let by = match paid.by {
            PaidThrough::Mint => "minted it",
            PaidThrough::VoidedMint => "minted it, and took it back",
            PaidThrough::Escrow => "paid it from the escrow",
        };
        format!("the chain {by} in block {}, transaction {}", paid.block_number, paid.transaction_hash)
    };
    let Some(paid) = now else {
        return is_paid.then(|| "the hub says that it was paid, and the chain has not paid it".to_owned());
    };
    if !is_paid {
        return before.map(|paid| format!("{}, and the hub does not say so", words(paid)));
    }
    let through = if said.settlement == SettlementState::Settled { PaidThrough::Escrow } else { PaidThrough::Mint };
    let is_through = through == paid.by || (through == PaidThrough::Mint && paid.by == PaidThrough::VoidedMint);
    if !is_through || said.placed != Some((paid.transaction_hash, paid.block_number)) {
        return Some(format!("{}, and the hub says otherwise", words(paid)));
    }
    let was_voided = before.is_some_and(|paid| paid.by == PaidThrough::VoidedMint);
    if said.is_voided && paid.by != PaidThrough::VoidedMint || !said.is_voided && was_voided {
        return Some(format!("{}, and the hub says otherwise of its hold", words(paid)));
    }
    None
}

fn ended(state: AuditState, refuted: Option<Address>) -> String {
    let state = format!("{state:?}").to_lowercase();
    refuted.map_or(state.clone(), |miner| format!("{state}, with {miner} refuted"))
}

/// A number of the hub that lies outside of what follows.
fn outside<T: Ord + Copy + Display>(subject: &str, unit: &str, (one, other): (T, T), said: T) -> Option<Difference> {
    let (least, most) = (one.min(other), one.max(other));
    if (least..=most).contains(&said) {
        return None;
    }
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    let follows = if least == most { format!("{least}{unit}") } else { format!("{least} to {most}{unit}") };
    Some(Difference::new(
        subject,
        format!("{follows} follows from the log and the chain, and the hub says {said}{unit}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(settlement: SettlementState, placed: Option<(B256, u64)>) -> Said {
        Said {
            provider: Address::ZERO,
            amount: Amount::ZERO,
            settlement,
            placed,
            is_voided: false,
            audit: None,
            fault: None,
        }
    }

    #[test]
    fn a_number_differs_only_outside_of_both_readings() {
        for said in [3, 4, 5] {
            assert_eq!(outside("jobs", "", (3, 5), said), None);
            assert_eq!(outside("jobs", "", (5, 3), said), None);
        }
        let detail = outside("jobs", "AIT", (3, 5), 6).unwrap().detail;
        assert_eq!(detail, "3 to 5 AIT follows from the log and the chain, and the hub says 6 AIT");
        assert!(outside("jobs", "", (3, 3), 2).unwrap().detail.starts_with("3 follows"));
    }

    #[test]
    fn a_payment_is_compared_with_its_block_and_one_that_came_meanwhile_is_not_missed() {
        let place = (B256::repeat_byte(1), 7);
        let paid = Paid { amount: Amount::ZERO, transaction_hash: place.0, block_number: 7, by: PaidThrough::Mint };
        let minted = said(SettlementState::Minted, Some(place));
        assert_eq!(payment(&minted, Some(&paid), Some(&paid)), None);
        let waiting = said(SettlementState::Submitted, None);
        assert_eq!(payment(&waiting, None, Some(&paid)), None, "it was minted while the hub was read");
        assert!(payment(&waiting, Some(&paid), Some(&paid)).unwrap().contains("does not say so"));
        assert!(payment(&minted, None, None).unwrap().contains("has not paid it"));
        let elsewhere = said(SettlementState::Minted, Some((place.0, 8)));
        assert!(payment(&elsewhere, Some(&paid), Some(&paid)).unwrap().contains("says otherwise"));
        let by_escrow = said(SettlementState::Settled, Some(place));
        assert!(payment(&by_escrow, Some(&paid), Some(&paid)).is_some());
        let taken_back = Paid { by: PaidThrough::VoidedMint, ..paid };
        assert!(payment(&minted, Some(&taken_back), Some(&taken_back)).unwrap().contains("of its hold"));
        assert_eq!(payment(&minted, Some(&paid), Some(&taken_back)), None, "it was voided while the hub was read");
    }
}
