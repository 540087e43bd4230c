use alloy_primitives::Address;
use chain::TransactionError;

/// Why the pool refuses a transaction. The wording follows Ethereum's clients, since wallets look for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The same transaction is already waiting.
    #[error("already known")]
    AlreadyKnown,
    /// The transaction cannot run on the sender's account.
    #[error(transparent)]
    Invalid(#[from] TransactionError),
    /// Another transaction holds the nonce, and this one does not offer enough more to replace it.
    #[error("replacement transaction underpriced: both fee caps must rise by {percent} % or more")]
    ReplacementUnderpriced {
        /// The least rise, in percent.
        percent: u64,
    },
    /// Too far ahead of the sender's next nonce.
    #[error("nonce too high: next nonce {expected}, tx nonce {given}, at most {limit} ahead")]
    NonceGap {
        /// Nonce of the transaction.
        given: u64,
        /// The sender's next nonce.
        expected: u64,
        /// How far ahead a nonce may be.
        limit: u64,
    },
    /// One sender holds too many places.
    #[error("account limit exceeded: {sender} has {limit} waiting transactions")]
    SenderFull {
        /// The sender.
        sender: Address,
        /// The bound.
        limit: usize,
    },
    /// The pool is full of transactions with higher priority.
    #[error("txpool is full: limit {limit} {what}")]
    Full {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The transactions of all senders together arrive too fast.
    #[error("too many transactions: all senders together may send {per_second} bytes a second, try again later")]
    ArrivalRate {
        /// The bound, in bytes.
        per_second: u64,
    },
    /// The sender has asked for more gas than one account may in a minute while gas is free.
    #[error("gas allowance exceeded: {sender} may ask for {limit} gas a minute; stake raises it")]
    GasAllowance {
        /// The sender.
        sender: Address,
        /// The bound, in gas.
        limit: u64,
    },
}

impl PoolError {
    /// Whether the same transaction may be taken later, without being changed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::SenderFull { .. }
                | Self::Full { .. }
                | Self::GasAllowance { .. }
                | Self::ArrivalRate { .. }
                | Self::NonceGap { .. }
        )
    }
}
