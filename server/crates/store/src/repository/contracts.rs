//! Contracts whose sources are kept.

use sea_orm::EntityTrait;
use shared::{Address, Bytes};

use crate::columns::{address, from_word, hash, millis};
use crate::entity::verified_contract::{Entity, Model};
use crate::record::contracts::VerifiedContract;
use crate::{Store, StoreError};

impl Store {
    /// The sources that were kept for an address. They count only while its code has the hash that they name.
    pub async fn find_verified_contract(&self, of: Address) -> Result<Option<VerifiedContract>, StoreError> {
        let row = Entity::find_by_id(of.to_vec()).one(&self.readers).await?;
        row.map(VerifiedContract::try_from).transpose()
    }
}

impl TryFrom<Model> for VerifiedContract {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            address: address("contract", &row.address)?,
            code_hash: hash("code hash", &row.code_hash)?,
            name: row.name,
            source_file: row.source_file,
            compiler: row.compiler,
            match_kind: from_word("match", &row.match_kind)?,
            input: row.input,
            abi: row.abi,
            constructor_arguments: row.constructor_arguments.map(Bytes::from),
            verified_at: millis(row.verified_at_unix_ms),
        })
    }
}
