//! Contracts whose sources are kept.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use shared::{Address, Bytes};

use crate::columns::{address, from_word, hash, millis};
use crate::entity::verified_contract::{Column, Entity, Model};
use crate::record::contracts::{VerifiedAbi, VerifiedContract};
use crate::{Store, StoreError};

impl Store {
    /// The sources that were kept for an address. They count only while its code has the hash that they name.
    pub async fn find_verified_contract(&self, of: Address) -> Result<Option<VerifiedContract>, StoreError> {
        let row = Entity::find_by_id(of.to_vec()).one(&self.readers).await?;
        row.map(VerifiedContract::try_from).transpose()
    }

    /// The ABIs that were kept for those of these addresses that have one, in no order, without the sources, which are far
    /// longer. Each counts only while the code has the hash that it names.
    pub async fn list_verified_abis(&self, of: &[Address]) -> Result<Vec<VerifiedAbi>, StoreError> {
        if of.is_empty() {
            return Ok(Vec::new());
        }
        let query = Entity::find()
            .select_only()
            .columns([Column::Address, Column::CodeHash, Column::Abi])
            .filter(Column::Address.is_in(of.iter().map(|address| address.to_vec())));
        let rows: Vec<(Vec<u8>, Vec<u8>, String)> = query.into_tuple().all(&self.readers).await?;
        rows.into_iter().map(verified_abi).collect()
    }
}

fn verified_abi((of, code_hash, abi): (Vec<u8>, Vec<u8>, String)) -> Result<VerifiedAbi, StoreError> {
    Ok(VerifiedAbi { address: address("contract", &of)?, code_hash: hash("code hash", &code_hash)?, abi })
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
