//! The second factor of an account: begun, confirmed, asked for and taken away. What a code does and that it is used up are
//! one transaction, so that it does it once.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, UpdateMany,
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

/// How many second factors there may be.
///
/// Those that wait for their first code only take room from each other, and one network address only from itself before it
/// takes any from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondFactorLimits {
    /// That wait and were begun from one network address; the oldest of them makes room.
    pub waiting_per_network: u64,
    /// That wait; the oldest makes room.
    pub waiting: u64,
    /// Confirmed from one network address since [`SetUpFrom::since`].
    pub confirmed_per_network: u64,
    /// The same from the networks of one IPv6 site.
    pub confirmed_per_site: u64,
    /// The same from everywhere.
    pub confirmed_lately: u64,
    pub confirmed: u64,
}

/// From where a second factor is set up.
#[derive(Debug, Clone)]
pub struct SetUpFrom {
    /// Class of the network address.
    pub network: String,
    /// What the classes of its IPv6 site begin with.
    pub site_prefix: Option<String>,
    /// What was confirmed before counts for nobody's network address.
    pub since: UnixMillis,
    pub limits: SecondFactorLimits,
}

/// A secret was made, and waits for its first code. It takes the place of one that waited before.
#[derive(Debug, Clone)]
pub struct BeginSecondFactor {
    pub address: Address,
    /// Encrypted by the hub.
    pub sealed_secret: String,
    pub at: UnixMillis,
    /// Those that were begun before this wait no more.
    pub over_before: UnixMillis,
    pub from: SetUpFrom,
}

#[async_trait]
impl Change for BeginSecondFactor {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        if has_second_factor(transaction, self.address).await? {
            return Err(StoreError::Refused(Refusal::SecondFactorOn));
        }
        forget_unconfirmed(transaction, self.over_before).await?;
        check_room(transaction, self.address, &self.from).await?;
        let SecondFactorLimits { waiting_per_network, waiting, .. } = self.from.limits;
        let of_network = Column::Network.eq(&self.from.network);
        make_waiting_room(transaction, self.address, Some(of_network), waiting_per_network).await?;
        make_waiting_room(transaction, self.address, None, waiting).await?;
        let row = ActiveModel {
            address: Set(self.address.to_string()),
            sealed_secret: Set(self.sealed_secret.clone()),
            network: Set(Some(self.from.network.clone())),
            begun_at_unix_ms: Set(stored_millis(self.at)),
            confirmed_at_unix_ms: Set(None),
            last_used_step: Set(None),
            wrong_codes: Set(0),
            blocked_until_unix_ms: Set(0),
        };
        let anew = OnConflict::column(Column::Address)
            .update_columns([
                Column::SealedSecret,
                Column::Network,
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
    pub from: SetUpFrom,
}

#[async_trait]
impl Change for ConfirmSecondFactor {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        check_room(transaction, self.address, &self.from).await?;
        let confirmed = Entity::update_many()
            .col_expr(Column::Network, Expr::value(self.from.network.as_str()))
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
        note_code(transaction, self.address, self.session, UsedCode::Step(self.step)).await?;
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
        if has_given(transaction, self.address, self.session, self.used).await? {
            // It was stored before, and nobody had the answer yet.
            return Ok(());
        }
        use_up(transaction, self.address, self.used).await?;
        let completed = of_session(self.address, self.session)
            .col_expr(session::Column::GivenCode, Expr::value(code_text(self.used)))
            .filter(session::Column::GivenCode.is_null())
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
    /// The session that gives the code.
    pub session: SessionId,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for RemoveSecondFactor {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let is_off = !has_second_factor(transaction, self.address).await?;
        if is_off && has_given(transaction, self.address, self.session, self.used).await? {
            // It was stored before, and nobody had the answer yet.
            return Ok(());
        }
        use_up(transaction, self.address, self.used).await?;
        note_code(transaction, self.address, self.session, self.used).await?;
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
        // First the row, whose lock awaits a code that is just being given: its session is then seen here.
        let had_one = remove(transaction, self.address, self.at).await?;
        end_sessions(transaction, self.address, session::Column::GivenCode.is_not_null(), self.at).await?;
        Ok(had_one)
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

/// What was confirmed long ago keeps no network address.
pub(super) async fn forget_networks(transaction: &Transaction<'_>, before: UnixMillis) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Network, Expr::value(None::<String>))
        .filter(Column::ConfirmedAtUnixMs.lt(stored_millis(before)))
        .filter(Column::Network.is_not_null())
        .exec(transaction.connection)
        .await?;
    Ok(())
}

/// Whether the account may have a second factor beside those of others. Several hubs at once may each count one less than
/// there are.
async fn check_room(transaction: &Transaction<'_>, address: Address, from: &SetUpFrom) -> Result<(), StoreError> {
    let others = || {
        let others = Entity::find().filter(Column::Address.ne(address.to_string()));
        others.filter(Column::ConfirmedAtUnixMs.is_not_null())
    };
    let lately = || others().filter(Column::ConfirmedAtUnixMs.gte(stored_millis(from.since)));
    let most = from.limits.confirmed_per_network;
    if lately().filter(Column::Network.eq(&from.network)).count(transaction.connection).await? >= most {
        return Err(StoreError::Refused(Refusal::TooManySecondFactorsOfNetwork { most }));
    }
    if let Some(prefix) = &from.site_prefix {
        let most = from.limits.confirmed_per_site;
        if lately().filter(Column::Network.starts_with(prefix)).count(transaction.connection).await? >= most {
            return Err(StoreError::Refused(Refusal::TooManySecondFactorsOfSite { most }));
        }
    }
    let most = from.limits.confirmed_lately;
    if lately().count(transaction.connection).await? >= most {
        return Err(StoreError::Refused(Refusal::TooManySecondFactorsLately { most }));
    }
    let most = from.limits.confirmed;
    if others().count(transaction.connection).await? >= most {
        return Err(StoreError::Refused(Refusal::TooManySecondFactors { most }));
    }
    Ok(())
}

/// Second factors that wait and make room for one new one; one is usual.
const FORGOTTEN_AT_ONCE: u64 = 100;

/// Forgets the oldest of others that wait, so that with the account's own there are at most so many.
async fn make_waiting_room(
    transaction: &Transaction<'_>,
    address: Address,
    which: Option<SimpleExpr>,
    most: u64,
) -> Result<(), StoreError> {
    let mut others =
        Entity::find().filter(Column::Address.ne(address.to_string())).filter(Column::ConfirmedAtUnixMs.is_null());
    if let Some(which) = which {
        others = others.filter(which);
    }
    let oldest: Vec<String> = others
        .select_only()
        .column(Column::Address)
        .order_by_desc(Column::BegunAtUnixMs)
        .order_by_desc(Column::Address)
        .offset(most.saturating_sub(1))
        .limit(FORGOTTEN_AT_ONCE)
        .into_tuple()
        .all(transaction.connection)
        .await?;
    if oldest.is_empty() {
        return Ok(());
    }
    Entity::delete_many()
        .filter(Column::Address.is_in(oldest))
        .filter(Column::ConfirmedAtUnixMs.is_null())
        .exec(transaction.connection)
        .await?;
    Ok(())
}

/// A code as a session's row has it.
fn code_text(used: UsedCode) -> String {
    match used {
        UsedCode::Step(step) => format!("step {step}"),
        UsedCode::Recovery(hash) => format!("recovery {hash}"),
    }
}

fn of_session(address: Address, id: SessionId) -> UpdateMany<session::Entity> {
    session::Entity::update_many()
        .filter(session::Column::Id.eq(id.to_string()))
        .filter(session::Column::Address.eq(address.to_string()))
}

/// The session gave this code last.
async fn note_code(
    transaction: &Transaction<'_>,
    address: Address,
    id: SessionId,
    used: UsedCode,
) -> Result<(), StoreError> {
    let noted = of_session(address, id).col_expr(session::Column::GivenCode, Expr::value(code_text(used)));
    noted.exec(transaction.connection).await?;
    Ok(())
}

/// Whether this code is what the session gave last.
async fn has_given(
    transaction: &Transaction<'_>,
    address: Address,
    id: SessionId,
    used: UsedCode,
) -> Result<bool, StoreError> {
    let row = session::Entity::find_by_id(id.to_string()).one(transaction.connection).await?;
    Ok(row.is_some_and(|row| row.address == address.to_string() && row.given_code == Some(code_text(used))))
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

/// The sessions that await a code go with it: they would do without one now.
async fn remove(transaction: &Transaction<'_>, address: Address, at: UnixMillis) -> Result<bool, StoreError> {
    let removed = Entity::delete_by_id(address.to_string()).exec(transaction.connection).await?;
    recovery_code::Entity::delete_many()
        .filter(recovery_code::Column::Address.eq(address.to_string()))
        .exec(transaction.connection)
        .await?;
    end_sessions(transaction, address, session::Column::GivenCode.is_null(), at).await?;
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
