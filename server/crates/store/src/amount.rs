//! How an amount is stored: whole AIT in one column and the remaining attoAIT in a second one.
//!
//! An amount has up to 128 bits, and the integers of both databases have 64. Two of them sort, compare and add exactly
//! in either database; a decimal text does not add, and SQLite turns a `NUMERIC` beyond 64 bits into a float.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{EntityTrait, UpdateMany};
use shared::amount::{ATTO_PER_AIT, Amount};

use crate::StoreError;
use crate::columns::from_i64;

/// Largest amount of one row. Nine million of them add up without an overflow.
const ROW_MAX_AIT: u64 = 1_000_000_000_000;

/// [`ATTO_PER_AIT`] in a column: it is below 2^63.
const STORED_ATTO_PER_AIT: i64 = 1_000_000_000_000_000_000;

/// AttoAIT in one microAIT, in which quotas are counted. An `i64` holds nine million million AIT of them.
const ATTO_PER_MICRO_AIT: u128 = 1_000_000_000_000;

/// An amount of a quota in one column, rounded up: what is counted is never less than what is minted.
pub(crate) fn micro_ait(amount: Amount) -> i64 {
    i64::try_from(amount.atto().div_ceil(ATTO_PER_MICRO_AIT)).unwrap_or(i64::MAX)
}

pub(crate) fn micro_ait_amount(micro_ait: i64) -> Amount {
    Amount::from_atto(u128::from(from_i64(micro_ait)) * ATTO_PER_MICRO_AIT)
}

/// An amount as its two columns have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredAmount {
    pub(crate) ait: i64,
    /// Below 10^18.
    pub(crate) atto: i64,
}

impl StoredAmount {
    pub(crate) fn new(what: &'static str, amount: Amount) -> Result<Self, StoreError> {
        let (ait, atto) = (amount.atto() / ATTO_PER_AIT, amount.atto() % ATTO_PER_AIT);
        if ait > u128::from(ROW_MAX_AIT) {
            return Err(StoreError::TooLarge { what, bound: ROW_MAX_AIT, value: amount.to_string() });
        }
        let column = |part| i64::try_from(part).map_err(|error| StoreError::corrupt(what, error));
        Ok(Self { ait: column(ait)?, atto: column(atto)? })
    }

    pub(crate) fn amount(self) -> Amount {
        Amount::from_atto(u128::from(from_i64(self.ait)) * ATTO_PER_AIT + u128::from(from_i64(self.atto)))
    }
}

/// Adds to a stored sum in the database.
pub(crate) fn add<E: EntityTrait>(
    update: UpdateMany<E>,
    (ait, atto): (E::Column, E::Column),
    amount: StoredAmount,
) -> UpdateMany<E> {
    let sum = || Expr::col(atto).add(amount.atto);
    let carries = || sum().gte(STORED_ATTO_PER_AIT);
    let carried = |then: i64| Expr::case(carries(), then).finally(0_i64);
    update
        .col_expr(ait, Expr::col(ait).add(amount.ait).add(carried(1)))
        .col_expr(atto, sum().sub(carried(STORED_ATTO_PER_AIT)))
}

/// Takes from a stored sum in the database. The caller knows that it was added before.
pub(crate) fn subtract<E: EntityTrait>(
    update: UpdateMany<E>,
    (ait, atto): (E::Column, E::Column),
    amount: StoredAmount,
) -> UpdateMany<E> {
    let borrows = || Expr::col(atto).lt(amount.atto);
    let borrowed = |then: i64| Expr::case(borrows(), then).finally(0_i64);
    update
        .col_expr(ait, Expr::col(ait).sub(amount.ait).sub(borrowed(1)))
        .col_expr(atto, Expr::col(atto).sub(amount.atto).add(borrowed(STORED_ATTO_PER_AIT)))
}
