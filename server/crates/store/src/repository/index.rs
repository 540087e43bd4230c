//! The index: how far it is, its blocks by time, and whose transactions and contracts there are.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, Order, QueryFilter, QueryOrder, QuerySelect, RelationDef,
};
use shared::time::UnixSeconds;
use shared::{Address, B256};

use crate::columns::{address, from_i64, hash, sum, to_i64, wide};
use crate::entity::index::{block, contract, party, position, transaction};
use crate::record::index::{ContractRow, IndexPlace, IndexPosition, IndexedTransaction, TransactionRow};
use crate::{Store, StoreError};

/// Which rows of a list that is ordered by place.
#[derive(Debug, Clone, Copy)]
pub struct IndexPage {
    /// Blocks from this one up to and including that one.
    pub blocks: (u64, u64),
    /// Only rows behind this place, in the direction of the list.
    pub behind: Option<IndexPlace>,
    pub newest_first: bool,
    pub limit: u64,
}

impl IndexPage {
    /// The newest rows, or those before a place.
    pub const fn newest(behind: Option<IndexPlace>, limit: u64) -> Self {
        Self { blocks: (0, u64::MAX), behind, newest_first: true, limit }
    }

    pub(super) fn order(&self) -> Order {
        if self.newest_first { Order::Desc } else { Order::Asc }
    }

    pub(super) fn condition<C: ColumnTrait>(&self, block: C, within: C) -> Condition {
        let (first, last) = self.blocks;
        let mut all = Condition::all().add(block.gte(to_i64(first))).add(block.lte(to_i64(last)));
        if let Some(IndexPlace { block_number, within: place }) = self.behind {
            let (number, place) = (to_i64(block_number), to_i64(place));
            let same = Condition::all().add(block.eq(number));
            all = all.add(if self.newest_first {
                Condition::any().add(block.lt(number)).add(same.add(within.lt(place)))
            } else {
                Condition::any().add(block.gt(number)).add(same.add(within.gt(place)))
            });
        }
        all
    }
}

impl Store {
    /// The last block that the index has.
    pub async fn index_position(&self) -> Result<Option<IndexPosition>, StoreError> {
        let row = position::Entity::find().one(&self.readers).await?;
        row.map(|row| Ok(IndexPosition { height: from_i64(row.height), hash: hash("block hash", &row.hash)? }))
            .transpose()
    }

    /// The last block not after a time; or the first not before it.
    pub async fn block_by_time(&self, at: UnixSeconds, before: bool) -> Result<Option<u64>, StoreError> {
        use block::Column::{AtUnix, Number};
        let seconds = to_i64(at.0);
        let query = block::Entity::find().select_only().column(Number);
        let query = if before {
            query.filter(AtUnix.lte(seconds)).order_by_desc(AtUnix).order_by_desc(Number)
        } else {
            query.filter(AtUnix.gte(seconds)).order_by_asc(AtUnix).order_by_asc(Number)
        };
        Ok(query.limit(1).into_tuple::<i64>().one(&self.readers).await?.map(from_i64))
    }

    /// Transactions that an address sent, was called by or was made by.
    pub async fn list_transactions_of(&self, of: Address, page: IndexPage) -> Result<Vec<TransactionRow>, StoreError> {
        use party::Column::{BlockNumber, Position};
        let place: RelationDef = party::Entity::belongs_to(transaction::Entity)
            .from((BlockNumber, Position))
            .to((transaction::Column::BlockNumber, transaction::Column::Position))
            .into();
        let rows = transaction::Entity::find()
            .join_rev(JoinType::InnerJoin, place)
            .filter(party::Column::Address.eq(of.to_vec()))
            .filter(page.condition(BlockNumber, Position))
            .order_by(BlockNumber, page.order())
            .order_by(Position, page.order())
            .limit(page.limit)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(TransactionRow::try_from).collect()
    }

    /// How a contract came to be, where a transaction made it.
    pub async fn find_contract(&self, of: Address) -> Result<Option<ContractRow>, StoreError> {
        let row = contract::Entity::find_by_id(of.to_vec()).one(&self.readers).await?;
        row.map(ContractRow::try_from).transpose()
    }

    /// The hash of the block that the index has at a height.
    pub async fn indexed_block_hash(&self, number: u64) -> Result<Option<B256>, StoreError> {
        let row = block::Entity::find_by_id(to_i64(number)).one(&self.readers).await?;
        row.map(|row| hash("block hash", &row.hash)).transpose()
    }
}

impl TryFrom<transaction::Model> for TransactionRow {
    type Error = StoreError;

    fn try_from(row: transaction::Model) -> Result<Self, StoreError> {
        let optional = |what, bytes: Option<Vec<u8>>| bytes.map(|bytes| address(what, &bytes)).transpose();
        let selector = row.selector.map(|bytes| <[u8; 4]>::try_from(bytes.as_slice()));
        let transaction = IndexedTransaction {
            hash: hash("transaction hash", &row.hash)?,
            position: u32::try_from(row.position).unwrap_or(u32::MAX),
            from: address("sender", &row.sender)?,
            to: optional("recipient", row.recipient)?,
            created: optional("created contract", row.created)?,
            succeeded: row.succeeded,
            selector: selector.transpose().map_err(|error| StoreError::corrupt("selector", error))?,
            nonce: from_i64(row.nonce),
            gas_used: from_i64(row.gas_used),
            value_wei: wide("value", &row.value_wei)?,
            minted: sum("minted amount", &row.minted)?,
            transfers: Vec::new(),
        };
        Ok(Self { block_number: from_i64(row.block_number), at: UnixSeconds(from_i64(row.at_unix)), transaction })
    }
}

impl TryFrom<contract::Model> for ContractRow {
    type Error = StoreError;

    fn try_from(row: contract::Model) -> Result<Self, StoreError> {
        Ok(Self {
            address: address("contract", &row.address)?,
            creator: address("creator", &row.creator)?,
            transaction_hash: hash("transaction hash", &row.transaction_hash)?,
            block_number: from_i64(row.block_number),
            at: UnixSeconds(from_i64(row.at_unix)),
        })
    }
}
