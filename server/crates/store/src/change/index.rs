//! Blocks into the index, each once: its position moves in the same transaction.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter};
use shared::amount::Amount;
use shared::time::SECONDS_PER_DAY;
use shared::{Address, U256};

use super::{Change, Transaction};
use crate::StoreError;
use crate::columns::{from_i64, stored_sum, stored_wide, sum, to_i64, wide};
use crate::entity::index::{
    block, contract, day, holder, party, position, token, transaction as entry, transfer, transfer_party,
};
use crate::error::Refusal;
use crate::record::index::{IndexPosition, IndexedBlock, IndexedTransaction, IndexedTransfer, is_held};

/// The only row of the position.
const POSITION_ID: i64 = 1;

/// Rows of one statement. Times the columns of a table it stays below the parameters that SQLite (32 766) and
/// PostgreSQL (65 535) take.
const ROWS_PER_STATEMENT: usize = 1_000;

/// Blocks that follow each other.
#[derive(Debug, Clone)]
pub struct IndexBlocks {
    /// The block before the first of them; `None` where that is block 0.
    pub after: Option<IndexPosition>,
    pub blocks: Vec<IndexedBlock>,
}

#[async_trait]
impl Change for IndexBlocks {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let Some(last) = self.blocks.last() else { return Ok(()) };
        // The row of the position is held until the end, so that two processes index one after the other.
        if !self.move_position(transaction, IndexPosition { height: last.number, hash: last.hash }).await? {
            return Ok(());
        }
        insert(transaction, self.block_rows()).await?;
        insert(transaction, self.transaction_rows()).await?;
        insert(transaction, self.party_rows()).await?;
        insert(transaction, self.contract_rows()).await?;
        insert(transaction, self.transfer_rows()).await?;
        insert(transaction, self.transfer_party_rows()).await?;
        count_tokens(transaction, &self.blocks).await?;
        count_days(transaction, &self.blocks).await
    }
}

impl IndexBlocks {
    /// Whether these blocks are new. A position elsewhere is refused.
    async fn move_position(&self, transaction: &Transaction<'_>, to: IndexPosition) -> Result<bool, StoreError> {
        use position::{ActiveModel, Column, Entity};
        let moved = match self.after {
            Some(after) => {
                Entity::update_many()
                    .col_expr(Column::Height, Expr::value(to_i64(to.height)))
                    .col_expr(Column::Hash, Expr::value(to.hash.to_vec()))
                    .filter(Column::Id.eq(POSITION_ID))
                    .filter(Column::Height.eq(to_i64(after.height)))
                    .filter(Column::Hash.eq(after.hash.to_vec()))
                    .exec(transaction.connection)
                    .await?
                    .rows_affected
            }
            None => {
                let row =
                    ActiveModel { id: Set(POSITION_ID), height: Set(to_i64(to.height)), hash: Set(to.hash.to_vec()) };
                let first = OnConflict::column(Column::Id).do_nothing().to_owned();
                Entity::insert(row).on_conflict(first).exec_without_returning(transaction.connection).await?
            }
        };
        if moved == 1 {
            return Ok(true);
        }
        let now = Entity::find_by_id(POSITION_ID).one(transaction.connection).await?;
        let is_there = now.is_some_and(|row| from_i64(row.height) == to.height && row.hash == to.hash.to_vec());
        if is_there { Ok(false) } else { Err(StoreError::Refused(Refusal::IndexMoved)) }
    }

    fn block_rows(&self) -> Vec<block::ActiveModel> {
        let row = |indexed: &IndexedBlock| block::ActiveModel {
            number: Set(to_i64(indexed.number)),
            hash: Set(indexed.hash.to_vec()),
            at_unix: Set(to_i64(indexed.at.0)),
            transactions: Set(to_i64(indexed.transactions.len() as u64)),
            gas_used: Set(to_i64(indexed.gas_used)),
            producer: Set(indexed.producer.to_vec()),
            minted: Set(stored_sum(indexed.minted)),
        };
        self.blocks.iter().map(row).collect()
    }

    fn transactions(&self) -> impl Iterator<Item = (&IndexedBlock, &IndexedTransaction)> {
        self.blocks.iter().flat_map(|block| block.transactions.iter().map(move |one| (block, one)))
    }

    fn transfers(&self) -> impl Iterator<Item = (&IndexedBlock, &IndexedTransaction, &IndexedTransfer)> {
        self.transactions().flat_map(|(block, one)| one.transfers.iter().map(move |transfer| (block, one, transfer)))
    }

    fn transaction_rows(&self) -> Vec<entry::ActiveModel> {
        let row = |(block, one): (&IndexedBlock, &IndexedTransaction)| entry::ActiveModel {
            block_number: Set(to_i64(block.number)),
            position: Set(i64::from(one.position)),
            hash: Set(one.hash.to_vec()),
            sender: Set(one.from.to_vec()),
            recipient: Set(one.to.map(|to| to.to_vec())),
            created: Set(one.created.map(|created| created.to_vec())),
            succeeded: Set(one.succeeded),
            selector: Set(one.selector.map(|selector| selector.to_vec())),
            nonce: Set(to_i64(one.nonce)),
            gas_used: Set(to_i64(one.gas_used)),
            value_wei: Set(stored_wide(one.value_wei)),
            minted: Set(stored_sum(one.minted)),
            at_unix: Set(to_i64(block.at.0)),
        };
        self.transactions().map(row).collect()
    }

    fn party_rows(&self) -> Vec<party::ActiveModel> {
        let rows = self.transactions().flat_map(|(block, one)| {
            let addresses: BTreeSet<Address> = [Some(one.from), one.to, one.created].into_iter().flatten().collect();
            addresses.into_iter().map(|address| party::ActiveModel {
                address: Set(address.to_vec()),
                block_number: Set(to_i64(block.number)),
                position: Set(i64::from(one.position)),
            })
        });
        rows.collect()
    }

    fn contract_rows(&self) -> Vec<contract::ActiveModel> {
        let rows = self.transactions().filter_map(|(block, one)| {
            Some(contract::ActiveModel {
                address: Set(one.created?.to_vec()),
                creator: Set(one.from.to_vec()),
                transaction_hash: Set(one.hash.to_vec()),
                block_number: Set(to_i64(block.number)),
                at_unix: Set(to_i64(block.at.0)),
            })
        });
        rows.collect()
    }

    fn transfer_rows(&self) -> Vec<transfer::ActiveModel> {
        let rows = self.transfers().map(|(block, transaction, one)| transfer::ActiveModel {
            block_number: Set(to_i64(block.number)),
            log_index: Set(to_i64(one.log_index)),
            transaction_hash: Set(transaction.hash.to_vec()),
            token: Set(one.token.to_vec()),
            sender: Set(one.from.to_vec()),
            recipient: Set(one.to.to_vec()),
            amount: Set(stored_wide(one.amount)),
            at_unix: Set(to_i64(block.at.0)),
        });
        rows.collect()
    }

    fn transfer_party_rows(&self) -> Vec<transfer_party::ActiveModel> {
        let rows = self.transfers().flat_map(|(block, _, one)| {
            BTreeSet::from([one.from, one.to]).into_iter().map(|address| transfer_party::ActiveModel {
                address: Set(address.to_vec()),
                block_number: Set(to_i64(block.number)),
                log_index: Set(to_i64(one.log_index)),
            })
        });
        rows.collect()
    }
}

/// Inserts any number of rows, some at a time.
async fn insert<A>(transaction: &Transaction<'_>, mut rows: Vec<A>) -> Result<(), StoreError>
where
    A: ActiveModelTrait + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(ROWS_PER_STATEMENT));
        let some = std::mem::replace(&mut rows, rest);
        A::Entity::insert_many(some).exec_without_returning(transaction.connection).await?;
    }
    Ok(())
}

/// What some blocks change of one token.
#[derive(Default)]
struct TokenDelta {
    first_block: u64,
    transfers: u64,
    /// Received less sent, modulo 2^256: the same sum whatever the order.
    balances: BTreeMap<Address, U256>,
}

impl TokenDelta {
    fn add(&mut self, transfer: &IndexedTransfer) {
        self.transfers += 1;
        // The zero address is where tokens come from and go to; it holds none.
        if transfer.from != Address::ZERO {
            let balance = self.balances.entry(transfer.from).or_default();
            *balance = balance.wrapping_sub(transfer.amount);
        }
        if transfer.to != Address::ZERO {
            let balance = self.balances.entry(transfer.to).or_default();
            *balance = balance.wrapping_add(transfer.amount);
        }
    }
}

fn token_deltas(blocks: &[IndexedBlock]) -> BTreeMap<Address, TokenDelta> {
    let mut deltas: BTreeMap<Address, TokenDelta> = BTreeMap::new();
    for block in blocks {
        for transfer in block.transactions.iter().flat_map(|one| &one.transfers) {
            let fresh = || TokenDelta { first_block: block.number, ..TokenDelta::default() };
            deltas.entry(transfer.token).or_insert_with(fresh).add(transfer);
        }
    }
    deltas
}

async fn count_tokens(transaction: &Transaction<'_>, blocks: &[IndexedBlock]) -> Result<(), StoreError> {
    for (address, delta) in token_deltas(blocks) {
        let holders = move_balances(transaction, address, &delta.balances).await?;
        let column = |column: token::Column| Expr::col((token::Entity, column));
        let more = OnConflict::column(token::Column::Address)
            .value(token::Column::Holders, column(token::Column::Holders).add(holders))
            .value(token::Column::Transfers, column(token::Column::Transfers).add(to_i64(delta.transfers)))
            .to_owned();
        let row = token::ActiveModel {
            address: Set(address.to_vec()),
            first_block: Set(to_i64(delta.first_block)),
            asked: Set(false),
            name: Set(None),
            symbol: Set(None),
            decimals: Set(None),
            holders: Set(holders),
            transfers: Set(to_i64(delta.transfers)),
        };
        token::Entity::insert(row).on_conflict(more).exec_without_returning(transaction.connection).await?;
    }
    Ok(())
}

/// Writes the new balances of a token's accounts. By how many its holders are more.
///
/// A sum of 256 bits is beyond both databases, so it is read, changed and written back: the position's row, which this
/// transaction holds, keeps everybody else from doing the same.
async fn move_balances(
    transaction: &Transaction<'_>,
    token: Address,
    moved: &BTreeMap<Address, U256>,
) -> Result<i64, StoreError> {
    use holder::{Column, Entity};
    let mut holders = 0;
    let changes: Vec<(Address, U256)> = moved.iter().map(|(account, change)| (*account, *change)).collect();
    for changes in changes.chunks(ROWS_PER_STATEMENT) {
        let accounts: Vec<Vec<u8>> = changes.iter().map(|(account, _)| account.to_vec()).collect();
        let rows = Entity::find()
            .filter(Column::Token.eq(token.to_vec()))
            .filter(Column::Account.is_in(accounts))
            .all(transaction.connection)
            .await?;
        let moved = moved_balances(token, changes, rows)?;
        holders += moved.holders;
        if !moved.kept.is_empty() {
            let replace =
                OnConflict::columns([Column::Token, Column::Account]).update_column(Column::Balance).to_owned();
            Entity::insert_many(moved.kept).on_conflict(replace).exec_without_returning(transaction.connection).await?;
        }
        if !moved.emptied.is_empty() {
            Entity::delete_many()
                .filter(Column::Token.eq(token.to_vec()))
                .filter(Column::Account.is_in(moved.emptied))
                .exec(transaction.connection)
                .await?;
        }
    }
    Ok(holders)
}

/// What becomes of some accounts' rows.
#[derive(Default)]
struct MovedBalances {
    kept: Vec<holder::ActiveModel>,
    emptied: Vec<Vec<u8>>,
    /// By how many the holders are more.
    holders: i64,
}

fn moved_balances(
    token: Address,
    changes: &[(Address, U256)],
    rows: Vec<holder::Model>,
) -> Result<MovedBalances, StoreError> {
    let before: BTreeMap<Vec<u8>, Vec<u8>> = rows.into_iter().map(|row| (row.account, row.balance)).collect();
    let mut moved = MovedBalances::default();
    for (account, change) in changes {
        let stored = before.get(account.as_slice());
        let old = stored.map_or(Ok(U256::ZERO), |balance| wide("balance", balance))?;
        let new = old.wrapping_add(*change);
        moved.holders += i64::from(is_held(new)) - i64::from(is_held(old));
        if !new.is_zero() {
            moved.kept.push(holder::ActiveModel {
                token: Set(token.to_vec()),
                account: Set(account.to_vec()),
                balance: Set(stored_wide(new)),
            });
        } else if stored.is_some() {
            moved.emptied.push(account.to_vec());
        }
    }
    Ok(moved)
}

/// What some blocks add to one day.
#[derive(Default)]
struct DayDelta {
    transactions: u64,
    minted: Amount,
    issued: Amount,
    burnt: Amount,
}

fn plus(sum: Amount, more: Amount) -> Amount {
    Amount::from_atto(sum.atto().saturating_add(more.atto()))
}

fn day_deltas(blocks: &[IndexedBlock]) -> BTreeMap<u64, DayDelta> {
    let mut deltas: BTreeMap<u64, DayDelta> = BTreeMap::new();
    for block in blocks {
        let delta = deltas.entry(block.at.0 / SECONDS_PER_DAY).or_default();
        delta.transactions += block.transactions.len() as u64;
        delta.minted = plus(delta.minted, block.minted);
        delta.issued = plus(delta.issued, block.issued);
        delta.burnt = plus(delta.burnt, block.burnt);
    }
    deltas
}

fn day_row(day: u64, before: Option<day::Model>, delta: &DayDelta) -> Result<day::ActiveModel, StoreError> {
    let stored = |column: Option<&Vec<u8>>, more: Amount| -> Result<Vec<u8>, StoreError> {
        let old = column.map_or(Ok(Amount::ZERO), |bytes| sum("sum of a day", bytes))?;
        Ok(stored_sum(plus(old, more)))
    };
    let before = before.as_ref();
    Ok(day::ActiveModel {
        day: Set(to_i64(day)),
        transactions: Set(before.map_or(0, |row| row.transactions) + to_i64(delta.transactions)),
        minted: Set(stored(before.map(|row| &row.minted), delta.minted)?),
        issued: Set(stored(before.map(|row| &row.issued), delta.issued)?),
        burnt: Set(stored(before.map(|row| &row.burnt), delta.burnt)?),
    })
}

async fn count_days(transaction: &Transaction<'_>, blocks: &[IndexedBlock]) -> Result<(), StoreError> {
    use day::{Column, Entity};
    for (day, delta) in day_deltas(blocks) {
        let before = Entity::find_by_id(to_i64(day)).one(transaction.connection).await?;
        let row = day_row(day, before, &delta)?;
        let replace = OnConflict::column(Column::Day)
            .update_columns([Column::Transactions, Column::Minted, Column::Issued, Column::Burnt])
            .to_owned();
        Entity::insert(row).on_conflict(replace).exec_without_returning(transaction.connection).await?;
    }
    Ok(())
}

/// What a token's contract says of itself.
#[derive(Debug, Clone)]
pub struct NameToken {
    pub address: Address,
    pub name: Option<String>,
    pub symbol: Option<String>,
    pub decimals: Option<u8>,
}

#[async_trait]
impl Change for NameToken {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use token::Column;
        token::Entity::update_many()
            .col_expr(Column::Asked, Expr::value(true))
            .col_expr(Column::Name, Expr::value(self.name.clone()))
            .col_expr(Column::Symbol, Expr::value(self.symbol.clone()))
            .col_expr(Column::Decimals, Expr::value(self.decimals.map(i64::from)))
            .filter(Column::Address.eq(self.address.to_vec()))
            .exec(transaction.connection)
            .await?;
        Ok(())
    }
}

/// Empties the index, so that it is filled from block 0 again.
#[derive(Debug, Clone, Copy)]
pub struct ClearIndex;

#[async_trait]
impl Change for ClearIndex {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let connection = transaction.connection;
        // First of all, so that a process that indexes meanwhile waits and then finds that it moved.
        position::Entity::delete_many().exec(connection).await?;
        block::Entity::delete_many().exec(connection).await?;
        entry::Entity::delete_many().exec(connection).await?;
        party::Entity::delete_many().exec(connection).await?;
        transfer::Entity::delete_many().exec(connection).await?;
        transfer_party::Entity::delete_many().exec(connection).await?;
        token::Entity::delete_many().exec(connection).await?;
        holder::Entity::delete_many().exec(connection).await?;
        contract::Entity::delete_many().exec(connection).await?;
        day::Entity::delete_many().exec(connection).await?;
        Ok(())
    }
}
