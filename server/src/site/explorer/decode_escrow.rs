//! Calls and events of the escrow by name. A call's arguments are those that a reader of the page looks for.

use alloy_primitives::Log;
use alloy_sol_types::{SolEvent as _, SolEventInterface as _, SolInterface as _};
use contracts::JobEscrow;
use contracts::JobEscrow::{JobEscrowCalls, JobEscrowEvents};
use shared::api::explorer::DecodedValue;

use super::decode::value;

/// The arguments of a call, or none for calls that only administrators make.
pub(super) fn arguments(input: &[u8]) -> Option<Vec<DecodedValue>> {
    Some(match JobEscrowCalls::abi_decode(input).ok()? {
        JobEscrowCalls::deposit(call) => vec![value("amount", "uint256", call.amount)],
        JobEscrowCalls::depositWithPermit(call) => vec![
            value("client", "address", call.client),
            value("amount", "uint256", call.amount),
            value("deadline", "uint256", call.deadline),
        ],
        JobEscrowCalls::withdraw(call) => vec![value("amount", "uint256", call.amount)],
        JobEscrowCalls::reserve(call) => order(&call.order),
        JobEscrowCalls::cancelOrder(call) => vec![value("jobId", "bytes16", call.jobId)],
        JobEscrowCalls::reclaim(call) => vec![value("jobId", "bytes16", call.jobId)],
        JobEscrowCalls::close(call) => vec![
            value("client", "address", call.client),
            value("jobId", "bytes16", call.jobId),
            value("reason", "uint8", reason(call.reason)),
        ],
        JobEscrowCalls::settle(call) => receipt("receipt", &call.receipt),
        JobEscrowCalls::settleBatch(batch) => {
            let numbered = batch.receipts.iter().enumerate();
            numbered.flat_map(|(index, signed)| receipt(&format!("receipts[{index}]"), &signed.receipt)).collect()
        }
        _ => Vec::new(),
    })
}

fn order(order: &JobEscrow::PaymentOrder) -> Vec<DecodedValue> {
    vec![
        value("order.jobId", "bytes16", order.jobId),
        value("order.client", "address", order.client),
        value("order.hub", "address", order.hub),
        value("order.maxTotal", "uint128", order.maxTotal),
        value("order.maxUnitPrice", "uint128", order.maxUnitPrice),
        value("order.unitType", "string", &order.unitType),
        value("order.tasks", "uint16", order.tasks),
        value("order.expiresAt", "uint64", order.expiresAt),
    ]
}

fn receipt(prefix: &str, receipt: &JobEscrow::JobReceipt) -> Vec<DecodedValue> {
    let named = |field: &str| format!("{prefix}.{field}");
    vec![
        value(&named("receiptHash"), "bytes32", receipt.receiptHash),
        value(&named("jobId"), "bytes16", receipt.jobId),
        value(&named("taskRole"), "string", &receipt.taskRole),
        value(&named("provider"), "address", receipt.provider),
        value(&named("client"), "address", receipt.client),
        value(&named("units"), "uint256", receipt.units),
        value(&named("unitType"), "string", &receipt.unitType),
        value(&named("unitPrice"), "uint256", receipt.unitPrice),
    ]
}

/// The number with its name, as the contract's source has it.
fn reason(reason: JobEscrow::CloseReason) -> String {
    format!("{} ({reason:?})", u8::from(reason))
}

/// The signature and fields of an event that moves money or ends an order.
pub(super) fn event(log: &Log) -> Option<(&'static str, Vec<DecodedValue>)> {
    Some(match JobEscrowEvents::decode_raw_log(log.topics(), &log.data.data).ok()? {
        JobEscrowEvents::Deposited(event) => (
            JobEscrow::Deposited::SIGNATURE,
            vec![value("client", "address", event.client), value("amount", "uint256", event.amount)],
        ),
        JobEscrowEvents::Withdrawn(event) => (
            JobEscrow::Withdrawn::SIGNATURE,
            vec![value("client", "address", event.client), value("amount", "uint256", event.amount)],
        ),
        JobEscrowEvents::Reserved(event) => (
            JobEscrow::Reserved::SIGNATURE,
            vec![
                value("client", "address", event.client),
                value("jobId", "bytes16", event.jobId),
                value("hub", "address", event.hub),
                value("amount", "uint256", event.amount),
            ],
        ),
        JobEscrowEvents::OrderCancelled(event) => (
            JobEscrow::OrderCancelled::SIGNATURE,
            vec![value("client", "address", event.client), value("jobId", "bytes16", event.jobId)],
        ),
        JobEscrowEvents::Settled(event) => (
            JobEscrow::Settled::SIGNATURE,
            vec![
                value("receiptHash", "bytes32", event.receiptHash),
                value("provider", "address", event.provider),
                value("client", "address", event.client),
                value("jobId", "bytes16", event.jobId),
                value("paid", "uint256", event.paid),
                value("fee", "uint256", event.fee),
            ],
        ),
        JobEscrowEvents::ReceiptSkipped(event) => {
            (JobEscrow::ReceiptSkipped::SIGNATURE, vec![value("receiptHash", "bytes32", event.receiptHash)])
        }
        JobEscrowEvents::ReservationClosed(event) => (
            JobEscrow::ReservationClosed::SIGNATURE,
            vec![
                value("client", "address", event.client),
                value("jobId", "bytes16", event.jobId),
                value("reason", "uint8", reason(event.reason)),
                value("refund", "uint256", event.refund),
            ],
        ),
        JobEscrowEvents::FeePaid(event) => (
            JobEscrow::FeePaid::SIGNATURE,
            vec![value("recipient", "address", event.recipient), value("amount", "uint256", event.amount)],
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256, FixedBytes, U256};
    use alloy_sol_types::SolCall as _;

    use super::*;

    #[test]
    fn a_payment_and_a_closing_are_told_in_words() {
        let settled = JobEscrow::Settled {
            receiptHash: B256::repeat_byte(1),
            provider: Address::repeat_byte(2),
            client: Address::repeat_byte(3),
            jobId: FixedBytes::repeat_byte(4),
            paid: U256::from(98),
            fee: U256::from(2),
        };
        let log = Log { address: contracts::JOB_ESCROW_ADDRESS, data: settled.encode_log_data() };
        let (signature, fields) = event(&log).unwrap();
        assert_eq!(signature, "Settled(bytes32,address,address,bytes16,uint256,uint256)");
        assert_eq!((fields[4].value.as_str(), fields[5].value.as_str()), ("98", "2"));

        let close = JobEscrow::closeCall {
            client: Address::repeat_byte(3),
            jobId: FixedBytes::repeat_byte(4),
            reason: JobEscrow::CloseReason::SlaBreached,
            attesterSignatures: Vec::new(),
        };
        assert_eq!(arguments(&close.abi_encode()).unwrap()[2].value, "3 (SlaBreached)");
        assert_eq!(arguments(&[1, 2, 3, 4]), None);
    }
}
