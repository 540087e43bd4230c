//! Calls of the escrow, and its refusals in words.
//!
//! ```text
//! job with an order ──▶ reserve ──▶ block: the board may lease the job ──▶ receipt ──▶ settle ──▶ block: miner paid,
//!                          │                        │                                              the rest given back
//!                          └─ refused: the job fails └─ canceled, failed, expired ──▶ close ──▶ block: given back
//! ```
//! A job of several tasks has a receipt for each. With the last one that was ordered the escrow gives the rest back by
//! itself; where a part was lost, the hub closes the reservation once the receipts of the other parts are paid.
//! Every transaction goes through the outbox of mints, one at a time. The state of a payment moves with its transaction
//! in one change, and the chain decides what was reserved, paid and given back.

use alloy_primitives::{FixedBytes, U256};
use alloy_sol_types::{SolCall, SolInterface};
use contracts::JobEscrow;
use contracts::JobEscrow::JobEscrowErrors as Errors;
use hub::payment::OnChain;
use hub::settlement::RefusalLasts;
use shared::amount::Amount;
use shared::escrow::{CloseReason, ReservationClosing, SignedPaymentOrder};
use shared::id::JobId;
use shared::{Address, Bytes};
use store::record::ReceiptRecord;

use super::mint::{Refusal, in_ait};

/// A job's name as the contracts take it.
pub(super) fn job_id_bytes(job_id: JobId) -> FixedBytes<16> {
    job_id.to_be_bytes().into()
}

pub(super) fn reserve(signed: &SignedPaymentOrder) -> Bytes {
    let order = &signed.order;
    let promise = |seconds: Option<std::num::NonZeroU32>| seconds.map_or(0, std::num::NonZeroU32::get);
    JobEscrow::reserveCall {
        order: JobEscrow::PaymentOrder {
            jobId: job_id_bytes(order.job_id),
            client: order.client,
            hub: order.hub,
            maxTotal: order.max_total.atto(),
            maxUnitPrice: order.max_unit_price.atto(),
            unitType: order.unit_type.as_str().to_owned(),
            tasks: order.tasks.get(),
            startWithinSeconds: promise(order.start_within_seconds),
            finishWithinSeconds: promise(order.finish_within_seconds),
            expiresAt: order.expires_at.0,
        },
        clientSignature: signed.signature.clone(),
    }
    .abi_encode()
    .into()
}

pub(super) fn settle(receipts: &[ReceiptRecord]) -> Bytes {
    JobEscrow::settleBatchCall { receipts: receipts.iter().map(signed_receipt).collect() }.abi_encode().into()
}

fn signed_receipt(record: &ReceiptRecord) -> JobEscrow::SignedJobReceipt {
    let signed = &record.signed;
    let receipt = &signed.receipt;
    let mut attestations = signed.attestations.clone();
    // The contract wants them in ascending order, so that it need not remember any.
    attestations.sort_by_key(|attestation| attestation.attester);
    JobEscrow::SignedJobReceipt {
        receipt: JobEscrow::JobReceipt {
            receiptHash: signed.receipt_hash,
            jobId: job_id_bytes(receipt.job_id),
            taskRole: receipt.task_role.to_string(),
            provider: receipt.provider,
            client: receipt.client,
            units: U256::from(receipt.units.0),
            unitType: receipt.unit_type.as_str().to_owned(),
            unitPrice: U256::from(receipt.unit_price.atto()),
            expiresAt: receipt.expires_at.0,
        },
        minerSignature: signed.miner_signature.clone(),
        attesterSignatures: attestations.into_iter().map(|attestation| attestation.signature).collect(),
    }
}

pub(super) fn close(closing: &ReservationClosing, signature: Bytes) -> Bytes {
    let reason = match closing.reason {
        CloseReason::Completed => JobEscrow::CloseReason::Completed,
        CloseReason::Cancelled => JobEscrow::CloseReason::Cancelled,
        CloseReason::Failed => JobEscrow::CloseReason::Failed,
        CloseReason::SlaBreached => JobEscrow::CloseReason::SlaBreached,
    };
    JobEscrow::closeCall {
        client: closing.client,
        jobId: job_id_bytes(closing.job_id),
        reason,
        attesterSignatures: vec![signature],
    }
    .abi_encode()
    .into()
}

/// What the chain has of a reservation, as `hub` sees it.
pub(super) fn on_chain(reservation: &JobEscrow::Reservation, hub: Address) -> OnChain {
    match reservation.state {
        JobEscrow::ReservationState::Absent => OnChain::Absent,
        JobEscrow::ReservationState::Cancelled => OnChain::Cancelled,
        _ if reservation.hub != hub => OnChain::OfAnother,
        JobEscrow::ReservationState::Open => OnChain::Open,
        _ => OnChain::Closed,
    }
}

/// An amount of the contract's. None is larger than what was deposited.
pub(super) fn amount(value: U256) -> Amount {
    Amount::from_atto(u128::try_from(value).unwrap_or(u128::MAX))
}

/// What the escrow says.
pub(super) fn refusal(output: &[u8]) -> Refusal {
    let error = Errors::abi_decode(output);
    let lasts = match error {
        Ok(Errors::EnforcedPause(_)) => RefusalLasts::ForATime,
        Ok(
            Errors::ReceiptExpired(_)
            | Errors::ReservationNotOpen(_)
            | Errors::OrderExpiryOutOfRange(_)
            | Errors::OrderAlreadyUsed(_)
            | Errors::InsufficientBalance(_),
        ) => RefusalLasts::ForEver,
        _ => RefusalLasts::Unknown,
    };
    Refusal { reason: in_words(error.ok(), output), lasts }
}

fn in_words(error: Option<Errors>, output: &[u8]) -> String {
    match error {
        Some(Errors::InsufficientBalance(error)) => {
            let (free, needed) = (in_ait(error.available), in_ait(error.needed));
            format!("the client's deposit has {free} AIT free, and the order sets {needed} AIT aside")
        }
        Some(Errors::OrderExpiryOutOfRange(error)) => {
            format!("the order reserved until {} (Unix seconds), and it is {}", error.expiresAt, error.timestamp)
        }
        Some(Errors::OrderAlreadyUsed(error)) => {
            format!("the order was used or cancelled before: {:?}", error.state)
        }
        Some(Errors::ReservationNotOpen(error)) => format!("no reservation is open for the job: {:?}", error.state),
        Some(Errors::ReceiptExpired(error)) => {
            format!("the receipt expired at {} (Unix seconds), and it is {}", error.expiresAt, error.timestamp)
        }
        Some(Errors::EnforcedPause(_)) => "the escrow is paused".to_owned(),
        Some(error) => format!("the escrow refuses: {error:?}"),
        None => format!("the escrow refuses with {}", Bytes::copy_from_slice(output)),
    }
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::SolError;

    use super::*;

    #[test]
    fn a_deposit_that_is_too_small_is_refused_in_ait() {
        let poor = JobEscrow::InsufficientBalance {
            client: Address::ZERO,
            available: U256::from(5_u64 * 10_u64.pow(17)),
            needed: U256::from(10_u64.pow(18)),
        };
        let refused = refusal(&poor.abi_encode());
        assert_eq!(refused.reason, "the client's deposit has 0.5 AIT free, and the order sets 1 AIT aside");
        assert_eq!(refused.lasts, RefusalLasts::ForEver);
        assert_eq!(refusal(&JobEscrow::EnforcedPause {}.abi_encode()).lasts, RefusalLasts::ForATime);
        assert_eq!(refusal(&[1]).lasts, RefusalLasts::Unknown);
    }
}
