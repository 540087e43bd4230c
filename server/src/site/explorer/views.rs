//! From the chain's records to the explorer's types. Pure.

use contracts::AITokenMinter;
use node::chain::{
    Block, CommitCertificate, IncludedTransaction, SealedHeader, SignedTransaction, TransactionReceipt, ValidatorSet,
};
use shared::Address;
use shared::amount::Amount;
use shared::api::explorer::{
    BlockSummary, BlockView, CertificateView, LOG_DATA_SHOWN_MAX_BYTES, LOGS_SHOWN_MAX, LogView, SignerView,
    TRANSACTIONS_SHOWN_MAX, TransactionSummary, TransactionView,
};
use shared::time::UnixSeconds;

use super::decode_verified::{Events, Interfaces};
use super::{contract_name, decode, decode_verified};

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// AIT that a transaction's `Minted` events name.
fn minted(receipt: &TransactionReceipt) -> Amount {
    let amounts = receipt.logs.iter().filter_map(|log| {
        let event = decode::minter_event(log)?;
        match event {
            AITokenMinter::AITokenMinterEvents::Minted(minted) => u128::try_from(minted.amount).ok(),
            _ => None,
        }
    });
    Amount::from_atto(amounts.fold(0, u128::saturating_add))
}

pub(super) fn block_summary(header: &SealedHeader, receipts: &[TransactionReceipt]) -> BlockSummary {
    let sum = receipts.iter().map(|receipt| minted(receipt).atto()).fold(0, u128::saturating_add);
    BlockSummary {
        number: header.number,
        hash: header.hash(),
        timestamp: UnixSeconds(header.timestamp),
        transaction_count: count(receipts.len()),
        gas_used: header.gas_used,
        minted: Amount::from_atto(sum),
    }
}

/// A certificate beside the set that it was checked against.
pub(super) fn certificate(certificate: CommitCertificate, validators: &ValidatorSet) -> CertificateView {
    let signers = certificate.signatures.into_iter().map(|signed| SignerView {
        validator: signed.validator,
        voting_power: validators.power_of(signed.validator).unwrap_or_default(),
        signature: signed.signature,
    });
    CertificateView {
        round: certificate.round,
        signers: signers.collect(),
        validator_count: count(validators.iter().len()),
        total_power: validators.total_power(),
    }
}

pub(super) fn block(block: &Block, receipts: &[TransactionReceipt], certificate: Option<CertificateView>) -> BlockView {
    let header = &block.header;
    let rows = block.transactions.iter().zip(receipts).zip(0..);
    BlockView {
        summary: block_summary(header, receipts),
        parent_hash: header.parent_hash,
        state_root: header.state_root,
        transactions_root: header.transactions_root,
        receipts_root: header.receipts_root,
        producer: header.beneficiary,
        gas_limit: header.gas_limit,
        size_bytes: u64::try_from(block.size_bytes()).unwrap_or(u64::MAX),
        certificate,
        transactions: rows
            .take(TRANSACTIONS_SHOWN_MAX)
            .map(|((transaction, receipt), index)| {
                summary(transaction, receipt, header.number, index, UnixSeconds(header.timestamp))
            })
            .collect(),
    }
}

pub(super) fn transaction_summary(included: &IncludedTransaction) -> TransactionSummary {
    let at = UnixSeconds(included.block_timestamp_unix_s);
    summary(&included.transaction, &included.receipt, included.place.height, included.place.index, at)
}

fn summary(
    transaction: &SignedTransaction,
    receipt: &TransactionReceipt,
    block_number: u64,
    index: u32,
    timestamp: UnixSeconds,
) -> TransactionSummary {
    TransactionSummary {
        hash: transaction.hash(),
        block_number,
        index,
        timestamp,
        from: transaction.sender(),
        to: transaction.to(),
        succeeded: receipt.success,
        method: decode::method(transaction.to(), transaction.input()),
        minted: minted(receipt),
    }
}

/// The contract that a transaction called and those that emitted the events which are shown, without those of block 0.
pub(super) fn strangers_contracts(included: &IncludedTransaction) -> Vec<Address> {
    let emitters = included.receipt.logs.iter().take(LOGS_SHOWN_MAX).map(|log| log.address);
    let mut found = Vec::new();
    for address in included.transaction.to().into_iter().chain(emitters) {
        if contract_name(address).is_none() && !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

pub(super) fn transaction(included: &IncludedTransaction, interfaces: &Interfaces) -> TransactionView {
    let IncludedTransaction { transaction, receipt, .. } = included;
    let (to, input) = (transaction.to(), transaction.input());
    let mut verified_events = Events::new(interfaces);
    let logs = receipt.logs.iter().zip(receipt.first_log_index..).take(LOGS_SHOWN_MAX).map(|(log, index)| LogView {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        address: log.address,
        topics: log.topics().to_vec(),
        data: log.data.data.slice(..log.data.data.len().min(LOG_DATA_SHOWN_MAX_BYTES)),
        data_bytes: log.data.data.len() as u64,
        decoded: decode::event(log).or_else(|| verified_events.decode(log)),
    });
    let logs = logs.collect();
    let verified_call = decode_verified::call(interfaces, to, input);
    let mut summary = transaction_summary(included);
    if let Some((name, _)) = verified_call.as_ref().and_then(|call| call.signature.split_once('(')) {
        name.clone_into(&mut summary.method);
    }
    let failure = || {
        let named = decode_verified::error(interfaces, to, &receipt.revert_data);
        named.unwrap_or_else(|| decode::failure(to, &receipt.revert_data))
    };
    TransactionView {
        summary,
        block_hash: included.block_hash,
        nonce: transaction.nonce(),
        gas_limit: transaction.gas_limit(),
        gas_used: receipt.gas_used,
        transaction_type: receipt.transaction_type().into(),
        value_wei: transaction.value().to_string(),
        input: input.clone(),
        decoded_input: decode::call(to, input).or(verified_call),
        logs,
        log_count: count(receipt.logs.len()),
        failure: (!receipt.success).then(failure),
    }
}
