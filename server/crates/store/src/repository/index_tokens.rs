//! The index: tokens, their transfers, and who holds them.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef, Select,
};
use shared::time::UnixSeconds;
use shared::{Address, U256};

use super::index::IndexPage;
use crate::columns::{address, from_i64, hash, stored_wide, to_i64, wide};
use crate::entity::index::{holder, token, transfer, transfer_party};
use crate::record::index::{BALANCE_MAX, HolderRow, IndexedTransfer, TokenRow, TransferRow, is_held};
use crate::{Store, StoreError};

/// Which transfers to list; without either, all.
#[derive(Debug, Clone, Copy, Default)]
pub struct TransferFilter {
    pub token: Option<Address>,
    /// Sent or received by this account.
    pub account: Option<Address>,
}

impl Store {
    pub async fn list_transfers(
        &self,
        filter: TransferFilter,
        page: IndexPage,
    ) -> Result<Vec<TransferRow>, StoreError> {
        use transfer::Column::{BlockNumber, LogIndex, Token};
        let mut query = transfer::Entity::find();
        if let Some(of) = filter.token {
            query = query.filter(Token.eq(of.to_vec()));
        }
        let query = match filter.account {
            Some(account) => of_account(query, account, page),
            None => query
                .filter(page.condition(BlockNumber, LogIndex))
                .order_by(BlockNumber, page.order())
                .order_by(LogIndex, page.order()),
        };
        query.limit(page.limit).all(&self.readers).await?.into_iter().map(TransferRow::try_from).collect()
    }

    pub async fn find_token(&self, of: Address) -> Result<Option<TokenRow>, StoreError> {
        let row = token::Entity::find_by_id(of.to_vec()).one(&self.readers).await?;
        row.map(TokenRow::try_from).transpose()
    }

    /// These tokens, by address.
    pub async fn find_tokens(&self, of: &[Address]) -> Result<Vec<TokenRow>, StoreError> {
        let rows = token::Entity::find()
            .filter(token::Column::Address.is_in(of.iter().map(|address| address.to_vec())))
            .order_by_asc(token::Column::Address)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(TokenRow::try_from).collect()
    }

    /// Tokens with the most holders first; those after this one where one is named.
    pub async fn list_tokens(&self, after: Option<(u64, Address)>, limit: u64) -> Result<Vec<TokenRow>, StoreError> {
        use token::Column::{Address, Holders};
        let mut query = token::Entity::find().order_by_desc(Holders).order_by_desc(Address).limit(limit);
        if let Some((holders, address)) = after {
            let holders = to_i64(holders);
            let same = Condition::all().add(Holders.eq(holders)).add(Address.lt(address.to_vec()));
            query = query.filter(Condition::any().add(Holders.lt(holders)).add(same));
        }
        query.all(&self.readers).await?.into_iter().map(TokenRow::try_from).collect()
    }

    /// Tokens that were not asked for their names.
    pub async fn list_unasked_tokens(&self, limit: u64) -> Result<Vec<Address>, StoreError> {
        let rows = token::Entity::find()
            .filter(token::Column::Asked.eq(false))
            .order_by_asc(token::Column::Address)
            .limit(limit)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(|row| address("token", &row.address)).collect()
    }

    /// Who holds a token, the most first; those after this one where one is named.
    pub async fn list_holders(
        &self,
        of: Address,
        after: Option<(U256, Address)>,
        limit: u64,
    ) -> Result<Vec<HolderRow>, StoreError> {
        use holder::Column::{Account, Balance, Token};
        let mut query = holder::Entity::find()
            .filter(Token.eq(of.to_vec()))
            .filter(Balance.lte(stored_wide(BALANCE_MAX)))
            .order_by_desc(Balance)
            .order_by_desc(Account)
            .limit(limit);
        if let Some((balance, account)) = after {
            let balance = stored_wide(balance);
            let same = Condition::all().add(Balance.eq(balance.clone())).add(Account.lt(account.to_vec()));
            query = query.filter(Condition::any().add(Balance.lt(balance)).add(same));
        }
        query.all(&self.readers).await?.into_iter().map(HolderRow::try_from).collect()
    }

    /// What an account holds of one token; nothing where its transfers do not add up.
    pub async fn token_balance(&self, token: Address, account: Address) -> Result<U256, StoreError> {
        let row = holder::Entity::find_by_id((token.to_vec(), account.to_vec())).one(&self.readers).await?;
        let balance = row.map(|row| wide("balance", &row.balance)).transpose()?;
        Ok(balance.filter(|balance| is_held(*balance)).unwrap_or_default())
    }

    /// What an account holds, by token; after this token where one is named.
    pub async fn list_holdings(
        &self,
        account: Address,
        after: Option<Address>,
        limit: u64,
    ) -> Result<Vec<HolderRow>, StoreError> {
        use holder::Column::{Account, Balance, Token};
        let mut query = holder::Entity::find()
            .filter(Account.eq(account.to_vec()))
            .filter(Balance.lte(stored_wide(BALANCE_MAX)))
            .order_by_asc(Token)
            .limit(limit);
        if let Some(after) = after {
            query = query.filter(Token.gt(after.to_vec()));
        }
        query.all(&self.readers).await?.into_iter().map(HolderRow::try_from).collect()
    }
}

/// By the account's own rows, so that a page of it reads no transfers of others.
fn of_account(query: Select<transfer::Entity>, account: Address, page: IndexPage) -> Select<transfer::Entity> {
    use transfer_party::Column::{Address, BlockNumber, LogIndex};
    let place: RelationDef = transfer_party::Entity::belongs_to(transfer::Entity)
        .from((BlockNumber, LogIndex))
        .to((transfer::Column::BlockNumber, transfer::Column::LogIndex))
        .into();
    query
        .join_rev(JoinType::InnerJoin, place)
        .filter(Address.eq(account.to_vec()))
        .filter(page.condition(BlockNumber, LogIndex))
        .order_by(BlockNumber, page.order())
        .order_by(LogIndex, page.order())
}

impl TryFrom<transfer::Model> for TransferRow {
    type Error = StoreError;

    fn try_from(row: transfer::Model) -> Result<Self, StoreError> {
        Ok(Self {
            block_number: from_i64(row.block_number),
            at: UnixSeconds(from_i64(row.at_unix)),
            transaction_hash: hash("transaction hash", &row.transaction_hash)?,
            transfer: IndexedTransfer {
                log_index: from_i64(row.log_index),
                token: address("token", &row.token)?,
                from: address("sender", &row.sender)?,
                to: address("recipient", &row.recipient)?,
                amount: wide("amount", &row.amount)?,
            },
        })
    }
}

impl TryFrom<token::Model> for TokenRow {
    type Error = StoreError;

    fn try_from(row: token::Model) -> Result<Self, StoreError> {
        Ok(Self {
            address: address("token", &row.address)?,
            first_block: from_i64(row.first_block),
            name: row.name,
            symbol: row.symbol,
            decimals: row.decimals.and_then(|decimals| u8::try_from(decimals).ok()),
            holders: from_i64(row.holders),
            transfers: from_i64(row.transfers),
        })
    }
}

impl TryFrom<holder::Model> for HolderRow {
    type Error = StoreError;

    fn try_from(row: holder::Model) -> Result<Self, StoreError> {
        Ok(Self {
            token: address("token", &row.token)?,
            account: address("holder", &row.account)?,
            balance: wide("balance", &row.balance)?,
        })
    }
}
