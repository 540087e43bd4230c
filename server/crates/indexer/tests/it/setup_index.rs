//! A token that announces whatever it is told, a store beside the chain, and all that an index holds.

use std::path::Path;

use alloy_primitives::{Address, TxKind, U256, keccak256};
use indexer::{Indexer, Step};
use node::NodeHandle;
use store::record::index::{ContractRow, DayRow, HolderRow, IndexPosition, TokenRow, TransactionRow, TransferRow};
use store::repository::{IndexPage, TransferFilter};
use store::{DatabaseUrl, Store, StoreOptions};

use crate::setup::{PATIENCE, address, eip1559, hash_of, sign};

/// What the token says of itself: markup, and a character that would turn the text behind it around.
pub(crate) const NAME: &str = "<script>alert(1)</script>\u{202e}";

/// Rows of each list that are compared.
const ROWS: u64 = 10_000;

/// Code that makes the token. 64 bytes of input are receiver and amount of a transfer that it announces as its caller's;
/// any other input is answered with [`NAME`].
pub(crate) fn liar_creation_code() -> Vec<u8> {
    const CHOICE_BYTES: u8 = 7;
    const ANSWER_BYTES: u8 = 12;
    const ANNOUNCE_BYTES: u8 = 51;
    let announce_at = CHOICE_BYTES + ANSWER_BYTES;
    let text_at = announce_at + ANNOUNCE_BYTES;
    // CALLDATASIZE == 64 ? jump : go on
    let mut code = vec![0x36, 0x60, 0x40, 0x14, 0x60, announce_at, 0x57];
    // CODECOPY the text to 0, RETURN it
    code.extend([0x60, 96, 0x60, text_at, 0x60, 0, 0x39, 0x60, 96, 0x60, 0, 0xf3]);
    // JUMPDEST, CALLDATACOPY the amount to 0, push receiver, caller and the event's name
    code.extend([0x5b, 0x60, 32, 0x60, 32, 0x60, 0, 0x37, 0x60, 0, 0x35, 0x33, 0x7f]);
    code.extend(keccak256("Transfer(address,address,uint256)"));
    // LOG3 of 32 bytes at 0, STOP
    code.extend([0x60, 32, 0x60, 0, 0xa3, 0x00]);
    assert_eq!(code.len(), usize::from(text_at));
    let mut text = [0; 96];
    text[31] = 32;
    text[63] = u8::try_from(NAME.len()).unwrap();
    text[64..64 + NAME.len()].copy_from_slice(NAME.as_bytes());
    code.extend(text);
    // CODECOPY what follows to 0, RETURN it
    let creation = [0x60, u8::try_from(code.len()).unwrap(), 0x80, 0x60, 11, 0x60, 0, 0x39, 0x60, 0, 0xf3];
    [creation.as_slice(), &code].concat()
}

/// The creation of such a token, signed.
pub(crate) fn create_liar(seed: u8, nonce: u64) -> Vec<u8> {
    sign(seed, eip1559(nonce, TxKind::Create, liar_creation_code().into()))
}

/// A transfer that the token announces, signed.
pub(crate) fn announce(seed: u8, nonce: u64, token: Address, to: Address, amount: U256) -> Vec<u8> {
    let input = [to.into_word().0, amount.to_be_bytes::<32>()].concat();
    sign(seed, eip1559(nonce, TxKind::Call(token), input.into()))
}

/// Where the token of a sender's first transaction stands.
pub(crate) fn liar_of(seed: u8) -> Address {
    address(seed).create(0)
}

/// Sends a transaction and waits for its block.
pub(crate) async fn execute(node: &NodeHandle, raw: &[u8]) {
    node.submit_raw_transaction(raw).await.unwrap();
    let included = node.wait_for_transaction(hash_of(raw), PATIENCE).await.unwrap().unwrap();
    assert!(included.receipt.success, "{:?}", included.receipt);
}

pub(crate) async fn open_store(folder: &Path) -> Store {
    let options = StoreOptions {
        database: DatabaseUrl::SqliteFile(folder.join("hub.sqlite")),
        artifacts: folder.join("artifacts"),
        hub_id: "test-hub".to_owned(),
        max_pages: None,
    };
    Store::open(&options).await.unwrap()
}

/// Steps until the index has the head. What it did on the way.
pub(crate) async fn catch_up(indexer: &Indexer) -> Vec<Step> {
    let mut steps = Vec::new();
    loop {
        match indexer.step().await.unwrap() {
            Step::UpToDate => return steps,
            step => steps.push(step),
        }
    }
}

/// Everything that an index says, for comparing two of them.
#[derive(Debug, PartialEq)]
pub(crate) struct Contents {
    pub(crate) position: Option<IndexPosition>,
    pub(crate) transactions: Vec<TransactionRow>,
    pub(crate) transfers: Vec<TransferRow>,
    pub(crate) tokens: Vec<TokenRow>,
    pub(crate) holders: Vec<HolderRow>,
    pub(crate) contracts: Vec<ContractRow>,
    pub(crate) days: Vec<DayRow>,
}

pub(crate) async fn contents(store: &Store, senders: impl Iterator<Item = u8>) -> Contents {
    let page = IndexPage::newest(None, ROWS);
    let mut found = Contents {
        position: store.index_position().await.unwrap(),
        transactions: Vec::new(),
        transfers: store.list_transfers(TransferFilter::default(), page).await.unwrap(),
        tokens: store.list_tokens(None, ROWS).await.unwrap(),
        holders: Vec::new(),
        contracts: Vec::new(),
        days: store.list_days(ROWS).await.unwrap(),
    };
    for token in &found.tokens {
        found.holders.extend(store.list_holders(token.address, None, ROWS).await.unwrap());
        found.contracts.extend(store.find_contract(token.address).await.unwrap());
    }
    for seed in senders {
        found.transactions.extend(store.list_transactions_of(address(seed), page).await.unwrap());
    }
    found
}
