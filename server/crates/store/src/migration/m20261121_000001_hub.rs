//! The hub's tables. Amounts take two columns (see `amount.rs`).

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, string, string_null, string_uniq,
};

pub(super) struct Migration;

const TABLES: [&str; 12] = [
    "job",
    "task",
    "lease",
    "artifact",
    "job_receipt",
    "outbox",
    "signer_nonce",
    "miner",
    "api_key",
    "idempotency_key",
    "sponsored_usage",
    "rate_limit",
];

/// Name, table, columns.
const INDEXES: [(&str, &str, &[&str]); 12] = [
    ("task_by_state", "task", &["state"]),
    ("job_by_client", "job", &["client", "seq"]),
    ("job_by_state", "job", &["state", "seq"]),
    ("job_by_creation", "job", &["created_at_unix_ms"]),
    ("lease_by_job", "lease", &["job_id"]),
    ("receipt_by_provider", "job_receipt", &["provider", "seq"]),
    ("receipt_by_client", "job_receipt", &["client", "seq"]),
    ("receipt_by_block", "job_receipt", &["block_number", "seq"]),
    ("receipt_by_transaction", "job_receipt", &["transaction_hash", "seq"]),
    ("receipt_by_settlement", "job_receipt", &["settlement", "seq"]),
    ("outbox_by_signer", "outbox", &["signer", "state", "nonce"]),
    ("idempotency_by_age", "idempotency_key", &["created_at_unix_ms"]),
];

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000001_hub"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// All tables or none: a crash, or a second hub that starts, finds no half of them.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [job_tables(), receipt_tables(), account_tables()].into_iter().flatten() {
            manager.create_table(table).await?;
        }
        for (name, table, columns) in INDEXES {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.into_iter().rev() {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn job_tables() -> Vec<TableCreateStatement> {
    let job = Table::create()
        .table("job")
        .col(big_pk_auto("seq"))
        .col(string_uniq("id"))
        .col(string("hub_id"))
        .col(big_integer("revision"))
        .col(string("client"))
        .col(boolean("sponsored"))
        .col(string("kind"))
        .col(string("state"))
        .col(string("job"))
        .col(big_integer("created_at_unix_ms"))
        .col(big_integer("deadline_unix_ms"))
        .col(big_integer_null("started_at_unix_ms"))
        .col(big_integer_null("finished_at_unix_ms"))
        .to_owned();
    let task = Table::create()
        .table("task")
        .col(string("job_id"))
        .col(string("role"))
        .col(string("state"))
        .col(string("life"))
        .col(string_null("miner"))
        .col(string_null("metering"))
        .primary_key(Index::create().col("job_id").col("role"))
        .to_owned();
    let lease = Table::create()
        .table("lease")
        .col(string("id").primary_key())
        .col(string("hub_id"))
        .col(string("job_id"))
        .col(string("role"))
        .col(string("miner"))
        .col(string("terms"))
        .col(big_integer("granted_at_unix_ms"))
        .col(big_integer("deadline_unix_ms"))
        .col(big_integer_null("ended_at_unix_ms"))
        .col(string_null("fault"))
        .to_owned();
    let artifact = Table::create()
        .table("artifact")
        .col(string("job_id"))
        .col(big_integer("position"))
        .col(string("sha256"))
        .col(string("media_type"))
        .col(big_integer("bytes"))
        .col(boolean("flagged"))
        .primary_key(Index::create().col("job_id").col("position"))
        .to_owned();
    vec![job, task, lease, artifact]
}

fn receipt_tables() -> Vec<TableCreateStatement> {
    let receipt = Table::create()
        .table("job_receipt")
        .col(big_pk_auto("seq"))
        .col(string("hub_id"))
        .col(string_uniq("receipt_hash"))
        .col(string("job_id"))
        .col(string("role"))
        .col(string("provider"))
        .col(string("client"))
        .col(string("receipt"))
        .col(string("miner_signature"))
        .col(string("attestations"))
        .col(big_integer("amount_ait"))
        .col(big_integer("amount_atto"))
        .col(big_integer("attested_at_unix_ms"))
        .col(string("settlement"))
        .col(string_null("refusal"))
        .col(big_integer("attempts"))
        .col(big_integer("not_before_unix_ms"))
        .col(string_null("transaction_hash"))
        .col(big_integer_null("block_number"))
        .index(Index::create().name("receipt_by_task").unique().col("job_id").col("role"))
        .to_owned();
    let outbox = Table::create()
        .table("outbox")
        .col(big_pk_auto("id"))
        .col(string("hub_id"))
        .col(string("kind"))
        .col(string("payload"))
        .col(string("signer"))
        .col(big_integer("nonce"))
        .col(string_uniq("transaction_hash"))
        .col(string("raw_transaction"))
        .col(string("state"))
        .col(big_integer("attempts"))
        .col(big_integer("signed_at_unix_ms"))
        .col(big_integer_null("block_number"))
        .to_owned();
    let nonce = Table::create()
        .table("signer_nonce")
        .col(string("signer").primary_key())
        .col(big_integer("next_nonce"))
        .to_owned();
    vec![receipt, outbox, nonce]
}

fn account_tables() -> Vec<TableCreateStatement> {
    let miner = Table::create()
        .table("miner")
        .col(string("address").primary_key())
        .col(string("capability"))
        .col(big_integer("first_seen_at_unix_ms"))
        .col(big_integer("last_seen_at_unix_ms"))
        .col(big_integer("jobs_completed"))
        .col(big_integer("faults"))
        .col(big_integer("earned_ait"))
        .col(big_integer("earned_atto"))
        .col(big_integer("pending_ait"))
        .col(big_integer("pending_atto"))
        .to_owned();
    let api_key = Table::create()
        .table("api_key")
        .col(string("id").primary_key())
        .col(string_uniq("secret_sha256"))
        .col(string("label"))
        .col(string("scope"))
        .col(string("address"))
        .col(big_integer_null("images_per_minute"))
        .col(big_integer("created_at_unix_ms"))
        .col(big_integer_null("revoked_at_unix_ms"))
        .to_owned();
    let idempotency = Table::create()
        .table("idempotency_key")
        .col(string("caller"))
        .col(string("key"))
        .col(string("body_sha256"))
        .col(string("job_id"))
        .col(string("answer"))
        .col(big_integer("created_at_unix_ms"))
        .primary_key(Index::create().col("caller").col("key"))
        .to_owned();
    let sponsored = Table::create()
        .table("sponsored_usage")
        .col(big_integer("day"))
        .col(string("address"))
        .col(big_integer("jobs"))
        .primary_key(Index::create().col("day").col("address"))
        .to_owned();
    let rate_limit = Table::create()
        .table("rate_limit")
        .col(string("caller").primary_key())
        .col(big_integer("full_at_unix_us"))
        .to_owned();
    vec![miner, api_key, idempotency, sponsored, rate_limit]
}
