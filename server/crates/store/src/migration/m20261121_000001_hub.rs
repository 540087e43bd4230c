//! The hub's tables, those of the chain's index and those of the exchange. Amounts of the hub take two columns (see `amount.rs`).

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, blob, blob_null, boolean, string, string_null, string_uniq,
};

use super::{exchange_tables, index_tables};

pub(super) struct Migration;

const TABLES: [&str; 30] = [
    "job",
    "task",
    "lease",
    "artifact",
    "job_receipt",
    "review",
    "audit",
    "log_head",
    "log_entry",
    "log_node",
    "outbox",
    "payment",
    "signer_nonce",
    "miner",
    "miner_hardware",
    "api_key",
    "session",
    "second_factor",
    "recovery_code",
    "idempotency_key",
    "daily_use",
    "daily_reservation",
    "rate_limit",
    "unserved_model",
    "bid",
    "webhook",
    "webhook_delivery",
    "paused_miner",
    "operator_change",
    "verified_contract",
];

/// Name, table, columns.
const INDEXES: [(&str, &str, &[&str]); 47] = [
    ("task_by_state", "task", &["state"]),
    ("task_by_miner", "task", &["miner"]),
    ("job_by_client", "job", &["client", "seq"]),
    ("job_by_state", "job", &["state", "seq"]),
    ("job_by_creation", "job", &["created_at_unix_ms"]),
    ("job_by_model", "job", &["kind", "model", "state", "created_at_unix_ms", "finished_at_unix_ms"]),
    ("job_by_network", "job", &["network"]),
    ("job_by_site", "job", &["site"]),
    ("lease_by_end", "lease", &["ended_at_unix_ms", "deadline_unix_ms"]),
    ("lease_by_job", "lease", &["job_id"]),
    ("artifact_by_age", "artifact", &["removed_at_unix_ms", "stored_at_unix_ms"]),
    ("artifact_by_hash", "artifact", &["sha256"]),
    ("receipt_by_provider", "job_receipt", &["provider", "seq"]),
    ("receipt_by_client", "job_receipt", &["client", "seq"]),
    ("receipt_by_block", "job_receipt", &["block_number", "seq"]),
    ("receipt_by_transaction", "job_receipt", &["transaction_hash", "seq"]),
    ("receipt_by_settlement", "job_receipt", &["settlement", "seq"]),
    ("review_by_miner", "review", &["miner", "seq"]),
    ("miner_by_age", "miner", &["last_seen_at_unix_ms", "address"]),
    ("receipt_by_hold", "job_receipt", &["settlement", "hold", "due_unix"]),
    ("receipt_by_void", "job_receipt", &["void_reason", "hold"]),
    ("payment_by_state", "payment", &["state", "seq"]),
    ("payment_by_client", "payment", &["client", "state"]),
    ("log_by_subject", "log_entry", &["subject", "kind"]),
    ("outbox_by_state", "outbox", &["state", "id"]),
    ("outbox_by_signer", "outbox", &["signer", "state", "nonce"]),
    ("outbox_by_kind", "outbox", &["kind", "id"]),
    ("api_key_by_address", "api_key", &["address"]),
    ("session_by_address", "session", &["address", "created_at_unix_ms"]),
    ("session_by_age", "session", &["expires_at_unix_ms"]),
    ("second_factor_by_age", "second_factor", &["confirmed_at_unix_ms", "begun_at_unix_ms"]),
    ("second_factor_by_network", "second_factor", &["network", "begun_at_unix_ms"]),
    ("idempotency_by_age", "idempotency_key", &["created_at_unix_ms"]),
    ("webhook_by_address", "webhook", &["address", "created_at_unix_ms"]),
    ("webhook_by_attempt", "webhook", &["next_attempt_at_unix_ms"]),
    ("webhook_by_key", "webhook", &["api_key_id"]),
    ("webhook_by_network", "webhook", &["network"]),
    ("webhook_by_site", "webhook", &["site"]),
    ("delivery_by_webhook", "webhook_delivery", &["webhook_id", "created_at_unix_ms"]),
    ("delivery_by_attempt", "webhook_delivery", &["webhook_id", "state", "next_attempt_at_unix_ms"]),
    ("delivery_by_age", "webhook_delivery", &["created_at_unix_ms"]),
    ("audit_by_state", "audit", &["state"]),
    ("bid_by_client", "bid", &["client", "created_at_unix_ms"]),
    ("bid_by_state", "bid", &["state", "expires_at_unix_ms"]),
    ("bid_by_end", "bid", &["ended_at_unix_ms"]),
    ("bid_by_network", "bid", &["network", "state"]),
    ("change_by_hub", "operator_change", &["hub_id", "seq"]),
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
        let tables = [
            job_tables(),
            vec![bid_table()],
            receipt_tables(),
            vec![review_table()],
            log_tables(),
            account_tables(),
            webhook_tables(),
            sign_in_tables(),
            operator_tables(),
            vec![contract_table()],
            index_tables::tables(),
            exchange_tables::tables(),
        ];
        for table in tables.into_iter().flatten() {
            manager.create_table(table).await?;
        }
        for (name, table, columns) in INDEXES.into_iter().chain(index_tables::INDEXES).chain(exchange_tables::INDEXES) {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.into_iter().chain(index_tables::TABLES).chain(exchange_tables::TABLES).rev() {
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
        .col(string_null("creator_sha256"))
        .col(string("kind"))
        .col(string("model"))
        .col(string("state"))
        .col(string("job"))
        .col(big_integer("created_at_unix_ms"))
        .col(big_integer("deadline_unix_ms"))
        .col(big_integer_null("started_at_unix_ms"))
        .col(big_integer_null("finished_at_unix_ms"))
        .col(string_null("unaudited"))
        .col(string_null("network"))
        .col(string_null("site"))
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
        .col(big_integer_null("received_at_unix_ms"))
        .col(big_integer_null("ended_at_unix_ms"))
        .col(string_null("fault"))
        .to_owned();
    let artifact = Table::create()
        .table("artifact")
        .col(string("job_id"))
        .col(string("role"))
        .col(big_integer("position"))
        .col(string("sha256"))
        .col(string("media_type"))
        .col(big_integer("bytes"))
        .col(boolean("flagged"))
        .col(string("hub_id"))
        .col(boolean("sponsored"))
        .col(big_integer("stored_at_unix_ms"))
        .col(big_integer_null("removed_at_unix_ms"))
        .primary_key(Index::create().col("job_id").col("role").col("position"))
        .to_owned();
    vec![job, task, lease, artifact]
}

/// Standing requests for jobs. What a bid asks for, and where it came from, goes with its end.
fn bid_table() -> TableCreateStatement {
    Table::create()
        .table("bid")
        .col(string("id").primary_key())
        .col(string("hub_id"))
        .col(string_uniq("job_id"))
        .col(string("client"))
        .col(string_null("api_key_id"))
        .col(string_null("network"))
        .col(string("kind"))
        .col(string("model"))
        .col(big_integer("units"))
        .col(string("max_unit_price"))
        .col(string("payment_mode"))
        .col(boolean("has_filters"))
        .col(string_null("asked"))
        .col(string("state"))
        .col(string_null("refusal"))
        .col(big_integer("not_before_unix_ms"))
        .col(big_integer("created_at_unix_ms"))
        .col(big_integer("expires_at_unix_ms"))
        .col(big_integer_null("ended_at_unix_ms"))
        .to_owned()
}

/// Sources of contracts that were compiled and compared.
fn contract_table() -> TableCreateStatement {
    Table::create()
        .table("verified_contract")
        .col(blob("address").primary_key())
        .col(blob("code_hash"))
        .col(string("name"))
        .col(string("source_file"))
        .col(string("compiler"))
        .col(string("match_kind"))
        .col(string("input"))
        .col(string("abi"))
        .col(blob_null("constructor_arguments"))
        .col(big_integer("bytes"))
        .col(big_integer("verified_at_unix_ms"))
        .to_owned()
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
        .col(string("contract"))
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
        .col(string_null("hold"))
        .col(big_integer_null("due_unix"))
        .col(string_null("void_reason"))
        .index(Index::create().name("receipt_by_task").unique().col("job_id").col("role"))
        .to_owned();
    let audit = Table::create()
        .table("audit")
        .col(string("job_id"))
        .col(string("role"))
        .col(string("hub_id"))
        .col(string("receipt_hash"))
        .col(string("provider"))
        .col(string("manifest_sha256"))
        .col(string("engine"))
        .col(string("unit_price"))
        .col(string("mint_max"))
        .col(string("bits"))
        .col(string("state"))
        .col(big_integer("opened_at_unix_ms"))
        .col(big_integer("deadline_unix_ms"))
        .col(string_null("audited_by"))
        .col(string("opinions"))
        .col(string_null("refuted"))
        .col(big_integer_null("ended_at_unix_ms"))
        .primary_key(Index::create().col("job_id").col("role"))
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
        .col(string_null("last_error"))
        .col(big_integer("signed_at_unix_ms"))
        .col(big_integer_null("block_number"))
        .to_owned();
    let nonce = Table::create()
        .table("signer_nonce")
        .col(string("signer").primary_key())
        .col(big_integer("next_nonce"))
        .to_owned();
    let payment = Table::create()
        .table("payment")
        .col(big_pk_auto("seq"))
        .col(string_uniq("job_id"))
        .col(string("hub_id"))
        .col(string("client"))
        .col(string("signed_order"))
        .col(string("state"))
        .col(string_null("refusal"))
        .col(big_integer("attempts"))
        .col(big_integer("not_before_unix_ms"))
        .col(big_integer("changed_at_unix_ms"))
        .col(string_null("transaction_hash"))
        .col(string_null("reserved_in"))
        .col(string_null("ended_in"))
        .col(string_null("paid"))
        .col(string_null("fee"))
        .col(string_null("refunded"))
        .to_owned();
    vec![receipt, audit, outbox, nonce, payment]
}

/// The transparency log of each hub.
fn review_table() -> TableCreateStatement {
    Table::create()
        .table("review")
        .col(big_pk_auto("seq"))
        .col(string("hub_id"))
        .col(string_uniq("receipt_hash"))
        .col(string("job_id"))
        .col(string("miner"))
        .col(string("author"))
        .col(big_integer("stars"))
        .col(big_integer("paid_ait"))
        .col(big_integer("paid_atto"))
        .col(string_null("text"))
        .col(string_null("salt"))
        .col(big_integer("created_at_unix_ms"))
        .col(big_integer_null("edited_at_unix_ms"))
        .col(big_integer("versions"))
        .col(string_null("hidden_reason"))
        .to_owned()
}

fn log_tables() -> Vec<TableCreateStatement> {
    let head = Table::create()
        .table("log_head")
        .col(string("hub_id").primary_key())
        .col(big_integer("size"))
        .col(blob("peaks"))
        .to_owned();
    let entry = Table::create()
        .table("log_entry")
        .col(string("hub_id"))
        .col(big_integer("log_index"))
        .col(string("kind"))
        .col(string("subject"))
        .col(string("entry"))
        .primary_key(Index::create().col("hub_id").col("log_index"))
        .to_owned();
    let node = Table::create()
        .table("log_node")
        .col(string("hub_id"))
        .col(big_integer("level"))
        .col(big_integer("position"))
        .col(blob("hash"))
        .primary_key(Index::create().col("hub_id").col("level").col("position"))
        .to_owned();
    vec![head, entry, node]
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
        .col(big_integer("audits_confirmed"))
        .col(big_integer("audits_refuted"))
        .col(big_integer("earned_ait"))
        .col(big_integer("earned_atto"))
        .col(big_integer("pending_ait"))
        .col(big_integer("pending_atto"))
        .col(big_integer("held_ait"))
        .col(big_integer("held_atto"))
        .col(big_integer("reviews_paid"))
        .col(big_integer("reviews_unpaid"))
        .col(blob("review_weight"))
        .col(blob("review_weighted_stars"))
        .to_owned();
    let hardware =
        Table::create().table("miner_hardware").col(string("address").primary_key()).col(string("report")).to_owned();
    let api_key = Table::create()
        .table("api_key")
        .col(string("id").primary_key())
        .col(string_uniq("secret_sha256"))
        .col(string("label"))
        .col(string("scope"))
        .col(string("address"))
        .col(big_integer_null("images_per_minute"))
        .col(big_integer_null("mint_micro_ait_per_day"))
        .col(big_integer("created_at_unix_ms"))
        .col(big_integer_null("revoked_at_unix_ms"))
        .col(boolean("by_wallet"))
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
    let daily = Table::create()
        .table("daily_use")
        .col(big_integer("day"))
        .col(string("account"))
        .col(big_integer("jobs"))
        .col(big_integer("micro_ait"))
        .primary_key(Index::create().col("day").col("account"))
        .to_owned();
    let reservation = Table::create()
        .table("daily_reservation")
        .col(string("job_id"))
        .col(string("account"))
        .col(big_integer("day"))
        .col(big_integer("micro_ait"))
        .primary_key(Index::create().col("job_id").col("account"))
        .to_owned();
    let rate_limit = Table::create()
        .table("rate_limit")
        .col(string("caller").primary_key())
        .col(big_integer("full_at_unix_us"))
        .to_owned();
    let unserved = Table::create()
        .table("unserved_model")
        .col(big_integer("day"))
        .col(string("kind"))
        .col(string("model"))
        .col(big_integer("asked"))
        .primary_key(Index::create().col("day").col("kind").col("model"))
        .to_owned();
    vec![miner, hardware, api_key, idempotency, daily, reservation, rate_limit, unserved]
}

/// What a wallet that signs in has: sessions, and a second factor with its recovery codes.
fn sign_in_tables() -> Vec<TableCreateStatement> {
    let session = Table::create()
        .table("session")
        .col(string("id").primary_key())
        .col(string_uniq("secret_sha256"))
        .col(string_uniq("nonce"))
        .col(string("address"))
        .col(string("browser"))
        .col(string_null("given_code"))
        .col(big_integer("created_at_unix_ms"))
        .col(big_integer("expires_at_unix_ms"))
        .col(big_integer_null("ended_at_unix_ms"))
        .to_owned();
    let second_factor = Table::create()
        .table("second_factor")
        .col(string("address").primary_key())
        .col(string("sealed_secret"))
        .col(string_null("network"))
        .col(big_integer("begun_at_unix_ms"))
        .col(big_integer_null("confirmed_at_unix_ms"))
        .col(big_integer_null("last_used_step"))
        .col(big_integer("wrong_codes"))
        .col(big_integer("blocked_until_unix_ms"))
        .to_owned();
    let recovery_code = Table::create()
        .table("recovery_code")
        .col(string("address"))
        .col(string("code_sha256"))
        .primary_key(Index::create().col("address").col("code_sha256"))
        .to_owned();
    vec![session, second_factor, recovery_code]
}

/// What operators of each hub changed. Rows of `operator_change` are only ever added.
fn operator_tables() -> Vec<TableCreateStatement> {
    let paused = Table::create()
        .table("paused_miner")
        .col(string("hub_id"))
        .col(string("address"))
        .col(string("reason"))
        .col(big_integer("since_unix_ms"))
        .primary_key(Index::create().col("hub_id").col("address"))
        .to_owned();
    let change = Table::create()
        .table("operator_change")
        .col(big_pk_auto("seq"))
        .col(string_uniq("id"))
        .col(string("hub_id"))
        .col(big_integer("at_unix_ms"))
        .col(string("operator"))
        .col(string("action"))
        .col(string("subject"))
        .col(string("reason"))
        .col(string("state_before"))
        .col(string("state_after"))
        .to_owned();
    vec![paused, change]
}

fn webhook_tables() -> Vec<TableCreateStatement> {
    let webhook = Table::create()
        .table("webhook")
        .col(string("id").primary_key())
        .col(string("address"))
        .col(string("url"))
        .col(string("secret"))
        .col(big_integer("created_at_unix_ms"))
        .col(big_integer_null("stopped_at_unix_ms"))
        .col(string_null("api_key_id"))
        .col(big_integer_null("next_attempt_at_unix_ms"))
        .col(big_integer_null("turn_until_unix_ms"))
        .col(big_integer("failures"))
        .col(big_integer_null("failing_since_unix_ms"))
        .col(string_null("network"))
        .col(string_null("site"))
        .to_owned();
    let delivery = Table::create()
        .table("webhook_delivery")
        .col(string("webhook_id"))
        .col(string("job_id"))
        .col(string("body"))
        .col(string("state"))
        .col(big_integer("created_at_unix_ms"))
        .col(big_integer("attempts"))
        .col(big_integer_null("next_attempt_at_unix_ms"))
        .col(big_integer_null("status"))
        .col(string_null("problem"))
        .primary_key(Index::create().col("webhook_id").col("job_id"))
        .to_owned();
    vec![webhook, delivery]
}
