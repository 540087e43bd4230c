//! The tables of the chain's index. Everything in them is recomputed from the chain.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, blob, blob_null, blob_uniq, boolean, string_null};

pub(super) const TABLES: [&str; 10] = [
    "index_position",
    "index_block",
    "index_transaction",
    "index_party",
    "index_transfer",
    "index_transfer_party",
    "index_token",
    "index_holder",
    "index_contract",
    "index_day",
];

/// Name, table, columns.
pub(super) const INDEXES: [(&str, &str, &[&str]); 6] = [
    ("index_block_by_time", "index_block", &["at_unix", "number"]),
    ("index_transfer_by_token", "index_transfer", &["token", "block_number", "log_index"]),
    ("index_token_by_asked", "index_token", &["asked", "address"]),
    ("index_holder_by_account", "index_holder", &["account", "token"]),
    ("index_token_by_holders", "index_token", &["holders", "address"]),
    ("index_holder_by_balance", "index_holder", &["token", "balance", "account"]),
];

pub(super) fn tables() -> Vec<TableCreateStatement> {
    [chain_tables(), token_tables()].concat()
}

fn chain_tables() -> Vec<TableCreateStatement> {
    let position = Table::create()
        .table("index_position")
        .col(big_integer("id").primary_key())
        .col(big_integer("height"))
        .col(blob("hash"))
        .to_owned();
    let block = Table::create()
        .table("index_block")
        .col(big_integer("number").primary_key())
        .col(blob_uniq("hash"))
        .col(big_integer("at_unix"))
        .col(big_integer("transactions"))
        .col(big_integer("gas_used"))
        .col(blob("producer"))
        .col(blob("minted"))
        .to_owned();
    let transaction = Table::create()
        .table("index_transaction")
        .col(big_integer("block_number"))
        .col(big_integer("position"))
        .col(blob_uniq("hash"))
        .col(blob("sender"))
        .col(blob_null("recipient"))
        .col(blob_null("created"))
        .col(boolean("succeeded"))
        .col(blob_null("selector"))
        .col(big_integer("nonce"))
        .col(big_integer("gas_used"))
        .col(blob("value_wei"))
        .col(blob("minted"))
        .col(big_integer("at_unix"))
        .primary_key(Index::create().col("block_number").col("position"))
        .to_owned();
    let party = Table::create()
        .table("index_party")
        .col(blob("address"))
        .col(big_integer("block_number"))
        .col(big_integer("position"))
        .primary_key(Index::create().col("address").col("block_number").col("position"))
        .to_owned();
    let contract = Table::create()
        .table("index_contract")
        .col(blob("address").primary_key())
        .col(blob("creator"))
        .col(blob("transaction_hash"))
        .col(big_integer("block_number"))
        .col(big_integer("at_unix"))
        .to_owned();
    let day = Table::create()
        .table("index_day")
        .col(big_integer("day").primary_key())
        .col(big_integer("transactions"))
        .col(blob("minted"))
        .col(blob("issued"))
        .col(blob("burnt"))
        .to_owned();
    vec![position, block, transaction, party, contract, day]
}

fn token_tables() -> Vec<TableCreateStatement> {
    let transfer = Table::create()
        .table("index_transfer")
        .col(big_integer("block_number"))
        .col(big_integer("log_index"))
        .col(blob("transaction_hash"))
        .col(blob("token"))
        .col(blob("sender"))
        .col(blob("recipient"))
        .col(blob("amount"))
        .col(big_integer("at_unix"))
        .primary_key(Index::create().col("block_number").col("log_index"))
        .to_owned();
    let transfer_party = Table::create()
        .table("index_transfer_party")
        .col(blob("address"))
        .col(big_integer("block_number"))
        .col(big_integer("log_index"))
        .primary_key(Index::create().col("address").col("block_number").col("log_index"))
        .to_owned();
    let token = Table::create()
        .table("index_token")
        .col(blob("address").primary_key())
        .col(big_integer("first_block"))
        .col(boolean("asked"))
        .col(string_null("name"))
        .col(string_null("symbol"))
        .col(big_integer_null("decimals"))
        .col(big_integer("holders"))
        .col(big_integer("transfers"))
        .to_owned();
    let holder = Table::create()
        .table("index_holder")
        .col(blob("token"))
        .col(blob("account"))
        .col(blob("balance"))
        .primary_key(Index::create().col("token").col("account"))
        .to_owned();
    vec![transfer, transfer_party, token, holder]
}
