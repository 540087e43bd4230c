//! The log of a hub: it grows with what it tells, never without it, and it never forks.

use shared::Address;
use shared::amount::Amount;
use shared::log::LogEntry;
use shared::log::entry::{EntryKind, FaultCause};
use shared::log::ledger::{Ledger, MinerCounts, MinerSums};
use shared::log::proof::{Head, Plan, verify_consistency, verify_inclusion};
use shared::log::tree::{Frontier, empty_root, leaf_hash};
use shared::time::UnixMillis;
use store::Store;
use store::change::{CountFault, ForgetMiners, UpsertMiner};

use super::database::on_both;
use super::fixture::{MINER, NOW, complete, new_job, task};
use super::settlement::arrival;

/// Reads the whole log, and checks that it is one tree.
pub(crate) async fn checked(store: &Store) -> Vec<LogEntry> {
    let frontier = store.log_frontier().await.unwrap();
    let records = store.list_log(0, 100_000).await.unwrap();
    assert_eq!(records.len() as u64, frontier.size(), "no entry is missing, and none is too many");
    let mut grown = Frontier::default();
    for (record, index) in records.iter().zip(0..) {
        assert_eq!(record.index, index);
        for (id, hash) in grown.append(leaf_hash(record.json.as_bytes())) {
            assert_eq!(store.find_log_nodes([id]).await.unwrap().get(&id), Some(&hash));
        }
    }
    assert_eq!(grown, frontier);
    records.iter().map(|record| record.entry().unwrap()).collect()
}

async fn serve(store: &Store, numbers: impl IntoIterator<Item = u128>) {
    for number in numbers {
        store.write(new_job(number)).await.unwrap();
        store.write(complete(number)).await.unwrap();
    }
}

#[tokio::test]
async fn the_log_of_a_hub_begins_empty_and_grows_with_its_receipts() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        assert_eq!(store.log_frontier().await.unwrap().root(), empty_root());
        serve(&store, 1..=9).await;
        // What comes again is in the log already.
        store.write(complete(3)).await.unwrap();
        let entries = checked(&store).await;
        assert_eq!(entries.len(), 9);
        let mut ledger = Ledger::default();
        entries.iter().try_for_each(|entry| ledger.count(entry)).unwrap();
        let miner = store.find_miner(MINER).await.unwrap().unwrap();
        assert_eq!(
            ledger.counts(MINER),
            MinerCounts { jobs_completed: miner.jobs_completed, ..MinerCounts::default() }
        );
        let sums = MinerSums { earned: Amount::ZERO, pending: miner.pending };
        assert_eq!(ledger.sums(&[].into(), 9).get(&MINER), Some(&sums));
        let receipt = complete(4).receipt.signed.receipt_hash.to_string();
        assert_eq!(store.find_logged(EntryKind::Receipt, &receipt).await.unwrap().unwrap().index, 3);
        assert_eq!(store.find_logged(EntryKind::Void, &receipt).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn every_proof_is_made_of_kept_nodes_and_a_later_log_begins_with_each_earlier_one() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let mut heads = Vec::new();
        for number in 1..=13 {
            serve(&store, [number]).await;
            let frontier = store.log_frontier().await.unwrap();
            heads.push(Head { size: frontier.size(), root: frontier.root() });
        }
        let later = *heads.last().unwrap();
        let records = store.list_log(0, 100).await.unwrap();
        for (record, earlier) in records.iter().zip(heads) {
            let plan = Plan::inclusion(record.index, later.size).unwrap();
            let proof = plan.assemble(&store.find_log_nodes(plan.nodes()).await.unwrap()).unwrap();
            let leaf = leaf_hash(record.json.as_bytes());
            verify_inclusion(leaf, record.index, later.size, &proof, later.root).unwrap();
            let plan = Plan::consistency(earlier.size, later.size).unwrap();
            let proof = plan.assemble(&store.find_log_nodes(plan.nodes()).await.unwrap()).unwrap();
            verify_consistency(earlier, later, &proof).unwrap();
        }
    })
    .await;
}

/// Two processes of one hub over one database, as while one takes over from the other.
#[tokio::test]
async fn two_processes_of_one_hub_write_one_log_and_two_hubs_write_two() {
    on_both(async |database| {
        let (first, second, other) = (database.open().await, database.open().await, database.open_as("other").await);
        first.write(arrival()).await.unwrap();
        for number in 1..=60 {
            let store = [&first, &second, &other][(number % 3) as usize];
            store.write(new_job(number)).await.unwrap();
        }
        let of = |store: &Store, rest: u128| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in (1..=60).filter(|number| number % 3 == rest) {
                    store.write(complete(number)).await.unwrap();
                }
            })
        };
        for task in [of(&first, 0), of(&second, 1), of(&other, 2)] {
            task.await.unwrap();
        }
        assert_eq!(checked(&first).await, checked(&second).await);
        assert_eq!((checked(&first).await.len(), checked(&other).await.len()), (40, 20));
    })
    .await;
}

#[tokio::test]
async fn a_fault_counts_in_the_log_as_in_the_account_and_a_forgotten_miner_begins_anew() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let newcomer = Address::repeat_byte(9);
        let seen_at = UnixMillis(5);
        let capability = store.find_miner(MINER).await.unwrap().unwrap().capability;
        let join = UpsertMiner { address: newcomer, capability, seen_at };
        store.write(join.clone()).await.unwrap();
        let fault = |miner| CountFault { miner, task: task(1), cause: FaultCause::Excuses, at: NOW };
        store.write(fault(newcomer)).await.unwrap();
        // Nobody has an account of this address.
        store.write(fault(Address::repeat_byte(8))).await.unwrap();
        serve(&store, [1]).await;
        let forget = ForgetMiners { seen_before: UnixMillis(6), unserved_max: 100 };
        assert_eq!(store.write(forget).await.unwrap(), 1);
        store.write(join).await.unwrap();
        let mut ledger = Ledger::default();
        let entries = checked(&store).await;
        let kinds: Vec<EntryKind> = entries.iter().map(LogEntry::kind).collect();
        assert_eq!(kinds, [EntryKind::Fault, EntryKind::Receipt, EntryKind::Forgotten]);
        entries.iter().try_for_each(|entry| ledger.count(entry)).unwrap();
        assert_eq!(ledger.counts(newcomer).faults, store.find_miner(newcomer).await.unwrap().unwrap().faults);
    })
    .await;
}
