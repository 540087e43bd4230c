//! The index of the chain: filled once, the same however it is cut, read by pages.

use shared::amount::Amount;
use shared::time::UnixSeconds;
use shared::{Address, B256, U256};
use store::change::{ClearIndex, IndexBlocks, NameToken};
use store::record::index::{
    DayRow, HolderRow, IndexPlace, IndexPosition, IndexedBlock, IndexedTransaction, IndexedTransfer, TransferRow,
};
use store::repository::{IndexPage, TransferFilter};
use store::{Refusal, Store, StoreError};

use super::database::on_both;

const TOKEN: Address = Address::repeat_byte(0xa1);
const ALICE: Address = Address::repeat_byte(1);
const BOB: Address = Address::repeat_byte(2);
const CAROL: Address = Address::repeat_byte(3);

fn hash(number: u64) -> B256 {
    B256::from(U256::from(number + 1_000))
}

fn transfer(log_index: u64, from: Address, to: Address, amount: u64) -> IndexedTransfer {
    IndexedTransfer { log_index, token: TOKEN, from, to, amount: U256::from(amount) }
}

/// A block with one transaction of Alice for each list of transfers.
fn block(number: u64, transactions: Vec<Vec<IndexedTransfer>>) -> IndexedBlock {
    let one = |(position, transfers): (u32, Vec<IndexedTransfer>)| IndexedTransaction {
        hash: B256::from(U256::from(number * 1_000 + u64::from(position) + 1)),
        position,
        from: ALICE,
        to: Some(TOKEN),
        created: None,
        succeeded: true,
        selector: Some([0xa9, 0x05, 0x9c, 0xbb]),
        nonce: u64::from(position),
        gas_used: 21_000,
        value_wei: U256::MAX,
        minted: Amount::from_ait(1),
        transfers,
    };
    IndexedBlock {
        number,
        hash: hash(number),
        at: UnixSeconds(86_400 * 3 + number * 60),
        producer: BOB,
        gas_used: 21_000,
        minted: Amount::from_ait(1),
        issued: Amount::from_atto(u128::from(u64::MAX)),
        burnt: Amount::ZERO,
        transactions: (0..).zip(transactions).map(one).collect(),
    }
}

fn position(number: u64) -> IndexPosition {
    IndexPosition { height: number, hash: hash(number) }
}

/// Blocks 0 to 5: Alice gets 100, gives 30 to Bob, who gives 30 to Carol, who gives back 10.
fn chain() -> Vec<IndexedBlock> {
    vec![
        block(0, vec![]),
        block(1, vec![vec![transfer(0, Address::ZERO, ALICE, 100)]]),
        block(2, vec![vec![transfer(0, ALICE, BOB, 30)], vec![]]),
        block(3, vec![vec![transfer(0, BOB, CAROL, 30), transfer(1, CAROL, ALICE, 10)]]),
        block(4, vec![vec![transfer(0, ALICE, ALICE, 80)]]),
        block(5, vec![]),
    ]
}

async fn fill(store: &Store, blocks: &[IndexedBlock], per_change: usize) {
    for blocks in blocks.chunks(per_change) {
        let after = blocks[0].number.checked_sub(1).map(position);
        store.write(IndexBlocks { after, blocks: blocks.to_vec() }).await.unwrap();
    }
}

async fn holders(store: &Store) -> Vec<HolderRow> {
    store.list_holders(TOKEN, None, 10).await.unwrap()
}

fn holds(account: Address, balance: u64) -> HolderRow {
    HolderRow { token: TOKEN, account, balance: U256::from(balance) }
}

async fn transfers(store: &Store, filter: TransferFilter) -> Vec<TransferRow> {
    store.list_transfers(filter, IndexPage::newest(None, 100)).await.unwrap()
}

#[tokio::test]
async fn the_index_is_the_same_however_its_blocks_come_and_nothing_counts_twice() {
    on_both(async |database| {
        let store = database.open().await;
        for per_change in [1, 2, 6] {
            store.write(ClearIndex).await.unwrap();
            assert_eq!(store.index_position().await.unwrap(), None);
            assert!(holders(&store).await.is_empty() && store.list_tokens(None, 10).await.unwrap().is_empty());
            fill(&store, &chain(), per_change).await;
            // The last change again, as after a connection that broke during its commit.
            let last = chain().split_off(5);
            store.write(IndexBlocks { after: Some(position(4)), blocks: last }).await.unwrap();
            assert_eq!(store.index_position().await.unwrap(), Some(position(5)));
            assert_eq!(holders(&store).await, [holds(ALICE, 80), holds(CAROL, 20)], "{per_change}");
            let token = store.find_token(TOKEN).await.unwrap().unwrap();
            assert_eq!((token.holders, token.transfers, token.first_block), (2, 5, 1));
            assert_eq!(transfers(&store, TransferFilter::default()).await.len(), 5);
            let day = DayRow {
                day: 3,
                transactions: 5,
                minted: Amount::from_ait(6),
                issued: Amount::from_atto(u128::from(u64::MAX) * 6),
                burnt: Amount::ZERO,
            };
            assert_eq!(store.list_days(10).await.unwrap(), [day]);
        }
    })
    .await;
}

#[tokio::test]
async fn blocks_that_do_not_follow_the_position_are_refused_whole() {
    on_both(async |database| {
        let store = database.open().await;
        fill(&store, &chain()[..3], 3).await;
        let wrong = [
            // A gap, another chain's block, and the beginning once more.
            IndexBlocks { after: Some(position(3)), blocks: vec![block(4, vec![])] },
            IndexBlocks {
                after: Some(IndexPosition { height: 2, hash: B256::ZERO }),
                blocks: vec![block(3, vec![vec![transfer(0, ALICE, BOB, 1)]])],
            },
            IndexBlocks { after: None, blocks: vec![block(0, vec![])] },
        ];
        for change in wrong {
            let refused = store.write(change).await;
            assert!(matches!(refused, Err(StoreError::Refused(Refusal::IndexMoved))), "{refused:?}");
        }
        assert_eq!(store.index_position().await.unwrap(), Some(position(2)));
        assert_eq!(holders(&store).await, [holds(ALICE, 70), holds(BOB, 30)]);
        assert_eq!(store.indexed_block_hash(3).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn two_processes_that_index_the_same_blocks_count_them_once() {
    on_both(async |database| {
        let (one, other) = (database.open_as("one").await, database.open_as("other").await);
        for block in chain() {
            let after = block.number.checked_sub(1).map(position);
            let change = IndexBlocks { after, blocks: vec![block] };
            let both = tokio::join!(one.write(change.clone()), other.write(change));
            assert!(both.0.is_ok() && both.1.is_ok(), "{both:?}");
        }
        assert_eq!(holders(&one).await, [holds(ALICE, 80), holds(CAROL, 20)]);
        assert_eq!(other.find_token(TOKEN).await.unwrap().unwrap().transfers, 5);
    })
    .await;
}

#[tokio::test]
async fn every_list_goes_on_where_its_page_ended() {
    on_both(async |database| {
        let store = database.open().await;
        fill(&store, &chain(), 4).await;
        let mut seen = Vec::new();
        let mut behind = None;
        loop {
            let page = store.list_transactions_of(ALICE, IndexPage::newest(behind, 2)).await.unwrap();
            let Some(last) = page.last() else { break };
            behind = Some(IndexPlace { block_number: last.block_number, within: last.transaction.position.into() });
            seen.extend(page.iter().map(|row| (row.block_number, row.transaction.position)));
        }
        assert_eq!(seen, [(4, 0), (3, 0), (2, 1), (2, 0), (1, 0)]);
        let ascending = IndexPage { blocks: (2, 3), behind: None, newest_first: false, limit: 10 };
        let rows = store.list_transactions_of(TOKEN, ascending).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.block_number).collect::<Vec<_>>(), [2, 2, 3]);
        assert_eq!(
            (rows[0].transaction.value_wei, rows[0].transaction.selector),
            (U256::MAX, Some([0xa9, 5, 0x9c, 0xbb]))
        );
        assert!(store.list_transactions_of(CAROL, ascending).await.unwrap().is_empty(), "she sent nothing");

        let of = |account| TransferFilter { account, token: Some(TOKEN) };
        let places = |rows: Vec<TransferRow>| {
            rows.iter().map(|row| (row.block_number, row.transfer.log_index)).collect::<Vec<_>>()
        };
        assert_eq!(places(transfers(&store, of(Some(CAROL))).await), [(3, 1), (3, 0)]);
        assert_eq!(
            places(transfers(&store, of(Some(ALICE))).await),
            [(4, 0), (3, 1), (2, 0), (1, 0)],
            "to oneself once"
        );
        let next = IndexPage::newest(Some(IndexPlace { block_number: 3, within: 1 }), 2);
        assert_eq!(places(store.list_transfers(of(None), next).await.unwrap()), [(3, 0), (2, 0)]);
        let other = TransferFilter { token: Some(BOB), account: None };
        assert!(transfers(&store, other).await.is_empty());

        let after = Some((U256::from(80), ALICE));
        assert_eq!(store.list_holders(TOKEN, after, 10).await.unwrap(), [holds(CAROL, 20)]);
        assert_eq!(store.list_holdings(CAROL, None, 10).await.unwrap(), [holds(CAROL, 20)]);
        assert!(store.list_holdings(CAROL, Some(TOKEN), 10).await.unwrap().is_empty());
        assert_eq!(store.token_balance(TOKEN, CAROL).await.unwrap(), U256::from(20));
        assert_eq!(store.token_balance(TOKEN, BOB).await.unwrap(), U256::ZERO);
        assert!(store.list_holdings(BOB, None, 10).await.unwrap().is_empty(), "an account at nothing has no row");
    })
    .await;
}

#[tokio::test]
async fn blocks_are_found_by_their_time_and_days_by_their_jobs() {
    on_both(async |database| {
        let store = database.open().await;
        fill(&store, &chain(), 6).await;
        let at = |seconds: u64| UnixSeconds(86_400 * 3 + seconds);
        for (seconds, before, after) in [(0, Some(0), Some(0)), (61, Some(1), Some(2)), (300, Some(5), Some(5))] {
            assert_eq!(store.block_by_time(at(seconds), true).await.unwrap(), before);
            assert_eq!(store.block_by_time(at(seconds), false).await.unwrap(), after);
        }
        assert_eq!(store.block_by_time(UnixSeconds(5), true).await.unwrap(), None);
        assert_eq!(store.block_by_time(at(301), false).await.unwrap(), None);
        store.write(super::fixture::new_job(1)).await.unwrap();
        store.write(super::fixture::new_job(2)).await.unwrap();
        let days = store.count_jobs_by_day(0).await.unwrap();
        assert_eq!(days, [(0, shared::job::JobKind::Image, 2)]);
        assert!(store.count_jobs_by_day(1).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_token_whose_transfers_do_not_add_up_makes_nobody_rich() {
    on_both(async |database| {
        let store = database.open().await;
        // Bob sends what he never had, then Alice gets the largest amount there is, twice.
        let lies = vec![
            block(0, vec![vec![transfer(0, BOB, CAROL, 5)]]),
            block(1, vec![vec![IndexedTransfer { amount: U256::MAX, ..transfer(0, Address::ZERO, ALICE, 0) }]]),
        ];
        fill(&store, &lies, 1).await;
        assert_eq!(holders(&store).await, [holds(CAROL, 5)], "less than nothing is no holding");
        assert_eq!(store.find_token(TOKEN).await.unwrap().unwrap().holders, 1);
        assert_eq!(store.list_unasked_tokens(10).await.unwrap(), [TOKEN]);
        let name = Some("<script>alert(1)</script>".to_owned());
        store.write(NameToken { address: TOKEN, name: name.clone(), symbol: None, decimals: Some(18) }).await.unwrap();
        let token = store.find_tokens(&[TOKEN]).await.unwrap().pop().unwrap();
        assert_eq!((token.name, token.symbol, token.decimals), (name, None, Some(18)));
        assert!(store.list_unasked_tokens(10).await.unwrap().is_empty());
        assert_eq!(store.list_tokens(Some((1, TOKEN)), 10).await.unwrap(), []);
    })
    .await;
}
