//! The second factor of an account: begun, confirmed, asked for and taken away. What a code does and that it is used up are
//! one transaction, so that it does it once.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, UpdateMany,
};
use shared::Address;
use shared::digest::Sha256Digest;
use shared::id::SessionId;
use shared::time::UnixMillis;

use super::sessions::{make_room, open_sessions};
use super::{Change, Transaction};
use crate::columns::{stored_millis, to_i64};
use crate::entity::second_factor::{ActiveModel, Column, Entity};
use crate::entity::{recovery_code, session};
use crate::record::{CodeTries, UsedCode};
use crate::{Refusal, StoreError};

/// A secret was made, and waits for its first code. It takes the place of one that waited before.
#[derive(Debug, Clone)]
pub struct BeginSecondFactor {
    pub address: Address,
    /// Encrypted by the hub.
    pub sealed_secret: String,
    pub at: UnixMillis,
    /// Second factors of all accounts, those that wait among them.
    pub most_in_total: u64,
}

#[async_trait]
impl Change for BeginSecondFactor {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        if has_second_factor(transaction, self.address).await? {
            return Err(StoreError::Refused(Refusal::SecondFactorOn));
        }
        let others = Entity::find().filter(Column::Address.ne(self.address.to_string()));
        if others.count(transaction.connection).await? >= self.most_in_total {
            return Err(StoreError::Refused(Refusal::TooManySecondFactors { most: self.most_in_total }));
        }
        let row = ActiveModel {
            address: Set(self.address.to_string()),
            sealed_secret: Set(self.sealed_secret.clone()),
            begun_at_unix_ms: Set(stored_millis(self.at)),
            confirmed_at_unix_ms: Set(None),
            last_used_step: Set(None),
            wrong_codes: Set(0),
            blocked_until_unix_ms: Set(0),
        };
        let anew = OnConflict::column(Column::Address)
            .update_columns([
                Column::SealedSecret,
                Column::BegunAtUnixMs,
                Column::WrongCodes,
                Column::BlockedUntilUnixMs,
            ])
            .action_and_where(Expr::col((Entity, Column::ConfirmedAtUnixMs)).is_null())
            .to_owned();
        // Another hub may have confirmed the one before since it was looked for above.
        match Entity::insert(row).on_conflict(anew).exec_without_returning(transaction.connection).await? {
            0 => Err(StoreError::Refused(Refusal::SecondFactorOn)),
            _ => Ok(()),
        }
    }
}

/// The first code came. From now on each sign-in needs one, and the sessions that began without one end.
#[derive(Debug, Clone)]
pub struct ConfirmSecondFactor {
    pub address: Address,
    /// When the secret that the code is of was made.
    pub begun_at: UnixMillis,
    /// Of the first code, which counts no other time.
    pub step: u64,
    /// Hashes of the recovery codes.
    pub recovery: Vec<Sha256Digest>,
    /// The session that confirms, and stays.
    pub session: SessionId,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for ConfirmSecondFactor {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let confirmed = Entity::update_many()
            .col_expr(Column::ConfirmedAtUnixMs, Expr::value(stored_millis(self.at)))
            .col_expr(Column::LastUsedStep, Expr::value(to_i64(self.step)))
            .filter(Column::Address.eq(self.address.to_string()))
            .filter(Column::BegunAtUnixMs.eq(stored_millis(self.begun_at)))
            .filter(Column::ConfirmedAtUnixMs.is_null())
            .exec(transaction.connection)
            .await?;
        if confirmed.rows_affected == 0 {
            let first = self.recovery.first().map(|hash| (self.address.to_string(), hash.to_string()));
            let Some(first) = first else { return Err(StoreError::Refused(Refusal::NoSecondFactorBegun)) };
            let own = recovery_code::Entity::find_by_id(first).one(transaction.connection).await?;
            // Its own codes: it was stored before, and nobody had the answer yet.
            return own.map(|_| ()).ok_or(StoreError::Refused(Refusal::NoSecondFactorBegun));
        }
        let rows = self.recovery.iter().map(|hash| recovery_code::ActiveModel {
            address: Set(self.address.to_string()),
            code_sha256: Set(hash.to_string()),
        });
        recovery_code::Entity::insert_many(rows).exec_without_returning(transaction.connection).await?;
        end_sessions(transaction, self.address, session::Column::Id.ne(self.session.to_string()), self.at).await
    }
}

/// A code is about to be checked, and counts as wrong until it was right. So many codes at once are no more tries than one
/// after the other.
#[derive(Debug, Clone, Copy)]
pub struct CountCodeTry {
    pub address: Address,
    /// As the caller read them.
    pub before: CodeTries,
    pub after: CodeTries,
}

#[async_trait]
impl Change for CountCodeTry {
    /// Whether nobody else tried meanwhile.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let update = set_tries(Entity::update_many(), self.after)
            .filter(Column::Address.eq(self.address.to_string()))
            .filter(Column::WrongCodes.eq(i64::from(self.before.wrong)))
            .filter(Column::BlockedUntilUnixMs.eq(stored_millis(self.before.blocked_until)));
        Ok(update.exec(transaction.connection).await?.rows_affected == 1)
    }
}

/// A right code completes a session that awaits one.
#[derive(Debug, Clone, Copy)]
pub struct GiveCode {
    pub address: Address,
    pub used: UsedCode,
    pub session: SessionId,
    pub at: UnixMillis,
    /// Sessions of the wallet with this one.
    pub most: usize,
}

#[async_trait]
impl Change for GiveCode {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use_up(transaction, self.address, self.used).await?;
        let completed = session::Entity::update_many()
            .col_expr(session::Column::AwaitsCode, Expr::value(false))
            .filter(session::Column::Id.eq(self.session.to_string()))
            .filter(session::Column::Address.eq(self.address.to_string()))
            .filter(session::Column::AwaitsCode.eq(true))
            .filter(session::Column::EndedAtUnixMs.is_null())
            .exec(transaction.connection)
            .await?;
        if completed.rows_affected == 0 {
            return Err(StoreError::Refused(Refusal::NoCodeAwaited));
        }
        make_room(transaction, open_sessions(self.address, false, self.at), self.most, self.at).await
    }
}

/// A right code takes the second factor away.
#[derive(Debug, Clone, Copy)]
pub struct RemoveSecondFactor {
    pub address: Address,
    pub used: UsedCode,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for RemoveSecondFactor {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use_up(transaction, self.address, self.used).await?;
        remove(transaction, self.address, self.at).await?;
        Ok(())
    }
}

/// The operator takes the second factor away from somebody who lost the app and the recovery codes. All sessions of the
/// account end with it.
#[derive(Debug, Clone, Copy)]
pub struct ResetSecondFactor {
    pub address: Address,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for ResetSecondFactor {
    /// Whether the account had one.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        end_sessions(transaction, self.address, session::Column::AwaitsCode.eq(false), self.at).await?;
        remove(transaction, self.address, self.at).await
    }
}

/// Whether sign-ins of the account need a code.
pub(super) async fn has_second_factor(transaction: &Transaction<'_>, address: Address) -> Result<bool, StoreError> {
    let row = Entity::find_by_id(address.to_string()).one(transaction.connection).await?;
    Ok(row.is_some_and(|row| row.confirmed_at_unix_ms.is_some()))
}

/// Those that never got their first code.
pub(super) async fn forget_unconfirmed(transaction: &Transaction<'_>, before: UnixMillis) -> Result<u64, StoreError> {
    let forgotten = Entity::delete_many()
        .filter(Column::ConfirmedAtUnixMs.is_null())
        .filter(Column::BegunAtUnixMs.lt(stored_millis(before)))
        .exec(transaction.connection)
        .await?;
    Ok(forgotten.rows_affected)
}

/// Uses a code up, and forgets the wrong ones before it.
async fn use_up(transaction: &Transaction<'_>, address: Address, used: UsedCode) -> Result<(), StoreError> {
    let own = Entity::update_many()
        .filter(Column::Address.eq(address.to_string()))
        .filter(Column::ConfirmedAtUnixMs.is_not_null());
    let own = set_tries(own, CodeTries::default());
    let is_fresh = match used {
        UsedCode::Step(step) => {
            let unused =
                Condition::any().add(Column::LastUsedStep.is_null()).add(Column::LastUsedStep.lt(to_i64(step)));
            let update = own.col_expr(Column::LastUsedStep, Expr::value(to_i64(step))).filter(unused);
            update.exec(transaction.connection).await?.rows_affected == 1
        }
        UsedCode::Recovery(hash) => {
            let key = (address.to_string(), hash.to_string());
            let deleted = recovery_code::Entity::delete_by_id(key).exec(transaction.connection).await?;
            own.exec(transaction.connection).await?.rows_affected == 1 && deleted.rows_affected == 1
        }
    };
    if is_fresh { Ok(()) } else { Err(StoreError::Refused(Refusal::CodeUsed)) }
}

/// The sessions that await a code go with it: nothing will ever complete them.
async fn remove(transaction: &Transaction<'_>, address: Address, at: UnixMillis) -> Result<bool, StoreError> {
    let removed = Entity::delete_by_id(address.to_string()).exec(transaction.connection).await?;
    recovery_code::Entity::delete_many()
        .filter(recovery_code::Column::Address.eq(address.to_string()))
        .exec(transaction.connection)
        .await?;
    end_sessions(transaction, address, session::Column::AwaitsCode.eq(true), at).await?;
    Ok(removed.rows_affected == 1)
}

async fn end_sessions(
    transaction: &Transaction<'_>,
    address: Address,
    which: SimpleExpr,
    at: UnixMillis,
) -> Result<(), StoreError> {
    session::Entity::update_many()
        .col_expr(session::Column::EndedAtUnixMs, Expr::value(stored_millis(at)))
        .filter(session::Column::Address.eq(address.to_string()))
        .filter(session::Column::EndedAtUnixMs.is_null())
        .filter(which)
        .exec(transaction.connection)
        .await?;
    Ok(())
}

fn set_tries(update: UpdateMany<Entity>, tries: CodeTries) -> UpdateMany<Entity> {
    update
        .col_expr(Column::WrongCodes, Expr::value(i64::from(tries.wrong)))
        .col_expr(Column::BlockedUntilUnixMs, Expr::value(stored_millis(tries.blocked_until)))
}
