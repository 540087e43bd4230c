//! The mint transaction: its call, its gas, its signature.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::Encodable2718;
use alloy_primitives::{Signature, TxKind, U256};
use alloy_sol_types::{SolCall, SolInterface, SolStruct as _};
use contracts::AITokenMinter;
use contracts::AITokenMinter::AITokenMinterErrors as Errors;
use hub::settlement::RefusalLasts;
use node::chain::{Call, ChainError};
use shared::amount::Amount;
use shared::receipt::SignedReceipt;
use shared::signing::PrivateKey;
use shared::{Address, B256, Bytes};
use store::change::{SignTransaction, SignedTransaction};
use store::record::ReceiptRecord;

use super::{Settlement, SettlementError};

/// Gas beyond the estimate, in percent: the state may move a little before the block.
const GAS_MARGIN_PERCENT: u64 = 25;

/// What the simulation of a call says.
pub(super) enum Estimate {
    Gas(u64),
    /// The contract would refuse it.
    Refused(Refusal),
}

/// Why a contract refuses.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    /// A sentence.
    pub(super) reason: String,
    pub(super) lasts: RefusalLasts,
}

/// `mintBatch` of these receipts.
pub(super) fn call_data(receipts: &[ReceiptRecord]) -> Bytes {
    AITokenMinter::mintBatchCall { receipts: receipts.iter().map(signed_receipt).collect() }.abi_encode().into()
}

fn signed_receipt(record: &ReceiptRecord) -> AITokenMinter::SignedJobReceipt {
    let signed = &record.signed;
    let mut attestations = signed.attestations.clone();
    // The minter wants distinct attesters and has them in ascending order, so that it need not remember any.
    attestations.sort_by_key(|attestation| attestation.attester);
    AITokenMinter::SignedJobReceipt {
        receipt: claimed(signed),
        minerSignature: signed.miner_signature.clone(),
        attesterSignatures: attestations.into_iter().map(|attestation| attestation.signature).collect(),
    }
}

/// What of a receipt its signatures cover.
pub(super) fn claimed(signed: &SignedReceipt) -> AITokenMinter::JobReceipt {
    let receipt = &signed.receipt;
    AITokenMinter::JobReceipt {
        receiptHash: signed.receipt_hash,
        jobId: receipt.job_id.to_be_bytes().into(),
        taskRole: receipt.task_role.to_string(),
        provider: receipt.provider,
        client: receipt.client,
        units: U256::from(receipt.units.0),
        unitType: receipt.unit_type.as_str().to_owned(),
        unitPrice: U256::from(receipt.unit_price.atto()),
        expiresAt: receipt.expires_at.0,
    }
}

/// By what the minter's register knows a receipt.
pub(super) fn struct_hash(signed: &SignedReceipt) -> B256 {
    claimed(signed).eip712_hash_struct()
}

impl Settlement {
    /// Runs a call of a contract on the head without sending it. `refusal` reads what the contract says.
    pub(super) async fn estimate_gas(
        &self,
        contract: Address,
        data: &Bytes,
        refusal: fn(&[u8]) -> Refusal,
    ) -> Result<Estimate, SettlementError> {
        let call = Call { from: self.hub_key.address(), to: Some(contract), data: data.clone(), ..Call::default() };
        match self.node.estimate_gas(call).await {
            Ok(gas) => Ok(Estimate::Gas(gas.saturating_mul(100 + GAS_MARGIN_PERCENT) / 100)),
            Err(node::NodeError::Chain(ChainError::Reverted { output, .. })) => Ok(Estimate::Refused(refusal(&output))),
            Err(node::NodeError::Chain(ChainError::Halted(reason))) => {
                Ok(Estimate::Refused(Refusal { reason, lasts: RefusalLasts::Unknown }))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What the minter says.
pub(super) fn refusal(output: &[u8]) -> Refusal {
    let error = Errors::abi_decode(output);
    let lasts = match error {
        Ok(Errors::EpochCapExceeded(_) | Errors::ProviderCapExceeded(_) | Errors::EnforcedPause(_)) => {
            RefusalLasts::ForATime
        }
        Ok(Errors::ReceiptExpired(_)) => RefusalLasts::ForEver,
        _ => RefusalLasts::Unknown,
    };
    Refusal { reason: in_words(error.ok(), output), lasts }
}

pub(super) fn in_ait(value: U256) -> String {
    u128::try_from(value).map_or(value.to_string(), |atto| Amount::from_atto(atto).to_string())
}

fn in_words(error: Option<Errors>, output: &[u8]) -> String {
    match error {
        Some(Errors::EpochCapExceeded(error)) => {
            let (asked, left) = (in_ait(error.amount), in_ait(error.remaining));
            format!("the epoch's cap leaves {left} AIT, and the receipt asks {asked} AIT; it waits for the next epoch")
        }
        Some(Errors::ProviderCapExceeded(error)) => {
            let (asked, left) = (in_ait(error.amount), in_ait(error.remaining));
            format!(
                "the epoch's cap for one miner leaves {left} AIT, and the receipt asks {asked} AIT; it waits for the \
                 next epoch"
            )
        }
        Some(Errors::UnitPriceAboveMaximum(error)) => {
            format!("the unit price {} attoAIT is above the minter's maximum of {}", error.unitPrice, error.maximum)
        }
        Some(Errors::ReceiptExpired(error)) => {
            format!("the receipt expired at {} (Unix seconds), and it is {}", error.expiresAt, error.timestamp)
        }
        Some(Errors::EnforcedPause(_)) => "the minter is paused".to_owned(),
        Some(error) => format!("the minter refuses: {error:?}"),
        None => format!("the minter refuses with {}", Bytes::copy_from_slice(output)),
    }
}

/// A call that wants only its nonce. Gas is free on this chain, so both fees are 0.
#[derive(Clone)]
pub(super) struct Unsigned {
    pub(super) key: PrivateKey,
    pub(super) chain_id: u64,
    pub(super) to: Address,
    pub(super) gas_limit: u64,
    pub(super) input: Bytes,
}

impl SignTransaction for Unsigned {
    fn sign(&self, nonce: u64) -> Result<SignedTransaction, String> {
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit: self.gas_limit,
            max_fee_per_gas: 0,
            max_priority_fee_per_gas: 0,
            to: TxKind::Call(self.to),
            value: U256::ZERO,
            access_list: Default::default(),
            input: self.input.clone(),
        };
        let signature = self.key.sign_digest(transaction.signature_hash()).map_err(|error| error.to_string())?;
        let signature = Signature::from_raw(&signature).map_err(|error| error.to_string())?;
        let signed = transaction.into_signed(signature);
        Ok(SignedTransaction { hash: *signed.hash(), raw: signed.encoded_2718().into() })
    }
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::SolError;

    use super::*;

    #[test]
    fn only_an_expired_receipt_is_refused_for_ever() {
        let expired = AITokenMinter::ReceiptExpired {
            receiptHash: alloy_primitives::B256::ZERO,
            expiresAt: U256::from(5),
            timestamp: U256::from(9),
        };
        let refused = refusal(&expired.abi_encode());
        assert_eq!(refused.lasts, RefusalLasts::ForEver);
        assert!(refused.reason.contains("expired at 5"), "{}", refused.reason);
        let paused = refusal(&AITokenMinter::EnforcedPause {}.abi_encode());
        assert_eq!(paused.lasts, RefusalLasts::ForATime);
        assert_eq!(refusal(&[]).lasts, RefusalLasts::Unknown);
    }
}
