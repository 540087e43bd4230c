//! Calls and events of the bounties for models by name.

use alloy_primitives::{Log, hex};
use alloy_sol_types::{SolEvent as _, SolEventInterface as _, SolInterface as _};
use contracts::ModelBounty;
use contracts::ModelBounty::{ModelBountyCalls, ModelBountyEvents, Terms};
use shared::api::explorer::DecodedValue;

use super::decode::value;

/// The arguments of a call, or none for calls that only read.
pub(super) fn arguments(input: &[u8]) -> Option<Vec<DecodedValue>> {
    Some(match ModelBountyCalls::abi_decode(input).ok()? {
        ModelBountyCalls::pledge(call) => terms(&call.terms),
        ModelBountyCalls::pledgeWithPermit(call) => {
            [terms(&call.terms), vec![value("deadline", "uint256", call.deadline)]].concat()
        }
        ModelBountyCalls::claim(call) => vec![
            value("bountyId", "uint256", call.bountyId),
            value("receipt.receiptHash", "bytes32", call.receipt.receiptHash),
            value("receipt.provider", "address", call.receipt.provider),
            value("document", "bytes", hex::encode_prefixed(&call.document)),
        ],
        ModelBountyCalls::settle(call) => {
            vec![value("bountyId", "uint256", call.bountyId), value("provider", "address", call.provider)]
        }
        ModelBountyCalls::reject(call) => vec![
            value("bountyId", "uint256", call.bountyId),
            value("provider", "address", call.provider),
            value("reason", "string", call.reason),
        ],
        ModelBountyCalls::refund(call) => vec![value("bountyId", "uint256", call.bountyId)],
        _ => Vec::new(),
    })
}

fn terms(terms: &Terms) -> Vec<DecodedValue> {
    vec![
        value("terms.modelDigest", "bytes32", terms.modelDigest),
        value("terms.receipts", "uint32", terms.receipts),
        value("terms.reward", "uint128", terms.reward),
        value("terms.minWork", "uint128", terms.minWork),
        value("terms.expiresAt", "uint64", terms.expiresAt),
    ]
}

/// The signature and fields of an event about a bounty.
pub(super) fn event(log: &Log) -> Option<(&'static str, Vec<DecodedValue>)> {
    Some(match ModelBountyEvents::decode_raw_log(log.topics(), &log.data.data).ok()? {
        ModelBountyEvents::Pledged(event) => (
            ModelBounty::Pledged::SIGNATURE,
            vec![
                value("bountyId", "uint256", event.bountyId),
                value("pledger", "address", event.pledger),
                value("modelDigest", "bytes32", event.modelDigest),
                value("receipts", "uint32", event.receipts),
                value("reward", "uint128", event.reward),
                value("minWork", "uint128", event.minWork),
                value("expiresAt", "uint64", event.expiresAt),
            ],
        ),
        ModelBountyEvents::Claimed(event) => (
            ModelBounty::Claimed::SIGNATURE,
            vec![
                value("bountyId", "uint256", event.bountyId),
                value("provider", "address", event.provider),
                value("receiptHash", "bytes32", event.receiptHash),
                value("dueUnix", "uint64", event.dueUnix),
            ],
        ),
        ModelBountyEvents::RewardPaid(event) => (
            ModelBounty::RewardPaid::SIGNATURE,
            vec![
                value("bountyId", "uint256", event.bountyId),
                value("provider", "address", event.provider),
                value("amount", "uint256", event.amount),
            ],
        ),
        ModelBountyEvents::ClaimDropped(event) => (
            ModelBounty::ClaimDropped::SIGNATURE,
            vec![
                value("bountyId", "uint256", event.bountyId),
                value("provider", "address", event.provider),
                value("receiptHash", "bytes32", event.receiptHash),
                value("reason", "string", event.reason),
            ],
        ),
        ModelBountyEvents::Refunded(event) => (
            ModelBounty::Refunded::SIGNATURE,
            vec![
                value("bountyId", "uint256", event.bountyId),
                value("pledger", "address", event.pledger),
                value("amount", "uint256", event.amount),
            ],
        ),
    })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256, U256};
    use alloy_sol_types::SolCall as _;

    use super::*;

    #[test]
    fn a_pledge_and_a_claim_are_told_in_words() {
        let terms =
            Terms { modelDigest: B256::repeat_byte(1), receipts: 3, reward: 5, minWork: 1, expiresAt: 1_900_000_000 };
        let told = arguments(&ModelBounty::pledgeCall { terms }.abi_encode()).unwrap();
        assert_eq!((told[1].name.as_str(), told[1].value.as_str()), ("terms.receipts", "3"));
        let claimed = ModelBounty::Claimed {
            bountyId: U256::from(7),
            provider: Address::repeat_byte(1),
            receiptHash: B256::repeat_byte(2),
            dueUnix: 9,
        };
        let log = Log { address: Address::ZERO, data: claimed.encode_log_data() };
        let (signature, fields) = event(&log).unwrap();
        assert_eq!(signature, "Claimed(uint256,address,bytes32,uint64)");
        assert_eq!((fields[0].value.as_str(), fields[3].value.as_str()), ("7", "9"));
    }
}
