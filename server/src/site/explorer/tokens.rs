//! Tokens, holders and transfers from the index.

use std::collections::BTreeMap;
use std::str::FromStr;

use alloy_primitives::U256;
use alloy_sol_types::SolCall as _;
use contracts::AIToken;
use frontend::backend::{Answer, BackendError, TransfersOf};
use node::chain::{Call, ChainError};
use node::{Lane, NodeError, NodeHandle};
use shared::Address;
use shared::api::page::Page;
use shared::api::tokens::{CreationView, HolderView, HoldingView, TokenSummary, TokenView, TransferView};
use store::record::index::{ContractRow, IndexPlace, TokenRow, TransferRow};
use store::repository::{IndexPage, TransferFilter};
use store::{Store, StoreError};

/// Gas with which a token is asked for its supply.
const SUPPLY_GAS: u64 = 200_000;

const MILLION: u64 = 1_000_000;

/// The token lists of pages and of the feed.
pub(in crate::site) struct Tokens<'a> {
    pub(in crate::site) store: &'a Store,
    pub(in crate::site) node: &'a NodeHandle,
}

fn failed(error: StoreError) -> BackendError {
    tracing::error!(%error, "the index could not be read");
    BackendError::Unavailable(error.to_string())
}

fn bad_cursor() -> BackendError {
    BackendError::Invalid("`cursor` is `next_cursor` of the page before".to_owned())
}

/// Reads a cursor of two parts.
fn pair<A: FromStr, B: FromStr>(cursor: Option<&str>) -> Answer<Option<(A, B)>> {
    let Some(cursor) = cursor else { return Ok(None) };
    let parts = cursor.split_once('-').and_then(|(one, other)| Some((one.parse().ok()?, other.parse().ok()?)));
    parts.map(Some).ok_or_else(bad_cursor)
}

/// Rows with the cursor of the last one, where there may be more.
fn page<R, T>(rows: Vec<R>, limit: u32, cursor: impl Fn(&R) -> String, view: impl FnMut(R) -> T) -> Page<T> {
    let is_full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next_cursor = rows.last().filter(|_| is_full).map(cursor);
    Page { items: rows.into_iter().map(view).collect(), next_cursor }
}

impl Tokens<'_> {
    pub(in crate::site) async fn list(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<TokenSummary>> {
        let rows = self.store.list_tokens(pair(cursor)?, limit.into()).await.map_err(failed)?;
        Ok(page(rows, limit, |row| format!("{}-{}", row.holders, row.address), summary))
    }

    pub(in crate::site) async fn find(&self, address: Address) -> Answer<TokenView> {
        let row = self.store.find_token(address).await.map_err(failed)?.ok_or(BackendError::NotFound)?;
        let supply = self.supply(address).await?;
        Ok(TokenView {
            first_block: row.first_block,
            summary: summary(row),
            supply: supply.map(|supply| supply.to_string()),
            creation: self.creation(address).await?,
        })
    }

    /// What a contract says exists; it may be anybody's.
    pub(in crate::site) async fn supply(&self, address: Address) -> Answer<Option<U256>> {
        let data = AIToken::totalSupplyCall {}.abi_encode().into();
        let call = Call { to: Some(address), gas: Some(SUPPLY_GAS), data, ..Call::default() };
        match self.node.clone().in_lane(Lane::Stranger).call(call).await {
            Ok(outcome) => Ok(AIToken::totalSupplyCall::abi_decode_returns(&outcome.output).ok()),
            Err(
                NodeError::Chain(
                    ChainError::Reverted { .. }
                    | ChainError::Halted { .. }
                    | ChainError::InvalidCall(_)
                    | ChainError::CallStopped,
                )
                | NodeError::CallTime { .. },
            ) => Ok(None),
            Err(error) => Err(BackendError::Unavailable(error.to_string())),
        }
    }

    pub(in crate::site) async fn creation(&self, address: Address) -> Answer<Option<CreationView>> {
        Ok(self.store.find_contract(address).await.map_err(failed)?.map(creation))
    }

    pub(in crate::site) async fn holders(
        &self,
        token: Address,
        cursor: Option<&str>,
        limit: u32,
    ) -> Answer<Page<HolderView>> {
        let rows = self.store.list_holders(token, pair(cursor)?, limit.into()).await.map_err(failed)?;
        let supply = if rows.is_empty() { None } else { self.supply(token).await? };
        Ok(page(
            rows,
            limit,
            |row| format!("{}-{}", row.balance, row.account),
            |row| HolderView {
                account: row.account,
                balance: row.balance.to_string(),
                share_per_million: share(row.balance, supply),
            },
        ))
    }

    pub(in crate::site) async fn holdings(
        &self,
        account: Address,
        cursor: Option<&str>,
        limit: u32,
    ) -> Answer<Page<HoldingView>> {
        let after = cursor.map(str::parse).transpose().map_err(|_| bad_cursor())?;
        let rows = self.store.list_holdings(account, after, limit.into()).await.map_err(failed)?;
        let tokens = self.by_address(rows.iter().map(|row| row.token)).await?;
        Ok(page(
            rows,
            limit,
            |row| row.token.to_string(),
            |row| HoldingView {
                token: summary(tokens.get(&row.token).cloned().unwrap_or_else(|| unknown(row.token))),
                balance: row.balance.to_string(),
            },
        ))
    }

    pub(in crate::site) async fn transfers(
        &self,
        of: TransfersOf,
        cursor: Option<&str>,
        limit: u32,
    ) -> Answer<Page<TransferView>> {
        let filter = TransferFilter { token: of.token, account: of.account };
        let behind = pair(cursor)?.map(|(block_number, within)| IndexPlace { block_number, within });
        let rows = self.store.list_transfers(filter, IndexPage::newest(behind, limit.into())).await.map_err(failed)?;
        let tokens = self.by_address(rows.iter().map(|row| row.transfer.token)).await?;
        let cursor = |row: &TransferRow| format!("{}-{}", row.block_number, row.transfer.log_index);
        Ok(page(rows, limit, cursor, |row| transfer(&row, tokens.get(&row.transfer.token))))
    }

    async fn by_address(&self, of: impl Iterator<Item = Address>) -> Answer<BTreeMap<Address, TokenRow>> {
        let mut addresses: Vec<Address> = of.collect();
        addresses.sort_unstable();
        addresses.dedup();
        let rows = self.store.find_tokens(&addresses).await.map_err(failed)?;
        Ok(rows.into_iter().map(|row| (row.address, row)).collect())
    }
}

fn summary(row: TokenRow) -> TokenSummary {
    TokenSummary {
        address: row.address,
        name: row.name,
        symbol: row.symbol,
        decimals: row.decimals,
        holders: row.holders,
        transfers: row.transfers,
    }
}

/// A token whose row is gone: the index was emptied between two reads.
fn unknown(address: Address) -> TokenRow {
    TokenRow { address, first_block: 0, name: None, symbol: None, decimals: None, holders: 0, transfers: 0 }
}

fn creation(row: ContractRow) -> CreationView {
    CreationView {
        creator: row.creator,
        transaction_hash: row.transaction_hash,
        block_number: row.block_number,
        timestamp: row.at,
    }
}

fn transfer(row: &TransferRow, token: Option<&TokenRow>) -> TransferView {
    TransferView {
        block_number: row.block_number,
        log_index: row.transfer.log_index,
        transaction_hash: row.transaction_hash,
        timestamp: row.at,
        from: row.transfer.from,
        to: row.transfer.to,
        amount: row.transfer.amount.to_string(),
        token: row.transfer.token,
        name: token.and_then(|token| token.name.clone()),
        symbol: token.and_then(|token| token.symbol.clone()),
        decimals: token.and_then(|token| token.decimals),
    }
}

/// Millionths of a supply that is at least the balance.
fn share(balance: U256, supply: Option<U256>) -> Option<u32> {
    let supply = supply.filter(|supply| !supply.is_zero() && *supply >= balance)?;
    // Large sums lose their last digits first, so that the product stays within 256 bits.
    let shift = supply.bit_len().saturating_sub(200);
    let (balance, supply) = (balance >> shift, supply >> shift);
    u32::try_from(balance * U256::from(MILLION) / supply).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_told_only_where_the_supply_holds_the_balance() {
        let number = U256::from;
        assert_eq!(share(number(25), Some(number(100))), Some(250_000));
        assert_eq!(share(U256::MAX, Some(U256::MAX)), Some(1_000_000));
        assert_eq!(share(U256::MAX >> 1, Some(U256::MAX)), Some(499_999));
        assert_eq!(
            [share(number(2), Some(number(1))), share(number(1), None), share(number(0), Some(number(0)))],
            [None; 3]
        );
    }

    #[test]
    fn cursors_are_read_whole_or_refused() {
        assert_eq!(pair::<u64, u64>(Some("3-4")).unwrap(), Some((3, 4)));
        for wrong in ["", "3", "3-", "a-4", "3-4-5", "-1-2"] {
            assert!(pair::<u64, u64>(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_that_is_not_full_is_the_last() {
        let pages = |limit| page(vec![1, 2], limit, ToString::to_string, |row| row).next_cursor;
        assert_eq!((pages(2), pages(3)), (Some("2".to_owned()), None));
    }
}
