//! The index follows its chain, and leaves one that is not its own.

use alloy_primitives::{Address, U256};
use indexer::{Indexer, Step};
use node::chain::ReceivedBlock;
use node::{Node, Role};
use shared::amount::Amount;
use tokio_util::sync::CancellationToken;

use crate::setup::*;
use crate::setup_index::*;

const BOB: Address = Address::repeat_byte(2);

#[tokio::test]
async fn a_token_is_found_with_its_transfers_holders_maker_and_harmless_name() {
    let node = TestNode::new();
    let store = open_store(node.directory.path()).await;
    let indexer = Indexer::new(node.handle(), store.clone());
    let token = liar_of(1);
    execute(&node.handle(), &create_liar(1, 0)).await;
    execute(&node.handle(), &announce(1, 1, token, BOB, U256::from(70))).await;
    execute(&node.handle(), &announce(1, 2, token, Address::ZERO, U256::from(5))).await;
    let steps = catch_up(&indexer).await;
    assert_eq!(steps.len(), 1, "a short chain is one step: {steps:?}");
    indexer.name_tokens().await.unwrap();

    let head = node.handle().head().unwrap();
    let found = contents(&store, [1].into_iter()).await;
    assert_eq!(found.position.map(|position| (position.height, position.hash)), Some((head.number, head.hash())));
    let [row] = &found.tokens[..] else { panic!("{:?}", found.tokens) };
    assert_eq!((row.address, row.transfers, row.holders), (token, 2, 1));
    // The markup stays, as text; what would turn the page's text around does not.
    assert_eq!(row.name.as_deref(), Some("<script>alert(1)</script>"));
    assert_eq!((row.symbol.as_deref(), row.decimals), (Some("<script>alert(1)"), None));
    assert_eq!(found.holders.iter().map(|row| (row.account, row.balance)).collect::<Vec<_>>(), [(BOB, U256::from(70))]);
    assert_eq!(found.contracts[0].creator, address(1));
    assert_eq!(found.transactions.len(), 3);
    assert_eq!(found.transactions[2].transaction.created, Some(token));
    assert_eq!(
        store.list_transactions_of(token, store::repository::IndexPage::newest(None, 9)).await.unwrap().len(),
        3
    );
    assert_eq!(found.days.iter().map(|day| day.transactions).sum::<u64>(), 3);
    assert!(found.days.iter().all(|day| day.issued == Amount::ZERO), "another token’s transfers are no AIT");
    assert_eq!(indexer.step().await.unwrap(), Step::UpToDate);
}

#[tokio::test]
async fn an_index_of_another_chain_is_emptied_and_filled_from_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(folder.path()).await;
    let longer = TestNode::new();
    execute(&longer.handle(), &create_liar(1, 0)).await;
    execute(&longer.handle(), &announce(1, 1, liar_of(1), BOB, U256::from(1))).await;
    catch_up(&Indexer::new(longer.handle(), store.clone())).await;
    assert_eq!(store.list_tokens(None, 9).await.unwrap().len(), 1);

    // The same genesis, fewer blocks: the index is ahead of it.
    let reset = TestNode::new();
    let indexer = Indexer::new(reset.handle(), store.clone());
    let steps = catch_up(&indexer).await;
    assert_eq!(steps, [Step::Cleared, Step::Indexed { blocks: 1 }]);
    assert!(store.list_tokens(None, 9).await.unwrap().is_empty(), "nothing of the other chain is left");
    // As many blocks, but others: their hashes tell.
    for nonce in 0..2 {
        execute(&reset.handle(), &ping(2, nonce)).await;
    }
    catch_up(&indexer).await;
    let steps = catch_up(&Indexer::new(longer.handle(), store.clone())).await;
    assert_eq!(steps[0], Step::Cleared);
    assert_eq!(store.list_tokens(None, 9).await.unwrap().len(), 1);
}

fn follower() -> TestNode {
    TestNode::with(|config| config.role = Role::Follower(None))
}

/// Hands over the block at a height, as who follows asks for it.
async fn hand_over(from: &TestNode, to: &TestNode, height: u64) {
    let block = from.handle().snapshot().unwrap().decided_block(height).unwrap().unwrap();
    assert!(to.handle().import(ReceivedBlock::from(block)).await.unwrap());
}

#[tokio::test]
async fn a_node_that_gets_its_blocks_later_leaves_what_another_indexed_of_their_chain() {
    let (first, second) = (TestNode::new(), follower());
    let store = open_store(first.directory.path()).await;
    let [one, other] = [&first, &second].map(|node| Indexer::new(node.handle(), store.clone()));
    execute(&first.handle(), &create_liar(1, 0)).await;
    execute(&first.handle(), &announce(1, 1, liar_of(1), BOB, U256::from(1))).await;
    catch_up(&one).await;
    let indexed = contents(&store, [1].into_iter()).await;
    for height in 1..=2 {
        assert_eq!(other.step().await.unwrap(), Step::UpToDate, "it has the blocks below {height}");
        hand_over(&first, &second, height).await;
    }
    assert_eq!(other.step().await.unwrap(), Step::UpToDate);
    assert_eq!(contents(&store, [1].into_iter()).await, indexed, "nothing was emptied or counted twice");

    // Whichever has a block and looks, indexes it for both.
    execute(&first.handle(), &ping(1, 2)).await;
    hand_over(&first, &second, 3).await;
    assert_eq!(catch_up(&other).await, [Step::Indexed { blocks: 1 }]);
    assert_eq!(one.step().await.unwrap(), Step::UpToDate);
}

#[tokio::test]
async fn a_node_that_follows_another_chain_empties_the_index_once_it_has_a_block_that_tells() {
    let (longer, reset, second) = (TestNode::new(), TestNode::new(), follower());
    let store = open_store(longer.directory.path()).await;
    execute(&longer.handle(), &create_liar(1, 0)).await;
    execute(&longer.handle(), &ping(1, 1)).await;
    catch_up(&Indexer::new(longer.handle(), store.clone())).await;
    let indexer = Indexer::new(second.handle(), store.clone());
    assert_eq!(indexer.step().await.unwrap(), Step::UpToDate, "both chains begin with the same block");
    execute(&reset.handle(), &ping(2, 0)).await;
    hand_over(&reset, &second, 1).await;
    assert_eq!(catch_up(&indexer).await, [Step::Cleared, Step::Indexed { blocks: 2 }]);
    assert!(store.list_tokens(None, 9).await.unwrap().is_empty(), "nothing of the other chain is left");
}

#[tokio::test]
async fn a_running_index_takes_new_blocks_and_fills_itself_again_when_it_is_emptied() {
    let node = TestNode::new();
    let store = open_store(node.directory.path()).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(Indexer::new(node.handle(), store.clone()).run(stop.clone()));
    execute(&node.handle(), &ping(1, 0)).await;
    let reached = async |height| {
        while store.index_position().await.unwrap().is_none_or(|position| position.height < height) {
            tokio::task::yield_now().await;
        }
    };
    let head = node.handle().head().unwrap().number;
    tokio::time::timeout(PATIENCE, reached(head)).await.unwrap();
    // What the command for it does, on a chain that makes no block meanwhile.
    store.write(store::change::ClearIndex).await.unwrap();
    tokio::time::timeout(PATIENCE, reached(head)).await.unwrap();
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn the_index_waits_where_the_store_is_full_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(config(folder.path())).unwrap();
    let mut options = store::StoreOptions {
        database: store::DatabaseUrl::SqliteFile(folder.path().join("hub.sqlite")),
        artifacts: folder.path().join("artifacts"),
        hub_id: "test-hub".to_owned(),
        max_pages: None,
    };
    drop(store::Store::open(&options).await.unwrap());
    for nonce in 0..60 {
        execute(&node.handle(), &ping(1, nonce)).await;
    }
    options.max_pages = Some(1);
    let full = store::Store::open(&options).await.unwrap();
    let failed = Indexer::new(node.handle(), full.clone()).step().await;
    assert!(failed.is_err(), "SQLite takes no more pages than it has");
    assert_eq!(full.index_position().await.unwrap(), None, "nothing of a step that failed stays");
    drop(full);
    options.max_pages = None;
    let store = store::Store::open(&options).await.unwrap();
    catch_up(&Indexer::new(node.handle(), store.clone())).await;
    assert_eq!(store.index_position().await.unwrap().unwrap().height, node.handle().head().unwrap().number);
}
