//! Reservations: made before a job runs, and given back, or their rest, where it ends without all of its result.

use alloy_sol_types::SolEvent;
use contracts::{JOB_ESCROW_ADDRESS, JobEscrow};
use hub::payment::{OnChain, after_refusal};
use hub::settlement::AfterRevert;
use node::NodeError;
use node::chain::IncludedTransaction;
use shared::amount::Amount;
use shared::api::payments::{PaymentState, PlacedTransaction};
use shared::escrow::{CloseReason, ReservationClosing};
use shared::id::JobId;
use shared::job::lifecycle::JobState;
use store::change::{MovePayment, PaymentMove};
use store::record::{OutboxPayload, OutboxRecord, OutboxState, PaymentRecord};

use super::mint::{Estimate, Refusal};
use super::outbox::End;
use super::outcome::Closed;
use super::{Settlement, SettlementError, escrow};
use crate::clock;

/// A closing that was refused is tried again so much later.
const CLOSE_PAUSE_MS: u64 = 60_000;

/// Payments that are looked at for one transaction.
const LOOKED_AT: u64 = 16;

impl Settlement {
    /// Signs the reservation of the oldest job that waits for one. Returns whether there is something to send.
    pub(super) async fn queue_reservation(&self) -> Result<bool, SettlementError> {
        for payment in self.store.list_payments_to_reserve(clock::now(), LOOKED_AT).await? {
            if self.stop.is_cancelled() {
                return Ok(false);
            }
            match self.reserve(&payment).await {
                Ok(false) => {}
                Ok(true) => return Ok(true),
                // What is wrong with one payment does not hold up those behind it.
                Err(
                    error @ (SettlementError::NoReservationInLog { .. } | SettlementError::Node(NodeError::Chain(_))),
                ) => {
                    let way = (PaymentState::Awaiting, PaymentState::Awaiting);
                    self.again(None, payment.signed.order.job_id, way, Some(error.to_string())).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    async fn reserve(&self, payment: &PaymentRecord) -> Result<bool, SettlementError> {
        let order = &payment.signed.order;
        let reservation = self.node.reservation(order.client, order.job_id).await?;
        if escrow::on_chain(&reservation, self.hub_key.address()) == OnChain::Open {
            // An earlier life of this hub reserved, and its database does not know.
            self.record_found_reservation(payment).await?;
            return Ok(false);
        }
        let call = escrow::reserve(&payment.signed);
        match self.estimate_gas(JOB_ESCROW_ADDRESS, &call, escrow::refusal).await? {
            Estimate::Gas(gas_limit) => {
                let payload = OutboxPayload::Reserve { job_id: order.job_id };
                match self.queue(payload, JOB_ESCROW_ADDRESS, call, gas_limit).await {
                    // The job was canceled meanwhile.
                    Err(SettlementError::Store(store::StoreError::Refused(_))) => Ok(false),
                    queued => queued.map(|()| true),
                }
            }
            Estimate::Refused(refusal) => {
                self.record_reservation_refused(None, payment, refusal).await?;
                Ok(false)
            }
        }
    }

    /// Records what the end of a reservation's transaction means.
    pub(super) async fn record_reservation_end(
        &self,
        sent: &OutboxRecord,
        job_id: JobId,
        end: &End,
    ) -> Result<(), SettlementError> {
        match end {
            End::Included(included) if included.receipt.success => {
                let placed = placed(sent, included);
                let closed = (sent.id, OutboxState::Included, Some(placed.block_number));
                self.record_reserved(Some(closed), job_id, placed).await
            }
            End::Included(included) => {
                let closed = (sent.id, OutboxState::Reverted, Some(included.place.height));
                let refusal = escrow::refusal(&included.receipt.revert_data);
                let Some(payment) = self.store.find_payment(job_id).await? else { return Ok(()) };
                self.record_reservation_refused(Some(closed), &payment, refusal).await
            }
            End::Replaced => {
                tracing::warn!(%job_id, nonce = sent.nonce, "another transaction took the nonce of a reservation");
                let closed = (sent.id, OutboxState::Replaced, None);
                self.again(Some(closed), job_id, (PaymentState::Reserving, PaymentState::Awaiting), None).await
            }
        }
    }

    pub(super) async fn record_reserved(
        &self,
        closes: Option<Closed>,
        job_id: JobId,
        placed: PlacedTransaction,
    ) -> Result<(), SettlementError> {
        let from = vec![PaymentState::Awaiting, PaymentState::Reserving];
        let to = PaymentMove::Reserved(placed);
        if self.store.write(MovePayment { closes, job_id, from, to, at: clock::now() }).await? {
            self.metrics.payments_reserved.inc();
            tracing::info!(%job_id, transaction = %placed.transaction_hash, "a payment is reserved");
        }
        // The board takes it once; a job that is over meanwhile is closed.
        self.hub.payment_reserved(job_id).await;
        Ok(())
    }

    /// The chain has a reservation that no transaction of the outbox tells of.
    pub(super) async fn record_found_reservation(&self, payment: &PaymentRecord) -> Result<(), SettlementError> {
        let order = &payment.signed.order;
        let event = JobEscrow::Reserved::SIGNATURE_HASH;
        let log = self.node.find_reservation_log(event, order.client, order.job_id).await?;
        let job_id = order.job_id;
        let log = log.ok_or(SettlementError::NoReservationInLog { job_id })?;
        let placed = PlacedTransaction { transaction_hash: log.transaction_hash, block_number: log.place.height };
        self.record_reserved(None, job_id, placed).await
    }

    /// A reason that passes by itself costs time; any other one ends the job.
    async fn record_reservation_refused(
        &self,
        closes: Option<Closed>,
        payment: &PaymentRecord,
        Refusal { reason, lasts }: Refusal,
    ) -> Result<(), SettlementError> {
        let (job_id, now) = (payment.signed.order.job_id, clock::now());
        let from = vec![PaymentState::Awaiting, PaymentState::Reserving];
        tracing::info!(%job_id, reason, "a reservation was refused");
        let attempts = payment.attempts + u32::from(closes.is_none());
        let to = match after_refusal(attempts, lasts, now) {
            AfterRevert::RetryAt(not_before) => {
                PaymentMove::Again { state: PaymentState::Awaiting, reason: Some(reason), not_before }
            }
            AfterRevert::GiveUp => PaymentMove::Void { reason },
        };
        let gives_up = matches!(to, PaymentMove::Void { .. });
        self.store.write(MovePayment { closes, job_id, from, to, at: now }).await?;
        if gives_up {
            self.hub.payment_refused(job_id).await;
        }
        self.hub.changed(job_id);
        Ok(())
    }

    /// Signs the closing of the oldest reservation that nothing will be paid from.
    pub(super) async fn queue_closing(&self) -> Result<bool, SettlementError> {
        for payment in self.store.list_payments_to_close(clock::now(), LOOKED_AT).await? {
            if self.stop.is_cancelled() {
                return Ok(false);
            }
            if self.close(&payment).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn close(&self, payment: &PaymentRecord) -> Result<bool, SettlementError> {
        let order = &payment.signed.order;
        let job = self.store.find_job(order.job_id).await?;
        let reason = match job.map(|job| job.state) {
            Some(JobState::Canceled) => CloseReason::Cancelled,
            _ => CloseReason::Failed,
        };
        let closing = ReservationClosing {
            client: order.client,
            job_id: order.job_id,
            reason,
            chain_id: order.chain_id,
            contract: order.contract,
        };
        let signature = self.hub_key.sign(&closing, &closing.domain())?;
        let call = escrow::close(&closing, signature);
        match self.estimate_gas(JOB_ESCROW_ADDRESS, &call, escrow::refusal).await? {
            Estimate::Gas(gas_limit) => {
                let payload = OutboxPayload::Close { job_id: order.job_id };
                self.queue(payload, JOB_ESCROW_ADDRESS, call, gas_limit).await?;
                Ok(true)
            }
            Estimate::Refused(refusal) => {
                let way = (PaymentState::Reserved, PaymentState::Reserved);
                self.again(None, order.job_id, way, Some(refusal.reason)).await?;
                Ok(false)
            }
        }
    }

    /// Records what the end of a closing's transaction means.
    pub(super) async fn record_closing_end(
        &self,
        sent: &OutboxRecord,
        job_id: JobId,
        end: &End,
    ) -> Result<(), SettlementError> {
        let way = (PaymentState::Closing, PaymentState::Reserved);
        match end {
            End::Included(included) if included.receipt.success => {
                let placed = placed(sent, included);
                let closed = (sent.id, OutboxState::Included, Some(placed.block_number));
                let logs = included.receipt.logs.iter().filter(|log| log.address == JOB_ESCROW_ADDRESS);
                let mut events = logs.filter_map(|log| JobEscrow::ReservationClosed::decode_log(log).ok());
                let job = escrow::job_id_bytes(job_id);
                let refunded = events.find(|event| event.jobId == job).map(|event| escrow::amount(event.refund));
                self.record_refunded(Some(closed), job_id, refunded.unwrap_or(Amount::ZERO), placed).await
            }
            End::Included(included) => {
                let closed = (sent.id, OutboxState::Reverted, Some(included.place.height));
                let refusal = escrow::refusal(&included.receipt.revert_data);
                self.again(Some(closed), job_id, way, Some(refusal.reason)).await
            }
            End::Replaced => self.again(Some((sent.id, OutboxState::Replaced, None)), job_id, way, None).await,
        }
    }

    pub(super) async fn record_refunded(
        &self,
        closes: Option<Closed>,
        job_id: JobId,
        amount: Amount,
        ended_in: PlacedTransaction,
    ) -> Result<(), SettlementError> {
        let from = vec![PaymentState::Reserving, PaymentState::Reserved, PaymentState::Closing];
        let to = PaymentMove::Refunded { amount, ended_in };
        if self.store.write(MovePayment { closes, job_id, from, to, at: clock::now() }).await? {
            self.metrics.payments_refunded.inc();
            tracing::info!(%job_id, %amount, transaction = %ended_in.transaction_hash, "a payment was given back");
        }
        self.hub.changed(job_id);
        Ok(())
    }

    /// The same once more: at once where a transaction is lost, after a pause where it was refused.
    pub(super) async fn again(
        &self,
        closes: Option<Closed>,
        job_id: JobId,
        (from, state): (PaymentState, PaymentState),
        reason: Option<String>,
    ) -> Result<(), SettlementError> {
        let now = clock::now();
        if let Some(reason) = &reason {
            tracing::warn!(%job_id, reason, "the escrow refused; it is tried again");
        }
        let not_before = if reason.is_some() { now.plus_ms(CLOSE_PAUSE_MS) } else { now };
        let to = PaymentMove::Again { state, reason, not_before };
        self.store.write(MovePayment { closes, job_id, from: vec![from], to, at: now }).await?;
        Ok(())
    }
}

fn placed(sent: &OutboxRecord, included: &IncludedTransaction) -> PlacedTransaction {
    PlacedTransaction { transaction_hash: sent.transaction_hash, block_number: included.place.height }
}
