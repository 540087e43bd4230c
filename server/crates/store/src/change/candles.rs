//! Trades of the exchange into its candles.

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use shared::api::exchange::CandleInterval;

use super::Transaction;
use crate::StoreError;
use crate::columns::to_i64;
use crate::entity::exchange::candle;
use crate::record::exchange::{CandleRecord, TradeRecord};

/// Trades into the candles of all intervals. Each trade comes once, since its entry does.
pub(super) async fn keep_candles(transaction: &Transaction<'_>, trades: &[TradeRecord]) -> Result<(), StoreError> {
    let mut candles: Vec<CandleRecord> = Vec::new();
    for interval in CandleInterval::ALL {
        for trade in trades {
            let candle = CandleRecord::of_trade(trade, interval.seconds());
            let key = |one: &CandleRecord| (one.market, one.interval_seconds, one.start);
            match candles.iter_mut().rev().find(|one| key(one) == key(&candle)) {
                Some(same) => same.extend(&candle),
                None => candles.push(candle),
            }
        }
    }
    for new in candles {
        let key = (i64::from(new.market), to_i64(new.interval_seconds), to_i64(new.start.0));
        let stored = candle::Entity::find_by_id(key).one(transaction.connection).await?;
        match stored.map(CandleRecord::try_from).transpose()? {
            Some(mut before) => {
                before.extend(&new);
                candle::Entity::update(candle_row(&before)).exec(transaction.connection).await?;
            }
            None => {
                candle::Entity::insert(candle_row(&new)).exec_without_returning(transaction.connection).await?;
            }
        }
    }
    Ok(())
}

fn candle_row(record: &CandleRecord) -> candle::ActiveModel {
    let row = candle::Model {
        market: i64::from(record.market),
        interval_seconds: to_i64(record.interval_seconds),
        start_unix: to_i64(record.start.0),
        open: i64::from(record.open),
        high: i64::from(record.high),
        low: i64::from(record.low),
        close: i64::from(record.close),
        lots: record.lots.to_string(),
        lot_ticks: record.lot_ticks.to_string(),
        trades: to_i64(record.trades),
    };
    // The key says which row it is; every other column is written.
    row.into_active_model().reset_all()
}
