//! Candles of every market and interval.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "exchange_candle")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub market: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub interval_seconds: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub start_unix: i64,
    /// Prices in ticks.
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
    /// Sum of the lots, and of the lots times their ticks.
    pub lots: String,
    pub lot_ticks: String,
    pub trades: i64,
}

impl ActiveModelBehavior for ActiveModel {}
