//! Payments whose rows lag behind the chain, found at the start and every minute, as `reconcile` does for receipts.

use std::collections::BTreeSet;
use std::time::Duration;

use alloy_sol_types::SolEvent;
use contracts::JobEscrow;
use hub::payment::{Needed, OnChain, reconcile};
use shared::B256;
use shared::api::payments::{PaymentState, PlacedTransaction};
use store::change::{MovePayment, PaymentMove};
use store::record::PaymentRecord;

use super::reconcile::{INTERVAL, PAGE, SOON};
use super::{Settlement, SettlementError, escrow};
use crate::clock;

impl Settlement {
    /// Returns when to look again.
    pub(super) async fn reconcile_payments(&self) -> Result<Duration, SettlementError> {
        let (mut after, mut pause) = (None, INTERVAL);
        loop {
            let page = self.store.list_payments_on_chain(after, PAGE).await?;
            // Read after the payments, so that one whose transaction ends in between has moved on.
            let sent = self.store.list_open_transactions(self.hub_key.address()).await?;
            let sent: BTreeSet<B256> = sent.iter().map(|transaction| transaction.transaction_hash).collect();
            for payment in &page {
                let is_sent = payment.transaction_hash.is_some_and(|hash| sent.contains(&hash));
                let waits = |hash| self.node.pending_transaction(hash).is_some();
                let is_waiting = payment.transaction_hash.is_some_and(waits);
                if is_waiting && !is_sent {
                    pause = SOON;
                }
                if let Err(error) = self.reconcile_payment(payment, is_sent || is_waiting).await {
                    // The others are looked at all the same.
                    let job_id = payment.signed.order.job_id;
                    tracing::warn!(%job_id, %error, "a payment was not compared with the chain");
                }
            }
            match page.last() {
                Some(last) if !self.stop.is_cancelled() => after = Some(last.seq),
                _ => return Ok(pause),
            }
        }
    }

    async fn reconcile_payment(&self, payment: &PaymentRecord, is_on_its_way: bool) -> Result<(), SettlementError> {
        let order = &payment.signed.order;
        let reservation = self.node.reservation(order.client, order.job_id).await?;
        let chain = escrow::on_chain(&reservation, self.hub_key.address());
        let needed = reconcile(payment.state, chain, is_on_its_way);
        if needed != Needed::Nothing {
            tracing::warn!(job_id = %order.job_id, state = payment.state.as_str(), ?chain, ?needed, "a payment lagged");
        }
        match needed {
            Needed::Nothing => Ok(()),
            Needed::RecordReserved => self.record_found_reservation(payment).await,
            Needed::ReserveAgain => {
                self.again(None, order.job_id, (payment.state, PaymentState::Awaiting), None).await?;
                self.hub.receipts().notify_one();
                Ok(())
            }
            Needed::CloseAgain => {
                self.again(None, order.job_id, (payment.state, PaymentState::Reserved), None).await?;
                self.hub.receipts().notify_one();
                Ok(())
            }
            Needed::RecordClosed => self.record_found_closing(payment).await,
            Needed::RecordVoid => self.record_void(payment, chain).await,
        }
    }

    async fn record_void(&self, payment: &PaymentRecord, chain: OnChain) -> Result<(), SettlementError> {
        let job_id = payment.signed.order.job_id;
        let reason = match chain {
            OnChain::Cancelled => "the client cancelled the order on the chain",
            OnChain::OfAnother => "another hub reserved for the job",
            _ => "the chain has no reservation for the job",
        };
        let to = PaymentMove::Void { reason: reason.to_owned() };
        let from = vec![payment.state];
        self.store.write(MovePayment { closes: None, job_id, from, to, at: clock::now() }).await?;
        self.hub.payment_refused(job_id).await;
        self.hub.changed(job_id);
        Ok(())
    }

    /// A reservation is closed, and no transaction of the outbox tells of it. Where the receipt closed it, the receipt's
    /// own way records that.
    async fn record_found_closing(&self, payment: &PaymentRecord) -> Result<(), SettlementError> {
        let order = &payment.signed.order;
        let event = JobEscrow::ReservationClosed::SIGNATURE_HASH;
        let Some(log) = self.node.find_reservation_log(event, order.client, order.job_id).await? else {
            return Err(SettlementError::NoReservationInLog { job_id: order.job_id });
        };
        let Ok(closed) = JobEscrow::ReservationClosed::decode_log(&log.log) else { return Ok(()) };
        if closed.reason == JobEscrow::CloseReason::Completed {
            return Ok(());
        }
        let placed = PlacedTransaction { transaction_hash: log.transaction_hash, block_number: log.place.height };
        self.record_refunded(None, order.job_id, escrow::amount(closed.refund), placed).await
    }
}
