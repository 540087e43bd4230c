//! Payments of jobs: each step once, and only from where it leads on.

use shared::amount::Amount;
use shared::api::payments::{PaymentFigures, PaymentState, PlacedTransaction};
use shared::api::receipts::SettlementState;
use shared::escrow::{PaymentOrder, SignedPaymentOrder, TaskCount};
use shared::id::JobId;
use shared::job::lifecycle::{JobState, TaskEvent, TaskLife};
use shared::job::request::PaidBy;
use shared::time::UnixSeconds;
use shared::unit::UnitType;
use shared::{Address, B256, Bytes, chain};
use store::change::{
    CreateJob, MintedReceipt, MovePayment, MoveTask, PaymentMove, QueueTransaction, RecordSettled, SettledReceipt,
};
use store::record::{MovedTask, OutboxPayload, OutboxRecord, OutboxState};
use store::{Refusal, Store, StoreError};

use super::database::on_both;
use super::fixture::{MINER, NOW, complete, new_job, seal, task};
use super::settlement::{SIGNER, Written};

const CLIENT: Address = Address::repeat_byte(0xc1);
pub(crate) const PLACED: PlacedTransaction =
    PlacedTransaction { transaction_hash: B256::repeat_byte(7), block_number: 5 };

pub(crate) fn paid_job(number: u128) -> CreateJob {
    let mut change = new_job(number);
    change.job.job.payment = PaidBy::Escrow { max_unit_price: Amount::from_ait(1) };
    change.job.client = CLIENT;
    let order = PaymentOrder {
        job_id: change.job.id,
        client: CLIENT,
        hub: Address::repeat_byte(9),
        max_total: Amount::from_ait(20),
        max_unit_price: Amount::from_ait(1),
        unit_type: UnitType::MegapixelStep,
        tasks: TaskCount::ONE,
        start_within_seconds: None,
        finish_within_seconds: None,
        expires_at: UnixSeconds(2_000),
        chain_id: chain::DEV_CHAIN_ID,
        contract: chain::ESCROW_ADDRESS,
    };
    change.payment = Some(SignedPaymentOrder { order, signature: Bytes::from_static(&[1; 65]) });
    change
}

pub(crate) fn queue(payload: OutboxPayload) -> QueueTransaction<Written> {
    QueueTransaction { payload, signer: SIGNER, chain_nonce: 0, transaction: Written, at: NOW }
}

pub(crate) fn step(closes: Option<&OutboxRecord>, number: u128, from: PaymentState, to: PaymentMove) -> MovePayment {
    let closes = closes.map(|sent| (sent.id, OutboxState::Included, Some(5)));
    MovePayment { closes, job_id: JobId::from_random(number), from: vec![from], to, at: NOW }
}

async fn state(store: &Store, number: u128) -> PaymentState {
    store.find_payment(JobId::from_random(number)).await.unwrap().unwrap().state
}

async fn reserved(store: &Store, number: u128) {
    store.write(paid_job(number)).await.unwrap();
    let job_id = JobId::from_random(number);
    let sent = store.write(queue(OutboxPayload::Reserve { job_id })).await.unwrap();
    let to = PaymentMove::Reserved(PLACED);
    assert!(store.write(step(Some(&sent), number, PaymentState::Reserving, to)).await.unwrap());
}

fn ended(number: u128, event: TaskEvent) -> MoveTask {
    let life = TaskLife::default().apply(event).unwrap();
    let job = life.state;
    MoveTask { moved: MovedTask { task: task(number), life, job }, at: NOW, ended: None, seal: seal() }
}

#[tokio::test]
async fn a_reservation_is_signed_once_and_recorded_once() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(paid_job(1)).await.unwrap();
        let job_id = JobId::from_random(1);
        assert_eq!(store.list_payments_to_reserve(NOW, 9).await.unwrap().len(), 1);
        let sent = store.write(queue(OutboxPayload::Reserve { job_id })).await.unwrap();
        let twice = store.write(queue(OutboxPayload::Reserve { job_id })).await.unwrap_err();
        assert!(matches!(twice, StoreError::Refused(Refusal::PaymentMoved { .. })), "{twice}");
        assert_eq!(store.list_open_transactions(SIGNER).await.unwrap().len(), 1, "the refused one took no place");
        assert!(store.list_payments_to_reserve(NOW, 9).await.unwrap().is_empty());
        let change = step(Some(&sent), 1, PaymentState::Reserving, PaymentMove::Reserved(PLACED));
        assert!(store.write(change.clone()).await.unwrap());
        assert!(!store.write(change).await.unwrap());
        let job = store.find_job(job_id).await.unwrap().unwrap();
        assert_eq!(job.payment.unwrap().reserved_in, Some(PLACED));
        assert!(job.revision > 1, "its client is told");
    })
    .await;
}

#[tokio::test]
async fn a_job_that_ends_before_its_reservation_is_never_reserved_for() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(paid_job(1)).await.unwrap();
        store.write(ended(1, TaskEvent::Canceled)).await.unwrap();
        assert_eq!(state(&store, 1).await, PaymentState::Void);
        let job_id = JobId::from_random(1);
        assert!(store.write(queue(OutboxPayload::Reserve { job_id })).await.is_err());
        assert!(store.list_payments_to_close(NOW, 9).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_is_reserved_for_a_job_without_a_result_is_given_back_once() {
    on_both(async |database| {
        let store = database.open().await;
        reserved(&store, 1).await;
        assert!(store.list_payments_to_close(NOW, 9).await.unwrap().is_empty(), "the job still runs");
        store.write(ended(1, TaskEvent::DeadlinePassed)).await.unwrap();
        assert_eq!(store.list_payments_to_close(NOW, 9).await.unwrap().len(), 1);
        let late = NOW.plus_ms(1);
        assert_eq!(store.count_payments(late).await.unwrap(), PaymentFigures { open: 1, stuck: 1 });
        let job_id = JobId::from_random(1);
        let sent = store.write(queue(OutboxPayload::Close { job_id })).await.unwrap();
        assert!(store.list_payments_to_close(NOW, 9).await.unwrap().is_empty());
        let to = PaymentMove::Refunded { amount: Amount::from_ait(20), ended_in: PLACED };
        assert!(store.write(step(Some(&sent), 1, PaymentState::Closing, to.clone())).await.unwrap());
        assert!(!store.write(step(None, 1, PaymentState::Reserved, to)).await.unwrap());
        let payment = store.find_payment(job_id).await.unwrap().unwrap();
        assert_eq!((payment.state, payment.refunded), (PaymentState::Refunded, Some(Amount::from_ait(20))));
        assert_eq!(store.count_payments(late).await.unwrap(), PaymentFigures::default());
    })
    .await;
}

#[tokio::test]
async fn a_settlement_ends_receipt_and_payment_together_and_once() {
    on_both(async |database| {
        let store = database.open().await;
        reserved(&store, 1).await;
        let mut change = complete(1);
        change.receipt.signed.receipt.contract = chain::ESCROW_ADDRESS;
        change.receipt.signed.receipt_hash = change.receipt.signed.receipt.hash().unwrap();
        let (receipt_hash, amount) = (change.receipt.signed.receipt_hash, change.receipt.amount);
        store.write(change).await.unwrap();
        assert!(store.list_receipts_to_pay(chain::MINTER_ADDRESS, NOW, 9).await.unwrap().is_empty(), "never minted");
        assert_eq!(store.list_receipts_to_pay(chain::ESCROW_ADDRESS, NOW, 9).await.unwrap().len(), 1);
        assert!(store.list_payments_to_close(NOW, 9).await.unwrap().is_empty(), "its receipt is paid");
        let sent = store.write(queue(OutboxPayload::Settle { receipts: vec![receipt_hash] })).await.unwrap();
        let receipt = MintedReceipt {
            receipt_hash,
            job_id: JobId::from_random(1),
            provider: MINER,
            amount,
            transaction_hash: sent.transaction_hash,
            block_number: 5,
        };
        let fee = Amount::from_atto(1);
        let paid = amount.checked_sub(fee).unwrap();
        let settled = vec![SettledReceipt { receipt, paid, fee }];
        for _ in 0..2 {
            let change = RecordSettled { closes: Some((sent.id, 5)), settled: settled.clone(), at: NOW };
            store.write(change).await.unwrap();
        }
        let payment = store.find_payment(JobId::from_random(1)).await.unwrap().unwrap();
        assert_eq!((payment.state, payment.paid, payment.fee), (PaymentState::Settled, Some(paid), Some(fee)));
        assert_eq!(payment.refunded, Amount::from_ait(20).checked_sub(amount), "the rest of what was reserved");
        let stored = store.find_receipt(receipt_hash).await.unwrap().unwrap();
        assert_eq!((stored.settlement, stored.block_number), (SettlementState::Settled, Some(5)));
        assert!(store.list_receipts_without_hold(9).await.unwrap().is_empty(), "the minter holds nothing of it");
    })
    .await;
}

#[tokio::test]
async fn a_second_job_with_one_order_is_a_duplicate_and_the_same_change_again_is_not() {
    on_both(async |database| {
        let store = database.open().await;
        let first = paid_job(1);
        let seq = store.write(first.clone()).await.unwrap();
        assert_eq!(store.write(first.clone()).await.unwrap(), seq, "the very change, tried once more");
        let mut other = first;
        other.job.job.salt = shared::commitment::Salt(B256::repeat_byte(1));
        let refused = store.write(other).await.unwrap_err();
        assert!(matches!(refused, StoreError::Duplicate(_)), "{refused}");
        assert_eq!(store.list_unreserved_payments(CLIENT, 9).await.unwrap().len(), 1);
        let job = store.find_job(JobId::from_random(1)).await.unwrap().unwrap();
        assert_eq!(job.state, JobState::Queued);
    })
    .await;
}
