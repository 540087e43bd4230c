//! What settles for everybody: calls of the chain's own contracts by those who attest receipts at the head.

use std::collections::BTreeSet;

use alloy_primitives::Address;
use alloy_sol_types::{SolCall as _, SolEvent as _};
use chain::{Call, Exempt, Snapshot, TransactionReceipt};
use contracts::{
    AI_TOKEN_MINTER_ADDRESS, AITokenMinter, EXCHANGE_SETTLEMENT_ADDRESS, JOB_ESCROW_ADDRESS, MODEL_BOUNTY_ADDRESS,
    STAKING_ADDRESS,
};

use crate::error::NodeError;

/// What hubs call.
const SETTLEMENT_CONTRACTS: [Address; 5] =
    [AI_TOKEN_MINTER_ADDRESS, JOB_ESCROW_ADDRESS, MODEL_BOUNTY_ADDRESS, EXCHANGE_SETTLEMENT_ADDRESS, STAKING_ADDRESS];

/// What settles at the head; nothing where the chain has no minter.
pub(crate) fn exempt(snapshot: &Snapshot) -> Result<Exempt, NodeError> {
    let request = Call {
        to: Some(AI_TOKEN_MINTER_ADDRESS),
        data: AITokenMinter::attestersCall {}.abi_encode().into(),
        ..Call::default()
    };
    let outcome = snapshot.call(snapshot.head().number, &request, &Default::default(), &chain::never_over)?;
    let senders: BTreeSet<Address> = match AITokenMinter::attestersCall::abi_decode_returns(&outcome.output) {
        Ok(attesters) => attesters.into_iter().collect(),
        Err(_) => return Ok(Exempt::NOTHING),
    };
    Ok(Exempt { senders, contracts: SETTLEMENT_CONTRACTS.into() })
}

/// Whether a block changed who attests, so that it is to be asked again.
pub(crate) fn changed_in(receipts: &[TransactionReceipt]) -> bool {
    let changes = [AITokenMinter::AttesterAdded::SIGNATURE_HASH, AITokenMinter::AttesterRemoved::SIGNATURE_HASH];
    let logs = receipts.iter().flat_map(|receipt| &receipt.logs);
    let mut of_minter = logs.filter(|log| log.address == AI_TOKEN_MINTER_ADDRESS);
    of_minter.any(|log| log.topics().first().is_some_and(|topic| changes.contains(topic)))
}
