//! Trades, in the order in which they were matched.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "exchange_trade")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub market: i64,
    /// Its number in the market.
    pub trade: i64,
    pub sequence: i64,
    pub taker_side: String,
    pub price_ticks: i64,
    pub lots: i64,
    pub maker: String,
    pub maker_account: i64,
    pub maker_order: i64,
    /// In the asset that the maker receives.
    pub maker_fee: String,
    pub taker: String,
    pub taker_account: i64,
    pub taker_order: i64,
    pub taker_fee: String,
    pub matched_at_unix_ms: i64,
    pub state: String,
    pub reason: Option<String>,
    pub transaction_hash: Option<String>,
    pub block_number: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
