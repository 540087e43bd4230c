use std::collections::BTreeMap;

use alloy_primitives::Address;

use crate::receipt::TransactionReceipt;
use crate::transaction::SignedTransaction;

/// The parts an address plays in one transaction, as the history of an address lists them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionRoles(u8);

impl TransactionRoles {
    const SENDER: u8 = 1;
    const RECIPIENT: u8 = 2;
    const CREATED: u8 = 4;
    const EMITTER: u8 = 8;
    const NAMED: u8 = 16;

    /// Every address that a transaction concerns. An indexed log parameter counts as an address when its upper
    /// twelve bytes are zero and the rest is not: a heuristic that lists too much rather than too little.
    pub(crate) fn of(transaction: &SignedTransaction, receipt: &TransactionReceipt) -> BTreeMap<Address, Self> {
        let mut roles: BTreeMap<Address, Self> = BTreeMap::new();
        let mut add = |address: Address, role: u8| roles.entry(address).or_default().0 |= role;
        add(transaction.sender(), Self::SENDER);
        if let Some(to) = transaction.to() {
            add(to, Self::RECIPIENT);
        }
        if let Some(created) = receipt.contract_address {
            add(created, Self::CREATED);
        }
        for log in &receipt.logs {
            add(log.address, Self::EMITTER);
            for topic in log.topics().iter().skip(1) {
                let address = Address::from_word(*topic);
                if topic[..12] == [0; 12] && address != Address::ZERO {
                    add(address, Self::NAMED);
                }
            }
        }
        roles
    }

    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The address signed the transaction.
    #[must_use]
    pub fn is_sender(self) -> bool {
        self.0 & Self::SENDER != 0
    }

    /// The address was called.
    #[must_use]
    pub fn is_recipient(self) -> bool {
        self.0 & Self::RECIPIENT != 0
    }

    /// The transaction created the contract at this address.
    #[must_use]
    pub fn is_created(self) -> bool {
        self.0 & Self::CREATED != 0
    }

    /// The address emitted an event.
    #[must_use]
    pub fn is_emitter(self) -> bool {
        self.0 & Self::EMITTER != 0
    }

    /// An event names the address as an indexed parameter, as a token's `Transfer` does.
    #[must_use]
    pub fn is_named(self) -> bool {
        self.0 & Self::NAMED != 0
    }
}
