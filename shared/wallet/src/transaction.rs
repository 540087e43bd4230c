//! Transactions of the three types that wallets send: legacy (EIP-155), with an access list (EIP-2930) and with a fee
//! market (EIP-1559). They are built, signed, and read back from their bytes.

use alloy_consensus::transaction::SignerRecoverable as _;
use alloy_consensus::{
    EthereumTxEnvelope, SignableTransaction, Signed, TxEip1559, TxEip2930, TxEip4844, TxLegacy, TypedTransaction,
};
use alloy_eips::eip2718::{Decodable2718 as _, Encodable2718 as _};
pub use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Signature, TxKind};
use shared::signing::{PrivateKey, SignatureError};
use shared::{Address, B256, Bytes, U256};

/// Most bytes of a signed transaction. Nodes take no larger ones.
pub const RAW_MAX_BYTES: usize = 128 << 10;

/// What a transaction pays, which also decides its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fees {
    Legacy { gas_price: u128 },
    AccessList { gas_price: u128, access_list: AccessList },
    Market { max_fee_per_gas: u128, max_priority_fee_per_gas: u128, access_list: AccessList },
}

impl Fees {
    /// A fee market's transaction that pays nothing, as on a chain where gas is free.
    pub fn free() -> Self {
        Self::Market { max_fee_per_gas: 0, max_priority_fee_per_gas: 0, access_list: AccessList::default() }
    }

    /// The most that one unit of gas can cost.
    pub const fn most_per_gas(&self) -> u128 {
        match self {
            Self::Legacy { gas_price } | Self::AccessList { gas_price, .. } => *gas_price,
            Self::Market { max_fee_per_gas, .. } => *max_fee_per_gas,
        }
    }
}

/// A transaction before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    pub chain_id: u64,
    pub nonce: u64,
    pub gas_limit: u64,
    /// `None` makes a contract of `input`.
    pub to: Option<Address>,
    /// In the chain's own coin, not in AIT.
    pub value: U256,
    pub input: Bytes,
    pub fees: Fees,
}

/// A signed transaction as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTransaction {
    pub hash: B256,
    pub raw: Bytes,
}

/// Why bytes are no signed transaction of these types, or a transaction cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    #[error("a signed transaction has up to {RAW_MAX_BYTES} bytes, got {0}")]
    TooLong(usize),
    #[error("the bytes are no signed transaction: {0}")]
    Malformed(String),
    #[error("bytes follow behind the transaction: {0}")]
    Trailing(usize),
    #[error("a transaction of type {0} is not read here, only the types 0, 1 and 2")]
    Type(u8),
    #[error("the transaction names no chain, so anybody could send it on every chain (EIP-155)")]
    NoChain,
    #[error("max_priority_fee_per_gas is up to max_fee_per_gas {most}, got {got}")]
    PriorityFee { most: u128, got: u128 },
    #[error("the transaction's signature names no sender")]
    NoSender,
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl Transaction {
    pub fn sign(&self, key: &PrivateKey) -> Result<SignedTransaction, TransactionError> {
        let unsigned = self.typed()?;
        let signature = key.sign_digest(unsigned.signature_hash())?;
        let signature =
            Signature::from_raw(&signature).map_err(|error| TransactionError::Malformed(error.to_string()))?;
        let signed: EthereumTxEnvelope<TxEip4844> = unsigned.into_signed(signature).into();
        Ok(SignedTransaction { hash: *signed.tx_hash(), raw: signed.encoded_2718().into() })
    }

    /// The most that the gas can cost, in the smallest units of the chain's own coin.
    pub fn most_fee(&self) -> U256 {
        U256::from(self.gas_limit) * U256::from(self.fees.most_per_gas())
    }

    /// Reads a signed transaction and recovers who signed it.
    pub fn decode(raw: &[u8]) -> Result<(Self, Address), TransactionError> {
        if raw.len() > RAW_MAX_BYTES {
            return Err(TransactionError::TooLong(raw.len()));
        }
        let mut rest = raw;
        let envelope = EthereumTxEnvelope::<TxEip4844>::decode_2718(&mut rest)
            .map_err(|error| TransactionError::Malformed(error.to_string()))?;
        if !rest.is_empty() {
            return Err(TransactionError::Trailing(rest.len()));
        }
        let transaction = match &envelope {
            EthereumTxEnvelope::Legacy(signed) => Self::from_legacy(signed)?,
            EthereumTxEnvelope::Eip2930(signed) => Self::from(signed.tx().clone()),
            EthereumTxEnvelope::Eip1559(signed) => Self::from(signed.tx().clone()),
            other => return Err(TransactionError::Type(other.tx_type().into())),
        };
        let sender = envelope.recover_signer().map_err(|_| TransactionError::NoSender)?;
        Ok((transaction, sender))
    }

    fn typed(&self) -> Result<TypedTransaction, TransactionError> {
        let (chain_id, nonce, gas_limit) = (self.chain_id, self.nonce, self.gas_limit);
        let (to, value, input) = (TxKind::from(self.to), self.value, self.input.clone());
        Ok(match &self.fees {
            Fees::Legacy { gas_price } => {
                let (chain_id, gas_price) = (Some(chain_id), *gas_price);
                TypedTransaction::Legacy(TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input })
            }
            Fees::AccessList { gas_price, access_list } => {
                let (gas_price, access_list) = (*gas_price, access_list.clone());
                TypedTransaction::Eip2930(TxEip2930 {
                    chain_id,
                    nonce,
                    gas_price,
                    gas_limit,
                    to,
                    value,
                    access_list,
                    input,
                })
            }
            Fees::Market { max_fee_per_gas, max_priority_fee_per_gas, access_list } => {
                let (most, got) = (*max_fee_per_gas, *max_priority_fee_per_gas);
                if got > most {
                    return Err(TransactionError::PriorityFee { most, got });
                }
                TypedTransaction::Eip1559(TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: most,
                    max_priority_fee_per_gas: got,
                    to,
                    value,
                    access_list: access_list.clone(),
                    input,
                })
            }
        })
    }

    fn from_legacy(signed: &Signed<TxLegacy>) -> Result<Self, TransactionError> {
        let TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input } = signed.tx().clone();
        let chain_id = chain_id.ok_or(TransactionError::NoChain)?;
        let fees = Fees::Legacy { gas_price };
        Ok(Self { chain_id, nonce, gas_limit, to: to.into_to(), value, input, fees })
    }
}

impl From<TxEip2930> for Transaction {
    fn from(transaction: TxEip2930) -> Self {
        let TxEip2930 { chain_id, nonce, gas_price, gas_limit, to, value, access_list, input } = transaction;
        let fees = Fees::AccessList { gas_price, access_list };
        Self { chain_id, nonce, gas_limit, to: to.into_to(), value, input, fees }
    }
}

impl From<TxEip1559> for Transaction {
    fn from(transaction: TxEip1559) -> Self {
        let TxEip1559 { chain_id, nonce, gas_limit, max_fee_per_gas, max_priority_fee_per_gas, .. } = transaction;
        let (to, value, input) = (transaction.to.into_to(), transaction.value, transaction.input);
        let fees = Fees::Market { max_fee_per_gas, max_priority_fee_per_gas, access_list: transaction.access_list };
        Self { chain_id, nonce, gas_limit, to, value, input, fees }
    }
}
