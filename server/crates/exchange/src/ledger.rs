//! Who has how much of which asset, and how much of it open orders may hand over.
//!
//! For each asset, what is free, reserved and taken as fees adds up to deposits less withdrawals. The crate is compiled
//! with checks of overflow in release as well, so a fault stops the exchange instead of making money.

use crate::limits::{ACCOUNTS_MAX, ASSETS_MAX, DEPOSITED_UNITS_MAX};
use crate::quantity::{AccountId, AssetId, Units};
use crate::reason::Reason;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    pub free: Units,
    /// What open orders of the account may hand over.
    pub reserved: Units,
}

impl Balance {
    pub(crate) const ZERO: Self = Self { free: Units::ZERO, reserved: Units::ZERO };
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// One row for each account up to the highest that ever deposited.
    pub(crate) rows: Vec<[Balance; ASSETS_MAX]>,
    /// Fees taken so far.
    pub(crate) fees: [Units; ASSETS_MAX],
    /// Deposits less withdrawals.
    pub(crate) deposited: [Units; ASSETS_MAX],
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self { rows: Vec::new(), fees: [Units::ZERO; ASSETS_MAX], deposited: [Units::ZERO; ASSETS_MAX] }
    }

    pub(crate) fn knows(&self, account: AccountId) -> bool {
        index(account) < self.rows.len()
    }

    pub(crate) fn balance(&self, account: AccountId, asset: AssetId) -> Option<Balance> {
        self.rows.get(index(account))?.get(usize::from(asset.0)).copied()
    }

    /// Makes room for the account if it is new.
    pub(crate) fn deposit(&mut self, account: AccountId, asset: AssetId, amount: Units) -> Result<(), Reason> {
        check_amount(asset, amount)?;
        if index(account) >= ACCOUNTS_MAX {
            return Err(Reason::AccountOutOfRange(account));
        }
        let deposited = &mut self.deposited[usize::from(asset.0)];
        let sum = deposited.0.checked_add(amount.0).filter(|sum| *sum <= DEPOSITED_UNITS_MAX);
        deposited.0 = sum.ok_or(Reason::DepositTooLarge)?;
        if !self.knows(account) {
            self.rows.resize(index(account) + 1, [Balance::ZERO; ASSETS_MAX]);
        }
        self.row(account, asset).free.0 += amount.0;
        Ok(())
    }

    pub(crate) fn withdraw(&mut self, account: AccountId, asset: AssetId, amount: Units) -> Result<(), Reason> {
        check_amount(asset, amount)?;
        if !self.knows(account) {
            return Err(Reason::UnknownAccount(account));
        }
        self.check_free(account, asset, amount)?;
        self.row(account, asset).free.0 -= amount.0;
        self.deposited[usize::from(asset.0)].0 -= amount.0;
        Ok(())
    }

    pub(crate) fn check_free(&self, account: AccountId, asset: AssetId, needed: Units) -> Result<(), Reason> {
        let free = self.balance(account, asset).unwrap_or(Balance::ZERO).free;
        if needed > free { Err(Reason::InsufficientBalance { asset, needed, free }) } else { Ok(()) }
    }

    /// After [`Self::check_free`].
    pub(crate) fn reserve(&mut self, account: AccountId, asset: AssetId, amount: Units) {
        let balance = self.row(account, asset);
        balance.free.0 -= amount.0;
        balance.reserved.0 += amount.0;
    }

    pub(crate) fn release(&mut self, account: AccountId, asset: AssetId, amount: Units) {
        let balance = self.row(account, asset);
        balance.reserved.0 -= amount.0;
        balance.free.0 += amount.0;
    }

    /// One side of a trade: takes what was reserved, hands `paid` of it to the other side and the rest back.
    pub(crate) fn pay(&mut self, account: AccountId, asset: AssetId, reserved: Units, paid: Units) {
        let balance = self.row(account, asset);
        balance.reserved.0 -= reserved.0;
        balance.free.0 += reserved.0 - paid.0;
    }

    /// The other side of a trade: what the account receives, less its fee.
    pub(crate) fn receive(&mut self, account: AccountId, asset: AssetId, received: Units, fee: Units) {
        self.row(account, asset).free.0 += received.0 - fee.0;
        self.fees[usize::from(asset.0)].0 += fee.0;
    }

    /// Accounts and assets are checked before an order is taken.
    fn row(&mut self, account: AccountId, asset: AssetId) -> &mut Balance {
        &mut self.rows[index(account)][usize::from(asset.0)]
    }
}

fn check_amount(asset: AssetId, amount: Units) -> Result<(), Reason> {
    if usize::from(asset.0) >= ASSETS_MAX {
        return Err(Reason::AssetOutOfRange(asset));
    }
    if amount == Units::ZERO { Err(Reason::AmountIsZero) } else { Ok(()) }
}

pub(crate) fn index(account: AccountId) -> usize {
    account.0 as usize
}
