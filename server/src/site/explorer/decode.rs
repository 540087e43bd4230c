//! Decodes calls, events and errors of the genesis contracts. Anything else stays as raw bytes.

use alloy_primitives::{Address, Log, U256, hex};
use alloy_sol_types::{SolEventInterface as _, SolInterface};
use contracts::BridgedToken::BridgedTokenCalls;
use contracts::ExchangeSettlement::{ExchangeSettlementCalls, ExchangeSettlementErrors};
use contracts::JobEscrow::{JobEscrowCalls, JobEscrowErrors};
use contracts::ModelBounty::{ModelBountyCalls, ModelBountyErrors};
use contracts::Staking::{StakingCalls, StakingErrors};
use contracts::TestDollar::TestDollarCalls;
use contracts::{
    AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, AIToken, AITokenMinter, BRIDGED_BITCOIN_ADDRESS, BRIDGED_ETHER_ADDRESS,
    EXCHANGE_SETTLEMENT_ADDRESS, JOB_ESCROW_ADDRESS, MODEL_BOUNTY_ADDRESS, STAKING_ADDRESS, TEST_DOLLAR_ADDRESS,
};
use node::chain::revert_reason;
use shared::Bytes;
use shared::api::explorer::{DecodedCall, DecodedValue};

use super::{decode_bounty, decode_escrow, decode_exchange, decode_staking};

use AIToken::{AITokenCalls, AITokenErrors, AITokenEvents};
use AITokenMinter::{AITokenMinterCalls, AITokenMinterErrors, AITokenMinterEvents};

const CREATION: &str = "create contract";
const TRANSFER: &str = "transfer";

fn selector(input: &[u8]) -> Option<[u8; 4]> {
    input.first_chunk().copied()
}

/// Name of what a transaction does: the function's where the contract is known, else its selector.
pub(super) fn method(to: Option<Address>, input: &[u8]) -> String {
    let Some(to) = to else { return CREATION.to_owned() };
    let Some(selector) = selector(input) else { return TRANSFER.to_owned() };
    let name = signature(to, selector).and_then(|signature| signature.split('(').next());
    name.map_or_else(|| format!("0x{}", hex::encode(selector)), str::to_owned)
}

fn signature(to: Address, selector: [u8; 4]) -> Option<&'static str> {
    match to {
        AI_TOKEN_ADDRESS => AITokenCalls::signature_by_selector(selector),
        AI_TOKEN_MINTER_ADDRESS => AITokenMinterCalls::signature_by_selector(selector),
        JOB_ESCROW_ADDRESS => JobEscrowCalls::signature_by_selector(selector),
        EXCHANGE_SETTLEMENT_ADDRESS => ExchangeSettlementCalls::signature_by_selector(selector),
        TEST_DOLLAR_ADDRESS => TestDollarCalls::signature_by_selector(selector),
        BRIDGED_BITCOIN_ADDRESS | BRIDGED_ETHER_ADDRESS => BridgedTokenCalls::signature_by_selector(selector),
        STAKING_ADDRESS => StakingCalls::signature_by_selector(selector),
        MODEL_BOUNTY_ADDRESS => ModelBountyCalls::signature_by_selector(selector),
        _ => None,
    }
}

pub(super) fn value(name: &str, solidity_type: &str, value: impl ToString) -> DecodedValue {
    DecodedValue { name: name.to_owned(), solidity_type: solidity_type.to_owned(), value: value.to_string() }
}

/// The input of a call to a contract of genesis, by its arguments.
pub(super) fn call(to: Option<Address>, input: &Bytes) -> Option<DecodedCall> {
    let to = to?;
    let signature = signature(to, selector(input)?)?.to_owned();
    let arguments = match to {
        AI_TOKEN_MINTER_ADDRESS => minter_arguments(AITokenMinterCalls::abi_decode(input).ok()?),
        JOB_ESCROW_ADDRESS => decode_escrow::arguments(input)?,
        EXCHANGE_SETTLEMENT_ADDRESS => decode_exchange::arguments(input)?,
        STAKING_ADDRESS => decode_staking::arguments(input)?,
        MODEL_BOUNTY_ADDRESS => decode_bounty::arguments(input)?,
        _ => token_arguments(AITokenCalls::abi_decode(input).ok()?),
    };
    Some(DecodedCall { signature, arguments })
}

fn minter_arguments(call: AITokenMinterCalls) -> Vec<DecodedValue> {
    match call {
        AITokenMinterCalls::mintBatch(batch) => batch
            .receipts
            .into_iter()
            .enumerate()
            .flat_map(|(index, signed)| {
                let prefix = format!("receipts[{index}]");
                receipt_arguments(&prefix, &signed.receipt, &signed.minerSignature, &signed.attesterSignatures)
            })
            .collect(),
        AITokenMinterCalls::mintWithReceipt(call) => {
            receipt_arguments("receipt", &call.receipt, &call.minerSignature, &call.attesterSignatures)
        }
        AITokenMinterCalls::release(call) => {
            let hold = |(index, hold): (usize, AITokenMinter::Hold)| {
                [
                    value(&format!("holds[{index}].provider"), "address", hold.provider),
                    value(&format!("holds[{index}].dueUnix"), "uint256", hold.dueUnix),
                ]
            };
            call.holds.into_iter().enumerate().flat_map(hold).collect()
        }
        AITokenMinterCalls::voidReceipt(call) => vec![
            value("receipt.receiptHash", "bytes32", call.receipt.receiptHash),
            value("receipt.provider", "address", call.receipt.provider),
            value("dueUnix", "uint256", call.dueUnix),
            value("reason", "string", call.reason),
        ],
        _ => Vec::new(),
    }
}

fn receipt_arguments(
    prefix: &str,
    receipt: &AITokenMinter::JobReceipt,
    miner_signature: &Bytes,
    attester_signatures: &[Bytes],
) -> Vec<DecodedValue> {
    let named = |field: &str| format!("{prefix}.{field}");
    let mut values = vec![
        value(&named("receiptHash"), "bytes32", receipt.receiptHash),
        value(&named("jobId"), "bytes16", receipt.jobId),
        value(&named("taskRole"), "string", &receipt.taskRole),
        value(&named("provider"), "address", receipt.provider),
        value(&named("client"), "address", receipt.client),
        value(&named("units"), "uint256", receipt.units),
        value(&named("unitType"), "string", &receipt.unitType),
        value(&named("unitPrice"), "uint256", receipt.unitPrice),
        value(&named("expiresAt"), "uint64", receipt.expiresAt),
        value(&named("minerSignature"), "bytes", miner_signature),
    ];
    values.extend(
        attester_signatures
            .iter()
            .enumerate()
            .map(|(index, signature)| value(&named(&format!("attesterSignatures[{index}]")), "bytes", signature)),
    );
    values
}

fn token_arguments(call: AITokenCalls) -> Vec<DecodedValue> {
    match call {
        AITokenCalls::transfer(call) => vec![value("to", "address", call.to), value("value", "uint256", call.value)],
        AITokenCalls::approve(call) => {
            vec![value("spender", "address", call.spender), value("value", "uint256", call.value)]
        }
        AITokenCalls::transferFrom(call) => vec![
            value("from", "address", call.from),
            value("to", "address", call.to),
            value("value", "uint256", call.value),
        ],
        AITokenCalls::delegate(call) => vec![value("delegatee", "address", call.delegatee)],
        _ => Vec::new(),
    }
}

pub(super) fn minter_event(log: &Log) -> Option<AITokenMinterEvents> {
    (log.address == AI_TOKEN_MINTER_ADDRESS)
        .then(|| AITokenMinterEvents::decode_raw_log(log.topics(), &log.data.data).ok())?
}

/// An event of a contract of genesis, by its fields.
pub(super) fn event(log: &Log) -> Option<DecodedCall> {
    let (signature, arguments) = match log.address {
        AI_TOKEN_MINTER_ADDRESS => minter_fields(minter_event(log)?)?,
        JOB_ESCROW_ADDRESS => decode_escrow::event(log)?,
        EXCHANGE_SETTLEMENT_ADDRESS => decode_exchange::event(log)?,
        STAKING_ADDRESS => decode_staking::event(log)?,
        MODEL_BOUNTY_ADDRESS => decode_bounty::event(log)?,
        AI_TOKEN_ADDRESS => token_fields(AITokenEvents::decode_raw_log(log.topics(), &log.data.data).ok()?)?,
        _ => return None,
    };
    Some(DecodedCall { signature: signature.to_owned(), arguments })
}

fn minter_fields(event: AITokenMinterEvents) -> Option<(&'static str, Vec<DecodedValue>)> {
    use alloy_sol_types::SolEvent as _;
    match event {
        AITokenMinterEvents::Minted(event) => Some((
            AITokenMinter::Minted::SIGNATURE,
            vec![
                value("provider", "address", event.provider),
                value("amount", "uint256", event.amount),
                value("receiptHash", "bytes32", event.receiptHash),
            ],
        )),
        AITokenMinterEvents::Held(event) => Some((
            AITokenMinter::Held::SIGNATURE,
            vec![
                value("provider", "address", event.provider),
                value("amount", "uint256", event.amount),
                value("dueUnix", "uint256", event.dueUnix),
                value("receiptHash", "bytes32", event.receiptHash),
            ],
        )),
        AITokenMinterEvents::Released(event) => Some((
            AITokenMinter::Released::SIGNATURE,
            vec![
                value("provider", "address", event.provider),
                value("amount", "uint256", event.amount),
                value("dueUnix", "uint256", event.dueUnix),
            ],
        )),
        AITokenMinterEvents::Voided(event) => Some((
            AITokenMinter::Voided::SIGNATURE,
            vec![
                value("provider", "address", event.provider),
                value("amount", "uint256", event.amount),
                value("receiptHash", "bytes32", event.receiptHash),
                value("reason", "string", event.reason),
            ],
        )),
        AITokenMinterEvents::ReceiptSkipped(event) => {
            Some((AITokenMinter::ReceiptSkipped::SIGNATURE, vec![value("receiptHash", "bytes32", event.receiptHash)]))
        }
        _ => None,
    }
}

fn token_fields(event: AITokenEvents) -> Option<(&'static str, Vec<DecodedValue>)> {
    use alloy_sol_types::SolEvent as _;
    let three = |from: Address, from_name, to: Address, to_name, amount: U256| {
        vec![value(from_name, "address", from), value(to_name, "address", to), value("value", "uint256", amount)]
    };
    match event {
        AITokenEvents::Transfer(event) => {
            Some((AIToken::Transfer::SIGNATURE, three(event.from, "from", event.to, "to", event.value)))
        }
        AITokenEvents::Approval(event) => {
            Some((AIToken::Approval::SIGNATURE, three(event.owner, "owner", event.spender, "spender", event.value)))
        }
        AITokenEvents::DelegateVotesChanged(event) => Some((
            AIToken::DelegateVotesChanged::SIGNATURE,
            vec![
                value("delegate", "address", event.delegate),
                value("previousVotes", "uint256", event.previousVotes),
                value("newVotes", "uint256", event.newVotes),
            ],
        )),
        _ => None,
    }
}

/// A contract's error as `Name (field: value, …)`.
fn named_error<E: SolInterface + std::fmt::Debug>(revert_data: &[u8]) -> Option<String> {
    let error = format!("{:?}", E::abi_decode(revert_data).ok()?);
    // The enum of a contract's errors is written around each: `Name(Name { field: value })`.
    let error = error.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')')).unwrap_or(&error);
    Some(match error.split_once(" { ").map(|(name, fields)| (name, fields.strip_suffix(" }").unwrap_or(fields))) {
        Some((name, fields)) => format!("{name} ({fields})"),
        None => error.to_owned(),
    })
}

/// Why a transaction failed: the contract's error by name, its reason, or the bytes it gave.
pub(super) fn failure(to: Option<Address>, revert_data: &[u8]) -> String {
    let named = match to {
        Some(AI_TOKEN_MINTER_ADDRESS) => named_error::<AITokenMinterErrors>(revert_data),
        Some(JOB_ESCROW_ADDRESS) => named_error::<JobEscrowErrors>(revert_data),
        Some(EXCHANGE_SETTLEMENT_ADDRESS) => named_error::<ExchangeSettlementErrors>(revert_data),
        Some(MODEL_BOUNTY_ADDRESS) => named_error::<ModelBountyErrors>(revert_data),
        Some(STAKING_ADDRESS) => named_error::<StakingErrors>(revert_data),
        Some(AI_TOKEN_ADDRESS) => named_error::<AITokenErrors>(revert_data),
        _ => None,
    };
    named.or_else(|| revert_reason(revert_data)).unwrap_or_else(|| match revert_data {
        [] => "it ran out of gas or gave no reason".to_owned(),
        data => format!("0x{}", hex::encode(data)),
    })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{B256, LogData};
    use alloy_sol_types::{SolCall as _, SolError as _, SolEvent as _};

    use super::*;

    #[test]
    fn a_mint_is_told_in_words() {
        let receipt = AITokenMinter::JobReceipt {
            receiptHash: B256::repeat_byte(1),
            jobId: Default::default(),
            taskRole: "shard/3".to_owned(),
            provider: Address::repeat_byte(2),
            client: Address::repeat_byte(3),
            units: U256::from(3),
            unitType: "image".to_owned(),
            unitPrice: U256::from(4),
            expiresAt: 5,
        };
        let signed = AITokenMinter::SignedJobReceipt {
            receipt,
            minerSignature: Bytes::from_static(&[5]),
            attesterSignatures: vec![Bytes::from_static(&[6])],
        };
        let input = Bytes::from(AITokenMinter::mintBatchCall { receipts: vec![signed] }.abi_encode());
        assert_eq!(method(Some(AI_TOKEN_MINTER_ADDRESS), &input), "mintBatch");
        let call = call(Some(AI_TOKEN_MINTER_ADDRESS), &input).unwrap();
        assert_eq!(call.arguments.len(), 11);
        assert_eq!(call.arguments[0].name, "receipts[0].receiptHash");
        assert_eq!((call.arguments[2].value.as_str(), call.arguments[8].value.as_str()), ("shard/3", "5"));
        assert_eq!(call.arguments[10].value, "0x06");
    }

    #[test]
    fn a_release_and_a_void_are_told_in_words() {
        let holds = vec![AITokenMinter::Hold { provider: Address::repeat_byte(2), dueUnix: U256::from(9) }];
        let input = Bytes::from(AITokenMinter::releaseCall { holds }.abi_encode());
        assert_eq!(method(Some(AI_TOKEN_MINTER_ADDRESS), &input), "release");
        assert_eq!(call(Some(AI_TOKEN_MINTER_ADDRESS), &input).unwrap().arguments[1].value, "9");
        let event = AITokenMinter::Voided {
            provider: Address::ZERO,
            amount: U256::from(7),
            receiptHash: B256::repeat_byte(8),
            reason: "blank".to_owned(),
        };
        let log = Log { address: AI_TOKEN_MINTER_ADDRESS, data: event.encode_log_data() };
        assert_eq!(super::event(&log).unwrap().arguments[3].value, "blank");
    }

    #[test]
    fn events_are_decoded_only_from_the_contract_that_may_emit_them() {
        let event =
            AITokenMinter::Minted { provider: Address::ZERO, amount: U256::from(7), receiptHash: B256::repeat_byte(8) };
        let data: LogData = event.encode_log_data();
        let genuine = Log { address: AI_TOKEN_MINTER_ADDRESS, data: data.clone() };
        assert_eq!(super::event(&genuine).unwrap().arguments[1].value, "7");
        let forged = Log { address: Address::repeat_byte(9), data };
        assert_eq!((super::event(&forged), minter_event(&forged).is_none()), (None, true));
    }

    #[test]
    fn strangers_keep_their_bytes() {
        let input = Bytes::from_static(&[1, 2, 3, 4, 5]);
        assert_eq!(method(Some(Address::ZERO), &input), "0x01020304");
        assert_eq!(method(None, &input), CREATION);
        assert_eq!(call(Some(Address::ZERO), &input), None);
        let error = AITokenMinter::ReceiptAlreadyUsed { receiptHash: B256::ZERO }.abi_encode();
        let told = format!("ReceiptAlreadyUsed (receiptHash: {:?})", B256::ZERO);
        assert_eq!(failure(Some(AI_TOKEN_MINTER_ADDRESS), &error), told);
        let (sender, balance, needed) = (Address::ZERO, U256::from(1), U256::from(5));
        let error = AIToken::ERC20InsufficientBalance { sender, balance, needed }.abi_encode();
        let told = format!("ERC20InsufficientBalance (sender: {sender:?}, balance: 1, needed: 5)");
        assert_eq!(failure(Some(AI_TOKEN_ADDRESS), &error), told);
        assert_eq!(failure(None, &[0xab]), "0xab");
    }
}
