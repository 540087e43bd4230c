//! Traders as the desk knows them: what the contract holds for each, and what it may sign next.

use std::collections::{BTreeSet, HashMap};

use exchange::limits::ASSETS_MAX;
use exchange::{AccountId, AssetId};
use shared::Address;
use store::record::exchange::TraderRecord;
use trading::Owed;

/// Most accounts of the book.
pub(super) const ACCOUNTS_MAX: usize = exchange::limits::ACCOUNTS_MAX;

#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) id: AccountId,
    pub(super) address: Address,
    /// The highest nonce that was taken, of orders and withdrawals.
    pub(super) last_nonce: u64,
    /// Orders below it are refused.
    pub(super) newest_epoch: u64,
    /// From when on the trader may leave alone, in Unix seconds, once it asked for that.
    pub(super) exit_at: Option<u64>,
    /// What the contract holds, after the last block that the desk has read.
    pub(super) in_contract: [u128; ASSETS_MAX],
    /// What waits for the chain.
    pub(super) owed: [Owed; ASSETS_MAX],
    pub(super) orders: BTreeSet<u64>,
    pub(super) withdrawals_waiting: usize,
}

impl Account {
    fn new(record: TraderRecord) -> Self {
        Self {
            id: AccountId(record.account),
            address: record.address,
            last_nonce: record.last_nonce,
            newest_epoch: 0,
            exit_at: None,
            in_contract: [0; ASSETS_MAX],
            owed: [Owed::default(); ASSETS_MAX],
            orders: BTreeSet::new(),
            withdrawals_waiting: 0,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// By their numbers.
    list: Vec<Account>,
    by_address: HashMap<Address, AccountId>,
}

impl Accounts {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Takes the next number for a trader; nothing where it has one, or none is left.
    pub(super) fn admit(&mut self, address: Address) -> Option<TraderRecord> {
        let account = u32::try_from(self.list.len()).ok().filter(|_| self.list.len() < ACCOUNTS_MAX)?;
        let record = TraderRecord { account, address, last_nonce: 0 };
        self.restore(record).then_some(record)
    }

    /// Takes a trader as it was stored; false where its number is not the next one.
    pub(super) fn restore(&mut self, record: TraderRecord) -> bool {
        if record.account as usize != self.list.len() || self.by_address.contains_key(&record.address) {
            return false;
        }
        let account = Account::new(record);
        self.by_address.insert(record.address, account.id);
        self.list.push(account);
        true
    }

    pub(super) fn id_of(&self, address: Address) -> Option<AccountId> {
        self.by_address.get(&address).copied()
    }

    pub(super) fn of(&self, address: Address) -> Option<&Account> {
        self.get(self.id_of(address)?)
    }

    pub(super) fn get(&self, id: AccountId) -> Option<&Account> {
        self.list.get(id.0 as usize)
    }

    pub(super) fn get_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.list.get_mut(id.0 as usize)
    }

    /// Adds what waits for the chain to a balance.
    pub(super) fn owe(&mut self, id: AccountId, asset: AssetId, owed: Owed) {
        if let Some(balance) = self.get_mut(id).and_then(|account| account.owed.get_mut(usize::from(asset.0))) {
            *balance = balance.plus(owed);
        }
    }

    /// Takes it off again.
    pub(super) fn no_longer_owe(&mut self, id: AccountId, asset: AssetId, owed: Owed) {
        if let Some(balance) = self.get_mut(id).and_then(|account| account.owed.get_mut(usize::from(asset.0))) {
            *balance = balance.minus(owed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trader_has_one_number_and_the_next_one_the_next() {
        let mut accounts = Accounts::default();
        let (one, two) = (Address::repeat_byte(1), Address::repeat_byte(2));
        assert_eq!(accounts.admit(one).map(|record| record.account), Some(0));
        assert_eq!(accounts.admit(two).map(|record| record.account), Some(1));
        assert!(accounts.admit(one).is_none() && accounts.len() == 2);
        assert_eq!((accounts.id_of(two), accounts.id_of(Address::ZERO)), (Some(AccountId(1)), None));
        assert!(!accounts.restore(TraderRecord { account: 5, address: Address::ZERO, last_nonce: 0 }));
    }
}
