use std::sync::LazyLock;

use alloy_consensus::transaction::SignerRecoverable;
use alloy_consensus::{EthereumTxEnvelope, Transaction as _, TxEip4844, TxType};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use revm::context::TxEnv;
use revm::context_interface::cfg::GasParams;

use crate::rules::{HARD_FORK, MAX_INIT_CODE_BYTES, MAX_TRANSACTION_BYTES, TRANSACTION_GAS_CAP};

/// The transaction forms of Ethereum as alloy types them; this chain accepts the first three (legacy with EIP-155,
/// EIP-2930, EIP-1559).
pub type Envelope = EthereumTxEnvelope<TxEip4844>;

/// A transaction whose signature was checked and whose sender is therefore known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTransaction {
    envelope: Envelope,
    sender: Address,
    raw: Bytes,
}

/// Why a transaction is refused; the messages follow the wording that Ethereum's wallets recognise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// The bytes are no EIP-2718 transaction.
    #[error("transaction does not decode: {0}")]
    Malformed(String),
    /// A blob, set-code or unknown transaction.
    #[error("transaction type {0} is not supported, send type 0, 1 or 2")]
    UnsupportedType(u8),
    /// Larger than [`MAX_TRANSACTION_BYTES`].
    #[error("oversized data: transaction size {size} bytes, limit {limit} bytes")]
    Oversized {
        /// Size of the encoded transaction, in bytes.
        size: usize,
        /// The bound, in bytes.
        limit: usize,
    },
    /// A legacy transaction without replay protection.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    MissingChainId,
    /// Signed for another chain.
    #[error("invalid chain id for signer: have {given} want {expected}")]
    WrongChainId {
        /// The chain the transaction names.
        given: u64,
        /// This chain.
        expected: u64,
    },
    /// The signature is out of range, has a high s value or recovers to nothing.
    #[error("invalid sender: the signature does not recover to an address")]
    InvalidSignature,
    /// The sender has used this nonce already.
    #[error("nonce too low: next nonce {expected}, tx nonce {given}")]
    NonceTooLow {
        /// Nonce of the transaction.
        given: u64,
        /// The sender's next nonce.
        expected: u64,
    },
    /// Transactions before this one are missing.
    #[error("nonce too high: next nonce {expected}, tx nonce {given}")]
    NonceTooHigh {
        /// Nonce of the transaction.
        given: u64,
        /// The sender's next nonce.
        expected: u64,
    },
    /// EIP-2681: the largest nonce is never used.
    #[error("nonce has max value: {0}")]
    NonceMax(u64),
    /// EIP-1559: the tip may not exceed the cap.
    #[error("max priority fee per gas higher than max fee per gas: tip {tip}, cap {cap}")]
    TipAboveFeeCap {
        /// `maxPriorityFeePerGas`, in wei.
        tip: u128,
        /// `maxFeePerGas`, in wei.
        cap: u128,
    },
    /// Too little gas to even begin.
    #[error("intrinsic gas too low: have {given}, want {needed}")]
    IntrinsicGas {
        /// The transaction's gas limit.
        given: u64,
        /// What its data, access list and creation cost before the first instruction.
        needed: u64,
    },
    /// EIP-7825, or the block's own limit.
    #[error("gas limit too high: have {given}, cap {cap}")]
    GasLimitTooHigh {
        /// The transaction's gas limit.
        given: u64,
        /// The bound.
        cap: u64,
    },
    /// EIP-3860.
    #[error("max initcode size exceeded: code size {size}, limit {limit}")]
    InitCodeTooLarge {
        /// Size given, in bytes.
        size: usize,
        /// The bound, in bytes.
        limit: usize,
    },
    /// Gas is free, but the value sent has to be there.
    #[error("insufficient funds for gas * price + value: balance {balance}, tx cost {value}")]
    InsufficientFunds {
        /// What the sender has, in wei.
        balance: U256,
        /// What it would send, in wei.
        value: U256,
    },
    /// EIP-3607.
    #[error("sender not an eoa: {0} has code")]
    SenderHasCode(Address),
    /// Another rule of the EVM.
    #[error("transaction is invalid: {0}")]
    Invalid(String),
}

impl SignedTransaction {
    /// Decodes the EIP-2718 encoding that `eth_sendRawTransaction` takes, checks everything that needs no state, and
    /// recovers the sender.
    ///
    /// # Errors
    /// Any [`TransactionError`] that does not speak of the sender's account.
    pub fn decode(raw: &[u8], chain_id: u64) -> Result<Self, TransactionError> {
        if raw.len() > MAX_TRANSACTION_BYTES {
            return Err(TransactionError::Oversized { size: raw.len(), limit: MAX_TRANSACTION_BYTES });
        }
        let envelope =
            Envelope::decode_2718_exact(raw).map_err(|error| TransactionError::Malformed(error.to_string()))?;
        if matches!(envelope.tx_type(), TxType::Eip4844 | TxType::Eip7702) {
            return Err(TransactionError::UnsupportedType(envelope.tx_type().into()));
        }
        match envelope.chain_id() {
            None => return Err(TransactionError::MissingChainId),
            Some(given) if given != chain_id => {
                return Err(TransactionError::WrongChainId { given, expected: chain_id });
            }
            Some(_) => {}
        }
        check_bounds(&envelope)?;
        let sender = envelope.recover_signer().map_err(|_| TransactionError::InvalidSignature)?;
        Ok(Self { envelope, sender, raw: Bytes::copy_from_slice(raw) })
    }

    /// Rebuilds a transaction whose sender was recovered before it was stored.
    pub(crate) fn from_stored(raw: &[u8], sender: Address) -> Option<Self> {
        let envelope = Envelope::decode_2718_exact(raw).ok()?;
        Some(Self { envelope, sender, raw: Bytes::copy_from_slice(raw) })
    }

    /// A simulated call in the form of a transaction, which nobody signed.
    pub(crate) fn unsigned(envelope: Envelope, sender: Address) -> Self {
        let raw = envelope.encoded_2718().into();
        Self { envelope, sender, raw }
    }

    /// The transaction with its signature.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Keccak-256 of the encoded transaction.
    #[must_use]
    pub fn hash(&self) -> B256 {
        *self.envelope.tx_hash()
    }

    /// The account whose key signed.
    #[must_use]
    pub fn sender(&self) -> Address {
        self.sender
    }

    /// The EIP-2718 encoding.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The sender's transaction count before this transaction.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        self.envelope.nonce()
    }

    /// Gas the sender lets the transaction use.
    #[must_use]
    pub fn gas_limit(&self) -> u64 {
        self.envelope.gas_limit()
    }

    /// The most the sender would pay for each gas, in wei. Never charged while gas is free; it orders replacements.
    #[must_use]
    pub fn max_fee_per_gas(&self) -> u128 {
        self.envelope.max_fee_per_gas()
    }

    /// The tip the sender offers for each gas, in wei; the gas price of a transaction before EIP-1559.
    #[must_use]
    pub fn max_priority_fee_per_gas(&self) -> u128 {
        self.envelope.max_priority_fee_per_gas().unwrap_or_else(|| self.envelope.max_fee_per_gas())
    }

    /// Wei sent along.
    #[must_use]
    pub fn value(&self) -> U256 {
        self.envelope.value()
    }

    /// Call data, or init code.
    #[must_use]
    pub fn input(&self) -> &Bytes {
        self.envelope.input()
    }

    /// The called account, `None` for a creation.
    #[must_use]
    pub fn to(&self) -> Option<Address> {
        self.envelope.to()
    }

    /// How the EVM sees the transaction. Its gas price is 0 whatever the wallet offered: gas is free, so contracts
    /// read `GASPRICE` 0 and an account without balance can act.
    pub(crate) fn to_environment(&self) -> TxEnv {
        TxEnv {
            tx_type: self.envelope.tx_type().into(),
            caller: self.sender,
            gas_limit: self.envelope.gas_limit(),
            gas_price: 0,
            kind: self.envelope.kind(),
            value: self.envelope.value(),
            data: self.envelope.input().clone(),
            nonce: self.envelope.nonce(),
            chain_id: self.envelope.chain_id(),
            access_list: self.envelope.access_list().cloned().unwrap_or_default(),
            gas_priority_fee: self.envelope.max_priority_fee_per_gas().map(|_| 0),
            blob_hashes: Vec::new(),
            max_fee_per_blob_gas: 0,
            authorization_list: Vec::new(),
        }
    }
}

impl Encodable2718 for SignedTransaction {
    fn encode_2718_len(&self) -> usize {
        self.raw.len()
    }

    fn encode_2718(&self, out: &mut dyn alloy_rlp::BufMut) {
        out.put_slice(&self.raw);
    }
}

impl alloy_consensus::Typed2718 for SignedTransaction {
    fn ty(&self) -> u8 {
        self.envelope.tx_type().into()
    }
}

static GAS_PARAMETERS: LazyLock<GasParams> = LazyLock::new(|| GasParams::new_spec(HARD_FORK));

/// The rules that hold for a transaction whatever the state.
fn check_bounds(envelope: &Envelope) -> Result<(), TransactionError> {
    if envelope.nonce() == u64::MAX {
        return Err(TransactionError::NonceMax(u64::MAX));
    }
    if let Some(tip) = envelope.max_priority_fee_per_gas()
        && tip > envelope.max_fee_per_gas()
    {
        return Err(TransactionError::TipAboveFeeCap { tip, cap: envelope.max_fee_per_gas() });
    }
    if envelope.gas_limit() > TRANSACTION_GAS_CAP {
        return Err(TransactionError::GasLimitTooHigh { given: envelope.gas_limit(), cap: TRANSACTION_GAS_CAP });
    }
    let creates = envelope.kind() == TxKind::Create;
    if creates && envelope.input().len() > MAX_INIT_CODE_BYTES {
        return Err(TransactionError::InitCodeTooLarge { size: envelope.input().len(), limit: MAX_INIT_CODE_BYTES });
    }
    let needed = intrinsic_gas(envelope, creates);
    if envelope.gas_limit() < needed {
        return Err(TransactionError::IntrinsicGas { given: envelope.gas_limit(), needed });
    }
    Ok(())
}

/// What a transaction costs before its first instruction, with the floor of EIP-7623 for its data.
fn intrinsic_gas(envelope: &Envelope, creates: bool) -> u64 {
    let (accounts, slots) = envelope.access_list().map_or((0, 0), |list| {
        (list.len() as u64, list.iter().map(|item| item.storage_keys.len() as u64).sum::<u64>())
    });
    let gas = GAS_PARAMETERS.initial_tx_gas(envelope.input(), creates, accounts, slots, 0, None);
    gas.initial_regular_gas().max(gas.floor_gas())
}
