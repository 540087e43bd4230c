//! Receipts on their way to the chain, and what miners earn.

use shared::amount::Amount;
use shared::api::receipts::SettlementState;
use shared::capability::Capability;
use shared::device::Engine;
use shared::id::JobId;
use shared::{Address, B256, Bytes};
use store::change::{
    AlignNonce, CloseTransaction, CountAttempt, MintAgain, MintedReceipt, QueueTransaction, RecordFoundMint,
    RecordMinted, RecordRefused, SignTransaction, SignedTransaction, UpsertMiner,
};
use store::record::{OutboxPayload, OutboxState, ReceiptRecord};
use store::{Refusal, Store, StoreError};

use super::database::on_both;
use super::fixture::{MINER, NOW, complete, new_job};

pub(crate) const SIGNER: Address = Address::repeat_byte(9);

/// Signs by writing the nonce down.
#[derive(Clone)]
pub(crate) struct Written;

impl SignTransaction for Written {
    fn sign(&self, nonce: u64) -> Result<SignedTransaction, String> {
        let raw = nonce.to_be_bytes();
        Ok(SignedTransaction {
            hash: B256::left_padding_from(&[&[1], &raw[..]].concat()),
            raw: Bytes::copy_from_slice(&raw),
        })
    }
}

/// A key that does not sign.
struct Broken;

impl SignTransaction for Broken {
    fn sign(&self, _: u64) -> Result<SignedTransaction, String> {
        Err("the key is broken".to_owned())
    }
}

pub(crate) fn mint<S>(receipts: Vec<B256>, chain_nonce: u64, transaction: S) -> QueueTransaction<S> {
    let payload = OutboxPayload::Mint { receipts };
    QueueTransaction { payload, signer: SIGNER, chain_nonce, transaction, at: NOW }
}

pub(crate) async fn completed(store: &Store, number: u128) -> ReceiptRecord {
    store.write(new_job(number)).await.unwrap();
    store.write(complete(number)).await.unwrap();
    store.find_receipt_of_job(JobId::from_random(number)).await.unwrap().unwrap()
}

pub(crate) fn minted(receipt: &ReceiptRecord, transaction_hash: B256, block_number: u64) -> MintedReceipt {
    MintedReceipt {
        receipt_hash: receipt.signed.receipt_hash,
        job_id: receipt.signed.receipt.job_id,
        provider: receipt.signed.receipt.provider,
        amount: receipt.amount,
        transaction_hash,
        block_number,
    }
}

pub(crate) fn arrival() -> UpsertMiner {
    let engine = Engine { name: "test".into(), version: "0".into(), provider: "CPU".into() };
    let capability =
        Capability { worker_version: "0".into(), engine, devices: vec![], offers: vec![], slots: 1, hardware: None };
    UpsertMiner { address: MINER, capability, seen_at: NOW }
}

#[tokio::test]
async fn the_last_transaction_of_a_kind_is_known_and_one_that_was_replaced_did_nothing() {
    on_both(async |database| {
        let store = database.open().await;
        let queue = async |payload, later_ms| {
            let at = NOW.plus_ms(later_ms);
            let change = QueueTransaction { payload, signer: SIGNER, chain_nonce: 0, transaction: Written, at };
            store.write(change).await.unwrap().id
        };
        let last = async || store.last_signed_at(OutboxPayload::DistributeFees.kind()).await.unwrap();
        assert_eq!(last().await, None);
        let first = queue(OutboxPayload::DistributeFees, 0).await;
        queue(OutboxPayload::CollectRewards, 5).await;
        assert_eq!(last().await, Some(NOW), "it counts from its signature on");
        let close = async |outbox_id, state| {
            store.write(CloseTransaction { outbox_id, state, block_number: None }).await.unwrap();
        };
        close(first, OutboxState::Included).await;
        let second = queue(OutboxPayload::DistributeFees, 9).await;
        assert_eq!(last().await, Some(NOW.plus_ms(9)));
        close(second, OutboxState::Replaced).await;
        assert_eq!(last().await, Some(NOW));
    })
    .await;
}

#[tokio::test]
async fn a_transaction_is_known_before_it_is_sent_and_its_mint_counts_once() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let receipt = completed(&store, 1).await;
        let receipt_hash = receipt.signed.receipt_hash;
        let queued = store.write(mint(vec![receipt_hash], 4, Written)).await.unwrap();
        assert!(store.list_receipts_to_pay(shared::chain::MINTER_ADDRESS, NOW, 10).await.unwrap().is_empty());
        let again = store.write(mint(vec![receipt_hash], 4, Written)).await;
        assert!(
            matches!(again, Err(StoreError::Refused(Refusal::ReceiptsTaken { asked: 1, taken: 1 }))),
            "one receipt is in two transactions: {again:?}"
        );
        drop(store);

        let store = database.open().await;
        assert_eq!(store.list_open_transactions(SIGNER).await.unwrap(), std::slice::from_ref(&queued));
        assert_eq!((queued.nonce, queued.signer, queued.attempts), (4, SIGNER, 0));
        store.write(CountAttempt { outbox_id: queued.id, error: Some("no room".into()) }).await.unwrap();
        assert_eq!(store.list_open_transactions(SIGNER).await.unwrap()[0].attempts, 1);
        let change = RecordMinted {
            outbox_id: queued.id,
            block_number: 5,
            minted: vec![minted(&receipt, queued.transaction_hash, 5)],
        };
        store.write(change.clone()).await.unwrap();
        let revision = store.find_job(JobId::from_random(1)).await.unwrap().unwrap().revision;
        store.write(change).await.unwrap();
        assert_eq!(store.find_job(JobId::from_random(1)).await.unwrap().unwrap().revision, revision);
        let stored = store.find_receipt(receipt_hash).await.unwrap().unwrap();
        assert_eq!((stored.settlement, stored.block_number, stored.attempts), (SettlementState::Minted, Some(5), 1));
        assert!(store.list_open_transactions(SIGNER).await.unwrap().is_empty());
        let miner = store.find_miner(MINER).await.unwrap().unwrap();
        assert_eq!((miner.earned, miner.pending, miner.jobs_completed), (receipt.amount, Amount::ZERO, 1));
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_is_not_signed_takes_no_nonce_and_no_receipt() {
    on_both(async |database| {
        let store = database.open().await;
        let receipt = completed(&store, 1).await;
        let hashes = vec![receipt.signed.receipt_hash];
        let error = store.write(mint(hashes.clone(), 0, Broken)).await.unwrap_err();
        assert!(matches!(error, StoreError::Sign(_)) && !error.is_retryable(), "{error}");
        assert_eq!(store.list_receipts_to_pay(shared::chain::MINTER_ADDRESS, NOW, 10).await.unwrap().len(), 1);
        assert!(store.list_open_transactions(SIGNER).await.unwrap().is_empty());
        assert_eq!(store.write(mint(hashes, 0, Written)).await.unwrap().nonce, 0);
    })
    .await;
}

#[tokio::test]
async fn nonces_follow_each_other_and_the_chain() {
    on_both(async |database| {
        let store = database.open().await;
        let first = store.write(mint(vec![], 0, Written)).await.unwrap();
        let second = store.write(mint(vec![], 0, Written)).await.unwrap();
        assert_eq!((first.nonce, second.nonce), (0, 1), "the chain does not know of them");
        // Somebody else used the key.
        let third = store.write(mint(vec![], 7, Written)).await.unwrap();
        assert_eq!(third.nonce, 7);
        store.write(AlignNonce { signer: SIGNER, chain_nonce: 0 }).await.unwrap();
        assert_eq!(store.write(mint(vec![], 0, Written)).await.unwrap().nonce, 8, "three are on their way");
        for transaction in store.list_open_transactions(SIGNER).await.unwrap() {
            let change = RecordMinted { outbox_id: transaction.id, block_number: 1, minted: vec![] };
            store.write(change).await.unwrap();
        }
        // The chain began anew at another nonce.
        store.write(AlignNonce { signer: SIGNER, chain_nonce: 2 }).await.unwrap();
        assert_eq!(store.write(mint(vec![], 0, Written)).await.unwrap().nonce, 2);
        let other = Address::repeat_byte(8);
        let elsewhere = QueueTransaction { signer: other, ..mint(vec![], 3, Written) };
        assert_eq!(store.write(elsewhere).await.unwrap().nonce, 3, "another key has its own count");
    })
    .await;
}

#[tokio::test]
async fn a_replaced_transaction_gives_its_receipts_back() {
    on_both(async |database| {
        let store = database.open().await;
        let receipt = completed(&store, 1).await;
        let hashes = vec![receipt.signed.receipt_hash];
        let queued = store.write(mint(hashes.clone(), 0, Written)).await.unwrap();
        let change = RecordRefused {
            transaction: Some((queued.id, OutboxState::Replaced, None)),
            reason: "another transaction took the nonce".into(),
            retry: hashes,
            not_before: NOW,
            refused: vec![],
        };
        store.write(change).await.unwrap();
        assert!(store.list_open_transactions(SIGNER).await.unwrap().is_empty());
        let waiting = store.list_receipts_to_pay(shared::chain::MINTER_ADDRESS, NOW, 10).await.unwrap();
        assert_eq!((waiting.len(), waiting[0].attempts), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_receipt_is_given_back_only_by_the_transaction_that_it_is_in() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let receipt = completed(&store, 1).await;
        let receipt_hash = receipt.signed.receipt_hash;
        assert!(store.list_submitted_receipts(None, 10).await.unwrap().is_empty());
        let queued = store.write(mint(vec![receipt_hash], 0, Written)).await.unwrap();
        let submitted = store.list_submitted_receipts(None, 10).await.unwrap();
        assert_eq!(
            submitted.iter().map(|receipt| receipt.transaction_hash).collect::<Vec<_>>(),
            [Some(queued.transaction_hash)]
        );
        assert!(store.list_submitted_receipts(Some(submitted[0].seq), 10).await.unwrap().is_empty());
        for other in [None, Some(B256::repeat_byte(3))] {
            let change = MintAgain { receipt_hash, transaction_hash: other, at: NOW };
            assert!(!store.write(change).await.unwrap(), "{other:?} has the receipt no more");
        }
        let change = MintAgain { receipt_hash, transaction_hash: Some(queued.transaction_hash), at: NOW };
        assert!(store.write(change.clone()).await.unwrap());
        assert!(!store.write(change.clone()).await.unwrap(), "it waits already");
        assert_eq!(store.list_receipts_to_pay(shared::chain::MINTER_ADDRESS, NOW, 10).await.unwrap()[0].attempts, 1);

        for _ in 0..2 {
            let found = RecordFoundMint(minted(&receipt, queued.transaction_hash, 5));
            store.write(found).await.unwrap();
            let miner = store.find_miner(MINER).await.unwrap().unwrap();
            assert_eq!((miner.earned, miner.pending), (receipt.amount, Amount::ZERO));
        }
        assert!(!store.write(change).await.unwrap(), "a minted receipt is not minted again");
    })
    .await;
}

/// Sums carry and borrow between their two columns.
#[tokio::test]
async fn sums_are_exact_beyond_64_bits() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let amounts = [999_999_999_999_999_999, 1, u128::from(u64::MAX) * 1_000, 999_999_999_999_999_999_999];
        let mut sum = Amount::ZERO;
        for (atto, number) in amounts.into_iter().zip(1..) {
            let mut change = complete(number);
            change.receipt.amount = Amount::from_atto(atto);
            sum = sum.checked_add(change.receipt.amount).unwrap();
            store.write(new_job(number)).await.unwrap();
            store.write(change).await.unwrap();
            assert_eq!(store.find_miner(MINER).await.unwrap().unwrap().pending, sum);
        }
        let mut earned = Amount::ZERO;
        for receipt in store.list_receipts_to_pay(shared::chain::MINTER_ADDRESS, NOW, 10).await.unwrap() {
            let change = RecordMinted { outbox_id: 0, block_number: 1, minted: vec![minted(&receipt, B256::ZERO, 1)] };
            store.write(change).await.unwrap();
            earned = earned.checked_add(receipt.amount).unwrap();
            let miner = store.find_miner(MINER).await.unwrap().unwrap();
            assert_eq!((miner.earned, miner.pending), (earned, sum.checked_sub(earned).unwrap()));
        }
        store.write(new_job(9)).await.unwrap();
        let mut huge = complete(9);
        huge.receipt.amount = Amount::from_ait(u64::MAX);
        let error = store.write(huge).await.unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    })
    .await;
}
