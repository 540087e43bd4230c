//! Sources of contracts.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use shared::api::contracts::MatchKind;

use super::{Change, Transaction};
use crate::columns::{from_i64, stored_millis, to_i64, word_text};
use crate::entity::verified_contract::{ActiveModel, Column, Entity};
use crate::record::contracts::VerifiedContract;
use crate::{Refusal, StoreError};

/// Keeps the sources of a contract. For the same code a full match takes the place of a partial one, and nothing else does:
/// the one who comes second could otherwise rename what is shown.
#[derive(Debug, Clone)]
pub struct KeepVerifiedContract {
    pub contract: VerifiedContract,
    /// The most bytes of all sources together.
    pub bytes_max: u64,
}

#[async_trait]
impl Change for KeepVerifiedContract {
    /// Why they were not kept. It is no error of the change: that would undo the changes of others that are committed with it.
    type Output = Option<Refusal>;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<Option<Refusal>, StoreError> {
        let contract = &self.contract;
        let key = contract.address.to_vec();
        let kept = Entity::find_by_id(key.clone()).one(transaction.connection).await?;
        if let Some(kept) = kept.map(VerifiedContract::try_from).transpose()? {
            if kept == *contract {
                return Ok(None);
            }
            let is_better = contract.match_kind == MatchKind::Full && kept.match_kind != MatchKind::Full;
            if kept.code_hash == contract.code_hash && !is_better {
                return Ok(Some(Refusal::ContractVerified));
            }
        }
        let bytes = contract.input.len().saturating_add(contract.abi.len()) as u64;
        let of_others = bytes_of_others(transaction, &key).await?;
        if of_others.saturating_add(bytes) > self.bytes_max {
            return Ok(Some(Refusal::NoRoomForSources { most: self.bytes_max }));
        }
        let row = ActiveModel {
            address: Set(key),
            code_hash: Set(contract.code_hash.to_vec()),
            name: Set(contract.name.clone()),
            source_file: Set(contract.source_file.clone()),
            compiler: Set(contract.compiler.clone()),
            match_kind: Set(word_text("match", &contract.match_kind)?),
            input: Set(contract.input.clone()),
            abi: Set(contract.abi.clone()),
            constructor_arguments: Set(contract.constructor_arguments.as_ref().map(|bytes| bytes.to_vec())),
            bytes: Set(to_i64(bytes)),
            verified_at_unix_ms: Set(stored_millis(contract.verified_at)),
        };
        use Column::{
            Abi, Bytes, CodeHash, Compiler, ConstructorArguments, Input, MatchKind as Kind, Name, SourceFile,
            VerifiedAtUnixMs,
        };
        let replaced = OnConflict::column(Column::Address)
            .update_columns([
                CodeHash,
                Name,
                SourceFile,
                Compiler,
                Kind,
                Input,
                Abi,
                ConstructorArguments,
                Bytes,
                VerifiedAtUnixMs,
            ])
            .to_owned();
        Entity::insert(row).on_conflict(replaced).exec_without_returning(transaction.connection).await?;
        Ok(None)
    }
}

async fn bytes_of_others(transaction: &Transaction<'_>, key: &[u8]) -> Result<u64, StoreError> {
    // PostgreSQL's sum of integers is a number of another type.
    let sum = Expr::col(Column::Bytes).sum().cast_as("BIGINT");
    let found = Entity::find()
        .filter(Column::Address.ne(key.to_vec()))
        .select_only()
        .expr(sum)
        .into_tuple::<Option<i64>>()
        .one(transaction.connection)
        .await?;
    Ok(found.flatten().map_or(0, from_i64))
}
