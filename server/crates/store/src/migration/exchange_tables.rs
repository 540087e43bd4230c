//! The tables of the exchange.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, big_pk_auto, string, string_null, string_uniq};

pub(super) const TABLES: [&str; 6] = [
    "exchange_position",
    "exchange_trader",
    "exchange_order",
    "exchange_trade",
    "exchange_candle",
    "exchange_withdrawal",
];

/// Name, table, columns.
pub(super) const INDEXES: [(&str, &str, &[&str]); 7] = [
    ("exchange_order_by_state", "exchange_order", &["state", "changed_at_unix_ms"]),
    ("exchange_order_by_trader", "exchange_order", &["trader", "id"]),
    ("exchange_order_by_nonce", "exchange_order", &["trader", "nonce"]),
    ("exchange_trade_by_state", "exchange_trade", &["state", "seq"]),
    ("exchange_trade_by_maker", "exchange_trade", &["maker", "seq"]),
    ("exchange_trade_by_taker", "exchange_trade", &["taker", "seq"]),
    ("exchange_withdrawal_by_state", "exchange_withdrawal", &["state", "sequence"]),
];

pub(super) fn tables() -> Vec<TableCreateStatement> {
    let position = Table::create()
        .table("exchange_position")
        .col(big_integer("id").primary_key())
        .col(string("hub_id"))
        .col(string("genesis"))
        .col(big_integer("sequence"))
        .col(big_integer("height"))
        .to_owned();
    let trader = Table::create()
        .table("exchange_trader")
        .col(big_integer("account").primary_key())
        .col(string_uniq("address"))
        .col(big_integer("last_nonce"))
        .to_owned();
    let order = Table::create()
        .table("exchange_order")
        .col(big_integer("id").primary_key())
        .col(big_integer("market"))
        .col(big_integer("account"))
        .col(string("trader"))
        .col(big_integer("nonce"))
        .col(string("side"))
        .col(big_integer("price_ticks"))
        .col(big_integer("lots"))
        .col(big_integer("filled_lots"))
        .col(string("state"))
        .col(string_null("reason"))
        .col(big_integer_null("triggered_at_unix_ms"))
        .col(string("signed"))
        .col(string("signer"))
        .col(big_integer("sequence"))
        .col(big_integer("placed_at_unix_ms"))
        .col(big_integer("changed_at_unix_ms"))
        .to_owned();
    let trade = Table::create()
        .table("exchange_trade")
        .col(big_pk_auto("seq"))
        .col(big_integer("market"))
        .col(big_integer("trade"))
        .col(big_integer("sequence"))
        .col(string("taker_side"))
        .col(big_integer("price_ticks"))
        .col(big_integer("lots"))
        .col(string("maker"))
        .col(big_integer("maker_account"))
        .col(big_integer("maker_order"))
        .col(string("maker_fee"))
        .col(string("taker"))
        .col(big_integer("taker_account"))
        .col(big_integer("taker_order"))
        .col(string("taker_fee"))
        .col(big_integer("matched_at_unix_ms"))
        .col(string("state"))
        .col(string_null("reason"))
        .col(string_null("transaction_hash"))
        .col(big_integer_null("block_number"))
        .index(Index::create().name("exchange_trade_by_number").unique().col("market").col("trade"))
        .to_owned();
    vec![position, trader, order, trade, candle(), withdrawal()]
}

fn candle() -> TableCreateStatement {
    Table::create()
        .table("exchange_candle")
        .col(big_integer("market"))
        .col(big_integer("interval_seconds"))
        .col(big_integer("start_unix"))
        .col(big_integer("open"))
        .col(big_integer("high"))
        .col(big_integer("low"))
        .col(big_integer("close"))
        .col(string("lots"))
        .col(string("lot_ticks"))
        .col(big_integer("trades"))
        .primary_key(Index::create().col("market").col("interval_seconds").col("start_unix"))
        .to_owned()
}

fn withdrawal() -> TableCreateStatement {
    Table::create()
        .table("exchange_withdrawal")
        .col(string("trader"))
        .col(big_integer("nonce"))
        .col(big_integer("account"))
        .col(big_integer("sequence"))
        .col(string("signed"))
        .col(string("state"))
        .col(string_null("reason"))
        .col(big_integer("requested_at_unix_ms"))
        .col(string_null("transaction_hash"))
        .col(big_integer_null("block_number"))
        .primary_key(Index::create().col("trader").col("nonce"))
        .to_owned()
}
