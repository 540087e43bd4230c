//! How many transactions a second the index takes, and how long its pages take then. Prints one line of JSON:
//! `[{name, value, unit, bar, holds}]`.
//!
//! Each generated transaction is a call of a token with one transfer, as busy chains have them: 200 to a block, among
//! 50 000 accounts and 20 tokens.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a program that measures")]

use std::time::Instant;

use alloy_primitives::{Address, B256, U256};
use serde_json::json;
use shared::amount::Amount;
use shared::time::UnixSeconds;
use store::change::IndexBlocks;
use store::record::index::{IndexPlace, IndexPosition, IndexedBlock, IndexedTransaction, IndexedTransfer};
use store::repository::{IndexPage, TransferFilter};
use store::{DatabaseUrl, Store, StoreOptions};

const TRANSACTIONS_DEFAULT: u64 = 1_000_000;
const TRANSACTIONS_PER_BLOCK: u64 = 200;
const BLOCKS_PER_CHANGE: u64 = 3;
const ACCOUNTS: u64 = 50_000;
const TOKENS: u64 = 20;

const RATE_BAR: f64 = 5_000.0;
const PAGE_P95_BAR_MS: f64 = 50.0;
const PAGES: u64 = 400;
const ROWS: u64 = 25;

fn account(number: u64) -> Address {
    Address::from_word(B256::from(U256::from(1_000_000 + number)))
}

fn token(number: u64) -> Address {
    Address::from_word(B256::from(U256::from(1 + number)))
}

fn hash(block: u64) -> B256 {
    B256::from(U256::from(block + 1) << 128)
}

/// SplitMix64.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn block(number: u64) -> IndexedBlock {
    let transaction = |position: u64| {
        let drawn = mix(number * TRANSACTIONS_PER_BLOCK + position);
        let (from, to, token) =
            (account(drawn % ACCOUNTS), account((drawn >> 20) % ACCOUNTS), token((drawn >> 40) % TOKENS));
        let transfer = IndexedTransfer { log_index: position, token, from, to, amount: U256::from(drawn % 1_000) };
        IndexedTransaction {
            hash: B256::from(U256::from(number * TRANSACTIONS_PER_BLOCK + position + 1)),
            position: u32::try_from(position).unwrap(),
            from,
            to: Some(token),
            created: None,
            succeeded: true,
            selector: Some([0xa9, 0x05, 0x9c, 0xbb]),
            nonce: number,
            gas_used: 51_000,
            value_wei: U256::ZERO,
            minted: Amount::ZERO,
            transfers: vec![transfer],
        }
    };
    IndexedBlock {
        number,
        hash: hash(number),
        at: UnixSeconds(1_795_000_000 + number),
        producer: Address::ZERO,
        gas_used: 51_000 * TRANSACTIONS_PER_BLOCK,
        minted: Amount::ZERO,
        issued: Amount::ZERO,
        burnt: Amount::ZERO,
        transactions: (0..TRANSACTIONS_PER_BLOCK).map(transaction).collect(),
    }
}

#[tokio::main]
async fn main() {
    let given = std::env::args().nth(1).map(|text| text.parse().unwrap());
    let transactions: u64 = given.unwrap_or(TRANSACTIONS_DEFAULT);
    let blocks = transactions.div_ceil(TRANSACTIONS_PER_BLOCK);
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        database: DatabaseUrl::SqliteFile(folder.path().join("hub.sqlite")),
        artifacts: folder.path().join("artifacts"),
        hub_id: "bench".to_owned(),
        max_pages: None,
    };
    let store = Store::open(&options).await.unwrap();
    let began = Instant::now();
    for first in (0..blocks).step_by(usize::try_from(BLOCKS_PER_CHANGE).unwrap()) {
        let after = first.checked_sub(1).map(|height| IndexPosition { height, hash: hash(height) });
        let blocks = (first..blocks.min(first + BLOCKS_PER_CHANGE)).map(block).collect();
        store.write(IndexBlocks { after, blocks }).await.unwrap();
    }
    let rate = (blocks * TRANSACTIONS_PER_BLOCK) as f64 / began.elapsed().as_secs_f64();
    eprintln!("{} transactions indexed", blocks * TRANSACTIONS_PER_BLOCK);
    let page_ms = page_p95_ms(&store, blocks).await;
    let bytes = std::fs::metadata(folder.path().join("hub.sqlite")).unwrap().len();
    let figures = json!([
        {"name": "index, transactions", "value": rate, "unit": "1/s", "bar": RATE_BAR, "holds": rate >= RATE_BAR},
        {"name": "index, page p95", "value": page_ms, "unit": "ms", "bar": PAGE_P95_BAR_MS, "holds": page_ms <= PAGE_P95_BAR_MS},
        {"name": "index, disk per transaction", "value": bytes as f64 / (blocks * TRANSACTIONS_PER_BLOCK) as f64, "unit": "B", "bar": null, "holds": null},
    ]);
    println!("{figures}");
}

/// Pages of accounts, tokens and holders, from anywhere in their lists.
async fn page_p95_ms(store: &Store, blocks: u64) -> f64 {
    let mut times = Vec::new();
    for number in 0..PAGES {
        let drawn = mix(number);
        let behind = IndexPlace { block_number: drawn % blocks, within: 0 };
        let page = IndexPage::newest(Some(behind), ROWS);
        let (account, token) = (account(drawn % ACCOUNTS), token(drawn % TOKENS));
        let began = Instant::now();
        match number % 4 {
            0 => drop(store.list_transactions_of(account, page).await.unwrap()),
            1 => {
                drop(store.list_transfers(TransferFilter { account: Some(account), token: None }, page).await.unwrap())
            }
            2 => drop(store.list_transfers(TransferFilter { account: None, token: Some(token) }, page).await.unwrap()),
            _ => drop(store.list_holders(token, Some((U256::from(drawn % 5_000), account)), ROWS).await.unwrap()),
        }
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() * 95 / 100]
}
